/* The files put, and the newest record seen of any file. */
#include <sodium.h>
#include <string.h>

#include "db/journal_db.h"

/* A file that is being removed is none any more, although its name stays taken until that is done. */
#define COLUMNS                                                                                              \
    "SELECT record_id, sealed, name, size, k, n, created, until,"                                            \
    " record_id IN (SELECT record_id FROM folder) FROM file"                                                 \
    " WHERE record_id NOT IN (SELECT bound FROM gone) "

int layr_jdb_file_insert(layr_journal_t *j, const layr_file_entry_t *f)
{
    uint8_t sealed[LAYR_JDB_SEALED_BYTES] = {0};
    int rc;

    if (memchr(f->name, 0, sizeof f->name) == NULL || !layr_scheme_ok(f->scheme) || f->size > INT64_MAX)
        return LAYR_ERR_ARG;
    rc = layr_jdb_seal(j, sealed, f->W, f->record_id);
    if (rc != 0)
        return rc;
    rc = layr_jdb_run(j,
                      "INSERT INTO file (record_id, sealed, name, size, k, n, created, until)"
                      " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                      "kstiiiii", f->record_id, sealed, f->name, (int64_t)f->size, (int64_t)f->scheme.k,
                      (int64_t)f->scheme.n, (int64_t)f->created, (int64_t)f->until);
    if (rc == 0 && f->is_folder)
        rc = layr_jdb_run(j, "INSERT INTO folder (record_id) VALUES (?)", "k", f->record_id);
    return rc;
}

/* Where the name is free again for it, or was its own. */
int layr_jdb_file_replace(layr_journal_t *j, const layr_file_entry_t *f)
{
    int rc = layr_jdb_run(j, "DELETE FROM file WHERE record_id = ?", "k", f->record_id);

    return rc == 0 ? layr_jdb_file_insert(j, f) : rc;
}

/* A row of COLUMNS. */
static int read_row(layr_journal_t *j, sqlite3_stmt *st, layr_file_entry_t *f)
{
    uint8_t sealed[LAYR_JDB_SEALED_BYTES] = {0};
    int64_t size = sqlite3_column_int64(st, 3);
    int rc = layr_jdb_bytes(j, st, 0, f->record_id, sizeof f->record_id);

    if (rc == 0)
        rc = layr_jdb_bytes(j, st, 1, sealed, sizeof sealed);
    if (rc == 0)
        rc = layr_jdb_text(j, st, 2, f->name, sizeof f->name);
    if (rc == 0)
        rc = layr_jdb_scheme(j, st, 4, &f->scheme);
    if (rc == 0 && size < 0)
        rc = layr_jdb_damaged(j, "a file of negative size");
    if (rc != 0)
        return rc;
    f->size = (uint64_t)size;
    f->created = sqlite3_column_int64(st, 6);
    f->until = sqlite3_column_int64(st, 7);
    f->is_folder = sqlite3_column_int64(st, 8) != 0;
    return layr_jdb_unseal(j, f->W, sealed, f->record_id);
}

/* The one row of a query, which is finalized; out is set only when there is one. */
static int read_one(layr_journal_t *j, sqlite3_stmt *st, layr_file_entry_t *out)
{
    layr_file_entry_t f = {0};
    int rc = layr_jdb_row(j, st);

    if (rc == 1)
        rc = read_row(j, st, &f);
    else if (rc == 0)
        rc = LAYR_ERR_NOTFOUND;
    if (rc == 0)
        *out = f;
    sqlite3_finalize(st);
    sodium_memzero(&f, sizeof f);
    return rc;
}

int layr_journal_file_find(layr_journal_t *j, layr_file_entry_t *out, const char *name)
{
    sqlite3_stmt *st = NULL;
    int rc;

    if (j->key == NULL)
        return LAYR_ERR_KEY;
    rc = layr_jdb_query(j, &st, COLUMNS "AND name = ? AND name <> ''", "t", name);
    return rc == 0 ? read_one(j, st, out) : rc;
}

int layr_journal_file_by_id(layr_journal_t *j, layr_file_entry_t *out, const uint8_t record_id[32])
{
    sqlite3_stmt *st = NULL;
    int rc;

    if (j->key == NULL)
        return LAYR_ERR_KEY;
    rc = layr_jdb_query(j, &st, COLUMNS "AND record_id = ?", "k", record_id);
    return rc == 0 ? read_one(j, st, out) : rc;
}

int layr_journal_file_list(layr_journal_t *j, int (*fn)(void *ctx, const layr_file_entry_t *f), void *ctx)
{
    sqlite3_stmt *st = NULL;
    layr_file_entry_t f = {0};
    int rc, row = 0;

    if (j->key == NULL)
        return LAYR_ERR_KEY;
    rc = layr_jdb_query(j, &st, COLUMNS "ORDER BY created DESC, record_id", "");
    while (rc == 0 && (row = layr_jdb_row(j, st)) == 1) {
        rc = read_row(j, st, &f);
        if (rc == 0)
            rc = fn(ctx, &f);
    }
    sqlite3_finalize(st);
    sodium_memzero(&f, sizeof f);
    return rc != 0 ? rc : row;
}

int layr_journal_file_remove(layr_journal_t *j, const uint8_t record_id[32])
{
    int rc;

    if (j->key == NULL)
        return LAYR_ERR_KEY;
    rc = layr_jdb_begin(j, LAYR_JDB_SYNCED);
    if (rc == 0)
        rc = layr_jdb_end(j, layr_jdb_run(j, "DELETE FROM file WHERE record_id = ?", "k", record_id));
    return rc;
}

int layr_journal_seen_get(layr_journal_t *j, const uint8_t record_id[32], uint64_t *seq, uint8_t sha256[32])
{
    sqlite3_stmt *st = NULL;
    uint64_t s = 0;
    uint8_t h[32] = {0};
    int rc = layr_jdb_query(j, &st, "SELECT seq, sha256 FROM seen WHERE record_id = ?", "k", record_id);

    if (rc == 0)
        rc = layr_jdb_row(j, st);
    if (rc == 1) {
        rc = layr_jdb_u64(j, st, 0, &s);
        if (rc == 0)
            rc = layr_jdb_bytes(j, st, 1, h, sizeof h);
    } else if (rc == 0)
        rc = LAYR_ERR_NOTFOUND;
    sqlite3_finalize(st);
    if (rc != 0)
        return rc;
    *seq = s;
    memcpy(sha256, h, sizeof h);
    return 0;
}

int layr_journal_seen_set(layr_journal_t *j, const uint8_t record_id[32], uint64_t seq,
                          const uint8_t sha256[32])
{
    int rc = layr_jdb_begin(j, LAYR_JDB_LAZY);

    if (rc == 0)
        rc = layr_jdb_end(j, layr_jdb_run(j,
                                          "INSERT INTO seen (record_id, seq, sha256) VALUES (?, ?, ?)"
                                          " ON CONFLICT (record_id) DO UPDATE SET seq = excluded.seq,"
                                          " sha256 = excluded.sha256 WHERE excluded.seq >= seen.seq",
                                          "kqk", record_id, seq, sha256));
    return rc;
}
