
/* Small answers. */


#ifndef _NGX_HTTP_LAYR_SEND_H_INCLUDED_
#define _NGX_HTTP_LAYR_SEND_H_INCLUDED_


#include "ngx_http_layr.h"


/* drops what is left of the body; the result is for finalize */
ngx_int_t ngx_http_layr_send(ngx_http_request_t *r, ngx_uint_t status,
    const char *type, ngx_str_t *body);
/* a library's buffer, which is copied */
ngx_int_t ngx_http_layr_send_buf(ngx_http_request_t *r, ngx_uint_t status,
    const char *type, layr_buf_t *body);
/* name must be static, value live as long as the request */
ngx_table_elt_t *ngx_http_layr_header(ngx_http_request_t *r, const char *name,
    const char *value, size_t len);


#endif /* _NGX_HTTP_LAYR_SEND_H_INCLUDED_ */
