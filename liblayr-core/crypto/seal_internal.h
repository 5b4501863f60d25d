/* AES-256-GCM in its general form, under the two fixed forms that the library offers. */
#ifndef LAYR_CRYPTO_SEAL_INTERNAL_H
#define LAYR_CRYPTO_SEAL_INTERNAL_H

#include <stddef.h>
#include <stdint.h>

#include "layr/crypto.h"

#define LAYR_GCM_NONCE_BYTES 12
#define LAYR_GCM_TAG_BYTES 16
#define LAYR_GCM_MAX ((size_t)1 << 30) /* plaintext, and additional data: libcrypto counts in int */

/* Under the sealer's key. in and out are the same place or do not overlap. LAYR_ERR_LIMIT over LAYR_GCM_MAX.
 */
int layr_gcm_seal(layr_sealer_t *s, uint8_t *out, uint8_t tag[LAYR_GCM_TAG_BYTES],
                  const uint8_t nonce[LAYR_GCM_NONCE_BYTES], const uint8_t *aad, size_t aad_len,
                  const uint8_t *in, size_t len) LAYR_CHECKED;

/* LAYR_ERR_AUTH: the tag does not match; out, like on any error past the limits, is zeroed. */
int layr_gcm_open(layr_sealer_t *s, uint8_t *out, const uint8_t tag[LAYR_GCM_TAG_BYTES],
                  const uint8_t nonce[LAYR_GCM_NONCE_BYTES], const uint8_t *aad, size_t aad_len,
                  const uint8_t *in, size_t len) LAYR_CHECKED;

#endif
