/* PING, and the seeds, which are pinged first of all. */
#include "dht.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* --- one ping --- */

static void on_probe(layr_probe_t *p)
{
    layr_dht_ping_t *g = p->ctx;
    layr_dht_post(&g->msg);
}

static void unlink_ping(layr_dht_ping_t *g)
{
    layr_dht_ping_t **at = &g->msg.d->pings;
    while (*at != g)
        at = &(*at)->next;
    *at = g->next;
}

/* The oldest of a full bucket: does it still live? */
static void ping_known(layr_dht_t *d, const uint8_t id[32])
{
    layr_kad_contact_t c;
    char text[LAYR_CONTACT_MAX];
    size_t len = 0;
    layr_dht_lock(d);
    if (layr_kad_find(d->c.table, id, &c) && c.len <= sizeof text) {
        memcpy(text, c.text, c.len);
        len = c.len;
    }
    layr_dht_unlock(d);
    if (len && layr_dht_ping(d, text, len, 0, NULL, NULL) != LAYR_OK)
        return; /* asked another time: it is still the oldest then */
}

/* It lives. What it says of itself now may be newer than what it was found by. */
static void confirm(layr_dht_ping_t *g, const char *text, uint32_t rtt_us)
{
    layr_dht_t *d = g->msg.d;
    const layr_contact_t *c;
    layr_kad_contact_t k;
    uint8_t oldest[32];
    bool ping = false;
    if (layr_dht_contact(d, text, strlen(text), time(NULL), &c) != LAYR_OK || !c->url[0])
        return; /* it stays out of the DHT */
    layr_dht_kad_contact(&k, c, text, strlen(text));
    k.group = g->host.group;
    layr_dht_lock(d);
    (void)!layr_kad_confirm(d->c.table, &k, rtt_us, layr_dht_clock(d), &ping, oldest);
    layr_dht_unlock(d);
    if (ping && !d->closing)
        ping_known(d, oldest);
}

static void fail(layr_dht_ping_t *g)
{
    layr_dht_t *d = g->msg.d;
    layr_dht_lock(d);
    layr_kad_failed(d->c.table, g->id, layr_dht_clock(d));
    layr_dht_unlock(d);
    d->stats.walled += g->host.error == LAYR_ERR_ARG;
}

/* An owner whose seed is in a private network, or on this machine, has his network there. */
static void widen(layr_dht_t *d, const char *ip)
{
    layr_reach_t is = layr_reach_of(ip);
    if (d->c.by_seeds && is > d->c.reach)
        d->c.reach = is;
}

static void seed_answered(layr_dht_seed_t *s, const layr_dht_ping_t *g, const char *text)
{
    layr_dht_t *d = g->msg.d;
    const layr_contact_t *c;
    s->host = g->host;
    if (g->host.error != LAYR_OK || layr_dht_contact(d, text, strlen(text), time(NULL), &c) != LAYR_OK)
        return;
    widen(d, g->probe.req.peer_ip);
    s->seq = c->seq;
    s->exp = c->exp;
    s->outside = !c->url[0];
    s->len = strlen(text);
    memcpy(s->contact, text, s->len + 1);
    for (layr_dht_lookup_t *l = d->lookups; l; l = l->next)
        if (l->state == LAYR_DHT_RUNNING)
            layr_dht_seed_start(l, s);
}

static void pinged(layr_dht_msg_t *m)
{
    layr_dht_ping_t *g = (layr_dht_ping_t *)m;
    layr_dht_t *d = m->d;
    uint64_t us = layr_now_us() - g->began_us;
    uint32_t rtt_us = us < UINT32_MAX ? (uint32_t)us : UINT32_MAX;
    char text[LAYR_CONTACT_MAX + 1] = "";
    unlink_ping(g);
    if (g->host.error == LAYR_OK)
        g->host.error = layr_node_answer_contact(text, (const char *)g->probe.answer, g->probe.req.into_len);
    if (g->seed)
        g->seed->ping = NULL;
    if (g->host.error == LAYR_OK) {
        d->stats.pinged++;
        layr_kad_pace_heard(&d->pace, us);
        confirm(g, text, rtt_us);
    } else if (g->host.error != LAYR_ERR_CANCELLED) {
        fail(g);
    }
    if (g->seed && !d->closing)
        seed_answered(g->seed, g, text);
    if (g->done)
        g->done(g->ctx, d->closing ? LAYR_ERR_CANCELLED : g->host.error, &g->host, rtt_us);
    layr_dht_header_drop(g->header);
    free(g);
}

static int start(layr_dht_t *d, layr_dht_ping_t *g)
{
    int rc;
    g->msg.d = d;
    g->msg.run = pinged;
    g->probe.net = d->c.net;
    g->probe.host = &g->host;
    g->probe.done = on_probe;
    g->probe.ctx = g;
    g->header = layr_dht_header_use(d);
    g->probe.headers = g->header ? g->header->lines : NULL;
    g->began_us = layr_now_us();
    if ((rc = layr_probe_start(&g->probe)) != LAYR_OK) {
        layr_dht_header_drop(g->header);
        return rc;
    }
    d->outstanding++;
    d->stats.pings++;
    g->next = d->pings;
    d->pings = g;
    return LAYR_OK;
}

int layr_dht_ping(layr_dht_t *d, const char *contact, size_t len, uint64_t group, layr_dht_pinged_t done,
                  void *ctx)
{
    const layr_contact_t *c;
    layr_dht_ping_t *g;
    int rc = layr_dht_contact(d, contact, len, time(NULL), &c);
    if (rc != LAYR_OK)
        return rc;
    if (!(g = calloc(1, sizeof *g)))
        return LAYR_ERR_NOMEM;
    rc = layr_host_of_contact(&g->host, c, d->c.reach);
    g->probe.wants_id = true;
    memcpy(g->probe.want_id, c->host, 32);
    memcpy(g->id, c->host, 32);
    g->probe.group = group;
    g->done = done;
    g->ctx = ctx;
    if (rc == LAYR_OK)
        rc = start(d, g);
    if (rc != LAYR_OK)
        free(g);
    return rc;
}

void layr_dht_pings_cancel(layr_dht_t *d)
{
    for (layr_dht_ping_t *g = d->pings; g; g = g->next)
        layr_net_cancel(d->c.net, &g->probe.req);
}

/* --- seeds --- */

static int ask_seed(layr_dht_t *d, layr_dht_seed_t *s, uint64_t now_us)
{
    layr_dht_ping_t *g = calloc(1, sizeof *g);
    int rc = LAYR_ERR_NOMEM;
    if (!g)
        return rc;
    g->probe.host = &g->host;
    rc = layr_probe_parse_url(&g->probe, s->url);
    memcpy(g->id, g->probe.want_id, 32);
    g->seed = s;
    if (rc == LAYR_OK)
        rc = start(d, g);
    if (rc != LAYR_OK) {
        free(g);
        return rc;
    }
    s->ping = g;
    s->asked_us = now_us;
    return LAYR_OK;
}

void layr_dht_seeds_ask(layr_dht_t *d, uint64_t now_us)
{
    for (size_t i = 0; i < d->seed_count; i++) {
        layr_dht_seed_t *s = &d->seed[i];
        if (s->ping || (s->asked_us && now_us - s->asked_us < LAYR_DHT_SEEDS_S * 1000000ull))
            continue;
        if (ask_seed(d, s, now_us) != LAYR_OK)
            s->host.error = LAYR_ERR_NOMEM;
    }
}

bool layr_dht_seeds_waiting(const layr_dht_t *d)
{
    for (size_t i = 0; i < d->seed_count; i++)
        if (d->seed[i].ping)
            return true;
    return false;
}

const layr_dht_seed_t *layr_dht_seed_find(const layr_dht_t *d, const uint8_t id[32])
{
    for (size_t i = 0; i < d->seed_count; i++)
        if (d->seed[i].len && memcmp(d->seed[i].host.id, id, 32) == 0)
            return &d->seed[i];
    return NULL;
}

void layr_dht_seeds_free(layr_dht_t *d)
{
    for (layr_dht_ping_t *g = d->pings; g; g = g->next)
        g->seed = NULL;
    for (size_t i = 0; i < d->seed_count; i++)
        free(d->seed[i].url);
    free(d->seed);
    d->seed = NULL;
    d->seed_count = 0;
}

/* The address in a URL, when it is one and no name. */
static void address_in(char ip[LAYR_URL_MAX + 1], const char *url)
{
    const char *from = strstr(url, "://");
    size_t len;
    from = from ? from + 3 : url;
    if (*from == '[')
        len = strcspn(++from, "]");
    else
        len = strcspn(from, ":/");
    memcpy(ip, from, len);
    ip[len] = 0;
}

static int note_seed(layr_dht_t *d, layr_dht_seed_t *s, const char *url, layr_diag_t *diag)
{
    char ip[LAYR_URL_MAX + 1];
    layr_probe_t p = {.host = &s->host};
    s->host.error = LAYR_ERR_TIMEOUT; /* until it has answered */
    if (layr_probe_parse_url(&p, url) != LAYR_OK)
        return layr_diag_set(
            diag, LAYR_ERR_ARG,
            "'%s' is not a seed: give http:// or https://, host, port and path, and after a # "
            "its id of 64 lower-case hex digits",
            url);
    address_in(ip, s->host.url);
    widen(d, ip); /* it may never answer, and contacts saved earlier do */
    s->url = strdup(url);
    return s->url ? LAYR_OK : layr_diag_set(diag, LAYR_ERR_NOMEM, "out of memory");
}

int layr_dht_seeds(layr_dht_t *d, const char *const *urls, size_t count, layr_diag_t *diag)
{
    layr_dht_seed_t *seed = calloc(count ? count : 1, sizeof *seed);
    int rc = LAYR_OK;
    if (!seed)
        return layr_diag_set(diag, LAYR_ERR_NOMEM, "out of memory");
    layr_dht_seeds_free(d);
    d->seed = seed;
    d->seed_count = count;
    for (size_t i = 0; i < count && rc == LAYR_OK; i++)
        rc = note_seed(d, &seed[i], urls[i], diag);
    if (rc == LAYR_OK)
        layr_dht_seeds_ask(d, layr_now_us());
    else
        layr_dht_seeds_free(d);
    return rc;
}

bool layr_dht_seed(const layr_dht_t *d, size_t i, layr_host_t *out, bool *waiting)
{
    if (i >= d->seed_count)
        return false;
    *out = d->seed[i].host;
    *waiting = d->seed[i].ping != NULL;
    return true;
}
