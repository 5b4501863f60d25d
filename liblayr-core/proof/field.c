/* One product in GF(2^128), for verification: constant time in both operands. */
#include "layr/proof.h"
#include "proof/gf128.h"
#include "proof/gf128_x86.h"

static uint64_t reverse64(uint64_t x)
{
    x = ((x & UINT64_C(0x5555555555555555)) << 1) | ((x >> 1) & UINT64_C(0x5555555555555555));
    x = ((x & UINT64_C(0x3333333333333333)) << 2) | ((x >> 2) & UINT64_C(0x3333333333333333));
    x = ((x & UINT64_C(0x0f0f0f0f0f0f0f0f)) << 4) | ((x >> 4) & UINT64_C(0x0f0f0f0f0f0f0f0f));
    return __builtin_bswap64(x);
}

/*
 * Low 64 bits of the carry-less product, by integer multiplication with holes (T. Pornin, BearSSL ctmul64):
 * with only every fourth bit set, at most 15 ones meet below bit 60, so carries stay inside the three-bit
 * gaps and are masked away (16 meet at bit 60 itself, and that carry leaves the word). Integer multiplication
 * takes the same time for all operands on the 64-bit processors we run on.
 */
static uint64_t clmul_low(uint64_t a, uint64_t b)
{
    const uint64_t every4th = UINT64_C(0x1111111111111111);
    uint64_t product = 0;

    for (unsigned r = 0; r < 4; r++) {
        uint64_t sum = 0;
        for (unsigned i = 0; i < 4; i++)
            sum ^= (a & (every4th << i)) * (b & (every4th << ((r - i) & 3)));
        product |= sum & (every4th << r);
    }
    return product;
}

/* Words i and i + 1 of the 256-bit product: the high word is the low one of the reversed operands, reversed.
 */
static void clmul_add(uint64_t *product, uint64_t a, uint64_t b)
{
    product[0] ^= clmul_low(a, b);
    product[1] ^= reverse64(clmul_low(reverse64(a), reverse64(b))) >> 1;
}

void layr_gf128_mul_portable(uint8_t c[16], const uint8_t a[16], const uint8_t b[16])
{
    layr_gf128_t x = layr_gf128_load(a), y = layr_gf128_load(b);
    uint64_t product[4] = {0};

    for (unsigned i = 0; i < 2; i++)
        for (unsigned j = 0; j < 2; j++)
            clmul_add(product + i + j, x.w[i], y.w[j]);
    layr_gf128_store(c, layr_gf128_reduce(product));
}

#ifdef LAYR_X86
LAYR_PCLMUL static void mul_pclmul(uint8_t c[16], const uint8_t a[16], const uint8_t b[16])
{
    __m128i x = _mm_loadu_si128((const __m128i *)a), y = _mm_loadu_si128((const __m128i *)b);
    __m128i mid = _mm_xor_si128(_mm_clmulepi64_si128(x, y, 0x01), _mm_clmulepi64_si128(x, y, 0x10));

    _mm_storeu_si128((__m128i *)c, layr_gf128_reduce_x86(_mm_clmulepi64_si128(x, y, 0x00), mid,
                                                         _mm_clmulepi64_si128(x, y, 0x11)));
}
#endif

void layr_gf128_mul(uint8_t c[16], const uint8_t a[16], const uint8_t b[16])
{
#ifdef LAYR_X86
    if (__builtin_cpu_supports("pclmul")) {
        mul_pclmul(c, a, b);
        return;
    }
#endif
    layr_gf128_mul_portable(c, a, b);
}
