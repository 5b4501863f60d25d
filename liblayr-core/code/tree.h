/* What makes a tree a good one: for both who writes and who reads it. */
#ifndef LAYR_CODE_TREE_H
#define LAYR_CODE_TREE_H

#include "layr/tree.h"

/* All that docs/protocol.md 4.5 asks of the entries, their order and their places; LAYR_ERR_FORMAT, _LIMIT, _NOMEM. */
int layr_tree_check(const layr_tree_t *t, uint64_t data) LAYR_CHECKED;

/*
 * HASHED files of t that old has, of the same size and SHA-256, become KEPT: taken[i], zeroed before, is 1 + the entry of t that
 * old's entry i is. Each old file is one new one at most.
 */
int layr_tree_same(const layr_tree_t *t, const layr_tree_t *old, uint8_t *state,
                   uint32_t *taken) LAYR_CHECKED;

#endif
