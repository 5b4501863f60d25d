/* layr-get: download a file, or a range of it. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guard.h"
#include "layr/bytes.h"
#include "meter.h"
#include "opt.h"
#include "output.h"
#include "pass.h"
#include "range.h"
#include "session.h"
#include "show.h"

#define BAD_KEPT 64 /* damaged shards listed with --json */

static const char *opt_output, *opt_range;
static bool opt_force;

static const layr_opt_def_t options[] = {
    {'o', "output", "PATH", "file or folder to write to; `-`: standard output", LAYR_OPT_TEXT, &opt_output, 0,
     0},
    {0, "range", "A-B", "bytes A to B, from 0, both in it; A-; -N: last N", LAYR_OPT_TEXT, &opt_range, 0, 0},
    {'f', "force", NULL, "overwrite an existing file", LAYR_OPT_FLAG, &opt_force, 0, 0},
    LAYR_PASS_OPTION,
    LAYR_OPT_END};

static const layr_opt_spec_t spec = {
    "[options] CAP\n[options] NAME",
    "Download a file: by its read capability, or by the name of one of your own. It\n"
    "is written under its own name into the current folder.",
    options,
    LAYR_OPT_HOME | LAYR_OPT_HOSTS | LAYR_OPT_JSON | LAYR_OPT_VERBOSE,
    1,
    1,
    "CAP may be @FILE, or `-` for standard input: an argument can be seen by others\n"
    "on this machine for a moment."};

/* A shard that was not to be had. */
typedef struct bad_shard {
    bool page;
    uint64_t unit;
    unsigned index;
    char host[LAYR_URL_MAX + 1], why[200];
} bad_shard_t;

typedef struct work {
    const layr_opt_t *opt;
    layr_tool_t tool;
    layr_output_t output;
    layr_range_t range;
    layr_file_keys_t keys;
    layr_file_t *file;
    layr_meter_t meter;
    uint64_t first, last, size; /* of the file */
    layr_get_stats_t stats;
    bad_shard_t bad[BAD_KEPT];
    size_t bad_count;
} work_t;

/* --- while it runs --- */

static void host_of(const work_t *w, char out[LAYR_URL_MAX + 1], const layr_event_t *e)
{
    const layr_host_t *h = e->host;

    if (h == NULL && e->host_id != NULL)
        h = layr_tool_host(&w->tool, e->host_id);
    if (h != NULL)
        snprintf(out, LAYR_URL_MAX + 1, "%s", h->url);
    else if (e->host_id != NULL)
        layr_hex(out, e->host_id, 32);
    else
        snprintf(out, LAYR_URL_MAX + 1, "a host");
}

/* "segment 3, shard 1: https://... answered 404"; the text may name the host itself. */
static void bad_text(char *out, size_t cap, const bad_shard_t *b)
{
    bool named = strncmp(b->why, b->host, strlen(b->host)) == 0;

    snprintf(out, cap, "%s %" PRIu64 ", shard %u: %s%s%s", b->page ? "page" : "segment", b->unit, b->index,
             named ? "" : b->host, named ? "" : ": ", b->why);
}

static void note_bad(work_t *w, const layr_event_t *e)
{
    bad_shard_t b = {.page = e->page, .unit = e->unit, .index = e->index};
    char text[512];

    host_of(w, b.host, e);
    snprintf(b.why, sizeof b.why, "%s", e->text != NULL ? e->text : layr_strerror(e->error));
    bad_text(text, sizeof text, &b);
    if (w->opt->verbose)
        layr_say_note("%s", text);
    if (w->bad_count < BAD_KEPT)
        w->bad[w->bad_count] = b;
    w->bad_count++;
}

static void on_event(void *ctx, const layr_event_t *e)
{
    work_t *w = ctx;
    char host[LAYR_URL_MAX + 1];

    switch (e->kind) {
    case LAYR_EV_PROGRESS:
        layr_meter_show(&w->meter, e->done, e->total);
        break;
    case LAYR_EV_SHARD_BAD:
        note_bad(w, e);
        break;
    case LAYR_EV_SHARD_FETCHED:
        if (w->opt->verbose) {
            host_of(w, host, e);
            layr_say_note("%s %" PRIu64 ", shard %u: %" PRIu64 " bytes from %s", e->page ? "page" : "segment",
                          e->unit, e->index, e->bytes, host);
        }
        break;
    case LAYR_EV_NOTE:
        layr_say_note("%s", e->text);
        break;
    default:
        break;
    }
}

/* --- results --- */

static void say_bad(const work_t *w)
{
    char first[512];
    bool one = w->bad_count == 1;

    if (w->bad_count == 0)
        return;
    bad_text(first, sizeof first, &w->bad[0]);
    layr_say_note("%zu shard%s could not be had, and others made up for %s%s: %s%s", w->bad_count,
                  one ? "" : "s", one ? "it" : "them", one ? "" : "; the first", first,
                  one || w->opt->verbose ? "" : " (-v names all; layr-ls shows what is left)");
}

static void say_result(const work_t *w)
{
    char size[LAYR_SIZE_TEXT], pace[LAYR_PACE_TEXT], shown[512];

    layr_say_size(size, w->stats.bytes);
    layr_meter_pace(&w->meter, pace, w->stats.bytes);
    layr_show_name(shown, sizeof shown, w->output.to_stdout ? "standard output" : w->output.path);
    layr_say_note("%s: %s %s", shown, size, pace);
    say_bad(w);
}

static int json_bad(const work_t *w, cJSON *o)
{
    cJSON *list = cJSON_AddArrayToObject(o, "bad");
    int bad = list == NULL;

    for (size_t i = 0; bad == 0 && i < w->bad_count && i < BAD_KEPT; i++) {
        cJSON *b = cJSON_CreateObject();

        bad |= cJSON_AddBoolToObject(b, "page", w->bad[i].page) == NULL;
        bad |= layr_json_u64(b, "segment", w->bad[i].unit);
        bad |= layr_json_u64(b, "shard", w->bad[i].index);
        bad |= layr_json_text(b, "host", w->bad[i].host);
        bad |= layr_json_text(b, "why", w->bad[i].why);
        if (!cJSON_AddItemToArray(list, b)) {
            cJSON_Delete(b);
            bad = 1;
        }
    }
    return bad;
}

static int print_json(const work_t *w)
{
    cJSON *o = cJSON_CreateObject();
    int bad = layr_json_text(o, "name", w->file->content.name);

    bad |= layr_json_text(o, "path", w->output.path);
    bad |= layr_json_u64(o, "size", w->size);
    bad |= layr_json_u64(o, "first", w->first);
    bad |= layr_json_u64(o, "bytes", w->stats.bytes);
    bad |= layr_json_hex(o, "sha256", w->file->content.sha256, 32);
    bad |= layr_json_u64(o, "segments", w->stats.segments);
    bad |= layr_json_u64(o, "segments_recovered", w->stats.segments_recovered);
    bad |= layr_json_u64(o, "shards_fetched", w->stats.shards_fetched);
    bad |= layr_json_u64(o, "shards_bad", w->stats.shards_bad);
    bad |= layr_json_u64(o, "shards_late", w->stats.shards_late);
    bad |= layr_json_u64(o, "wire_bytes", w->stats.wire_bytes);
    bad |= cJSON_AddNumberToObject(o, "seconds", layr_meter_seconds(&w->meter)) == NULL;
    bad |= json_bad(w, o);
    return layr_json_print(o, bad);
}

/* --- steps --- */

static int open_file(work_t *w)
{
    layr_diag_t d = {0};
    int rc = layr_tool_keys(&w->tool, w->opt->operand[0], &w->keys);

    if (rc != LAYR_OPT_GO_ON)
        return rc;
    if (!(w->keys.rights & LAYR_CAN_READ)) {
        layr_say_error("this capability does not allow reading: it takes one that starts with layr:r:");
        return LAYR_EXIT_REFUSED;
    }
    rc = layr_tool_connect(&w->tool);
    if (rc != LAYR_OPT_GO_ON)
        return rc;
    rc = layr_file_open(&w->tool.s, &w->keys, &w->file, &d);
    if (rc != 0)
        return layr_tool_failed(&w->tool, rc, &d);
    w->size = layr_file_size(w->file);
    rc = layr_range_in(&w->range, w->size, &w->first, &w->last);
    if (rc != 0)
        return layr_opt_usage("--range %s: the file has %" PRIu64 " bytes%s", opt_range, w->size,
                              w->size > 0 ? ", counted from 0" : "");
    return LAYR_OPT_GO_ON;
}

static int download(work_t *w)
{
    layr_diag_t d = {0};
    bool all = w->range.kind == LAYR_RANGE_ALL;
    int rc;

    layr_meter_start(&w->meter, "get");
    rc = layr_get(&w->tool.s, w->file, w->first, w->last, &w->output.sink, &w->stats, &d);
    if (rc == 0 && atomic_load(&layr_guard_cancel))
        rc = LAYR_ERR_CANCELLED;
    if (rc == 0)
        rc = layr_output_finish(&w->output, all ? w->file->content.mtime : -1, &d);
    if (rc != 0 && w->output.reader_gone)
        return LAYR_EXIT_FAILED;
    if (rc != 0)
        return layr_tool_failed(&w->tool, rc, &d);
    say_result(w);
    return w->opt->json ? print_json(w) : LAYR_EXIT_OK;
}

static int take_options(work_t *w)
{
    if (opt_range != NULL && layr_range_parse(&w->range, opt_range) != 0)
        return layr_opt_usage("--range: '%s' is none of A-B (A not above B), A-, -N", opt_range);
    if (w->opt->json && opt_output != NULL && strcmp(opt_output, "-") == 0)
        return layr_opt_usage("--json and -o - would mix on standard output");
    return LAYR_OPT_GO_ON;
}

static int run(work_t *w)
{
    bool by_cap = layr_opt_is_cap(w->opt->operand[0]);
    uint64_t bytes;
    int rc = take_options(w);

    w->output.fd = -1;
    if (rc == LAYR_OPT_GO_ON)
        rc = layr_tool_start(&w->tool, w->opt, !by_cap);
    w->tool.s.event = on_event;
    w->tool.s.event_ctx = w;
    if (rc == LAYR_OPT_GO_ON)
        rc = open_file(w);
    if (rc == LAYR_OPT_GO_ON) {
        bytes = w->size > 0 ? w->last - w->first + 1 : 0;
        rc = layr_output_open(&w->output, opt_output, w->file->content.name, !by_cap, opt_force, bytes);
    }
    if (rc == LAYR_OPT_GO_ON)
        rc = download(w);
    layr_output_close(&w->output);
    layr_file_free(w->file);
    layr_file_keys_wipe(&w->keys);
    layr_tool_end(&w->tool);
    return rc;
}

int main(int argc, char **argv)
{
    layr_opt_t o;
    work_t *w = calloc(1, sizeof *w);
    int rc;

    layr_guard_start();
    rc = layr_opt_parse(&o, &spec, argc, argv);
    if (rc == LAYR_OPT_GO_ON && w == NULL)
        rc = layr_say_failed(LAYR_ERR_NOMEM, NULL);
    if (rc == LAYR_OPT_GO_ON) {
        /* NOLINTNEXTLINE(clang-analyzer-*): or layr_say_failed gave an exit status, which is not GO_ON */
        w->opt = &o;
        rc = run(w);
    }
    layr_opt_free(&o);
    free(w);
    return rc;
}
