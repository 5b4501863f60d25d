/* Internal to proof/: GF(2^128) with PCLMULQDQ. Our bit order is the instruction's own, so loads need no
 * swapping. */
#ifndef LAYR_PROOF_GF128_X86_H
#define LAYR_PROOF_GF128_X86_H

#include "proof/gf128.h"

#if defined(__x86_64__)
#define LAYR_X86 1
#include <immintrin.h>

#define LAYR_PCLMUL __attribute__((target("pclmul")))

/*
 * Remainder of lo + x^64 * mid + x^128 * hi. The upper word of hi is folded first: times 0x87 it reaches
 * seven bits into the lower word, which is folded second.
 */
LAYR_PCLMUL static inline __m128i layr_gf128_reduce_x86(__m128i lo, __m128i mid, __m128i hi)
{
    const __m128i poly = _mm_set_epi64x(0, LAYR_GF128_POLY);
    __m128i fold;

    lo = _mm_xor_si128(lo, _mm_slli_si128(mid, 8));
    hi = _mm_xor_si128(hi, _mm_srli_si128(mid, 8));
    fold = _mm_clmulepi64_si128(hi, poly, 0x01);
    lo = _mm_xor_si128(lo, _mm_slli_si128(fold, 8));
    hi = _mm_xor_si128(hi, _mm_srli_si128(fold, 8));
    return _mm_xor_si128(lo, _mm_clmulepi64_si128(hi, poly, 0x00));
}

#endif
#endif
