/* What a challenge asks of a shard, drawn from a keystream (DESIGN 3.3). */
#include <sodium.h>
#include <string.h>

#include "layr/bytes.h"
#include "layr/crypto.h"
#include "layr/proof.h"

#define WORD 8 /* of the stream, for the number of a block */
#define RUN 1024

static const char label[] = "layr-audit-v1";
static const uint8_t nonce_zero[crypto_stream_chacha20_ietf_NONCEBYTES];

int layr_draw_begin(layr_draw_t *d, const uint8_t seed[32], const uint8_t shard[32], uint64_t blocks,
                    uint64_t sample)
{
    uint8_t in[sizeof(label) - 1 + 32 + 32 + 8];

    if (blocks == 0 || blocks > LAYR_DRAW_BLOCKS)
        return LAYR_ERR_ARG;
    memcpy(in, label, sizeof(label) - 1);
    memcpy(in + sizeof(label) - 1, seed, 32);
    memcpy(in + sizeof(label) - 1 + 32, shard, 32);
    layr_store64(in + sizeof(label) - 1 + 64, blocks);
    *d = (layr_draw_t){.blocks = blocks, .count = sample > 0 && sample < blocks ? sample : blocks};
    return layr_sha256_1(d->key, in, sizeof(in));
}

/* len bytes of the keystream at a place of it: a multiple of WORD each, len at most RUN. */
static void stream(const layr_draw_t *d, uint8_t *out, uint64_t at, size_t len)
{
    uint8_t bytes[64 + RUN] = {0};
    size_t skip = at % 64;

    crypto_stream_chacha20_ietf_xor_ic(bytes, bytes, skip + len, nonce_zero, (uint32_t)(at / 64), d->key);
    memcpy(out, bytes + skip, len);
}

static bool is_sample(const layr_draw_t *d)
{
    return d->count < d->blocks;
}

static void draw_numbers(const layr_draw_t *d, uint64_t *number, size_t n)
{
    uint8_t words[RUN / LAYR_TAG_BYTES * WORD];

    if (is_sample(d))
        stream(d, words, d->at * WORD, n * WORD);
    for (size_t i = 0; i < n; i++)
        number[i] = is_sample(d)
                        ? (uint64_t)((unsigned __int128)layr_load64(words + i * WORD) * d->blocks >> 64)
                        : d->at + i;
}

size_t layr_draw_next(layr_draw_t *d, uint64_t *number, uint8_t (*nu)[16], size_t n)
{
    uint64_t nus = is_sample(d) ? d->count * WORD : 0; /* where they begin in the stream */
    size_t done = 0;

    if (n > d->count - d->at)
        n = (size_t)(d->count - d->at);
    while (done < n) {
        size_t part = n - done < RUN / LAYR_TAG_BYTES ? n - done : RUN / LAYR_TAG_BYTES;
        draw_numbers(d, number + done, part);
        stream(d, nu[done], nus + d->at * LAYR_TAG_BYTES, part * LAYR_TAG_BYTES);
        d->at += part;
        done += part;
    }
    return done;
}
