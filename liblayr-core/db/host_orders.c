/* Orders: admission, storing, renewal, release, expiry. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/fault.h"
#include "db/host_internal.h"

#define UNKNOWN_TOMBS 10000 /* of orders that were released before they came, at a time */

/* An order as the table has it. */
typedef struct row {
    uint8_t shard[32], owner[32], group[16], audit[32];
    uint64_t size;
    layr_time_t exp;
} row_t;

/* 1: found. */
static int order_find(layr_host_conn_t *c, const uint8_t id[16], row_t *out)
{
    sqlite3_stmt *s = layr_host_stmt(c, Q_ORDER);
    int rc;

    layr_host_bind(s, 1, id, 16);
    rc = layr_host_step(s);
    if (rc != 1)
        return rc;
    if (layr_host_column(s, 0, out->shard, 32) != 0 || layr_host_column(s, 1, out->owner, 32) != 0 ||
        layr_host_column(s, 2, out->group, 16) != 0 || layr_host_column(s, 3, out->audit, 32) != 0)
        rc = LAYR_ERR_DB;
    out->size = (uint64_t)sqlite3_column_int64(s, 4);
    out->exp = sqlite3_column_int64(s, 5);
    sqlite3_reset(s);
    return rc;
}

static bool same(const row_t *r, const layr_order_t *o)
{
    return memcmp(r->shard, o->shard, 32) == 0 && memcmp(r->owner, o->owner, 32) == 0 &&
           memcmp(r->group, o->group, 16) == 0 && memcmp(r->audit, o->audit, 32) == 0 && r->size == o->size;
}

static int check_quota(layr_hostdb_t *db, layr_host_conn_t *c, const layr_order_t *o)
{
    sqlite3_stmt *s = layr_host_stmt(c, Q_OWNER);
    uint64_t used = 0;
    int rc;

    layr_host_bind(s, 1, o->owner, 32);
    rc = layr_host_step(s);
    if (rc < 0)
        return rc;
    if (rc == 1) {
        used = (uint64_t)sqlite3_column_int64(s, 0);
        sqlite3_reset(s);
    }
    if (db->c.owner_quota != 0 && (o->size > db->c.owner_quota || used > db->c.owner_quota - o->size))
        return LAYR_ERR_LIMIT;
    return 0;
}

/* 1: this order is kept already, *exp says until when. 0: it may be. Or why not. */
static int check(layr_hostdb_t *db, layr_host_conn_t *c, const layr_order_t *o, layr_time_t *exp)
{
    row_t row;
    int rc = order_find(c, o->order, &row);

    if (rc < 0)
        return rc;
    if (rc == 1) {
        if (!same(&row, o))
            return LAYR_ERR_CONFLICT;
        *exp = row.exp;
        return 1;
    }
    rc = layr_host_any(c, Q_TOMB, o->order, 16);
    if (rc != 0)
        return rc < 0 ? rc : LAYR_ERR_REMOVED;
    return check_quota(db, c, o);
}

static int order_insert(layr_host_conn_t *c, const layr_order_t *o)
{
    sqlite3_stmt *s = layr_host_stmt(c, Q_ORDER_ADD);

    if (s == NULL)
        return LAYR_ERR_DB;
    layr_host_bind(s, 1, o->order, 16);
    layr_host_bind(s, 2, o->shard, 32);
    layr_host_bind(s, 3, o->owner, 32);
    layr_host_bind(s, 4, o->group, 16);
    layr_host_bind(s, 5, o->audit, 32);
    sqlite3_bind_int64(s, 6, (sqlite3_int64)o->size);
    sqlite3_bind_int64(s, 7, (sqlite3_int64)o->price);
    sqlite3_bind_text(s, 8, o->rail, -1, SQLITE_STATIC);
    sqlite3_bind_int64(s, 9, o->iat);
    sqlite3_bind_int64(s, 10, o->exp);
    if (o->has_lock) {
        layr_host_bind(s, 11, o->lock_salt, 32);
        layr_host_bind(s, 12, o->lock_hash, 32);
    }
    return layr_host_step(s) == 0 ? 0 : LAYR_ERR_DB;
}

static int order_add(layr_hostdb_t *db, const layr_order_t *o)
{
    sqlite3_stmt *s;
    int rc = order_insert(&db->write, o);

    if (rc != 0)
        return rc;
    s = layr_host_stmt(&db->write, Q_OWNER_ADD);
    layr_host_bind(s, 1, o->owner, 32);
    if (s != NULL)
        sqlite3_bind_int64(s, 2, (sqlite3_int64)o->size);
    if (layr_host_step(s) != 0 || layr_host_exec_blob(&db->write, Q_GROUP_ADD, o->order, 16) != 0)
        return LAYR_ERR_DB;
    db->totals.orders++;
    return 0;
}

/* The blob is whole on disk. */
static int shard_add(layr_hostdb_t *db, const layr_order_t *o)
{
    sqlite3_stmt *s;
    uint64_t used = db->totals.bytes + db->totals.record_bytes;
    int rc = layr_host_any(&db->write, Q_SHARD, o->shard, 32);

    if (rc != 0)
        return rc < 0 ? rc : 0;
    if (o->size > db->c.capacity || used > db->c.capacity - o->size)
        return LAYR_ERR_NOSPACE;
    s = layr_host_stmt(&db->write, Q_SHARD_ADD);
    layr_host_bind(s, 1, o->shard, 32);
    if (s != NULL)
        sqlite3_bind_int64(s, 2, (sqlite3_int64)o->size);
    db->totals.bytes += o->size;
    db->totals.shards++;
    return layr_host_step(s) == 0 ? 0 : LAYR_ERR_DB;
}

typedef struct put {
    const layr_order_t *o;
    layr_time_t exp;
    layr_host_intent_t intent;
} put_t;

/* Another order for a blob that is here: orders name it, so no sweep is after it. */
static int join_op(layr_hostdb_t *db, void *arg)
{
    put_t *p = arg;
    int rc = check(db, &db->write, p->o, &p->exp);

    if (rc != 0)
        return rc < 0 ? rc : 0;
    rc = layr_host_any(&db->write, Q_SHARD_ORDERED, p->o->shard, 32);
    if (rc != 1)
        return rc < 0 ? rc : LAYR_ERR_NOTFOUND;
    p->exp = p->o->exp;
    return order_add(db, p->o);
}

/* What the books say, and does the disk agree?  A blob that is gone from the disk is wanted again. */
static int look(layr_hostdb_t *db, put_t *p, bool *here)
{
    int rc, ordered;

    pthread_mutex_lock(&db->read_mutex);
    rc = check(db, &db->read, p->o, &p->exp);
    ordered = layr_host_any(&db->read, Q_SHARD_ORDERED, p->o->shard, 32);
    if (rc == LAYR_ERR_DB || ordered < 0)
        rc = layr_host_error(&db->read);
    pthread_mutex_unlock(&db->read_mutex);
    *here = ordered == 1 && layr_host_blob_here(db, p->o->shard, p->o->size);
    return rc;
}

int layr_hostdb_admit(layr_hostdb_t *db, const layr_order_t *o, layr_time_t *exp, layr_diag_t *d)
{
    put_t p = {.o = o};
    bool here = false;
    int rc = look(db, &p, &here);

    if (rc < 0) {
        if (rc == LAYR_ERR_DB || rc == LAYR_ERR_IO)
            layr_diag_set(d, rc, "%s/layr.db cannot be read", db->path);
        return rc;
    }
    if (!here)
        return LAYR_ERR_NOTFOUND;
    if (rc == 0)
        rc = layr_host_commit(db, join_op, &p, d);
    if (rc < 0)
        return rc;
    *exp = p.exp;
    return 0;
}

static int intent_op(layr_hostdb_t *db, void *arg)
{
    put_t *p = arg;
    sqlite3_stmt *s = layr_host_stmt(&db->write, Q_INTENT_ADD);

    layr_host_bind(s, 1, p->o->shard, 32);
    if (s != NULL)
        sqlite3_bind_int64(s, 2, getpid());
    if (layr_host_step(s) != 0)
        return LAYR_ERR_DB;
    p->intent.id = sqlite3_last_insert_rowid(db->write.sql);
    return 0;
}

static int intent_drop(layr_hostdb_t *db, int64_t intent)
{
    sqlite3_stmt *s = layr_host_stmt(&db->write, Q_INTENT);
    int rc;

    if (s != NULL)
        sqlite3_bind_int64(s, 1, intent);
    rc = layr_host_step(s);
    if (rc < 0)
        return rc;
    if (rc == 0)
        return LAYR_ERR_UNAVAILABLE; /* somebody thought us dead, and the blob may be unlinked */
    sqlite3_reset(s);
    return layr_host_exec_int(&db->write, Q_INTENT_DROP, intent);
}

static int order_op(layr_hostdb_t *db, void *arg)
{
    put_t *p = arg;
    int rc = intent_drop(db, p->intent.id);

    if (rc == 0)
        rc = check(db, &db->write, p->o, &p->exp);
    if (rc < 0)
        return rc;
    if (rc == 0) {
        p->exp = p->o->exp;
        rc = order_add(db, p->o);
    } else {
        rc = 0; /* the order was here, its blob was not */
    }
    return rc == 0 ? shard_add(db, p->o) : rc;
}

static int abandon_op(layr_hostdb_t *db, void *arg)
{
    put_t *p = arg;
    int rc = layr_host_exec_int(&db->write, Q_INTENT_DROP, p->intent.id);

    return rc == 0 ? layr_host_loosen(db, p->o->shard) : rc;
}

/* What fails here is done when the disk takes writes again: the intent tells. */
static void abandon(layr_hostdb_t *db, put_t *p)
{
    if (layr_host_commit(db, abandon_op, p, NULL) != 0)
        atomic_store(&db->stranded, true);
    else
        (void)!layr_host_sweep(db, NULL, NULL);
}

static int store(layr_hostdb_t *db, put_t *p, int fd, const char *temp, layr_diag_t *d)
{
    int rc = layr_host_commit(db, intent_op, p, d);

    if (rc != 0)
        return rc;
    LAYR_FAULT_POINT("host.intent");
    rc = layr_host_blob_place(db, p->o->shard, fd, temp, d);
    LAYR_FAULT_POINT("host.order");
    if (rc == 0)
        rc = layr_host_commit(db, order_op, p, d);
    if (rc != 0)
        abandon(db, p);
    return rc;
}

int layr_hostdb_store(layr_hostdb_t *db, const layr_order_t *o, int fd, const char *temp, layr_time_t *exp,
                      layr_diag_t *d)
{
    put_t p = {.o = o};
    int rc;

    layr_host_intents_settle(db);
    layr_host_intent_enter(db, &p.intent);
    rc = store(db, &p, fd, temp, d);
    layr_host_intent_leave(db, &p.intent);
    if (rc == 0)
        *exp = p.exp;
    LAYR_FAULT_POINT("host.stored");
    return rc;
}

typedef struct change {
    const layr_orders_t *s;
    layr_orders_answer_t *out;
} change_t;

/* 1: a tombstone of this owner and group. */
static int tomb_find(layr_hostdb_t *db, const layr_orders_t *st, const uint8_t id[16])
{
    sqlite3_stmt *s = layr_host_stmt(&db->write, Q_TOMB);
    uint8_t owner[32], group[16];
    int rc;

    layr_host_bind(s, 1, id, 16);
    rc = layr_host_step(s);
    if (rc != 1)
        return rc;
    if (layr_host_column(s, 0, owner, 32) != 0 || layr_host_column(s, 1, group, 16) != 0)
        rc = LAYR_ERR_DB;
    else if (memcmp(owner, st->owner, 32) != 0 || memcmp(group, st->group, 16) != 0)
        rc = LAYR_ERR_CAP;
    sqlite3_reset(s);
    return rc;
}

static int tomb_add(layr_hostdb_t *db, const uint8_t id[16], const uint8_t owner[32], const uint8_t group[16],
                    layr_time_t exp)
{
    sqlite3_stmt *s = layr_host_stmt(&db->write, Q_TOMB_ADD);

    layr_host_bind(s, 1, id, 16);
    layr_host_bind(s, 2, owner, 32);
    layr_host_bind(s, 3, group, 16);
    if (s != NULL)
        sqlite3_bind_int64(s, 4, exp);
    return layr_host_step(s) == 0 ? 0 : LAYR_ERR_DB;
}

static int release(layr_hostdb_t *db, const uint8_t id[16], const row_t *row)
{
    int rc = tomb_add(db, id, row->owner, row->group, row->exp);

    return rc == 0 ? layr_host_order_drop(db, id, row->owner, row->shard, row->size) : rc;
}

/*
 * A release may overtake its order, whose body came whole and waits for the disk: it must find the tombstone
 * then. The statement's own few minutes are enough for that, and so many at a time that nobody fills the disk
 * with them.
 */
static int release_unknown(layr_hostdb_t *db, const layr_orders_t *st, const uint8_t id[16])
{
    sqlite3_stmt *s = layr_host_stmt(&db->write, Q_TOMBS_UNTIL);
    int64_t brief;

    if (s == NULL)
        return LAYR_ERR_DB;
    sqlite3_bind_int64(s, 1, st->exp);
    sqlite3_bind_int(s, 2, UNKNOWN_TOMBS);
    if (layr_host_step(s) != 1)
        return LAYR_ERR_DB;
    brief = sqlite3_column_int64(s, 0);
    sqlite3_reset(s);
    return brief < UNKNOWN_TOMBS ? tomb_add(db, id, st->owner, st->group, st->exp) : 0;
}

static int renew(layr_hostdb_t *db, const uint8_t id[16], layr_time_t until)
{
    sqlite3_stmt *s = layr_host_stmt(&db->write, Q_ORDER_RENEW);

    layr_host_bind(s, 1, id, 16);
    if (s != NULL)
        sqlite3_bind_int64(s, 2, until);
    return layr_host_step(s) == 0 ? 0 : LAYR_ERR_DB;
}

/* 1: done; 0: unknown here. */
static int change_one(layr_hostdb_t *db, const layr_orders_t *st, const uint8_t id[16])
{
    row_t row = {0};
    int rc = order_find(&db->write, id, &row);

    if (rc < 0)
        return rc;
    if (rc == 0) {
        rc = tomb_find(db, st, id);
        if (rc == 0 && st->action == LAYR_RELEASE)
            rc = release_unknown(db, st, id);
        return rc == 1 && st->action == LAYR_RENEW ? 0 : rc;
    }
    if (memcmp(row.owner, st->owner, 32) != 0 || memcmp(row.group, st->group, 16) != 0)
        return LAYR_ERR_CAP;
    rc = st->action == LAYR_RENEW ? renew(db, id, st->until) : release(db, id, &row);
    return rc == 0 ? 1 : rc;
}

/* An order of another owner undoes the whole: the savepoint takes back what was done before it. */
static int change_op(layr_hostdb_t *db, void *arg)
{
    change_t *c = arg;
    layr_orders_answer_t *a = c->out;

    for (unsigned i = 0; i < c->s->count; i++) {
        int rc = change_one(db, c->s, c->s->order[i]);

        if (rc < 0)
            return rc;
        if (rc == 1)
            memcpy(a->done[a->done_count++], c->s->order[i], 16);
        else
            memcpy(a->missing[a->missing_count++], c->s->order[i], 16);
    }
    return 0;
}

int layr_hostdb_orders(layr_hostdb_t *db, const layr_orders_t *s, layr_orders_answer_t *out, layr_diag_t *d)
{
    change_t c = {s, out};
    int rc;

    memset(out, 0, sizeof *out);
    if (s->count == 0 || s->count > LAYR_ORDERS_MAX)
        return LAYR_ERR_ARG;
    rc = layr_host_commit(db, change_op, &c, d);
    LAYR_FAULT_POINT("host.released");
    /* The release is durable: what the sweep fails to do now, the next one does. */
    if (rc == 0 && s->action == LAYR_RELEASE)
        (void)!layr_host_sweep(db, NULL, NULL);
    return rc == 0 && out->done_count == 0 ? LAYR_ERR_NOTFOUND : rc;
}

typedef struct expiry {
    layr_time_t now, orders;
    unsigned limit, dropped;
} expiry_t;

/* The first expired order; they are taken one by one, as a statement can't be read while its table changes.
 */
static int expire_order(layr_hostdb_t *db, layr_time_t before)
{
    sqlite3_stmt *s = layr_host_stmt(&db->write, Q_ORDERS_EXPIRED);
    uint8_t id[16], owner[32], shard[32];
    uint64_t size;
    int rc;

    if (s == NULL)
        return LAYR_ERR_DB;
    sqlite3_bind_int64(s, 1, before);
    sqlite3_bind_int(s, 2, 1);
    rc = layr_host_step(s);
    if (rc != 1)
        return rc;
    if (layr_host_column(s, 0, id, 16) != 0 || layr_host_column(s, 1, owner, 32) != 0 ||
        layr_host_column(s, 2, shard, 32) != 0)
        rc = LAYR_ERR_DB;
    size = (uint64_t)sqlite3_column_int64(s, 3);
    sqlite3_reset(s);
    if (rc == 1 && layr_host_order_drop(db, id, owner, shard, size) != 0)
        rc = LAYR_ERR_DB;
    return rc;
}

static int expire_tombs(layr_hostdb_t *db, const expiry_t *e)
{
    sqlite3_stmt *s = layr_host_stmt(&db->write, Q_TOMBS_EXPIRE);

    if (s == NULL)
        return LAYR_ERR_DB;
    /* Until then the order's statement would still be taken for one in time. */
    sqlite3_bind_int64(s, 1, e->now - LAYR_SKEW);
    sqlite3_bind_int(s, 2, (int)e->limit);
    return layr_host_step(s) == 0 ? 0 : LAYR_ERR_DB;
}

static int expire_op(layr_hostdb_t *db, void *arg)
{
    expiry_t *e = arg;
    int rc = 1;

    while (rc == 1 && e->dropped < e->limit) {
        rc = expire_order(db, e->orders);
        e->dropped += rc == 1;
    }
    if (rc >= 0)
        rc = expire_tombs(db, e);
    if (rc == 0)
        rc = layr_host_records_expire(db, e->now, e->limit);
    return rc;
}

int layr_hostdb_expire(layr_hostdb_t *db, layr_time_t now, layr_time_t grace, unsigned limit, bool *more,
                       layr_diag_t *d)
{
    expiry_t e = {.now = now, .orders = now - LAYR_SKEW - grace, .limit = limit};
    bool unswept = false;
    int rc;

    layr_host_intents_settle(db);
    rc = layr_host_commit(db, expire_op, &e, d);

    if (rc == 0)
        rc = layr_host_sweep(db, &unswept, d);
    *more = rc == 0 && (unswept || e.dropped == limit);
    return rc;
}
