
/*
 * Shared memory: the store's totals, mirrored from its database, what PUTs
 * under way have reserved, and counters.
 *
 * Reservations are kept by process slot, so that a worker that crashes does
 * not take its share along: the next process in its slot gives it back.
 */


#include "ngx_http_layr_zone.h"


#define NGX_HTTP_LAYR_ZONE_LAYOUT  1


static ngx_int_t ngx_http_layr_zone_init(ngx_shm_zone_t *shm_zone, void *data);
static ngx_shmtx_t *ngx_http_layr_zone_mutex(ngx_http_layr_store_t *st);


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
        return NGX_OK;
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

    return NGX_OK;
}


void
ngx_http_layr_zone_start(ngx_http_layr_store_t *st)
{
    ngx_shmtx_t           *mutex;
    ngx_http_layr_zone_t  *zone;

    zone = st->zone;
    mutex = ngx_http_layr_zone_mutex(st);

    ngx_shmtx_lock(mutex);
    zone->reserved -= zone->slots[ngx_process_slot];
    zone->slots[ngx_process_slot] = 0;
    ngx_shmtx_unlock(mutex);
}


ngx_int_t
ngx_http_layr_zone_reserve(ngx_http_layr_store_t *st, uint64_t size)
{
    uint64_t               used;
    ngx_int_t              rc;
    ngx_shmtx_t           *mutex;
    ngx_http_layr_zone_t  *zone;

    rc = NGX_DECLINED;
    zone = st->zone;
    mutex = ngx_http_layr_zone_mutex(st);

    ngx_shmtx_lock(mutex);

    used = zone->totals.bytes + zone->totals.record_bytes + zone->reserved;

    if (size <= (uint64_t) st->capacity
        && used <= (uint64_t) st->capacity - size)
    {
        zone->reserved += size;
        zone->slots[ngx_process_slot] += size;
        rc = NGX_OK;
    }

    ngx_shmtx_unlock(mutex);

    return rc;
}


void
ngx_http_layr_zone_release(ngx_http_layr_store_t *st, uint64_t size)
{
    ngx_shmtx_t           *mutex;
    ngx_http_layr_zone_t  *zone;

    zone = st->zone;
    mutex = ngx_http_layr_zone_mutex(st);

    ngx_shmtx_lock(mutex);
    zone->reserved -= size;
    zone->slots[ngx_process_slot] -= size;
    ngx_shmtx_unlock(mutex);
}


/* workers may come with their commits' totals out of order */

void
ngx_http_layr_zone_totals(ngx_http_layr_store_t *st,
    const layr_host_totals_t *totals)
{
    ngx_shmtx_t           *mutex;
    ngx_http_layr_zone_t  *zone;

    zone = st->zone;
    mutex = ngx_http_layr_zone_mutex(st);

    ngx_shmtx_lock(mutex);

    if (totals->version > zone->totals.version) {
        zone->totals = *totals;
    }

    ngx_shmtx_unlock(mutex);
}


void
ngx_http_layr_zone_read(ngx_http_layr_store_t *st, layr_host_totals_t *totals,
    uint64_t *reserved, uint64_t *room)
{
    uint64_t               used;
    ngx_shmtx_t           *mutex;
    ngx_http_layr_zone_t  *zone;

    zone = st->zone;
    mutex = ngx_http_layr_zone_mutex(st);

    ngx_shmtx_lock(mutex);
    *totals = zone->totals;
    *reserved = zone->reserved;
    ngx_shmtx_unlock(mutex);

    used = totals->bytes + totals->record_bytes + *reserved;
    *room = used < (uint64_t) st->capacity ? st->capacity - used : 0;
}


void
ngx_http_layr_zone_refused(ngx_http_layr_store_t *st, ngx_uint_t problem)
{
    (void) ngx_atomic_fetch_add(&st->zone->refused[problem], 1);
}


static ngx_shmtx_t *
ngx_http_layr_zone_mutex(ngx_http_layr_store_t *st)
{
    ngx_slab_pool_t  *shpool;

    shpool = (ngx_slab_pool_t *) st->shm_zone->shm.addr;

    return &shpool->mutex;
}
