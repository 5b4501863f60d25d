/*
 * Puts that were cut off and are kept, so that the same source can be put without sending again what is there.
 * The salt of each shard is noted with its order: it follows from the put's random bytes and from the content, so
 * the same content finds its shard again and any other finds nothing.  Whether a host has it is the host's to
 * say: an order noted here may have been cut off on its way.
 *
 * put_row.used: 0 until the unit of that salt has been seen in this try, 1 when the file names this order, 2 when
 * it names another order of the same salt, or none.
 */
#include <sodium.h>
#include <string.h>
#include <unistd.h>

#include "base/fault.h"
#include "db/journal_db.h"

int layr_jdb_keep(layr_journal_t *j, int64_t put, const layr_put_entry_t *e)
{
    return layr_jdb_run(j, "INSERT INTO resume (put, size, mtime, expires, tries) VALUES (?, ?, ?, ?, 0)",
                        "iiii", put, (int64_t)e->size, (int64_t)e->mtime, (int64_t)e->keep_until);
}

int layr_jdb_release_unused(layr_journal_t *j, int64_t put)
{
    return layr_jdb_run(j,
                        "INSERT OR IGNORE INTO release (order_id, host, grp, url)"
                        " SELECT o.order_id, o.host, o.grp, o.url FROM put_order o, put_row r, resume s"
                        " WHERE o.put = ?1 AND r.order_id = o.order_id AND r.used <> 1"
                        " AND s.put = ?1 AND s.tries > 0",
                        "i", put);
}

/* --- to take one up again --- */

static int read_put(layr_journal_t *j, sqlite3_stmt *st, layr_put_entry_t *e)
{
    uint8_t sealed[LAYR_JDB_SEALED_BYTES] = {0};
    int64_t size = sqlite3_column_int64(st, 7);
    int rc = layr_jdb_bytes(j, st, 1, sealed, sizeof sealed);

    e->id = sqlite3_column_int64(st, 0);
    if (rc == 0)
        rc = layr_jdb_bytes(j, st, 2, e->random, sizeof e->random);
    if (rc == 0)
        rc = layr_jdb_scheme(j, st, 3, &e->scheme);
    if (rc == 0 && size < 0)
        rc = layr_jdb_damaged(j, "a source of negative size");
    if (rc == 0)
        rc = layr_jdb_unseal(j, e->W, sealed, e->random);
    e->started = sqlite3_column_int64(st, 5);
    e->until = sqlite3_column_int64(st, 6);
    e->size = (uint64_t)size;
    e->mtime = sqlite3_column_int64(st, 8);
    return rc;
}

static int find_put(layr_journal_t *j, layr_put_entry_t *e)
{
    sqlite3_stmt *st = NULL;
    int rc = layr_jdb_query(j, &st,
                            "SELECT p.id, p.sealed, p.random, p.k, p.n, p.started, p.until, r.size, r.mtime"
                            " FROM put p JOIN resume r ON r.put = p.id WHERE p.name = ? AND p.name <> ''",
                            "t", e->name);

    if (rc == 0)
        rc = layr_jdb_row(j, st);
    if (rc == 1)
        rc = read_put(j, st, e);
    else if (rc == 0)
        rc = LAYR_ERR_NOTFOUND;
    sqlite3_finalize(st);
    return rc;
}

static int take_up(layr_journal_t *j, layr_put_entry_t *e)
{
    uint64_t size = e->size;
    layr_time_t mtime = e->mtime;
    int rc = find_put(j, e);

    if (rc == 0)
        rc = layr_jdb_busy(j, e->id);
    if (rc != 0)
        return rc > 0 ? LAYR_ERR_EXISTS : rc;
    rc =
        layr_jdb_run(j, "UPDATE resume SET size = ?, mtime = ?, expires = ?, tries = tries + 1 WHERE put = ?",
                     "iiii", (int64_t)size, (int64_t)mtime, (int64_t)e->keep_until, e->id);
    if (rc == 0)
        rc = layr_jdb_run(j, "UPDATE put SET pid = ? WHERE id = ?", "ii", (int64_t)getpid(), e->id);
    if (rc == 0)
        rc = layr_jdb_run(j, "UPDATE put_row SET used = 0 WHERE put = ? AND used <> 0", "i", e->id);
    return rc == 0 ? layr_jdb_hold(j, e->id) : rc;
}

int layr_journal_put_resume(layr_journal_t *j, layr_put_entry_t *e)
{
    layr_put_entry_t was = *e;
    int rc;

    if (j->key == NULL)
        return LAYR_ERR_KEY;
    if (memchr(e->name, 0, sizeof e->name) == NULL || e->size > INT64_MAX)
        return LAYR_ERR_ARG;
    rc = layr_jdb_begin(j, LAYR_JDB_SYNCED);
    if (rc == 0) {
        rc = take_up(j, &was);
        LAYR_FAULT_POINT("put.resume");
        rc = layr_jdb_end(j, rc);
    }
    if (rc == 0) {
        *e = was;
        e->keep = true;
        e->pid = getpid();
    }
    sodium_memzero(&was, sizeof was);
    return rc;
}

void layr_journal_put_leave(layr_journal_t *j, int64_t put)
{
    layr_jdb_let_go(j, put);
}

/* --- its shards --- */

int layr_journal_put_where(layr_journal_t *j, int64_t put, const uint8_t salt[16], layr_shard_ref_t *out,
                           size_t cap)
{
    sqlite3_stmt *st = NULL;
    size_t count = 0;
    int rc, row = 0;

    if (j->key == NULL)
        return LAYR_ERR_KEY;
    rc = layr_jdb_query(j, &st,
                        "SELECT o.shard, o.host FROM put_row r JOIN put_order o ON o.order_id = r.order_id"
                        " WHERE r.put = ? AND r.salt = ? ORDER BY r.order_id",
                        "ig", put, salt);
    while (rc == 0 && count < cap && (row = layr_jdb_row(j, st)) == 1) {
        rc = layr_jdb_bytes(j, st, 0, out[count].shard, 32);
        if (rc == 0)
            rc = layr_jdb_bytes(j, st, 1, out[count].host, 32);
        count++;
    }
    sqlite3_finalize(st);
    if (rc == 0 && row < 0)
        rc = row;
    return rc == 0 ? (int)count : rc;
}

static int mark(layr_journal_t *j, int64_t put, const layr_put_row_t *r)
{
    int rc = layr_jdb_run(j, "UPDATE put_row SET used = 2 WHERE put = ? AND salt = ?", "ig", put, r->salt);

    if (rc == 0 && r->host != NULL)
        rc = layr_jdb_run(j,
                          "UPDATE put_row SET used = 1 WHERE order_id IN"
                          " (SELECT order_id FROM put_order WHERE put = ? AND shard = ? AND host = ?)",
                          "ikk", put, r->shard, r->host);
    return rc;
}

int layr_journal_put_unit(layr_journal_t *j, int64_t put, const layr_put_row_t *rows, size_t count)
{
    int rc;

    if (j->key == NULL)
        return LAYR_ERR_KEY;
    rc = layr_jdb_begin(j, LAYR_JDB_LAZY);
    if (rc != 0)
        return rc;
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = mark(j, put, &rows[i]);
    return layr_jdb_end(j, rc);
}

int layr_journal_put_changed(layr_journal_t *j, int64_t put, uint64_t *out)
{
    int64_t count = 0;
    int rc = j->key == NULL
                 ? LAYR_ERR_KEY
                 : layr_jdb_number(j, &count,
                                   "SELECT count(*) FROM put_row WHERE put = ? AND page = 0 AND used = 0",
                                   "i", put);

    if (rc < 0)
        return rc;
    *out = (uint64_t)count;
    return 0;
}

/* --- which there are --- */

static int read_unfinished(layr_journal_t *j, sqlite3_stmt *st, layr_unfinished_t *u)
{
    int64_t size = sqlite3_column_int64(st, 2);
    int rc = layr_jdb_text(j, st, 1, u->name, sizeof u->name);

    if (rc == 0)
        rc = layr_jdb_scheme(j, st, 3, &u->scheme);
    if (rc == 0 && size < 0)
        rc = layr_jdb_damaged(j, "a source of negative size");
    u->size = (uint64_t)size;
    u->started = sqlite3_column_int64(st, 5);
    u->keep_until = sqlite3_column_int64(st, 6);
    if (rc == 0)
        rc = layr_jdb_busy(j, sqlite3_column_int64(st, 0));
    if (rc >= 0)
        u->running = rc == 1;
    return rc < 0 ? rc : 0;
}

int layr_journal_put_list(layr_journal_t *j, const char *name,
                          int (*fn)(void *ctx, const layr_unfinished_t *u), void *ctx)
{
    sqlite3_stmt *st = NULL;
    layr_unfinished_t u = {0};
    int rc, row = 0;

    if (j->key == NULL)
        return LAYR_ERR_KEY;
    rc = layr_jdb_query(j, &st,
                        "SELECT p.id, p.name, r.size, p.k, p.n, p.started, r.expires FROM put p"
                        " JOIN resume r ON r.put = p.id WHERE ?1 = '' OR p.name = ?1 ORDER BY p.id",
                        "t", name != NULL ? name : "");
    while (rc == 0 && (row = layr_jdb_row(j, st)) == 1) {
        rc = read_unfinished(j, st, &u);
        if (rc == 0)
            rc = fn(ctx, &u);
    }
    sqlite3_finalize(st);
    return rc != 0 ? rc : row;
}

int layr_journal_put_forget(layr_journal_t *j, const char *name)
{
    layr_put_entry_t e = {0};
    int rc;

    if (j->key == NULL)
        return LAYR_ERR_KEY;
    if (strlen(name) >= sizeof e.name)
        return LAYR_ERR_NOTFOUND;
    memcpy(e.name, name, strlen(name));
    rc = layr_jdb_begin(j, LAYR_JDB_SYNCED);
    if (rc != 0)
        return rc;
    rc = find_put(j, &e);
    if (rc == 0)
        rc = layr_jdb_busy(j, e.id);
    if (rc == 0)
        rc = layr_jdb_give_up(j, e.id);
    rc = layr_jdb_end(j, rc > 0 ? LAYR_ERR_EXISTS : rc);
    sodium_memzero(&e, sizeof e);
    return rc;
}
