/* When a file is to be audited and renewed: rules over a layr_watch_t, without a clock of their own. */
#include <string.h>

#include "layr/keep.h"

#define DAY_S 86400
#define TERM_MAX_S (399 * (layr_time_t)DAY_S) /* hosts take no order that reaches further than 400 days */
#define RETRY_S 300
#define RETRY_MAX_S 21600

static layr_time_t least(layr_time_t a, layr_time_t b)
{
    return a < b ? a : b;
}

static layr_time_t most(layr_time_t a, layr_time_t b)
{
    return a > b ? a : b;
}

/* 0 .. span - 1. */
static layr_time_t within(layr_time_t span, uint64_t random)
{
    return span > 0 ? (layr_time_t)(random % (uint64_t)span) : 0;
}

/* A period, give or take a quarter. */
static layr_time_t around(layr_time_t period, uint64_t random)
{
    return period - period / 4 + within(period / 2 + 1, random);
}

/* --- what is due --- */

unsigned layr_watch_due(const layr_watch_t *w, const layr_keep_policy_t *p, layr_time_t now)
{
    unsigned due = 0;
    if (now < w->not_before)
        return 0;
    if (now >= w->next_audit)
        due |= LAYR_DUE_AUDIT; /* which is a sample, too */
    else if (now >= w->next_sample)
        due |= LAYR_DUE_SAMPLE;
    if (p->renew && now >= w->next_renew)
        due |= LAYR_DUE_RENEW;
    return due;
}

layr_time_t layr_watch_next(const layr_watch_t *w, const layr_keep_policy_t *p)
{
    layr_time_t t = least(w->next_sample, w->next_audit);
    return most(p->renew ? least(t, w->next_renew) : t, w->not_before);
}

/* Half the term is left: days or weeks for hosts that do not answer, and for an owner who comes back. */
static layr_time_t renew_at(const layr_watch_t *w)
{
    return w->until - w->term / 2;
}

layr_time_t layr_watch_until(const layr_watch_t *w, layr_time_t now)
{
    return now >= renew_at(w) ? most(now + w->term, w->until) : w->until;
}

/* --- what has happened --- */

static void begin(layr_watch_t *w, const layr_file_entry_t *f, const layr_keep_policy_t *p, layr_time_t now,
                  uint64_t random)
{
    memcpy(w->record_id, f->record_id, sizeof w->record_id);
    w->created = f->created;
    w->term = most(least(f->until - f->created, TERM_MAX_S), DAY_S);
    w->next_sample = now + within(p->sample_every, random);
    w->next_audit = now + within(p->audit_every, random >> 20);
    w->not_before = 0;
    w->failures = 0;
    w->wrong[0] = 0;
}

bool layr_watch_follow(layr_watch_t *w, const layr_file_entry_t *f, const layr_keep_policy_t *p,
                       layr_time_t now, uint64_t random)
{
    bool other = w->term == 0 || w->created != f->created;
    if (!other && w->until == f->until)
        return false;
    if (other)
        begin(w, f, p, now, random);
    w->until = f->until;
    w->next_renew = renew_at(w);
    return true;
}

void layr_watch_audited(layr_watch_t *w, const layr_keep_policy_t *p, bool all, layr_time_t again,
                        layr_time_t now, uint64_t random)
{
    w->last_sample = now;
    w->next_sample = now + around(p->sample_every, random);
    if (all) {
        w->last_audit = now;
        w->next_audit = now + around(p->audit_every, random >> 20);
    }
    if (again)
        w->next_sample = least(w->next_sample, most(again, now + RETRY_S));
    w->not_before = 0;
    w->failures = 0;
}

void layr_watch_renewed(layr_watch_t *w, layr_time_t until, bool all, layr_time_t now, uint64_t random)
{
    w->until = most(w->until, until);
    w->last_renew = now;
    w->next_renew = renew_at(w);
    /* those that did not answer are asked again, well before they let go of what they have */
    if (!all)
        w->next_renew = least(w->next_renew, now + around(least(w->term / 16 + 1, DAY_S), random));
}

void layr_watch_failed(layr_watch_t *w, layr_time_t now, uint64_t random)
{
    unsigned shift = w->failures < 7 ? w->failures : 7;
    w->failures++;
    w->not_before = now + around(least((layr_time_t)RETRY_S << shift, RETRY_MAX_S), random);
}

void layr_watch_mend(layr_watch_t *w, const layr_keep_policy_t *p, layr_time_t now)
{
    w->next_sample = least(w->next_sample, now + 2 * p->sample_every);
    w->next_audit = least(w->next_audit, now + 2 * p->audit_every);
    w->not_before = least(w->not_before, now + 2 * RETRY_MAX_S);
}
