/*
 * What the generators share: numbers that follow from seed and case, memory that a case gives back at its end, and the
 * world that requests are about.
 */
#ifndef LAYR_T_HTTP_GEN_H
#define LAYR_T_HTTP_GEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "layr/bytes.h"
#include "layr/statement.h"

#define OWNERS 4
#define POOL 48  /* shards that all cases know */
#define FILES 12 /* keys of records that all cases know */

typedef struct rng {
    uint64_t s;
} rng_t;

void rng_init(rng_t *r, uint64_t seed, uint64_t number);
uint64_t rng_next(rng_t *r);
uint32_t rng_below(rng_t *r, uint32_t n); /* 0 to n-1; n > 0 */
bool rng_one_in(rng_t *r, uint32_t n);
void rng_fill(rng_t *r, void *p, size_t len);
#define PICK(r, list) ((list)[rng_below(r, sizeof(list) / sizeof(list)[0])])
#define PICK_CHAR(r, text) ((text)[rng_below(r, sizeof(text) - 1)])

/* Bytes with their number; the memory is somebody else's. */
typedef struct span {
    const char *p;
    size_t len;
} span_t;

typedef struct piece {
    struct piece *next;
} piece_t;

typedef struct signer {
    uint8_t seed[32], public[32], group[16];
} signer_t;

typedef struct blob {
    uint8_t id[32];
    char hex[65];
    uint8_t *p;
    size_t size;
} blob_t;

typedef struct world {
    uint8_t host[32];
    uint64_t seed;
    uint64_t
        run; /* at random: a second run on the same host must not meet the order ids and shards of the first */
    signer_t owner[OWNERS];
    blob_t pool[POOL];
    signer_t file[FILES];
} world_t;

/* A case being made: everything in it follows from seed, number and the clock. */
typedef struct gen {
    rng_t rng;
    piece_t *memory;
    const world_t *world;
    uint64_t number;
    layr_time_t now;
} gen_t;

void gen_init(gen_t *g, const world_t *w, uint64_t number);
void gen_free(gen_t *g);
void *gen_take(gen_t *g, size_t len); /* zeroed; never NULL: out of memory ends the program */
char *gen_say(gen_t *g, const char *format, ...) __attribute__((format(printf, 2, 3)));
span_t gen_copy(gen_t *g, const void *p, size_t len);
span_t gen_span(const char *text);
/* A malloc'd string becomes the case's. */
char *gen_keep(gen_t *g, char *text);

void world_init(world_t *w, uint64_t seed, const uint8_t host[32]);
void world_free(world_t *w);
/* A shard, a key, that only this case of this run has. */
blob_t world_shard(gen_t *g, size_t blocks);
const signer_t *world_signer(gen_t *g);
/* Order ids: of a shard in the pool at one owner, new ones as time goes on; of a case's own. */
void world_pool_order(const gen_t *g, uint8_t order[16], unsigned owner, unsigned shard, unsigned back);
void world_own_order(const gen_t *g, uint8_t order[16], unsigned n);

void die(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

#endif
