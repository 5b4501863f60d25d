/*
 * The sum in plain C, with tables indexed by the message (which is public) and filled from alpha (which is
 * not): times[j][b] = alpha[j] * b for the sixteen polynomials b below x^4. A block's nibbles at place p (of
 * 32 in a sector) pick one entry for each j; their sum is what x^(4p) has to be multiplied by, and Horner's
 * rule puts the 32 sums together with one reduction each. 64 KiB a tagger; byte tables would need 1 MiB and
 * leave the cache.
 */
#include "layr/crypto.h"
#include "proof/gf128.h"
#include "proof/kernel.h"

#define NIBBLES 32

/* Two words in one register where there are vector registers; plain words elsewhere. */
typedef uint64_t pair_t __attribute__((vector_size(16)));

typedef struct portable_state {
    pair_t times[LAYR_SECTORS][16];
} portable_state_t;

static int usable(void)
{
    return 1;
}

static pair_t to_pair(layr_gf128_t a)
{
    return (pair_t){a.w[0], a.w[1]};
}

/* times[b] = a * b */
static void multiples(pair_t times[16], layr_gf128_t a)
{
    times[0] = (pair_t){0, 0};
    times[1] = to_pair(a);
    for (unsigned bit = 2; bit < 16; bit *= 2) {
        a = layr_gf128_shift(a, 1);
        times[bit] = to_pair(a);
        for (unsigned rest = 1; rest < bit; rest++)
            times[bit + rest] = times[bit] ^ times[rest];
    }
}

static void prepare(void *state, const uint8_t alpha[LAYR_ALPHA_BYTES])
{
    portable_state_t *s = state;

    for (unsigned j = 0; j < LAYR_SECTORS; j++)
        multiples(s->times[j], layr_gf128_load(alpha + 16 * j));
}

/* Four sectors a round, so that sums are loaded and stored once for four entries. */
static void add_four(pair_t sums[NIBBLES], const pair_t (*times)[16], const uint8_t *sectors)
{
    for (unsigned word = 0; word < 2; word++) {
        uint64_t a = layr_gf128_word(sectors + 8 * word), b = layr_gf128_word(sectors + 16 + 8 * word);
        uint64_t c = layr_gf128_word(sectors + 32 + 8 * word), d = layr_gf128_word(sectors + 48 + 8 * word);
        pair_t *sum = sums + 16 * word;

        for (unsigned p = 0; p < 16; p++) {
            sum[p] ^= times[0][a & 15] ^ times[1][b & 15] ^ times[2][c & 15] ^ times[3][d & 15];
            a >>= 4, b >>= 4, c >>= 4, d >>= 4;
        }
    }
}

/* sums[p] times x^(4p), all together. */
static layr_gf128_t horner(const pair_t sums[NIBBLES])
{
    layr_gf128_t total = {{0, 0}};

    for (unsigned p = NIBBLES; p-- > 0;) {
        total = layr_gf128_shift(total, 4);
        total.w[0] ^= sums[p][0];
        total.w[1] ^= sums[p][1];
    }
    return total;
}

static void sum(uint8_t *out, const void *state, const uint8_t *blocks, size_t count)
{
    const portable_state_t *s = state;
    pair_t sums[NIBBLES];

    for (; count > 0; count--, blocks += LAYR_BLOCK, out += LAYR_TAG_BYTES) {
        for (unsigned p = 0; p < NIBBLES; p++)
            sums[p] = (pair_t){0, 0};
        for (unsigned j = 0; j < LAYR_SECTORS; j += 4)
            add_four(sums, s->times + j, blocks + 16 * j);
        layr_gf128_store(out, horner(sums));
    }
    layr_wipe(sums, sizeof(sums));
}

/* The same with nu in alpha's place: one sector of all blocks of a group, which share Horner's rule. */
#define GROUP 32

static layr_gf128_t fold_sector(const pair_t (*times)[16], const uint8_t *sector, size_t count)
{
    pair_t sums[NIBBLES] = {{0, 0}};

    for (size_t i = 0; i < count; i++, sector += LAYR_BLOCK)
        for (unsigned word = 0; word < 2; word++) {
            uint64_t m = layr_gf128_word(sector + 8 * word);
            for (unsigned p = 16 * word; p < 16 * word + 16; p++, m >>= 4)
                sums[p] ^= times[i][m & 15];
        }
    return horner(sums);
}

static void fold(void *sums, const uint8_t *blocks, const uint8_t (*nu)[LAYR_TAG_BYTES], size_t count)
{
    layr_gf128_t *mu = sums;
    pair_t times[GROUP][16];

    while (count > 0) {
        size_t n = count < GROUP ? count : GROUP;

        for (size_t i = 0; i < n; i++)
            multiples(times[i], layr_gf128_load(nu[i]));
        for (unsigned j = 0; j < LAYR_SECTORS; j++) {
            layr_gf128_t s = fold_sector(times, blocks + 16 * j, n);
            mu[j].w[0] ^= s.w[0];
            mu[j].w[1] ^= s.w[1];
        }
        count -= n;
        nu += n;
        blocks += n * LAYR_BLOCK;
    }
}

static void fold_end(uint8_t mu[LAYR_BLOCK], const void *sums)
{
    const layr_gf128_t *s = sums;

    for (unsigned j = 0; j < LAYR_SECTORS; j++)
        layr_gf128_store(mu + 16 * j, s[j]);
}

const layr_kernel_ops_t layr_kernel_portable_ops = {
    sizeof(portable_state_t), usable, prepare, sum, LAYR_SECTORS * sizeof(layr_gf128_t), fold, fold_end};
