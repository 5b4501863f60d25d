
/*
 * PUT v1/shards/{id}
 *
 *   check    the order, as far as it goes without the disk
 *   admit    on a thread: the books; is the blob here already?  reserve room
 *   body     into a file in the store's tmp/, hashed as it comes
 *   store    on a thread: the blob into place, the order into the books
 */


#include "ngx_http_layr.h"
#include "ngx_http_layr_body.h"
#include "ngx_http_layr_hash.h"
#include "ngx_http_layr_problem.h"
#include "ngx_http_layr_send.h"
#include "ngx_http_layr_store.h"
#include "ngx_http_layr_task.h"
#include "ngx_http_layr_zone.h"

#include "base/fault.h"

#include <sys/statvfs.h>


#define NGX_HTTP_LAYR_PASS         (-1)
#define NGX_HTTP_LAYR_DISK_MARGIN  (16 * 1024 * 1024)  /* for the database */
#define NGX_HTTP_LAYR_MAKE_ROOM    256


static ngx_int_t ngx_http_layr_put_parse(ngx_http_request_t *r,
    ngx_http_layr_ctx_t *ctx, const char **detail);
static ngx_int_t ngx_http_layr_put_check(ngx_http_request_t *r,
    ngx_http_layr_ctx_t *ctx, const char **detail);
static int ngx_http_layr_put_admit(ngx_http_layr_ctx_t *ctx,
    layr_hostdb_t *db);
static int ngx_http_layr_put_reserve(ngx_http_layr_ctx_t *ctx,
    layr_hostdb_t *db);
static void ngx_http_layr_put_admitted(ngx_http_request_t *r);
static ngx_int_t ngx_http_layr_put_read(ngx_http_request_t *r,
    ngx_http_layr_ctx_t *ctx);
static void ngx_http_layr_put_body(ngx_http_request_t *r);
static ngx_int_t ngx_http_layr_put_verify(ngx_http_request_t *r,
    ngx_http_layr_ctx_t *ctx);
static int ngx_http_layr_put_store(ngx_http_layr_ctx_t *ctx,
    layr_hostdb_t *db);
static void ngx_http_layr_put_stored(ngx_http_request_t *r);
static void ngx_http_layr_put_keep_file(ngx_http_request_t *r, ngx_fd_t fd);
static ngx_int_t ngx_http_layr_put_answer(ngx_http_request_t *r,
    ngx_uint_t status);


ngx_int_t
ngx_http_layr_put_handler(ngx_http_request_t *r)
{
    ngx_int_t             problem, rc;
    const char           *detail;
    ngx_http_layr_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_layr_module);

    detail = NULL;
    problem = ngx_http_layr_put_parse(r, ctx, &detail);

    if (problem != NGX_HTTP_LAYR_PASS) {
        return ngx_http_layr_problem(r, problem, detail);
    }

    rc = ngx_http_layr_body_announced(r);
    if (rc != NGX_OK || ctx->answered) {
        return rc;
    }

    problem = ngx_http_layr_put_check(r, ctx, &detail);

    if (problem != NGX_HTTP_LAYR_PASS) {
        return ngx_http_layr_problem(r, problem, detail);
    }

    return ngx_http_layr_task_start(r, ngx_http_layr_put_admit,
                                    ngx_http_layr_put_admitted);
}


static ngx_int_t
ngx_http_layr_put_parse(ngx_http_request_t *r, ngx_http_layr_ctx_t *ctx,
    const char **detail)
{
    size_t      len;
    u_char     *p;
    ngx_str_t  *value;

    *detail = "Send the owner's order as \\\"Authorization: Layr <order>\\\".";

    if (r->headers_in.authorization == NULL) {
        return NGX_HTTP_LAYR_ORDER_MISSING;
    }

    value = &r->headers_in.authorization->value;

    if (value->len < 5
        || ngx_strncasecmp(value->data, (u_char *) "Layr ", 5) != 0)
    {
        return NGX_HTTP_LAYR_ORDER_MISSING;
    }

    p = value->data + 5;
    len = value->len - 5;

    *detail = "The order is not a well-formed layr-order statement.";

    if (len > LAYR_ORDER_MAX) {
        return NGX_HTTP_LAYR_ORDER_MALFORMED;
    }

    switch (layr_order_parse(&ctx->order, (char *) p, len, ngx_time())) {

    case LAYR_OK:
        return NGX_HTTP_LAYR_PASS;

    case LAYR_ERR_AUTH:
        *detail = "The order's signature does not verify with its kid.";
        return NGX_HTTP_LAYR_ORDER_SIGNATURE;

    case LAYR_ERR_EXPIRED:
        *detail = "The order has expired. Check the clock and sign a new one.";
        return NGX_HTTP_LAYR_ORDER_EXPIRED;

    case LAYR_ERR_FUTURE:
        *detail = "The order is dated more than five minutes ahead. Check the "
                  "clock.";
        return NGX_HTTP_LAYR_ORDER_FUTURE;

    case LAYR_ERR_LIMIT:
        *detail = "The order reaches more than 400 days ahead. Renew it in "
                  "time instead.";
        return NGX_HTTP_LAYR_ORDER_TOO_LONG;

    case LAYR_ERR_NOMEM:
    case LAYR_ERR_CRYPTO:
        *detail = "The host failed; its log says how.";
        return NGX_HTTP_LAYR_INTERNAL;

    default:
        return NGX_HTTP_LAYR_ORDER_MALFORMED;
    }
}


static ngx_int_t
ngx_http_layr_put_check(ngx_http_request_t *r, ngx_http_layr_ctx_t *ctx,
    const char **detail)
{
    off_t                      announced;
    layr_order_t              *o;
    ngx_http_layr_store_t     *st;
    ngx_http_layr_loc_conf_t  *llcf;

    o = &ctx->order;
    st = ctx->store;
    llcf = ngx_http_get_module_loc_conf(r, ngx_http_layr_module);
    announced = r->headers_in.content_length_n;

    if (o->price < (uint64_t) st->price) {
        *detail = "The order's price is below this host's; its contact says "
                  "what it asks.";
        return NGX_HTTP_LAYR_PRICE;
    }

    if (ngx_memcmp(o->host, st->host, 32) != 0) {
        *detail = "The order names another host.";
        return NGX_HTTP_LAYR_ORDER_HOST;
    }

    if (ngx_memcmp(o->shard, ctx->id, 32) != 0) {
        *detail = "The order names another shard than the path.";
        return NGX_HTTP_LAYR_ORDER_SHARD;
    }

    if (announced >= 0 && (uint64_t) announced != o->size) {
        *detail = "The order names another size than Content-Length.";
        return NGX_HTTP_LAYR_ORDER_SIZE;
    }

    if (ngx_strcmp(o->rail, "none") != 0) {
        *detail = "This host takes money by no rail; order with \\\"none\\\".";
        return NGX_HTTP_LAYR_ORDER_RAIL;
    }

    if (!ngx_http_layr_owner_allowed(st, o->owner)) {
        *detail = "This host stores for its own list of owners only, and you "
                  "are not in it.";
        return NGX_HTTP_LAYR_OWNER_NOT_ALLOWED;
    }

    if (o->size > (uint64_t) st->max_shard
        || (llcf->max_body && o->size > (uint64_t) llcf->max_body))
    {
        *detail = "The shard is larger than this host takes. Use smaller "
                  "shards or another host.";
        return NGX_HTTP_LAYR_TOO_LARGE;
    }

    return NGX_HTTP_LAYR_PASS;
}


/* on a thread; what has expired goes at once when its room is wanted */

static int
ngx_http_layr_put_admit(ngx_http_layr_ctx_t *ctx, layr_hostdb_t *db)
{
    int   rc;
    bool  more;

    LAYR_FAULT_POINT("host.admit");

    rc = layr_hostdb_admit(db, &ctx->order, &ctx->exp, ctx->diag);

    if (rc == LAYR_ERR_LIMIT
        && layr_hostdb_expire(db, ctx->now, 0, NGX_HTTP_LAYR_MAKE_ROOM, &more,
                              ctx->diag)
           == 0)
    {
        rc = layr_hostdb_admit(db, &ctx->order, &ctx->exp, ctx->diag);
    }

    if (rc != LAYR_ERR_NOTFOUND) {
        return rc;
    }

    if (ctx->store->drain) {
        return LAYR_ERR_REFUSED;
    }

    rc = ngx_http_layr_put_reserve(ctx, db);

    return rc == 0 ? LAYR_ERR_NOTFOUND : rc;
}


static int
ngx_http_layr_put_reserve(ngx_http_layr_ctx_t *ctx, layr_hostdb_t *db)
{
    bool             more;
    struct statvfs   fs;

    if (statvfs((char *) ctx->store->path.data, &fs) == 0
        && (uint64_t) fs.f_bavail * fs.f_frsize
           < ctx->order.size + NGX_HTTP_LAYR_DISK_MARGIN)
    {
        return LAYR_ERR_NOSPACE;
    }

    if (ngx_http_layr_zone_reserve(ctx->store, ctx->order.size) != NGX_OK) {

        if (layr_hostdb_expire(db, ctx->now, 0, NGX_HTTP_LAYR_MAKE_ROOM, &more,
                               ctx->diag)
                != 0
            || ngx_http_layr_zone_reserve(ctx->store, ctx->order.size)
               != NGX_OK)
        {
            return LAYR_ERR_NOSPACE;
        }
    }

    ctx->reserved = ctx->order.size;

    return 0;
}


static void
ngx_http_layr_put_admitted(ngx_http_request_t *r)
{
    ngx_int_t             rc;
    ngx_http_layr_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_layr_module);

    switch (ctx->rc) {

    case LAYR_OK:
        rc = ngx_http_layr_put_answer(r, NGX_HTTP_OK);
        break;

    case LAYR_ERR_NOTFOUND:
        rc = ngx_http_layr_put_read(r, ctx);
        break;

    case LAYR_ERR_REFUSED:
        rc = ngx_http_layr_problem(r, NGX_HTTP_LAYR_DRAINING,
                                   "This host is leaving and takes no more "
                                   "shards. Use another.");
        break;

    default:
        rc = ngx_http_layr_problem_rc(r, ctx->rc);
    }

    ngx_http_finalize_request(r, rc);
}


static ngx_int_t
ngx_http_layr_put_read(ngx_http_request_t *r, ngx_http_layr_ctx_t *ctx)
{
    ngx_int_t  rc;

    if (ngx_http_layr_hash_begin(ctx) != NGX_OK) {
        return ngx_http_layr_problem_rc(r, LAYR_ERR_NOMEM);
    }

    ctx->body_size = ctx->order.size;
    ctx->started = ngx_time();
    ctx->reading = 1;

    r->request_body_in_file_only = 1;
    r->request_body_in_persistent_file = 1;
    r->request_body_in_clean_file = 1;
    r->request_body_file_log_level = 0;

    rc = ngx_http_read_client_request_body(r, ngx_http_layr_put_body);

    if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
        return rc;
    }

    return NGX_DONE;
}


static void
ngx_http_layr_put_body(ngx_http_request_t *r)
{
    ngx_int_t                 rc;
    ngx_temp_file_t          *tf;
    ngx_http_layr_ctx_t      *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_layr_module);

    ctx->reading = 0;

    rc = ngx_http_layr_put_verify(r, ctx);
    if (rc != NGX_OK || ctx->answered) {
        ngx_http_finalize_request(r, rc);
        return;
    }

    tf = r->request_body->temp_file;

    LAYR_FAULT_POINT("host.body");

    ctx->fd = tf->file.fd;
    ctx->temp = (char *) tf->file.name.data;

    if (ngx_http_layr_task_post(r, ngx_http_layr_put_store,
                                ngx_http_layr_put_stored)
        != NGX_OK)
    {
        ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
    }
}


/* a request that announced no body has no file */

static ngx_int_t
ngx_http_layr_put_verify(ngx_http_request_t *r, ngx_http_layr_ctx_t *ctx)
{
    u_char  hash[32];

    if ((uint64_t) ctx->received != ctx->order.size
        || r->request_body->temp_file == NULL)
    {
        return ngx_http_layr_problem(r, NGX_HTTP_LAYR_BODY_SHORT,
                                     "The body is shorter than announced. "
                                     "Send it again.");
    }

    if (ngx_http_layr_hash_end(ctx, hash) != NGX_OK) {
        return ngx_http_layr_problem_rc(r, LAYR_ERR_CRYPTO);
    }

    if (ngx_memcmp(hash, ctx->order.shard, 32) != 0) {
        return ngx_http_layr_problem(r, NGX_HTTP_LAYR_HASH_MISMATCH,
                                     "The body's SHA-256 is not the shard's "
                                     "id: it was damaged on its way. Send it "
                                     "again.");
    }

    return NGX_OK;
}


static int
ngx_http_layr_put_store(ngx_http_layr_ctx_t *ctx, layr_hostdb_t *db)
{
    int              rc;
    struct stat      named, open;

    rc = layr_hostdb_store(db, &ctx->order, ctx->fd, ctx->temp, &ctx->exp,
                           ctx->diag);

    /* what failed after the rename has freed the temporary name, too */

    ctx->moved = rc == 0
                 || fstat(ctx->fd, &open) != 0
                 || lstat(ctx->temp, &named) != 0
                 || named.st_ino != open.st_ino
                 || named.st_dev != open.st_dev;

    return rc;
}


static void
ngx_http_layr_put_stored(ngx_http_request_t *r)
{
    ngx_int_t             rc;
    ngx_http_layr_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_layr_module);

    if (ctx->moved) {
        ngx_http_layr_put_keep_file(r, ctx->fd);
    }

    LAYR_FAULT_POINT("host.answer");

    if (ctx->rc == 0) {
        rc = ngx_http_layr_put_answer(r, NGX_HTTP_CREATED);

    } else {
        rc = ngx_http_layr_problem_rc(r, ctx->rc);
    }

    ngx_http_finalize_request(r, rc);
}


/* the temporary name may be another body's: it must not be unlinked as ours */

static void
ngx_http_layr_put_keep_file(ngx_http_request_t *r, ngx_fd_t fd)
{
    ngx_pool_cleanup_t       *cln;
    ngx_pool_cleanup_file_t  *cf;

    for (cln = r->pool->cleanup; cln; cln = cln->next) {

        if (cln->handler != ngx_pool_delete_file) {
            continue;
        }

        cf = cln->data;

        if (cf->fd == fd) {
            cln->handler = ngx_pool_cleanup_file;
            return;
        }
    }
}


static ngx_int_t
ngx_http_layr_put_answer(ngx_http_request_t *r, ngx_uint_t status)
{
    char                  shard[65], order[33];
    ngx_str_t             body;
    ngx_http_layr_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_layr_module);

    layr_hex(shard, ctx->order.shard, 32);
    layr_hex(order, ctx->order.order, 16);

    body.len = 192;
    body.data = ngx_pnalloc(r->pool, body.len);
    if (body.data == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    body.len = ngx_snprintf(body.data, body.len,
                            "{\"shard\": \"%s\", \"order\": \"%s\", "
                            "\"exp\": %L}\n",
                            shard, order, (int64_t) ctx->exp)
               - body.data;

    return ngx_http_layr_send(r, status, "application/json", &body);
}
