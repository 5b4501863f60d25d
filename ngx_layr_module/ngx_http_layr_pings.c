
/*
 * Who enters the routing table, and who stays.
 *
 * Who enters has answered a ping, and a ping is what costs: there is a bucket
 * of tokens for all of them, and a network whose last offer led nowhere waits.
 */


#include "ngx_http_layr_background.h"
#include "ngx_http_layr_kad.h"


#define NGX_HTTP_LAYR_PINGS_BURST   64
#define NGX_HTTP_LAYR_PINGS_SECOND  8
#define NGX_HTTP_LAYR_SILENCE       60     /* seconds */


typedef struct {
    ngx_http_layr_background_t  *bg;
    uint64_t                     group;        /* of an offer; 0: of none */
    ngx_uint_t                   known;        /* to the table */
} ngx_http_layr_ping_t;


static void ngx_http_layr_pings_shown(ngx_http_layr_background_t *bg);
static void ngx_http_layr_pings_offer(ngx_http_layr_background_t *bg,
    ngx_http_layr_offer_t *offer);
static ngx_uint_t ngx_http_layr_pings_silent(ngx_http_layr_background_t *bg,
    uint64_t group);
static ngx_uint_t ngx_http_layr_pings_known(ngx_http_layr_background_t *bg,
    const layr_contact_t *c);
static ngx_uint_t ngx_http_layr_pings_token(ngx_http_layr_background_t *bg);
static void ngx_http_layr_pings_ping(ngx_http_layr_background_t *bg,
    const uint8_t id[32], const char *text, size_t len, uint64_t group);
static void ngx_http_layr_pings_pinged(void *data, int error,
    const layr_host_t *h, uint32_t rtt_us);
static ngx_uint_t ngx_http_layr_pings_there(ngx_http_layr_background_t *bg,
    const uint8_t id[32]);
static ngx_http_layr_kad_counter_t ngx_http_layr_pings_reason(int error);
static void ngx_http_layr_pings_due(ngx_http_layr_background_t *bg,
    layr_time_t now);
static void ngx_http_layr_pings_witness(ngx_http_layr_background_t *bg,
    layr_time_t now);


void
ngx_http_layr_pings_begin(ngx_http_layr_background_t *bg, layr_time_t now)
{
    bg->second = now;
    bg->tokens = NGX_HTTP_LAYR_PINGS_BURST;
}


void
ngx_http_layr_pings_step(ngx_http_layr_background_t *bg, layr_time_t now)
{
    bg->tokens += (now - bg->second) * NGX_HTTP_LAYR_PINGS_SECOND;
    bg->tokens = ngx_min(bg->tokens, NGX_HTTP_LAYR_PINGS_BURST);
    bg->second = now;

    ngx_http_layr_pings_shown(bg);
    ngx_http_layr_pings_due(bg, now);
}


/* contacts that workers were shown */

static void
ngx_http_layr_pings_shown(ngx_http_layr_background_t *bg)
{
    ngx_http_layr_offer_t  offer;

    while (bg->tokens
           && ngx_http_layr_kad_shown(bg->store, &offer) == NGX_OK)
    {
        ngx_http_layr_pings_offer(bg, &offer);
    }
}


static void
ngx_http_layr_pings_offer(ngx_http_layr_background_t *bg,
    ngx_http_layr_offer_t *offer)
{
    int                    rc;
    uint8_t                id[32];
    uint64_t               group;
    const layr_contact_t  *c;

    rc = layr_dht_contact(bg->dht, (char *) offer->text, offer->len,
                          time(NULL), &c);

    if (rc == 0 && c->url[0] == '\0') {
        rc = LAYR_ERR_NOTFOUND;
    }

    group = offer->group;

    if (rc == 0 && offer->loopback) {
        group = ngx_http_layr_kad_loopback(c->url);
        rc = group ? 0 : LAYR_ERR_ARG;
    }

    if (rc != 0) {
        ngx_http_layr_kad_count(bg->store, ngx_http_layr_pings_reason(rc), 1);
        return;
    }

    if (ngx_http_layr_pings_silent(bg, group)) {
        ngx_http_layr_kad_count(bg->store, NGX_HTTP_LAYR_KAD_BAD_RATE, 1);
        return;
    }

    ngx_memcpy(id, c->host, 32);

    if (!ngx_http_layr_pings_known(bg, c) && ngx_http_layr_pings_token(bg)) {
        ngx_http_layr_pings_ping(bg, id, (char *) offer->text, offer->len,
                                  group);
    }
}


/* its last offer led nowhere, a moment ago */

static ngx_uint_t
ngx_http_layr_pings_silent(ngx_http_layr_background_t *bg, uint64_t group)
{
    ngx_uint_t  slot;

    slot = group % NGX_HTTP_LAYR_SILENT;

    return bg->silent[slot].group == group
           && ngx_http_layr_background_clock(bg) - bg->silent[slot].at
              < NGX_HTTP_LAYR_SILENCE;
}


/*
 * Not worth a ping: refused by the table, or there as it is.  A host signs a
 * contact a minute, as its free space moves; what counts is where it is.
 */

static ngx_uint_t
ngx_http_layr_pings_known(ngx_http_layr_background_t *bg,
    const layr_contact_t *c)
{
    char                  text[LAYR_CONTACT_MAX];
    size_t                len;
    ngx_uint_t            known;
    layr_time_t           now;
    layr_kad_table_t     *t;
    layr_kad_contact_t    kc;
    const layr_contact_t *old;
    layr_contact_t        new;

    ngx_memzero(&kc, sizeof(layr_kad_contact_t));

    ngx_memcpy(kc.id, c->host, 32);
    kc.seq = c->seq;
    kc.exp = c->exp;

    now = ngx_http_layr_background_clock(bg);
    len = 0;

    t = ngx_http_layr_kad_write(bg->store);
    if (t == NULL) {
        return 1;
    }

    known = layr_kad_offer(t, &kc, now) != LAYR_KAD_PING;

    if (!known && layr_kad_find(t, c->host, &kc)
        && kc.failures == 0 && now - kc.seen < LAYR_KAD_FRESH)
    {
        len = kc.len;
        ngx_memcpy(text, kc.text, len);
    }

    ngx_http_layr_kad_write_done(bg->store);

    if (len == 0) {
        return known;
    }

    new = *c;

    return layr_dht_contact(bg->dht, text, len, time(NULL), &old) == 0
           && ngx_strcmp(old->url, new.url) == 0
           && old->pin_count == new.pin_count
           && ngx_memcmp(old->pins, new.pins, sizeof(new.pins)) == 0
           && old->leaving == new.leaving;
}


/* a contact that a lookup came by, of a host that answered it */

void
ngx_http_layr_pings_heard(void *data, const layr_kad_contact_t *c)
{
    ngx_http_layr_background_t *bg = data;

    ngx_uint_t         worth;
    layr_kad_table_t  *t;

    t = ngx_http_layr_kad_write(bg->store);
    if (t == NULL) {
        return;
    }

    worth = layr_kad_offer(t, c, ngx_http_layr_background_clock(bg))
            == LAYR_KAD_PING;

    ngx_http_layr_kad_write_done(bg->store);

    if (worth && ngx_http_layr_pings_token(bg)) {
        ngx_http_layr_pings_ping(bg, c->id, c->text, c->len, 0);
    }
}


static ngx_uint_t
ngx_http_layr_pings_token(ngx_http_layr_background_t *bg)
{
    if (bg->tokens == 0) {
        ngx_http_layr_kad_count(bg->store, NGX_HTTP_LAYR_KAD_BAD_RATE, 1);
        return 0;
    }

    bg->tokens--;

    return 1;
}


/* group: the only network that it may lead to; 0: any */

static void
ngx_http_layr_pings_ping(ngx_http_layr_background_t *bg,
    const uint8_t id[32], const char *text, size_t len, uint64_t group)
{
    int                    rc;
    ngx_http_layr_ping_t  *p;

    p = ngx_alloc(sizeof(ngx_http_layr_ping_t), bg->log);
    if (p == NULL) {
        return;
    }

    p->bg = bg;
    p->group = group;
    p->known = ngx_http_layr_pings_there(bg, id);

    rc = layr_dht_ping(bg->dht, text, len, group, ngx_http_layr_pings_pinged,
                       p);

    if (rc != 0) {
        ngx_http_layr_kad_count(bg->store, ngx_http_layr_pings_reason(rc), 1);
        ngx_free(p);
        return;
    }

    ngx_http_layr_kad_count(bg->store, NGX_HTTP_LAYR_KAD_PINGS, 1);
}


static void
ngx_http_layr_pings_pinged(void *data, int error, const layr_host_t *h,
    uint32_t rtt_us)
{
    ngx_http_layr_ping_t *p = data;

    ngx_uint_t                    slot;
    ngx_http_layr_background_t   *bg;
    ngx_http_layr_kad_counter_t   reason;

    bg = p->bg;

    if (error == 0) {

        if (!p->known && ngx_http_layr_pings_there(bg, h->id)) {
            ngx_http_layr_restore_newcomer(bg, h);
        }

    } else if (error != LAYR_ERR_CANCELLED) {

        ngx_http_layr_kad_count(bg->store, NGX_HTTP_LAYR_KAD_PINGS_FAILED, 1);

        if (p->group) {
            reason = ngx_http_layr_pings_reason(error);

            /* an answer, but not of the host that the contact names */

            if (reason != NGX_HTTP_LAYR_KAD_BAD_ADDRESS
                && reason != NGX_HTTP_LAYR_KAD_BAD_SILENT)
            {
                reason = NGX_HTTP_LAYR_KAD_BAD_IDENTITY;
            }

            ngx_http_layr_kad_count(bg->store, reason, 1);

            slot = p->group % NGX_HTTP_LAYR_SILENT;
            bg->silent[slot].group = p->group;
            bg->silent[slot].at = ngx_http_layr_background_clock(bg);
        }
    }

    ngx_free(p);
}


static ngx_uint_t
ngx_http_layr_pings_there(ngx_http_layr_background_t *bg,
    const uint8_t id[32])
{
    ngx_uint_t           there;
    layr_kad_table_t    *t;
    layr_kad_contact_t   c;

    t = ngx_http_layr_kad_read(bg->store);
    if (t == NULL) {
        return 0;
    }

    there = layr_kad_find(t, id, &c);
    ngx_http_layr_kad_read_done(bg->store);

    return there;
}


static ngx_http_layr_kad_counter_t
ngx_http_layr_pings_reason(int error)
{
    switch (error) {

    case LAYR_ERR_AUTH:
        return NGX_HTTP_LAYR_KAD_BAD_SIGNATURE;
    case LAYR_ERR_EXPIRED:
        return NGX_HTTP_LAYR_KAD_BAD_EXPIRED;
    case LAYR_ERR_FUTURE:
        return NGX_HTTP_LAYR_KAD_BAD_FUTURE;
    case LAYR_ERR_NOTFOUND:
        return NGX_HTTP_LAYR_KAD_BAD_URL;
    case LAYR_ERR_ARG:
        return NGX_HTTP_LAYR_KAD_BAD_ADDRESS;
    case LAYR_ERR_NET:
    case LAYR_ERR_TIMEOUT:
    case LAYR_ERR_UNAVAILABLE:
        return NGX_HTTP_LAYR_KAD_BAD_SILENT;
    default:
        return NGX_HTTP_LAYR_KAD_BAD_FORM;
    }
}


/* who was not heard of for long, who failed, who may have to give way */

static void
ngx_http_layr_pings_due(ngx_http_layr_background_t *bg, layr_time_t now)
{
    char                 text[LAYR_CONTACT_MAX];
    size_t               len;
    uint8_t              id[32];
    ngx_uint_t           due, failing;
    layr_kad_table_t    *t;
    layr_kad_contact_t   c;

    failing = 0;

    while (bg->tokens) {

        t = ngx_http_layr_kad_write(bg->store);
        if (t == NULL) {
            return;
        }

        due = layr_kad_ping_due(t, now, &c);
        len = 0;

        if (due) {
            len = c.len;
            ngx_memcpy(text, c.text, len);
            ngx_memcpy(id, c.id, 32);
            failing |= c.failures != 0;
        }

        ngx_http_layr_kad_write_done(bg->store);

        if (!due) {
            break;
        }

        bg->tokens--;
        ngx_http_layr_pings_ping(bg, id, text, len, 0);
    }

    if (failing && bg->tokens) {
        ngx_http_layr_pings_witness(bg, now);
    }
}


/*
 * The table counts a failure only when somebody else has answered since the
 * one before: in a quiet hour somebody must be asked for that.
 */

static void
ngx_http_layr_pings_witness(ngx_http_layr_background_t *bg, layr_time_t now)
{
    char                 text[LAYR_CONTACT_MAX];
    size_t               len;
    uint8_t              id[32];
    unsigned             i, n;
    layr_kad_table_t    *t;
    layr_kad_contact_t   c[LAYR_KAD_K];

    layr_random(id, 32);
    len = 0;

    t = ngx_http_layr_kad_read(bg->store);
    if (t == NULL) {
        return;
    }

    n = layr_kad_closest(t, id, now, c, LAYR_KAD_K);

    for (i = 0; i < n; i++) {

        if (c[i].failures == 0) {
            len = c[i].len;
            ngx_memcpy(text, c[i].text, len);
            ngx_memcpy(id, c[i].id, 32);
            break;
        }
    }

    ngx_http_layr_kad_read_done(bg->store);

    if (len) {
        bg->tokens--;
        ngx_http_layr_pings_ping(bg, id, text, len, 0);
    }
}
