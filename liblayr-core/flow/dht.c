/* The driver: its thread's turn, its table, who did not answer a moment ago. */
#include "dht.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* --- the table --- */

void layr_dht_lock(const layr_dht_t *d)
{
    if (d->c.lock)
        d->c.lock(d->c.lock_ctx);
}

void layr_dht_unlock(const layr_dht_t *d)
{
    if (d->c.unlock)
        d->c.unlock(d->c.lock_ctx);
}

layr_time_t layr_dht_clock(const layr_dht_t *d)
{
    return d->c.clock ? d->c.clock(d->c.clock_ctx) : time(NULL);
}

/* A client has no id: its buckets lie around a random one, so that no two clients' look alike. */
static int own_table(layr_dht_t *d)
{
    layr_kad_config_t c = LAYR_KAD_CONFIG;
    size_t size = layr_kad_table_size(&c);
    uint8_t id[32];
    layr_random(id, sizeof id);
    if (!(d->table_mem = calloc(1, size)))
        return LAYR_ERR_NOMEM;
    return layr_kad_table_init(&d->c.table, d->table_mem, size, &c, id);
}

/* --- who did not answer --- */

/* A host's own slot, or of those it may have the one that ends first: two hosts in turns would forget each other. */
static layr_dht_dead_t *dead_slot(const layr_dht_t *d, const uint8_t id[32])
{
    layr_dht_dead_t *set = d->dead[layr_load32(id + 28) % LAYR_DHT_DEAD_SETS], *first = set;
    for (unsigned i = 0; i < LAYR_DHT_DEAD_WAYS; i++) {
        if (memcmp(set[i].id, id, 32) == 0)
            return &set[i];
        if (set[i].until_us < first->until_us)
            first = &set[i];
    }
    return first;
}

bool layr_dht_is_dead(const layr_dht_t *d, const uint8_t id[32], uint64_t seq)
{
    const layr_dht_dead_t *s = dead_slot(d, id);
    return s->until_us > layr_now_us() && s->seq >= seq && memcmp(s->id, id, 32) == 0;
}

void layr_dht_set_dead(layr_dht_t *d, const uint8_t id[32], uint64_t seq)
{
    layr_dht_dead_t *s = dead_slot(d, id);
    memcpy(s->id, id, 32);
    s->seq = seq;
    s->until_us = layr_now_us() + LAYR_DHT_DEAD_S * 1000000ull;
}

void layr_dht_set_alive(layr_dht_t *d, const uint8_t id[32])
{
    layr_dht_dead_t *s = dead_slot(d, id);
    if (memcmp(s->id, id, 32) == 0)
        s->until_us = 0;
}

/* --- who asks --- */

layr_dht_header_t *layr_dht_header_use(const layr_dht_t *d)
{
    if (d->header)
        d->header->uses++;
    return d->header;
}

void layr_dht_header_drop(layr_dht_header_t *h)
{
    if (h && --h->uses == 0)
        free(h);
}

int layr_dht_set_contact(layr_dht_t *d, const char *jws)
{
    layr_dht_header_t *h = NULL;
    if (jws && strlen(jws) > LAYR_CONTACT_MAX)
        return LAYR_ERR_LIMIT;
    if (jws && !(h = calloc(1, sizeof *h)))
        return LAYR_ERR_NOMEM;
    if (h) {
        snprintf(h->text, sizeof h->text, "Layr-Contact: %s", jws);
        h->lines[0] = h->text;
        h->uses = 1;
    }
    layr_dht_header_drop(d->header);
    d->header = h;
    return LAYR_OK;
}

/* --- messages --- */

void layr_dht_post(layr_dht_msg_t *m)
{
    layr_mailbox_post(m->d->box, &m->job);
}

static bool take(layr_dht_t *d, long ms)
{
    layr_dht_msg_t *m = (layr_dht_msg_t *)layr_mailbox_take(d->box, ms);
    if (!m)
        return false;
    d->outstanding--;
    m->run(m);
    return true;
}

void layr_dht_turn(layr_dht_t *d, long ms)
{
    uint64_t now = layr_now_us(), due = layr_dht_advance(d, now);
    if (due != UINT64_MAX) {
        long left = due > now ? (long)((due - now) / 1000 + 1) : 0;
        ms = ms < 0 || ms > left ? left : ms;
    }
    if (!d->outstanding && ms < 0)
        return; /* nothing would ever come */
    if (take(d, ms))
        while (take(d, 0))
            ;
    layr_dht_advance(d, layr_now_us());
}

bool layr_dht_idle(const layr_dht_t *d)
{
    return d->outstanding == 0 && d->lookups == NULL;
}

/* --- public --- */

void layr_dht_stats(const layr_dht_t *d, layr_dht_stats_t *out)
{
    *out = d->stats;
}

int layr_dht_new(layr_dht_t **out, const layr_dht_config_t *c)
{
    layr_dht_t *d = calloc(1, sizeof *d);
    int rc = LAYR_ERR_NOMEM;
    if (!d)
        return rc;
    d->c = *c;
    d->tail = &d->lookups;
    if (d->c.reach == LAYR_REACH_ANY)
        d->c.reach = LAYR_REACH_PUBLIC;
    d->checked = calloc(LAYR_DHT_CHECKED, sizeof *d->checked);
    d->dead = calloc(LAYR_DHT_DEAD_SETS, sizeof *d->dead);
    if (d->checked && d->dead)
        rc = layr_mailbox_new(&d->box);
    if (rc == LAYR_OK && !c->table)
        rc = own_table(d);
    if (rc == LAYR_OK)
        *out = d;
    else
        layr_dht_free(d);
    return rc;
}

void layr_dht_free(layr_dht_t *d)
{
    if (!d)
        return;
    d->closing = true;
    while (d->lookups)
        layr_dht_lookup_end(d->lookups, LAYR_ERR_CANCELLED);
    layr_dht_pings_cancel(d);
    layr_dht_asks_cancel(d);
    while (d->outstanding)
        take(d, -1);
    layr_dht_seeds_free(d);
    layr_mailbox_free(d->box);
    layr_dht_header_drop(d->header);
    free(d->table_mem);
    free(d->checked);
    free(d->dead);
    free(d);
}
