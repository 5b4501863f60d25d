/* A node: it joins, learns from requests, keeps its table, leaves. */
#include "sim.h"

#include <stdlib.h>
#include <string.h>

#define UPKEEP (60 * SECOND)
#define UPKEEP_PINGS 4 /* in a round */

layr_kad_contact_t node_contact(const sim_t *s, const uint32_t *n)
{
    layr_kad_contact_t c = {
        .seq = 1, .exp = INT64_MAX, .group = s->node[*n].group, .text = (const char *)n, .len = sizeof *n};

    memcpy(c.id, s->node[*n].id, 32);
    return c;
}

static void *take_table(sim_t *s)
{
    if (s->spare_tables > 0)
        return s->spare_table[--s->spare_tables];
    return sim_alloc(1, s->table_size);
}

static void give_table(sim_t *s, void *table)
{
    if (s->spare_tables == s->spare_tables_cap) {
        s->spare_tables_cap = s->spare_tables_cap ? 2 * s->spare_tables_cap : 64;
        s->spare_table = realloc(s->spare_table, s->spare_tables_cap * sizeof(void *));
        if (s->spare_table == NULL)
            abort();
    }
    s->spare_table[s->spare_tables++] = table;
}

uint32_t node_new(sim_t *s, const uint8_t *id, uint64_t group)
{
    node_t *n;

    if (s->count == s->cap) {
        s->cap = s->cap ? 2 * s->cap : s->o.nodes + 16;
        s->node = realloc(s->node, s->cap * sizeof *s->node);
        if (s->node == NULL)
            abort();
    }
    n = &s->node[s->count];
    memset(n, 0, sizeof *n);
    n->pace = sim_alloc(1, sizeof *n->pace);
    if (id != NULL)
        memcpy(n->id, id, 32);
    else
        random_fill(&s->r, n->id, 32);
    n->group = group ? group : 1 + random_below(&s->r, NETWORKS);
    n->hostile =
        s->count >= 20 && s->o.hostile > 0 && random_unit(&s->r) < s->o.hostile; /* the first are honest */
    return s->count++;
}

/* --- learning --- */

static void ping(sim_t *s, uint32_t n, const uint8_t id[32])
{
    layr_kad_contact_t c;
    uint32_t to;

    if (!layr_kad_find(s->node[n].table, id, &c))
        return;
    memcpy(&to, c.text, sizeof to);
    net_send(s, net_rpc(s, RPC_PING, n, to));
}

void node_confirm(sim_t *s, uint32_t n, uint32_t who, uint64_t rtt_us)
{
    layr_kad_contact_t c = node_contact(s, &who);
    uint8_t oldest[32];
    bool due;
    int v = layr_kad_confirm(s->node[n].table, &c, (uint32_t)rtt_us, sim_seconds(s), &due, oldest);

    if (v == LAYR_KAD_ENTERED && s->node[n].held_count > 0)
        record_hand_over(s, n, who);
    if (due)
        ping(s, n, oldest);
}

/* From the signed header of a request: whom it is worth to know is pinged, and enters when it answers. */
void node_heard(sim_t *s, uint32_t n, uint32_t from)
{
    layr_kad_contact_t c = node_contact(s, &from);

    if (layr_kad_offer(s->node[n].table, &c, sim_seconds(s)) == LAYR_KAD_PING)
        net_send(s, net_rpc(s, RPC_PING, n, from));
}

/* --- a life --- */

static void refreshed(sim_t *s, look_t *l, void *ctx)
{
    uint32_t n = (uint32_t)(uintptr_t)ctx;

    (void)l;
    s->node[n].refreshing--;
    if (!s->node[n].alive)
        return;
    if (!s->node[n].joined) {
        s->node[n].joined = true;
        s->joined++;
    }
    node_refresh(s, n);
}

void node_refresh(sim_t *s, uint32_t n)
{
    node_t *node = &s->node[n];
    uint8_t random[32], target[32];
    look_t *l;

    random_fill(&s->r, random, sizeof random);
    if (node->refreshing > 0 || !layr_kad_refresh_due(node->table, sim_seconds(s), random, target))
        return;
    node->refreshing++;
    l = look_begin(s, n, target, -1, 0, refreshed, (void *)(uintptr_t)n);
    look_pump(s, l);
    look_release(l);
}

void node_begin(sim_t *s, uint32_t n)
{
    node_t *node = &s->node[n];
    layr_kad_table_t *t;

    if (layr_kad_table_init(&t, take_table(s), s->table_size, &s->config, node->id) != LAYR_OK)
        abort();
    node->table = t;
    node->alive = true;
    s->living++;
    if (node->hostile)
        set_add(s, n);
    if (s->o.churn != CHURN_NONE)
        queue_add(s, s->now + random_below(&s->r, (uint32_t)UPKEEP), EV_UPKEEP, n, NULL);
}

void node_join(sim_t *s, uint32_t n)
{
    node_begin(s, n);
    if (s->joined > 0) {
        node_confirm(s, n, node_random(s), 159000);
        node_refresh(s, n);
    } else {
        s->node[n].joined = true;
        s->joined++;
    }
}

void node_leave(sim_t *s, uint32_t n)
{
    node_t *node = &s->node[n];

    if (!node->alive)
        return;
    node->alive = false;
    s->living--;
    s->joined -= node->joined;
    give_table(s, node->table);
    node->table = NULL;
    free(node->held);
    node->held = NULL;
    node->held_count = node->held_cap = 0;
}

void node_upkeep(sim_t *s, uint32_t n)
{
    layr_kad_contact_t c;

    if (!s->node[n].alive)
        return;
    for (unsigned i = 0; i < UPKEEP_PINGS && layr_kad_ping_due(s->node[n].table, sim_seconds(s), &c); i++)
        ping(s, n, c.id);
    node_refresh(s, n);
    queue_add(s, s->now + UPKEEP, EV_UPKEEP, n, NULL);
}

uint32_t node_random(sim_t *s)
{
    uint32_t n;

    do
        n = random_below(&s->r, s->count);
    while (!s->node[n].alive || !s->node[n].joined || s->node[n].hostile || s->node[n].stalls);
    return n;
}
