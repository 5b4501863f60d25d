#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gen.h"

#define EPOCH 400 /* cases that share the order ids of the pool */

void die(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fputs("fuzz-http: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(2);
}

/* splitmix64 */
uint64_t rng_next(rng_t *r)
{
    uint64_t z = r->s += 0x9e3779b97f4a7c15;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

void rng_init(rng_t *r, uint64_t seed, uint64_t number)
{
    r->s = seed;
    r->s = rng_next(r) ^ number * 0xd1342543de82ef95;
    rng_next(r);
}

uint32_t rng_below(rng_t *r, uint32_t n)
{
    return (uint32_t)((rng_next(r) >> 32) * n >> 32);
}

bool rng_one_in(rng_t *r, uint32_t n)
{
    return rng_below(r, n) == 0;
}

void rng_fill(rng_t *r, void *p, size_t len)
{
    uint8_t *out = p;

    for (uint64_t v = 0; len > 0; out++, len--, v >>= 8) {
        if (v == 0)
            v = rng_next(r) | (uint64_t)1 << 63;
        *out = (uint8_t)v;
    }
}

/* --- memory */

void *gen_take(gen_t *g, size_t len)
{
    piece_t *piece = calloc(1, sizeof *piece + len + 1);

    if (piece == NULL)
        die("out of memory");
    piece->next = g->memory;
    g->memory = piece;
    return piece + 1;
}

void gen_free(gen_t *g)
{
    while (g->memory != NULL) {
        piece_t *next = g->memory->next;
        free(g->memory);
        g->memory = next;
    }
}

void gen_init(gen_t *g, const world_t *w, uint64_t number)
{
    memset(g, 0, sizeof *g);
    rng_init(&g->rng, w->seed, number);
    g->world = w;
    g->number = number;
    g->now = time(NULL);
}

char *gen_say(gen_t *g, const char *format, ...)
{
    va_list args;
    char *text;
    int len;

    va_start(args, format);
    len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (len < 0)
        die("gen_say");
    text = gen_take(g, (size_t)len + 1);
    va_start(args, format);
    vsnprintf(text, (size_t)len + 1, format, args);
    va_end(args);
    return text;
}

span_t gen_copy(gen_t *g, const void *p, size_t len)
{
    char *copy = gen_take(g, len);

    if (len > 0)
        memcpy(copy, p, len);
    return (span_t){copy, len};
}

span_t gen_span(const char *text)
{
    return (span_t){text, strlen(text)};
}

char *gen_keep(gen_t *g, char *text)
{
    char *copy = (char *)gen_copy(g, text, strlen(text)).p;

    free(text);
    return copy;
}

/* --- the world */

static signer_t make_key(rng_t *r)
{
    signer_t key;

    rng_fill(r, key.seed, sizeof key.seed);
    layr_sign_public(key.public, key.seed);
    memcpy(key.group, key.public, sizeof key.group);
    return key;
}

static blob_t make_blob(rng_t *r, uint8_t *p, size_t size)
{
    blob_t blob = {.p = p, .size = size};

    rng_fill(r, p, size);
    if (layr_sha256_1(blob.id, p, size) != 0)
        die("SHA-256");
    layr_hex(blob.hex, blob.id, 32);
    return blob;
}

void world_init(world_t *w, uint64_t seed, const uint8_t host[32])
{
    rng_t r;

    memset(w, 0, sizeof *w);
    w->seed = seed;
    layr_random(&w->run, sizeof w->run);
    memcpy(w->host, host, 32);
    rng_init(&r, seed, UINT64_MAX);
    for (size_t i = 0; i < OWNERS; i++)
        w->owner[i] = make_key(&r);
    for (size_t i = 0; i < FILES; i++)
        w->file[i] = make_key(&r);
    for (size_t i = 0; i < POOL; i++) {
        size_t size = 4112 * (1 + rng_below(&r, i % 8 == 7 ? 128 : i % 2 ? 24 : 4));
        uint8_t *p = malloc(size);
        if (p == NULL)
            die("out of memory");
        w->pool[i] = make_blob(&r, p, size);
    }
}

void world_free(world_t *w)
{
    for (size_t i = 0; i < POOL; i++)
        free(w->pool[i].p);
}

blob_t world_shard(gen_t *g, size_t blocks)
{
    blob_t blob = make_blob(&g->rng, gen_take(g, 4112 * blocks), 4112 * blocks);

    layr_store64(blob.p, g->world->run);
    if (layr_sha256_1(blob.id, blob.p, blob.size) != 0)
        die("SHA-256");
    layr_hex(blob.hex, blob.id, 32);
    return blob;
}

const signer_t *world_signer(gen_t *g)
{
    signer_t *key = gen_take(g, sizeof *key);
    rng_t r = {rng_next(&g->rng) ^ g->world->run};

    *key = make_key(&r);
    return key;
}

static void name_order(uint8_t order[16], uint64_t run, uint64_t a, uint64_t b)
{
    uint8_t in[24], hash[32];

    layr_store64(in, run);
    layr_store64(in + 8, a);
    layr_store64(in + 16, b);
    if (layr_sha256_1(hash, in, sizeof in) != 0)
        die("SHA-256");
    memcpy(order, hash, 16);
}

void world_pool_order(const gen_t *g, uint8_t order[16], unsigned owner, unsigned shard, unsigned back)
{
    uint64_t epoch = g->number / EPOCH;

    epoch -= epoch < back ? epoch : back;
    name_order(order, g->world->run, (uint64_t)owner << 32 | shard, epoch);
}

void world_own_order(const gen_t *g, uint8_t order[16], unsigned n)
{
    name_order(order, g->world->run, UINT64_MAX - n, g->number);
}
