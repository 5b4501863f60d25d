/*
 * Orders to be released, and the catalogue: what this machine still has to tell hosts is listed there, so that another one
 * does it when this one is lost; and what others listed becomes this one's.  Which orders the catalogue is known to list is
 * kept: one that is listed, and is pending here no more, was done with here and is taken out.  An order that was released
 * once more does no harm, so nothing hangs on two machines knowing of each other.
 */
#include <string.h>

#include "db/journal_db.h"

#define UNTIL_S 34560000 /* 400 days: no order lives longer */

/* --- from the network --- */

static int is_listed(layr_journal_t *j, const uint8_t order[16])
{
    int64_t one;

    return layr_jdb_number(j, &one, "SELECT 1 FROM listed WHERE order_id = ?", "g", order);
}

static int list_it(layr_journal_t *j, const uint8_t order[16])
{
    return layr_jdb_run(j, "INSERT OR IGNORE INTO listed (order_id) VALUES (?)", "g", order);
}

static int release_now(layr_journal_t *j, const layr_catalogue_t *c, const layr_catalogue_release_t *r)
{
    int rc = layr_jdb_run(j, "INSERT OR IGNORE INTO release (order_id, host, grp, url) VALUES (?, ?, ?, ?)",
                          "gkgt", r->order, r->host, r->group, layr_catalogue_url(c, r->host));

    return rc == 0 ? list_it(j, r->order) : rc;
}

/* The file's newest version is asked then; of one that is gone nothing stays. One that is not known here is another's to do. */
static int release_later(layr_journal_t *j, const layr_catalogue_t *c, const layr_catalogue_release_t *r)
{
    const layr_catalogue_entry_t *e = layr_catalogue_find(c, r->record_id);
    int64_t one;
    int have = layr_jdb_number(j, &one, "SELECT 1 FROM file WHERE record_id = ?", "k", r->record_id), rc;

    if (have < 0)
        return have;
    if (have == 0)
        return e != NULL && e->gone ? release_now(j, c, r) : 0;
    rc = layr_jdb_run(j,
                      "INSERT OR IGNORE INTO later (order_id, host, grp, url, due, put, sealed, bound)"
                      " SELECT ?, ?, ?, ?, ?, 0, sealed, record_id FROM file WHERE record_id = ?",
                      "gkgtik", r->order, r->host, r->group, layr_catalogue_url(c, r->host), (int64_t)r->due,
                      r->record_id);
    return rc == 0 ? list_it(j, r->order) : rc;
}

int layr_jdb_listed_take(layr_journal_t *j, const layr_catalogue_t *c)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < c->release_count; i++) {
        const layr_catalogue_release_t *r = &c->release[i];

        rc = is_listed(j, r->order);
        if (rc == 0)
            rc = r->due == 0 ? release_now(j, c, r) : release_later(j, c, r);
        else if (rc == 1) /* pending here, or done with */
            rc = 0;
    }
    return rc;
}

/* --- to the network --- */

/* The orders that a statement gives, 16 bytes each. */
static int orders_of(layr_journal_t *j, layr_buf_t *out, const char *sql)
{
    sqlite3_stmt *st = NULL;
    uint8_t order[16] = {0};
    int row = 0, rc = layr_jdb_query(j, &st, sql, "");

    while (rc == 0 && (row = layr_jdb_row(j, st)) == 1) {
        rc = layr_jdb_bytes(j, st, 0, order, sizeof order);
        layr_buf_add(out, order, sizeof order);
    }
    sqlite3_finalize(st);
    if (rc == 0 && out->bad)
        rc = LAYR_ERR_NOMEM;
    return rc != 0 ? rc : row;
}

/* What the catalogue does not list any more need not be remembered. */
static int forget_unlisted(layr_journal_t *j, const layr_catalogue_t *c)
{
    layr_buf_t known;
    int rc;

    layr_buf_init(&known);
    rc = orders_of(j, &known, "SELECT order_id FROM listed");
    for (size_t at = 0; rc == 0 && at < known.len; at += 16)
        if (!layr_catalogue_has_release(c, known.p + at))
            rc = layr_jdb_run(j, "DELETE FROM listed WHERE order_id = ?", "g", known.p + at);
    layr_buf_free(&known);
    return rc;
}

static int drop_done(layr_journal_t *j, layr_catalogue_t *c, bool *changed)
{
    layr_buf_t done;
    int rc;

    layr_buf_init(&done);
    rc = orders_of(j, &done,
                   "SELECT order_id FROM listed WHERE order_id NOT IN (SELECT order_id FROM release)"
                   " AND order_id NOT IN (SELECT order_id FROM later)");
    for (size_t at = 0; rc == 0 && at < done.len; at += 16)
        layr_catalogue_drop_release(c, done.p + at, changed);
    layr_buf_free(&done);
    return rc;
}

/*
 * Of what is pending here; but not of the catalogue's own shards, or each of its versions would be about the one before; nor of
 * a new version that was cut off: a machine that hosts show an old version, and that has not seen the new one, must not have
 * its orders.
 */
static int add_pending(layr_journal_t *j, layr_catalogue_t *c, layr_time_t now, const uint8_t own[16],
                       bool *changed)
{
    sqlite3_stmt *st = NULL;
    int row = 0, rc = layr_jdb_query(j, &st,
                                     "SELECT order_id, host, grp, 0, zeroblob(32) FROM release WHERE grp <> ?"
                                     " UNION ALL SELECT order_id, host, grp, due, bound FROM later"
                                     " WHERE grp <> ? AND put = 0"
                                     " LIMIT ?",
                                     "ggi", own, own, (int64_t)LAYR_CATALOGUE_RELEASES);

    while (rc == 0 && (row = layr_jdb_row(j, st)) == 1) {
        layr_catalogue_release_t r = {.until = now + UNTIL_S};

        rc = layr_jdb_bytes(j, st, 0, r.order, sizeof r.order);
        if (rc == 0)
            rc = layr_jdb_bytes(j, st, 1, r.host, sizeof r.host);
        if (rc == 0)
            rc = layr_jdb_bytes(j, st, 2, r.group, sizeof r.group);
        if (rc == 0)
            rc = layr_jdb_bytes(j, st, 4, r.record_id, sizeof r.record_id);
        r.due = sqlite3_column_int64(st, 3);
        if (rc == 0)
            rc = layr_catalogue_add_release(c, &r, changed);
        if (rc == 0 && layr_catalogue_has_release(c, r.order))
            rc = list_it(j, r.order);
    }
    sqlite3_finalize(st);
    return rc != 0 ? rc : row;
}

static int fill_locked(layr_journal_t *j, layr_catalogue_t *c, layr_time_t now, const uint8_t own[16],
                       bool *changed)
{
    int rc = forget_unlisted(j, c);

    if (rc == 0)
        rc = drop_done(j, c, changed);
    if (rc == 0)
        rc = add_pending(j, c, now, own, changed);
    return rc;
}

int layr_jdb_listed_fill(layr_journal_t *j, layr_catalogue_t *c, layr_time_t now, const uint8_t own[16],
                         bool *changed)
{
    int rc = layr_jdb_begin(j, LAYR_JDB_LAZY); /* what is lost of it is only done once more */

    return rc == 0 ? layr_jdb_end(j, fill_locked(j, c, now, own, changed)) : rc;
}
