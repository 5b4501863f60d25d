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
    uint8_t *state; /* of an update, beside tree.entry: layr_tree_state_t; else NULL */
    uint64_t begin; /* of an update: bytes of the stream that are there already */

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

/* Is it a file whose bytes are to be given? */
bool layr_pack_gives(const layr_pack_t *p, size_t i);
/* Open entry i, a file, and see that it is what was looked at; the latter again, at its end. */
int layr_pack_begin_file(const layr_pack_t *p, size_t i, int *fd, layr_diag_t *d) LAYR_CHECKED;
int layr_pack_check_same(const layr_pack_t *p, size_t i, int fd, layr_diag_t *d) LAYR_CHECKED;
int layr_pack_failed(const layr_pack_t *p, size_t i, layr_diag_t *d, const char *what);

/* Everything in the folder into tree and seen, in the tree's order. An exit status. */
int layr_pack_scan(layr_pack_t *p) LAYR_CHECKED;

#endif
