/* What makes a tree a good one: for both who writes and who reads it. */
#ifndef LAYR_CODE_TREE_H
#define LAYR_CODE_TREE_H

#include "layr/tree.h"

/* All that docs/protocol.md 4.5 asks of the entries, their order and their places; LAYR_ERR_FORMAT, _LIMIT, _NOMEM. */
int layr_tree_check(const layr_tree_t *t, uint64_t data) LAYR_CHECKED;

#endif
