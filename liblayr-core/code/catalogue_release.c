/*
 * Orders to be released, as the catalogue has them: so that the shards of a machine that is lost are let go of by another.
 * In the bytes those with all but their id in common stand together.
 */
#include <stdlib.h>
#include <string.h>

#include "catalogue_internal.h"

#define BATCH_BYTES (32 + 16 + 32 + 8 + 8 + 2 + 16) /* at least */

static int by_time(layr_time_t a, layr_time_t b)
{
    return (a > b) - (a < b);
}

/* But for the order. */
static int batch_order(const layr_catalogue_release_t *a, const layr_catalogue_release_t *b)
{
    int rc = memcmp(a->host, b->host, sizeof a->host);
    if (rc == 0)
        rc = memcmp(a->group, b->group, sizeof a->group);
    if (rc == 0)
        rc = memcmp(a->record_id, b->record_id, sizeof a->record_id);
    if (rc == 0)
        rc = by_time(a->due, b->due);
    return rc ? rc : by_time(a->until, b->until);
}

static int by_batch(const void *a, const void *b)
{
    const layr_catalogue_release_t *x = a, *y = b;
    int rc = batch_order(x, y);
    return rc ? rc : memcmp(x->order, y->order, sizeof x->order);
}

/* What goes at once needs no file to look at, what goes later does. */
static bool release_ok(const layr_catalogue_release_t *r)
{
    static const uint8_t none[32] = {0};
    return layr_catalogue_time_ok(r->due) && layr_catalogue_time_ok(r->until) &&
           (r->due == 0) == (memcmp(r->record_id, none, sizeof none) == 0);
}

static size_t place(const layr_catalogue_t *c, const uint8_t order[16], bool *there)
{
    return layr_catalogue_place(c->release, c->release_count, sizeof *c->release, order, 16, there);
}

static int insert(layr_catalogue_t *c, const layr_catalogue_release_t *r, size_t at)
{
    int rc = layr_catalogue_gap((void **)&c->release, &c->release_count, &c->release_cap, sizeof *r, at);
    if (rc == LAYR_OK)
        c->release[at] = *r;
    return rc;
}

bool layr_catalogue_has_release(const layr_catalogue_t *c, const uint8_t order[16])
{
    bool there;
    (void)place(c, order, &there);
    return there;
}

int layr_catalogue_add_release(layr_catalogue_t *c, const layr_catalogue_release_t *r, bool *changed)
{
    bool there;
    size_t at = place(c, r->order, &there);
    int rc;
    if (!release_ok(r))
        return LAYR_ERR_ARG;
    if (there || c->release_count >= LAYR_CATALOGUE_RELEASES)
        return LAYR_OK;
    rc = insert(c, r, at);
    *changed |= rc == LAYR_OK;
    return rc;
}

void layr_catalogue_drop_release(layr_catalogue_t *c, const uint8_t order[16], bool *changed)
{
    bool there;
    size_t at = place(c, order, &there);
    if (!there)
        return;
    memmove(c->release + at, c->release + at + 1, (c->release_count - at - 1) * sizeof *c->release);
    c->release_count--;
    *changed = true;
}

/* The same whoever merges: of what does not fit the largest ids go. */
int layr_catalogue_merge_releases(layr_catalogue_t *c, const layr_catalogue_t *other)
{
    int rc = LAYR_OK;
    for (size_t i = 0; i < other->release_count && rc == LAYR_OK; i++) {
        const layr_catalogue_release_t *r = &other->release[i];
        bool there;
        size_t at = place(c, r->order, &there);
        if (!there)
            rc = insert(c, r, at);
        else if (batch_order(&c->release[at], r) < 0)
            c->release[at] = *r;
    }
    if (c->release_count > LAYR_CATALOGUE_RELEASES)
        c->release_count = LAYR_CATALOGUE_RELEASES;
    return rc;
}

/* --- bytes --- */

static unsigned batch_size(const layr_catalogue_release_t *r, size_t left)
{
    size_t n = 1;
    while (n < left && batch_order(r, r + n) == 0)
        n++;
    return (unsigned)n;
}

static void write_batch(const layr_catalogue_release_t *r, unsigned n, layr_buf_t *out)
{
    layr_buf_add(out, r->host, 32);
    layr_buf_add(out, r->group, 16);
    layr_buf_add(out, r->record_id, 32);
    layr_buf_add64(out, (uint64_t)r->due);
    layr_buf_add64(out, (uint64_t)r->until);
    layr_buf_add16(out, (uint16_t)n);
    for (unsigned i = 0; i < n; i++)
        layr_buf_add(out, r[i].order, 16);
}

int layr_catalogue_write_releases(const layr_catalogue_t *c, layr_buf_t *out)
{
    size_t count = c->release_count, batches = 0;
    layr_catalogue_release_t *r;
    if (count == 0 || count > LAYR_CATALOGUE_RELEASES)
        return LAYR_ERR_LIMIT;
    for (size_t i = 0; i < count; i++)
        if (!release_ok(&c->release[i]))
            return LAYR_ERR_ARG;
    r = malloc(count * sizeof *r);
    if (!r)
        return LAYR_ERR_NOMEM;
    memcpy(r, c->release, count * sizeof *r);
    qsort(r, count, sizeof *r, by_batch);
    for (size_t i = 0; i < count; i += batch_size(r + i, count - i))
        batches++;
    layr_buf_add32(out, (uint32_t)batches);
    for (size_t i = 0, n; i < count; i += n) {
        n = batch_size(r + i, count - i);
        write_batch(r + i, (unsigned)n, out);
    }
    free(r);
    return LAYR_OK;
}

static void read_head(layr_reader_t *r, layr_catalogue_release_t *e, unsigned *n)
{
    const uint8_t *p = layr_read_bytes(r, 32 + 16 + 32);
    e->due = (layr_time_t)layr_read64(r);
    e->until = (layr_time_t)layr_read64(r);
    *n = layr_read16(r);
    if (!p)
        return;
    memcpy(e->host, p, 32);
    memcpy(e->group, p + 32, 16);
    memcpy(e->record_id, p + 48, 32);
    r->bad |= *n == 0 || !release_ok(e);
}

static int read_orders(layr_catalogue_t *c, layr_reader_t *r, layr_catalogue_release_t *e, unsigned n)
{
    int rc = LAYR_OK;
    for (unsigned i = 0; i < n && rc == LAYR_OK; i++) {
        const uint8_t *order = layr_read_bytes(r, 16);
        bool there;
        size_t at;
        if (!order || (i && memcmp(e->order, order, 16) >= 0) || c->release_count == LAYR_CATALOGUE_RELEASES)
            return LAYR_ERR_FORMAT;
        memcpy(e->order, order, 16);
        at = place(c, order, &there);
        rc = there ? LAYR_ERR_FORMAT : insert(c, e, at);
    }
    return rc;
}

int layr_catalogue_read_releases(layr_catalogue_t *c, layr_reader_t *r)
{
    layr_catalogue_release_t last = {0};
    uint32_t batches = layr_read32(r);
    int rc = LAYR_OK;
    if (r->bad || batches == 0 || batches > layr_reader_left(r) / BATCH_BYTES)
        return LAYR_ERR_FORMAT;
    for (uint32_t i = 0; i < batches && rc == LAYR_OK; i++) {
        layr_catalogue_release_t e = {0};
        unsigned n;
        read_head(r, &e, &n);
        if (r->bad || (i && batch_order(&last, &e) >= 0))
            return LAYR_ERR_FORMAT;
        last = e;
        rc = read_orders(c, r, &e, n);
    }
    return rc;
}
