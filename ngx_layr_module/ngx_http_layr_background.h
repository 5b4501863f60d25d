
/*
 * The background: a thread of its own in nginx's cache manager process, for
 * what takes part in the DHT without being asked.  It opens the store itself,
 * as the workers' user.
 */


#ifndef _NGX_HTTP_LAYR_BACKGROUND_H_INCLUDED_
#define _NGX_HTTP_LAYR_BACKGROUND_H_INCLUDED_


#include "ngx_http_layr.h"

#include <stdatomic.h>

#include "layr/dht.h"
#include "layr/net.h"


#define NGX_HTTP_LAYR_SILENT  256


typedef struct ngx_http_layr_background_s  ngx_http_layr_background_t;
typedef struct ngx_http_layr_restore_s     ngx_http_layr_restore_t;


struct ngx_http_layr_background_s {
    ngx_http_layr_store_t       *store;
    ngx_log_t                   *log;

    ngx_uint_t                   started;
    pthread_t                    thread;
    atomic_int                   stop;
    ngx_fd_t                     lock;

    layr_net_t                  *net;
    layr_dht_t                  *dht;

    /* upkeep */

    layr_time_t                  contact_time;   /* of what is sent along */
    layr_time_t                  expired;
    layr_time_t                  saved;
    layr_time_t                  young;          /* next look at the own place */
    layr_time_t                  young_step;
    layr_time_t                  joining;        /* seeds were asked last */
    layr_time_t                  told;           /* that they are silent */
    ngx_uint_t                   joined;
    layr_dht_lookup_t           *lookup;         /* to refresh a bucket */

    layr_time_t                  second;         /* pings: a bucket of tokens */
    ngx_uint_t                   tokens;

    struct {
        uint64_t                 group;
        layr_time_t              at;
    } silent[NGX_HTTP_LAYR_SILENT];              /* networks whose offers led
                                                    nowhere */

    ngx_http_layr_restore_t     *restore;
};


/* master: the cache manager will run it */
ngx_int_t ngx_http_layr_background_add(ngx_cycle_t *cycle,
    ngx_http_layr_store_t *st);
/* seconds since 1970, for periods: a build for tests may let them fly */
layr_time_t ngx_http_layr_background_clock(ngx_http_layr_background_t *bg);

/* join, refresh, save */
ngx_int_t ngx_http_layr_upkeep_begin(ngx_http_layr_background_t *bg);
void ngx_http_layr_upkeep_step(ngx_http_layr_background_t *bg);
void ngx_http_layr_upkeep_end(ngx_http_layr_background_t *bg);

/* who enters the table, and who stays */
void ngx_http_layr_pings_begin(ngx_http_layr_background_t *bg,
    layr_time_t now);
void ngx_http_layr_pings_step(ngx_http_layr_background_t *bg,
    layr_time_t now);
/* data: background; a contact that a lookup came by */
void ngx_http_layr_pings_heard(void *data, const layr_kad_contact_t *c);

/* the table on disk */
void ngx_http_layr_snapshot_load(ngx_http_layr_background_t *bg);
void ngx_http_layr_snapshot_save(ngx_http_layr_background_t *bg);

/* records: given on hourly, and to hosts that came closer */
ngx_int_t ngx_http_layr_restore_begin(ngx_http_layr_background_t *bg);
/* NGX_AGAIN: requests are under way */
ngx_int_t ngx_http_layr_restore_step(ngx_http_layr_background_t *bg);
void ngx_http_layr_restore_newcomer(ngx_http_layr_background_t *bg,
    const layr_host_t *host);
void ngx_http_layr_restore_end(ngx_http_layr_background_t *bg);


#endif /* _NGX_HTTP_LAYR_BACKGROUND_H_INCLUDED_ */
