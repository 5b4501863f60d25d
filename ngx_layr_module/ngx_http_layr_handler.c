
/*
 * From a request to its call.
 *
 * The path must be written as it is meant: an escape, a dot segment or a
 * doubled slash is refused, so that every resource has one name.
 */


#include "ngx_http_layr.h"
#include "ngx_http_layr_audits.h"
#include "ngx_http_layr_hash.h"
#include "ngx_http_layr_kad.h"
#include "ngx_http_layr_problem.h"
#include "ngx_http_layr_send.h"
#include "ngx_http_layr_zone.h"


typedef struct {
    ngx_str_t                  name;
    ngx_uint_t                 id;          /* an id follows */
    ngx_uint_t                 dht;         /* hosts show their contact */
    ngx_http_layr_call_t       get;
    ngx_http_layr_handler_pt   get_handler;
    ngx_http_layr_call_t       put;         /* or POST */
    ngx_http_layr_handler_pt   put_handler;
    ngx_uint_t                 put_method;
    ngx_str_t                  allow;
} ngx_http_layr_route_t;


static ngx_int_t ngx_http_layr_path(ngx_http_request_t *r, ngx_str_t *path);
static ngx_http_layr_route_t *ngx_http_layr_route(ngx_str_t *path,
    ngx_str_t *id);
static ngx_int_t ngx_http_layr_call(ngx_http_request_t *r,
    ngx_http_layr_ctx_t *ctx, ngx_http_layr_route_t *route);
static void ngx_http_layr_ctx_cleanup(void *data);


static ngx_http_layr_route_t  ngx_http_layr_routes[] = {

    { ngx_string("shards"), 1, 0,
      NGX_HTTP_LAYR_CALL_SHARD_GET, ngx_http_layr_get_handler,
      NGX_HTTP_LAYR_CALL_SHARD_PUT, ngx_http_layr_put_handler, NGX_HTTP_PUT,
      ngx_string("GET, HEAD, PUT") },

    { ngx_string("node"), 0, 1,
      NGX_HTTP_LAYR_CALL_NODE, ngx_http_layr_node_handler,
      0, NULL, 0,
      ngx_string("GET, HEAD") },

    { ngx_string("orders"), 0, 0,
      0, NULL,
      NGX_HTTP_LAYR_CALL_ORDERS, ngx_http_layr_orders_handler, NGX_HTTP_POST,
      ngx_string("POST") },

    { ngx_string("audits"), 0, 0,
      0, NULL,
      NGX_HTTP_LAYR_CALL_AUDITS, ngx_http_layr_audits_handler, NGX_HTTP_POST,
      ngx_string("POST") },

    { ngx_string("records"), 1, 1,
      NGX_HTTP_LAYR_CALL_RECORD_GET, ngx_http_layr_record_get_handler,
      NGX_HTTP_LAYR_CALL_RECORD_PUT, ngx_http_layr_record_put_handler,
      NGX_HTTP_PUT,
      ngx_string("GET, HEAD, PUT") },

    { ngx_string("closest"), 1, 1,
      NGX_HTTP_LAYR_CALL_CLOSEST, ngx_http_layr_closest_handler,
      0, NULL, 0,
      ngx_string("GET, HEAD") },

    { ngx_string("status"), 0, 0,
      NGX_HTTP_LAYR_CALL_STATUS, ngx_http_layr_status_handler,
      0, NULL, 0,
      ngx_string("GET, HEAD") },

    { ngx_string("metrics"), 0, 0,
      NGX_HTTP_LAYR_CALL_METRICS, ngx_http_layr_metrics_handler,
      0, NULL, 0,
      ngx_string("GET, HEAD") },

    { ngx_null_string, 0, 0, 0, NULL, 0, NULL, 0, ngx_null_string }
};


ngx_int_t
ngx_http_layr_handler(ngx_http_request_t *r)
{
    ngx_str_t               path, id;
    ngx_http_layr_ctx_t    *ctx;
    ngx_http_layr_route_t  *route;

    ctx = ngx_http_layr_get_ctx(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (!r->internal && (r->quoted_uri || r->complex_uri)) {
        return ngx_http_layr_problem(r, NGX_HTTP_LAYR_BAD_REQUEST,
                                     "The path must have no escapes, dot "
                                     "segments or doubled slashes.");
    }

    route = NULL;

    if (ngx_http_layr_path(r, &path) == NGX_OK) {
        route = ngx_http_layr_route(&path, &id);
    }

    if (route == NULL) {
        return ngx_http_layr_problem(r, NGX_HTTP_LAYR_NOT_FOUND,
                                     "There is no such call here. Check the "
                                     "host's base URL.");
    }

    if (route->id
        && layr_unhex(ctx->id, 32, (char *) id.data, id.len) != 0)
    {
        return ngx_http_layr_problem(r, NGX_HTTP_LAYR_BAD_ID,
                                     "An id is 64 lower-case hex digits.");
    }

    return ngx_http_layr_call(r, ctx, route);
}


/* what follows the location's name and v1/ */

static ngx_int_t
ngx_http_layr_path(ngx_http_request_t *r, ngx_str_t *path)
{
    u_char                    *p, *last;
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    if (r->uri.len < clcf->name.len) {
        return NGX_DECLINED;
    }

    p = r->uri.data + clcf->name.len;
    last = r->uri.data + r->uri.len;

    if (clcf->name.len == 0 || p[-1] != '/') {

        if (p == last || *p++ != '/') {
            return NGX_DECLINED;
        }
    }

    if (last - p < 3 || ngx_strncmp(p, "v1/", 3) != 0) {
        return NGX_DECLINED;
    }

    path->data = p + 3;
    path->len = last - p - 3;

    return NGX_OK;
}


static ngx_http_layr_route_t *
ngx_http_layr_route(ngx_str_t *path, ngx_str_t *id)
{
    ngx_http_layr_route_t  *route;

    for (route = ngx_http_layr_routes; route->name.len; route++) {

        if (path->len < route->name.len
            || ngx_strncmp(path->data, route->name.data, route->name.len) != 0)
        {
            continue;
        }

        id->data = path->data + route->name.len;
        id->len = path->len - route->name.len;

        if (route->id) {

            if (id->len == 0 || *id->data != '/') {
                continue;
            }

            id->data++;
            id->len--;

        } else if (id->len) {
            continue;
        }

        return route;
    }

    return NULL;
}


static ngx_int_t
ngx_http_layr_call(ngx_http_request_t *r, ngx_http_layr_ctx_t *ctx,
    ngx_http_layr_route_t *route)
{
    ngx_http_layr_zone_t  *zone;

    zone = ctx->store->zone;

    if (route->dht) {
        ctx->group = ngx_http_layr_kad_group_of(r);
        ngx_http_layr_kad_show(r, ctx->store);
    }

    if (route->get_handler && (r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        (void) ngx_atomic_fetch_add(&zone->calls[route->get], 1);
        return route->get_handler(r);
    }

    if (route->put_handler && r->method == route->put_method) {
        (void) ngx_atomic_fetch_add(&zone->calls[route->put], 1);
        return route->put_handler(r);
    }

    if (ngx_http_layr_header(r, "Allow", (char *) route->allow.data,
                             route->allow.len)
        == NULL)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_layr_problem(r, NGX_HTTP_LAYR_METHOD_NOT_ALLOWED,
                                 "This call has other methods; Allow names "
                                 "them.");
}


ngx_http_layr_ctx_t *
ngx_http_layr_get_ctx(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t        *cln;
    ngx_http_layr_ctx_t       *ctx;
    ngx_http_layr_loc_conf_t  *llcf;

    ctx = ngx_http_get_module_ctx(r, ngx_http_layr_module);

    if (ctx) {
        return ctx;
    }

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_layr_ctx_t));
    if (cln == NULL) {
        return NULL;
    }

    ctx = cln->data;
    ngx_memzero(ctx, sizeof(ngx_http_layr_ctx_t));

    cln->handler = ngx_http_layr_ctx_cleanup;

    llcf = ngx_http_get_module_loc_conf(r, ngx_http_layr_module);

    ctx->request = r;
    ctx->store = llcf->store;

    ngx_http_set_ctx(r, ctx, ngx_http_layr_module);

    return ctx;
}


static void
ngx_http_layr_ctx_cleanup(void *data)
{
    ngx_http_layr_ctx_t *ctx = data;

    if (ctx->reserved) {
        ngx_http_layr_zone_release(ctx->store, ctx->reserved);
    }

    ngx_http_layr_audit_drop(ctx);
    ngx_http_layr_hash_drop(ctx);
    layr_record_free(&ctx->record);
    layr_buf_free(&ctx->jws);
}
