/* Hosts and shards, and what befalls them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"

#define FLAKY_TIMES 10

void *sim_alloc(size_t count, size_t size)
{
    void *p = calloc(count, size);

    if (p == NULL) {
        fputs("durability-sim: out of memory: fewer --segments or --trials need less\n", stderr);
        exit(1);
    }
    return p;
}

/* An exponential time; for a rate of 0: never. */
static double wait_for(world_t *w, double rate)
{
    return rate > 0 ? -log(random_unit(w->r)) / rate : INFINITY;
}

/* The rate at which this part, in percent, is gone within a year. */
static double rate_of(double percent)
{
    return -log1p(-percent / 100) / YEAR;
}

/* --- a world --- */

world_t *world_new(const options_t *o, random_t *r)
{
    world_t *w = sim_alloc(1, sizeof *w);
    w->o = o;
    w->r = r;
    w->k = o->scheme.k;
    w->n = o->scheme.n;
    w->threshold = (unsigned)o->threshold;
    w->segments = (uint32_t)o->segments;
    w->hosts = o->hosts > 0 ? (uint32_t)o->hosts : w->segments * w->n;
    /* 1 / scale: the mean of lifetimes is the same whatever their shape */
    w->death_rate = rate_of(o->host_loss) * tgamma(1 + 1 / o->weibull);
    w->absence_rate = o->away_every > 0 ? 1 / o->away_every : 0;
    w->miss = pow(1 - o->spoilt / 100, o->sample);
    w->host = sim_alloc(w->hosts, sizeof *w->host);
    w->shard = sim_alloc((size_t)w->segments * w->n, sizeof *w->shard);
    w->segment = sim_alloc(w->segments, sizeof *w->segment);
    w->queue = sim_alloc(w->segments, sizeof *w->queue);
    return w;
}

void world_free(world_t *w)
{
    if (w == NULL)
        return;
    free(w->host);
    free(w->shard);
    free(w->segment);
    free(w->queue);
    free(w);
}

void world_copy(world_t *to, const world_t *from)
{
    world_t own = *to;

    *to = *from;
    to->host = own.host;
    to->shard = own.shard;
    to->segment = own.segment;
    to->queue = own.queue;
    memcpy(to->host, from->host, from->hosts * sizeof *to->host);
    memcpy(to->shard, from->shard, (size_t)from->segments * from->n * sizeof *to->shard);
    memcpy(to->segment, from->segment, from->segments * sizeof *to->segment);
    memcpy(to->queue, from->queue, from->segments * sizeof *to->queue);
}

/* --- hosts --- */

/* Weibull, given that it has lived until now; with a shape of 1 the age is of no matter. */
static double draw_death(world_t *w, const host_t *h)
{
    double shape = w->o->weibull, age = w->now - h->born;

    if (w->death_rate == 0)
        return INFINITY;
    if (shape == 1)
        return w->now + wait_for(w, w->death_rate);
    return h->born + pow(pow(age * w->death_rate, shape) - log(random_unit(w->r)), 1 / shape) / w->death_rate;
}

static double draw_absence(world_t *w, const host_t *h, double from)
{
    return from + wait_for(w, w->absence_rate * (h->flaky ? FLAKY_TIMES : 1));
}

static double draw_return(world_t *w, double from)
{
    double mean = w->o->away_hours * HOUR, sigma = w->o->away_sigma;

    if (sigma > 0)
        return from + random_lognormal(w->r, mean * exp(-sigma * sigma / 2), sigma);
    return from + wait_for(w, 1 / mean);
}

static void host_begin(world_t *w, host_t *h)
{
    *h = (host_t){.born = w->now};
    h->flaky = w->o->flaky > 0 && random_unit(w->r) * 100 < w->o->flaky;
    h->dies = draw_death(w, h);
    h->turns = draw_absence(w, h, w->now);
}

/* Absences are looked at only when somebody asks the host. */
static bool host_answers(world_t *w, host_t *h)
{
    while (h->turns <= w->now) {
        h->away = !h->away;
        h->turns = h->away ? draw_return(w, h->turns) : draw_absence(w, h, h->turns);
    }
    return !h->away;
}

static void find_next_death(world_t *w)
{
    w->next_death = INFINITY;
    for (uint32_t i = 0; i < w->hosts; i++)
        w->next_death = least(w->next_death, w->host[i].dies);
}

/* --- shards --- */

bool world_answers(world_t *w, const shard_t *s)
{
    return s->fate != GONE && host_answers(w, &w->host[s->host]);
}

/* Hosts of one network: neighbours by number. */
static uint32_t group_of(const world_t *w, uint32_t host)
{
    return host / (uint32_t)w->o->group;
}

/* No sibling there, and fewer in its network than half of what may be lost, as in liblayr-core/kad/placement.c. */
static bool is_fit(world_t *w, uint32_t segment, uint32_t host)
{
    const shard_t *s = w->shard + (size_t)segment * w->n;
    unsigned near = 0, share = (w->n - w->k) / 2;

    for (unsigned i = 0; i < w->n; i++) {
        if (s[i].fate == GONE)
            continue;
        if (s[i].host == host)
            return false;
        near += w->o->group > 0 && group_of(w, s[i].host) == group_of(w, host);
    }
    return (near == 0 || near < share) && host_answers(w, &w->host[host]);
}

static bool pick_host(world_t *w, uint32_t segment, uint32_t *out)
{
    uint32_t first = random_below(w->r, w->hosts);

    for (uint32_t i = 0; i < w->hosts; i++) {
        *out = (first + i * 7919u) % w->hosts; /* not always the neighbour of one that isn't fit */
        if (is_fit(w, segment, *out))
            return true;
    }
    return false;
}

bool world_place(world_t *w, uint32_t segment, unsigned index)
{
    shard_t *s = &w->shard[(size_t)segment * w->n + index];
    uint32_t host = segment * w->n + index;

    if (w->o->hosts > 0) {
        if (!pick_host(w, segment, &host))
            return false;
    } else {
        host_begin(w, &w->host[host]);
        find_next_death(w);
    }
    if (s->fate != GOOD)
        w->segment[segment].good++;
    *s = (shard_t){.silent_since = -1, .host = host, .fate = GOOD};
    w->quiet_until = 0;
    return true;
}

static void lose(world_t *w, size_t number, fate_t fate)
{
    segment_t *g = &w->segment[number / w->n];

    if (w->shard[number].fate == GOOD) {
        g->good--;
        if (g->good < w->lowest)
            w->lowest = g->good;
    }
    w->shard[number].fate = fate;
    w->quiet_until = 0;
}

/* --- events --- */

/* In its place another one comes, with nothing on it. */
static void die(world_t *w, uint32_t host)
{
    for (size_t i = 0; i < (size_t)w->segments * w->n; i++)
        if (w->shard[i].host == host && w->shard[i].fate != GONE)
            lose(w, i, GONE);
    host_begin(w, &w->host[host]);
}

static void draw_corruption(world_t *w)
{
    w->next_corruption = w->now + wait_for(w, rate_of(w->o->corrupt) * w->segments * w->n);
}

static uint32_t group_count(const world_t *w)
{
    return w->o->group > 0 ? (w->hosts + (uint32_t)w->o->group - 1) / (uint32_t)w->o->group : 0;
}

static void draw_group(world_t *w)
{
    w->next_group = w->now + wait_for(w, rate_of(w->o->group_loss) * group_count(w));
}

static void lose_group(world_t *w)
{
    uint32_t group = random_below(w->r, group_count(w));

    for (uint32_t i = 0; i < w->hosts; i++)
        if (group_of(w, i) == group)
            die(w, i);
    draw_group(w);
    find_next_death(w);
}

static void corrupt_one(world_t *w)
{
    size_t i = random_below(w->r, w->segments * w->n);

    if (w->shard[i].fate == GOOD)
        lose(w, i, CORRUPT);
    draw_corruption(w);
}

void world_happen(world_t *w)
{
    if (w->now == w->next_group) {
        lose_group(w);
    } else if (w->now == w->next_corruption) {
        corrupt_one(w);
    } else {
        for (uint32_t i = 0; i < w->hosts; i++)
            if (w->host[i].dies <= w->now)
                die(w, i);
        find_next_death(w);
    }
}

/* --- the beginning, and another future --- */

void world_begin(world_t *w)
{
    w->now = 0;
    w->repairs = w->restored = 0;
    w->quiet_until = 0;
    w->lowest = w->n;
    for (uint32_t i = 0; i < w->hosts; i++)
        host_begin(w, &w->host[i]);
    for (size_t i = 0; i < (size_t)w->segments * w->n; i++)
        w->shard[i].fate = GONE;
    for (uint32_t i = 0; i < w->segments; i++) {
        w->segment[i] = (segment_t){.good = 0};
        for (unsigned j = 0; j < w->n; j++)
            world_place(w, i, j);
    }
    find_next_death(w);
    draw_corruption(w);
    draw_group(w);
    keeper_begin(w);
}

void world_redraw(world_t *w)
{
    for (uint32_t i = 0; i < w->hosts; i++) {
        host_t *h = &w->host[i];

        h->dies = draw_death(w, h);
        if (host_answers(w, h))
            h->turns = draw_absence(w, h, w->now);
    }
    find_next_death(w);
    draw_corruption(w);
    draw_group(w);
    w->quiet_until = 0;
}
