
/* The store: one for each path, shared by all locations that name it. */


#ifndef _NGX_HTTP_LAYR_STORE_H_INCLUDED_
#define _NGX_HTTP_LAYR_STORE_H_INCLUDED_


#include "ngx_http_layr.h"


struct ngx_http_layr_db_s {
    layr_hostdb_t              *db;
    ngx_uint_t                  refs;
};


/* configuration: the store of this location, found or made */
ngx_http_layr_store_t *ngx_http_layr_store_add(ngx_conf_t *cf,
    ngx_http_layr_loc_conf_t *llcf);
/* master, never a test: a first start makes store and key */
ngx_int_t ngx_http_layr_store_prepare(ngx_cycle_t *cycle,
    ngx_http_layr_store_t *st);
ngx_int_t ngx_http_layr_owners_load(ngx_conf_t *cf, ngx_http_layr_store_t *st);
ngx_uint_t ngx_http_layr_owner_allowed(ngx_http_layr_store_t *st,
    u_char *owner);

/* identity; NGX_DECLINED: there is no key */
ngx_int_t ngx_http_layr_key_read(ngx_http_layr_store_t *st, ngx_str_t *file,
    ngx_log_t *log);
ngx_int_t ngx_http_layr_key_create(ngx_http_layr_store_t *st, uid_t owner,
    gid_t group, ngx_log_t *log);
void ngx_http_layr_key_wipe(ngx_http_layr_store_t *st);

/* threads: the open database, or NULL when the store is unavailable */
ngx_http_layr_db_t *ngx_http_layr_store_enter(ngx_http_layr_store_t *st,
    ngx_log_t *log);
void ngx_http_layr_store_leave(ngx_http_layr_store_t *st,
    ngx_http_layr_db_t *db);
/* event loop: is the store there?  a look at one small file */
ngx_uint_t ngx_http_layr_store_there(ngx_http_layr_store_t *st);

/* worker: housekeeping */
ngx_int_t ngx_http_layr_maintain_start(ngx_cycle_t *cycle,
    ngx_http_layr_store_t *st);


#endif /* _NGX_HTTP_LAYR_STORE_H_INCLUDED_ */
