/*
 * Records that are to be taken back.  Before a put publishes its record it notes here that it does, and with
 * which hosts; when it is done the note goes together with the put.  A note whose put is no more is one that was
 * cut off in between, or given up: the hosts are to be told that there is no such file.  A removal notes the same
 * before it says a word, so that one that was cut off is finished and not forgotten.
 */
#include <sodium.h>
#include <string.h>

#include "base/fault.h"
#include "db/journal_db.h"

int layr_journal_put_publish(layr_journal_t *j, int64_t put, const uint8_t *hosts, size_t count)
{
    sqlite3_stmt *st = NULL;
    int rc;

    if (j->key == NULL)
        return LAYR_ERR_KEY;
    if (count > INT32_MAX / 32)
        return LAYR_ERR_ARG;
    rc = layr_jdb_begin(j, LAYR_JDB_SYNCED);
    if (rc != 0)
        return rc;
    rc = layr_jdb_query(j, &st,
                        "INSERT OR REPLACE INTO gone (put, sealed, bound, until, hosts)"
                        " SELECT id, sealed, random, 0, ?2 FROM put WHERE id = ?1",
                        "i", put);
    if (rc == 0 && sqlite3_bind_blob(st, 2, count > 0 ? hosts : (const uint8_t *)"", (int)(count * 32),
                                     SQLITE_STATIC) != SQLITE_OK)
        rc = layr_jdb_error(j, sqlite3_errcode(j->db));
    if (rc == 0)
        rc = layr_jdb_row(j, st);
    sqlite3_finalize(st);
    if (rc == 0 && sqlite3_changes(j->db) == 0)
        rc = LAYR_ERR_NOTFOUND;
    LAYR_FAULT_POINT("put.note");
    return layr_jdb_end(j, rc);
}

static int read_gone(layr_journal_t *j, sqlite3_stmt *st, layr_gone_t *g)
{
    uint8_t sealed[LAYR_JDB_SEALED_BYTES] = {0}, bound[32] = {0};
    int len = sqlite3_column_bytes(st, 4), rc;

    g->put = sqlite3_column_int64(st, 0);
    g->until = sqlite3_column_int64(st, 3);
    rc = layr_jdb_bytes(j, st, 1, sealed, sizeof sealed);
    if (rc == 0)
        rc = layr_jdb_bytes(j, st, 2, bound, sizeof bound);
    if (rc == 0)
        rc = layr_jdb_unseal(j, g->W, sealed, bound);
    g->host_count = (size_t)len / 32;
    if (rc == 0 && len % 32 != 0)
        rc = layr_jdb_damaged(j, "a list of hosts of no whole number");
    layr_buf_add(&g->hosts, sqlite3_column_blob(st, 4), (size_t)len);
    if (rc == 0 && g->hosts.bad)
        rc = layr_jdb_fail(j, LAYR_ERR_NOMEM, "out of memory");
    return rc;
}

/* The first note after that number whose put is no more: 1, 0 at the end, or an error. */
static int next_gone(layr_journal_t *j, int64_t after, layr_gone_t *g)
{
    sqlite3_stmt *st = NULL;
    int rc = layr_jdb_query(j, &st,
                            "SELECT put, sealed, bound, until, hosts FROM gone WHERE put > ?"
                            " AND put NOT IN (SELECT id FROM put) ORDER BY put LIMIT 1",
                            "i", after);

    if (rc == 0)
        rc = layr_jdb_row(j, st);
    if (rc == 1) {
        rc = read_gone(j, st, g);
        rc = rc == 0 ? 1 : rc;
    }
    sqlite3_finalize(st);
    return rc;
}

/* Of a file that never was nothing is worth remembering. */
static int forget_seen(layr_journal_t *j, const uint8_t W[32])
{
    layr_file_keys_t k = {0};
    int rc;

    layr_file_keys_from_write(&k, W);
    rc = layr_jdb_run(j, "DELETE FROM seen WHERE record_id = ?", "k", k.record_id);
    layr_file_keys_wipe(&k);
    return rc;
}

static int strike(layr_journal_t *j, const layr_gone_t *g)
{
    int rc;

    LAYR_FAULT_POINT("put.strike");
    rc = layr_jdb_begin(j, LAYR_JDB_LAZY); /* lost in a power cut: the hosts are told once more */
    if (rc != 0)
        return rc;
    rc = layr_jdb_run(j, "DELETE FROM gone WHERE put = ?", "i", g->put);
    if (rc == 0 && g->until == 0)
        rc = forget_seen(j, g->W);
    return layr_jdb_end(j, rc);
}

int layr_journal_gone_each(layr_journal_t *j, int (*fn)(void *ctx, const layr_gone_t *g), void *ctx)
{
    layr_gone_t g = {0};
    int rc;

    if (j->key == NULL)
        return LAYR_ERR_KEY;
    layr_buf_init(&g.hosts);
    while ((rc = next_gone(j, g.put, &g)) == 1) {
        int told = fn(ctx, &g);

        if (told == LAYR_OK)
            rc = strike(j, &g);
        else
            rc = told == LAYR_ERR_CANCELLED ? told : 0;
        layr_buf_free(&g.hosts);
        if (rc != 0)
            break;
    }
    layr_buf_free(&g.hosts);
    sodium_memzero(&g, sizeof g);
    return rc;
}
