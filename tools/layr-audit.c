/* layr-audit: have the hosts of a file prove that they hold its shards. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "every.h"
#include "guard.h"
#include "layr/bytes.h"
#include "meter.h"
#include "opt.h"
#include "pass.h"
#include "session.h"
#include "show.h"
#include "verdicts.h"

#define BAD_SHOWN 40 /* bad shards listed without -v */

static bool opt_all;
static uint64_t opt_sample;

static const layr_opt_def_t options[] = {
    {0, "all", NULL, "every file of yours", LAYR_OPT_FLAG, &opt_all, 0, 0},
    {0, "sample", "C", "C random blocks of 4 KiB of each shard, not all of it", LAYR_OPT_NUMBER, &opt_sample,
     1, 1000000},
    LAYR_PASS_OPTION,
    LAYR_OPT_END};

static const layr_opt_spec_t spec = {
    "[options] NAME\n[options] CAP\n[options] --all",
    "Have the hosts of a file prove that they hold its shards: each reads them and\n"
    "answers a fresh challenge, and gives a random piece of one.",
    options,
    LAYR_OPT_HOME | LAYR_OPT_HOSTS | LAYR_OPT_JSON | LAYR_OPT_VERBOSE,
    0,
    1,
    "CAP is a write or verify capability, as it is, as @FILE, or `-` for stdin.\n"
    "Exit status: 0 all shards passed, 1 some did not, 4 the file is lost."};

typedef struct work {
    const layr_opt_t *opt;
    layr_tool_t tool;
    layr_meter_t meter;
    char shown[LAYR_NAME_MAX + 32]; /* the file */
    uint64_t files, whole, lost;    /* of --all */
} work_t;

static void on_event(void *ctx, const layr_event_t *e)
{
    work_t *w = ctx;

    if (e->kind == LAYR_EV_PROGRESS)
        layr_meter_show(&w->meter, e->done, e->total);
    else if (e->kind == LAYR_EV_NOTE || (w->opt->verbose && e->text != NULL))
        layr_say_note("%s%s%s", e->host != NULL ? e->host->url : "", e->host != NULL ? ": " : "", e->text);
}

/* --- for people --- */

static void print_host(const layr_host_verdicts_t *h)
{
    char id[9], date[LAYR_DATE_TEXT];

    layr_hex(id, h->id, 4);
    printf("  %-40s %7" PRIu64, h->url[0] != 0 ? h->url : id, h->shards);
    for (unsigned v = 0; v < LAYR_NEVER; v++)
        printf(" %11" PRIu64, h->count[v]);
    if (h->unproven_since != 0) {
        layr_show_minute(date, h->unproven_since);
        printf("  %s since %s", h->silent_since != 0 ? "silent" : "silent about some", date);
    }
    printf("\n");
}

static void print_bad(const layr_audit_row_t *r)
{
    char id[9];

    layr_hex(id, r->host_id, 4);
    printf("  %s %" PRIu64 " shard %u", r->page ? "page" : "segment", r->unit, r->index);
    if (r->verdict != LAYR_NEVER)
        printf(" at %s", r->host != NULL ? r->host->url : id);
    printf(": %s%s%s\n", layr_verdict_name(r->verdict), r->text[0] != 0 ? ": " : "", r->text);
}

static void words_of(const layr_verdicts_t *v, const layr_audit_stats_t *st, char *out, size_t cap)
{
    const struct layr_unit_verdicts *u = &v->weakest;
    char size[LAYR_SIZE_TEXT];

    layr_say_size(size, st->audited);
    if (v->units == 0)
        snprintf(out, cap, "nothing to audit: the file is so small that it lies in its record");
    else if (v->passed == v->shards)
        snprintf(out, cap, "all %" PRIu64 " shards passed: %s proved", v->shards, size);
    else if (v->lost > 0)
        snprintf(out, cap,
                 "lost: %" PRIu64 " of %" PRIu64 " segments and pages have fewer shards than they need, "
                 "whoever comes back; the first such or weakest is %s "
                 "%" PRIu64 " with %u of %u",
                 v->lost, v->units, u->page ? "page" : "segment", u->number, u->good, u->needed);
    else
        snprintf(out, cap,
                 "%" PRIu64 " of %" PRIu64 " shards passed; the weakest, %s %" PRIu64
                 ", has %u good of %u and needs %u: layr-patch restores the others",
                 v->passed, v->shards, u->page ? "page" : "segment", u->number, u->good, u->rows, u->needed);
}

static void print_all(const work_t *w, const layr_verdicts_t *v, const char *words)
{
    size_t shown = w->opt->verbose || v->bad_count <= BAD_SHOWN ? v->bad_count : BAD_SHOWN;

    printf("%s\n", w->shown);
    if (v->host_count > 0) {
        printf("  %-40s %7s", "host", "shards");
        for (unsigned i = 0; i < LAYR_NEVER; i++)
            printf(" %11s", layr_verdict_name((layr_verdict_t)i));
        printf("\n");
    }
    for (size_t i = 0; i < v->host_count; i++)
        print_host(&v->host[i]);
    for (size_t i = 0; i < shown; i++)
        print_bad(&v->bad[i]);
    if (v->shards - v->passed > shown)
        printf("  and %" PRIu64 " more%s\n", v->shards - v->passed - shown,
               w->opt->verbose ? "" : ": -v lists up to 10,000");
    printf("  %s\n", words);
}

/* --- for programs --- */

static void key_of(char out[16], layr_verdict_t v)
{
    snprintf(out, 16, "%s", layr_verdict_name(v));
    for (char *p = out; *p != 0; p++)
        if (*p == ' ')
            *p = '_';
}

static int json_counts(cJSON *o, const uint64_t count[LAYR_VERDICTS])
{
    char key[16];
    int bad = 0;

    for (unsigned v = 0; v < LAYR_VERDICTS; v++) {
        key_of(key, (layr_verdict_t)v);
        bad |= layr_json_u64(o, key, count[v]);
    }
    return bad;
}

static int json_hosts(cJSON *o, const layr_verdicts_t *v)
{
    cJSON *list = cJSON_AddArrayToObject(o, "hosts");
    int bad = list == NULL;

    for (size_t i = 0; bad == 0 && i < v->host_count; i++) {
        cJSON *e = cJSON_CreateObject();

        bad |= layr_json_hex(e, "id", v->host[i].id, 32);
        bad |= layr_json_text(e, "url", v->host[i].url);
        bad |= layr_json_u64(e, "shards", v->host[i].shards);
        bad |= json_counts(e, v->host[i].count);
        bad |= layr_json_time(e, "silent_since", v->host[i].silent_since);
        bad |= layr_json_time(e, "unproven_since", v->host[i].unproven_since);
        bad |= layr_json_text(e, "trouble", v->host[i].text);
        bad |= !cJSON_AddItemToArray(list, e);
    }
    return bad;
}

static int json_bad(cJSON *o, const layr_verdicts_t *v)
{
    cJSON *list = cJSON_AddArrayToObject(o, "bad");
    int bad = list == NULL;
    char key[16];

    for (size_t i = 0; bad == 0 && i < v->bad_count; i++) {
        const layr_audit_row_t *r = &v->bad[i];
        cJSON *e = cJSON_CreateObject();

        key_of(key, r->verdict);
        bad |= cJSON_AddBoolToObject(e, "page", r->page) == NULL;
        bad |= layr_json_u64(e, "unit", r->unit);
        bad |= layr_json_u64(e, "shard", r->index);
        bad |= layr_json_text(e, "verdict", key);
        if (r->verdict != LAYR_NEVER) {
            bad |= layr_json_hex(e, "id", r->shard, 32);
            bad |= layr_json_hex(e, "host", r->host_id, 32);
            bad |= layr_json_time(e, "unproven_since", r->unproven_since);
        }
        bad |= layr_json_text(e, "text", r->text);
        bad |= !cJSON_AddItemToArray(list, e);
    }
    return bad;
}

/* One line a file. */
static int print_json(const layr_file_t *f, const layr_verdicts_t *v, const layr_audit_stats_t *st,
                      const char *words)
{
    cJSON *o = cJSON_CreateObject();
    int bad = layr_json_hex(o, "record_id", f->keys.record_id, 32);

    if (f->keys.rights & LAYR_CAN_READ)
        bad |= layr_json_text(o, "name", f->content.name);
    bad |= layr_json_scheme(o, "scheme", f->placement.scheme);
    bad |= layr_json_u64(o, "units", v->units);
    bad |= layr_json_u64(o, "whole", v->whole);
    bad |= layr_json_u64(o, "lost", v->lost);
    bad |= layr_json_u64(o, "shards", v->shards);
    bad |= json_counts(o, st->count);
    bad |= layr_json_u64(o, "challenges", st->challenges);
    bad |= layr_json_u64(o, "chunks", st->chunks);
    bad |= layr_json_u64(o, "proved_bytes", st->audited);
    bad |= layr_json_u64(o, "sent_bytes", st->sent);
    bad |= layr_json_u64(o, "received_bytes", st->received);
    bad |= layr_json_u64(o, "chunk_bytes", st->fetched);
    bad |= layr_json_text(o, "verdict", words);
    bad |= json_hosts(o, v);
    bad |= json_bad(o, v);
    return layr_json_print(o, bad);
}

/* --- one file, or all --- */

/* Hosts that are down are not in the session's list by their id; where they were given with it, their URL is known. */
static void name_hosts(const work_t *w, layr_verdicts_t *v)
{
    for (size_t i = 0; i < v->host_count; i++) {
        const layr_host_t *h = v->host[i].url[0] == 0 ? layr_tool_host(&w->tool, v->host[i].id) : NULL;

        if (h != NULL)
            memcpy(v->host[i].url, h->url, sizeof v->host[i].url);
    }
    for (size_t i = 0; i < v->bad_count; i++)
        if (v->bad[i].host == NULL && v->bad[i].verdict != LAYR_NEVER)
            v->bad[i].host = layr_tool_host(&w->tool, v->bad[i].host_id);
}

static int tell(work_t *w, const layr_file_t *f, const layr_verdicts_t *v, const layr_audit_stats_t *st)
{
    char words[512];
    int rc;

    words_of(v, st, words, sizeof words);
    if (w->opt->json)
        rc = print_json(f, v, st, words);
    else {
        print_all(w, v, words);
        rc = layr_show_end();
    }
    if (rc != LAYR_EXIT_OK)
        return rc;
    w->files++;
    w->whole += v->passed == v->shards;
    w->lost += v->lost > 0;
    if (v->lost > 0)
        return LAYR_EXIT_DATA;
    return v->passed == v->shards ? LAYR_EXIT_OK : LAYR_EXIT_FAILED;
}

static int audit(work_t *w, const layr_file_keys_t *keys)
{
    layr_audit_opts_t o = {.sample = opt_sample, .download = true, .now = (layr_time_t)time(NULL)};
    layr_audit_stats_t st;
    layr_verdicts_t v = {0};
    layr_file_t *f = NULL;
    layr_diag_t d = {0};
    int rc = layr_file_open(&w->tool.s, keys, &f, &d);

    if (rc == LAYR_OK) {
        layr_verdicts_init(&v, f->placement.scheme);
        layr_meter_start(&w->meter, "audit");
        rc = layr_audit(&w->tool.s, f, &o, layr_verdicts_row, &v, &st, &d);
    }
    if (rc == LAYR_OK) {
        layr_verdicts_end(&v);
        name_hosts(w, &v);
        rc = tell(w, f, &v, &st);
    } else
        rc = layr_tool_failed(&w->tool, rc, &d);
    layr_verdicts_free(&v);
    layr_file_free(f);
    return rc;
}

static int audit_one(work_t *w, char *operand)
{
    layr_file_keys_t keys = {0};
    int rc = layr_tool_keys(&w->tool, operand, &keys);

    if (rc == LAYR_OPT_GO_ON && !(keys.rights & LAYR_CAN_VERIFY)) {
        layr_say_error(
            "this capability does not allow auditing: it takes the file's name, or its write or verify "
            "capability (layr:w:, layr:v:)");
        rc = LAYR_EXIT_REFUSED;
    }
    if (rc == LAYR_OPT_GO_ON)
        rc = layr_tool_connect(&w->tool);
    if (rc == LAYR_OPT_GO_ON)
        rc = audit(w, &keys);
    layr_file_keys_wipe(&keys);
    return rc;
}

/* Lost data weighs most, then what could not be looked at, then what did not pass. */
static int graver(int a, int b)
{
    static const int order[] = {LAYR_EXIT_OK, LAYR_EXIT_FAILED, LAYR_EXIT_REFUSED, LAYR_EXIT_HOSTS,
                                LAYR_EXIT_DATA};
    size_t x = 0, y = 0;

    for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
        x = order[i] == a ? i : x;
        y = order[i] == b ? i : y;
    }
    return x > y ? a : b;
}

static int audit_entry(work_t *w, const layr_file_entry_t *f)
{
    layr_file_keys_t keys = {0};
    char id[9];
    int rc;

    layr_hex(id, f->record_id, 4);
    if (f->name[0] != 0)
        layr_show_name(w->shown, sizeof w->shown, f->name);
    else
        snprintf(w->shown, sizeof w->shown, "the file without a name %s", id);
    layr_file_keys_from_write(&keys, f->W);
    rc = audit(w, &keys);
    if (rc != LAYR_EXIT_OK && rc != LAYR_EXIT_FAILED && rc != LAYR_EXIT_DATA)
        layr_say_note("%s could not be audited", w->shown);
    layr_file_keys_wipe(&keys);
    return rc;
}

static int audit_all(work_t *w)
{
    layr_every_t every = {0};
    int rc = layr_tool_connect(&w->tool), status = LAYR_EXIT_OK;

    if (rc != LAYR_OPT_GO_ON)
        return rc;
    layr_tool_catalogue(&w->tool, true);
    rc = layr_every_file(w->tool.s.journal, &every);
    if (rc != LAYR_OK)
        status = layr_tool_failed(&w->tool, rc, NULL);
    for (size_t i = 0; rc == LAYR_OK && i < every.count && !atomic_load(&layr_guard_cancel); i++)
        status = graver(status, audit_entry(w, &every.file[i]));
    if (rc == LAYR_OK && !w->opt->json)
        layr_say_note("%" PRIu64 " of %zu files audited: %" PRIu64 " whole, %" PRIu64 " lost", w->files,
                      every.count, w->whole, w->lost);
    layr_every_free(&every);
    return status;
}

static int run(work_t *w)
{
    char *operand = w->opt->count > 0 ? w->opt->operand[0] : NULL;
    int rc;

    if (opt_all == (operand != NULL))
        return layr_opt_usage(opt_all ? "--all, or one file: not both"
                                      : "of which file? A name, a capability, or --all");
    rc = layr_tool_start(&w->tool, w->opt, opt_all || !layr_opt_is_cap(operand));
    w->tool.s.event = on_event;
    w->tool.s.event_ctx = w;
    layr_show_name(w->shown, sizeof w->shown,
                   operand == NULL || layr_opt_is_cap(operand) ? "the file" : operand);
    if (rc == LAYR_OPT_GO_ON)
        rc = opt_all ? audit_all(w) : audit_one(w, operand);
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
