/* GF(2^128): known answers, and both implementations against a slow one, bit by bit. */
#include "known.h"
#include "layr/proof.h"
#include "proof/gf128.h"
#include "tap.h"

static int bit(const uint8_t a[16], unsigned i)
{
    return a[i / 8] >> (i % 8) & 1;
}

/* Long multiplication to 255 bits, then one bit after the other from the top replaced by the polynomial's
 * tail. */
static void slow_mul(uint8_t c[16], const uint8_t a[16], const uint8_t b[16])
{
    static const unsigned tail[] = {0, 1, 2, 7};
    uint8_t p[256] = {0};

    for (unsigned i = 0; i < 128; i++)
        for (unsigned j = 0; j < 128; j++)
            p[i + j] ^= (uint8_t)(bit(a, i) & bit(b, j));
    for (unsigned i = 255; i >= 128; i--)
        for (unsigned t = 0; t < 4; t++)
            p[i - 128 + tail[t]] ^= p[i];
    memset(c, 0, 16);
    for (unsigned i = 0; i < 128; i++)
        c[i / 8] |= (uint8_t)(p[i] << (i % 8));
}

static void known_answers(void)
{
    cJSON *all = known_open();
    const cJSON *v;

    cJSON_ArrayForEach(v, known_get(all, "gf128"))
    {
        uint8_t a[16], b[16], ab[16], got[16];
        known_hex(a, 16, known_get(v, "a"));
        known_hex(b, 16, known_get(v, "b"));
        known_hex(ab, 16, known_get(v, "ab"));
        layr_gf128_mul(got, a, b);
        is_mem(got, ab, 16, "known product");
        layr_gf128_mul_portable(got, a, b);
        is_mem(got, ab, 16, "known product, portable");
        slow_mul(got, a, b);
        is_mem(got, ab, 16, "known product, the test's own");
    }
    cJSON_Delete(all);
}

static int agree(const uint8_t a[16], const uint8_t b[16])
{
    uint8_t want[16], got[16], portable[16];

    slow_mul(want, a, b);
    layr_gf128_mul(got, a, b);
    layr_gf128_mul_portable(portable, a, b);
    return memcmp(want, got, 16) == 0 && memcmp(want, portable, 16) == 0;
}

/* Single bits at the edges of words, all ones, every fourth bit (where integer carries come closest). */
static void edges(void)
{
    uint8_t e[16][16];
    int good = 1;

    memset(e, 0, sizeof(e));
    for (unsigned i = 0; i < 8; i++) {
        static const unsigned at[8] = {0, 1, 62, 63, 64, 65, 126, 127};
        e[i][at[i] / 8] = (uint8_t)(1u << (at[i] % 8));
    }
    memset(e[8], 0xff, 16);
    memset(e[9], 0xff, 8);
    memset(e[10] + 8, 0xff, 8);
    for (unsigned i = 0; i < 4; i++)
        memset(e[11 + i], 0x11 << i, 16);
    for (unsigned i = 0; i < 16; i++)
        for (unsigned j = 0; j < 16; j++)
            good &= agree(e[i], e[j]);
    ok(good, "edge operands agree with the slow product");
}

static void random_operands(void)
{
    uint8_t *r = known_pattern(2000 * 32, 40), c[16], d[16];
    int good = 1;

    for (unsigned i = 0; i < 2000; i++)
        good &= agree(r + 32 * i, r + 32 * i + 16);
    ok(good, "2000 random operands agree with the slow product");
    layr_gf128_mul(c, r, r + 16);
    memcpy(d, r, 16);
    layr_gf128_mul(d, d, r + 16);
    is_mem(d, c, 16, "c may be a");
    memcpy(d, r + 16, 16);
    layr_gf128_mul_portable(d, r, d);
    is_mem(d, c, 16, "c may be b");
    free(r);
}

int main(void)
{
    known_answers();
    edges();
    random_operands();
    return done();
}
