/*
 * The health of a file's shards, gathered from layr_file_health into what layr-ls shows: per segment and per
 * host, and a verdict.
 */
#ifndef LAYR_HEALTH_H
#define LAYR_HEALTH_H

#include <stdbool.h>

#include "layr/flow.h"

/* A segment, or a manifest page (whose copies give it back one by one). */
typedef struct layr_unit_health {
    bool page;
    uint64_t number;
    unsigned needed, rows, good, unknown; /* unknown: its host did not answer, so it may be there */
    uint8_t state[LAYR_N_MAX];            /* by row: LAYR_ROW_* */
    uint16_t host[LAYR_N_MAX];            /* by row: place in layr_health_t.host */
} layr_unit_health_t;
#define LAYR_ROW_NONE ' '    /* never stored */
#define LAYR_ROW_GOOD '+'    /* there, with the right size */
#define LAYR_ROW_GONE 'x'    /* its host says it is not there, or something else is */
#define LAYR_ROW_UNKNOWN '?' /* its host is not known, or does not answer */

typedef struct layr_host_health {
    uint8_t id[32];
    char url[LAYR_URL_MAX + 1]; /* "" when it is not among the hosts given */
    uint64_t rows, good, bytes; /* bytes: of the good ones */
    char text[160];             /* the first thing that was wrong there, or "" */
} layr_host_health_t;

typedef struct layr_health {
    layr_scheme_t scheme;
    layr_unit_health_t *unit;
    layr_host_health_t *host;
    size_t unit_count, unit_cap, host_count, host_cap;
    uint64_t segments, whole; /* units that are segments; units with all their rows */
    size_t weakest;           /* the unit with the fewest good rows above what it needs */
} layr_health_t;

void layr_health_init(layr_health_t *h, layr_scheme_t s);
void layr_health_free(layr_health_t *h);
/* For layr_file_health; ctx is a layr_health_t. */
int layr_health_row(void *ctx, const layr_row_health_t *r) LAYR_CHECKED;
/* After the last row. */
void layr_health_sum(layr_health_t *h);
/* Rows that may still be lost of the weakest unit; negative: so many are missing. Needs a unit. */
int layr_health_spare(const layr_health_t *h);

#endif
