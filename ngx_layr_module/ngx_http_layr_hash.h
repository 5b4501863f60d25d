
#ifndef _NGX_HTTP_LAYR_HASH_H_INCLUDED_
#define _NGX_HTTP_LAYR_HASH_H_INCLUDED_


#include "ngx_http_layr.h"


/* SHA-256 of a shard's body as it comes; for the event loop alone */

ngx_int_t ngx_http_layr_hash_begin(ngx_http_layr_ctx_t *ctx);
ngx_int_t ngx_http_layr_hash_take(ngx_http_layr_ctx_t *ctx, u_char *p,
    size_t size);
ngx_int_t ngx_http_layr_hash_end(ngx_http_layr_ctx_t *ctx, u_char id[32]);

/* harmless when there is none */
void ngx_http_layr_hash_drop(ngx_http_layr_ctx_t *ctx);


#endif /* _NGX_HTTP_LAYR_HASH_H_INCLUDED_ */
