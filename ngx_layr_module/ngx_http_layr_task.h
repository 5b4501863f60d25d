
/* Work for a thread in the middle of a request. */


#ifndef _NGX_HTTP_LAYR_TASK_H_INCLUDED_
#define _NGX_HTTP_LAYR_TASK_H_INCLUDED_


#include "ngx_http_layr.h"


/*
 * work() runs on a thread with the store's database, unless the store is
 * unavailable: then ctx->rc is LAYR_ERR_UNAVAILABLE at once.  done() runs on
 * the event loop and looks at ctx->rc; it must finalize the request, for
 * which the caller holds a count.
 */
ngx_int_t ngx_http_layr_task_post(ngx_http_request_t *r,
    ngx_http_layr_work_pt work, ngx_http_layr_done_pt done);
/* the same for a handler that returns what this returns */
ngx_int_t ngx_http_layr_task_start(ngx_http_request_t *r,
    ngx_http_layr_work_pt work, ngx_http_layr_done_pt done);


#endif /* _NGX_HTTP_LAYR_TASK_H_INCLUDED_ */
