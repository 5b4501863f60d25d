/* A case over HTTP/1.1: requests in one stream of bytes, or that stream cut, damaged, or sent a little at a time. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "run.h"

static void add(layr_buf_t *b, span_t s)
{
    layr_buf_add(b, s.p, s.len);
}

static void add_text(layr_buf_t *b, const char *text)
{
    layr_buf_add(b, text, strlen(text));
}

static void write_chunks(gen_t *g, const req_t *r, layr_buf_t *b)
{
    static const char *const odd[] = {"zz\r\n", "-1\r\n", "ffffffffffffffff\r\n", "10000000000000000\r\n",
                                      "5",      "\r\n",   "5;a=\"b\r\n",          "0x5\r\n",
                                      "5\n",    " 5\r\n", "7fffffffffffffff\r\n"};
    size_t at = 0;

    while (at < r->body.len) {
        size_t n = 1 + rng_below(&g->rng, 9000);
        if (n > r->body.len - at)
            n = r->body.len - at;
        add_text(b, r->bad_chunks && rng_one_in(&g->rng, 3)
                        ? PICK(&g->rng, odd)
                        : gen_say(g, "%zx%s\r\n", n, rng_one_in(&g->rng, 8) ? ";x=y" : ""));
        layr_buf_add(b, r->body.p + at, n);
        add_text(b, r->bad_chunks && rng_one_in(&g->rng, 4) ? "x" : "\r\n");
        at += n;
    }
    if (!r->bad_chunks || rng_one_in(&g->rng, 2))
        add_text(b, rng_one_in(&g->rng, 4) ? "0\r\nTrailer: x\r\n\r\n" : "0\r\n\r\n");
}

static void write_request(gen_t *g, const req_t *r, layr_buf_t *b)
{
    add(b, r->method);
    add_text(b, " ");
    add(b, r->path);
    add_text(b, r->want == WANT_ANY && rng_one_in(&g->rng, 30) ? " HTTP/1.0\r\n" : " HTTP/1.1\r\n");
    add_text(b, "Host: fuzz.example\r\n");
    for (unsigned i = 0; i < r->fields; i++) {
        add(b, r->field[i].name);
        add_text(b, ": ");
        add(b, r->field[i].value);
        add_text(b, "\r\n");
    }
    if (r->chunked)
        add_text(b, "Transfer-Encoding: chunked\r\n");
    if (r->length) {
        add_text(b, "Content-Length: ");
        add(b, r->said.p != NULL ? r->said : gen_span(gen_say(g, "%zu", r->body.len)));
        add_text(b, "\r\n");
    }
    add_text(b, "\r\n");
    if (r->chunked)
        write_chunks(g, r, b);
    else
        add(b, r->body);
}

/* --- answers */

static const uint8_t *end_of_head(const wire_t *w)
{
    return w->len >= 4 ? memmem(w->in, w->len, "\r\n\r\n", 4) : NULL;
}

static bool parse_head(answer_t *a, const char *head, size_t len)
{
    const char *end = head + len, *eol, *colon;

    if (len < 12 || sscanf(head, "HTTP/1.1 %3d", &a->status) != 1) /* NOLINT(cert-err34-c) */
        return false;
    for (const char *line = head; line < end; line = eol + 2) {
        eol = memmem(line, (size_t)(end - line) + 2, "\r\n", 2);
        if (eol == NULL)
            return false;
        colon = memchr(line, ':', (size_t)(eol - line));
        if (line != head && (colon == NULL || eol - colon < 2))
            return false;
        if (line != head)
            answer_field(a, line, (size_t)(colon - line), colon + 2, (size_t)(eol - colon - 2));
    }
    return true;
}

/* The head of the next answer that is not 100; NULL: there is none, *wrong says whether one is malformed. */
static bool read_head(wire_t *w, answer_t *a, int ms, bool *malformed)
{
    int64_t until = clock_ms() + ms;
    const uint8_t *end;

    do {
        answer_free(a);
        while ((end = end_of_head(w)) == NULL) {
            int64_t left = until - clock_ms();
            if (w->eof || left <= 0 || !wire_fill(w, (int)left))
                return false;
        }
        *malformed = !parse_head(a, (const char *)w->in, (size_t)(end - w->in));
        wire_take(w, (size_t)(end - w->in) + 4);
    } while (!*malformed && a->status == 100);
    return !*malformed;
}

static void read_body(wire_t *w, answer_t *a, bool head, int ms)
{
    int64_t until = clock_ms() + ms;
    bool none = head || a->status == 304 || a->status == 204;
    size_t want = none ? 0 : a->length >= 0 ? (size_t)a->length : SIZE_MAX;

    while (w->len < want && !w->eof) {
        int64_t left = until - clock_ms();
        if (left <= 0 || !wire_fill(w, (int)left))
            return;
    }
    a->whole = w->len >= want || a->length < 0;
    if (want > w->len)
        want = w->len;
    answer_body(a, w->in, want);
    wire_take(w, want);
}

/*
 * A server that closes a connection while more comes in on it resets it, and what the client has not read by then is lost
 * (RFC 9112, 9.6): answers to earlier requests, too.
 */
static bool closed_later(const run_t *c, unsigned i)
{
    for (; i < c->count; i++)
        if (c->req[i].closes)
            return true;
    return false;
}

/* The answer to request i: NULL and *more when the next may have one, too. */
static const char *take_answer(run_t *c, wire_t *w, unsigned i, bool *more)
{
    answer_t a = {0};
    bool malformed = false;
    const char *wrong = NULL;

    *more = false;
    if (!read_head(w, &a, PATIENCE, &malformed)) {
        if (malformed && c->req[i].want != WANT_ANY)
            wrong = "a malformed answer";
        else if (!w->eof)
            wrong = "neither an answer nor an end";
        else if (c->req[i].want != WANT_ANY && !(w->failed && closed_later(c, i)))
            wrong = w->failed ? "the connection was reset" : "the connection was closed without an answer";
        answer_free(&a);
        return wrong;
    }
    read_body(w, &a, c->req[i].head, PATIENCE);
    if (!a.whole && c->req[i].want != WANT_ANY)
        wrong = "an answer that is not whole";
    if (wrong == NULL)
        wrong = run_judge(c, i, &a);
    *more = !a.closes && a.whole;
    answer_free(&a);
    return wrong;
}

/* After a request that may be taken for two, or whose end nobody knows, nothing is certain; nor is there an answer to each. */
static const char *take_answers(run_t *c, wire_t *w)
{
    bool more = true;
    const char *wrong = NULL;

    for (unsigned i = 0; i < c->count && more && wrong == NULL; i++) {
        wrong = take_answer(c, w, i, &more);
        if (c->req[i].closes)
            break;
    }
    return wrong;
}

static const char *serial(run_t *c, wire_t *w)
{
    const char *wrong = NULL;
    bool more = true;

    for (unsigned i = 0; i < c->count && more && wrong == NULL; i++) {
        layr_buf_t b = {0};
        write_request(&c->gen, &c->req[i], &b);
        if (run_send(c, w, b.p, b.len) != 0 && !c->req[i].closes && w->len == 0)
            wrong = "the connection was closed before the request was sent";
        layr_buf_free(&b);
        if (wrong == NULL)
            wrong = take_answer(c, w, i, &more);
        if (c->req[i].closes)
            break;
    }
    return wrong;
}

/* All at once; the bytes as they are. */
static const char *pipeline(run_t *c, wire_t *w)
{
    layr_buf_t b = {0};
    const char *wrong = NULL;
    bool open = true;

    for (unsigned i = 0; i < c->count; i++) {
        write_request(&c->gen, &c->req[i], &b);
        open = open && !c->req[i].closes;
    }
    if (run_send(c, w, b.p, b.len) != 0 && open && w->len == 0)
        wrong = "the connection was closed before the requests were sent";
    layr_buf_free(&b);
    if (!open)
        wire_end(w); /* what is not whole never will be */
    return wrong ? wrong : take_answers(c, w);
}

/* The bytes damaged or cut; what comes back need not be anything, but it comes to an end. */
static const char *damaged(run_t *c, wire_t *w)
{
    layr_buf_t b = {0};
    gen_t *g = &c->gen;
    unsigned how = rng_below(&g->rng, 8);
    int64_t until;

    for (unsigned i = 0; i < c->count; i++)
        write_request(g, &c->req[i], &b);
    if (how < 4)
        run_havoc(g, &b);
    if (how > 2)
        b.len = rng_below(&g->rng, (uint32_t)b.len + 1);
    run_send(c, w, b.p, b.len);
    layr_buf_free(&b);
    if (rng_one_in(&g->rng, 3))
        return NULL;               /* gone before the answer */
    if (!rng_one_in(&g->rng, 200)) /* now and then the server's time-outs must end it */
        wire_end(w);
    for (until = clock_ms() + PATIENCE; !w->eof && clock_ms() < until; w->len = 0)
        wire_fill(w, 1000);
    return w->eof ? NULL : "the connection was not ended";
}

const char *h1_run(run_t *c)
{
    wire_t w;
    gen_t *g = &c->gen;
    const char *wrong;

    if (wire_open(&w, c->host, c->proto) != 0)
        return "cannot connect";
    if (c->serial)
        wrong = serial(c, &w);
    else if (rng_one_in(&g->rng, 4))
        wrong = damaged(c, &w);
    else
        wrong = rng_one_in(&g->rng, 2) ? serial(c, &w) : pipeline(c, &w);
    wire_close(&w, rng_one_in(&g->rng, 4));
    return wrong;
}
