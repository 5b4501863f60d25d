/*
 * A small HTTP/1.1 server for tests, plain or TLS, on loopback: a thread a connection, and a handler that may
 * answer well or misbehave.  Header only, so that each test is one program.
 */
#ifndef LAYR_NET_SERVER_H
#define LAYR_NET_SERVER_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

typedef struct server server_t;

typedef struct peer {
    server_t *server;
    int fd;
    char head[16384]; /* request line and headers, NUL-terminated */
    char method[16], path[512];
    size_t body_len;   /* announced */
    char early[16384]; /* bytes of the body that came with the head */
    size_t early_len;
} peer_t;

/* Answers one request; true: the connection stays. The body has not been read. */
typedef bool (*handler_t)(peer_t *p);

struct server {
    int fd, port;
    handler_t handler;
    pthread_t thread;
    atomic_int live, connections, requests;
    atomic_bool stop;
    void *ctx;
};

static uint64_t test_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

__attribute__((unused)) static void test_sleep(long ms)
{
    struct timespec t = {ms / 1000, ms % 1000 * 1000000};

    nanosleep(&t, NULL);
}

static ssize_t peer_read(peer_t *p, void *out, size_t len)
{
    struct pollfd w = {p->fd, POLLIN, 0};

    for (;;) {
        if (atomic_load(&p->server->stop))
            return -1;
        if (poll(&w, 1, 50) > 0)
            break;
    }
    return read(p->fd, out, len);
}

/* True when all of it went out. */
static bool peer_write(peer_t *p, const void *data, size_t len)
{
    const char *d = data;

    while (len > 0) {
        ssize_t n = send(p->fd, d, len, MSG_NOSIGNAL);

        if (n <= 0)
            return false;
        d += n;
        len -= (size_t)n;
    }
    return true;
}

__attribute__((unused)) static bool peer_say(peer_t *p, const char *text)
{
    return peer_write(p, text, strlen(text));
}

/* A whole answer. */
__attribute__((unused)) static bool peer_answer(peer_t *p, int status, const char *headers, const void *body,
                                                size_t len)
{
    char head[4096];

    snprintf(head, sizeof head, "HTTP/1.1 %d X\r\nContent-Length: %zu\r\n%s\r\n", status, len, headers);
    return peer_say(p, head) && (strcmp(p->method, "HEAD") == 0 || peer_write(p, body, len));
}

/* Read the announced body into out (may be NULL); false when it is cut off. */
__attribute__((unused)) static bool peer_body(peer_t *p, uint8_t *out)
{
    size_t have = p->early_len < p->body_len ? p->early_len : p->body_len;
    char drop[65536];

    if (out != NULL)
        memcpy(out, p->early, have);
    while (have < p->body_len) {
        size_t want = p->body_len - have;
        ssize_t n = peer_read(p, drop, want > sizeof drop ? sizeof drop : want);

        if (n <= 0)
            return false;
        if (out != NULL)
            memcpy(out + have, drop, (size_t)n);
        have += (size_t)n;
    }
    return true;
}

/* Until the peer hangs up or the server ends. */
__attribute__((unused)) static void peer_hang(peer_t *p)
{
    char drop[4096];

    while (peer_read(p, drop, sizeof drop) > 0)
        ;
}

/* Hold on without reading, so that the peer's window fills. */
__attribute__((unused)) static void peer_freeze(peer_t *p, long ms)
{
    uint64_t end = test_ms() + (uint64_t)ms;

    while (test_ms() < end && !atomic_load(&p->server->stop))
        test_sleep(20);
}

static bool peer_head(peer_t *p)
{
    size_t have = 0;
    char *end = NULL, *length;

    while (end == NULL) {
        ssize_t n = have < sizeof p->head - 1 ? peer_read(p, p->head + have, sizeof p->head - 1 - have) : -1;

        if (n <= 0)
            return false;
        have += (size_t)n;
        p->head[have] = 0;
        end = memmem(p->head, have, "\r\n\r\n", 4);
    }
    p->early_len = have - (size_t)(end + 4 - p->head);
    memcpy(p->early, end + 4, p->early_len);
    end[2] = 0;
    length = strcasestr(p->head, "\nContent-Length:");
    p->body_len = length != NULL ? strtoul(length + 16, NULL, 10) : 0;
    return sscanf(p->head, "%15s %511s", p->method, p->path) == 2;
}

static void peer_close(peer_t *p)
{
    close(p->fd);
    atomic_fetch_sub(&p->server->live, 1);
    free(p);
}

static void *peer_thread(void *arg)
{
    peer_t *p = arg;
    server_t *s = p->server;

    while (peer_head(p)) {
        atomic_fetch_add(&s->requests, 1);
        if (!s->handler(p))
            break;
    }
    peer_close(p);
    return NULL;
}

static void *server_thread(void *arg)
{
    server_t *s = arg;
    struct pollfd w = {s->fd, POLLIN, 0};

    while (!atomic_load(&s->stop)) {
        peer_t *p;
        pthread_t t;
        int fd, one = 1;

        if (poll(&w, 1, 50) <= 0 || (fd = accept(s->fd, NULL, NULL)) < 0)
            continue;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        p = calloc(1, sizeof *p);
        p->server = s;
        p->fd = fd;
        atomic_fetch_add(&s->live, 1);
        atomic_fetch_add(&s->connections, 1);
        if (pthread_create(&t, NULL, peer_thread, p) != 0)
            peer_close(p);
        else
            pthread_detach(t);
    }
    return NULL;
}

static int listen_on(const char *ip, int *port)
{
    struct sockaddr_in a = {.sin_family = AF_INET};
    socklen_t len = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;

    inet_pton(AF_INET, ip, &a.sin_addr);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, (struct sockaddr *)&a, sizeof a) != 0 || listen(fd, 256) != 0) {
        perror("listen");
        exit(2);
    }
    getsockname(fd, (struct sockaddr *)&a, &len);
    *port = ntohs(a.sin_port);
    return fd;
}

__attribute__((unused)) static void server_start(server_t *s, handler_t handler)
{
    s->handler = handler;
    s->fd = listen_on("127.0.0.1", &s->port);
    pthread_create(&s->thread, NULL, server_thread, s);
}

__attribute__((unused)) static void server_stop(server_t *s)
{
    atomic_store(&s->stop, true);
    pthread_join(s->thread, NULL);
    while (atomic_load(&s->live) > 0)
        test_sleep(10);
    close(s->fd);
}

#endif
