/*
 * A folder's tree: what is in it, and where in the stream (docs/protocol.md 4.5). Pure: bytes in, structures out; nobody
 * here touches a file system.
 */
#ifndef LAYR_TREE_H
#define LAYR_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "layr/bytes.h"
#include "layr/error.h"

#define LAYR_TREE_VERSION 1
#define LAYR_TREE_MAX (256u << 20)     /* bytes of a tree */
#define LAYR_TREE_ENTRIES_MAX 2097152u /* the folder itself counts */
#define LAYR_TREE_PATH_MAX 4095        /* bytes of a path from the folder, and of a link's target */
#define LAYR_TREE_STEP_MAX 255         /* bytes of one step of a path */
#define LAYR_TREE_DEPTH_MAX 256        /* steps */
#define LAYR_TREE_MTIME_MAX 9007199254740991LL

typedef enum layr_tree_type { LAYR_TREE_FOLDER = 0, LAYR_TREE_FILE = 1, LAYR_TREE_LINK = 2 } layr_tree_type_t;

#define LAYR_TREE_SPARSE 1u /* flag of a file: it had holes, which read as zeros */

typedef struct layr_tree_entry {
    layr_tree_type_t type;
    uint8_t flags;
    uint16_t mode;         /* 0 to 07777; 0 for a link */
    int64_t mtime;         /* seconds since 1970, also before it */
    uint32_t mtime_ns;     /* 0 to 999,999,999 */
    const char *path;      /* any bytes but NUL, steps parted by '/'; "" is the folder itself */
    const char *target;    /* of a link: 1 to LAYR_TREE_PATH_MAX bytes but NUL; else NULL */
    uint64_t offset, size; /* of a file, in the stream; an empty one has offset 0 */
    uint8_t sha256[32];    /* of a file */
} layr_tree_entry_t;

/* Entries and their texts. Zeroed is empty. */
typedef struct layr_tree {
    layr_tree_entry_t *entry;
    size_t count, cap;
    struct layr_tree_text *text; /* private: what paths and targets point into */
} layr_tree_t;

void layr_tree_free(layr_tree_t *t); /* harmless on a zeroed one */
/* Append an entry, with copies of its texts. LAYR_ERR_LIMIT over LAYR_TREE_ENTRIES_MAX. Order and content are encode's to check. */
int layr_tree_add(layr_tree_t *t, const layr_tree_entry_t *e) LAYR_CHECKED;
/* The order of a tree: as memcmp with '/' below every other byte, so that a folder's content follows it at once. */
int layr_tree_path_order(const char *a, const char *b) LAYR_CHECKED;

/* Bytes that encode will give. */
uint64_t layr_tree_bytes(const layr_tree_t *t);
/*
 * data: bytes of the stream before the tree, in which all files lie. encode appends to out, and gives LAYR_ERR_ARG for what
 * decode would refuse. decode: LAYR_ERR_VERSION for another version, LAYR_ERR_LIMIT over a limit above, LAYR_ERR_FORMAT for
 * what the protocol refuses; out is zeroed then.
 */
int layr_tree_encode(const layr_tree_t *t, uint64_t data, layr_buf_t *out) LAYR_CHECKED;
int layr_tree_decode(layr_tree_t *out, const uint8_t *in, size_t len, uint64_t data) LAYR_CHECKED;

/*
 * The entry with this path, and how many entries are it and what lies in it: they stand together. LAYR_ERR_NOTFOUND.
 * The path may begin with "./" and end with '/'; "" and "." are the folder itself.
 */
int layr_tree_find(const layr_tree_t *t, const char *path, size_t *first, size_t *count) LAYR_CHECKED;
/*
 * Of entries first .. first + count - 1 the files that have bytes, by their place in the stream: indexes into *out,
 * malloc'd, *n of them (at least one is allocated).
 */
int layr_tree_by_offset(const layr_tree_t *t, size_t first, size_t count, uint32_t **out,
                        size_t *n) LAYR_CHECKED;

/*
 * A new version of a folder. Segments of the old version that hold files which are the same stay as they are, with all that
 * is in them; they come first, in their order, and what else is to be stored follows them (docs/protocol.md 4.5).
 */
typedef struct layr_tree_segment { /* of the old version */
    uint64_t size;
    bool good; /* its hosts keep it */
} layr_tree_segment_t;

/* What is known of each entry of the new version's tree. */
typedef enum layr_tree_state {
    LAYR_TREE_NEW = 0, /* a file's SHA-256 is not known: it is to be sent */
    LAYR_TREE_ASKED,   /* the old version has a file of this size: its SHA-256 is worth knowing */
    LAYR_TREE_HASHED,  /* its SHA-256 is in the entry */
    LAYR_TREE_KEPT     /* it lies in a segment that stays: its offset is in the entry */
} layr_tree_state_t;

typedef struct layr_tree_plan {
    uint32_t *keep; /* numbers of the segments that stay, ascending */
    size_t keep_count;
    uint64_t bytes;  /* of them: offset of what follows */
    uint64_t unused; /* of these what no file has: a quarter of the new version's stream at most */
    uint64_t
        again; /* bytes of files that are the same and are to be sent all the same, so that it stays in bounds */
} layr_tree_plan_t;

/* state, of t->count entries: NEW becomes ASKED where that is so. */
int layr_tree_ask(const layr_tree_t *t, const layr_tree_t *old, uint8_t *state) LAYR_CHECKED;
/*
 * What was HASHED becomes KEPT, with its offset, where the old version has a file of that size and SHA-256, of whatever name,
 * in segments that stay. old: as decode gave it, its files lie in the first bytes of the segments. full: bytes of a full
 * segment. LAYR_ERR_ARG for segments that don't hold the old files.
 */
int layr_tree_plan(layr_tree_plan_t *out, layr_tree_t *t, uint8_t *state, const layr_tree_t *old,
                   const layr_tree_segment_t *segment, size_t count, size_t full) LAYR_CHECKED;
void layr_tree_plan_free(layr_tree_plan_t *p); /* harmless on a zeroed one */

#endif
