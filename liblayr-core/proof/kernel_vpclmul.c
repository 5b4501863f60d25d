/*
 * The sum with VPCLMULQDQ on 512-bit registers: kernel_pclmul.c four sectors a vector. The four lanes of the
 * accumulators are added at the end, before the block's one reduction.
 */
#include "proof/gf128_x86.h"
#include "proof/kernel.h"

#ifdef LAYR_X86

#define WIDE __attribute__((target("avx512f,vpclmulqdq,pclmul")))

typedef struct vpclmul_state {
    uint8_t alpha[LAYR_ALPHA_BYTES];
    uint8_t halves[LAYR_ALPHA_BYTES / 2]; /* low ^ high words, in the order unpack gives for eight sectors */
} vpclmul_state_t;

/* avx512f is reported only when the system saves the wide registers too. */
static int usable(void)
{
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("vpclmulqdq") &&
           __builtin_cpu_supports("pclmul");
}

static void prepare(void *state, const uint8_t alpha[LAYR_ALPHA_BYTES])
{
    vpclmul_state_t *s = state;

    for (unsigned j = 0; j < LAYR_SECTORS; j++) {
        layr_gf128_t a = layr_gf128_load(alpha + 16 * j);
        /* Lane l holds sectors l and l + 4 of the eight, side by side. */
        unsigned place = j / 8 * 8 + j % 4 * 2 + j / 4 % 2;

        layr_gf128_store(s->alpha + 16 * j, a);
        layr_store64(s->halves + 8 * place, a.w[0] ^ a.w[1]);
    }
}

WIDE static __m512i xor3(__m512i a, __m512i b, __m512i c)
{
    return _mm512_ternarylogic_epi64(a, b, c, 0x96);
}

WIDE static __m128i add_lanes(__m512i v)
{
    __m128i ab = _mm_xor_si128(_mm512_castsi512_si128(v), _mm512_extracti32x4_epi32(v, 1));
    __m128i cd = _mm_xor_si128(_mm512_extracti32x4_epi32(v, 2), _mm512_extracti32x4_epi32(v, 3));

    return _mm_xor_si128(ab, cd);
}

WIDE static __m128i sum_block(const vpclmul_state_t *s, const uint8_t *block)
{
    __m512i lo = _mm512_setzero_si512(), hi = lo, mid = lo;

    for (unsigned j = 0; j < LAYR_SECTORS; j += 8) {
        __m512i a = _mm512_loadu_si512(s->alpha + 16 * j), b = _mm512_loadu_si512(s->alpha + 16 * j + 64);
        __m512i m = _mm512_loadu_si512(block + 16 * j), n = _mm512_loadu_si512(block + 16 * j + 64);
        __m512i ab = _mm512_loadu_si512(s->halves + 8 * j);
        __m512i mn = _mm512_xor_si512(_mm512_unpacklo_epi64(m, n), _mm512_unpackhi_epi64(m, n));

        lo = xor3(lo, _mm512_clmulepi64_epi128(a, m, 0x00), _mm512_clmulepi64_epi128(b, n, 0x00));
        hi = xor3(hi, _mm512_clmulepi64_epi128(a, m, 0x11), _mm512_clmulepi64_epi128(b, n, 0x11));
        mid = xor3(mid, _mm512_clmulepi64_epi128(ab, mn, 0x00), _mm512_clmulepi64_epi128(ab, mn, 0x11));
    }
    return layr_gf128_reduce_x86(add_lanes(lo), add_lanes(xor3(mid, lo, hi)), add_lanes(hi));
}

WIDE static void sum(uint8_t *out, const void *state, const uint8_t *blocks, size_t count)
{
    for (; count > 0; count--, blocks += LAYR_BLOCK, out += LAYR_TAG_BYTES)
        _mm_storeu_si128((__m128i *)out, sum_block(state, blocks));
}

/* Of four sectors: the sums of their Karatsuba products with the nu of all blocks so far. */
typedef struct vpclmul_fold {
    __m512i lo, hi, mid;
} vpclmul_fold_t;

/* Blocks a round, so that sums are loaded and stored once for as many. */
#define GROUP 4

WIDE static __m512i both_halves(__m512i v)
{
    return _mm512_xor_si512(v, _mm512_shuffle_epi32(v, _MM_PERM_BADC));
}

WIDE static void fold_group(vpclmul_fold_t *sums, const uint8_t *blocks, const uint8_t (*nu)[LAYR_TAG_BYTES],
                            unsigned count)
{
    __m512i a[GROUP], ab[GROUP];

    for (unsigned i = 0; i < count; i++) {
        a[i] = _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)nu[i]));
        ab[i] = both_halves(a[i]);
    }
    for (unsigned j = 0; j < LAYR_SECTORS; j += 4, sums++) {
        vpclmul_fold_t s = *sums;

        for (unsigned i = 0; i < count; i++) {
            __m512i m = _mm512_loadu_si512(blocks + (size_t)LAYR_BLOCK * i + 16 * j);

            s.lo = _mm512_xor_si512(s.lo, _mm512_clmulepi64_epi128(a[i], m, 0x00));
            s.hi = _mm512_xor_si512(s.hi, _mm512_clmulepi64_epi128(a[i], m, 0x11));
            s.mid = _mm512_xor_si512(s.mid, _mm512_clmulepi64_epi128(ab[i], both_halves(m), 0x00));
        }
        *sums = s;
    }
}

WIDE static void fold(void *sums, const uint8_t *blocks, const uint8_t (*nu)[LAYR_TAG_BYTES], size_t count)
{
    for (; count >= GROUP; count -= GROUP, nu += GROUP, blocks += (size_t)GROUP * LAYR_BLOCK)
        fold_group(sums, blocks, nu, GROUP);
    if (count > 0)
        fold_group(sums, blocks, nu, (unsigned)count);
}

WIDE static void fold_end(uint8_t mu[LAYR_BLOCK], const void *sums)
{
    const vpclmul_fold_t *s = sums;

    for (unsigned j = 0; j < LAYR_SECTORS; j += 4, s++) {
        __m128i lo[4], hi[4], mid[4];

        _mm512_storeu_si512(lo, s->lo);
        _mm512_storeu_si512(hi, s->hi);
        _mm512_storeu_si512(mid, xor3(s->mid, s->lo, s->hi));
        for (unsigned l = 0; l < 4; l++)
            _mm_storeu_si128((__m128i *)(mu + 16 * (j + l)), layr_gf128_reduce_x86(lo[l], mid[l], hi[l]));
    }
}

const layr_kernel_ops_t layr_kernel_vpclmul_ops = {
    sizeof(vpclmul_state_t), usable, prepare, sum, LAYR_SECTORS / 4 * sizeof(vpclmul_fold_t), fold, fold_end};

#endif
