/*
 * A well-formed request made into another: each change says how much of what was wanted still holds. What nginx itself may
 * refuse, with its own page or by closing, is WANT_ANY.
 */
#include <stdio.h>
#include <string.h>

#include "req.h"

static void lie(gen_t *g, req_t *r)
{
    bool sure = false;

    if (r->jws.p == NULL)
        return;
    req_statement(g, r, signed_lie(g, r->jws, r->signer, &sure), r->signer);
    req_want(r, sure ? WANT_REFUSAL : WANT_ANSWER);
}

/* Somebody else's true statement. */
static void mix(gen_t *g, req_t *r)
{
    req_t other;

    do
        call_make(g, &other);
    while (other.jws.p == NULL);
    req_statement(g, r, other.jws, other.signer);
    req_want(r, WANT_ANSWER);
}

static void change_id(gen_t *g, req_t *r)
{
    char *path = (char *)gen_copy(g, r->path.p, r->path.len).p;

    if (r->path.len > 70) {
        path[r->path.len - 1 - rng_below(&g->rng, 64)] = PICK_CHAR(&g->rng, "0123456789abcdefABCDEFgzG-.~_");
        r->path.p = path;
        req_want(r, WANT_ANSWER);
    }
}

/* The path, longer or shorter, with what paths are attacked with. */
static void change_path(gen_t *g, req_t *r)
{
    static const char *const before[] = {
        "/v1/../v1/shards",
        "/v1/%2e%2e/etc",
        "//v1/shards",
        "/v1//shards",
        "/v1/shards/..%2f..%2f",
        "/v1/shards/%2e%2e/",
        "/v1/shards/../../../../etc/passwd",
        "/./v1/status",
        "/v1/status/.",
        "/v1/shards/%00",
        "/v1/sh%61rds",
        "/%",
        "/v1/records/%zz",
        "/v1/%c0%ae%c0%ae/",
        "*",
        "",
        "v1/status",
        "/v1/node?nonce=%00%00",
        "/v1/node?nonce=",
        "/v1/node?nonce=a&nonce=b",
        "/v1/node?nonce=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "/v1/status#x",
        "/v1/status?",
        "/v1/shards/\x80\xff",
        "http://other.example/v1/status",
        "https://user:pw@other.example:99999/v1/node",
        "//other.example/v1/status",
        "/v1/status\\..\\x",
        "/v1/shards/;",
        "/v1/shards/ ",
        "/v1/node?&&&&=&nonce&=x",
        "/\t",
        "/v1/status\r",
        "/v1/\x01"};
    const char *with = PICK(&g->rng, before);
    size_t more;

    switch (rng_below(&g->rng, 4)) {
    case 0: /* in place of the front */
        r->path = gen_span(gen_say(g, "%s%.*s", with, (int)r->path.len, r->path.p));
        break;
    case 1: /* behind */
        r->path = gen_span(gen_say(g, "%.*s%s", (int)r->path.len, r->path.p, with));
        break;
    case 2:
        r->path = gen_span(with);
        break;
    default:
        more = rng_below(&g->rng, rng_one_in(&g->rng, 8) ? 40000 : 900);
        r->path = gen_span(gen_say(g, "%.*s%c%0*d", (int)r->path.len, r->path.p, PICK_CHAR(&g->rng, "/?&;a%"),
                                   (int)more, 0));
        r->closes = r->closes || more > 900;
    }
    req_want(r, WANT_ANY);
}

static void change_method(gen_t *g, req_t *r)
{
    static const char *const known[] = {"GET",     "HEAD",  "PUT",      "POST",     "DELETE",
                                        "OPTIONS", "PATCH", "PROPFIND", "MKCOL",    "COPY",
                                        "MOVE",    "LOCK",  "UNLOCK",   "PROPPATCH"};
    static const char *const odd[] = {
        "TRACE",  "CONNECT", "get",  "G",
        "PRI",    "FOO",     "GET_", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "G\x01T", "",        " GET", "GET\t"};

    if (rng_one_in(&g->rng, 2)) {
        r->method = gen_span(PICK(&g->rng, known));
        req_want(r, WANT_ANSWER);
    } else {
        r->method = gen_span(PICK(&g->rng, odd));
        req_want(r, WANT_ANY);
    }
    r->head = strcmp(r->method.p, "HEAD") == 0;
}

static void range(gen_t *g, req_t *r)
{
    static const char *const odd[] = {"bytes=",
                                      "bytes=-",
                                      "bytes=--1",
                                      "bytes=5-1",
                                      "bytes=0-0",
                                      "bytes=-0",
                                      "bytes=99999999-",
                                      "bytes=0-99999999999999999999999",
                                      "bytes=18446744073709551615-",
                                      "bytes=0-9223372036854775807",
                                      "bytes=9223372036854775807-",
                                      "bytes=-9223372036854775808",
                                      "bytes=0-0,-1",
                                      "bytes=0-1,1-2,2-3",
                                      "bytes=0-,0-,0-,0-",
                                      "bytes= 0-1",
                                      "bytes=0 -1",
                                      "bytes=0-1,",
                                      "bytes=,0-1",
                                      "bytes=a-b",
                                      "Bytes=0-1",
                                      "bytes:0-1",
                                      "items=0-1",
                                      "bytes=0-1;bytes=2-3",
                                      "bytes=0x10-0x20",
                                      "bytes=1-1,x",
                                      "bytes=4095-4096,1-",
                                      "",
                                      "bytes",
                                      "bytes=0-1\t,\t3-4"};
    char *many;
    unsigned n;

    if (!rng_one_in(&g->rng, 8)) {
        req_field(r, "Range", gen_span(PICK(&g->rng, odd)));
    } else {
        n = 1 + rng_below(&g->rng, 900);
        many = gen_take(g, 6 + 6 * (size_t)n);
        strcpy(many, "bytes=");
        for (unsigned i = 0; i < n; i++)
            sprintf(many + strlen(many), "%u-%u,", i % 10, i % 10);
        many[strlen(many) - 1] = 0;
        req_field(r, "Range", gen_span(many));
    }
    r->check = false;
    req_status(r, 206);
    req_want(r, WANT_ANSWER);
}

static void condition(gen_t *g, req_t *r)
{
    static const char *const names[] = {"If-None-Match", "If-Match", "If-Range", "If-Modified-Since",
                                        "If-Unmodified-Since"};
    static const char *const values[] = {"*",
                                         "\"x\"",
                                         "W/\"x\"",
                                         "\"",
                                         "",
                                         "Thu, 01 Jan 1970 00:00:00 GMT",
                                         "Fri, 31 Dec 9999 23:59:59 GMT",
                                         "\"a\", \"b\", \"c\"",
                                         "W/",
                                         "Thu, 99 Foo 99999 99:99:99 XXX",
                                         ",,,,"};
    span_t value = gen_span(PICK(&g->rng, values));
    const char *name = PICK(&g->rng, names);

    if (r->path.len == 75 && rng_one_in(&g->rng, 2))
        value = gen_span(gen_say(g, "\"%.64s\"", r->path.p + 11));
    req_field(r, name, value);
    r->check = false;
    req_want(r, WANT_ANSWER);
    /* after a 412 nginx closes the connection, or resets the stream that may not be sent as yet */
    if (strcmp(name, "If-Match") == 0 || strcmp(name, "If-Unmodified-Since") == 0) {
        r->closes = true;
        req_want(r, WANT_ANY);
    }
}

/* Content-Length lies. */
static void change_length(gen_t *g, req_t *r)
{
    static const char *const odd[] = {"-1",
                                      "+5",
                                      "5, 5",
                                      "0x10",
                                      "1e3",
                                      "99999999999999999999",
                                      "9223372036854775807",
                                      "9223372036854775808",
                                      "18446744073709551615",
                                      " 5 ",
                                      "5;",
                                      "",
                                      "\t",
                                      "5 5",
                                      "000000005",
                                      "4.0"};
    size_t len = r->body.len;

    r->closes = true;
    req_want(r, WANT_ANY);
    switch (rng_below(&g->rng, 6)) {
    case 0:
        r->length = !r->length;
        break;
    case 1: /* more announced than comes */
        r->said = gen_span(gen_say(g, "%zu", len + 1 + rng_below(&g->rng, 10000)));
        break;
    case 2: /* less */
        r->said = gen_span(gen_say(g, "%u", rng_below(&g->rng, (uint32_t)len + 1)));
        break;
    case 3:
        req_field(r, "Content-Length", gen_span(gen_say(g, "%zu", rng_one_in(&g->rng, 2) ? len : len + 1)));
        break;
    case 4:
        r->said = gen_span(gen_say(g, "%llu", 1ULL << rng_below(&g->rng, 64)));
        break;
    default:
        r->said = gen_span(PICK(&g->rng, odd));
    }
    r->length = r->length || r->said.p != NULL;
}

static void chunk(gen_t *g, req_t *r)
{
    static const char *const odd[] = {"gzip",     "gzip, chunked", "chunked, chunked", "xchunked",
                                      "identity", "CHUNKED",       "chunked;q=1",      ""};

    r->chunked = true;
    r->length = rng_one_in(&g->rng, 4);
    r->bad_chunks = rng_one_in(&g->rng, 2);
    if (rng_one_in(&g->rng, 4))
        req_field(r, "Transfer-Encoding", gen_span(PICK(&g->rng, odd)));
    r->closes = true;
    req_want(r, WANT_ANY);
}

static void expect(gen_t *g, req_t *r)
{
    static const char *const values[] = {
        "100-continue", "100-continue", "100-Continue", "200-maybe", "", "100-continue, 100-continue"};

    req_field(r, "Expect", gen_span(PICK(&g->rng, values)));
}

/* A header that is there already, again; or one of those that matter. */
static void twice(gen_t *g, req_t *r)
{
    static const char *const names[] = {"Host",       "Authorization", "Content-Type", "Range",
                                        "Connection", "If-Match",      "Layr-Contact", ":path"};
    static const char *const values[] = {"x",    "",          "Layr ", "layr x",     "Basic eDp4",
                                         "Layr", "bytes=0-1", "close", "LAYR  a.b.c"};

    if (r->fields > 0 && rng_one_in(&g->rng, 2)) {
        field_t f = r->field[rng_below(&g->rng, r->fields)];
        if (r->fields < FIELDS_MAX)
            r->field[r->fields++] = f;
    } else {
        req_field(r, PICK(&g->rng, names), gen_span(PICK(&g->rng, values)));
    }
    r->closes = true;
    r->check = false;
    req_want(r, WANT_ANY);
}

static void flood(gen_t *g, req_t *r)
{
    unsigned count = 1 + rng_below(&g->rng, 200),
             size = rng_below(&g->rng, rng_one_in(&g->rng, 4) ? 9000 : 60);

    for (unsigned i = 0; i < count; i++)
        req_field(r, gen_say(g, "x-%u", rng_below(&g->rng, 50)), gen_span(gen_say(g, "%0*d", (int)size, 0)));
    if (count * (size + 8) > 4000) {
        r->closes = true;
        req_want(r, WANT_ANY);
    }
}

/* Names and values that are none. */
static void odd_header(gen_t *g, req_t *r)
{
    static const char *const names[] = {"",
                                        " ",
                                        "a b",
                                        "x_y",
                                        "X-Upper",
                                        "x:",
                                        "x\x80",
                                        "x\x01",
                                        "Transfer-Encoding",
                                        "Upgrade",
                                        "TE",
                                        "Connection",
                                        "Keep-Alive",
                                        "Trailer",
                                        "HTTP2-Settings",
                                        "Cookie",
                                        "Accept-Encoding",
                                        "X-Forwarded-For",
                                        "Content-Encoding",
                                        ":authority",
                                        ":status"};
    static const char *const values[] = {"",
                                         "\x80\xff",
                                         "a\x01z",
                                         "h2c",
                                         "HTTP2-Settings, upgrade",
                                         "gzip",
                                         "AAMAAABkAAQAAP__",
                                         "trailers",
                                         "x\r y",
                                         "x\n y: z",
                                         "a\tb",
                                         "%00"};

    req_field(r, PICK(&g->rng, names),
              rng_one_in(&g->rng, 12) ? gen_copy(g, "a\0b", 3) : gen_span(PICK(&g->rng, values)));
    r->closes = true;
    req_want(r, WANT_ANY);
}

static void connection(gen_t *g, req_t *r)
{
    static const char *const values[] = {"keep-alive", "close", "close, keep-alive", "Upgrade", ""};

    req_field(r, "Connection", gen_span(PICK(&g->rng, values)));
    r->closes = true;
    req_want(r, WANT_ANY); /* HTTP/2 knows no such header */
}

static void change_body(gen_t *g, req_t *r)
{
    char *p;
    size_t more = 1 + rng_below(&g->rng, rng_one_in(&g->rng, 16) ? 200000 : 3000);

    p = gen_take(g, r->body.len + more);
    if (r->body.len > 0)
        memcpy(p, r->body.p, r->body.len);
    switch (rng_below(&g->rng, 3)) {
    case 0:
        if (r->body.len > 0)
            p[rng_below(&g->rng, (uint32_t)r->body.len)] ^= (char)(1 + rng_below(&g->rng, 255));
        req_body(r, (span_t){p, r->body.len});
        break;
    case 1:
        rng_fill(&g->rng, p + r->body.len, more);
        req_body(r, (span_t){p, r->body.len + more});
        break;
    default:
        req_body(r, (span_t){p, rng_below(&g->rng, (uint32_t)r->body.len + 1)});
    }
    req_want(r, WANT_ANSWER);
}

static void cut(gen_t *g, req_t *r)
{
    if (r->body.len == 0)
        return;
    r->said = gen_span(gen_say(g, "%zu", r->body.len));
    r->body.len = rng_below(&g->rng, (uint32_t)r->body.len);
    r->cut = r->closes = true;
    req_want(r, WANT_ANY);
}

static void trail(gen_t *g, req_t *r)
{
    (void)g;
    r->trailers = true;
    req_want(r, WANT_ANY);
}

void req_mutate(gen_t *g, req_t *r)
{
    static void (*const changes[])(gen_t *, req_t *) = {
        lie,           lie,        lie,        lie,           mix,         change_id, change_path,
        change_method, range,      condition,  change_length, chunk,       expect,    twice,
        flood,         odd_header, connection, change_body,   change_body, cut,       trail};
    unsigned count = 1 + (rng_one_in(&g->rng, 3) ? rng_below(&g->rng, 3) : 0);

    for (unsigned i = 0; i < count; i++)
        PICK(&g->rng, changes)(g, r);
}
