/*
 * What an audit found, unit by unit: how many rows of each segment and page are good, and how many are at hosts that are silent
 * but not for long.  Pure: unit tests feed it rows.
 */
#ifndef LAYR_TOOL_KEEP_UNITS_H
#define LAYR_TOOL_KEEP_UNITS_H

#include "layr/flow.h"

typedef struct layr_keep_unit {
    bool page;
    uint64_t number;
    unsigned rows, good; /* good: those of hosts that leave, too */
    unsigned waited;     /* their hosts do not answer, for less than the grace */
    unsigned leaving;    /* of the good ones */
} layr_keep_unit_t;

typedef struct layr_keep_units {
    layr_scheme_t scheme;
    unsigned threshold; /* of a segment's n rows; see layr_keep_threshold */
    layr_time_t grace, now;
    layr_keep_unit_t *unit;
    size_t count, cap;
    uint64_t passed, bad, waited; /* rows */
    layr_time_t again; /* when the first of those waited for will have been silent for too long; 0: none is */
    char text[320];    /* of the first bad row, or "" */
} layr_keep_units_t;

/* What `threshold` (0: by the scheme, more than n: n) means for this scheme: from k + 1 to n, where there is room. */
unsigned layr_keep_threshold(unsigned threshold, layr_scheme_t s);

/* For layr_audit; ctx is a layr_keep_units_t, zeroed but for the first four. */
int layr_keep_unit_row(void *ctx, const layr_audit_row_t *r) LAYR_CHECKED;
void layr_keep_units_free(layr_keep_units_t *u);

/* Rows of which one will do to have the unit. */
unsigned layr_keep_needed(const layr_keep_units_t *u, const layr_keep_unit_t *unit);
/* Has a unit lost so many rows that it is to be restored, or is one at a host that leaves? */
bool layr_keep_is_low(const layr_keep_units_t *u, const layr_keep_unit_t *unit);
size_t layr_keep_low(const layr_keep_units_t *u);
/* Units that can't be had any more, whoever of those waited for comes back; and those that can't be had until some do. */
uint64_t layr_keep_lost(const layr_keep_units_t *u);
uint64_t layr_keep_hidden(const layr_keep_units_t *u);
/* The one that can lose the fewest rows; NULL: there is none. */
const layr_keep_unit_t *layr_keep_weakest(const layr_keep_units_t *u);
/* Those that were low have been restored. */
void layr_keep_restored(layr_keep_units_t *u);

#endif
