/*
 * The iterative lookup: whom to ask next, whom not to wait for, and when it is over.  Nothing is kept about a phase but
 * what the hosts' states say: every call of next looks at the closest hosts anew.
 */
#include "kad/lookup.h"

#include <stdlib.h>
#include <string.h>

/* The closest hosts that count, of one path or of all. */
typedef struct view {
    unsigned live, answered;
    unsigned lead;   /* answered ones before the first that has not */
    int next;        /* not asked yet: the closest; -1: none */
    unsigned active; /* asked and waited for, anywhere */
    unsigned slow;   /* passed over, and nearer than the farthest that counts */
    unsigned silent; /* passed over and not heard of since, or failed, anywhere */
    uint64_t wake_us;
    uint64_t patient_us; /* the longest patience of those slow ones, and when the last of them was asked */
    uint64_t asked_us;
} view_t;

/*
 * The gain of one answer is 1/n up to the 32nd: unlike those of one connection, the answers of many hosts have no trend to
 * follow, and a deviation that jumps would give up the few that are far.
 */
void layr_kad_pace_heard(layr_kad_pace_t *p, uint64_t us)
{
    int64_t v = us < UINT32_MAX / 2 ? (int64_t)us : UINT32_MAX / 2, off;

    p->count += p->count < 32;
    off = v - (int64_t)p->rtt_us;
    if (p->count == 1) {
        p->rtt_us = v > 0 ? (uint32_t)v : 1;
        p->var_us = (uint32_t)(v / 2);
        return;
    }
    p->rtt_us = (uint32_t)((int64_t)p->rtt_us + off / p->count);
    p->var_us = (uint32_t)((int64_t)p->var_us + ((off < 0 ? -off : off) - (int64_t)p->var_us) / p->count);
    if (p->rtt_us == 0)
        p->rtt_us = 1;
}

uint64_t layr_kad_patience(const layr_kad_pace_t *p, uint32_t rtt_us, uint32_t var_us)
{
    uint64_t host = rtt_us ? (uint64_t)rtt_us + 4 * (uint64_t)var_us : 0;
    uint64_t all = p->rtt_us ? (uint64_t)p->rtt_us + 4 * (uint64_t)p->var_us : 0;
    uint64_t us = host > all ? host : all;

    if (us == 0)
        return LAYR_KAD_PATIENCE_NEW;
    if (us < LAYR_KAD_PATIENCE_MIN)
        return LAYR_KAD_PATIENCE_MIN;
    return us < LAYR_KAD_PATIENCE_MAX ? us : LAYR_KAD_PATIENCE_MAX;
}

static uint64_t patience_for(const layr_kad_lookup_t *l, const layr_kad_cand_t *c)
{
    return layr_kad_patience(l->c.pace, c->rtt_us, c->var_us);
}

int layr_kad_lookup_new(layr_kad_lookup_t **out, const layr_kad_lookup_config_t *c)
{
    uint32_t text_max = c->text_max ? c->text_max : LAYR_CONTACT_MAX;
    layr_kad_lookup_t *l;

    if (c->want > LAYR_KAD_K || c->alpha > LAYR_KAD_K || c->paths > LAYR_KAD_PATHS ||
        text_max > LAYR_CONTACT_MAX)
        return LAYR_ERR_ARG;
    l = calloc(1, sizeof *l + (size_t)text_max * LAYR_KAD_CANDIDATES);
    if (l == NULL)
        return LAYR_ERR_NOMEM;
    l->c = *c;
    l->c.want = c->want ? c->want : LAYR_KAD_K;
    l->c.alpha = c->alpha ? c->alpha : LAYR_KAD_ALPHA;
    l->c.paths = c->paths ? c->paths : 1;
    l->c.text_max = text_max;
    if (l->c.pace == NULL)
        l->c.pace = &l->own_pace;
    l->merged = l->c.paths == 1;
    *out = l;
    return LAYR_OK;
}

void layr_kad_lookup_free(layr_kad_lookup_t *l)
{
    free(l);
}

void layr_kad_lookup_start(layr_kad_lookup_t *l, const layr_kad_contact_t *c, size_t count)
{
    for (size_t i = 0; i < count; i++)
        layr_kad_cand_add(l, &c[i], -1, 1, 1u << (l->dealt++ % l->c.paths));
}

/* --- looking at the state --- */

static bool is_mine(const layr_kad_cand_t *c, unsigned path)
{
    if (path == LAYR_KAD_MERGED)
        return true;
    return (c->paths & 1u << path) != 0 && (c->state == LAYR_KAD_HEARD || c->path == path);
}

static void look_at(view_t *v, layr_kad_cand_t const *c, unsigned i)
{
    v->live++;
    if (c->state == LAYR_KAD_ANSWERED) {
        v->answered++;
        v->lead += v->answered == v->live;
    } else if (c->state == LAYR_KAD_HEARD && v->next < 0) {
        v->next = (int)i;
    }
}

static void look(const layr_kad_lookup_t *l, unsigned path, unsigned want, view_t *v)
{
    layr_kad_shares_t shares;

    shares.count = 0;
    *v = (view_t){.next = -1, .wake_us = UINT64_MAX};
    for (unsigned j = 0; j < l->known; j++) {
        const layr_kad_cand_t *c = &l->cand[l->order[j]];
        if (!is_mine(c, path))
            continue;
        if (c->state == LAYR_KAD_ASKED) {
            uint64_t until = c->asked_us + patience_for(l, c);
            v->active++;
            v->wake_us = until < v->wake_us ? until : v->wake_us;
        }
        v->silent += c->state == LAYR_KAD_SLOW || c->state == LAYR_KAD_FAILED;
        if (v->live == want || c->state == LAYR_KAD_FAILED)
            continue;
        if (c->state == LAYR_KAD_SLOW) {
            uint64_t patience = patience_for(l, c);
            v->slow++;
            v->patient_us = patience > v->patient_us ? patience : v->patient_us;
            v->asked_us = c->asked_us > v->asked_us ? c->asked_us : v->asked_us;
        } else if (layr_kad_share(&shares, c->group)) {
            look_at(v, c, l->order[j]);
        }
    }
}

/* Those who took too long are passed over from now on. */
static void pass_over(layr_kad_lookup_t *l, uint64_t now_us)
{
    for (unsigned i = 0; i < l->known; i++) {
        layr_kad_cand_t *c = &l->cand[i];
        if (c->state != LAYR_KAD_ASKED || now_us < c->asked_us + patience_for(l, c))
            continue;
        c->state = LAYR_KAD_SLOW;
        l->slow++;
    }
}

/* --- the next step --- */

static layr_kad_step_t ask_host(layr_kad_lookup_t *l, const view_t *v, unsigned path, uint64_t now_us,
                                layr_kad_ask_t *ask)
{
    layr_kad_cand_t *c = &l->cand[v->next];

    c->state = LAYR_KAD_ASKED;
    c->asked_us = now_us;
    c->path = path == LAYR_KAD_MERGED ? 0 : (uint8_t)path;
    l->asked++;
    ask->number = (unsigned)v->next;
    layr_kad_cand_show(l, ask->number, &ask->contact);
    return LAYR_KAD_ASK;
}

/* Is there somebody to ask? Once the closest have answered nothing comes closer, and the rest need not queue. */
static bool may_ask(const layr_kad_lookup_t *l, const view_t *v, unsigned want)
{
    unsigned width = v->lead >= l->c.alpha ? want : l->c.alpha;

    return v->next >= 0 && v->active < width && l->asked < LAYR_KAD_ASKS;
}

/* Each path until its own closest have answered; LAYR_KAD_DONE when all have. */
static layr_kad_step_t next_of_paths(layr_kad_lookup_t *l, uint64_t now_us, layr_kad_ask_t *ask)
{
    unsigned want = (l->c.want + l->c.paths - 1) / l->c.paths;
    layr_kad_step_t step = LAYR_KAD_DONE;
    view_t v;

    if (want < l->c.alpha)
        want = l->c.alpha;
    for (unsigned p = 0; p < l->c.paths; p++) {
        look(l, p, want, &v);
        if (may_ask(l, &v, want))
            return ask_host(l, &v, p, now_us, ask);
        if (v.active == 0)
            continue;
        step = LAYR_KAD_WAIT;
        ask->wake_us = v.wake_us < ask->wake_us ? v.wake_us : ask->wake_us;
    }
    return step;
}

static bool has_value(const layr_kad_lookup_t *l)
{
    view_t v;

    if (!l->c.value || !layr_kad_version_settled(l))
        return false;
    look(l, LAYR_KAD_MERGED, LAYR_KAD_HOLDERS, &v);
    return v.answered == LAYR_KAD_HOLDERS;
}

/*
 * Nobody is left to ask or to wait for but those passed over.  Where they are few they are late, and make the result
 * complete; where they are many, hosts stall, and only a result that lacks is worth some waiting.
 */
static layr_kad_step_t next_at_end(const layr_kad_lookup_t *l, const view_t *v, uint64_t now_us,
                                   layr_kad_ask_t *ask)
{
    bool few = v->silent * LAYR_KAD_SILENT <= l->asked;
    uint64_t until = v->asked_us + (few ? v->patient_us * 3 : v->patient_us * 2);

    if (v->slow == 0 || (!few && v->answered >= l->c.want) || (v->answered > 0 && now_us >= until))
        return LAYR_KAD_DONE;
    if (v->answered > 0)
        ask->wake_us = until;
    return LAYR_KAD_WAIT;
}

static layr_kad_step_t next_of_all(layr_kad_lookup_t *l, uint64_t now_us, layr_kad_ask_t *ask)
{
    view_t v;

    if (has_value(l))
        return LAYR_KAD_DONE;
    look(l, LAYR_KAD_MERGED, l->c.want, &v);
    if (may_ask(l, &v, l->c.want))
        return ask_host(l, &v, LAYR_KAD_MERGED, now_us, ask);
    if (v.answered < l->c.want && v.active > 0) {
        ask->wake_us = v.wake_us;
        return LAYR_KAD_WAIT;
    }
    return next_at_end(l, &v, now_us, ask);
}

layr_kad_step_t layr_kad_lookup_next(layr_kad_lookup_t *l, uint64_t now_us, layr_kad_ask_t *ask)
{
    layr_kad_step_t step = LAYR_KAD_DONE;

    memset(ask, 0, sizeof *ask);
    ask->wake_us = UINT64_MAX;
    if (l->done)
        return LAYR_KAD_DONE;
    if (!l->began)
        l->began_us = now_us;
    l->began = true;
    pass_over(l, now_us);
    if (!l->merged)
        step = next_of_paths(l, now_us, ask);
    if (step == LAYR_KAD_DONE) {
        l->merged = true;
        step = next_of_all(l, now_us, ask);
    }
    if (step == LAYR_KAD_DONE) {
        l->done = true;
        l->ended_us = now_us;
    }
    return step;
}

/* --- what hosts answer --- */

static layr_kad_cand_t *waited_for(layr_kad_lookup_t *l, unsigned number)
{
    layr_kad_cand_t *c = number < l->known ? &l->cand[number] : NULL;

    return c != NULL && (c->state == LAYR_KAD_ASKED || c->state == LAYR_KAD_SLOW) ? c : NULL;
}

void layr_kad_lookup_answer(layr_kad_lookup_t *l, unsigned number, uint64_t now_us, uint64_t group,
                            const layr_kad_contact_t *c, size_t count, const layr_kad_version_t *v)
{
    layr_kad_cand_t *from = waited_for(l, number);
    uint64_t us;

    if (from == NULL || l->done)
        return;
    us = now_us > from->asked_us ? now_us - from->asked_us : 1;
    from->state = LAYR_KAD_ANSWERED;
    from->rtt_us = us < UINT32_MAX ? (uint32_t)us : UINT32_MAX;
    if (group != 0)
        from->group = group;
    layr_kad_pace_heard(l->c.pace, us);
    if (v != NULL)
        layr_kad_version_note(l, number, v);
    if (count > LAYR_KAD_K) {
        l->dropped += (unsigned)(count - LAYR_KAD_K < 1000000 ? count - LAYR_KAD_K : 1000000);
        count = LAYR_KAD_K;
    }
    for (size_t i = 0; i < count; i++)
        layr_kad_cand_add(l, &c[i], (int)number, from->depth + 1u, l->merged ? 0xffu : 1u << from->path);
}

void layr_kad_lookup_failed(layr_kad_lookup_t *l, unsigned number, uint64_t now_us)
{
    layr_kad_cand_t *c = waited_for(l, number);

    (void)now_us;
    if (c != NULL && !l->done)
        c->state = LAYR_KAD_FAILED;
}
