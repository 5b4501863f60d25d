/* Connections, bytes, and HTTP/1.1. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "wire_internal.h"

/*
 * How much is dropped at a time: MSG_TRUNC on TCP does so without copying, whatever the buffer's size (tcp(7)). AddressSanitizer does
 * not know that.
 */
#ifdef __SANITIZE_ADDRESS__
#define DROP_MAX WIRE_BUF
#else
#define DROP_MAX (1u << 30)
#endif

bool wire_parse(wire_to_t *out, const char *url)
{
    const char *colon;
    char *end = NULL;

    memset(out, 0, sizeof *out);
    out->tls = strncmp(url, "https://", 8) == 0;
    if (!out->tls && strncmp(url, "http://", 7) != 0)
        return false;
    url += out->tls ? 8 : 7;
    colon = strchr(url, ':');
    if (colon == NULL || (size_t)(colon - url) >= sizeof out->host)
        return false;
    memcpy(out->host, url, (size_t)(colon - url));
    out->port = (unsigned)strtoul(colon + 1, &end, 10);
    return *end == 0 && out->port > 0 && out->port < 65536;
}

bool wire_fail(const wire_t *w, const char *what)
{
    fprintf(stderr, "load: %s:%u: %s\n", w->to.host, w->to.port, what);
    return false;
}

/* --- bytes --- */

bool wire_send(wire_t *w, const void *p, size_t len)
{
    const uint8_t *at = p;

    while (len > 0) {
        size_t n = 0;
        if (w->tls) {
            if (SSL_write_ex(w->tls, at, len, &n) != 1)
                return wire_fail(w, "the TLS connection broke while sending");
        } else {
            ssize_t sent = send(w->fd, at, len, MSG_NOSIGNAL);
            if (sent < 0 && errno == EINTR)
                continue;
            if (sent <= 0)
                return wire_fail(w, strerror(errno));
            n = (size_t)sent;
        }
        at += n;
        len -= n;
    }
    return true;
}

bool wire_flush(wire_t *w)
{
    size_t len = w->out_len;

    w->out_len = 0;
    return wire_send(w, w->out, len);
}

bool wire_add(wire_t *w, const void *p, size_t len)
{
    if (len > sizeof w->out - w->out_len && !wire_flush(w))
        return false;
    if (len > sizeof w->out)
        return wire_send(w, p, len);
    if (len == 0)
        return true; /* no body: p may be NULL */
    memcpy(w->out + w->out_len, p, len);
    w->out_len += len;
    return true;
}

static ssize_t receive(wire_t *w, void *p, size_t len, int flags)
{
    ssize_t n;

    if (w->tls) {
        size_t got = 0;
        return SSL_read_ex(w->tls, p, len, &got) == 1 ? (ssize_t)got : 0;
    }
    do
        n = recv(w->fd, p, len, flags);
    while (n < 0 && errno == EINTR);
    return n;
}

bool wire_more(wire_t *w)
{
    ssize_t n;

    if (w->at == w->end)
        w->at = w->end = 0;
    if (w->end == sizeof w->in)
        return wire_fail(w, "an answer's head is too long");
    n = receive(w, w->in + w->end, sizeof w->in - w->end, 0);
    if (n <= 0)
        return wire_fail(w, "the host closed the connection");
    w->end += (size_t)n;
    return true;
}

bool wire_take(wire_t *w, void *p, size_t len)
{
    uint8_t *to = p;

    while (len > 0) {
        size_t have = w->end - w->at;
        ssize_t n;
        if (have > 0) {
            n = (ssize_t)(have < len ? have : len);
            memcpy(to, w->in + w->at, (size_t)n);
            w->at += (size_t)n;
        } else if ((n = receive(w, to, len, 0)) <= 0) {
            return wire_fail(w, "the host closed the connection");
        }
        to += n;
        len -= (size_t)n;
    }
    return true;
}

bool wire_discard(wire_t *w, uint64_t len)
{
    size_t have = w->end - w->at;

    if (have > len)
        have = (size_t)len;
    w->at += have;
    len -= have;
    while (len > 0) {
        uint64_t most = w->tls ? sizeof w->in : DROP_MAX;
        size_t want = (size_t)(len < most ? len : most);
        ssize_t n = receive(w, w->in, want, MSG_TRUNC);
        if (n <= 0)
            return wire_fail(w, "the host closed the connection");
        w->at = w->end = 0;
        len -= (uint64_t)n;
    }
    return true;
}

/* --- connections --- */

static bool start_tls(wire_t *w)
{
    static const unsigned char h1[] = "\x08http/1.1", h2[] = "\x02h2";

    w->tls_ctx = SSL_CTX_new(TLS_client_method());
    w->tls = w->tls_ctx ? SSL_new(w->tls_ctx) : NULL;
    if (w->tls == NULL || SSL_set_fd(w->tls, w->fd) != 1 ||
        SSL_set_alpn_protos(w->tls, w->to.h2 ? h2 : h1, w->to.h2 ? 3 : 9) != 0 || SSL_connect(w->tls) != 1)
        return wire_fail(w, "no TLS connection");
    return true;
}

wire_t *wire_open(const wire_to_t *to)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)to->port)};
    wire_t *w = calloc(1, sizeof *w);
    int yes = 1;

    if (w == NULL)
        return NULL;
    w->to = *to;
    w->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (w->fd < 0 || inet_pton(AF_INET, to->host, &a.sin_addr) != 1 ||
        connect(w->fd, (struct sockaddr *)&a, sizeof a) != 0) {
        wire_fail(w, strerror(errno));
        goto failed;
    }
    setsockopt(w->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    if ((!to->tls || start_tls(w)) && (!to->h2 || wire_h2_open(w)))
        return w;
failed:
    wire_close(w);
    return NULL;
}

void wire_close(wire_t *w)
{
    if (w == NULL)
        return;
    SSL_free(w->tls);
    SSL_CTX_free(w->tls_ctx);
    if (w->fd >= 0)
        close(w->fd);
    free(w);
}

/* --- HTTP/1.1 --- */

/* The head of the answer, NUL-terminated in `head`; what follows it stays in w->in. */
static bool h1_head(wire_t *w, char *head, size_t cap)
{
    for (;;) {
        const uint8_t *start = w->in + w->at;
        const uint8_t *end = memmem(start, w->end - w->at, "\r\n\r\n", 4);
        if (end != NULL && (size_t)(end - start) + 3 < cap) {
            size_t len = (size_t)(end - start) + 2;
            memcpy(head, start, len);
            head[len] = 0;
            w->at += len + 2;
            return true;
        }
        if (end != NULL || !wire_more(w))
            return false;
    }
}

static int h1_answer(wire_t *w, uint64_t *received)
{
    char head[8192];
    const char *length;
    int status;

    if (!h1_head(w, head, sizeof head) || strncmp(head, "HTTP/1.1 ", 9) != 0)
        return -1;
    status = (int)strtol(head + 9, NULL, 10);
    length = strcasestr(head, "\r\nContent-Length:");
    *received = length ? strtoull(length + 17, NULL, 10) : 0;
    return wire_discard(w, *received) ? status : -1;
}

static int h1_request(wire_t *w, const wire_request_t *r, uint64_t *received)
{
    char head[4096];
    int n = snprintf(head, sizeof head, "%s %s HTTP/1.1\r\nHost: %s\r\n%s%s%sContent-Length: %zu\r\n\r\n",
                     r->method, r->path, w->to.host, r->auth ? "Authorization: " : "", r->auth ? r->auth : "",
                     r->auth ? "\r\n" : "", r->body[0].len + r->body[1].len);

    if (n < 0 || (size_t)n >= sizeof head || !wire_add(w, head, (size_t)n) ||
        !wire_add(w, r->body[0].p, r->body[0].len) || !wire_flush(w) ||
        !wire_send(w, r->body[1].p, r->body[1].len))
        return -1;
    return h1_answer(w, received);
}

int wire_request(wire_t *w, const wire_request_t *r, uint64_t *received)
{
    return w->to.h2 ? wire_h2_request(w, r, received) : h1_request(w, r, received);
}
