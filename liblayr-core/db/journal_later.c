/*
 * Orders that may go some time after a new version took a file's place, so that whoever reads the old one finishes:
 * candidates, and no more than that.  When their time comes the file's newest version is asked, and what it names stays:
 * so a version that another machine wrote meanwhile, or one that was cut off between the hosts and the journal, loses
 * nothing whichever of them is the newest in the end.
 */
#include <sodium.h>
#include <string.h>

#include "db/journal_db.h"

#define FORGOTTEN_S 34560000 /* 400 days: no order lives longer */

static int add(layr_journal_t *j, const layr_later_t *l, const uint8_t *sealed, const layr_release_t *r)
{
    int rc = 0;

    for (unsigned i = 0; rc == 0 && i < r->count; i++)
        rc = layr_jdb_run(j,
                          "INSERT OR IGNORE INTO later (order_id, host, grp, url, due, put, sealed, bound)"
                          " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                          "gkgtiisk", r->order[i], r->host, r->group, r->url, (int64_t)l->due, (int64_t)0,
                          sealed, l->record_id);
    return rc;
}

/* The put's own orders change over too: from here on a cut is no reason to release them unseen. */
static int publish_locked(layr_journal_t *j, int64_t put, const layr_later_t *l, const uint8_t *sealed)
{
    int rc = layr_jdb_run(j, "UPDATE put SET started = started WHERE id = ?", "i", put);

    if (rc == 0 && sqlite3_changes(j->db) == 0)
        return LAYR_ERR_NOTFOUND;
    for (size_t i = 0; rc == 0 && i < l->count; i++)
        rc = add(j, l, sealed, &l->releases[i]);
    if (rc == 0)
        rc = layr_jdb_run(j,
                          "INSERT OR IGNORE INTO later (order_id, host, grp, url, due, put, sealed, bound)"
                          " SELECT order_id, host, grp, url, ?, put, ?, ? FROM put_order WHERE put = ?",
                          "iski", (int64_t)l->due, sealed, l->record_id, put);
    if (rc == 0)
        rc = layr_jdb_run(j, "DELETE FROM put_order WHERE put = ?", "i", put);
    return rc;
}

int layr_journal_update_publish(layr_journal_t *j, int64_t put, const layr_later_t *l)
{
    uint8_t sealed[LAYR_JDB_SEALED_BYTES] = {0};
    int rc = layr_jdb_seal(j, sealed, l->W, l->record_id);

    if (rc == 0)
        rc = layr_jdb_begin(j, LAYR_JDB_SYNCED);
    if (rc != 0)
        return rc;
    return layr_jdb_end(j, publish_locked(j, put, l, sealed));
}

/* What is stored and not named stays a candidate, as what the old version named does. */
int layr_jdb_update_named(layr_journal_t *j, int64_t put, const uint8_t (*orphans)[16], size_t count)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = layr_jdb_run(j, "UPDATE later SET put = 0 WHERE order_id = ?", "g", orphans[i]);
    return rc == 0 ? layr_jdb_run(j, "DELETE FROM later WHERE put = ?", "i", put) : rc;
}

/* --- when their time has come --- */

static int next_due(layr_journal_t *j, layr_time_t now, const uint8_t after[32], layr_due_t *out)
{
    uint8_t sealed[LAYR_JDB_SEALED_BYTES] = {0};
    sqlite3_stmt *st = NULL;
    int rc = layr_jdb_query(
        j, &st, "SELECT bound, sealed FROM later WHERE due <= ? AND bound > ? ORDER BY bound LIMIT 1", "ik",
        (int64_t)now, after);

    if (rc == 0)
        rc = layr_jdb_row(j, st);
    if (rc == 1) {
        int bad = layr_jdb_bytes(j, st, 0, out->record_id, sizeof out->record_id);

        if (bad == 0)
            bad = layr_jdb_bytes(j, st, 1, sealed, sizeof sealed);
        if (bad == 0)
            bad = layr_jdb_unseal(j, out->W, sealed, out->record_id);
        rc = bad == 0 ? 1 : bad;
    }
    sqlite3_finalize(st);
    return rc;
}

static int settle_locked(layr_journal_t *j, layr_time_t now, const layr_due_t *due)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i + 16 <= due->named.len; i += 16)
        rc = layr_jdb_run(j, "DELETE FROM later WHERE order_id = ? AND due <= ?", "gi", due->named.p + i,
                          (int64_t)now);
    if (rc == 0)
        rc = layr_jdb_run(j,
                          "INSERT OR IGNORE INTO release (order_id, host, grp, url)"
                          " SELECT order_id, host, grp, url FROM later WHERE bound = ? AND due <= ?",
                          "ki", due->record_id, (int64_t)now);
    if (rc == 0)
        rc = layr_jdb_run(j, "DELETE FROM later WHERE bound = ? AND due <= ?", "ki", due->record_id,
                          (int64_t)now);
    return rc;
}

static int settle(layr_journal_t *j, layr_time_t now, const layr_due_t *due)
{
    int rc = layr_jdb_begin(j, LAYR_JDB_SYNCED);

    return rc == 0 ? layr_jdb_end(j, settle_locked(j, now, due)) : rc;
}

int layr_journal_later_each(layr_journal_t *j, layr_time_t now, int (*fn)(void *ctx, layr_due_t *due),
                            void *ctx)
{
    layr_due_t due = {0};
    uint8_t after[32] = {0};
    int rc;

    if (j->key == NULL)
        return LAYR_ERR_KEY;
    rc = layr_jdb_begin(j, LAYR_JDB_LAZY);
    if (rc == 0)
        rc = layr_jdb_end(
            j, layr_jdb_run(j, "DELETE FROM later WHERE due <= ?", "i", (int64_t)now - FORGOTTEN_S));
    layr_buf_init(&due.named);
    while (rc == 0 && (rc = next_due(j, now, after, &due)) == 1) {
        int told = fn(ctx, &due);

        memcpy(after, due.record_id, sizeof after);
        rc = told == LAYR_ERR_CANCELLED ? told : 0;
        if (told == LAYR_OK)
            rc = settle(j, now, &due);
        layr_buf_free(&due.named);
    }
    layr_buf_free(&due.named);
    sodium_memzero(&due, sizeof due);
    return rc;
}
