/* How hosts did in audits. */
#include <string.h>

#include "db/journal_db.h"

/* The table is made by whoever comes first: readers without a key keep scores, too. */
static int make_table(layr_journal_t *j)
{
    return layr_jdb_run(
        j,
        "CREATE TABLE IF NOT EXISTS score (host BLOB PRIMARY KEY, passed INTEGER NOT NULL,"
        " lost INTEGER NOT NULL, silent INTEGER NOT NULL, last_good INTEGER NOT NULL,"
        " last_bad INTEGER NOT NULL, silent_since INTEGER NOT NULL, url TEXT NOT NULL) WITHOUT ROWID",
        "");
}

static bool has_table(layr_journal_t *j, int *rc)
{
    int64_t one = 0;

    *rc = layr_jdb_number(j, &one, "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'score'", "");
    return *rc == 1;
}

static int read_row(layr_journal_t *j, sqlite3_stmt *st, layr_score_t *out)
{
    int rc = layr_jdb_bytes(j, st, 0, out->host, sizeof out->host);

    out->passed = (uint64_t)sqlite3_column_int64(st, 1);
    out->lost = (uint64_t)sqlite3_column_int64(st, 2);
    out->silent = (uint64_t)sqlite3_column_int64(st, 3);
    out->last_good = sqlite3_column_int64(st, 4);
    out->last_bad = sqlite3_column_int64(st, 5);
    out->silent_since = sqlite3_column_int64(st, 6);
    return rc == 0 ? layr_jdb_text(j, st, 7, out->url, sizeof out->url) : rc;
}

#define COLUMNS "host, passed, lost, silent, last_good, last_bad, silent_since, url"

static int find(layr_journal_t *j, const uint8_t host[32], layr_score_t *out)
{
    sqlite3_stmt *st = NULL;
    int rc = layr_jdb_query(j, &st, "SELECT " COLUMNS " FROM score WHERE host = ?", "k", host);

    memset(out, 0, sizeof *out);
    memcpy(out->host, host, sizeof out->host);
    if (rc == 0)
        rc = layr_jdb_row(j, st);
    if (rc == 1)
        rc = read_row(j, st, out);
    sqlite3_finalize(st);
    return rc;
}

static int add(layr_journal_t *j, const layr_score_t *found, layr_time_t now, layr_score_t *s)
{
    int rc = make_table(j);

    if (rc == 0)
        rc = find(j, found->host, s);
    if (rc != 0)
        return rc;
    s->passed += found->passed;
    s->lost += found->lost;
    s->silent += found->silent;
    if (found->passed > 0)
        s->last_good = now;
    if (found->lost > 0)
        s->last_bad = now;
    if (found->passed > 0 || found->lost > 0)
        s->silent_since = 0;
    else if (found->silent > 0 && (s->silent_since == 0 || s->silent_since > now))
        s->silent_since = now;
    if (found->url[0] != 0)
        memcpy(s->url, found->url, sizeof s->url);
    return layr_jdb_run(j, "INSERT OR REPLACE INTO score (" COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                        "kiiiiiit", s->host, (int64_t)s->passed, (int64_t)s->lost, (int64_t)s->silent,
                        (int64_t)s->last_good, (int64_t)s->last_bad, (int64_t)s->silent_since, s->url);
}

int layr_journal_score_add(layr_journal_t *j, const layr_score_t *found, layr_time_t now, layr_score_t *out)
{
    layr_score_t s;
    int rc = layr_jdb_begin(j, LAYR_JDB_LAZY);

    if (rc == 0)
        rc = layr_jdb_end(j, add(j, found, now, &s));
    if (rc == 0 && out != NULL)
        *out = s;
    return rc;
}

int layr_journal_score_get(layr_journal_t *j, const uint8_t host[32], layr_score_t *out)
{
    int rc;

    memset(out, 0, sizeof *out);
    memcpy(out->host, host, sizeof out->host);
    if (!has_table(j, &rc))
        return rc;
    return find(j, host, out);
}

int layr_journal_score_each(layr_journal_t *j, int (*fn)(void *ctx, const layr_score_t *s), void *ctx)
{
    sqlite3_stmt *st = NULL;
    layr_score_t s;
    int rc;

    if (!has_table(j, &rc))
        return rc;
    rc = layr_jdb_query(j, &st, "SELECT " COLUMNS " FROM score ORDER BY host", "");
    while (rc == 0 && (rc = layr_jdb_row(j, st)) == 1) {
        rc = read_row(j, st, &s);
        if (rc == 0)
            rc = fn(ctx, &s);
    }
    sqlite3_finalize(st);
    return rc;
}
