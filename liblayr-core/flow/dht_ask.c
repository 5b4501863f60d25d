/* A host of a lookup is asked: for the closest it knows, and for the record. */
#include "dht.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* --- what it said --- */

/* Contacts of an answer that the lookup would use, each checked. Their texts are the answer's. */
static size_t take_contacts(layr_dht_ask_t *a, const layr_closest_t *in, layr_kad_contact_t *out)
{
    layr_dht_t *d = a->l->d;
    layr_time_t now = time(NULL);
    size_t n = 0;
    for (unsigned i = 0; i < in->count; i++) {
        const layr_contact_t *c;
        uint8_t id[32];
        uint64_t seq;
        if (layr_contact_peek(id, &seq, in->contact[i], in->len[i]) != LAYR_OK) {
            d->stats.bad++;
            continue;
        }
        if (!layr_kad_lookup_wants(a->l->kad, id, seq))
            continue;
        if (layr_dht_contact(d, in->contact[i], in->len[i], now, &c) != LAYR_OK || !c->url[0])
            continue;
        layr_dht_kad_contact(&out[n], c, in->contact[i], in->len[i]);
        layr_dht_be_patient(&out[n++]);
    }
    return n;
}

static bool take_record(layr_dht_ask_t *a, layr_kad_version_t *v)
{
    layr_call_t *c = &a->record.call;
    const layr_dht_lookup_opts_t *o = &a->l->o;
    int rc;
    if (!a->record.sent || !o->record)
        return false;
    rc = layr_call_result(c);
    memset(v, 0, sizeof *v);
    return o->record(o->ctx, &a->host, rc, (const char *)c->req.into, rc == LAYR_OK ? c->req.into_len : 0, v);
}

/* Who answers lookups enters a client's own table; a host's own table wants a ping first. */
static void note_answer(layr_dht_ask_t *a)
{
    layr_dht_t *d = a->l->d;
    const layr_contact_t *c;
    layr_kad_contact_t k, known;
    layr_kad_hop_t hop;
    layr_time_t now = layr_dht_clock(d);
    bool is_known, ping;
    uint8_t oldest[32];
    if (layr_kad_lookup_hop(a->l->kad, a->number, &hop) != LAYR_OK || !hop.contact.len ||
        layr_dht_contact(d, hop.contact.text, hop.contact.len, time(NULL), &c) != LAYR_OK || !c->url[0])
        return;
    layr_dht_kad_contact(&k, c, hop.contact.text, hop.contact.len);
    k.group = a->host.group;
    layr_dht_lock(d);
    is_known = layr_kad_find(d->c.table, k.id, &known) && known.seq >= k.seq;
    if (is_known)
        layr_kad_answered(d->c.table, k.id, hop.contact.rtt_us, now);
    else if (d->table_mem)
        (void)!layr_kad_confirm(d->c.table, &k, hop.contact.rtt_us, now, &ping, oldest);
    layr_dht_unlock(d);
    if (!is_known && d->c.heard)
        d->c.heard(d->c.heard_ctx, &k);
}

static void tell_hop(const layr_dht_ask_t *a, const char *text)
{
    if (a->l->o.hop)
        a->l->o.hop(a->l->o.ctx, a->l, a->number, text);
}

static void answered(layr_dht_ask_t *a, const layr_closest_t *in)
{
    layr_dht_lookup_t *l = a->l;
    layr_kad_contact_t contacts[LAYR_CLOSEST_COUNT];
    layr_kad_version_t v;
    size_t n = take_contacts(a, in, contacts);
    bool has = take_record(a, &v);
    l->d->stats.answered++;
    a->host.group = layr_probe_group(a->closest.call.req.peer_ip);
    *l->host[a->number] = a->host;
    layr_kad_lookup_answer(l->kad, a->number, layr_now_us(), a->host.group, contacts, n, has ? &v : NULL);
    note_answer(a);
    tell_hop(a, NULL);
}

/* error: the answer's, or what made no sense of it. */
static void failed(layr_dht_ask_t *a, int error)
{
    layr_dht_lookup_t *l = a->l;
    layr_dht_t *d = l->d;
    char text[320];
    if (a->closest.call.req.error == LAYR_ERR_CANCELLED)
        return;
    layr_call_text(&a->closest.call, text, sizeof text);
    d->stats.failed++;
    d->stats.walled += error == LAYR_ERR_ARG;
    d->stats.hostile += error == LAYR_ERR_FORMAT || error == LAYR_ERR_LIMIT;
    layr_dht_set_dead(d, a->host.id, a->seq);
    layr_dht_lock(d);
    layr_kad_failed(d->c.table, a->host.id, layr_dht_clock(d));
    layr_dht_unlock(d);
    layr_kad_lookup_failed(l->kad, a->number, layr_now_us());
    tell_hop(a, text);
}

static void unlink_ask(const layr_dht_ask_t *a, layr_dht_ask_t **at)
{
    while (*at != a)
        at = &(*at)->next;
    *at = a->next;
}

static void ask_free(layr_dht_ask_t *a)
{
    layr_call_free(&a->closest.call);
    layr_call_free(&a->record.call);
    layr_dht_header_drop(a->header);
    free(a->jws);
    free(a);
}

/* Both requests have ended. */
static void conclude(layr_dht_ask_t *a)
{
    layr_closest_t in = {0};
    int rc = layr_call_result(&a->closest.call);
    if (rc == LAYR_OK)
        rc = layr_closest_parse(&in, (const char *)a->into, a->closest.call.req.into_len);
    if (rc == LAYR_OK)
        answered(a, &in);
    else
        failed(a, rc);
    layr_closest_free(&in);
}

/* After its lookup was over: does it live? */
static void conclude_late(layr_dht_ask_t *a)
{
    layr_dht_t *d = a->closest.msg.d;
    const layr_req_t *r = &a->closest.call.req;
    bool lives = layr_call_result(&a->closest.call) == LAYR_OK;
    layr_dht_lock(d);
    if (lives)
        layr_kad_answered(d->c.table, a->host.id, r->usec < UINT32_MAX ? (uint32_t)r->usec : UINT32_MAX,
                          layr_dht_clock(d));
    else if (r->error != LAYR_ERR_CANCELLED)
        layr_kad_failed(d->c.table, a->host.id, layr_dht_clock(d));
    layr_dht_unlock(d);
    if (lives)
        layr_dht_set_alive(d, a->host.id);
}

static void half_over(layr_dht_msg_t *m)
{
    layr_dht_half_t *h = (layr_dht_half_t *)m;
    layr_dht_ask_t *a = h->ask;
    h->over = true;
    if (--a->left)
        return;
    unlink_ask(a, a->l ? &a->l->asks : &m->d->left);
    if (a->l)
        conclude(a);
    else if (a->slow && !m->d->closing)
        conclude_late(a);
    ask_free(a);
}

static void on_net_done(layr_req_t *r)
{
    layr_dht_half_t *h = r->ctx;
    layr_dht_post(&h->msg);
}

/* --- asking --- */

static int send(layr_dht_ask_t *a, layr_dht_half_t *h)
{
    int rc;
    h->ask = a;
    h->msg.d = a->l->d;
    h->msg.run = half_over;
    h->call.req.ctx = h;
    h->call.req.done = on_net_done;
    h->call.req.total_ms = LAYR_DHT_ASK_MS;
    if (a->header)
        h->call.req.headers = a->header->lines;
    h->call.req.priority = 1; /* before bulk to the same host */
    if ((rc = layr_net_submit(a->l->d->c.net, &h->call.req)) != LAYR_OK)
        return rc;
    h->sent = true;
    a->left++;
    a->l->d->outstanding++;
    return LAYR_OK;
}

/* Where it is: as the user said, for a seed; else as its contact says. */
static int find_host(layr_dht_lookup_t *l, const layr_kad_ask_t *a, layr_host_t *out)
{
    layr_dht_t *d = l->d;
    const layr_dht_seed_t *s = layr_dht_seed_find(d, a->contact.id);
    const layr_contact_t *c;
    int rc;
    if (s && s->seq >= a->contact.seq) {
        *out = s->host;
        l->outside[a->number] = s->outside;
        return LAYR_OK;
    }
    rc = layr_dht_contact(d, a->contact.text, a->contact.len, time(NULL), &c);
    return rc == LAYR_OK ? layr_host_of_contact(out, c, d->c.reach) : rc;
}

static int start(layr_dht_ask_t *a)
{
    const uint8_t *target = a->l->o.target;
    int rc = layr_call_closest(&a->closest.call, &a->host, target, a->into, sizeof a->into);
    if (rc == LAYR_OK && a->l->o.value) {
        rc = (a->jws = malloc(LAYR_JWS_MAX)) ? LAYR_OK : LAYR_ERR_NOMEM;
        if (rc == LAYR_OK)
            rc = layr_call_get_record(&a->record.call, &a->host, target, a->jws, LAYR_JWS_MAX);
    }
    if (rc == LAYR_OK)
        rc = send(a, &a->closest);
    if (rc == LAYR_OK && a->jws && send(a, &a->record) != LAYR_OK)
        a->record.sent = false; /* then without */
    return rc;
}

int layr_dht_ask(layr_dht_lookup_t *l, const layr_kad_ask_t *k)
{
    layr_dht_ask_t *a = calloc(1, sizeof *a);
    int rc = LAYR_ERR_NOMEM;
    if (!a || (!l->host[k->number] && !(l->host[k->number] = calloc(1, sizeof *l->host[0]))))
        goto done;
    a->l = l;
    a->number = k->number;
    a->seq = k->contact.seq;
    a->header = layr_dht_header_use(l->d);
    if ((rc = find_host(l, k, &a->host)) == LAYR_OK)
        rc = start(a);
    if (rc != LAYR_OK)
        goto done;
    *l->host[k->number] = a->host;
    l->d->stats.asked++;
    a->next = l->asks;
    l->asks = a;
    a = NULL;
done:
    if (a)
        ask_free(a);
    return rc;
}

/* Who was passed over: his answer is still worth something. */
static bool is_slow(const layr_dht_ask_t *a)
{
    layr_kad_hop_t hop;
    return layr_kad_lookup_hop(a->l->kad, a->number, &hop) == LAYR_OK && hop.state == LAYR_KAD_SLOW;
}

static void leave(layr_dht_ask_t *a, bool at_end)
{
    layr_dht_t *d = a->l->d;
    a->slow = at_end && is_slow(a);
    if (a->slow)
        layr_dht_set_dead(d, a->host.id, a->seq);
    else if (!a->closest.over)
        layr_net_cancel(d->c.net, &a->closest.call.req);
    if (a->record.sent && !a->record.over)
        layr_net_cancel(d->c.net, &a->record.call.req);
    a->l = NULL;
    a->next = d->left;
    d->left = a;
}

void layr_dht_asks_leave(layr_dht_lookup_t *l, bool at_end)
{
    layr_dht_ask_t *a = l->asks;
    l->asks = NULL;
    while (a) {
        layr_dht_ask_t *next = a->next;
        leave(a, at_end);
        a = next;
    }
}

void layr_dht_asks_cancel(layr_dht_t *d)
{
    for (layr_dht_ask_t *a = d->left; a; a = a->next)
        if (!a->closest.over)
            layr_net_cancel(d->c.net, &a->closest.call.req);
}
