/*
 * The sum with PCLMULQDQ: products stay unreduced in three accumulators over all 256 sectors, so a block
 * costs one reduction. Karatsuba: lo and hi products a sector, and the product of (low ^ high) halves, which
 * for alpha are made once and for the message with two shuffles for two sectors.
 */
#include "proof/gf128_x86.h"
#include "proof/kernel.h"

#ifdef LAYR_X86

typedef struct pclmul_state {
    uint8_t alpha[LAYR_ALPHA_BYTES];
    uint8_t halves[LAYR_ALPHA_BYTES / 2]; /* low ^ high word of each alpha, in order */
} pclmul_state_t;

static int usable(void)
{
    return __builtin_cpu_supports("pclmul") != 0;
}

static void prepare(void *state, const uint8_t alpha[LAYR_ALPHA_BYTES])
{
    pclmul_state_t *s = state;

    for (unsigned j = 0; j < LAYR_SECTORS; j++) {
        layr_gf128_t a = layr_gf128_load(alpha + 16 * j);
        layr_gf128_store(s->alpha + 16 * j, a);
        layr_store64(s->halves + 8 * j, a.w[0] ^ a.w[1]);
    }
}

LAYR_PCLMUL static __m128i load(const uint8_t *p)
{
    return _mm_loadu_si128((const __m128i *)p);
}

LAYR_PCLMUL static __m128i sum_block(const pclmul_state_t *s, const uint8_t *block)
{
    __m128i lo = _mm_setzero_si128(), hi = lo, mid = lo;

    for (unsigned j = 0; j < LAYR_SECTORS; j += 2) {
        __m128i a = load(s->alpha + 16 * j), b = load(s->alpha + 16 * j + 16);
        __m128i m = load(block + 16 * j), n = load(block + 16 * j + 16);
        __m128i ab = load(s->halves + 8 * j);
        __m128i mn = _mm_xor_si128(_mm_unpacklo_epi64(m, n), _mm_unpackhi_epi64(m, n));

        lo = _mm_xor_si128(lo, _mm_clmulepi64_si128(a, m, 0x00));
        hi = _mm_xor_si128(hi, _mm_clmulepi64_si128(a, m, 0x11));
        mid = _mm_xor_si128(mid, _mm_clmulepi64_si128(ab, mn, 0x00));
        lo = _mm_xor_si128(lo, _mm_clmulepi64_si128(b, n, 0x00));
        hi = _mm_xor_si128(hi, _mm_clmulepi64_si128(b, n, 0x11));
        mid = _mm_xor_si128(mid, _mm_clmulepi64_si128(ab, mn, 0x11));
    }
    return layr_gf128_reduce_x86(lo, _mm_xor_si128(mid, _mm_xor_si128(lo, hi)), hi);
}

LAYR_PCLMUL static void sum(uint8_t *out, const void *state, const uint8_t *blocks, size_t count)
{
    for (; count > 0; count--, blocks += LAYR_BLOCK, out += LAYR_TAG_BYTES)
        _mm_storeu_si128((__m128i *)out, sum_block(state, blocks));
}

/* Of a sector: the sums of its Karatsuba products with the nu of all blocks so far. */
typedef struct pclmul_fold {
    __m128i lo, hi, mid;
} pclmul_fold_t;

/* Blocks a round, so that sums are loaded and stored once for as many. */
#define GROUP 4

LAYR_PCLMUL static __m128i both_halves(__m128i v)
{
    return _mm_xor_si128(v, _mm_shuffle_epi32(v, 0x4e));
}

LAYR_PCLMUL static void fold_group(pclmul_fold_t *sums, const uint8_t *blocks,
                                   const uint8_t (*nu)[LAYR_TAG_BYTES], unsigned count)
{
    __m128i a[GROUP], ab[GROUP];

    for (unsigned i = 0; i < count; i++) {
        a[i] = load(nu[i]);
        ab[i] = both_halves(a[i]);
    }
    for (unsigned j = 0; j < LAYR_SECTORS; j++) {
        pclmul_fold_t s = sums[j];

        for (unsigned i = 0; i < count; i++) {
            __m128i m = load(blocks + (size_t)LAYR_BLOCK * i + 16 * j);

            s.lo = _mm_xor_si128(s.lo, _mm_clmulepi64_si128(a[i], m, 0x00));
            s.hi = _mm_xor_si128(s.hi, _mm_clmulepi64_si128(a[i], m, 0x11));
            s.mid = _mm_xor_si128(s.mid, _mm_clmulepi64_si128(ab[i], both_halves(m), 0x00));
        }
        sums[j] = s;
    }
}

LAYR_PCLMUL static void fold(void *sums, const uint8_t *blocks, const uint8_t (*nu)[LAYR_TAG_BYTES],
                             size_t count)
{
    for (; count >= GROUP; count -= GROUP, nu += GROUP, blocks += (size_t)GROUP * LAYR_BLOCK)
        fold_group(sums, blocks, nu, GROUP);
    if (count > 0)
        fold_group(sums, blocks, nu, (unsigned)count);
}

LAYR_PCLMUL static void fold_end(uint8_t mu[LAYR_BLOCK], const void *sums)
{
    const pclmul_fold_t *s = sums;

    for (unsigned j = 0; j < LAYR_SECTORS; j++, s++)
        _mm_storeu_si128(
            (__m128i *)(mu + 16 * j),
            layr_gf128_reduce_x86(s->lo, _mm_xor_si128(s->mid, _mm_xor_si128(s->lo, s->hi)), s->hi));
}

const layr_kernel_ops_t layr_kernel_pclmul_ops = {
    sizeof(pclmul_state_t), usable, prepare, sum, LAYR_SECTORS * sizeof(pclmul_fold_t), fold, fold_end};

#endif
