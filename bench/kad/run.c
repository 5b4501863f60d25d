/* The simulation as a whole: its making, its clock. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"

layr_time_t sim_seconds(const sim_t *s)
{
    return EPOCH + (layr_time_t)(s->now / SECOND);
}

void *sim_alloc(size_t count, size_t size)
{
    void *p = calloc(count, size);

    if (p == NULL) {
        fputs("kad-sim: out of memory: fewer --nodes need less\n", stderr);
        exit(1);
    }
    return p;
}

sim_t *sim_new(const options_t *o)
{
    sim_t *s = sim_alloc(1, sizeof *s);
    uint32_t most = o->nodes + o->ground * (o->records + 1);

    s->o = *o;
    random_seed(&s->r, o->seed);
    /* Full buckets, their spares, and the closest ones: what a network of this size can fill, and some more. */
    s->config = (layr_kad_config_t){(uint32_t)(log2(most) + 4) * (LAYR_KAD_K + o->spares), sizeof(uint32_t),
                                    o->spares};
    s->table_size = layr_kad_table_size(&s->config);
    return s;
}

void sim_free(sim_t *s)
{
    event_t e;

    /* What is still under way comes back to nobody. */
    for (uint32_t i = 0; i < s->count; i++)
        s->node[i].alive = false;
    while (queue_take(s, &e)) {
        if (e.kind == EV_ARRIVE || e.kind == EV_REPLY || e.kind == EV_TIMEOUT)
            net_timeout(s, e.what);
        else if (e.kind == EV_WAKE) {
            look_pump(s, e.what);
            look_release(e.what);
        } else {
            free(e.what);
        }
    }
    for (uint32_t i = 0; i < s->count; i++) {
        free(s->node[i].table);
        free(s->node[i].held);
        free(s->node[i].pace);
    }
    while (s->spare_tables > 0)
        free(s->spare_table[--s->spare_tables]);
    for (rpc_t *r = s->free_rpc, *next; r != NULL; r = next) {
        next = r->next_free;
        free(r);
    }
    free(s->spare_table);
    free(s->node);
    free(s->record);
    free(s->hostile);
    free(s->heap);
    free(s);
}

/* --- churn --- */

static double session(sim_t *s)
{
    if (s->o.churn == CHURN_WEIBULL)
        return random_weibull(&s->r, WEIBULL_SHAPE, s->o.session);
    return random_exponential(&s->r, s->o.session);
}

void sim_plan_leave(sim_t *s, uint32_t n)
{
    queue_add(s, s->now + (uint64_t)(session(s) * (double)SECOND), EV_LEAVE, n, NULL);
}

/* One leaves for good, another, with an empty table, comes. */
static void replace(sim_t *s, uint32_t n)
{
    uint32_t new;

    if (!s->node[n].alive)
        return;
    node_leave(s, n);
    new = node_new(s, NULL, 0);
    node_join(s, new);
    sim_plan_leave(s, new);
}

/* --- the clock --- */

static void happen(sim_t *s, const event_t *e)
{
    switch (e->kind) {
    case EV_ARRIVE:
        net_arrive(s, e->what);
        break;
    case EV_REPLY:
        net_reply(s, e->what);
        break;
    case EV_TIMEOUT:
        net_timeout(s, e->what);
        break;
    case EV_WAKE:
        look_pump(s, e->what);
        look_release(e->what);
        break;
    case EV_JOIN:
        node_join(s, e->node);
        break;
    case EV_LEAVE:
        replace(s, e->node);
        break;
    case EV_REFRESH:
        node_refresh(s, e->node);
        break;
    case EV_UPKEEP:
        node_upkeep(s, e->node);
        break;
    case EV_RESTORE:
        record_restore(s, e->node);
        break;
    case EV_CALL:
        scenario_call(s, e->node, e->what);
        break;
    }
}

void sim_run(sim_t *s, uint64_t until)
{
    event_t e;

    while (s->heap_count > 0 && s->heap[0].at <= until && queue_take(s, &e)) {
        s->now = e.at;
        happen(s, &e);
    }
    if (until != UINT64_MAX)
        s->now = until;
}

/* An hour later each node has refreshed its buckets: those that joined early know who came after them. */
static void settle(sim_t *s)
{
    for (uint32_t i = 0; i < s->count; i++)
        queue_add(s, s->now + HOUR + (uint64_t)(random_unit(&s->r) * 600e6), EV_REFRESH, i, NULL);
    sim_run(s, UINT64_MAX);
}

/* The network doubles in less than a minute, whatever its size. */
void sim_build(sim_t *s)
{
    double at = 0;

    if (s->o.filled) {
        fill_tables(s);
        return;
    }
    for (uint32_t i = 0; i < s->o.nodes; i++) {
        node_new(s, NULL, 0);
        queue_add(s, s->now + (uint64_t)at, EV_JOIN, i, NULL);
        at += 60e6 / (i + 1);
    }
    sim_run(s, s->now + (uint64_t)at);
    if (s->o.churn != CHURN_NONE) {
        sim_run(s, s->now + 300 * SECOND);
        return;
    }
    sim_run(s, UINT64_MAX);
    settle(s);
}
