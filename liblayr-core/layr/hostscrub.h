/*
 * A host's own care for what it stores: each shard is read and hashed against its id, a little at a time.  One that is not
 * what it should be is moved aside to <store>/damaged/, where somebody may look at it, and leaves the books; its orders stay, so that an audit
 * is told that it is missing, and its owner brings it back whole or lets go of it.
 */
#ifndef LAYR_HOSTSCRUB_H
#define LAYR_HOSTSCRUB_H

#include <stdbool.h>
#include <stdint.h>

#include "layr/error.h"
#include "layr/hostdb.h"

/* A scrub under way, some 300 KiB: between calls it may be in the middle of a blob. One thread at a time. */
typedef struct layr_host_scrub layr_host_scrub_t;
int layr_host_scrub_new(layr_host_scrub_t **out) LAYR_CHECKED;
void layr_host_scrub_free(layr_host_scrub_t *s);

typedef struct layr_host_scrubbed {
    uint64_t bytes;  /* read */
    unsigned shards; /* looked at to the end */
    bool damaged,
        missing; /* one is not what it should be, or its file is gone: shard, and the diag says it */
    uint8_t shard[32];
    layr_time_t began, finished; /* of the pass under way; of the last that came to its end, 0: none has */
    bool done;                   /* the pass came to its end: nothing is read until the next one is due */
} layr_host_scrubbed_t;

/*
 * Read up to `budget` bytes more (a piece of at most 256 KiB beyond), or until a bad shard is found.  every: seconds from
 * the beginning of a pass to that of the next.  Where the last process was is in the database; what a crash loses of that is read once more.
 * LAYR_ERR_UNAVAILABLE: the store is not the one that was opened, and nothing was judged.  LAYR_ERR_DB, LAYR_ERR_IO, LAYR_ERR_NOSPACE:
 * try again later.
 */
int layr_hostdb_scrub(layr_hostdb_t *db, layr_host_scrub_t *s, uint64_t budget, layr_time_t every,
                      layr_time_t now, layr_host_scrubbed_t *out, layr_diag_t *d) LAYR_CHECKED;

#endif
