/* The host's tables and every statement that touches them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "db/fault_vfs.h"
#include "db/host_internal.h"

#define SCHEMA_VERSION 4

/*
 * shard   blobs that are whole on disk
 * orders  why they are kept; one blob may have many
 * tomb    released orders, until their exp: a replay can't revive them
 * owner   sum of the sizes of an owner's orders
 * grp     sum of the sizes of a group's orders, by (audit key, group): what its owner may have audited goes by it
 * intent  a blob is about to be renamed into place by a process
 * loose   shards that lost an order or an intent: the sweep looks whether anything names them still
 * record  by place; due: when this host gives it on again; net: the network it came from, 0 none; far: place XOR own id
 * network sum of the bytes of a network's records
 * scrub   one row: the last shard that was looked at, when the pass began, when the last one ended
 * totals  one row: the sums, and a version that grows with every commit
 */
static const char schema[] =
    "CREATE TABLE shard (id BLOB PRIMARY KEY, size INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE orders (id BLOB PRIMARY KEY, shard BLOB NOT NULL, owner BLOB NOT NULL, grp BLOB NOT NULL,"
    " audit BLOB NOT NULL, size INTEGER NOT NULL, price INTEGER NOT NULL, rail TEXT NOT NULL, iat INTEGER "
    "NOT NULL,"
    " exp INTEGER NOT NULL, lock_salt BLOB, lock_hash BLOB) WITHOUT ROWID;"
    "CREATE INDEX orders_shard ON orders (shard);"
    "CREATE INDEX orders_exp ON orders (exp);"
    "CREATE TABLE tomb (id BLOB PRIMARY KEY, owner BLOB NOT NULL, grp BLOB NOT NULL, exp INTEGER NOT NULL)"
    " WITHOUT ROWID;"
    "CREATE INDEX tomb_exp ON tomb (exp);"
    "CREATE TABLE owner (id BLOB PRIMARY KEY, bytes INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE intent (id INTEGER PRIMARY KEY AUTOINCREMENT, shard BLOB NOT NULL, pid INTEGER NOT NULL);"
    "CREATE INDEX intent_shard ON intent (shard);"
    "CREATE TABLE loose (seq INTEGER PRIMARY KEY AUTOINCREMENT, shard BLOB NOT NULL);"
    "CREATE TABLE record (place BLOB NOT NULL UNIQUE, exp INTEGER NOT NULL, jws BLOB NOT NULL);"
    "CREATE INDEX record_exp ON record (exp);"
    "CREATE TABLE totals (id INTEGER PRIMARY KEY CHECK (id = 1), version INTEGER NOT NULL, bytes INTEGER NOT "
    "NULL,"
    " shards INTEGER NOT NULL, orders INTEGER NOT NULL, records INTEGER NOT NULL, record_bytes INTEGER NOT "
    "NULL);"
    "INSERT INTO totals VALUES (1, 1, 0, 0, 0, 0, 0);"
    "PRAGMA user_version = 1;";

/* What a store of version 1 lacks: records of the time before any host gave them on. */
static const char schema_2[] = "ALTER TABLE record ADD COLUMN due INTEGER NOT NULL DEFAULT 0;"
                               "ALTER TABLE record ADD COLUMN net INTEGER NOT NULL DEFAULT 0;"
                               "ALTER TABLE record ADD COLUMN far BLOB;"
                               "UPDATE record SET far = far(place);"
                               "CREATE INDEX record_due ON record (due);"
                               "CREATE INDEX record_far ON record (far);"
                               "CREATE TABLE network (id INTEGER PRIMARY KEY, bytes INTEGER NOT NULL);"
                               "PRAGMA user_version = 2;";

/* What one of version 2 lacks: groups, as challenges name them. */
static const char schema_3[] = "CREATE TABLE grp (audit BLOB NOT NULL, id BLOB NOT NULL, bytes INTEGER NOT "
                               "NULL, PRIMARY KEY (audit, id))"
                               " WITHOUT ROWID;"
                               "INSERT INTO grp SELECT audit, grp, sum(size) FROM orders GROUP BY audit, grp;"
                               "CREATE INDEX orders_group ON orders (grp, audit, shard);"
                               "PRAGMA user_version = 3;";

/* What one of version 3 lacks. */
static const char schema_4[] =
    "CREATE TABLE scrub (id INTEGER PRIMARY KEY CHECK (id = 1), last BLOB NOT NULL, began INTEGER NOT NULL,"
    " finished INTEGER NOT NULL);"
    "PRAGMA user_version = 4;";

static const char *const text[Q_COUNT] = {
    [Q_BEGIN] = "BEGIN IMMEDIATE",
    [Q_COMMIT] = "COMMIT",
    [Q_ROLLBACK] = "ROLLBACK",
    [Q_SAVE] = "SAVEPOINT op",
    [Q_SAVE_BACK] = "ROLLBACK TO op",
    [Q_SAVE_DONE] = "RELEASE op",
    [Q_TOTALS] = "SELECT version, bytes, shards, orders, records, record_bytes FROM totals",
    [Q_TOTALS_SET] = "UPDATE totals SET version = ?1, bytes = ?2, shards = ?3, orders = ?4, records = ?5,"
                     " record_bytes = ?6",
    [Q_ORDER] = "SELECT shard, owner, grp, audit, size, exp FROM orders WHERE id = ?1",
    [Q_ORDER_ADD] = "INSERT INTO orders VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
    [Q_ORDER_DROP] = "DELETE FROM orders WHERE id = ?1",
    [Q_ORDER_RENEW] = "UPDATE orders SET exp = ?2 WHERE id = ?1 AND exp < ?2",
    [Q_ORDERS_EXPIRED] = "SELECT id, owner, shard, size FROM orders WHERE exp <= ?1 ORDER BY exp LIMIT ?2",
    [Q_SHARD_ORDERED] = "SELECT 1 FROM orders WHERE shard = ?1 LIMIT 1",
    [Q_TOMB] = "SELECT owner, grp FROM tomb WHERE id = ?1",
    [Q_TOMBS_UNTIL] = "SELECT count(*) FROM (SELECT 1 FROM tomb WHERE exp <= ?1 LIMIT ?2)",
    [Q_TOMB_ADD] = "INSERT INTO tomb VALUES (?1, ?2, ?3, ?4)",
    [Q_TOMBS_EXPIRE] = "DELETE FROM tomb WHERE id IN (SELECT id FROM tomb WHERE exp <= ?1 LIMIT ?2)",
    [Q_OWNER] = "SELECT bytes FROM owner WHERE id = ?1",
    [Q_OWNER_ADD] = "INSERT INTO owner VALUES (?1, ?2) ON CONFLICT (id) DO UPDATE SET bytes = bytes + ?2",
    [Q_OWNER_DROP] = "DELETE FROM owner WHERE id = ?1 AND bytes = 0",
    [Q_GROUP] = "SELECT bytes FROM grp WHERE audit = ?1 AND id = ?2",
    [Q_GROUP_ADD] = "INSERT INTO grp SELECT audit, grp, size FROM orders WHERE id = ?1"
                    " ON CONFLICT (audit, id) DO UPDATE SET bytes = bytes + excluded.bytes",
    [Q_GROUP_TAKE] = "UPDATE grp SET bytes = bytes - (SELECT size FROM orders WHERE id = ?1)"
                     " WHERE (audit, id) = (SELECT audit, grp FROM orders WHERE id = ?1)",
    [Q_GROUP_DROP] =
        "DELETE FROM grp WHERE bytes <= 0 AND (audit, id) = (SELECT audit, grp FROM orders WHERE id = ?1)",
    [Q_GROUP_ANY] = "SELECT 1 FROM orders WHERE grp = ?1 LIMIT 1",
    [Q_GROUP_SHARD] = "SELECT size FROM orders WHERE grp = ?1 AND audit = ?2 AND shard = ?3 LIMIT 1",
    [Q_SHARD] = "SELECT size FROM shard WHERE id = ?1",
    [Q_SHARD_ADD] = "INSERT INTO shard VALUES (?1, ?2)",
    [Q_SHARD_DROP] = "DELETE FROM shard WHERE id = ?1",
    [Q_SHARD_NEXT] = "SELECT id, size FROM shard WHERE id > ?1 ORDER BY id LIMIT 1",
    [Q_SCRUB] = "SELECT last, began, finished FROM scrub",
    [Q_SCRUB_SET] = "INSERT INTO scrub VALUES (1, ?1, ?2, ?3)"
                    " ON CONFLICT (id) DO UPDATE SET last = ?1, began = ?2, finished = ?3",
    [Q_INTENT] = "SELECT 1 FROM intent WHERE id = ?1",
    [Q_INTENT_ADD] = "INSERT INTO intent (shard, pid) VALUES (?1, ?2)",
    [Q_INTENT_DROP] = "DELETE FROM intent WHERE id = ?1",
    [Q_INTENTS] = "SELECT id, shard, pid FROM intent",
    [Q_SHARD_INTENDED] = "SELECT 1 FROM intent WHERE shard = ?1 LIMIT 1",
    [Q_LOOSE] =
        "SELECT seq, shard FROM loose WHERE shard NOT IN (SELECT shard FROM intent) ORDER BY seq LIMIT ?1",
    [Q_LOOSE_ADD] = "INSERT INTO loose (shard) VALUES (?1)",
    [Q_LOOSE_DROP] = "DELETE FROM loose WHERE seq = ?1",
    [Q_RECORD] = "SELECT jws, exp, net, due FROM record WHERE place = ?1",
    [Q_RECORD_SET] =
        "INSERT INTO record (place, exp, jws, due, net, far) VALUES (?1, ?2, ?3, ?4, ?5, far(?1))"
        " ON CONFLICT (place) DO UPDATE SET exp = ?2, jws = ?3, due = ?4, net = ?5",
    [Q_RECORD_DROP] = "DELETE FROM record WHERE place = ?1",
    [Q_RECORD_GIVEN] = "UPDATE record SET due = ?2 WHERE place = ?1",
    [Q_RECORD_DUE] = "SELECT place, jws FROM record WHERE due <= ?1 AND exp > ?2 ORDER BY due LIMIT 1",
    [Q_RECORD_NEXT] = "SELECT place, jws FROM record WHERE place > ?1 AND exp > ?2 ORDER BY place LIMIT 1",
    [Q_RECORDS_EXPIRED] = "SELECT place, length(jws), net FROM record WHERE exp <= ?1 ORDER BY exp LIMIT 1",
    [Q_RECORD_FARTHEST] =
        "SELECT place, length(jws), net FROM record WHERE far > far(?1) ORDER BY far DESC LIMIT 1",
    [Q_NETWORK] = "SELECT bytes FROM network WHERE id = ?1",
    [Q_NETWORK_ADD] = "INSERT INTO network VALUES (?1, ?2) ON CONFLICT (id) DO UPDATE SET bytes = bytes + ?2",
    [Q_NETWORK_DROP] = "DELETE FROM network WHERE id = ?1 AND bytes <= 0",
};

sqlite3_stmt *layr_host_stmt(layr_host_conn_t *c, layr_host_query_t q)
{
    if (c->stmt[q] == NULL &&
        sqlite3_prepare_v3(c->sql, text[q], -1, SQLITE_PREPARE_PERSISTENT, &c->stmt[q], NULL) != SQLITE_OK)
        return NULL;
    sqlite3_reset(c->stmt[q]);
    sqlite3_clear_bindings(c->stmt[q]);
    return c->stmt[q];
}

int layr_host_step(sqlite3_stmt *s)
{
    int rc = s != NULL ? sqlite3_step(s) : SQLITE_ERROR;

    if (rc == SQLITE_ROW)
        return 1;
    if (s != NULL)
        sqlite3_reset(s); /* a statement in the middle would hold its snapshot */
    return rc == SQLITE_DONE ? 0 : LAYR_ERR_DB;
}

/* SQLite knows ENOSPC as FULL; a disk quota is an I/O error to it. */
int layr_host_error(const layr_host_conn_t *c)
{
    int number = sqlite3_system_errno(c->sql);

    switch (sqlite3_errcode(c->sql) & 0xff) {
    case SQLITE_FULL:
        return LAYR_ERR_NOSPACE;
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
        return number == ENOSPC || number == EDQUOT ? LAYR_ERR_NOSPACE : LAYR_ERR_IO;
    default:
        return LAYR_ERR_DB;
    }
}

int layr_host_exec(layr_host_conn_t *c, layr_host_query_t q)
{
    return layr_host_step(layr_host_stmt(c, q)) == 0 ? 0 : LAYR_ERR_DB;
}

int layr_host_exec_blob(layr_host_conn_t *c, layr_host_query_t q, const void *p, size_t len)
{
    sqlite3_stmt *s = layr_host_stmt(c, q);

    layr_host_bind(s, 1, p, len);
    return layr_host_step(s) == 0 ? 0 : LAYR_ERR_DB;
}

int layr_host_exec_int(layr_host_conn_t *c, layr_host_query_t q, int64_t v)
{
    sqlite3_stmt *s = layr_host_stmt(c, q);

    if (s != NULL)
        sqlite3_bind_int64(s, 1, v);
    return layr_host_step(s) == 0 ? 0 : LAYR_ERR_DB;
}

int layr_host_any(layr_host_conn_t *c, layr_host_query_t q, const void *p, size_t len)
{
    sqlite3_stmt *s = layr_host_stmt(c, q);
    int rc;

    layr_host_bind(s, 1, p, len);
    rc = layr_host_step(s);
    if (rc == 1)
        sqlite3_reset(s);
    return rc;
}

/* The bytes stay the caller's and must live until the statement is used anew. */
void layr_host_bind(sqlite3_stmt *s, int at, const void *p, size_t len)
{
    if (s != NULL)
        sqlite3_bind_blob64(s, at, p, len, SQLITE_STATIC);
}

int layr_host_column(sqlite3_stmt *s, int at, void *out, size_t len)
{
    const void *p = sqlite3_column_blob(s, at);

    if (p == NULL || (size_t)sqlite3_column_bytes(s, at) != len)
        return LAYR_ERR_FORMAT;
    memcpy(out, p, len);
    return 0;
}

/*
 * Another worker holds the write lock for as long as one fsync takes: look again every millisecond, where
 * SQLite's own handler would soon wait a tenth of a second at a time.  Half a minute is a fault.
 */
static int on_busy(void *ctx, int tries)
{
    (void)ctx;
    if (tries > 30000)
        return 0;
    usleep(1000);
    return 1;
}

static int get_version(sqlite3 *sql)
{
    sqlite3_stmt *s = NULL;
    int v = LAYR_ERR_DB;

    if (sqlite3_prepare_v2(sql, "PRAGMA user_version", -1, &s, NULL) == SQLITE_OK &&
        sqlite3_step(s) == SQLITE_ROW)
        v = sqlite3_column_int(s, 0);
    sqlite3_finalize(s);
    return v;
}

/*
 * The first switch of a new database reads before it locks, and there SQLite does not ask the busy handler:
 * of workers that start at the same time all but one would fail.
 */
static int use_wal(sqlite3 *sql)
{
    int rc, tries = 0;

    do
        rc = sqlite3_exec(sql, "PRAGMA journal_mode = WAL", NULL, NULL, NULL);
    while (rc == SQLITE_BUSY && on_busy(NULL, tries++));
    return rc;
}

/* Workers start at the same time: one makes the tables, the others find them made. */
static int set_up(sqlite3 *sql)
{
    int v;

    /* FULL: a commit is on the disk when it returns. */
    if (use_wal(sql) != SQLITE_OK ||
        sqlite3_exec(sql, "PRAGMA synchronous = FULL", NULL, NULL, NULL) != SQLITE_OK ||
        sqlite3_exec(sql, "BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_OK)
        return LAYR_ERR_DB;
    v = get_version(sql);
    if (v > SCHEMA_VERSION)
        v = LAYR_ERR_VERSION;
    if (v == 0 && sqlite3_exec(sql, schema, NULL, NULL, NULL) != SQLITE_OK)
        v = LAYR_ERR_DB;
    if ((v == 0 || v == 1) && sqlite3_exec(sql, schema_2, NULL, NULL, NULL) != SQLITE_OK)
        v = LAYR_ERR_DB;
    if (v >= 0 && v <= 2 && sqlite3_exec(sql, schema_3, NULL, NULL, NULL) != SQLITE_OK)
        v = LAYR_ERR_DB;
    if (v >= 0 && v <= 3 && sqlite3_exec(sql, schema_4, NULL, NULL, NULL) != SQLITE_OK)
        v = LAYR_ERR_DB;
    if (v >= 0 && sqlite3_exec(sql, "COMMIT", NULL, NULL, NULL) != SQLITE_OK)
        v = LAYR_ERR_DB;
    if (v < 0)
        sqlite3_exec(sql, "ROLLBACK", NULL, NULL, NULL);
    return v < 0 ? v : 0;
}

/* far(place): how far from this host's id, so that blobs compare as distances do. */
static void on_far(sqlite3_context *ctx, int count, sqlite3_value **value)
{
    const uint8_t *own = sqlite3_user_data(ctx), *place = sqlite3_value_blob(value[0]);
    uint8_t far[32];

    (void)count;
    if (place == NULL || sqlite3_value_bytes(value[0]) != sizeof far) {
        sqlite3_result_error(ctx, "a place is 32 bytes", -1);
        return;
    }
    for (size_t i = 0; i < sizeof far; i++)
        far[i] = own[i] ^ place[i];
    sqlite3_result_blob(ctx, far, sizeof far, SQLITE_TRANSIENT);
}

static int add_far(layr_host_conn_t *c)
{
    return sqlite3_create_function(c->sql, "far", 1, SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY,
                                   c->own, on_far, NULL, NULL);
}

int layr_host_conn_open(layr_host_conn_t *c, const char *path, const uint8_t own[32], layr_diag_t *d)
{
    int rc = LAYR_ERR_DB;

    memcpy(c->own, own, sizeof c->own);
    /* No SQLITE_OPEN_CREATE: a store whose database is gone must not start anew. */
    if (sqlite3_open_v2(path, &c->sql, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, LAYR_VFS) == SQLITE_OK) {
        sqlite3_busy_handler(c->sql, on_busy, NULL);
        /* SQLite opens for reading what it may not write, and would keep to that for good. */
        rc = sqlite3_db_readonly(c->sql, "main") == 1 ? LAYR_ERR_IO
             : add_far(c) != SQLITE_OK                ? LAYR_ERR_DB
                                                      : set_up(c->sql);
    } else if (c->sql != NULL && sqlite3_errcode(c->sql) == SQLITE_CANTOPEN) {
        rc = LAYR_ERR_UNAVAILABLE;
    }
    if (rc != 0) {
        layr_diag_set(d, rc, "%s: %s", path,
                      rc == LAYR_ERR_VERSION ? "was made by a newer version of Layr"
                      : rc == LAYR_ERR_IO    ? "cannot be written: is its file system read-only?"
                      : c->sql != NULL       ? sqlite3_errmsg(c->sql)
                                             : "out of memory");
        layr_host_conn_close(c);
    }
    return rc;
}

void layr_host_conn_close(layr_host_conn_t *c)
{
    for (int q = 0; q < Q_COUNT; q++)
        sqlite3_finalize(c->stmt[q]);
    sqlite3_close(c->sql);
    memset(c, 0, sizeof *c);
}
