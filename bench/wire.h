/*
 * A cheap HTTP client for the load generator: blocking, one request at a time on a connection, over HTTP/1.1 or HTTP/2,
 * plain or TLS (which is not verified: these are loopback hosts).  What is received is counted and dropped, over plain
 * connections without ever being copied out of the kernel, so that the host has the processor rather than its client.
 */
#ifndef BENCH_WIRE_H
#define BENCH_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct wire_to {
    char host[64]; /* an IPv4 address */
    unsigned port;
    bool tls, h2;
} wire_to_t;

typedef struct wire_piece {
    const void *p;
    size_t len;
} wire_piece_t;

typedef struct wire_request {
    const char *method, *path;
    const char *auth;     /* the Authorization header's value, or NULL */
    wire_piece_t body[2]; /* sent one after the other; lengths may be 0 */
} wire_request_t;

typedef struct wire wire_t;

/* "http://127.0.0.1:80" or https, and nothing after the port. False when it is not. */
bool wire_parse(wire_to_t *out, const char *url);
/* NULL, with a line on stderr, when there is no connection. */
wire_t *wire_open(const wire_to_t *to);
void wire_close(wire_t *w);
/* The status, or -1 with a line on stderr; *received: bytes of the answer's body. */
int wire_request(wire_t *w, const wire_request_t *r, uint64_t *received);

#endif
