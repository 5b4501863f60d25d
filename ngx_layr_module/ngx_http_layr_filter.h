
/* Filters of a location with a store. */


#ifndef _NGX_HTTP_LAYR_FILTER_H_INCLUDED_
#define _NGX_HTTP_LAYR_FILTER_H_INCLUDED_


#include "ngx_http_layr.h"


ngx_int_t ngx_http_layr_filter_init(ngx_conf_t *cf);


#endif /* _NGX_HTTP_LAYR_FILTER_H_INCLUDED_ */
