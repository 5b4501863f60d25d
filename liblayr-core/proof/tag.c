/* The owner's tags: tag[i] = PRF(i) + sum over j of alpha[j] * m[i][j] (DESIGN 3.3). */
#include <sodium.h>
#include <stdalign.h>
#include <string.h>

#include "layr/crypto.h"
#include "layr/proof.h"
#include "proof/kernel.h"
#include "proof/tag.h"

/* One page of guarded memory holds all of it, so that one call wipes and frees it. */
struct layr_tagger {
    const layr_kernel_ops_t *ops;
    uint8_t A[LAYR_KEY_BYTES];
    alignas(64) uint8_t state[]; /* ops->state_bytes made from alpha */
};

/* PRF(i) is a 16-byte piece of a ChaCha20 keystream, four to a block of it; the block counter has 32 bits. */
#define PRF_PER_BLOCK (64 / LAYR_TAG_BYTES)
#define PRF_LIMIT ((uint64_t)PRF_PER_BLOCK << 32)
/* Tags made in one go: small enough for the stack, large enough to fill the stream cipher's vectors. */
#define RUN 64

static const uint8_t nonce_zero[crypto_stream_chacha20_ietf_NONCEBYTES];

int layr_tagger_new_alpha(layr_tagger_t **out, const uint8_t A[32], const uint8_t *alpha,
                          layr_kernel_t kernel)
{
    const layr_kernel_ops_t *ops = layr_kernel_ops(kernel);
    layr_tagger_t *t = NULL;

    if (!ops)
        return LAYR_ERR_ARG;
    t = sodium_malloc(sizeof(*t) + ops->state_bytes);
    if (!t)
        return LAYR_ERR_NOMEM;
    t->ops = ops;
    memcpy(t->A, A, sizeof(t->A));
    ops->prepare(t->state, alpha);
    /* Nothing changes it from here on; should the system refuse, it is merely writable. */
    (void)sodium_mprotect_readonly(t);
    *out = t;
    return 0;
}

int layr_tagger_new(layr_tagger_t **out, const uint8_t A[32], layr_kernel_t kernel)
{
    uint8_t key[32], alpha[LAYR_ALPHA_BYTES];
    int rc;

    layr_kdf0(key, A, "alpha");
    crypto_stream_chacha20_ietf(alpha, sizeof(alpha), nonce_zero, key);
    rc = layr_tagger_new_alpha(out, A, alpha, kernel);
    layr_wipe(alpha, sizeof(alpha));
    layr_wipe(key, sizeof(key));
    return rc;
}

void layr_tagger_free(layr_tagger_t *t)
{
    sodium_free(t); /* wipes */
}

void layr_tag_sum(const layr_tagger_t *t, uint8_t out[16], const uint8_t block[LAYR_BLOCK])
{
    t->ops->sum(out, t->state, block, 1);
}

void layr_tag_prf_key(const layr_tagger_t *t, uint8_t key[32], const uint8_t salt[16])
{
    layr_kdf1(key, t->A, "prf", salt, LAYR_SALT_BYTES);
}

/* How many of them follow one another, as all blocks of a shard do, so that one call makes the keystream of as many. */
static size_t in_a_row(const uint64_t *number, size_t n)
{
    size_t most = RUN - number[0] % PRF_PER_BLOCK, count = 1;

    while (count < n && count < most && number[count] == number[0] + count)
        count++;
    return count;
}

void layr_tag_prf(uint8_t (*out)[LAYR_TAG_BYTES], const uint8_t key[32], const uint64_t *number, size_t n)
{
    uint8_t bytes[RUN * LAYR_TAG_BYTES];

    for (size_t i = 0, count; i < n; i += count) {
        size_t skip = number[i] % PRF_PER_BLOCK, len;

        count = in_a_row(number + i, n - i);
        len = (skip + count) * LAYR_TAG_BYTES;
        memset(bytes, 0, len);
        crypto_stream_chacha20_ietf_xor_ic(bytes, bytes, len, nonce_zero,
                                           (uint32_t)(number[i] / PRF_PER_BLOCK), key);
        memcpy(out[i], bytes + skip * LAYR_TAG_BYTES, count * LAYR_TAG_BYTES);
    }
    layr_wipe(bytes, sizeof(bytes));
}

/* A run of tags starts at the keystream block that first falls into, `skip` tags before first. */
typedef struct tag_run {
    size_t skip, count;
    uint8_t bytes[RUN * LAYR_TAG_BYTES];
} tag_run_t;

static const uint8_t *make_run(tag_run_t *run, const layr_tagger_t *t, const uint8_t prf[32],
                               const uint8_t *blocks, size_t first, size_t count)
{
    uint8_t *tags;

    run->skip = first % PRF_PER_BLOCK;
    run->count = count < RUN - run->skip ? count : RUN - run->skip;
    tags = run->bytes + run->skip * LAYR_TAG_BYTES;
    memset(run->bytes, 0, run->skip * LAYR_TAG_BYTES);
    t->ops->sum(tags, t->state, blocks, run->count);
    crypto_stream_chacha20_ietf_xor_ic(run->bytes, run->bytes, (run->skip + run->count) * LAYR_TAG_BYTES,
                                       nonce_zero, (uint32_t)(first / PRF_PER_BLOCK), prf);
    return tags;
}

static int in_prf(size_t first, size_t count)
{
    return first <= PRF_LIMIT && count <= PRF_LIMIT - first;
}

int layr_tag_blocks(const layr_tagger_t *t, uint8_t *tags, const uint8_t *blocks, size_t first, size_t count,
                    const uint8_t salt[16])
{
    uint8_t prf[32];
    tag_run_t run;

    if (!in_prf(first, count))
        return LAYR_ERR_ARG;
    layr_tag_prf_key(t, prf, salt);
    for (size_t i = 0; i < count; i += run.count) {
        const uint8_t *made = make_run(&run, t, prf, blocks + i * LAYR_BLOCK, first + i, count - i);
        memcpy(tags + i * LAYR_TAG_BYTES, made, run.count * LAYR_TAG_BYTES);
    }
    /* What stands before a run's tags is the keystream of other blocks. */
    layr_wipe(&run, sizeof(run));
    layr_wipe(prf, sizeof(prf));
    return 0;
}

int layr_tag_check(const layr_tagger_t *t, const uint8_t *tags, const uint8_t *blocks, size_t first,
                   size_t count, const uint8_t salt[16])
{
    uint8_t prf[32];
    tag_run_t run;
    int rc = 0;

    if (!in_prf(first, count))
        return LAYR_ERR_ARG;
    layr_tag_prf_key(t, prf, salt);
    for (size_t i = 0; i < count && rc == 0; i += run.count) {
        const uint8_t *made = make_run(&run, t, prf, blocks + i * LAYR_BLOCK, first + i, count - i);
        if (sodium_memcmp(tags + i * LAYR_TAG_BYTES, made, run.count * LAYR_TAG_BYTES) != 0)
            rc = LAYR_ERR_AUTH;
    }
    layr_wipe(&run, sizeof(run));
    layr_wipe(prf, sizeof(prf));
    return rc;
}
