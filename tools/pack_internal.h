/* What the two halves of packing share: looking at the tree, and reading it. */
#ifndef LAYR_PACK_INTERNAL_H
#define LAYR_PACK_INTERNAL_H

#include <sys/stat.h>

#include "pack.h"

struct layr_pack {
    int root;
    const char *path;
    layr_tree_t tree;
    struct stat *seen; /* beside tree.entry: what each was when it was looked at */
    size_t seen_cap;
    layr_pack_count_t count;
    unsigned said, unreadable;

    /* while it is read */
    uint32_t *order; /* files that have bytes: those of up to a segment first, then the larger ones */
    size_t files, small, next;
    int fd;             /* of the file at hand, order[next]; -1: none */
    uint64_t left;      /* of its bytes */
    uint64_t at;        /* of the stream */
    bool cut;           /* before it a segment ended */
    layr_hash_t *hash;  /* of the file at hand */
    layr_buf_t encoded; /* the tree */
    size_t given;       /* of its bytes */
    uint8_t sha256[32];
};

/* Everything in the folder into tree and seen, in the tree's order. An exit status. */
int layr_pack_scan(layr_pack_t *p) LAYR_CHECKED;

#endif
