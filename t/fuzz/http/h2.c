/*
 * A case over HTTP/2: all requests at once as streams whose frames take turns, or one after another; windows wide, narrow or
 * shut for a while; attacks in between, streams reset, bytes damaged.
 */
#include <string.h>

#include "frame.h"
#include "run.h"

#define STREAMS_MAX 16
#define LEAVE 300 /* ms for whom nothing is certain any more */

typedef struct stream {
    const req_t *req;
    uint32_t id;
    size_t sent; /* of the body */
    int64_t window;
    answer_t answer;
    bool opened, closed, done; /* HEADERS sent; nothing more to send; nothing more to come */
    bool reset;
} stream_t;

typedef enum flow { FLOW_WIDE, FLOW_NARROW, FLOW_LATE, FLOW_NEVER } flow_t;

typedef struct h2 {
    run_t *c;
    gen_t *g;
    wire_t wire;
    nghttp2_hd_inflater *inflater;
    nghttp2_hd_deflater *deflater; /* NULL: literals */
    stream_t s[STREAMS_MAX];
    unsigned count;
    int64_t window, initial;
    flow_t flow;
    bool hostile, goaway, ended; /* nothing is certain; the server leaves; no reading of it makes sense */
    bool attacks;
    const char *wrong;
} h2_t;

static int flush(h2_t *h, layr_buf_t *b)
{
    int rc = b->len > 0 ? wire_send(&h->wire, b->p, b->len) : 0;

    layr_buf_free(b);
    return rc;
}

static void greet(h2_t *h)
{
    static const flow_t flows[] = {FLOW_WIDE, FLOW_WIDE, FLOW_WIDE, FLOW_NARROW, FLOW_LATE, FLOW_NEVER};
    layr_buf_t b = {0};

    h->flow = h->c->serial ? FLOW_WIDE : PICK(&h->g->rng, flows);
    if (h->flow == FLOW_NEVER)
        h->hostile = true;
    layr_buf_add(&b, PREFACE, strlen(PREFACE));
    frame_setting(&b, 4,
                  h->flow == FLOW_WIDE     ? 0x7fffffff
                  : h->flow == FLOW_NARROW ? 1 + rng_below(&h->g->rng, 4000)
                                           : 0);
    frame_add32(&b, WINDOW_UPDATE, 0, 0x7fff0000 - 65535);
    flush(h, &b);
}

static stream_t *find(h2_t *h, uint32_t id)
{
    for (unsigned i = 0; i < h->count; i++)
        if (h->s[i].id == id && h->s[i].opened)
            return &h->s[i];
    return NULL;
}

/* --- what comes */

static void on_headers(h2_t *h, stream_t *s, const uint8_t *p, size_t len)
{
    int flags = 0;
    nghttp2_nv nv;

    while (len > 0 || !(flags & NGHTTP2_HD_INFLATE_FINAL)) {
        ssize_t n = nghttp2_hd_inflate_hd2(h->inflater, &nv, &flags, p, len, 1);
        if (n < 0) {
            h->wrong = "a header block that cannot be read";
            return;
        }
        p += n;
        len -= (size_t)n;
        if ((flags & NGHTTP2_HD_INFLATE_EMIT) && s != NULL) {
            if (nv.namelen == 7 && memcmp(nv.name, ":status", 7) == 0 && nv.valuelen == 3)
                s->answer.status = (nv.value[0] - '0') * 100 + (nv.value[1] - '0') * 10 + nv.value[2] - '0';
            answer_field(&s->answer, (const char *)nv.name, nv.namelen, (const char *)nv.value, nv.valuelen);
        }
        if ((flags & NGHTTP2_HD_INFLATE_FINAL) && len == 0)
            break;
    }
    nghttp2_hd_inflate_end_headers(h->inflater);
    if (s != NULL && s->answer.status == 100)
        answer_free(&s->answer);
}

static void on_data(h2_t *h, stream_t *s, uint32_t id, const uint8_t *p, size_t len)
{
    layr_buf_t b = {0};

    if (s != NULL)
        answer_body(&s->answer, p, len);
    if (h->flow == FLOW_NARROW && len > 0) {
        frame_add32(&b, WINDOW_UPDATE, id, (uint32_t)len);
        flush(h, &b);
    }
}

static void on_settings(h2_t *h, uint8_t flags, const uint8_t *p, size_t len)
{
    layr_buf_t b = {0};

    if (flags & ACK)
        return;
    for (; len >= 6; p += 6, len -= 6) {
        int64_t v = (int64_t)p[2] << 24 | p[3] << 16 | p[4] << 8 | p[5];
        if (p[0] == 0 && p[1] == 4) {
            for (unsigned i = 0; i < h->count; i++)
                h->s[i].window += v - h->initial;
            h->initial = v;
        }
    }
    frame_add(&b, SETTINGS, ACK, 0, NULL, 0);
    flush(h, &b);
}

static uint32_t load(const uint8_t *p)
{
    return ((uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3]) & 0x7fffffff;
}

static void on_end(h2_t *h, stream_t *s)
{
    s->answer.whole = true;
    s->done = true;
    if (!h->hostile || s->answer.status != 0)
        h->wrong = h->wrong ? h->wrong : run_judge(h->c, (unsigned)(s - h->s), &s->answer);
}

/* An answer that is there already makes a reset of the rest of the request, without an error, right (RFC 9113, 8.1). */
static void on_reset(h2_t *h, stream_t *s, uint32_t code)
{
    if (s->done && code == 0) {
        s->closed = true;
        return;
    }
    if (!s->done && s->req->want != WANT_ANY && !h->hostile)
        h->wrong = gen_say(h->g, "stream %u was reset: %u", s->id, code);
    s->done = s->closed = s->reset = true;
}

static void on_frame(h2_t *h, const uint8_t *head, const uint8_t *p, size_t len)
{
    uint8_t type = head[3], flags = head[4];
    uint32_t id = load(head + 5);
    stream_t *s = find(h, id);
    layr_buf_t b = {0};

    if (type == SETTINGS) {
        on_settings(h, flags, p, len);
    } else if (type == PING && !(flags & ACK)) {
        frame_add(&b, PING, ACK, 0, p, len);
        flush(h, &b);
    } else if (type == WINDOW_UPDATE && len == 4) {
        *(s != NULL ? &s->window : &h->window) += load(p);
    } else if (type == GOAWAY) {
        h->goaway = true;
    } else if (type == RST_STREAM && s != NULL) {
        on_reset(h, s, load(p));
    } else if (type == HEADERS) {
        on_headers(h, s, p, len);
    } else if (type == DATA) {
        on_data(h, s, id, p, len);
    }
    if (type <= HEADERS && (flags & END_STREAM) && s != NULL && !s->done)
        on_end(h, s);
}

static void take_frames(h2_t *h)
{
    wire_t *w = &h->wire;
    size_t at = 0;

    while (w->len - at >= 9) {
        const uint8_t *head = w->in + at;
        size_t len = (size_t)head[0] << 16 | (size_t)head[1] << 8 | head[2];
        if (w->len - at < 9 + len)
            break;
        at += 9 + len;
        /* what is sent meanwhile may move w->in */
        span_t copy = gen_copy(h->g, head, 9 + len);
        on_frame(h, (const uint8_t *)copy.p, (const uint8_t *)copy.p + 9, len);
    }
    wire_take(w, at);
}

/* --- what goes */

static void send_headers(h2_t *h, stream_t *s)
{
    const req_t *r = s->req;
    layr_buf_t block = {0}, b = {0};
    bool end = r->body.len == 0 && !r->trailers && !r->cut && rng_below(&h->g->rng, 4) != 0;

    block_request(h->g, &block, r, h->c->proto == PROTO_TLS_H2, h->deflater);
    frame_headers(h->g, &b, s->id, &block, end);
    layr_buf_free(&block);
    s->opened = true;
    s->closed = end;
    if (r->want == WANT_ANY)
        h->hostile = true;
    h->ended = flush(h, &b) != 0;
}

/* Everything of the body has gone: the end, or what comes in its place. */
static void send_end(h2_t *h, stream_t *s)
{
    layr_buf_t b = {0}, block = {0};

    if (s->req->cut) {
        if (rng_one_in(&h->g->rng, 2))
            frame_add32(&b, RST_STREAM, s->id, 8);
        s->done = true; /* nothing is waited for */
    } else if (s->req->trailers) {
        block_trailers(&block);
        frame_headers(h->g, &b, s->id, &block, true);
        layr_buf_free(&block);
    } else {
        frame_data(h->g, &b, s->id, NULL, 0, true);
    }
    s->closed = true;
    h->ended = flush(h, &b) != 0;
}

static bool send_body(h2_t *h, stream_t *s)
{
    const req_t *r = s->req;
    layr_buf_t b = {0};
    size_t n = r->body.len - s->sent, took;
    int64_t room = s->window < h->window ? s->window : h->window;

    if (n == 0) {
        send_end(h, s);
        return true;
    }
    if (room < 200)
        return false;
    if (n > FRAME_MAX)
        n = FRAME_MAX;
    if (n > 1 && rng_one_in(&h->g->rng, 6))
        n = 1 + rng_below(&h->g->rng, (uint32_t)n - 1);
    if ((int64_t)n > room - 150)
        n = (size_t)room - 150;
    s->closed = s->sent + n == r->body.len && !r->cut && !r->trailers && rng_below(&h->g->rng, 4) != 0;
    took = frame_data(h->g, &b, s->id, r->body.p + s->sent, n, s->closed);
    s->sent += n;
    s->window -= (int64_t)took;
    h->window -= (int64_t)took;
    h->ended = flush(h, &b) != 0;
    return true;
}

static void attack(h2_t *h, uint32_t stream)
{
    layr_buf_t b = {0};

    h->hostile = true;
    for (unsigned i = 0; i < h->count; i++)
        h->c->req[i].want = WANT_ANY; /* it may have changed each of them */
    frame_attack(h->g, &b, stream);
    h->ended = flush(h, &b) != 0;
}

/* One frame of a stream that has one; the next stream may be opened, those before it go on. False: none can go. */
static bool send_some(h2_t *h)
{
    unsigned open = 0, first = rng_below(&h->g->rng, h->count);

    while (open < h->count && h->s[open].opened)
        open++;
    if (open < h->count && (!h->c->serial || open == 0 || h->s[open - 1].done) &&
        (h->c->serial || rng_one_in(&h->g->rng, 2))) {
        send_headers(h, &h->s[open]);
        return true;
    }
    for (unsigned i = 0; i < open; i++) {
        stream_t *s = &h->s[(first + i) % open];
        if (!s->closed && send_body(h, s))
            return true;
    }
    if (open == h->count || (h->c->serial && open > 0 && !h->s[open - 1].done))
        return false;
    send_headers(h, &h->s[open]);
    return true;
}

static bool all_done(const h2_t *h)
{
    for (unsigned i = 0; i < h->count; i++)
        if (!h->s[i].done)
            return false;
    return true;
}

/* Windows that were shut are opened when all has been sent. */
static void open_windows(h2_t *h)
{
    layr_buf_t b = {0};

    if (h->flow != FLOW_LATE)
        return;
    h->flow = FLOW_WIDE;
    frame_setting(&b, 4, 0x7fffffff);
    flush(h, &b);
}

static const char *converse(h2_t *h)
{
    int64_t until = clock_ms() + PATIENCE;
    bool stay = rng_one_in(&h->g->rng, 200); /* until the server's time-outs end it */

    while (!all_done(h) && h->wrong == NULL) {
        if (!h->ended && h->attacks && rng_one_in(&h->g->rng, 6))
            attack(h, h->s[rng_below(&h->g->rng, h->count)].id);
        bool sent = !h->ended && send_some(h);
        if (!sent)
            open_windows(h);
        bool got = wire_fill(&h->wire, sent ? 0 : h->hostile && !stay ? LEAVE : 1000);
        take_frames(h);
        if (h->wire.eof)
            break;
        if (!sent && !got && h->hostile && !stay)
            return h->wrong;
        if (clock_ms() > until)
            return "neither all answers nor an end";
    }
    if (h->wrong == NULL && !all_done(h) && !h->hostile)
        return h->wire.failed ? "the connection was reset" : "the connection was closed before all answers";
    return h->wrong;
}

/* A stream of bytes as if all windows were wide, damaged. */
static const char *damaged(h2_t *h)
{
    layr_buf_t b = {0}, block = {0};
    gen_t *g = h->g;
    unsigned how = rng_below(&g->rng, 3);

    layr_buf_add(&b, PREFACE, strlen(PREFACE));
    frame_add(&b, SETTINGS, 0, 0, NULL, 0);
    for (unsigned i = 0; i < h->count; i++) {
        const req_t *r = h->s[i].req;
        block.len = 0;
        block_request(g, &block, r, h->c->proto == PROTO_TLS_H2, h->deflater);
        frame_headers(g, &b, h->s[i].id, &block, r->body.len == 0);
        for (size_t at = 0; at < r->body.len; at += FRAME_MAX)
            frame_data(g, &b, h->s[i].id, r->body.p + at,
                       r->body.len - at < FRAME_MAX ? r->body.len - at : FRAME_MAX,
                       at + FRAME_MAX >= r->body.len);
    }
    layr_buf_free(&block);
    if (how != 0)
        run_havoc(g, &b);
    if (how != 1)
        b.len = rng_below(&g->rng, (uint32_t)b.len + 1);
    run_send(h->c, &h->wire, b.p, b.len);
    layr_buf_free(&b);
    if (rng_one_in(&g->rng, 3))
        wire_end(&h->wire);
    for (int64_t until = clock_ms() + rng_below(&g->rng, 60); !h->wire.eof && clock_ms() < until;
         h->wire.len = 0)
        wire_fill(&h->wire, 20);
    return NULL;
}

const char *h2_run(run_t *c)
{
    h2_t h = {.c = c, .g = &c->gen, .count = c->count, .window = 65535, .initial = 65535};
    const char *wrong;

    if (wire_open(&h.wire, c->host, c->proto) != 0)
        return "cannot connect";
    if (nghttp2_hd_inflate_new(&h.inflater) != 0 ||
        (rng_one_in(&c->gen.rng, 4) && nghttp2_hd_deflate_new(&h.deflater, 4096) != 0))
        die("nghttp2: out of memory");
    for (unsigned i = 0; i < c->count; i++) {
        h.s[i] = (stream_t){.req = &c->req[i], .id = 1 + 2 * i, .window = 65535};
        answer_init(&h.s[i].answer);
    }
    h.attacks = !c->serial && rng_one_in(&c->gen.rng, 4);
    if (!c->serial && rng_one_in(&c->gen.rng, 6)) {
        wrong = damaged(&h);
    } else {
        greet(&h);
        wrong = converse(&h);
    }
    for (unsigned i = 0; i < c->count; i++)
        answer_free(&h.s[i].answer);
    nghttp2_hd_inflate_del(h.inflater);
    if (h.deflater != NULL)
        nghttp2_hd_deflate_del(h.deflater);
    wire_close(&h.wire, rng_one_in(&c->gen.rng, 4));
    return wrong;
}
