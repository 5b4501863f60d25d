/* HTTP/2 (RFC 9113), as much as a load generator needs: one stream at a time, header fields as plain literals. */
#include <stdio.h>
#include <string.h>

#include "wire_internal.h"

enum { DATA = 0, HEADERS = 1, RST_STREAM = 3, SETTINGS = 4, PING = 6, GOAWAY = 7, WINDOW_UPDATE = 8 };
#define ACK 1
#define END_STREAM 1
#define END_HEADERS 4
#define FRAME_MAX 16384
#define WINDOW_MAX 0x7fffffff

typedef struct frame {
    uint8_t type, flags;
    uint32_t len, stream;
} frame_t;

static void store32(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 24);
    p[1] = (uint8_t)(v >> 16);
    p[2] = (uint8_t)(v >> 8);
    p[3] = (uint8_t)v;
}

static uint32_t load32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static bool add_head(wire_t *w, uint8_t type, uint8_t flags, uint32_t stream, size_t len)
{
    uint8_t head[9];

    store32(head, (uint32_t)len << 8 | type);
    head[4] = flags;
    store32(head + 5, stream);
    return wire_add(w, head, sizeof head);
}

static bool send_update(wire_t *w, uint32_t by)
{
    uint8_t p[4];

    store32(p, by);
    return add_head(w, WINDOW_UPDATE, 0, 0, 4) && wire_add(w, p, 4) && wire_flush(w);
}

/* --- what comes --- */

static bool take_head(wire_t *w, frame_t *f)
{
    uint8_t h[9];

    if (!wire_take(w, h, sizeof h))
        return false;
    *f = (frame_t){h[3], h[4], load32(h) >> 8, load32(h + 5) & WINDOW_MAX};
    return f->type == DATA || f->len <= FRAME_MAX || wire_fail(w, "a frame is too long");
}

static bool take_settings(wire_t *w, const frame_t *f, const uint8_t *p)
{
    if (f->flags & ACK)
        return true;
    for (size_t i = 0; i + 6 <= f->len; i += 6) {
        if (p[i] == 0 && p[i + 1] == 4) { /* SETTINGS_INITIAL_WINDOW_SIZE */
            w->stream_window += load32(p + i + 2) - w->initial_window;
            w->initial_window = load32(p + i + 2);
        }
    }
    return add_head(w, SETTINGS, ACK, 0, 0) && wire_flush(w);
}

/* nginx sends the status first: as an index of HPACK's static table, or as a literal of three digits. */
static int status_of(const uint8_t *p, size_t len)
{
    static const int fixed[] = {200, 204, 206, 304, 400, 404, 500};

    if (len > 0 && (p[0] & 0xe0) == 0x20) { /* the table's size changes */
        p++;
        len--;
    }
    if (len > 0 && p[0] >= 0x88 && p[0] <= 0x8e)
        return fixed[p[0] - 0x88];
    return len >= 5 && p[1] == 3 ? (p[2] - '0') * 100 + (p[3] - '0') * 10 + p[4] - '0' : -1;
}

/* Everything but DATA. */
static bool take_control(wire_t *w, const frame_t *f, int *status)
{
    uint8_t p[FRAME_MAX];

    if (!wire_take(w, p, f->len))
        return false;
    switch (f->type) {
    case SETTINGS:
        return take_settings(w, f, p);
    case PING:
        return f->flags & ACK ||
               (add_head(w, PING, ACK, 0, f->len) && wire_add(w, p, f->len) && wire_flush(w));
    case WINDOW_UPDATE:
        *(f->stream ? &w->stream_window : &w->connection_window) += f->len == 4 ? load32(p) : 0;
        return true;
    case HEADERS:
        *status = status_of(p, f->len);
        return true;
    case RST_STREAM:
        return f->stream != w->stream || wire_fail(w, "the host reset the stream");
    case GOAWAY:
        return wire_fail(w, "the host sent GOAWAY");
    default:
        return true;
    }
}

static bool take_data(wire_t *w, const frame_t *f, uint64_t *received)
{
    *received += f->len;
    w->consumed += f->len;
    if (!wire_discard(w, f->len))
        return false;
    if (w->consumed < WINDOW_MAX / 2)
        return true;
    uint32_t by = (uint32_t)w->consumed;
    w->consumed = 0;
    return send_update(w, by);
}

/* --- what goes --- */

static size_t put_string(uint8_t *p, const char *s)
{
    size_t len = strlen(s), rest, n = 0;

    if (len < 127) {
        p[n++] = (uint8_t)len;
    } else {
        p[n++] = 127;
        for (rest = len - 127; rest >= 128; rest >>= 7)
            p[n++] = (uint8_t)(rest | 128);
        p[n++] = (uint8_t)rest;
    }
    memcpy(p + n, s, len);
    return n + len;
}

static size_t put_field(uint8_t *p, const char *name, const char *value)
{
    size_t n = 1;

    p[0] = 0; /* literal, not indexed */
    n += put_string(p + n, name);
    return n + put_string(p + n, value);
}

static bool send_headers(wire_t *w, const wire_request_t *r, size_t body)
{
    uint8_t p[6144];
    char length[24];
    size_t n = 0;

    if (strlen(r->path) + (r->auth ? strlen(r->auth) : 0) > 4096)
        return wire_fail(w, "the request's head is too long");
    snprintf(length, sizeof length, "%zu", body);
    n += put_field(p + n, ":method", r->method);
    n += put_field(p + n, ":scheme", w->to.tls ? "https" : "http");
    n += put_field(p + n, ":path", r->path);
    n += put_field(p + n, ":authority", w->to.host);
    if (r->auth)
        n += put_field(p + n, "authorization", r->auth);
    if (body)
        n += put_field(p + n, "content-length", length);
    w->stream = w->stream ? w->stream + 2 : 1;
    w->stream_window = w->initial_window;
    return add_head(w, HEADERS, END_HEADERS | (body ? 0 : END_STREAM), w->stream, n) && wire_add(w, p, n);
}

/* As much as the windows let through; waits for more. False also when the answer came first. */
static bool send_piece(wire_t *w, wire_piece_t piece, bool last, int *status)
{
    const uint8_t *p = piece.p;
    frame_t f;

    while (piece.len > 0) {
        int64_t window = w->stream_window < w->connection_window ? w->stream_window : w->connection_window;
        size_t len = piece.len < FRAME_MAX ? piece.len : FRAME_MAX;
        if (window <= 0) {
            if (!wire_flush(w) || !take_head(w, &f) || f.type == DATA || !take_control(w, &f, status))
                return false;
            if (*status != 0)
                return wire_fail(w, "an answer came before the body was sent");
            continue;
        }
        if ((int64_t)len > window)
            len = (size_t)window;
        if (!add_head(w, DATA, last && len == piece.len ? END_STREAM : 0, w->stream, len) ||
            !wire_add(w, p, len))
            return false;
        w->stream_window -= (int64_t)len;
        w->connection_window -= (int64_t)len;
        p += len;
        piece.len -= len;
    }
    return true;
}

int wire_h2_request(wire_t *w, const wire_request_t *r, uint64_t *received)
{
    size_t body = r->body[0].len + r->body[1].len;
    bool ended = false;
    int status = 0;

    *received = 0;
    if (!send_headers(w, r, body) || !send_piece(w, r->body[0], r->body[1].len == 0, &status) ||
        !send_piece(w, r->body[1], true, &status) || !wire_flush(w))
        return -1;
    while (!ended) {
        frame_t f;
        if (!take_head(w, &f) ||
            !(f.type == DATA ? take_data(w, &f, received) : take_control(w, &f, &status)))
            return -1;
        ended = (f.type == DATA || f.type == HEADERS) && f.flags & END_STREAM;
    }
    return status;
}

bool wire_h2_open(wire_t *w)
{
    static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    uint8_t window[6] = {0, 4};
    frame_t f = {0};
    int status = 0;

    w->connection_window = w->initial_window = 65535;
    store32(window + 2, WINDOW_MAX);
    if (!wire_add(w, preface, sizeof preface - 1) || !add_head(w, SETTINGS, 0, 0, 6) ||
        !wire_add(w, window, 6) || !send_update(w, WINDOW_MAX - 65535))
        return false;
    while (f.type != SETTINGS || f.flags & ACK)
        if (!take_head(w, &f) || f.type == DATA || !take_control(w, &f, &status))
            return false;
    return true;
}
