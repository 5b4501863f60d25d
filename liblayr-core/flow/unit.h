/* A unit under way in the store engine: private to store.c (units), make.c (coding), restore.c (rows that stand)
 * and place.c (hosts and sending). */
#ifndef LAYR_FLOW_UNIT_H
#define LAYR_FLOW_UNIT_H

#include "spare.h"
#include "store.h"

typedef struct layr_unit_row {
    layr_job_t job;
    layr_unit_t *unit;
    struct layr_unit_row *next; /* in the queue to be made, or to be placed */
    uint8_t index;
    bool stored, failed;
    bool late;        /* its host is behind the others: it is on its way to another */
    bool asked;       /* its host is asked whether it has it from an earlier try */
    bool given;       /* not made here: id and salt are the manifest's */
    bool copying;     /* the host where it is is asked for it */
    unsigned guesses; /* hosts of earlier tries that were looked at */
    int error;
    uint64_t since; /* microseconds: when it was given to its host */
    uint8_t salt[16], id[32];
    uint8_t *blob;
    layr_load_host_t *at;
    const uint8_t *kept; /* the host where it stays; NULL: none */
    layr_call_t *call;
    layr_job_t check; /* of what came to be copied */
    int check_error;  /* the worker's, until it answers */
} layr_unit_row_t;

/* Shards of a unit that one worker makes together: it reads the plaintext once, and hashes them side by side. */
typedef struct layr_row_batch {
    layr_job_t job;
    layr_unit_t *unit;
    int error;
    unsigned count;
    layr_unit_row_t *row[LAYR_JOBS_GOOD];
} layr_row_batch_t;

typedef struct layr_row_queue {
    layr_unit_row_t *head, **tail;
} layr_row_queue_t;

struct layr_unit {
    layr_job_t job;
    layr_store_t *st;
    layr_unit_t *next;
    bool page;
    int error;      /* the owner's alone, as it may look at any time */
    int hash_error; /* the worker's, until it answers */
    uint64_t number;
    layr_shape_t shape;
    uint8_t *plain;
    void (*plain_done)(void *ctx, uint8_t *plain);
    void *plain_ctx;
    bool has_must;
    uint8_t must[32];   /* with has_must: the hash that the plaintext must have */
    uint8_t (*ids)[32]; /* of a unit that is restored: hosts of its rows */
    uint8_t hash[32];
    unsigned rows, begun, made, ended, failed, min; /* begun: their making */
    unsigned asking;                                /* hosts whether they have a row already */
    layr_row_t *entry_rows;
    const uint8_t **entry_hosts;
    int *entry_errors;
    layr_unit_row_t row[];
};

struct layr_store {
    layr_engine_t e;
    layr_store_opts_t o;
    layr_load_t load;
    layr_regions_t *regions;
    layr_kad_place_host_t *near; /* scratch of a choice */
    size_t near_cap;
    layr_kad_place_why_t why; /* the last one found none */
    layr_tagger_t *tagger;
    layr_coder_t *coder, *page_coder;
    layr_unit_t *head, **tail;
    unsigned units;
    unsigned together; /* rows to a batch */
    layr_row_queue_t to_make, to_place, to_copy;
    layr_spares_t spares; /* of blobs */
    bool closing;
    uint64_t usual_us; /* that a shard takes to its host, smoothed; 0: unknown */
    layr_store_stats_t stats;
    layr_shard_ref_t *orphans;
    size_t orphan_count, orphan_cap;
};

void layr_rows_init(layr_row_queue_t *q);
void layr_rows_put(layr_row_queue_t *q, layr_unit_row_t *r);
layr_unit_row_t *layr_rows_take(layr_row_queue_t *q); /* NULL: it is empty */

/* make.c: work of a worker, first: the hash that the salts hang on; then shards are made as buffers come
 * free. */
void layr_unit_hash(layr_job_t *j, void *scratch);
/* The same for a unit whose plaintext was hashed where it came from; on the owner's thread. */
void layr_unit_hashed(layr_unit_t *u, const uint8_t sha256[32]);
void layr_unit_start_making(layr_store_t *st);
/* Queue the rows that are not stored yet; when all are, the plaintext is not needed any more. */
void layr_unit_make(layr_unit_t *u);
void layr_unit_blob_drop(layr_store_t *st, layr_unit_row_t *r);
/* Of all blobs, for so many bytes more. */
bool layr_unit_has_budget(const layr_store_t *st, size_t len);
void layr_unit_plain_drop(layr_unit_t *u);

/* resume.c: find the rows that an earlier try stored, then layr_unit_make. */
void layr_unit_find(layr_unit_t *u);

/* restore.c: rows that are copied are fetched as there is room for them. */
void layr_unit_start_copying(layr_store_t *st);

/* place.c: a shard that is made goes to a host, and to the next one where that fails. */
void layr_unit_place(layr_store_t *st, layr_unit_row_t *r);
/* Shards that take far longer than is usual, while another host has nothing to do, go there. */
void layr_unit_move_late(layr_store_t *st);
/* Has it another shard of this unit, or one on its way? */
bool layr_unit_has_sibling(const layr_unit_t *u, const layr_load_host_t *h);
bool layr_unit_has_room(const layr_load_host_t *h, uint64_t bytes);

/* store.c: a unit of these sizes, not yet the store's; it takes the plaintext over, also where it fails. */
int layr_unit_new(layr_unit_t **out, layr_store_t *st, bool page, uint64_t number, size_t size,
                  uint8_t *plain, void (*plain_done)(void *ctx, uint8_t *plain), void *ctx) LAYR_CHECKED;
void layr_unit_free(layr_unit_t *u);
void layr_unit_join(layr_unit_t *u);
/* store.c: this shard is stored (LAYR_OK), or will not be. */
void layr_unit_row_ended(layr_store_t *st, layr_unit_row_t *r, int error);

#endif
