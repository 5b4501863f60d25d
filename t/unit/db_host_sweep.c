/*
 * db/host_sweep.c: what a crash leaves.  The state after each step of a PUT and of a removal is made by hand,
 * as a process that died there would have left it; then the host starts anew.
 */
#include <sys/wait.h>

#include "db_host.h"

static void sql(const host_t *h, const char *text)
{
    char path[128];
    sqlite3 *db = NULL;

    snprintf(path, sizeof path, "%s/layr.db", h->dir);
    host_need(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK, "the database");
    host_need(sqlite3_exec(db, text, NULL, NULL, NULL) == SQLITE_OK, sqlite3_errmsg(db));
    sqlite3_close(db);
}

static void intend(const host_t *h, unsigned shard, int pid)
{
    layr_order_t o = host_order(shard, 1, 1);
    char hex[65], text[256];

    layr_hex(hex, o.shard, 32);
    snprintf(text, sizeof text, "INSERT INTO intent (shard, pid) VALUES (x'%s', %d)", hex, pid);
    sql(h, text);
}

/* The body is renamed into place. */
static void place(const host_t *h, unsigned shard)
{
    layr_order_t o = host_order(shard, 1, 1);
    char temp[128], path[256], dir[256];
    int fd = host_body(h, shard, 900000 + shard, temp);

    close(fd);
    host_need(layr_host_blob_path(path, sizeof path, h->dir, o.shard) == 0, "a path");
    snprintf(dir, sizeof dir, "mkdir -p '%.*s'", (int)(strlen(path) - 65), path);
    host_need(system(dir) == 0 && rename(temp, path) == 0, "a blob in place");
}

static void test_put(host_t *h)
{
    layr_order_t o = host_order(4, 4, 1);
    char temp[128];

    close(host_body(h, 1, 1, temp));
    host_restart(h);
    ok(access(temp, F_OK) != 0, "cut off while the body came: tmp is empty again");

    close(host_body(h, 2, 2, temp));
    intend(h, 2, 1);
    host_restart(h);
    ok(access(temp, F_OK) != 0 && host_count(h, "intent") == 0, "after the intent: both are gone");

    place(h, 3);
    intend(h, 3, 1);
    host_restart(h);
    ok(!host_has(h, 3), "after the rename: the blob without an order is gone");
    is_int(host_count(h, "intent") + host_count(h, "loose"), 0, "and so is every trace");

    is_int(host_put(h, &o, 4), 0, "another PUT of a shard that is stored");
    intend(h, 4, 1);
    host_restart(h);
    ok(host_has(h, 4), "was cut off: the order that was acknowledged keeps the blob");
    is_int(host_count(h, "intent"), 0, "the intent is gone");
    is_int((long long)h->told.bytes, HOST_SIZE, "and the sums were never wrong");
}

static void test_removal(host_t *h)
{
    layr_order_t o = host_order(4, 4, 1);
    layr_orders_answer_t a;
    static const unsigned four[] = {4};
    char hex[65], text[256], path[256];

    layr_hex(hex, o.shard, 32);
    snprintf(text, sizeof text, "INSERT INTO loose (shard) VALUES (x'%s')", hex);
    sql(h, text);
    host_restart(h);
    ok(host_has(h, 4), "a shard that was noted for the sweep and has an order stays");
    is_int(host_count(h, "loose"), 0, "and is noted no more");

    intend(h, 4, getpid());
    is_int(host_change(h, LAYR_RELEASE, 1, 0, four, 1, &a), 0,
           "its order goes while a PUT of it is under way");
    ok(host_has(h, 4), "the intent keeps the blob");
    sql(h, "UPDATE intent SET pid = 1");
    h->first = true;
    host_restart(h);
    ok(!host_has(h, 4), "until it is resolved");
    is_int((long long)h->told.bytes, 0, "then its room is free");

    o = host_order(5, 5, 1);
    is_int(host_put(h, &o, 5), 0, "a removal that died between the unlinking and its commit");
    host_need(layr_host_blob_path(path, sizeof path, h->dir, o.shard) == 0 && unlink(path) == 0, "unlinked");
    sql(h, "DELETE FROM orders; DELETE FROM owner; UPDATE totals SET orders = 0; INSERT INTO loose (shard) "
           "SELECT id FROM shard");
    host_restart(h);
    is_int(host_count(h, "shard") + host_count(h, "loose"), 0, "is done again");
    is_int((long long)h->told.bytes, 0, "and counted once");
}

/* A worker that crashed alone: the others run on, and their intents are theirs. */
static void test_worker(host_t *h)
{
    pid_t dead;

    fflush(stdout); /* ThreadSanitizer's _exit() writes what is left in it */
    dead = fork();
    if (dead == 0)
        _exit(0);
    host_need(dead > 0 && waitpid(dead, NULL, 0) == dead, "a process that is gone");
    place(h, 6);
    intend(h, 6, dead);
    place(h, 7);
    intend(h, 7, getppid());
    place(h, 8);
    intend(h, 8, getpid());
    is_int(layr_hostdb_tidy(h->db, HOST_NOW, NULL), 0, "tidying up");
    is_int(host_count(h, "intent"), 1,
           "resolves the intents of the dead process, and of a PUT that is over in this one");
    layr_hostdb_close(h->db);
    h->first = false;
    host_need(host_open(h) == 0, "a handle that is not the first");
    ok(!host_has(h, 6) && !host_has(h, 8) && host_has(h, 7), "and leaves alone what a live one is about");
    sql(h, "DELETE FROM intent");
}

/* The commit of an order looks for its own intent: a resolver that was wrong about us must not cost a blob.
 */
static void test_stolen(host_t *h)
{
    layr_order_t o = host_order(8, 8, 1);

    sql(h, "CREATE TRIGGER steal AFTER INSERT ON intent BEGIN DELETE FROM intent; END");
    is_int(host_put(h, &o, 8), LAYR_ERR_UNAVAILABLE, "a PUT whose intent is gone is not acknowledged");
    sql(h, "DROP TRIGGER steal");
    ok(!host_has(h, 8) && host_count(h, "orders") == 0, "and leaves nothing");
    is_int(host_put(h, &o, 8), 0, "the next try is");
}

int main(void)
{
    host_t h;

    host_new(&h);
    test_put(&h);
    test_removal(&h);
    test_worker(&h);
    test_stolen(&h);
    host_end(&h);
    return done();
}
