/* What the parts of unpacking share: before the bytes, the bytes, after them. */
#ifndef LAYR_UNPACK_INTERNAL_H
#define LAYR_UNPACK_INTERNAL_H

#include "unpack.h"

/* The folder an entry is in, as a descriptor that stays u's, and the last step of its path; -1: errno says why. */
int layr_unpack_parent(layr_unpack_t *u, const layr_tree_entry_t *e, const char **leaf);
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

#endif
