
/*
 * The module's directives, which docs/operating.md describes.
 */


#include "ngx_http_layr.h"
#include "ngx_http_layr_background.h"
#include "ngx_http_layr_contact.h"
#include "ngx_http_layr_filter.h"
#include "ngx_http_layr_scrub.h"
#include "ngx_http_layr_store.h"
#include "ngx_http_layr_zone.h"


#define NGX_HTTP_LAYR_BODY_BUFFER  (128 * 1024)
#define NGX_HTTP_LAYR_ZONE_MIN     (64 * 1024)
#define NGX_HTTP_LAYR_ZONE_TABLE   (2 * 1024 * 1024)


static void *ngx_http_layr_create_main_conf(ngx_conf_t *cf);
static void *ngx_http_layr_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_layr_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child);
static char *ngx_http_layr_merge_paths(ngx_conf_t *cf,
    ngx_http_layr_loc_conf_t *prev, ngx_http_layr_loc_conf_t *conf);
static char *ngx_http_layr_enable(ngx_conf_t *cf,
    ngx_http_layr_loc_conf_t *prev, ngx_http_layr_loc_conf_t *conf);
static char *ngx_http_layr_set_core(ngx_conf_t *cf,
    ngx_http_core_loc_conf_t *pclcf, ngx_http_layr_loc_conf_t *conf);
static char *ngx_http_layr_store(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_layr_file(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_layr_owners(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_layr_advertise(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_layr_zone(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_layr_seed(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static ngx_uint_t ngx_http_layr_seed_ok(ngx_str_t *seed);
static char *ngx_http_layr_check_zone(ngx_conf_t *cf,
    ngx_http_layr_loc_conf_t *conf);
static ngx_int_t ngx_http_layr_postconfiguration(ngx_conf_t *cf);
static ngx_int_t ngx_http_layr_init_module(ngx_cycle_t *cycle);
static ngx_int_t ngx_http_layr_init_process(ngx_cycle_t *cycle);


static ngx_command_t  ngx_http_layr_commands[] = {

    { ngx_string("layr_store"),
      NGX_HTTP_LOC_CONF|NGX_CONF_FLAG,
      ngx_http_layr_store,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_layr_loc_conf_t, enable),
      NULL },

    { ngx_string("layr_path"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_layr_file,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_layr_loc_conf_t, path),
      NULL },

    { ngx_string("layr_key"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_layr_file,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_layr_loc_conf_t, key),
      NULL },

    { ngx_string("layr_capacity"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_off_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_layr_loc_conf_t, capacity),
      NULL },

    { ngx_string("layr_owners"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_layr_owners,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_layr_loc_conf_t, owners_file),
      NULL },

    { ngx_string("layr_owner_quota"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_off_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_layr_loc_conf_t, owner_quota),
      NULL },

    { ngx_string("layr_price"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_off_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_layr_loc_conf_t, price),
      NULL },

    { ngx_string("layr_max_shard"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_off_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_layr_loc_conf_t, max_shard),
      NULL },

    { ngx_string("layr_advertise"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_layr_advertise,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_layr_loc_conf_t, advertise),
      NULL },

    { ngx_string("layr_zone"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_layr_zone,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_layr_loc_conf_t, zone_name),
      NULL },

    { ngx_string("layr_seed"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_layr_seed,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_layr_loc_conf_t, seeds),
      NULL },

    { ngx_string("layr_allow_private"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_layr_loc_conf_t, allow_private),
      NULL },

    { ngx_string("layr_drain"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_layr_loc_conf_t, drain),
      NULL },

    { ngx_string("layr_scrub"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE12,
      ngx_http_layr_scrub,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_layr_module_ctx = {
    NULL,                                  /* preconfiguration */
    ngx_http_layr_postconfiguration,       /* postconfiguration */

    ngx_http_layr_create_main_conf,        /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_http_layr_create_loc_conf,         /* create location configuration */
    ngx_http_layr_merge_loc_conf           /* merge location configuration */
};


ngx_module_t  ngx_http_layr_module = {
    NGX_MODULE_V1,
    &ngx_http_layr_module_ctx,             /* module context */
    ngx_http_layr_commands,                /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    ngx_http_layr_init_module,             /* init module */
    ngx_http_layr_init_process,            /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_str_t  ngx_http_layr_default_path = ngx_string("/var/lib/layr");
static ngx_str_t  ngx_http_layr_default_key = ngx_string("/etc/layr/node.key");


static void *
ngx_http_layr_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_layr_main_conf_t  *lmcf;

    lmcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_layr_main_conf_t));
    if (lmcf == NULL) {
        return NULL;
    }

    if (ngx_array_init(&lmcf->stores, cf->pool, 1,
                       sizeof(ngx_http_layr_store_t *))
        != NGX_OK)
    {
        return NULL;
    }

    return lmcf;
}


static void *
ngx_http_layr_create_loc_conf(ngx_conf_t *cf)
{
    ngx_http_layr_loc_conf_t  *conf;

    conf = ngx_pcalloc(cf->pool, sizeof(ngx_http_layr_loc_conf_t));
    if (conf == NULL) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     conf->path, key, zone_name = { 0, NULL };
     *     conf->zone_size = 0;
     *     conf->store = NULL;
     *     conf->clcf = NULL;
     *     conf->thread_pool = NULL;
     *     conf->max_body = 0;
     */

    conf->enable = NGX_CONF_UNSET;
    conf->capacity = NGX_CONF_UNSET;
    conf->owner_quota = NGX_CONF_UNSET;
    conf->max_shard = NGX_CONF_UNSET;
    conf->price = NGX_CONF_UNSET;
    conf->seeds = NGX_CONF_UNSET_PTR;
    conf->allow_private = NGX_CONF_UNSET;
    conf->drain = NGX_CONF_UNSET;
    conf->scrub_rate = NGX_CONF_UNSET;
    conf->scrub_every = NGX_CONF_UNSET;

    return conf;
}


static char *
ngx_http_layr_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_layr_loc_conf_t *prev = parent;
    ngx_http_layr_loc_conf_t *conf = child;

    ngx_conf_merge_off_value(conf->capacity, prev->capacity,
                             (off_t) 10 * 1024 * 1024 * 1024);
    ngx_conf_merge_off_value(conf->owner_quota, prev->owner_quota,
                             (off_t) 1024 * 1024 * 1024);
    ngx_conf_merge_off_value(conf->max_shard, prev->max_shard,
                             (off_t) 64 * 1024 * 1024);
    ngx_conf_merge_off_value(conf->price, prev->price, 0);
    ngx_conf_merge_ptr_value(conf->seeds, prev->seeds, NULL);
    ngx_conf_merge_value(conf->allow_private, prev->allow_private, 0);
    ngx_conf_merge_value(conf->drain, prev->drain, 0);
    ngx_conf_merge_off_value(conf->scrub_rate, prev->scrub_rate,
                             NGX_HTTP_LAYR_SCRUB_RATE);
    ngx_conf_merge_sec_value(conf->scrub_every, prev->scrub_every,
                             NGX_HTTP_LAYR_SCRUB_EVERY);

    if (ngx_http_layr_merge_paths(cf, prev, conf) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    conf->clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (conf->enable == NGX_CONF_UNSET) {

        /* "if" and "limit_except" blocks are of their location */

        conf->enable = (conf->clcf->noname || conf->clcf->lmt_excpt)
                       && prev->enable == 1;
    }

    if (conf->enable) {
        return ngx_http_layr_enable(cf, prev, conf);
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_layr_merge_paths(ngx_conf_t *cf, ngx_http_layr_loc_conf_t *prev,
    ngx_http_layr_loc_conf_t *conf)
{
    ngx_conf_merge_str_value(conf->advertise, prev->advertise, "");
    ngx_conf_merge_str_value(conf->owners_file, prev->owners_file, "");

    if (conf->path.data == NULL) {
        conf->path = prev->path.data ? prev->path : ngx_http_layr_default_path;
    }

    if (conf->key.data == NULL) {
        conf->key = prev->key.data ? prev->key : ngx_http_layr_default_key;
    }

    if (conf->zone_name.data == NULL) {
        conf->zone_name = prev->zone_name;
        conf->zone_size = prev->zone_size;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_layr_enable(ngx_conf_t *cf, ngx_http_layr_loc_conf_t *prev,
    ngx_http_layr_loc_conf_t *conf)
{
    if (conf->capacity == 0 || conf->max_shard == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"layr_capacity\" and \"layr_max_shard\" must be "
                           "above zero");
        return NGX_CONF_ERROR;
    }

    if (conf->zone_name.data == NULL) {

        /* one for each store, without a word in the configuration */

        conf->zone_name.len = sizeof("layr:") - 1 + conf->path.len;
        conf->zone_name.data = ngx_pnalloc(cf->pool, conf->zone_name.len);
        if (conf->zone_name.data == NULL) {
            return NGX_CONF_ERROR;
        }

        (void) ngx_sprintf(conf->zone_name.data, "layr:%V", &conf->path);
        conf->zone_size = conf->advertise.len ? NGX_HTTP_LAYR_ZONE_TABLE
                                              : 1024 * 1024;
    }

    if (ngx_http_layr_check_zone(cf, conf) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    conf->store = ngx_http_layr_store_add(cf, conf);
    if (conf->store == NULL) {
        return NGX_CONF_ERROR;
    }

    return ngx_http_layr_set_core(cf, prev->clcf, conf);
}


static char *
ngx_http_layr_check_zone(ngx_conf_t *cf, ngx_http_layr_loc_conf_t *conf)
{
    if (conf->advertise.len && conf->zone_size < NGX_HTTP_LAYR_ZONE_TABLE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"layr_zone\" is too small: a host with "
                           "\"layr_advertise\" keeps its routing table there "
                           "and needs 2m");
        return NGX_CONF_ERROR;
    }

    if (conf->seeds && conf->advertise.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"layr_seed\" needs \"layr_advertise\": a host "
                           "without a URL stays out of the network");
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/*
 * What a store needs of nginx's core.  What the location itself sets stays;
 * what it inherits was not meant for shards.
 */

static char *
ngx_http_layr_set_core(ngx_conf_t *cf, ngx_http_core_loc_conf_t *pclcf,
    ngx_http_layr_loc_conf_t *conf)
{
    ngx_http_core_loc_conf_t  *clcf;

    clcf = conf->clcf;
    clcf->handler = ngx_http_layr_handler;

#if (NGX_THREADS)

    conf->thread_pool = clcf->thread_pool;

    if (conf->thread_pool == NULL) {
        conf->thread_pool = ngx_thread_pool_add(cf, NULL);
        if (conf->thread_pool == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    if (conf->store->thread_pool == NULL) {
        conf->store->thread_pool = conf->thread_pool;
    }

#endif

    if (pclcf == NULL
        || clcf->client_body_temp_path == pclcf->client_body_temp_path)
    {
        clcf->client_body_temp_path = conf->store->tmp;
    }

    if (pclcf == NULL
        || clcf->client_body_buffer_size == pclcf->client_body_buffer_size)
    {
        clcf->client_body_buffer_size = NGX_HTTP_LAYR_BODY_BUFFER;
    }

    /* the module refuses bodies itself: nginx would answer with a page */

    if (pclcf && clcf->client_max_body_size != pclcf->client_max_body_size) {
        conf->max_body = clcf->client_max_body_size;
    }

    clcf->client_max_body_size = 0;

    return NGX_CONF_OK;
}


static char *
ngx_http_layr_store(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_layr_loc_conf_t *llcf = conf;

    char                      *rv;
    ngx_http_core_loc_conf_t  *clcf;

    rv = ngx_conf_set_flag_slot(cf, cmd, conf);

    if (rv != NGX_CONF_OK || llcf->enable == 0) {
        return rv;
    }

#if !(NGX_THREADS)
    return "needs an nginx that was built with --with-threads";
#endif

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->named || clcf->exact_match
#if (NGX_PCRE)
        || clcf->regex
#endif
       )
    {
        return "needs a location with a prefix, such as \"location /\" or "
               "\"location /layr/\"";
    }

    return NGX_CONF_OK;
}


/* paths are relative to the prefix, as nginx's own stores' are */

static char *
ngx_http_layr_file(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char       *p = conf;

    size_t      len;
    ngx_str_t  *field, *value;

    field = (ngx_str_t *) (p + cmd->offset);

    if (field->data) {
        return "is duplicate";
    }

    value = cf->args->elts;
    len = value[1].len;

    while (len > 1 && value[1].data[len - 1] == '/') {
        len--;
    }

    if (len == 0) {
        return "has an empty value";
    }

    field->len = len;
    field->data = ngx_pnalloc(cf->pool, len + 1);
    if (field->data == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_cpystrn(field->data, value[1].data, len + 1);

    if (ngx_conf_full_name(cf->cycle, field, 0) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_layr_owners(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_layr_loc_conf_t *llcf = conf;

    ngx_str_t  *value;

    if (llcf->owners_file.data) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "any") == 0) {
        ngx_str_set(&llcf->owners_file, "");
        return NGX_CONF_OK;
    }

    return ngx_http_layr_file(cf, cmd, conf);
}


static char *
ngx_http_layr_advertise(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_layr_loc_conf_t *llcf = conf;

    ngx_str_t  *value;

    if (llcf->advertise.data) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (!layr_url_ok((char *) value[1].data, value[1].len)) {
        return "needs a URL such as \"https://host.example\" or "
               "\"https://host.example:8443/layr\": http or https, no \"/\" "
               "at the end, no query, at most 200 characters";
    }

    llcf->advertise = value[1];

    return NGX_CONF_OK;
}


static char *
ngx_http_layr_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_layr_loc_conf_t *llcf = conf;

    u_char     *p;
    ssize_t     size;
    ngx_str_t  *value, s;

    if (llcf->zone_name.data) {
        return "is duplicate";
    }

    value = cf->args->elts;

    p = (u_char *) ngx_strchr(value[1].data, ':');

    if (p == NULL || p == value[1].data) {
        return "must be NAME:SIZE";
    }

    s.data = p + 1;
    s.len = value[1].data + value[1].len - s.data;

    size = ngx_parse_size(&s);

    if (size == NGX_ERROR) {
        return "has an invalid size";
    }

    if (size < NGX_HTTP_LAYR_ZONE_MIN) {
        return "is too small: it needs 64k";
    }

    llcf->zone_name.data = value[1].data;
    llcf->zone_name.len = p - value[1].data;
    llcf->zone_size = size;

    return NGX_CONF_OK;
}


/* URL or URL#<host id>, any number */

static char *
ngx_http_layr_seed(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_layr_loc_conf_t *llcf = conf;

    ngx_str_t   *value, *seed;
    ngx_uint_t   i;

    if (llcf->seeds == NGX_CONF_UNSET_PTR) {
        llcf->seeds = ngx_array_create(cf->pool, cf->args->nelts,
                                       sizeof(ngx_str_t));
        if (llcf->seeds == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        if (!ngx_http_layr_seed_ok(&value[i])) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"layr_seed\" needs URLs such as "
                               "\"https://host.example\" or "
                               "\"https://192.0.2.1:8443#<host id>\", not "
                               "\"%V\"", &value[i]);
            return NGX_CONF_ERROR;
        }

        seed = ngx_array_push(llcf->seeds);
        if (seed == NULL) {
            return NGX_CONF_ERROR;
        }

        *seed = value[i];
    }

    return NGX_CONF_OK;
}


static ngx_uint_t
ngx_http_layr_seed_ok(ngx_str_t *seed)
{
    u_char      *p, id[32];
    ngx_uint_t   len;

    p = ngx_strlchr(seed->data, seed->data + seed->len, '#');
    len = p ? (ngx_uint_t) (p - seed->data) : seed->len;

    if (!layr_url_ok((char *) seed->data, len)) {
        return 0;
    }

    return p == NULL
           || layr_unhex(id, 32, (char *) p + 1, seed->len - len - 1) == 0;
}


static ngx_int_t
ngx_http_layr_postconfiguration(ngx_conf_t *cf)
{
    ngx_uint_t                   i;
    ngx_http_layr_store_t      **stp;
    ngx_http_layr_main_conf_t   *lmcf;

    lmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_layr_module);

    if (lmcf->stores.nelts == 0) {
        return NGX_OK;
    }

    stp = lmcf->stores.elts;

    for (i = 0; i < lmcf->stores.nelts; i++) {
        if (ngx_http_layr_contact_init(cf, stp[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return ngx_http_layr_filter_init(cf);
}


static ngx_int_t
ngx_http_layr_init_module(ngx_cycle_t *cycle)
{
    ngx_uint_t                   i;
    ngx_http_layr_store_t      **stp;
    ngx_http_layr_main_conf_t   *lmcf;

    lmcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_layr_module);

    /* a test of the configuration makes nothing */

    if (lmcf == NULL || ngx_test_config) {
        return NGX_OK;
    }

    stp = lmcf->stores.elts;

    for (i = 0; i < lmcf->stores.nelts; i++) {
        if (ngx_http_layr_store_prepare(cycle, stp[i]) != NGX_OK
            || ngx_http_layr_kad_start(stp[i], cycle->log) != NGX_OK
            || ngx_http_layr_background_add(cycle, stp[i]) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_layr_init_process(ngx_cycle_t *cycle)
{
    ngx_uint_t                   i;
    ngx_http_layr_store_t      **stp;
    ngx_http_layr_main_conf_t   *lmcf;

    lmcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_layr_module);

    if (lmcf == NULL
        || (ngx_process != NGX_PROCESS_WORKER
            && ngx_process != NGX_PROCESS_SINGLE))
    {
        return NGX_OK;
    }

    stp = lmcf->stores.elts;

    for (i = 0; i < lmcf->stores.nelts; i++) {

        ngx_http_layr_zone_start(stp[i]);

        if (ngx_http_layr_maintain_start(cycle, stp[i]) != NGX_OK
            || ngx_http_layr_scrub_start(cycle, stp[i]) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}
