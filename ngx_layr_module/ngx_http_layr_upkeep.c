
/*
 * The routing table's upkeep: how a host joins, which bucket is looked up, what
 * is saved.
 */


#include "ngx_http_layr_background.h"
#include "ngx_http_layr_contact.h"
#include "ngx_http_layr_kad.h"


#define NGX_HTTP_LAYR_CONTACT_EVERY  60     /* seconds */
#define NGX_HTTP_LAYR_SAVE_EVERY     600
#define NGX_HTTP_LAYR_JOIN_EVERY     60
#define NGX_HTTP_LAYR_TELL_EVERY     3600

/*
 * A host that has just come looks at its own place again after this time, then
 * after four times as long, up to an hour: those who come together learn of
 * each other.
 */

#define NGX_HTTP_LAYR_YOUNG          2
#define NGX_HTTP_LAYR_YOUNG_LAST     2048


static void ngx_http_layr_upkeep_lock(void *data);
static void ngx_http_layr_upkeep_unlock(void *data);
static layr_time_t ngx_http_layr_upkeep_clock(void *data);
static ngx_int_t ngx_http_layr_upkeep_seeds(ngx_http_layr_background_t *bg);
static void ngx_http_layr_upkeep_contact(ngx_http_layr_background_t *bg,
    layr_time_t now);
static void ngx_http_layr_upkeep_refresh(ngx_http_layr_background_t *bg,
    layr_time_t now);
static void ngx_http_layr_upkeep_look(ngx_http_layr_background_t *bg,
    const uint8_t target[32], layr_time_t now);
static void ngx_http_layr_upkeep_join(ngx_http_layr_background_t *bg,
    layr_time_t now);
static void ngx_http_layr_upkeep_tell(ngx_http_layr_background_t *bg,
    layr_time_t now);
static ngx_uint_t ngx_http_layr_upkeep_size(ngx_http_layr_background_t *bg);


ngx_int_t
ngx_http_layr_upkeep_begin(ngx_http_layr_background_t *bg)
{
    layr_time_t         now;
    layr_dht_config_t   conf;

    ngx_memzero(&conf, sizeof(layr_dht_config_t));

    now = ngx_http_layr_background_clock(bg);

    bg->saved = now;
    bg->young_step = NGX_HTTP_LAYR_YOUNG;
    bg->young = now + bg->young_step;

    conf.net = bg->net;
    conf.reach = bg->store->allow_private ? LAYR_REACH_LOCAL
                                          : LAYR_REACH_PUBLIC;
    ngx_memcpy(conf.own, bg->store->host, 32);
    conf.table = bg->store->table;
    conf.lock = ngx_http_layr_upkeep_lock;
    conf.unlock = ngx_http_layr_upkeep_unlock;
    conf.lock_ctx = bg;
    conf.clock = ngx_http_layr_upkeep_clock;
    conf.clock_ctx = bg;
    conf.heard = ngx_http_layr_pings_heard;
    conf.heard_ctx = bg;

    if (layr_dht_new(&bg->dht, &conf) != 0) {
        return NGX_ERROR;
    }

    ngx_http_layr_pings_begin(bg, now);
    ngx_http_layr_upkeep_contact(bg, now);

    return ngx_http_layr_upkeep_seeds(bg);
}


void
ngx_http_layr_upkeep_end(ngx_http_layr_background_t *bg)
{
    layr_dht_lookup_drop(bg->lookup);
    bg->lookup = NULL;

    layr_dht_free(bg->dht);
    bg->dht = NULL;

    ngx_http_layr_snapshot_save(bg);
}


static void
ngx_http_layr_upkeep_lock(void *data)
{
    ngx_http_layr_background_t *bg = data;

    (void) ngx_http_layr_kad_write(bg->store);
}


static void
ngx_http_layr_upkeep_unlock(void *data)
{
    ngx_http_layr_background_t *bg = data;

    ngx_http_layr_kad_write_done(bg->store);
}


static layr_time_t
ngx_http_layr_upkeep_clock(void *data)
{
    return ngx_http_layr_background_clock(data);
}


static ngx_int_t
ngx_http_layr_upkeep_seeds(ngx_http_layr_background_t *bg)
{
    int           rc;
    char        **urls;
    ngx_str_t    *seed;
    ngx_uint_t    i;

    if (bg->store->seeds == NULL) {
        return NGX_OK;
    }

    seed = bg->store->seeds->elts;

    urls = ngx_alloc(bg->store->seeds->nelts * sizeof(char *), bg->log);
    if (urls == NULL) {
        return NGX_ERROR;
    }

    /* arguments of directives end with a zero */

    for (i = 0; i < bg->store->seeds->nelts; i++) {
        urls[i] = (char *) seed[i].data;
    }

    rc = layr_dht_seeds(bg->dht, (const char *const *) urls,
                        bg->store->seeds->nelts, NULL);
    ngx_free(urls);

    return rc == 0 ? NGX_OK : NGX_ERROR;
}


void
ngx_http_layr_upkeep_step(ngx_http_layr_background_t *bg)
{
    layr_time_t        now;
    layr_kad_table_t  *t;

    now = ngx_http_layr_background_clock(bg);

    ngx_http_layr_upkeep_contact(bg, now);
    ngx_http_layr_pings_step(bg, now);
    ngx_http_layr_upkeep_refresh(bg, now);
    ngx_http_layr_upkeep_join(bg, now);

    if (now - bg->expired >= NGX_HTTP_LAYR_CONTACT_EVERY) {
        bg->expired = now;

        t = ngx_http_layr_kad_write(bg->store);

        if (t) {
            (void) layr_kad_expire(t, now);
            ngx_http_layr_kad_write_done(bg->store);
        }
    }

    if (now - bg->saved >= NGX_HTTP_LAYR_SAVE_EVERY) {
        bg->saved = now;
        ngx_http_layr_snapshot_save(bg);
    }
}


/* what this host's own requests carry */

static void
ngx_http_layr_upkeep_contact(ngx_http_layr_background_t *bg, layr_time_t now)
{
    ngx_str_t  *contact;

    if (now - bg->contact_time < NGX_HTTP_LAYR_CONTACT_EVERY) {
        return;
    }

    bg->contact_time = now;

    contact = ngx_http_layr_contact(bg->store);

    if (contact
        && layr_dht_set_contact(bg->dht, (char *) contact->data) != 0)
    {
        ngx_log_error(NGX_LOG_ERR, bg->log, 0,
                      "layr: no memory for the contact");
    }
}


static void
ngx_http_layr_upkeep_refresh(ngx_http_layr_background_t *bg, layr_time_t now)
{
    uint8_t            random[32], target[32];
    ngx_uint_t         due;
    layr_kad_table_t  *t;

    if (bg->lookup) {

        if (!layr_dht_lookup_over(bg->lookup)) {
            return;
        }

        layr_dht_lookup_drop(bg->lookup);
        bg->lookup = NULL;
    }

    layr_random(random, 32);

    t = ngx_http_layr_kad_write(bg->store);
    if (t == NULL) {
        return;
    }

    due = layr_kad_refresh_due(t, now, random, target);

    ngx_http_layr_kad_write_done(bg->store);

    if (!due && bg->young && now >= bg->young
        && ngx_http_layr_upkeep_size(bg))
    {
        bg->young_step *= 4;
        bg->young = bg->young_step > NGX_HTTP_LAYR_YOUNG_LAST
                    ? 0 : now + bg->young_step;

        ngx_memcpy(target, bg->store->host, 32);
        due = 1;
    }

    if (due) {
        ngx_http_layr_upkeep_look(bg, target, now);
    }
}


static void
ngx_http_layr_upkeep_look(ngx_http_layr_background_t *bg,
    const uint8_t target[32], layr_time_t now)
{
    layr_kad_table_t        *t;
    layr_dht_lookup_opts_t   opts;

    ngx_memzero(&opts, sizeof(layr_dht_lookup_opts_t));
    ngx_memcpy(opts.target, target, 32);

    if (layr_dht_lookup(bg->dht, &bg->lookup, &opts) != 0) {
        bg->lookup = NULL;
        return;
    }

    ngx_http_layr_kad_count(bg->store, NGX_HTTP_LAYR_KAD_LOOKUPS, 1);

    t = ngx_http_layr_kad_write(bg->store);

    if (t) {
        layr_kad_looked(t, target, now);
        ngx_http_layr_kad_write_done(bg->store);
    }
}


/* nobody is known: the seeds are asked, and asked again */

static void
ngx_http_layr_upkeep_join(ngx_http_layr_background_t *bg, layr_time_t now)
{
    ngx_uint_t  n;

    n = ngx_http_layr_upkeep_size(bg);

    if (n) {
        if (!bg->joined) {
            bg->joined = 1;
            ngx_log_error(NGX_LOG_NOTICE, bg->log, 0,
                          "layr: in the network: %ui hosts answered", n);
        }

        return;
    }

    if (bg->store->seeds == NULL || bg->lookup) {
        return;
    }

    if (bg->joining == 0) {
        bg->joining = now;
        return;
    }

    if (now - bg->joining >= NGX_HTTP_LAYR_JOIN_EVERY) {
        bg->joining = now;
        ngx_http_layr_upkeep_tell(bg, now);
        (void) ngx_http_layr_upkeep_seeds(bg);
    }
}


static void
ngx_http_layr_upkeep_tell(ngx_http_layr_background_t *bg, layr_time_t now)
{
    bool          waiting;
    ngx_str_t    *seed;
    ngx_uint_t    i;
    layr_host_t   host;

    if (bg->told && now - bg->told < NGX_HTTP_LAYR_TELL_EVERY) {
        return;
    }

    bg->told = now;
    seed = bg->store->seeds->elts;

    for (i = 0; i < bg->store->seeds->nelts; i++) {

        if (layr_dht_seed(bg->dht, i, &host, &waiting) && host.error) {
            ngx_log_error(NGX_LOG_WARN, bg->log, 0,
                          "layr: the seed \"%V\" does not answer: %s",
                          &seed[i], host.error_text);
        }
    }
}


static ngx_uint_t
ngx_http_layr_upkeep_size(ngx_http_layr_background_t *bg)
{
    layr_kad_stats_t   stats;
    layr_kad_table_t  *t;

    t = ngx_http_layr_kad_read(bg->store);
    if (t == NULL) {
        return 0;
    }

    layr_kad_table_stats(t, &stats);
    ngx_http_layr_kad_read_done(bg->store);

    return stats.live;
}
