/*
 * What put and get share: a pool for work, a mailbox for results, and one thread (the caller's) that owns all
 * state. A message carries the function that the owner runs on it, in `run`.
 */
#ifndef LAYR_FLOW_ENGINE_H
#define LAYR_FLOW_ENGINE_H

#include "layr/flow.h"
#include "layr/thread.h"

typedef struct layr_engine {
    layr_session_t *s;
    layr_pool_t *pool;
    layr_mailbox_t *box;
    void *owner;             /* second argument of every message's run */
    atomic_uint outstanding; /* jobs and requests whose message has not been received yet */
} layr_engine_t;

int layr_engine_init(layr_engine_t *e, layr_session_t *s, void *owner) LAYR_CHECKED;
/* Waits for everything outstanding first. Harmless on a zeroed one. */
void layr_engine_close(layr_engine_t *e);

/* Send work to a worker; it must end with layr_engine_answer. */
void layr_engine_work(layr_engine_t *e, layr_job_t *j, void (*run)(layr_job_t *j, void *scratch));
/* Send a request; `done` must end with layr_engine_answer. */
int layr_engine_request(layr_engine_t *e, layr_req_t *r) LAYR_CHECKED;
/* From any thread: hand j back to the owner, who runs it. */
void layr_engine_answer(layr_engine_t *e, layr_job_t *j, void (*run)(layr_job_t *j, void *owner));
/* The same for a message that no work or request was counted for. */
void layr_engine_tell(layr_engine_t *e, layr_job_t *j, void (*run)(layr_job_t *j, void *owner));
/* Run the messages that are there, or that come within ms. */
void layr_engine_turn(layr_engine_t *e, long ms);

bool layr_session_cancelled(const layr_session_t *s);
bool layr_engine_cancelled(const layr_engine_t *e);
void layr_engine_event(const layr_engine_t *e, const layr_event_t *ev);
/* The worker's scratch is one of these. */
typedef struct layr_scratch {
    layr_blob_maker_t *maker[LAYR_JOBS_GOOD];
    layr_sealer_t *sealer;
    layr_hash_t *hash;
    layr_hash_t *name[2]; /* of two shards side by side */
} layr_scratch_t;

#endif
