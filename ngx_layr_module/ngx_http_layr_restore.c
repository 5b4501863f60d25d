
/*
 * Records are given on: what nobody gave for an hour, to the hosts closest to
 * each of its three places; and all that a host which has just entered the
 * table is closer to than others, to it.
 *
 * One of the two at a time, and of it one batch of requests: the hour is long,
 * and the first of a place's holders to begin spares the others theirs.
 */


#include "ngx_http_layr_background.h"
#include "ngx_http_layr_contact.h"
#include "ngx_http_layr_kad.h"
#include "ngx_http_layr_store.h"


#define NGX_HTTP_LAYR_PLACES     3
#define NGX_HTTP_LAYR_NEWCOMERS  32
#define NGX_HTTP_LAYR_WALK       64        /* records looked at in one step */
#define NGX_HTTP_LAYR_PAUSE      60        /* seconds, after a failure */


/* a request of the batch */

typedef struct {
    layr_call_t                call;
    layr_host_t                host;
    layr_buf_t                 jws;        /* of a record of its own */
    ngx_uint_t                 sent;
    atomic_int                 over;
    u_char                     own[LAYR_JWS_MAX];  /* a 412's */
} ngx_http_layr_give_t;


typedef enum {
    NGX_HTTP_LAYR_RESTORE_IDLE = 0,
    NGX_HTTP_LAYR_RESTORE_LOOKUP,          /* where does it belong? */
    NGX_HTTP_LAYR_RESTORE_GIVE,            /* to the hosts of one place */
    NGX_HTTP_LAYR_RESTORE_HAND_OVER        /* to a newcomer */
} ngx_http_layr_restore_state_t;


struct ngx_http_layr_restore_s {
    ngx_http_layr_background_t     *bg;
    ngx_http_layr_restore_state_t   state;
    layr_time_t                     paused;    /* until then */

    /* of a record that is due */

    uint8_t                         here[32];  /* the place it is at here */
    layr_buf_t                      jws;
    layr_record_t                   record;
    uint8_t                         place[NGX_HTTP_LAYR_PLACES][32];
    layr_dht_lookup_t              *lookup[NGX_HTTP_LAYR_PLACES];
    ngx_uint_t                      at;        /* place that is given to */

    /* hosts that came, and how far the first of them has been served */

    layr_host_t                     newcomers[NGX_HTTP_LAYR_NEWCOMERS];
    ngx_uint_t                      nnewcomers;
    uint8_t                         walked[32];

    char                            header[LAYR_CONTACT_MAX + 32];
    ngx_http_layr_give_t            give[LAYR_KAD_HOLDERS];
    ngx_uint_t                      ngive;
};


static void ngx_http_layr_restore_due(ngx_http_layr_restore_t *rs,
    layr_hostdb_t *db);
static ngx_int_t ngx_http_layr_restore_load(ngx_http_layr_restore_t *rs,
    layr_hostdb_t *db, layr_time_t now);
static void ngx_http_layr_restore_lookup(ngx_http_layr_restore_t *rs,
    layr_hostdb_t *db);
static void ngx_http_layr_restore_place(ngx_http_layr_restore_t *rs,
    layr_hostdb_t *db);
static void ngx_http_layr_restore_keep(ngx_http_layr_restore_t *rs,
    layr_hostdb_t *db, const uint8_t place[32]);
static void ngx_http_layr_restore_done(ngx_http_layr_restore_t *rs,
    layr_hostdb_t *db);
static void ngx_http_layr_restore_drop(ngx_http_layr_restore_t *rs);

static void ngx_http_layr_restore_walk(ngx_http_layr_restore_t *rs,
    layr_hostdb_t *db);
static ngx_uint_t ngx_http_layr_restore_wants(ngx_http_layr_restore_t *rs,
    const uint8_t place[32], const uint8_t newcomer[32]);
static void ngx_http_layr_restore_served(ngx_http_layr_restore_t *rs);

static ngx_http_layr_give_t *ngx_http_layr_restore_give(
    ngx_http_layr_restore_t *rs, const layr_host_t *host,
    const uint8_t place[32], const u_char *jws, size_t len);
static void ngx_http_layr_restore_given(layr_req_t *req);
static ngx_uint_t ngx_http_layr_restore_waits(ngx_http_layr_restore_t *rs);
static void ngx_http_layr_restore_take(ngx_http_layr_restore_t *rs,
    layr_hostdb_t *db);
static void ngx_http_layr_restore_newer(ngx_http_layr_restore_t *rs,
    layr_hostdb_t *db, ngx_http_layr_give_t *g);


ngx_int_t
ngx_http_layr_restore_begin(ngx_http_layr_background_t *bg)
{
    bg->restore = ngx_calloc(sizeof(ngx_http_layr_restore_t), bg->log);

    if (bg->restore == NULL) {
        return NGX_ERROR;
    }

    bg->restore->bg = bg;

    return NGX_OK;
}


void
ngx_http_layr_restore_end(ngx_http_layr_background_t *bg)
{
    ngx_uint_t                i;
    ngx_http_layr_restore_t  *rs;

    rs = bg->restore;
    if (rs == NULL) {
        return;
    }

    for (i = 0; i < rs->ngive; i++) {
        layr_net_cancel(bg->net, &rs->give[i].call.req);
    }

    while (ngx_http_layr_restore_waits(rs)) {
        ngx_msleep(1);
    }

    ngx_http_layr_restore_take(rs, NULL);
    ngx_http_layr_restore_drop(rs);

    ngx_free(rs);
    bg->restore = NULL;
}


ngx_int_t
ngx_http_layr_restore_step(ngx_http_layr_background_t *bg)
{
    ngx_http_layr_db_t       *db;
    ngx_http_layr_restore_t  *rs;

    rs = bg->restore;

    if (rs->state == NGX_HTTP_LAYR_RESTORE_IDLE
        && ngx_http_layr_background_clock(bg) < rs->paused)
    {
        return NGX_OK;
    }

    if (ngx_http_layr_restore_waits(rs)) {
        return NGX_AGAIN;
    }

    db = ngx_http_layr_store_enter(bg->store, bg->log);

    ngx_http_layr_restore_take(rs, db ? db->db : NULL);

    if (db == NULL) {
        ngx_http_layr_restore_drop(rs);
        rs->paused = ngx_http_layr_background_clock(bg) + NGX_HTTP_LAYR_PAUSE;
        return NGX_OK;
    }

    switch (rs->state) {

    case NGX_HTTP_LAYR_RESTORE_IDLE:
        ngx_http_layr_restore_due(rs, db->db);
        break;

    case NGX_HTTP_LAYR_RESTORE_LOOKUP:
        ngx_http_layr_restore_lookup(rs, db->db);
        break;

    case NGX_HTTP_LAYR_RESTORE_GIVE:
        ngx_http_layr_restore_place(rs, db->db);
        break;

    case NGX_HTTP_LAYR_RESTORE_HAND_OVER:
        ngx_http_layr_restore_walk(rs, db->db);
        break;
    }

    ngx_http_layr_store_leave(bg->store, db);

    return rs->state == NGX_HTTP_LAYR_RESTORE_IDLE ? NGX_OK : NGX_AGAIN;
}


/* --- a record that is due --- */


static void
ngx_http_layr_restore_due(ngx_http_layr_restore_t *rs, layr_hostdb_t *db)
{
    ngx_uint_t                   i;
    layr_time_t                  now;
    layr_kad_stats_t             stats;
    layr_kad_table_t            *t;
    layr_dht_lookup_opts_t       opts;
    ngx_http_layr_background_t  *bg;

    bg = rs->bg;
    now = ngx_http_layr_background_clock(bg);

    if (rs->nnewcomers) {
        rs->state = NGX_HTTP_LAYR_RESTORE_HAND_OVER;
        return;
    }

    /* alone in the world: there is nobody to give to */

    t = ngx_http_layr_kad_read(bg->store);
    if (t == NULL) {
        return;
    }

    layr_kad_table_stats(t, &stats);
    ngx_http_layr_kad_read_done(bg->store);

    if (stats.live == 0
        || ngx_http_layr_restore_load(rs, db, now) != NGX_OK)
    {
        return;
    }

    for (i = 0; i < NGX_HTTP_LAYR_PLACES; i++) {

        ngx_memzero(&opts, sizeof(layr_dht_lookup_opts_t));
        ngx_memcpy(opts.target, rs->place[i], 32);

        if (layr_dht_lookup(bg->dht, &rs->lookup[i], &opts) != 0) {
            ngx_http_layr_restore_drop(rs);
            rs->paused = now + NGX_HTTP_LAYR_PAUSE;
            return;
        }

        ngx_http_layr_kad_count(bg->store, NGX_HTTP_LAYR_KAD_LOOKUPS, 1);
    }

    rs->at = 0;
    rs->state = NGX_HTTP_LAYR_RESTORE_LOOKUP;
}


static ngx_int_t
ngx_http_layr_restore_load(ngx_http_layr_restore_t *rs, layr_hostdb_t *db,
    layr_time_t now)
{
    int         rc;
    ngx_uint_t  n;

    rc = layr_hostdb_record_due(db, now, rs->here, &rs->jws, NULL);

    if (rc == LAYR_ERR_NOTFOUND) {
        return NGX_DECLINED;
    }

    if (rc == 0) {
        rc = layr_record_parse(&rs->record, (char *) rs->jws.p, rs->jws.len,
                               time(NULL));
    }

    for (n = 0; rc == 0 && n < NGX_HTTP_LAYR_PLACES; n++) {
        rc = layr_record_place(rs->place[n], rs->record.id, n);
    }

    if (rc == 0) {
        return NGX_OK;
    }

    /* not now: expired within the clocks' skew, or no memory */

    (void) !layr_hostdb_record_given(db, rs->here, now, NULL);
    ngx_http_layr_restore_drop(rs);

    return NGX_DECLINED;
}


static void
ngx_http_layr_restore_lookup(ngx_http_layr_restore_t *rs, layr_hostdb_t *db)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_HTTP_LAYR_PLACES; i++) {
        if (!layr_dht_lookup_over(rs->lookup[i])) {
            return;
        }
    }

    rs->state = NGX_HTTP_LAYR_RESTORE_GIVE;

    ngx_http_layr_restore_place(rs, db);
}


/* to the hosts closest to one of the places, this host being one of them */

static void
ngx_http_layr_restore_place(ngx_http_layr_restore_t *rs, layr_hostdb_t *db)
{
    uint8_t      *place;
    unsigned      i, n, to;
    layr_host_t   hosts[LAYR_KAD_HOLDERS];

    if (rs->at == NGX_HTTP_LAYR_PLACES) {
        ngx_http_layr_restore_done(rs, db);
        return;
    }

    place = rs->place[rs->at];
    n = layr_dht_lookup_closest(rs->lookup[rs->at], hosts, LAYR_KAD_HOLDERS);
    to = n;

    if (n < LAYR_KAD_HOLDERS
        || layr_kad_closer(place, rs->bg->store->host, hosts[n - 1].id) < 0)
    {
        ngx_http_layr_restore_keep(rs, db, place);
        to = ngx_min(n, LAYR_KAD_HOLDERS - 1);
    }

    for (i = 0; i < to; i++) {
        (void) ngx_http_layr_restore_give(rs, &hosts[i], place, rs->jws.p,
                                          rs->jws.len);
    }

    rs->at++;
}


/* this host is a holder, too */

static void
ngx_http_layr_restore_keep(ngx_http_layr_restore_t *rs, layr_hostdb_t *db,
    const uint8_t place[32])
{
    layr_record_offer_t  o;

    ngx_memzero(&o, sizeof(layr_record_offer_t));

    ngx_memcpy(o.place, place, 32);
    o.r = &rs->record;
    o.jws = (char *) rs->jws.p;
    o.len = rs->jws.len;
    o.now = time(NULL);

    if (layr_hostdb_record_put(db, &o, NULL) == 0) {
        ngx_http_layr_kad_count(rs->bg->store, NGX_HTTP_LAYR_KAD_EVICTED,
                                o.evicted);
    }

    layr_buf_free(&o.own);
}


static void
ngx_http_layr_restore_done(ngx_http_layr_restore_t *rs, layr_hostdb_t *db)
{
    layr_time_t  now;

    now = ngx_http_layr_background_clock(rs->bg);

    if (layr_hostdb_record_given(db, rs->here, now, NULL) != 0) {
        rs->paused = now + NGX_HTTP_LAYR_PAUSE;
    }

    ngx_http_layr_restore_drop(rs);
}


static void
ngx_http_layr_restore_drop(ngx_http_layr_restore_t *rs)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_HTTP_LAYR_PLACES; i++) {
        layr_dht_lookup_drop(rs->lookup[i]);
        rs->lookup[i] = NULL;
    }

    layr_record_free(&rs->record);
    layr_buf_free(&rs->jws);
    layr_buf_init(&rs->jws);

    rs->state = NGX_HTTP_LAYR_RESTORE_IDLE;
}


/* --- a host that came --- */


void
ngx_http_layr_restore_newcomer(ngx_http_layr_background_t *bg,
    const layr_host_t *host)
{
    ngx_uint_t                i;
    ngx_http_layr_restore_t  *rs;

    rs = bg->restore;

    if (rs == NULL) {
        return;
    }

    for (i = 0; i < rs->nnewcomers; i++) {
        if (ngx_memcmp(rs->newcomers[i].id, host->id, 32) == 0) {
            return;
        }
    }

    /* those for whom there is no room get theirs within the hour */

    if (rs->nnewcomers < NGX_HTTP_LAYR_NEWCOMERS) {
        ngx_memcpy(&rs->newcomers[rs->nnewcomers], host, sizeof(layr_host_t));
        rs->nnewcomers++;
    }
}


/* a step over the records: a batch of those it should have */

static void
ngx_http_layr_restore_walk(ngx_http_layr_restore_t *rs, layr_hostdb_t *db)
{
    int           rc;
    ngx_uint_t    i;
    layr_buf_t    jws;
    layr_time_t   now;
    layr_host_t  *host;

    now = ngx_http_layr_background_clock(rs->bg);
    host = &rs->newcomers[0];

    for (i = 0; i < NGX_HTTP_LAYR_WALK && rs->ngive < LAYR_KAD_HOLDERS; i++) {

        rc = layr_hostdb_record_next(db, now, rs->walked, &jws, NULL);

        if (rc == 0
            && ngx_http_layr_restore_wants(rs, rs->walked, host->id))
        {
            ngx_http_layr_give_t  *g;

            g = ngx_http_layr_restore_give(rs, host, rs->walked, jws.p,
                                           jws.len);
            if (g) {
                g->jws = jws;
                continue;
            }
        }

        layr_buf_free(&jws);

        if (rc != 0) {
            ngx_http_layr_restore_served(rs);
            return;
        }
    }
}


/* of all that are known the one closest to the place hands it over */

static ngx_uint_t
ngx_http_layr_restore_wants(ngx_http_layr_restore_t *rs,
    const uint8_t place[32], const uint8_t newcomer[32])
{
    unsigned             i, n;
    ngx_uint_t           wants;
    layr_kad_table_t    *t;
    layr_kad_contact_t   c[LAYR_KAD_HOLDERS];

    t = ngx_http_layr_kad_read(rs->bg->store);
    if (t == NULL) {
        return 0;
    }

    wants = 0;

    n = layr_kad_closest(t, place, ngx_http_layr_background_clock(rs->bg), c,
                         LAYR_KAD_HOLDERS);

    for (i = 0; i < n; i++) {

        if (ngx_memcmp(c[i].id, newcomer, 32) == 0) {
            wants = 1;

        } else if (layr_kad_closer(place, c[i].id, rs->bg->store->host) < 0) {
            wants = 0;
            break;
        }
    }

    ngx_http_layr_kad_read_done(rs->bg->store);

    return wants;
}


static void
ngx_http_layr_restore_served(ngx_http_layr_restore_t *rs)
{
    rs->nnewcomers--;

    ngx_memmove(&rs->newcomers[0], &rs->newcomers[1],
                rs->nnewcomers * sizeof(layr_host_t));

    ngx_memzero(rs->walked, 32);

    rs->state = NGX_HTTP_LAYR_RESTORE_IDLE;
}


/* --- the batch --- */


/* jws must stay until the batch is taken */

static ngx_http_layr_give_t *
ngx_http_layr_restore_give(ngx_http_layr_restore_t *rs,
    const layr_host_t *host, const uint8_t place[32], const u_char *jws,
    size_t len)
{
    ngx_uint_t             i;
    ngx_str_t             *contact;
    ngx_http_layr_give_t  *g;

    if (rs->ngive == 0) {

        contact = ngx_http_layr_contact(rs->bg->store);
        rs->header[0] = '\0';

        if (contact && contact->len <= LAYR_CONTACT_MAX) {
            (void) ngx_sprintf((u_char *) rs->header, "Layr-Contact: %V%Z",
                               contact);
        }
    }

    g = &rs->give[rs->ngive];

    ngx_memcpy(&g->host, host, sizeof(layr_host_t));
    layr_buf_init(&g->jws);
    atomic_store(&g->over, 0);

    if (layr_call_put_record(&g->call, &g->host, place, (const char *) jws,
                             len, g->own, sizeof(g->own))
        != 0)
    {
        layr_call_free(&g->call);
        return NULL;
    }

    for (i = 0; g->call.headers[i]; i++) { /* void */ }

    if (rs->header[0]) {
        g->call.headers[i] = rs->header;
    }

    g->call.req.ctx = g;
    g->call.req.done = ngx_http_layr_restore_given;

    if (layr_net_submit(rs->bg->net, &g->call.req) != 0) {
        layr_call_free(&g->call);
        return NULL;
    }

    rs->ngive++;

    return g;
}


/* on the transport's thread */

static void
ngx_http_layr_restore_given(layr_req_t *req)
{
    ngx_http_layr_give_t  *g;

    g = req->ctx;

    atomic_store(&g->over, 1);
}


static ngx_uint_t
ngx_http_layr_restore_waits(ngx_http_layr_restore_t *rs)
{
    ngx_uint_t  i;

    for (i = 0; i < rs->ngive; i++) {
        if (!atomic_load(&rs->give[i].over)) {
            return 1;
        }
    }

    return 0;
}


static void
ngx_http_layr_restore_take(ngx_http_layr_restore_t *rs, layr_hostdb_t *db)
{
    int                     rc;
    ngx_uint_t              i;
    ngx_http_layr_give_t   *g;

    for (i = 0; i < rs->ngive; i++) {
        g = &rs->give[i];
        rc = layr_call_result(&g->call);

        ngx_http_layr_kad_count(rs->bg->store,
                                rc == 0 || rc == LAYR_ERR_CONFLICT
                                ? NGX_HTTP_LAYR_KAD_GIVEN
                                : NGX_HTTP_LAYR_KAD_GIVEN_FAILED, 1);

        if (rc == LAYR_ERR_CONFLICT && db) {
            ngx_http_layr_restore_newer(rs, db, g);
        }

        layr_call_free(&g->call);
        layr_buf_free(&g->jws);
    }

    rs->ngive = 0;
}


/* the other holder has one that it would not give away: is it newer? */

static void
ngx_http_layr_restore_newer(ngx_http_layr_restore_t *rs, layr_hostdb_t *db,
    ngx_http_layr_give_t *g)
{
    size_t               len;
    layr_record_t        r;
    layr_record_offer_t  o;

    len = g->call.req.error_len ? g->call.req.error_len
                                : g->call.req.into_len;

    if (layr_record_parse(&r, (char *) g->own, len, time(NULL)) != 0) {
        return;
    }

    ngx_memzero(&o, sizeof(layr_record_offer_t));

    ngx_memcpy(o.place, g->call.id, 32);
    o.r = &r;
    o.jws = (char *) g->own;
    o.len = len;
    o.now = time(NULL);

    if (layr_record_place_of(&r, o.place) >= 0
        && layr_hostdb_record_put(db, &o, NULL) == 0)
    {
        ngx_http_layr_kad_count(rs->bg->store, NGX_HTTP_LAYR_KAD_NEWER, 1);
    }

    layr_buf_free(&o.own);
    layr_record_free(&r);
}
