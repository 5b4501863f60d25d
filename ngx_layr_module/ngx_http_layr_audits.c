
/*
 * POST v1/audits: the answer to a challenge.
 *
 * Who may ask is settled by the signature and the books before a blob is
 * opened.  Then the blobs are read in slices, each a task of its own: between
 * two of them other requests' tasks have their turn, and a client that went
 * away is noticed.  The timer of the pending task keeps a worker that is told
 * to leave until the answer is out.
 */


#include "ngx_http_layr_audits.h"
#include "ngx_http_layr_body.h"
#include "ngx_http_layr_problem.h"
#include "ngx_http_layr_send.h"
#include "ngx_http_layr_task.h"
#include "ngx_http_layr_zone.h"

#include "crypto/json.h"
#include "layr/hostaudit.h"


#define NGX_HTTP_LAYR_AUDIT_MORE  1            /* a slice's result */


struct ngx_http_layr_audit_s {
    layr_challenge_t             challenge;
    layr_host_asked_t            asked;
    layr_host_audit_t           *audit;
    ngx_http_layr_audit_share_t  share;
};


static void ngx_http_layr_audits_body(ngx_http_request_t *r);
static ngx_int_t ngx_http_layr_audits_parse(ngx_http_request_t *r,
    ngx_http_layr_ctx_t *ctx);
static int ngx_http_layr_audits_begin(ngx_http_layr_ctx_t *ctx,
    layr_hostdb_t *db);
static int ngx_http_layr_audits_enter(ngx_http_layr_ctx_t *ctx);
static int ngx_http_layr_audits_slice(ngx_http_layr_ctx_t *ctx,
    layr_hostdb_t *db);
static int ngx_http_layr_audits_there(layr_hostdb_t *db, int rc);
static void ngx_http_layr_audits_done(ngx_http_request_t *r);
static ngx_int_t ngx_http_layr_audits_result(ngx_http_request_t *r,
    ngx_http_layr_ctx_t *ctx);
static ngx_uint_t ngx_http_layr_audits_gone(ngx_http_request_t *r);
static ngx_int_t ngx_http_layr_audits_answer(ngx_http_request_t *r,
    ngx_http_layr_ctx_t *ctx);
static ngx_int_t ngx_http_layr_audits_missing(ngx_http_request_t *r,
    ngx_http_layr_ctx_t *ctx);
static ngx_int_t ngx_http_layr_audits_busy(ngx_http_request_t *r,
    ngx_http_layr_ctx_t *ctx);


ngx_int_t
ngx_http_layr_audits_handler(ngx_http_request_t *r)
{
    return ngx_http_layr_body_read(r, ngx_http_layr_audits_body);
}


static void
ngx_http_layr_audits_body(ngx_http_request_t *r)
{
    ngx_int_t             rc;
    ngx_http_layr_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_layr_module);

    ctx->reading = 0;

    rc = ngx_http_layr_audits_parse(r, ctx);

    if (rc == NGX_OK && !ctx->answered) {

        if (ngx_http_layr_task_post(r, ngx_http_layr_audits_begin,
                                    ngx_http_layr_audits_done)
            == NGX_OK)
        {
            return;
        }

        rc = NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_http_finalize_request(r, rc);
}


static ngx_int_t
ngx_http_layr_audits_parse(ngx_http_request_t *r, ngx_http_layr_ctx_t *ctx)
{
    int                     rc;
    ngx_http_layr_audit_t  *a;

    a = ngx_pcalloc(r->pool, sizeof(ngx_http_layr_audit_t));
    if (a == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = layr_challenge_parse(&a->challenge, (char *) ctx->body,
                              ctx->received, ngx_time());
    if (rc != 0) {
        return ngx_http_layr_statement_problem(r, rc);
    }

    if (ngx_memcmp(a->challenge.host, ctx->store->host, 32) != 0) {
        return ngx_http_layr_problem(r, NGX_HTTP_LAYR_STATEMENT_HOST,
                                     "The statement names another host.");
    }

    ctx->audit = a;

    return NGX_OK;
}


/* on a thread: what is asked, by whom, and the first slice of it */

static int
ngx_http_layr_audits_begin(ngx_http_layr_ctx_t *ctx, layr_hostdb_t *db)
{
    int                     rc;
    ngx_http_layr_audit_t  *a;

    a = ctx->audit;

    rc = layr_hostdb_asked(db, &a->challenge, &a->asked, ctx->diag);
    if (rc != 0) {
        return rc;
    }

    if (a->asked.missing) {
        return ngx_http_layr_audits_there(db, LAYR_ERR_NOTFOUND);
    }

    if (a->asked.bytes > LAYR_CHALLENGE_BYTES) {
        return LAYR_ERR_RANGE;
    }

    rc = ngx_http_layr_audits_enter(ctx);
    if (rc != 0) {
        return rc;
    }

    return ngx_http_layr_audits_slice(ctx, db);
}


static int
ngx_http_layr_audits_enter(ngx_http_layr_ctx_t *ctx)
{
    int                           rc;
    u_char                        hash[32], name[48];
    ngx_http_layr_audit_t        *a;
    ngx_http_layr_audit_share_t  *s;

    a = ctx->audit;
    s = &a->share;

    ngx_memcpy(name, a->challenge.audit, 32);
    ngx_memcpy(name + 32, a->challenge.group, 16);

    rc = layr_sha256_1(hash, name, sizeof(name));
    if (rc != 0) {
        return rc;
    }

    ngx_memcpy(s->key, hash, 16);
    s->group_bytes = a->asked.group_bytes;
    s->bytes = a->asked.bytes;

    if (ngx_http_layr_audit_enter(ctx->store, s, ctx->now) != NGX_OK) {
        return LAYR_ERR_REFUSED;
    }

    return layr_host_audit_new(&a->audit, (char *) ctx->store->path.data,
                               &a->challenge, &a->asked);
}


static int
ngx_http_layr_audits_slice(ngx_http_layr_ctx_t *ctx, layr_hostdb_t *db)
{
    int                     rc;
    unsigned                at;
    ngx_http_layr_audit_t  *a;

    a = ctx->audit;

    rc = layr_host_audit_slice(a->audit, &at, ctx->diag);

    if (rc == LAYR_ERR_NOTFOUND || rc == LAYR_ERR_IO) {
        a->asked.size[at] = 0;
        a->asked.missing++;

        return ngx_http_layr_audits_there(db, LAYR_ERR_NOTFOUND);
    }

    return rc;
}


/* a shard is not missing because its store is */

static int
ngx_http_layr_audits_there(layr_hostdb_t *db, int rc)
{
    return layr_hostdb_check(db) == 0 ? rc : LAYR_ERR_UNAVAILABLE;
}


static void
ngx_http_layr_audits_done(ngx_http_request_t *r)
{
    ngx_int_t             rc;
    ngx_http_layr_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_layr_module);

    if (ctx->rc == NGX_HTTP_LAYR_AUDIT_MORE) {

        if (ngx_http_layr_audits_gone(r)) {
            (void) ngx_atomic_fetch_add(&ctx->store->zone->audits.given_up, 1);
            ngx_http_finalize_request(r, NGX_HTTP_CLIENT_CLOSED_REQUEST);
            return;
        }

        if (ngx_http_layr_task_post(r, ngx_http_layr_audits_slice,
                                    ngx_http_layr_audits_done)
            != NGX_OK)
        {
            ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
        }

        return;
    }

    rc = ngx_http_layr_audits_result(r, ctx);

    ngx_http_layr_audit_drop(ctx);

    ngx_http_finalize_request(r, rc);
}


static ngx_int_t
ngx_http_layr_audits_result(ngx_http_request_t *r, ngx_http_layr_ctx_t *ctx)
{
    switch (ctx->rc) {

    case LAYR_OK:
        return ngx_http_layr_audits_answer(r, ctx);

    case LAYR_ERR_NOTFOUND:
        return ngx_http_layr_audits_missing(r, ctx);

    case LAYR_ERR_CAP:
        return ngx_http_layr_problem(r, NGX_HTTP_LAYR_NOT_YOUR_GROUP,
                                     "This group is known here with another "
                                     "audit key. Challenge with the key that "
                                     "its orders name.");

    case LAYR_ERR_RANGE:
        return ngx_http_layr_problem(r, NGX_HTTP_LAYR_CHALLENGE_TOO_LARGE,
                                     "A challenge has at most 1 GiB read. "
                                     "Name fewer shards, or ask for a sample "
                                     "of their blocks.");

    case LAYR_ERR_REFUSED:
        return ngx_http_layr_audits_busy(r, ctx);

    default:
        return ngx_http_layr_problem_rc(r, ctx->rc);
    }
}


/*
 * While a task is pending nothing is read, so nobody else looks.  Whoever
 * sends more than one request at a time is seen to leave by EPOLLRDHUP.
 */

static ngx_uint_t
ngx_http_layr_audits_gone(ngx_http_request_t *r)
{
    u_char             byte;
    ssize_t            n;
    ngx_connection_t  *c;

    c = r->connection;

    if (c->error || c->close) {
        return 1;
    }

#if (NGX_HTTP_V2)

    if (r->stream) {
        return r->stream->connection->connection->error;
    }

#endif

    if (c->read->pending_eof || c->read->eof) {
        return 1;
    }

    n = recv(c->fd, &byte, 1, MSG_PEEK|MSG_DONTWAIT);

    return n == 0 || (n == -1 && ngx_socket_errno != NGX_EAGAIN
                      && ngx_socket_errno != NGX_EINTR);
}


static ngx_int_t
ngx_http_layr_audits_answer(ngx_http_request_t *r, ngx_http_layr_ctx_t *ctx)
{
    ngx_str_t  body;

    body.len = LAYR_ANSWER_BYTES;
    body.data = ngx_pnalloc(r->pool, LAYR_ANSWER_BYTES);
    if (body.data == NULL
        || ngx_http_layr_header(r, "Cache-Control", "no-store", 8) == NULL)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    layr_host_audit_answer(ctx->audit->audit, body.data);

    (void) ngx_atomic_fetch_add(&ctx->store->zone->audits.answered, 1);

    return ngx_http_layr_send(r, NGX_HTTP_OK, "application/octet-stream",
                              &body);
}


/* the host's own admission, so each of them by name */

static ngx_int_t
ngx_http_layr_audits_missing(ngx_http_request_t *r, ngx_http_layr_ctx_t *ctx)
{
    ngx_int_t               rc;
    ngx_str_t               list;
    layr_buf_t              b;
    ngx_uint_t              i;
    ngx_http_layr_audit_t  *a;

    a = ctx->audit;

    (void) ngx_atomic_fetch_add(&ctx->store->zone->audits.missing,
                                a->asked.missing);

    if (ctx->diag->code) {
        ngx_log_error(NGX_LOG_CRIT, r->connection->log, 0, "layr: %s",
                      ctx->diag->text);
    }

    layr_buf_init(&b);
    layr_json_open(&b, NULL, '[');

    for (i = 0; i < a->challenge.count; i++) {
        if (a->asked.size[i] == 0) {
            layr_json_put_hex(&b, NULL, a->challenge.shard[i], 32);
        }
    }

    layr_json_close(&b, ']');

    list.data = b.p;
    list.len = b.len;

    rc = b.bad ? NGX_HTTP_INTERNAL_SERVER_ERROR
         : ngx_http_layr_problem_missing(r, NGX_HTTP_LAYR_SHARDS_MISSING,
                                         "This host does not have the shards "
                                         "in \\\"missing\\\" whole. Ask "
                                         "again without them.", &list);

    layr_buf_free(&b);

    return rc;
}


static ngx_int_t
ngx_http_layr_audits_busy(ngx_http_request_t *r, ngx_http_layr_ctx_t *ctx)
{
    ctx->retry_after = ctx->audit->share.wait;

    return ngx_http_layr_problem(r, NGX_HTTP_LAYR_TOO_MANY_AUDITS,
                                 ctx->audit->share.busy
                                 ? "As many audits run as may at a time. Ask "
                                   "again in a moment."
                                 : "This group has had as much read as it "
                                   "may for now. Retry-After says when it "
                                   "may again.");
}


void
ngx_http_layr_audit_drop(ngx_http_layr_ctx_t *ctx)
{
    uint64_t                bytes;
    ngx_http_layr_audit_t  *a;

    a = ctx->audit;

    if (a == NULL) {
        return;
    }

    bytes = a->audit ? layr_host_audit_bytes(a->audit) : 0;

    ngx_http_layr_audit_leave(ctx->store, &a->share, bytes);

    layr_host_audit_free(a->audit);
    a->audit = NULL;
}
