/*
 * What hosts answer, as the client reads it.  First byte: which call; second: the status.  Then a line with
 * the media type, one with the Content-Range or ETag, and the body.
 */
#include "fuzz.h"
#include "layr/api.h"
#include "layr/bytes.h"

#define NONCE "AAAAAAAAAAAAAAAAAAAAAA"

static const uint8_t id[32] = {0xab, 0xcd};

static void orders(const char *json, size_t len)
{
    layr_orders_answer_t *a = malloc(sizeof *a);

    PROMISE(a != NULL);
    memset(a, 0xff, sizeof *a);
    if (layr_orders_answer_parse(a, json, len) != 0)
        PROMISE(all_zero(a, sizeof *a));
    else
        PROMISE(a->done_count <= LAYR_ORDERS_MAX && a->missing_count <= LAYR_ORDERS_MAX);
    free(a);
}

static void missing(const char *json, size_t len)
{
    uint8_t(*shard)[32] = malloc(sizeof *shard * LAYR_CHALLENGE_SHARDS);
    unsigned count = 1;

    PROMISE(shard != NULL);
    if (layr_missing_parse(shard, &count, json, len) != 0)
        PROMISE(count == 0);
    else
        PROMISE(count >= 1 && count <= LAYR_CHALLENGE_SHARDS);
    free(shard);
}

static void node(const char *json, size_t len)
{
    layr_contact_t contact;

    if (layr_node_answer_check(&contact, json, len, NONCE, NULL, FUZZ_NOW) != 0)
        PROMISE(all_zero(&contact, sizeof contact));
    if (layr_node_answer_check(&contact, json, len, NULL, id, FUZZ_NOW) != 0)
        PROMISE(all_zero(&contact, sizeof contact));
}

static int begin(layr_call_t *c, layr_host_t *h, uint8_t which, uint8_t *into, size_t cap)
{
    switch (which % 9) {
    case 0:
        return layr_call_put_shard(c, h, id, "a.b.c", (const uint8_t *)"x", 1);
    case 1:
        return layr_call_get_shard(c, h, id, into, cap);
    case 2:
        return layr_call_get_range(c, h, id, into, 4096, 4096 + cap - 1);
    case 3:
        return layr_call_head_shard(c, h, id);
    case 4:
        return layr_call_orders(c, h, "a.b.c", 5);
    case 5:
        return layr_call_put_record(c, h, id, "a.b.c", 5, into, cap);
    case 6:
        return layr_call_get_record(c, h, id, into, cap);
    case 7:
        return layr_call_closest(c, h, id, into, cap);
    default:
        return layr_call_audit(c, h, "a.b.c", 5, 1 << 20, into, cap);
    }
}

/* As the transport would leave the request: a body no longer than its place, an error's in the error's. */
static void arrive(layr_req_t *r, fuzz_in_t *in, uint8_t status)
{
    fuzz_in_t type, extra;
    size_t n;

    r->status = 200 + status % 16 + 100 * (status >> 6);
    type = fuzz_line(in);
    extra = fuzz_line(in);
    snprintf(r->content_type, sizeof r->content_type, "%.*s", (int)type.left, (const char *)type.p);
    snprintf(r->content_range, sizeof r->content_range, "%.*s", (int)extra.left, (const char *)extra.p);
    snprintf(r->etag, sizeof r->etag, "%.*s", (int)extra.left, (const char *)extra.p);
    if (r->status >= 400) {
        r->error_len = in->left < r->error_cap ? in->left : r->error_cap;
        memcpy(r->error_into, in->p, r->error_len);
        return;
    }
    n = in->left < r->into_cap ? in->left : r->into_cap;
    if (n > 0)
        memcpy(r->into, in->p, n);
    r->into_len = n;
}

/* A success names the shard that was asked for. */
static void success(const layr_call_t *c, uint8_t which)
{
    char hex[65];

    layr_hex(hex, id, 32);
    PROMISE(c->req.status >= 200 && c->req.status < 300);
    PROMISE(which % 9 != 0 || memmem(c->answer, c->req.into_len, "shard", 5) != NULL ||
            memchr(c->answer, '\\', c->req.into_len) != NULL);
    PROMISE(which % 9 != 3 || strstr(c->req.etag, hex) != NULL);
    PROMISE((which % 9 != 1 && which % 9 != 2 && which % 9 != 8) || c->req.into_len == c->expect);
}

static void call(fuzz_in_t in)
{
    static uint8_t answer[LAYR_AUDIT_INTO];
    static layr_call_t c;
    static layr_host_t host;
    uint8_t which = fuzz_8(&in), status = fuzz_8(&in), into[256];
    char text[300];
    int rc;

    memset(&host, 0, sizeof host);
    strcpy(host.url, "https://host.example");
    PROMISE(begin(&c, &host, which, which % 9 == 8 ? answer : into,
                  which % 9 == 8 ? sizeof answer : sizeof into) == 0);
    arrive(&c.req, &in, status);
    rc = layr_call_result(&c);
    PROMISE(rc <= 0 && layr_call_result(&c) == rc);
    PROMISE(c.req.status < 400 || rc != 0);
    if (rc == 0)
        success(&c, which);
    memset(text, 'x', sizeof text);
    layr_call_text(&c, text, sizeof text);
    PROMISE(strnlen(text, sizeof text) < sizeof text);
    layr_call_free(&c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_in_t in = {data, size};

    call(in);
    fuzz_8(&in);
    fuzz_8(&in);
    fuzz_line(&in);
    fuzz_line(&in);
    orders((const char *)in.p, in.left);
    missing((const char *)in.p, in.left);
    node((const char *)in.p, in.left);
    return 0;
}
