/*
 * Audits, inside: rows of some units at a time (a window), and a lane for each of their hosts, on which one request runs
 * at a time.
 */
#ifndef LAYR_FLOW_AUDIT_H
#define LAYR_FLOW_AUDIT_H

#include "layr/flow.h"
#include "layr/proof.h"
#include "layr/thread.h"

#define LAYR_AUDIT_WINDOW 2048 /* rows */
#define LAYR_AUDIT_LANES 64    /* hosts at work at a time */

typedef struct layr_audit_item {
    layr_audit_row_t row;
    uint64_t blocks;
    size_t chunk; /* stored bytes of a chunk */
    bool decided;
} layr_audit_item_t;

/* What hosts have to prove in this window; passed down to the lanes. */
typedef struct layr_audit_run {
    layr_session_t *s;
    const layr_file_keys_t *keys;
    layr_tagger_t *tagger;
    const layr_audit_opts_t *o;
    layr_audit_stats_t *stats;
    layr_audit_item_t *item; /* LAYR_AUDIT_WINDOW of them */
    size_t count;
    uint64_t began_us;
} layr_audit_run_t;

layr_time_t layr_audit_now(const layr_audit_run_t *a);
/* Ask the hosts of all rows that are not decided; all are then. LAYR_ERR_CANCELLED, LAYR_ERR_NOMEM. */
int layr_audit_ask(layr_audit_run_t *a) LAYR_CHECKED;

#endif
