
/* What the workers share: space and counters. Kept over a reload. */


#ifndef _NGX_HTTP_LAYR_ZONE_H_INCLUDED_
#define _NGX_HTTP_LAYR_ZONE_H_INCLUDED_


#include "ngx_http_layr.h"
#include "ngx_http_layr_audits.h"
#include "ngx_http_layr_kad.h"
#include "ngx_http_layr_problem.h"
#include "ngx_http_layr_scrub.h"


struct ngx_http_layr_zone_s {
    uint32_t                    layout;        /* of this structure */
    uint32_t                    size;

    ngx_atomic_t                opened;        /* intents of dead processes
                                                  are resolved */
    time_t                      since;

    /* under the slab pool's mutex */

    layr_host_totals_t          totals;
    uint64_t                    reserved;
    uint64_t                    slots[NGX_MAX_PROCESSES];

    ngx_http_layr_audits_shared_t  audits;

    ngx_http_layr_scrub_shared_t   scrub;

    /* counters */

    ngx_atomic_t                calls[NGX_HTTP_LAYR_CALLS];
    ngx_atomic_t                refused[NGX_HTTP_LAYR_PROBLEMS];
    ngx_atomic_t                bytes_in;
    ngx_atomic_t                bytes_out;

    ngx_http_layr_kad_t        *kad;           /* of a host in the DHT */
};


ngx_int_t ngx_http_layr_zone_add(ngx_conf_t *cf, ngx_http_layr_store_t *st);
/* held for microseconds; nginx takes it from a process that dies */
void ngx_http_layr_zone_lock(ngx_http_layr_store_t *st);
void ngx_http_layr_zone_unlock(ngx_http_layr_store_t *st);
/* a process begins: what its slot's last owner had reserved is free */
void ngx_http_layr_zone_start(ngx_http_layr_store_t *st);
/* room for size bytes? NGX_OK: it is reserved; NGX_DECLINED */
ngx_int_t ngx_http_layr_zone_reserve(ngx_http_layr_store_t *st, uint64_t size);
void ngx_http_layr_zone_release(ngx_http_layr_store_t *st, uint64_t size);
void ngx_http_layr_zone_totals(ngx_http_layr_store_t *st,
    const layr_host_totals_t *totals);
/* totals have come since the start */
ngx_uint_t ngx_http_layr_zone_known(ngx_http_layr_store_t *st);
void ngx_http_layr_zone_read(ngx_http_layr_store_t *st,
    layr_host_totals_t *totals, uint64_t *reserved, uint64_t *room);
void ngx_http_layr_zone_refused(ngx_http_layr_store_t *st, ngx_uint_t problem);


#endif /* _NGX_HTTP_LAYR_ZONE_H_INCLUDED_ */
