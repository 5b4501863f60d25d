/*
 * Records as hosts keep them: at the 8 closest hosts of each of three places; holders store them again hourly unless they
 * were given them within the hour, and hand them to a newcomer that is closer [K 2.5].
 */
#include <stdlib.h>
#include <string.h>

#include "sim.h"

#define RESTORE_STEP (600 * SECOND) /* how often a holder looks what is due */

/* A lookup whose closest hosts are to get a record. */
typedef struct put {
    uint32_t node, record, seq;
    uint8_t place;
} put_t;

void record_make(sim_t *s, uint32_t count)
{
    s->record = sim_alloc(count + 1, sizeof *s->record);
    s->records = count;
    for (uint32_t i = 0; i < count; i++)
        for (unsigned p = 0; p < PLACES; p++)
            random_fill(&s->r, s->record[i].place[p], 32);
}

static held_t *find(const node_t *n, uint32_t record, uint8_t place)
{
    for (uint32_t i = 0; i < n->held_count; i++)
        if (n->held[i].record == record && n->held[i].place == place)
            return &n->held[i];
    return NULL;
}

uint32_t record_held(const sim_t *s, uint32_t node, uint32_t record, uint8_t place)
{
    const held_t *h = find(&s->node[node], record, place);
    return h != NULL ? h->seq : 0;
}

void record_store(sim_t *s, uint32_t node, uint32_t record, uint8_t place, uint32_t seq)
{
    node_t *n = &s->node[node];
    held_t *h = find(n, record, place);

    if (h == NULL && n->held_count == n->held_cap) {
        n->held_cap = n->held_cap ? 2 * n->held_cap : 4;
        n->held = realloc(n->held, n->held_cap * sizeof *n->held);
        if (n->held == NULL)
            abort();
    }
    if (h == NULL) {
        if (n->held_count == 0 && s->o.churn != CHURN_NONE)
            queue_add(s, s->now + RESTORE_STEP, EV_RESTORE, node, NULL);
        h = &n->held[n->held_count++];
        *h = (held_t){.record = record, .place = place};
    }
    if (seq < h->seq)
        return;
    h->seq = seq;
    h->given = s->now;
}

static void send(sim_t *s, uint32_t from, uint32_t to, const put_t *p)
{
    rpc_t *r = net_rpc(s, RPC_STORE, from, to);

    r->record = p->record;
    r->place = p->place;
    r->seq = p->seq;
    net_send(s, r);
}

/* To the holders that the lookup found; who stores again and is among them counts as one. */
static void put_done(sim_t *s, look_t *l, void *ctx)
{
    layr_kad_contact_t c[LAYR_KAD_HOLDERS];
    put_t *p = ctx;
    unsigned n = l != NULL ? layr_kad_lookup_closest(l->l, c, LAYR_KAD_HOLDERS) : 0;
    bool holds = l != NULL && record_held(s, p->node, p->record, p->place) > 0;

    if (holds && n == LAYR_KAD_HOLDERS && layr_kad_closer(l->target, s->node[p->node].id, c[n - 1].id) < 0)
        n--;
    for (unsigned i = 0; i < n; i++) {
        uint32_t to;
        memcpy(&to, c[i].text, sizeof to);
        send(s, p->node, to, p);
    }
    free(p);
}

static void put(sim_t *s, uint32_t node, uint32_t record, uint8_t place, uint32_t seq)
{
    put_t *p = sim_alloc(1, sizeof *p);
    look_t *l;

    *p = (put_t){node, record, seq, place};
    l = look_begin(s, node, s->record[record].place[place], -1, place, put_done, p);
    look_pump(s, l);
    look_release(l);
}

void record_write(sim_t *s, uint32_t from, uint32_t record)
{
    s->record[record].seq++;
    for (uint8_t p = 0; p < PLACES; p++)
        put(s, from, record, p, s->record[record].seq);
}

void record_restore(sim_t *s, uint32_t node)
{
    node_t *n = &s->node[node];

    if (!n->alive)
        return;
    for (uint32_t i = 0; i < n->held_count; i++) {
        held_t *h = &n->held[i];
        if (h->given + HOUR > s->now)
            continue;
        h->given = s->now;
        put(s, node, h->record, h->place, h->seq);
    }
    queue_add(s, s->now + RESTORE_STEP, EV_RESTORE, node, NULL);
}

/* By the closest holder alone, if the newcomer is one of the closest now. */
void record_hand_over(sim_t *s, uint32_t node, uint32_t newcomer)
{
    node_t *n = &s->node[node];
    layr_kad_contact_t c[LAYR_KAD_HOLDERS];

    for (uint32_t i = 0; i < n->held_count; i++) {
        const uint8_t *place = s->record[n->held[i].record].place[n->held[i].place];
        unsigned count = layr_kad_closest(n->table, place, sim_seconds(s), c, LAYR_KAD_HOLDERS);
        bool is_closest = true, is_new = false;
        for (unsigned j = 0; j < count; j++) {
            if (memcmp(c[j].id, s->node[newcomer].id, 32) == 0)
                is_new = true;
            else if (layr_kad_closer(place, c[j].id, n->id) < 0)
                is_closest = false;
        }
        if (is_new && is_closest) {
            put_t p = {node, n->held[i].record, n->held[i].seq, n->held[i].place};
            send(s, node, newcomer, &p);
        }
    }
}
