/* What the tests of db/host*.c share: a store in a folder of its own, and orders for it. */
#ifndef LAYR_T_DB_HOST_H
#define LAYR_T_DB_HOST_H

#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "layr/hostdb.h"

#include "tap.h"

#define HOST_SIZE 4112u
#define HOST_NOW 1800000000

typedef struct host {
    char dir[64];
    layr_hostdb_config_t c;
    layr_hostdb_t *db;
    layr_host_totals_t told; /* by the callback */
    bool first;
} host_t;

static void host_need(int good, const char *what)
{
    if (!good) {
        printf("Bail out! %s\n", what);
        exit(255);
    }
}

static bool host_first(void *ctx)
{
    return ((host_t *)ctx)->first;
}

/* Commits of several threads come one after the other: the leader calls. */
static void host_told(void *ctx, const layr_host_totals_t *t)
{
    ((host_t *)ctx)->told = *t;
}

__attribute__((unused)) static int host_open(host_t *h)
{
    layr_diag_t d = {0};
    int rc = layr_hostdb_open(&h->db, &h->c, &d);

    if (rc != 0)
        printf("# %s\n", d.text);
    return rc;
}

/* A store that nobody has opened yet. */
static void host_new_closed(host_t *h)
{
    layr_diag_t d = {0};

    memset(h, 0, sizeof *h);
    strcpy(h->dir, "/tmp/layr-host-XXXXXX");
    host_need(layr_init() == 0 && mkdtemp(h->dir) != NULL, "a folder");
    memset(h->c.host, 0xab, 32);
    h->c.path = h->dir;
    h->c.capacity = 1000 * HOST_SIZE;
    h->c.record_share = 100000;
    h->c.first = host_first;
    h->c.totals = host_told;
    h->c.ctx = h;
    h->first = true;
    host_need(layr_host_store_create(h->dir, h->c.host, (uid_t)-1, (gid_t)-1, &d) == 0, d.text);
}

__attribute__((unused)) static void host_new(host_t *h)
{
    host_new_closed(h);
    host_need(host_open(h) == 0, "the store opens");
}

__attribute__((unused)) static void host_end(host_t *h)
{
    char cmd[96];

    layr_hostdb_close(h->db);
    snprintf(cmd, sizeof cmd, "rm -rf '%s'", h->dir);
    host_need(system(cmd) == 0, "the folder goes");
}

/* Close and open, as after a restart of the whole host. */
__attribute__((unused)) static void host_restart(host_t *h)
{
    layr_hostdb_close(h->db);
    h->db = NULL;
    h->first = true;
    host_need(host_open(h) == 0, "the store opens again");
}

/* A shard's bytes are its number over and over: n is enough to know its id. */
__attribute__((unused)) static void host_blob(uint8_t out[HOST_SIZE], uint8_t id[32], unsigned n)
{
    for (unsigned i = 0; i < HOST_SIZE; i += 4)
        layr_store32(out + i, n);
    host_need(layr_sha256_1(id, out, HOST_SIZE) == 0, "a hash");
}

__attribute__((unused)) static layr_order_t host_order(unsigned shard, unsigned order, unsigned owner)
{
    uint8_t blob[HOST_SIZE];
    layr_order_t o = {.size = HOST_SIZE, .rail = "none", .iat = HOST_NOW, .exp = HOST_NOW + 1000};

    host_blob(blob, o.shard, shard);
    memset(o.owner, (int)owner, 32);
    memset(o.group, (int)owner + 1, 16);
    memset(o.audit, (int)owner + 2, 32);
    memset(o.host, 0xab, 32);
    layr_store32(o.order, order);
    return o;
}

/* The body as nginx leaves it in tmp/; the name goes into out. */
__attribute__((unused)) static int host_body(const host_t *h, unsigned shard, unsigned number, char out[128])
{
    uint8_t blob[HOST_SIZE], id[32];
    int fd;

    host_blob(blob, id, shard);
    snprintf(out, 128, "%s/tmp/%010u", h->dir, number);
    fd = open(out, O_RDWR | O_CREAT | O_EXCL, 0600);
    host_need(fd >= 0 && write(fd, blob, sizeof blob) == sizeof blob, "a body");
    return fd;
}

__attribute__((unused)) static int host_put(host_t *h, const layr_order_t *o, unsigned shard)
{
    static _Atomic unsigned number;
    char temp[128];
    layr_time_t exp = 0;
    int fd = host_body(h, shard, ++number, temp), rc = layr_hostdb_store(h->db, o, fd, temp, &exp, NULL);

    close(fd);
    unlink(temp);
    return rc;
}

__attribute__((unused)) static bool host_has(const host_t *h, unsigned shard)
{
    uint8_t blob[HOST_SIZE], got[HOST_SIZE + 1], id[32];
    char path[256];
    ssize_t n = -1;
    int fd;

    host_blob(blob, id, shard);
    host_need(layr_host_blob_path(path, sizeof path, h->dir, id) == 0, "a path");
    fd = open(path, O_RDONLY);
    if (fd < 0)
        return false;
    n = read(fd, got, sizeof got);
    close(fd);
    return n == HOST_SIZE && memcmp(got, blob, HOST_SIZE) == 0;
}

__attribute__((unused)) static long long host_count(const host_t *h, const char *what)
{
    char path[128], sql[256];
    sqlite3 *db = NULL;
    sqlite3_stmt *s = NULL;
    long long n = -1;

    snprintf(path, sizeof path, "%s/layr.db", h->dir);
    snprintf(sql, sizeof sql, "SELECT count(*) FROM %s", what);
    if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK &&
        sqlite3_prepare_v2(db, sql, -1, &s, NULL) == SQLITE_OK && sqlite3_step(s) == SQLITE_ROW)
        n = sqlite3_column_int64(s, 0);
    sqlite3_finalize(s);
    sqlite3_close(db);
    return n;
}

__attribute__((unused)) static int host_change(host_t *h, layr_action_t action, unsigned owner,
                                               layr_time_t until, const unsigned *orders, unsigned count,
                                               layr_orders_answer_t *a)
{
    layr_orders_t s = {.action = action, .until = until, .count = count};

    memset(s.owner, (int)owner, 32);
    memset(s.group, (int)owner + 1, 16);
    for (unsigned i = 0; i < count; i++)
        layr_store32(s.order[i], orders[i]);
    return layr_hostdb_orders(h->db, &s, a, NULL);
}

#endif
