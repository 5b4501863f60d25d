/* Internal to wire*.c: the bytes below HTTP. */
#ifndef BENCH_WIRE_INTERNAL_H
#define BENCH_WIRE_INTERNAL_H

#include <openssl/ssl.h>

#include "wire.h"

#define WIRE_BUF 65536

struct wire {
    wire_to_t to;
    int fd;
    SSL_CTX *tls_ctx;
    SSL *tls;
    uint8_t in[WIRE_BUF]; /* received and not yet looked at: at .. end */
    size_t at, end;
    uint8_t out[4 * WIRE_BUF]; /* about to be sent */
    size_t out_len;
    /* HTTP/2 */
    uint32_t stream;
    int64_t connection_window, stream_window, initial_window; /* what we may send */
    uint64_t consumed;                                        /* received since the last WINDOW_UPDATE */
};

bool wire_fail(const wire_t *w, const char *what);
bool wire_send(wire_t *w, const void *p, size_t len);
/* Collect in w->out; flush when it is full. */
bool wire_add(wire_t *w, const void *p, size_t len);
bool wire_flush(wire_t *w);
/* At least one more byte into w->in. */
bool wire_more(wire_t *w);
/* Take exactly len bytes. */
bool wire_take(wire_t *w, void *p, size_t len);
/* Count len bytes as received and forget them. */
bool wire_discard(wire_t *w, uint64_t len);

bool wire_h2_open(wire_t *w);
int wire_h2_request(wire_t *w, const wire_request_t *r, uint64_t *received);

#endif
