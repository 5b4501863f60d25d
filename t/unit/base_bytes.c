/* base/bytes.c: loads, stores, and a reader cut off at every byte. */
#include "layr/bytes.h"
#include "tap.h"

static void test_loads(void)
{
    static const uint8_t raw[8] = {0xf1, 0xe2, 0xd3, 0xc4, 0xb5, 0xa6, 0x97, 0x88};
    uint8_t out[8] = {0};

    ok(layr_load16(raw) == 0xe2f1, "load16 is little-endian");
    ok(layr_load32(raw) == 0xc4d3e2f1u, "load32 is little-endian");
    ok(layr_load64(raw) == 0x8897a6b5c4d3e2f1u, "load64 is little-endian");
    layr_store16(out, 0xe2f1);
    is_mem(out, raw, 2, "store16");
    layr_store32(out, 0xc4d3e2f1u);
    is_mem(out, raw, 4, "store32");
    layr_store64(out, 0x8897a6b5c4d3e2f1u);
    is_mem(out, raw, 8, "store64");
}

static void test_reader(void)
{
    uint8_t raw[20];
    layr_reader_t r;
    const uint8_t *p;

    for (size_t i = 0; i < sizeof raw; i++)
        raw[i] = (uint8_t)(i + 1);
    layr_reader_init(&r, raw, sizeof raw);
    ok(layr_read8(&r) == 0x01, "read8");
    ok(layr_read16(&r) == 0x0302, "read16");
    ok(layr_read32(&r) == 0x07060504, "read32");
    ok(layr_read64(&r) == 0x0f0e0d0c0b0a0908u, "read64");
    p = layr_read_bytes(&r, 5);
    ok(p == raw + 15, "read_bytes points into the input");
    ok(layr_reader_left(&r) == 0 && !r.bad, "all read, nothing bad");
    ok(layr_read_bytes(&r, 0) != NULL && !r.bad, "nothing can be read at the end");
    ok(layr_read8(&r) == 0 && r.bad, "a byte past the end is bad");
    ok(layr_read_bytes(&r, 0) == NULL, "bad stays bad");
}

/* Every cut of the fields above must be seen, and no read may go out of bounds (heap copies: ASan looks on).
 */
static void test_cuts(void)
{
    int seen = 0;

    for (size_t len = 0; len < 15; len++) {
        uint8_t *raw = calloc(1, len + !len);
        layr_reader_t r;

        layr_reader_init(&r, raw, len);
        layr_read8(&r);
        layr_read16(&r);
        layr_read32(&r);
        layr_read64(&r);
        seen += r.bad && layr_reader_left(&r) == 0;
        free(raw);
    }
    is_int(seen, 15, "a cut at any byte is bad and leaves nothing to read");
}

static void test_edges(void)
{
    static const uint8_t two[2] = {1, 2};
    layr_reader_t r;

    layr_reader_init(&r, NULL, 0);
    ok(layr_reader_left(&r) == 0 && !r.bad, "nothing at NULL is an empty input");
    layr_reader_init(&r, NULL, 3);
    ok(r.bad && layr_read8(&r) == 0, "something at NULL is bad");
    layr_reader_init(&r, two, 2);
    ok(layr_read_bytes(&r, SIZE_MAX) == NULL && r.bad, "a length that would wrap the pointer is bad");
    layr_reader_init(&r, two, 2);
    ok(layr_read32(&r) == 0 && layr_read8(&r) == 0, "after a failed read nothing else is given out of step");
}

int main(void)
{
    test_loads();
    test_reader();
    test_cuts();
    test_edges();
    return done();
}
