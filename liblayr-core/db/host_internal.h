/* Private to db/host*.c. */
#ifndef LAYR_DB_HOST_INTERNAL_H
#define LAYR_DB_HOST_INTERNAL_H

#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <sys/stat.h>

#include "layr/hostdb.h"

#define LAYR_HOST_PATH_MAX 4096

/* Every statement the host runs, prepared when first wanted; the texts are in host_sql.c. */
typedef enum layr_host_query {
    Q_BEGIN,
    Q_COMMIT,
    Q_ROLLBACK,
    Q_SAVE,
    Q_SAVE_BACK,
    Q_SAVE_DONE,
    Q_TOTALS,
    Q_TOTALS_SET,
    Q_ORDER,
    Q_ORDER_ADD,
    Q_ORDER_DROP,
    Q_ORDER_RENEW,
    Q_ORDERS_EXPIRED,
    Q_SHARD_ORDERED,
    Q_TOMB,
    Q_TOMB_ADD,
    Q_TOMBS_UNTIL,
    Q_TOMBS_EXPIRE,
    Q_OWNER,
    Q_OWNER_ADD,
    Q_OWNER_DROP,
    Q_GROUP,
    Q_GROUP_ADD,
    Q_GROUP_TAKE,
    Q_GROUP_DROP,
    Q_GROUP_ANY,
    Q_GROUP_SHARD,
    Q_SHARD,
    Q_SHARD_ADD,
    Q_SHARD_DROP,
    Q_SHARD_NEXT,
    Q_SCRUB,
    Q_SCRUB_SET,
    Q_INTENT,
    Q_INTENT_ADD,
    Q_INTENT_DROP,
    Q_INTENTS,
    Q_SHARD_INTENDED,
    Q_LOOSE,
    Q_LOOSE_ADD,
    Q_LOOSE_DROP,
    Q_RECORD,
    Q_RECORD_SET,
    Q_RECORD_DROP,
    Q_RECORD_GIVEN,
    Q_RECORD_DUE,
    Q_RECORD_NEXT,
    Q_RECORDS_EXPIRED,
    Q_RECORD_FARTHEST,
    Q_NETWORK,
    Q_NETWORK_ADD,
    Q_NETWORK_DROP,
    Q_COUNT
} layr_host_query_t;

typedef struct layr_host_conn {
    sqlite3 *sql;
    sqlite3_stmt *stmt[Q_COUNT];
    uint8_t own[32]; /* the host's id */
} layr_host_conn_t;

typedef struct layr_host_op layr_host_op_t;

/* An intent of a PUT that is under way in this process; id 0: not yet. Linked while the PUT lasts. */
typedef struct layr_host_intent {
    int64_t id; /* the leader's, inside a transaction */
    struct layr_host_intent *next;
} layr_host_intent_t;

struct layr_hostdb {
    layr_hostdb_config_t c;
    char path[LAYR_HOST_PATH_MAX];
    struct stat sentinel; /* of host.id, as it was at open */
    layr_host_conn_t write, read;
    pthread_mutex_t read_mutex; /* for `read` */
    pthread_mutex_t mutex;      /* for the queue below; `write` belongs to the leader */
    pthread_cond_t settled;
    bool leading;
    layr_host_op_t *first, **last;
    pthread_mutex_t intent_mutex; /* for the list below */
    layr_host_intent_t *intents;
    atomic_bool stranded;        /* an intent whose PUT is over could not be dropped */
    layr_host_totals_t totals;   /* the leader's, inside a transaction */
    layr_host_totals_t seen;     /* as of the last commit; under mutex */
    atomic_uchar durable[65536]; /* folders ab/cd whose names this process has synced */
};

/* host_sql.c */
int layr_host_conn_open(layr_host_conn_t *c, const char *path, const uint8_t own[32],
                        layr_diag_t *d) LAYR_CHECKED;
void layr_host_conn_close(layr_host_conn_t *c);
/* The statement, reset and with nothing bound; NULL: LAYR_ERR_DB. */
sqlite3_stmt *layr_host_stmt(layr_host_conn_t *c, layr_host_query_t q);
/* Why the last call failed: LAYR_ERR_NOSPACE, LAYR_ERR_IO (the disk), or LAYR_ERR_DB. */
int layr_host_error(const layr_host_conn_t *c) LAYR_CHECKED;
/* 1: a row; 0: done, and reset; LAYR_ERR_DB, and reset. */
int layr_host_step(sqlite3_stmt *s);
/* Run a statement that gives no rows. */
int layr_host_exec(layr_host_conn_t *c, layr_host_query_t q) LAYR_CHECKED;
int layr_host_exec_blob(layr_host_conn_t *c, layr_host_query_t q, const void *p, size_t len) LAYR_CHECKED;
int layr_host_exec_int(layr_host_conn_t *c, layr_host_query_t q, int64_t v) LAYR_CHECKED;
/* Is there a row for this blob? 1, 0, LAYR_ERR_DB. */
int layr_host_any(layr_host_conn_t *c, layr_host_query_t q, const void *p, size_t len) LAYR_CHECKED;
void layr_host_bind(sqlite3_stmt *s, int at, const void *p, size_t len);
/* A column of exactly len bytes; LAYR_ERR_FORMAT otherwise. */
int layr_host_column(sqlite3_stmt *s, int at, void *out, size_t len) LAYR_CHECKED;

/* host_commit.c */
/* Run fn inside a write transaction that it may share with others; a result below 0 undoes what it did. */
typedef int (*layr_host_fn)(layr_hostdb_t *db, void *arg);
int layr_host_commit(layr_hostdb_t *db, layr_host_fn fn, void *arg, layr_diag_t *d) LAYR_CHECKED;
/* In a transaction of its own: fn sees what is durable and nothing else. */
int layr_host_commit_alone(layr_hostdb_t *db, layr_host_fn fn, void *arg, layr_diag_t *d) LAYR_CHECKED;

/* host_blob.c */
bool layr_host_blob_here(const layr_hostdb_t *db, const uint8_t id[32], uint64_t size);
int layr_host_blob_place(layr_hostdb_t *db, const uint8_t id[32], int fd, const char *temp,
                         layr_diag_t *d) LAYR_CHECKED;
int layr_host_blob_unlink(const layr_hostdb_t *db, const uint8_t id[32]) LAYR_CHECKED;
/* Make the unlinking in the blob's folder durable. */
int layr_host_blob_sync(const layr_hostdb_t *db, const uint8_t id[32]) LAYR_CHECKED;

/* host_store.c */
int layr_host_sentinel(const char *path, const uint8_t host[32], struct stat *st) LAYR_CHECKED;
void layr_host_tmp_clean(const char *path, layr_time_t before);
int layr_host_sync_dir(const char *path) LAYR_CHECKED;

/* host_sweep.c */
/* Inside a transaction: the shard lost an order or an intent; when it was the last, note it for the sweep. */
int layr_host_loosen(layr_hostdb_t *db, const uint8_t shard[32]) LAYR_CHECKED;
/* Inside a transaction: the shard leaves the books; it may never have been in them. */
int layr_host_forget(layr_hostdb_t *db, const uint8_t shard[32]) LAYR_CHECKED;
/* Unlink what nothing names. *more (may be NULL): there may be more of it. */
int layr_host_sweep(layr_hostdb_t *db, bool *more, layr_diag_t *d) LAYR_CHECKED;
/* A PUT begins and is over: only what is in between keeps its intent. */
void layr_host_intent_enter(layr_hostdb_t *db, layr_host_intent_t *i);
void layr_host_intent_leave(layr_hostdb_t *db, layr_host_intent_t *i);
/* Try again what could not be dropped. */
void layr_host_intents_settle(layr_hostdb_t *db);
/* Inside a transaction: drop intents of PUTs that are over and of dead processes, or of all. */
int layr_host_intents_resolve(layr_hostdb_t *db, bool all) LAYR_CHECKED;
/* Inside a transaction: take an order out of the books. */
int layr_host_order_drop(layr_hostdb_t *db, const uint8_t order[16], const uint8_t owner[32],
                         const uint8_t shard[32], uint64_t size) LAYR_CHECKED;

/* host_damaged.c */
/* The oldest go when they are more than a share of the capacity. */
void layr_host_damaged_trim(const char *path, uint64_t capacity);

/* host_records.c */
/* Inside a transaction: drop at most `limit` records that have expired. */
int layr_host_records_expire(layr_hostdb_t *db, layr_time_t now, unsigned limit) LAYR_CHECKED;

#endif
