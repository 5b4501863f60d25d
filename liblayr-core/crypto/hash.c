/*
 * SHA-256: through libcrypto, which has the CPU's SHA instructions too; running hashes by lanes where the
 * processor gains by several at a time.
 */
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/libs.h"
#include "crypto/sha256_lanes.h"
#include "layr/crypto.h"

struct layr_hash {
    EVP_MD_CTX *ctx; /* libcrypto's, or NULL: what follows */
    uint32_t state[8];
    uint64_t len;
    uint8_t tail[LAYR_SHA256_BLOCK]; /* the last len % 64 bytes */
};

/* FIPS 180-4, 5.3.3. */
static const uint32_t initial_state[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                          0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

static int ctx_begin(EVP_MD_CTX *ctx)
{
    const EVP_MD *md = layr_libs_sha256();

    return md != NULL && EVP_DigestInit_ex(ctx, md, NULL) == 1 ? 0 : LAYR_ERR_CRYPTO;
}

static int begin(layr_hash_t *h)
{
    if (h->ctx != NULL)
        return ctx_begin(h->ctx);
    memcpy(h->state, initial_state, sizeof h->state);
    h->len = 0;
    return 0;
}

int layr_hash_new(layr_hash_t **out)
{
    layr_hash_t *h = calloc(1, sizeof *h);
    int rc = LAYR_ERR_NOMEM;

    if (h == NULL || (!layr_libs_lanes() && (h->ctx = EVP_MD_CTX_new()) == NULL))
        goto done;
    rc = begin(h);
    if (rc != 0)
        goto done;
    *out = h;
    h = NULL;
done:
    layr_hash_free(h);
    return rc;
}

/* --- by lanes --- */

static void compress(layr_hash_t *h, const uint8_t *p, size_t blocks)
{
    uint32_t *state = h->state;

    layr_sha256_lanes(&state, &p, 1, blocks);
}

/* The bytes that complete a block which was begun, or as many as there are of them. */
static size_t fill_tail(layr_hash_t *h, const uint8_t *p, size_t len)
{
    size_t at = h->len % LAYR_SHA256_BLOCK, take = LAYR_SHA256_BLOCK - at;

    if (at == 0 || len == 0)
        return 0;
    if (take > len)
        take = len;
    memcpy(h->tail + at, p, take);
    h->len += take;
    if (h->len % LAYR_SHA256_BLOCK == 0)
        compress(h, h->tail, 1);
    return take;
}

static void keep_tail(layr_hash_t *h, const uint8_t *p, size_t len)
{
    if (len == 0)
        return;
    memcpy(h->tail, p, len);
    h->len += len;
}

static void update_lane(layr_hash_t *h, const uint8_t *p, size_t len)
{
    size_t done = fill_tail(h, p, len), blocks = (len - done) / LAYR_SHA256_BLOCK;

    if (blocks > 0)
        compress(h, p + done, blocks);
    h->len += blocks * LAYR_SHA256_BLOCK;
    done += blocks * LAYR_SHA256_BLOCK;
    keep_tail(h, p + done, len - done);
}

/* Streams may stand at different places in their blocks: each completes its own first. */
static void update_lanes(layr_hash_t *const *h, const void *const *p, unsigned count, size_t len)
{
    uint32_t *state[LAYR_SHA256_LANES];
    const uint8_t *at[LAYR_SHA256_LANES];
    size_t done[LAYR_SHA256_LANES], blocks = len / LAYR_SHA256_BLOCK;

    for (unsigned i = 0; i < count; i++) {
        done[i] = fill_tail(h[i], p[i], len);
        at[i] = (const uint8_t *)p[i] + done[i];
        state[i] = h[i]->state;
        if ((len - done[i]) / LAYR_SHA256_BLOCK < blocks)
            blocks = (len - done[i]) / LAYR_SHA256_BLOCK;
    }
    if (blocks > 0)
        layr_sha256_lanes(state, at, count, blocks);
    for (unsigned i = 0; i < count; i++) {
        h[i]->len += blocks * LAYR_SHA256_BLOCK;
        done[i] += blocks * LAYR_SHA256_BLOCK;
        update_lane(h[i], (const uint8_t *)p[i] + done[i], len - done[i]);
    }
}

static void final_lane(layr_hash_t *h, uint8_t out[32])
{
    static const uint8_t padding[LAYR_SHA256_BLOCK] = {0x80};
    uint8_t bits[8];
    size_t at = h->len % LAYR_SHA256_BLOCK;

    for (unsigned i = 0; i < 8; i++)
        bits[i] = (uint8_t)(h->len * 8 >> (56 - 8 * i));
    update_lane(h, padding, (at < 56 ? 56 : 120) - at);
    update_lane(h, bits, 8);
    for (unsigned i = 0; i < 32; i++)
        out[i] = (uint8_t)(h->state[i / 4] >> (24 - i % 4 * 8));
}

/* --- either way --- */

int layr_hash_update(layr_hash_t *h, const void *p, size_t len)
{
    if (len == 0)
        return 0;
    if (h->ctx != NULL)
        return EVP_DigestUpdate(h->ctx, p, len) == 1 ? 0 : LAYR_ERR_CRYPTO;
    update_lane(h, p, len);
    return 0;
}

int layr_hash_update_many(layr_hash_t *const *h, const void *const *p, size_t count, size_t len)
{
    int rc = 0;

    while (count > 0 && len > 0 && rc == 0) {
        unsigned now = count < 2 ? 1 : count == 3 ? 3 : 2;

        if (h[0]->ctx != NULL) {
            now = 1;
            rc = layr_hash_update(h[0], p[0], len);
        } else {
            update_lanes(h, p, now, len);
        }
        h += now;
        p += now;
        count -= now;
    }
    return rc;
}

int layr_hash_final(layr_hash_t *h, uint8_t out[32])
{
    if (h->ctx == NULL)
        final_lane(h, out);
    else if (EVP_DigestFinal_ex(h->ctx, out, NULL) != 1)
        return LAYR_ERR_CRYPTO;
    return begin(h);
}

/* libcrypto wipes a digest's state when it frees it. */
void layr_hash_free(layr_hash_t *h)
{
    if (h == NULL)
        return;
    EVP_MD_CTX_free(h->ctx);
    layr_wipe(h, sizeof *h);
    free(h);
}

int layr_sha256(uint8_t out[32], const layr_span_t *data, size_t n)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    int rc;

    if (ctx == NULL)
        return LAYR_ERR_NOMEM;
    rc = ctx_begin(ctx);
    for (size_t i = 0; rc == 0 && i < n; i++)
        if (data[i].len != 0 && EVP_DigestUpdate(ctx, data[i].p, data[i].len) != 1)
            rc = LAYR_ERR_CRYPTO;
    if (rc == 0 && EVP_DigestFinal_ex(ctx, out, NULL) != 1)
        rc = LAYR_ERR_CRYPTO;
    EVP_MD_CTX_free(ctx);
    return rc;
}

int layr_sha256_1(uint8_t out[32], const void *p, size_t len)
{
    layr_span_t all = {p, len};

    return layr_sha256(out, &all, 1);
}

int layr_record_place(uint8_t out[32], const uint8_t record_id[32], unsigned i)
{
    uint8_t place = (uint8_t)i;
    layr_span_t data[2] = {{record_id, LAYR_ID_BYTES}, {&place, 1}};

    if (i >= LAYR_RECORD_PLACES)
        return LAYR_ERR_ARG;
    return layr_sha256(out, data, 2);
}

int layr_host_id(uint8_t out[32], const uint8_t pub[32])
{
    return layr_sha256_1(out, pub, LAYR_PUBKEY_BYTES);
}
