/* Ranges as a person gives them, and schemes k/n. Both have one spelling. */
#include "range.h"
#include "fuzz.h"
#include "layr/bytes.h"
#include "layr/code.h"

static void spelled(const layr_range_t *r, const char *text)
{
    char a[LAYR_DEC_MAX], b[LAYR_DEC_MAX], again[2 * LAYR_DEC_MAX + 2];

    layr_dec(a, r->a);
    layr_dec(b, r->b);
    snprintf(again, sizeof again, "%s-%s", r->kind == LAYR_RANGE_LAST ? "" : a,
             r->kind == LAYR_RANGE_LAST      ? a
             : r->kind == LAYR_RANGE_FROM_TO ? b
                                             : "");
    PROMISE(strcmp(again, text) == 0);
}

/* Every byte it names is in the file. */
static void inside(const layr_range_t *r, uint64_t size)
{
    uint64_t first = 7, last = 5;
    int rc = layr_range_in(r, size, &first, &last);

    if (rc != 0) {
        PROMISE(rc == LAYR_ERR_RANGE && first == 7 && last == 5);
        return;
    }
    PROMISE(first <= last && last < size);
    PROMISE(r->kind == LAYR_RANGE_LAST ? last - first + 1 == r->a && last == size - 1 : first == r->a);
    PROMISE(r->kind != LAYR_RANGE_FROM_TO || last == r->b);
    PROMISE(r->kind != LAYR_RANGE_FROM || last == size - 1);
}

static void scheme(const char *text)
{
    layr_scheme_t s = {0, 0};
    char again[16];

    if (layr_scheme_parse(&s, text) != 0)
        return;
    PROMISE(layr_scheme_ok(s) && layr_full_stripes(s) >= 1);
    snprintf(again, sizeof again, "%u/%u", s.k, s.n);
    PROMISE(strcmp(again, text) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_in_t in = {data, size};
    uint64_t file = (uint64_t)fuzz_32(&in) << 32;
    layr_range_t r;
    char *text;

    file |= fuzz_32(&in);
    text = copy_of(in.p, in.left, 1);
    if (layr_range_parse(&r, text) == 0) {
        spelled(&r, text);
        inside(&r, file);
        inside(&r, r.a);
        inside(&r, r.b);
        inside(&r, 0);
        inside(&r, UINT64_MAX);
    }
    scheme(text);
    free(text);
    return 0;
}
