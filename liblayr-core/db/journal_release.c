/*
 * Orders that hosts are still to be told to release.  Telling them takes as long as the network likes, so
 * nothing is locked meanwhile; two processes that tell a host the same thing do no harm.
 */
#include <string.h>

#include "base/fault.h"
#include "db/journal_db.h"

/* Where the walk is: past these groups, and inside the group past this id. */
typedef struct walk {
    layr_release_t r;
    int64_t last;
} walk_t;

int layr_journal_release_add(layr_journal_t *j, const layr_release_t *r)
{
    int rc;

    if (j->key == NULL)
        return LAYR_ERR_KEY;
    if (r->count > LAYR_ORDERS_MAX || memchr(r->url, 0, sizeof r->url) == NULL)
        return LAYR_ERR_ARG;
    rc = layr_jdb_begin(j, LAYR_JDB_SYNCED);
    if (rc != 0)
        return rc;
    for (unsigned i = 0; rc == 0 && i < r->count; i++)
        rc = layr_jdb_run(j, "INSERT OR IGNORE INTO release (order_id, host, grp, url) VALUES (?, ?, ?, ?)",
                          "gkgt", r->order[i], r->host, r->group, r->url);
    return layr_jdb_end(j, rc);
}

/* The first group after the one in w (after none when `first`): 1 and w set anew, 0 at the end, or an error.
 */
static int next_group(layr_journal_t *j, walk_t *w, bool first)
{
    sqlite3_stmt *st = NULL;
    int rc, row;

    if (first)
        rc = layr_jdb_query(j, &st, "SELECT host, grp FROM release ORDER BY host, grp LIMIT 1", "");
    else
        rc = layr_jdb_query(
            j, &st, "SELECT host, grp FROM release WHERE (host, grp) > (?, ?) ORDER BY host, grp LIMIT 1",
            "kg", w->r.host, w->r.group);
    if (rc != 0)
        return rc;
    row = rc = layr_jdb_row(j, st);
    if (row == 1)
        rc = layr_jdb_bytes(j, st, 0, w->r.host, sizeof w->r.host);
    if (row == 1 && rc == 0)
        rc = layr_jdb_bytes(j, st, 1, w->r.group, sizeof w->r.group);
    sqlite3_finalize(st);
    w->last = 0;
    return rc < 0 ? rc : row;
}

/* The group's next orders into w, with the URL that was noted last: the host may have moved. Their number, or
 * an error. */
static int next_orders(layr_journal_t *j, walk_t *w)
{
    sqlite3_stmt *st = NULL;
    int rc, row = 0;

    memset(w->r.order, 0, sizeof w->r.order); /* the same orders are the same bytes, for whoever compares */
    memset(w->r.url, 0, sizeof w->r.url);
    w->r.count = 0;
    rc = layr_jdb_query(
        j, &st,
        "SELECT id, order_id, url FROM release WHERE host = ? AND grp = ? AND id > ? ORDER BY id"
        " LIMIT 256",
        "kgi", w->r.host, w->r.group, w->last);
    while (rc == 0 && w->r.count < LAYR_ORDERS_MAX && (row = layr_jdb_row(j, st)) == 1) {
        w->last = sqlite3_column_int64(st, 0);
        rc = layr_jdb_bytes(j, st, 1, w->r.order[w->r.count], 16);
        if (rc == 0)
            rc = layr_jdb_text(j, st, 2, w->r.url, sizeof w->r.url);
        w->r.count++;
    }
    sqlite3_finalize(st);
    if (rc == 0 && row < 0)
        rc = row;
    return rc == 0 ? (int)w->r.count : rc;
}

static int forget(layr_journal_t *j, const layr_release_t *r)
{
    int rc;

    LAYR_FAULT_POINT("put.forget");
    rc = layr_jdb_begin(j, LAYR_JDB_LAZY); /* lost in a power cut: the host is told once more */

    if (rc != 0)
        return rc;
    for (unsigned i = 0; rc == 0 && i < r->count; i++)
        rc = layr_jdb_run(j, "DELETE FROM release WHERE order_id = ?", "g", r->order[i]);
    return layr_jdb_end(j, rc);
}

/* All of one group, each order once. */
static int tell_group(layr_journal_t *j, walk_t *w, int (*fn)(void *ctx, const layr_release_t *r), void *ctx)
{
    int rc;

    while ((rc = next_orders(j, w)) > 0) {
        int told = fn(ctx, &w->r);

        if (told == LAYR_ERR_CANCELLED)
            return told;
        rc = told == LAYR_OK ? forget(j, &w->r) : 0;
        if (rc != 0)
            break;
    }
    return rc;
}

int layr_journal_release_each(layr_journal_t *j, int (*fn)(void *ctx, const layr_release_t *r), void *ctx)
{
    walk_t w = {0};
    bool first = true;
    int rc;

    if (j->key == NULL)
        return LAYR_ERR_KEY;
    while ((rc = next_group(j, &w, first)) == 1) {
        rc = tell_group(j, &w, fn, ctx);
        if (rc != 0)
            break;
        first = false;
    }
    return rc;
}

int layr_journal_release_count(layr_journal_t *j, uint64_t *out)
{
    int64_t count = 0;
    int rc = j->key == NULL
                 ? LAYR_ERR_KEY
                 : layr_jdb_number(j, &count,
                                   "SELECT (SELECT count(*) FROM release)"
                                   " + (SELECT count(*) FROM gone WHERE put NOT IN (SELECT id FROM put))",
                                   "");

    if (rc < 0)
        return rc;
    *out = (uint64_t)count;
    return 0;
}
