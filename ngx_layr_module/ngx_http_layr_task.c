
/*
 * A request's work on a thread.
 *
 * While it is pending nothing is read and the request is blocked: it stays in
 * memory even when the client goes away, because the thread writes into it.
 * The work is not taken back then: a PUT whose body came whole is stored.
 */


#include "ngx_http_layr_task.h"
#include "ngx_http_layr_store.h"


#define NGX_HTTP_LAYR_TASK_SLOW  60000


#if (NGX_THREADS)

static void ngx_http_layr_task_thread(void *data, ngx_log_t *log);
static void ngx_http_layr_task_event(ngx_event_t *ev);
static void ngx_http_layr_task_writer(ngx_http_request_t *r);


ngx_int_t
ngx_http_layr_task_start(ngx_http_request_t *r, ngx_http_layr_work_pt work,
    ngx_http_layr_done_pt done)
{
    r->main->count++;

    if (ngx_http_layr_task_post(r, work, done) != NGX_OK) {
        r->main->count--;
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return NGX_DONE;
}


ngx_int_t
ngx_http_layr_task_post(ngx_http_request_t *r, ngx_http_layr_work_pt work,
    ngx_http_layr_done_pt done)
{
    ngx_thread_task_t         *task;
    ngx_http_layr_ctx_t       *ctx, **data;
    ngx_http_layr_loc_conf_t  *llcf;

    ctx = ngx_http_get_module_ctx(r, ngx_http_layr_module);
    llcf = ngx_http_get_module_loc_conf(r, ngx_http_layr_module);

    /* one for all of a request's: an audit has hundreds */

    if (ctx->task == NULL) {
        ctx->diag = ngx_pcalloc(r->pool, sizeof(layr_diag_t));
        if (ctx->diag == NULL) {
            return NGX_ERROR;
        }

        ctx->task = ngx_thread_task_alloc(r->pool,
                                          sizeof(ngx_http_layr_ctx_t *));
        if (ctx->task == NULL) {
            return NGX_ERROR;
        }
    }

    task = ctx->task;

    ctx->diag->code = 0;
    ctx->work = work;
    ctx->done = done;
    ctx->now = ngx_time();

    data = task->ctx;
    *data = ctx;

    task->handler = ngx_http_layr_task_thread;
    task->event.data = r;
    task->event.handler = ngx_http_layr_task_event;
    task->event.log = r->connection->log;

    if (ngx_thread_task_post(llcf->thread_pool, task) != NGX_OK) {
        return NGX_ERROR;
    }

    r->main->blocked++;
    r->aio = 1;

    r->read_event_handler = ngx_http_block_reading;
    r->write_event_handler = ngx_http_layr_task_writer;

    /* a worker that is told to leave waits for its timers, not for threads */

    ngx_add_timer(&task->event, NGX_HTTP_LAYR_TASK_SLOW);

    return NGX_OK;
}


static void
ngx_http_layr_task_thread(void *data, ngx_log_t *log)
{
    ngx_http_layr_ctx_t **ctxp = data;

    ngx_http_layr_db_t   *db;
    ngx_http_layr_ctx_t  *ctx;

    ctx = *ctxp;

    db = ngx_http_layr_store_enter(ctx->store, log);

    if (db == NULL) {
        ctx->rc = LAYR_ERR_UNAVAILABLE;
        return;
    }

    ctx->rc = ctx->work(ctx, db->db);

    ngx_http_layr_store_leave(ctx->store, db);
}


static void
ngx_http_layr_task_event(ngx_event_t *ev)
{
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    r = ev->data;
    c = r->connection;

    ngx_http_set_log_request(c->log, r);

    if (ev->timedout) {
        ngx_log_error(NGX_LOG_ALERT, c->log, 0,
                      "layr: the store has not answered for a minute");
        ev->timedout = 0;
        ngx_add_timer(ev, NGX_HTTP_LAYR_TASK_SLOW);
        return;
    }

    if (ev->timer_set) {
        ngx_del_timer(ev);
    }

    r->main->blocked--;
    r->aio = 0;

    /* the request may have been terminated: then this is its finalizer */

    r->write_event_handler(r);

    ngx_http_run_posted_requests(c);
}


static void
ngx_http_layr_task_writer(ngx_http_request_t *r)
{
    ngx_http_layr_ctx_t  *ctx;

    if (r->aio) {
        return;
    }

    r->write_event_handler = ngx_http_request_empty_handler;

    ctx = ngx_http_get_module_ctx(r, ngx_http_layr_module);

    ctx->done(r);
}

#else

/* "layr_store" is refused in the configuration of such a server */

ngx_int_t
ngx_http_layr_task_start(ngx_http_request_t *r, ngx_http_layr_work_pt work,
    ngx_http_layr_done_pt done)
{
    return NGX_HTTP_INTERNAL_SERVER_ERROR;
}


ngx_int_t
ngx_http_layr_task_post(ngx_http_request_t *r, ngx_http_layr_work_pt work,
    ngx_http_layr_done_pt done)
{
    return NGX_ERROR;
}

#endif
