/* base/buf.c: growth, contents, and what happens when there is no room. */
#include "layr/bytes.h"
#include "tap.h"

static void test_growth(void)
{
    layr_buf_t b;
    int same = 1;

    layr_buf_init(&b);
    for (uint32_t i = 0; i < 100000; i++)
        layr_buf_add32(&b, i);
    ok(!b.bad && b.len == 400000 && b.cap >= b.len, "grows to 400,000 bytes");
    for (uint32_t i = 0; i < 100000; i++)
        same &= layr_load32(b.p + 4 * i) == i;
    ok(same, "and keeps what it had");
    layr_buf_free(&b);
    ok(b.p == NULL && b.len == 0 && b.cap == 0, "free leaves it empty");
    layr_buf_free(&b);
    layr_buf_free(NULL);
    ok(1, "free of an empty one and of NULL is harmless");
}

static void test_kinds(void)
{
    static const uint8_t want[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 'x'};
    layr_buf_t b;

    layr_buf_init(&b);
    layr_buf_add8(&b, 0x01);
    layr_buf_add16(&b, 0x0302);
    layr_buf_add32(&b, 0x07060504);
    layr_buf_add64(&b, 0x0f0e0d0c0b0a0908u);
    layr_buf_add(&b, "x", 1);
    layr_buf_add(&b, NULL, 0);
    is_int((long long)b.len, sizeof want, "length of one of each kind");
    is_mem(b.p, want, sizeof want, "little-endian, in order");
    layr_buf_free(&b);
}

static void test_failure(void)
{
    layr_buf_t b;

    layr_buf_init(&b);
    layr_buf_add(&b, "ab", 2);
    layr_buf_add(&b, "cd", SIZE_MAX - 1);
    ok(b.bad && b.len == 2, "a length that wraps is refused before it is read");
    layr_buf_add8(&b, 1);
    ok(b.bad && b.len == 2 && memcmp(b.p, "ab", 2) == 0, "then nothing more is added");
    layr_buf_free(&b);
    ok(!b.bad, "free makes it usable again");
    layr_buf_add(&b, "ab", SIZE_MAX / 2 + 1);
    ok(b.bad && b.p == NULL, "half of memory is refused");
    layr_buf_free(&b);
}

int main(void)
{
    test_growth();
    test_kinds();
    test_failure();
    return done();
}
