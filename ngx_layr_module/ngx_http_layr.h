
/*
 * Layr: any nginx as a host of encrypted shards.
 *
 * What the files of the module share: the store, its shared memory, and the
 * state of a request.  A file of its own for each ability; the module file
 * holds directives only.
 */


#ifndef _NGX_HTTP_LAYR_H_INCLUDED_
#define _NGX_HTTP_LAYR_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include <pthread.h>

#include "layr/hostdb.h"
#include "layr/kad.h"
#include "layr/statement.h"


#if !(NGX_THREADS) && !(NGX_COMPAT)

/* the module is of no use then, and says so; but it builds */
typedef struct ngx_thread_pool_s  ngx_thread_pool_t;
typedef struct ngx_thread_task_s  ngx_thread_task_t;

#endif


typedef struct ngx_http_layr_store_s  ngx_http_layr_store_t;
typedef struct ngx_http_layr_zone_s   ngx_http_layr_zone_t;
typedef struct ngx_http_layr_db_s     ngx_http_layr_db_t;
typedef struct ngx_http_layr_ctx_s    ngx_http_layr_ctx_t;
typedef struct ngx_http_layr_audit_s  ngx_http_layr_audit_t;


typedef ngx_int_t (*ngx_http_layr_handler_pt)(ngx_http_request_t *r);
/* on a thread: reads the request's state, writes results into it */
typedef int (*ngx_http_layr_work_pt)(ngx_http_layr_ctx_t *ctx,
    layr_hostdb_t *db);
/* on the event loop, after the work: must finalize the request */
typedef void (*ngx_http_layr_done_pt)(ngx_http_request_t *r);


struct ngx_http_layr_store_s {
    /* configuration */

    ngx_str_t                   path;
    ngx_str_t                   key;
    ngx_str_t                   advertise;
    ngx_str_t                   owners_file;   /* empty: any */
    ngx_array_t                *owners;        /* of u_char[32], sorted */
    off_t                       capacity;
    off_t                       owner_quota;
    off_t                       max_shard;
    off_t                       price;
    ngx_str_t                   zone_name;
    size_t                      zone_size;
    ngx_array_t                *seeds;         /* of ngx_str_t; NULL: none */
    ngx_uint_t                  allow_private;
    ngx_uint_t                  drain;
    off_t                       scrub_rate;    /* bytes a second; 0: off */
    time_t                      scrub_every;

    ngx_path_t                 *tmp;
    ngx_thread_pool_t          *thread_pool;
    ngx_shm_zone_t             *shm_zone;
    ngx_http_layr_zone_t       *zone;
    layr_kad_table_t           *table;         /* in the zone */
    ngx_uint_t                  first;         /* no process of an earlier
                                                  cycle can be at work */
    ngx_array_t                 servers;       /* ngx_http_core_srv_conf_t * */

    /* identity */

    u_char                     *seed;          /* in guarded memory */
    u_char                      public[32];
    u_char                      host[32];
    ngx_uint_t                  h2c;
    ngx_uint_t                  npins;
    u_char                      pins[LAYR_PINS_MAX][32];

    /* this process's; the mutex guards db and failed */

    pthread_mutex_t             mutex;
    ngx_http_layr_db_t         *db;
    time_t                      failed;

    /* the event loop's */

    ngx_str_t                   contact;
    time_t                      contact_time;
    uint64_t                    contact_seq;
};


typedef struct {
    ngx_flag_t                  enable;
    ngx_str_t                   path;
    ngx_str_t                   key;
    ngx_str_t                   advertise;
    ngx_str_t                   owners_file;
    off_t                       capacity;
    off_t                       owner_quota;
    off_t                       max_shard;
    off_t                       price;
    ngx_str_t                   zone_name;
    size_t                      zone_size;
    ngx_array_t                *seeds;
    ngx_flag_t                  allow_private;
    ngx_flag_t                  drain;
    off_t                       scrub_rate;
    time_t                      scrub_every;

    ngx_http_layr_store_t      *store;
    ngx_http_core_loc_conf_t   *clcf;
    ngx_thread_pool_t          *thread_pool;
    off_t                       max_body;
} ngx_http_layr_loc_conf_t;


typedef struct {
    ngx_array_t                 stores;        /* ngx_http_layr_store_t * */
} ngx_http_layr_main_conf_t;


struct ngx_http_layr_ctx_s {
    ngx_http_request_t         *request;
    ngx_http_layr_store_t      *store;

    u_char                      id[32];        /* of the path */
    uint64_t                    group;         /* network of who asks */

    /* a task under way; one after another */

    ngx_thread_task_t          *task;
    ngx_http_layr_work_pt       work;
    ngx_http_layr_done_pt       done;
    int                         rc;
    layr_time_t                 now;
    layr_diag_t                *diag;

    /* the body: a blob is hashed and goes to a file, others stay here */

    layr_hash_t                *hash;
    off_t                       received;
    time_t                      started;
    u_char                     *body;
    size_t                      body_size;

    /* PUT of a shard */

    layr_order_t                order;
    layr_time_t                 exp;
    uint64_t                    reserved;
    int                         fd;
    char                       *temp;

    /* orders, records */

    layr_orders_t              *orders;
    layr_orders_answer_t       *answer;
    layr_record_t               record;
    layr_buf_t                  jws;

    ngx_http_layr_audit_t      *audit;

    /* headers of a blob, which a problem takes back */

    ngx_table_elt_t            *cache_control;
    ngx_table_elt_t            *repr_digest;

    ngx_uint_t                  retry_after;   /* seconds, of a 429 */

    ngx_buf_t                  *problem;       /* in place of nginx's page */

    /* an answer that waits for the end of the body */

    ngx_uint_t                  status;
    const char                 *type;
    ngx_str_t                   answer_body;

    unsigned                    reading:1;
    unsigned                    draining:1;
    unsigned                    moved:1;       /* the body's file has left tmp/ */
    unsigned                    answered:1;    /* the answer is ours */
    unsigned                    replaced:1;
    unsigned                    replace_sent:1;
};


extern ngx_module_t  ngx_http_layr_module;


/* one for each call; the order of ngx_http_layr_call_names */

typedef enum {
    NGX_HTTP_LAYR_CALL_NODE = 0,
    NGX_HTTP_LAYR_CALL_SHARD_PUT,
    NGX_HTTP_LAYR_CALL_SHARD_GET,
    NGX_HTTP_LAYR_CALL_ORDERS,
    NGX_HTTP_LAYR_CALL_AUDITS,
    NGX_HTTP_LAYR_CALL_RECORD_PUT,
    NGX_HTTP_LAYR_CALL_RECORD_GET,
    NGX_HTTP_LAYR_CALL_CLOSEST,
    NGX_HTTP_LAYR_CALL_STATUS,
    NGX_HTTP_LAYR_CALL_METRICS,
    NGX_HTTP_LAYR_CALLS
} ngx_http_layr_call_t;


#define NGX_HTTP_LAYR_BODY_MAX  65536


ngx_int_t ngx_http_layr_handler(ngx_http_request_t *r);
ngx_http_layr_ctx_t *ngx_http_layr_get_ctx(ngx_http_request_t *r);

ngx_int_t ngx_http_layr_node_handler(ngx_http_request_t *r);
ngx_int_t ngx_http_layr_put_handler(ngx_http_request_t *r);
ngx_int_t ngx_http_layr_get_handler(ngx_http_request_t *r);
ngx_int_t ngx_http_layr_orders_handler(ngx_http_request_t *r);
ngx_int_t ngx_http_layr_audits_handler(ngx_http_request_t *r);
ngx_int_t ngx_http_layr_record_put_handler(ngx_http_request_t *r);
ngx_int_t ngx_http_layr_record_get_handler(ngx_http_request_t *r);
ngx_int_t ngx_http_layr_closest_handler(ngx_http_request_t *r);
ngx_int_t ngx_http_layr_status_handler(ngx_http_request_t *r);
ngx_int_t ngx_http_layr_metrics_handler(ngx_http_request_t *r);


#endif /* _NGX_HTTP_LAYR_H_INCLUDED_ */
