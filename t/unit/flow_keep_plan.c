/* flow/keep_plan.c: a year of a hundred files in virtual time, a network that is away for ten days, a clock that is set back. */
#include <string.h>

#include "layr/keep.h"
#include "tap.h"

#define DAY 86400
#define START ((layr_time_t)1800000000)
#define FILES 100

static const layr_keep_policy_t policy = {DAY, 30 * DAY, true}, ending = {DAY, 30 * DAY, false};
static uint64_t state = 1;

static uint64_t any(void) /* splitmix64 */
{
    uint64_t z = (state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static layr_file_entry_t file_of(layr_time_t days)
{
    return (layr_file_entry_t){.created = START, .until = START + days * DAY};
}

typedef struct year {
    layr_watch_t w[FILES];
    unsigned samples, audits, renewals, tries;
    layr_time_t longest_sample, longest_audit, least_left; /* between two; before a renewal */
    unsigned busiest;                                      /* audits in one hour */
} year_t;

/* Everything that is due, as a keeper does it; `up`: the network is there. */
static unsigned look(year_t *y, unsigned i, layr_time_t now, bool up)
{
    layr_watch_t *w = &y->w[i];
    unsigned due = layr_watch_due(w, &policy, now);
    if (!due)
        return 0;
    y->tries++;
    if (!up) {
        layr_watch_failed(w, now, any());
        return due;
    }
    if (due & LAYR_DUE_RENEW) {
        if (w->until - now < y->least_left)
            y->least_left = w->until - now;
        layr_watch_renewed(w, layr_watch_until(w, now), any() % 4 != 0, now, any());
        y->renewals++;
    }
    if (due & (LAYR_DUE_SAMPLE | LAYR_DUE_AUDIT)) {
        bool all = due & LAYR_DUE_AUDIT;
        if (w->last_sample && now - w->last_sample > y->longest_sample)
            y->longest_sample = now - w->last_sample;
        if (all && w->last_audit && now - w->last_audit > y->longest_audit)
            y->longest_audit = now - w->last_audit;
        layr_watch_audited(w, &policy, all, 0, now, any());
        y->samples++;
        y->audits += all;
    }
    return due;
}

static void run(year_t *y, layr_time_t from, layr_time_t to, bool up)
{
    unsigned this_hour = 0;
    for (layr_time_t now = from; now < to; now += 60) {
        if (now % 3600 == 0)
            this_hour = 0;
        for (unsigned i = 0; i < FILES; i++)
            this_hour += (look(y, i, now, up) & LAYR_DUE_AUDIT) != 0;
        if (this_hour > y->busiest)
            y->busiest = this_hour;
    }
}

static void begin(year_t *y, layr_time_t days)
{
    memset(y, 0, sizeof *y);
    y->least_left = 1000 * DAY;
    for (unsigned i = 0; i < FILES; i++) {
        layr_file_entry_t f = file_of(days);
        layr_watch_follow(&y->w[i], &f, &policy, START, any());
    }
}

static void a_year(void)
{
    static year_t y;
    bool kept = true;
    begin(&y, 90);
    run(&y, START, START + 365 * DAY, true);
    printf("# %u samples, %u audits of all, %u renewals, %u audits in the busiest hour\n", y.samples,
           y.audits, y.renewals, y.busiest);
    ok(y.samples > 360 * FILES && y.samples < 380 * FILES, "a sample a day");
    ok(y.audits > 11 * FILES && y.audits < 14 * FILES, "all blocks a month");
    ok(y.longest_sample <= DAY * 5 / 4 + 120, "never longer than a day and a quarter");
    ok(y.longest_audit <= 30 * DAY * 5 / 4 + 120, "nor than a month and a quarter");
    ok(y.busiest < FILES / 10, "files put together are not audited together");
    ok(y.least_left >= 45 * DAY - 120, "renewed while half of the term is left");
    ok(y.renewals < 40 * FILES, "and not all the time");
    for (unsigned i = 0; i < FILES; i++)
        kept &= y.w[i].until >= START + (365 + 45) * DAY;
    ok(kept, "each is kept for half a term at least");
}

static void away(void)
{
    static year_t y;
    unsigned before;
    begin(&y, 90);
    run(&y, START, START + 40 * DAY, true);
    before = y.tries;
    run(&y, START + 40 * DAY, START + 50 * DAY, false);
    printf("# %u tries for a file in ten days\n", (y.tries - before) / FILES);
    ok((y.tries - before) / FILES <= 60 && (y.tries - before) / FILES >= 30,
       "every six hours in the end, not every minute");
    before = y.tries;
    run(&y, START + 50 * DAY, START + 51 * DAY, true);
    ok(y.tries - before >= FILES, "then all are looked at within a day");
    ok(y.least_left >= 39 * DAY, "and were renewed in time");
}

static void single(void)
{
    layr_file_entry_t f = file_of(90);
    layr_watch_t w = {0};
    layr_watch_follow(&w, &f, &policy, START, 12345);
    ok(w.term == 90 * DAY && w.until == f.until, "its term is what it was put for");
    ok(w.next_sample >= START && w.next_sample < START + DAY, "a sample within the first day");
    ok(w.next_audit >= START && w.next_audit < START + 30 * DAY, "all within the first month");
    is_int(layr_watch_until(&w, START + DAY), f.until, "nothing to be renewed yet");
    is_int(layr_watch_until(&w, START + 50 * DAY), START + 140 * DAY, "later for as long again");
    ok(!(layr_watch_due(&w, &ending, START + 80 * DAY) & LAYR_DUE_RENEW), "never, when files are to end");
    ok(layr_watch_next(&w, &ending) <= w.next_audit, "but they are audited");

    f.until = START + 200 * DAY; /* another machine renewed it */
    layr_watch_follow(&w, &f, &policy, START + 60 * DAY, 1);
    is_int(w.term, 90 * DAY, "its term stays, whoever renews it");
    is_int(w.next_renew, START + 155 * DAY, "and it is renewed when half of that is left");
    ok(w.next_sample < START + DAY, "it is audited as before");
    ok(!layr_watch_follow(&w, &f, &policy, START + 60 * DAY, 2), "nothing new, nothing changed");
    f.created = START + 70 * DAY; /* a new version */
    f.until = START + 75 * DAY;
    layr_watch_follow(&w, &f, &policy, START + 70 * DAY, 1);
    is_int(w.term, 5 * DAY, "a new version has its own");
    f.until = f.created;
    w.term = 0;
    layr_watch_follow(&w, &f, &policy, START, 1);
    is_int(w.term, DAY, "a day at least");
    f.until = START + (layr_time_t)5000 * DAY;
    w.term = 0;
    layr_watch_follow(&w, &f, &policy, START, 1);
    is_int(w.term, 399 * DAY, "and what hosts take at most");
}

static void sooner(void)
{
    layr_file_entry_t f = file_of(90);
    layr_watch_t w = {0};
    layr_watch_follow(&w, &f, &policy, START, 7);
    layr_watch_audited(&w, &policy, true, START + 7200, START, any());
    is_int(w.next_sample, START + 7200, "when a silent host will have been for too long");
    layr_watch_audited(&w, &policy, false, START + 1, START, any());
    is_int(w.next_sample, START + 300, "but not at once");
    is_int(w.last_audit, START, "a sample is none of all blocks");
    layr_watch_failed(&w, START, any());
    is_int(layr_watch_due(&w, &policy, START + 100), 0, "what failed waits");
    ok(layr_watch_next(&w, &policy) >= w.not_before, "until then");
    ok(layr_watch_due(&w, &policy, START + 1000) != 0, "some minutes");
    layr_watch_audited(&w, &policy, false, 0, START + 1000, any());
    ok(w.failures == 0 && w.not_before == 0, "and is forgiven");
    layr_watch_renewed(&w, w.until, false, START + 50 * DAY, any());
    ok(w.next_renew <= START + 52 * DAY, "hosts that did not answer are asked again a day later");
    layr_watch_renewed(&w, START + 140 * DAY, true, START + 50 * DAY, any());
    is_int(w.next_renew, START + 95 * DAY, "and when all have, at half of the term");
}

static void set_back(void)
{
    layr_file_entry_t f = file_of(90);
    layr_watch_t w = {0};
    layr_time_t now = START - 365 * DAY;
    layr_watch_follow(&w, &f, &policy, START, any());
    layr_watch_failed(&w, START, any());
    ok(layr_watch_next(&w, &policy) > now + 300 * DAY, "a clock set back a year");
    layr_watch_mend(&w, &policy, now);
    ok(layr_watch_next(&w, &policy) <= now + 2 * DAY, "does not keep it from being looked at");
}

int main(void)
{
    single();
    sooner();
    set_back();
    a_year();
    away();
    return done();
}
