/* layr-keep's rules: when it audits, what counts as lost, when it restores (tools/keep_units.c, liblayr-core/flow/keep_plan.c). */
#include "sim.h"

#define RETRY (5 / 1440.0)   /* when a grace has ended: five minutes later at the earliest */
#define RETRY_MAX (6 * HOUR) /* a file that can't be restored is looked at again */

/* A period, give or take a quarter. */
static double around(world_t *w, double period)
{
    if (period <= 0)
        return INFINITY;
    return w->o->exponential ? -log(random_unit(w->r)) * period : period * (0.75 + random_unit(w->r) / 2);
}

void keeper_begin(world_t *w)
{
    w->repair_ends = INFINITY;
    w->queue_head = w->queue_count = 0;
    w->next_sample = w->next_audit = INFINITY;
    if (w->o->no_repair)
        return;
    if (w->o->sample_every > 0)
        w->next_sample = w->o->sample_every * random_unit(w->r);
    if (w->o->audit_every > 0)
        w->next_audit = w->o->audit_every * random_unit(w->r);
}

/* --- what an audit finds --- */

typedef struct found {
    unsigned passed, lost, waited;
    double again; /* the first of those waited for is lost then */
} found_t;

static bool is_lost(world_t *w, shard_t *s, bool all, found_t *f)
{
    if (!world_answers(w, s)) {
        if (s->silent_since < 0)
            s->silent_since = w->now;
        /* a hair less: the audit at the end of a grace comes at that very moment */
        if (w->now - s->silent_since >= w->o->grace - 1e-9)
            return true;
        f->waited++;
        f->again = least(f->again, s->silent_since + w->o->grace);
        return false;
    }
    s->silent_since = -1;
    if (s->fate == CORRUPT && (all || random_unit(w->r) >= w->miss))
        return true;
    f->passed++;
    return false;
}

static found_t look(world_t *w, uint32_t segment, bool all, bool mark)
{
    found_t f = {.again = INFINITY};
    shard_t *s = w->shard + (size_t)segment * w->n;

    for (unsigned i = 0; i < w->n; i++) {
        bool lost = is_lost(w, &s[i], all, &f);

        f.lost += lost;
        if (mark)
            s[i].making = lost;
    }
    return f;
}

static bool is_low(const world_t *w, const found_t *f)
{
    return f->lost > w->n - w->threshold;
}

static void look_again(world_t *w, double at)
{
    w->next_sample = least(w->next_sample, at);
}

/* --- restoring: one segment after another, as the bandwidth is one owner's --- */

static double work(const world_t *w, unsigned lost)
{
    double bytes = (w->k + lost) * w->o->shard * 1048576;

    return w->o->repair_hours * HOUR + (w->o->bandwidth > 0 ? bytes / (w->o->bandwidth * 1e9) : 0);
}

/* Audits all blocks first; k shards have to be there at that moment. */
static bool start(world_t *w, uint32_t segment)
{
    found_t f = look(w, segment, true, true);
    double takes = work(w, f.lost);

    w->segment[segment].queued = false;
    if (f.passed < w->k) {
        look_again(w, w->now + RETRY_MAX);
        return false;
    }
    if (!is_low(w, &f))
        return false;
    w->repairing = segment;
    w->repair_ends = w->now + takes;
    return true;
}

static void finish(world_t *w)
{
    shard_t *s = w->shard + (size_t)w->repairing * w->n;

    w->repair_ends = INFINITY;
    w->repairs++;
    for (unsigned i = 0; i < w->n; i++) {
        w->restored += s[i].making && world_place(w, w->repairing, i);
        s[i].making = false;
    }
    /* A file that was restored has been audited whole. */
    if (w->segments == 1)
        w->next_audit = w->now + around(w, w->o->audit_every);
}

static void work_on(world_t *w)
{
    while (w->repair_ends == INFINITY && w->queue_count > 0) {
        uint32_t segment = w->queue[w->queue_head];

        if (++w->queue_head == w->segments)
            w->queue_head = 0;
        w->queue_count--;
        if (start(w, segment) && w->repair_ends <= w->now)
            finish(w);
    }
}

void keeper_repaired(world_t *w)
{
    finish(w);
    work_on(w);
}

static void ask_for(world_t *w, uint32_t segment)
{
    bool under_way = w->repair_ends != INFINITY && w->repairing == segment;
    uint32_t at = w->queue_head + w->queue_count;

    if (w->segment[segment].queued || under_way)
        return;
    w->segment[segment].queued = true;
    w->queue[at < w->segments ? at : at - w->segments] = segment;
    w->queue_count++;
}

/* --- audits --- */

/* Nothing was left to do or to wait for: audits find the same until something happens, or a host goes away or comes back. */
static void note_quiet(world_t *w, bool settled)
{
    size_t shards = (size_t)w->segments * w->n;

    w->quiet_until = settled ? INFINITY : 0;
    for (size_t i = 0; i < shards && w->quiet_until > 0; i++) {
        const shard_t *s = &w->shard[i];

        if (s->fate == CORRUPT) /* a sample may find it */
            w->quiet_until = 0;
        else if (s->fate == GOOD)
            w->quiet_until = least(w->quiet_until, w->host[s->host].turns);
    }
}

static void look_at_all(world_t *w, bool all)
{
    double again = INFINITY;
    bool settled = true;

    for (uint32_t i = 0; i < w->segments; i++) {
        found_t f = look(w, i, all, false);

        again = least(again, f.again);
        settled = settled && f.waited == 0 && !is_low(w, &f);
        if (!is_low(w, &f))
            continue;
        if (f.passed >= w->k)
            ask_for(w, i);
        else
            look_again(w, w->now + RETRY_MAX);
    }
    note_quiet(w, settled);
    look_again(w, most(again, w->now + RETRY));
    work_on(w);
}

void keeper_audit(world_t *w)
{
    bool all = w->next_audit <= w->now; /* which is a sample, too */

    if (w->o->sample_every > 0)
        w->next_sample = w->now + around(w, w->o->sample_every);
    else
        w->next_sample = INFINITY;
    if (all)
        w->next_audit = w->now + around(w, w->o->audit_every);
    if (w->now >= w->quiet_until)
        look_at_all(w, all);
}
