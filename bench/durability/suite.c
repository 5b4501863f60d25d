/* Rows: of one set of options, of every threshold, and the tables of docs/durability.md. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "layr/durability.h"
#include "sim.h"

result_t *rows_add(rows_t *rows, const options_t *o, const char *name)
{
    if (rows->count == rows->cap) {
        size_t cap = rows->cap ? 2 * rows->cap : 16;
        result_t *more = realloc(rows->row, cap * sizeof *more);

        if (more == NULL)
            abort();
        rows->row = more;
        rows->cap = cap;
    }
    simulate(o, name, &rows->row[rows->count]);
    return &rows->row[rows->count++];
}

static void add(rows_t *rows, const options_t *o, const char *name, bool quiet)
{
    const result_t *r = rows_add(rows, o, name);

    if (!quiet)
        report_row(r);
}

void rows_thresholds(rows_t *rows, const options_t *o, bool quiet)
{
    options_t of = *o;

    for (unsigned t = o->scheme.k + 1u; t <= o->scheme.n; t++) {
        of.threshold = t;
        add(rows, &of, t == layr_default_threshold(o->scheme) ? "default" : "", quiet);
    }
    rows->plotted = rows->count;
}

/* --- the tables --- */

static const layr_scheme_t schemes[] = {{1, 3}, {3, 6}, {4, 8}, {4, 10}, {10, 20}, {20, 40}};
#define SCHEMES (sizeof schemes / sizeof schemes[0])

/* Much of the time is 20/40's, whose shards are many. */
static options_t of_scheme(const options_t *o, layr_scheme_t s)
{
    options_t of = *o;

    of.scheme = s;
    if (s.n >= 40)
        of.trials = most(o->trials / 4, 10);
    return of;
}

static void title(const char *text, bool quiet)
{
    if (!quiet)
        report_title(text);
}

static void run_thresholds(rows_t *rows, const options_t *o, bool quiet)
{
    title("Thresholds: each scheme, and below how many good shards a segment is restored.", quiet);
    for (size_t i = 0; i < SCHEMES; i++) {
        options_t of = of_scheme(o, schemes[i]);

        rows_thresholds(rows, &of, quiet);
    }
}

static void run_schemes(rows_t *rows, const options_t *o, bool quiet)
{
    static const double loss[] = {5, 20};

    title("With and without a keeper: 5 % and 20 % of hosts lost in a year.", quiet);
    for (size_t i = 0; i < 2 * SCHEMES; i++) {
        options_t of = of_scheme(o, schemes[i / 2]);
        char name[48];

        of.host_loss = loss[i % 2];
        snprintf(name, sizeof name, "kept, %.0f %% lost", of.host_loss);
        add(rows, &of, name, quiet);
        of.no_repair = true;
        of.age = 0;
        of.years = 1;
        snprintf(name, sizeof name, "not kept, %.0f %% lost", of.host_loss);
        add(rows, &of, name, quiet);
    }
}

/* A row is the options with some of them changed. */
typedef struct change {
    size_t at;
    double to;
} change_t;

#define CHANGES 4
typedef struct row {
    const char *name;
    change_t change[CHANGES]; /* ends with an `at` of 0: that is the scheme's, which has tables of its own */
} row_t;

#define SET(field, value)                                                                                    \
    {                                                                                                        \
        offsetof(options_t, field), value                                                                    \
    }

static const row_t graces[] = {
    {"grace 0", {SET(grace, 0)}},
    {"grace 1 day", {SET(grace, 1)}},
    {"grace 3 days", {SET(grace, 3)}},
    {"grace 7 days", {SET(grace, 7)}},
    {"grace 14 days", {SET(grace, 14)}},
    {"grace 30 days", {SET(grace, 30)}},
    {"flaky, grace 0", {SET(grace, 0), SET(flaky, 100)}},
    {"flaky, grace 1 day", {SET(grace, 1), SET(flaky, 100)}},
    {"flaky, grace 3 days", {SET(grace, 3), SET(flaky, 100)}},
    {"flaky, grace 7 days", {SET(grace, 7), SET(flaky, 100)}},
    {"flaky, grace 14 days", {SET(grace, 14), SET(flaky, 100)}},
    {"flaky, grace 30 days", {SET(grace, 30), SET(flaky, 100)}},
};

static const row_t periods[] = {
    {"every 6 hours", {SET(sample_every, 0.25)}}, {"every day", {SET(sample_every, 1)}},
    {"every 3 days", {SET(sample_every, 3)}},     {"every 7 days", {SET(sample_every, 7)}},
    {"every 30 days", {SET(sample_every, 30)}},
};

/* Corruption alone is no danger to be seen: five shards of a hundred a year are. */
#define SPOILT(share) SET(corrupt, 5), SET(spoilt, share)
static const row_t samples[] = {
    {"0.1 % spoilt, sample 0", {SPOILT(0.1), SET(sample, 0)}},
    {"0.1 % spoilt, sample 16", {SPOILT(0.1), SET(sample, 16)}},
    {"0.1 % spoilt, sample 256", {SPOILT(0.1), SET(sample, 256)}},
    {"1 % spoilt, sample 0", {SPOILT(1), SET(sample, 0)}},
    {"1 % spoilt, sample 4", {SPOILT(1), SET(sample, 4)}},
    {"1 % spoilt, sample 16", {SPOILT(1), SET(sample, 16)}},
    {"1 % spoilt, sample 64", {SPOILT(1), SET(sample, 64)}},
    {"1 % spoilt, sample 256", {SPOILT(1), SET(sample, 256)}},
    {"all spoilt, sample 0", {SPOILT(100), SET(sample, 0)}},
    {"all spoilt, sample 16", {SPOILT(100), SET(sample, 16)}},
    {"0.1 % spoilt, whole every 7 days", {SPOILT(0.1), SET(audit_every, 7)}},
    {"0.1 % spoilt, whole every 90 days", {SPOILT(0.1), SET(audit_every, 90)}},
    {"0.1 % spoilt, never whole", {SPOILT(0.1), SET(audit_every, 0)}},
    {"1 % spoilt, never whole", {SPOILT(1), SET(audit_every, 0)}},
};

static const row_t worlds[] = {
    {"as above", {{0}}},
    {"lifetimes Weibull, shape 0.5", {SET(weibull, 0.5)}},
    {"lifetimes Weibull, shape 2", {SET(weibull, 2)}},
    {"20 % of hosts flaky", {SET(flaky, 20)}},
    {"away every 7 days, 24 h, sigma 2", {SET(away_every, 7), SET(away_hours, 24), SET(away_sigma, 2)}},
    {"networks of 2, 1 % lost", {SET(group, 2), SET(group_loss, 1)}},
    {"networks of 4, 1 % lost", {SET(group, 4), SET(group_loss, 1)}},
    {"a repair takes 3 days", {SET(repair_hours, 72)}},
};

/* Fewer runs, as each has all segments; hosts are lost often, so that there is work. */
#define SHARED SET(hosts, 40), SET(segments, 50), SET(host_loss, 20)
static const row_t queues[] = {
    {"no limit", {SHARED, {0}}},
    {"0.05 GB a day", {SHARED, SET(bandwidth, 0.05)}},
    {"0.01 GB a day", {SHARED, SET(bandwidth, 0.01)}},
    {"0.005 GB a day", {SHARED, SET(bandwidth, 0.005)}},
};

static void run_rows(rows_t *rows, const options_t *o, const row_t *row, size_t count, bool quiet)
{
    for (size_t i = 0; i < count; i++) {
        options_t of = *o;

        for (unsigned j = 0; j < CHANGES && row[i].change[j].at != 0; j++)
            memcpy((char *)&of + row[i].change[j].at, &row[i].change[j].to, sizeof(double));
        add(rows, &of, row[i].name, quiet);
    }
}

#define ROWS(table) table, sizeof(table) / sizeof *(table)

void suite_run(rows_t *rows, const options_t *o, bool quiet)
{
    options_t other = of_scheme(o, (layr_scheme_t){3, 6}), few = *o;

    few.trials = most(o->trials / 10, 10);
    run_thresholds(rows, o, quiet);
    run_schemes(rows, o, quiet);
    title("The grace; flaky: every host is away ten times as often, every third day.", quiet);
    run_rows(rows, o, ROWS(graces), quiet);
    run_rows(rows, &other, ROWS(graces), quiet);
    title("Days between the sample audits.", quiet);
    run_rows(rows, o, ROWS(periods), quiet);
    title("Blocks of a sample, and audits of every block: 5 % of shards are corrupted in a year.", quiet);
    run_rows(rows, o, ROWS(samples), quiet);
    title("Other worlds.", quiet);
    run_rows(rows, o, ROWS(worlds), quiet);
    title("Repairs that queue: 50 segments on 40 hosts, 20 % lost in a year; a loss is of any segment.",
          quiet);
    run_rows(rows, &few, ROWS(queues), quiet);
}
