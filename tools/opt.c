/* Options from the command line, on top of getopt_long, and --help from the same table. */
#include "opt.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "layr/bytes.h"
#include "opt_config.h"
#include "show.h"

#define OPTIONS_MAX 48
#define HELP_COLUMN 30 /* where the help texts start: a line an option, and all of --help fits 24 */
#define LINE_WIDTH 79

/* getopt_long gives back FIRST + the place in `all`, whatever the letter. */
#define FIRST 256

/* All options of this run: the program's own, then the shared ones it takes. */
typedef struct table {
    const layr_opt_def_t *all[OPTIONS_MAX];
    layr_opt_def_t shared[10];
    size_t count, shared_count;
    bool help, version;
} table_t;

static void add_shared(table_t *t, layr_opt_def_t def)
{
    t->shared[t->shared_count] = def;
    t->all[t->count++] = &t->shared[t->shared_count++];
}

/* Where the network is. */
static void add_network(table_t *t, layr_opt_t *o)
{
    unsigned take = o->spec->shared;

    if (!(take & (LAYR_OPT_HOSTS | LAYR_OPT_SEEDS)))
        return;
    add_shared(t, (layr_opt_def_t){'s', "seed", "URL", "a host to find all by: URL or URL#<host id>",
                                   LAYR_OPT_LIST, &o->seeds, 0, 0});
    if (take & LAYR_OPT_HOSTS)
        add_shared(t, (layr_opt_def_t){'H', "host", "URL", "exactly these hosts, and no others are found",
                                       LAYR_OPT_LIST, &o->hosts, 0, 0});
    add_shared(t, (layr_opt_def_t){0, "cacert", "FILE", "trust the CAs in FILE, not the system's",
                                   LAYR_OPT_TEXT, &o->cacert, 0, 0});
}

static void fill_table(table_t *t, layr_opt_t *o)
{
    const layr_opt_def_t *own = o->spec->options;
    unsigned take = o->spec->shared;

    for (; own != NULL && own->name != NULL && t->count < OPTIONS_MAX - 10; own++)
        t->all[t->count++] = own;
    add_network(t, o);
    if (take & LAYR_OPT_HOME)
        add_shared(t, (layr_opt_def_t){0, "home", "DIR", "folder of key, settings and state (LAYR_HOME)",
                                       LAYR_OPT_TEXT, &o->home, 0, 0});
    if (take & LAYR_OPT_JSON)
        add_shared(t,
                   (layr_opt_def_t){0, "json", NULL, "print results as JSON", LAYR_OPT_FLAG, &o->json, 0, 0});
    if (take & LAYR_OPT_VERBOSE)
        add_shared(t, (layr_opt_def_t){'v', "verbose", NULL, "say more", LAYR_OPT_FLAG, &o->verbose, 0, 0});
    add_shared(
        t, (layr_opt_def_t){'q', "quiet", NULL, "say nothing but errors", LAYR_OPT_FLAG, &o->quiet, 0, 0});
    add_shared(t, (layr_opt_def_t){'h', "help", NULL, "print this", LAYR_OPT_FLAG, &t->help, 0, 0});
    add_shared(t,
               (layr_opt_def_t){0, "version", NULL, "print the version", LAYR_OPT_FLAG, &t->version, 0, 0});
}

/* The text in lines that fit a terminal, all but the first indented. */
static void print_wrapped(const char *text)
{
    size_t room = LINE_WIDTH - HELP_COLUMN;

    while (strlen(text) > room) {
        size_t cut = room;
        while (cut > 0 && text[cut] != ' ')
            cut--;
        if (cut == 0)
            break;
        printf("%.*s\n%*s", (int)cut, text, HELP_COLUMN, "");
        text += cut + 1;
    }
    printf("%s\n", text);
}

static void print_option(const layr_opt_def_t *d)
{
    char left[80];
    int n =
        snprintf(left, sizeof left, "  %c%c%s --%s%s%s", d->letter ? '-' : ' ', d->letter ? d->letter : ' ',
                 d->letter ? "," : " ", d->name, d->arg ? " " : "", d->arg ? d->arg : "");

    printf("%-*s", HELP_COLUMN, left);
    if (n >= HELP_COLUMN)
        printf("\n%*s", HELP_COLUMN, "");
    print_wrapped(d->help);
}

static void print_help(const table_t *t, const layr_opt_spec_t *spec)
{
    const char *form = spec->usage, *end;

    for (const char *word = "usage:"; form != NULL; word = "      ") {
        end = strchr(form, '\n');
        printf("%s %s %.*s\n", word, layr_say_program(), end ? (int)(end - form) : (int)strlen(form), form);
        form = end ? end + 1 : NULL;
    }
    printf("%s\n\n", spec->about);
    for (size_t i = 0; i < t->count; i++)
        print_option(t->all[i]);
    if (spec->notes != NULL)
        printf("\n%s\n", spec->notes);
}

int layr_opt_usage(const char *fmt, ...)
{
    char text[512];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    layr_say_error("%s (%s --help says how it is used)", text, layr_say_program());
    return LAYR_EXIT_USAGE;
}

int layr_opt_number(uint64_t *out, const char *text, uint64_t min, uint64_t max)
{
    uint64_t v;

    if (layr_undec(&v, text, strlen(text)) != LAYR_OK || v < min || v > max)
        return LAYR_ERR_ARG;
    *out = v;
    return LAYR_OK;
}

int layr_opt_scheme(unsigned *k, unsigned *n, const char *text)
{
    const char *slash = strchr(text, '/');
    uint64_t a, b;

    if (slash == NULL || layr_undec(&a, text, (size_t)(slash - text)) != LAYR_OK ||
        layr_undec(&b, slash + 1, strlen(slash + 1)) != LAYR_OK || a < 1 || a > b || b > 255)
        return LAYR_ERR_ARG;
    *k = (unsigned)a;
    *n = (unsigned)b;
    return LAYR_OK;
}

/* LAYR_OPT_GO_ON or an exit status. */
static int take(const layr_opt_def_t *d, char *arg)
{
    switch (d->kind) {
    case LAYR_OPT_FLAG:
        *(bool *)d->into = true;
        return LAYR_OPT_GO_ON;
    case LAYR_OPT_TEXT:
        *(const char **)d->into = arg;
        return LAYR_OPT_GO_ON;
    case LAYR_OPT_NUMBER:
        if (layr_opt_number(d->into, arg, d->min, d->max) != LAYR_OK)
            return layr_opt_usage("--%s: '%s' is not a whole number from %llu to %llu", d->name, arg,
                                  (unsigned long long)d->min, (unsigned long long)d->max);
        return LAYR_OPT_GO_ON;
    case LAYR_OPT_LIST:
        if (layr_opt_list_add(d->into, arg) != LAYR_OK)
            return layr_say_failed(LAYR_ERR_NOMEM, NULL);
        return LAYR_OPT_GO_ON;
    }
    return LAYR_EXIT_FAILED;
}

/* getopt_long says only '?' or ':' and leaves what it stumbled on in optopt or argv. */
static int complain(int what, const table_t *t, char *const *argv)
{
    char letter[3] = {'-', (char)optopt, 0};
    const char *name = optopt > 0 && optopt < FIRST ? letter : argv[optind - 1];

    if (what == ':' && optopt >= FIRST)
        return layr_opt_usage("--%s needs an argument: %s", t->all[optopt - FIRST]->name,
                              t->all[optopt - FIRST]->arg);
    if (what == ':')
        return layr_opt_usage("%s needs an argument", name);
    if (optopt >= FIRST)
        return layr_opt_usage("--%s takes no argument", t->all[optopt - FIRST]->name);
    return layr_opt_usage("unknown option %s", name);
}

static const layr_opt_def_t *find(const table_t *t, int got)
{
    for (size_t i = 0; i < t->count; i++)
        if (got == FIRST + (int)i || (got < FIRST && t->all[i]->letter == got))
            return t->all[i];
    return NULL;
}

static int run_getopt(const table_t *t, int argc, char **argv)
{
    struct option longs[OPTIONS_MAX + 1];
    char letters[2 * OPTIONS_MAX + 2] = ":";
    size_t n = 1;
    int got, rc = LAYR_OPT_GO_ON;

    memset(longs, 0, sizeof longs);
    for (size_t i = 0; i < t->count; i++) {
        const layr_opt_def_t *d = t->all[i];
        longs[i] = (struct option){d->name, d->arg ? required_argument : no_argument, NULL, FIRST + (int)i};
        if (d->letter) {
            letters[n++] = d->letter;
            if (d->arg)
                letters[n++] = ':';
        }
    }
    letters[n] = 0;
    opterr = 0;
    while (rc == LAYR_OPT_GO_ON && (got = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
        const layr_opt_def_t *d = got == '?' || got == ':' ? NULL : find(t, got);
        rc = d != NULL ? take(d, optarg) : complain(got, t, argv);
    }
    return rc;
}

static int check_operands(const layr_opt_t *o)
{
    int first = (int)strcspn(o->spec->usage, "\n");

    if (o->count < o->spec->min)
        return layr_opt_usage("%s: %s %.*s",
                              o->count == 0 ? "an argument is missing" : "more arguments are needed",
                              layr_say_program(), first, o->spec->usage);
    if (o->count > o->spec->max)
        return layr_opt_usage("unexpected argument '%s'", o->operand[o->spec->max]);
    return LAYR_OPT_GO_ON;
}

int layr_opt_parse(layr_opt_t *o, const layr_opt_spec_t *spec, int argc, char **argv)
{
    table_t t;
    layr_diag_t d;
    int rc, err;

    memset(o, 0, sizeof *o);
    memset(&t, 0, sizeof t);
    memset(&d, 0, sizeof d);
    o->spec = spec;
    layr_say_init(argc > 0 ? argv[0] : "layr", false);
    fill_table(&t, o);
    rc = run_getopt(&t, argc, argv);
    layr_say_init(argc > 0 ? argv[0] : "layr", o->quiet);
    if (t.help) {
        print_help(&t, spec);
        return layr_show_end();
    }
    if (t.version) {
        printf("%s %s\n", layr_say_program(), LAYR_VERSION);
        return layr_show_end();
    }
    o->count = rc == LAYR_OPT_GO_ON ? (unsigned)(argc - optind) : 0;
    o->operand = argv + optind;
    if (rc == LAYR_OPT_GO_ON)
        rc = check_operands(o);
    if (rc != LAYR_OPT_GO_ON)
        return rc;
    if (o->hosts.count > 0 && o->seeds.count > 0)
        return layr_opt_usage("-H and -s do not go together: -H is exactly these hosts, -s finds them");
    err = layr_opt_config(o, &d);
    return err == LAYR_OK ? LAYR_OPT_GO_ON : layr_say_failed(err, &d);
}

bool layr_opt_has_network(const layr_opt_t *o)
{
    return o->hosts.count > 0 || o->seeds.count > 0;
}

void layr_opt_free(layr_opt_t *o)
{
    const layr_opt_def_t *own;

    if (o == NULL)
        return;
    for (own = o->spec ? o->spec->options : NULL; own != NULL && own->name != NULL; own++)
        if (own->kind == LAYR_OPT_LIST)
            layr_opt_list_free(own->into);
    layr_opt_list_free(&o->hosts);
    layr_opt_list_free(&o->seeds);
    free(o->config_dir);
    free(o->state_dir);
    free(o->config_cacert);
    for (unsigned i = 0; i < LAYR_KEEP_LINES; i++)
        free(o->keep[i]);
    memset(o, 0, sizeof *o);
}
