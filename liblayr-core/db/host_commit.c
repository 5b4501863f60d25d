/*
 * Grouped commits.  A thread that wants something written queues it; the first to find no leader leads: it
 * takes the whole queue, runs it in one transaction, and wakes those it worked for.  While it waits for the
 * disk the next queue fills.  Under load one fsync serves many; alone, nobody waits for anybody.
 */
#include <string.h>

#include "base/fault.h"
#include "db/host_internal.h"

struct layr_host_op {
    layr_host_fn fn;
    void *arg;
    layr_diag_t *d;
    int rc;
    bool alone, settled;
    layr_host_op_t *next;
};

static int totals_load(layr_hostdb_t *db)
{
    sqlite3_stmt *s = layr_host_stmt(&db->write, Q_TOTALS);
    layr_host_totals_t *t = &db->totals;

    if (layr_host_step(s) != 1)
        return LAYR_ERR_DB;
    t->version = (uint64_t)sqlite3_column_int64(s, 0);
    t->bytes = (uint64_t)sqlite3_column_int64(s, 1);
    t->shards = (uint64_t)sqlite3_column_int64(s, 2);
    t->orders = (uint64_t)sqlite3_column_int64(s, 3);
    t->records = (uint64_t)sqlite3_column_int64(s, 4);
    t->record_bytes = (uint64_t)sqlite3_column_int64(s, 5);
    sqlite3_reset(s);
    return 0;
}

static int totals_save(layr_hostdb_t *db)
{
    sqlite3_stmt *s = layr_host_stmt(&db->write, Q_TOTALS_SET);
    layr_host_totals_t *t = &db->totals;

    t->version++;
    if (s == NULL)
        return LAYR_ERR_DB;
    sqlite3_bind_int64(s, 1, (sqlite3_int64)t->version);
    sqlite3_bind_int64(s, 2, (sqlite3_int64)t->bytes);
    sqlite3_bind_int64(s, 3, (sqlite3_int64)t->shards);
    sqlite3_bind_int64(s, 4, (sqlite3_int64)t->orders);
    sqlite3_bind_int64(s, 5, (sqlite3_int64)t->records);
    sqlite3_bind_int64(s, 6, (sqlite3_int64)t->record_bytes);
    return layr_host_step(s) == 0 ? 0 : LAYR_ERR_DB;
}

static void say(layr_hostdb_t *db, layr_host_op_t *op)
{
    if (op->rc != LAYR_ERR_DB)
        return;
    op->rc = layr_host_error(&db->write);
    layr_diag_set(op->d, op->rc, "%s/layr.db: %s", db->path, sqlite3_errmsg(db->write.sql));
}

/* One op under a savepoint: what a refused one did is undone, the others' work stays. */
static int run(layr_hostdb_t *db, layr_host_op_t *op)
{
    layr_host_totals_t before = db->totals;

    if (layr_host_exec(&db->write, Q_SAVE) != 0)
        return LAYR_ERR_DB;
    op->rc = op->fn(db, op->arg);
    say(db, op);
    if (op->rc < 0) {
        db->totals = before;
        if (layr_host_exec(&db->write, Q_SAVE_BACK) != 0)
            return LAYR_ERR_DB;
    }
    return layr_host_exec(&db->write, Q_SAVE_DONE);
}

/* All of them fail, except those that had been refused already: a refusal needs no commit. */
static void fail(layr_hostdb_t *db, layr_host_op_t *ops)
{
    int rc = layr_host_error(&db->write);

    for (layr_host_op_t *op = ops; op != NULL; op = op->next) {
        if (op->rc < 0)
            continue;
        op->rc = rc;
        layr_diag_set(op->d, rc, "%s/layr.db: %s", db->path, sqlite3_errmsg(db->write.sql));
    }
    if (!sqlite3_get_autocommit(db->write.sql))
        (void)!layr_host_exec(&db->write, Q_ROLLBACK);
}

/* 1: done, and totals are what the database has: another master's workers may have changed them. */
static int run_all(layr_hostdb_t *db, layr_host_op_t *ops)
{
    int changes = sqlite3_total_changes(db->write.sql), rc;

    rc = layr_host_exec(&db->write, Q_BEGIN);
    if (rc == 0)
        rc = totals_load(db);
    for (layr_host_op_t *op = ops; rc == 0 && op != NULL; op = op->next)
        rc = run(db, op);
    if (rc == 0 && sqlite3_total_changes(db->write.sql) == changes)
        return layr_host_exec(&db->write, Q_ROLLBACK) == 0;
    if (rc == 0)
        rc = totals_save(db);
    LAYR_FAULT_POINT("host.commit");
    if (rc == 0)
        rc = layr_host_exec(&db->write, Q_COMMIT);
    LAYR_FAULT_POINT("host.committed");
    if (rc != 0)
        fail(db, ops);
    return rc == 0;
}

/* The head of the queue: one that wants to be alone, or all before the next such one. */
static layr_host_op_t *take(layr_hostdb_t *db)
{
    layr_host_op_t *ops = db->first, **end = &ops->next;

    while (!ops->alone && *end != NULL && !(*end)->alone)
        end = &(*end)->next;
    db->first = *end;
    *end = NULL;
    if (db->first == NULL)
        db->last = &db->first;
    return ops;
}

/* mutex is held on the way in and out, not in between. */
static void lead(layr_hostdb_t *db)
{
    layr_host_op_t *ops = take(db), *next;
    layr_host_totals_t now;
    int committed;

    db->leading = true;
    pthread_mutex_unlock(&db->mutex);

    committed = run_all(db, ops) == 1;
    now = db->totals;
    if (committed && db->c.totals != NULL)
        db->c.totals(db->c.ctx, &now);

    pthread_mutex_lock(&db->mutex);
    if (committed)
        db->seen = now;
    /* An op lies on its thread's stack and may be gone as soon as it is settled and the mutex free. */
    for (layr_host_op_t *op = ops; op != NULL; op = next) {
        next = op->next;
        op->settled = true;
    }
    db->leading = false;
    pthread_cond_broadcast(&db->settled);
}

static int submit(layr_hostdb_t *db, layr_host_op_t op)
{
    pthread_mutex_lock(&db->mutex);
    *db->last = &op;
    db->last = &op.next;
    while (!op.settled) {
        if (!db->leading)
            lead(db);
        else
            pthread_cond_wait(&db->settled, &db->mutex);
    }
    pthread_mutex_unlock(&db->mutex);
    return op.rc;
}

int layr_host_commit(layr_hostdb_t *db, layr_host_fn fn, void *arg, layr_diag_t *d)
{
    return submit(db, (layr_host_op_t){.fn = fn, .arg = arg, .d = d});
}

int layr_host_commit_alone(layr_hostdb_t *db, layr_host_fn fn, void *arg, layr_diag_t *d)
{
    return submit(db, (layr_host_op_t){.fn = fn, .arg = arg, .d = d, .alone = true});
}

layr_host_totals_t layr_hostdb_totals(layr_hostdb_t *db)
{
    layr_host_totals_t t;

    pthread_mutex_lock(&db->mutex);
    t = db->seen;
    pthread_mutex_unlock(&db->mutex);
    return t;
}
