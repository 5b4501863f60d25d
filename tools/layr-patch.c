/* layr-patch: restore what a file lost. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "every.h"
#include "guard.h"
#include "home.h"
#include "layr/durability.h"
#include "meter.h"
#include "opt.h"
#include "pass.h"
#include "session.h"
#include "show.h"

static bool opt_all, opt_dry_run;
static uint64_t opt_threshold, opt_grace = LAYR_GRACE_S, opt_sample, opt_max_price;

static const layr_opt_def_t options[] = {
    {0, "all", NULL, "every file of your own", LAYR_OPT_FLAG, &opt_all, 0, 0},
    {0, "threshold", "T", "leave a segment alone that has T shards (all N)", LAYR_OPT_NUMBER, &opt_threshold,
     1, LAYR_N_MAX},
    {0, "grace", "S", "a host silent for S seconds is lost (a week)", LAYR_OPT_NUMBER, &opt_grace, 0,
     INT32_MAX},
    {0, "sample", "C", "have hosts prove C blocks of a shard (all)", LAYR_OPT_NUMBER, &opt_sample, 1,
     UINT32_MAX},
    {0, "max-price", "P", "most per GiB and 30 days, in 1e-7 of a unit (0)", LAYR_OPT_NUMBER, &opt_max_price,
     0, INT64_MAX},
    {0, "dry-run", NULL, "say what would be done; change nothing", LAYR_OPT_FLAG, &opt_dry_run, 0, 0},
    LAYR_PASS_OPTION,
    LAYR_OPT_END};

static const layr_opt_spec_t spec = {
    "[options] NAME\n[options] CAP\n[options] --all",
    "Have the hosts of a file prove that they hold it, and restore what is lost from\n"
    "what is left, at other hosts. CAP is a write capability (layr:w:...).",
    options,
    LAYR_OPT_HOME | LAYR_OPT_HOSTS | LAYR_OPT_JSON | LAYR_OPT_VERBOSE,
    0,
    1,
    NULL};

typedef struct work {
    const layr_opt_t *opt;
    layr_tool_t tool;
    layr_meter_t meter;
    char shown[LAYR_NAME_MAX + 1]; /* the file that is at work */
    bool published;                /* of any */
} work_t;

/* --- while it runs --- */

static void on_event(void *ctx, const layr_event_t *e)
{
    work_t *w = ctx;
    const char *verb = e->text != NULL ? e->text : "audit";
    const char *unit = e->page ? "page" : "segment", *where = e->host != NULL ? e->host->url : "a host";

    switch (e->kind) {
    case LAYR_EV_PROGRESS:
        if (strcmp(verb, w->meter.verb) != 0)
            layr_meter_start(&w->meter, "patch");
        layr_meter_show(&w->meter, e->done, e->total);
        break;
    case LAYR_EV_SHARD_BAD:
        if (w->opt->verbose)
            layr_say_note("%s %" PRIu64 ", shard %u: %s", unit, e->unit, e->index, e->text);
        break;
    case LAYR_EV_SHARD_MOVED:
        if (w->opt->verbose)
            layr_say_note("%s %" PRIu64 ", shard %u: %s; another host is asked", unit, e->unit, e->index,
                          e->text != NULL ? e->text : layr_strerror(e->error));
        break;
    case LAYR_EV_SHARD_STORED:
        if (w->opt->verbose)
            layr_say_note("%s %" PRIu64 ", shard %u: %s", unit, e->unit, e->index, where);
        break;
    case LAYR_EV_NOTE:
        layr_say_note("%s", e->text);
        break;
    default:
        break;
    }
}

/* --- results --- */

static const char *state_of(const layr_patch_result_t *r, int rc)
{
    if (rc == LAYR_ERR_DATA)
        return "lost";
    if (rc != LAYR_OK && rc != LAYR_ERR_HOSTS)
        return "failed";
    if (r->missing > 0)
        return "partly";
    if (r->damaged + r->leaving == 0)
        return r->waiting + r->left_alone > 0 ? "waiting" : "whole";
    return opt_dry_run ? "damaged" : "restored";
}

static int print_json(const work_t *w, const layr_patch_result_t *r, int rc)
{
    cJSON *o = cJSON_CreateObject();
    int bad = layr_json_text(o, "name", w->shown);

    bad |= layr_json_text(o, "state", state_of(r, rc));
    bad |= cJSON_AddBoolToObject(o, "dry_run", opt_dry_run) == NULL;
    bad |= cJSON_AddBoolToObject(o, "inline", r->is_inline) == NULL;
    bad |= layr_json_scheme(o, "scheme", r->scheme.n > 0 ? r->scheme : (layr_scheme_t){1, 1});
    bad |= layr_json_u64(o, "units", r->units);
    bad |= layr_json_u64(o, "whole", r->whole);
    bad |= layr_json_u64(o, "damaged", r->damaged);
    bad |= layr_json_u64(o, "leaving", r->leaving);
    bad |= layr_json_u64(o, "restored", r->restored);
    bad |= layr_json_u64(o, "copied", r->copied);
    bad |= layr_json_u64(o, "patched", r->patched);
    bad |= layr_json_u64(o, "pages", r->pages);
    bad |= layr_json_u64(o, "bytes", r->bytes);
    bad |= layr_json_u64(o, "waiting", r->waiting);
    bad |= layr_json_u64(o, "left_alone", r->left_alone);
    bad |= layr_json_u64(o, "missing", r->missing);
    bad |= layr_json_u64(o, "lost", r->lost);
    bad |= layr_json_u64(o, "hosts", r->hosts);
    bad |= layr_json_u64(o, "record_hosts", r->record_hosts);
    bad |= layr_json_u64(o, "seq", r->seq);
    bad |= layr_json_time(o, "until", r->until);
    return layr_json_print(o, bad);
}

/* What was left as it is, and why. */
static void say_left(const layr_patch_result_t *r)
{
    if (r->waiting > 0)
        layr_say_note("%" PRIu64 " shard%s at hosts that do not answer, and have not for long: they count as "
                      "lost after %" PRIu64 " seconds (--grace)",
                      r->waiting, r->waiting == 1 ? " is" : "s are", opt_grace);
    if (r->left_alone > 0)
        layr_say_note("%" PRIu64 " lost shard%s left alone: their segments have enough (--threshold)",
                      r->left_alone, r->left_alone == 1 ? " was" : "s were");
}

static void say_line(const work_t *w, const layr_patch_result_t *r)
{
    char size[LAYR_SIZE_TEXT];

    layr_say_size(size, r->bytes);
    if (r->is_inline)
        printf("%s: inside its record, nothing to restore\n", w->shown);
    else if (r->damaged + r->leaving == 0)
        printf("%s: %s\n", w->shown,
               r->waiting + r->left_alone > 0 ? "nothing is to be restored now" : "whole");
    else if (opt_dry_run)
        printf("%s: %" PRIu64 " shards would be restored and %" PRIu64 " moved from hosts that leave, %s\n",
               w->shown, r->damaged, r->leaving, size);
    else
        printf("%s: %" PRIu64 " of %" PRIu64 " shards restored, %" PRIu64 " of %" PRIu64
               " moved from hosts that leave, %s\n",
               w->shown, r->restored, r->damaged, r->copied, r->leaving, size);
}

static int show(work_t *w, const layr_patch_result_t *r, int rc)
{
    if (w->opt->json)
        return print_json(w, r, rc);
    if (rc == LAYR_OK || rc == LAYR_ERR_HOSTS)
        say_line(w, r);
    if (rc == LAYR_OK)
        say_left(r);
    return layr_show_end();
}

/* --- a file --- */

static int patch_file(work_t *w, const layr_file_keys_t *k)
{
    layr_patch_opts_t o = {.threshold = (unsigned)opt_threshold,
                           .grace = (layr_time_t)opt_grace,
                           .max_price = opt_max_price,
                           .now = (layr_time_t)time(NULL),
                           .dry_run = opt_dry_run,
                           .sample = opt_sample};
    layr_patch_result_t r = {0};
    layr_diag_t d = {0};
    int rc, shown, status = LAYR_EXIT_OK;

    if (!(k->rights & LAYR_CAN_WRITE)) {
        layr_say_error(
            "this capability does not allow patching: it takes the write capability (layr:w:), or the name "
            "of a file of your own");
        return LAYR_EXIT_REFUSED;
    }
    layr_meter_start(&w->meter, "audit");
    rc = layr_patch(&w->tool.s, k, &o, &r, &d);
    w->published |= r.published;
    if (rc != LAYR_OK) {
        char text[LAYR_DIAG_MAX];

        snprintf(text, sizeof text, "%s", d.text);
        layr_wipe(&d, sizeof d);
        layr_diag_set(&d, rc, "%s: %s", w->shown, text);
        status = layr_tool_failed(&w->tool, rc, &d);
    }
    shown = show(w, &r, rc);
    return status == LAYR_EXIT_OK ? shown : status;
}

static int patch_one(work_t *w, char *operand)
{
    layr_file_keys_t k = {0};
    int rc = layr_tool_keys(&w->tool, operand, &k);

    layr_show_name(w->shown, sizeof w->shown, layr_opt_is_cap(operand) ? "the file" : operand);
    if (rc == LAYR_OPT_GO_ON)
        rc = patch_file(w, &k);
    layr_file_keys_wipe(&k);
    return rc;
}

/* --- all --- */

/* The worst of two: what is lost, what lacks hosts, what failed otherwise. */
static int worse(int a, int b)
{
    static const int order[] = {LAYR_EXIT_DATA, LAYR_EXIT_HOSTS, LAYR_EXIT_REFUSED, LAYR_EXIT_USAGE,
                                LAYR_EXIT_FAILED};

    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++)
        if (a == order[i] || b == order[i])
            return order[i];
    return LAYR_EXIT_OK;
}

static int patch_all(work_t *w)
{
    layr_every_t every = {0};
    int status = LAYR_EXIT_OK, rc = layr_every_file(w->tool.s.journal, &every);

    if (rc != 0)
        status = layr_tool_failed(&w->tool, rc, NULL);
    for (size_t i = 0; rc == 0 && i < every.count && !atomic_load(&layr_guard_cancel); i++) {
        layr_file_keys_t k = {0};

        layr_file_keys_from_write(&k, every.file[i].W);
        layr_show_name(w->shown, sizeof w->shown, every.file[i].name);
        status = worse(status, patch_file(w, &k));
        layr_file_keys_wipe(&k);
    }
    layr_every_free(&every);
    return status;
}

/* --- */

static int take_operands(const work_t *w)
{
    if (opt_all && w->opt->count > 0)
        return layr_opt_usage("--all goes without a file");
    if (!opt_all && w->opt->count == 0)
        return layr_opt_usage("an argument is missing: NAME, CAP or --all");
    return LAYR_OPT_GO_ON;
}

/* Who has a capability and no key can't order anything in its owner's name. */
static int look_for_key(const work_t *w)
{
    char *path;
    bool there;

    if (opt_all || !layr_opt_is_cap(w->opt->operand[0]))
        return LAYR_OPT_GO_ON;
    path = layr_home_key_path(w->opt);
    there = path == NULL || access(path, F_OK) == 0;
    free(path);
    if (there)
        return LAYR_OPT_GO_ON;
    layr_say_error("what is restored is ordered with the owner's key, and there is none here: run layr-key "
                   "recover with its words first");
    return LAYR_EXIT_REFUSED;
}

static int run(work_t *w)
{
    int rc = take_operands(w);

    if (rc == LAYR_OPT_GO_ON)
        rc = look_for_key(w);
    if (rc == LAYR_OPT_GO_ON)
        rc = layr_tool_start(&w->tool, w->opt, true);
    if (rc == LAYR_OPT_GO_ON)
        rc = layr_tool_connect(&w->tool);
    if (rc == LAYR_OPT_GO_ON && !opt_dry_run)
        rc = layr_tool_tidy(&w->tool);
    w->tool.s.event = on_event;
    w->tool.s.event_ctx = w;
    if (rc == LAYR_OPT_GO_ON)
        rc = opt_all ? patch_all(w) : patch_one(w, w->opt->operand[0]);
    if (w->published)
        layr_tool_catalogue(&w->tool, false);
    layr_tool_end(&w->tool);
    return rc;
}

int main(int argc, char **argv)
{
    layr_opt_t o;
    work_t w = {.opt = &o};
    int rc;

    layr_guard_start();
    rc = layr_opt_parse(&o, &spec, argc, argv);
    if (rc == LAYR_OPT_GO_ON)
        rc = run(&w);
    layr_opt_free(&o);
    return rc;
}
