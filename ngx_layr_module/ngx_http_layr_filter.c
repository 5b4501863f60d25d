
/*
 * What a location with a store adds to nginx's filters:
 *
 *   header        Layr-Contact; and where nginx answers with an error page of
 *                 its own making, the header of a problem document
 *   body          that document in place of the page
 *   request body  blobs are hashed as they come, small bodies collected
 */


#include "ngx_http_layr_contact.h"
#include "ngx_http_layr_filter.h"
#include "ngx_http_layr_hash.h"
#include "ngx_http_layr_problem.h"
#include "ngx_http_layr_send.h"
#include "ngx_http_layr_zone.h"


/*
 * An upload has room reserved; client_body_timeout ends one that stops, this
 * one that trickles: after the first minute it must have come at this rate
 */

#define NGX_HTTP_LAYR_BODY_GRACE  60
#define NGX_HTTP_LAYR_BODY_RATE   4096                  /* bytes a second */


static ngx_int_t ngx_http_layr_header_filter(ngx_http_request_t *r);
static ngx_int_t ngx_http_layr_add_contact(ngx_http_request_t *r,
    ngx_http_layr_store_t *st);
static ngx_int_t ngx_http_layr_replace_page(ngx_http_request_t *r);
static ngx_int_t ngx_http_layr_body_filter(ngx_http_request_t *r,
    ngx_chain_t *in);
static ngx_int_t ngx_http_layr_request_body_filter(ngx_http_request_t *r,
    ngx_chain_t *in);
static ngx_int_t ngx_http_layr_request_body_failed(ngx_http_layr_ctx_t *ctx,
    ngx_err_t err);
static ngx_int_t ngx_http_layr_request_body_take(ngx_http_request_t *r,
    ngx_http_layr_ctx_t *ctx, ngx_buf_t *b);
static ngx_uint_t ngx_http_layr_request_body_trickles(ngx_http_layr_ctx_t *ctx);
static ngx_int_t ngx_http_layr_request_body_drop(ngx_http_request_t *r,
    ngx_http_layr_ctx_t *ctx, ngx_chain_t *in);
static ngx_int_t ngx_http_layr_log_handler(ngx_http_request_t *r);


static ngx_http_output_header_filter_pt  ngx_http_next_header_filter;
static ngx_http_output_body_filter_pt    ngx_http_next_body_filter;
static ngx_http_request_body_filter_pt   ngx_http_next_request_body_filter;


ngx_int_t
ngx_http_layr_filter_init(ngx_conf_t *cf)
{
    ngx_http_handler_pt        *h;
    ngx_http_core_main_conf_t  *cmcf;

    ngx_http_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_http_layr_header_filter;

    ngx_http_next_body_filter = ngx_http_top_body_filter;
    ngx_http_top_body_filter = ngx_http_layr_body_filter;

    ngx_http_next_request_body_filter = ngx_http_top_request_body_filter;
    ngx_http_top_request_body_filter = ngx_http_layr_request_body_filter;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_LOG_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_layr_log_handler;

    return NGX_OK;
}


static ngx_int_t
ngx_http_layr_header_filter(ngx_http_request_t *r)
{
    ngx_http_layr_loc_conf_t  *llcf;

    llcf = ngx_http_get_module_loc_conf(r, ngx_http_layr_module);

    if (llcf->store == NULL || r != r->main) {
        return ngx_http_next_header_filter(r);
    }

    if (llcf->store->advertise.len
        && ngx_http_layr_add_contact(r, llcf->store) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (r->headers_out.status >= NGX_HTTP_BAD_REQUEST
        || r->err_status >= NGX_HTTP_BAD_REQUEST)
    {
        if (ngx_http_layr_replace_page(r) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return ngx_http_next_header_filter(r);
}


static ngx_int_t
ngx_http_layr_add_contact(ngx_http_request_t *r, ngx_http_layr_store_t *st)
{
    u_char     *value;
    ngx_str_t  *contact;

    contact = ngx_http_layr_contact(st);
    if (contact == NULL) {
        return NGX_ERROR;
    }

    value = ngx_pstrdup(r->pool, contact);
    if (value == NULL) {
        return NGX_ERROR;
    }

    return ngx_http_layr_header(r, "Layr-Contact", (char *) value,
                                contact->len)
           ? NGX_OK : NGX_ERROR;
}


/* an error that the handlers of this module have not answered themselves */

static ngx_int_t
ngx_http_layr_replace_page(ngx_http_request_t *r)
{
    ngx_uint_t            status;
    ngx_http_layr_ctx_t  *ctx;

    ctx = ngx_http_layr_get_ctx(r);
    if (ctx == NULL) {
        return NGX_ERROR;
    }

    status = r->err_status ? r->err_status : r->headers_out.status;

    if ((ctx->answered && !ctx->draining)
        || status == NGX_HTTP_CLIENT_CLOSED_REQUEST)
    {
        return NGX_OK;
    }

    ctx->problem = ngx_http_layr_problem_page(r, status, ctx->reading);
    if (ctx->problem == NULL) {
        return NGX_ERROR;
    }

    ctx->answered = 1;

    ngx_str_set(&r->headers_out.content_type, "application/problem+json");
    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.content_type_lowcase = NULL;

    ngx_http_clear_content_length(r);
    ngx_http_clear_accept_ranges(r);
    ngx_http_clear_last_modified(r);
    ngx_http_clear_etag(r);

    r->headers_out.content_length_n = ctx->problem->last - ctx->problem->pos;

    if (ctx->cache_control) {
        ctx->cache_control->hash = 0;
    }

    if (ctx->repr_digest) {
        ctx->repr_digest->hash = 0;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_layr_body_filter(ngx_http_request_t *r, ngx_chain_t *in)
{
    ngx_chain_t          *cl, out;
    ngx_http_layr_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_layr_module);

    if (ctx == NULL || ctx->problem == NULL || in == NULL) {
        return ngx_http_next_body_filter(r, in);
    }

    for (cl = in; cl; cl = cl->next) {
        cl->buf->pos = cl->buf->last;
        cl->buf->file_pos = cl->buf->file_last;
    }

    if (ctx->replace_sent) {
        return NGX_OK;
    }

    ctx->replace_sent = 1;
    ctx->problem->last_buf = 1;
    ctx->problem->last_in_chain = 1;

    out.buf = ctx->problem;
    out.next = NULL;

    return ngx_http_next_body_filter(r, &out);
}


/* in may be NULL, and a buffer of no bytes that says: it was the last */

static ngx_int_t
ngx_http_layr_request_body_filter(ngx_http_request_t *r, ngx_chain_t *in)
{
    ngx_int_t             rc;
    ngx_chain_t          *cl;
    ngx_http_layr_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_layr_module);

    if (ctx && ctx->draining) {
        return ngx_http_layr_request_body_drop(r, ctx, in);
    }

    if (ctx && ctx->reading) {

        for (cl = in; cl; cl = cl->next) {
            rc = ngx_http_layr_request_body_take(r, ctx, cl->buf);
            if (rc != NGX_OK) {
                return rc;
            }
        }
    }

    ngx_set_errno(0);

    rc = ngx_http_next_request_body_filter(r, in);

    if (rc == NGX_HTTP_INTERNAL_SERVER_ERROR && ctx && ctx->reading) {
        return ngx_http_layr_request_body_failed(ctx, ngx_errno);
    }

    return rc;
}


/* why nginx could not write the body to its file */

static ngx_int_t
ngx_http_layr_request_body_failed(ngx_http_layr_ctx_t *ctx, ngx_err_t err)
{
    switch (err) {

    case NGX_ENOSPC:
    case EDQUOT:
        return NGX_HTTP_INSUFFICIENT_STORAGE;

    case EIO:
    case EROFS:
    case NGX_ENOENT:
    case NGX_ENOTDIR:
    case NGX_EACCES:
        return NGX_HTTP_SERVICE_UNAVAILABLE;

    default:
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
}


static ngx_int_t
ngx_http_layr_request_body_take(ngx_http_request_t *r,
    ngx_http_layr_ctx_t *ctx, ngx_buf_t *b)
{
    size_t                size;

    size = b->last - b->pos;

    if (size == 0) {
        return NGX_OK;
    }

    if (size > ctx->body_size - (size_t) ctx->received) {
        return NGX_HTTP_REQUEST_ENTITY_TOO_LARGE;
    }

    if (ctx->body) {
        ngx_memcpy(ctx->body + ctx->received, b->pos, size);

    } else if (ngx_http_layr_hash_take(ctx, b->pos, size) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx->received += size;

    if (ngx_http_layr_request_body_trickles(ctx)) {
        ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                      "layr: the body comes at less than %d bytes a second",
                      NGX_HTTP_LAYR_BODY_RATE);
        return NGX_HTTP_REQUEST_TIME_OUT;
    }

    return NGX_OK;
}


static ngx_uint_t
ngx_http_layr_request_body_trickles(ngx_http_layr_ctx_t *ctx)
{
    time_t  late;

    if (ctx->started == 0) {
        return 0;
    }

    late = ngx_time() - ctx->started - NGX_HTTP_LAYR_BODY_GRACE;

    return late > 0 && ctx->received / NGX_HTTP_LAYR_BODY_RATE < late;
}


/* only the end of the body goes on, so nothing is kept */

static ngx_int_t
ngx_http_layr_request_body_drop(ngx_http_request_t *r,
    ngx_http_layr_ctx_t *ctx, ngx_chain_t *in)
{
    ngx_chain_t  *cl, *last;

    last = NULL;

    for (cl = in; cl; cl = cl->next) {
        ctx->received += cl->buf->last - cl->buf->pos;
        cl->buf->pos = cl->buf->last;

        if (cl->buf->last_buf) {
            last = cl;
        }
    }

    if (ctx->received > (off_t) ctx->body_size) {
        return NGX_HTTP_REQUEST_ENTITY_TOO_LARGE;
    }

    return ngx_http_next_request_body_filter(r, last);
}


static ngx_int_t
ngx_http_layr_log_handler(ngx_http_request_t *r)
{
    ngx_http_layr_zone_t      *zone;
    ngx_http_layr_loc_conf_t  *llcf;

    llcf = ngx_http_get_module_loc_conf(r, ngx_http_layr_module);

    if (llcf->store) {
        zone = llcf->store->zone;
        (void) ngx_atomic_fetch_add(&zone->bytes_in, r->request_length);
        (void) ngx_atomic_fetch_add(&zone->bytes_out, r->connection->sent);
    }

    return NGX_OK;
}
