/*
 * Tags of the proofs of retrievability (Shacham and Waters, "Compact Proofs of Retrievability",
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

#endif
