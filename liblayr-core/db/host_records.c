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

typedef struct put {
    const uint8_t *place;
    const layr_record_t *r;
    const char *jws;
    size_t len;
    layr_time_t now;
    bool replaced;
    layr_buf_t *own;
} put_t;

/* The record that is here, if it can still be one: 1, and own is set. */
static int own_find(layr_hostdb_t *db, put_t *p, layr_record_t *own, size_t *bytes)
{
    sqlite3_stmt *s = layr_host_stmt(&db->write, Q_RECORD);
    int rc;

    layr_host_bind(s, 1, p->place, 32);
    rc = layr_host_step(s);
    if (rc != 1)
        return rc;
    *bytes = (size_t)sqlite3_column_bytes(s, 0);
    layr_buf_free(p->own); /* a second try of the same transaction finds the buffer used */
    layr_buf_add(p->own, sqlite3_column_blob(s, 0), *bytes);
    sqlite3_reset(s);
    if (p->own->bad)
        return LAYR_ERR_NOMEM;
    rc = layr_record_parse(own, (const char *)p->own->p, p->own->len, p->now);
    if (rc == LAYR_ERR_NOMEM)
        return rc;
    return rc == 0; /* expired, or of another age: it does not speak against a new one */
}

/* Room for `more` bytes in place of `less`? */
static bool fits(const layr_hostdb_t *db, size_t less, size_t more)
{
    return db->totals.record_bytes - less + more <= db->c.record_share;
}

static int record_set(layr_hostdb_t *db, const put_t *p)
{
    sqlite3_stmt *s = layr_host_stmt(&db->write, Q_RECORD_SET);

    layr_host_bind(s, 1, p->place, 32);
    if (s != NULL)
        sqlite3_bind_int64(s, 2, p->r->exp);
    layr_host_bind(s, 3, p->jws, p->len);
    return layr_host_step(s) == 0 ? 0 : LAYR_ERR_DB;
}

static int make_room(layr_hostdb_t *db, const put_t *p, size_t bytes)
{
    if (fits(db, bytes, p->len))
        return 0;
    if (layr_host_records_expire(db, p->now, 256) != 0)
        return LAYR_ERR_DB;
    return fits(db, bytes, p->len) ? 0 : LAYR_ERR_NOSPACE;
}

/* An expired record goes first and counts for nothing. */
static int clear(layr_hostdb_t *db, const put_t *p, size_t *bytes)
{
    if (*bytes == 0)
        return 0;
    db->totals.records--;
    db->totals.record_bytes -= *bytes;
    *bytes = 0;
    return layr_host_exec_blob(&db->write, Q_RECORD_DROP, p->place, 32);
}

static int record_op(layr_hostdb_t *db, void *arg)
{
    put_t *p = arg;
    layr_record_t own = {0};
    size_t bytes = 0;
    int found = own_find(db, p, &own, &bytes), rc = found < 0 ? found : 0;

    if (rc == 0 && found == 0)
        rc = clear(db, p, &bytes);
    if (rc == 0)
        rc = layr_record_accept(found == 1 ? &own : NULL, p->r);
    if (rc == 0)
        rc = make_room(db, p, bytes);
    if (rc == 0)
        rc = record_set(db, p);
    if (rc == 0) {
        p->replaced = bytes != 0;
        db->totals.records += bytes == 0;
        db->totals.record_bytes += p->len - bytes;
    }
    layr_record_free(&own);
    return rc;
}

int layr_hostdb_record_put(layr_hostdb_t *db, const uint8_t place[32], const layr_record_t *r,
                           const char *jws, size_t len, layr_time_t now, bool *replaced, layr_buf_t *own,
                           layr_diag_t *d)
{
    put_t p = {.place = place, .r = r, .jws = jws, .len = len, .now = now, .own = own};
    int rc;

    layr_buf_init(own);
    rc = layr_host_commit(db, record_op, &p, d);
    if (rc == 0)
        *replaced = p.replaced;
    if (rc != LAYR_ERR_CONFLICT)
        layr_buf_free(own);
    return rc;
}

int layr_host_records_expire(layr_hostdb_t *db, layr_time_t now, unsigned limit)
{
    sqlite3_stmt *s;
    uint8_t place[32];
    int rc = 1;

    for (unsigned i = 0; rc == 1 && i < limit; i++) {
        s = layr_host_stmt(&db->write, Q_RECORDS_EXPIRED);
        if (s == NULL)
            return LAYR_ERR_DB;
        sqlite3_bind_int64(s, 1, now - LAYR_SKEW);
        sqlite3_bind_int(s, 2, 1);
        rc = layr_host_step(s);
        if (rc != 1)
            break;
        if (layr_host_column(s, 0, place, 32) != 0)
            rc = LAYR_ERR_DB;
        db->totals.records--;
        db->totals.record_bytes -= (uint64_t)sqlite3_column_int64(s, 1);
        sqlite3_reset(s);
        if (rc == 1 && layr_host_exec_blob(&db->write, Q_RECORD_DROP, place, 32) != 0)
            rc = LAYR_ERR_DB;
    }
    return rc < 0 ? rc : 0;
}
