/* A pass over the files: what is due is done, file by file, and each one's outcome is in the journal before the next begins. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "guard.h"
#include "keep.h"
#include "show.h"

#define STATUS_EVERY_S 5
#define OFFLINE_S 60
#define OFFLINE_MAX_S 1800

uint64_t layr_keep_random(void)
{
    uint64_t r;

    layr_random(&r, sizeof r);
    return r;
}

static bool cancelled(void)
{
    return atomic_load(&layr_guard_cancel) != 0;
}

void layr_keep_note_status(layr_keeper_t *k, layr_exit_t status)
{
    static const uint8_t grave[] = {[LAYR_EXIT_OK] = 0,    [LAYR_EXIT_FAILED] = 1, [LAYR_EXIT_USAGE] = 1,
                                    [LAYR_EXIT_HOSTS] = 3, [LAYR_EXIT_DATA] = 4,   [LAYR_EXIT_REFUSED] = 2};

    if (grave[status] > grave[k->status])
        k->status = status;
}

/* --- a file --- */

static unsigned what_is_due(const layr_keeper_t *k, const layr_kept_t *f, layr_time_t now)
{
    if (!k->now)
        return layr_watch_due(&f->w, &k->policy, now);
    return LAYR_DUE_AUDIT | (k->policy.renew && now >= f->w.next_renew ? LAYR_DUE_RENEW : 0);
}

/* Removed by another machine, or ended: it needs no keeping. */
static bool is_over(layr_keeper_t *k, layr_kept_t *f, int rc)
{
    layr_time_t now = time(NULL);
    char until[LAYR_DATE_TEXT];

    if (rc == LAYR_ERR_REMOVED) {
        layr_say_note("%s: it was removed by another machine", f->shown);
        if (layr_journal_file_remove(k->tool.s.journal, f->f.record_id) != 0)
            layr_say_error("%s: %s", f->shown, layr_journal_error(k->tool.s.journal));
        return true;
    }
    if (!layr_keep_ended(f, now))
        return false;
    layr_show_date(until, f->f.until);
    if (f->w.wrong[0] == 0) {
        layr_say_error("%s: its time was up on %s, and hosts let go of it", f->shown, until);
        snprintf(f->w.wrong, sizeof f->w.wrong, "its time was up on %s", until);
    }
    return true;
}

/* An error is the journal's: there is no going on without it. */
static int keep_file(layr_keeper_t *k, layr_kept_t *f)
{
    unsigned due = what_is_due(k, f, time(NULL));
    layr_diag_t d = {0};
    int rc = 0;

    if (due == 0)
        return 0;
    if (!is_over(k, f, 0)) {
        f->w.wrong[0] = 0;
        rc = layr_keep_look(k, f, due, &d);
        if (rc == LAYR_ERR_CANCELLED || cancelled())
            return LAYR_ERR_CANCELLED;
        if (is_over(k, f, rc))
            return 0;
        if (rc != 0)
            layr_keep_failed(k, f, rc, &d);
    }
    return layr_journal_watch_set(k->tool.s.journal, &f->w);
}

static int keep_all(layr_keeper_t *k)
{
    layr_time_t told = time(NULL);
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < k->count; i++) {
        rc = cancelled() ? LAYR_ERR_CANCELLED : keep_file(k, &k->file[i]);
        if (rc == 0 && time(NULL) - told >= STATUS_EVERY_S) {
            told = time(NULL);
            if (layr_keep_write_status(k) != 0)
                layr_keep_note_status(k, LAYR_EXIT_FAILED);
        }
    }
    return rc;
}

/* --- all --- */

/* Which other machines of this owner may have put, removed or renewed. */
static int read_list(layr_keeper_t *k)
{
    uint8_t id[32];
    layr_file_keys_t keys = {0};
    int rc;

    layr_tool_catalogue(&k->tool, true);
    layr_file_keys_from_write(&keys, k->W);
    memcpy(id, keys.record_id, sizeof id);
    layr_file_keys_wipe(&keys);
    rc = layr_journal_watch_prune(k->tool.s.journal, id);
    return rc == 0 ? layr_keep_load(k, time(NULL)) : rc;
}

static int work(layr_keeper_t *k)
{
    int rc = layr_tool_tidy(&k->tool), failed;

    if (rc != LAYR_OPT_GO_ON)
        return rc;
    k->pending = k->tool.pending;
    failed = read_list(k);
    if (failed == 0)
        failed = keep_all(k);
    if (failed == 0)
        layr_tool_catalogue(&k->tool, false);
    if (failed == 0 && k->count > 0)
        failed = layr_keep_list(k);
    if (failed != 0 && failed != LAYR_ERR_CANCELLED)
        return layr_tool_failed(&k->tool, failed, NULL);
    return LAYR_OPT_GO_ON;
}

/* A network that is away is nobody's loss: nothing is noted of the files, and it is tried again soon. */
static void wait_for_network(layr_keeper_t *k)
{
    unsigned shift = k->offline < 5 ? k->offline : 5;
    layr_time_t wait = (layr_time_t)OFFLINE_S << shift;

    k->offline++;
    wait = wait < OFFLINE_MAX_S ? wait : OFFLINE_MAX_S;
    k->not_before = time(NULL) + wait - (layr_time_t)(layr_keep_random() % (uint64_t)(wait / 4));
}

int layr_keep_pass(layr_keeper_t *k)
{
    int rc = layr_tool_connect(&k->tool);

    k->status = LAYR_EXIT_OK;
    if (rc != LAYR_OPT_GO_ON) {
        wait_for_network(k);
        return rc;
    }
    k->offline = 0;
    k->not_before = 0;
    rc = work(k);
    k->last_pass = time(NULL);
    layr_tool_disconnect(&k->tool);
    return rc;
}
