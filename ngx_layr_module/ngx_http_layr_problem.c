
/*
 * Problem documents (RFC 9457).
 *
 * Details are fixed sentences: nothing that a client sent is echoed, so none
 * of it needs escaping, and no document outgrows its limit.  The one list is
 * of ids, as the library wrote it.
 */


#include "ngx_http_layr_problem.h"
#include "ngx_http_layr_send.h"
#include "ngx_http_layr_zone.h"


#define NGX_HTTP_LAYR_PROBLEM_MAX  1024

#define NGX_HTTP_LAYR_NO_ROOM     "There is no room on this host. Choose "    \
                                  "another."
#define NGX_HTTP_LAYR_DISK_FAILS  "The host's store cannot be read or "       \
                                  "written now; its log says why. Try later " \
                                  "or choose another host."


typedef struct {
    const char  *name;
    ngx_uint_t   status;
    const char  *title;
} ngx_http_layr_problem_t;


static ngx_buf_t *ngx_http_layr_problem_document(ngx_http_request_t *r,
    ngx_uint_t problem, ngx_uint_t status, const char *detail,
    ngx_str_t *missing);


/* the order of ngx_http_layr_problem_e */

static const ngx_http_layr_problem_t  ngx_http_layr_problems[] = {
    { "bad-request", 400, "Bad request" },
    { "bad-id", 400, "Bad id" },
    { "order-missing", 401, "Order missing" },
    { "order-malformed", 401, "Order malformed" },
    { "order-signature", 401, "Order's signature does not verify" },
    { "price", 402, "Price too low" },
    { "order-host", 403, "Order for another host" },
    { "order-shard", 403, "Order for another shard" },
    { "order-size", 403, "Order for another size" },
    { "order-expired", 403, "Order expired" },
    { "order-future", 403, "Order dated in the future" },
    { "order-too-long", 403, "Order reaches too far ahead" },
    { "order-rail", 403, "Rail not taken" },
    { "owner-not-allowed", 403, "Owner not allowed" },
    { "statement-malformed", 400, "Statement malformed" },
    { "statement-signature", 403, "Statement's signature does not verify" },
    { "statement-host", 403, "Statement for another host" },
    { "statement-expired", 403, "Statement expired" },
    { "statement-future", 403, "Statement dated in the future" },
    { "not-your-order", 403, "Not your order" },
    { "not-your-group", 403, "Not your group" },
    { "not-found", 404, "No such call" },
    { "no-such-shard", 404, "No such shard" },
    { "no-such-record", 404, "No such record" },
    { "no-such-order", 404, "No such order" },
    { "shards-missing", 404, "Shards missing" },
    { "method-not-allowed", 405, "Method not allowed" },
    { "order-conflict", 409, "Order id in use" },
    { "order-released", 409, "Order released" },
    { "length-required", 411, "Length required" },
    { "too-large", 413, "Too large" },
    { "challenge-too-large", 413, "Challenge too large" },
    { "range", 416, "Range not satisfiable" },
    { "hash-mismatch", 422, "Hash mismatch" },
    { "body-short", 400, "Body too short" },
    { "rate", 429, "Too many requests" },
    { "too-many-audits", 429, "Too many audits" },
    { "internal", 500, "Host failed" },
    { "store-unavailable", 503, "Store unavailable" },
    { "host-full", 507, "Host full" },
    { "draining", 507, "Host is leaving" },
    { "owner-quota", 507, "Owner's share used up" },
    { "too-many-records", 507, "Share for records used up" },
    { "network-records", 507, "Network's share for records used up" },
    { "other", 0, "Refused" }
};


const char *
ngx_http_layr_problem_name(ngx_uint_t problem)
{
    return ngx_http_layr_problems[problem].name;
}


ngx_int_t
ngx_http_layr_problem(ngx_http_request_t *r, ngx_http_layr_problem_e problem,
    const char *detail)
{
    return ngx_http_layr_problem_missing(r, problem, detail, NULL);
}


ngx_int_t
ngx_http_layr_problem_missing(ngx_http_request_t *r,
    ngx_http_layr_problem_e problem, const char *detail, ngx_str_t *missing)
{
    ngx_buf_t   *b;
    ngx_str_t    body;
    ngx_uint_t   status, level;

    status = ngx_http_layr_problems[problem].status;

    /* what the operator must see to; refusals are everyday */

    level = (status == 500 || status == 503) ? NGX_LOG_ERR : NGX_LOG_INFO;

    ngx_log_error(level, r->connection->log, 0, "layr: %s: %s",
                  ngx_http_layr_problems[problem].name, detail);

    b = ngx_http_layr_problem_document(r, problem, status, detail, missing);
    if (b == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (r->headers_in.expect && !r->expect_tested) {

        /* the client waits for its 100, and will not send the body */

        r->expect_tested = 1;
        r->keepalive = 0;
    }

    body.data = b->pos;
    body.len = b->last - b->pos;

    return ngx_http_layr_send(r, status, "application/problem+json", &body);
}


ngx_int_t
ngx_http_layr_problem_rc(ngx_http_request_t *r, int rc)
{
    ngx_http_layr_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_layr_module);

    if (ctx != NULL && ctx->diag != NULL && ctx->diag->code != 0) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0, "layr: %s",
                      ctx->diag->text);
    }

    switch (rc) {

    case LAYR_ERR_UNAVAILABLE:
        return ngx_http_layr_problem(r, NGX_HTTP_LAYR_STORE_UNAVAILABLE,
                         "The host's store is not there now. Try later.");

    case LAYR_ERR_IO:
        return ngx_http_layr_problem(r, NGX_HTTP_LAYR_STORE_UNAVAILABLE,
                         NGX_HTTP_LAYR_DISK_FAILS);

    case LAYR_ERR_NOSPACE:
        return ngx_http_layr_problem(r, NGX_HTTP_LAYR_HOST_FULL,
                         NGX_HTTP_LAYR_NO_ROOM);

    case LAYR_ERR_LIMIT:
        return ngx_http_layr_problem(r, NGX_HTTP_LAYR_OWNER_QUOTA,
                         "Your share of this host is used up. Release shards "
                         "or choose another host.");

    case LAYR_ERR_CONFLICT:
        return ngx_http_layr_problem(r, NGX_HTTP_LAYR_ORDER_CONFLICT,
                         "This order id was used for something else. Sign an "
                         "order with a new one.");

    case LAYR_ERR_REMOVED:
        return ngx_http_layr_problem(r, NGX_HTTP_LAYR_ORDER_RELEASED,
                         "This order was released and cannot be revived. "
                         "Sign a new one.");

    default:
        return ngx_http_layr_problem(r, NGX_HTTP_LAYR_INTERNAL,
                         "The host failed; its log says how. Try later or "
                         "choose another host.");
    }
}


ngx_buf_t *
ngx_http_layr_problem_page(ngx_http_request_t *r, ngx_uint_t status,
    ngx_uint_t reading)
{
    ngx_uint_t   problem;
    const char  *detail;

    problem = NGX_HTTP_LAYR_OTHER;
    detail = "The web server refused or failed this request; its log says why.";

    switch (status) {

    case NGX_HTTP_BAD_REQUEST:
        problem = reading ? NGX_HTTP_LAYR_BODY_SHORT
                          : NGX_HTTP_LAYR_BAD_REQUEST;
        detail = reading ? "The body is not of the length announced. Send "
                           "it again." : "The request is malformed.";
        break;

    case NGX_HTTP_REQUEST_ENTITY_TOO_LARGE:
        problem = NGX_HTTP_LAYR_TOO_LARGE;
        detail = "The body is larger than announced or allowed.";
        break;

    case NGX_HTTP_RANGE_NOT_SATISFIABLE:
        problem = NGX_HTTP_LAYR_RANGE;
        detail = "The range lies outside the shard; Content-Range names its "
                 "size.";
        break;

    case 429:
        problem = NGX_HTTP_LAYR_RATE;
        detail = "Too many requests. Wait before the next.";
        break;

    case NGX_HTTP_SERVICE_UNAVAILABLE:
        problem = NGX_HTTP_LAYR_STORE_UNAVAILABLE;
        detail = NGX_HTTP_LAYR_DISK_FAILS;
        break;

    case NGX_HTTP_INSUFFICIENT_STORAGE:
        problem = NGX_HTTP_LAYR_HOST_FULL;
        detail = NGX_HTTP_LAYR_NO_ROOM;
        break;

    case NGX_HTTP_INTERNAL_SERVER_ERROR:
        problem = NGX_HTTP_LAYR_INTERNAL;
        detail = "The host failed; its log says how. Try later or choose "
                 "another host.";
        break;
    }

    return ngx_http_layr_problem_document(r, problem, status, detail, NULL);
}


static ngx_buf_t *
ngx_http_layr_problem_document(ngx_http_request_t *r, ngx_uint_t problem,
    ngx_uint_t status, const char *detail, ngx_str_t *missing)
{
    u_char                         *p;
    ngx_buf_t                      *b;
    const char                     *prefix, *name;
    ngx_http_layr_ctx_t            *ctx;
    ngx_http_layr_loc_conf_t       *llcf;
    const ngx_http_layr_problem_t  *t;

    llcf = ngx_http_get_module_loc_conf(r, ngx_http_layr_module);
    t = &ngx_http_layr_problems[problem];

    ngx_http_layr_zone_refused(llcf->store, problem);

    b = ngx_create_temp_buf(r->pool, NGX_HTTP_LAYR_PROBLEM_MAX
                                     + (missing ? missing->len : 0));
    if (b == NULL) {
        return NULL;
    }

    prefix = "urn:layr:problem:";
    name = t->name;

    if (problem == NGX_HTTP_LAYR_OTHER) {
        prefix = "about:";
        name = "blank";
    }

    b->last = ngx_snprintf(b->last, b->end - b->last,
                           "{\"type\": \"%s%s\", \"title\": \"%s\", "
                           "\"status\": %ui, \"detail\": \"%s\"",
                           prefix, name, t->title, status, detail);

    if (missing) {
        b->last = ngx_sprintf(b->last, ", \"missing\": %V", missing);
    }

    b->last = ngx_sprintf(b->last, "}\n");

    if (status == NGX_HTTP_UNAUTHORIZED
        && ngx_http_layr_header(r, "WWW-Authenticate", "Layr", 4) == NULL)
    {
        return NULL;
    }

    if (status == 429 || status == NGX_HTTP_SERVICE_UNAVAILABLE) {
        ctx = ngx_http_get_module_ctx(r, ngx_http_layr_module);

        p = ngx_pnalloc(r->pool, NGX_INT_T_LEN);
        if (p == NULL
            || ngx_http_layr_header(r, "Retry-After", (char *) p,
                                    ngx_sprintf(p, "%ui",
                                                ctx && ctx->retry_after
                                                ? ctx->retry_after : 10)
                                    - p)
               == NULL)
        {
            return NULL;
        }
    }

    return b;
}
