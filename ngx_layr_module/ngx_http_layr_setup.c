
/*
 * Stores as the configuration has them, and the first start.
 */


#include "ngx_http_layr_store.h"
#include "ngx_http_layr_contact.h"
#include "ngx_http_layr_zone.h"


static ngx_http_layr_store_t *ngx_http_layr_store_create(ngx_conf_t *cf,
    ngx_http_layr_main_conf_t *lmcf, ngx_http_layr_loc_conf_t *llcf);
static ngx_int_t ngx_http_layr_store_same(ngx_conf_t *cf,
    ngx_http_layr_store_t *st, ngx_http_layr_loc_conf_t *llcf);
static ngx_int_t ngx_http_layr_store_identify(ngx_conf_t *cf,
    ngx_http_layr_store_t *st);
static ngx_int_t ngx_http_layr_store_join(ngx_conf_t *cf,
    ngx_http_layr_store_t *st);
static ngx_path_t *ngx_http_layr_store_tmp(ngx_conf_t *cf,
    ngx_http_layr_store_t *st);
static void ngx_http_layr_store_cleanup(void *data);
static ngx_uint_t ngx_http_layr_store_same_seeds(ngx_array_t *a,
    ngx_array_t *b);


#define ngx_http_layr_str_eq(a, b)                                            \
    ((a)->len == (b)->len && ngx_strncmp((a)->data, (b)->data, (a)->len) == 0)


ngx_http_layr_store_t *
ngx_http_layr_store_add(ngx_conf_t *cf, ngx_http_layr_loc_conf_t *llcf)
{
    ngx_uint_t                   i;
    ngx_http_layr_store_t       *st, **stp;
    ngx_http_layr_main_conf_t   *lmcf;

    lmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_layr_module);

    st = NULL;
    stp = lmcf->stores.elts;

    for (i = 0; i < lmcf->stores.nelts; i++) {

        if (ngx_http_layr_str_eq(&stp[i]->path, &llcf->path)) {
            st = stp[i];

            if (ngx_http_layr_store_same(cf, st, llcf) != NGX_OK) {
                return NULL;
            }

            break;
        }

        if (ngx_http_layr_str_eq(&stp[i]->key, &llcf->key)) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "the stores \"%V\" and \"%V\" have the same "
                               "\"layr_key\": every host needs its own",
                               &stp[i]->path, &llcf->path);
            return NULL;
        }
    }

    if (st == NULL) {
        st = ngx_http_layr_store_create(cf, lmcf, llcf);
    }

    if (st == NULL || ngx_http_layr_store_join(cf, st) != NGX_OK) {
        return NULL;
    }

    return st;
}


static ngx_http_layr_store_t *
ngx_http_layr_store_create(ngx_conf_t *cf, ngx_http_layr_main_conf_t *lmcf,
    ngx_http_layr_loc_conf_t *llcf)
{
    ngx_pool_cleanup_t     *cln;
    ngx_http_layr_store_t  *st, **stp;

    stp = ngx_array_push(&lmcf->stores);
    cln = ngx_pool_cleanup_add(cf->pool, sizeof(ngx_http_layr_store_t));
    if (stp == NULL || cln == NULL) {
        return NULL;
    }

    st = cln->data;
    ngx_memzero(st, sizeof(ngx_http_layr_store_t));

    st->path = llcf->path;
    st->key = llcf->key;
    st->advertise = llcf->advertise;
    st->owners_file = llcf->owners_file;
    st->capacity = llcf->capacity;
    st->owner_quota = llcf->owner_quota;
    st->max_shard = llcf->max_shard;
    st->price = llcf->price;
    st->zone_name = llcf->zone_name;
    st->zone_size = llcf->zone_size;
    st->seeds = llcf->seeds;
    st->allow_private = llcf->allow_private;
    st->drain = llcf->drain;
    st->scrub_rate = llcf->scrub_rate;
    st->scrub_every = llcf->scrub_every;

    if (ngx_array_init(&st->servers, cf->pool, 2,
                       sizeof(ngx_http_core_srv_conf_t *))
        != NGX_OK)
    {
        return NULL;
    }

    if (pthread_mutex_init(&st->mutex, NULL) != 0) {
        return NULL;
    }

    cln->handler = ngx_http_layr_store_cleanup;

    st->tmp = ngx_http_layr_store_tmp(cf, st);

    if (st->tmp == NULL
        || ngx_http_layr_store_identify(cf, st) != NGX_OK
        || ngx_http_layr_owners_load(cf, st) != NGX_OK
        || ngx_http_layr_zone_add(cf, st) != NGX_OK)
    {
        return NULL;
    }

    *stp = st;

    return st;
}


/* the database of a worker that leaves, or of a configuration that is over */

static void
ngx_http_layr_store_cleanup(void *data)
{
    ngx_http_layr_store_t *st = data;

    if (st->db) {
        ngx_http_layr_store_leave(st, st->db);
        st->db = NULL;
    }

    ngx_http_layr_contact_free(st);
    ngx_http_layr_key_wipe(st);

    (void) pthread_mutex_destroy(&st->mutex);
}


static ngx_int_t
ngx_http_layr_store_same(ngx_conf_t *cf, ngx_http_layr_store_t *st,
    ngx_http_layr_loc_conf_t *llcf)
{
    const char  *what;

    what = !ngx_http_layr_str_eq(&st->key, &llcf->key) ? "layr_key"
         : !ngx_http_layr_str_eq(&st->advertise, &llcf->advertise)
               ? "layr_advertise"
         : !ngx_http_layr_str_eq(&st->owners_file, &llcf->owners_file)
               ? "layr_owners"
         : !ngx_http_layr_str_eq(&st->zone_name, &llcf->zone_name)
           || st->zone_size != llcf->zone_size ? "layr_zone"
         : st->capacity != llcf->capacity ? "layr_capacity"
         : st->owner_quota != llcf->owner_quota ? "layr_owner_quota"
         : st->max_shard != llcf->max_shard ? "layr_max_shard"
         : st->price != llcf->price ? "layr_price"
         : st->allow_private != (ngx_uint_t) llcf->allow_private
               ? "layr_allow_private"
         : st->drain != (ngx_uint_t) llcf->drain ? "layr_drain"
         : st->scrub_rate != llcf->scrub_rate
           || st->scrub_every != llcf->scrub_every ? "layr_scrub"
         : !ngx_http_layr_store_same_seeds(st->seeds, llcf->seeds)
               ? "layr_seed" : NULL;

    if (what == NULL) {
        return NGX_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "locations that share the store \"%V\" differ in "
                       "\"%s\": set it once for all, at http level",
                       &st->path, what);

    return NGX_ERROR;
}


static ngx_uint_t
ngx_http_layr_store_same_seeds(ngx_array_t *a, ngx_array_t *b)
{
    ngx_str_t   *p, *q;
    ngx_uint_t   i;

    if (a == b) {
        return 1;
    }

    if (a == NULL || b == NULL || a->nelts != b->nelts) {
        return 0;
    }

    p = a->elts;
    q = b->elts;

    for (i = 0; i < a->nelts; i++) {
        if (!ngx_http_layr_str_eq(&p[i], &q[i])) {
            return 0;
        }
    }

    return 1;
}


/*
 * The folder is not among nginx's own: those are made by "nginx -t" too, and
 * where the store is not mounted.
 */

static ngx_path_t *
ngx_http_layr_store_tmp(ngx_conf_t *cf, ngx_http_layr_store_t *st)
{
    ngx_path_t  *path;

    path = ngx_pcalloc(cf->pool, sizeof(ngx_path_t));
    if (path == NULL) {
        return NULL;
    }

    path->name.len = st->path.len + sizeof("/tmp") - 1;
    path->name.data = ngx_pnalloc(cf->pool, path->name.len + 1);
    if (path->name.data == NULL) {
        return NULL;
    }

    (void) ngx_sprintf(path->name.data, "%V/tmp%Z", &st->path);

    return path;
}


static ngx_int_t
ngx_http_layr_store_identify(ngx_conf_t *cf, ngx_http_layr_store_t *st)
{
    int              rc;
    ngx_int_t        n;
    ngx_file_info_t  fi;

    if (layr_init() != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the crypto libraries cannot be started");
        return NGX_ERROR;
    }

    if (ngx_file_info(st->path.data, &fi) != NGX_FILE_ERROR
        && !ngx_is_dir(&fi))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"layr_path\" is not a folder: \"%V\"", &st->path);
        return NGX_ERROR;
    }

    n = ngx_http_layr_key_read(st, &st->key, cf->log);

    if (n != NGX_DECLINED) {
        return n;
    }

    /* a first start, or one that was cut off; but never over a store */

    rc = layr_host_store_probe((char *) st->path.data, st->host);

    if (rc == LAYR_ERR_CONFLICT || rc == LAYR_ERR_UNAVAILABLE) {
        ngx_str_t  file;

        file.len = st->key.len + sizeof(".new") - 1;
        file.data = ngx_pnalloc(cf->pool, file.len + 1);
        if (file.data == NULL) {
            return NGX_ERROR;
        }

        (void) ngx_sprintf(file.data, "%V.new%Z", &st->key);

        if (ngx_file_info(file.data, &fi) != NGX_FILE_ERROR) {
            return NGX_OK;
        }

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "there is no host's key \"%V\", but \"%V\" holds "
                           "something already: put the key back, or set "
                           "\"layr_path\" to an empty folder",
                           &st->key, &st->path);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* the server block counts for the contact: its listens and certificates */

static ngx_int_t
ngx_http_layr_store_join(ngx_conf_t *cf, ngx_http_layr_store_t *st)
{
    ngx_uint_t                  i;
    ngx_http_core_srv_conf_t   *cscf, **servers;

    cscf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_core_module);
    servers = st->servers.elts;

    for (i = 0; i < st->servers.nelts; i++) {
        if (servers[i] == cscf) {
            return NGX_OK;
        }
    }

    servers = ngx_array_push(&st->servers);
    if (servers == NULL) {
        return NGX_ERROR;
    }

    *servers = cscf;

    return NGX_OK;
}


ngx_int_t
ngx_http_layr_store_prepare(ngx_cycle_t *cycle, ngx_http_layr_store_t *st)
{
    int               rc;
    uid_t             owner;
    gid_t             group;
    ngx_core_conf_t  *ccf;

    ccf = (ngx_core_conf_t *) ngx_get_conf(cycle->conf_ctx, ngx_core_module);

    st->first = ngx_is_init_cycle(cycle->old_cycle) && !ngx_inherited;

    if (st->seed == NULL) {
        owner = (uid_t) -1;
        group = (gid_t) -1;

        if (geteuid() == 0) {
            owner = ccf->user;
            group = ccf->group;
        }

        if (ngx_create_full_path(st->path.data, 0755) != 0) {
            ngx_log_error(NGX_LOG_EMERG, cycle->log, ngx_errno,
                          "cannot make the folder above \"%V\"", &st->path);
            return NGX_ERROR;
        }

        if (ngx_http_layr_key_create(st, owner, group, cycle->log) != NGX_OK) {
            return NGX_ERROR;
        }

        ngx_log_error(NGX_LOG_NOTICE, cycle->log, 0,
                      "layr: a new host: key \"%V\", store \"%V\"",
                      &st->key, &st->path);
        return NGX_OK;
    }

    rc = layr_host_store_probe((char *) st->path.data, st->host);

    /* the server starts: it may serve more than this, and the store come */

    if (rc != 0) {
        ngx_log_error(NGX_LOG_CRIT, cycle->log, 0,
                      "layr: the store \"%V\" is not this host's: %s; "
                      "requests get 503 until it is there", &st->path,
                      rc == LAYR_ERR_CONFLICT ? "host.id names another host"
                      : "host.id is missing: is it mounted?");
    }

    return NGX_OK;
}
