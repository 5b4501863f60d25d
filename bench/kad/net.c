/*
 * Messages.  The round trip of two nodes is lognormal with a median of 159 ms and a mean of 180 ms, as the King
 * measurements between DNS servers have it (Gummadi, Saroiu, Gribble, "King", IMW 2002; 1,740 hosts, median 159 ms:
 * Dabek, Cox, Kaashoek, Morris, "Vivaldi", SIGCOMM 2004), always the same for a pair but for a tenth of jitter.  A node
 * that is gone does not answer at all, and neither is a lost message noticed: the transport gives up after 5 s.
 */
#include "sim.h"

#include <stdlib.h>
#include <string.h>

#define RTT_MEDIAN 159e3
#define RTT_SIGMA 0.5
#define RTT_MIN 1000

static uint64_t one_way(sim_t *s, uint32_t a, uint32_t b)
{
    uint64_t pair = a < b ? (uint64_t)a << 32 | b : (uint64_t)b << 32 | a;
    double rtt = random_lognormal_of(pair ^ s->o.seed << 17, RTT_MEDIAN, RTT_SIGMA);

    rtt *= 0.95 + 0.1 * random_unit(&s->r);
    return (uint64_t)(rtt > RTT_MIN ? rtt : RTT_MIN) / 2;
}

rpc_t *net_rpc(sim_t *s, rpc_kind_t kind, uint32_t from, uint32_t to)
{
    rpc_t *r = s->free_rpc;

    if (r != NULL) {
        s->free_rpc = r->next_free;
        memset(r, 0, sizeof *r);
    } else {
        r = sim_alloc(1, sizeof *r);
    }
    r->kind = kind;
    r->from = from;
    r->to = to;
    return r;
}

static void release(sim_t *s, rpc_t *r)
{
    if (r->look != NULL)
        look_release(r->look);
    r->next_free = s->free_rpc;
    s->free_rpc = r;
}

static bool is_lost(sim_t *s)
{
    return s->o.loss > 0 && random_unit(&s->r) < s->o.loss;
}

void net_send(sim_t *s, rpc_t *r)
{
    r->sent = s->now;
    s->messages++;
    if (r->look != NULL)
        r->look->refs++;
    if (is_lost(s))
        queue_add(s, s->now + TIMEOUT, EV_TIMEOUT, r->from, r);
    else
        queue_add(s, s->now + one_way(s, r->from, r->to), EV_ARRIVE, r->to, r);
}

/* --- at whom it is sent to --- */

static void name_hostile(sim_t *s, rpc_t *r)
{
    r->count = set_closest(s, s->hostile, s->hostiles, r->target, r->named, LAYR_KAD_K);
}

static void name_closest(sim_t *s, const node_t *n, rpc_t *r)
{
    layr_kad_contact_t c[LAYR_KAD_K];

    r->count = layr_kad_closest(n->table, r->target, sim_seconds(s), c, LAYR_KAD_K);
    for (unsigned i = 0; i < r->count; i++)
        memcpy(&r->named[i], c[i].text, sizeof r->named[i]);
}

static void answer(sim_t *s, node_t *n, rpc_t *r)
{
    if (r->kind == RPC_STORE && !n->hostile)
        record_store(s, r->to, r->record, r->place, r->seq);
    if (r->kind != RPC_FIND)
        return;
    r->seq = r->value && !n->hostile ? record_held(s, r->to, r->record, r->place) : 0;
    if (n->hostile)
        name_hostile(s, r);
    else
        name_closest(s, n, r);
}

void net_arrive(sim_t *s, rpc_t *r)
{
    node_t *n = &s->node[r->to];

    if (!n->alive || n->stalls) {
        queue_add(s, r->sent + TIMEOUT, EV_TIMEOUT, r->from, r);
        return;
    }
    n->load += s->measuring;
    answer(s, n, r);
    if (!n->hostile)
        node_heard(s, r->to, r->from);
    s->messages++;
    if (is_lost(s))
        queue_add(s, r->sent + TIMEOUT, EV_TIMEOUT, r->from, r);
    else
        queue_add(s, s->now + one_way(s, r->to, r->from), EV_REPLY, r->from, r);
}

/* --- back at the sender --- */

static void give_answer(sim_t *s, const rpc_t *r)
{
    layr_kad_contact_t c[LAYR_KAD_K];
    layr_kad_version_t v = {.seq = r->seq, .sha256 = {(uint8_t)r->seq}};
    unsigned count = 0;

    for (unsigned i = 0; i < r->count; i++)
        if (layr_kad_lookup_wants(r->look->l, s->node[r->named[i]].id, 1)) {
            c[count] = node_contact(s, &r->named[i]);
            c[count++].group = 0; /* until it answers */
        }
    layr_kad_lookup_answer(r->look->l, r->number, s->now, s->node[r->to].group, c, count, r->seq ? &v : NULL);
}

void net_reply(sim_t *s, rpc_t *r)
{
    node_t *n = &s->node[r->from];

    if (n->alive) {
        node_confirm(s, r->from, r->to, s->now - r->sent);
        if (r->look != NULL)
            give_answer(s, r);
    }
    if (r->look != NULL)
        look_pump(s, r->look);
    release(s, r);
}

void net_timeout(sim_t *s, rpc_t *r)
{
    node_t *n = &s->node[r->from];

    if (n->alive) {
        layr_kad_failed(n->table, s->node[r->to].id, sim_seconds(s));
        if (r->look != NULL)
            layr_kad_lookup_failed(r->look->l, r->number, s->now);
    }
    if (r->look != NULL)
        look_pump(s, r->look);
    release(s, r);
}
