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
void layr_pack_free(layr_pack_t *p); /* NULL is harmless */

typedef struct layr_pack_count {
    uint64_t files, folders, links, left_out, hard; /* hard: files with further names */
} layr_pack_count_t;
const layr_pack_count_t *layr_pack_count(const layr_pack_t *p);

#endif
