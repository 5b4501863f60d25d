/*
 * Tables without joins.  When everybody has long met everybody, a bucket holds all hosts of its part of the ids, or k of
 * them by chance: so it is filled here, through the table's own door.
 */
#include <stdlib.h>

#include "sim.h"

#define RTT 159000

static void fill_bucket(sim_t *s, uint32_t n, const uint32_t *all, uint32_t first, uint32_t count)
{
    if (count <= LAYR_KAD_K) {
        for (uint32_t i = 0; i < count; i++)
            node_confirm(s, n, all[first + i], RTT);
        return;
    }
    for (unsigned i = 0; i < LAYR_KAD_K + s->o.spares; i++)
        node_confirm(s, n, all[first + random_below(&s->r, count)], RTT);
}

static void fill_table(sim_t *s, uint32_t n, const uint32_t *all)
{
    uint8_t other[32], random[32];
    uint32_t first = 0, last = s->count, near_first, near_last;

    for (unsigned b = 0; last - first > 1; b++) {
        random_fill(&s->r, random, sizeof random);
        layr_kad_random_id(other, s->node[n].id, b, random);
        set_prefix(s, all, s->count, other, b + 1, &near_first, &near_last);
        fill_bucket(s, n, all, near_first, near_last - near_first);
        set_prefix(s, all, s->count, s->node[n].id, b + 1, &first, &last);
    }
}

void fill_tables(sim_t *s)
{
    uint32_t *all = sim_alloc(s->o.nodes + 1, sizeof *all);

    for (uint32_t i = 0; i < s->o.nodes; i++)
        all[i] = node_new(s, NULL, 0);
    for (uint32_t i = 0; i < s->o.nodes; i++)
        node_begin(s, i);
    set_sort(s, all, s->o.nodes);
    for (uint32_t i = 0; i < s->o.nodes; i++) {
        fill_table(s, i, all);
        s->node[i].joined = true;
        s->joined++;
    }
    free(all);
}
