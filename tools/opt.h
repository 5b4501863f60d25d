/*
 * Options, shared by all programs: a program describes itself in a table, --help is printed from it.
 *
 *     static const char *name; static uint64_t days = 90; static bool dry;
 *     static const layr_opt_def_t options[] = {
 *         {'n', "name", "NAME", "name of the file", LAYR_OPT_TEXT, &name, 0, 0},
 *         {0, "days", "D", "keep it for D days (default 90)", LAYR_OPT_NUMBER, &days, 1, 400},
 *         {0, "dry-run", NULL, "say what would be done", LAYR_OPT_FLAG, &dry, 0, 0},
 *         LAYR_OPT_END};
 *     static const layr_opt_spec_t spec = {"[options] PATH", "Store a file.", options, LAYR_OPT_HOME |
 * LAYR_OPT_HOSTS, 1, 1, NULL};
 *
 *     int main(int argc, char **argv)
 *     {
 *         layr_opt_t o;
 *         int rc = layr_opt_parse(&o, &spec, argc, argv);
 *         if (rc == LAYR_OPT_GO_ON)
 *             rc = run(&o);
 *         layr_opt_free(&o);
 *         return rc;
 *     }
 *
 * Every program has -h --help, --version, -q --quiet. The rest of the shared options are taken with the
 * LAYR_OPT_* bits, so that no program offers one that does nothing. Options may follow operands; `--` ends
 * them.
 */
#ifndef LAYR_OPT_H
#define LAYR_OPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "layr/crypto.h"
#include "layr/error.h"
#include "say.h"

/* A growing list of strings; the strings are owned by it. Zeroed is empty. */
typedef struct layr_opt_list {
    char **item; /* count of them, then NULL */
    size_t count;
} layr_opt_list_t;

typedef enum layr_opt_kind {
    LAYR_OPT_FLAG = 1, /* bool */
    LAYR_OPT_TEXT,     /* const char *, points into argv */
    LAYR_OPT_NUMBER,   /* uint64_t, decimal, min to max */
    LAYR_OPT_LIST      /* layr_opt_list_t, one more a time; freed by layr_opt_free */
} layr_opt_kind_t;

typedef struct layr_opt_def {
    char letter;      /* 0: none */
    const char *name; /* without the dashes */
    const char *arg;  /* what --help calls the argument; NULL with LAYR_OPT_FLAG */
    const char *help;
    layr_opt_kind_t kind;
    void *into;
    uint64_t min, max; /* of a number */
} layr_opt_def_t;
#define LAYR_OPT_END                                                                                         \
    {                                                                                                        \
        0, NULL, NULL, NULL, 0, NULL, 0, 0                                                                   \
    }

#define LAYR_OPT_VERBOSE 1u /* -v */
#define LAYR_OPT_JSON 2u    /* --json */
#define LAYR_OPT_HOME 4u    /* --home DIR; fills config_dir and state_dir */
#define LAYR_OPT_HOSTS 8u   /* -s URL, -H URL, --cacert FILE, the configuration file; needs LAYR_OPT_HOME */
#define LAYR_OPT_SEEDS 16u  /* the same without -H: hosts are found */

typedef struct layr_opt_spec {
    const char *usage;             /* after the program's name; more forms on further lines */
    const char *about;             /* what it does, a line or some */
    const layr_opt_def_t *options; /* ends with LAYR_OPT_END; NULL: none of its own */
    unsigned shared;               /* LAYR_OPT_* */
    unsigned min, max;             /* operands */
    const char *notes;             /* printed at the end of --help, or NULL */
} layr_opt_spec_t;

/* Lines of layr.conf for layr-keep, which looks at what they say: `keep-renew`, ... */
typedef enum layr_keep_line {
    LAYR_KEEP_RENEW,
    LAYR_KEEP_THRESHOLD,
    LAYR_KEEP_GRACE,
    LAYR_KEEP_MAX_PRICE,
    LAYR_KEEP_LINES
} layr_keep_line_t;

typedef struct layr_opt {
    bool quiet, verbose, json;
    char *config_dir, *state_dir; /* as --home, LAYR_HOME or the XDG folders say; they need not exist */
    /*
     * Either of the two, or none: from -H or else -s, and where neither was given from the configuration file.
     */
    layr_opt_list_t hosts, seeds;
    const char *cacert; /* NULL: the system's */
    unsigned count;     /* operands */
    char **operand;     /* points into argv */

    const layr_opt_spec_t *spec;
    const char *home; /* as given */
    char *config_cacert;
    char *keep[LAYR_KEEP_LINES]; /* what layr.conf says for layr-keep, by layr_keep_line_t; NULL: nothing */
} layr_opt_t;

/*
 * LAYR_OPT_GO_ON, or the exit status: all has been said then (help and version went to stdout). Also starts
 * say.h with the program's name. layr_opt_free either way.
 */
#define LAYR_OPT_GO_ON (-1)
int layr_opt_parse(layr_opt_t *o, const layr_opt_spec_t *spec, int argc, char **argv) LAYR_CHECKED;
void layr_opt_free(layr_opt_t *o);

/* Is it said where the network is? */
bool layr_opt_has_network(const layr_opt_t *o);

/* Complain about how the program was called, point to --help; gives LAYR_EXIT_USAGE. */
int layr_opt_usage(const char *fmt, ...) LAYR_PRINTF(1, 2);

/* A decimal number of min to max; 0 or LAYR_ERR_ARG. */
int layr_opt_number(uint64_t *out, const char *text, uint64_t min, uint64_t max) LAYR_CHECKED;
/* K/N, both 1 to 255, K <= N; 0 or LAYR_ERR_ARG. */
int layr_opt_scheme(unsigned *k, unsigned *n, const char *text) LAYR_CHECKED;

/* `dir/name`, malloc'd; NULL when out of memory. */
char *layr_opt_path(const char *dir, const char *name) LAYR_CHECKED;

/*
 * A capability as an operand: the string itself, `@FILE` with it on its first line, or `-` for stdin's first
 * line. LAYR_ERR_CAP when it is not one, LAYR_ERR_IO when it can't be read; d says which. The copies made on
 * the way are wiped.
 */
int layr_opt_cap(layr_file_keys_t *out, const char *arg, layr_diag_t *d) LAYR_CHECKED;
/* Does the operand look like a capability (or where one is to be read), rather than a name in the catalogue?
 */
bool layr_opt_is_cap(const char *arg);

#endif
