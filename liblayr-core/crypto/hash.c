/* SHA-256 through libcrypto: bulk data goes here, and it has the CPU's SHA instructions. */
#include <openssl/evp.h>
#include <stdlib.h>

#include "crypto/libs.h"
#include "layr/crypto.h"

struct layr_hash {
    EVP_MD_CTX *ctx;
};

static int begin(EVP_MD_CTX *ctx)
{
    const EVP_MD *md = layr_libs_sha256();

    return md != NULL && EVP_DigestInit_ex(ctx, md, NULL) == 1 ? 0 : LAYR_ERR_CRYPTO;
}

int layr_hash_new(layr_hash_t **out)
{
    layr_hash_t *h = calloc(1, sizeof *h);
    int rc;

    if (h == NULL || (h->ctx = EVP_MD_CTX_new()) == NULL) {
        rc = LAYR_ERR_NOMEM;
        goto done;
    }
    rc = begin(h->ctx);
    if (rc != 0)
        goto done;
    *out = h;
    h = NULL;
done:
    layr_hash_free(h);
    return rc;
}

int layr_hash_update(layr_hash_t *h, const void *p, size_t len)
{
    return len == 0 || EVP_DigestUpdate(h->ctx, p, len) == 1 ? 0 : LAYR_ERR_CRYPTO;
}

int layr_hash_final(layr_hash_t *h, uint8_t out[32])
{
    if (EVP_DigestFinal_ex(h->ctx, out, NULL) != 1)
        return LAYR_ERR_CRYPTO;
    return begin(h->ctx);
}

/* libcrypto wipes a digest's state when it frees it. */
void layr_hash_free(layr_hash_t *h)
{
    if (h == NULL)
        return;
    EVP_MD_CTX_free(h->ctx);
    free(h);
}

int layr_sha256(uint8_t out[32], const layr_span_t *data, size_t n)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    int rc;

    if (ctx == NULL)
        return LAYR_ERR_NOMEM;
    rc = begin(ctx);
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
