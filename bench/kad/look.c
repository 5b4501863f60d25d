/* A lookup of a node: what liblayr-core says whom to ask, sent. */
#include <stdlib.h>
#include <string.h>

#include "sim.h"

void look_release(look_t *l)
{
    if (--l->refs > 0 || !l->over)
        return;
    layr_kad_lookup_free(l->l);
    free(l);
}

static void ask(sim_t *s, look_t *l, const layr_kad_ask_t *a)
{
    uint32_t to;
    rpc_t *r;

    memcpy(&to, a->contact.text, sizeof to);
    r = net_rpc(s, RPC_FIND, l->node, to);
    r->look = l;
    r->number = a->number;
    memcpy(r->target, l->target, 32);
    r->value = l->record >= 0;
    r->record = r->value ? (uint32_t)l->record : 0;
    r->place = l->place;
    net_send(s, r);
}

void look_pump(sim_t *s, look_t *l)
{
    layr_kad_step_t step;
    layr_kad_ask_t a;

    if (l->over)
        return;
    if (!s->node[l->node].alive) {
        l->over = true;
        l->done(s, NULL, l->ctx);
        return;
    }
    while ((step = layr_kad_lookup_next(l->l, s->now, &a)) == LAYR_KAD_ASK)
        ask(s, l, &a);
    if (step == LAYR_KAD_DONE) {
        l->over = true;
        l->done(s, l, l->ctx);
    } else if (a.wake_us != UINT64_MAX && (l->wake <= s->now || a.wake_us < l->wake)) {
        l->wake = a.wake_us;
        l->refs++;
        queue_add(s, a.wake_us, EV_WAKE, l->node, l);
    }
}

look_t *look_begin(sim_t *s, uint32_t node, const uint8_t target[32], int32_t record, uint8_t place,
                   look_done_t done, void *ctx)
{
    node_t *n = &s->node[node];
    layr_kad_lookup_config_t c = {.paths = s->o.paths,
                                  .alpha = s->o.alpha,
                                  .text_max = sizeof(uint32_t),
                                  .value = record >= 0,
                                  .pace = n->pace};
    layr_kad_contact_t near[LAYR_KAD_K];
    look_t *l = sim_alloc(1, sizeof *l);

    memcpy(c.target, target, 32);
    memcpy(c.own, n->id, 32);
    *l = (look_t){.node = node, .record = record, .place = place, .refs = 1, .done = done, .ctx = ctx};
    memcpy(l->target, target, 32);
    if (layr_kad_lookup_new(&l->l, &c) != LAYR_OK)
        abort();
    layr_kad_lookup_start(l->l, near, layr_kad_closest(n->table, target, sim_seconds(s), near, LAYR_KAD_K));
    layr_kad_looked(n->table, target, sim_seconds(s));
    return l;
}
