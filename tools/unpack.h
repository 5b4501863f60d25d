/*
 * A folder on disk from a tree and the bytes of its files. Whoever wrote the tree is not trusted: all is made below a folder of
 * our own, step by step through its descriptors, before there is any link in it; it gets its name when all is verified.
 */
#ifndef LAYR_UNPACK_H
#define LAYR_UNPACK_H

#include "layr/flow.h"
#include "layr/tree.h"
#include "partial.h"

typedef struct layr_unpack {
    layr_sink_t sink; /* for layr_get of the runs; its ctx is this structure */
    char *path;       /* where it will be */
    uint64_t bytes;   /* of all files */
    uint64_t found;   /* of them, in files that an earlier try had finished */
    uint64_t wrote;
    layr_partial_t partial;

    /* the rest is private */
    const layr_tree_t *tree;
    size_t first, count, base; /* base: bytes of a path that lead to the entry unpacked */
    uint32_t *order;           /* files with bytes, as they come */
    size_t files, run, next;
    uint64_t at; /* of the stream */
    bool force;
    bool there;           /* what comes is in its place already */
    uint64_t need;        /* bytes of disk, at most */
    uint64_t old;         /* size of the file at hand before it was begun with */
    int root, dir, fd;    /* -1: none; root: the partial's; dir: the folder that was used last */
    char *dir_path;       /* its path, "" for root */
    uint64_t done, begun; /* of the file at hand: bytes written; of them the disk has begun with */
    layr_hash_t *hash;    /* of the file at hand */
} layr_unpack_t;

/*
 * Entries first .. first + count - 1 of the tree, which stays; the first is a folder. path, name, trusted: as in
 * layr_output_open. force: a folder of that name is replaced. What an earlier try left (key->resume) is looked through: what
 * does not belong there goes, files that are right stay.  LAYR_OPT_GO_ON, or an exit status after saying why.
 * layr_unpack_close either way.
 */
int layr_unpack_open(layr_unpack_t *u, const layr_tree_t *tree, size_t first, size_t count, const char *path,
                     const char *name, bool trusted, bool force, const layr_partial_key_t *key) LAYR_CHECKED;
/* The next run of the stream that is needed, to be given to the sink; false: there is no more. */
bool layr_unpack_run(layr_unpack_t *u, uint64_t *from, uint64_t *to);
/* All is there: links, modes, times, the name; durably. */
int layr_unpack_finish(layr_unpack_t *u, layr_diag_t *d) LAYR_CHECKED;
/* Without a finish before it nothing is left, or with key->resume what was begun. */
void layr_unpack_close(layr_unpack_t *u);

#endif
