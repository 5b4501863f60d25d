/* A put of a new version: the one before, and what of it stays. */
#ifndef LAYR_UPDATE_H
#define LAYR_UPDATE_H

#include "session.h"
#include "source.h"

typedef struct layr_update {
    layr_file_keys_t keys;
    layr_base_t *base;
    bool folder;           /* of a folder by a folder, which lies as plan says */
    layr_tree_plan_t plan; /* zero when nothing stays */
} layr_update_t;

/* Each gives LAYR_OPT_GO_ON, or an exit status after saying why; in this order. layr_update_close whatever came. */

/* Whose version it is to be; said before any host is asked. `whose` is hidden from the process list. */
int layr_update_find(layr_update_t *u, layr_tool_t *t, const char *whose) LAYR_CHECKED;
/* The version before, and o->base and o->name. dry: nothing is asked to be kept. */
int layr_update_open(layr_update_t *u, layr_tool_t *t, layr_put_opts_t *o, bool dry) LAYR_CHECKED;
/* Where s is a folder and the version before was one: what is the same stays where it lies; not so with `repack`. */
int layr_update_plan(layr_update_t *u, layr_tool_t *t, const layr_put_opts_t *o, layr_tool_source_t *s,
                     bool repack) LAYR_CHECKED;
void layr_update_close(layr_update_t *u);

#endif
