/* Lookups: begun when it is their turn, gone on with whenever something came, told when they are over. */
#include "dht.h"

#include <stdlib.h>
#include <string.h>

/* --- to begin with --- */

void layr_dht_seed_start(layr_dht_lookup_t *l, const layr_dht_seed_t *s)
{
    layr_kad_contact_t c = {
        .seq = s->seq, .exp = s->exp, .group = s->host.group, .text = s->contact, .len = s->len};
    memcpy(c.id, s->host.id, 32);
    layr_dht_be_patient(&c);
    layr_kad_lookup_start(l->kad, &c, 1);
}

static unsigned start_from_table(layr_dht_lookup_t *l)
{
    layr_dht_t *d = l->d;
    layr_kad_contact_t c[LAYR_KAD_K];
    layr_time_t now = layr_dht_clock(d);
    unsigned n;
    layr_dht_lock(d);
    n = layr_kad_closest(d->c.table, l->o.target, now, c, LAYR_KAD_K);
    for (unsigned i = 0; i < n; i++)
        layr_dht_be_patient(&c[i]);
    layr_kad_lookup_start(l->kad, c, n);
    layr_kad_looked(d->c.table, l->o.target, now);
    layr_dht_unlock(d);
    return n;
}

static unsigned start_from_seeds(layr_dht_lookup_t *l)
{
    unsigned n = 0;
    for (size_t i = 0; i < l->d->seed_count; i++)
        if (l->d->seed[i].len) {
            layr_dht_seed_start(l, &l->d->seed[i]);
            n++;
        }
    return n;
}

static int make_kad(layr_dht_lookup_t *l)
{
    layr_kad_lookup_config_t c = {
        .want = l->o.want, .paths = l->o.paths, .value = l->o.value, .pace = &l->d->pace};
    memcpy(c.target, l->o.target, 32);
    memcpy(c.own, l->d->c.own, 32);
    return l->kad ? LAYR_OK : layr_kad_lookup_new(&l->kad, &c);
}

/* It stays queued while nobody is known to begin with, and a seed may still answer. */
static void begin(layr_dht_lookup_t *l, uint64_t now_us)
{
    layr_dht_t *d = l->d;
    int rc = make_kad(l);
    if (rc != LAYR_OK) {
        layr_dht_lookup_end(l, rc);
        return;
    }
    if (start_from_table(l) + start_from_seeds(l) == 0) {
        layr_dht_seeds_ask(d, now_us);
        if (layr_dht_seeds_waiting(d))
            return;
    }
    l->state = LAYR_DHT_RUNNING;
    d->running++;
    d->stats.lookups++;
}

/* --- the end --- */

static void unlink_lookup(layr_dht_lookup_t *l)
{
    layr_dht_lookup_t **at = &l->d->lookups;
    while (*at != l)
        at = &(*at)->next;
    *at = l->next;
    if (l->d->tail == &l->next)
        l->d->tail = at;
}

static void close_lookup(layr_dht_lookup_t *l, int error)
{
    if (l->state == LAYR_DHT_OVER)
        return;
    layr_dht_asks_leave(l, error == LAYR_OK);
    if (l->state == LAYR_DHT_RUNNING)
        l->d->running--;
    unlink_lookup(l);
    l->state = LAYR_DHT_OVER;
    l->error = error;
}

void layr_dht_lookup_end(layr_dht_lookup_t *l, int error)
{
    close_lookup(l, error);
    if (l->o.done)
        l->o.done(l->o.ctx, l);
}

/* All that were known are gone: with the seeds once more, where there is news of one. */
static bool again(layr_dht_lookup_t *l, uint64_t now_us)
{
    layr_dht_t *d = l->d;
    if (l->again || !d->seed_count || d->closing)
        return false;
    layr_dht_seeds_ask(d, now_us);
    if (!layr_dht_seeds_waiting(d))
        return false;
    l->again = true;
    layr_dht_asks_leave(l, false);
    layr_kad_lookup_free(l->kad);
    l->kad = NULL;
    l->state = LAYR_DHT_QUEUED;
    d->running--;
    for (unsigned i = 0; i < LAYR_KAD_CANDIDATES; i++) {
        free(l->host[i]);
        l->host[i] = NULL;
        l->slow[i] = false;
    }
    return true;
}

static void over(layr_dht_lookup_t *l, uint64_t now_us)
{
    layr_kad_lookup_stats_t s;
    layr_kad_lookup_stats(l->kad, &s);
    if (s.answered == 0 && again(l, now_us))
        return;
    l->d->stats.slow += s.slow;
    layr_dht_lookup_end(l, s.answered ? LAYR_OK : LAYR_ERR_HOSTS);
}

/* --- in between --- */

static bool is_target(const layr_dht_lookup_t *l, const uint8_t id[32])
{
    return l->o.host && memcmp(id, l->o.target, 32) == 0;
}

static void ask(layr_dht_lookup_t *l, const layr_kad_ask_t *a, uint64_t now_us)
{
    int rc = LAYR_ERR_NET;
    if (is_target(l, a->contact.id) || !layr_dht_is_dead(l->d, a->contact.id, a->contact.seq))
        rc = layr_dht_ask(l, a);
    if (rc != LAYR_OK)
        layr_kad_lookup_failed(l->kad, a->number, now_us);
    if (l->o.hop)
        l->o.hop(l->o.ctx, l, a->number,
                 rc == LAYR_OK ? NULL : "it did not answer a moment ago, or gives no address");
}

static bool found(const layr_dht_lookup_t *l)
{
    layr_host_t h;
    return l->o.host && layr_dht_lookup_closest(l, &h, 1) && is_target(l, h.id);
}

static void tell_slow(layr_dht_lookup_t *l)
{
    layr_kad_hop_t hop;
    for (unsigned i = 0; l->o.hop && layr_kad_lookup_hop(l->kad, i, &hop) == LAYR_OK; i++) {
        if (hop.state != LAYR_KAD_SLOW || l->slow[i])
            continue;
        l->slow[i] = true;
        l->o.hop(l->o.ctx, l, i, NULL);
    }
}

/* Is it over, after what came and with the time that passed? */
static void advance(layr_dht_lookup_t *l, uint64_t now_us)
{
    layr_kad_ask_t a;
    layr_kad_step_t step = LAYR_KAD_DONE;
    if (!found(l))
        while ((step = layr_kad_lookup_next(l->kad, now_us, &a)) == LAYR_KAD_ASK)
            ask(l, &a, now_us);
    tell_slow(l);
    l->wake_us = step == LAYR_KAD_WAIT ? a.wake_us : UINT64_MAX;
    if (step == LAYR_KAD_DONE)
        over(l, now_us);
}

uint64_t layr_dht_advance(layr_dht_t *d, uint64_t now_us)
{
    uint64_t due = UINT64_MAX;
    layr_dht_lookup_t *l, *next;
    for (l = d->lookups; l && !d->closing; l = next) {
        next = l->next; /* done drops this one at most */
        if (l->state == LAYR_DHT_RUNNING)
            advance(l, now_us);
        else if (d->running < LAYR_DHT_AT_ONCE)
            begin(l, now_us);
    }
    for (l = d->lookups; l && !d->closing; l = l->next)
        if (l->state == LAYR_DHT_RUNNING && l->wake_us < due)
            due = l->wake_us;
    return due;
}

/* --- public --- */

int layr_dht_lookup(layr_dht_t *d, layr_dht_lookup_t **out, const layr_dht_lookup_opts_t *o)
{
    layr_dht_lookup_t *l;
    if (o->want > LAYR_KAD_K || o->paths > LAYR_KAD_PATHS || d->closing)
        return LAYR_ERR_ARG;
    if (!(l = calloc(1, sizeof *l)))
        return LAYR_ERR_NOMEM;
    l->d = d;
    l->o = *o;
    *d->tail = l;
    d->tail = &l->next;
    *out = l;
    return LAYR_OK;
}

bool layr_dht_lookup_over(const layr_dht_lookup_t *l)
{
    return l->state == LAYR_DHT_OVER;
}

int layr_dht_lookup_error(const layr_dht_lookup_t *l)
{
    return l->error;
}

int layr_dht_lookup_wait(layr_dht_lookup_t *l, const atomic_int *cancel)
{
    while (l->state != LAYR_DHT_OVER) {
        if (cancel && atomic_load(cancel))
            layr_dht_lookup_end(l, LAYR_ERR_CANCELLED);
        else
            layr_dht_turn(l->d, 100);
    }
    return l->error;
}

unsigned layr_dht_lookup_closest(const layr_dht_lookup_t *l, layr_host_t *out, unsigned max)
{
    layr_kad_contact_t c[LAYR_KAD_K];
    layr_kad_hop_t hop;
    unsigned n = l->kad ? layr_kad_lookup_closest(l->kad, c, max < LAYR_KAD_K ? max : LAYR_KAD_K) : 0,
             got = 0;
    for (unsigned i = 0; i < n; i++)
        for (unsigned at = 0; layr_kad_lookup_hop(l->kad, at, &hop) == LAYR_OK; at++)
            if (l->host[at] && !l->outside[at] && memcmp(hop.contact.id, c[i].id, 32) == 0) {
                out[got++] = *l->host[at];
                break;
            }
    return got;
}

int layr_dht_lookup_host(const layr_dht_lookup_t *l, unsigned number, layr_host_t *out)
{
    if (number >= LAYR_KAD_CANDIDATES || !l->host[number])
        return LAYR_ERR_NOTFOUND;
    *out = *l->host[number];
    return LAYR_OK;
}

const layr_kad_lookup_t *layr_dht_lookup_kad(const layr_dht_lookup_t *l)
{
    return l->kad;
}

void layr_dht_lookup_drop(layr_dht_lookup_t *l)
{
    if (!l)
        return;
    close_lookup(l, LAYR_ERR_CANCELLED);
    for (unsigned i = 0; i < LAYR_KAD_CANDIDATES; i++)
        free(l->host[i]);
    layr_kad_lookup_free(l->kad);
    free(l);
}
