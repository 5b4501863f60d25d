/*
 * A root's half: its 32 random bytes make a key of its own, so the nonce can be
 * zero.  Stored as random bytes, ciphertext, tag.
 */
#include <sodium.h>
#include <string.h>

#include "crypto/seal_internal.h"

#define S_BYTES 32

_Static_assert(S_BYTES + LAYR_GCM_TAG_BYTES == LAYR_HALF_OVERHEAD, "the random bytes and the tag");

static const uint8_t zero_nonce[LAYR_GCM_NONCE_BYTES];

/* A sealer under KDF(key, label, s), for one half. */
static int half_sealer(layr_sealer_t **out, const uint8_t key[32], const char *label,
                       const uint8_t s[S_BYTES])
{
    layr_sealer_t *sealer = NULL;
    uint8_t half_key[LAYR_KEY_BYTES];
    int rc = layr_sealer_new(&sealer);

    if (rc != 0)
        return rc;
    layr_kdf1(half_key, key, label, s, S_BYTES);
    rc = layr_sealer_key(sealer, half_key);
    sodium_memzero(half_key, sizeof half_key);
    if (rc != 0) {
        layr_sealer_free(sealer);
        return rc;
    }
    *out = sealer;
    return 0;
}

int layr_half_seal(uint8_t *out, const uint8_t key[32], const char *label, const uint8_t s[32],
                   const uint8_t *in, size_t len)
{
    layr_sealer_t *sealer = NULL;
    int rc;

    if (len > LAYR_GCM_MAX)
        return LAYR_ERR_LIMIT;
    rc = half_sealer(&sealer, key, label, s);
    if (rc != 0)
        return rc;
    memmove(out, s, S_BYTES);
    rc = layr_gcm_seal(sealer, out + S_BYTES, out + S_BYTES + len, zero_nonce, NULL, 0, in, len);
    layr_sealer_free(sealer);
    return rc;
}

int layr_half_open(uint8_t *out, const uint8_t key[32], const char *label, const uint8_t *in, size_t len)
{
    layr_sealer_t *sealer = NULL;
    int rc;

    if (len < LAYR_HALF_OVERHEAD)
        return LAYR_ERR_FORMAT;
    len -= LAYR_HALF_OVERHEAD;
    rc = half_sealer(&sealer, key, label, in);
    if (rc != 0)
        return rc;
    rc = layr_gcm_open(sealer, out, in + S_BYTES + len, zero_nonce, NULL, 0, in + S_BYTES, len);
    layr_sealer_free(sealer);
    return rc;
}
