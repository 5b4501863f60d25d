/* What a new version takes over from the one before: segments, and pages of its manifest. */
#include <stdlib.h>
#include <string.h>

#include "base.h"

unsigned layr_put_min(const layr_put_opts_t *o, layr_scheme_t s)
{
    return o->min_shards ? o->min_shards : s.n;
}

static bool same_scheme(const layr_base_t *b, layr_scheme_t s)
{
    return s.k == b->scheme.k && s.n == b->scheme.n;
}

/* --- by its number --- */

int layr_base_segments(const layr_base_t *b, const layr_put_opts_t *o, layr_tree_segment_t **out,
                       size_t *count)
{
    bool same = !o->scheme.k || same_scheme(b, o->scheme);
    layr_tree_segment_t *s = malloc((b->segment.count + 1) * sizeof *s);
    if (!s)
        return LAYR_ERR_NOMEM;
    for (size_t i = 0; i < b->segment.count; i++) {
        const layr_base_unit_t *u = &b->segment.u[i];
        s[i] = (layr_tree_segment_t){u->entry.size, same && u->good >= layr_put_min(o, b->scheme)};
    }
    *out = s;
    *count = b->segment.count;
    return LAYR_OK;
}

int layr_base_keep(layr_base_t *b, const uint32_t *numbers, size_t count)
{
    uint32_t *copy = malloc((count + 1) * sizeof *copy);
    if (!copy)
        return LAYR_ERR_NOMEM;
    if (count)
        memcpy(copy, numbers, count * sizeof *copy);
    free(b->begins);
    b->begins = copy;
    b->begins_count = count;
    return LAYR_OK;
}

/* --- taken --- */

static void count_taken(layr_base_t *b, layr_base_unit_t *u, const layr_shape_t *shape)
{
    u->taken = true;
    for (unsigned i = 0; i < u->rows; i++)
        b->kept_bytes += u->hosts[i] ? shape->blob : 0;
}

static int note_from(layr_base_t *b, uint64_t number, uint32_t old)
{
    layr_shape_t shape;
    int rc = layr_shape_of(&shape, b->scheme, b->segment.u[old].entry.size);
    if (rc != LAYR_OK)
        return rc;
    if (number >= b->from_cap) {
        size_t cap = number * 2 + 64;
        uint32_t *more = realloc(b->from, cap * sizeof *more);
        if (!more)
            return LAYR_ERR_NOMEM;
        memset(more + b->from_cap, 0, (cap - b->from_cap) * sizeof *more);
        b->from = more;
        b->from_cap = cap;
    }
    b->from[number] = old + 1;
    count_taken(b, &b->segment.u[old], &shape);
    b->kept++;
    return LAYR_OK;
}

int layr_base_begin(layr_base_t *b, layr_scheme_t scheme, uint64_t *segments, uint64_t *bytes)
{
    int rc = LAYR_OK;
    *segments = *bytes = 0;
    if (b->begins_count && !same_scheme(b, scheme))
        return LAYR_ERR_ARG;
    for (size_t i = 0; i < b->begins_count && rc == LAYR_OK; i++) {
        uint32_t old = b->begins[i];
        if (old >= b->segment.count || b->segment.u[old].taken)
            return LAYR_ERR_ARG;
        *bytes += b->segment.u[old].entry.size;
        rc = note_from(b, i, old);
    }
    *segments = b->begins_count;
    return rc;
}

static bool is_it(const layr_base_t *b, size_t old, const uint8_t hash[32], size_t size, unsigned min)
{
    const layr_base_unit_t *u = &b->segment.u[old];
    return !u->taken && u->entry.size == size && u->good >= min && memcmp(u->entry.hash, hash, 32) == 0;
}

static size_t first_by_hash(const layr_base_t *b, const uint8_t hash[32])
{
    size_t low = 0, high = b->segment.count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (memcmp(b->segment.u[b->by_hash[mid]].entry.hash, hash, 32) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

int layr_base_take(layr_base_t *b, layr_scheme_t scheme, unsigned min_shards, uint64_t number,
                   const uint8_t sha256[32], size_t size, bool *taken)
{
    uint8_t hash[32];
    size_t old = b->segment.count;
    *taken = false;
    if (!b->segment.count || !same_scheme(b, scheme))
        return LAYR_OK;
    layr_segment_hash(hash, b->keys.R, sha256);
    /* of equals the one at the same place, so that pages stay as they are */
    if (number < b->segment.count && is_it(b, (size_t)number, hash, size, min_shards))
        old = (size_t)number;
    for (size_t i = first_by_hash(b, hash); i < b->segment.count && old == b->segment.count; i++) {
        if (memcmp(b->segment.u[b->by_hash[i]].entry.hash, hash, 32) != 0)
            break;
        if (is_it(b, b->by_hash[i], hash, size, min_shards))
            old = b->by_hash[i];
    }
    *taken = old < b->segment.count;
    return *taken ? note_from(b, number, (uint32_t)old) : LAYR_OK;
}

/* --- for the manifest --- */

static bool came_from(const layr_base_t *b, uint64_t number, size_t old)
{
    return number < b->from_cap && b->from[number] == old + 1;
}

/* As the store asks of a page's copies. */
static bool page_good(const layr_base_t *b, const layr_base_unit_t *page, unsigned min_shards)
{
    unsigned lost = b->scheme.n - min_shards;
    return page->good >= (page->rows > lost ? page->rows - lost : 1);
}

/* All segments of the page, one after the other: PAGE; not, or not of use: KEPT. */
static layr_base_next_t look_for_page(const layr_base_t *b, const layr_base_unit_t *page, uint64_t number,
                                      uint64_t known, bool all)
{
    for (uint64_t i = 0; i < page->entry.segments; i++) {
        if (number + i >= known)
            return all ? LAYR_BASE_KEPT : LAYR_BASE_WAIT;
        if (!came_from(b, number + i, page->first + i))
            return LAYR_BASE_KEPT;
    }
    return LAYR_BASE_PAGE;
}

layr_base_next_t layr_base_next(layr_base_t *b, unsigned min_shards, uint64_t number, uint64_t known,
                                bool all, bool pages, layr_stored_t *out)
{
    layr_base_next_t next = LAYR_BASE_KEPT;
    layr_base_unit_t *u;
    size_t old;
    if (number >= known || number >= b->from_cap || b->from[number] == 0)
        return LAYR_BASE_OTHER;
    old = b->from[number] - 1;
    u = &b->segment.u[old];
    if (pages && u->page && b->page.u[u->page - 1].first == old &&
        page_good(b, &b->page.u[u->page - 1], min_shards))
        next = look_for_page(b, &b->page.u[u->page - 1], number, known, all);
    if (next == LAYR_BASE_PAGE) {
        layr_shape_t shape = {0};
        u = &b->page.u[u->page - 1];
        if (layr_page_shape(&shape, b->scheme, u->entry.size) == LAYR_OK)
            count_taken(b, u, &shape);
    }
    if (next != LAYR_BASE_WAIT)
        *out = layr_base_stored(u, next == LAYR_BASE_PAGE, number);
    return next;
}
