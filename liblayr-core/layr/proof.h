/*
 * Tags, challenges and answers of the proofs of retrievability (Shacham and Waters, "Compact Proofs of Retrievability",
 * ASIACRYPT 2008, private verification; DESIGN 3.3).
 * Field GF(2^128): little-endian 128-bit integers, bit i is x^i, modulus x^128 + x^7 + x^2 + x + 1.
 */
#ifndef LAYR_PROOF_H
#define LAYR_PROOF_H

#include <stddef.h>
#include <stdint.h>

#include "layr/error.h"

#define LAYR_BLOCK 4096  /* stored bytes, the unit of a proof */
#define LAYR_SECTORS 256 /* of 16 bytes in a block */
#define LAYR_TAG_BYTES 16

/* c = a * b. c may be a or b. Constant time. */
void layr_gf128_mul(uint8_t c[16], const uint8_t a[16], const uint8_t b[16]);

/* Kernels of the sum over j of alpha[j] * m[j], chosen at run time, constant-time in alpha. */
typedef enum layr_kernel {
    LAYR_KERNEL_AUTO,
    LAYR_KERNEL_PORTABLE,
    LAYR_KERNEL_PCLMUL,
    LAYR_KERNEL_VPCLMUL
} layr_kernel_t;
int layr_kernel_usable(layr_kernel_t k); /* 1 when this processor and build have it */
const char *layr_kernel_name(layr_kernel_t k);

/* The owner's tagger of one file: alpha (secret memory) and the audit secret A. Read-only after new: threads may share it. */
typedef struct layr_tagger layr_tagger_t;
int layr_tagger_new(layr_tagger_t **out, const uint8_t A[32], layr_kernel_t kernel) LAYR_CHECKED;
void layr_tagger_free(layr_tagger_t *t);
/* The same with alpha given (known answers): alpha is 256 * 16 bytes. */
int layr_tagger_new_alpha(layr_tagger_t **out, const uint8_t A[32], const uint8_t *alpha,
                          layr_kernel_t kernel) LAYR_CHECKED;

/*
 * Tags of blocks first .. first + count - 1 of the shard with this salt: tags[i] = PRF(first + i) + sum alpha[j] * m[i][j].
 * blocks: count * 4,096 bytes; tags: count * 16 bytes.
 */
int layr_tag_blocks(const layr_tagger_t *t, uint8_t *tags, const uint8_t *blocks, size_t first, size_t count,
                    const uint8_t salt[16]) LAYR_CHECKED;
/* Just the sum over j, without PRF. */
void layr_tag_sum(const layr_tagger_t *t, uint8_t out[16], const uint8_t block[LAYR_BLOCK]);
/* Check tags of a run of blocks: 0, or LAYR_ERR_AUTH. */
int layr_tag_check(const layr_tagger_t *t, const uint8_t *tags, const uint8_t *blocks, size_t first,
                   size_t count, const uint8_t salt[16]) LAYR_CHECKED;

/* --- audits --- */

#define LAYR_ANSWER_BYTES (LAYR_BLOCK + LAYR_TAG_BYTES) /* mu[0..255], then sigma */
#define LAYR_DRAW_BLOCKS (UINT64_C(1) << 24)            /* blocks of a shard at most: 64 GiB */

/*
 * What a challenge asks of one shard: numbers of blocks, and a coefficient nu for each, from a keystream that seed and shard
 * name (docs/protocol.md 3.6).  Nothing of it is secret.  blocks: of the shard; sample: how many of them, with repeats; 0, or
 * no fewer than there are: each of them once, in order.  LAYR_ERR_ARG: no blocks, or over LAYR_DRAW_BLOCKS.
 */
typedef struct layr_draw {
    uint64_t blocks, count; /* count: to be asked for */
    uint64_t at;            /* so many of them are drawn */
    uint8_t key[32];
} layr_draw_t;
int layr_draw_begin(layr_draw_t *d, const uint8_t seed[32], const uint8_t shard[32], uint64_t blocks,
                    uint64_t sample) LAYR_CHECKED;
/* The next n, or as many as are left; how many. */
size_t layr_draw_next(layr_draw_t *d, uint64_t *number, uint8_t (*nu)[16], size_t n);

/* A host's answer in the making, over any number of shards: mu[j] = sum nu[i] * m[i][j], sigma = sum nu[i] * tag[i]. */
typedef struct layr_answer layr_answer_t;
int layr_answer_new(layr_answer_t **out, layr_kernel_t kernel) LAYR_CHECKED;
void layr_answer_free(layr_answer_t *a); /* NULL is harmless */
/* n blocks, the tags stored with them, and their coefficients; in any order, in any number of calls. */
void layr_answer_add(layr_answer_t *a, const uint8_t *blocks, const uint8_t *tags, const uint8_t (*nu)[16],
                     size_t n);
void layr_answer_end(const layr_answer_t *a, uint8_t out[LAYR_ANSWER_BYTES]);

/* A shard that was asked for, as the manifest has it. */
typedef struct layr_asked {
    uint8_t shard[32], salt[16];
    uint64_t blocks;
} layr_asked_t;
/*
 * The owner's check: is this the answer to seed and sample over these shards?  LAYR_OK, LAYR_ERR_AUTH, or LAYR_ERR_ARG as in
 * layr_draw_begin.  Constant time in the secrets.
 */
int layr_answer_check(const layr_tagger_t *t, const uint8_t seed[32], uint64_t sample, const layr_asked_t *s,
                      size_t count, const uint8_t answer[LAYR_ANSWER_BYTES]) LAYR_CHECKED;

#endif
