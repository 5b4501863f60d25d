/*
 * The simulator of durability: segments of n shards on hosts that go away, come back and are lost, and a keeper that audits
 * and repairs by layr-keep's rules.  Virtual time in days, one stream of random numbers from a seed: the same options give the
 * same figures.
 */
#ifndef LAYR_DURABILITY_SIM_H
#define LAYR_DURABILITY_SIM_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../random.h"
#include "layr/code.h"

#define YEAR 365.0 /* days */
#define HOUR (1 / 24.0)
#define N_MAX 255
#define BATCHES_MAX 64

/* fmin and fmax are calls, for the sake of NaN. */
static inline double least(double a, double b)
{
    return a < b ? a : b;
}

static inline double most(double a, double b)
{
    return a > b ? a : b;
}

/* Numbers as the options give them: one type, so that a table can name them (main.c). */
typedef struct options {
    layr_scheme_t scheme;
    double threshold;    /* 0: layr-keep's */
    bool no_repair;      /* and no audits: nobody keeps */
    bool plain;          /* no splitting: losses are counted */
    bool exponential;    /* periods of audits are exponential, and not give or take a quarter */
    double host_loss;    /* of hosts, within a year, in percent */
    double weibull;      /* the shape of lifetimes; 1: exponential */
    double away_every;   /* days between absences; 0: none */
    double away_hours;   /* their mean length */
    double away_sigma;   /* of the lognormal length; 0: exponential */
    double flaky;        /* of hosts, in percent: away ten times as often */
    double group;        /* hosts that fail together; 0: none do */
    double group_loss;   /* of groups, within a year, in percent */
    double corrupt;      /* of shards, within a year, in percent */
    double spoilt;       /* of such a shard's blocks, in percent */
    double sample;       /* blocks that a sample audit asks for */
    double sample_every; /* days */
    double audit_every;  /* days, of all blocks; 0: never */
    double grace;        /* days */
    double repair_hours; /* that a repair takes whatever the bandwidth */
    double bandwidth;    /* GB a day for repairs; 0: no limit */
    double shard;        /* MiB */
    double segments;     /* simulated together */
    double hosts;        /* that they share; 0: every shard has its own */
    double data;         /* segments of the owner, for the column of its data */
    double years, age;   /* measured for so long, from a random moment of the first `age` years */
    double trials, batches, floor, seed;
} options_t;

/* --- what is simulated (world.c) --- */

typedef struct host {
    double born, dies;
    double turns; /* goes away, or comes back */
    bool away, flaky;
} host_t;

typedef enum fate { GOOD, CORRUPT, GONE } fate_t;

typedef struct shard {
    double silent_since; /* as the keeper knows; < 0: it answered when it was asked last */
    uint32_t host;
    uint8_t fate;
    bool making; /* by the repair under way */
} shard_t;

typedef struct segment {
    uint32_t good;
    bool queued;
} segment_t;

typedef struct world {
    const options_t *o;
    random_t *r;
    unsigned k, n, threshold;
    uint32_t hosts, segments;
    double death_rate, absence_rate; /* a day; of a Weibull lifetime: 1 / its scale */
    double miss;                     /* the chance that a sample finds nothing wrong with a corrupt shard */
    double now, next_death, next_corruption, next_group, next_sample, next_audit;
    double repair_ends; /* INFINITY: none is under way */
    double quiet_until; /* until then an audit finds what the last one found, unless something happens */
    uint32_t repairing;
    uint32_t queue_head, queue_count;
    uint32_t lowest; /* the fewest good shards of a segment since the run began */
    double repairs, restored;
    host_t *host;
    shard_t *shard; /* n of each segment */
    segment_t *segment;
    uint32_t *queue;
} world_t;

world_t *world_new(const options_t *o, random_t *r);
void world_free(world_t *w);
void world_begin(world_t *w); /* all shards are new, on new hosts */
void world_copy(world_t *to, const world_t *from);
/* Another future for the same present: what has no memory is drawn anew. */
void world_redraw(world_t *w);
bool world_answers(world_t *w, const shard_t *s);
/* A shard is made anew, on a host that answers; false: there is none for it. */
bool world_place(world_t *w, uint32_t segment, unsigned index);
void world_happen(world_t *w); /* the next death, corruption or loss of a group */
void *sim_alloc(size_t count, size_t size);

/* --- the keeper (keeper.c) --- */

void keeper_begin(world_t *w);
void keeper_audit(world_t *w); /* the one that is due */
void keeper_repaired(world_t *w);

/* --- until (run.c) --- */

/* Until a segment has at most `level` good shards (true), or until then (false). */
bool run_until(world_t *w, double until, uint32_t level);

/* --- results (split.c) --- */

typedef struct estimate {
    double p, error;  /* of a loss within `years`; its standard error */
    double low, high; /* 95 % */
    bool none;        /* no loss was seen, or it is below the floor: high is a bound, and p too */
} estimate_t;

typedef struct result {
    char name[48];
    options_t o;
    unsigned threshold;
    estimate_t year;        /* of the simulated segments, in a year */
    double data;            /* of o.data segments, when hosts are not shared; < 0: hosts are shared */
    double foreseen;        /* a segment, of lost hosts alone: the exact binomial, or the library's formula */
    double repairs;         /* of a segment, a year */
    double sent, got;       /* a year, of what is stored */
    double lost, simulated; /* plain runs that ended in a loss, and how many there were */
    double seconds;
} result_t;

void estimate_split(const options_t *o, random_t *r, estimate_t *out);
void estimate_plain(const options_t *o, random_t *r, estimate_t *out);
void estimate_traffic(const options_t *o, random_t *r, result_t *out);
void simulate(const options_t *o, const char *name, result_t *out);

/* --- suite.c: rows of several schemes, thresholds, and ways to keep --- */

typedef struct rows {
    result_t *row;
    size_t count, cap;
    size_t plotted; /* the first ones: thresholds of one scheme after another */
} rows_t;
result_t *rows_add(rows_t *rows, const options_t *o, const char *name);
void rows_thresholds(rows_t *rows, const options_t *o, bool quiet);
void suite_run(rows_t *rows, const options_t *o, bool quiet);

/* --- report.c, plot.c --- */

void report_title(const char *title);
void report_row(const result_t *r);
void report_json(const rows_t *rows);
int plot_svg(const char *path, const rows_t *rows); /* loss and traffic against the threshold; 0, -1: errno */

#endif
