
/*
 * Shared memory: the store's totals, mirrored from its database, what PUTs
 * under way have reserved, which audits run, and counters.
 *
 * Reservations are kept by process slot, so that a worker that crashes does
 * not take its share along: the next process in its slot gives it back.
 */


#include "ngx_http_layr_zone.h"


#define NGX_HTTP_LAYR_ZONE_LAYOUT  4


static ngx_int_t ngx_http_layr_zone_init(ngx_shm_zone_t *shm_zone, void *data);
static ngx_int_t ngx_http_layr_zone_kad(ngx_http_layr_store_t *st,
    ngx_log_t *log);


ngx_int_t
ngx_http_layr_zone_add(ngx_conf_t *cf, ngx_http_layr_store_t *st)
{
    st->shm_zone = ngx_shared_memory_add(cf, &st->zone_name, st->zone_size,
                                         &ngx_http_layr_module);
    if (st->shm_zone == NULL) {
        return NGX_ERROR;
    }

    if (st->shm_zone->data) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the zone \"%V\" is another store's: every store "
                           "needs a \"layr_zone\" of its own",
                           &st->zone_name);
        return NGX_ERROR;
    }

    st->shm_zone->init = ngx_http_layr_zone_init;
    st->shm_zone->data = st;

    return NGX_OK;
}


static ngx_int_t
ngx_http_layr_zone_init(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_http_layr_store_t *ost = data;

    ngx_slab_pool_t        *shpool;
    ngx_http_layr_zone_t   *zone;
    ngx_http_layr_store_t  *st;

    st = shm_zone->data;

    /*
     * After an upgrade of the module's file a reload brings new code to old
     * memory: what it can't read it leaves to the old workers.
     */

    if (ost && ost->path.len == st->path.len
        && ngx_strncmp(ost->path.data, st->path.data, st->path.len) == 0
        && ost->zone->layout == NGX_HTTP_LAYR_ZONE_LAYOUT
        && ost->zone->size == sizeof(ngx_http_layr_zone_t))
    {
        st->zone = ost->zone;
        return ngx_http_layr_zone_kad(st, shm_zone->shm.log);
    }

    shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    zone = ngx_slab_calloc(shpool, sizeof(ngx_http_layr_zone_t));
    if (zone == NULL) {
        return NGX_ERROR;
    }

    zone->layout = NGX_HTTP_LAYR_ZONE_LAYOUT;
    zone->size = sizeof(ngx_http_layr_zone_t);
    zone->since = ngx_time();

    st->zone = zone;

    return ngx_http_layr_zone_kad(st, shm_zone->shm.log);
}


/* room for a routing table: it is made when the host's key is sure to be read */

static ngx_int_t
ngx_http_layr_zone_kad(ngx_http_layr_store_t *st, ngx_log_t *log)
{
    ngx_slab_pool_t      *shpool;
    ngx_http_layr_kad_t  *kad;

    if (st->advertise.len == 0 || st->zone->kad) {
        return NGX_OK;
    }

    shpool = (ngx_slab_pool_t *) st->shm_zone->shm.addr;

    /* not calloc: the pages of a table are touched when it fills */

    kad = ngx_slab_alloc(shpool, ngx_http_layr_kad_size());
    if (kad == NULL) {
        ngx_log_error(NGX_LOG_EMERG, log, 0,
                      "the zone \"%V\" has no room for the routing table of "
                      "a host with \"layr_advertise\": give \"layr_zone\" 2m",
                      &st->zone_name);
        return NGX_ERROR;
    }

    ngx_memzero(kad, sizeof(ngx_http_layr_kad_t));
    kad->writing = 1;

    st->zone->kad = kad;

    return NGX_OK;
}


void
ngx_http_layr_zone_start(ngx_http_layr_store_t *st)
{
    ngx_http_layr_zone_t  *zone;

    zone = st->zone;

    ngx_http_layr_zone_lock(st);
    zone->reserved -= zone->slots[ngx_process_slot];
    zone->slots[ngx_process_slot] = 0;
    ngx_http_layr_audit_forget(st);
    ngx_http_layr_zone_unlock(st);
}


ngx_int_t
ngx_http_layr_zone_reserve(ngx_http_layr_store_t *st, uint64_t size)
{
    uint64_t               used;
    ngx_int_t              rc;
    ngx_http_layr_zone_t  *zone;

    rc = NGX_DECLINED;
    zone = st->zone;

    ngx_http_layr_zone_lock(st);

    used = zone->totals.bytes + zone->totals.record_bytes + zone->reserved;

    if (size <= (uint64_t) st->capacity
        && used <= (uint64_t) st->capacity - size)
    {
        zone->reserved += size;
        zone->slots[ngx_process_slot] += size;
        rc = NGX_OK;
    }

    ngx_http_layr_zone_unlock(st);

    return rc;
}


void
ngx_http_layr_zone_release(ngx_http_layr_store_t *st, uint64_t size)
{
    ngx_http_layr_zone_t  *zone;

    zone = st->zone;

    ngx_http_layr_zone_lock(st);
    zone->reserved -= size;
    zone->slots[ngx_process_slot] -= size;
    ngx_http_layr_zone_unlock(st);
}


/* workers may come with their commits' totals out of order */

void
ngx_http_layr_zone_totals(ngx_http_layr_store_t *st,
    const layr_host_totals_t *totals)
{
    ngx_http_layr_zone_t  *zone;

    zone = st->zone;

    ngx_http_layr_zone_lock(st);

    if (totals->version > zone->totals.version) {
        zone->totals = *totals;
    }

    ngx_http_layr_zone_unlock(st);
}


ngx_uint_t
ngx_http_layr_zone_known(ngx_http_layr_store_t *st)
{
    ngx_uint_t  known;

    ngx_http_layr_zone_lock(st);
    known = st->zone->totals.version > 0;
    ngx_http_layr_zone_unlock(st);

    return known;
}


void
ngx_http_layr_zone_read(ngx_http_layr_store_t *st, layr_host_totals_t *totals,
    uint64_t *reserved, uint64_t *room)
{
    uint64_t               used;
    ngx_http_layr_zone_t  *zone;

    zone = st->zone;

    ngx_http_layr_zone_lock(st);
    *totals = zone->totals;
    *reserved = zone->reserved;
    ngx_http_layr_zone_unlock(st);

    used = totals->bytes + totals->record_bytes + *reserved;
    *room = used < (uint64_t) st->capacity ? st->capacity - used : 0;
}


void
ngx_http_layr_zone_refused(ngx_http_layr_store_t *st, ngx_uint_t problem)
{
    (void) ngx_atomic_fetch_add(&st->zone->refused[problem], 1);
}


void
ngx_http_layr_zone_lock(ngx_http_layr_store_t *st)
{
    ngx_slab_pool_t  *shpool;

    shpool = (ngx_slab_pool_t *) st->shm_zone->shm.addr;

    ngx_shmtx_lock(&shpool->mutex);
}


void
ngx_http_layr_zone_unlock(ngx_http_layr_store_t *st)
{
    ngx_slab_pool_t  *shpool;

    shpool = (ngx_slab_pool_t *) st->shm_zone->shm.addr;

    ngx_shmtx_unlock(&shpool->mutex);
}
