
/* Looking after stored shards. */


#ifndef _NGX_HTTP_LAYR_SCRUB_H_INCLUDED_
#define _NGX_HTTP_LAYR_SCRUB_H_INCLUDED_


#include "ngx_http_layr.h"


/*
 * A month for all of it, as owners audit in full once a month: and no more
 * than a fortieth of what a disk of spinning rust reads.
 */

#define NGX_HTTP_LAYR_SCRUB_RATE   (4 * 1024 * 1024)
#define NGX_HTTP_LAYR_SCRUB_EVERY  (30 * 24 * 3600)


/* in shared memory; since the start, but for the times */

typedef struct {
    ngx_atomic_t                bytes;
    ngx_atomic_t                shards;
    ngx_atomic_t                damaged;
    ngx_atomic_t                missing;
    time_t                      began;         /* the pass under way */
    time_t                      finished;      /* the last whole one; 0 */
} ngx_http_layr_scrub_shared_t;


/* worker */
ngx_int_t ngx_http_layr_scrub_start(ngx_cycle_t *cycle,
    ngx_http_layr_store_t *st);
/* the directive */
char *ngx_http_layr_scrub(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);


#endif /* _NGX_HTTP_LAYR_SCRUB_H_INCLUDED_ */
