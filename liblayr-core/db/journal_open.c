/*
 * Opening the journal.  A new one is made under another name and linked into place when it is whole, so that
 * the file is never seen empty: an empty one is a damaged one, and is not taken for a new start.
 */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "db/fault_vfs.h"
#include "db/journal_db.h"

#define BUSY_MS 10000

/* u64 values are 8 bytes big-endian where all 64 bits may count (seq); sizes fit SQLite's 63. */
static const char SCHEMA[] =
    "CREATE TABLE owner (one INTEGER PRIMARY KEY CHECK (one = 1), proof BLOB NOT NULL);"
    "CREATE TABLE put (id INTEGER PRIMARY KEY AUTOINCREMENT, sealed BLOB NOT NULL, random BLOB NOT NULL,"
    " k INTEGER NOT NULL, n INTEGER NOT NULL, started INTEGER NOT NULL, until INTEGER NOT NULL, name TEXT "
    "NOT NULL,"
    " pid INTEGER NOT NULL);"
    "CREATE UNIQUE INDEX put_name ON put(name) WHERE name <> '';"
    "CREATE TABLE put_order (order_id BLOB PRIMARY KEY, put INTEGER NOT NULL REFERENCES put(id), shard BLOB "
    "NOT NULL,"
    " host BLOB NOT NULL, grp BLOB NOT NULL, url TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX put_order_shard ON put_order(put, shard, host);"
    "CREATE TABLE release (id INTEGER PRIMARY KEY, order_id BLOB NOT NULL UNIQUE, host BLOB NOT NULL,"
    " grp BLOB NOT NULL, url TEXT NOT NULL);"
    "CREATE INDEX release_group ON release(host, grp, id);"
    "CREATE TABLE file (record_id BLOB PRIMARY KEY, sealed BLOB NOT NULL, name TEXT NOT NULL, size INTEGER "
    "NOT NULL,"
    " k INTEGER NOT NULL, n INTEGER NOT NULL, created INTEGER NOT NULL, until INTEGER NOT NULL) WITHOUT "
    "ROWID;"
    "CREATE UNIQUE INDEX file_name ON file(name) WHERE name <> '';"
    "CREATE TABLE seen (record_id BLOB PRIMARY KEY, seq BLOB NOT NULL, sha256 BLOB NOT NULL) WITHOUT ROWID;";

int layr_jdb_sync_folder(const char *path)
{
    char *dir = strdup(path), *slash;
    int fd = -1, rc = LAYR_ERR_NOMEM;

    if (dir == NULL)
        goto done;
    slash = strrchr(dir, '/');
    if (slash != NULL)
        slash[slash == dir ? 1 : 0] = 0;
    rc = LAYR_ERR_IO;
    fd = open(slash != NULL ? dir : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0 && fsync(fd) == 0)
        rc = 0;
done:
    if (fd >= 0)
        close(fd);
    free(dir);
    return rc;
}

/* WAL is a property of the file: set here once, so that no opener has to convert it under another one's feet.
 */
static int fill(const char *temp)
{
    sqlite3 *db = NULL;
    char sql[128];
    int rc = sqlite3_open_v2(temp, &db, SQLITE_OPEN_READWRITE, NULL);

    snprintf(sql, sizeof sql, "PRAGMA journal_mode=WAL; PRAGMA application_id=%d; PRAGMA user_version=%d;",
             LAYR_JDB_APP_ID, LAYR_JDB_VERSION);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(db, sql, NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(db, SCHEMA, NULL, NULL, NULL);
    if (sqlite3_close(db) != SQLITE_OK && rc == SQLITE_OK)
        rc = SQLITE_ERROR;
    if (rc == SQLITE_FULL)
        return LAYR_ERR_NOSPACE;
    return rc == SQLITE_OK ? 0 : LAYR_ERR_DB;
}

/* Mode and bytes on disk before the name is given. */
static int settle(int fd, const char *temp, const char *path)
{
    if (fchmod(fd, S_IRUSR | S_IWUSR) != 0 || fsync(fd) != 0)
        return LAYR_ERR_IO;
    if (link(temp, path) != 0 && errno != EEXIST)
        return LAYR_ERR_IO;
    return layr_jdb_sync_folder(path);
}

int layr_jdb_create(const char *path, layr_diag_t *d)
{
    static const char suffix[] = ".XXXXXX";
    size_t len = strlen(path);
    char *temp = malloc(len + sizeof suffix);
    int fd = -1, rc = LAYR_ERR_IO;

    if (temp == NULL)
        return layr_diag_set(d, LAYR_ERR_NOMEM, "out of memory");
    memcpy(temp, path, len);
    memcpy(temp + len, suffix, sizeof suffix);
    fd = mkostemp(temp, O_CLOEXEC);
    if (fd < 0)
        goto done;
    rc = fill(temp);
    if (rc == 0)
        rc = settle(fd, temp, path);
done:
    if (rc == LAYR_ERR_IO)
        layr_diag_set(d, rc, "cannot create journal %s: %s", path, strerror(errno));
    else if (rc != 0)
        layr_diag_set(d, rc, "cannot create journal %s: %s", path, layr_strerror(rc));
    if (fd >= 0) {
        close(fd);
        unlink(temp);
    }
    free(temp);
    return rc;
}

/*
 * By name, never through a descriptor of ours: closing one would drop the locks that SQLite holds on the same
 * file for another connection of this process (POSIX locks belong to the process).
 */
static int check_file(const char *path, layr_diag_t *d)
{
    struct stat st;

    if (lstat(path, &st) != 0) {
        if (errno == ENOENT)
            return LAYR_ERR_NOTFOUND;
        return layr_diag_set(d, LAYR_ERR_IO, "cannot look at journal %s: %s", path, strerror(errno));
    }
    if (S_ISLNK(st.st_mode))
        return layr_diag_set(d, LAYR_ERR_IO, "journal %s is a symbolic link: name the file itself", path);
    if (!S_ISREG(st.st_mode))
        return layr_diag_set(d, LAYR_ERR_FORMAT, "%s is not a regular file, so it is no journal", path);
    if (st.st_mode & (S_IRWXG | S_IRWXO))
        return layr_diag_set(d, LAYR_ERR_CAP, "journal %s is open to others (mode %03o): chmod 600 it", path,
                             (unsigned)(st.st_mode & 0777));
    if (st.st_size == 0)
        return layr_diag_set(
            d, LAYR_ERR_FORMAT,
            "journal %s is empty, so it was damaged: put a copy of it back, or remove it to start a "
            "new one (files can then be reached by their caps only)",
            path);
    return 0;
}

static int pragma_int(layr_journal_t *j, const char *sql, int64_t *out)
{
    sqlite3_stmt *st = NULL;
    int rc = layr_jdb_query(j, &st, sql, "");

    if (rc == 0)
        rc = layr_jdb_row(j, st);
    if (rc == 1)
        *out = sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    if (rc == 0)
        rc = layr_jdb_fail(j, LAYR_ERR_DB, "journal %s: no answer from SQLite", j->path);
    return rc < 0 ? rc : 0;
}

static int check_version(layr_journal_t *j)
{
    int64_t app = 0, version = 0;
    int rc = pragma_int(j, "PRAGMA application_id", &app);

    if (rc == 0)
        rc = pragma_int(j, "PRAGMA user_version", &version);
    if (rc != 0)
        return rc;
    if (app != LAYR_JDB_APP_ID || version < 1)
        return layr_jdb_fail(j, LAYR_ERR_FORMAT, "%s is an SQLite file, but not a journal of Layr's",
                             j->path);
    if (version > LAYR_JDB_VERSION)
        return layr_jdb_fail(j, LAYR_ERR_VERSION,
                             "journal %s was written by a newer Layr (format %d, this one knows %d): "
                             "use that one",
                             j->path, (int)version, LAYR_JDB_VERSION);
    return 0;
}

/* Some milliseconds a MiB: damage is better known before a put than in the middle of one. */
static int check_pages(layr_journal_t *j)
{
    sqlite3_stmt *st = NULL;
    char word[128] = "";
    int rc = layr_jdb_query(j, &st, "PRAGMA quick_check(1)", "");

    if (rc == 0)
        rc = layr_jdb_row(j, st);
    if (rc == 1 && sqlite3_column_text(st, 0) != NULL)
        snprintf(word, sizeof word, "%s", (const char *)sqlite3_column_text(st, 0));
    sqlite3_finalize(st);
    if (rc < 0)
        return rc;
    return strcmp(word, "ok") == 0 ? 0 : layr_jdb_damaged(j, word);
}

static int connect_db(layr_journal_t *j)
{
    int rc = sqlite3_open_v2(j->path, &j->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_FULLMUTEX, LAYR_VFS);

    if (rc != SQLITE_OK)
        return j->db == NULL ? LAYR_ERR_NOMEM : layr_jdb_error(j, rc);
    sqlite3_extended_result_codes(j->db, 1);
    sqlite3_busy_timeout(j->db, BUSY_MS);
    sqlite3_db_config(j->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(j->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    /* secure_delete: a file that is forgotten leaves no name behind in free pages. */
    rc = sqlite3_exec(j->db, "PRAGMA foreign_keys=ON; PRAGMA secure_delete=ON; PRAGMA cell_size_check=ON",
                      NULL, NULL, NULL);
    if (rc != SQLITE_OK)
        return layr_jdb_error(j, rc);
    rc = check_version(j);
    return rc == 0 ? check_pages(j) : rc;
}

/* Reading is not enough: SQLite opens what it may not write without a word, and would fail in the middle of a
 * put. */
static int check_writable(layr_journal_t *j)
{
    int rc = sqlite3_db_readonly(j->db, "main");

    return rc == 0 ? 0 : layr_jdb_error(j, SQLITE_READONLY);
}

static int check_owner(layr_journal_t *j)
{
    uint8_t proof[32] = {0}, there[32] = {0};
    sqlite3_stmt *st = NULL;
    int rc = layr_jdb_begin(j, LAYR_JDB_SYNCED);

    if (rc != 0)
        return rc;
    layr_kdf0(proof, j->key, "proof");
    rc = layr_jdb_run(j, LAYR_JDB_GONE, "");
    if (rc == 0)
        rc = layr_jdb_run(j, LAYR_JDB_LATER, "");
    if (rc == 0 && sqlite3_exec(j->db, LAYR_JDB_CATALOGUE, NULL, NULL, NULL) != SQLITE_OK)
        rc = layr_jdb_error(j, sqlite3_errcode(j->db));
    if (rc == 0)
        rc = layr_jdb_run(j, LAYR_JDB_FOLDER, "");
    if (rc == 0)
        rc = layr_jdb_run(j, LAYR_JDB_LISTED, "");
    if (rc == 0)
        rc = layr_jdb_run(j, LAYR_JDB_RESUME, "");
    if (rc == 0)
        rc = layr_jdb_run(j, LAYR_JDB_PUT_ROW, "");
    if (rc == 0)
        rc = layr_jdb_run(j, LAYR_JDB_PUT_ROW_SALT, "");
    if (rc == 0)
        rc = layr_jdb_run(j, LAYR_JDB_WATCH, "");
    if (rc == 0)
        rc = layr_jdb_query(j, &st, "SELECT proof FROM owner", "");
    if (rc == 0)
        rc = layr_jdb_row(j, st);
    if (rc == 1)
        rc = layr_jdb_bytes(j, st, 0, there, sizeof there);
    else if (rc == 0) {
        rc = layr_jdb_run(j, "INSERT INTO owner (one, proof) VALUES (1, ?)", "k", proof);
        memcpy(there, proof, sizeof there);
    }
    sqlite3_finalize(st);
    if (rc == 0 && sodium_memcmp(proof, there, sizeof proof) != 0)
        rc = layr_jdb_fail(j, LAYR_ERR_KEY,
                           "journal %s belongs to another key: use the key it was made with, or another "
                           "home (--home)",
                           j->path);
    return layr_jdb_end(j, rc);
}

static int take_master(layr_journal_t *j, const uint8_t *master)
{
    j->key = sodium_malloc(LAYR_KEY_BYTES);
    if (j->key == NULL)
        return layr_jdb_fail(j, LAYR_ERR_NOMEM, "out of memory");
    layr_kdf0(j->key, master, "journal");
    return check_owner(j);
}

int layr_journal_open(layr_journal_t **out, const char *path, const uint8_t *master, layr_diag_t *d)
{
    layr_journal_t *j = NULL;
    int rc = check_file(path, d);

    if (rc == LAYR_ERR_NOTFOUND) {
        rc = layr_jdb_create(path, d);
        if (rc == 0)
            rc = check_file(path, d);
    }
    if (rc != 0)
        goto done;
    j = calloc(1, sizeof *j);
    if (j == NULL || (j->path = strdup(path)) == NULL) {
        rc = layr_diag_set(d, LAYR_ERR_NOMEM, "out of memory");
        goto done;
    }
    j->lock_fd = -1;
    rc = connect_db(j);
    if (rc == 0)
        rc = check_writable(j);
    if (rc == 0 && master != NULL)
        rc = take_master(j, master);
    if (rc != 0)
        layr_diag_set(d, rc, "%s", j->error);
    else {
        *out = j;
        j = NULL;
    }
done:
    layr_journal_close(j);
    return rc;
}

void layr_journal_close(layr_journal_t *j)
{
    if (j == NULL)
        return;
    if (j->path != NULL) { /* else it never got as far as having any of these */
        if (j->lock_fd >= 0)
            close(j->lock_fd);
        sqlite3_close(j->db);
        sodium_free(j->key);
        free(j->path);
    }
    free(j);
}

const char *layr_journal_error(const layr_journal_t *j)
{
    return j->error;
}

int layr_journal_diag(const layr_journal_t *j, int code, layr_diag_t *d)
{
    bool own =
        code == LAYR_ERR_DB || code == LAYR_ERR_IO || code == LAYR_ERR_NOSPACE || code == LAYR_ERR_FORMAT;

    return layr_diag_set(d, code, "%s", own && *j->error ? j->error : layr_strerror(code));
}
