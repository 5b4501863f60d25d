/*
 * slow ADDRESS TARGET PORT UP DOWN: a TCP proxy that lets through UP bytes a second to the target and DOWN from it, over all
 * connections together.  Prints its port; ends when its standard input does.
 */
#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "layr/thread.h"

#define BUFFER 65536 /* in the kernel, each way: no more than that is hidden from who sends */
#define PIECE 4096

/* One direction: when the next byte may pass. */
typedef struct gate {
    pthread_mutex_t lock;
    uint64_t free_us;
    double usec_byte;
} gate_t;

typedef struct pipe {
    int from, to;
    gate_t *gate;
} pipe_t;

static gate_t up = {PTHREAD_MUTEX_INITIALIZER, 0, 0}, down = {PTHREAD_MUTEX_INITIALIZER, 0, 0};
static struct sockaddr_in target = {.sin_family = AF_INET};

static void pass(gate_t *g, size_t bytes)
{
    uint64_t now = layr_now_us(), at;

    pthread_mutex_lock(&g->lock);
    at = g->free_us > now ? g->free_us : now;
    g->free_us = at + (uint64_t)((double)bytes * g->usec_byte);
    pthread_mutex_unlock(&g->lock);
    if (at > now)
        usleep((useconds_t)(at - now));
}

static void *carry(void *arg)
{
    pipe_t *p = arg;
    char buf[PIECE];
    ssize_t n;

    while ((n = recv(p->from, buf, sizeof buf, 0)) > 0) {
        pass(p->gate, (size_t)n);
        if (send(p->to, buf, (size_t)n, MSG_NOSIGNAL) != n)
            break;
    }
    shutdown(p->to, SHUT_WR);
    shutdown(p->from, SHUT_RD);
    free(p);
    return NULL;
}

static int start(int from, int to, gate_t *g)
{
    pipe_t *p = malloc(sizeof *p);
    pthread_t t;

    if (p == NULL)
        return -1;
    *p = (pipe_t){from, to, g};
    if (pthread_create(&t, NULL, carry, p) != 0) {
        free(p);
        return -1;
    }
    return pthread_detach(t);
}

/* Its two sockets stay open to the end of the program: who closes first is never told to the other too early. */
static void connection(int client)
{
    int size = BUFFER, host = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    setsockopt(host, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    if (host < 0 || connect(host, (struct sockaddr *)&target, sizeof target) != 0 ||
        start(client, host, &up) != 0 || start(host, client, &down) != 0)
        shutdown(client, SHUT_RDWR);
}

static void *watch(void *arg)
{
    char c;

    while (read(STDIN_FILENO, &c, 1) > 0) {
    }
    _exit(0);
    return arg;
}

int main(int argc, char **argv)
{
    struct sockaddr_in a = {.sin_family = AF_INET};
    socklen_t len = sizeof a;
    int client, size = BUFFER, listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    pthread_t watcher;

    if (argc != 6 || inet_pton(AF_INET, argv[1], &a.sin_addr) != 1 ||
        inet_pton(AF_INET, argv[2], &target.sin_addr) != 1) {
        fputs("usage: slow ADDRESS TARGET PORT UP DOWN\n", stderr);
        return 2;
    }
    target.sin_port = htons((uint16_t)strtoul(argv[3], NULL, 10));
    up.usec_byte = 1e6 / strtod(argv[4], NULL);
    down.usec_byte = 1e6 / strtod(argv[5], NULL);
    setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    if (listener < 0 || bind(listener, (struct sockaddr *)&a, sizeof a) != 0 || listen(listener, 64) != 0 ||
        getsockname(listener, (struct sockaddr *)&a, &len) != 0 ||
        pthread_create(&watcher, NULL, watch, NULL) != 0) {
        perror(argv[1]);
        return 1;
    }
    printf("%u\n", ntohs(a.sin_port));
    fflush(stdout);
    while ((client = accept(listener, NULL, NULL)) >= 0)
        connection(client);
    return 1;
}
