/* layr-rm: release a file's shards and forget it. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "guard.h"
#include "opt.h"
#include "pass.h"
#include "session.h"
#include "show.h"

static const layr_opt_def_t options[] = {LAYR_PASS_OPTION, LAYR_OPT_END};

static const layr_opt_spec_t spec = {
    "[options] NAME\n[options] CAP",
    "Remove a file: tell its hosts to let go of its shards, publish that it is gone,\n"
    "and forget it. CAP is a write capability (layr:w:...).",
    options,
    LAYR_OPT_HOME | LAYR_OPT_HOSTS | LAYR_OPT_JSON | LAYR_OPT_VERBOSE,
    1,
    1,
    NULL};

typedef struct work {
    const layr_opt_t *opt;
    layr_tool_t tool;
    layr_file_keys_t keys;
    char shown[256];
} work_t;

static void on_event(void *ctx, const layr_event_t *e)
{
    work_t *w = ctx;

    if (e->kind == LAYR_EV_NOTE || (w->opt->verbose && e->text != NULL))
        layr_say_note("%s%s%s", e->host != NULL ? e->host->url : "", e->host != NULL ? ": " : "", e->text);
}

static int print_json(const layr_remove_result_t *r)
{
    cJSON *o = cJSON_CreateObject();
    int bad = layr_json_u64(o, "released", r->released);

    bad |= layr_json_u64(o, "pending", r->pending);
    bad |= layr_json_u64(o, "record_hosts", r->record_hosts);
    bad |= cJSON_AddBoolToObject(o, "already", r->already) == NULL;
    return layr_json_print(o, bad);
}

static int remove_file(work_t *w)
{
    layr_remove_result_t r = {0};
    layr_diag_t d = {0};
    int rc;

    if (!(w->keys.rights & LAYR_CAN_WRITE)) {
        layr_say_error(
            "this capability does not allow removing: it takes the write capability (layr:w:), or the name "
            "of a file of your own");
        return LAYR_EXIT_REFUSED;
    }
    rc = layr_tool_connect(&w->tool);
    if (rc == LAYR_OPT_GO_ON)
        rc = layr_tool_tidy(&w->tool);
    if (rc != LAYR_OPT_GO_ON)
        return rc;
    rc = layr_remove(&w->tool.s, &w->keys, &r, &d);
    if (rc != 0)
        return layr_tool_failed(&w->tool, rc, &d);
    if (r.already)
        layr_say_note("%s had been removed before", w->shown);
    else
        layr_say_note(
            "removed %s: %" PRIu64 " shard%s released; %u host%s took the record that says it is gone",
            w->shown, r.released, r.released == 1 ? "" : "s", r.record_hosts, r.record_hosts == 1 ? "" : "s");
    layr_tool_say_pending(r.pending);
    layr_tool_catalogue(&w->tool, false);
    return w->opt->json ? print_json(&r) : LAYR_EXIT_OK;
}

/* Of a put of that name that was cut off: whether there was one; then *status is the exit status. */
static bool give_up_put(work_t *w, const char *name, int *status)
{
    layr_file_entry_t f = {0};
    layr_remove_result_t r = {0};
    uint64_t told = 0;
    int rc = layr_journal_file_find(w->tool.s.journal, &f, name);

    layr_wipe(&f, sizeof f);
    if (rc != LAYR_ERR_NOTFOUND)
        return false;
    rc = layr_journal_put_forget(w->tool.s.journal, name);
    if (rc == LAYR_ERR_NOTFOUND)
        return false;
    if (rc == 0)
        rc = layr_journal_release_count(w->tool.s.journal, &told);
    if (rc == LAYR_ERR_EXISTS) {
        layr_say_error("%s is being stored just now: stop that layr-put first", w->shown);
        *status = LAYR_EXIT_FAILED;
        return true;
    }
    *status = rc == 0 ? layr_tool_connect(&w->tool) : layr_tool_failed(&w->tool, rc, NULL);
    if (*status == LAYR_OPT_GO_ON)
        *status = layr_tool_tidy(&w->tool);
    if (*status != LAYR_OPT_GO_ON)
        return true;
    r.pending = w->tool.pending;
    r.released = told > r.pending ? told - r.pending : 0;
    layr_say_note("gave up the put of %s that was cut off: what it had stored is released", w->shown);
    layr_tool_say_pending(r.pending);
    *status = w->opt->json ? print_json(&r) : LAYR_EXIT_OK;
    return true;
}

/* No such file: it may be the name of an upload that was cut off, whose shards are to be released all the
 * same. */
static int find_file(work_t *w, char *operand)
{
    uint64_t pending = 0;
    int rc;

    if (!layr_opt_is_cap(operand) && give_up_put(w, operand, &rc))
        return rc;
    rc = layr_tool_keys(&w->tool, operand, &w->keys);

    if (rc != LAYR_EXIT_FAILED || !layr_opt_has_network(w->opt) || layr_opt_is_cap(operand))
        return rc;
    if (layr_tool_reap(&w->tool) != 0 || layr_journal_release_count(w->tool.s.journal, &pending) != 0 ||
        pending == 0)
        return rc;
    if (layr_tool_connect(&w->tool) == LAYR_OPT_GO_ON && layr_tool_tidy(&w->tool) == LAYR_OPT_GO_ON)
        layr_tool_say_pending(w->tool.pending);
    return rc;
}

static int run(work_t *w)
{
    char *operand = w->opt->operand[0];
    int rc = layr_tool_start(&w->tool, w->opt, true);

    w->tool.s.event = on_event;
    w->tool.s.event_ctx = w;
    layr_show_name(w->shown, sizeof w->shown, layr_opt_is_cap(operand) ? "the file" : operand);
    if (rc == LAYR_OPT_GO_ON)
        rc = find_file(w, operand);
    if (rc == LAYR_OPT_GO_ON)
        rc = remove_file(w);
    layr_file_keys_wipe(&w->keys);
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
