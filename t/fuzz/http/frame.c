#include <ctype.h>
#include <string.h>

#include "frame.h"

void frame_add(layr_buf_t *b, uint8_t type, uint8_t flags, uint32_t stream, const void *p, size_t len)
{
    uint8_t head[9] = {
        (uint8_t)(len >> 16),    (uint8_t)(len >> 8),     (uint8_t)len,           type,           flags,
        (uint8_t)(stream >> 24), (uint8_t)(stream >> 16), (uint8_t)(stream >> 8), (uint8_t)stream};

    layr_buf_add(b, head, sizeof head);
    if (len > 0)
        layr_buf_add(b, p, len);
}

void frame_add32(layr_buf_t *b, uint8_t type, uint32_t stream, uint32_t v)
{
    uint8_t p[4] = {(uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v};

    frame_add(b, type, 0, stream, p, 4);
}

void frame_setting(layr_buf_t *b, uint16_t name, uint32_t v)
{
    uint8_t p[6] = {(uint8_t)(name >> 8), (uint8_t)name,     (uint8_t)(v >> 24),
                    (uint8_t)(v >> 16),   (uint8_t)(v >> 8), (uint8_t)v};

    frame_add(b, SETTINGS, 0, 0, p, 6);
}

size_t frame_data(gen_t *g, layr_buf_t *b, uint32_t stream, const void *p, size_t len, bool end)
{
    uint8_t padded[FRAME_MAX] = {0};
    uint8_t pad = (uint8_t)rng_below(&g->rng, 100);

    if (len + pad + 1 > 1000 || !rng_one_in(&g->rng, 8)) {
        frame_add(b, DATA, end ? END_STREAM : 0, stream, p, len);
        return len;
    }
    padded[0] = pad;
    if (len > 0)
        memcpy(padded + 1, p, len);
    frame_add(b, DATA, PADDED | (end ? END_STREAM : 0), stream, padded, len + pad + 1);
    return len + pad + 1;
}

void frame_headers(gen_t *g, layr_buf_t *b, uint32_t stream, const layr_buf_t *block, bool end)
{
    uint8_t flags = end ? END_STREAM : 0, type = HEADERS, first[FRAME_MAX] = {0};
    size_t at = 0, before = 0, n;

    if (rng_one_in(&g->rng, 6)) { /* a priority: on no stream, of any weight */
        before = 5;
        first[4] = (uint8_t)rng_next(&g->rng);
        flags |= PRIORITIZED;
    }
    do {
        n = block->len - at;
        if (n > FRAME_MAX - before)
            n = FRAME_MAX - before;
        if (n > 1 && rng_one_in(&g->rng, 8))
            n = 1 + rng_below(&g->rng, (uint32_t)n - 1);
        memcpy(first + before, block->p + at, n);
        at += n;
        frame_add(b, type, flags | (at == block->len ? END_HEADERS : 0), stream, first, before + n);
        type = CONTINUATION;
        flags = 0;
        before = 0;
    } while (at < block->len);
}

/* --- header blocks */

static void add_integer(layr_buf_t *b, uint8_t first, unsigned bits, size_t v)
{
    size_t max = (1u << bits) - 1;

    if (v < max) {
        layr_buf_add8(b, first | (uint8_t)v);
        return;
    }
    layr_buf_add8(b, first | (uint8_t)max);
    for (v -= max; v >= 128; v >>= 7)
        layr_buf_add8(b, (uint8_t)(v | 128));
    layr_buf_add8(b, (uint8_t)v);
}

static void add_string(layr_buf_t *b, span_t s)
{
    add_integer(b, 0, 7, s.len);
    layr_buf_add(b, s.p, s.len);
}

static void add_literal(gen_t *g, layr_buf_t *b, span_t name, span_t value)
{
    layr_buf_add8(b, PICK_CHAR(&g->rng, "\x00\x10\x40")); /* not indexed, never, indexed */
    add_string(b, name);
    add_string(b, value);
}

static span_t lower(gen_t *g, span_t name)
{
    char *p = (char *)gen_copy(g, name.p, name.len).p;

    for (size_t i = 0; i < name.len; i++)
        p[i] = (char)tolower((unsigned char)p[i]);
    return (span_t){p, name.len};
}

static unsigned collect(gen_t *g, const req_t *r, bool tls, field_t *f)
{
    unsigned n = 0;

    f[n++] = (field_t){gen_span(":method"), r->method};
    f[n++] = (field_t){gen_span(":scheme"), gen_span(tls ? "https" : "http")};
    f[n++] = (field_t){gen_span(":path"), r->path};
    f[n++] = (field_t){gen_span(":authority"), gen_span("fuzz.example")};
    if (r->want == WANT_ANY && rng_one_in(&g->rng, 20)) /* one missing, or twice */
        f[rng_below(&g->rng, 4)] = f[rng_below(&g->rng, 4)];
    if (r->length)
        f[n++] = (field_t){gen_span("content-length"),
                           r->said.p != NULL ? r->said : gen_span(gen_say(g, "%zu", r->body.len))};
    if (r->chunked)
        f[n++] = (field_t){gen_span("transfer-encoding"), gen_span("chunked")};
    for (unsigned i = 0; i < r->fields; i++)
        f[n++] = (field_t){lower(g, r->field[i].name), r->field[i].value};
    return n;
}

void block_request(gen_t *g, layr_buf_t *b, const req_t *r, bool tls, nghttp2_hd_deflater *deflater)
{
    field_t f[FIELDS_MAX + 8];
    nghttp2_nv nv[FIELDS_MAX + 8];
    unsigned n = collect(g, r, tls, f);
    uint8_t *out;
    size_t cap;
    ssize_t len;

    if (deflater == NULL) {
        for (unsigned i = 0; i < n; i++)
            add_literal(g, b, f[i].name, f[i].value);
        return;
    }
    for (unsigned i = 0; i < n; i++)
        nv[i] = (nghttp2_nv){(uint8_t *)f[i].name.p, (uint8_t *)f[i].value.p, f[i].name.len, f[i].value.len,
                             NGHTTP2_NV_FLAG_NONE};
    cap = nghttp2_hd_deflate_bound(deflater, nv, n);
    out = gen_take(g, cap);
    len = nghttp2_hd_deflate_hd(deflater, out, cap, nv, n);
    if (len < 0)
        die("nghttp2_hd_deflate_hd: %s", nghttp2_strerror((int)len));
    layr_buf_add(b, out, (size_t)len);
}

void block_trailers(layr_buf_t *b)
{
    layr_buf_add8(b, 0);
    add_string(b, gen_span("x-trailer"));
    add_string(b, gen_span("1"));
}

/* --- attacks */

static void flood(gen_t *g, layr_buf_t *b, uint32_t stream)
{
    unsigned n = 1 + rng_below(&g->rng, rng_one_in(&g->rng, 16) ? 3000 : 100), kind = rng_below(&g->rng, 6);
    uint8_t p[8] = {0};

    for (unsigned i = 0; i < n; i++) {
        switch (kind) {
        case 0:
            frame_add(b, PING, 0, 0, p, 8);
            break;
        case 1:
            frame_add(b, SETTINGS, 0, 0, p, 0);
            break;
        case 2:
            frame_setting(b, 4, rng_below(&g->rng, 70000));
            break;
        case 3:
            frame_add(b, PRIORITY, 0, 1 + 2 * rng_below(&g->rng, 1000), p, 5);
            break;
        case 4:
            frame_add(b, (uint8_t)(11 + rng_below(&g->rng, 200)), 0, 0, p, rng_below(&g->rng, 9));
            break;
        default:
            frame_add32(b, WINDOW_UPDATE, rng_one_in(&g->rng, 2) ? 0 : stream, 1);
            break;
        }
    }
}

/* HEADERS that CONTINUATIONs follow without end; streams opened and reset at once. */
static void header_flood(gen_t *g, layr_buf_t *b, uint32_t stream)
{
    static const uint8_t block[] = {0x82, 0x84, 0x86}; /* GET / http */
    unsigned n = 1 + rng_below(&g->rng, 400);
    uint8_t junk[64];

    if (rng_one_in(&g->rng, 2)) {
        frame_add(b, HEADERS, 0, stream + 2, block, sizeof block);
        for (unsigned i = 0; i < n; i++) {
            rng_fill(&g->rng, junk, sizeof junk);
            memcpy(junk, "\x00\x01x\x38", 4);
            frame_add(b, CONTINUATION, 0, stream + 2, junk, rng_one_in(&g->rng, 2) ? 60 : 0);
        }
        return;
    }
    for (unsigned i = 1; i <= n; i++) {
        frame_add(b, HEADERS, END_HEADERS | (i % 2 ? END_STREAM : 0), stream + 2 * i, block, sizeof block);
        frame_add32(b, RST_STREAM, stream + 2 * i, 8);
    }
}

/* A header block that is none, or says odd things. */
static void bad_block(gen_t *g, layr_buf_t *b, uint32_t stream)
{
    static const span_t blocks[] = {{"\xff\xff\xff\xff\xff\x0f", 6},
                                    {"\xbf", 1},
                                    {"\xff\x80\x80\x80\x80\x80\x80\x80\x01", 9},
                                    {"\x80", 1},
                                    {"\x3f\xff\xff\xff\xff\x0f", 6},
                                    {"\x20\x82\x84\x86", 4},
                                    {"\x82\x84\x86\x3f\xe1\x1f", 6},
                                    {"\x00\x7f\xff\xff\xff\x7f", 6},
                                    {"\x82\x86\x04\x81\xff", 5},
                                    {"\x82\x86\x04\x84\xff\xff\xff\xff", 8},
                                    {"\x40", 1},
                                    {"\x82\x84\x86\x00\x00\x00", 6},
                                    {"", 0},
                                    {"\x82\x82\x84\x86", 4},
                                    {"\x84\x86", 2},
                                    {"\x82\x86", 2},
                                    {"\x82\x84\x86\x00\x01\x41\x01z", 8},
                                    {"\x88\x84\x86", 3},
                                    {"\x82\x84\x86\x00\x04:foo\x01z", 10}};
    uint8_t junk[64];

    if (rng_one_in(&g->rng, 2)) {
        span_t s = PICK(&g->rng, blocks);
        frame_add(b, HEADERS, END_HEADERS | END_STREAM, stream + 2, s.p, s.len);
        return;
    }
    rng_fill(&g->rng, junk, sizeof junk);
    frame_add(b, HEADERS, (uint8_t)(rng_next(&g->rng) | END_HEADERS), stream + 2, junk,
              rng_below(&g->rng, 64));
}

static void bad_setting(gen_t *g, layr_buf_t *b, uint32_t stream)
{
    static const uint32_t values[] = {0, 1, 0x7fffffff, 0x80000000, 0xffffffff, 16383, 16384, 16777216};

    (void)stream;
    frame_setting(b, (uint16_t)rng_below(&g->rng, 9), PICK(&g->rng, values));
}

/* Windows past their end, by nothing, on a stream that is none. */
static void bad_window(gen_t *g, layr_buf_t *b, uint32_t stream)
{
    static const uint32_t by[] = {0, 1, 0x7fffffff, 0xffffffff, 0x80000000};

    for (unsigned i = 1 + rng_below(&g->rng, 3); i > 0; i--)
        frame_add32(b, WINDOW_UPDATE, rng_one_in(&g->rng, 2) ? 0 : stream + rng_below(&g->rng, 4),
                    PICK(&g->rng, by));
}

/* Any frame, with any flags, length and stream. */
static void any_frame(gen_t *g, layr_buf_t *b, uint32_t stream)
{
    static const uint32_t ids[] = {0, 1, 2, 0x7fffffff, 0x80000001};
    uint8_t junk[300];
    uint32_t id = rng_one_in(&g->rng, 2) ? stream - 2 * rng_below(&g->rng, 3) : PICK(&g->rng, ids);

    rng_fill(&g->rng, junk, sizeof junk);
    frame_add(b, (uint8_t)rng_below(&g->rng, 11), (uint8_t)rng_next(&g->rng), id, junk,
              rng_below(&g->rng, rng_one_in(&g->rng, 2) ? 10 : 300));
}

/* A length that is a lie: no such frame follows. */
static void bad_length(gen_t *g, layr_buf_t *b, uint32_t stream)
{
    uint8_t head[9] = {(uint8_t)rng_next(&g->rng),
                       (uint8_t)rng_next(&g->rng),
                       (uint8_t)rng_next(&g->rng),
                       (uint8_t)rng_below(&g->rng, 10),
                       0,
                       0,
                       0,
                       0,
                       (uint8_t)stream};

    layr_buf_add(b, head, sizeof head);
}

static void end_stream(gen_t *g, layr_buf_t *b, uint32_t stream)
{
    uint8_t p[8] = {0, 0, 0, 1};

    switch (rng_below(&g->rng, 4)) {
    case 0:
        frame_add32(b, RST_STREAM, stream, rng_below(&g->rng, 20));
        break;
    case 1:
        frame_add(b, DATA, END_STREAM, stream, p, rng_below(&g->rng, 8));
        break;
    case 2:
        frame_add(b, PRIORITY, 0, stream, p, 5);
        break; /* on itself, at times */
    default:
        frame_add(b, GOAWAY, 0, 0, p, 8);
        break;
    }
}

void frame_attack(gen_t *g, layr_buf_t *b, uint32_t stream)
{
    static void (*const attacks[])(gen_t *, layr_buf_t *, uint32_t) = {
        flood,     header_flood, bad_block,  bad_block,  bad_setting, bad_window,
        any_frame, any_frame,    bad_length, end_stream, end_stream};

    PICK(&g->rng, attacks)(g, b, stream);
}
