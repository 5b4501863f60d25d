/*
 * Puts under way.  Whoever works on one holds a lock on byte `id` of path-lock (an open file description's
 * lock: the kernel lets go of it when the process ends, however it ends).  Unlike a process id this can't be
 * mistaken when ids come around again or when two containers share a home.
 */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/fault.h"
#include "db/journal_db.h"

static int open_lock(layr_journal_t *j, int *out)
{
    size_t cap = strlen(j->path) + sizeof "-lock";
    char *name = malloc(cap);
    int fd;

    if (name == NULL)
        return layr_jdb_fail(j, LAYR_ERR_NOMEM, "out of memory");
    snprintf(name, cap, "%s-lock", j->path);
    fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR);
    free(name);
    if (fd < 0)
        return layr_jdb_fail(j, LAYR_ERR_IO, "cannot open %s-lock: %s", j->path, strerror(errno));
    *out = fd;
    return 0;
}

static int lock_call(int fd, int cmd, short type, int64_t put, short *found)
{
    struct flock fl = {.l_type = type, .l_whence = SEEK_SET, .l_start = put, .l_len = 1};

    if (fcntl(fd, cmd, &fl) != 0)
        return LAYR_ERR_IO;
    if (found != NULL)
        *found = fl.l_type;
    return 0;
}

int layr_jdb_hold(layr_journal_t *j, int64_t put)
{
    int rc = j->lock_fd < 0 ? open_lock(j, &j->lock_fd) : 0;

    if (rc == 0 && lock_call(j->lock_fd, F_OFD_SETLK, F_WRLCK, put, NULL) != 0)
        rc = layr_jdb_fail(j, LAYR_ERR_IO, "cannot lock %s-lock: %s", j->path, strerror(errno));
    return rc;
}

void layr_jdb_let_go(layr_journal_t *j, int64_t put)
{
    if (j->lock_fd >= 0 && lock_call(j->lock_fd, F_OFD_SETLK, F_UNLCK, put, NULL) != 0)
        layr_jdb_fail(j, LAYR_ERR_IO, "cannot unlock %s-lock: %s", j->path, strerror(errno));
}

/*
 * The put's row, whose name is free again, and its lock are the caller's to see to.  Of a removal the file goes
 * with it.
 */
static int to_release(layr_journal_t *j, int64_t put)
{
    int rc = layr_jdb_run(j,
                          "INSERT OR IGNORE INTO release (order_id, host, grp, url)"
                          " SELECT order_id, host, grp, url FROM put_order WHERE put = ?",
                          "i", put);

    if (rc == 0)
        rc = layr_jdb_run(j, "DELETE FROM put_order WHERE put = ?", "i", put);
    if (rc == 0)
        rc = layr_jdb_run(j, "DELETE FROM file WHERE record_id IN (SELECT bound FROM gone WHERE put = ?)",
                          "i", put);
    return rc;
}

/* LAYR_ERR_NOTFOUND when there was none: somebody gave it up. */
static int remove_row(layr_journal_t *j, int64_t put)
{
    int rc = layr_jdb_run(j, "DELETE FROM put WHERE id = ?", "i", put);

    return rc == 0 && sqlite3_changes(j->db) == 0 ? LAYR_ERR_NOTFOUND : rc;
}

int layr_jdb_give_up(layr_journal_t *j, int64_t put)
{
    int rc = to_release(j, put);

    return rc == 0 ? remove_row(j, put) : rc;
}

/* 1: held by another descriptor, 0: free. */
static int look_at_lock(layr_journal_t *j, int fd, int64_t put)
{
    short found = F_WRLCK;

    if (lock_call(fd, F_OFD_GETLK, F_WRLCK, put, &found) != 0)
        return layr_jdb_fail(j, LAYR_ERR_IO, "cannot look at the locks of %s-lock: %s", j->path,
                             strerror(errno));
    return found != F_UNLCK;
}

/* By a descriptor of its own, as reap. */
int layr_jdb_busy(layr_journal_t *j, int64_t put)
{
    int fd = -1, rc = open_lock(j, &fd);

    if (rc == 0)
        rc = look_at_lock(j, fd, put);
    if (fd >= 0)
        close(fd);
    return rc;
}

/* Inside a transaction: nobody begins one meanwhile, and a lock is taken before its row can be seen. */
static int give_up_if_dead(layr_journal_t *j, int fd, int64_t put)
{
    int rc = look_at_lock(j, fd, put);

    if (rc != 0)
        return rc > 0 ? 0 : rc;
    rc = layr_jdb_give_up(j, put);
    return rc == 0 ? 1 : rc;
}

/* A descriptor of its own: our own locks don't stand in the way of j->lock_fd, and would look like nobody's.
 */
static int reap(layr_journal_t *j)
{
    sqlite3_stmt *st = NULL;
    int fd = -1, count = 0, rc, row = 0;

    rc = open_lock(j, &fd);
    if (rc == 0)
        rc = layr_jdb_query(j, &st,
                            "SELECT id FROM put WHERE id NOT IN (SELECT put FROM resume WHERE expires > ?"
                            " AND put IN (SELECT put FROM put_order)) ORDER BY id",
                            "i", (int64_t)time(NULL));
    while (rc == 0 && (row = layr_jdb_row(j, st)) == 1) {
        rc = give_up_if_dead(j, fd, sqlite3_column_int64(st, 0));
        if (rc > 0) {
            count++;
            rc = 0;
        }
    }
    if (rc == 0)
        rc = row;
    sqlite3_finalize(st);
    if (fd >= 0)
        close(fd);
    return rc == 0 ? count : rc;
}

int layr_journal_put_reap(layr_journal_t *j)
{
    int rc, count;

    if (j->key == NULL)
        return LAYR_ERR_KEY;
    rc = layr_jdb_begin(j, LAYR_JDB_SYNCED);
    if (rc != 0)
        return rc;
    count = reap(j);
    LAYR_FAULT_POINT("put.reap");
    rc = layr_jdb_end(j, count < 0 ? count : 0);
    return rc == 0 ? count : rc;
}

int layr_jdb_name_is_free(layr_journal_t *j, const char *name)
{
    int64_t one;
    int rc = layr_jdb_number(j, &one, "SELECT 1 FROM file WHERE name = ? AND name <> ''", "t", name);

    return rc == 1 ? LAYR_ERR_EXISTS : rc;
}

static int begin_locked(layr_journal_t *j, const layr_put_entry_t *e, const uint8_t *sealed, int64_t *id)
{
    int rc = reap(j); /* a dead put must not keep its name */

    if (rc >= 0)
        rc = layr_jdb_name_is_free(j, e->name);
    if (rc == 0)
        rc = layr_jdb_run(j,
                          "INSERT INTO put (sealed, random, k, n, started, until, name, pid)"
                          " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                          "skiiiiti", sealed, e->random, (int64_t)e->scheme.k, (int64_t)e->scheme.n,
                          (int64_t)e->started, (int64_t)e->until, e->name, (int64_t)getpid());
    if (rc != 0)
        return rc;
    *id = sqlite3_last_insert_rowid(j->db);
    rc = e->keep ? layr_jdb_keep(j, *id, e) : 0;
    return rc == 0 ? layr_jdb_hold(j, *id) : rc;
}

int layr_journal_put_begin(layr_journal_t *j, layr_put_entry_t *e)
{
    uint8_t sealed[LAYR_JDB_SEALED_BYTES] = {0};
    int64_t id = 0;
    int rc;

    if (memchr(e->name, 0, sizeof e->name) == NULL || !layr_scheme_ok(e->scheme) ||
        (e->keep && (e->name[0] == 0 || e->size > INT64_MAX)))
        return LAYR_ERR_ARG;
    rc = layr_jdb_seal(j, sealed, e->W, e->random);
    if (rc == 0)
        rc = layr_jdb_begin(j, LAYR_JDB_SYNCED);
    if (rc != 0)
        return rc;
    LAYR_FAULT_POINT("put.begin");
    rc = layr_jdb_end(j, begin_locked(j, e, sealed, &id));
    LAYR_FAULT_POINT("put.begun");
    if (rc != 0) {
        if (id != 0)
            layr_jdb_let_go(j, id); /* rolled back: the number may be another's next */
        return rc;
    }
    e->id = id;
    e->pid = getpid();
    return 0;
}

static int insert_order(layr_journal_t *j, int64_t put, const uint8_t shard[32], const uint8_t host[32],
                        const char *url, const uint8_t order[16], const uint8_t group[16],
                        const uint8_t *salt, bool page)
{
    int rc = layr_jdb_run(j,
                          "INSERT INTO put_order (order_id, put, shard, host, grp, url)"
                          " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (order_id) DO NOTHING",
                          "gikkgt", order, put, shard, host, group, url);

    if (rc == 0 && salt != NULL)
        rc = layr_jdb_run(j,
                          "INSERT INTO put_row (order_id, put, salt, page, used) VALUES (?, ?, ?, ?, 0)"
                          " ON CONFLICT (order_id) DO NOTHING",
                          "gigi", order, put, salt, (int64_t)page);
    return rc;
}

int layr_journal_put_shard(layr_journal_t *j, int64_t put, const uint8_t shard[32], const uint8_t host[32],
                           const char *url, const uint8_t order[16], const uint8_t group[16],
                           const uint8_t *salt, bool page)
{
    int rc;

    if (j->key == NULL)
        return LAYR_ERR_KEY;
    if (strlen(url) > LAYR_URL_MAX)
        return LAYR_ERR_ARG;
    LAYR_FAULT_POINT("put.order");
    rc = layr_jdb_begin(j, LAYR_JDB_LAZY);
    if (rc == 0)
        rc = layr_jdb_end(j, insert_order(j, put, shard, host, url, order, group, salt, page));
    LAYR_FAULT_POINT("put.ordered");
    return rc;
}

static int done_locked(layr_journal_t *j, int64_t put, const layr_file_entry_t *f,
                       const layr_shard_ref_t *orphans, size_t count)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = layr_jdb_run(
            j,
            "INSERT OR IGNORE INTO release (order_id, host, grp, url)"
            " SELECT order_id, host, grp, url FROM put_order WHERE put = ? AND shard = ? AND host = ?",
            "ikk", put, orphans[i].shard, orphans[i].host);
    if (rc == 0)
        rc = layr_jdb_release_unused(j, put);
    if (rc == 0)
        rc = layr_jdb_run(j, "DELETE FROM put_order WHERE put = ?", "i", put);
    if (rc == 0)
        rc = layr_jdb_run(j, "DELETE FROM gone WHERE put = ?", "i", put);
    if (rc == 0)
        rc = remove_row(j, put);
    return rc == 0 ? layr_jdb_file_insert(j, f) : rc;
}

int layr_journal_put_done(layr_journal_t *j, int64_t put, const layr_file_entry_t *f,
                          const layr_shard_ref_t *orphans, size_t count)
{
    int rc;

    if (j->key == NULL)
        return LAYR_ERR_KEY;
    rc = layr_jdb_begin(j, LAYR_JDB_SYNCED);
    if (rc == 0)
        rc = layr_jdb_end(j, done_locked(j, put, f, orphans, count));
    LAYR_FAULT_POINT("put.finished");
    if (rc == 0)
        layr_jdb_let_go(j, put);
    return rc;
}

static int update_locked(layr_journal_t *j, int64_t put, const layr_file_entry_t *f,
                         const uint8_t (*orphans)[16], size_t count)
{
    int rc = layr_jdb_update_named(j, put, orphans, count);

    if (rc == 0)
        rc = remove_row(j, put);
    return rc == 0 && f != NULL ? layr_jdb_file_replace(j, f) : rc;
}

int layr_journal_update_done(layr_journal_t *j, int64_t put, const layr_file_entry_t *f,
                             const uint8_t (*orphans)[16], size_t count)
{
    int rc;

    if (j->key == NULL)
        return LAYR_ERR_KEY;
    rc = layr_jdb_begin(j, LAYR_JDB_SYNCED);
    if (rc == 0)
        rc = layr_jdb_end(j, update_locked(j, put, f, orphans, count));
    if (rc == 0)
        layr_jdb_let_go(j, put);
    return rc;
}

int layr_journal_put_drop(layr_journal_t *j, int64_t put)
{
    int rc;

    if (j->key == NULL)
        return LAYR_ERR_KEY;
    rc = layr_jdb_begin(j, LAYR_JDB_SYNCED);
    if (rc != 0)
        return rc;
    rc = layr_jdb_give_up(j, put);
    LAYR_FAULT_POINT("put.drop");
    rc = layr_jdb_end(j, rc);
    LAYR_FAULT_POINT("put.dropped");
    if (rc == 0)
        layr_jdb_let_go(j, put);
    return rc;
}

static int insert_orders(layr_journal_t *j, int64_t put, const layr_release_t *r, size_t count)
{
    static const uint8_t no_shard[32];
    int rc = 0;

    for (size_t i = 0; i < count; i++)
        for (unsigned n = 0; rc == 0 && n < r[i].count; n++)
            rc = layr_jdb_run(j,
                              "INSERT OR IGNORE INTO put_order (order_id, put, shard, host, grp, url)"
                              " VALUES (?, ?, ?, ?, ?, ?)",
                              "gikkgt", r[i].order[n], put, no_shard, r[i].host, r[i].group, r[i].url);
    return rc;
}

static int remove_locked(layr_journal_t *j, const layr_removal_t *m, const uint8_t *sealed, int64_t *id)
{
    int rc =
        layr_jdb_run(j,
                     "INSERT INTO put (sealed, random, k, n, started, until, name, pid)"
                     " VALUES (?, ?, 1, 1, ?, ?, '', ?)",
                     "skiii", sealed, m->record_id, (int64_t)m->now, (int64_t)m->until, (int64_t)getpid());

    if (rc != 0)
        return rc;
    *id = sqlite3_last_insert_rowid(j->db);
    rc = insert_orders(j, *id, m->releases, m->count);
    if (rc == 0)
        rc = layr_jdb_run(
            j,
            "INSERT INTO gone (put, sealed, bound, until, hosts) SELECT id, sealed, random, until, x''"
            " FROM put WHERE id = ?",
            "i", *id);
    return rc == 0 ? layr_jdb_hold(j, *id) : rc;
}

int layr_journal_remove_begin(layr_journal_t *j, const layr_removal_t *m, int64_t *put)
{
    uint8_t sealed[LAYR_JDB_SEALED_BYTES] = {0};
    int64_t id = 0;
    int rc;

    if (m->until <= 0)
        return LAYR_ERR_ARG;
    rc = layr_jdb_seal(j, sealed, m->W, m->record_id);
    if (rc == 0)
        rc = layr_jdb_begin(j, LAYR_JDB_SYNCED);
    if (rc != 0)
        return rc;
    rc = remove_locked(j, m, sealed, &id);
    LAYR_FAULT_POINT("rm.begin");
    rc = layr_jdb_end(j, rc);
    LAYR_FAULT_POINT("rm.begun");
    if (rc == 0)
        *put = id;
    else if (id != 0)
        layr_jdb_let_go(j, id);
    return rc;
}

int layr_journal_remove_end(layr_journal_t *j, int64_t put, bool said)
{
    int rc;

    if (j->key == NULL)
        return LAYR_ERR_KEY;
    rc = layr_jdb_begin(j, LAYR_JDB_SYNCED);
    if (rc != 0)
        return rc;
    rc = layr_jdb_give_up(j, put);
    if (rc == 0 && said)
        rc = layr_jdb_run(j, "DELETE FROM gone WHERE put = ?", "i", put);
    LAYR_FAULT_POINT("rm.end");
    rc = layr_jdb_end(j, rc);
    LAYR_FAULT_POINT("rm.ended");
    if (rc == 0)
        layr_jdb_let_go(j, put);
    return rc;
}
