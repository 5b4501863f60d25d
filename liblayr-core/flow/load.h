/* What a run knows of its hosts: what they are doing now, how they did so far, and which to ask next. */
#ifndef LAYR_FLOW_LOAD_H
#define LAYR_FLOW_LOAD_H

#include "layr/flow.h"

#define LAYR_LOAD_FAILS 3          /* transport failures in a row after which a host is left out */
#define LAYR_LOAD_COOL_US 1000000u /* rest after the first failure, doubled after each further one */

typedef struct layr_load_host {
    layr_host_t *host;
    uint64_t pending;    /* bytes under way */
    uint64_t used;       /* bytes it took in this run */
    unsigned fails;      /* in a row */
    uint64_t cool_until; /* microseconds */
    bool out;            /* not to be asked any more */
    bool holds;          /* something from before this run */
    bool doubted;        /* by its score: asked when no other will do */
    char why[320];       /* the last failure, a sentence */
} layr_load_host_t;

typedef struct layr_load {
    layr_load_host_t *host; /* as many as usable hosts of the session; they stay where they are */
    size_t count, seen;     /* seen: of the session's hosts */
    size_t judged;          /* of host: doubted or not */
} layr_load_t;

int layr_load_init(layr_load_t *l, const layr_hosts_t *hosts) LAYR_CHECKED;
/* The session has found more hosts since. */
void layr_load_more(layr_load_t *l, const layr_hosts_t *hosts);
/* Look up the scores of those that were added; journal NULL: none is doubted. A score that cannot be read counts as none. */
#define LAYR_DOUBT_S 2592000 /* 30 days after it lost something */
void layr_load_judge(layr_load_t *l, layr_journal_t *journal, layr_time_t now);
void layr_load_free(layr_load_t *l);
layr_load_host_t *layr_load_find(layr_load_t *l, const uint8_t id[32]);
/* Expected microseconds until this host would have moved `bytes` more. */
uint64_t layr_load_expect(const layr_load_t *l, const layr_load_host_t *h, uint64_t bytes);
void layr_load_began(layr_load_host_t *h, uint64_t bytes);
/* It ended; error LAYR_OK or why not. Decides on rest and on leaving out. */
void layr_load_ended(layr_load_host_t *h, uint64_t bytes, int error, const char *why);
/* It is slow: others go first for a while. */
void layr_load_late(layr_load_host_t *h, uint64_t now);
/* What is usual: the mean of about the last eight, in microseconds; 0: none yet. */
void layr_load_smooth(uint64_t *usual_us, uint64_t us);
/* It has not moved so many bytes in so many microseconds: it is no faster than that. */
void layr_load_slow(layr_load_host_t *h, uint64_t bytes, uint64_t us);
bool layr_load_resting(const layr_load_host_t *h, uint64_t now);
/* Failures that may pass: the same host may be asked again. */
bool layr_error_passing(int error);

#endif
