
/* POST v1/orders: renew or release orders of one group. */


#include "ngx_http_layr.h"
#include "ngx_http_layr_body.h"
#include "ngx_http_layr_problem.h"
#include "ngx_http_layr_send.h"
#include "ngx_http_layr_task.h"

#include "crypto/json.h"


static void ngx_http_layr_orders_body(ngx_http_request_t *r);
static ngx_int_t ngx_http_layr_orders_parse(ngx_http_request_t *r,
    ngx_http_layr_ctx_t *ctx);
static int ngx_http_layr_orders_work(ngx_http_layr_ctx_t *ctx,
    layr_hostdb_t *db);
static void ngx_http_layr_orders_done(ngx_http_request_t *r);
static ngx_int_t ngx_http_layr_orders_answer(ngx_http_request_t *r,
    layr_orders_answer_t *a);
static void ngx_http_layr_orders_list(layr_buf_t *b, const char *name,
    u_char (*order)[16], ngx_uint_t n);


ngx_int_t
ngx_http_layr_orders_handler(ngx_http_request_t *r)
{
    return ngx_http_layr_body_read(r, ngx_http_layr_orders_body);
}


static void
ngx_http_layr_orders_body(ngx_http_request_t *r)
{
    ngx_int_t             rc;
    ngx_http_layr_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_layr_module);

    ctx->reading = 0;

    rc = ngx_http_layr_orders_parse(r, ctx);

    if (rc == NGX_OK && !ctx->answered) {

        if (ngx_http_layr_task_post(r, ngx_http_layr_orders_work,
                                    ngx_http_layr_orders_done)
            == NGX_OK)
        {
            return;
        }

        rc = NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_http_finalize_request(r, rc);
}


static ngx_int_t
ngx_http_layr_orders_parse(ngx_http_request_t *r, ngx_http_layr_ctx_t *ctx)
{
    int  rc;

    ctx->orders = ngx_pcalloc(r->pool, sizeof(layr_orders_t));
    ctx->answer = ngx_pcalloc(r->pool, sizeof(layr_orders_answer_t));
    if (ctx->orders == NULL || ctx->answer == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = layr_orders_parse(ctx->orders, (char *) ctx->body, ctx->received,
                           ngx_time());
    if (rc != 0) {
        return ngx_http_layr_statement_problem(r, rc);
    }

    if (ngx_memcmp(ctx->orders->host, ctx->store->host, 32) != 0) {
        return ngx_http_layr_problem(r, NGX_HTTP_LAYR_STATEMENT_HOST,
                                     "The statement names another host.");
    }

    return NGX_OK;
}


static int
ngx_http_layr_orders_work(ngx_http_layr_ctx_t *ctx, layr_hostdb_t *db)
{
    return layr_hostdb_orders(db, ctx->orders, ctx->answer, ctx->diag);
}


static void
ngx_http_layr_orders_done(ngx_http_request_t *r)
{
    ngx_int_t             rc;
    ngx_http_layr_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_layr_module);

    switch (ctx->rc) {

    case LAYR_OK:
        rc = ngx_http_layr_orders_answer(r, ctx->answer);
        break;

    case LAYR_ERR_NOTFOUND:
        rc = ngx_http_layr_problem(r, NGX_HTTP_LAYR_NO_SUCH_ORDER,
                                   "None of these orders is here.");
        break;

    case LAYR_ERR_CAP:
        rc = ngx_http_layr_problem(r, NGX_HTTP_LAYR_NOT_YOUR_ORDER,
                                   "One of these orders is of another owner "
                                   "or group; nothing was changed.");
        break;

    default:
        rc = ngx_http_layr_problem_rc(r, ctx->rc);
    }

    ngx_http_finalize_request(r, rc);
}


static ngx_int_t
ngx_http_layr_orders_answer(ngx_http_request_t *r, layr_orders_answer_t *a)
{
    ngx_int_t   rc;
    layr_buf_t  b;

    layr_buf_init(&b);

    layr_json_open(&b, NULL, '{');
    ngx_http_layr_orders_list(&b, "done", a->done, a->done_count);
    ngx_http_layr_orders_list(&b, "missing", a->missing, a->missing_count);
    layr_json_close(&b, '}');
    layr_buf_add8(&b, LF);

    rc = ngx_http_layr_send_buf(r, NGX_HTTP_OK, "application/json", &b);

    layr_buf_free(&b);

    return rc;
}


static void
ngx_http_layr_orders_list(layr_buf_t *b, const char *name,
    u_char (*order)[16], ngx_uint_t n)
{
    ngx_uint_t  i;

    layr_json_open(b, name, '[');

    for (i = 0; i < n; i++) {
        layr_json_put_hex(b, NULL, order[i], 16);
    }

    layr_json_close(b, ']');
}
