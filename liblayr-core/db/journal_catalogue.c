/*
 * The journal and the catalogue on the network.  Triggers on the table of files note every change, whoever makes it, until
 * the catalogue has it: so a put whose catalogue could not be written, or that was killed before, is made up for by the next
 * program.  What the catalogue says of other machines' files becomes rows here.
 */
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "db/journal_db.h"

#define LOCK_BYTE (INT64_MAX - 1) /* of path-lock: far from any put's */
#define MONTH 2592000             /* an entry whose time is up is remembered so long, for other machines */

int layr_journal_catalogue_lock(layr_journal_t *j)
{
    return layr_jdb_hold(j, LOCK_BYTE);
}

void layr_journal_catalogue_unlock(layr_journal_t *j)
{
    layr_jdb_let_go(j, LOCK_BYTE);
}

int layr_journal_catalogue_pending(layr_journal_t *j, uint64_t *out)
{
    int64_t count = 0;
    int rc = j->key == NULL ? LAYR_ERR_KEY : layr_jdb_number(j, &count, "SELECT count(*) FROM change", "");

    if (rc < 0)
        return rc;
    *out = (uint64_t)count;
    return 0;
}

/* --- from the network --- */

static int forget_change(layr_journal_t *j, const uint8_t record_id[32])
{
    return layr_jdb_run(j, "DELETE FROM change WHERE record_id = ?", "k", record_id);
}

/* 1 and whether it is of a removal, 0 when nothing is to be told of this file. */
static int own_change(layr_journal_t *j, const uint8_t record_id[32], bool *gone)
{
    int64_t flag = 0;
    int rc = layr_jdb_number(j, &flag, "SELECT gone FROM change WHERE record_id = ?", "k", record_id);

    *gone = flag != 0;
    return rc;
}

/* A file has it, or a put under way will. */
static int is_taken(layr_journal_t *j, const char *name)
{
    int64_t one;
    int rc = layr_jdb_name_is_free(j, name);

    if (rc != 0)
        return rc == LAYR_ERR_EXISTS ? 1 : rc;
    return layr_jdb_number(j, &one, "SELECT 1 FROM put WHERE name = ? AND name <> ''", "t", name);
}

/* The name here, when the file is: 1; or one that is free, as near to the other machine's as can be. */
static int local_name(layr_journal_t *j, const layr_catalogue_entry_t *e, layr_file_entry_t *f)
{
    sqlite3_stmt *st = NULL;
    char id[9];
    int rc = layr_jdb_query(j, &st,
                            "SELECT name, size, until, created, record_id IN (SELECT record_id FROM"
                            " folder) FROM file WHERE record_id = ?",
                            "k", e->record_id),
        have;

    if (rc != 0)
        return rc;
    have = layr_jdb_row(j, st);
    if (have == 1) {
        rc = layr_jdb_text(j, st, 0, f->name, sizeof f->name);
        f->size = (uint64_t)sqlite3_column_int64(st, 1);
        f->until = sqlite3_column_int64(st, 2);
        f->created = sqlite3_column_int64(st, 3);
        f->is_folder = sqlite3_column_int64(st, 4) != 0;
    }
    sqlite3_finalize(st);
    if (rc != 0 || have != 0)
        return rc != 0 ? rc : have;
    snprintf(f->name, sizeof f->name, "%s", e->name);
    rc = is_taken(j, f->name);
    if (rc == 1) {
        layr_hex(id, e->record_id, 4);
        snprintf(f->name, sizeof f->name, "%.*s~%s", (int)sizeof f->name - 10, e->name, id);
        rc = is_taken(j, f->name);
    }
    if (rc == 1) { /* then it has none */
        f->name[0] = 0;
        rc = 0;
    }
    return rc;
}

static int take_file(layr_journal_t *j, const layr_catalogue_entry_t *e)
{
    layr_file_entry_t f = {0};
    layr_file_keys_t k = {0};
    int have = local_name(j, e, &f), rc = have < 0 ? have : 0;

    if (have == 1 && f.size == e->size && f.until == e->until && f.created == e->created &&
        f.is_folder == e->is_folder)
        return 0;
    layr_file_keys_from_write(&k, e->W);
    if (rc == 0 && memcmp(k.record_id, e->record_id, 32) == 0) { /* else nobody could use it */
        memcpy(f.W, e->W, sizeof f.W);
        memcpy(f.record_id, e->record_id, sizeof f.record_id);
        f.size = e->size;
        f.scheme = e->scheme;
        f.created = e->created;
        f.until = e->until;
        f.is_folder = e->is_folder;
        rc = layr_jdb_file_replace(j, &f);
        if (rc == 0)
            rc = forget_change(j, e->record_id);
    }
    layr_file_keys_wipe(&k);
    sodium_memzero(&f, sizeof f);
    return rc;
}

static int take_entry(layr_journal_t *j, const layr_catalogue_entry_t *e)
{
    bool gone = false;
    int own = own_change(j, e->record_id, &gone), rc = own < 0 ? own : 0;

    if (rc != 0 || (own == 1 && !e->gone))
        return rc; /* what this machine did last is still to be told */
    if (!e->gone)
        return take_file(j, e);
    rc = layr_jdb_run(j, "DELETE FROM file WHERE record_id = ?", "k", e->record_id);
    return rc == 0 ? forget_change(j, e->record_id) : rc;
}

int layr_journal_is_blank(layr_journal_t *j, const uint8_t catalogue[32], bool *blank)
{
    int64_t one;
    int rc = layr_jdb_number(
        j, &one, "SELECT 1 FROM file UNION SELECT 1 FROM change UNION SELECT 1 FROM seen WHERE record_id = ?",
        "k", catalogue);

    *blank = rc == 0;
    return rc < 0 ? rc : 0;
}

/* A machine that knows nothing learns where the hosts are, too. */
static int take_hosts(layr_journal_t *j, const uint8_t catalogue[32], const layr_catalogue_t *c)
{
    bool blank = false;
    int rc = layr_journal_is_blank(j, catalogue, &blank);

    for (size_t i = 0; rc == 0 && blank && i < c->host_count; i++)
        rc = layr_jdb_run(j, "INSERT OR REPLACE INTO host (id, url) VALUES (?, ?)", "kt", c->host[i].id,
                          c->host[i].url);
    return rc;
}

int layr_journal_catalogue_take(layr_journal_t *j, const uint8_t catalogue[32], const layr_catalogue_t *c)
{
    int rc = j->key == NULL ? LAYR_ERR_KEY : layr_jdb_begin(j, LAYR_JDB_SYNCED);

    if (rc != 0)
        return rc;
    rc = take_hosts(j, catalogue, c);
    for (size_t i = 0; rc == 0 && i < c->count; i++)
        rc = take_entry(j, &c->entry[i]);
    if (rc == 0)
        rc = layr_jdb_listed_take(j, c);
    return layr_jdb_end(j, rc);
}

int layr_journal_host_each(layr_journal_t *j, int (*fn)(void *ctx, const uint8_t id[32], const char *url),
                           void *ctx)
{
    sqlite3_stmt *st = NULL;
    uint8_t id[32] = {0};
    char url[LAYR_URL_MAX + 1];
    int rc =
        j->key == NULL ? LAYR_ERR_KEY : layr_jdb_query(j, &st, "SELECT id, url FROM host ORDER BY id", "");
    int row = 0;

    while (rc == 0 && (row = layr_jdb_row(j, st)) == 1) {
        rc = layr_jdb_bytes(j, st, 0, id, sizeof id);
        if (rc == 0)
            rc = layr_jdb_text(j, st, 1, url, sizeof url);
        if (rc == 0)
            rc = fn(ctx, id, url);
    }
    sqlite3_finalize(st);
    return rc != 0 ? rc : row;
}

/* --- to the network --- */

typedef struct fill {
    layr_journal_t *j;
    layr_catalogue_t *c;
    layr_time_t now;
    bool *changed;
} fill_t;

static int fill_gone(fill_t *f, int64_t *mark)
{
    sqlite3_stmt *st = NULL;
    int row = 0, rc = layr_jdb_query(
                     f->j, &st, "SELECT id, record_id, gone, until, changed FROM change ORDER BY id", "");

    while (rc == 0 && (row = layr_jdb_row(f->j, st)) == 1) {
        layr_catalogue_entry_t e = {.gone = true};

        *mark = sqlite3_column_int64(st, 0);
        *f->changed = true;
        if (sqlite3_column_int64(st, 2) == 0)
            continue;
        rc = layr_jdb_bytes(f->j, st, 1, e.record_id, sizeof e.record_id);
        e.until = sqlite3_column_int64(st, 3);
        e.changed = sqlite3_column_int64(st, 4);
        if (rc == 0)
            rc = layr_catalogue_set(f->c, &e, f->changed);
    }
    sqlite3_finalize(st);
    return rc != 0 ? rc : row;
}

/* A file whose change is to be told, or that the catalogue has never heard of: journals are older than catalogues. */
static int fill_file(void *ctx, const layr_file_entry_t *f)
{
    fill_t *fill = ctx;
    layr_catalogue_entry_t e = {0};
    bool gone = false;
    int rc = own_change(fill->j, f->record_id, &gone);

    if (rc < 0 || (rc == 0 && (layr_catalogue_find(fill->c, f->record_id) != NULL || f->until < fill->now)))
        return rc;
    memcpy(e.record_id, f->record_id, sizeof e.record_id);
    memcpy(e.W, f->W, sizeof e.W);
    memcpy(e.name, f->name, sizeof e.name);
    e.changed = fill->now;
    e.until = f->until;
    e.created = f->created;
    e.size = f->size;
    e.scheme = f->scheme;
    e.is_folder = f->is_folder;
    rc = layr_catalogue_set(fill->c, &e, fill->changed);
    sodium_memzero(&e, sizeof e);
    return rc;
}

int layr_journal_catalogue_fill(layr_journal_t *j, layr_catalogue_t *c, layr_time_t now,
                                const uint8_t own[16], int64_t *mark, bool *changed)
{
    fill_t f = {j, c, now, changed};
    int rc = j->key == NULL ? LAYR_ERR_KEY : 0;

    *mark = 0;
    if (rc == 0)
        rc = fill_gone(&f, mark);
    if (rc == 0)
        rc = layr_journal_file_list(j, fill_file, &f);
    if (rc == 0)
        rc = layr_jdb_listed_fill(j, c, now, own, changed);
    if (rc == 0)
        layr_catalogue_expire(c, now - MONTH);
    return rc;
}

int layr_journal_catalogue_done(layr_journal_t *j, int64_t mark)
{
    int rc = j->key == NULL ? LAYR_ERR_KEY : layr_jdb_begin(j, LAYR_JDB_LAZY);

    return rc == 0 ? layr_jdb_end(j, layr_jdb_run(j, "DELETE FROM change WHERE id <= ?", "i", mark)) : rc;
}
