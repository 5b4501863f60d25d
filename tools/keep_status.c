/* What is known of the files that are kept: a table for people, JSON for programs, a file for who watches the keeper. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "keep.h"
#include "show.h"

#define NAME_WIDTH 32

static int json_file(cJSON *files, const layr_kept_t *f, const layr_keep_policy_t *p)
{
    cJSON *o = cJSON_CreateObject(), *weakest;
    const layr_watch_t *w = &f->w;
    int bad = layr_json_text(o, "name", f->f.name);

    bad |= layr_json_hex(o, "record_id", f->f.record_id, 32);
    bad |= layr_json_u64(o, "size", f->f.size);
    bad |= layr_json_scheme(o, "scheme", f->f.scheme);
    bad |= layr_json_time(o, "until", f->f.until);
    bad |= layr_json_u64(o, "days", (uint64_t)(w->term / 86400));
    bad |= layr_json_time(o, "last_sample", w->last_sample);
    bad |= layr_json_time(o, "last_audit", w->last_audit);
    bad |= layr_json_time(o, "last_patch", w->last_patch);
    bad |= layr_json_time(o, "last_renewal", w->last_renew);
    bad |= layr_json_time(o, "next", layr_watch_next(w, p));
    bad |= layr_json_time(o, "next_sample", w->next_sample);
    bad |= layr_json_time(o, "next_audit", w->next_audit);
    if (p->renew)
        bad |= layr_json_time(o, "next_renewal", w->next_renew);
    if (w->rows > 0 && (weakest = cJSON_AddObjectToObject(o, "weakest")) != NULL) {
        bad |= layr_json_u64(weakest, "good", w->good);
        bad |= layr_json_u64(weakest, "shards", w->rows);
        bad |= layr_json_u64(weakest, "needed", w->needed);
    }
    bad |= layr_json_u64(o, "lost_segments", w->lost);
    bad |= layr_json_text(o, "wrong", w->wrong);
    if (bad == 0 && cJSON_AddItemToArray(files, o))
        return 0;
    cJSON_Delete(o);
    return LAYR_ERR_NOMEM;
}

static cJSON *json_status(const layr_keeper_t *k, bool running, int *bad)
{
    cJSON *o = cJSON_CreateObject(), *files;

    *bad = cJSON_AddBoolToObject(o, "running", running) == NULL;
    if (k->working)
        *bad |= layr_json_u64(o, "pid", (uint64_t)getpid());
    *bad |= layr_json_time(o, "written", time(NULL));
    *bad |= layr_json_u64(o, "pending_releases", k->pending);
    *bad |= cJSON_AddBoolToObject(o, "renews", k->policy.renew) == NULL;
    files = cJSON_AddArrayToObject(o, "files");
    for (size_t i = 0; files != NULL && i < k->count; i++)
        *bad |= json_file(files, &k->file[i], &k->policy);
    *bad |= files == NULL || layr_keep_json_hosts(k, o) != 0;
    return o;
}

/* --- the file --- */

static int write_all(int fd, const char *text)
{
    size_t left = strlen(text);

    while (left > 0) {
        ssize_t n = write(fd, text, left);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return LAYR_ERR_IO;
        text += n;
        left -= (size_t)n;
    }
    return write(fd, "\n", 1) == 1 && fsync(fd) == 0 ? 0 : LAYR_ERR_IO;
}

/* Names of files are in it: mode 0600. A reader sees the one before or this one, never half of it. */
static int replace(const char *path, const char *temp, const char *text)
{
    int fd = open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    int rc = fd < 0 ? LAYR_ERR_IO : write_all(fd, text);

    if (fd >= 0 && close(fd) != 0 && rc == 0)
        rc = LAYR_ERR_IO;
    if (rc == 0 && rename(temp, path) != 0)
        rc = LAYR_ERR_IO;
    if (rc != 0 && fd >= 0)
        unlink(temp);
    return rc;
}

int layr_keep_write_status(const layr_keeper_t *k)
{
    char *path = layr_opt_path(k->opt->state_dir, "keep.json");
    char *temp = layr_opt_path(k->opt->state_dir, "keep.json.new");
    int bad, rc = LAYR_ERR_NOMEM;
    cJSON *o = json_status(k, k->working, &bad);
    char *text = bad ? NULL : cJSON_Print(o);

    if (path != NULL && temp != NULL && text != NULL)
        rc = replace(path, temp, text);
    if (rc == LAYR_ERR_IO)
        layr_say_error("cannot write %s: %s", path, strerror(errno));
    cJSON_Delete(o);
    free(text);
    free(path);
    free(temp);
    return rc;
}

/* --- the table --- */

static bool is_middle(char c) /* of a character in UTF-8 */
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

/* A long name without its middle: its end says more. No character is cut in two. */
static void cut(char out[NAME_WIDTH + 8], const char *name)
{
    size_t len = strlen(name), head = len, tail = len;

    if (len > NAME_WIDTH) {
        for (head = NAME_WIDTH - 15; head > 0 && is_middle(name[head]); head--) {
        }
        for (tail = len - 12; is_middle(name[tail]); tail++) {
        }
    }
    snprintf(out, NAME_WIDTH + 8, "%.*s%.*s%.*s", (int)(head < NAME_WIDTH ? head : NAME_WIDTH), name,
             head < len ? 3 : 0, "...", NAME_WIDTH, name + tail);
}

static void show_file(const layr_kept_t *f, const layr_keep_policy_t *p)
{
    char name[NAME_WIDTH + 8], until[LAYR_DATE_TEXT], last[LAYR_DATE_TEXT] = "-", next[LAYR_DATE_TEXT],
                                                      good[32] = "-";
    const layr_watch_t *w = &f->w;

    cut(name, f->shown);
    layr_show_date(until, f->f.until);
    layr_show_minute(next, layr_watch_next(w, p));
    if (w->last_sample)
        layr_show_minute(last, w->last_sample);
    if (w->rows > 0)
        snprintf(good, sizeof good, "%u of %u", w->good, w->rows);
    printf("%-*s  %-10s  %-10s  %-16s  %-16s\n", NAME_WIDTH, name, good, until, last, next);
    if (w->wrong[0] != 0)
        printf("    %s\n", w->wrong);
}

static int verdict(const layr_keeper_t *k)
{
    int status = LAYR_EXIT_OK;

    for (size_t i = 0; i < k->count; i++) {
        if (k->file[i].w.lost > 0)
            return LAYR_EXIT_DATA;
        if (k->file[i].w.wrong[0] != 0)
            status = LAYR_EXIT_FAILED;
    }
    return status;
}

int layr_keep_show_status(const layr_keeper_t *k)
{
    bool running = layr_journal_watch_busy(k->tool.s.journal) == 1;
    int bad, rc;

    if (k->opt->json) {
        cJSON *o = json_status(k, running, &bad);

        rc = layr_json_print(o, bad);
        return rc == LAYR_EXIT_OK ? verdict(k) : rc;
    }
    layr_say_note(running ? "layr-keep is at work" : "layr-keep is not running");
    printf("%-*s  %-10s  %-10s  %-16s  %-16s\n", NAME_WIDTH, "NAME", "GOOD", "UNTIL", "AUDITED", "NEXT");
    for (size_t i = 0; i < k->count; i++)
        show_file(&k->file[i], &k->policy);
    rc = k->opt->verbose ? layr_keep_show_hosts(k) : 0;
    if (rc != 0)
        return layr_tool_failed(&k->tool, rc, NULL);
    rc = layr_show_end();
    return rc == LAYR_EXIT_OK ? verdict(k) : rc;
}
