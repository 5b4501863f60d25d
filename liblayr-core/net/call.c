/* Requests to a host: what each call of its API looks like on the wire. */
#include "net/call.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "layr/api.h"
#include "layr/bytes.h"

static void aim(layr_call_t *c, layr_host_t *h, layr_call_kind_t kind, const char *method)
{
    memset(c, 0, sizeof *c);
    c->host = h;
    c->kind = kind;
    c->req.method = method;
    c->req.url = c->url;
    c->req.h2c = h->h2c;
    c->req.trust = h->trust;
    c->req.pins = h->pins;
    c->req.pin_count = h->pin_count;
    c->req.reach = h->reach;
    c->req.headers = c->headers;
    c->req.error_into = (uint8_t *)c->answer;
    c->req.error_cap = sizeof c->answer - 1;
}

static int aim_at(layr_call_t *c, const char *what, const uint8_t id[32])
{
    char hex[65];
    int n;

    layr_hex(hex, id, 32);
    memcpy(c->id, id, 32);
    n = snprintf(c->url, sizeof c->url, "%s/v1/%s/%s", c->host->url, what, hex);
    return n > 0 && (size_t)n < sizeof c->url ? 0 : LAYR_ERR_ARG;
}

/* A shard's bytes: as long as they move, they may take their time. */
static void is_bulk(layr_call_t *c)
{
    c->req.min_bytes_s = LAYR_CALL_MIN_BYTES_S;
}

static void is_small(layr_call_t *c)
{
    c->req.min_bytes_s = LAYR_CALL_MIN_BYTES_S;
    c->req.total_ms = LAYR_CALL_SMALL_MS;
}

static void send_body(layr_call_t *c, const void *body, size_t len)
{
    c->req.body = body;
    c->req.body_len = len;
    c->req.into = (uint8_t *)c->answer;
    c->req.into_cap = sizeof c->answer - 1;
}

static void receive_into(layr_call_t *c, uint8_t *into, size_t cap)
{
    c->req.into = into;
    c->req.into_cap = cap;
}

int layr_call_put_shard(layr_call_t *c, layr_host_t *h, const uint8_t id[32], const char *order_jws,
                        const uint8_t *blob, size_t len)
{
    static const char scheme[] = "Authorization: Layr ";
    size_t order_len = strlen(order_jws);

    aim(c, h, LAYR_CALL_PUT_SHARD, "PUT");
    if (order_len > LAYR_ORDER_MAX || len == 0)
        return LAYR_ERR_ARG;
    c->auth = malloc(sizeof scheme + order_len);
    if (c->auth == NULL)
        return LAYR_ERR_NOMEM;
    memcpy(c->auth, scheme, sizeof scheme - 1);
    memcpy(c->auth + sizeof scheme - 1, order_jws, order_len + 1);
    c->headers[0] = c->auth;
    c->headers[1] = "Content-Type: application/octet-stream";
    send_body(c, blob, len);
    is_bulk(c);
    return aim_at(c, "shards", id);
}

int layr_call_get_shard(layr_call_t *c, layr_host_t *h, const uint8_t id[32], uint8_t *into, size_t len)
{
    aim(c, h, LAYR_CALL_GET_SHARD, "GET");
    if (len == 0)
        return LAYR_ERR_ARG;
    receive_into(c, into, len);
    c->expect = len;
    is_bulk(c);
    return aim_at(c, "shards", id);
}

int layr_call_get_range(layr_call_t *c, layr_host_t *h, const uint8_t id[32], uint8_t *into, uint64_t first,
                        uint64_t last)
{
    aim(c, h, LAYR_CALL_GET_RANGE, "GET");
    if (first > last || last - first >= SIZE_MAX)
        return LAYR_ERR_ARG;
    c->expect = (size_t)(last - first + 1);
    receive_into(c, into, c->expect);
    snprintf(c->range, sizeof c->range, "Range: bytes=%" PRIu64 "-%" PRIu64, first, last);
    c->headers[0] = c->range;
    is_bulk(c);
    return aim_at(c, "shards", id);
}

int layr_call_head_shard(layr_call_t *c, layr_host_t *h, const uint8_t id[32])
{
    aim(c, h, LAYR_CALL_HEAD_SHARD, "HEAD");
    is_small(c);
    return aim_at(c, "shards", id);
}

int layr_call_orders(layr_call_t *c, layr_host_t *h, const char *orders_jws, size_t len)
{
    int n;

    aim(c, h, LAYR_CALL_ORDERS, "POST");
    if (len == 0 || len > LAYR_JWS_MAX)
        return LAYR_ERR_ARG;
    c->headers[0] = "Content-Type: application/jose";
    send_body(c, orders_jws, len);
    is_small(c);
    n = snprintf(c->url, sizeof c->url, "%s/v1/orders", h->url);
    return n > 0 && (size_t)n < sizeof c->url ? 0 : LAYR_ERR_ARG;
}

int layr_call_put_record(layr_call_t *c, layr_host_t *h, const uint8_t place[32], const char *jws, size_t len,
                         uint8_t *into, size_t cap)
{
    aim(c, h, LAYR_CALL_PUT_RECORD, "PUT");
    if (len == 0 || len > LAYR_JWS_MAX)
        return LAYR_ERR_ARG;
    c->headers[0] = "Content-Type: application/jose";
    send_body(c, jws, len);
    /* A 412 brings the host's own record. */
    receive_into(c, into, cap);
    c->req.error_into = into;
    c->req.error_cap = cap;
    is_small(c);
    return aim_at(c, "records", place);
}

int layr_call_get_record(layr_call_t *c, layr_host_t *h, const uint8_t place[32], uint8_t *into, size_t cap)
{
    aim(c, h, LAYR_CALL_GET_RECORD, "GET");
    receive_into(c, into, cap);
    is_small(c);
    return aim_at(c, "records", place);
}

int layr_call_closest(layr_call_t *c, layr_host_t *h, const uint8_t target[32], uint8_t *into, size_t cap)
{
    aim(c, h, LAYR_CALL_CLOSEST, "GET");
    receive_into(c, into, cap);
    is_small(c);
    return aim_at(c, "closest", target);
}

int layr_call_audit(layr_call_t *c, layr_host_t *h, const char *challenge_jws, size_t len, uint64_t bytes,
                    uint8_t *into, size_t cap)
{
    int n;

    aim(c, h, LAYR_CALL_AUDIT, "POST");
    if (len == 0 || len > LAYR_CHALLENGE_MAX || cap < LAYR_ANSWER_BYTES)
        return LAYR_ERR_ARG;
    c->headers[0] = "Content-Type: application/jose";
    c->req.body = (const uint8_t *)challenge_jws;
    c->req.body_len = len;
    receive_into(c, into, cap);
    c->req.error_into = into;
    c->req.error_cap = cap;
    c->expect = LAYR_ANSWER_BYTES;
    c->req.total_ms = LAYR_CALL_SMALL_MS + (long)(bytes / LAYR_CALL_AUDIT_BYTES_MS);
    c->req.stall_ms = c->req.total_ms;
    n = snprintf(c->url, sizeof c->url, "%s/v1/audits", h->url);
    return n > 0 && (size_t)n < sizeof c->url ? 0 : LAYR_ERR_ARG;
}

void layr_call_free(layr_call_t *c)
{
    if (c == NULL)
        return;
    free(c->auth);
    c->auth = NULL;
}

void layr_call_drop(layr_call_t **c)
{
    layr_call_free(*c);
    free(*c);
    *c = NULL;
}
