
/*
 * GET v1/closest/{id}: the contacts of the routing table that are closest to
 * an id, as they were signed.
 */


#include "ngx_http_layr.h"
#include "ngx_http_layr_kad.h"
#include "ngx_http_layr_problem.h"
#include "ngx_http_layr_send.h"


#define NGX_HTTP_LAYR_CLOSEST_MAX                                             \
    (sizeof("{\"contacts\": []}\n") + LAYR_KAD_K * (LAYR_CONTACT_MAX + 4))


static u_char *ngx_http_layr_closest_write(ngx_http_request_t *r,
    ngx_http_layr_ctx_t *ctx, u_char *p);


ngx_int_t
ngx_http_layr_closest_handler(ngx_http_request_t *r)
{
    u_char               *p;
    ngx_str_t             body;
    ngx_http_layr_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_layr_module);

    body.data = ngx_pnalloc(r->pool, NGX_HTTP_LAYR_CLOSEST_MAX);
    if (body.data == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    p = ngx_cpymem(body.data, "{\"contacts\": [", 14);
    p = ngx_http_layr_closest_write(r, ctx, p);

    *p++ = ']';
    *p++ = '}';
    *p++ = LF;

    body.len = p - body.data;

    if (ngx_http_layr_header(r, "Cache-Control", "no-store", 8) == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_layr_send(r, NGX_HTTP_OK, "application/json", &body);
}


/* a compact JWS has nothing in it that JSON would escape */

static u_char *
ngx_http_layr_closest_write(ngx_http_request_t *r, ngx_http_layr_ctx_t *ctx,
    u_char *p)
{
    unsigned             i, n;
    layr_kad_table_t    *t;
    layr_kad_contact_t   closest[LAYR_KAD_K];

    t = ngx_http_layr_kad_read(ctx->store);
    if (t == NULL) {
        return p;
    }

    n = layr_kad_closest(t, ctx->id, ngx_time(), closest, LAYR_KAD_K);

    for (i = 0; i < n; i++) {

        if (i) {
            *p++ = ',';
            *p++ = ' ';
        }

        *p++ = '"';
        p = ngx_cpymem(p, closest[i].text, closest[i].len);
        *p++ = '"';
    }

    ngx_http_layr_kad_read_done(ctx->store);

    return p;
}
