/*
 * The closest contacts to an id.  With p leading bits in common between the id and our own, the buckets are, from near to
 * far: p; all above p together (they share exactly p bits with the id); p - 1; p - 2; ... 0.  So each stage is sorted
 * into the answer, and the first that fills it ends the search.
 */
#include "kad/id.h"
#include "kad/table.h"

#define BEST_MAX 256u

typedef struct best {
    const layr_kad_table_t *t;
    const uint8_t *target;
    layr_time_t now;
    unsigned max, floor, count; /* those before floor are of nearer stages */
    uint16_t at[BEST_MAX];
    uint64_t far[BEST_MAX]; /* the first 8 bytes of the distance */
} best_t;

static bool before(const best_t *w, uint64_t far, const uint8_t id[32], unsigned j)
{
    if (far != w->far[j])
        return far < w->far[j];
    return layr_kad_closer(w->target, id, w->t->node[w->at[j]].id) < 0;
}

static void insert(best_t *w, unsigned i)
{
    const layr_kad_node_t *n = &w->t->node[i];
    uint64_t far = layr_kad_far(w->target, n->id);
    unsigned j = w->count;

    if (n->exp <= w->now || n->failures >= LAYR_KAD_FAILS_SPARE)
        return;
    if (w->count == w->max) {
        if (!before(w, far, n->id, w->max - 1))
            return;
        j--;
    } else {
        w->count++;
    }
    for (; j > w->floor && before(w, far, n->id, j - 1); j--) {
        w->at[j] = w->at[j - 1];
        w->far[j] = w->far[j - 1];
    }
    w->at[j] = (uint16_t)i;
    w->far[j] = far;
}

static void add_bucket(best_t *w, unsigned b)
{
    for (unsigned i = w->t->bucket[b].live.head; i != LAYR_KAD_NONE; i = w->t->node[i].next)
        insert(w, i);
}

/* Live contacts in the buckets above p. */
static unsigned live_above(const layr_kad_table_t *t, unsigned p)
{
    unsigned below = 0;

    for (unsigned b = 0; b <= p && b < LAYR_KAD_BUCKETS; b++)
        below += t->bucket[b].live.count;
    return t->live - below;
}

unsigned layr_kad_closest(const layr_kad_table_t *t, const uint8_t target[32], layr_time_t now,
                          layr_kad_contact_t *out, unsigned max)
{
    unsigned p = layr_kad_prefix(t->own, target), left;
    best_t w;

    w.t = t;
    w.target = target;
    w.now = now;
    w.max = max < BEST_MAX ? max : BEST_MAX;
    w.floor = w.count = 0;
    if (w.max == 0)
        return 0;
    if (p < LAYR_KAD_BUCKETS)
        add_bucket(&w, p);
    w.floor = w.count;
    left = w.count < w.max ? live_above(t, p) : 0;
    for (unsigned b = p + 1; b < LAYR_KAD_BUCKETS && left > 0; b++) {
        left -= t->bucket[b].live.count;
        add_bucket(&w, b);
    }
    for (unsigned b = p; b-- > 0 && w.count < w.max;) {
        w.floor = w.count;
        add_bucket(&w, b);
    }
    for (unsigned j = 0; j < w.count; j++)
        layr_kad_show(t, w.at[j], &out[j]);
    return w.count;
}
