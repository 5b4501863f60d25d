
/* GET and PUT v1/records/{place}. */


#include "ngx_http_layr.h"
#include "ngx_http_layr_body.h"
#include "ngx_http_layr_kad.h"
#include "ngx_http_layr_problem.h"
#include "ngx_http_layr_send.h"
#include "ngx_http_layr_task.h"


static int ngx_http_layr_record_get_work(ngx_http_layr_ctx_t *ctx,
    layr_hostdb_t *db);
static void ngx_http_layr_record_get_done(ngx_http_request_t *r);
static void ngx_http_layr_record_put_body(ngx_http_request_t *r);
static ngx_int_t ngx_http_layr_record_put_parse(ngx_http_request_t *r,
    ngx_http_layr_ctx_t *ctx);
static int ngx_http_layr_record_put_work(ngx_http_layr_ctx_t *ctx,
    layr_hostdb_t *db);
static void ngx_http_layr_record_put_done(ngx_http_request_t *r);


static ngx_str_t  ngx_http_layr_nothing = ngx_null_string;


ngx_int_t
ngx_http_layr_record_get_handler(ngx_http_request_t *r)
{
    ngx_int_t  rc;

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    return ngx_http_layr_task_start(r, ngx_http_layr_record_get_work,
                                    ngx_http_layr_record_get_done);
}


static int
ngx_http_layr_record_get_work(ngx_http_layr_ctx_t *ctx, layr_hostdb_t *db)
{
    return layr_hostdb_record_get(db, ctx->id, ctx->now, &ctx->jws, ctx->diag);
}


static void
ngx_http_layr_record_get_done(ngx_http_request_t *r)
{
    ngx_int_t             rc;
    ngx_http_layr_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_layr_module);

    if (ctx->rc == 0) {
        rc = ngx_http_layr_header(r, "Cache-Control", "no-cache", 8)
             ? ngx_http_layr_send_buf(r, NGX_HTTP_OK, "application/jose",
                                      &ctx->jws)
             : NGX_HTTP_INTERNAL_SERVER_ERROR;

    } else if (ctx->rc == LAYR_ERR_NOTFOUND) {
        rc = ngx_http_layr_problem(r, NGX_HTTP_LAYR_NO_SUCH_RECORD,
                                   "This host has no record for the place.");

    } else {
        rc = ngx_http_layr_problem_rc(r, ctx->rc);
    }

    ngx_http_finalize_request(r, rc);
}


ngx_int_t
ngx_http_layr_record_put_handler(ngx_http_request_t *r)
{
    return ngx_http_layr_body_read(r, ngx_http_layr_record_put_body);
}


static void
ngx_http_layr_record_put_body(ngx_http_request_t *r)
{
    ngx_int_t             rc;
    ngx_http_layr_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_layr_module);

    ctx->reading = 0;

    rc = ngx_http_layr_record_put_parse(r, ctx);

    if (rc == NGX_OK && !ctx->answered) {

        if (ngx_http_layr_task_post(r, ngx_http_layr_record_put_work,
                                    ngx_http_layr_record_put_done)
            == NGX_OK)
        {
            return;
        }

        rc = NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_http_finalize_request(r, rc);
}


static ngx_int_t
ngx_http_layr_record_put_parse(ngx_http_request_t *r, ngx_http_layr_ctx_t *ctx)
{
    int  rc;

    rc = layr_record_parse(&ctx->record, (char *) ctx->body, ctx->received,
                           ngx_time());
    if (rc != 0) {
        return ngx_http_layr_statement_problem(r, rc);
    }

    if (layr_record_place_of(&ctx->record, ctx->id) < 0) {
        return ngx_http_layr_problem(r, NGX_HTTP_LAYR_STATEMENT_HOST,
                                     "The record's key does not lead to this "
                                     "place.");
    }

    return NGX_OK;
}


static int
ngx_http_layr_record_put_work(ngx_http_layr_ctx_t *ctx, layr_hostdb_t *db)
{
    int                  rc;
    layr_record_offer_t  o;

    ngx_memzero(&o, sizeof(layr_record_offer_t));

    ngx_memcpy(o.place, ctx->id, 32);
    o.r = &ctx->record;
    o.jws = (char *) ctx->body;
    o.len = ctx->received;
    o.net = ctx->group;
    o.now = ctx->now;

    rc = layr_hostdb_record_put(db, &o, ctx->diag);

    ctx->replaced = o.replaced;
    ctx->jws = o.own;

    ngx_http_layr_kad_count(ctx->store, NGX_HTTP_LAYR_KAD_EVICTED, o.evicted);

    return rc;
}


static void
ngx_http_layr_record_put_done(ngx_http_request_t *r)
{
    ngx_int_t             rc;
    ngx_http_layr_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_layr_module);

    switch (ctx->rc) {

    case LAYR_OK:
    case LAYR_ERR_EXISTS:
        rc = ngx_http_layr_send(r, ctx->rc == 0 && !ctx->replaced
                                   ? NGX_HTTP_CREATED : NGX_HTTP_OK,
                                "application/jose", &ngx_http_layr_nothing);
        break;

    case LAYR_ERR_CONFLICT:
        rc = ngx_http_layr_send_buf(r, NGX_HTTP_PRECONDITION_FAILED,
                                    "application/jose", &ctx->jws);
        break;

    case LAYR_ERR_LIMIT:
        rc = ngx_http_layr_problem(r, NGX_HTTP_LAYR_NETWORK_RECORDS,
                                   "Your network's part of this host's share "
                                   "for records is used up. Choose another "
                                   "host.");
        break;

    case LAYR_ERR_NOSPACE:
        rc = ngx_http_layr_problem(r, NGX_HTTP_LAYR_TOO_MANY_RECORDS,
                                   "This host's share for records is used "
                                   "up. Choose another host.");
        break;

    default:
        rc = ngx_http_layr_problem_rc(r, ctx->rc);
    }

    ngx_http_finalize_request(r, rc);
}
