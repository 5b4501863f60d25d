/* Ranges of bytes as HTTP writes them. */
#ifndef LAYR_RANGE_H
#define LAYR_RANGE_H

#include <stdbool.h>
#include <stdint.h>

#include "layr/error.h"

typedef struct layr_range {
    enum { LAYR_RANGE_ALL, LAYR_RANGE_FROM_TO, LAYR_RANGE_FROM, LAYR_RANGE_LAST } kind;
    uint64_t a, b; /* FROM_TO: both, inclusive; FROM: a; LAST: a bytes */
} layr_range_t;

/* "A-B", "A-", "-N"; LAYR_ERR_ARG otherwise, also for A > B and N = 0. */
int layr_range_parse(layr_range_t *out, const char *text) LAYR_CHECKED;
/*
 * In a file of this size. LAYR_ERR_RANGE when any byte of it is not there: unlike HTTP, nothing is cut off
 * silently. ALL of an empty file gives first = last = 0, as layr_get wants it.
 */
int layr_range_in(const layr_range_t *r, uint64_t size, uint64_t *first, uint64_t *last) LAYR_CHECKED;

#endif
