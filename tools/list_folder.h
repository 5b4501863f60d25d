/* What is in a folder, for layr-ls. */
#ifndef LAYR_LIST_FOLDER_H
#define LAYR_LIST_FOLDER_H

#include <cjson/cJSON.h>

#include "layr/tree.h"

/* One line an entry, below the folder or file at `first`; its own first. */
void layr_list_entries(const layr_tree_t *t, size_t first, size_t count);
/* The same as an array `entries` of the object; 0, or not when out of memory. */
int layr_list_entries_json(const layr_tree_t *t, size_t first, size_t count, cJSON *o) LAYR_CHECKED;

#endif
