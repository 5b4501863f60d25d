/*
 * Internal to proof/: elements of GF(2^128) as two words, and the reduction by x^128 + x^7 + x^2 + x + 1.
 * No branch and no address here depends on an element.
 */
#ifndef LAYR_PROOF_GF128_H
#define LAYR_PROOF_GF128_H

#include <stdint.h>

#include "layr/bytes.h"

#define LAYR_GF128_POLY 0x87u /* x^128 = x^7 + x^2 + x + 1 */

typedef struct layr_gf128 {
    uint64_t w[2]; /* w[0] holds x^0 .. x^63 */
} layr_gf128_t;

/* layr_load64 where the compiler sees it: calls for every word cost the portable kernel a third of its speed. */
static inline uint64_t layr_gf128_word(const uint8_t p[8])
{
    return (uint64_t)p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16 | (uint64_t)p[3] << 24 |
           (uint64_t)p[4] << 32 | (uint64_t)p[5] << 40 | (uint64_t)p[6] << 48 | (uint64_t)p[7] << 56;
}

static inline layr_gf128_t layr_gf128_load(const uint8_t p[16])
{
    return (layr_gf128_t){{layr_gf128_word(p), layr_gf128_word(p + 8)}};
}

static inline void layr_gf128_store(uint8_t p[16], layr_gf128_t a)
{
    layr_store64(p, a.w[0]);
    layr_store64(p + 8, a.w[1]);
}

/* a * x^s, 1 <= s <= 56: what is shifted out at the top comes back times the polynomial's tail. */
static inline layr_gf128_t layr_gf128_shift(layr_gf128_t a, unsigned s)
{
    uint64_t out = a.w[1] >> (64 - s);

    return (layr_gf128_t){{
        (a.w[0] << s) ^ out ^ (out << 1) ^ (out << 2) ^ (out << 7),
        (a.w[1] << s) | (a.w[0] >> (64 - s)),
    }};
}

/* A 256-bit carry-less product, lowest word first, to its remainder: word 3 folds into 1 and 2, then 2 into 0
 * and 1. */
static inline layr_gf128_t layr_gf128_reduce(const uint64_t p[4])
{
    uint64_t w3 = p[3];
    uint64_t w2 = p[2] ^ (w3 >> 63) ^ (w3 >> 62) ^ (w3 >> 57);
    uint64_t w1 = p[1] ^ w3 ^ (w3 << 1) ^ (w3 << 2) ^ (w3 << 7);

    return (layr_gf128_t){{
        p[0] ^ w2 ^ (w2 << 1) ^ (w2 << 2) ^ (w2 << 7),
        w1 ^ (w2 >> 63) ^ (w2 >> 62) ^ (w2 >> 57),
    }};
}

/* What layr_gf128_mul does where there is no PCLMULQDQ; apart so that tests reach it on every machine. */
void layr_gf128_mul_portable(uint8_t c[16], const uint8_t a[16], const uint8_t b[16]);

#endif
