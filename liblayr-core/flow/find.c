/* Hosts by their id, and the holders of a record. */
#include "find.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine.h"

/* --- the list --- */

layr_host_t *layr_find_listed(const layr_session_t *s, const uint8_t id[32])
{
    for (size_t i = 0; i < s->hosts.count; i++)
        if (memcmp(s->hosts.host[i].id, id, 32) == 0)
            return &s->hosts.host[i];
    return NULL;
}

static layr_host_t *note_host(layr_session_t *s, const layr_host_t *h)
{
    layr_host_t *known = layr_find_listed(s, h->id);
    return known ? known : layr_hosts_add(&s->hosts, h);
}

/* url: where it was, or NULL. */
static void note_missing(layr_session_t *s, const uint8_t id[32], const char *url, int error,
                         const char *text)
{
    layr_host_t h = {.error = error};
    char hex[17];
    layr_hex(hex, id, 8);
    memcpy(h.id, id, 32);
    if (url)
        snprintf(h.url, sizeof h.url, "%s", url);
    else
        snprintf(h.url, sizeof h.url, "host %s...", hex);
    snprintf(h.error_text, sizeof h.error_text, "%s", text);
    (void)layr_hosts_add(&s->hosts, &h);
}

void layr_find_note(layr_session_t *s, const layr_dht_lookup_t *l)
{
    layr_host_t h[LAYR_KAD_K];
    unsigned n = layr_dht_lookup_closest(l, h, LAYR_KAD_K);
    for (unsigned i = 0; i < n; i++)
        (void)note_host(s, &h[i]);
}

/* --- by id --- */

typedef struct search {
    layr_session_t *s;
    layr_dht_lookup_t *l;
    layr_host_t host; /* found, and asked who it is */
    uint8_t id[32];
    bool found, pinging;
    int error;
} search_t;

static void on_pinged(void *ctx, int error, const layr_host_t *h, uint32_t rtt_us)
{
    search_t *f = ctx;
    (void)rtt_us;
    f->pinging = false;
    f->error = error;
    if (error != LAYR_OK)
        memcpy(f->host.error_text, h->error_text, sizeof f->host.error_text);
}

/* Its contact, as far as the lookup heard of it. */
static bool heard_of(const search_t *f, layr_kad_hop_t *hop)
{
    const layr_kad_lookup_t *l = layr_dht_lookup_kad(f->l);
    for (unsigned i = 0; l && layr_kad_lookup_hop(l, i, hop) == LAYR_OK; i++)
        if (memcmp(hop->contact.id, f->id, 32) == 0)
            return true;
    return false;
}

/* Where no key of its TLS proves it, it is asked: its address may be another's by now. */
static void prove(search_t *f)
{
    layr_kad_hop_t hop;
    if (heard_of(f, &hop))
        f->pinging = layr_dht_ping(f->s->dht, hop.contact.text, hop.contact.len, 0, on_pinged, f) == LAYR_OK;
}

/* Its lookup is over. */
static void settle(search_t *f)
{
    layr_host_t h[1];
    f->error = layr_dht_lookup_error(f->l);
    f->found = layr_dht_lookup_closest(f->l, h, 1) && memcmp(h[0].id, f->id, 32) == 0;
    if (f->found) {
        memcpy(&f->host, &h[0], sizeof h[0]);
        if (f->host.reach != LAYR_REACH_ANY && f->host.trust != LAYR_TRUST_PINS)
            prove(f);
    }
}

static int begin(search_t *f, layr_session_t *s, const uint8_t id[32])
{
    layr_dht_lookup_opts_t o = {.host = true, .want = LAYR_KAD_HOLDERS};
    f->s = s;
    memcpy(f->id, id, 32);
    memcpy(o.target, id, 32);
    return layr_dht_lookup(s->dht, &f->l, &o);
}

static bool turn(layr_session_t *s, search_t *f, size_t count)
{
    bool over = true;
    for (size_t i = 0; i < count; i++) {
        bool before = f[i].l && layr_dht_lookup_over(f[i].l);
        if (before && !f[i].found && f[i].error == LAYR_ERR_TIMEOUT)
            settle(&f[i]);
        over &= before && !f[i].pinging;
    }
    if (!over)
        layr_dht_turn(s->dht, 100);
    return over;
}

static void not_found(layr_session_t *s, const search_t *f)
{
    const layr_contact_t *c;
    layr_kad_hop_t hop;
    if (f->error == LAYR_ERR_HOSTS)
        note_missing(s, f->id, NULL, LAYR_ERR_NET, "it was looked for, and no host of the network answered");
    else if (heard_of(f, &hop) &&
             layr_dht_contact(s->dht, hop.contact.text, hop.contact.len, time(NULL), &c) == LAYR_OK)
        note_missing(s, f->id, c->url, LAYR_ERR_NET,
                     "it does not answer, and is nowhere else: it was looked for by its id");
    else
        note_missing(s, f->id, NULL, LAYR_ERR_NOTFOUND,
                     "the network does not know it: it was looked for by its id");
}

static void conclude(layr_session_t *s, const search_t *f)
{
    if (!f->found)
        not_found(s, f);
    else if (f->error != LAYR_OK)
        note_missing(s, f->id, f->host.url, f->error, f->host.error_text);
    else
        (void)note_host(s, &f->host);
}

static int search(layr_session_t *s, search_t *f, size_t count)
{
    int rc = LAYR_OK;
    while (rc == LAYR_OK && !turn(s, f, count))
        if (layr_session_cancelled(s))
            rc = LAYR_ERR_CANCELLED;
    while (rc != LAYR_OK) { /* pings point here */
        bool pinging = false;
        for (size_t i = 0; i < count; i++)
            pinging |= f[i].pinging;
        if (!pinging)
            break;
        layr_dht_turn(s->dht, 100);
    }
    return rc;
}

int layr_find_hosts(layr_session_t *s, const uint8_t *ids, size_t count)
{
    search_t *f;
    size_t n = 0;
    int rc = LAYR_OK;
    if (!s->dht || !count)
        return LAYR_OK;
    if (!(f = calloc(count, sizeof *f)))
        return LAYR_ERR_NOMEM;
    for (size_t i = 0; i < count && rc == LAYR_OK; i++) {
        bool twice = layr_find_listed(s, ids + 32 * i) != NULL;
        for (size_t j = 0; j < n && !twice; j++)
            twice = memcmp(f[j].id, ids + 32 * i, 32) == 0;
        if (!twice) {
            f[n].error = LAYR_ERR_TIMEOUT; /* not settled */
            rc = begin(&f[n++], s, ids + 32 * i);
        }
    }
    if (rc == LAYR_OK)
        rc = search(s, f, n);
    for (size_t i = 0; i < n; i++) {
        if (rc == LAYR_OK)
            conclude(s, &f[i]);
        layr_dht_lookup_drop(f[i].l);
    }
    free(f);
    return rc;
}

int layr_find_rows(layr_session_t *s, const layr_entry_t *e, const layr_node_page_t *node)
{
    if (!s->dht)
        return LAYR_OK;
    for (unsigned i = 0; i < node->rows; i++)
        if (e->rows[i].host != LAYR_NO_HOST && !layr_find_listed(s, node->hosts[e->rows[i].host]))
            return layr_find_hosts(s, node->hosts[0], node->host_count);
    return LAYR_OK;
}

/* --- holders --- */

int layr_holders_add(layr_holders_t *l, layr_host_t *h, unsigned place)
{
    for (size_t i = 0; i < l->count; i++)
        if (l->h[i].host == h && l->h[i].place == place)
            return LAYR_OK;
    if (l->count == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : LAYR_RECORD_PLACES * LAYR_KAD_HOLDERS;
        layr_holder_t *more = realloc(l->h, cap * sizeof *more);
        if (!more)
            return LAYR_ERR_NOMEM;
        l->h = more;
        l->cap = cap;
    }
    l->h[l->count++] = (layr_holder_t){h, place};
    return LAYR_OK;
}

static int note_holders(layr_session_t *s, layr_holders_t *l, const layr_dht_lookup_t *from, unsigned place)
{
    layr_host_t h[LAYR_KAD_HOLDERS];
    unsigned n = layr_dht_lookup_closest(from, h, LAYR_KAD_HOLDERS);
    int rc = LAYR_OK;
    for (unsigned i = 0; i < n && rc == LAYR_OK; i++) {
        layr_host_t *known = note_host(s, &h[i]);
        if (known && known->error == LAYR_OK)
            rc = layr_holders_add(l, known, place);
    }
    return rc;
}

static int all_given(layr_session_t *s, layr_holders_t *out)
{
    int rc = LAYR_OK;
    for (size_t i = 0; i < s->hosts.count && rc == LAYR_OK; i++)
        for (unsigned p = 0; p < LAYR_RECORD_PLACES && rc == LAYR_OK; p++)
            if (s->hosts.host[i].error == LAYR_OK)
                rc = layr_holders_add(out, &s->hosts.host[i], p);
    return rc;
}

int layr_holders_look(layr_session_t *s, const uint8_t record_id[32], const layr_dht_lookup_opts_t *each,
                      layr_holders_t *out)
{
    layr_dht_lookup_t *l[LAYR_RECORD_PLACES] = {0};
    int rc = LAYR_OK;
    for (unsigned i = 0; i < LAYR_RECORD_PLACES && rc == LAYR_OK; i++) {
        layr_dht_lookup_opts_t o = *each;
        if ((rc = layr_record_place(o.target, record_id, i)) == LAYR_OK)
            rc = layr_dht_lookup(s->dht, &l[i], &o);
    }
    for (unsigned i = 0; i < LAYR_RECORD_PLACES && rc == LAYR_OK; i++) {
        rc = layr_dht_lookup_wait(l[i], s->cancel);
        rc = rc == LAYR_ERR_HOSTS ? LAYR_OK : rc;
        if (rc == LAYR_OK)
            rc = note_holders(s, out, l[i], i);
    }
    for (unsigned i = 0; i < LAYR_RECORD_PLACES; i++)
        layr_dht_lookup_drop(l[i]);
    return rc;
}

int layr_holders_find(layr_session_t *s, const uint8_t record_id[32], layr_holders_t *out)
{
    int rc;
    *out = (layr_holders_t){0};
    rc = s->dht ? layr_holders_look(s, record_id, &(layr_dht_lookup_opts_t){0}, out) : all_given(s, out);
    if (rc != LAYR_OK)
        layr_holders_free(out);
    return rc;
}

size_t layr_holders_hosts(const layr_holders_t *l, const layr_host_t **hosts)
{
    size_t n = 0;
    for (size_t i = 0; i < l->count; i++) {
        bool before = false;
        for (size_t j = 0; j < i && !before; j++)
            before = l->h[j].host == l->h[i].host;
        if (before)
            continue;
        if (hosts)
            hosts[n] = l->h[i].host;
        n++;
    }
    return n;
}

void layr_holders_free(layr_holders_t *l)
{
    free(l->h);
    *l = (layr_holders_t){0};
}
