/* How files are kept: what was found when they were audited, and when that is to be done again. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "db/journal_db.h"

#define LOCK_BYTE (INT64_MAX - 2) /* of path-lock, beside the catalogue's */

int layr_journal_watch_lock(layr_journal_t *j)
{
    return layr_jdb_hold(j, LOCK_BYTE);
}

void layr_journal_watch_unlock(layr_journal_t *j)
{
    layr_jdb_let_go(j, LOCK_BYTE);
}

int layr_journal_watch_busy(layr_journal_t *j)
{
    return layr_jdb_busy(j, LOCK_BYTE);
}

int layr_journal_file_until(layr_journal_t *j, const uint8_t record_id[32], layr_time_t until)
{
    int64_t one = 0;
    int rc = j->key == NULL ? LAYR_ERR_KEY : layr_jdb_begin(j, LAYR_JDB_SYNCED);

    if (rc != 0)
        return rc;
    rc = layr_jdb_number(j, &one, "SELECT 1 FROM file WHERE record_id = ?", "k", record_id);
    if (rc == 0)
        rc = LAYR_ERR_NOTFOUND;
    else if (rc == 1)
        rc = layr_jdb_run(j, "UPDATE file SET until = ? WHERE record_id = ? AND until < ?", "iki",
                          (int64_t)until, record_id, (int64_t)until);
    return layr_jdb_end(j, rc);
}

static int count_of(layr_journal_t *j, sqlite3_stmt *st, int col, unsigned *out)
{
    int64_t v = sqlite3_column_int64(st, col);

    if (v < 0 || v > UINT32_MAX)
        return layr_jdb_damaged(j, "a count of a watched file makes no sense");
    *out = (unsigned)v;
    return 0;
}

static int read_row(layr_journal_t *j, sqlite3_stmt *st, layr_watch_t *w)
{
    int rc = layr_jdb_bytes(j, st, 0, w->record_id, sizeof w->record_id);

    w->created = sqlite3_column_int64(st, 1);
    w->until = sqlite3_column_int64(st, 2);
    w->term = sqlite3_column_int64(st, 3);
    w->next_sample = sqlite3_column_int64(st, 4);
    w->next_audit = sqlite3_column_int64(st, 5);
    w->next_renew = sqlite3_column_int64(st, 6);
    w->not_before = sqlite3_column_int64(st, 7);
    w->last_sample = sqlite3_column_int64(st, 9);
    w->last_audit = sqlite3_column_int64(st, 10);
    w->last_renew = sqlite3_column_int64(st, 11);
    w->last_patch = sqlite3_column_int64(st, 12);
    w->lost = (uint64_t)sqlite3_column_int64(st, 16);
    if (rc == 0)
        rc = count_of(j, st, 8, &w->failures);
    if (rc == 0)
        rc = count_of(j, st, 13, &w->good);
    if (rc == 0)
        rc = count_of(j, st, 14, &w->rows);
    if (rc == 0)
        rc = count_of(j, st, 15, &w->needed);
    return rc == 0 ? layr_jdb_text(j, st, 17, w->wrong, sizeof w->wrong) : rc;
}

int layr_journal_watch_get(layr_journal_t *j, layr_watch_t *out, const uint8_t record_id[32])
{
    sqlite3_stmt *st = NULL;
    layr_watch_t w = {0};
    int rc = j->key == NULL ? LAYR_ERR_KEY
                            : layr_jdb_query(j, &st,
                                             "SELECT record_id, created, until, term, next_sample,"
                                             " next_audit, next_renew, not_before, failures, last_sample,"
                                             " last_audit, last_renew, last_patch, good, rows, needed, lost,"
                                             " wrong FROM watch WHERE record_id = ?",
                                             "k", record_id);

    if (rc == 0)
        rc = layr_jdb_row(j, st);
    if (rc == 1)
        rc = read_row(j, st, &w);
    else if (rc == 0)
        rc = LAYR_ERR_NOTFOUND;
    sqlite3_finalize(st);
    if (rc == 0)
        *out = w;
    return rc;
}

int layr_journal_watch_set(layr_journal_t *j, const layr_watch_t *w)
{
    int rc;

    if (memchr(w->wrong, 0, sizeof w->wrong) == NULL || w->lost > INT64_MAX)
        return LAYR_ERR_ARG;
    rc = j->key == NULL ? LAYR_ERR_KEY : layr_jdb_begin(j, LAYR_JDB_SYNCED);
    if (rc != 0)
        return rc;
    rc = layr_jdb_run(
        j,
        "INSERT OR REPLACE INTO watch (record_id, created, until, term, next_sample, next_audit,"
        " next_renew, not_before, failures, last_sample, last_audit, last_renew, last_patch,"
        " good, rows, needed, lost, wrong)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        "kiiiiiiiiiiiiiiiit", w->record_id, (int64_t)w->created, (int64_t)w->until, (int64_t)w->term,
        (int64_t)w->next_sample, (int64_t)w->next_audit, (int64_t)w->next_renew, (int64_t)w->not_before,
        (int64_t)w->failures, (int64_t)w->last_sample, (int64_t)w->last_audit, (int64_t)w->last_renew,
        (int64_t)w->last_patch, (int64_t)w->good, (int64_t)w->rows, (int64_t)w->needed, (int64_t)w->lost,
        w->wrong);
    return layr_jdb_end(j, rc);
}

int layr_journal_watch_prune(layr_journal_t *j, const uint8_t catalogue[32])
{
    int rc = j->key == NULL ? LAYR_ERR_KEY : layr_jdb_begin(j, LAYR_JDB_LAZY);

    if (rc != 0)
        return rc;
    return layr_jdb_end(
        j, layr_jdb_run(
               j, "DELETE FROM watch WHERE record_id <> ? AND record_id NOT IN (SELECT record_id FROM file)",
               "k", catalogue));
}
