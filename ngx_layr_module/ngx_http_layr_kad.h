
/*
 * The host's routing table, in the store's shared memory: every worker reads
 * it, the background thread alone changes it.  And the contacts that workers
 * were shown, for that thread to look at.
 */


#ifndef _NGX_HTTP_LAYR_KAD_H_INCLUDED_
#define _NGX_HTTP_LAYR_KAD_H_INCLUDED_


#include "ngx_http_layr.h"

#include "layr/kad.h"


/*
 * Contacts that wait to be pinged: few, as each costs a connection, and but
 * two of one network, so that no flood keeps others out.
 */

#define NGX_HTTP_LAYR_OFFERS        64
#define NGX_HTTP_LAYR_OFFERS_GROUP  2
#define NGX_HTTP_LAYR_SHOWN         256   /* remembered, not to queue again */


/* the order of ngx_http_layr_kad_counter_names; those from BAD_ on are
   contacts that were not taken */

typedef enum {
    NGX_HTTP_LAYR_KAD_PINGS = 0,
    NGX_HTTP_LAYR_KAD_PINGS_FAILED,
    NGX_HTTP_LAYR_KAD_LOOKUPS,
    NGX_HTTP_LAYR_KAD_OFFERS,        /* contacts shown by others */
    NGX_HTTP_LAYR_KAD_GIVEN,         /* records, to others */
    NGX_HTTP_LAYR_KAD_GIVEN_FAILED,
    NGX_HTTP_LAYR_KAD_NEWER,         /* newer ones, found while giving */
    NGX_HTTP_LAYR_KAD_EVICTED,       /* records that gave way to closer ones */
    NGX_HTTP_LAYR_KAD_BAD_QUEUE,
    NGX_HTTP_LAYR_KAD_BAD_FORM,
    NGX_HTTP_LAYR_KAD_BAD_SIGNATURE,
    NGX_HTTP_LAYR_KAD_BAD_EXPIRED,
    NGX_HTTP_LAYR_KAD_BAD_FUTURE,
    NGX_HTTP_LAYR_KAD_BAD_URL,
    NGX_HTTP_LAYR_KAD_BAD_ADDRESS,
    NGX_HTTP_LAYR_KAD_BAD_SILENT,
    NGX_HTTP_LAYR_KAD_BAD_IDENTITY,
    NGX_HTTP_LAYR_KAD_BAD_RATE,
    NGX_HTTP_LAYR_KAD_COUNTERS
} ngx_http_layr_kad_counter_t;


typedef struct {
    uint64_t                    group;         /* of who sent it, or */
    ngx_uint_t                  loopback;      /* this machine did */
    uint32_t                    len;
    u_char                      text[LAYR_CONTACT_MAX];
} ngx_http_layr_offer_t;


/* in shared memory; all but the counters under the zone's mutex */

typedef struct {
    ngx_uint_t                  writing;       /* who died while it was set
                                                  left a table half changed */
    ngx_uint_t                  first;
    ngx_uint_t                  count;
    ngx_http_layr_offer_t       offers[NGX_HTTP_LAYR_OFFERS];
    uint64_t                    shown[NGX_HTTP_LAYR_SHOWN];
    ngx_atomic_t                counters[NGX_HTTP_LAYR_KAD_COUNTERS];
    uint64_t                    table[];
} ngx_http_layr_kad_t;


/* bytes of the zone that it takes */
size_t ngx_http_layr_kad_size(void);
/* master: the table as it is, or a new one where it is not whole */
ngx_int_t ngx_http_layr_kad_start(ngx_http_layr_store_t *st, ngx_log_t *log);

/*
 * The table, locked; NULL without one, and where its writer has died at work:
 * then nothing is locked.  For a short time: no system call while it is held.
 */
layr_kad_table_t *ngx_http_layr_kad_read(ngx_http_layr_store_t *st);
void ngx_http_layr_kad_read_done(ngx_http_layr_store_t *st);
/* the same to change it: the background thread's */
layr_kad_table_t *ngx_http_layr_kad_write(ngx_http_layr_store_t *st);
void ngx_http_layr_kad_write_done(ngx_http_layr_store_t *st);

/* worker: a request's Layr-Contact is noted for the background thread */
void ngx_http_layr_kad_show(ngx_http_request_t *r, ngx_http_layr_store_t *st);
/* background: the next of those; NGX_DECLINED: none */
ngx_int_t ngx_http_layr_kad_shown(ngx_http_layr_store_t *st,
    ngx_http_layr_offer_t *offer);
/* the network that a request comes from; 0: none */
uint64_t ngx_http_layr_kad_group_of(ngx_http_request_t *r);
/* of an http or https URL whose host is an address 127.x.x.x; 0: it is not */
uint64_t ngx_http_layr_kad_loopback(const char *url);

void ngx_http_layr_kad_count(ngx_http_layr_store_t *st,
    ngx_http_layr_kad_counter_t counter, ngx_uint_t n);


#endif /* _NGX_HTTP_LAYR_KAD_H_INCLUDED_ */
