/* What the network is asked to stand, one row each, with what it must reach. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "sim.h"

/* A bound that is missed is said on stderr. */
static unsigned want(const result_t *r, const char *what, double got, double bound, bool at_most)
{
    if (at_most ? got <= bound : got >= bound)
        return 0;
    fprintf(stderr, "kad-sim: %s, %u nodes: %s is %.4f, and must be at %s %.4f\n", r->name, r->o.nodes, what,
            got, at_most ? "most" : "least", bound);
    return 1;
}

static unsigned check_plain(const result_t *r)
{
    return want(r, "the mean of hops", r->hops, log2(r->o.nodes) / 3, true) +
           want(r, "the part of lookups that find the closest 20", r->found, 0.999, false) +
           want(r, "the part of records found", r->records, 1, false);
}

static unsigned check_dead(const result_t *r)
{
    return want(r, "the part of records found", r->records, 0.99, false);
}

static unsigned check_churn(const result_t *r)
{
    return want(r, "the part of records found", r->records, 0.999, false);
}

static unsigned check_ground(const result_t *r)
{
    return want(r, "the fewest places that answer", r->places_min, 2, false);
}

static unsigned check_near(const result_t *r)
{
    return want(r, "the fewest places that answer", r->places_min, PLACES, false);
}

static double plain_ms;
static unsigned check_stall(const result_t *r)
{
    return want(r, "the median time, in those without", r->ms / plain_ms, 3, true);
}

typedef struct row {
    const char *name;
    void (*set)(options_t *o);
    unsigned (*check)(const result_t *r);
} row_t;

static void set_plain(options_t *o)
{
    (void)o;
}

static void set_loss(options_t *o)
{
    o->loss = 0.01;
}

static void set_dead(options_t *o)
{
    o->dead = 0.3;
}

static void set_stall(options_t *o)
{
    o->stall = 1.0 / 3;
}

static void set_exponential(options_t *o)
{
    o->churn = CHURN_EXPONENTIAL;
}

static void set_weibull(options_t *o)
{
    o->churn = CHURN_WEIBULL;
}

static void set_hostile10(options_t *o)
{
    o->hostile = 0.1;
}

static void set_hostile20(options_t *o)
{
    o->hostile = 0.2;
}

static void set_hostile10_paths(options_t *o)
{
    o->hostile = 0.1;
    o->paths = 4;
}

static void set_hostile20_paths(options_t *o)
{
    o->hostile = 0.2;
    o->paths = 4;
}

static void set_paths(options_t *o)
{
    o->paths = 4;
}

static void set_ground(options_t *o)
{
    o->ground = 200;
    o->records = 2;
}

static void set_ground_near(options_t *o)
{
    set_ground(o);
    o->ground_near = true;
}

static const row_t rows[] = {
    {"nothing fails", set_plain, check_plain},
    {"4 paths", set_paths, check_dead},
    {"1 % of messages lost", set_loss, check_dead},
    {"30 % dead", set_dead, check_dead},
    {"a third stalls", set_stall, check_stall},
    {"sessions exponential", set_exponential, check_churn},
    {"sessions Weibull", set_weibull, NULL},
    {"10 % hostile", set_hostile10, check_dead},
    {"10 % hostile, 4 paths", set_hostile10_paths, check_dead},
    {"20 % hostile", set_hostile20, check_dead},
    {"20 % hostile, 4 paths", set_hostile20_paths, check_dead},
    {"200 ground, many networks", set_ground, check_ground},
    {"200 ground, one network", set_ground_near, check_near},
};

size_t suite_count(void)
{
    return sizeof rows / sizeof rows[0];
}

unsigned suite_run(const options_t *o, size_t number, result_t *out)
{
    options_t of_row = *o;

    rows[number].set(&of_row);
    scenario_run(&of_row, rows[number].name, out);
    if (number == 0)
        plain_ms = out->ms;
    return rows[number].check != NULL ? rows[number].check(out) : 0;
}
