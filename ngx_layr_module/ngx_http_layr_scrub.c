
/*
 * Looking after stored shards: each is read and hashed against its id, slowly.
 *
 * Worker 0 does it, on a thread, in pieces of a mebibyte at most, which a
 * timer spreads so that the rate is kept.  While two generations of workers
 * overlap both may: what they find is judged inside a transaction.
 */


#include "ngx_http_layr_scrub.h"
#include "ngx_http_layr_store.h"
#include "ngx_http_layr_zone.h"

#include "layr/hostscrub.h"


#define NGX_HTTP_LAYR_SCRUB_PIECE  (1024 * 1024)
#define NGX_HTTP_LAYR_SCRUB_LEAST  65536         /* bytes a second */
#define NGX_HTTP_LAYR_SCRUB_REST   60000         /* milliseconds */


#if (NGX_THREADS)

typedef struct {
    ngx_http_layr_store_t     *store;
    ngx_thread_task_t         *task;
    ngx_event_t                timer;
    layr_host_scrub_t         *scrub;
    time_t                     now;
    uint64_t                   rate;
    int                        rc;
    layr_host_scrubbed_t       found;
} ngx_http_layr_scrub_t;


static void ngx_http_layr_scrub_timer(ngx_event_t *ev);
static void ngx_http_layr_scrub_thread(void *data, ngx_log_t *log);
static void ngx_http_layr_scrub_step(ngx_http_layr_scrub_t *s,
    layr_hostdb_t *db, ngx_log_t *log);
static void ngx_http_layr_scrub_event(ngx_event_t *ev);
static void ngx_http_layr_scrub_cleanup(void *data);


ngx_int_t
ngx_http_layr_scrub_start(ngx_cycle_t *cycle, ngx_http_layr_store_t *st)
{
    ngx_thread_task_t      *task;
    ngx_pool_cleanup_t     *cln;
    ngx_http_layr_scrub_t  *s, **data;

    if (st->scrub_rate == 0 || ngx_worker != 0) {
        return NGX_OK;
    }

    s = ngx_pcalloc(cycle->pool, sizeof(ngx_http_layr_scrub_t));
    task = ngx_thread_task_alloc(cycle->pool, sizeof(ngx_http_layr_scrub_t *));
    cln = ngx_pool_cleanup_add(cycle->pool, 0);

    if (s == NULL || task == NULL || cln == NULL
        || layr_host_scrub_new(&s->scrub) != 0)
    {
        return NGX_ERROR;
    }

    cln->handler = ngx_http_layr_scrub_cleanup;
    cln->data = s;

    data = task->ctx;
    *data = s;

    task->handler = ngx_http_layr_scrub_thread;
    task->event.handler = ngx_http_layr_scrub_event;
    task->event.data = s;
    task->event.log = cycle->log;

    s->store = st;
    s->task = task;
    s->timer.handler = ngx_http_layr_scrub_timer;
    s->timer.data = s;
    s->timer.log = cycle->log;
    s->timer.cancelable = 1;

    ngx_add_timer(&s->timer, 1000);

    return NGX_OK;
}


static void
ngx_http_layr_scrub_timer(ngx_event_t *ev)
{
    ngx_http_layr_scrub_t *s = ev->data;

    if (ngx_exiting) {
        return;
    }

    s->now = ngx_time();

    if (ngx_thread_task_post(s->store->thread_pool, s->task) != NGX_OK) {
        ngx_add_timer(ev, NGX_HTTP_LAYR_SCRUB_REST);
    }
}


static void
ngx_http_layr_scrub_thread(void *data, ngx_log_t *log)
{
    ngx_http_layr_scrub_t **sp = data;

    ngx_http_layr_db_t     *db;
    ngx_http_layr_scrub_t  *s;

    s = *sp;
    s->rc = LAYR_ERR_UNAVAILABLE;

    ngx_memzero(&s->found, sizeof(layr_host_scrubbed_t));

    db = ngx_http_layr_store_enter(s->store, log);

    if (db) {
        ngx_http_layr_scrub_step(s, db->db, log);
        ngx_http_layr_store_leave(s->store, db);
    }
}


/* no faster than it has to be for all of it in time, nor than it may */

static void
ngx_http_layr_scrub_step(ngx_http_layr_scrub_t *s, layr_hostdb_t *db,
    ngx_log_t *log)
{
    uint64_t             rate;
    layr_diag_t          d;
    layr_host_totals_t   t;

    t = layr_hostdb_totals(db);
    rate = t.bytes / s->store->scrub_every;

    if (rate < NGX_HTTP_LAYR_SCRUB_LEAST) {
        rate = NGX_HTTP_LAYR_SCRUB_LEAST;
    }

    if (rate > (uint64_t) s->store->scrub_rate) {
        rate = s->store->scrub_rate;
    }

    s->rate = rate;

    ngx_memzero(&d, sizeof(layr_diag_t));

    s->rc = layr_hostdb_scrub(db, s->scrub,
                              ngx_min(rate, NGX_HTTP_LAYR_SCRUB_PIECE),
                              s->store->scrub_every, s->now, &s->found, &d);

    if (s->found.damaged || s->found.missing) {
        ngx_log_error(NGX_LOG_CRIT, log, 0, "layr: %s", d.text);

    } else if (s->rc != 0 && s->rc != LAYR_ERR_UNAVAILABLE) {
        ngx_log_error(NGX_LOG_ERR, log, 0,
                      "layr: shards of \"%V\" cannot be looked after: %s",
                      &s->store->path, d.code ? d.text : layr_strerror(s->rc));
    }
}


static void
ngx_http_layr_scrub_event(ngx_event_t *ev)
{
    uint64_t                       wait;
    ngx_http_layr_scrub_t         *s = ev->data;
    ngx_http_layr_scrub_shared_t  *shared;

    shared = &s->store->zone->scrub;

    (void) ngx_atomic_fetch_add(&shared->bytes, s->found.bytes);
    (void) ngx_atomic_fetch_add(&shared->shards, s->found.shards);
    (void) ngx_atomic_fetch_add(&shared->damaged, s->found.damaged);
    (void) ngx_atomic_fetch_add(&shared->missing, s->found.missing);

    if (s->found.began) {
        shared->began = s->found.began;
        shared->finished = s->found.finished;
    }

    if (ngx_exiting) {
        return;
    }

    if (s->rc != 0) {
        wait = NGX_HTTP_LAYR_SCRUB_REST / 10;

    } else if (s->found.done) {
        wait = ngx_min(NGX_HTTP_LAYR_SCRUB_REST,
                       (uint64_t) s->store->scrub_every * 1000);

    } else {
        wait = s->found.bytes * 1000 / s->rate;
    }

    ngx_add_timer(&s->timer, ngx_max(wait, 1));
}


static void
ngx_http_layr_scrub_cleanup(void *data)
{
    ngx_http_layr_scrub_t *s = data;

    layr_host_scrub_free(s->scrub);
}

#else

ngx_int_t
ngx_http_layr_scrub_start(ngx_cycle_t *cycle, ngx_http_layr_store_t *st)
{
    return NGX_OK;
}

#endif


/* layr_scrub off | rate [every] */

char *
ngx_http_layr_scrub(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_layr_loc_conf_t *llcf = conf;

    off_t       rate;
    time_t      every;
    ngx_str_t  *value;

    if (llcf->scrub_rate != NGX_CONF_UNSET) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "off") == 0 && cf->args->nelts == 2) {
        llcf->scrub_rate = 0;
        llcf->scrub_every = NGX_HTTP_LAYR_SCRUB_EVERY;
        return NGX_CONF_OK;
    }

    rate = ngx_parse_offset(&value[1]);
    every = NGX_HTTP_LAYR_SCRUB_EVERY;

    if (cf->args->nelts == 3) {
        every = ngx_parse_time(&value[2], 1);
    }

    if (rate == NGX_ERROR || rate < NGX_HTTP_LAYR_SCRUB_LEAST
        || every == (time_t) NGX_ERROR || every < 1)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"layr_scrub\" needs \"off\", or bytes a second, "
                           "64k or more, and after them, if need be, the time "
                           "from one pass to the next: \"layr_scrub 4m 30d;\"");
        return NGX_CONF_ERROR;
    }

    llcf->scrub_rate = rate;
    llcf->scrub_every = every;

    return NGX_CONF_OK;
}
