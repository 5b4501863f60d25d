/*
 * The seal (DESIGN 3.2; NIST SP 800-38D).  A nonce is never random: a key comes
 * from a salt that is used for one content only, so the chunk's number is enough,
 * and the last chunk's flag makes a cut shard fail.
 */
#include <openssl/evp.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/libs.h"
#include "crypto/seal_internal.h"
#include "layr/bytes.h"

struct layr_sealer {
    EVP_CIPHER_CTX *ctx;
    int keyed; /* without a key, a context would seal under whatever it holds */
};

int layr_sealer_new(layr_sealer_t **out)
{
    layr_sealer_t *s = calloc(1, sizeof *s);
    const EVP_CIPHER *cipher = layr_libs_aes256gcm();
    int rc = LAYR_ERR_NOMEM;

    if (s == NULL || (s->ctx = EVP_CIPHER_CTX_new()) == NULL)
        goto done;
    rc = LAYR_ERR_CRYPTO;
    if (cipher == NULL || EVP_EncryptInit_ex2(s->ctx, cipher, NULL, NULL, NULL) != 1)
        goto done;
    rc = 0;
    *out = s;
    s = NULL;
done:
    layr_sealer_free(s);
    return rc;
}

/* libcrypto wipes the key schedule when it frees the context. */
void layr_sealer_free(layr_sealer_t *s)
{
    if (s == NULL)
        return;
    EVP_CIPHER_CTX_free(s->ctx);
    free(s);
}

/* GCM runs AES forwards both ways: one key schedule serves sealing and opening. */
int layr_sealer_key(layr_sealer_t *s, const uint8_t key[32])
{
    s->keyed = EVP_EncryptInit_ex2(s->ctx, NULL, key, NULL, NULL) == 1;
    return s->keyed ? 0 : LAYR_ERR_CRYPTO;
}

/* The nonce and the additional data; the key schedule stays. */
static int gcm_begin(layr_sealer_t *s, int seal, const uint8_t *nonce, const uint8_t *aad, size_t aad_len)
{
    int n;

    if (!s->keyed)
        return LAYR_ERR_ARG;
    if (EVP_CipherInit_ex2(s->ctx, NULL, NULL, nonce, seal, NULL) != 1)
        return LAYR_ERR_CRYPTO;
    if (aad_len != 0 && EVP_CipherUpdate(s->ctx, NULL, &n, aad, (int)aad_len) != 1)
        return LAYR_ERR_CRYPTO;
    return 0;
}

static int gcm_update(layr_sealer_t *s, uint8_t *out, const uint8_t *in, size_t len)
{
    int n = 0;

    if (len == 0)
        return 0;
    return EVP_CipherUpdate(s->ctx, out, &n, in, (int)len) == 1 && (size_t)n == len ? 0 : LAYR_ERR_CRYPTO;
}

int layr_gcm_seal(layr_sealer_t *s, uint8_t *out, uint8_t tag[LAYR_GCM_TAG_BYTES],
                  const uint8_t nonce[LAYR_GCM_NONCE_BYTES], const uint8_t *aad, size_t aad_len,
                  const uint8_t *in, size_t len)
{
    uint8_t rest[LAYR_GCM_TAG_BYTES]; /* GCM leaves nothing for the end, but final wants a place */
    int n, rc;

    if (len > LAYR_GCM_MAX || aad_len > LAYR_GCM_MAX)
        return LAYR_ERR_LIMIT;
    rc = gcm_begin(s, 1, nonce, aad, aad_len);
    if (rc != 0)
        return rc;
    rc = gcm_update(s, out, in, len);
    if (rc != 0)
        return rc;
    if (EVP_CipherFinal_ex(s->ctx, rest, &n) != 1 ||
        EVP_CIPHER_CTX_ctrl(s->ctx, EVP_CTRL_AEAD_GET_TAG, LAYR_GCM_TAG_BYTES, tag) != 1)
        return LAYR_ERR_CRYPTO;
    return 0;
}

int layr_gcm_open(layr_sealer_t *s, uint8_t *out, const uint8_t tag[LAYR_GCM_TAG_BYTES],
                  const uint8_t nonce[LAYR_GCM_NONCE_BYTES], const uint8_t *aad, size_t aad_len,
                  const uint8_t *in, size_t len)
{
    uint8_t want[LAYR_GCM_TAG_BYTES], rest[LAYR_GCM_TAG_BYTES];
    int n, rc;

    if (len > LAYR_GCM_MAX || aad_len > LAYR_GCM_MAX)
        return LAYR_ERR_LIMIT;
    memcpy(want, tag, sizeof want); /* the call below takes it as writable */
    rc = gcm_begin(s, 0, nonce, aad, aad_len);
    if (rc == 0 && EVP_CIPHER_CTX_ctrl(s->ctx, EVP_CTRL_AEAD_SET_TAG, LAYR_GCM_TAG_BYTES, want) != 1)
        rc = LAYR_ERR_CRYPTO;
    if (rc == 0)
        rc = gcm_update(s, out, in, len);
    if (rc == 0 && EVP_CipherFinal_ex(s->ctx, rest, &n) != 1)
        rc = LAYR_ERR_AUTH;
    if (rc != 0 && len != 0)
        sodium_memzero(out, len); /* unverified plaintext must not be there to be used */
    return rc;
}

static void chunk_nonce(uint8_t nonce[LAYR_GCM_NONCE_BYTES], uint64_t chunk, int last)
{
    memset(nonce, 0, LAYR_GCM_NONCE_BYTES);
    layr_store64(nonce, chunk);
    nonce[8] = last != 0;
}

int layr_seal_chunk(layr_sealer_t *s, uint8_t *out, const uint8_t *in, size_t len, uint64_t chunk, int last)
{
    uint8_t nonce[LAYR_GCM_NONCE_BYTES];

    if (len > LAYR_GCM_MAX)
        return LAYR_ERR_LIMIT;
    chunk_nonce(nonce, chunk, last);
    return layr_gcm_seal(s, out, out + len, nonce, NULL, 0, in, len);
}

int layr_open_chunk(layr_sealer_t *s, uint8_t *out, const uint8_t *in, size_t len, uint64_t chunk, int last)
{
    uint8_t nonce[LAYR_GCM_NONCE_BYTES];

    if (len < LAYR_SEAL_OVERHEAD)
        return LAYR_ERR_FORMAT;
    len -= LAYR_SEAL_OVERHEAD;
    chunk_nonce(nonce, chunk, last);
    return layr_gcm_open(s, out, in + len, nonce, NULL, 0, in, len);
}

void layr_shard_key(uint8_t out[32], const uint8_t R[32], const uint8_t salt[16])
{
    layr_kdf1(out, R, "shard", salt, LAYR_SALT_BYTES);
}

void layr_page_key(uint8_t out[32], const uint8_t P[32], const uint8_t salt[16])
{
    layr_kdf1(out, P, "page", salt, LAYR_SALT_BYTES);
}

void layr_segment_hash(uint8_t out[32], const uint8_t key[32], const uint8_t sha256[32])
{
    layr_kdf1(out, key, "segment", sha256, LAYR_ID_BYTES);
}

int layr_salt(uint8_t out[16], const uint8_t random[32], const uint8_t seg_hash[32], uint8_t index)
{
    layr_span_t data[3] = {{random, 32}, {seg_hash, 32}, {&index, 1}};
    uint8_t hash[LAYR_ID_BYTES];
    int rc = layr_sha256(hash, data, 3);

    if (rc == 0)
        memcpy(out, hash, LAYR_SALT_BYTES);
    return rc;
}
