/* layr-put: store a file or a folder, print its read cap. */
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "estimate.h"
#include "guard.h"
#include "layr/durability.h"
#include "meter.h"
#include "opt.h"
#include "pass.h"
#include "session.h"
#include "show.h"
#include "source.h"
#include "update.h"

#define DAY 86400

static const char *opt_scheme, *opt_name, *opt_update;
static uint64_t opt_days = 90, opt_min_shards, opt_max_price;
static bool opt_dry_run, opt_resume, opt_repack;

static const layr_opt_def_t options[] = {
    {'k', "scheme", "K/N", "any K of N shards give the file back", LAYR_OPT_TEXT, &opt_scheme, 0, 0},
    {'n', "name", "NAME", "its name (default: the last part of PATH)", LAYR_OPT_TEXT, &opt_name, 0, 0},
    {0, "days", "D", "have it kept for D days (default 90, up to 399)", LAYR_OPT_NUMBER, &opt_days, 1, 399},
    {0, "min-shards", "M", "be content with M of N shards (default: all N)", LAYR_OPT_NUMBER, &opt_min_shards,
     1, LAYR_N_MAX},
    {0, "max-price", "P", "most per GiB and 30 days, in 1e-7 of a unit (0)", LAYR_OPT_NUMBER, &opt_max_price,
     0, INT64_MAX},
    {0, "resume", NULL, "go on with a put that was cut off", LAYR_OPT_FLAG, &opt_resume, 0, 0},
    {0, "dry-run", NULL, "say what it would take and cost; send nothing", LAYR_OPT_FLAG, &opt_dry_run, 0, 0},
    {0, "update", "NAME", "a new version of this file, of what has changed", LAYR_OPT_TEXT, &opt_update, 0,
     0},
    {0, "repack", NULL, "with --update of a folder: send all of it anew", LAYR_OPT_FLAG, &opt_repack, 0, 0},
    LAYR_PASS_OPTION,
    LAYR_OPT_END};

static const layr_opt_spec_t spec = {
    "[options] PATH|-",
    "Store a file, a folder with all that is in it, or what comes from standard\n"
    "input, on the hosts, sealed so that they can't read it. Prints the read\n"
    "capability: who has it can read the file.",
    options,
    LAYR_OPT_HOME | LAYR_OPT_HOSTS | LAYR_OPT_JSON | LAYR_OPT_VERBOSE,
    1,
    1,
    NULL};

typedef struct work {
    const layr_opt_t *opt;
    layr_tool_t tool;
    layr_tool_source_t source;
    layr_put_opts_t put;
    layr_meter_t meter;
    layr_update_t update;
} work_t;

/* --- before --- */

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash != NULL ? slash + 1 : path;
}

/* "." and "folder/" have a name too. */
static const char *name_on_disk(const char *path, char real[PATH_MAX])
{
    const char *name = base_name(path);

    if (*name != 0 && strcmp(name, ".") != 0 && strcmp(name, "..") != 0)
        return name;
    return realpath(path, real) != NULL ? base_name(real) : name;
}

/* A name must be one that layr-get can write as a file, and that is not taken for a capability when it is
 * given back. */
static int take_name(work_t *w, const char *operand)
{
    char real[PATH_MAX];
    bool is_stream = strcmp(operand, "-") == 0;
    const char *name = opt_name != NULL ? opt_name : is_stream ? "" : name_on_disk(operand, real);
    char shown[LAYR_NAME_MAX + 1];

    layr_show_name(shown, sizeof shown, name);
    if (*name == 0 && (opt_name != NULL || !is_stream))
        return layr_opt_usage("an empty name: give one with -n");
    if (strlen(name) > LAYR_NAME_MAX)
        return layr_opt_usage("the name is too long: at most %d bytes", LAYR_NAME_MAX);
    if (strchr(name, '/') != NULL || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return layr_opt_usage("'%s' cannot be the name of a file: give another with -n", shown);
    if (layr_opt_is_cap(name))
        return layr_opt_usage("the name '%s' would be taken for a capability later: give another with -n",
                              shown);
    memcpy(w->put.name, name, strlen(name) + 1);
    return LAYR_OPT_GO_ON;
}

static int take_options(work_t *w)
{
    unsigned k = 0, n = 0;

    if (opt_scheme != NULL && layr_opt_scheme(&k, &n, opt_scheme) != 0)
        return layr_opt_usage("-k: '%s' is not K/N with 1 <= K <= N <= 255, such as 4/8", opt_scheme);
    w->put.scheme = (layr_scheme_t){(uint8_t)k, (uint8_t)n};
    if (k != 0 && opt_min_shards != 0 && (opt_min_shards < k || opt_min_shards > n))
        return layr_opt_usage("--min-shards: for scheme %s it is a number from %u to %u", opt_scheme, k, n);
    w->put.min_shards = (unsigned)opt_min_shards;
    w->put.max_price = opt_max_price;
    w->put.now = (layr_time_t)time(NULL);
    w->put.until = w->put.now + (layr_time_t)opt_days * DAY;
    w->put.resume = opt_resume;
    if (opt_resume && opt_dry_run)
        return layr_opt_usage("--resume and --dry-run do not go together");
    if (opt_resume && opt_update != NULL)
        return layr_opt_usage("--resume does not go with --update: one that was cut off is given up");
    if (opt_repack && opt_update == NULL)
        return layr_opt_usage("--repack goes with --update");
    if (opt_update == NULL)
        return take_name(w, w->opt->operand[0]);
    if (opt_name != NULL)
        return layr_opt_usage("--update keeps the file's name: -n does not go with it");
    if (strcmp(opt_update, "-") == 0 && strcmp(w->opt->operand[0], "-") == 0)
        return layr_opt_usage("the capability and the content cannot both come from standard input");
    return LAYR_OPT_GO_ON;
}

/* --- while it runs --- */

static void on_event(void *ctx, const layr_event_t *e)
{
    work_t *w = ctx;
    const char *where = e->host != NULL ? e->host->url : "a host";

    switch (e->kind) {
    case LAYR_EV_PROGRESS:
        layr_meter_show(&w->meter, e->done, e->total);
        break;
    case LAYR_EV_SHARD_MOVED:
        if (w->opt->verbose)
            layr_say_note("%s %" PRIu64 ", shard %u: %s; another host is asked", e->page ? "page" : "segment",
                          e->unit, e->index, e->text != NULL ? e->text : layr_strerror(e->error));
        break;
    case LAYR_EV_SHARD_STORED:
        if (w->opt->verbose)
            layr_say_note("%s %" PRIu64 ", shard %u: %s%s%s", e->page ? "page" : "segment", e->unit, e->index,
                          where, e->text != NULL ? ": " : "", e->text != NULL ? e->text : "");
        break;
    case LAYR_EV_NOTE:
        layr_say_note("%s", e->text);
        break;
    default:
        break;
    }
}

/* --- results --- */

static double yearly_loss(const layr_put_result_t *r)
{
    layr_scheme_t s = r->scheme;
    uint64_t segments = r->segments;

    if (r->is_inline) { /* every host of the record has all of it */
        s = (layr_scheme_t){1, (uint8_t)(r->record_hosts < LAYR_N_MAX ? r->record_hosts : LAYR_N_MAX)};
        segments = 1;
    }
    return s.n > 0 ? layr_loss_without_repair(s, LAYR_HOST_LOSS_YEAR, segments) : 1;
}

/* The same while layr-keep runs as it does by default. */
static double yearly_loss_kept(layr_scheme_t s, uint64_t segments)
{
    return layr_loss_with_repair(s, layr_default_threshold(s), LAYR_HOST_LOSS_YEAR,
                                 LAYR_GRACE_S + LAYR_SAMPLE_EVERY_S / 2.0, segments);
}

static void say_loss(double loss)
{
    char odds[LAYR_ODDS_TEXT];

    layr_show_odds(odds, loss);
    layr_say_note(
        "predicted loss: %s a year, if each host is lost for good with 1 in %.0f a year and nothing is "
        "repaired",
        odds, 1 / LAYR_HOST_LOSS_YEAR);
}

static void say_loss_kept(layr_scheme_t s, uint64_t segments)
{
    char odds[LAYR_ODDS_TEXT];

    layr_show_odds(odds, yearly_loss_kept(s, segments));
    layr_say_note("as long as layr-keep runs: %s a year", odds);
}

/* Of the file's bytes those that were sent: as many as of those on hosts. */
static uint64_t sent_of(const layr_put_result_t *r)
{
    uint64_t there = r->stored_bytes + r->kept_bytes;

    return there > 0 ? (uint64_t)((double)r->size * (double)r->stored_bytes / (double)there) : r->size;
}

/* Of a folder's new version: what it costs that files stay where they are, and what was done about it. */
static void say_unused(const work_t *w)
{
    const layr_tree_plan_t *p = &w->update.plan;
    char unused[LAYR_SIZE_TEXT], again[LAYR_SIZE_TEXT];

    layr_say_size(unused, p->unused);
    layr_say_size(again, p->again);
    if (p->unused > 0 && w->opt->verbose)
        layr_say_note("%s in segments that are kept are of files that are there no more, or changed", unused);
    if (p->again > 0)
        layr_say_note(
            "%s of files that had not changed %s repacked, so that little of what is stored is unused", again,
            opt_dry_run ? "would be" : "were");
}

static void say_result(const work_t *w, const layr_put_result_t *r)
{
    char size[LAYR_SIZE_TEXT], there[LAYR_SIZE_TEXT], pace[LAYR_PACE_TEXT], until[LAYR_DATE_TEXT];
    char scheme[LAYR_SCHEME_TEXT], name[LAYR_NAME_MAX + 1];
    layr_show_name(name, sizeof name, w->put.name[0] ? w->put.name : "(no name)");
    layr_say_size(size, r->size);
    layr_say_size(there, r->stored_bytes);
    layr_meter_pace(&w->meter, pace, sent_of(r));
    layr_show_scheme(scheme, r->scheme);
    layr_show_date(until, r->until);
    layr_say_note("stored %s: %s %s", name, size, pace);
    if (r->is_inline)
        layr_say_note("small enough to be kept inside its record, whole, at %u host%s", r->record_hosts,
                      r->record_hosts == 1 ? "" : "s");
    else
        layr_say_note("scheme %s: %" PRIu64 " segment%s, any %u of %u shards of each give it back; %" PRIu64
                      " shards, %s, on %u hosts; its record is at %u",
                      scheme, r->segments, r->segments == 1 ? "" : "s", r->scheme.k, r->scheme.n, r->shards,
                      there, r->hosts, r->record_hosts);
    if (r->kept > 0)
        layr_say_note("%" PRIu64 " of its %" PRIu64 " segments had not changed and were not sent again",
                      r->kept, r->segments);
    say_unused(w);
    if (r->moved > 0)
        layr_say_note("%" PRIu64 " shard%s went to another host than the first one asked%s", r->moved,
                      r->moved == 1 ? "" : "s", w->opt->verbose ? "" : " (-v says why)");
    layr_say_note("kept until %s (%" PRIu64 " days)", until,
                  (uint64_t)(r->until - w->put.now + DAY / 2) / DAY);
    say_loss(yearly_loss(r));
    if (!r->is_inline)
        say_loss_kept(r->scheme, r->segments);
}

/* What is in a folder, before it is sent. */
static void say_folder(const work_t *w)
{
    const layr_pack_count_t *c;

    if (w->source.pack == NULL)
        return;
    c = layr_pack_count(w->source.pack);
    layr_say_note("a folder: %" PRIu64 " file%s, %" PRIu64 " folder%s, %" PRIu64 " symbolic link%s", c->files,
                  c->files == 1 ? "" : "s", c->folders, c->folders == 1 ? "" : "s", c->links,
                  c->links == 1 ? "" : "s");
    if (c->left_out > 0)
        layr_say_note("%" PRIu64 " special file%s left out", c->left_out, c->left_out == 1 ? " is" : "s are");
    if (c->hard > 0)
        layr_say_note("%" PRIu64 " file%s further names (hard links): each name is stored as a file", c->hard,
                      c->hard == 1 ? " has" : "s have");
}

static int json_folder(const work_t *w, cJSON *o)
{
    const layr_pack_count_t *c;
    int bad = cJSON_AddBoolToObject(o, "folder", w->source.pack != NULL) == NULL;

    if (w->source.pack == NULL)
        return bad;
    c = layr_pack_count(w->source.pack);
    bad |= layr_json_u64(o, "files", c->files);
    bad |= layr_json_u64(o, "folders", c->folders);
    bad |= layr_json_u64(o, "links", c->links);
    bad |= layr_json_u64(o, "left_out", c->left_out);
    bad |= layr_json_u64(o, "unused_bytes", w->update.plan.unused);
    bad |= layr_json_u64(o, "repacked_bytes", w->update.plan.again);
    return bad;
}

static void say_resumed(const work_t *w, const layr_put_result_t *r)
{
    char found[LAYR_SIZE_TEXT], sent[LAYR_SIZE_TEXT];

    layr_say_size(found, r->found_bytes);
    layr_say_size(sent, r->stored_bytes - r->found_bytes);
    if (r->resumed)
        layr_say_note("%" PRIu64 " shard%s, %s, %s there from an earlier try; %s were sent now", r->found,
                      r->found == 1 ? "" : "s", found, r->found == 1 ? "was" : "were", sent);
    if (r->changed > 0)
        layr_say_note("%s changed after it was begun: what is stored is as it is now; %" PRIu64
                      " shard%s of it as it was %s let go of",
                      w->source.path, r->changed, r->changed == 1 ? "" : "s", r->changed == 1 ? "is" : "are");
}

/* What can be done about a put that failed. */
static void say_kept(const work_t *w)
{
    char name[LAYR_NAME_MAX + 1], path[512];

    layr_show_name(name, sizeof name, w->put.name);
    layr_show_name(path, sizeof path, w->opt->operand[0]);
    layr_say_note(
        "what was stored is kept for %d days: `layr-put --resume -n '%s' '%s'` goes on with it, `layr-rm "
        "'%s'` gives it up",
        LAYR_RESUME_DAYS, name, path, name);
}

static int print_json(const work_t *w, const layr_put_result_t *r)
{
    cJSON *o = cJSON_CreateObject();
    int bad = layr_json_text(o, "cap", r->read_cap);

    bad |= layr_json_text(o, "name", w->put.name);
    bad |= layr_json_hex(o, "record_id", r->record_id, 32);
    bad |= layr_json_hex(o, "sha256", r->sha256, 32);
    bad |= layr_json_u64(o, "size", r->size);
    bad |= json_folder(w, o);
    bad |= cJSON_AddBoolToObject(o, "inline", r->is_inline) == NULL;
    bad |= layr_json_scheme(o, "scheme", r->is_inline ? (layr_scheme_t){1, 1} : r->scheme);
    bad |= layr_json_u64(o, "segments", r->segments);
    bad |= layr_json_u64(o, "pages", r->pages);
    bad |= layr_json_u64(o, "shards", r->shards);
    bad |= layr_json_u64(o, "moved", r->moved);
    bad |= layr_json_u64(o, "kept", r->kept);
    bad |= layr_json_u64(o, "kept_pages", r->kept_pages);
    bad |= layr_json_u64(o, "kept_bytes", r->kept_bytes);
    bad |= layr_json_u64(o, "stored_bytes", r->stored_bytes);
    bad |= cJSON_AddBoolToObject(o, "resumed", r->resumed) == NULL;
    bad |= layr_json_u64(o, "found", r->found);
    bad |= layr_json_u64(o, "found_bytes", r->found_bytes);
    bad |= layr_json_u64(o, "changed", r->changed);
    bad |= layr_json_u64(o, "hosts", r->hosts);
    bad |= layr_json_u64(o, "record_hosts", r->record_hosts);
    bad |= layr_json_time(o, "until", r->until);
    bad |= cJSON_AddNumberToObject(o, "host_loss_per_year", LAYR_HOST_LOSS_YEAR) == NULL;
    bad |= cJSON_AddNumberToObject(o, "loss_per_year", yearly_loss(r)) == NULL;
    if (!r->is_inline)
        bad |= cJSON_AddNumberToObject(o, "loss_per_year_kept", yearly_loss_kept(r->scheme, r->segments)) ==
               NULL;
    bad |= cJSON_AddNumberToObject(o, "seconds", layr_meter_seconds(&w->meter)) == NULL;
    return layr_json_print(o, bad);
}

static int store(work_t *w)
{
    layr_put_result_t r = {0};
    layr_diag_t d = {0};
    int rc, status;

    layr_meter_start(&w->meter, "put");
    rc = layr_put(&w->tool.s, &w->put, &w->source.src, &r, &d);
    if (rc != 0) {
        if (r.resumable)
            say_kept(w);
        return layr_tool_failed(&w->tool, rc, &d);
    }
    say_result(w, &r);
    say_resumed(w, &r);
    layr_tool_say_pending(w->tool.pending);
    if (w->opt->json)
        status = print_json(w, &r);
    else {
        puts(r.read_cap);
        status = layr_show_end();
    }
    if (status != LAYR_EXIT_OK)
        layr_say_error("the file is stored, and its capability was lost on the way: layr-ls --caps shows it");
    layr_wipe(&r, sizeof r);
    return status;
}

/* --- dry run --- */

static void say_price(const layr_estimate_t *e)
{
    if (e->hosts == 0)
        return; /* nobody to pay */
    if (e->high == 0)
        layr_say_note("price: nothing");
    else if (e->low == e->high)
        layr_say_note("price: %.7f for %" PRIu64 " days", (double)e->high / 1e7, opt_days);
    else
        layr_say_note("price: %.7f to %.7f for %" PRIu64 " days, by the hosts chosen", (double)e->low / 1e7,
                      (double)e->high / 1e7, opt_days);
}

static void say_estimate(const work_t *w, const layr_put_result_t *r, const layr_estimate_t *e)
{
    char size[LAYR_SIZE_TEXT], there[LAYR_SIZE_TEXT], kept[LAYR_SIZE_TEXT], until[LAYR_DATE_TEXT];
    char scheme[LAYR_SCHEME_TEXT];

    layr_say_size(size, r->size);
    layr_say_size(there, r->stored_bytes);
    layr_say_size(kept, r->kept_bytes);
    layr_show_scheme(scheme, r->scheme);
    layr_show_date(until, w->put.until);
    if (r->is_inline)
        layr_say_note("dry run: %s: small enough to be kept inside its record", size);
    else
        layr_say_note("dry run: %s as %s: %" PRIu64 " segment%s, %" PRIu64 " shards%s, %s on hosts", size,
                      scheme, r->segments, r->segments == 1 ? "" : "s", r->shards,
                      w->put.base != NULL ? " to be sent" : "", there);
    if (r->kept > 0)
        layr_say_note("%" PRIu64 " of the segments, %s on hosts, would be kept as they are, if their hosts "
                      "still have them",
                      r->kept, kept);
    say_unused(w);
    layr_say_note("%zu of %zu hosts %s can be used at that price; it would be kept until %s", e->hosts,
                  w->tool.s.hosts.count, w->tool.s.dht != NULL ? "found" : "given", until);
    say_price(e);
    if (!r->is_inline) {
        say_loss(layr_loss_without_repair(r->scheme, LAYR_HOST_LOSS_YEAR, r->segments));
        say_loss_kept(r->scheme, r->segments);
    }
    layr_say_note("nothing was sent");
}

static int estimate_json(const work_t *w, const layr_put_result_t *r, const layr_estimate_t *e)
{
    cJSON *o = cJSON_CreateObject();
    int bad = cJSON_AddTrueToObject(o, "dry_run") == NULL;

    bad |= layr_json_text(o, "name", w->put.name);
    bad |= layr_json_u64(o, "size", r->size);
    bad |= json_folder(w, o);
    bad |= cJSON_AddBoolToObject(o, "inline", r->is_inline) == NULL;
    bad |= layr_json_scheme(o, "scheme", r->is_inline ? (layr_scheme_t){1, 1} : r->scheme);
    bad |= layr_json_u64(o, "segments", r->segments);
    bad |= layr_json_u64(o, "shards", r->shards);
    bad |= layr_json_u64(o, "stored_bytes", r->stored_bytes);
    bad |= layr_json_u64(o, "kept", r->kept);
    bad |= layr_json_u64(o, "kept_bytes", r->kept_bytes);
    bad |= layr_json_u64(o, "hosts_usable", e->hosts);
    bad |= layr_json_time(o, "until", w->put.until);
    bad |= layr_json_u64(o, "price_low", e->low);
    bad |= layr_json_u64(o, "price_high", e->high);
    return layr_json_print(o, bad);
}

/* By its size alone: the source is not read. */
static int foresee_new(work_t *w, layr_put_result_t *r)
{
    layr_estimate_t e = {0};
    layr_scheme_t s = w->put.scheme;
    size_t usable;
    int rc = layr_put_survey(&w->tool.s);

    if (rc != 0)
        return layr_say_failed(rc, NULL);
    usable = layr_hosts_usable(&w->tool.s.hosts);
    if (s.k == 0 && layr_scheme_for_hosts(&s, usable) != 0) {
        layr_say_error(
            "%zu host%s can be used, and without -k it takes 4 or more: give more hosts, or a scheme (such "
            "as -k 1/%zu)",
            usable, usable == 1 ? "" : "s", usable);
        return LAYR_EXIT_HOSTS;
    }
    rc = layr_estimate(&e, (uint64_t)w->source.src.size, s, &w->tool.s.hosts, w->put.max_price, opt_days);
    if (rc != 0)
        return layr_say_failed(rc, NULL);
    *r = (layr_put_result_t){.scheme = s,
                             .size = (uint64_t)w->source.src.size,
                             .is_inline = e.is_inline,
                             .segments = e.segments,
                             .shards = e.segments * s.n,
                             .stored_bytes = e.stored_bytes};
    return LAYR_OPT_GO_ON;
}

static int foresee_update(work_t *w, layr_put_result_t *r)
{
    layr_diag_t d = {0};
    int rc = layr_put_foresee(&w->tool.s, &w->put, &w->source.src, r, &d);

    return rc == 0 ? LAYR_OPT_GO_ON : layr_tool_failed(&w->tool, rc, &d);
}

static int dry_run(work_t *w)
{
    layr_put_result_t r = {0};
    layr_estimate_t e = {0};
    size_t need;
    int rc = w->put.base != NULL ? foresee_update(w, &r) : foresee_new(w, &r);

    if (rc != LAYR_OPT_GO_ON)
        return rc;
    e.stored_bytes = r.stored_bytes + r.kept_bytes;
    layr_estimate_price(&e, &w->tool.s.hosts, w->put.max_price, opt_days);
    say_estimate(w, &r, &e);
    rc = w->opt->json ? estimate_json(w, &r, &e) : LAYR_EXIT_OK;
    need = w->put.min_shards ? w->put.min_shards : r.scheme.n;
    if (rc == LAYR_EXIT_OK && !r.is_inline && e.hosts < need) {
        layr_say_error(
            "%zu host%s at that price, and scheme %u/%u needs more%s", e.hosts, e.hosts == 1 ? "" : "s",
            r.scheme.k, r.scheme.n,
            e.hosts < layr_hosts_usable(&w->tool.s.hosts) ? ": others ask for more than --max-price" : "");
        return LAYR_EXIT_HOSTS;
    }
    return rc;
}

static int run(work_t *w)
{
    int rc = take_options(w);

    if (rc == LAYR_OPT_GO_ON)
        rc = layr_tool_source_open(&w->source, w->opt->operand[0]);
    else
        w->source.fd = -1;
    if (rc == LAYR_OPT_GO_ON && opt_dry_run && w->source.src.size < 0)
        rc = layr_opt_usage("--dry-run: the size of a stream is not known before it ends: give a file");
    w->put.keep = w->source.src.size >= 0 && w->source.fd != STDIN_FILENO;
    if (rc == LAYR_OPT_GO_ON && opt_resume && !w->put.keep)
        rc = layr_opt_usage("--resume: a stream cannot be read again: give the path of a file or folder");
    if (rc == LAYR_OPT_GO_ON)
        rc = layr_tool_start(&w->tool, w->opt, !opt_dry_run || opt_update != NULL);
    if (rc == LAYR_OPT_GO_ON && opt_update != NULL)
        rc = layr_update_find(&w->update, &w->tool, opt_update);
    if (rc == LAYR_OPT_GO_ON)
        rc = layr_tool_connect(&w->tool);
    if (rc == LAYR_OPT_GO_ON && !opt_dry_run)
        rc = layr_tool_tidy(&w->tool);
    if (rc == LAYR_OPT_GO_ON && opt_update != NULL)
        rc = layr_update_open(&w->update, &w->tool, &w->put, opt_dry_run);
    if (rc == LAYR_OPT_GO_ON && opt_update != NULL)
        rc = layr_update_plan(&w->update, &w->tool, &w->put, &w->source, opt_repack);
    if (rc == LAYR_OPT_GO_ON) {
        w->put.mtime = w->source.mtime;
        if (w->source.pack != NULL)
            memcpy(w->put.type, "inode/directory", sizeof "inode/directory");
        say_folder(w);
        w->tool.s.event = on_event;
        w->tool.s.event_ctx = w;
        rc = opt_dry_run ? dry_run(w) : store(w);
    }
    if (rc == LAYR_EXIT_OK && !opt_dry_run)
        layr_tool_catalogue(&w->tool, false);
    layr_update_close(&w->update);
    layr_tool_end(&w->tool);
    layr_tool_source_close(&w->source);
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
