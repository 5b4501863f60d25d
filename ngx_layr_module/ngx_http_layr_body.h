
/* Small bodies, whole in memory; and statements in them. */


#ifndef _NGX_HTTP_LAYR_BODY_H_INCLUDED_
#define _NGX_HTTP_LAYR_BODY_H_INCLUDED_


#include "ngx_http_layr.h"


/* handler() finds ctx->body and ctx->received; it must finalize r */
ngx_int_t ngx_http_layr_body_read(ngx_http_request_t *r,
    ngx_http_client_body_handler_pt handler);
/* is there a length?  NGX_OK, or the result of the refusal */
ngx_int_t ngx_http_layr_body_announced(ngx_http_request_t *r);
/* the refusal of a statement that a layr_*_parse() refused */
ngx_int_t ngx_http_layr_statement_problem(ngx_http_request_t *r, int rc);


#endif /* _NGX_HTTP_LAYR_BODY_H_INCLUDED_ */
