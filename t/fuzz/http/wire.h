/*
 * A connection of bytes, plain or TLS. What comes is collected while something is sent, so that neither side waits for the
 * other for ever.
 */
#ifndef LAYR_T_HTTP_WIRE_H
#define LAYR_T_HTTP_WIRE_H

#include <netinet/in.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "layr/bytes.h"

/* No answer within this is a failure: the sanitizers' nginx is slow, and so is a machine that does other work. */
#define PATIENCE 60000

typedef enum proto { PROTO_H1, PROTO_H2C, PROTO_TLS_H1, PROTO_TLS_H2, PROTOS } proto_t;
extern const char *const proto_names[PROTOS];

/* Where the host listens: plain HTTP/1.1, HTTP/2 with prior knowledge, TLS. */
typedef struct host {
    struct sockaddr_in at[3];
    SSL_CTX *tls;
} host_t;

void host_init(host_t *h, const char *address, const char *ports); /* "P1,P2,P3" */
void host_free(host_t *h);

typedef struct wire {
    int fd;
    SSL *ssl;
    uint8_t *in; /* what has come and not been taken */
    size_t len, cap;
    bool eof;    /* nothing more will come */
    bool failed; /* .. and not by an orderly end */
} wire_t;

int wire_open(wire_t *w, const host_t *h, proto_t proto);     /* -1: could not; the handshake included */
int wire_open_raw(wire_t *w, const host_t *h, proto_t proto); /* without TLS even there */
void wire_close(wire_t *w, bool reset);
/* -1: the other side takes no more. What it said before is still in `in`. */
int wire_send(wire_t *w, const void *p, size_t len);
void wire_end(wire_t *w); /* no more will be sent */
/* Wait so long for more, or for the end; false: neither came. */
bool wire_fill(wire_t *w, int ms);
void wire_take(wire_t *w, size_t len);
int64_t clock_ms(void);
void sleep_ms(unsigned ms);

#endif
