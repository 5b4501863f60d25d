/* layr-ls: one's own files; what is in a folder; a file's or folder's shards, hosts and health. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "folder.h"
#include "guard.h"
#include "health.h"
#include "layr/bytes.h"
#include "list_folder.h"
#include "opt.h"
#include "pass.h"
#include "session.h"
#include "show.h"

#define ROWS_SHOWN 40 /* segments listed without -v */

static bool opt_caps, opt_health;
static const char *opt_path;

static const layr_opt_def_t options[] = {
    {0, "caps", NULL, "show read caps too, and of one file the verify cap: who has it can audit",
     LAYR_OPT_FLAG, &opt_caps, 0, 0},
    {0, "path", "P", "of a folder only this file or folder in it", LAYR_OPT_TEXT, &opt_path, 0, 0},
    {0, "health", NULL, "of a folder, too, its shards and the hosts that have them", LAYR_OPT_FLAG,
     &opt_health, 0, 0},
    LAYR_PASS_OPTION,
    LAYR_OPT_END};

static const layr_opt_spec_t spec = {
    "[options]\n[options] CAP\n[options] NAME",
    "List your own files; or what is in a folder; or, of one file, its shards and the\n"
    "hosts that have them.",
    options,
    LAYR_OPT_HOME | LAYR_OPT_HOSTS | LAYR_OPT_JSON | LAYR_OPT_VERBOSE,
    0,
    1,
    "CAP may be @FILE, or `-` for standard input."};

typedef struct work {
    const layr_opt_t *opt;
    layr_tool_t tool;
    layr_file_keys_t keys;
    layr_file_t *file;
    layr_health_t health;
    cJSON *files; /* of the list, with --json */
    size_t count;
} work_t;

/* --- own files --- */

static int read_cap(char out[LAYR_CAP_MAX], const uint8_t W[32])
{
    layr_file_keys_t k = {0};
    int rc;

    layr_file_keys_from_write(&k, W);
    rc = layr_cap_format(out, &k, 'r');
    layr_file_keys_wipe(&k);
    return rc;
}

static int json_file(cJSON *files, const layr_file_entry_t *f, const char *cap)
{
    cJSON *o = cJSON_CreateObject();
    int bad = layr_json_text(o, "name", f->name);

    bad |= layr_json_hex(o, "record_id", f->record_id, 32);
    bad |= cJSON_AddBoolToObject(o, "folder", f->is_folder) == NULL;
    bad |= layr_json_u64(o, "size", f->size);
    bad |= layr_json_scheme(o, "scheme", f->scheme);
    bad |= layr_json_time(o, "created", f->created);
    bad |= layr_json_time(o, "until", f->until);
    if (*cap)
        bad |= layr_json_text(o, "cap", cap);
    if (bad == 0 && cJSON_AddItemToArray(files, o))
        return 0;
    cJSON_Delete(o);
    return LAYR_ERR_NOMEM;
}

static void print_head(const work_t *w)
{
    if (w->count == 0 && !w->opt->quiet)
        printf("%10s  %-7s  %-16s  %-10s  %s\n", "size", "scheme", "stored", "kept until", "name");
}

static void print_file(const work_t *w, const layr_file_entry_t *f, const char *cap)
{
    char size[LAYR_SIZE_TEXT], created[LAYR_DATE_TEXT], until[LAYR_DATE_TEXT], scheme[LAYR_SCHEME_TEXT];
    char name[sizeof f->name], mark[24] = "";

    layr_show_name(name, sizeof name, f->name[0] ? f->name : "-");
    layr_say_size(size, f->size);
    layr_show_minute(created, f->created);
    layr_show_date(until, f->until);
    layr_show_scheme(scheme, f->scheme);
    if (f->until <= (layr_time_t)time(NULL))
        snprintf(mark, sizeof mark, " (past)");
    print_head(w);
    printf("%10s  %-7s  %-16s  %s%s  %s%s%s%s\n", size, scheme, created, until, mark, name,
           f->is_folder ? "/" : "", *cap ? "  " : "", cap);
}

static int on_file(void *ctx, const layr_file_entry_t *f)
{
    work_t *w = ctx;
    char cap[LAYR_CAP_MAX] = "";
    int rc = opt_caps || f->name[0] == 0 ? read_cap(cap, f->W)
                                         : 0; /* a file without a name has nothing else to go by */

    if (rc == 0 && w->files != NULL)
        rc = json_file(w->files, f, cap);
    else if (rc == 0)
        print_file(w, f, cap);
    layr_wipe(cap, sizeof cap);
    w->count++;
    return rc;
}

static int json_unfinished(cJSON *list, const layr_unfinished_t *u)
{
    cJSON *o = cJSON_CreateObject();
    int bad = layr_json_text(o, "name", u->name);

    bad |= layr_json_u64(o, "size", u->size);
    bad |= layr_json_scheme(o, "scheme", u->scheme);
    bad |= layr_json_time(o, "started", u->started);
    bad |= layr_json_time(o, "resume_until", u->keep_until);
    bad |= cJSON_AddBoolToObject(o, "running", u->running) == NULL;
    if (bad == 0 && cJSON_AddItemToArray(list, o))
        return 0;
    cJSON_Delete(o);
    return LAYR_ERR_NOMEM;
}

/* A put under way, or one that was cut off. */
static int on_unfinished(void *ctx, const layr_unfinished_t *u)
{
    work_t *w = ctx;
    char size[LAYR_SIZE_TEXT], started[LAYR_DATE_TEXT], until[LAYR_DATE_TEXT], scheme[LAYR_SCHEME_TEXT];
    char name[sizeof u->name];

    if (w->files != NULL)
        return json_unfinished(w->files, u);
    layr_show_name(name, sizeof name, u->name);
    layr_say_size(size, u->size);
    layr_show_minute(started, u->started);
    layr_show_date(until, u->keep_until);
    layr_show_scheme(scheme, u->scheme);
    print_head(w);
    printf("%10s  %-7s  %-16s  %-10s  %s\n", size, scheme, started, u->running ? "under way" : "unfinished",
           name);
    w->count++;
    if (!u->running)
        layr_say_note("%s was cut off: until %s `layr-put --resume` goes on with it; `layr-rm` gives it up",
                      name, until);
    return 0;
}

static int list_all(work_t *w, cJSON *o)
{
    int rc;

    if (o != NULL && (w->files = cJSON_AddArrayToObject(o, "files")) == NULL)
        return LAYR_ERR_NOMEM;
    rc = layr_journal_file_list(w->tool.s.journal, on_file, w);
    if (rc == 0 && o != NULL && (w->files = cJSON_AddArrayToObject(o, "unfinished")) == NULL)
        return LAYR_ERR_NOMEM;
    return rc == 0 ? layr_journal_put_list(w->tool.s.journal, NULL, on_unfinished, w) : rc;
}

static int list_files(work_t *w)
{
    cJSON *o = w->opt->json ? cJSON_CreateObject() : NULL;
    int rc;

    if (layr_tool_try_connect(&w->tool)) /* what other machines put and removed */
        layr_tool_catalogue(&w->tool, true);
    else if (layr_opt_has_network(w->opt))
        layr_say_note("note: no host can be used now: this is what this machine knows");
    rc = w->opt->json && o == NULL ? LAYR_ERR_NOMEM : list_all(w, o);
    if (rc != 0) {
        cJSON_Delete(o);
        return layr_tool_failed(&w->tool, rc, NULL);
    }
    if (w->opt->json)
        return layr_json_print(o, 0);
    if (w->count == 0)
        layr_say_note("you have no files yet: layr-put stores one");
    return layr_show_end();
}

/* --- one file: what it is --- */

static void print_content(const work_t *w)
{
    const layr_file_t *f = w->file;
    char name[LAYR_NAME_MAX + 1], type[sizeof f->content.type], size[LAYR_SIZE_TEXT],
        scheme[LAYR_SCHEME_TEXT];
    char until[LAYR_DATE_TEXT], created[LAYR_DATE_TEXT], mtime[LAYR_DATE_TEXT], hex[65];
    uint64_t bytes = layr_file_size(f);

    layr_say_size(size, bytes);
    layr_show_date(until, f->exp);
    layr_show_scheme(scheme, f->placement.scheme);
    if (w->keys.rights & LAYR_CAN_READ) {
        layr_show_name(name, sizeof name, f->content.name[0] ? f->content.name : "-");
        layr_show_name(type, sizeof type, f->content.type);
        layr_show_minute(created, f->content.created);
        layr_show_minute(mtime, f->content.mtime);
        layr_hex(hex, f->content.sha256, 32);
        printf("name        %s\n", name);
        printf("type        %s\n", type);
        printf("sha256      %s\n", hex);
        printf("stored      %s\n", created);
        if (f->content.mtime >= 0)
            printf("changed     %s\n", mtime);
    }
    printf("size        %s (%" PRIu64 " bytes)\n", size, bytes);
    if (f->placement.segments > 0)
        printf("scheme      %s, %" PRIu64 " segment%s\n", scheme, f->placement.segments,
               f->placement.segments == 1 ? "" : "s");
    printf("kept until  %s\n", until);
    printf("record      version %" PRIu64 ", at %u host%s\n", f->seq, f->holders, f->holders == 1 ? "" : "s");
}

/* --- one file: its health --- */

static void print_hosts(const layr_health_t *h)
{
    printf("\n%4s  %13s  %10s  %s\n", "host", "shards", "bytes", "URL");
    for (size_t i = 0; i < h->host_count; i++) {
        const layr_host_health_t *o = &h->host[i];
        char size[LAYR_SIZE_TEXT], hex[65], shown[sizeof o->text], count[48];
        const char *trouble;

        layr_say_size(size, o->bytes);
        layr_hex(hex, o->id, 32);
        trouble = o->text;
        if (o->url[0] && strncmp(trouble, o->url, strlen(o->url)) == 0)
            trouble += strlen(o->url) + strspn(trouble + strlen(o->url), ": "); /* it names the host again */
        layr_show_name(shown, sizeof shown, trouble);
        snprintf(count, sizeof count, "%" PRIu64 " of %" PRIu64, o->good, o->rows);
        printf("%4zu  %13s  %10s  %s%s%s\n", i, count, size, o->url[0] ? o->url : hex, shown[0] ? "  - " : "",
               shown);
    }
}

/* One character a host, in the order of the list of hosts. */
static void print_unit(const layr_health_t *h, const layr_unit_health_t *u)
{
    char count[24];

    snprintf(count, sizeof count, "%u of %u", u->good, u->rows);
    printf("%s %6" PRIu64 "  %10s  ", u->page ? "page   " : "segment", u->number, count);
    for (size_t i = 0; i < h->host_count; i++) {
        char c = '.';

        for (unsigned r = 0; r < u->rows; r++)
            if (u->state[r] != LAYR_ROW_NONE && u->host[r] == i)
                c = (char)u->state[r];
        putchar(c);
    }
    putchar('\n');
}

static void print_units(const work_t *w)
{
    const layr_health_t *h = &w->health;
    size_t shown = 0, left_out = 0;

    printf("\n%-14s  %10s  by host, 0 to %zu: + there, x gone, ? no answer, . none\n", "", "shards",
           h->host_count > 0 ? h->host_count - 1 : 0);
    for (size_t i = 0; i < h->unit_count; i++) {
        bool whole = h->unit[i].good == h->unit[i].rows;

        if (w->opt->verbose || h->unit_count <= ROWS_SHOWN || (!whole && shown < ROWS_SHOWN)) {
            print_unit(h, &h->unit[i]);
            shown++;
        } else
            left_out++;
    }
    if (left_out > 0)
        printf("... and %zu more%s (-v lists all)\n", left_out,
               left_out == h->whole ? ", all of them whole" : "");
}

/* One line that says how the file stands; the exit status that goes with it. */
static int verdict(const work_t *w, char *out, size_t cap)
{
    const layr_health_t *h = &w->health;
    const layr_unit_health_t *u;
    int spare;

    if (h->unit_count == 0) {
        snprintf(out, cap, "can be read: it is kept inside its record, whole, at %u host%s", w->file->holders,
                 w->file->holders == 1 ? "" : "s");
        return LAYR_EXIT_OK;
    }
    u = &h->unit[h->weakest];
    spare = layr_health_spare(h);
    if (spare < 0) {
        bool lost = u->good + u->unknown < u->needed;

        snprintf(out, cap, "%s: %s %" PRIu64 " has %u good shard%s and needs %u%s",
                 lost ? "is lost" : "cannot be read now", u->page ? "page" : "segment", u->number, u->good,
                 u->good == 1 ? "" : "s", u->needed,
                 lost             ? "; hosts that do not answer cannot make up for it"
                 : u->unknown > 0 ? "; hosts that do not answer may have more"
                                  : "");
        return LAYR_EXIT_DATA;
    }
    if (h->whole == h->unit_count)
        snprintf(out, cap, "can be read: all shards are there; any %d host%s may fail", spare,
                 spare == 1 ? "" : "s");
    else
        snprintf(out, cap,
                 "can be read: %" PRIu64
                 " of %zu segments and pages have all their shards; the weakest, %s %" PRIu64
                 ", has %u and needs %u: %s",
                 h->whole, h->unit_count, u->page ? "page" : "segment", u->number, u->good, u->needed,
                 spare == 0 ? "no more host may fail" : "");
    if (h->whole != h->unit_count && spare > 0)
        snprintf(out + strlen(out), cap - strlen(out), "%d more host%s may fail", spare,
                 spare == 1 ? "" : "s");
    return LAYR_EXIT_OK;
}

static int json_hosts(const layr_health_t *h, cJSON *o)
{
    cJSON *list = cJSON_AddArrayToObject(o, "hosts");
    int bad = list == NULL;

    for (size_t i = 0; bad == 0 && i < h->host_count; i++) {
        cJSON *e = cJSON_CreateObject();

        bad |= layr_json_hex(e, "id", h->host[i].id, 32);
        bad |= layr_json_text(e, "url", h->host[i].url);
        bad |= layr_json_u64(e, "shards", h->host[i].rows);
        bad |= layr_json_u64(e, "good", h->host[i].good);
        bad |= layr_json_u64(e, "bytes", h->host[i].bytes);
        bad |= layr_json_text(e, "trouble", h->host[i].text);
        bad |= !cJSON_AddItemToArray(list, e);
    }
    return bad;
}

static int json_units(const layr_health_t *h, cJSON *o)
{
    cJSON *list = cJSON_AddArrayToObject(o, "units");
    int bad = list == NULL;

    for (size_t i = 0; bad == 0 && i < h->unit_count; i++) {
        const layr_unit_health_t *u = &h->unit[i];
        cJSON *e = cJSON_CreateObject(), *rows = cJSON_AddArrayToObject(e, "rows");

        bad |= cJSON_AddBoolToObject(e, "page", u->page) == NULL;
        bad |= layr_json_u64(e, "number", u->number);
        bad |= layr_json_u64(e, "needed", u->needed);
        bad |= layr_json_u64(e, "good", u->good);
        for (unsigned r = 0; bad == 0 && r < u->rows; r++) {
            cJSON *row = cJSON_CreateObject();

            if (u->state[r] != LAYR_ROW_NONE)
                bad |= layr_json_u64(row, "host", u->host[r]);
            bad |= layr_json_text(row, "state",
                                  u->state[r] == LAYR_ROW_GOOD      ? "good"
                                  : u->state[r] == LAYR_ROW_GONE    ? "gone"
                                  : u->state[r] == LAYR_ROW_UNKNOWN ? "unknown"
                                                                    : "none");
            bad |= !cJSON_AddItemToArray(rows, row);
        }
        bad |= !cJSON_AddItemToArray(list, e);
    }
    return bad;
}

static int json_caps(const work_t *w, cJSON *o)
{
    char cap[LAYR_CAP_MAX] = "";
    int bad = 0;

    if (layr_cap_format(cap, &w->keys, 'r') == 0)
        bad |= layr_json_text(o, "cap", cap);
    if (layr_cap_format(cap, &w->keys, 'v') == 0)
        bad |= layr_json_text(o, "verify_cap", cap);
    layr_wipe(cap, sizeof cap);
    return bad;
}

static int print_json(const work_t *w, const char *words, int status)
{
    const layr_file_t *f = w->file;
    cJSON *o = cJSON_CreateObject();
    int bad = layr_json_hex(o, "record_id", w->keys.record_id, 32), rc;

    if (opt_caps)
        bad |= json_caps(w, o);

    if (w->keys.rights & LAYR_CAN_READ) {
        bad |= layr_json_text(o, "name", f->content.name);
        bad |= layr_json_text(o, "type", f->content.type);
        bad |= layr_json_hex(o, "sha256", f->content.sha256, 32);
        bad |= layr_json_time(o, "created", f->content.created);
        bad |= layr_json_time(o, "mtime", f->content.mtime);
    }
    bad |= layr_json_u64(o, "size", layr_file_size(f));
    bad |= layr_json_scheme(o, "scheme", f->placement.scheme);
    bad |= layr_json_u64(o, "segments", f->placement.segments);
    bad |= layr_json_time(o, "until", f->exp);
    bad |= layr_json_u64(o, "seq", f->seq);
    bad |= layr_json_u64(o, "record_hosts", f->holders);
    bad |= cJSON_AddBoolToObject(o, "readable", status == LAYR_EXIT_OK) == NULL;
    if (w->health.unit_count > 0)
        bad |= cJSON_AddNumberToObject(o, "spare", layr_health_spare(&w->health)) == NULL;
    bad |= layr_json_text(o, "verdict", words);
    bad |= json_hosts(&w->health, o);
    bad |= json_units(&w->health, o);
    rc = layr_json_print(o, bad);
    return rc == LAYR_EXIT_OK ? status : rc;
}

/* Hosts that are down have their rows without them: name them, and say what is wrong with the host itself. */
static void name_hosts(work_t *w)
{
    for (size_t i = 0; i < w->health.host_count; i++) {
        layr_host_health_t *o = &w->health.host[i];
        const layr_host_t *h = o->url[0] == 0 ? layr_tool_host(&w->tool, o->id) : NULL;

        if (h == NULL)
            continue;
        memcpy(o->url, h->url, sizeof o->url);
        if (h->error != 0)
            snprintf(o->text, sizeof o->text, "%.*s", (int)sizeof o->text - 1,
                     h->error_text[0] ? h->error_text : layr_strerror(h->error));
    }
}

static int show_health(work_t *w)
{
    layr_diag_t d = {0};
    char words[256];
    int rc, status, end;

    layr_health_init(&w->health, w->file->placement.scheme);
    rc = layr_file_health(&w->tool.s, w->file, layr_health_row, &w->health, &d);
    if (rc != 0)
        return layr_tool_failed(&w->tool, rc, &d);
    layr_health_sum(&w->health);
    name_hosts(w);
    status = verdict(w, words, sizeof words);
    if (w->opt->json)
        return print_json(w, words, status);
    if (w->health.unit_count > 0) {
        print_hosts(&w->health);
        print_units(w);
    }
    printf("\n%s\n", words);
    if (w->health.unit_count > 0)
        layr_say_note(
            "hosts were asked whether they have each shard and how large it is; contents were not read");
    end = layr_show_end();
    return end == LAYR_EXIT_OK ? status : end;
}

/* --- a folder: what is in it --- */

static int folder_json(const work_t *w, const layr_tree_t *t, size_t first, size_t count)
{
    const layr_file_t *f = w->file;
    cJSON *o = cJSON_CreateObject();
    int bad = layr_json_hex(o, "record_id", w->keys.record_id, 32);

    bad |= layr_json_text(o, "name", f->content.name);
    bad |= layr_json_text(o, "type", f->content.type);
    bad |= layr_json_hex(o, "sha256", f->content.sha256, 32);
    bad |= layr_json_u64(o, "size", layr_file_size(f));
    bad |= layr_json_time(o, "created", f->content.created);
    bad |= layr_json_time(o, "until", f->exp);
    bad |= layr_json_u64(o, "seq", f->seq);
    bad |= layr_list_entries_json(t, first, count, o);
    return layr_json_print(o, bad);
}

static int show_folder(work_t *w)
{
    layr_tree_t t = {0};
    layr_diag_t d = {0};
    const char *path = opt_path != NULL ? opt_path : "";
    char shown[512];
    size_t first, count;
    int rc = layr_folder_tree(&w->tool.s, w->file, &t, NULL, &d);

    if (rc != 0)
        return layr_tool_failed(&w->tool, rc, &d);
    if (layr_tree_find(&t, path, &first, &count) != 0) {
        layr_show_name(shown, sizeof shown, path);
        layr_say_error("there is no %s in it", shown);
        rc = LAYR_EXIT_FAILED;
    } else if (w->opt->json)
        rc = folder_json(w, &t, first, count);
    else {
        layr_list_entries(&t, first, count);
        rc = layr_show_end();
    }
    layr_tree_free(&t);
    return rc;
}

/* Names, and what leads to them, are for who may read. */
static int check_rights(const work_t *w)
{
    if ((w->keys.rights & LAYR_CAN_READ) || (opt_path == NULL && !opt_caps))
        return LAYR_OPT_GO_ON;
    layr_say_error("%s: this capability does not allow reading: it takes one that starts with layr:r:",
                   opt_path != NULL ? "--path" : "--caps");
    return LAYR_EXIT_REFUSED;
}

static int show_file(work_t *w)
{
    layr_diag_t d = {0};
    char cap[LAYR_CAP_MAX] = "";
    int rc = layr_tool_keys(&w->tool, w->opt->operand[0], &w->keys);

    if (rc == LAYR_OPT_GO_ON)
        rc = check_rights(w);
    if (rc == LAYR_OPT_GO_ON)
        rc = layr_tool_connect(&w->tool);
    if (rc != LAYR_OPT_GO_ON)
        return rc;
    rc = layr_file_open(&w->tool.s, &w->keys, &w->file, &d);
    if (rc != 0)
        return layr_tool_failed(&w->tool, rc, &d);
    if (w->file->content.is_folder && !opt_health)
        return show_folder(w);
    if (opt_path != NULL)
        return layr_opt_usage(w->file->content.is_folder ? "--health is of the whole folder: without --path"
                                                         : "--path: this is a file, not a folder");
    if (!w->opt->json)
        print_content(w);
    if (!w->opt->json && opt_caps && layr_cap_format(cap, &w->keys, 'r') == 0)
        printf("cap         %s\n", cap);
    if (!w->opt->json && opt_caps && layr_cap_format(cap, &w->keys, 'v') == 0)
        printf("verify cap  %s\n", cap);
    layr_wipe(cap, sizeof cap);
    return show_health(w);
}

static int run(work_t *w)
{
    bool one = w->opt->count > 0, by_cap = one && layr_opt_is_cap(w->opt->operand[0]);
    int rc;

    if (!one && (opt_path != NULL || opt_health))
        return layr_opt_usage("%s: of which file or folder?", opt_path != NULL ? "--path" : "--health");
    rc = layr_tool_start(&w->tool, w->opt, !by_cap);

    if (rc == LAYR_OPT_GO_ON)
        rc = one ? show_file(w) : list_files(w);
    layr_health_free(&w->health);
    layr_file_free(w->file);
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
