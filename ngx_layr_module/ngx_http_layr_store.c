
/*
 * The store's life in a worker: opened by the first thread that needs it,
 * after the fork, as the worker's user; looked after before each use; closed
 * when it is found gone, and opened again when it is back.
 */


#include "ngx_http_layr_store.h"
#include "ngx_http_layr_zone.h"


static ngx_http_layr_db_t *ngx_http_layr_store_open(ngx_http_layr_store_t *st,
    ngx_log_t *log);
static void ngx_http_layr_store_unref(ngx_http_layr_db_t *db);
static bool ngx_http_layr_store_first(void *data);
static void ngx_http_layr_store_totals(void *data,
    const layr_host_totals_t *totals);


ngx_http_layr_db_t *
ngx_http_layr_store_enter(ngx_http_layr_store_t *st, ngx_log_t *log)
{
    ngx_http_layr_db_t  *db;

    pthread_mutex_lock(&st->mutex);

    db = st->db;

    if (db != NULL && layr_hostdb_check(db->db) != 0) {
        ngx_log_error(NGX_LOG_CRIT, log, 0,
                      "layr: the store \"%V\" is gone: was it unmounted?",
                      &st->path);

        st->db = NULL;
        ngx_http_layr_store_unref(db);
        db = NULL;
    }

    if (db == NULL && st->failed != ngx_time()) {
        db = ngx_http_layr_store_open(st, log);
        st->db = db;
    }

    if (db != NULL) {
        db->refs++;
    }

    pthread_mutex_unlock(&st->mutex);

    return db;
}


void
ngx_http_layr_store_leave(ngx_http_layr_store_t *st, ngx_http_layr_db_t *db)
{
    pthread_mutex_lock(&st->mutex);
    ngx_http_layr_store_unref(db);
    pthread_mutex_unlock(&st->mutex);
}


ngx_uint_t
ngx_http_layr_store_there(ngx_http_layr_store_t *st)
{
    return layr_host_store_probe((char *) st->path.data, st->host) == 0;
}


/* a failure is remembered for the second that it happened in */

static ngx_http_layr_db_t *
ngx_http_layr_store_open(ngx_http_layr_store_t *st, ngx_log_t *log)
{
    int                    rc;
    layr_diag_t            d;
    ngx_http_layr_db_t    *db;
    layr_hostdb_config_t   conf;

    ngx_memzero(&d, sizeof(layr_diag_t));
    ngx_memzero(&conf, sizeof(layr_hostdb_config_t));

    db = ngx_calloc(sizeof(ngx_http_layr_db_t), log);
    if (db == NULL) {
        return NULL;
    }

    conf.path = (char *) st->path.data;
    ngx_memcpy(conf.host, st->host, 32);
    conf.capacity = st->capacity;
    conf.owner_quota = st->owner_quota;
    conf.record_share = ngx_max(st->capacity / 64, 1024 * 1024);
    conf.first = ngx_http_layr_store_first;
    conf.totals = ngx_http_layr_store_totals;
    conf.ctx = st;

    rc = layr_hostdb_open(&db->db, &conf, &d);

    if (rc != 0) {
        st->failed = ngx_time();
        ngx_log_error(NGX_LOG_CRIT, log, 0,
                      "layr: the store \"%V\" cannot be opened: %s",
                      &st->path, d.code ? d.text : layr_strerror(rc));
        ngx_free(db);
        return NULL;
    }

    if (st->failed) {
        st->failed = 0;
        ngx_log_error(NGX_LOG_NOTICE, log, 0, "layr: the store \"%V\" is back",
                      &st->path);
    }

    ngx_atomic_cmp_set(&st->zone->opened, 0, 1);

    db->refs = 1;

    return db;
}


static void
ngx_http_layr_store_unref(ngx_http_layr_db_t *db)
{
    if (--db->refs == 0) {
        layr_hostdb_close(db->db);
        ngx_free(db);
    }
}


/*
 * The zone outlives a reload, so "opened" tells the first opening of a master
 * from the later ones; "first" is false where processes of an earlier cycle
 * or of another binary may still be at work.  Asked inside the transaction
 * that clears up: of workers that start together one is told yes, and the
 * others begin nothing before it is done.
 */

static bool
ngx_http_layr_store_first(void *data)
{
    ngx_http_layr_store_t *st = data;

    return st->first && ngx_atomic_cmp_set(&st->zone->opened, 0, 1);
}


static void
ngx_http_layr_store_totals(void *data, const layr_host_totals_t *totals)
{
    ngx_http_layr_store_t *st = data;

    ngx_http_layr_zone_totals(st, totals);
}
