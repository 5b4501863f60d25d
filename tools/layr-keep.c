/* layr-keep: watch over one's files. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "guard.h"
#include "keep.h"
#include "layr/durability.h"
#include "opt.h"
#include "pass.h"

#define LOOK_EVERY_S 300 /* for files that another program has put meanwhile */

#define YEAR_S 31536000
#define ANY_LOSS 255 /* a threshold that is n for every scheme */

static bool opt_once, opt_due, opt_no_renew;
static const char *opt_threshold, *opt_grace, *opt_max_price;
static uint64_t opt_sample = LAYR_SAMPLE_BLOCKS;

static const layr_opt_def_t options[] = {
    {0, "once", NULL, "go through all files now, and end", LAYR_OPT_FLAG, &opt_once, 0, 0},
    {0, "due", NULL, "with --once: only what is due by the schedule", LAYR_OPT_FLAG, &opt_due, 0, 0},
    {0, "threshold", "T", "restore below T good shards; n: any loss", LAYR_OPT_TEXT, &opt_threshold, 0, 0},
    {0, "grace", "S", "seconds a host may be silent (604800)", LAYR_OPT_TEXT, &opt_grace, 0, 0},
    {0, "sample", "C", "blocks of each shard in a daily audit (16)", LAYR_OPT_NUMBER, &opt_sample, 1, 1024},
    {0, "max-price", "P", "of hosts for what is restored, as of layr-put (0)", LAYR_OPT_TEXT, &opt_max_price,
     0, 0},
    {0, "no-renew", NULL, "let files end when their time is up", LAYR_OPT_FLAG, &opt_no_renew, 0, 0},
    LAYR_PASS_OPTION,
    LAYR_OPT_END};

static const layr_opt_spec_t spec = {
    "[options]\nstatus [options]",
    "Watch over your files, as long as it runs or once: audit their hosts, restore\n"
    "what is lost, renew what would end. `status` says what is known of them.",
    options,
    LAYR_OPT_HOME | LAYR_OPT_HOSTS | LAYR_OPT_JSON | LAYR_OPT_VERBOSE,
    0,
    1,
    NULL};

/* --- options --- */

/* An option, or what layr.conf has in its place. */
static const char *either(const layr_keeper_t *k, const char *option, layr_keep_line_t line)
{
    return option != NULL ? option : k->opt->keep[line];
}

static int take_number(const layr_keeper_t *k, const char *name, const char *option, layr_keep_line_t line,
                       uint64_t max, uint64_t *out)
{
    const char *text = either(k, option, line);

    if (text == NULL || layr_opt_number(out, text, 0, max) == 0)
        return LAYR_OPT_GO_ON;
    return layr_opt_usage("%s%s: '%s' is not a whole number from 0 to %llu",
                          option != NULL ? "--" : "layr.conf: keep-", name, text, (unsigned long long)max);
}

static int take_threshold(layr_keeper_t *k)
{
    const char *text = either(k, opt_threshold, LAYR_KEEP_THRESHOLD);
    uint64_t n = 0;

    if (text != NULL && strcmp(text, "n") == 0)
        n = ANY_LOSS;
    else if (text != NULL && layr_opt_number(&n, text, 1, LAYR_N_MAX) != 0)
        return layr_opt_usage("%s: '%s' is neither n nor a number of shards from 1 to 255",
                              opt_threshold != NULL ? "--threshold" : "layr.conf: keep-threshold", text);
    k->threshold = (unsigned)n;
    return LAYR_OPT_GO_ON;
}

static int take_renew(layr_keeper_t *k)
{
    const char *text = k->opt->keep[LAYR_KEEP_RENEW];

    if (text != NULL && strcmp(text, "yes") != 0 && strcmp(text, "no") != 0)
        return layr_opt_usage("layr.conf: keep-renew: '%s' is neither yes nor no", text);
    k->policy.renew = !opt_no_renew && (text == NULL || strcmp(text, "yes") == 0);
    return LAYR_OPT_GO_ON;
}

static int take_policy(layr_keeper_t *k)
{
    uint64_t grace = LAYR_GRACE_S;
    int rc = take_threshold(k);

    k->policy = (layr_keep_policy_t){.sample_every = LAYR_SAMPLE_EVERY_S, .audit_every = LAYR_AUDIT_EVERY_S};
    k->sample = opt_sample;
    k->now = opt_once && !opt_due;
    if (rc == LAYR_OPT_GO_ON)
        rc = take_renew(k);
    if (rc == LAYR_OPT_GO_ON)
        rc = take_number(k, "grace", opt_grace, LAYR_KEEP_GRACE, YEAR_S, &grace);
    if (rc == LAYR_OPT_GO_ON)
        rc = take_number(k, "max-price", opt_max_price, LAYR_KEEP_MAX_PRICE, INT64_MAX, &k->max_price);
    k->grace = (layr_time_t)grace;
    return rc;
}

static int take_options(layr_keeper_t *k)
{
    const layr_opt_t *o = k->opt;
    bool status = o->count == 1 && strcmp(o->operand[0], "status") == 0;

    if (o->count == 1 && !status)
        return layr_opt_usage("'%s' is not a command of layr-keep: status is, and without one it keeps",
                              o->operand[0]);
    if (opt_due && !opt_once)
        return layr_opt_usage("--due goes with --once: without that nothing else is done");
    if (status && opt_once)
        return layr_opt_usage("status and --once do not go together");
    if (o->json && !status)
        return layr_opt_usage("--json goes with status");
    return take_policy(k);
}

/* --- keeping --- */

static int take_lock(layr_keeper_t *k)
{
    int rc = layr_journal_watch_lock(k->tool.s.journal);

    if (rc == LAYR_ERR_IO && layr_journal_watch_busy(k->tool.s.journal) == 1) {
        layr_say_error("another layr-keep of this home is at work (`layr-keep status` says at what): nothing "
                       "was done");
        return LAYR_EXIT_BUSY;
    }
    return rc == 0 ? LAYR_OPT_GO_ON : layr_tool_failed(&k->tool, rc, NULL);
}

/* A signal that comes between the look at it and the sleep ends the sleep. */
static void sleep_for(layr_time_t seconds)
{
    struct timespec t = {.tv_sec = seconds};
    sigset_t held, was;

    sigemptyset(&held);
    sigaddset(&held, SIGINT);
    sigaddset(&held, SIGTERM);
    sigaddset(&held, SIGHUP);
    sigprocmask(SIG_BLOCK, &held, &was);
    if (!atomic_load(&layr_guard_cancel))
        ppoll(NULL, 0, &t, &was);
    sigprocmask(SIG_SETMASK, &was, NULL);
}

static void wait_until(layr_time_t next)
{
    layr_time_t left = next - time(NULL);

    sleep_for(left < 1 ? 1 : left > LOOK_EVERY_S ? LOOK_EVERY_S : left);
}

/* What goes wrong in a pass is said there, and another one is tried later; only a journal that fails ends it. */
static int serve(layr_keeper_t *k)
{
    int rc = layr_keep_load(k, time(NULL));

    layr_say_log();
    if (rc == 0)
        layr_say_note("layr-keep: watching over %zu file%s", k->count, k->count == 1 ? "" : "s");
    while (rc == 0 && !atomic_load(&layr_guard_cancel)) {
        if (layr_keep_next(k, time(NULL)) <= time(NULL) && layr_keep_pass(k) == LAYR_EXIT_USAGE)
            return LAYR_EXIT_USAGE;
        if (atomic_load(&layr_guard_cancel))
            break;
        rc = layr_keep_load(k, time(NULL));
        if (rc == 0)
            rc = layr_keep_write_status(k);
        if (rc == 0)
            wait_until(layr_keep_next(k, time(NULL)));
    }
    if (rc != 0)
        return layr_tool_failed(&k->tool, rc, NULL);
    layr_say_note("layr-keep: stopped");
    return LAYR_EXIT_OK;
}

static int once(layr_keeper_t *k)
{
    int rc = layr_keep_load(k, time(NULL));

    if (rc != 0)
        return layr_tool_failed(&k->tool, rc, NULL);
    if (opt_due && layr_keep_next(k, time(NULL)) > time(NULL))
        return LAYR_EXIT_OK;
    rc = layr_keep_pass(k);
    if (rc == LAYR_OPT_GO_ON && atomic_load(&layr_guard_cancel))
        return layr_say_failed(LAYR_ERR_CANCELLED, NULL);
    return rc == LAYR_OPT_GO_ON ? (int)k->status : rc;
}

static int keep(layr_keeper_t *k)
{
    int rc = take_lock(k), told;

    if (rc != LAYR_OPT_GO_ON)
        return rc;
    k->working = true;
    k->started = time(NULL);
    rc = opt_once ? once(k) : serve(k);
    k->working = false;
    told = layr_keep_write_status(k);
    layr_journal_watch_unlock(k->tool.s.journal);
    return rc == LAYR_EXIT_OK && told != 0 ? LAYR_EXIT_FAILED : rc;
}

static int status(layr_keeper_t *k)
{
    int rc = layr_keep_load(k, time(NULL));

    if (rc == 0)
        rc = layr_journal_release_count(k->tool.s.journal, &k->pending);
    return rc == 0 ? layr_keep_show_status(k) : layr_tool_failed(&k->tool, rc, NULL);
}

static int run(layr_keeper_t *k)
{
    int rc = take_options(k);

    if (rc == LAYR_OPT_GO_ON)
        rc = layr_tool_start(&k->tool, k->opt, true);
    if (rc == LAYR_OPT_GO_ON) {
        layr_kdf0(k->W, k->tool.master, "catalogue");
        rc = k->opt->count > 0 ? status(k) : keep(k);
    }
    layr_keep_unload(k);
    layr_tool_end(&k->tool);
    layr_wipe(k->W, sizeof k->W);
    return rc;
}

int main(int argc, char **argv)
{
    layr_opt_t o;
    layr_keeper_t k = {.opt = &o};
    int rc;

    layr_guard_start();
    rc = layr_opt_parse(&o, &spec, argc, argv);
    if (rc == LAYR_OPT_GO_ON)
        rc = run(&k);
    layr_opt_free(&o);
    return rc;
}
