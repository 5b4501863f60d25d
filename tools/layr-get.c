/* layr-get: download a file or a range of it, a folder or a part of it. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "folder.h"
#include "guard.h"
#include "layr/bytes.h"
#include "meter.h"
#include "opt.h"
#include "output.h"
#include "pass.h"
#include "range.h"
#include "session.h"
#include "show.h"
#include "unpack.h"

#define BAD_KEPT 64 /* damaged shards listed with --json */

static const char *opt_output, *opt_range, *opt_path;
static bool opt_force, opt_resume;

static const layr_opt_def_t options[] = {
    {'o', "output", "PATH", "file or folder to write to; `-`: standard output", LAYR_OPT_TEXT, &opt_output, 0,
     0},
    {0, "range", "A-B", "bytes A to B, from 0, both in it; A-; -N: last N", LAYR_OPT_TEXT, &opt_range, 0, 0},
    {0, "path", "P", "of a folder only this file or folder in it", LAYR_OPT_TEXT, &opt_path, 0, 0},
    {'f', "force", NULL, "overwrite a file, replace a folder of that name", LAYR_OPT_FLAG, &opt_force, 0, 0},
    {0, "resume", NULL, "go on with a get that was cut off; keep what comes of this one", LAYR_OPT_FLAG,
     &opt_resume, 0, 0},
    LAYR_PASS_OPTION,
    LAYR_OPT_END};

static const layr_opt_spec_t spec = {
    "[options] CAP\n[options] NAME",
    "Download a file or a folder: by its read capability, or by the name of one of\n"
    "your own. It is written under its own name into the current folder.",
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
    bool by_cap;
    layr_tool_t tool;
    layr_output_t output;
    layr_range_t range;
    layr_file_keys_t keys;
    layr_file_t *file;
    layr_meter_t meter;
    uint64_t first, last, size, start; /* of the file; start: where in the stream it begins */
    layr_tree_t tree;                  /* of a folder */
    const layr_tree_entry_t *entry;    /* of it what is wanted; NULL: this is no folder */
    size_t entry_at, entries;
    layr_unpack_t unpack;
    layr_partial_key_t partial;
    uint64_t before,
        total; /* bytes written by runs before this one, and of all of them; total 0: there is but one */
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
        layr_meter_show(&w->meter, w->before + e->done, w->total > 0 ? w->total : e->total);
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

/* What was written, and how many bytes of files. */
static const char *written_to(const work_t *w)
{
    return w->unpack.path != NULL ? w->unpack.path : w->output.to_stdout ? "standard output" : w->output.path;
}

static uint64_t written(const work_t *w)
{
    if (w->unpack.path != NULL)
        return w->unpack.bytes;
    return w->size > 0 ? w->last - w->first + 1 : 0;
}

/* What an earlier try had left, and what it had left in vain. */
static uint64_t found(const work_t *w)
{
    return w->stats.found_bytes + w->unpack.found;
}

static bool resumed(const work_t *w)
{
    return w->unpack.path != NULL ? w->unpack.partial.found : w->output.partial.found;
}

static void say_resumed(const work_t *w)
{
    char there[LAYR_SIZE_TEXT], stale[LAYR_SIZE_TEXT];

    if (!opt_resume)
        return;
    if (!resumed(w)) {
        layr_say_note("there was nothing to go on with: it was got from its start");
        return;
    }
    layr_say_size(there, found(w));
    layr_say_size(stale, w->stats.stale_bytes);
    layr_say_note("%s were there from an earlier try%s%s%s", there, w->stats.stale_bytes > 0 ? "; " : "",
                  w->stats.stale_bytes > 0 ? stale : "",
                  w->stats.stale_bytes > 0 ? " there were not right and were fetched anew" : "");
}

static void say_result(const work_t *w)
{
    char size[LAYR_SIZE_TEXT], pace[LAYR_PACE_TEXT], shown[512];

    layr_say_size(size, written(w));
    layr_meter_pace(&w->meter, pace, written(w));
    layr_show_name(shown, sizeof shown, written_to(w));
    layr_say_note("%s: %s %s", shown, size, pace);
    say_resumed(w);
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

static const uint8_t *sha256_of(const work_t *w)
{
    return w->entry != NULL && w->entry->type == LAYR_TREE_FILE ? w->entry->sha256 : w->file->content.sha256;
}

static int print_json(const work_t *w)
{
    cJSON *o = cJSON_CreateObject();
    int bad = layr_json_text(o, "name", w->file->content.name);

    bad |= layr_json_text(o, "path", written_to(w));
    bad |= layr_json_u64(o, "size", w->size);
    bad |= layr_json_u64(o, "first", w->unpack.path != NULL ? 0 : w->first - w->start);
    bad |= layr_json_u64(o, "bytes", written(w));
    bad |= layr_json_hex(o, "sha256", sha256_of(w), 32);
    if (w->unpack.path != NULL)
        bad |= layr_json_u64(o, "entries", w->entries);
    bad |= layr_json_u64(o, "segments", w->stats.segments);
    bad |= layr_json_u64(o, "segments_recovered", w->stats.segments_recovered);
    bad |= layr_json_u64(o, "shards_fetched", w->stats.shards_fetched);
    bad |= layr_json_u64(o, "shards_bad", w->stats.shards_bad);
    bad |= layr_json_u64(o, "shards_late", w->stats.shards_late);
    bad |= layr_json_u64(o, "wire_bytes", w->stats.wire_bytes);
    bad |= cJSON_AddBoolToObject(o, "resumed", resumed(w)) == NULL;
    bad |= layr_json_u64(o, "found_bytes", found(w));
    bad |= layr_json_u64(o, "stale_bytes", w->stats.stale_bytes);
    bad |= cJSON_AddNumberToObject(o, "seconds", layr_meter_seconds(&w->meter)) == NULL;
    bad |= json_bad(w, o);
    return layr_json_print(o, bad);
}

/* It failed: what becomes of what came. */
static void say_left(const layr_partial_t *p, uint64_t bytes)
{
    char size[LAYR_SIZE_TEXT];

    if (bytes == 0)
        return;
    layr_say_size(size, bytes);
    if (p->keep)
        layr_say_note("%s of it are kept for %d days (%s): the same command goes on with it", size,
                      LAYR_PARTIAL_DAYS, p->path);
    else
        layr_say_note("the %s that came are given up: with --resume they are kept, and the next try goes on",
                      size);
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
    return LAYR_OPT_GO_ON;
}

/* The bytes wanted, in the file's or the folder's stream. */
static int choose_range(work_t *w)
{
    int rc = layr_range_in(&w->range, w->size, &w->first, &w->last);

    w->first += w->start;
    w->last += w->start;
    if (rc != 0)
        return layr_opt_usage("--range %s: the file has %" PRIu64 " bytes%s", opt_range, w->size,
                              w->size > 0 ? ", counted from 0" : "");
    return LAYR_OPT_GO_ON;
}

/* A whole file of a folder has a hash of its own, which layr_get does not know. */
static int check_entry(work_t *w, layr_diag_t *d)
{
    uint8_t sha[32];
    int rc;

    if (w->output.hash == NULL)
        return 0;
    rc = layr_hash_final(w->output.hash, sha);
    if (rc == 0 && memcmp(sha, w->entry->sha256, sizeof sha) != 0)
        rc = layr_diag_set(d, LAYR_ERR_DATA, "the file does not match its SHA-256: it was stored wrongly");
    if (rc == LAYR_ERR_DATA)
        w->output.partial.keep = false;
    return rc;
}

static int fetch(work_t *w, uint64_t first, uint64_t last, layr_sink_t *sink, layr_diag_t *d)
{
    layr_get_stats_t took = {0};
    int rc = layr_get(&w->tool.s, w->file, first, last, sink, &took, d);

    layr_folder_add_stats(&w->stats, &took);
    if (rc == LAYR_ERR_DATA &&
        took.bytes == last - first + 1) /* it came whole, and is not right: another try is no help */
        w->output.partial.keep = false;
    if (rc == 0 && atomic_load(&layr_guard_cancel))
        rc = LAYR_ERR_CANCELLED;
    return rc;
}

static int download(work_t *w)
{
    layr_diag_t d = {0};
    bool all = w->range.kind == LAYR_RANGE_ALL;
    int rc = 0;

    layr_meter_start(&w->meter, "get");
    if (w->entry == NULL || w->size > 0)
        rc = fetch(w, w->first, w->last, &w->output.sink, &d);
    if (rc == 0)
        rc = check_entry(w, &d);
    if (rc == 0)
        rc = layr_output_finish(&w->output, all ? w->file->content.mtime : -1, &d);
    if (rc != 0 && w->output.reader_gone)
        return LAYR_EXIT_FAILED;
    if (rc != 0 && !w->output.to_stdout)
        say_left(&w->output.partial, w->output.written + w->output.kept);
    if (rc != 0)
        return layr_tool_failed(&w->tool, rc, &d);
    say_result(w);
    return w->opt->json ? print_json(w) : LAYR_EXIT_OK;
}

static int get_file(work_t *w)
{
    const char *name = w->file->content.name, *slash;
    layr_hash_t *hash = NULL;
    bool all = w->range.kind == LAYR_RANGE_ALL;
    int rc = choose_range(w);

    if (rc == LAYR_OPT_GO_ON && w->entry != NULL) {
        slash = strrchr(w->entry->path, '/');
        name = slash != NULL ? slash + 1 : w->entry->path;
        if (all && layr_hash_new(&hash) != 0)
            rc = layr_say_failed(LAYR_ERR_NOMEM, NULL);
    }
    if (rc == LAYR_OPT_GO_ON)
        rc = layr_output_open(&w->output, opt_output, name, !w->by_cap, opt_force, written(w), &w->partial);
    if (rc == LAYR_OPT_GO_ON) {
        w->output.hash = hash;
        w->output.base = w->first;
        w->output.as = all ? w->entry : NULL;
        rc = download(w);
    }
    layr_output_close(&w->output);
    layr_hash_free(hash);
    return rc;
}

static int unpack(work_t *w)
{
    layr_diag_t d = {0};
    uint64_t first, last;
    int rc = 0;

    layr_meter_start(&w->meter, "get");
    w->total = w->unpack.bytes;
    w->before = w->unpack.found;
    while (rc == 0 && layr_unpack_run(&w->unpack, &first, &last)) {
        rc = fetch(w, first, last, &w->unpack.sink, &d);
        w->before += last - first + 1;
    }
    if (rc == 0)
        rc = layr_unpack_finish(&w->unpack, &d);
    if (rc != 0)
        say_left(&w->unpack.partial, w->unpack.found + w->unpack.wrote);
    if (rc != 0)
        return layr_tool_failed(&w->tool, rc, &d);
    say_result(w);
    return w->opt->json ? print_json(w) : LAYR_EXIT_OK;
}

static int get_folder(work_t *w)
{
    const char *slash = strrchr(w->entry->path, '/');
    const char *name = slash != NULL ? slash + 1 : w->entry->path;
    int rc;

    if (opt_range != NULL)
        return layr_opt_usage("--range: this is a folder; name a file in it with --path");
    if (opt_output != NULL && strcmp(opt_output, "-") == 0)
        return layr_opt_usage(
            "a folder cannot go to standard output: give a place with -o, or name a file in "
            "it with --path");
    if (*name == 0)
        name = w->file->content.name;
    rc = layr_unpack_open(&w->unpack, &w->tree, w->entry_at, w->entries, opt_output, name, !w->by_cap,
                          opt_force, &w->partial);
    if (rc == LAYR_OPT_GO_ON)
        rc = unpack(w);
    layr_unpack_close(&w->unpack);
    return rc;
}

/* Of a folder: its tree, and in it what is wanted. */
static int find_entry(work_t *w)
{
    char shown[512], target[512];
    layr_diag_t d = {0};
    int rc = layr_folder_tree(&w->tool.s, w->file, &w->tree, &w->stats, &d);

    if (rc != 0)
        return layr_tool_failed(&w->tool, rc, &d);
    layr_show_name(shown, sizeof shown, opt_path != NULL ? opt_path : "");
    if (layr_tree_find(&w->tree, opt_path != NULL ? opt_path : "", &w->entry_at, &w->entries) != 0) {
        layr_say_error("there is no %s in it: layr-ls shows what there is", shown);
        return LAYR_EXIT_FAILED;
    }
    w->entry = &w->tree.entry[w->entry_at];
    if (w->entry->type == LAYR_TREE_LINK) {
        layr_show_name(target, sizeof target, w->entry->target);
        layr_say_error("%s is a symbolic link to %s: get that, or the folder it is in", shown, target);
        return LAYR_EXIT_FAILED;
    }
    return LAYR_OPT_GO_ON;
}

static int get(work_t *w)
{
    int rc;

    w->partial = (layr_partial_key_t){w->file->keys.record_id, w->file->content.sha256, "", opt_resume};
    if (!w->file->content.is_folder)
        return opt_path == NULL ? get_file(w) : layr_opt_usage("--path: this is a file, not a folder");
    rc = find_entry(w);
    if (rc != LAYR_OPT_GO_ON)
        return rc;
    w->partial.part = w->entry->path;
    if (w->entry->type == LAYR_TREE_FOLDER)
        return get_folder(w);
    w->partial.version = w->entry->sha256;
    w->size = w->entry->size;
    w->start = w->entry->offset;
    return get_file(w);
}

static int take_options(work_t *w)
{
    if (opt_range != NULL && layr_range_parse(&w->range, opt_range) != 0)
        return layr_opt_usage("--range: '%s' is none of A-B (A not above B), A-, -N", opt_range);
    if (w->opt->json && opt_output != NULL && strcmp(opt_output, "-") == 0)
        return layr_opt_usage("--json and -o - would mix on standard output");
    if (opt_resume && opt_range != NULL)
        return layr_opt_usage("--resume goes on with whole files and folders, not with a --range");
    if (opt_resume && opt_output != NULL && strcmp(opt_output, "-") == 0)
        return layr_opt_usage("--resume: standard output cannot be gone on with; give a file with -o PATH");
    return LAYR_OPT_GO_ON;
}

static int run(work_t *w)
{
    int rc = take_options(w);

    w->by_cap = layr_opt_is_cap(w->opt->operand[0]);
    w->output.fd = w->output.partial.fd = w->unpack.partial.fd = -1;
    if (rc == LAYR_OPT_GO_ON)
        rc = layr_tool_start(&w->tool, w->opt, !w->by_cap);
    w->tool.s.event = on_event;
    w->tool.s.event_ctx = w;
    if (rc == LAYR_OPT_GO_ON)
        rc = open_file(w);
    if (rc == LAYR_OPT_GO_ON)
        rc = get(w);
    layr_tree_free(&w->tree);
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
