
/*
 * Housekeeping: expired orders, tombstones and records, what dead processes
 * left, and the opening of the store before the first request.
 *
 * Every worker opens the store at its start, which also undoes what a worker
 * that died before it had begun.  Worker 0 goes on with a timer; each shot is
 * one small step on a thread, and the next comes soon while there is more to
 * do.  While two generations of workers overlap both may take steps: every
 * step is a transaction.
 */


#include "ngx_http_layr_store.h"


#define NGX_HTTP_LAYR_STEP        256
#define NGX_HTTP_LAYR_STEP_SOON   200                   /* milliseconds */
#define NGX_HTTP_LAYR_STEP_LATER  60000
#define NGX_HTTP_LAYR_TIDY_EVERY  3600                  /* seconds */

/* how long what has expired stays while there is room: owners renew late */

#define NGX_HTTP_LAYR_GRACE       (7 * 24 * 3600)


#if (NGX_THREADS)

typedef struct {
    ngx_http_layr_store_t  *store;
    ngx_thread_task_t      *task;
    ngx_event_t             timer;
    time_t                  now;
    time_t                  tidied;
    bool                    more;
} ngx_http_layr_maintain_t;


static void ngx_http_layr_maintain_timer(ngx_event_t *ev);
static void ngx_http_layr_maintain_thread(void *data, ngx_log_t *log);
static void ngx_http_layr_maintain_step(ngx_http_layr_maintain_t *m,
    layr_hostdb_t *db, ngx_log_t *log);
static void ngx_http_layr_maintain_event(ngx_event_t *ev);


ngx_int_t
ngx_http_layr_maintain_start(ngx_cycle_t *cycle, ngx_http_layr_store_t *st)
{
    ngx_thread_task_t         *task;
    ngx_http_layr_maintain_t  *m, **data;

    m = ngx_pcalloc(cycle->pool, sizeof(ngx_http_layr_maintain_t));
    task = ngx_thread_task_alloc(cycle->pool,
                                 sizeof(ngx_http_layr_maintain_t *));
    if (m == NULL || task == NULL) {
        return NGX_ERROR;
    }

    data = task->ctx;
    *data = m;

    task->handler = ngx_http_layr_maintain_thread;
    task->event.handler = ngx_http_layr_maintain_event;
    task->event.data = m;
    task->event.log = cycle->log;

    m->store = st;
    m->task = task;
    m->timer.handler = ngx_http_layr_maintain_timer;
    m->timer.data = m;
    m->timer.log = cycle->log;
    m->timer.cancelable = 1;

    ngx_add_timer(&m->timer, 1);

    return NGX_OK;
}


static void
ngx_http_layr_maintain_timer(ngx_event_t *ev)
{
    ngx_http_layr_maintain_t *m = ev->data;

    if (ngx_exiting) {
        return;
    }

    m->now = ngx_time();

    if (ngx_thread_task_post(m->store->thread_pool, m->task) != NGX_OK) {
        ngx_add_timer(ev, NGX_HTTP_LAYR_STEP_LATER);
    }
}


static void
ngx_http_layr_maintain_thread(void *data, ngx_log_t *log)
{
    ngx_http_layr_maintain_t **mp = data;

    ngx_http_layr_db_t        *db;
    ngx_http_layr_maintain_t  *m;

    m = *mp;
    m->more = false;

    db = ngx_http_layr_store_enter(m->store, log);

    if (db) {

        if (ngx_worker == 0) {
            ngx_http_layr_maintain_step(m, db->db, log);
        }

        ngx_http_layr_store_leave(m->store, db);
    }
}


static void
ngx_http_layr_maintain_step(ngx_http_layr_maintain_t *m, layr_hostdb_t *db,
    ngx_log_t *log)
{
    int          rc;
    layr_diag_t  d;

    ngx_memzero(&d, sizeof(layr_diag_t));

    rc = layr_hostdb_expire(db, m->now, NGX_HTTP_LAYR_GRACE,
                            NGX_HTTP_LAYR_STEP, &m->more, &d);

    if (rc == 0 && m->now - m->tidied >= NGX_HTTP_LAYR_TIDY_EVERY) {
        m->tidied = m->now;
        rc = layr_hostdb_tidy(db, m->now, &d);
    }

    if (rc != 0) {
        ngx_log_error(NGX_LOG_ERR, log, 0,
                      "layr: housekeeping of the store \"%V\" failed: %s",
                      &m->store->path, d.code ? d.text : layr_strerror(rc));
    }
}


static void
ngx_http_layr_maintain_event(ngx_event_t *ev)
{
    ngx_http_layr_maintain_t *m = ev->data;

    if (ngx_worker == 0 && !ngx_exiting) {
        ngx_add_timer(&m->timer, m->more ? NGX_HTTP_LAYR_STEP_SOON
                                         : NGX_HTTP_LAYR_STEP_LATER);
    }
}

#else

ngx_int_t
ngx_http_layr_maintain_start(ngx_cycle_t *cycle, ngx_http_layr_store_t *st)
{
    return NGX_OK;
}

#endif
