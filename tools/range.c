/* Ranges. */
#include "range.h"

#include <string.h>

#include "layr/bytes.h"

int layr_range_parse(layr_range_t *out, const char *text)
{
    const char *dash = strchr(text, '-');
    layr_range_t r = {0};

    if (dash == NULL)
        return LAYR_ERR_ARG;
    if (dash == text) {
        r.kind = LAYR_RANGE_LAST;
        if (layr_undec(&r.a, dash + 1, strlen(dash + 1)) != 0 || r.a == 0)
            return LAYR_ERR_ARG;
    } else if (layr_undec(&r.a, text, (size_t)(dash - text)) != 0) {
        return LAYR_ERR_ARG;
    } else if (dash[1] == 0) {
        r.kind = LAYR_RANGE_FROM;
    } else {
        r.kind = LAYR_RANGE_FROM_TO;
        if (layr_undec(&r.b, dash + 1, strlen(dash + 1)) != 0 || r.a > r.b)
            return LAYR_ERR_ARG;
    }
    *out = r;
    return 0;
}

int layr_range_in(const layr_range_t *r, uint64_t size, uint64_t *first, uint64_t *last)
{
    uint64_t a = 0, b = size > 0 ? size - 1 : 0;

    if (r->kind == LAYR_RANGE_FROM || r->kind == LAYR_RANGE_FROM_TO)
        a = r->a;
    if (r->kind == LAYR_RANGE_FROM_TO)
        b = r->b;
    if (r->kind == LAYR_RANGE_LAST) {
        if (r->a > size)
            return LAYR_ERR_RANGE;
        a = size - r->a;
    }
    if (r->kind != LAYR_RANGE_ALL && (a >= size || b >= size))
        return LAYR_ERR_RANGE;
    *first = a;
    *last = b;
    return 0;
}
