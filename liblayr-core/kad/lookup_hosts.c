/* The hosts that a lookup knows, sorted by distance; what it has found. */
#include <string.h>

#include "kad/id.h"
#include "kad/lookup.h"

bool layr_kad_share(layr_kad_shares_t *s, uint64_t group)
{
    unsigned alike = 0;

    if (group == 0)
        return true;
    for (unsigned i = 0; i < s->count; i++)
        alike += s->group[i] == group;
    if (alike >= LAYR_KAD_GROUP_BUCKET)
        return false;
    s->group[s->count++] = group;
    return true;
}

unsigned layr_kad_cand_find(const layr_kad_lookup_t *l, const uint8_t id[32], bool *found)
{
    uint64_t far = layr_kad_far(l->c.target, id);
    unsigned low = 0, high = l->known;

    *found = false;
    while (low < high) {
        unsigned mid = low + (high - low) / 2;
        const layr_kad_cand_t *c = &l->cand[l->order[mid]];
        int side = far < c->far ? -1 : far > c->far ? 1 : layr_kad_closer(l->c.target, id, c->id);
        if (side == 0) {
            *found = true;
            return mid;
        }
        if (side < 0)
            high = mid;
        else
            low = mid + 1;
    }
    return low;
}

static char *text_of(const layr_kad_lookup_t *l, unsigned i)
{
    return (char *)(uintptr_t)l->text + (size_t)i * l->c.text_max;
}

void layr_kad_cand_show(const layr_kad_lookup_t *l, unsigned i, layr_kad_contact_t *out)
{
    const layr_kad_cand_t *c = &l->cand[i];

    *out = (layr_kad_contact_t){.seq = c->seq,
                                .exp = c->exp,
                                .group = c->group,
                                .rtt_us = c->rtt_us,
                                .var_us = c->var_us,
                                .text = text_of(l, i),
                                .len = c->len};
    memcpy(out->id, c->id, 32);
}

/* --- taking one in --- */

static void set_contact(layr_kad_lookup_t *l, unsigned i, const layr_kad_contact_t *c)
{
    layr_kad_cand_t *k = &l->cand[i];

    k->seq = c->seq;
    k->exp = c->exp;
    k->group = c->group;
    k->rtt_us = c->rtt_us;
    k->var_us = c->var_us;
    k->len = (uint16_t)c->len;
    memcpy(text_of(l, i), c->text, c->len);
}

/* Known already: a newer contact gives one that can't be reached another chance. */
static void renew(layr_kad_lookup_t *l, unsigned i, const layr_kad_contact_t *c, unsigned paths)
{
    layr_kad_cand_t *k = &l->cand[i];

    k->paths |= (uint8_t)paths;
    if (c->seq <= k->seq || (k->state != LAYR_KAD_HEARD && k->state != LAYR_KAD_FAILED))
        return;
    set_contact(l, i, c);
    k->state = LAYR_KAD_HEARD;
}

/* The farthest that was not asked and is farther than place `at`: its place in order; known: none. */
static unsigned farthest_unasked(const layr_kad_lookup_t *l, unsigned at)
{
    for (unsigned j = l->known; j-- > at;)
        if (l->cand[l->order[j]].state == LAYR_KAD_HEARD)
            return j;
    return l->known;
}

/* A number for the one that comes to place `at`, which is opened for it; LAYR_KAD_CANDIDATES: it has to stay away. */
static unsigned open_place(layr_kad_lookup_t *l, unsigned at)
{
    unsigned number = l->known, last = l->known;

    if (l->known == LAYR_KAD_CANDIDATES) {
        last = farthest_unasked(l, at);
        l->dropped++;
        if (last == l->known)
            return LAYR_KAD_CANDIDATES;
        number = l->order[last];
    } else {
        l->known++;
    }
    memmove(&l->order[at + 1], &l->order[at], (last - at) * sizeof l->order[0]);
    l->order[at] = (uint16_t)number;
    return number;
}

void layr_kad_cand_add(layr_kad_lookup_t *l, const layr_kad_contact_t *c, int from, unsigned depth,
                       unsigned paths)
{
    bool found;
    unsigned at, i;

    if (memcmp(c->id, l->c.own, 32) == 0)
        return;
    if (c->text == NULL || c->len > l->c.text_max || depth > LAYR_KAD_DEPTH) {
        l->dropped++;
        return;
    }
    at = layr_kad_cand_find(l, c->id, &found);
    if (found) {
        renew(l, l->order[at], c, paths);
        return;
    }
    if ((i = open_place(l, at)) == LAYR_KAD_CANDIDATES)
        return;
    l->cand[i] = (layr_kad_cand_t){.far = layr_kad_far(l->c.target, c->id),
                                   .from = (int16_t)from,
                                   .depth = (uint8_t)depth,
                                   .paths = (uint8_t)paths,
                                   .version = LAYR_KAD_NO_VERSION};
    memcpy(l->cand[i].id, c->id, 32);
    set_contact(l, i, c);
}

bool layr_kad_lookup_wants(const layr_kad_lookup_t *l, const uint8_t id[32], uint64_t seq)
{
    layr_kad_shares_t shares;
    unsigned answered = 0, at;
    bool found;

    if (l->done || memcmp(id, l->c.own, 32) == 0)
        return false;
    shares.count = 0;
    at = layr_kad_cand_find(l, id, &found);
    if (found) {
        const layr_kad_cand_t *c = &l->cand[l->order[at]];
        return seq > c->seq && (c->state == LAYR_KAD_HEARD || c->state == LAYR_KAD_FAILED);
    }
    if (l->known == LAYR_KAD_CANDIDATES && farthest_unasked(l, at) == l->known)
        return false;
    /* Behind k hosts that have answered it is never asked. */
    for (unsigned j = 0; l->merged && j < at; j++) {
        const layr_kad_cand_t *c = &l->cand[l->order[j]];
        answered += c->state == LAYR_KAD_ANSWERED && layr_kad_share(&shares, c->group);
    }
    return answered < l->c.want;
}

/* --- results --- */

unsigned layr_kad_lookup_closest(const layr_kad_lookup_t *l, layr_kad_contact_t *out, unsigned max)
{
    layr_kad_shares_t shares;
    unsigned count = 0;

    shares.count = 0;
    for (unsigned j = 0; j < l->known && count < max; j++) {
        const layr_kad_cand_t *c = &l->cand[l->order[j]];
        if (c->state == LAYR_KAD_ANSWERED && layr_kad_share(&shares, c->group))
            layr_kad_cand_show(l, l->order[j], &out[count++]);
    }
    return count;
}

int layr_kad_lookup_hop(const layr_kad_lookup_t *l, unsigned number, layr_kad_hop_t *out)
{
    const layr_kad_cand_t *c = &l->cand[number < l->known ? number : 0];

    if (number >= l->known)
        return LAYR_ERR_NOTFOUND;
    *out = (layr_kad_hop_t){.state = (layr_kad_state_t)c->state,
                            .depth = c->depth,
                            .from = c->from,
                            .path = c->path,
                            .holder = c->version != LAYR_KAD_NO_VERSION,
                            .asked_us = c->asked_us};
    layr_kad_cand_show(l, number, &out->contact);
    return LAYR_OK;
}

void layr_kad_lookup_stats(const layr_kad_lookup_t *l, layr_kad_lookup_stats_t *out)
{
    *out = (layr_kad_lookup_stats_t){.known = l->known,
                                     .asked = l->asked,
                                     .slow = l->slow,
                                     .dropped = l->dropped,
                                     .began_us = l->began_us,
                                     .ended_us = l->ended_us};
    for (unsigned j = 0; j < l->known; j++) {
        const layr_kad_cand_t *c = &l->cand[l->order[j]];
        if (c->state == LAYR_KAD_ANSWERED && out->answered++ == 0)
            out->hops = c->depth;
        out->failed += c->state == LAYR_KAD_FAILED;
    }
}
