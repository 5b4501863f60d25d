/* Schemes and shapes: what sizes at and around every edge come out as. */
#include "known.h"
#include "layr/code.h"
#include "tap.h"

static void schemes(void)
{
    static const char *const bad[] = {"",
                                      "/",
                                      "4",
                                      "4/",
                                      "/8",
                                      "0/8",
                                      "8/4",
                                      "04/8",
                                      "4/08",
                                      "4/256",
                                      "256/256",
                                      "4/8 ",
                                      " 4/8",
                                      "+4/8",
                                      "4/-8",
                                      "4//8",
                                      "4/8/2",
                                      "4.0/8",
                                      "4x8",
                                      "0x4/8",
                                      "1/0",
                                      "4/99999999999999999999",
                                      "18446744073709551617/2"};
    layr_scheme_t s = {9, 9};
    int good = 1;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (layr_scheme_parse(&s, bad[i]) != LAYR_ERR_FORMAT)
            good = ok(0, "refuses \"%s\"", bad[i]);
    ok(good && s.k == 9 && s.n == 9, "what is no scheme is refused and sets nothing");
    for (unsigned n = 1; n <= 255; n++)
        for (unsigned k = 1; k <= n; k++) {
            char text[16];
            snprintf(text, sizeof(text), "%u/%u", k, n);
            good &= layr_scheme_parse(&s, text) == 0 && s.k == k && s.n == n && layr_scheme_ok(s);
        }
    ok(good, "all 32,640 schemes parse");
    ok(!layr_scheme_ok((layr_scheme_t){0, 1}) && !layr_scheme_ok((layr_scheme_t){2, 1}) &&
           !layr_scheme_ok((layr_scheme_t){0, 0}),
       "k = 0 and k > n are none");
}

static void full_segments(void)
{
    int good = 1;

    is_int(layr_full_stripes((layr_scheme_t){1, 1}), 64, "1/1: 4 MiB");
    is_int(layr_full_stripes((layr_scheme_t){12, 24}), 64, "n = 24: 96 MiB / 24 is 4 MiB");
    is_int(layr_full_stripes((layr_scheme_t){12, 25}), 61, "n = 25: the budget takes over");
    is_int(layr_full_stripes((layr_scheme_t){20, 40}), 38, "20/40");
    is_int(layr_full_stripes((layr_scheme_t){255, 255}), 6, "255/255");
    is_int((long long)layr_full_segment((layr_scheme_t){4, 8}), 4LL * 64 * 65520, "4/8: full segment");
    is_int((long long)layr_full_segment((layr_scheme_t){0, 8}), 0, "no scheme: nothing");
    for (unsigned n = 1; n <= 255; n++) {
        uint32_t stripes = layr_full_stripes((layr_scheme_t){1, (uint8_t)n});
        good &= stripes >= 6 && stripes <= 64 && (uint64_t)stripes * 65536 * n <= LAYR_SEGMENT_BUDGET;
        good &= stripes == 64 || (uint64_t)(stripes + 1) * 65536 * n > LAYR_SEGMENT_BUDGET;
    }
    ok(good, "every n: as many chunks as the budget allows");
}

/* Does the shape hold size, and does it hang together? */
static int sound(layr_scheme_t s, size_t size, layr_shape_t *h)
{
    size_t row = (size_t)s.k * 65520;

    memset(h, 0xa5, sizeof(*h));
    if (layr_shape_of(h, s, size) != 0)
        return 0;
    return h->scheme.k == s.k && h->scheme.n == s.n && h->size == size &&
           h->stripes == (size + row - 1) / row && h->chunk % 4096 == 0 && h->chunk >= 4096 &&
           h->chunk <= 65536 && h->chunk_plain == h->chunk - 16 && h->chunk_plain % 16 == 0 &&
           (h->stripes == 1 || h->chunk == 65536) && h->shard_plain == (size_t)h->stripes * h->chunk_plain &&
           s.k * h->shard_plain >= size &&
           (h->stripes > 1 || h->chunk == 4096 || (size_t)s.k * (h->chunk_plain - 4096) < size) &&
           h->shard_stored == (size_t)h->stripes * h->chunk && h->blocks * 4096 == h->shard_stored &&
           h->blob == 4112 * h->blocks;
}

static void one(unsigned k, unsigned n, size_t size, uint32_t stripes, uint32_t chunk)
{
    layr_shape_t h;
    int good = sound((layr_scheme_t){(uint8_t)k, (uint8_t)n}, size, &h);

    if (!ok(good && h.stripes == stripes && h.chunk == chunk, "%u/%u of %zu: %u chunks of %u", k, n, size,
            stripes, chunk))
        printf("# got %u of %u\n", h.stripes, h.chunk);
}

static void edges(void)
{
    one(1, 1, 1, 1, 4096);
    one(1, 1, 4080, 1, 4096);
    one(1, 1, 4081, 1, 8192);
    one(1, 1, 61424, 1, 61440);
    one(1, 1, 61425, 1, 65536);
    one(1, 1, 65520, 1, 65536);
    one(1, 1, 65521, 2, 65536);
    one(1, 1, 64 * 65520, 64, 65536);
    one(4, 8, 1, 1, 4096);
    one(4, 8, 4 * 4080, 1, 4096);
    one(4, 8, 4 * 4080 + 1, 1, 8192);
    one(4, 8, 4 * 65520, 1, 65536);
    one(4, 8, 4 * 65520 + 1, 2, 65536);
    one(20, 40, 20 * 38 * 65520, 38, 65536);
    one(20, 40, 20 * 37 * 65520, 37, 65536);
    one(20, 40, 20 * 37 * 65520 + 1, 38, 65536);
    one(255, 255, 1, 1, 4096);
}

static void sweep(void)
{
    layr_shape_t h;
    int good = 1;

    for (unsigned n = 1; n <= 255; n++)
        for (unsigned k = 1; k <= n; k++) {
            layr_scheme_t s = {(uint8_t)k, (uint8_t)n};
            size_t full = layr_full_segment(s), row = k * (size_t)65520;
            good &= sound(s, 1, &h) && sound(s, k, &h) && sound(s, row, &h) && sound(s, row + 1, &h);
            good &= sound(s, full, &h) && h.stripes == layr_full_stripes(s) && sound(s, full - 1, &h);
            good &= sound(s, 1 + known_random() % full, &h) && sound(s, 1 + known_random() % row, &h);
            good &=
                layr_shape_of(&h, s, full + 1) == LAYR_ERR_LIMIT && layr_shape_of(&h, s, 0) == LAYR_ERR_LIMIT;
        }
    ok(good, "all schemes, sizes at the edges and between");
    is_int(layr_shape_of(&h, (layr_scheme_t){4, 8}, SIZE_MAX), LAYR_ERR_LIMIT, "far too large");
    is_int(layr_shape_of(&h, (layr_scheme_t){0, 8}, 1), LAYR_ERR_ARG, "k = 0");
    is_int(layr_shape_of(&h, (layr_scheme_t){9, 8}, 1), LAYR_ERR_ARG, "k > n");
}

int main(void)
{
    schemes();
    full_segments();
    edges();
    sweep();
    return done();
}
