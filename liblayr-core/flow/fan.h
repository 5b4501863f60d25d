/* One small request to each of many hosts at a time: records, releases, HEADs. */
#ifndef LAYR_FLOW_FAN_H
#define LAYR_FLOW_FAN_H

#include "layr/flow.h"
#include "layr/thread.h"

typedef struct layr_fan_call {
    layr_job_t job;
    layr_call_t call; /* filled by a layr_call_* function before the run, freed by the caller after it */
    layr_mailbox_t *box;
    void *ctx; /* the caller's */
    bool sent, done;
    int rc; /* layr_call_result; LAYR_ERR_TIMEOUT when the run did not wait for it */
} layr_fan_call_t;

/*
 * Send them all and wait: for all of them, but once `enough` have ended well at most grace_ms more, and never
 * longer than limit_ms; then the rest is cancelled.  Calls whose call.host is NULL are passed over.
 */
int layr_fan_run(layr_session_t *s, layr_fan_call_t *calls, size_t count, size_t enough, long grace_ms,
                 long limit_ms) LAYR_CHECKED;

#endif
