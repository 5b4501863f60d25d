/*
 * What the journal's files share: its handle, and short helpers over SQLite.  One connection, no statement
 * kept from call to call; every helper turns SQLite's result into the library's and leaves a sentence in the
 * handle.
 */
#ifndef LAYR_DB_JOURNAL_DB_H
#define LAYR_DB_JOURNAL_DB_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "layr/journal.h"

#define LAYR_JDB_APP_ID 0x4c61796a /* "Layj": says what the file is, to file(1) and to us */
#define LAYR_JDB_VERSION 1
#define LAYR_JDB_SEALED_BYTES (24 + LAYR_KEY_BYTES + 16) /* nonce, secret, tag */

/* How much a commit must survive. */
typedef enum layr_jdb_level {
    LAYR_JDB_LAZY = 1, /* a killed process; a power cut may take the last commits, never the order of them */
    LAYR_JDB_SYNCED    /* a power cut */
} layr_jdb_level_t;

struct layr_journal {
    sqlite3 *db;
    char *path;
    uint8_t *key;           /* sodium_malloc'd KDF(master, "journal"); NULL without a master */
    int lock_fd;            /* of path-lock; -1 until a put begins */
    layr_jdb_level_t level; /* of the connection now */
    char error[512];
};

/* Remember a sentence; returns code. */
int layr_jdb_fail(layr_journal_t *j, int code, const char *fmt, ...) LAYR_PRINTF(3, 4);
/* What a person is told about a damaged journal; gives LAYR_ERR_FORMAT. */
int layr_jdb_damaged(layr_journal_t *j, const char *what);
/* An SQLite result other than OK, ROW, DONE, as ours. */
int layr_jdb_error(layr_journal_t *j, int sqlite_rc);

/*
 * Prepare and bind, in the order of fmt: 'i' int64_t, 't' const char *, 'g' const uint8_t * to 16 bytes, 'k'
 * to 32, 's' to LAYR_JDB_SEALED_BYTES, 'q' uint64_t as 8 bytes big-endian (so that SQLite orders it as
 * unsigned).
 */
int layr_jdb_query(layr_journal_t *j, sqlite3_stmt **out, const char *sql, const char *fmt, ...) LAYR_CHECKED;
/* The next row: 1, 0 at the end, or an error. */
int layr_jdb_row(layr_journal_t *j, sqlite3_stmt *st) LAYR_CHECKED;
/* The number in a statement's first row: 1, 0 when it has none, or an error. */
int layr_jdb_number(layr_journal_t *j, int64_t *out, const char *sql, const char *fmt, ...) LAYR_CHECKED;
/* The same for a statement that gives no rows. */
int layr_jdb_run(layr_journal_t *j, const char *sql, const char *fmt, ...) LAYR_CHECKED;
/* A column that must have exactly this length; text that must fit; a sequence: else LAYR_ERR_FORMAT. */
int layr_jdb_bytes(layr_journal_t *j, sqlite3_stmt *st, int col, uint8_t *out, size_t len) LAYR_CHECKED;
int layr_jdb_text(layr_journal_t *j, sqlite3_stmt *st, int col, char *out, size_t cap) LAYR_CHECKED;
int layr_jdb_u64(layr_journal_t *j, sqlite3_stmt *st, int col, uint64_t *out) LAYR_CHECKED;
int layr_jdb_scheme(layr_journal_t *j, sqlite3_stmt *st, int col, layr_scheme_t *out) LAYR_CHECKED;

/* A write transaction. end: commit when rc is 0, else roll back; returns rc or why the commit failed. */
int layr_jdb_begin(layr_journal_t *j, layr_jdb_level_t level) LAYR_CHECKED;
int layr_jdb_end(layr_journal_t *j, int rc) LAYR_CHECKED;

/* Seal and open a write secret; bound is the 32 bytes it belongs to. LAYR_ERR_KEY without a master. */
int layr_jdb_seal(layr_journal_t *j, uint8_t out[LAYR_JDB_SEALED_BYTES], const uint8_t W[32],
                  const uint8_t bound[32]) LAYR_CHECKED;
int layr_jdb_unseal(layr_journal_t *j, uint8_t W[32], const uint8_t in[LAYR_JDB_SEALED_BYTES],
                    const uint8_t bound[32]) LAYR_CHECKED;

/* Make a new journal at path, whole or not at all. LAYR_OK also when another process was first. */
int layr_jdb_create(const char *path, layr_diag_t *d) LAYR_CHECKED;
/* Give path's folder its fsync: a name is durable when its folder is. */
int layr_jdb_sync_folder(const char *path) LAYR_CHECKED;

/*
 * Records to be taken back when the put or the removal of that number ends before its time: see journal_gone.c.
 * bound: what the secret is sealed to, which for a removal is the file's record id. Made on opening, as journals
 * of earlier versions have none.
 */
#define LAYR_JDB_GONE                                                                                        \
    "CREATE TABLE IF NOT EXISTS gone (put INTEGER PRIMARY KEY, sealed BLOB NOT NULL, bound BLOB NOT NULL,"   \
    " until INTEGER NOT NULL, hosts BLOB NOT NULL)"

/* Orders to be released from `due` on: see journal_later.c. put: whose they are, 0 for those of the version before. */
#define LAYR_JDB_LATER                                                                                       \
    "CREATE TABLE IF NOT EXISTS later (order_id BLOB PRIMARY KEY, host BLOB NOT NULL, grp BLOB NOT NULL,"    \
    " url TEXT NOT NULL, due INTEGER NOT NULL, put INTEGER NOT NULL, sealed BLOB NOT NULL,"                  \
    " bound BLOB NOT NULL) WITHOUT ROWID"

/*
 * Changes of files that the catalogue on the network does not have yet, and hosts that it named: see
 * journal_catalogue.c. An id is never used twice, so that a change made while the catalogue is written is not lost.
 */
#define LAYR_JDB_NOW "CAST(strftime('%s', 'now') AS INTEGER)"
#define LAYR_JDB_TRIGGER(when, row, gone)                                                                    \
    "CREATE TRIGGER IF NOT EXISTS file_" when " AFTER " when " ON file BEGIN"                                \
    " INSERT OR REPLACE INTO change (record_id, gone, until, changed)"                                       \
    " VALUES (" row ".record_id, " gone ", " row ".until, " LAYR_JDB_NOW "); END;"
#define LAYR_JDB_CATALOGUE                                                                                   \
    "CREATE TABLE IF NOT EXISTS change (id INTEGER PRIMARY KEY AUTOINCREMENT, record_id BLOB NOT NULL"       \
    " UNIQUE, gone INTEGER NOT NULL, until INTEGER NOT NULL, changed INTEGER NOT NULL);"                     \
    "CREATE TABLE IF NOT EXISTS host (id BLOB PRIMARY KEY, url TEXT NOT NULL) WITHOUT "                      \
    "ROWID;" LAYR_JDB_TRIGGER("INSERT", "NEW", "0") LAYR_JDB_TRIGGER("UPDATE", "NEW", "0")                   \
        LAYR_JDB_TRIGGER("DELETE", "OLD", "1")

/* Orders to be released that the catalogue on the network lists, as far as is known here: see journal_listed.c. */
#define LAYR_JDB_LISTED "CREATE TABLE IF NOT EXISTS listed (order_id BLOB PRIMARY KEY) WITHOUT ROWID"
/* Inside the caller's transaction. */
int layr_jdb_listed_take(layr_journal_t *j, const layr_catalogue_t *c) LAYR_CHECKED;
int layr_jdb_listed_fill(layr_journal_t *j, layr_catalogue_t *c, layr_time_t now, const uint8_t own[16],
                         bool *changed) LAYR_CHECKED;

/* Which files are folders: beside the table of files, as journals of earlier versions have none. */
#define LAYR_JDB_FOLDER                                                                                      \
    "CREATE TABLE IF NOT EXISTS folder (record_id BLOB PRIMARY KEY REFERENCES file(record_id)"               \
    " ON DELETE CASCADE) WITHOUT ROWID"

/* How files are kept: see journal_watch.c. A row outlives its file's versions, and is pruned when the file has gone. */
#define LAYR_JDB_WATCH                                                                                       \
    "CREATE TABLE IF NOT EXISTS watch (record_id BLOB PRIMARY KEY, created INTEGER NOT NULL,"                \
    " until INTEGER NOT NULL, term INTEGER NOT NULL, next_sample INTEGER NOT NULL, next_audit INTEGER"       \
    " NOT NULL, next_renew INTEGER NOT NULL, not_before INTEGER NOT NULL, failures INTEGER NOT NULL,"        \
    " last_sample INTEGER NOT NULL, last_audit INTEGER NOT NULL, last_renew INTEGER NOT NULL,"               \
    " last_patch INTEGER NOT NULL, good INTEGER NOT NULL, rows INTEGER NOT NULL, needed INTEGER NOT NULL,"   \
    " lost INTEGER NOT NULL, wrong TEXT NOT NULL) WITHOUT ROWID"

/* A byte of path-lock, held until let go or the process ends. LAYR_ERR_IO: another process has it. */
int layr_jdb_hold(layr_journal_t *j, int64_t byte) LAYR_CHECKED;
void layr_jdb_let_go(layr_journal_t *j, int64_t byte);
/* LAYR_ERR_EXISTS when a file has the name; "" is always free. */
int layr_jdb_name_is_free(layr_journal_t *j, const char *name) LAYR_CHECKED;

/*
 * Puts that are kept when they are cut off, and the salts of their shards: see journal_resume.c. They go with their
 * put and their order.
 */
#define LAYR_JDB_RESUME                                                                                      \
    "CREATE TABLE IF NOT EXISTS resume (put INTEGER PRIMARY KEY REFERENCES put(id) ON DELETE CASCADE,"       \
    " size INTEGER NOT NULL, mtime INTEGER NOT NULL, expires INTEGER NOT NULL, tries INTEGER NOT NULL)"
#define LAYR_JDB_PUT_ROW                                                                                     \
    "CREATE TABLE IF NOT EXISTS put_row (order_id BLOB PRIMARY KEY"                                          \
    " REFERENCES put_order(order_id) ON DELETE CASCADE, put INTEGER NOT NULL, salt BLOB NOT NULL,"           \
    " page INTEGER NOT NULL, used INTEGER NOT NULL) WITHOUT ROWID"
#define LAYR_JDB_PUT_ROW_SALT "CREATE INDEX IF NOT EXISTS put_row_salt ON put_row(put, salt)"

/* A row of `resume` for a put that begins, inside the caller's transaction. */
int layr_jdb_keep(layr_journal_t *j, int64_t put, const layr_put_entry_t *e) LAYR_CHECKED;
/* Orders of a put that was taken up again which its file does not name become releases. */
int layr_jdb_release_unused(layr_journal_t *j, int64_t put) LAYR_CHECKED;

/* Has anybody that byte of path-lock? 1 or 0. */
int layr_jdb_busy(layr_journal_t *j, int64_t put) LAYR_CHECKED;
/* Inside the caller's transaction: all orders of the put become releases, and its row goes. */
int layr_jdb_give_up(layr_journal_t *j, int64_t put) LAYR_CHECKED;

/* Inside the caller's transaction: insert a file, or put it in the place of the one with its record id. */
int layr_jdb_file_insert(layr_journal_t *j, const layr_file_entry_t *f) LAYR_CHECKED;
int layr_jdb_file_replace(layr_journal_t *j, const layr_file_entry_t *f) LAYR_CHECKED;
/* Likewise: of this put's orders only these are to be released later. */
int layr_jdb_update_named(layr_journal_t *j, int64_t put, const uint8_t (*orphans)[16],
                          size_t count) LAYR_CHECKED;

#endif
