/* The units of a plan, restored: fetched, made or copied, sent. For the patch alone. */
#ifndef LAYR_FLOW_PATCH_UNITS_H
#define LAYR_FLOW_PATCH_UNITS_H

#include "patch_plan.h"

typedef struct layr_mend layr_mend_t;

/*
 * All are the caller's, and stay as long as it. Restored rows are set in the plan's units, rest takes the orders of those that they
 * replace, and result counts.
 */
int layr_mend_new(layr_mend_t **out, layr_session_t *s, layr_plan_t *plan, layr_store_t *store,
                  layr_order_list_t *rest, layr_patch_result_t *result, layr_diag_t *d) LAYR_CHECKED;
/* After the store was freed, which uses what was fetched. */
void layr_mend_free(layr_mend_t *m);
/* Restore the rows of these units, in order, as the plan says. LAYR_ERR_DATA: one can't be read after all. */
int layr_mend_units(layr_mend_t *m, layr_plan_unit_t *u, size_t count) LAYR_CHECKED;

#endif
