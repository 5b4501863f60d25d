
/* Audits, and what may be asked of a host's disk by them. */


#ifndef _NGX_HTTP_LAYR_AUDITS_H_INCLUDED_
#define _NGX_HTTP_LAYR_AUDITS_H_INCLUDED_


#include "ngx_http_layr.h"


/*
 * So many at a time, all workers together; and of one group.  Each keeps a
 * thread busy for a slice at a time.
 */
#define NGX_HTTP_LAYR_AUDITS            8
#define NGX_HTTP_LAYR_AUDITS_OF_GROUP   2

/*
 * What a group may have read in a day: so many times the bytes of its orders
 * here, and so much whatever they are; and of so many days at once.  The
 * worst day of who has all of it audited monthly and a sample of it daily,
 * which of small blobs is all of it, too: both again shard by shard after a
 * failure, and all of it before and after a repair, six times its bytes.
 */
#define NGX_HTTP_LAYR_AUDIT_TIMES       2
#define NGX_HTTP_LAYR_AUDIT_BYTES       (256 * 1024 * 1024)
#define NGX_HTTP_LAYR_AUDIT_DAYS        4

/* groups that were audited lately */
#define NGX_HTTP_LAYR_AUDIT_GROUPS      1024


typedef struct {
    u_char                      key[16];
    uint64_t                    until;         /* ms: when all that it has
                                                  spent is given back */
} ngx_http_layr_audit_group_t;


typedef struct {
    u_char                      key[16];
    ngx_int_t                   process;       /* slot + 1; 0: nobody */
} ngx_http_layr_audit_running_t;


/* under the slab pool's mutex, but for the counters */

typedef struct {
    ngx_http_layr_audit_running_t  running[NGX_HTTP_LAYR_AUDITS];
    ngx_http_layr_audit_group_t    groups[NGX_HTTP_LAYR_AUDIT_GROUPS];

    ngx_atomic_t                   answered;
    ngx_atomic_t                   given_up;   /* the client went away */
    ngx_atomic_t                   missing;    /* shards */
    ngx_atomic_t                   bytes;      /* read */
} ngx_http_layr_audits_shared_t;


/* what a challenge takes; on a thread */

typedef struct {
    u_char                      key[16];       /* of audit key and group */
    uint64_t                    group_bytes;
    uint64_t                    bytes;
    ngx_uint_t                  entered;       /* of running + 1 */
    uint64_t                    cost;          /* ms of a group's days */

    ngx_uint_t                  busy;          /* refused: too many run */
    ngx_uint_t                  wait;          /* seconds */
} ngx_http_layr_audit_share_t;


/* NGX_OK, until it is left; NGX_DECLINED: s says for how long */
ngx_int_t ngx_http_layr_audit_enter(ngx_http_layr_store_t *st,
    ngx_http_layr_audit_share_t *s, time_t now);
/* so many bytes were read; harmless when it was not entered */
void ngx_http_layr_audit_leave(ngx_http_layr_store_t *st,
    ngx_http_layr_audit_share_t *s, uint64_t bytes);
/* under the mutex: nothing of this process's slot runs */
void ngx_http_layr_audit_forget(ngx_http_layr_store_t *st);
ngx_uint_t ngx_http_layr_audits_running(ngx_http_layr_store_t *st);

/* the request ends */
void ngx_http_layr_audit_drop(ngx_http_layr_ctx_t *ctx);


#endif /* _NGX_HTTP_LAYR_AUDITS_H_INCLUDED_ */
