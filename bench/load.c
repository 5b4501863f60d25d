/*
 * The load generator of get-shard and put-shard: C connections, a thread each, one request at a time on each.
 *
 *     load get URL [options] < paths              the paths in turn, for so many seconds
 *     load put URL [options]                      N bodies, each another, by PUT to /ab/cd/<SHA-256>
 *     load put URL --host ID [options]            ... to a Layr host, with an order each, which are released afterwards
 *                                                 unless --keep
 *
 * Prints one line of JSON. Bodies, ids and orders are made before the clock starts, releases are after it stopped.
 */
#include <getopt.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "layr/bytes.h"
#include "layr/crypto.h"
#include "layr/statement.h"
#include "layr/thread.h"
#include "wire.h"

#define HEAD 4096 /* bytes of a body that are its own; the rest is common to all */
#define MAX_CONNECTIONS 64
#define TIMES_MAX (1u << 20)

typedef struct item {
    char path[128];
    char *auth;
    uint8_t order[16];
    uint8_t *head; /* HEAD bytes */
} item_t;

typedef struct load {
    wire_to_t to;
    bool put;
    unsigned connections;
    uint64_t end_us; /* get: when to stop */
    item_t *item;
    size_t count;
    uint8_t *common; /* size - HEAD bytes of every body */
    size_t size;
    atomic_size_t next;
    atomic_ullong bytes;
    atomic_bool failed;
    uint32_t *usec; /* of the first `times` requests that are done */
    size_t times;
    atomic_size_t done;
    pthread_barrier_t ready;
} load_t;

static bool opt_h2, opt_keep;
static const char *opt_host;
static unsigned opt_connections = 4;
static double opt_seconds = 2;
static size_t opt_count = 64, opt_size = 4112 * 1024;

/* --- requests --- */

static bool one(load_t *l, wire_t *w, size_t i)
{
    const item_t *it = &l->item[i % l->count];
    wire_request_t r = {.method = l->put ? "PUT" : "GET", .path = it->path, .auth = it->auth};
    uint64_t began = layr_now_us(), received = 0;
    size_t nth;
    int status;

    if (l->put) {
        r.body[0] = (wire_piece_t){it->head, HEAD};
        r.body[1] = (wire_piece_t){l->common, l->size - HEAD};
    }
    status = wire_request(w, &r, &received);
    if (status != (l->put ? 201 : 200) || (!l->put && received == 0)) {
        fprintf(stderr, "load: %s %s: status %d\n", r.method, r.path, status);
        return false;
    }
    atomic_fetch_add(&l->bytes, l->put ? l->size : received);
    nth = atomic_fetch_add(&l->done, 1);
    if (nth < l->times)
        l->usec[nth] = (uint32_t)(layr_now_us() - began);
    return true;
}

static void *run(void *arg)
{
    load_t *l = arg;
    wire_t *w = wire_open(&l->to);

    if (w == NULL)
        l->failed = true;
    pthread_barrier_wait(&l->ready);
    pthread_barrier_wait(&l->ready);
    while (!l->failed) {
        size_t i = atomic_fetch_add(&l->next, 1);
        if (l->put ? i >= l->count : layr_now_us() >= l->end_us)
            break;
        if (!one(l, w, i))
            l->failed = true;
    }
    wire_close(w);
    return NULL;
}

static double cpu_seconds(void)
{
    struct rusage u;

    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static int by_size(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static void print(load_t *l, double seconds, double cpu)
{
    size_t n = l->done < l->times ? l->done : l->times;
    uint32_t median, high;

    qsort(l->usec, n, sizeof *l->usec, by_size);
    median = n > 0 ? l->usec[n / 2] : 0;
    high = n > 0 ? l->usec[n * 99 / 100] : 0;
    printf("{\"seconds\": %.6f, \"bytes\": %llu, \"cpu\": %.6f, \"requests\": %zu, \"median_ms\": %.3f, "
           "\"p99_ms\": %.3f}\n",
           seconds, (unsigned long long)l->bytes, cpu, n, median / 1e3, high / 1e3);
}

static bool measure(load_t *l)
{
    pthread_t thread[MAX_CONNECTIONS] = {0};
    uint64_t began;
    double cpu;

    pthread_barrier_init(&l->ready, NULL, l->connections + 1);
    for (unsigned i = 0; i < l->connections; i++)
        if (pthread_create(&thread[i], NULL, run, l) != 0)
            abort();
    pthread_barrier_wait(&l->ready); /* all are connected */
    cpu = cpu_seconds();
    began = layr_now_us();
    l->end_us = began + (uint64_t)(opt_seconds * 1e6);
    pthread_barrier_wait(&l->ready);
    for (unsigned i = 0; i < l->connections; i++)
        pthread_join(thread[i], NULL);
    if (!l->failed)
        print(l, (double)(layr_now_us() - began) / 1e6, cpu_seconds() - cpu);
    return !l->failed;
}

/* --- what is asked for --- */

static bool read_paths(load_t *l)
{
    char line[128];

    l->item = calloc(opt_count, sizeof *l->item);
    l->times = TIMES_MAX;
    l->usec = calloc(l->times, sizeof *l->usec);
    if (l->usec == NULL)
        return false;
    while (l->item != NULL && l->count < opt_count && fgets(line, sizeof line, stdin) != NULL) {
        line[strcspn(line, "\n")] = 0;
        memcpy(l->item[l->count++].path, line, sizeof line);
    }
    return l->count > 0;
}

static const uint8_t owner_seed[32] = "layr's load generator: an owner";

static bool sign(item_t *it, const uint8_t id[32], size_t size)
{
    layr_order_t o = {.size = size, .rail = "none", .iat = (layr_time_t)time(NULL)};
    char *jws = NULL;
    size_t cap;

    o.exp = o.iat + 86400;
    layr_random(it->order, 16);
    memcpy(o.order, it->order, 16);
    memcpy(o.shard, id, 32);
    layr_sign_public(o.audit, owner_seed);
    if (layr_unhex(o.host, 32, opt_host, strlen(opt_host)) != LAYR_OK ||
        layr_order_sign(&jws, &o, owner_seed) != LAYR_OK)
        return false;
    cap = strlen(jws) + 6;
    it->auth = malloc(cap);
    if (it->auth != NULL)
        snprintf(it->auth, cap, "Layr %s", jws);
    free(jws);
    return it->auth != NULL;
}

static bool make_item(load_t *l, size_t i)
{
    item_t *it = &l->item[i];
    uint8_t id[32];
    char hex[65];

    it->head = calloc(1, HEAD);
    if (it->head == NULL)
        return false;
    layr_store64(it->head, i);
    layr_span_t all[2] = {{it->head, HEAD}, {l->common, l->size - HEAD}};
    if (layr_sha256(id, all, 2) != LAYR_OK)
        return false;
    layr_hex(hex, id, 32);
    if (opt_host == NULL) /* the folders a host has */
        snprintf(it->path, sizeof it->path, "/%.2s/%.2s/%s", hex, hex + 2, hex);
    else
        snprintf(it->path, sizeof it->path, "/v1/shards/%s", hex);
    return opt_host == NULL || sign(it, id, l->size);
}

/* The same bodies in every run: the folders are there from the second on, as they are in a host that is in use. */
static bool make_bodies(load_t *l)
{
    l->size = opt_size;
    l->count = l->times = opt_count;
    l->item = calloc(l->count, sizeof *l->item);
    l->usec = calloc(l->times, sizeof *l->usec);
    l->common = malloc(l->size);
    if (l->item == NULL || l->usec == NULL || l->common == NULL)
        return false;
    for (size_t i = 0; i + 8 <= l->size; i += 8)
        layr_store64(l->common + i, (i + 1) * 0x9e3779b97f4a7c15);
    for (size_t i = 0; i < l->count; i++)
        if (!make_item(l, i))
            return false;
    return true;
}

/* --- afterwards --- */

static bool release_some(const load_t *l, wire_t *w, size_t first)
{
    layr_orders_t o = {.action = LAYR_RELEASE, .iat = (layr_time_t)time(NULL)};
    char *jws = NULL;
    uint64_t received;
    int status = -1;

    o.exp = o.iat + 300;
    for (size_t i = first; i < l->count && o.count < LAYR_ORDERS_MAX; i++)
        memcpy(o.order[o.count++], l->item[i].order, 16);
    if (layr_unhex(o.host, 32, opt_host, strlen(opt_host)) == LAYR_OK &&
        layr_orders_sign(&jws, &o, owner_seed) == LAYR_OK) {
        wire_request_t r = {.method = "POST", .path = "/v1/orders", .body = {{jws, strlen(jws)}}};
        status = wire_request(w, &r, &received);
    }
    free(jws);
    if (status != 200)
        fprintf(stderr, "load: POST /v1/orders: status %d\n", status);
    return status == 200;
}

static bool release(const load_t *l)
{
    wire_t *w = wire_open(&l->to);
    bool good = w != NULL;

    for (size_t i = 0; good && i < l->count; i += LAYR_ORDERS_MAX)
        good = release_some(l, w, i);
    wire_close(w);
    return good;
}

static void free_items(load_t *l)
{
    for (size_t i = 0; l->item != NULL && i < l->count; i++) {
        free(l->item[i].auth);
        free(l->item[i].head);
    }
    free(l->item);
    free(l->usec);
    free(l->common);
}

/* --- options --- */

static int usage(void)
{
    fputs("usage: load get|put URL [--h2] [--host ID [--keep]] [-c CONNECTIONS] [-t SECONDS] [-n COUNT] [-b "
          "BYTES]\n",
          stderr);
    return 2;
}

static bool options(int argc, char **argv)
{
    static const struct option names[] = {{"h2", no_argument, NULL, '2'},
                                          {"host", required_argument, NULL, 'H'},
                                          {"keep", no_argument, NULL, 'k'},
                                          {0}};
    int c;

    while ((c = getopt_long(argc, argv, "c:t:n:b:", names, NULL)) != -1) {
        switch (c) {
        case 'k':
            opt_keep = true;
            break;
        case '2':
            opt_h2 = true;
            break;
        case 'H':
            opt_host = optarg;
            break;
        case 'c':
            opt_connections = (unsigned)strtoul(optarg, NULL, 10);
            break;
        case 't':
            opt_seconds = strtod(optarg, NULL);
            break;
        case 'n':
            opt_count = strtoul(optarg, NULL, 10);
            break;
        case 'b':
            opt_size = strtoul(optarg, NULL, 10);
            break;
        default:
            return false;
        }
    }
    return optind + 2 == argc && opt_connections > 0 && opt_connections <= MAX_CONNECTIONS &&
           opt_size > HEAD && opt_count > 0;
}

int main(int argc, char **argv)
{
    load_t l = {0};
    bool good;

    if (!options(argc, argv) || !wire_parse(&l.to, argv[optind + 1]) || layr_init() != LAYR_OK)
        return usage();
    l.put = strcmp(argv[optind], "put") == 0;
    l.to.h2 = opt_h2;
    l.connections = opt_connections;
    good = (l.put ? make_bodies(&l) : read_paths(&l)) && measure(&l);
    if (good && l.put && opt_host != NULL && !opt_keep)
        good = release(&l);
    free_items(&l);
    return good ? 0 : 1;
}
