/* What the parts of unpacking share: before the bytes, the bytes, after them. */
#ifndef LAYR_UNPACK_INTERNAL_H
#define LAYR_UNPACK_INTERNAL_H

#include "unpack.h"

/* The folder an entry is in, as a descriptor that stays u's, and the last step of its path; -1: errno says why. */
int layr_unpack_parent(layr_unpack_t *u, const layr_tree_entry_t *e, const char **leaf);
/* The file itself, from any thread: a descriptor, or -1. */
int layr_unpack_file(const layr_unpack_t *u, const layr_tree_entry_t *e, int flags);
/* Its path in the folder that is made. */
const char *layr_unpack_inner(const layr_unpack_t *u, const layr_tree_entry_t *e);
/* d: "NAME/path ..."; gives the code. failed: errno says why. */
int layr_unpack_say(const layr_unpack_t *u, const layr_tree_entry_t *e, layr_diag_t *d, int code,
                    const char *words) LAYR_CHECKED;
int layr_unpack_failed(const layr_unpack_t *u, const layr_tree_entry_t *e, layr_diag_t *d) LAYR_CHECKED;
/* The entry's mode, without what gives rights to more than who is named (setuid, setgid, sticky), and its time. */
int layr_unpack_settle(int fd, const layr_tree_entry_t *e) LAYR_CHECKED;
/* The hash of what was written is the entry's. */
int layr_unpack_check(const layr_unpack_t *u, const layr_tree_entry_t *e, layr_diag_t *d) LAYR_CHECKED;
/* The sink. */
int layr_unpack_bytes(void *ctx, const uint8_t *buf, size_t len, layr_diag_t *d) LAYR_CHECKED;
int layr_unpack_look(void *ctx, uint64_t at, uint8_t *buf, size_t len) LAYR_CHECKED;
int layr_unpack_pass(void *ctx, const uint8_t *buf, size_t len, layr_diag_t *d) LAYR_CHECKED;
int layr_unpack_keep(void *ctx, uint64_t at, const uint8_t *buf, size_t len, layr_diag_t *d) LAYR_CHECKED;
/* Of what an earlier try left: remove all that is none of this tree's folders and files with bytes. */
int layr_unpack_prune(const layr_unpack_t *u, layr_diag_t *d) LAYR_CHECKED;
/* Files that are right need not be got again. */
int layr_unpack_verify(layr_unpack_t *u, layr_diag_t *d) LAYR_CHECKED;

#endif
