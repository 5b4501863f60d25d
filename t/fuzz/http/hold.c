/*
 * http-hold: connections that are opened and left as they are, by the thousand; for t/idle.t.
 *
 *     http-hold --host ID --ports H1,H2C,TLS KIND:COUNT...
 *
 * Says `ready N` when all are open, then `closed N` whenever more have been closed by the host, until all are or stdin ends.
 */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "frame.h"
#include "wire.h"

#define BLOCKS 256 /* of an upload's shard: 1 MiB */

typedef enum state { CONNECTED, HEAD_HALF, HEAD_WHOLE, BODY_HALF, BODY_SLOW } state_t;

static const struct kind {
    const char *name;
    proto_t proto;
    state_t state;
} kinds[] = {{"h1", PROTO_H1, CONNECTED},
             {"h2c", PROTO_H2C, CONNECTED},
             {"tls-h1", PROTO_TLS_H1, CONNECTED},
             {"tls-h2", PROTO_TLS_H2, CONNECTED},
             {"h1-head", PROTO_H1, HEAD_HALF},
             {"h1-put", PROTO_H1, HEAD_WHOLE},
             {"h1-half", PROTO_H1, BODY_HALF},
             {"h1-slow", PROTO_H1, BODY_SLOW},
             {"h2c-put", PROTO_H2C, HEAD_WHOLE},
             {"h2c-half", PROTO_H2C, BODY_HALF},
             {"h2c-slow", PROTO_H2C, BODY_SLOW},
             {"tls-h1-half", PROTO_TLS_H1, BODY_HALF},
             {"tls-h2-half", PROTO_TLS_H2, BODY_HALF}};

typedef struct held {
    wire_t wire;
    const struct kind *kind;
    bool closed;
} held_t;

static void upload(gen_t *g, req_t *r, size_t *half)
{
    blob_t shard = world_shard(g, BLOCKS);
    uint8_t order[16];
    const signer_t *owner = world_signer(g);

    layr_random(order, sizeof order);
    req_init(r, "PUT", gen_say(g, "/v1/shards/%s", shard.hex));
    req_statement(g, r, signed_order(g, owner, &shard, order), owner);
    req_body(r, (span_t){(const char *)shard.p, shard.size});
    *half = shard.size / 2;
}

static void say_h1(gen_t *g, layr_buf_t *b, state_t state)
{
    req_t r;
    size_t half;
    const char *head;

    if (state == CONNECTED)
        return;
    upload(g, &r, &half);
    head = gen_say(g, "%s %s HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n%s: %.*s\r\n\r\n", r.method.p,
                   r.path.p, r.body.len, r.field[0].name.p, (int)r.field[0].value.len, r.field[0].value.p);
    layr_buf_add(b, head, state == HEAD_HALF ? 60 : strlen(head));
    if (state == BODY_HALF)
        layr_buf_add(b, r.body.p, half);
}

/* No more of a body than the windows of the start allow. */
static void say_h2(gen_t *g, layr_buf_t *b, state_t state, bool tls)
{
    req_t r;
    size_t half;
    layr_buf_t block = {0};

    layr_buf_add(b, PREFACE, strlen(PREFACE));
    frame_add(b, SETTINGS, 0, 0, NULL, 0);
    if (state == CONNECTED)
        return;
    upload(g, &r, &half);
    block_request(g, &block, &r, tls, NULL);
    frame_headers(g, b, 1, &block, false);
    layr_buf_free(&block);
    if (state == BODY_HALF)
        for (half = 0; half < 49152; half += FRAME_MAX)
            frame_add(b, DATA, 0, 1, r.body.p + half, FRAME_MAX);
}

static void hold(held_t *h, const struct kind *kind, const world_t *w, const host_t *host, uint64_t number)
{
    gen_t g;
    layr_buf_t b = {0};

    h->kind = kind;
    gen_init(&g, w, number);
    if (wire_open(&h->wire, host, kind->proto) != 0)
        die("cannot open connection %llu, %s", (unsigned long long)number, kind->name);
    if (kind->proto == PROTO_H1 || kind->proto == PROTO_TLS_H1)
        say_h1(&g, &b, kind->state);
    else
        say_h2(&g, &b, kind->state, kind->proto == PROTO_TLS_H2);
    if (b.len > 0 && wire_send(&h->wire, b.p, b.len) != 0)
        die("connection %llu, %s, is closed already", (unsigned long long)number, kind->name);
    layr_buf_free(&b);
    gen_free(&g);
}

/* A byte more of each body that comes slowly. */
static void trickle(held_t *h, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        layr_buf_t b = {0};
        if (h[i].closed || h[i].kind->state != BODY_SLOW)
            continue;
        if (h[i].kind->proto == PROTO_H1)
            layr_buf_add8(&b, 'x');
        else
            frame_add(&b, DATA, 0, 1, "x", 1);
        wire_send(&h[i].wire, b.p, b.len);
        layr_buf_free(&b);
    }
}

static size_t look(held_t *h, size_t count)
{
    size_t closed = 0;

    for (size_t i = 0; i < count; i++) {
        if (!h[i].closed) {
            wire_fill(&h[i].wire, 0);
            h[i].wire.len = 0;
            h[i].closed = h[i].wire.eof;
        }
        closed += h[i].closed;
    }
    return closed;
}

static void wait_for_end(held_t *h, size_t count)
{
    struct pollfd in = {STDIN_FILENO, POLLIN, 0};
    size_t closed, before = 0;

    while ((closed = look(h, count)) < count) {
        if (closed != before)
            printf("closed %zu\n", closed);
        before = closed;
        if (poll(&in, 1, 1000) > 0)
            return;
        trickle(h, count);
    }
    printf("closed %zu\n", closed);
}

static const struct kind *find_kind(const char *name, size_t len)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strlen(kinds[i].name) == len && memcmp(kinds[i].name, name, len) == 0)
            return &kinds[i];
    die("there is no kind '%s'", name);
}

int main(int argc, char **argv)
{
    struct rlimit files;
    static world_t world;
    uint8_t id[32];
    uint64_t seed;
    host_t host;
    held_t *h = NULL;
    size_t count = 0;

    if (argc < 6 || strcmp(argv[1], "--host") != 0 || strcmp(argv[3], "--ports") != 0 || layr_init() != 0 ||
        layr_unhex(id, 32, argv[2], strlen(argv[2])) != 0)
        die("usage: --host ID --ports H1,H2C,TLS KIND:COUNT...");
    signal(SIGPIPE, SIG_IGN);
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (getrlimit(RLIMIT_NOFILE, &files) != 0)
        die("getrlimit");
    files.rlim_cur = files.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &files) != 0)
        die("setrlimit");
    host_init(&host, "127.0.0.1", argv[4]);
    layr_random(&seed, sizeof seed);
    world_init(&world, seed, id);
    for (int i = 5; i < argc; i++) {
        const char *colon = strchr(argv[i], ':');
        if (colon == NULL)
            die("'%s' is not KIND:COUNT", argv[i]);
        const struct kind *kind = find_kind(argv[i], (size_t)(colon - argv[i]));
        unsigned long n = strtoul(colon + 1, NULL, 10);
        h = realloc(h, (count + n) * sizeof *h);
        if (h == NULL)
            die("out of memory");
        memset(h + count, 0, n * sizeof *h);
        for (; n > 0; n--, count++)
            hold(&h[count], kind, &world, &host, count);
    }
    printf("ready %zu\n", count);
    wait_for_end(h, count);
    for (size_t i = 0; i < count; i++)
        wire_close(&h[i].wire, false);
    free(h);
    world_free(&world);
    host_free(&host);
    return 0;
}
