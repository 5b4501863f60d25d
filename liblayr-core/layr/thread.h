/*
 * Threads: a pool of workers, and a mailbox that brings their results to the one thread that owns the state.
 * Work on threads gets its input, returns a result, and never writes shared state.
 */
#ifndef LAYR_THREAD_H
#define LAYR_THREAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "layr/error.h"

/* A piece of work or a message; embed it in the caller's struct. Belongs to the queue until run or received. */
typedef struct layr_job {
    struct layr_job *next;
    void (*run)(struct layr_job *j, void *scratch); /* on a worker; scratch: that worker's own */
} layr_job_t;

typedef struct layr_pool layr_pool_t;

/* Processors this process may run on, at least 1. */
unsigned layr_cpus(void);
/*
 * threads: 0 for one a processor. scratch_new makes each worker's own scratch (NULL: none); when it fails the pool fails.
 */
int layr_pool_new(layr_pool_t **out, unsigned threads, int (*scratch_new)(void **scratch, void *arg),
                  void (*scratch_free)(void *scratch), void *arg) LAYR_CHECKED;
/* Jobs run in the order they came. */
void layr_pool_add(layr_pool_t *p, layr_job_t *j);
/* Waits for the jobs that were added, then ends the threads. */
void layr_pool_free(layr_pool_t *p);

/* Many senders, one receiver; never full. */
typedef struct layr_mailbox layr_mailbox_t;
int layr_mailbox_new(layr_mailbox_t **out) LAYR_CHECKED;
void layr_mailbox_free(layr_mailbox_t *m);
void layr_mailbox_post(layr_mailbox_t *m, layr_job_t *msg);
/* The next message; NULL when none came within ms (-1: wait for ever; 0: only what is there). */
layr_job_t *layr_mailbox_take(layr_mailbox_t *m, long ms);

/* Monotonic time in microseconds. */
uint64_t layr_now_us(void);

#endif
