/*
 * Which segments of a folder's old version its new one keeps. A segment stays while any file in it is the same; what else is
 * in it stays with it, unused. Three rules keep that in bounds, by sending the files of a segment anew:
 *
 *  - of the whole stream a quarter at most is unused: those go first that free the most for what they take to send;
 *  - of small segments, which each version adds, the smallest are sent together when there are more than a few: up to twice
 *    what is sent anyway, or a fiftieth of all;
 *  - what fits a record (LAYR_INLINE_MAX) goes there.
 */
#include <stdlib.h>
#include <string.h>

#include "code/tree.h"
#include "layr/manifest.h"

#define UNUSED_SHARE 4  /* one part in so many may be unused */
#define SMALL_MAX 8     /* segments of less than half the full size that are left alone */
#define SMALL_LEFT 4    /* as many are left, when there are more */
#define SMALL_SENT 2    /* times what is sent anyway, or */
#define SMALL_SHARE 50u /* one part in so many of the stream: most that is sent for that */

typedef struct plan {
    layr_tree_t *t;
    uint8_t *state;
    const layr_tree_t *old;
    const layr_tree_segment_t *segment;
    size_t count, full;
    uint64_t *start; /* of each segment in the old stream; start[count] is its end */
    uint64_t *live;  /* bytes of each that stay in use; 0: it goes */
    uint32_t *order; /* old files that have bytes, by place */
    size_t files;
    uint32_t *taken;       /* of each old entry: 1 + the new one that it is, or 0 */
    uint64_t kept, unused; /* bytes of segments that stay, and what of them no file has */
    uint64_t fresh;        /* bytes to be sent, the tree's too */
    uint64_t again;
} plan_t;

static const layr_tree_entry_t *old_file(const plan_t *p, size_t i)
{
    return &p->old->entry[p->order[i]];
}

static bool stays(const plan_t *p, size_t i)
{
    return p->taken[p->order[i]] != 0;
}

static uint64_t stream(const plan_t *p)
{
    return p->kept + p->fresh;
}

/* --- places --- */

static size_t segment_of(const plan_t *p, uint64_t at)
{
    size_t low = 0, high = p->count;

    while (high - low > 1) {
        size_t mid = low + (high - low) / 2;

        if (p->start[mid] <= at)
            low = mid;
        else
            high = mid;
    }
    return low;
}

/* The first file that ends after this place: files don't overlap, so their ends ascend too. */
static size_t file_at(const plan_t *p, uint64_t at)
{
    size_t low = 0, high = p->files;

    while (low < high) {
        size_t mid = low + (high - low) / 2;
        const layr_tree_entry_t *e = old_file(p, mid);

        if (e->offset + e->size <= at)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static uint64_t bytes_in(const plan_t *p, const layr_tree_entry_t *e, size_t s)
{
    uint64_t from = e->offset > p->start[s] ? e->offset : p->start[s];
    uint64_t to = e->offset + e->size < p->start[s + 1] ? e->offset + e->size : p->start[s + 1];

    return to > from ? to - from : 0;
}

/* --- a file stays, or does not --- */

static void add_live(plan_t *p, size_t s, uint64_t bytes)
{
    if (p->live[s] == 0) {
        p->kept += p->segment[s].size;
        p->unused += p->segment[s].size;
    }
    p->live[s] += bytes;
    p->unused -= bytes;
}

static void drop_live(plan_t *p, size_t s, uint64_t bytes)
{
    p->live[s] -= bytes;
    p->unused += bytes;
    if (p->live[s] == 0) {
        p->kept -= p->segment[s].size;
        p->unused -= p->segment[s].size;
    }
}

/* In all the segments that it reaches into. */
static void each_segment(plan_t *p, const layr_tree_entry_t *e,
                         void (*fn)(plan_t *p, size_t s, uint64_t bytes))
{
    for (size_t s = segment_of(p, e->offset); s < p->count && p->start[s] < e->offset + e->size; s++)
        if (bytes_in(p, e, s) > 0)
            fn(p, s, bytes_in(p, e, s));
}

static bool all_good(const plan_t *p, const layr_tree_entry_t *e)
{
    for (size_t s = segment_of(p, e->offset); s < p->count && p->start[s] < e->offset + e->size; s++)
        if (!p->segment[s].good)
            return false;
    return true;
}

static void send_anew(plan_t *p, size_t i)
{
    uint32_t *taken = &p->taken[p->order[i]];

    p->state[*taken - 1] = LAYR_TREE_HASHED;
    *taken = 0;
    p->fresh += old_file(p, i)->size;
}

static void begin(plan_t *p)
{
    p->fresh = layr_tree_bytes(p->t);
    for (size_t i = 0; i < p->t->count; i++)
        if (p->state[i] != LAYR_TREE_KEPT)
            p->fresh += p->t->entry[i].size;
    for (size_t i = 0; i < p->files; i++) {
        if (stays(p, i) && !all_good(p, old_file(p, i)))
            send_anew(p, i);
        if (stays(p, i))
            each_segment(p, old_file(p, i), add_live);
    }
}

/* All that is in the segment is sent anew. */
static void give_up(plan_t *p, size_t s)
{
    for (size_t i = file_at(p, p->start[s]); i < p->files && old_file(p, i)->offset < p->start[s + 1]; i++) {
        if (!stays(p, i))
            continue;
        each_segment(p, old_file(p, i), drop_live);
        p->again += old_file(p, i)->size;
        send_anew(p, i);
    }
}

/* --- in bounds --- */

typedef struct choice {
    uint64_t cost; /* bytes to be sent */
    uint64_t gain; /* bytes freed; or 1 */
    size_t s;
} choice_t;

static int by_cost(const void *a, const void *b)
{
    const choice_t *x = a, *y = b;
    unsigned __int128 l = (unsigned __int128)x->cost * y->gain, r = (unsigned __int128)y->cost * x->gain;

    if (l != r)
        return l < r ? -1 : 1;
    return x->s < y->s ? -1 : x->s > y->s;
}

/* Bytes of all files that reach into it, wholly; the largest of them. */
static uint64_t cost_of(const plan_t *p, size_t s, uint64_t *largest)
{
    uint64_t sum = 0;

    *largest = 0;
    for (size_t i = file_at(p, p->start[s]); i < p->files && old_file(p, i)->offset < p->start[s + 1]; i++) {
        uint64_t size = stays(p, i) ? old_file(p, i)->size : 0;

        sum += size;
        *largest = size > *largest ? size : *largest;
    }
    return sum;
}

static size_t list_wasteful(const plan_t *p, choice_t *c)
{
    uint64_t largest;
    size_t n = 0;

    for (size_t s = 0; s < p->count; s++)
        if (p->live[s] > 0 && p->live[s] < p->segment[s].size)
            c[n++] = (choice_t){cost_of(p, s, &largest), p->segment[s].size - p->live[s], s};
    return n;
}

/* But not the ends of files that are larger than a segment: these would be sent whole. */
static size_t list_small(const plan_t *p, choice_t *c)
{
    size_t n = 0;

    for (size_t s = 0; s < p->count; s++) {
        uint64_t largest, cost;

        if (p->live[s] == 0 || p->segment[s].size >= p->full / 2)
            continue;
        cost = cost_of(p, s, &largest);
        if (largest <= p->full)
            c[n++] = (choice_t){cost, 1, s};
    }
    return n;
}

static bool too_wasteful(const plan_t *p)
{
    return p->unused > stream(p) / UNUSED_SHARE;
}

/* Files that reach into a neighbour leave gaps there: so it may take another round. */
static void free_unused(plan_t *p, choice_t *c)
{
    while (too_wasteful(p)) {
        size_t n = list_wasteful(p, c);

        qsort(c, n, sizeof *c, by_cost);
        for (size_t i = 0; i < n && too_wasteful(p); i++)
            if (p->live[c[i].s] > 0)
                give_up(p, c[i].s);
    }
}

static void gather_small(plan_t *p, choice_t *c)
{
    uint64_t most = p->fresh * SMALL_SENT, began = p->fresh;
    size_t n = list_small(p, c);

    if (n <= SMALL_MAX)
        return;
    if (most < stream(p) / SMALL_SHARE)
        most = stream(p) / SMALL_SHARE;
    qsort(c, n, sizeof *c, by_cost);
    for (size_t i = 0; i < n - SMALL_LEFT && p->fresh - began + c[i].cost <= most; i++)
        if (p->live[c[i].s] > 0)
            give_up(p, c[i].s);
}

static int keep_in_bounds(plan_t *p)
{
    choice_t *c = malloc((p->count + 1) * sizeof *c);

    if (c == NULL)
        return LAYR_ERR_NOMEM;
    if (stream(p) - p->unused <= LAYR_INLINE_MAX)
        for (size_t s = 0; s < p->count; s++)
            give_up(p, s);
    gather_small(p, c);
    free_unused(p, c);
    free(c);
    return LAYR_OK;
}

/* --- the new version --- */

static int set_places(const plan_t *p, layr_tree_plan_t *out)
{
    uint64_t *at = calloc(p->count + 1, sizeof *at); /* of each segment in the new stream */

    out->keep = calloc(p->count + 1, sizeof *out->keep);
    if (at == NULL || out->keep == NULL) {
        free(at);
        return LAYR_ERR_NOMEM;
    }
    for (size_t s = 0; s < p->count; s++) {
        at[s] = out->bytes;
        if (p->live[s] == 0)
            continue;
        out->keep[out->keep_count++] = (uint32_t)s;
        out->bytes += p->segment[s].size;
    }
    for (size_t i = 0; i < p->files; i++) {
        const layr_tree_entry_t *e = old_file(p, i);
        size_t s = segment_of(p, e->offset);

        if (stays(p, i))
            p->t->entry[p->taken[p->order[i]] - 1].offset = at[s] + (e->offset - p->start[s]);
    }
    out->unused = p->unused;
    out->again = p->again;
    free(at);
    return LAYR_OK;
}

static int set_starts(plan_t *p)
{
    const layr_tree_entry_t *last = p->files > 0 ? old_file(p, p->files - 1) : NULL;

    if (p->count > UINT32_MAX)
        return LAYR_ERR_LIMIT;
    for (size_t s = 0; s < p->count; s++) {
        if (p->segment[s].size == 0 || p->segment[s].size > UINT64_MAX - p->start[s])
            return LAYR_ERR_ARG;
        p->start[s + 1] = p->start[s] + p->segment[s].size;
    }
    return last != NULL && last->offset + last->size > p->start[p->count] ? LAYR_ERR_ARG : LAYR_OK;
}

static int work_out(plan_t *p, layr_tree_plan_t *out)
{
    int rc = layr_tree_by_offset(p->old, 0, p->old->count, &p->order, &p->files);

    if (rc == LAYR_OK)
        rc = set_starts(p);
    if (rc == LAYR_OK)
        rc = layr_tree_same(p->t, p->old, p->state, p->taken);
    if (rc != LAYR_OK)
        return rc;
    begin(p);
    rc = keep_in_bounds(p);
    return rc == LAYR_OK ? set_places(p, out) : rc;
}

int layr_tree_plan(layr_tree_plan_t *out, layr_tree_t *t, uint8_t *state, const layr_tree_t *old,
                   const layr_tree_segment_t *segment, size_t count, size_t full)
{
    plan_t p = {.t = t, .state = state, .old = old, .segment = segment, .count = count, .full = full};
    int rc = LAYR_ERR_NOMEM;

    *out = (layr_tree_plan_t){0};
    p.start = calloc(count + 1, sizeof *p.start);
    p.live = calloc(count + 1, sizeof *p.live);
    p.taken = calloc(old->count + 1, sizeof *p.taken);
    if (p.start != NULL && p.live != NULL && p.taken != NULL)
        rc = work_out(&p, out);
    free(p.start);
    free(p.live);
    free(p.taken);
    free(p.order);
    if (rc != LAYR_OK)
        layr_tree_plan_free(out);
    return rc;
}

void layr_tree_plan_free(layr_tree_plan_t *p)
{
    free(p->keep);
    *p = (layr_tree_plan_t){0};
}
