/* A folder as one stream: the bytes of its files, then its tree (docs/protocol.md 4.5). */
#ifndef LAYR_PACK_H
#define LAYR_PACK_H

#include "layr/flow.h"
#include "layr/tree.h"

typedef struct layr_pack layr_pack_t;

/*
 * Look at all that is in the folder (fd, which stays the caller's, as long as the pack is used); its files are read later, as
 * the stream is. Special files are named and left out; what can't be read is said, and then nothing is to be stored.
 * LAYR_OPT_GO_ON, or an exit status after saying why.  src: for layr_put.
 */
int layr_pack_open(layr_pack_t **out, int fd, const char *path, layr_source_t *src) LAYR_CHECKED;
/*
 * The folder is a new version of one with that tree, in those segments: what is the same stays where it lies (layr_tree_plan, whose
 * result *plan is), and src gives what else there is. Every file that may be the same is read and hashed: neither size nor time
 * proves that it is. progress: after each file, bytes of how many. On failure d says why.
 */
int layr_pack_update(layr_pack_t *p, const layr_tree_t *old, const layr_tree_segment_t *segment, size_t count,
                     size_t full, void (*progress)(void *ctx, uint64_t done, uint64_t total), void *ctx,
                     layr_source_t *src, layr_tree_plan_t *plan, layr_diag_t *d) LAYR_CHECKED;
void layr_pack_free(layr_pack_t *p); /* NULL is harmless */

typedef struct layr_pack_count {
    uint64_t files, folders, links, left_out, hard; /* hard: files with further names */
    uint64_t bytes;                                 /* of all files */
    uint64_t same;                                  /* of an update: bytes of files that stay */
} layr_pack_count_t;
const layr_pack_count_t *layr_pack_count(const layr_pack_t *p);

#endif
