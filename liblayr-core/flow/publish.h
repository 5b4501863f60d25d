/*
 * The manifest as it grows: segments are appended in order; what does not fit the root goes to pages, which
 * are stored like segments, and pages of pages.
 */
#ifndef LAYR_FLOW_PUBLISH_H
#define LAYR_FLOW_PUBLISH_H

#include "store.h"

typedef struct layr_publish {
    layr_store_t *store;
    layr_scheme_t scheme;
    layr_node_page_t node[LAYR_LEVEL_MAX + 1]; /* growing, one a level */
    /* pages under way: what lies below them, in the order they were given to the store */
    struct {
        uint8_t level; /* of the entries in the page */
        uint64_t segments, bytes;
    } coming[16];
    unsigned coming_count;
    uint64_t pages, segments, bytes;
} layr_publish_t;

void layr_publish_init(layr_publish_t *p, layr_store_t *st, layr_scheme_t s);
void layr_publish_free(layr_publish_t *p);
/* A unit that the store has finished, segment or page. May give a page to the store. */
int layr_publish_add(layr_publish_t *p, const layr_stored_t *u) LAYR_CHECKED;
/*
 * After the last segment: 1 when the root's node is ready (in out, which takes it over), 0 when a page was
 * given to the store first: call again when the store is idle and its pages were added.
 */
int layr_publish_finish(layr_publish_t *p, layr_placement_t *out) LAYR_CHECKED;

#endif
