/* The journal's helpers over SQLite: statements, columns, transactions, and errors as the library's. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "db/journal_db.h"
#include "layr/bytes.h"

int layr_jdb_fail(layr_journal_t *j, int code, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(j->error, sizeof j->error, fmt, ap);
    va_end(ap);
    return code;
}

int layr_jdb_damaged(layr_journal_t *j, const char *what)
{
    return layr_jdb_fail(j, LAYR_ERR_FORMAT,
                         "journal %s is damaged (%s): put a copy of it back, or move it away to start a new "
                         "one (files can then be reached by their caps only)",
                         j->path, what);
}

static int constraint(layr_journal_t *j)
{
    switch (sqlite3_extended_errcode(j->db)) {
    case SQLITE_CONSTRAINT_FOREIGNKEY:
        return LAYR_ERR_NOTFOUND;
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
        return LAYR_ERR_EXISTS;
    default:
        return layr_jdb_fail(j, LAYR_ERR_DB, "journal %s: %s", j->path, sqlite3_errmsg(j->db));
    }
}

static int no_room(layr_journal_t *j)
{
    return layr_jdb_fail(j, LAYR_ERR_NOSPACE,
                         "no room left on the disk that holds the journal %s: make room there and try again",
                         j->path);
}

/* SQLite knows ENOSPC as FULL; a disk quota is an I/O error to it. */
static int disk_failed(layr_journal_t *j, int number)
{
    if (number == ENOSPC || number == EDQUOT)
        return no_room(j);
    return layr_jdb_fail(j, LAYR_ERR_IO,
                         "journal %s: %s%s%s: look after the disk that holds it, and try again", j->path,
                         sqlite3_errmsg(j->db), number != 0 ? ": " : "", number != 0 ? strerror(number) : "");
}

int layr_jdb_error(layr_journal_t *j, int sqlite_rc)
{
    switch (sqlite_rc & 0xff) {
    case SQLITE_NOMEM:
        return layr_jdb_fail(j, LAYR_ERR_NOMEM, "out of memory");
    case SQLITE_FULL:
        return no_room(j);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return layr_jdb_fail(
            j, LAYR_ERR_FORMAT,
            "journal %s is damaged (%s): put a copy of it back, or move it away to start a new "
            "one (files can then be reached by their caps only)",
            j->path, sqlite3_errmsg(j->db));
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return layr_jdb_fail(j, LAYR_ERR_DB,
                             "journal %s: another program has held it for 10 seconds: try again", j->path);
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
        return layr_jdb_fail(j, LAYR_ERR_IO,
                             "cannot open journal %s for writing (%s): check the modes of it and its folder",
                             j->path, sqlite3_errmsg(j->db));
    case SQLITE_IOERR:
        return disk_failed(j, sqlite3_system_errno(j->db));
    case SQLITE_CONSTRAINT:
        return constraint(j);
    default:
        return layr_jdb_fail(j, LAYR_ERR_DB, "journal %s: %s", j->path, sqlite3_errmsg(j->db));
    }
}

static int bind_u64(sqlite3_stmt *st, int i, uint64_t v)
{
    uint8_t b[8];

    for (int k = 0; k < 8; k++)
        b[k] = (uint8_t)(v >> (56 - 8 * k));
    return sqlite3_bind_blob(st, i, b, sizeof b, SQLITE_TRANSIENT);
}

static int bind_bytes(sqlite3_stmt *st, int i, const uint8_t *p, int len)
{
    return sqlite3_bind_blob(st, i, p, len, SQLITE_TRANSIENT);
}

static int bind_one(sqlite3_stmt *st, int i, char kind, va_list *ap)
{
    switch (kind) {
    case 'i':
        return sqlite3_bind_int64(st, i, va_arg(*ap, int64_t));
    case 't':
        return sqlite3_bind_text(st, i, va_arg(*ap, const char *), -1, SQLITE_TRANSIENT);
    case 'g':
        return bind_bytes(st, i, va_arg(*ap, const uint8_t *), 16);
    case 'k':
        return bind_bytes(st, i, va_arg(*ap, const uint8_t *), 32);
    case 's':
        return bind_bytes(st, i, va_arg(*ap, const uint8_t *), LAYR_JDB_SEALED_BYTES);
    case 'q':
        return bind_u64(st, i, va_arg(*ap, uint64_t));
    default:
        return SQLITE_MISUSE;
    }
}

static int query(layr_journal_t *j, sqlite3_stmt **out, const char *sql, const char *fmt, va_list *ap)
{
    sqlite3_stmt *st = NULL;
    int rc = sqlite3_prepare_v2(j->db, sql, -1, &st, NULL);

    for (int i = 0; rc == SQLITE_OK && fmt[i] != 0; i++)
        rc = bind_one(st, i + 1, fmt[i], ap);
    if (rc != SQLITE_OK) {
        rc = layr_jdb_error(j, rc);
        sqlite3_finalize(st);
        return rc;
    }
    *out = st;
    return 0;
}

int layr_jdb_query(layr_journal_t *j, sqlite3_stmt **out, const char *sql, const char *fmt, ...)
{
    va_list ap;
    int rc;

    va_start(ap, fmt);
    rc = query(j, out, sql, fmt, &ap);
    va_end(ap);
    return rc;
}

int layr_jdb_row(layr_journal_t *j, sqlite3_stmt *st)
{
    int rc = sqlite3_step(st);

    if (rc == SQLITE_ROW)
        return 1;
    return rc == SQLITE_DONE ? 0 : layr_jdb_error(j, rc);
}

int layr_jdb_number(layr_journal_t *j, int64_t *out, const char *sql, const char *fmt, ...)
{
    sqlite3_stmt *st = NULL;
    va_list ap;
    int rc;

    va_start(ap, fmt);
    rc = query(j, &st, sql, fmt, &ap);
    va_end(ap);
    if (rc == 0)
        rc = layr_jdb_row(j, st);
    if (rc == 1)
        *out = sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    return rc;
}

int layr_jdb_run(layr_journal_t *j, const char *sql, const char *fmt, ...)
{
    sqlite3_stmt *st = NULL;
    va_list ap;
    int rc;

    va_start(ap, fmt);
    rc = query(j, &st, sql, fmt, &ap);
    va_end(ap);
    if (rc == 0)
        rc = layr_jdb_row(j, st);
    sqlite3_finalize(st);
    return rc > 0 ? 0 : rc;
}

static int senseless(layr_journal_t *j)
{
    return layr_jdb_damaged(j, "a row makes no sense");
}

int layr_jdb_bytes(layr_journal_t *j, sqlite3_stmt *st, int col, uint8_t *out, size_t len)
{
    const void *p = sqlite3_column_blob(st, col);

    if (p == NULL || (size_t)sqlite3_column_bytes(st, col) != len)
        return senseless(j);
    memcpy(out, p, len);
    return 0;
}

int layr_jdb_text(layr_journal_t *j, sqlite3_stmt *st, int col, char *out, size_t cap)
{
    const unsigned char *p = sqlite3_column_text(st, col);
    size_t len = (size_t)sqlite3_column_bytes(st, col);

    if (p == NULL || len >= cap || memchr(p, 0, len) != NULL)
        return senseless(j);
    memcpy(out, p, len);
    out[len] = 0;
    return 0;
}

int layr_jdb_u64(layr_journal_t *j, sqlite3_stmt *st, int col, uint64_t *out)
{
    uint8_t b[8] = {0};
    uint64_t v = 0;
    int rc = layr_jdb_bytes(j, st, col, b, sizeof b);

    if (rc != 0)
        return rc;
    for (int k = 0; k < 8; k++)
        v = v << 8 | b[k];
    *out = v;
    return 0;
}

int layr_jdb_scheme(layr_journal_t *j, sqlite3_stmt *st, int col, layr_scheme_t *out)
{
    int64_t k = sqlite3_column_int64(st, col), n = sqlite3_column_int64(st, col + 1);

    if (k < 1 || k > n || n > LAYR_N_MAX)
        return senseless(j);
    out->k = (uint8_t)k;
    out->n = (uint8_t)n;
    return 0;
}

static int set_level(layr_journal_t *j, layr_jdb_level_t level)
{
    int rc;

    if (j->level == level)
        return 0;
    rc = sqlite3_exec(j->db,
                      level == LAYR_JDB_SYNCED ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL",
                      NULL, NULL, NULL);
    if (rc != SQLITE_OK)
        return layr_jdb_error(j, rc);
    j->level = level;
    return 0;
}

/* IMMEDIATE: what is going to write waits for its turn here, and never has to start again in the middle. */
int layr_jdb_begin(layr_journal_t *j, layr_jdb_level_t level)
{
    int rc = set_level(j, level);

    return rc == 0 ? layr_jdb_run(j, "BEGIN IMMEDIATE", "") : rc;
}

int layr_jdb_end(layr_journal_t *j, int rc)
{
    if (rc == 0)
        rc = layr_jdb_run(j, "COMMIT", "");
    if (rc != 0 && !sqlite3_get_autocommit(j->db))
        sqlite3_exec(j->db, "ROLLBACK", NULL, NULL, NULL);
    return rc;
}
