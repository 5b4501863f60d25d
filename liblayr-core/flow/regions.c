/* The parts of the id space whose hosts a put knows. */
#include <stdlib.h>
#include <string.h>

#include "engine.h"
#include "find.h"

#define KNOWN 1
#define ASKED 2

void layr_regions_init(layr_regions_t *r, layr_session_t *s)
{
    *r = (layr_regions_t){.s = s};
}

void layr_regions_free(layr_regions_t *r)
{
    for (unsigned i = 0; i < r->count; i++)
        layr_dht_lookup_drop(r->under[i]);
    free(r->under);
    free(r->part);
    free(r->state);
    *r = (layr_regions_t){0};
}

static unsigned part_of(const layr_regions_t *r, const uint8_t id[32])
{
    unsigned first = (unsigned)id[0] << 8 | id[1];
    return r->bits ? first >> (16 - r->bits) : 0;
}

/* --- how large is the network --- */

/* The first 64 bits of the distance from the target to the farthest of those found, and how many they are. */
static uint64_t width(const layr_dht_lookup_t *l, const uint8_t target[32], unsigned *found)
{
    layr_host_t h[LAYR_KAD_K];
    uint64_t far = 0;
    *found = layr_dht_lookup_closest(l, h, LAYR_KAD_K);
    for (unsigned i = 0; *found && i < 8; i++)
        far = far << 8 | (uint64_t)(uint8_t)(h[*found - 1].id[i] ^ target[i]);
    return far;
}

/* So many hosts in so much of the id space: a part is to have LAYR_REGION_HOSTS, or up to twice as many. */
static unsigned bits_for(double hosts)
{
    unsigned bits = 0;
    while (bits < LAYR_REGION_BITS && hosts >= 2 * LAYR_REGION_HOSTS) {
        hosts /= 2;
        bits++;
    }
    return bits;
}

int layr_regions_survey(layr_regions_t *r)
{
    layr_dht_lookup_t *l[LAYR_SURVEY] = {0};
    uint8_t target[LAYR_SURVEY][32];
    double hosts = 0, share = 0;
    int rc = LAYR_OK;
    if (r->surveyed || !r->s->dht)
        return LAYR_OK;
    for (unsigned i = 0; i < LAYR_SURVEY && rc == LAYR_OK; i++) {
        layr_dht_lookup_opts_t o = {0};
        layr_random(target[i], 32);
        target[i][0] = (uint8_t)((target[i][0] & 0x3f) | i << 6); /* one in each quarter */
        memcpy(o.target, target[i], 32);
        rc = layr_dht_lookup(r->s->dht, &l[i], &o);
    }
    for (unsigned i = 0; i < LAYR_SURVEY && rc == LAYR_OK; i++) {
        unsigned found;
        rc = layr_dht_lookup_wait(l[i], r->s->cancel);
        rc = rc == LAYR_ERR_HOSTS ? LAYR_OK : rc;
        layr_find_note(r->s, l[i]);
        share += (double)width(l[i], target[i], &found) / 18446744073709551616.0;
        hosts += found;
    }
    r->bits = share > 0 ? bits_for(hosts / share) : 0;
    if (rc == LAYR_OK && !(r->state = calloc(1u << r->bits, 1)))
        rc = LAYR_ERR_NOMEM;
    for (unsigned i = 0; i < LAYR_SURVEY; i++) {
        if (rc == LAYR_OK)
            r->state[part_of(r, target[i])] = KNOWN;
        layr_dht_lookup_drop(l[i]);
    }
    r->surveyed = rc == LAYR_OK;
    return rc;
}

/* --- the others, when they are needed --- */

static int grow(layr_regions_t *r)
{
    unsigned cap = r->cap ? r->cap * 2 : 16;
    layr_dht_lookup_t **under = realloc(r->under, cap * sizeof(layr_dht_lookup_t *));
    unsigned *part;
    if (under)
        r->under = under;
    part = realloc(r->part, cap * sizeof *part);
    if (part)
        r->part = part;
    if (!under || !part)
        return LAYR_ERR_NOMEM;
    r->cap = cap;
    return LAYR_OK;
}

static bool ask(layr_regions_t *r, const uint8_t id[32], unsigned part)
{
    layr_dht_lookup_opts_t o = {0};
    if (r->count == r->cap && grow(r) != LAYR_OK)
        return false;
    memcpy(o.target, id, 32);
    if (layr_dht_lookup(r->s->dht, &r->under[r->count], &o) != LAYR_OK)
        return false;
    r->part[r->count++] = part;
    r->state[part] = ASKED;
    return true;
}

/* Without memory for a lookup those known will do. */
bool layr_regions_know(layr_regions_t *r, const uint8_t id[32])
{
    unsigned part;
    if (!r->s->dht || layr_regions_survey(r) != LAYR_OK)
        return true;
    part = part_of(r, id);
    return r->state[part] == KNOWN || (r->state[part] != ASKED && !ask(r, id, part));
}

bool layr_regions_busy(const layr_regions_t *r)
{
    return r->count > 0;
}

bool layr_regions_turn(layr_regions_t *r, long ms)
{
    bool ended = false;
    if (!r->count)
        return false;
    layr_dht_turn(r->s->dht, ms);
    for (unsigned i = r->count; i-- > 0;) {
        layr_dht_lookup_t *l = r->under[i];
        if (!layr_dht_lookup_over(l))
            continue;
        layr_find_note(r->s, l);
        r->state[r->part[i]] = KNOWN;
        layr_dht_lookup_drop(l);
        r->count--;
        r->under[i] = r->under[r->count];
        r->part[i] = r->part[r->count];
        ended = true;
    }
    return ended;
}
