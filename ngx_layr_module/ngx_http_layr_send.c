
/* Small answers: one buffer, its length announced. */


#include "ngx_http_layr_send.h"


#if (NGX_HTTP_V2)
static ngx_uint_t ngx_http_layr_must_drain(ngx_http_request_t *r,
    ngx_http_layr_ctx_t *ctx);
static ngx_int_t ngx_http_layr_drain(ngx_http_request_t *r,
    ngx_http_layr_ctx_t *ctx, ngx_uint_t status, const char *type,
    ngx_str_t *body);
static void ngx_http_layr_drained(ngx_http_request_t *r);
#endif


ngx_int_t
ngx_http_layr_send(ngx_http_request_t *r, ngx_uint_t status, const char *type,
    ngx_str_t *body)
{
    ngx_int_t             rc;
    ngx_buf_t            *b;
    ngx_chain_t           out;
    ngx_http_layr_ctx_t  *ctx;

    ctx = ngx_http_layr_get_ctx(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx->answered = 1;

    /*
     * These answers have no validators, and what a PUT or POST did is done: a
     * condition of the request must not make a refusal of its answer
     */

    r->disable_not_modified = 1;

#if (NGX_HTTP_V2)

    if (ngx_http_layr_must_drain(r, ctx)) {
        return ngx_http_layr_drain(r, ctx, status, type, body);
    }

#endif

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    r->headers_out.status = status;
    r->headers_out.content_length_n = body->len;
    r->headers_out.content_type.data = (u_char *) type;
    r->headers_out.content_type.len = ngx_strlen(type);
    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.content_type_lowcase = NULL;

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_ERROR;
    }

    if (body->len) {
        b->pos = body->data;
        b->last = body->data + body->len;
        b->memory = 1;
    }

    b->last_buf = (r == r->main) ? 1 : 0;
    b->last_in_chain = 1;

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}


#if (NGX_HTTP_V2)

/*
 * An answer before the end of a request's body is right in HTTP/2, and the
 * stream is reset after it, without an error; but widespread clients (libcurl
 * up to 8.0) lose the answer then.  A body that could have been a shard, at
 * this host or another with a larger layr_max_shard, is taken and dropped
 * first.
 */

#define NGX_HTTP_LAYR_DRAIN  (1024 * 4112)     /* a shard of full size */

#define ngx_http_layr_drain_max(st)                                           \
    ngx_max((st)->max_shard, NGX_HTTP_LAYR_DRAIN)


static ngx_uint_t
ngx_http_layr_must_drain(ngx_http_request_t *r, ngx_http_layr_ctx_t *ctx)
{
    return r->stream
           && !r->stream->in_closed
           && !r->stream->skip_data
           && r->request_body == NULL
           && r->headers_in.content_length_n
              <= ngx_http_layr_drain_max(ctx->store);
}


static ngx_int_t
ngx_http_layr_drain(ngx_http_request_t *r, ngx_http_layr_ctx_t *ctx,
    ngx_uint_t status, const char *type, ngx_str_t *body)
{
    ngx_int_t  rc;

    ctx->status = status;
    ctx->type = type;
    ctx->answer_body = *body;
    ctx->body_size = ngx_http_layr_drain_max(ctx->store);
    ctx->draining = 1;

    rc = ngx_http_read_client_request_body(r, ngx_http_layr_drained);

    if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
        return rc;
    }

    return NGX_DONE;
}


static void
ngx_http_layr_drained(ngx_http_request_t *r)
{
    ngx_http_layr_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_layr_module);

    ctx->draining = 0;

    ngx_http_finalize_request(r, ngx_http_layr_send(r, ctx->status, ctx->type,
                                                    &ctx->answer_body));
}

#endif


ngx_int_t
ngx_http_layr_send_buf(ngx_http_request_t *r, ngx_uint_t status,
    const char *type, layr_buf_t *body)
{
    ngx_str_t  copy;

    if (body->bad) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    copy.len = body->len;
    copy.data = ngx_pnalloc(r->pool, body->len + 1);
    if (copy.data == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_memcpy(copy.data, body->p, body->len);

    return ngx_http_layr_send(r, status, type, &copy);
}


ngx_table_elt_t *
ngx_http_layr_header(ngx_http_request_t *r, const char *name,
    const char *value, size_t len)
{
    ngx_table_elt_t  *h;

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NULL;
    }

    h->hash = 1;
#if (nginx_version >= 1023000)
    h->next = NULL;
#endif
    h->key.data = (u_char *) name;
    h->key.len = ngx_strlen(name);
    h->value.data = (u_char *) value;
    h->value.len = len;

    return h;
}
