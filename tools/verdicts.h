/* What an audit found, gathered from layr_audit: by host, what is bad by name, and whether the file can still be read. */
#ifndef LAYR_TOOL_VERDICTS_H
#define LAYR_TOOL_VERDICTS_H

#include "layr/flow.h"

#define LAYR_VERDICTS_BAD 10000 /* bad shards that are listed; more are counted only */

typedef struct layr_host_verdicts {
    uint8_t id[32];
    char url[LAYR_URL_MAX + 1]; /* "" when it was not found */
    uint64_t shards, count[LAYR_VERDICTS];
    layr_time_t silent_since;
    layr_time_t
        unproven_since; /* the longest of its shards that it neither proves nor says to be lost; 0: none */
    char text[256];     /* the first thing that was wrong there, or "" */
} layr_host_verdicts_t;

typedef struct layr_verdicts {
    layr_scheme_t scheme;
    layr_host_verdicts_t *host;
    size_t host_count, host_cap;
    layr_audit_row_t *bad; /* their host pointers are the session's */
    size_t bad_count, bad_cap;
    uint64_t shards, passed;
    uint64_t units, whole;
    /* the unit under way, and the one with the fewest good shards above what it needs */
    struct layr_unit_verdicts {
        bool page;
        uint64_t number;
        unsigned needed, rows, good, silent; /* silent: may be there */
    } now, weakest;
    uint64_t lost; /* units that cannot be had, whoever comes back */
} layr_verdicts_t;

void layr_verdicts_init(layr_verdicts_t *v, layr_scheme_t s);
void layr_verdicts_free(layr_verdicts_t *v);
/* For layr_audit; ctx is a layr_verdicts_t. */
int layr_verdicts_row(void *ctx, const layr_audit_row_t *r) LAYR_CHECKED;
/* After the last row. */
void layr_verdicts_end(layr_verdicts_t *v);

#endif
