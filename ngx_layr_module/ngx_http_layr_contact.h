
/* The host's contact: who and where it is. */


#ifndef _NGX_HTTP_LAYR_CONTACT_H_INCLUDED_
#define _NGX_HTTP_LAYR_CONTACT_H_INCLUDED_


#include "ngx_http_layr.h"


/* configuration: pins and h2c flag from the server blocks */
ngx_int_t ngx_http_layr_contact_init(ngx_conf_t *cf,
    ngx_http_layr_store_t *st);
/* the current one, signed anew when it has aged; NULL: no memory */
ngx_str_t *ngx_http_layr_contact(ngx_http_layr_store_t *st);
void ngx_http_layr_contact_free(ngx_http_layr_store_t *st);


#endif /* _NGX_HTTP_LAYR_CONTACT_H_INCLUDED_ */
