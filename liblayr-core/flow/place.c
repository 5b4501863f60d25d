/* Which host takes a shard, and sending it there. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fault.h"
#include "unit.h"

/* A transfer slower than this is given to another host. */
#define MIN_BYTES_S 16384
/*
 * A shard that takes so many times as long as is usual, and no less than this, is given to a host that has no other
 * of its segment. What was sent is lost; what waits behind it is worth more.
 */
#define LATE_TIMES 3
#define LATE_MIN_US 750000u
#define LATE_FIRST_US 3000000u /* before it is known what is usual */

/* --- sending --- */

/* A shard that failed at a host may be there all the same: its order must be released in the end. */
static void note_orphan(layr_store_t *st, const layr_unit_row_t *r)
{
    if (st->orphan_count == st->orphan_cap) {
        size_t cap = st->orphan_cap ? st->orphan_cap * 2 : 16;
        layr_shard_ref_t *more = realloc(st->orphans, cap * sizeof *more);
        if (!more)
            return; /* it stays until it expires */
        st->orphans = more;
        st->orphan_cap = cap;
    }
    memcpy(st->orphans[st->orphan_count].shard, r->id, 32);
    memcpy(st->orphans[st->orphan_count++].host, r->at->host->id, 32);
}

/* It was sent there again, and is there now. */
static void forget_orphan(layr_store_t *st, const layr_unit_row_t *r)
{
    for (size_t i = st->orphan_count; i-- > 0;)
        if (memcmp(st->orphans[i].shard, r->id, 32) == 0 &&
            memcmp(st->orphans[i].host, r->at->host->id, 32) == 0)
            st->orphans[i] = st->orphans[--st->orphan_count];
}

void layr_order_id(uint8_t out[16], const uint8_t W[32], const uint8_t shard[32], const uint8_t host[32])
{
    uint8_t full[32];
    layr_span_t data[2] = {{shard, 32}, {host, 32}};
    layr_kdf(full, W, "order", data, 2);
    memcpy(out, full, 16);
}

static int sign_order(const layr_store_t *st, const layr_unit_row_t *r, layr_order_t *o, char **jws)
{
    *o = (layr_order_t){.size = r->unit->shape.blob,
                        .price = r->at->host->price,
                        .rail = "none",
                        .iat = st->o.now,
                        .exp = st->o.until};
    layr_order_id(o->order, st->o.keys->W, r->id, r->at->host->id);
    memcpy(o->host, r->at->host->id, 32);
    memcpy(o->shard, r->id, 32);
    memcpy(o->group, st->o.keys->group, 16);
    memcpy(o->audit, st->o.keys->challenge_public, 32);
    return layr_order_sign(jws, o, st->e.s->owner_seed);
}

static void sent(layr_job_t *j, void *owner)
{
    layr_store_t *st = owner;
    layr_unit_row_t *r = (layr_unit_row_t *)j;
    layr_unit_t *u = r->unit;
    char why[320];
    int rc = layr_call_result(r->call);
    layr_event_t ev = {
        .page = u->page, .unit = u->number, .index = r->index, .host = r->at->host, .bytes = u->shape.blob};

    layr_call_text(r->call, why, sizeof why);
    if (rc == LAYR_OK)
        layr_load_smooth(&st->usual_us, layr_now_us() - r->since);
    if (rc == LAYR_ERR_REFUSED &&
        (r->call->req.status == 429 || r->call->req.status == 422 || !r->call->req.status))
        rc = LAYR_ERR_NET; /* may pass: too many at a time, a body damaged on its way, a refusal that was cut
                              off */
    layr_load_ended(r->at, u->shape.blob, rc, why);
    if (rc != LAYR_OK && rc != LAYR_ERR_CANCELLED && !layr_error_passing(rc))
        r->at->out = true; /* a refusal holds for every shard of this put */
    layr_call_drop(&r->call);
    LAYR_FAULT_POINT("put.stored");
    if (rc == LAYR_OK) {
        st->stats.bytes += u->shape.blob;
        st->stats.shards++;
        ev.kind = LAYR_EV_SHARD_STORED;
        layr_engine_event(&st->e, &ev);
        forget_orphan(st, r);
        layr_unit_row_ended(st, r, LAYR_OK);
        return;
    }
    if (st->closing) {
        layr_unit_row_ended(st, r, LAYR_ERR_CANCELLED);
        return;
    }
    if (r->late && rc == LAYR_ERR_CANCELLED) {
        rc = LAYR_ERR_TIMEOUT;
        snprintf(why, sizeof why, "%s is far slower than the others", r->at->host->url);
    }
    ev.kind = LAYR_EV_SHARD_MOVED;
    ev.error = rc;
    ev.text = why;
    st->stats.moved++;
    layr_engine_event(&st->e, &ev);
    note_orphan(st, r);
    r->at = NULL;
    layr_unit_place(st, r);
}

static void on_net_done(layr_req_t *req)
{
    layr_unit_row_t *r = req->ctx;
    layr_engine_answer(&r->unit->st->e, &r->job, sent);
}

static int send_row(layr_store_t *st, layr_unit_row_t *r)
{
    char *jws = NULL;
    layr_order_t o;
    int rc = sign_order(st, r, &o, &jws);
    if (rc != LAYR_OK)
        goto done;
    if (st->e.s->journal &&
        (rc = layr_journal_put_shard(st->e.s->journal, st->o.put, r->id, r->at->host->id, r->at->host->url,
                                     o.order, o.group, st->o.keep ? r->salt : NULL, r->unit->page)))
        goto done;
    if (!(r->call = calloc(1, sizeof *r->call))) {
        rc = LAYR_ERR_NOMEM;
        goto done;
    }
    rc = layr_call_put_shard(r->call, r->at->host, r->id, jws, r->blob, r->unit->shape.blob);
    if (rc != LAYR_OK)
        goto done;
    r->call->req.ctx = r;
    r->call->req.done = on_net_done;
    r->call->req.min_bytes_s = MIN_BYTES_S;
    r->late = false;
    r->since = layr_now_us();
    layr_load_began(r->at, r->unit->shape.blob);
    rc = layr_engine_request(&st->e, &r->call->req);
    if (rc != LAYR_OK)
        layr_load_ended(r->at, r->unit->shape.blob, LAYR_ERR_CANCELLED, "");
done:
    if (rc != LAYR_OK)
        layr_call_drop(&r->call);
    free(jws);
    return rc;
}

/* --- placing --- */

bool layr_unit_has_sibling(const layr_unit_t *u, const layr_load_host_t *h)
{
    for (unsigned i = 0; i < u->rows; i++)
        if (u->row[i].at == h || (u->row[i].kept && memcmp(u->row[i].kept, h->host->id, 32) == 0))
            return true;
    return false;
}

bool layr_unit_has_room(const layr_load_host_t *h, uint64_t bytes)
{
    return h->host->free >= h->used + h->pending + bytes;
}

/* Is a better than b for so many bytes? Clearly sooner; else the one with more room left as a share of its
 * capacity. */
static bool better(const layr_store_t *st, const layr_load_host_t *a, const layr_load_host_t *b,
                   uint64_t bytes)
{
    uint64_t ta = layr_load_expect(&st->load, a, bytes), tb = layr_load_expect(&st->load, b, bytes);
    double ra, rb;
    if (ta > 2 * tb || tb > 2 * ta)
        return ta < tb;
    ra = (double)(a->host->free - a->used - a->pending) / ((double)a->host->capacity + 1);
    rb = (double)(b->host->free - b->used - b->pending) / ((double)b->host->capacity + 1);
    return ra > rb;
}

/* --- in a DHT: by closeness and room --- */

/* Rows that are at a host, or on their way to it. */
static int siblings_of(const layr_unit_t *u, layr_kad_segment_t *seg)
{
    int rc = LAYR_OK;
    seg->count = 0;
    for (unsigned i = 0; i < u->rows && rc == LAYR_OK; i++) {
        const layr_unit_row_t *r = &u->row[i];
        const layr_host_t *kept = r->kept ? layr_find_listed(u->st->e.s, r->kept) : NULL;
        if (r->at)
            rc = layr_kad_segment_add(seg, r->at->host->id, r->at->host->group);
        else if (r->kept)
            rc = layr_kad_segment_add(seg, r->kept, kept ? kept->group : 0);
    }
    return rc;
}

static bool make_room(layr_store_t *st)
{
    layr_kad_place_host_t *more;
    if (st->near_cap >= st->load.count)
        return true;
    more = realloc(st->near, st->load.count * sizeof *more);
    if (!more)
        return false;
    st->near = more;
    st->near_cap = st->load.count;
    return true;
}

/* A host's free room is as old as its contact: what was sent there since is taken off. */
static void show(const layr_load_host_t *h, bool out, layr_kad_place_host_t *to)
{
    uint64_t gone = h->used + h->pending;
    *to = (layr_kad_place_host_t){.group = h->host->group,
                                  .capacity = h->host->capacity,
                                  .free = h->host->free > gone ? h->host->free - gone : 0,
                                  .price = h->host->price,
                                  .out = out || h->host->leaving};
    memcpy(to->id, h->host->id, 32);
}

/* For a row that moves, its own host counts as one with a sibling: it is not chosen again. */
static layr_load_host_t *choose_close(layr_store_t *st, const layr_unit_row_t *r, bool doubted, bool *wait)
{
    const layr_unit_t *u = r->unit;
    layr_kad_place_rule_t rule = {.bytes = u->shape.blob,
                                  .price_max = st->o.max_price,
                                  .group_max = layr_kad_group_share(st->o.scheme.k, st->o.scheme.n)};
    layr_kad_segment_t seg;
    uint64_t now = layr_now_us();
    size_t at = 0;
    int rc;
    *wait = false;
    if (!make_room(st) || siblings_of(u, &seg) != LAYR_OK)
        return NULL;
    for (size_t i = 0; i < st->load.count; i++) {
        const layr_load_host_t *h = &st->load.host[i];
        bool rests = layr_load_resting(h, now);
        *wait |= rests && !h->out;
        show(h, h->out || rests || (h->doubted && !doubted), &st->near[i]);
    }
    memset(&st->why, 0, sizeof st->why);
    rc = layr_kad_place(&at, &seg, st->near, st->load.count, r->id, &rule, &st->why);
    return rc == LAYR_OK ? &st->load.host[at] : NULL;
}

/* --- among hosts that were given: by speed and room --- */

static layr_load_host_t *choose_given(layr_store_t *st, const layr_unit_t *u, bool doubted, bool *wait)
{
    layr_load_host_t *best = NULL;
    uint64_t now = layr_now_us();
    *wait = false;
    for (size_t i = 0; i < st->load.count; i++) {
        /* begin elsewhere for every unit, so that equals share the work */
        layr_load_host_t *h = &st->load.host[(i + u->number) % st->load.count];
        /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): count > 0: there are hosts */
        if (h->out || h->host->leaving || (h->doubted && !doubted) || layr_unit_has_sibling(u, h) ||
            h->host->price > st->o.max_price || !layr_unit_has_room(h, u->shape.blob))
            continue;
        if (layr_load_resting(h, now))
            *wait = true;
        else if (!best || better(st, h, best, u->shape.blob))
            best = h;
    }
    return best;
}

static layr_load_host_t *choose_among(layr_store_t *st, const layr_unit_row_t *r, bool doubted, bool *wait)
{
    return st->e.s->dht ? choose_close(st, r, doubted, wait) : choose_given(st, r->unit, doubted, wait);
}

/* Those with a good name first, even where one of them has to be waited for. */
static layr_load_host_t *choose(layr_store_t *st, const layr_unit_row_t *r, bool *wait)
{
    layr_load_host_t *h = choose_among(st, r, false, wait);
    return h || *wait ? h : choose_among(st, r, true, wait);
}

/* Not for want of a reason to wait: only where a host that is at work could do it sooner. */
static void move_if_late(layr_store_t *st, layr_unit_row_t *r, uint64_t now)
{
    uint64_t age = now - r->since, usual = LATE_TIMES * st->usual_us, bytes = r->unit->shape.blob;
    layr_load_host_t *other;
    bool wait;
    if (age < (st->usual_us ? usual > LATE_MIN_US ? usual : LATE_MIN_US : LATE_FIRST_US))
        return;
    other = choose(st, r, &wait);
    if (!other || layr_load_expect(&st->load, other, bytes) > age)
        return;
    layr_load_slow(r->at, bytes, age);
    layr_load_late(r->at, now);
    r->late = true;
    layr_net_cancel(st->e.s->net, &r->call->req);
}

void layr_unit_move_late(layr_store_t *st)
{
    uint64_t now = layr_now_us();
    for (layr_unit_t *u = st->head; u && !st->closing; u = u->next)
        for (unsigned i = 0; i < u->rows; i++)
            if (u->row[i].call && !u->row[i].late && !u->row[i].asked && !u->row[i].copying)
                move_if_late(st, &u->row[i], now);
}

void layr_unit_place(layr_store_t *st, layr_unit_row_t *r)
{
    bool wait;
    int rc;
    if (st->closing) {
        layr_unit_row_ended(st, r, LAYR_ERR_CANCELLED);
        return;
    }
    if (!layr_regions_know(st->regions, r->id)) {
        layr_rows_put(&st->to_place, r);
        return;
    }
    layr_load_more(&st->load, &st->e.s->hosts);
    layr_load_judge(&st->load, st->e.s->journal, st->o.now);
    r->at = choose(st, r, &wait);
    if (r->at) {
        if ((rc = send_row(st, r)) != LAYR_OK)
            layr_unit_row_ended(st, r, rc);
    } else if (wait) {
        layr_rows_put(&st->to_place, r);
    } else {
        layr_unit_row_ended(st, r, LAYR_ERR_HOSTS);
    }
}
