/* The answer to a challenge, and the owner's check of it (DESIGN 3.3). */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "layr/crypto.h"
#include "proof/gf128.h"
#include "proof/kernel.h"
#include "proof/tag.h"

/* Nothing in it is secret: the host that makes it stores the blocks. */
struct layr_answer {
    const layr_kernel_ops_t *ops;
    layr_gf128_t sigma;
    uint8_t *sums; /* ops->fold_bytes */
};

int layr_answer_new(layr_answer_t **out, layr_kernel_t kernel)
{
    const layr_kernel_ops_t *ops = layr_kernel_ops(kernel);
    layr_answer_t *a;

    if (ops == NULL)
        return LAYR_ERR_ARG;
    a = calloc(1, sizeof(*a));
    if (a == NULL)
        return LAYR_ERR_NOMEM;
    a->ops = ops;
    a->sums = aligned_alloc(64, ops->fold_bytes);
    if (a->sums == NULL) {
        free(a);
        return LAYR_ERR_NOMEM;
    }
    memset(a->sums, 0, ops->fold_bytes);
    *out = a;
    return LAYR_OK;
}

void layr_answer_free(layr_answer_t *a)
{
    if (a == NULL)
        return;
    free(a->sums);
    free(a);
}

static void add_product(layr_gf128_t *sum, const uint8_t a[16], const uint8_t b[16])
{
    uint8_t product[16];
    layr_gf128_t p;

    layr_gf128_mul(product, a, b);
    p = layr_gf128_load(product);
    sum->w[0] ^= p.w[0];
    sum->w[1] ^= p.w[1];
    layr_wipe(product, sizeof(product));
}

void layr_answer_add(layr_answer_t *a, const uint8_t *blocks, const uint8_t *tags, const uint8_t (*nu)[16],
                     size_t n)
{
    a->ops->fold(a->sums, blocks, nu, n);
    for (size_t i = 0; i < n; i++)
        add_product(&a->sigma, nu[i], tags + i * LAYR_TAG_BYTES);
}

void layr_answer_end(const layr_answer_t *a, uint8_t out[LAYR_ANSWER_BYTES])
{
    a->ops->fold_end(out, a->sums);
    layr_gf128_store(out + LAYR_BLOCK, a->sigma);
}

/* sum += sum over what was drawn of nu[i] * PRF(number[i]) */
static void add_prf(layr_gf128_t *sum, layr_draw_t *d, const uint8_t key[32])
{
    uint64_t number[64];
    uint8_t nu[64][16], prf[64][LAYR_TAG_BYTES];
    size_t n;

    while ((n = layr_draw_next(d, number, nu, 64)) > 0) {
        layr_tag_prf(prf, key, number, n);
        for (size_t i = 0; i < n; i++)
            add_product(sum, nu[i], prf[i]);
    }
    layr_wipe(prf, sizeof(prf));
}

int layr_answer_check(const layr_tagger_t *t, const uint8_t seed[32], uint64_t sample, const layr_asked_t *s,
                      size_t count, const uint8_t answer[LAYR_ANSWER_BYTES])
{
    uint8_t key[32], want[LAYR_TAG_BYTES];
    layr_gf128_t sum;
    layr_draw_t d;
    int rc = LAYR_OK;

    layr_tag_sum(t, want, answer);
    sum = layr_gf128_load(want);
    for (size_t i = 0; i < count && rc == LAYR_OK; i++) {
        rc = layr_draw_begin(&d, seed, s[i].shard, s[i].blocks, sample);
        if (rc != LAYR_OK)
            break;
        layr_tag_prf_key(t, key, s[i].salt);
        add_prf(&sum, &d, key);
    }
    layr_gf128_store(want, sum);
    if (rc == LAYR_OK && sodium_memcmp(want, answer + LAYR_BLOCK, sizeof(want)) != 0)
        rc = LAYR_ERR_AUTH;
    layr_wipe(key, sizeof(key));
    layr_wipe(want, sizeof(want));
    layr_wipe(&sum, sizeof(sum));
    return rc;
}
