
/* Refusals and failures, as docs/protocol.md 6.1 lists them. */


#ifndef _NGX_HTTP_LAYR_PROBLEM_H_INCLUDED_
#define _NGX_HTTP_LAYR_PROBLEM_H_INCLUDED_


#include "ngx_http_layr.h"


typedef enum {
    NGX_HTTP_LAYR_BAD_REQUEST = 0,
    NGX_HTTP_LAYR_BAD_ID,
    NGX_HTTP_LAYR_ORDER_MISSING,
    NGX_HTTP_LAYR_ORDER_MALFORMED,
    NGX_HTTP_LAYR_ORDER_SIGNATURE,
    NGX_HTTP_LAYR_PRICE,
    NGX_HTTP_LAYR_ORDER_HOST,
    NGX_HTTP_LAYR_ORDER_SHARD,
    NGX_HTTP_LAYR_ORDER_SIZE,
    NGX_HTTP_LAYR_ORDER_EXPIRED,
    NGX_HTTP_LAYR_ORDER_FUTURE,
    NGX_HTTP_LAYR_ORDER_TOO_LONG,
    NGX_HTTP_LAYR_ORDER_RAIL,
    NGX_HTTP_LAYR_OWNER_NOT_ALLOWED,
    NGX_HTTP_LAYR_STATEMENT_MALFORMED,
    NGX_HTTP_LAYR_STATEMENT_SIGNATURE,
    NGX_HTTP_LAYR_STATEMENT_HOST,
    NGX_HTTP_LAYR_STATEMENT_EXPIRED,
    NGX_HTTP_LAYR_STATEMENT_FUTURE,
    NGX_HTTP_LAYR_NOT_YOUR_ORDER,
    NGX_HTTP_LAYR_NOT_YOUR_GROUP,
    NGX_HTTP_LAYR_NOT_FOUND,
    NGX_HTTP_LAYR_NO_SUCH_SHARD,
    NGX_HTTP_LAYR_NO_SUCH_RECORD,
    NGX_HTTP_LAYR_NO_SUCH_ORDER,
    NGX_HTTP_LAYR_SHARDS_MISSING,
    NGX_HTTP_LAYR_METHOD_NOT_ALLOWED,
    NGX_HTTP_LAYR_ORDER_CONFLICT,
    NGX_HTTP_LAYR_ORDER_RELEASED,
    NGX_HTTP_LAYR_LENGTH_REQUIRED,
    NGX_HTTP_LAYR_TOO_LARGE,
    NGX_HTTP_LAYR_CHALLENGE_TOO_LARGE,
    NGX_HTTP_LAYR_RANGE,
    NGX_HTTP_LAYR_HASH_MISMATCH,
    NGX_HTTP_LAYR_BODY_SHORT,
    NGX_HTTP_LAYR_RATE,
    NGX_HTTP_LAYR_TOO_MANY_AUDITS,
    NGX_HTTP_LAYR_INTERNAL,
    NGX_HTTP_LAYR_STORE_UNAVAILABLE,
    NGX_HTTP_LAYR_HOST_FULL,
    NGX_HTTP_LAYR_DRAINING,
    NGX_HTTP_LAYR_OWNER_QUOTA,
    NGX_HTTP_LAYR_TOO_MANY_RECORDS,
    NGX_HTTP_LAYR_NETWORK_RECORDS,
    NGX_HTTP_LAYR_OTHER,           /* about:blank: of nginx's own making */
    NGX_HTTP_LAYR_PROBLEMS
} ngx_http_layr_problem_e;


/* the name after urn:layr:problem: */
const char *ngx_http_layr_problem_name(ngx_uint_t problem);
/* send it; the result is for ngx_http_finalize_request() */
ngx_int_t ngx_http_layr_problem(ngx_http_request_t *r,
    ngx_http_layr_problem_e problem, const char *detail);
/* the same with a member "missing", JSON */
ngx_int_t ngx_http_layr_problem_missing(ngx_http_request_t *r,
    ngx_http_layr_problem_e problem, const char *detail, ngx_str_t *missing);
/* the same for what a library call returned: logs what is the host's fault */
ngx_int_t ngx_http_layr_problem_rc(ngx_http_request_t *r, int rc);
/* for an error page of nginx's: a document in place of it */
ngx_buf_t *ngx_http_layr_problem_page(ngx_http_request_t *r, ngx_uint_t status,
    ngx_uint_t reading);


#endif /* _NGX_HTTP_LAYR_PROBLEM_H_INCLUDED_ */
