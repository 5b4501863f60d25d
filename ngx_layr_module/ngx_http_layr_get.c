
/* GET and HEAD v1/shards/{id}: nginx's static path. */


#include "ngx_http_layr.h"
#include "ngx_http_layr_problem.h"
#include "ngx_http_layr_send.h"
#include "ngx_http_layr_store.h"


static ngx_int_t ngx_http_layr_get_path(ngx_http_request_t *r,
    ngx_http_layr_ctx_t *ctx, ngx_str_t *path);
static ngx_int_t ngx_http_layr_get_open(ngx_http_request_t *r,
    ngx_str_t *path, ngx_open_file_info_t *of);
static ngx_int_t ngx_http_layr_get_headers(ngx_http_request_t *r,
    ngx_http_layr_ctx_t *ctx, off_t size);
static ngx_int_t ngx_http_layr_get_send(ngx_http_request_t *r,
    ngx_str_t *path, ngx_open_file_info_t *of);


ngx_int_t
ngx_http_layr_get_handler(ngx_http_request_t *r)
{
    ngx_int_t              rc;
    ngx_str_t              path;
    ngx_http_layr_ctx_t   *ctx;
    ngx_open_file_info_t   of;

    ctx = ngx_http_get_module_ctx(r, ngx_http_layr_module);

    if (ngx_http_layr_get_path(r, ctx, &path) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_layr_get_open(r, &path, &of);

    if (rc == NGX_DECLINED) {

        if (!ngx_http_layr_store_there(ctx->store)) {
            return ngx_http_layr_problem_rc(r, LAYR_ERR_UNAVAILABLE);
        }

        return ngx_http_layr_problem(r, NGX_HTTP_LAYR_NO_SUCH_SHARD,
                                     "This host does not have the shard.");
    }

    if (rc != NGX_OK) {
        return ngx_http_layr_problem_rc(r, LAYR_ERR_IO);
    }

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    if (ngx_http_layr_get_headers(r, ctx, of.size) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_layr_get_send(r, &path, &of);
}


static ngx_int_t
ngx_http_layr_get_path(ngx_http_request_t *r, ngx_http_layr_ctx_t *ctx,
    ngx_str_t *path)
{
    size_t  size;

    size = ctx->store->path.len + sizeof("/shards/ab/cd/") + 64;

    path->data = ngx_pnalloc(r->pool, size);
    if (path->data == NULL) {
        return NGX_ERROR;
    }

    if (layr_host_blob_path((char *) path->data, size,
                            (char *) ctx->store->path.data, ctx->id)
        != 0)
    {
        return NGX_ERROR;
    }

    path->len = ngx_strlen(path->data);

    return NGX_OK;
}


/* NGX_DECLINED: there is no such file */

static ngx_int_t
ngx_http_layr_get_open(ngx_http_request_t *r, ngx_str_t *path,
    ngx_open_file_info_t *of)
{
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    ngx_memzero(of, sizeof(ngx_open_file_info_t));

    of->read_ahead = clcf->read_ahead;
    of->directio = clcf->directio;
    of->valid = clcf->open_file_cache_valid;
    of->min_uses = clcf->open_file_cache_min_uses;
    of->errors = clcf->open_file_cache_errors;
    of->events = clcf->open_file_cache_events;

    if (ngx_open_cached_file(clcf->open_file_cache, path, of, r->pool)
        == NGX_OK)
    {
        if (of->is_file) {
            return NGX_OK;
        }

        ngx_log_error(NGX_LOG_CRIT, r->connection->log, 0,
                      "layr: \"%V\" is not a regular file", path);
        return NGX_ERROR;
    }

    if (of->err == NGX_ENOENT || of->err == NGX_ENOTDIR) {
        return NGX_DECLINED;
    }

    ngx_log_error(NGX_LOG_CRIT, r->connection->log, of->err,
                  "layr: %s \"%V\" failed", of->failed, path);

    return NGX_ERROR;
}


static ngx_int_t
ngx_http_layr_get_headers(ngx_http_request_t *r, ngx_http_layr_ctx_t *ctx,
    off_t size)
{
    u_char     *etag, *digest;
    ngx_str_t   raw, b64;

    etag = ngx_pnalloc(r->pool, 68);
    digest = ngx_pnalloc(r->pool, sizeof("sha-256=::") + 44);
    if (etag == NULL || digest == NULL) {
        return NGX_ERROR;
    }

    etag[0] = '"';
    layr_hex((char *) etag + 1, ctx->id, 32);
    etag[65] = '"';

    raw.data = ctx->id;
    raw.len = 32;
    ngx_memcpy(digest, "sha-256=:", 9);
    b64.data = digest + 9;
    ngx_encode_base64(&b64, &raw);
    digest[9 + b64.len] = ':';

    r->headers_out.status = NGX_HTTP_OK;
    r->headers_out.content_length_n = size;
    ngx_str_set(&r->headers_out.content_type, "application/octet-stream");
    r->headers_out.content_type_len = r->headers_out.content_type.len;

    r->headers_out.etag = ngx_http_layr_header(r, "ETag", (char *) etag, 66);
    ctx->cache_control = ngx_http_layr_header(r, "Cache-Control",
                         "public, max-age=31536000, immutable",
                         sizeof("public, max-age=31536000, immutable") - 1);
    ctx->repr_digest = ngx_http_layr_header(r, "Repr-Digest", (char *) digest,
                                            10 + b64.len);

    r->allow_ranges = 1;

    return r->headers_out.etag && ctx->cache_control && ctx->repr_digest
           ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_http_layr_get_send(ngx_http_request_t *r, ngx_str_t *path,
    ngx_open_file_info_t *of)
{
    ngx_int_t     rc;
    ngx_buf_t    *b;
    ngx_chain_t   out;

    r->connection->log->action = "sending shard to client";

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    b->file = ngx_pcalloc(r->pool, sizeof(ngx_file_t));
    if (b->file == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    b->file_pos = 0;
    b->file_last = of->size;
    b->in_file = b->file_last ? 1 : 0;
    b->last_buf = (r == r->main) ? 1 : 0;
    b->last_in_chain = 1;
    b->sync = b->in_file ? 0 : 1;

    b->file->fd = of->fd;
    b->file->name = *path;
    b->file->log = r->connection->log;
    b->file->directio = of->is_directio;

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}
