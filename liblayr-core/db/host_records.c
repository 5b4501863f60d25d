/* Records, by place. Which of two stays is layr_record_accept's to say. */
#include <string.h>

#include "db/host_internal.h"

int layr_hostdb_record_get(layr_hostdb_t *db, const uint8_t place[32], layr_time_t now, layr_buf_t *jws,
                           layr_diag_t *d)
{
    sqlite3_stmt *s;
    layr_time_t exp = 0;
    int rc;

    layr_buf_init(jws);
    pthread_mutex_lock(&db->read_mutex);
    s = layr_host_stmt(&db->read, Q_RECORD);
    layr_host_bind(s, 1, place, 32);
    rc = layr_host_step(s);
    if (rc == 1) {
        layr_buf_add(jws, sqlite3_column_blob(s, 0), (size_t)sqlite3_column_bytes(s, 0));
        exp = sqlite3_column_int64(s, 1);
        sqlite3_reset(s);
    }
    pthread_mutex_unlock(&db->read_mutex);
    if (rc < 0)
        return layr_diag_set(d, rc, "%s/layr.db cannot be read", db->path);
    if (rc == 0 || exp <= now - LAYR_SKEW) {
        layr_buf_free(jws);
        return LAYR_ERR_NOTFOUND;
    }
    return jws->bad ? LAYR_ERR_NOMEM : 0;
}

/* How often giving it again is written down: holders re-store in bursts. */
#define GIVEN_STEP 60

/* When it is to be given on: at another second of the spread at every holder of a place. */
static layr_time_t due_at(const layr_hostdb_t *db, const uint8_t place[32], layr_time_t now)
{
    unsigned spread = (unsigned)(db->c.host[31] ^ place[31]) << 8 | (db->c.host[30] ^ place[30]);

    return now + LAYR_RECORD_AGAIN + spread % LAYR_RECORD_SPREAD;
}

/* The record that is here. */
typedef struct here {
    layr_record_t record;
    bool valid;   /* it can still be one */
    size_t bytes; /* 0: there is none */
    uint64_t net;
    layr_time_t due;
} here_t;

static int here_find(layr_hostdb_t *db, layr_record_offer_t *o, here_t *here)
{
    sqlite3_stmt *s = layr_host_stmt(&db->write, Q_RECORD);
    int rc;

    layr_host_bind(s, 1, o->place, 32);
    rc = layr_host_step(s);
    if (rc != 1)
        return rc;
    here->bytes = (size_t)sqlite3_column_bytes(s, 0);
    here->net = (uint64_t)sqlite3_column_int64(s, 2);
    here->due = sqlite3_column_int64(s, 3);
    layr_buf_free(&o->own); /* a second try of the same transaction finds the buffer used */
    layr_buf_add(&o->own, sqlite3_column_blob(s, 0), here->bytes);
    sqlite3_reset(s);
    if (o->own.bad)
        return LAYR_ERR_NOMEM;
    rc = layr_record_parse(&here->record, (const char *)o->own.p, o->own.len, o->now);
    if (rc == LAYR_ERR_NOMEM)
        return rc;
    here->valid = rc == 0; /* expired, or of another age: it does not speak against a new one */
    return 0;
}

/* A network's sum changes by so many bytes. */
static int network_add(layr_hostdb_t *db, uint64_t net, int64_t bytes)
{
    sqlite3_stmt *s;

    if (net == 0)
        return 0;
    s = layr_host_stmt(&db->write, Q_NETWORK_ADD);
    if (s == NULL)
        return LAYR_ERR_DB;
    sqlite3_bind_int64(s, 1, (int64_t)net);
    sqlite3_bind_int64(s, 2, bytes);
    if (layr_host_step(s) != 0)
        return LAYR_ERR_DB;
    return bytes < 0 ? layr_host_exec_int(&db->write, Q_NETWORK_DROP, (int64_t)net) : 0;
}

static int network_bytes(layr_hostdb_t *db, uint64_t net, uint64_t *bytes)
{
    sqlite3_stmt *s = layr_host_stmt(&db->write, Q_NETWORK);
    int rc;

    *bytes = 0;
    if (s == NULL)
        return LAYR_ERR_DB;
    sqlite3_bind_int64(s, 1, (int64_t)net);
    rc = layr_host_step(s);
    if (rc == 1) {
        *bytes = (uint64_t)sqlite3_column_int64(s, 0);
        sqlite3_reset(s);
    }
    return rc < 0 ? rc : 0;
}

static int record_drop(layr_hostdb_t *db, const uint8_t place[32], size_t bytes, uint64_t net)
{
    db->totals.records--;
    db->totals.record_bytes -= bytes;
    if (network_add(db, net, -(int64_t)bytes) != 0)
        return LAYR_ERR_DB;
    return layr_host_exec_blob(&db->write, Q_RECORD_DROP, place, 32);
}

/* The first record of a query whose columns are place, length, net goes: 1; there is none: 0. */
static int first_drop(layr_hostdb_t *db, sqlite3_stmt *s)
{
    uint8_t place[32];
    uint64_t net;
    size_t bytes;
    int rc = layr_host_step(s);

    if (rc != 1)
        return rc;
    rc = layr_host_column(s, 0, place, 32);
    bytes = (size_t)sqlite3_column_int64(s, 1);
    net = (uint64_t)sqlite3_column_int64(s, 2);
    sqlite3_reset(s);
    if (rc != 0 || record_drop(db, place, bytes, net) != 0)
        return LAYR_ERR_DB;
    return 1;
}

static int farthest_drop(layr_hostdb_t *db, const uint8_t place[32])
{
    sqlite3_stmt *s = layr_host_stmt(&db->write, Q_RECORD_FARTHEST);

    layr_host_bind(s, 1, place, 32);
    return first_drop(db, s);
}

/* Room for `more` bytes in place of `less`? */
static bool fits(const layr_hostdb_t *db, size_t less, size_t more)
{
    return db->totals.record_bytes - less + more <= db->c.record_share;
}

static int make_room(layr_hostdb_t *db, layr_record_offer_t *o, const here_t *here)
{
    int rc = 1;

    if (fits(db, here->bytes, o->len))
        return 0;
    if (layr_host_records_expire(db, o->now, 256) != 0)
        return LAYR_ERR_DB;
    while (rc == 1 && !fits(db, here->bytes, o->len)) {
        rc = farthest_drop(db, o->place);
        o->evicted += rc == 1;
    }
    return rc < 0 ? rc : rc == 1 ? 0 : LAYR_ERR_NOSPACE;
}

static int network_room(layr_hostdb_t *db, const layr_record_offer_t *o, const here_t *here)
{
    uint64_t used = 0, share = db->c.record_share / LAYR_RECORD_NET_SHARE;
    int rc;

    if (o->net == 0)
        return 0;
    if (share < LAYR_RECORD_NET_MIN)
        share = LAYR_RECORD_NET_MIN;
    rc = network_bytes(db, o->net, &used);
    if (rc != 0)
        return rc;
    if (here->net == o->net)
        used -= here->bytes;
    return used + o->len <= share ? 0 : LAYR_ERR_LIMIT;
}

static int record_set(layr_hostdb_t *db, const layr_record_offer_t *o, const here_t *here)
{
    sqlite3_stmt *s = layr_host_stmt(&db->write, Q_RECORD_SET);

    if (s == NULL)
        return LAYR_ERR_DB;
    layr_host_bind(s, 1, o->place, 32);
    sqlite3_bind_int64(s, 2, o->r->exp);
    layr_host_bind(s, 3, o->jws, o->len);
    sqlite3_bind_int64(s, 4, due_at(db, o->place, o->now));
    sqlite3_bind_int64(s, 5, (int64_t)o->net);
    if (layr_host_step(s) != 0)
        return LAYR_ERR_DB;
    db->totals.records += here->bytes == 0;
    db->totals.record_bytes += o->len - here->bytes;
    if (network_add(db, here->net, -(int64_t)here->bytes) != 0)
        return LAYR_ERR_DB;
    return network_add(db, o->net, (int64_t)o->len);
}

static int given_set(layr_hostdb_t *db, const uint8_t place[32], layr_time_t now)
{
    sqlite3_stmt *s = layr_host_stmt(&db->write, Q_RECORD_GIVEN);

    layr_host_bind(s, 1, place, 32);
    if (s != NULL)
        sqlite3_bind_int64(s, 2, due_at(db, place, now));
    return layr_host_step(s) == 0 ? 0 : LAYR_ERR_DB;
}

/* The one here stays, if it can still be one. It is no failure of the transaction when it is the same. */
typedef struct put {
    layr_record_offer_t *o;
    bool exists;
} put_t;

static int record_op(layr_hostdb_t *db, void *arg)
{
    put_t *p = arg;
    layr_record_offer_t *o = p->o;
    here_t here = {0};
    int rc;

    o->evicted = 0;
    p->exists = false;
    rc = here_find(db, o, &here);
    if (rc == 0 && here.bytes != 0 && !here.valid) { /* goes first and counts for nothing */
        rc = record_drop(db, o->place, here.bytes, here.net);
        here.bytes = here.net = 0;
    }
    if (rc == 0)
        rc = layr_record_accept(here.valid ? &here.record : NULL, o->r);
    p->exists = rc == LAYR_ERR_EXISTS;
    if (p->exists)
        rc = here.due < due_at(db, o->place, o->now - GIVEN_STEP) ? given_set(db, o->place, o->now) : 0;
    else if (rc == 0 && (rc = network_room(db, o, &here)) == 0 && (rc = make_room(db, o, &here)) == 0)
        rc = record_set(db, o, &here);
    o->replaced = rc == 0 && here.bytes != 0;
    layr_record_free(&here.record);
    return rc;
}

int layr_hostdb_record_put(layr_hostdb_t *db, layr_record_offer_t *o, layr_diag_t *d)
{
    put_t p = {.o = o};
    int rc = layr_host_commit(db, record_op, &p, d);

    if (rc == 0 && p.exists)
        rc = LAYR_ERR_EXISTS;
    if (rc != 0)
        o->evicted = 0;
    return rc;
}

int layr_host_records_expire(layr_hostdb_t *db, layr_time_t now, unsigned limit)
{
    int rc = 1;

    for (unsigned i = 0; rc == 1 && i < limit; i++) {
        sqlite3_stmt *s = layr_host_stmt(&db->write, Q_RECORDS_EXPIRED);

        if (s == NULL)
            return LAYR_ERR_DB;
        sqlite3_bind_int64(s, 1, now - LAYR_SKEW);
        rc = first_drop(db, s);
    }
    return rc < 0 ? rc : 0;
}

/* A row of place and jws. */
static int row_read(layr_hostdb_t *db, sqlite3_stmt *s, uint8_t place[32], layr_buf_t *jws, layr_diag_t *d)
{
    int rc = layr_host_step(s);

    if (rc == 1) {
        rc = layr_host_column(s, 0, place, 32);
        layr_buf_add(jws, sqlite3_column_blob(s, 1), (size_t)sqlite3_column_bytes(s, 1));
        sqlite3_reset(s);
        if (jws->bad)
            rc = LAYR_ERR_NOMEM;
        return rc;
    }
    if (rc < 0)
        return layr_diag_set(d, rc, "%s/layr.db cannot be read", db->path);
    return LAYR_ERR_NOTFOUND;
}

int layr_hostdb_record_due(layr_hostdb_t *db, layr_time_t now, uint8_t place[32], layr_buf_t *jws,
                           layr_diag_t *d)
{
    sqlite3_stmt *s;
    int rc;

    layr_buf_init(jws);
    pthread_mutex_lock(&db->read_mutex);
    s = layr_host_stmt(&db->read, Q_RECORD_DUE);
    if (s != NULL) {
        sqlite3_bind_int64(s, 1, now);
        sqlite3_bind_int64(s, 2, now);
    }
    rc = row_read(db, s, place, jws, d);
    pthread_mutex_unlock(&db->read_mutex);
    return rc;
}

int layr_hostdb_record_next(layr_hostdb_t *db, layr_time_t now, uint8_t place[32], layr_buf_t *jws,
                            layr_diag_t *d)
{
    sqlite3_stmt *s;
    uint8_t above[32];
    int rc;

    memcpy(above, place, sizeof above);
    layr_buf_init(jws);
    pthread_mutex_lock(&db->read_mutex);
    s = layr_host_stmt(&db->read, Q_RECORD_NEXT);
    layr_host_bind(s, 1, above, 32);
    if (s != NULL)
        sqlite3_bind_int64(s, 2, now);
    rc = row_read(db, s, place, jws, d);
    pthread_mutex_unlock(&db->read_mutex);
    return rc;
}

typedef struct given {
    const uint8_t *place;
    layr_time_t now;
} given_t;

static int given_op(layr_hostdb_t *db, void *arg)
{
    const given_t *g = arg;

    return given_set(db, g->place, g->now);
}

int layr_hostdb_record_given(layr_hostdb_t *db, const uint8_t place[32], layr_time_t now, layr_diag_t *d)
{
    given_t g = {place, now};

    return layr_host_commit(db, given_op, &g, d);
}
