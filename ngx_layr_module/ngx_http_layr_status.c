
/*
 * GET v1/status and v1/metrics: what docs/operating.md describes.
 *
 * The sums come from shared memory.  Right after a start they are not there
 * yet, and none must be shown as none stored: who asks then is answered when
 * the store has been opened, or cannot be.
 */


#include "ngx_http_layr.h"
#include "ngx_http_layr_audits.h"
#include "ngx_http_layr_kad.h"
#include "ngx_http_layr_problem.h"
#include "ngx_http_layr_send.h"
#include "ngx_http_layr_store.h"
#include "ngx_http_layr_task.h"
#include "ngx_http_layr_zone.h"

#include "crypto/json.h"


typedef struct {
    layr_host_totals_t   totals;
    uint64_t             reserved;
    uint64_t             room;
    ngx_uint_t           there;
    ngx_uint_t           dht;              /* the host is in it */
    layr_kad_stats_t     kad;
} ngx_http_layr_status_t;


static ngx_int_t ngx_http_layr_status_answer(ngx_http_request_t *r);
static ngx_int_t ngx_http_layr_metrics_answer(ngx_http_request_t *r);
static ngx_int_t ngx_http_layr_status_wait(ngx_http_request_t *r,
    ngx_http_layr_done_pt done);
static int ngx_http_layr_status_work(ngx_http_layr_ctx_t *ctx,
    layr_hostdb_t *db);
static void ngx_http_layr_status_done(ngx_http_request_t *r);
static void ngx_http_layr_metrics_done(ngx_http_request_t *r);
static void ngx_http_layr_status_read(ngx_http_layr_store_t *st,
    ngx_http_layr_status_t *s);
static void ngx_http_layr_status_json(ngx_http_layr_store_t *st,
    ngx_http_layr_status_t *s, layr_buf_t *b);
static void ngx_http_layr_status_counters(ngx_http_layr_zone_t *zone,
    layr_buf_t *b);
static void ngx_http_layr_status_audits(ngx_http_layr_store_t *st,
    layr_buf_t *b);
static void ngx_http_layr_status_scrub(ngx_http_layr_scrub_shared_t *s,
    layr_buf_t *b);
static void ngx_http_layr_metrics_scrub(ngx_http_layr_scrub_shared_t *s,
    layr_buf_t *b);
static void ngx_http_layr_metrics_audits(ngx_http_layr_store_t *st,
    layr_buf_t *b);
static void ngx_http_layr_status_kad(ngx_http_layr_store_t *st,
    layr_kad_stats_t *kad, layr_buf_t *b);
static void ngx_http_layr_metrics_kad(ngx_http_layr_store_t *st,
    layr_kad_stats_t *kad, layr_buf_t *b);
static void ngx_http_layr_metrics_text(ngx_http_layr_store_t *st,
    ngx_http_layr_status_t *s, layr_buf_t *b);
static void ngx_http_layr_metric(layr_buf_t *b, const char *name,
    const char *type, const char *help, uint64_t value);
static void ngx_http_layr_metric_sample(layr_buf_t *b, const char *name,
    const char *label, const char *value, uint64_t n);
static ngx_int_t ngx_http_layr_status_send(ngx_http_request_t *r,
    const char *type, layr_buf_t *b);


/* the order of ngx_http_layr_call_t */

static const char  *ngx_http_layr_call_names[] = {
    "node", "shard_put", "shard_get", "orders", "audits", "record_put", "record_get",
    "closest", "status", "metrics"
};


/* the order of ngx_http_layr_kad_counter_t */

static const char  *ngx_http_layr_kad_names[] = {
    "pings", "pings_failed", "lookups", "offers", "records_given",
    "records_given_failed", "records_newer", "records_evicted",
    "queue", "malformed", "signature", "expired", "future", "url", "address",
    "silent", "identity", "rate"
};


/*
 * Why the table did not take a contact: the order of layr_kad_verdict_t. What
 * has expired is counted before
 */

static const char  *ngx_http_layr_kad_verdicts[] = {
    NULL, NULL, NULL, NULL, NULL, "own", "old", NULL, "network_full",
    "bucket_full"
};


ngx_int_t
ngx_http_layr_status_handler(ngx_http_request_t *r)
{
    ngx_http_layr_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_layr_module);

    return ngx_http_layr_zone_known(ctx->store)
           ? ngx_http_layr_status_answer(r)
           : ngx_http_layr_status_wait(r, ngx_http_layr_status_done);
}


ngx_int_t
ngx_http_layr_metrics_handler(ngx_http_request_t *r)
{
    ngx_http_layr_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_layr_module);

    return ngx_http_layr_zone_known(ctx->store)
           ? ngx_http_layr_metrics_answer(r)
           : ngx_http_layr_status_wait(r, ngx_http_layr_metrics_done);
}


static ngx_int_t
ngx_http_layr_status_wait(ngx_http_request_t *r, ngx_http_layr_done_pt done)
{
    ngx_int_t  rc;

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    return ngx_http_layr_task_start(r, ngx_http_layr_status_work, done);
}


/* that the store is open is all that it takes: its sums came with that */

static int
ngx_http_layr_status_work(ngx_http_layr_ctx_t *ctx, layr_hostdb_t *db)
{
    (void) ctx;
    (void) db;

    return LAYR_OK;
}


static void
ngx_http_layr_status_done(ngx_http_request_t *r)
{
    ngx_http_finalize_request(r, ngx_http_layr_status_answer(r));
}


static void
ngx_http_layr_metrics_done(ngx_http_request_t *r)
{
    ngx_http_finalize_request(r, ngx_http_layr_metrics_answer(r));
}


static ngx_int_t
ngx_http_layr_status_answer(ngx_http_request_t *r)
{
    layr_buf_t               b;
    ngx_http_layr_ctx_t     *ctx;
    ngx_http_layr_status_t   s;

    ctx = ngx_http_get_module_ctx(r, ngx_http_layr_module);

    layr_buf_init(&b);
    ngx_http_layr_status_read(ctx->store, &s);
    ngx_http_layr_status_json(ctx->store, &s, &b);

    return ngx_http_layr_status_send(r, "application/json", &b);
}


static ngx_int_t
ngx_http_layr_metrics_answer(ngx_http_request_t *r)
{
    layr_buf_t               b;
    ngx_http_layr_ctx_t     *ctx;
    ngx_http_layr_status_t   s;

    ctx = ngx_http_get_module_ctx(r, ngx_http_layr_module);

    layr_buf_init(&b);
    ngx_http_layr_status_read(ctx->store, &s);
    ngx_http_layr_metrics_text(ctx->store, &s, &b);

    return ngx_http_layr_status_send(r, "application/openmetrics-text; "
                                        "version=1.0.0; charset=utf-8", &b);
}


static void
ngx_http_layr_status_read(ngx_http_layr_store_t *st, ngx_http_layr_status_t *s)
{
    layr_kad_table_t  *t;

    ngx_http_layr_zone_read(st, &s->totals, &s->reserved, &s->room);
    s->there = ngx_http_layr_store_there(st);
    s->dht = st->advertise.len != 0;

    t = ngx_http_layr_kad_read(st);

    if (t) {
        layr_kad_table_stats(t, &s->kad);
        ngx_http_layr_kad_read_done(st);

    } else {
        ngx_memzero(&s->kad, sizeof(layr_kad_stats_t));
    }
}


static void
ngx_http_layr_status_json(ngx_http_layr_store_t *st, ngx_http_layr_status_t *s,
    layr_buf_t *b)
{
    layr_host_totals_t  *t;

    t = &s->totals;

    layr_json_open(b, NULL, '{');
    layr_json_put_int(b, "v", 1);
    layr_json_put_hex(b, "host", st->host, 32);
    layr_json_put_str(b, "version", LAYR_VERSION);
    layr_json_put_str(b, "store", s->there ? "ready" : "unavailable");
    layr_json_put_int(b, "since", st->zone->since);
    layr_json_put_dec(b, "capacity", st->capacity);
    layr_json_put_dec(b, "used", t->bytes + t->record_bytes);
    layr_json_put_dec(b, "reserved", s->reserved);
    layr_json_put_dec(b, "free", s->room);
    layr_json_put_bool(b, "draining", st->drain);
    layr_json_put_dec(b, "price", st->price);
    layr_json_put_dec(b, "shards", t->shards);
    layr_json_put_dec(b, "shard_bytes", t->bytes);
    layr_json_put_dec(b, "orders", t->orders);
    layr_json_put_dec(b, "records", t->records);
    layr_json_put_dec(b, "record_bytes", t->record_bytes);
    ngx_http_layr_status_counters(st->zone, b);
    ngx_http_layr_status_audits(st, b);
    ngx_http_layr_status_scrub(&st->zone->scrub, b);

    if (s->dht) {
        ngx_http_layr_status_kad(st, &s->kad, b);
    }

    layr_json_close(b, '}');
    layr_buf_add8(b, LF);
}


static void
ngx_http_layr_status_counters(ngx_http_layr_zone_t *zone, layr_buf_t *b)
{
    ngx_uint_t  i;

    layr_json_put_dec(b, "bytes_in", zone->bytes_in);
    layr_json_put_dec(b, "bytes_out", zone->bytes_out);

    layr_json_open(b, "requests", '{');

    for (i = 0; i < NGX_HTTP_LAYR_CALLS; i++) {
        layr_json_put_dec(b, ngx_http_layr_call_names[i], zone->calls[i]);
    }

    layr_json_close(b, '}');

    layr_json_open(b, "refused", '{');

    for (i = 0; i < NGX_HTTP_LAYR_PROBLEMS; i++) {

        if (zone->refused[i]) {
            layr_json_put_dec(b, ngx_http_layr_problem_name(i),
                              zone->refused[i]);
        }
    }

    layr_json_close(b, '}');
}


static void
ngx_http_layr_status_audits(ngx_http_layr_store_t *st, layr_buf_t *b)
{
    ngx_http_layr_audits_shared_t  *a;

    a = &st->zone->audits;

    layr_json_open(b, "audits", '{');
    layr_json_put_dec(b, "running", ngx_http_layr_audits_running(st));
    layr_json_put_dec(b, "answered", a->answered);
    layr_json_put_dec(b, "given_up", a->given_up);
    layr_json_put_dec(b, "missing", a->missing);
    layr_json_put_dec(b, "bytes", a->bytes);
    layr_json_close(b, '}');
}


static void
ngx_http_layr_status_scrub(ngx_http_layr_scrub_shared_t *s, layr_buf_t *b)
{
    layr_json_open(b, "scrub", '{');
    layr_json_put_dec(b, "bytes", s->bytes);
    layr_json_put_dec(b, "shards", s->shards);
    layr_json_put_dec(b, "damaged", s->damaged);
    layr_json_put_dec(b, "missing", s->missing);
    layr_json_put_int(b, "began", s->began);
    layr_json_put_int(b, "finished", s->finished);
    layr_json_close(b, '}');
}


static void
ngx_http_layr_metrics_scrub(ngx_http_layr_scrub_shared_t *s, layr_buf_t *b)
{
    ngx_http_layr_metric(b, "layr_scrubbed_bytes", "counter",
                         "Bytes of stored shards that were read to look "
                         "after them.", s->bytes);
    ngx_http_layr_metric(b, "layr_damaged_shards", "counter",
                         "Shards found damaged, and moved aside.", s->damaged);
    ngx_http_layr_metric(b, "layr_vanished_shards", "counter",
                         "Shards whose files were found gone.", s->missing);
    ngx_http_layr_metric(b, "layr_scrub_finished_seconds", "gauge",
                         "When all shards had been looked at; 0: not yet.",
                         s->finished);
}


static void
ngx_http_layr_metrics_audits(ngx_http_layr_store_t *st, layr_buf_t *b)
{
    ngx_http_layr_audits_shared_t  *a;

    a = &st->zone->audits;

    ngx_http_layr_metric(b, "layr_audits_running", "gauge",
                         "Audits under way.",
                         ngx_http_layr_audits_running(st));
    ngx_http_layr_metric(b, "layr_audits_answered", "counter",
                         "Challenges answered.", a->answered);
    ngx_http_layr_metric(b, "layr_audits_given_up", "counter",
                         "Audits whose client went away.", a->given_up);
    ngx_http_layr_metric(b, "layr_audit_missing_shards", "counter",
                         "Shards that were challenged and not here whole.",
                         a->missing);
    ngx_http_layr_metric(b, "layr_audit_read_bytes", "counter",
                         "Bytes read for audits.", a->bytes);
}


static void
ngx_http_layr_status_kad(ngx_http_layr_store_t *st, layr_kad_stats_t *kad,
    layr_buf_t *b)
{
    ngx_uint_t            i;
    const char          **name;
    ngx_http_layr_kad_t  *shared;

    shared = st->zone->kad;
    name = ngx_http_layr_kad_names;

    layr_json_open(b, "kad", '{');
    layr_json_put_dec(b, "contacts", kad->live);
    layr_json_put_dec(b, "spares", kad->spare);
    layr_json_put_dec(b, "failing", kad->failing);
    layr_json_put_dec(b, "buckets", kad->buckets);
    layr_json_put_dec(b, "bytes", kad->bytes);
    layr_json_put_dec(b, "evicted", kad->evicted);

    for (i = 0; i < NGX_HTTP_LAYR_KAD_BAD_QUEUE; i++) {
        layr_json_put_dec(b, name[i], shared->counters[i]);
    }

    layr_json_open(b, "refused", '{');

    for ( /* void */ ; i < NGX_HTTP_LAYR_KAD_COUNTERS; i++) {

        if (shared->counters[i]) {
            layr_json_put_dec(b, name[i], shared->counters[i]);
        }
    }

    name = ngx_http_layr_kad_verdicts;

    for (i = LAYR_KAD_PING + 1; i < LAYR_KAD_VERDICTS; i++) {

        if (name[i] && kad->verdict[i]) {
            layr_json_put_dec(b, name[i], kad->verdict[i]);
        }
    }

    layr_json_close(b, '}');
    layr_json_close(b, '}');
}


static void
ngx_http_layr_metrics_kad(ngx_http_layr_store_t *st, layr_kad_stats_t *kad,
    layr_buf_t *b)
{
    static const char  events[] =
        "# TYPE layr_kad_events counter\n"
        "# HELP layr_kad_events What the background did in the DHT.\n";
    static const char  refused[] =
        "# TYPE layr_kad_refused counter\n"
        "# HELP layr_kad_refused Contacts that were not taken.\n";

    ngx_uint_t            i;
    ngx_http_layr_kad_t  *shared;

    shared = st->zone->kad;

    ngx_http_layr_metric(b, "layr_kad_contacts", "gauge",
                         "Hosts in the routing table.", kad->live);
    ngx_http_layr_metric(b, "layr_kad_failing", "gauge",
                         "Of them, those that did not answer last.",
                         kad->failing);
    ngx_http_layr_metric(b, "layr_kad_evicted", "counter",
                         "Hosts that failed too often.", kad->evicted);

    layr_buf_add(b, events, sizeof(events) - 1);

    for (i = 0; i < NGX_HTTP_LAYR_KAD_BAD_QUEUE; i++) {
        ngx_http_layr_metric_sample(b, "layr_kad_events_total", "event",
                                    ngx_http_layr_kad_names[i],
                                    shared->counters[i]);
    }

    layr_buf_add(b, refused, sizeof(refused) - 1);

    for ( /* void */ ; i < NGX_HTTP_LAYR_KAD_COUNTERS; i++) {
        ngx_http_layr_metric_sample(b, "layr_kad_refused_total", "reason",
                                    ngx_http_layr_kad_names[i],
                                    shared->counters[i]);
    }

    for (i = LAYR_KAD_PING + 1; i < LAYR_KAD_VERDICTS; i++) {

        if (ngx_http_layr_kad_verdicts[i]) {
            ngx_http_layr_metric_sample(b, "layr_kad_refused_total", "reason",
                                        ngx_http_layr_kad_verdicts[i],
                                        kad->verdict[i]);
        }
    }
}


static void
ngx_http_layr_metrics_text(ngx_http_layr_store_t *st,
    ngx_http_layr_status_t *s, layr_buf_t *b)
{
    static const char  requests[] =
        "# TYPE layr_requests counter\n"
        "# HELP layr_requests Requests by call.\n";
    static const char  refused[] =
        "# TYPE layr_refused counter\n"
        "# HELP layr_refused Refusals and failures by type of problem.\n";

    ngx_uint_t           i;
    layr_host_totals_t  *t;

    t = &s->totals;

    ngx_http_layr_metric(b, "layr_store_ready", "gauge",
                         "1 when the store is there.", s->there);
    ngx_http_layr_metric(b, "layr_draining", "gauge",
                         "Whether the host is leaving.", st->drain);
    ngx_http_layr_metric(b, "layr_capacity_bytes", "gauge",
                         "Bytes that may be stored.", st->capacity);
    ngx_http_layr_metric(b, "layr_used_bytes", "gauge",
                         "Bytes of shards and records.",
                         t->bytes + t->record_bytes);
    ngx_http_layr_metric(b, "layr_reserved_bytes", "gauge",
                         "Bytes of uploads under way.", s->reserved);
    ngx_http_layr_metric(b, "layr_shards", "gauge", "Shards.", t->shards);
    ngx_http_layr_metric(b, "layr_orders", "gauge", "Orders.", t->orders);
    ngx_http_layr_metric(b, "layr_records", "gauge", "Records.", t->records);
    ngx_http_layr_metric(b, "layr_received_bytes", "counter",
                         "Bytes of requests.", st->zone->bytes_in);
    ngx_http_layr_metric(b, "layr_sent_bytes", "counter",
                         "Bytes of responses.", st->zone->bytes_out);

    layr_buf_add(b, requests, sizeof(requests) - 1);

    for (i = 0; i < NGX_HTTP_LAYR_CALLS; i++) {
        ngx_http_layr_metric_sample(b, "layr_requests_total", "call",
                                    ngx_http_layr_call_names[i],
                                    st->zone->calls[i]);
    }

    layr_buf_add(b, refused, sizeof(refused) - 1);

    for (i = 0; i < NGX_HTTP_LAYR_PROBLEMS; i++) {
        ngx_http_layr_metric_sample(b, "layr_refused_total", "type",
                                    ngx_http_layr_problem_name(i),
                                    st->zone->refused[i]);
    }

    ngx_http_layr_metrics_audits(st, b);
    ngx_http_layr_metrics_scrub(&st->zone->scrub, b);

    if (s->dht) {
        ngx_http_layr_metrics_kad(st, &s->kad, b);
    }

    layr_buf_add(b, "# EOF\n", 6);
}


static void
ngx_http_layr_metric(layr_buf_t *b, const char *name, const char *type,
    const char *help, uint64_t value)
{
    u_char  text[256], *p;

    p = ngx_snprintf(text, sizeof(text),
                     "# TYPE %s %s\n# HELP %s %s\n%s%s %uL\n",
                     name, type, name, help, name,
                     type[0] == 'c' ? "_total" : "", value);

    layr_buf_add(b, text, p - text);
}


static void
ngx_http_layr_metric_sample(layr_buf_t *b, const char *name, const char *label,
    const char *value, uint64_t n)
{
    u_char  text[256], *p;

    p = ngx_snprintf(text, sizeof(text), "%s{%s=\"%s\"} %uL\n",
                     name, label, value, n);

    layr_buf_add(b, text, p - text);
}


static ngx_int_t
ngx_http_layr_status_send(ngx_http_request_t *r, const char *type,
    layr_buf_t *b)
{
    ngx_int_t  rc;

    rc = ngx_http_layr_header(r, "Cache-Control", "no-store", 8)
         ? ngx_http_layr_send_buf(r, NGX_HTTP_OK, type, b)
         : NGX_HTTP_INTERNAL_SERVER_ERROR;

    layr_buf_free(b);

    return rc;
}
