/*
 * How likely a loss is.  Rare ones by multilevel splitting with a fixed effort (Garvels and Kroese, 1998; Botev and Kroese,
 * 2008): a loss has to pass n - 1, n - 2, ... k good shards; from the states in which one of these was reached first, as many
 * runs as always are begun anew, each with a future of its own, and the parts that reach the next one are multiplied.  That has
 * no bias, so batches of it have a mean and a standard error.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "layr/durability.h"
#include "layr/flow.h"
#include "sim.h"

#define TRAFFIC_YEARS 1.5 /* of plain runs for each of the trials, for what repairs cost */

/* Two-sided 95 % of Student's t (Cornish and Fisher's expansion: within 2 % from 4 degrees of freedom on). */
static double student(double freedom)
{
    double z = 1.959964, z3 = z * z * z, z5 = z3 * z * z;

    return z + (z3 + z) / (4 * freedom) + (5 * z5 + 16 * z3 + 3 * z) / (96 * freedom * freedom);
}

/* --- a run's beginning: segments of some age, that are not lost --- */

#define TRIES 100 /* so many lives in a row ended before: a new one is taken, of any age but that */
#define STRATA 40 /* moments that are taken of one life, as getting there is most of the work */

typedef struct walker {
    world_t *w;
    unsigned stratum; /* of the age, next; 0: a new life */
} walker_t;

/* When it is lost on the way, another one takes its place, at the same age. */
static void walk(walker_t *walker, world_t *out, double *ends)
{
    world_t *w = walker->w;
    double age = w->o->age * YEAR, at = age * (walker->stratum + random_unit(w->r)) / STRATA;

    if (walker->stratum == 0 || age == 0)
        world_begin(w);
    for (unsigned tries = 0; age > 0 && run_until(w, tries < TRIES ? at : 0, w->k - 1); tries++)
        world_begin(w);
    walker->stratum = (walker->stratum + 1) % STRATA;
    world_copy(out, w);
    world_redraw(out); /* its own from here on: the walker will go through the same moments */
    *ends = out->now + w->o->years * YEAR;
}

/* --- splitting --- */

typedef struct pool {
    world_t **world;
    double *ends;
    uint32_t count; /* that reached the level */
} pool_t;

static void pool_make(pool_t *p, const options_t *o, random_t *r, uint32_t trials)
{
    p->world = sim_alloc(trials, sizeof(void *));
    p->ends = sim_alloc(trials, sizeof *p->ends);
    for (uint32_t i = 0; i < trials; i++)
        p->world[i] = world_new(o, r);
}

static void pool_free(pool_t *p, uint32_t trials)
{
    for (uint32_t i = 0; i < trials; i++)
        world_free(p->world[i]);
    free(p->world);
    free(p->ends);
}

/* From those of `from` in turn, a random one first; when there is none, from where the walker comes by. */
static void reach(pool_t *to, const pool_t *from, walker_t *walker, uint32_t level, uint32_t trials)
{
    uint32_t first = from != NULL ? random_below(walker->w->r, from->count) : 0;

    to->count = 0;
    for (uint32_t i = 0; i < trials; i++) {
        world_t *w = to->world[to->count];
        double *ends = &to->ends[to->count];

        if (from == NULL) {
            walk(walker, w, ends);
        } else {
            uint32_t which = (first + i) % from->count;

            world_copy(w, from->world[which]);
            *ends = from->ends[which];
            world_redraw(w);
        }
        to->count += run_until(w, *ends, level);
    }
}

/* Of all batches, by level. */
typedef struct levels {
    double hits[N_MAX], trials[N_MAX];
} levels_t;

/* The floor is of a year. */
static double lowest(const options_t *o)
{
    return o->floor * o->years;
}

/* Far below the floor it is of no matter how far. */
#define FAR 100

static double batch(const options_t *o, walker_t *walker, pool_t pool[2], levels_t *l)
{
    uint32_t trials = (uint32_t)o->trials, n = o->scheme.n, k = o->scheme.k;
    double p = 1;

    for (uint32_t level = n - 1; level + 1 >= k; level--) {
        pool_t *to = &pool[level % 2], *from = level == n - 1 ? NULL : &pool[(level + 1) % 2];

        reach(to, from, walker, level, trials);
        l->hits[level] += to->count;
        l->trials[level] += trials;
        p *= (double)to->count / trials;
        if (to->count == 0 || p < lowest(o) / FAR || level == 0)
            break;
    }
    return p;
}

/* No batch got to the end: where they got to, and by the rule of three no further. */
static double bound(const options_t *o, const levels_t *l)
{
    double p = 1;

    for (uint32_t level = o->scheme.n - 1u; l->trials[level] > 0; level--) {
        p *= most(l->hits[level], 3) / l->trials[level];
        if (l->hits[level] == 0 || level == 0)
            break;
    }
    return most(p, lowest(o));
}

static void summarize(const double *p, unsigned batches, estimate_t *out)
{
    double sum = 0, squares = 0, wide;

    for (unsigned i = 0; i < batches; i++)
        sum += p[i];
    out->p = sum / batches;
    for (unsigned i = 0; i < batches; i++)
        squares += (p[i] - out->p) * (p[i] - out->p);
    out->error = sqrt(squares / (batches - 1) / batches);
    /* what rare runs give is skewed to the right: the interval is of the logarithm */
    wide = out->p > 0 ? exp(student(batches - 1) * out->error / out->p) : 1;
    out->low = out->p / wide;
    out->high = least(out->p * wide, 1);
}

void estimate_split(const options_t *o, random_t *r, estimate_t *out)
{
    unsigned batches = (unsigned)o->batches;
    uint32_t trials = (uint32_t)o->trials;
    double p[BATCHES_MAX] = {0};
    walker_t walker = {world_new(o, r), 0};
    levels_t levels = {0};
    pool_t pool[2];

    *out = (estimate_t){0};
    pool_make(&pool[0], o, r, trials);
    pool_make(&pool[1], o, r, trials);
    for (unsigned i = 0; i < batches; i++)
        p[i] = batch(o, &walker, pool, &levels);
    summarize(p, batches, out);
    out->none = out->p == 0 || out->p < lowest(o);
    if (out->none) {
        out->p = out->high = bound(o, &levels);
        out->low = 0;
    }
    pool_free(&pool[0], trials);
    pool_free(&pool[1], trials);
    world_free(walker.w);
}

/* --- counting --- */

/* Wilson's interval; without a loss the rule of three. */
void estimate_plain(const options_t *o, random_t *r, estimate_t *out)
{
    double count = o->trials * o->batches, lost = 0, z2 = 1.96 * 1.96, middle, wide, ends;
    walker_t walker = {world_new(o, r), 0};
    world_t *w = world_new(o, r);

    for (uint64_t i = 0; i < (uint64_t)count; i++) {
        walk(&walker, w, &ends);
        lost += run_until(w, ends, w->k - 1);
    }
    world_free(walker.w);
    world_free(w);
    out->p = lost / count;
    out->error = sqrt(out->p * (1 - out->p) / count);
    middle = (out->p + z2 / 2 / count) / (1 + z2 / count);
    wide = sqrt(z2 * out->p * (1 - out->p) / count + z2 * z2 / 4 / count / count) / (1 + z2 / count);
    out->low = most(middle - wide, 0);
    out->high = least(middle + wide, 1);
    out->none = lost == 0;
    if (out->none) {
        out->p = out->high = 3 / count;
        out->low = 0;
    }
}

/* What repairs cost, of segments past their first years. */
void estimate_traffic(const options_t *o, random_t *r, result_t *out)
{
    double span = (o->age + o->years) * YEAR, lived = 0, repairs = 0, restored = 0;
    world_t *w = world_new(o, r);

    out->simulated = ceil(TRAFFIC_YEARS * o->trials * YEAR / span);
    for (uint64_t i = 0; i < (uint64_t)out->simulated; i++) {
        double before, made;

        world_begin(w);
        if (run_until(w, o->age * YEAR, w->k - 1)) {
            out->lost++;
            continue;
        }
        before = w->repairs;
        made = w->restored;
        out->lost += run_until(w, o->age * YEAR + span, w->k - 1);
        lived += (w->now - o->age * YEAR) / YEAR * w->segments;
        repairs += w->repairs - before;
        restored += w->restored - made;
    }
    world_free(w);
    if (lived == 0)
        return;
    out->repairs = repairs / lived;
    out->sent = restored / lived / o->scheme.n;
    out->got = out->repairs * o->scheme.k / o->scheme.n;
}

/* --- a row --- */

/* From a loss within `years` to one within a year. */
static double yearly(double p, double years)
{
    return p < 1 ? -expm1(log1p(-p) / years) : 1;
}

static void per_year(estimate_t *e, double years)
{
    double p = e->p;

    e->p = yearly(p, years);
    e->error *= p > 0 ? e->p / p : 1;
    e->low = yearly(e->low, years);
    e->high = yearly(e->high, years);
}

/* The library's formula, which knows of lost hosts only. */
static double foreseen(const options_t *o)
{
    double noticed = (o->grace + o->sample_every / 2 + o->repair_hours * HOUR) * 86400;

    return layr_loss_with_repair(o->scheme, (unsigned)o->threshold, o->host_loss / 100, noticed, 1);
}

void simulate(const options_t *o, const char *name, result_t *out)
{
    random_t r;
    clock_t start = clock();

    *out = (result_t){.o = *o};
    if (out->o.threshold == 0)
        out->o.threshold = layr_default_threshold(o->scheme);
    o = &out->o;
    out->threshold = (unsigned)o->threshold;
    strncpy(out->name, name, sizeof out->name - 1);
    random_seed(&r, (uint64_t)o->seed);
    if (o->plain)
        estimate_plain(o, &r, &out->year);
    else
        estimate_split(o, &r, &out->year);
    per_year(&out->year, o->years);
    if (!o->no_repair)
        estimate_traffic(o, &r, out);
    out->data = o->hosts > 0 ? -1 : -expm1(o->data * log1p(-least(out->year.p, 1 - 1e-16)) / o->segments);
    out->foreseen = o->no_repair ? layr_loss_without_repair(o->scheme, o->host_loss / 100, 1) : foreseen(o);
    out->seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
}
