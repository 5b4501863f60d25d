/* A stored folder's tree, as programs need it. */
#ifndef LAYR_TOOL_FOLDER_H
#define LAYR_TOOL_FOLDER_H

#include "layr/flow.h"
#include "layr/tree.h"

/*
 * Fetch, verify and decode the tree of an opened folder; what it took is added to *stats, which may be NULL. Only the chunks it
 * is in are fetched. Progress is not told. LAYR_ERR_FORMAT: it is there, and no valid one.
 */
int layr_folder_tree(layr_session_t *s, layr_file_t *f, layr_tree_t *out, layr_get_stats_t *stats,
                     layr_diag_t *d) LAYR_CHECKED;
/* Sums of two gets. */
void layr_folder_add_stats(layr_get_stats_t *sum, const layr_get_stats_t *one);

#endif
