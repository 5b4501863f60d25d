/*
 * Removal.  An order that ends leaves its shard in `loose`; the sweep unlinks what no order and no intent
 * names, and it looks and unlinks inside one write transaction: a PUT commits its intent before it renames
 * its own body into place, so the sweep either sees the intent or is over before the rename.
 *
 * A loose row goes only when the unlinking is durable; a crash before that repeats the sweep, which does no
 * harm.
 */
#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "base/fault.h"
#include "db/host_internal.h"

#define SWEEP_STEP 64 /* unlinks while the write lock is held */
#define TMP_AGE                                                                                              \
    3600 /* a body that was not written to for so long is nobody's: client_body_timeout is a minute */

typedef struct sweep {
    unsigned count, gone;
    int64_t seq[SWEEP_STEP];
    uint8_t shard[SWEEP_STEP][32];
    bool unlinked[SWEEP_STEP];
} sweep_t;

int layr_host_loosen(layr_hostdb_t *db, const uint8_t shard[32])
{
    int rc = layr_host_any(&db->write, Q_SHARD_ORDERED, shard, 32);

    if (rc != 0)
        return rc < 0 ? rc : 0;
    return layr_host_exec_blob(&db->write, Q_LOOSE_ADD, shard, 32);
}

static int list_loose(layr_hostdb_t *db, sweep_t *w)
{
    sqlite3_stmt *s = layr_host_stmt(&db->write, Q_LOOSE);
    int rc;

    if (s == NULL)
        return LAYR_ERR_DB;
    sqlite3_bind_int(s, 1, SWEEP_STEP);
    while ((rc = layr_host_step(s)) == 1) {
        if (w->count == SWEEP_STEP || layr_host_column(s, 1, w->shard[w->count], 32) != 0) {
            sqlite3_reset(s);
            return LAYR_ERR_DB;
        }
        w->seq[w->count++] = sqlite3_column_int64(s, 0);
    }
    return rc;
}

int layr_host_forget(layr_hostdb_t *db, const uint8_t shard[32])
{
    sqlite3_stmt *s = layr_host_stmt(&db->write, Q_SHARD);
    int rc;

    layr_host_bind(s, 1, shard, 32);
    rc = layr_host_step(s);
    if (rc != 1)
        return rc;
    db->totals.bytes -= (uint64_t)sqlite3_column_int64(s, 0);
    db->totals.shards--;
    sqlite3_reset(s);
    return layr_host_exec_blob(&db->write, Q_SHARD_DROP, shard, 32);
}

static int unlink_op(layr_hostdb_t *db, void *arg)
{
    sweep_t *w = arg;
    int rc = list_loose(db, w);

    for (unsigned i = 0; rc == 0 && i < w->count; i++) {
        int ordered = layr_host_any(&db->write, Q_SHARD_ORDERED, w->shard[i], 32);

        if (ordered != 0) {
            rc = ordered < 0 ? ordered : 0;
            continue;
        }
        rc = layr_host_blob_unlink(db, w->shard[i]);
        w->unlinked[i] = true;
        if (rc == 0)
            rc = layr_host_forget(db, w->shard[i]);
        LAYR_FAULT_POINT("host.unlinked");
    }
    return rc;
}

static int drop_op(layr_hostdb_t *db, void *arg)
{
    sweep_t *w = arg;
    int rc = 0;

    for (unsigned i = 0; rc == 0 && i < w->count; i++)
        rc = layr_host_exec_int(&db->write, Q_LOOSE_DROP, w->seq[i]);
    return rc;
}

int layr_host_sweep(layr_hostdb_t *db, bool *more, layr_diag_t *d)
{
    sweep_t w = {0};
    int rc = layr_host_commit_alone(db, unlink_op, &w, d); /* what it unlinks must be released durably */

    /* Outside the write lock: PUTs need not wait for these. */
    for (unsigned i = 0; rc == 0 && i < w.count; i++)
        if (w.unlinked[i])
            rc = layr_host_blob_sync(db, w.shard[i]);
    if (rc == LAYR_ERR_IO)
        layr_diag_set(d, rc, "cannot remove a shard below %s/shards: errno %d", db->path, errno);
    LAYR_FAULT_POINT("host.swept");
    if (rc == 0 && w.count > 0)
        rc = layr_host_commit(db, drop_op, &w, d);
    if (more != NULL)
        *more = rc == 0 && w.count == SWEEP_STEP;
    return rc;
}

int layr_host_order_drop(layr_hostdb_t *db, const uint8_t order[16], const uint8_t owner[32],
                         const uint8_t shard[32], uint64_t size)
{
    sqlite3_stmt *s;

    /* Its group while the order tells which. */
    if (layr_host_exec_blob(&db->write, Q_GROUP_TAKE, order, 16) != 0 ||
        layr_host_exec_blob(&db->write, Q_GROUP_DROP, order, 16) != 0 ||
        layr_host_exec_blob(&db->write, Q_ORDER_DROP, order, 16) != 0)
        return LAYR_ERR_DB;
    db->totals.orders--;
    s = layr_host_stmt(&db->write, Q_OWNER_ADD);
    layr_host_bind(s, 1, owner, 32);
    if (s != NULL)
        sqlite3_bind_int64(s, 2, -(sqlite3_int64)size);
    if (layr_host_step(s) != 0 || layr_host_exec_blob(&db->write, Q_OWNER_DROP, owner, 32) != 0)
        return LAYR_ERR_DB;
    return layr_host_loosen(db, shard);
}

void layr_host_intent_enter(layr_hostdb_t *db, layr_host_intent_t *i)
{
    pthread_mutex_lock(&db->intent_mutex);
    i->next = db->intents;
    db->intents = i;
    pthread_mutex_unlock(&db->intent_mutex);
}

void layr_host_intent_leave(layr_hostdb_t *db, layr_host_intent_t *i)
{
    layr_host_intent_t **at = &db->intents;

    pthread_mutex_lock(&db->intent_mutex);
    while (*at != i)
        at = &(*at)->next;
    *at = i->next;
    pthread_mutex_unlock(&db->intent_mutex);
}

static bool under_way(layr_hostdb_t *db, int64_t id)
{
    const layr_host_intent_t *i;

    pthread_mutex_lock(&db->intent_mutex);
    for (i = db->intents; i != NULL && i->id != id; i = i->next)
        continue;
    pthread_mutex_unlock(&db->intent_mutex);
    return i != NULL;
}

/*
 * A process that can't be signalled because it is another user's lives, too.  In this process a PUT can be over
 * without having dropped its intent: the disk was full, or gone together with an earlier handle.
 */
static bool is_dead(layr_hostdb_t *db, int64_t id, pid_t pid)
{
    if (pid == getpid())
        return !under_way(db, id);
    return kill(pid, 0) != 0 && errno == ESRCH;
}

static int next_dead(layr_hostdb_t *db, bool all, int64_t *id, uint8_t shard[32])
{
    sqlite3_stmt *s = layr_host_stmt(&db->write, Q_INTENTS);
    int rc;

    while ((rc = layr_host_step(s)) == 1) {
        *id = sqlite3_column_int64(s, 0);
        if (!all && !is_dead(db, *id, (pid_t)sqlite3_column_int64(s, 2)))
            continue;
        rc = layr_host_column(s, 1, shard, 32) == 0 ? 1 : LAYR_ERR_DB;
        sqlite3_reset(s);
        break;
    }
    return rc;
}

/* Whether the body was renamed or not, and whether its order was committed by another PUT: the sweep finds
 * out. */
int layr_host_intents_resolve(layr_hostdb_t *db, bool all)
{
    uint8_t shard[32];
    int64_t id;
    int rc;

    while ((rc = next_dead(db, all, &id, shard)) == 1) {
        rc = layr_host_exec_int(&db->write, Q_INTENT_DROP, id);
        if (rc == 0)
            rc = layr_host_loosen(db, shard);
        if (rc != 0)
            break;
    }
    return rc;
}

static int tidy_op(layr_hostdb_t *db, void *arg)
{
    (void)arg;
    return layr_host_intents_resolve(db, false);
}

void layr_host_intents_settle(layr_hostdb_t *db)
{
    if (!atomic_exchange(&db->stranded, false))
        return;
    if (layr_host_commit(db, tidy_op, NULL, NULL) != 0)
        atomic_store(&db->stranded, true);
    else
        (void)!layr_host_sweep(db, NULL, NULL);
}

int layr_hostdb_tidy(layr_hostdb_t *db, layr_time_t now, layr_diag_t *d)
{
    layr_host_tmp_clean(db->path, now - TMP_AGE);
    return layr_host_commit(db, tidy_op, NULL, d);
}
