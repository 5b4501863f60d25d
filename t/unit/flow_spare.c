/* flow/spare.c: buffers used again, and never more of them than were needed at once. */
#include "flow/spare.h"

#include <string.h>

#include "tap.h"

enum { LEN = LAYR_SPARE_MIN, COUNT = 100 };

static void test_again(void)
{
    layr_spares_t s = {0};
    void *a = layr_spares_take(&s, LEN), *b = layr_spares_take(&s, LEN);

    ok(a && b && a != b && s.held == 2 * LEN, "two at once");
    layr_spares_give(&s, a, LEN);
    layr_spares_give(&s, b, LEN);
    ok(s.held == 0 && s.idle_bytes == 2 * LEN, "both are kept");
    ok(layr_spares_take(&s, LEN) == b, "the last given back comes first");
    ok(layr_spares_take(&s, LEN) == a, "then the other");
    layr_spares_give(&s, a, LEN);
    layr_spares_give(&s, b, LEN);
    layr_spares_give(&s, NULL, LEN);
    ok(s.held == 0, "NULL is harmless");
    layr_spares_free(&s);
    ok(s.idle == NULL && s.idle_bytes == 0, "and all can go");
}

/* As segments of a file whose last is shorter, with pages between: lengths change, the sum does not grow. */
static void test_bound(void)
{
    static const size_t lens[] = {LEN, LEN + 4096, 3 * LEN, LEN};
    layr_spares_t s = {0};
    void *p[COUNT];
    int within = 1;

    for (size_t l = 0; l < 4; l++) {
        size_t n = COUNT * LEN / lens[l];
        for (size_t i = 0; i < n; i++) {
            p[i] = layr_spares_take(&s, lens[l]);
            memset(p[i], 1, lens[l]);
            within &= s.held + s.idle_bytes <= (size_t)COUNT * LEN;
        }
        for (size_t i = 0; i < n; i++)
            layr_spares_give(&s, p[i], lens[l]);
    }
    ok(within, "held and idle together stay within the most that was held at once");
    ok(s.most <= (size_t)COUNT * LEN && s.held == 0, "which is remembered");
    layr_spares_free(&s);
}

static void test_small(void)
{
    layr_spares_t s = {0};
    void *p = layr_spares_take(&s, LEN - 1);

    ok(p && s.held == LEN - 1, "a small one is counted");
    layr_spares_give(&s, p, LEN - 1);
    ok(s.held == 0 && s.idle == NULL, "and not kept");
    layr_spares_free(&s);
}

int main(void)
{
    test_again();
    test_bound();
    test_small();
    return done();
}
