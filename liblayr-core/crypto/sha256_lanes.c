/* SHA-256 of several streams with SHA-NI (Intel SDM vol. 2, SHA256RNDS2, SHA256MSG1, SHA256MSG2). */
#include "crypto/sha256_lanes.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>

#define SHA_NI __attribute__((target("sha,sse4.1,ssse3")))
#ifdef __clang__
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif
#define LANES_INLINE SHA_NI __attribute__((always_inline)) static inline

static const uint32_t round_constants[64] __attribute__((aligned(16))) = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

/* The instructions want a state's words as (a, b, e, f) and (c, d, g, h), the first one highest. */
typedef struct lane {
    __m128i abef, cdgh;
    __m128i w[4]; /* the last 16 words of the message schedule */
} lane_t;

bool layr_sha256_lanes_usable(void)
{
    unsigned a, b, c, d;

    return __builtin_cpu_supports("sse4.1") && __builtin_cpu_supports("ssse3") &&
           __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & bit_SHA) != 0;
}

LANES_INLINE void lane_load(lane_t *l, const uint32_t h[8])
{
    __m128i dcba = _mm_loadu_si128((const __m128i *)h), hgfe = _mm_loadu_si128((const __m128i *)(h + 4));
    __m128i cdab = _mm_shuffle_epi32(dcba, 0xb1), efgh = _mm_shuffle_epi32(hgfe, 0x1b);

    l->abef = _mm_alignr_epi8(cdab, efgh, 8);
    l->cdgh = _mm_blend_epi16(efgh, cdab, 0xf0);
}

LANES_INLINE void lane_store(uint32_t h[8], const lane_t *l)
{
    __m128i feba = _mm_shuffle_epi32(l->abef, 0x1b), dchg = _mm_shuffle_epi32(l->cdgh, 0xb1);

    _mm_storeu_si128((__m128i *)h, _mm_blend_epi16(feba, dchg, 0xf0));
    _mm_storeu_si128((__m128i *)(h + 4), _mm_alignr_epi8(dchg, feba, 8));
}

/* Words 4r .. 4r + 3 of the schedule: the message's own, big-endian, or from the 16 before. */
LANES_INLINE __m128i lane_words(lane_t *l, const uint8_t *block, unsigned r)
{
    const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
    __m128i w;

    if (r < 4) {
        w = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(block + 16 * r)), swap);
    } else {
        w = _mm_sha256msg1_epu32(l->w[r & 3], l->w[(r + 1) & 3]);
        w = _mm_add_epi32(w, _mm_alignr_epi8(l->w[(r + 3) & 3], l->w[(r + 2) & 3], 4));
        w = _mm_sha256msg2_epu32(w, l->w[(r + 3) & 3]);
    }
    l->w[r & 3] = w;
    return w;
}

LANES_INLINE void lane_four_rounds(lane_t *l, const uint8_t *block, unsigned r)
{
    __m128i k = _mm_load_si128((const __m128i *)(round_constants + 4 * r));
    __m128i wk = _mm_add_epi32(lane_words(l, block, r), k);

    l->cdgh = _mm_sha256rnds2_epu32(l->cdgh, l->abef, wk);
    l->abef = _mm_sha256rnds2_epu32(l->abef, l->cdgh, _mm_shuffle_epi32(wk, 0x0e));
}

/* count is a constant where this is inlined, so that all lanes stay in registers. */
LANES_INLINE void run(uint32_t *const *h, const uint8_t *const *p, const unsigned count, size_t blocks)
{
    lane_t l[LAYR_SHA256_LANES], before[LAYR_SHA256_LANES];

    for (unsigned i = 0; i < count; i++)
        lane_load(&l[i], h[i]);
    for (size_t at = 0; at < blocks * LAYR_SHA256_BLOCK; at += LAYR_SHA256_BLOCK) {
        for (unsigned i = 0; i < count; i++)
            before[i] = l[i];
        UNROLL
        for (unsigned r = 0; r < 16; r++) {
            UNROLL
            for (unsigned i = 0; i < count; i++)
                lane_four_rounds(&l[i], p[i] + at, r);
        }
        for (unsigned i = 0; i < count; i++) {
            l[i].abef = _mm_add_epi32(l[i].abef, before[i].abef);
            l[i].cdgh = _mm_add_epi32(l[i].cdgh, before[i].cdgh);
        }
    }
    for (unsigned i = 0; i < count; i++)
        lane_store(h[i], &l[i]);
}

SHA_NI void layr_sha256_lanes(uint32_t *const *h, const uint8_t *const *p, unsigned count, size_t blocks)
{
    if (count == 1)
        run(h, p, 1, blocks);
    else if (count == 2)
        run(h, p, 2, blocks);
    else
        run(h, p, 3, blocks);
}

#else

bool layr_sha256_lanes_usable(void)
{
    return false;
}

void layr_sha256_lanes(uint32_t *const *h, const uint8_t *const *p, unsigned count, size_t blocks)
{
    (void)h;
    (void)p;
    (void)count;
    (void)blocks;
}

#endif
