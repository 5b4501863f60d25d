/* kad-sim: options, and which experiments. */
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"

#define ROWS_MAX 32

static const char usage[] =
    "usage: kad-sim [OPTION]...\n"
    "Simulates liblayr-core/kad: its code, a made-up network, virtual time.\n\n"
    "      --suite          every scenario with --nodes nodes; exit 1 when a bound is missed\n"
    "      --sizes LIST     the scenario for each of these numbers of nodes: 100,1000,10000\n"
    "      --svg FILE       with --sizes: hops against nodes\n"
    "      --json           instead of a table\n"
    "One scenario:\n"
    "  -n, --nodes N        (1000)\n"
    "      --lookups N      for random ids, and as many for records (1000)\n"
    "      --records N      that are written first (100)\n"
    "      --seed N         the same seed: the same figures (1)\n"
    "      --alpha N        requests at a time (3)\n"
    "      --paths N        disjoint paths, 1 to 8 (1)\n"
    "      --spares N       replacements of a bucket, 0 to 20 (5)\n"
    "      --filled         tables as after a long life, without joins: quicker for large N\n"
    "      --loss P         of messages, in percent; the others are of nodes:\n"
    "      --dead P         gone, and not noticed\n"
    "      --stall P        take requests and never answer\n"
    "      --hostile P      name only each other, and keep no records\n"
    "      --ground N       hostile nodes with ids close to each record's first place\n"
    "      --near           those are all in one network\n"
    "      --churn KIND     exponential or weibull sessions\n"
    "      --session S      their median in seconds (3600)\n"
    "      --hours H        of churn (4)\n";

typedef struct command {
    options_t o;
    bool suite, json;
    const char *svg, *sizes;
} command_t;

static void refuse(const char *what, const char *value)
{
    fprintf(stderr, "kad-sim: %s: %s\nkad-sim --help lists the options\n", what, value);
    exit(2);
}

static double number(const char *name, const char *text, double low, double high)
{
    char *end;
    double v = strtod(text, &end);

    if (end == text || *end != 0 || !(v >= low && v <= high))
        refuse(name, text);
    return v;
}

enum {
    OPT_SUITE = 256,
    OPT_SIZES,
    OPT_SVG,
    OPT_JSON,
    OPT_LOOKUPS,
    OPT_RECORDS,
    OPT_SEED,
    OPT_ALPHA,
    OPT_PATHS,
    OPT_SPARES,
    OPT_FILLED,
    OPT_LOSS,
    OPT_DEAD,
    OPT_STALL,
    OPT_HOSTILE,
    OPT_GROUND,
    OPT_NEAR,
    OPT_CHURN,
    OPT_SESSION,
    OPT_HOURS
};

static const struct option options[] = {{"help", no_argument, NULL, 'h'},
                                        {"nodes", required_argument, NULL, 'n'},
                                        {"suite", no_argument, NULL, OPT_SUITE},
                                        {"sizes", required_argument, NULL, OPT_SIZES},
                                        {"svg", required_argument, NULL, OPT_SVG},
                                        {"json", no_argument, NULL, OPT_JSON},
                                        {"lookups", required_argument, NULL, OPT_LOOKUPS},
                                        {"records", required_argument, NULL, OPT_RECORDS},
                                        {"seed", required_argument, NULL, OPT_SEED},
                                        {"alpha", required_argument, NULL, OPT_ALPHA},
                                        {"paths", required_argument, NULL, OPT_PATHS},
                                        {"spares", required_argument, NULL, OPT_SPARES},
                                        {"filled", no_argument, NULL, OPT_FILLED},
                                        {"loss", required_argument, NULL, OPT_LOSS},
                                        {"dead", required_argument, NULL, OPT_DEAD},
                                        {"stall", required_argument, NULL, OPT_STALL},
                                        {"hostile", required_argument, NULL, OPT_HOSTILE},
                                        {"ground", required_argument, NULL, OPT_GROUND},
                                        {"near", no_argument, NULL, OPT_NEAR},
                                        {"churn", required_argument, NULL, OPT_CHURN},
                                        {"session", required_argument, NULL, OPT_SESSION},
                                        {"hours", required_argument, NULL, OPT_HOURS},
                                        {NULL, 0, NULL, 0}};

static churn_t churn_of(const char *text)
{
    if (strcmp(text, "exponential") != 0 && strcmp(text, "weibull") != 0)
        refuse("--churn", text);
    return text[0] == 'e' ? CHURN_EXPONENTIAL : CHURN_WEIBULL;
}

/* Of the network; false: it is none of these. */
static bool set_network(options_t *o, int opt, const char *arg)
{
    switch (opt) {
    case OPT_LOSS:
        o->loss = number("--loss", arg, 0, 90) / 100;
        return true;
    case OPT_DEAD:
        o->dead = number("--dead", arg, 0, 95) / 100;
        return true;
    case OPT_STALL:
        o->stall = number("--stall", arg, 0, 95) / 100;
        return true;
    case OPT_HOSTILE:
        o->hostile = number("--hostile", arg, 0, 90) / 100;
        return true;
    case OPT_GROUND:
        o->ground = (unsigned)number("--ground", arg, 0, 10000);
        return true;
    case OPT_NEAR:
        o->ground_near = true;
        return true;
    case OPT_CHURN:
        o->churn = churn_of(arg);
        return true;
    case OPT_SESSION:
        o->session = number("--session", arg, 1, 1e9);
        return true;
    case OPT_HOURS:
        o->hours = number("--hours", arg, 0.01, 1000);
        return true;
    default:
        return false;
    }
}

static bool set_kad(options_t *o, int opt, const char *arg)
{
    switch (opt) {
    case 'n':
        o->nodes = (uint32_t)number("--nodes", arg, 2, 1e6);
        return true;
    case OPT_LOOKUPS:
        o->lookups = (uint32_t)number("--lookups", arg, 0, 1e7);
        return true;
    case OPT_RECORDS:
        o->records = (uint32_t)number("--records", arg, 0, 1e5);
        return true;
    case OPT_SEED:
        o->seed = (uint64_t)number("--seed", arg, 0, 9e15);
        return true;
    case OPT_ALPHA:
        o->alpha = (unsigned)number("--alpha", arg, 1, LAYR_KAD_K);
        return true;
    case OPT_PATHS:
        o->paths = (unsigned)number("--paths", arg, 1, LAYR_KAD_PATHS);
        return true;
    case OPT_SPARES:
        o->spares = (unsigned)number("--spares", arg, 0, LAYR_KAD_K);
        return true;
    case OPT_FILLED:
        o->filled = true;
        return true;
    default:
        return false;
    }
}

static void parse(command_t *c, int argc, char **argv)
{
    int opt;

    while ((opt = getopt_long(argc, argv, "hn:", options, NULL)) != -1) {
        if (set_kad(&c->o, opt, optarg) || set_network(&c->o, opt, optarg))
            continue;
        if (opt == OPT_SUITE) {
            c->suite = true;
        } else if (opt == OPT_JSON) {
            c->json = true;
        } else if (opt == OPT_SIZES) {
            c->sizes = optarg;
        } else if (opt == OPT_SVG) {
            c->svg = optarg;
        } else if (opt == 'h') {
            fputs(usage, stdout);
            exit(0);
        } else {
            exit(2);
        }
    }
    if (optind < argc)
        refuse("unknown argument", argv[optind]);
    if (c->svg != NULL && c->sizes == NULL)
        refuse("--svg needs", "--sizes");
}

static size_t run_suite(const command_t *c, result_t *r, unsigned *missed)
{
    for (size_t i = 0; i < suite_count(); i++) {
        *missed += suite_run(&c->o, i, &r[i]);
        if (!c->json)
            report_row(&r[i]);
    }
    return suite_count();
}

static size_t run_sizes(const command_t *c, result_t *r)
{
    const char *at = c->sizes != NULL ? c->sizes : "";
    options_t o = c->o;
    size_t count = 0;

    do {
        char one[32] = "";
        size_t len = strcspn(at, ",");
        if (len >= sizeof one || count == ROWS_MAX)
            refuse("--sizes", c->sizes);
        memcpy(one, at, len);
        if (c->sizes != NULL)
            o.nodes = (uint32_t)number("--sizes", one, 2, 1e6);
        scenario_run(&o, "as asked", &r[count]);
        if (!c->json)
            report_row(&r[count]);
        count++;
        at += len;
    } while (*at++ == ',');
    return count;
}

int main(int argc, char **argv)
{
    command_t c = {.o = {.nodes = 1000,
                         .lookups = 1000,
                         .records = 100,
                         .seed = 1,
                         .paths = 1,
                         .alpha = LAYR_KAD_ALPHA,
                         .spares = 5,
                         .session = 3600,
                         .hours = 4}};
    result_t rows[ROWS_MAX];
    unsigned missed = 0;
    size_t count;

    parse(&c, argc, argv);
    if (!c.json)
        report_head();
    count = c.suite ? run_suite(&c, rows, &missed) : run_sizes(&c, rows);
    if (c.json)
        report_json(rows, count);
    if (c.svg != NULL && report_svg(c.svg, rows, count) != 0) {
        fprintf(stderr, "kad-sim: %s: %s\n", c.svg, strerror(errno));
        return 1;
    }
    return missed > 0;
}
