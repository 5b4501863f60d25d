
/*
 * Bodies of shards are hashed as they come.  Two side by side take little
 * more than half the time of one after the other (layr_hash_update_many), so
 * while a worker receives several, what came of one waits in a buffer until
 * bytes of another come.  There is one such buffer a worker, whatever the
 * number of bodies.
 */


#include "ngx_http_layr_hash.h"


#define NGX_HTTP_LAYR_HASH_WAIT  (128 * 1024)


static ngx_int_t ngx_http_layr_hash_settle(void);
static ngx_int_t ngx_http_layr_hash_pair(layr_hash_t *hash, u_char **p,
    size_t *size);
static void ngx_http_layr_hash_wait(layr_hash_t *hash, u_char *p, size_t size);


/* whose bytes wait, and which part of the buffer they are */

static struct {
    layr_hash_t  *hash;
    size_t        pos;
    size_t        last;
    u_char        bytes[NGX_HTTP_LAYR_HASH_WAIT];
} ngx_http_layr_hash_waiting;

static ngx_uint_t  ngx_http_layr_hash_bodies;


ngx_int_t
ngx_http_layr_hash_begin(ngx_http_layr_ctx_t *ctx)
{
    if (layr_hash_new(&ctx->hash) != 0) {
        return NGX_ERROR;
    }

    ngx_http_layr_hash_bodies++;

    return NGX_OK;
}


ngx_int_t
ngx_http_layr_hash_take(ngx_http_layr_ctx_t *ctx, u_char *p, size_t size)
{
    if (ngx_http_layr_hash_waiting.hash == ctx->hash) {

        if (ngx_http_layr_hash_settle() != NGX_OK) {
            return NGX_ERROR;
        }

    } else if (ngx_http_layr_hash_waiting.hash != NULL) {

        if (ngx_http_layr_hash_pair(ctx->hash, &p, &size) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    if (size == 0) {
        return NGX_OK;
    }

    /* nobody to wait for, or more than can wait */

    if (ngx_http_layr_hash_bodies < 2
        || ngx_http_layr_hash_waiting.hash != NULL
        || size > NGX_HTTP_LAYR_HASH_WAIT)
    {
        return layr_hash_update(ctx->hash, p, size) == 0 ? NGX_OK : NGX_ERROR;
    }

    ngx_http_layr_hash_wait(ctx->hash, p, size);

    return NGX_OK;
}


/* as much as both have; what remains is one's or the other's */

static ngx_int_t
ngx_http_layr_hash_pair(layr_hash_t *hash, u_char **p, size_t *size)
{
    size_t        n;
    layr_hash_t  *hashes[2];
    const void   *bytes[2];

    n = ngx_min(*size, ngx_http_layr_hash_waiting.last
                       - ngx_http_layr_hash_waiting.pos);

    hashes[0] = ngx_http_layr_hash_waiting.hash;
    bytes[0] = ngx_http_layr_hash_waiting.bytes
               + ngx_http_layr_hash_waiting.pos;
    hashes[1] = hash;
    bytes[1] = *p;

    ngx_http_layr_hash_waiting.pos += n;

    if (ngx_http_layr_hash_waiting.pos == ngx_http_layr_hash_waiting.last) {
        ngx_http_layr_hash_waiting.hash = NULL;
    }

    *p += n;
    *size -= n;

    return layr_hash_update_many(hashes, bytes, 2, n) == 0 ? NGX_OK
                                                            : NGX_ERROR;
}


static void
ngx_http_layr_hash_wait(layr_hash_t *hash, u_char *p, size_t size)
{
    ngx_memcpy(ngx_http_layr_hash_waiting.bytes, p, size);

    ngx_http_layr_hash_waiting.hash = hash;
    ngx_http_layr_hash_waiting.pos = 0;
    ngx_http_layr_hash_waiting.last = size;
}


/* nothing waits any longer */

static ngx_int_t
ngx_http_layr_hash_settle(void)
{
    layr_hash_t  *hash;

    hash = ngx_http_layr_hash_waiting.hash;
    ngx_http_layr_hash_waiting.hash = NULL;

    return layr_hash_update(hash, ngx_http_layr_hash_waiting.bytes
                                  + ngx_http_layr_hash_waiting.pos,
                            ngx_http_layr_hash_waiting.last
                            - ngx_http_layr_hash_waiting.pos)
           == 0 ? NGX_OK : NGX_ERROR;
}


ngx_int_t
ngx_http_layr_hash_end(ngx_http_layr_ctx_t *ctx, u_char id[32])
{
    if (ngx_http_layr_hash_waiting.hash == ctx->hash
        && ngx_http_layr_hash_settle() != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (layr_hash_final(ctx->hash, id) != 0) {
        return NGX_ERROR;
    }

    ngx_http_layr_hash_drop(ctx);

    return NGX_OK;
}


void
ngx_http_layr_hash_drop(ngx_http_layr_ctx_t *ctx)
{
    if (ctx->hash == NULL) {
        return;
    }

    if (ngx_http_layr_hash_waiting.hash == ctx->hash) {
        ngx_http_layr_hash_waiting.hash = NULL;
    }

    layr_hash_free(ctx->hash);
    ctx->hash = NULL;

    ngx_http_layr_hash_bodies--;
}
