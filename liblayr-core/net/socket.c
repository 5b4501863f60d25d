/*
 * Which socket a request is on.  libcurl says so only when the request is over (CURLINFO_ACTIVESOCKET is -1 before),
 * and then it is too late: while it runs we ask the kernel what it still holds, and at its end drop that.  So
 * sockets are noted as they are opened, and found by their addresses when a request is about to be sent.
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/flight.h"
#include "net/probe.h"

static bool note(layr_sockets_t *s, int fd)
{
    if (s->count == s->cap) {
        size_t cap = s->cap == 0 ? 16 : 2 * s->cap;
        int *more = realloc(s->fd, cap * sizeof *more);

        if (more == NULL)
            return false;
        s->fd = more;
        s->cap = cap;
    }
    s->fd[s->count++] = fd;
    return true;
}

/* The port, and the address as text; 0 where there is none. */
static int text_of(const struct sockaddr *a, char ip[INET6_ADDRSTRLEN])
{
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)a;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)a;

    if (a->sa_family == AF_INET && inet_ntop(AF_INET, &v4->sin_addr, ip, INET6_ADDRSTRLEN) != NULL)
        return ntohs(v4->sin_port);
    if (a->sa_family == AF_INET6 && inet_ntop(AF_INET6, &v6->sin6_addr, ip, INET6_ADDRSTRLEN) != NULL)
        return ntohs(v6->sin6_port);
    return 0;
}

static bool is_walled(layr_flight_t *f, const char *ip)
{
    const layr_req_t *r = f->req;

    if (layr_reach_covers(r->reach, ip) && (r->group == 0 || layr_probe_group(ip) == r->group))
        return false;
    f->walled = true;
    return true;
}

/* Not a packet goes to an address out of reach. */
static curl_socket_t on_open(void *ctx, curlsocktype purpose, struct curl_sockaddr *a)
{
    layr_flight_t *f = ctx;
    char ip[INET6_ADDRSTRLEN] = "";
    int fd;

    (void)purpose;
    (void)text_of(&a->addr, ip);
    if (is_walled(f, ip))
        return CURL_SOCKET_BAD;
    fd = socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
    if (fd < 0)
        return CURL_SOCKET_BAD;
    if (note(f->sockets, fd))
        return fd;
    close(fd);
    return CURL_SOCKET_BAD;
}

static int on_close(void *ctx, curl_socket_t fd)
{
    layr_sockets_t *s = ctx;
    layr_flight_t *f;

    for (size_t i = 0; i < s->count; i++)
        if (s->fd[i] == fd) {
            s->fd[i] = s->fd[--s->count];
            break;
        }
    TAILQ_FOREACH(f, s->flying, wait)
    {
        if (f->fd == fd) /* the number will soon be another's */
            f->fd = -1;
    }
    return close(fd);
}

static int address_of(int fd, int (*ask)(int, struct sockaddr *, socklen_t *), char ip[INET6_ADDRSTRLEN])
{
    union {
        struct sockaddr any;
        struct sockaddr_storage room;
    } a;
    socklen_t len = sizeof a;

    return ask(fd, &a.any, &len) == 0 ? text_of(&a.any, ip) : 0;
}

/*
 * A TLS record of 16 KiB is a write of its own, and where a segment holds more of them (64 KiB on loopback, as much
 * with segmentation offload) each would wake the peer: while a large body goes out, segments are filled.
 */
static void set_cork(const layr_flight_t *f, int on)
{
    if (f->fd >= 0)
        (void)setsockopt(f->fd, IPPROTO_TCP, TCP_CORK, &on, sizeof on);
}

void layr_sockets_uncork(const layr_flight_t *f)
{
    set_cork(f, 0);
}

/*
 * The body begins with its first byte whenever a request is about to be sent.  libcurl rewinds it only when some of it
 * was sent: what it has read for a connection that took none of it would be missing on the next one.
 */
static int on_send(void *ctx, char *peer_ip, char *own_ip, int peer_port, int own_port)
{
    layr_flight_t *f = ctx;
    char ip[INET6_ADDRSTRLEN];

    (void)own_ip;
    if (is_walled(f, peer_ip)) /* a connection that another request was allowed */
        return CURL_PREREQFUNC_ABORT;
    f->body_off = 0;
    f->fd = -1;
    for (size_t i = 0; i < f->sockets->count && f->fd < 0; i++) {
        int fd = f->sockets->fd[i];

        if (address_of(fd, getsockname, ip) == own_port && address_of(fd, getpeername, ip) == peer_port &&
            strcmp(ip, peer_ip) == 0)
            f->fd = fd;
    }
    if (layr_easy_is_bulk(f->req))
        set_cork(f, 1);
    return CURL_PREREQFUNC_OK;
}

bool layr_sockets_watch(layr_sockets_t *s, layr_flight_t *f, CURL *easy)
{
    bool failed = false;

    f->sockets = s;
    failed |= curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open) != CURLE_OK;
    failed |= curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, f) != CURLE_OK;
    failed |= curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, on_close) != CURLE_OK;
    failed |= curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, s) != CURLE_OK;
    failed |= curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_send) != CURLE_OK;
    failed |= curl_easy_setopt(easy, CURLOPT_PREREQDATA, f) != CURLE_OK;
    return failed;
}

void layr_sockets_free(layr_sockets_t *s)
{
    free(s->fd);
    s->fd = NULL;
    s->count = s->cap = 0;
}
