/* durability-sim: options, and which rows. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "layr/durability.h"
#include "sim.h"

static const char usage[] =
    "usage: durability-sim [OPTION]...\n"
    "Simulates segments on hosts that go away and are lost, and layr-keep's rules, over years.\n\n"
    "      --suite            the tables of docs/durability.md, as does no option at all\n"
    "      --thresholds       a row for each threshold from K+1 to N\n"
    "      --svg FILE         loss and traffic against the threshold, as a plot\n"
    "      --json             instead of a table\n"
    "What is stored:\n"
    "  -k, --scheme K/N       (4/8)\n"
    "      --segments S       simulated together; one lost is a loss (1)\n"
    "      --hosts N          that they share (0: every shard has its own)\n"
    "      --shard MIB        (4)\n"
    "      --data S           segments of an owner, for that column (1000)\n"
    "The keeper:\n"
    "      --no-repair        there is none\n"
    "      --threshold T      restores below T good shards (0: layr-keep's default)\n"
    "      --grace DAYS       that a host may be silent (7)\n"
    "      --sample C         blocks of each shard in a sample audit (16)\n"
    "      --sample-every D   days between those (1)\n"
    "      --audit-every D    days between audits of all blocks (30; 0: none)\n"
    "      --exponential      these periods are exponential, not give or take a quarter\n"
    "      --repair-hours H   that a repair takes, whatever the bandwidth (1)\n"
    "      --bandwidth GB     a day for repairs, one after another (0: no limit)\n"
    "Hosts, in percent within a year:\n"
    "      --host-loss P      lost for good (5)\n"
    "      --weibull SHAPE    of their lifetimes, with the same mean (1: exponential)\n"
    "      --group N          so many hosts are one network (0)\n"
    "      --group-loss P     networks lost for good, with all of them (0)\n"
    "      --corrupt P        shards corrupted (1)\n"
    "      --spoilt P         percent of such a shard's blocks (1)\n"
    "      --away-every DAYS  between absences (30; 0: none)\n"
    "      --away-hours H     their mean length (6)\n"
    "      --away-sigma S     of the lognormal length (1.5; 0: exponential)\n"
    "      --flaky P          percent of hosts that are away ten times as often (0)\n"
    "How it is measured:\n"
    "      --years Y          and the loss in a year follows from it (0.25; without repair 1)\n"
    "      --age Y            from random moments of the first Y years (20; without repair 0)\n"
    "      --trials N         runs of each level in a batch (2000)\n"
    "      --batches N        (10)\n"
    "      --floor P          smaller losses are only bounded (1e-15)\n"
    "      --plain            no splitting: losses are counted in trials times batches\n"
    "      --seed N           the same seed: the same figures (1)\n";

#define REFUSE_TEXT "durability-sim --help lists the options\n"

static void refuse(const char *what, const char *value)
{
    fprintf(stderr, "durability-sim: %s: %s\n" REFUSE_TEXT, what, value);
    exit(2);
}

/* --- options that are numbers --- */

typedef struct number {
    const char *name;
    size_t at; /* in options_t */
    double low, high;
    bool whole;
} number_t;

#define AT(field) offsetof(options_t, field)
static const number_t numbers[] = {
    {"segments", AT(segments), 1, 10000, true},
    {"hosts", AT(hosts), 0, 5000, true},
    {"shard", AT(shard), 0.001, 64, false},
    {"data", AT(data), 1, 1e12, true},
    {"threshold", AT(threshold), 0, N_MAX, true},
    {"grace", AT(grace), 0, 365, false},
    {"sample", AT(sample), 0, 1024, true},
    {"sample-every", AT(sample_every), 0.01, 365, false},
    {"audit-every", AT(audit_every), 0, 3650, false},
    {"repair-hours", AT(repair_hours), 0, 8760, false},
    {"bandwidth", AT(bandwidth), 0, 1e6, false},
    {"host-loss", AT(host_loss), 0, 99.9, false},
    {"weibull", AT(weibull), 0.2, 10, false},
    {"group", AT(group), 0, N_MAX, true},
    {"group-loss", AT(group_loss), 0, 99.9, false},
    {"corrupt", AT(corrupt), 0, 99.9, false},
    {"spoilt", AT(spoilt), 0.0001, 100, false},
    {"away-every", AT(away_every), 0, 36500, false},
    {"away-hours", AT(away_hours), 0.01, 8760, false},
    {"away-sigma", AT(away_sigma), 0, 4, false},
    {"flaky", AT(flaky), 0, 100, false},
    {"years", AT(years), 0.01, 100, false},
    {"age", AT(age), 0, 100, false},
    {"trials", AT(trials), 10, 1e6, true},
    {"batches", AT(batches), 4, BATCHES_MAX, true},
    {"floor", AT(floor), 0, 1, false},
    {"seed", AT(seed), 0, 9e15, true},
};
#define NUMBERS (sizeof numbers / sizeof numbers[0])

static void take_number(options_t *o, const number_t *n, const char *text)
{
    char *end, name[32];
    double v = strtod(text, &end);

    snprintf(name, sizeof name, "--%s", n->name);
    if (end == text || *end != 0 || !(v >= n->low && v <= n->high) || (n->whole && v != floor(v)))
        refuse(name, text);
    memcpy((char *)o + n->at, &v, sizeof v);
}

static void take_scheme(options_t *o, const char *text)
{
    char *end;
    unsigned long k = strtoul(text, &end, 10), n = *end == '/' ? strtoul(end + 1, &end, 10) : 0;

    if (text[0] < '1' || text[0] > '9' || *end != 0 || k >= n || n > N_MAX)
        refuse("--scheme is K/N with K below N", text);
    o->scheme = (layr_scheme_t){(uint8_t)k, (uint8_t)n};
}

/* --- the others --- */

typedef struct command {
    options_t o;
    bool suite, thresholds, json, age, years;
    const char *svg;
} command_t;

typedef struct flag {
    const char *name;
    size_t at; /* in command_t */
} flag_t;

static const flag_t flags[] = {{"suite", offsetof(command_t, suite)},
                               {"thresholds", offsetof(command_t, thresholds)},
                               {"json", offsetof(command_t, json)},
                               {"no-repair", offsetof(command_t, o.no_repair)},
                               {"exponential", offsetof(command_t, o.exponential)},
                               {"plain", offsetof(command_t, o.plain)}};
#define FLAGS (sizeof flags / sizeof flags[0])

enum { OPT_NUMBER = 256, OPT_FLAG = OPT_NUMBER + NUMBERS, OPT_SVG = OPT_FLAG + FLAGS, OPT_END };

static void list_options(struct option out[NUMBERS + FLAGS + 4])
{
    size_t at = 0;

    for (size_t i = 0; i < NUMBERS; i++)
        out[at++] = (struct option){numbers[i].name, required_argument, NULL, (int)(OPT_NUMBER + i)};
    for (size_t i = 0; i < FLAGS; i++)
        out[at++] = (struct option){flags[i].name, no_argument, NULL, (int)(OPT_FLAG + i)};
    out[at++] = (struct option){"svg", required_argument, NULL, OPT_SVG};
    out[at++] = (struct option){"scheme", required_argument, NULL, 'k'};
    out[at++] = (struct option){"help", no_argument, NULL, 'h'};
    out[at] = (struct option){0};
}

static void check(command_t *c)
{
    const options_t *o = &c->o;

    if (o->threshold > 0 && (o->threshold <= o->scheme.k || o->threshold > o->scheme.n))
        refuse("--threshold", "it is from K+1 to N");
    if (o->hosts > 0 && o->hosts < o->scheme.n)
        refuse("--hosts", "every shard of a segment has another: N at least, and some to spare");
    if (c->svg != NULL && !c->suite && !c->thresholds)
        refuse("--svg", "it goes with --thresholds or --suite");
    if (c->suite && (o->no_repair || o->plain))
        refuse("--suite", "it says itself when nothing is repaired");
    /* nothing comes to rest when nobody repairs: new segments, and a whole year */
    if (o->no_repair && !c->age)
        c->o.age = 0;
    if (o->no_repair && !c->years)
        c->o.years = 1;
}

static void parse(command_t *c, int argc, char **argv)
{
    struct option options[NUMBERS + FLAGS + 4];
    int opt;

    list_options(options);
    while ((opt = getopt_long(argc, argv, "hk:", options, NULL)) != -1) {
        if (opt == 'h') {
            fputs(usage, stdout);
            exit(0);
        } else if (opt == '?') {
            fputs(REFUSE_TEXT, stderr);
            exit(2);
        } else if (opt == 'k') {
            take_scheme(&c->o, optarg);
        } else if (opt == OPT_SVG) {
            c->svg = optarg;
        } else if (opt >= (int)OPT_FLAG) {
            *(bool *)((char *)c + flags[opt - (int)OPT_FLAG].at) = true;
        } else {
            const number_t *n = &numbers[opt - OPT_NUMBER];

            take_number(&c->o, n, optarg);
            c->age = c->age || n->at == AT(age);
            c->years = c->years || n->at == AT(years);
        }
    }
    if (optind < argc)
        refuse("unknown argument", argv[optind]);
    c->suite = c->suite || argc == 1;
    check(c);
}

static const options_t defaults = {.scheme = {4, 8},
                                   .host_loss = 5,
                                   .weibull = 1,
                                   .away_every = 30,
                                   .away_hours = 6,
                                   .away_sigma = 1.5,
                                   .corrupt = 1,
                                   .spoilt = 1,
                                   .sample = LAYR_SAMPLE_BLOCKS,
                                   .sample_every = LAYR_SAMPLE_EVERY_S / 86400.0,
                                   .audit_every = LAYR_AUDIT_EVERY_S / 86400.0,
                                   .grace = LAYR_GRACE_S / 86400.0,
                                   .repair_hours = 1,
                                   .shard = 4,
                                   .segments = 1,
                                   .data = 1000,
                                   .years = 0.25,
                                   .age = 20,
                                   .trials = 2000,
                                   .batches = 10,
                                   .floor = 1e-15,
                                   .seed = 1};

int main(int argc, char **argv)
{
    command_t c = {.o = defaults};
    rows_t rows = {0};
    int rc = 0;

    parse(&c, argc, argv);
    if (c.suite) {
        suite_run(&rows, &c.o, c.json);
    } else {
        if (!c.json)
            report_title("As asked.");
        if (c.thresholds)
            rows_thresholds(&rows, &c.o, c.json);
        else
            rows_add(&rows, &c.o, "as asked");
        if (!c.thresholds && !c.json)
            report_row(&rows.row[0]);
    }
    if (c.json)
        report_json(&rows);
    if (c.svg != NULL && plot_svg(c.svg, &rows) != 0) {
        fprintf(stderr, "durability-sim: %s: %s\n", c.svg, strerror(errno));
        rc = 1;
    }
    free(rows.row);
    return rc;
}
