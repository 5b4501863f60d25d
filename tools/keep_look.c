/* One file: its record and orders renewed, its shards audited, what is lost restored. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "guard.h"
#include "keep.h"
#include "keep_units.h"
#include "show.h"

/* What went wrong is said now, and stays in the status until a try goes well. */
void layr_keep_failed(layr_keeper_t *k, layr_kept_t *f, int rc, const layr_diag_t *d)
{
    const char *text = d->text[0] ? d->text : layr_strerror(rc);

    layr_say_error("%s: %s", f->shown, text);
    snprintf(f->w.wrong, sizeof f->w.wrong, "%.*s", (int)sizeof f->w.wrong - 1, text);
    layr_watch_failed(&f->w, time(NULL), layr_keep_random());
    layr_keep_note_status(k, layr_say_exit(rc));
}

/* --- renewing --- */

static void say_renewed(const layr_kept_t *f, const layr_renew_result_t *r)
{
    char until[LAYR_DATE_TEXT];

    layr_show_date(until, f->w.until);
    if (r->orders == 0)
        layr_say_note("%s: renewed until %s", f->shown, until);
    else if (r->kept < r->orders)
        layr_say_note("%s: renewed until %s by the hosts of %" PRIu64 " of %" PRIu64
                      " shards; the others are asked again",
                      f->shown, until, r->kept, r->orders);
    else
        layr_say_note("%s: renewed until %s, %" PRIu64 " shard%s", f->shown, until, r->orders,
                      r->orders == 1 ? "" : "s");
}

/* Its orders and its record when that is due; else its record alone, where hosts have lost it. */
static int renew(layr_keeper_t *k, layr_kept_t *f, const layr_file_keys_t *keys, unsigned due, layr_diag_t *d)
{
    layr_time_t now = time(NULL), until = due & LAYR_DUE_RENEW ? layr_watch_until(&f->w, now) : 0;
    layr_renew_result_t r = {0};
    int rc = layr_renew(&k->tool.s, keys, until, &r, d);

    if (rc != 0)
        return rc;
    if (until == 0) {
        if (r.record_hosts > 0)
            layr_say_note("%s: its record was missing at some hosts: %u have it now", f->shown,
                          r.record_hosts);
        return 0;
    }
    layr_watch_renewed(&f->w, until, r.kept == r.orders, now, layr_keep_random());
    f->f.until = f->w.until;
    say_renewed(f, &r);
    return 0;
}

/* --- auditing --- */

static void say_audited(const layr_keeper_t *k, const layr_kept_t *f, const layr_keep_units_t *u, bool all)
{
    if (u->bad + u->waited == 0 && !k->opt->verbose)
        return;
    layr_say_note("%s: audited %s: %" PRIu64 " of %" PRIu64 " shards are good%s%s", f->shown,
                  all ? "whole" : "by a sample", u->passed, u->passed + u->bad + u->waited,
                  u->text[0] ? "; " : "", u->text);
    if (u->waited > 0)
        layr_say_note("%s: the hosts of %" PRIu64 " shard%s do not answer: they are waited for", f->shown,
                      u->waited, u->waited == 1 ? "" : "s");
}

static int audit(layr_keeper_t *k, const layr_file_keys_t *keys, layr_keep_units_t *u, bool all,
                 layr_diag_t *d)
{
    layr_audit_opts_t o = {.sample = all ? 0 : k->sample, .download = true, .now = u->now};
    layr_audit_stats_t st;
    layr_file_t *file = NULL;
    int rc = layr_file_open(&k->tool.s, keys, &file, d);

    if (rc != 0)
        return rc;
    u->scheme = file->placement.scheme;
    u->threshold = layr_keep_threshold(k->threshold, u->scheme);
    if (file->placement.segments > 0)
        rc = layr_audit(&k->tool.s, file, &o, layr_keep_unit_row, u, &st, d);
    layr_file_free(file);
    return rc;
}

static void note_weakest(layr_watch_t *w, const layr_keep_units_t *u)
{
    const layr_keep_unit_t *weakest = layr_keep_weakest(u);

    w->good = weakest != NULL ? weakest->good : 0;
    w->rows = weakest != NULL ? weakest->rows : 0;
    w->needed = weakest != NULL ? layr_keep_needed(u, weakest) : 0;
    w->lost = layr_keep_lost(u);
}

/* --- restoring --- */

static void say_patched(const layr_kept_t *f, const layr_patch_result_t *r)
{
    char size[LAYR_SIZE_TEXT];

    layr_say_size(size, r->bytes);
    layr_say_note("%s: patched: %" PRIu64 " shard%s restored on %" PRIu64 " host%s, %s sent", f->shown,
                  r->restored + r->copied, r->restored + r->copied == 1 ? "" : "s", r->hosts,
                  r->hosts == 1 ? "" : "s", size);
}

static int patch(layr_keeper_t *k, layr_kept_t *f, const layr_file_keys_t *keys, layr_keep_units_t *u,
                 layr_diag_t *d)
{
    layr_patch_opts_t o = {
        .threshold = u->threshold, .grace = k->grace, .max_price = k->max_price, .now = time(NULL)};
    layr_patch_result_t r = {0};
    int rc = layr_patch(&k->tool.s, keys, &o, &r, d);

    if (r.restored + r.copied > 0 && r.published) {
        f->w.last_patch = time(NULL);
        say_patched(f, &r);
    }
    if (rc == 0)
        layr_keep_restored(u);
    return rc;
}

/* A segment that waits for its hosts can't be decoded, and it is not known that it has to be. */
static int restore(layr_keeper_t *k, layr_kept_t *f, const layr_file_keys_t *keys, layr_keep_units_t *u,
                   layr_diag_t *d)
{
    uint64_t hidden = layr_keep_hidden(u);

    if (hidden > 0 && layr_keep_lost(u) == 0)
        return layr_diag_set(
            d, LAYR_ERR_NET,
            "%" PRIu64 " of its segments cannot be read until hosts that do not answer are back", hidden);
    return layr_keep_low(u) > 0 ? patch(k, f, keys, u, d) : 0;
}

/* A restored file was audited whole. */
static int check(layr_keeper_t *k, layr_kept_t *f, const layr_file_keys_t *keys, bool all, layr_diag_t *d)
{
    layr_keep_units_t u = {.grace = k->grace, .now = time(NULL)};
    layr_time_t patched = f->w.last_patch;
    int rc = audit(k, keys, &u, all, d);

    if (rc == 0) {
        say_audited(k, f, &u, all);
        rc = restore(k, f, keys, &u, d);
        note_weakest(&f->w, &u);
        layr_watch_audited(&f->w, &k->policy, all || f->w.last_patch != patched, u.again, time(NULL),
                           layr_keep_random());
    }
    layr_keep_units_free(&u);
    return rc;
}

/* What is restored first need not be renewed twice; and what can't be restored is to be kept for longer all the same. */
int layr_keep_look(layr_keeper_t *k, layr_kept_t *f, unsigned due, layr_diag_t *d)
{
    layr_file_keys_t keys = {0};
    int rc = 0, renewed;

    layr_file_keys_from_write(&keys, f->f.W);
    if (due & (LAYR_DUE_SAMPLE | LAYR_DUE_AUDIT))
        rc = check(k, f, &keys, due & LAYR_DUE_AUDIT, d);
    renewed = rc == LAYR_ERR_CANCELLED || rc == LAYR_ERR_REMOVED ? rc : renew(k, f, &keys, due, d);
    layr_file_keys_wipe(&keys);
    return rc != 0 ? rc : renewed;
}

/* --- the list of files --- */

/* Small enough to be audited whole; what is wrong with it is mended by writing it again, from what the journal knows. */
static int check_list(layr_keeper_t *k, const layr_file_keys_t *keys, layr_watch_t *w, layr_diag_t *d)
{
    layr_keep_units_t u = {.grace = k->grace, .now = time(NULL)};
    int rc = audit(k, keys, &u, true, d);

    if (rc == 0 && u.bad > 0) {
        layr_say_note("the list of files: %" PRIu64 " of %" PRIu64 " copies are lost; it is written again",
                      u.bad, u.passed + u.bad + u.waited);
        rc = layr_catalogue_renew(&k->tool.s, k->W, layr_keep_lost(&u) > 0, d);
    }
    layr_keep_units_free(&u);
    layr_watch_audited(w, &k->policy, true, 0, time(NULL), layr_keep_random());
    return rc == LAYR_ERR_NOTFOUND ? 0 : rc; /* none was written yet */
}

int layr_keep_list(layr_keeper_t *k)
{
    /* it is renewed whenever it is written, and never ends */
    layr_keep_policy_t p = {k->policy.sample_every, k->policy.sample_every, false};
    layr_file_entry_t f = {.created = 1, .until = 1};
    layr_file_keys_t keys = {0};
    layr_watch_t w = {0};
    layr_diag_t d = {0};
    layr_time_t now = time(NULL);
    int rc;

    layr_file_keys_from_write(&keys, k->W);
    memcpy(f.record_id, keys.record_id, sizeof f.record_id);
    rc = layr_journal_watch_get(k->tool.s.journal, &w, keys.record_id);
    if (rc == LAYR_ERR_NOTFOUND)
        rc = 0;
    layr_watch_follow(&w, &f, &p, now, layr_keep_random());
    layr_watch_mend(&w, &p, now);
    if (rc == 0 && (k->now || layr_watch_due(&w, &p, now) != 0)) {
        int failed = check_list(k, &keys, &w, &d);

        if (failed != 0 && failed != LAYR_ERR_CANCELLED) {
            layr_say_error("the list of files: %s", d.text[0] ? d.text : layr_strerror(failed));
            layr_keep_note_status(k, LAYR_EXIT_FAILED);
        }
    }
    if (rc == 0)
        rc = layr_journal_watch_set(k->tool.s.journal, &w);
    layr_file_keys_wipe(&keys);
    return rc;
}
