/*
 * Internal to proof/: one kernel of the sum over j of alpha[j] * m[j] (256 sectors of 16 bytes a block), and of the
 * sums over i of nu[i] * m[i][j] for each j.
 * alpha is secret, the message is not: it is sealed data on its way to a host, or a host's answer. A kernel
 * may let addresses depend on the message; nothing may depend on alpha but values.  Of the second sums nothing is secret.
 */
#ifndef LAYR_PROOF_KERNEL_H
#define LAYR_PROOF_KERNEL_H

#include "layr/proof.h"

#define LAYR_ALPHA_BYTES (LAYR_SECTORS * LAYR_TAG_BYTES)

typedef struct layr_kernel_ops {
    size_t state_bytes; /* what prepare fills: secret, 64-byte aligned, a multiple of 64 */
    int (*usable)(void);
    void (*prepare)(void *state, const uint8_t alpha[LAYR_ALPHA_BYTES]);
    /* out: count * 16 bytes, the sums of count blocks, reduced. */
    void (*sum)(uint8_t *out, const void *state, const uint8_t *blocks, size_t count);

    size_t
        fold_bytes; /* of the second sums, products not reduced: zero at first, 64-byte aligned, a multiple of 64 */
    void (*fold)(void *sums, const uint8_t *blocks, const uint8_t (*nu)[LAYR_TAG_BYTES], size_t count);
    void (*fold_end)(uint8_t mu[LAYR_BLOCK], const void *sums);
} layr_kernel_ops_t;

extern const layr_kernel_ops_t layr_kernel_portable_ops;
#if defined(__x86_64__)
extern const layr_kernel_ops_t layr_kernel_pclmul_ops, layr_kernel_vpclmul_ops;
#endif

/* The kernel, or the fastest usable one for AUTO; NULL when this machine cannot run it. */
const layr_kernel_ops_t *layr_kernel_ops(layr_kernel_t k);

#endif
