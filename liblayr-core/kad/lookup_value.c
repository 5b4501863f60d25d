/* The versions of a record that holders gave, and how many of them gave each. */
#include <string.h>

#include "kad/lookup.h"

static bool same(const layr_kad_version_t *a, const layr_kad_version_t *b)
{
    return a->seq == b->seq && memcmp(a->sha256, b->sha256, 32) == 0;
}

/* Its index; version_count: not there. */
static unsigned find(const layr_kad_lookup_t *l, const layr_kad_version_t *v)
{
    unsigned i = 0;

    while (i < l->version_count && !same(&l->version[i], v))
        i++;
    return i;
}

/* Where one more can go: a free place, else that of the lowest sequence if it is lower; LAYR_KAD_VERSIONS: nowhere. */
static unsigned room_for(layr_kad_lookup_t *l, const layr_kad_version_t *v)
{
    unsigned low = 0;

    if (l->version_count < LAYR_KAD_VERSIONS)
        return l->version_count++;
    for (unsigned i = 1; i < LAYR_KAD_VERSIONS; i++)
        if (l->version[i].seq < l->version[low].seq)
            low = i;
    if (l->version[low].seq >= v->seq)
        return LAYR_KAD_VERSIONS;
    for (unsigned i = 0; i < l->known; i++)
        if (l->cand[i].version == low)
            l->cand[i].version = LAYR_KAD_NO_VERSION;
    return low;
}

void layr_kad_version_note(layr_kad_lookup_t *l, unsigned i, const layr_kad_version_t *v)
{
    unsigned at = find(l, v);

    if (at == l->version_count) {
        at = room_for(l, v);
        if (at == LAYR_KAD_VERSIONS) {
            l->dropped++;
            return;
        }
        l->version[at] = *v;
    }
    l->cand[i].version = (uint8_t)at;
}

static unsigned holders_of(const layr_kad_lookup_t *l, unsigned version)
{
    layr_kad_shares_t shares;
    unsigned count = 0;

    shares.count = 0;
    for (unsigned j = 0; j < l->known; j++) {
        const layr_kad_cand_t *c = &l->cand[l->order[j]];
        count += c->version == version && layr_kad_share(&shares, c->group);
    }
    return count;
}

static bool better(const layr_kad_version_t *a, const layr_kad_version_t *b)
{
    if (a->seq != b->seq)
        return a->seq > b->seq;
    if (a->holders != b->holders)
        return a->holders > b->holders;
    return memcmp(a->sha256, b->sha256, 32) > 0;
}

int layr_kad_lookup_version(const layr_kad_lookup_t *l, unsigned i, layr_kad_version_t *out)
{
    layr_kad_version_t sorted[LAYR_KAD_VERSIONS];

    if (i >= l->version_count)
        return LAYR_ERR_NOTFOUND;
    for (unsigned n = 0; n < l->version_count; n++) {
        layr_kad_version_t v = l->version[n];
        unsigned at = n;
        v.holders = holders_of(l, n);
        for (; at > 0 && better(&v, &sorted[at - 1]); at--)
            sorted[at] = sorted[at - 1];
        sorted[at] = v;
    }
    *out = sorted[i];
    return LAYR_OK;
}

bool layr_kad_version_settled(const layr_kad_lookup_t *l)
{
    layr_kad_version_t best;

    return layr_kad_lookup_version(l, 0, &best) == LAYR_OK && best.holders >= LAYR_KAD_QUORUM;
}
