/* What a background loop does for the table: whom to ping, which bucket to look up. */
#include <string.h>

#include "kad/table.h"

#define PING_STEP 60 /* seconds between two pings of one host, and after its first failure */

static bool is_due(const layr_kad_table_t *t, const layr_kad_node_t *n, const layr_kad_bucket_t *b,
                   layr_time_t now)
{
    layr_time_t pause = PING_STEP << (n->failures > 0 ? n->failures - 1 : 0);

    if (n->tried > now - pause)
        return false;
    if (n->failures > 0 || n->seen <= now - LAYR_KAD_STALE)
        return true;
    return b->spare.count > 0 && n == &t->node[b->live.head] && n->seen <= now - LAYR_KAD_FRESH;
}

bool layr_kad_ping_due(layr_kad_table_t *t, layr_time_t now, layr_kad_contact_t *out)
{
    layr_kad_node_t *due = NULL;

    for (unsigned k = 0; k < LAYR_KAD_BUCKETS; k++) {
        const layr_kad_bucket_t *b = &t->bucket[k];
        for (unsigned i = b->live.head; i != LAYR_KAD_NONE; i = t->node[i].next) {
            layr_kad_node_t *n = &t->node[i];
            /* Who waited longest comes first. */
            if (is_due(t, n, b, now) && (due == NULL || n->tried < due->tried))
                due = n;
        }
    }
    if (due == NULL)
        return false;
    due->tried = now;
    layr_kad_show(t, (unsigned)(due - t->node), out);
    return true;
}

bool layr_kad_refresh_due(const layr_kad_table_t *t, layr_time_t now, const uint8_t random[32],
                          uint8_t target[32])
{
    int64_t before = now - LAYR_KAD_STALE, longest = INT64_MAX;
    unsigned from_here = 0, bucket = 0;

    if (t->live == 0)
        return false;
    if (t->looked <= before) {
        memcpy(target, t->own, 32);
        return true;
    }
    for (unsigned b = LAYR_KAD_BUCKETS; b-- > 0;) {
        from_here += t->bucket[b].live.count;
        if (from_here >= LAYR_KAD_K && t->bucket[b].looked <= before && t->bucket[b].looked < longest) {
            longest = t->bucket[b].looked;
            bucket = b;
        }
    }
    if (longest == INT64_MAX)
        return false;
    layr_kad_random_id(target, t->own, bucket, random);
    return true;
}

void layr_kad_looked(layr_kad_table_t *t, const uint8_t target[32], layr_time_t now)
{
    unsigned b = layr_kad_bucket_of(t, target);

    if (b == LAYR_KAD_BUCKETS)
        t->looked = now;
    else
        t->bucket[b].looked = now;
}
