#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "gen.h"
#include "wire.h"

const char *const proto_names[PROTOS] = {"h1", "h2c", "tls-h1", "tls-h2"};

int64_t clock_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void sleep_ms(unsigned ms)
{
    struct timespec t = {ms / 1000, ms % 1000 * 1000000L};

    nanosleep(&t, NULL);
}

void host_init(host_t *h, const char *address, const char *ports)
{
    unsigned port[3];

    memset(h, 0, sizeof *h);
    if (sscanf(ports, "%5u,%5u,%5u", &port[0], &port[1], &port[2]) != 3) /* NOLINT(cert-err34-c) */
        die("--ports needs three, not '%s'", ports);
    for (size_t i = 0; i < 3; i++) {
        h->at[i].sin_family = AF_INET;
        h->at[i].sin_port = htons((uint16_t)port[i]);
        if (inet_pton(AF_INET, address, &h->at[i].sin_addr) != 1)
            die("'%s' is no address", address);
    }
    h->tls = SSL_CTX_new(TLS_client_method());
    if (h->tls == NULL)
        die("SSL_CTX_new");
    SSL_CTX_set_verify(h->tls, SSL_VERIFY_NONE,
                       NULL); /* what hosts are trusted by is what other tests are about */
    SSL_CTX_set_mode(h->tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
}

void host_free(host_t *h)
{
    SSL_CTX_free(h->tls);
}

int wire_open_raw(wire_t *w, const host_t *h, proto_t proto)
{
    const struct sockaddr_in *at = &h->at[proto == PROTO_H1 ? 0 : proto == PROTO_H2C ? 1 : 2];
    int one = 1;

    memset(w, 0, sizeof *w);
    w->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (w->fd < 0)
        die("socket: %s", strerror(errno));
    if (connect(w->fd, (const struct sockaddr *)at, sizeof *at) != 0) {
        close(w->fd);
        w->fd = -1;
        return -1;
    }
    setsockopt(w->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    fcntl(w->fd, F_SETFL, O_NONBLOCK);
    return 0;
}

/* Wait until the socket is ready; false: not within that time. */
static bool ready(const wire_t *w, short events, int64_t until)
{
    struct pollfd p = {w->fd, events, 0};
    int64_t left = until - clock_ms();

    return poll(&p, 1, left > 0 ? (int)left : 0) > 0;
}

static int shake_hands(wire_t *w, const host_t *h, proto_t proto)
{
    static const uint8_t h2[] = "\x02h2", h1[] = "\x08http/1.1";
    int64_t until = clock_ms() + PATIENCE;
    int rc;

    w->ssl = SSL_new(h->tls);
    if (w->ssl == NULL || SSL_set_fd(w->ssl, w->fd) != 1 ||
        SSL_set_alpn_protos(w->ssl, proto == PROTO_TLS_H2 ? h2 : h1, proto == PROTO_TLS_H2 ? 3 : 9) != 0)
        die("SSL_new");
    while ((rc = SSL_connect(w->ssl)) != 1) {
        int why = SSL_get_error(w->ssl, rc);
        if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE)
            return -1;
        if (!ready(w, why == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT, until))
            return -1;
    }
    return 0;
}

int wire_open(wire_t *w, const host_t *h, proto_t proto)
{
    if (wire_open_raw(w, h, proto) != 0)
        return -1;
    if (proto >= PROTO_TLS_H1 && shake_hands(w, h, proto) != 0) {
        wire_close(w, false);
        return -1;
    }
    return 0;
}

void wire_close(wire_t *w, bool reset)
{
    struct linger hard = {1, 0};

    if (w->ssl != NULL) {
        if (!reset)
            SSL_shutdown(w->ssl);
        SSL_free(w->ssl);
    }
    if (w->fd >= 0) {
        if (reset)
            setsockopt(w->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
        close(w->fd);
    }
    free(w->in);
    memset(w, 0, sizeof *w);
    w->fd = -1;
}

static void make_room(wire_t *w)
{
    if (w->cap - w->len >= 65536)
        return;
    w->cap = w->len + 262144;
    w->in = realloc(w->in, w->cap);
    if (w->in == NULL)
        die("out of memory");
}

/* Read what is there now. */
static void read_some(wire_t *w)
{
    ssize_t n;

    while (!w->eof) {
        make_room(w);
        if (w->ssl == NULL) {
            n = recv(w->fd, w->in + w->len, w->cap - w->len, 0);
            if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return;
            w->failed = n < 0;
        } else {
            n = SSL_read(w->ssl, w->in + w->len, (int)(w->cap - w->len));
            int why = n > 0 ? SSL_ERROR_NONE : SSL_get_error(w->ssl, (int)n);
            if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE)
                return;
            w->failed = n <= 0 && why != SSL_ERROR_ZERO_RETURN;
        }
        w->eof = n <= 0;
        w->len += n > 0 ? (size_t)n : 0;
    }
}

/* What of it goes now; -1: nothing ever. */
static ssize_t write_some(wire_t *w, const void *p, size_t len)
{
    ssize_t n;
    int why;

    if (w->ssl == NULL) {
        n = send(w->fd, p, len, MSG_NOSIGNAL);
        return n < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : n;
    }
    n = SSL_write(w->ssl, p, (int)(len < 16384 ? len : 16384));
    if (n > 0)
        return n;
    why = SSL_get_error(w->ssl, (int)n);
    return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? 0 : -1;
}

int wire_send(wire_t *w, const void *p, size_t len)
{
    const uint8_t *at = p;
    int64_t until = clock_ms() + PATIENCE;

    while (len > 0) {
        ssize_t n = write_some(w, at, len);
        if (n < 0) {
            read_some(w);
            w->eof = true;
            return -1;
        }
        at += n;
        len -= (size_t)n;
        if (len == 0)
            break;
        if (!ready(w, POLLIN | POLLOUT, until))
            return -1;
        if (ready(w, POLLIN, 0))
            read_some(w);
        if (w->eof && w->failed)
            return -1;
    }
    return 0;
}

void wire_end(wire_t *w)
{
    if (w->ssl != NULL)
        SSL_shutdown(w->ssl);
    shutdown(w->fd, SHUT_WR);
}

bool wire_fill(wire_t *w, int ms)
{
    int64_t until = clock_ms() + ms;
    size_t before = w->len;

    read_some(w);
    while (w->len == before && !w->eof) {
        if (!ready(w, POLLIN, until))
            return false;
        read_some(w);
    }
    return true;
}

void wire_take(wire_t *w, size_t len)
{
    w->len -= len;
    if (w->len > 0)
        memmove(w->in, w->in + len, w->len);
}
