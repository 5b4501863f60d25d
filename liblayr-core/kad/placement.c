/* Which host takes a shard. */
#include <string.h>

#include "layr/kad.h"

typedef struct choice {
    const layr_kad_place_host_t *hosts;
    size_t count;
    const uint8_t *shard;
    const layr_kad_place_rule_t *rule;
    const layr_kad_segment_t *seg;
    layr_kad_place_why_t why;
} choice_t;

unsigned layr_kad_group_share(unsigned k, unsigned n)
{
    unsigned share = n > k ? (n - k) / 2 : 0;

    return share > 0 ? share : 1;
}

int layr_kad_segment_add(layr_kad_segment_t *seg, const uint8_t host[32], uint64_t group)
{
    if (seg->count >= LAYR_KAD_SIBLINGS)
        return LAYR_ERR_LIMIT;
    memcpy(seg->at[seg->count].host, host, 32);
    seg->at[seg->count++].group = group;
    return LAYR_OK;
}

int layr_kad_segment_drop(layr_kad_segment_t *seg, const uint8_t host[32])
{
    for (unsigned i = 0; i < seg->count; i++)
        if (memcmp(seg->at[i].host, host, 32) == 0) {
            seg->at[i] = seg->at[--seg->count];
            return LAYR_OK;
        }
    return LAYR_ERR_NOTFOUND;
}

/* Counts why not. */
static bool is_fit(choice_t *ch, const layr_kad_place_host_t *h)
{
    unsigned alike = 0;

    for (unsigned i = 0; i < ch->seg->count; i++) {
        if (memcmp(ch->seg->at[i].host, h->id, 32) == 0) {
            ch->why.sibling++;
            return false;
        }
        alike += h->group != 0 && ch->seg->at[i].group == h->group;
    }
    if (h->out)
        ch->why.out++;
    else if (h->price > ch->rule->price_max)
        ch->why.price++;
    else if (h->free < ch->rule->bytes || h->capacity == 0)
        ch->why.room++;
    else if (ch->rule->group_max != 0 && alike >= ch->rule->group_max)
        ch->why.group++;
    else
        return true;
    return false;
}

/* More room left as a share of the capacity: 128 bits, as the products don't fit 64. A host may claim more room than it has. */
static int compare_room(const layr_kad_place_host_t *a, const layr_kad_place_host_t *b)
{
    uint64_t fa = a->free < a->capacity ? a->free : a->capacity;
    uint64_t fb = b->free < b->capacity ? b->free : b->capacity;
    unsigned __int128 left = (unsigned __int128)fa * b->capacity, right = (unsigned __int128)fb * a->capacity;

    return left > right ? 1 : left < right ? -1 : 0;
}

/*
 * Rendezvous hashing (Thaler, Ravishankar 1998): of hosts with the same room another wins for each shard, each as often.
 * Closeness would not do that: a host in an empty part of the id space is the closest to three times as many.
 */
static uint64_t draw(const uint8_t shard[32], const uint8_t host[32])
{
    uint64_t x = 0;

    for (unsigned i = 24; i < 32; i++)
        x = x << 8 | (uint8_t)(shard[i] ^ host[i]);
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9; /* the finalizer of splitmix64 (Steele, Lea, Flood 2014) */
    x = (x ^ x >> 27) * 0x94d049bb133111eb;
    return x ^ x >> 31;
}

static bool is_better(const choice_t *ch, const layr_kad_place_host_t *a, const layr_kad_place_host_t *b)
{
    int room = compare_room(a, b);

    return room > 0 || (room == 0 && draw(ch->shard, a->id) > draw(ch->shard, b->id));
}

/* The k closest to the shard that are farther than `after` (NULL: the first ones), sorted; how many. */
static unsigned next_closest(const choice_t *ch, const uint8_t *after, size_t out[LAYR_KAD_K])
{
    unsigned n = 0;

    for (size_t i = 0; i < ch->count; i++) {
        const uint8_t *id = ch->hosts[i].id;
        unsigned at;
        if (after != NULL && layr_kad_closer(ch->shard, after, id) >= 0)
            continue;
        if (n == LAYR_KAD_K && layr_kad_closer(ch->shard, ch->hosts[out[n - 1]].id, id) < 0)
            continue;
        at = n < LAYR_KAD_K ? n++ : n - 1;
        for (; at > 0 && layr_kad_closer(ch->shard, id, ch->hosts[out[at - 1]].id) < 0; at--)
            out[at] = out[at - 1];
        out[at] = i;
    }
    return n;
}

/* Of these the fit one with most room; count: none. */
static size_t best_of(choice_t *ch, const size_t *near, unsigned n)
{
    size_t best = ch->count;

    for (unsigned i = 0; i < n; i++) {
        const layr_kad_place_host_t *h = &ch->hosts[near[i]];
        if (is_fit(ch, h) && (best == ch->count || is_better(ch, h, &ch->hosts[best])))
            best = near[i];
    }
    return best;
}

int layr_kad_place(size_t *chosen, layr_kad_segment_t *seg, const layr_kad_place_host_t *hosts, size_t count,
                   const uint8_t shard[32], const layr_kad_place_rule_t *rule, layr_kad_place_why_t *why)
{
    choice_t ch = {hosts, count, shard, rule, seg, {0, 0, 0, 0, 0}};
    const uint8_t *after = NULL;
    size_t near[LAYR_KAD_K], best = count;
    unsigned n;

    if (seg->count >= LAYR_KAD_SIBLINGS)
        return LAYR_ERR_LIMIT;
    while (best == count && (n = next_closest(&ch, after, near)) > 0) {
        best = best_of(&ch, near, n);
        after = hosts[near[n - 1]].id;
    }
    if (best == count) {
        if (why != NULL)
            *why = ch.why;
        return LAYR_ERR_HOSTS;
    }
    *chosen = best;
    return layr_kad_segment_add(seg, hosts[best].id, hosts[best].group);
}
