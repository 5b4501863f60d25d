
/*
 * Small bodies.  nginx keeps what it reads in a buffer or, past that, in a
 * file; the request body filter copies it here as it passes, so the handler
 * finds it in one piece either way.
 */


#include "ngx_http_layr_body.h"
#include "ngx_http_layr_problem.h"


ngx_int_t
ngx_http_layr_body_announced(ngx_http_request_t *r)
{
    if (r->headers_in.content_length_n >= 0) {
        return NGX_OK;
    }

#if (NGX_HTTP_V2)

    /* the end of the stream is as good: it can't be mistaken for a cut */

    if (r->stream) {
        return NGX_OK;
    }

#endif

    return ngx_http_layr_problem(r, NGX_HTTP_LAYR_LENGTH_REQUIRED,
                                 "Send the body with a Content-Length.");
}


ngx_int_t
ngx_http_layr_body_read(ngx_http_request_t *r,
    ngx_http_client_body_handler_pt handler)
{
    off_t                      size;
    ngx_int_t                  rc;
    ngx_http_layr_ctx_t       *ctx;
    ngx_http_layr_loc_conf_t  *llcf;

    ctx = ngx_http_get_module_ctx(r, ngx_http_layr_module);
    llcf = ngx_http_get_module_loc_conf(r, ngx_http_layr_module);

    rc = ngx_http_layr_body_announced(r);
    if (rc != NGX_OK || ctx->answered) {
        return rc;
    }

    size = r->headers_in.content_length_n;

    if (size > NGX_HTTP_LAYR_BODY_MAX
        || (llcf->max_body && size > llcf->max_body))
    {
        return ngx_http_layr_problem(r, NGX_HTTP_LAYR_TOO_LARGE,
                                     "The body of this call has at most "
                                     "65536 bytes.");
    }

    ctx->body_size = size >= 0 ? size : NGX_HTTP_LAYR_BODY_MAX;

    ctx->body = ngx_pnalloc(r->pool, ctx->body_size + 1);
    if (ctx->body == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx->reading = 1;

    rc = ngx_http_read_client_request_body(r, handler);

    if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
        return rc;
    }

    return NGX_DONE;
}


ngx_int_t
ngx_http_layr_statement_problem(ngx_http_request_t *r, int rc)
{
    switch (rc) {

    case LAYR_ERR_AUTH:
        return ngx_http_layr_problem(r, NGX_HTTP_LAYR_STATEMENT_SIGNATURE,
                                     "The statement's signature does not "
                                     "verify with its kid.");

    case LAYR_ERR_EXPIRED:
        return ngx_http_layr_problem(r, NGX_HTTP_LAYR_STATEMENT_EXPIRED,
                                     "The statement has expired. Check the "
                                     "clock and sign a new one.");

    case LAYR_ERR_FUTURE:
        return ngx_http_layr_problem(r, NGX_HTTP_LAYR_STATEMENT_FUTURE,
                                     "The statement is dated more than five "
                                     "minutes ahead. Check the clock.");

    case LAYR_ERR_NOMEM:
    case LAYR_ERR_CRYPTO:
        return NGX_HTTP_INTERNAL_SERVER_ERROR;

    default:
        return ngx_http_layr_problem(r, NGX_HTTP_LAYR_STATEMENT_MALFORMED,
                                     "The body is not a statement of the "
                                     "kind that this call takes.");
    }
}
