/*
 * Internal to crypto/: SHA-256's compression (FIPS 180-4, 6.2.2) of several streams at a time, with the SHA
 * instructions.  One stream leaves them idle half the time, each round waiting for the one before; two fill
 * the gaps.  libcrypto has nothing of the kind.
 */
#ifndef LAYR_CRYPTO_SHA256_LANES_H
#define LAYR_CRYPTO_SHA256_LANES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LAYR_SHA256_BLOCK 64
#define LAYR_SHA256_LANES 3 /* the most at a time: more are no faster */

bool layr_sha256_lanes_usable(void);
/* Streams 0 .. count - 1 (1 <= count <= LAYR_SHA256_LANES): h[i] is the state, p[i] its next `blocks` blocks. */
void layr_sha256_lanes(uint32_t *const *h, const uint8_t *const *p, unsigned count, size_t blocks);

#endif
