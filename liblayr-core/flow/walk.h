/* The entries of a manifest in order, with pages fetched as they are needed. */
#ifndef LAYR_FLOW_WALK_H
#define LAYR_FLOW_WALK_H

#include "fetch.h"

typedef struct layr_walk {
    layr_fetch_t *f;
    struct {
        const layr_node_page_t *node;
        layr_node_page_t page; /* owned; level 0 of the stack is the placement's own node */
        size_t at;
    } level[LAYR_LEVEL_MAX + 1];
    unsigned depth;
    uint64_t segment, byte, pages; /* of the next entry */
    /* Called for every page entry on the way down; may be NULL. Non-zero stops the walk with that code. */
    int (*on_page)(void *ctx, uint64_t number, const layr_entry_t *e, const layr_node_page_t *node);
    void *ctx;
} layr_walk_t;

/* A segment: its entry, the node whose host table it names, its number and first byte in the file. */
typedef struct layr_step {
    const layr_entry_t *entry;
    const layr_node_page_t *node;
    uint64_t number, start;
} layr_step_t;

/* p and f are kept. */
void layr_walk_init(layr_walk_t *w, layr_fetch_t *f, const layr_placement_t *p);
/* The next segment that ends after byte `from`: 1, 0 at the end, or an error (d is filled). *out is valid
 * until the next call. */
int layr_walk_next(layr_walk_t *w, uint64_t from, layr_step_t *out, layr_diag_t *d) LAYR_CHECKED;
void layr_walk_free(layr_walk_t *w);

/* All pages and segments of a file, in order, with a fetch of its own: LAYR_OK, or what stopped it (of fetching, d is filled). */
typedef struct layr_walk_all {
    int (*page)(void *ctx, uint64_t number, const layr_entry_t *e, const layr_node_page_t *node);
    int (*segment)(void *ctx, const layr_step_t *st);
    void *ctx;
} layr_walk_all_t;
int layr_walk_all(layr_session_t *s, const layr_file_keys_t *keys, const layr_placement_t *p,
                  const layr_walk_all_t *each, layr_diag_t *d) LAYR_CHECKED;

#endif
