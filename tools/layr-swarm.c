/* layr-swarm: start, stop, kill and revive nginx hosts on loopback, for trying out, tests and benchmarks. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "layr/crypto.h"
#include "opt.h"
#include "swarm.h"

#ifndef LAYR_MODULES_DIR
#define LAYR_MODULES_DIR "/usr/lib/nginx/modules"
#endif
#define MODULE_FILE "ngx_layr_module.so"
#define DEFAULT_COUNT 9
#define UP_MS 30000

static uint64_t opt_count, opt_port, opt_workers = 1;
static const char *opt_capacity = "100g", *opt_quota = "100g", *opt_rate, *opt_module, *opt_nginx;
static bool opt_plain, opt_h2c, opt_seed, opt_access_log, opt_json;
static layr_opt_list_t opt_directives;

static const layr_opt_def_t options[] = {
    {'n', "hosts", "N", "so many hosts (default 9)", LAYR_OPT_NUMBER, &opt_count, 1, LAYR_SWARM_HOSTS_MAX},
    {0, "port", "PORT", "port of all of them (default: a free one)", LAYR_OPT_NUMBER, &opt_port, 1, 65535},
    {0, "capacity", "SIZE", "room of each host (default 100g)", LAYR_OPT_TEXT, &opt_capacity, 0, 0},
    {0, "quota", "SIZE", "of it for one owner (default 100g)", LAYR_OPT_TEXT, &opt_quota, 0, 0},
    {0, "plain", NULL, "http instead of https", LAYR_OPT_FLAG, &opt_plain, 0, 0},
    {0, "h2c", NULL, "HTTP/2 over plain http", LAYR_OPT_FLAG, &opt_h2c, 0, 0},
    {0, "seed", NULL, "the hosts find each other, through host 0", LAYR_OPT_FLAG, &opt_seed, 0, 0},
    {0, "workers", "W", "nginx workers of each host (default 1)", LAYR_OPT_NUMBER, &opt_workers, 1, 32},
    {0, "max-rate", "SIZE", "bytes a second and answer (nginx's limit_rate)", LAYR_OPT_TEXT, &opt_rate, 0, 0},
    {0, "directive", "TEXT", "more for the location; repeatable", LAYR_OPT_LIST, &opt_directives, 0, 0},
    {0, "access-log", NULL, "write DIR/I/access.log", LAYR_OPT_FLAG, &opt_access_log, 0, 0},
    {0, "nginx", "FILE", "nginx (default: LAYR_NGINX or /usr/sbin/nginx)", LAYR_OPT_TEXT, &opt_nginx, 0, 0},
    {0, "module", "FILE", "ngx_layr_module.so, or `builtin` (LAYR_MODULE)", LAYR_OPT_TEXT, &opt_module, 0, 0},
    {0, "json", NULL, "print `status` as JSON", LAYR_OPT_FLAG, &opt_json, 0, 0},
    LAYR_OPT_END};

static const layr_opt_spec_t spec = {
    "start [-n N] [options] DIR\nstop|urls|status DIR\nkill|revive DIR I...",
    "Run N nginx hosts on loopback, host I (0 to N-1) below DIR/I. `kill` is kill -9\n"
    "of a host, `revive` starts it again as it was; `urls` prints a URL#<host id> a\n"
    "line; `start` on a stopped swarm keeps its port, keys and stores.",
    options,
    0,
    2,
    LAYR_SWARM_HOSTS_MAX + 2,
    NULL};

/* What a command works on: the hosts it names, or all. */
typedef struct work {
    layr_swarm_t swarm;
    unsigned *which; /* count of them */
    size_t count;
    bool *up;
} work_t;

static int choose_all(work_t *w)
{
    w->count = w->swarm.count;
    w->which = calloc(w->count, sizeof *w->which);
    w->up = calloc(w->count, sizeof *w->up);
    if (w->which == NULL || w->up == NULL)
        return LAYR_ERR_NOMEM;
    for (unsigned i = 0; i < w->count; i++)
        w->which[i] = i;
    return LAYR_OK;
}

static int choose_named(work_t *w, char **names, size_t count, layr_diag_t *d)
{
    w->which = calloc(count + 1, sizeof *w->which);
    w->up = calloc(count + 1, sizeof *w->up);
    if (w->which == NULL || w->up == NULL)
        return LAYR_ERR_NOMEM;
    for (size_t n = 0; n < count; n++) {
        uint64_t i;
        bool seen = false;
        if (layr_opt_number(&i, names[n], 0, w->swarm.count - 1) != LAYR_OK)
            return layr_diag_set(d, LAYR_ERR_ARG, "no host '%s': this swarm's are 0 to %u", names[n],
                                 w->swarm.count - 1);
        for (size_t before = 0; before < w->count; before++)
            seen = seen || w->which[before] == i;
        if (!seen)
            w->which[w->count++] = (unsigned)i;
    }
    return LAYR_OK;
}

/* Keep of w->which only the hosts that have no process. */
static int drop_running(work_t *w, layr_diag_t *d)
{
    layr_swarm_pids_t *pids = calloc(w->swarm.count, sizeof *pids);
    size_t kept = 0;
    int rc = pids ? layr_swarm_scan(pids, &w->swarm, d) : LAYR_ERR_NOMEM;

    for (size_t n = 0; rc == LAYR_OK && n < w->count; n++)
        if (pids[w->which[n]].count == 0)
            w->which[kept++] = w->which[n];
    if (rc == LAYR_OK)
        w->count = kept;
    free(pids);
    return rc;
}

/* Start the chosen hosts and wait until all answer. When one does not, those just started are ended again. */
static int bring_up(work_t *w, layr_diag_t *d)
{
    char tail[700];
    layr_diag_t ignored = {0};
    int rc = layr_swarm_launch(&w->swarm, w->which, w->count, d);

    if (rc == LAYR_OK)
        rc = layr_swarm_probe(w->up, &w->swarm, w->which, w->count, UP_MS, d);
    for (size_t n = 0; rc == LAYR_OK && n < w->count; n++) {
        if (w->up[n])
            continue;
        layr_swarm_log_tail(tail, sizeof tail, &w->swarm, w->which[n]);
        rc = layr_diag_set(d, LAYR_ERR_TIMEOUT, "host %u does not answer v1/node with 200: %s", w->which[n],
                           tail);
    }
    if (rc != LAYR_OK && layr_swarm_end(&w->swarm, w->which, w->count, false, NULL, &ignored) != LAYR_OK)
        layr_say_error("%s", ignored.text);
    return rc;
}

/* The module that was built along with this program, else the installed one; --module and LAYR_MODULE come
 * first. Malloc'd. */
static char *find_module(layr_diag_t *d)
{
    const char *given = opt_module ? opt_module : getenv("LAYR_MODULE");
    char self[PATH_MAX] = {0}, path[PATH_MAX + 64];
    char *slash, *found = NULL;

    if (given != NULL && strcmp(given, "builtin") == 0)
        return strdup(given);
    if (given == NULL && readlink("/proc/self/exe", self, sizeof self - 1) > 0 &&
        (slash = strrchr(self, '/')) != NULL) {
        *slash = 0;
        snprintf(path, sizeof path, "%s/../" MODULE_FILE, self);
        found = realpath(path, NULL);
    }
    if (found == NULL)
        found = realpath(given ? given : LAYR_MODULES_DIR "/" MODULE_FILE, NULL);
    if (found == NULL)
        layr_diag_set(d, LAYR_ERR_NOTFOUND, "%s: %s: say with --module where nginx's Layr module is",
                      given ? given : MODULE_FILE, strerror(errno));
    return found;
}

static int take_settings(layr_swarm_t *s, layr_diag_t *d)
{
    const char *env = getenv("LAYR_NGINX");
    const char *nginx = opt_nginx ? opt_nginx : env && *env ? env : "/usr/sbin/nginx";

    if (opt_count != 0 && opt_count < s->count)
        return layr_diag_set(d, LAYR_ERR_ARG, "%s holds %u hosts: a swarm can grow, not shrink", s->dir,
                             s->count);
    if (opt_count != 0 || s->count == 0)
        s->count = opt_count ? (unsigned)opt_count : DEFAULT_COUNT;
    if (opt_port != 0)
        s->port = (unsigned)opt_port;
    s->tls = !opt_plain && !opt_h2c;
    s->h2c = opt_h2c;
    free(s->nginx);
    s->nginx = realpath(nginx, NULL);
    if (s->nginx == NULL || access(s->nginx, X_OK) != 0)
        return layr_diag_set(d, LAYR_ERR_NOTFOUND, "%s: %s: install nginx or say with --nginx where it is",
                             nginx, strerror(errno));
    return LAYR_OK;
}

static int open_for_start(layr_swarm_t *s, const char *dir, layr_diag_t *d)
{
    layr_diag_t missing = {0};
    int rc = layr_swarm_load(s, dir, &missing);

    if (rc == LAYR_ERR_NOTFOUND) {
        layr_swarm_free(s);
        rc = layr_swarm_create(s, dir, d);
    } else if (rc != LAYR_OK) {
        *d = missing;
    }
    return rc == LAYR_OK ? layr_swarm_lock(s, d) : rc;
}

static int none_running(const layr_swarm_t *s, layr_diag_t *d)
{
    layr_swarm_pids_t *pids = calloc(s->count + 1, sizeof *pids);
    int rc = pids ? layr_swarm_scan(pids, s, d) : LAYR_ERR_NOMEM;

    for (unsigned i = 0; rc == LAYR_OK && i < s->count; i++)
        if (pids[i].count > 0)
            rc = layr_diag_set(d, LAYR_ERR_EXISTS, "host %u of %s is running: `layr-swarm stop %s` first", i,
                               s->dir, s->dir);
    free(pids);
    return rc;
}

/* Hosts first .. last - 1, with the seed given. */
static int configure(const work_t *w, const char *module, const char *seed, unsigned first, unsigned last,
                     layr_diag_t *d)
{
    layr_swarm_conf_t c = {.module = module,
                           .capacity = opt_capacity,
                           .quota = opt_quota,
                           .max_rate = opt_rate,
                           .workers = opt_workers,
                           .access_log = opt_access_log,
                           .dht = opt_seed,
                           .seed = seed,
                           .directives = &opt_directives};
    int rc = LAYR_OK;

    for (unsigned i = first; rc == LAYR_OK && i < last; i++)
        rc = layr_swarm_configure(&w->swarm, i, &c, d);
    return rc;
}

/* Host 0 gets its key by its first start; with its id the others know whom they join through. */
static int start_seeded(work_t *w, const char *module, layr_diag_t *d)
{
    char url[LAYR_SWARM_URL_MAX], id[65], seed[LAYR_SWARM_URL_MAX + 66];
    size_t count = w->count;
    layr_diag_t ignored = {0};
    int rc = configure(w, module, NULL, 0, 1, d);

    w->count = 1;
    if (rc == LAYR_OK)
        rc = bring_up(w, d);
    if (rc != LAYR_OK)
        return rc;
    layr_swarm_url(url, &w->swarm, 0);
    rc = layr_swarm_host_id(id, &w->swarm, 0, d);
    if (rc == LAYR_OK) {
        snprintf(seed, sizeof seed, "%s#%s", url, id);
        rc = configure(w, module, seed, 1, w->swarm.count, d);
    }
    w->count = count;
    if (rc == LAYR_OK)
        rc = drop_running(w, d);
    if (rc == LAYR_OK && w->count > 0)
        rc = bring_up(w, d);
    w->count = count;
    if (rc != LAYR_OK &&
        layr_swarm_end(&w->swarm, (const unsigned[]){0}, 1, false, NULL, &ignored) != LAYR_OK)
        layr_say_error("%s", ignored.text);
    return rc;
}

static int start_all(work_t *w, const char *module, layr_diag_t *d)
{
    int rc = layr_swarm_choose_port(&w->swarm, d);

    if (rc == LAYR_OK)
        rc = layr_swarm_save(&w->swarm,
                             d); /* before the hosts' folders: now DIR is a swarm's, whatever fails next */
    if (rc == LAYR_OK)
        rc = choose_all(w);
    if (rc == LAYR_OK && opt_seed)
        return start_seeded(w, module, d);
    if (rc == LAYR_OK)
        rc = configure(w, module, NULL, 0, w->swarm.count, d);
    return rc == LAYR_OK ? bring_up(w, d) : rc;
}

static int cmd_start(work_t *w, char **operand, unsigned count, layr_diag_t *d)
{
    char *module = NULL;
    int rc = LAYR_OK;

    (void)count;
    if (opt_plain && opt_h2c)
        return layr_diag_set(d, LAYR_ERR_ARG, "--plain and --h2c exclude each other");
    rc = open_for_start(&w->swarm, operand[0], d);
    if (rc == LAYR_OK && w->swarm.nginx != NULL)
        rc = none_running(&w->swarm, d);
    if (rc == LAYR_OK)
        rc = take_settings(&w->swarm, d);
    if (rc == LAYR_OK && (module = find_module(d)) == NULL)
        rc = d->code ? d->code : LAYR_ERR_NOMEM;
    if (rc == LAYR_OK)
        rc = start_all(w, module, d);
    if (rc == LAYR_OK)
        layr_say_note("%zu hosts are up; `layr-swarm urls %s` lists them", w->count, operand[0]);
    free(module);
    return rc;
}

static int end_hosts(work_t *w, bool hard, layr_diag_t *d)
{
    size_t ended = 0;
    int rc = layr_swarm_end(&w->swarm, w->which, w->count, hard, &ended, d);

    if (rc == LAYR_OK && ended < w->count)
        layr_say_note("%zu of %zu hosts were not running", w->count - ended, w->count);
    return rc;
}

static int cmd_stop(work_t *w, char **operand, unsigned count, layr_diag_t *d)
{
    (void)operand;
    (void)count;
    int rc = choose_all(w);
    return rc == LAYR_OK ? end_hosts(w, false, d) : rc;
}

static int cmd_kill(work_t *w, char **operand, unsigned count, layr_diag_t *d)
{
    int rc = choose_named(w, operand + 1, count - 1, d);
    return rc == LAYR_OK ? end_hosts(w, true, d) : rc;
}

static int cmd_revive(work_t *w, char **operand, unsigned count, layr_diag_t *d)
{
    int rc = choose_named(w, operand + 1, count - 1, d);
    size_t named = w->count;

    if (rc == LAYR_OK)
        rc = drop_running(w, d);
    if (rc == LAYR_OK && w->count < named)
        layr_say_note("%zu of %zu hosts were running", named - w->count, named);
    return rc == LAYR_OK ? bring_up(w, d) : rc;
}

static int cmd_urls(work_t *w, char **operand, unsigned count, layr_diag_t *d)
{
    char url[LAYR_SWARM_URL_MAX], id[65];
    int rc = LAYR_OK;

    (void)operand;
    (void)count;
    for (unsigned i = 0; rc == LAYR_OK && i < w->swarm.count; i++) {
        rc = layr_swarm_host_id(id, &w->swarm, i, d);
        layr_swarm_url(url, &w->swarm, i);
        if (rc == LAYR_OK)
            printf("%s#%s\n", url, id);
    }
    return rc;
}

static void print_status(const work_t *w, unsigned i, const layr_swarm_pids_t *p)
{
    const char *word = w->up[i] ? "up" : p->count ? "silent" : "down";
    char url[LAYR_SWARM_URL_MAX];

    layr_swarm_url(url, &w->swarm, i);
    if (opt_json)
        printf("%s\n  {\"host\": %u, \"state\": \"%s\", \"pid\": %ld, \"url\": \"%s\"}", i ? "," : "", i,
               word, (long)p->master, url);
    else
        printf("%u\t%s\t%ld\t%s\n", i, word, (long)p->master, url);
}

static int cmd_status(work_t *w, char **operand, unsigned count, layr_diag_t *d)
{
    layr_swarm_pids_t *pids = calloc(w->swarm.count, sizeof *pids);
    int rc = pids ? choose_all(w) : LAYR_ERR_NOMEM;

    (void)operand;
    (void)count;
    if (rc == LAYR_OK)
        rc = layr_swarm_scan(pids, &w->swarm, d);
    if (rc == LAYR_OK)
        rc = layr_swarm_probe(w->up, &w->swarm, w->which, w->count, 0, d);
    if (rc == LAYR_OK && opt_json)
        printf("[");
    for (unsigned i = 0; rc == LAYR_OK && i < w->swarm.count; i++)
        print_status(w, i, &pids[i]);
    if (rc == LAYR_OK && opt_json)
        printf("\n]\n");
    free(pids);
    return rc;
}

static const struct command {
    const char *name;
    bool takes_hosts; /* I... after DIR */
    bool changes;     /* takes the lock */
    int (*run)(work_t *, char **, unsigned, layr_diag_t *);
} commands[] = {{"start", false, false, cmd_start}, /* opens and locks by itself: there may be nothing yet */
                {"stop", false, true, cmd_stop},     {"kill", true, true, cmd_kill},
                {"revive", true, true, cmd_revive},  {"urls", false, false, cmd_urls},
                {"status", false, false, cmd_status}};

static int run(const layr_opt_t *o, const struct command *c)
{
    layr_diag_t d = {0};
    work_t w = {0};
    int rc = layr_init();

    if (rc == LAYR_OK && c->run != cmd_start)
        rc = layr_swarm_load(&w.swarm, o->operand[1], &d);
    if (rc == LAYR_OK && c->changes)
        rc = layr_swarm_lock(&w.swarm, &d);
    if (rc == LAYR_OK)
        rc = c->run(&w, o->operand + 1, o->count - 1, &d);
    layr_swarm_free(&w.swarm);
    free(w.which);
    free(w.up);
    layr_say_failed(rc, &d);
    return rc == LAYR_OK ? LAYR_EXIT_OK : rc == LAYR_ERR_ARG ? LAYR_EXIT_USAGE : LAYR_EXIT_FAILED;
}

static int dispatch(const layr_opt_t *o)
{
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        const struct command *c = &commands[i];
        if (strcmp(o->operand[0], c->name) != 0)
            continue;
        if (c->takes_hosts && o->count < 3)
            return layr_opt_usage("%s needs the numbers of the hosts", c->name);
        if (!c->takes_hosts && o->count > 2)
            return layr_opt_usage("unexpected argument '%s'", o->operand[2]);
        return run(o, c);
    }
    return layr_opt_usage("unknown command '%s'", o->operand[0]);
}

int main(int argc, char **argv)
{
    layr_opt_t o;
    int rc = layr_opt_parse(&o, &spec, argc, argv);

    if (rc == LAYR_OPT_GO_ON)
        rc = dispatch(&o);
    layr_opt_free(&o);
    return rc;
}
