/*
 * The manifest as it grows: segments are appended in order; what does not fit the root goes to pages, which
 * are stored like segments, and pages of pages.
 */
#ifndef LAYR_FLOW_PUBLISH_H
#define LAYR_FLOW_PUBLISH_H

#include "store.h"

typedef struct layr_coming {
    bool kept;         /* `page` is set; else the store gives it */
    uint8_t level;     /* of the entries in the page */
    uint64_t segments; /* below it */
    uint64_t bytes;
    layr_stored_t page;
} layr_coming_t;

typedef struct layr_publish {
    layr_store_t *store;
    layr_scheme_t scheme;
    layr_node_page_t node[LAYR_LEVEL_MAX + 1]; /* growing, one a level */
    /* pages whose entries go up a level, in their order: first those the store has under way, and kept ones behind them */
    layr_coming_t *coming;
    size_t coming_count, coming_cap;
    uint64_t pages, segments, bytes;
    uint64_t leaves, kept_pages; /* of the pages: those of segments; those of the version before */
} layr_publish_t;

void layr_publish_init(layr_publish_t *p, layr_store_t *st, layr_scheme_t s);
void layr_publish_free(layr_publish_t *p);
/* A unit that the store has finished, segment or page. May give a page to the store. */
int layr_publish_add(layr_publish_t *p, const layr_stored_t *u) LAYR_CHECKED;
/*
 * A page of the version before, as it stands, in place of its segments; u lives as long as p. Only where one fits: the segments
 * before it are in pages of their own, or may be put in one now without making pages small. May give a page to the store.
 */
bool layr_publish_fits_page(const layr_publish_t *p);
int layr_publish_page(layr_publish_t *p, const layr_stored_t *u) LAYR_CHECKED;
/*
 * After the last segment: what is left goes to pages until the rest fits the root, whose node is then in out, which takes it
 * over. finished: gives the units that the store has finished to layr_publish_add; called while it has some.
 */
int layr_publish_end(layr_publish_t *p, int (*finished)(void *ctx), void *ctx,
                     layr_placement_t *out) LAYR_CHECKED;

#endif
