/* What is to become of each row of a file: from what an audit found to what a patch does. For the patch alone. */
#ifndef LAYR_FLOW_PATCH_PLAN_H
#define LAYR_FLOW_PATCH_PLAN_H

#include "base.h"
#include "numbers.h"

/* A segment, or a page of the manifest. */
typedef struct layr_plan_unit {
    layr_base_unit_t *u;
    bool page, above; /* above: a page of pages, which is written anew when anything below it changes */
    uint64_t number;
    unsigned good;    /* rows that passed, at hosts that stay */
    unsigned leaving; /* that passed, at hosts that leave */
    unsigned lost;
    layr_restore_t *how; /* of each row; what is lost: MAKE */
    unsigned make, copy; /* rows to be restored */
    bool anew;           /* of a page: it is written anew, as what it names has changed */
    bool changed;        /* it has other rows now */
    bool retry;          /* rows that could not be copied are to be made */
    unsigned missing;    /* rows that no host took */
} layr_plan_unit_t;

typedef struct layr_plan {
    layr_base_t *b;
    layr_plan_unit_t *unit; /* segments, then pages, then those above */
    size_t count, segments, pages;
    layr_restore_t *how;             /* of all of them */
    uint64_t whole;                  /* units all of whose rows are good */
    uint64_t make, copy;             /* rows of all units */
    uint64_t bytes;                  /* of those, on hosts */
    uint64_t waiting;                /* rows whose hosts are silent, and not yet for long enough */
    uint64_t left_alone;             /* rows that are lost, in units that have enough */
    layr_numbers_t lost, lost_pages; /* units with fewer good rows than it takes */
} layr_plan_t;

int layr_plan_new(layr_plan_t *p, layr_base_t *b) LAYR_CHECKED;
void layr_plan_free(layr_plan_t *p); /* harmless on a zeroed one */
/* What was found out about a row. LAYR_ERR_ARG: the file has no such row. */
typedef enum layr_fate { LAYR_FATE_GOOD, LAYR_FATE_LEAVING, LAYR_FATE_LOST, LAYR_FATE_WAITS } layr_fate_t;
int layr_plan_row(layr_plan_t *p, bool page, uint64_t unit, unsigned index, layr_fate_t fate) LAYR_CHECKED;
/* All rows are known: a segment with at least `threshold` of n that are not lost is left alone, and a page that lacks no more. */
int layr_plan_decide(layr_plan_t *p, unsigned threshold) LAYR_CHECKED;
/* Is anything to be done? */
bool layr_plan_any(const layr_plan_t *p);
/* A page that is to be written anew, as a segment in it has changed. */
bool layr_plan_page_changed(const layr_plan_t *p, const layr_plan_unit_t *page);
/* The blob of one row. */
int layr_plan_shape(const layr_plan_t *p, const layr_plan_unit_t *u, layr_shape_t *out) LAYR_CHECKED;

#endif
