/* db/host_store.c, host.c: whose a store is; that none begins anew by itself; databases that are not ours. */
#include <errno.h>
#include <pthread.h>

#include "db_host.h"

static void file(const char *dir, const char *name, const char *text)
{
    char path[160];
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", dir, name);
    f = fopen(path, "w");
    host_need(f != NULL && fputs(text, f) >= 0 && fclose(f) == 0, "a file");
}

static void test_probe(void)
{
    char dir[] = "/tmp/layr-probe-XXXXXX", sub[48], cmd[160];
    uint8_t me[32] = {1}, you[32] = {2};
    layr_diag_t d = {0};
    struct stat st;

    host_need(mkdtemp(dir) != NULL, "a folder");
    snprintf(sub, sizeof sub, "%s/store", dir);
    is_int(layr_host_store_probe(sub, me), LAYR_ERR_NOTFOUND, "no folder");
    host_need(mkdir(sub, 0755) == 0, "a folder");
    is_int(layr_host_store_probe(sub, me), LAYR_ERR_NOTFOUND, "an empty folder");
    snprintf(cmd, sizeof cmd, "mkdir '%s/lost+found' '%s/shards'", sub, sub);
    host_need(system(cmd) == 0, "folders");
    file(sub, "layr.db", "");
    is_int(layr_host_store_probe(sub, me), LAYR_ERR_NOTFOUND, "a creation that was cut off");
    file(sub, "layr.db", "x");
    is_int(layr_host_store_probe(sub, me), LAYR_ERR_UNAVAILABLE, "a store that lost its sentinel");
    file(sub, "layr.db", "");
    is_int(layr_host_store_create(sub, me, (uid_t)-1, (gid_t)-1, &d), 0, "a store is made");
    is_int(layr_host_store_probe(sub, me), 0, "it is ours");
    is_int(layr_host_store_probe(sub, you), LAYR_ERR_CONFLICT, "and nobody else's");
    ok(stat(sub, &st) == 0 && (st.st_mode & 07777) == 0700, "closed to others");
    file(sub, "host.id", "0123\n");
    is_int(layr_host_store_probe(sub, me), LAYR_ERR_CONFLICT, "a sentinel that is none");
    snprintf(cmd, sizeof cmd, "rm -rf '%s'", dir);
    host_need(system(cmd) == 0, "the folder goes");
}

static void test_open(void)
{
    char cmd[320], away[80];
    sqlite3 *sql = NULL;
    layr_hostdb_t *db = NULL;
    layr_diag_t d = {0};
    host_t h;

    host_new(&h);
    is_int(layr_hostdb_check(h.db), 0, "the store is there");
    snprintf(away, sizeof away, "%s.away", h.dir);
    host_need(rename(h.dir, away) == 0, "unmounted");
    is_int(layr_hostdb_check(h.db), LAYR_ERR_UNAVAILABLE, "it is gone");
    is_int(layr_hostdb_open(&db, &h.c, &d), LAYR_ERR_UNAVAILABLE, "it can't be opened");
    ok(d.code == LAYR_ERR_UNAVAILABLE && strstr(d.text, "host.id") != NULL, "and why is said");
    ok(access(h.dir, F_OK) != 0 && errno == ENOENT, "nothing begins anew");
    snprintf(cmd, sizeof cmd, "cp -r '%s' '%s'", away, h.dir);
    host_need(system(cmd) == 0, "a copy in its place");
    is_int(layr_hostdb_check(h.db), LAYR_ERR_UNAVAILABLE,
           "another file system in its place is not the one open");
    layr_hostdb_close(h.db);
    h.db = NULL;
    is_int(host_open(&h), 0, "but may be opened");
    layr_hostdb_close(h.db);
    h.db = NULL;

    snprintf(cmd, sizeof cmd, "%s/layr.db", h.dir);
    host_need(sqlite3_open(cmd, &sql) == SQLITE_OK, "the database");
    host_need(sqlite3_exec(sql, "PRAGMA user_version = 5", NULL, NULL, NULL) == SQLITE_OK, "of a later time");
    sqlite3_close(sql);
    is_int(layr_hostdb_open(&db, &h.c, NULL), LAYR_ERR_VERSION, "a newer Layr's database is left alone");
    host_need(unlink(cmd) == 0, "no database");
    is_int(layr_hostdb_open(&db, &h.c, NULL), LAYR_ERR_UNAVAILABLE,
           "a store without its database does not start anew");
    host_end(&h);
    snprintf(cmd, sizeof cmd, "rm -rf '%s'", away);
    host_need(system(cmd) == 0, "the other goes");
}

/* As version 0.1.0's first stores were: without what hosts note to give records on, and without groups. */
static void test_old(void)
{
    static const char older[] =
        "DROP INDEX record_due; DROP INDEX record_far; ALTER TABLE record DROP COLUMN due;"
        "ALTER TABLE record DROP COLUMN net; ALTER TABLE record DROP COLUMN far;"
        "DROP TABLE network; DROP TABLE grp; DROP TABLE scrub; DROP INDEX orders_group; PRAGMA user_version "
        "= 1;"
        "INSERT INTO record VALUES (zeroblob(32), 1900000000, 'jws')";
    uint8_t place[32] = {1};
    char path[96];
    sqlite3 *sql = NULL;
    layr_order_t o;
    layr_buf_t jws;
    host_t h;

    host_new(&h);
    for (unsigned i = 0; i < 3; i++) {
        o = host_order(i, i, 1 + i / 2);
        host_need(host_put(&h, &o, i) == 0, "an order");
    }
    layr_hostdb_close(h.db);
    h.db = NULL;
    snprintf(path, sizeof path, "%s/layr.db", h.dir);
    host_need(sqlite3_open(path, &sql) == SQLITE_OK, "the database");
    host_need(sqlite3_exec(sql, older, NULL, NULL, NULL) == SQLITE_OK, "of an earlier time");
    sqlite3_close(sql);
    is_int(host_open(&h), 0, "a store of version 1 opens");
    is_int(layr_hostdb_record_due(h.db, HOST_NOW, place, &jws, NULL), 0, "its records are there, and due");
    ok(jws.len == 3 && place[0] == 0, "as they were");
    layr_buf_free(&jws);
    host_restart(&h);
    is_int(host_count(&h, "record WHERE hex(far) LIKE 'AB%'"), 1, "how far they are was worked out, once");
    is_int(host_count(&h, "grp WHERE bytes = 2 * 4112"), 1, "and what each group has ordered");
    is_int(host_count(&h, "grp WHERE bytes = 4112"), 1, "of its own");
    host_end(&h);
}

static void test_path(void)
{
    uint8_t id[32] = {0xab, 0xcd, 0x01};
    char path[96];

    is_int(layr_host_blob_path(path, sizeof path, "/s", id), 0, "a blob's path");
    ok(strcmp(path, "/s/shards/ab/cd/abcd010000000000000000000000000000000000000000000000000000000000") == 0,
       "is as documented");
    is_int(layr_host_blob_path(path, 80, "/s", id), LAYR_ERR_LIMIT, "and is not cut");
}

static void *open_it(void *arg)
{
    return (void *)(intptr_t)host_open(arg);
}

/* The first start of a host with several workers: another is in the middle of its switch of the new database to WAL. */
static void test_together(void)
{
    char path[96];
    host_t h;
    sqlite3 *other = NULL;
    pthread_t worker;
    void *rc = NULL;

    host_new_closed(&h);
    snprintf(path, sizeof path, "%s/layr.db", h.dir);
    host_need(sqlite3_open(path, &other) == SQLITE_OK && sqlite3_busy_timeout(other, 5000) == SQLITE_OK &&
                  sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL) == SQLITE_OK,
              "the other worker");
    host_need(pthread_create(&worker, NULL, open_it, &h) == 0, "a thread");
    usleep(300000);
    host_need(sqlite3_exec(other, "COMMIT", NULL, NULL, NULL) == SQLITE_OK, "the other is done");
    pthread_join(worker, &rc);
    is_int((intptr_t)rc, 0, "a new store that another worker is opening: is waited for");
    sqlite3_close(other);
    host_end(&h);
}

int main(void)
{
    host_need(layr_init() == 0, "crypto");
    test_probe();
    test_together();
    test_open();
    test_old();
    test_path();
    return done();
}
