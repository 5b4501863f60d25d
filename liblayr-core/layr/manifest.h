/*
 * The manifest: root (placement half and content half), nodes and pages (docs/protocol.md section 4).
 * Pure bytes in, structures out; storing and fetching pages is flow/'s.
 */
#ifndef LAYR_MANIFEST_H
#define LAYR_MANIFEST_H

#include <stddef.h>
#include <stdint.h>

#include "layr/bytes.h"
#include "layr/code.h"
#include "layr/crypto.h"
#include "layr/error.h"
#include "layr/statement.h"

#define LAYR_PAGE_MAX (1u << 20)      /* plaintext bytes of a page */
#define LAYR_PAGE_SEGMENTS 256        /* segments in a page of level 0 */
#define LAYR_LEVEL_MAX 3
#define LAYR_PLACEMENT_MAX 24576      /* bytes of the placement half, sealed */
#define LAYR_CONTENT_MAX 8000         /* bytes of the content half's JSON */
#define LAYR_INLINE_MAX 4096
#define LAYR_NAME_MAX 255
#define LAYR_NO_HOST 65535            /* host index of a row without a shard */

typedef struct layr_row {
    uint8_t id[32];
    uint8_t salt[16];
    uint16_t host;                    /* index in the node's host table, or LAYR_NO_HOST */
} layr_row_t;

/* A segment (level 0) or a page (level > 0). */
typedef struct layr_entry {
    uint32_t size;                    /* plaintext bytes of this segment or page */
    uint8_t hash[32];
    uint64_t segments;                /* of the file below this entry: 1 for a segment */
    uint64_t bytes;                   /* of the file below this entry: size for a segment */
    layr_row_t *rows;                 /* n (segment) or n - k + 1 (page) */
} layr_entry_t;

/* A host table and entries of one level. Owns its memory. */
typedef struct layr_node_page {
    layr_scheme_t scheme;             /* of the file */
    uint8_t level;
    unsigned rows;                    /* in each entry */
    uint8_t (*hosts)[32];
    size_t host_count;
    layr_entry_t *entries;
    size_t entry_count, entry_cap;
    size_t host_cap;
} layr_node_page_t;

/* An empty node to append to. */
void layr_page_init(layr_node_page_t *p, layr_scheme_t s, uint8_t level);
void layr_page_free(layr_node_page_t *p);   /* harmless on a zeroed one */
/*
 * Append an entry: hosts[i] is the id of the host of row i, or NULL for none (ids and salts then are ignored).
 * The host table is kept as found; layr_page_encode sorts it.
 */
int layr_page_append(layr_node_page_t *p, const layr_entry_t *e, const uint8_t *const *hosts) LAYR_CHECKED;
/* Bytes that layr_page_encode will give (without version and level), exactly. */
size_t layr_page_node_size(const layr_node_page_t *p);
/* Bytes the node would have with one more entry that names all new hosts: an upper bound. */
size_t layr_page_node_size_next(const layr_node_page_t *p);
/* Encode as a page: u8 version, u8 level, node. Sorts hosts. */
int layr_page_encode(const layr_node_page_t *p, layr_buf_t *out) LAYR_CHECKED;
/* Decode a page that must have this level and scheme and cover exactly these many segments and bytes. */
int layr_page_decode(layr_node_page_t *out, layr_scheme_t s, uint8_t level, uint64_t segments, uint64_t bytes,
                     const uint8_t *in, size_t len) LAYR_CHECKED;
/* Shape of a page's copy: k = 1, size up to LAYR_PAGE_MAX. */
int layr_page_shape(layr_shape_t *out, layr_scheme_t s, size_t size) LAYR_CHECKED;

/* The placement half. */
typedef struct layr_placement {
    layr_scheme_t scheme;
    uint64_t segments, size;
    layr_node_page_t node;            /* node.level says what its entries are */
} layr_placement_t;
void layr_placement_free(layr_placement_t *p);
int layr_placement_encode(const layr_placement_t *p, layr_buf_t *out) LAYR_CHECKED;
int layr_placement_decode(layr_placement_t *out, const uint8_t *in, size_t len) LAYR_CHECKED;

/* The content half. Strings are owned by it, inline bytes too. */
typedef struct layr_content {
    char name[LAYR_NAME_MAX + 1];     /* any bytes but '/' and NUL; "" when there is none */
    char type[128];                   /* media type */
    uint64_t size;
    uint8_t sha256[32];
    layr_time_t mtime, created;       /* mtime -1: none */
    int has_inline;
    size_t inline_len;
    uint8_t inline_bytes[LAYR_INLINE_MAX];
} layr_content_t;
int layr_content_encode(const layr_content_t *c, layr_buf_t *out) LAYR_CHECKED;
int layr_content_decode(layr_content_t *out, const uint8_t *in, size_t len) LAYR_CHECKED;

/*
 * Root: seal and join both halves; s1, s2: 32 fresh random bytes each.  Open: with R and P (read) or P alone (verify: content NULL).
 * LAYR_ERR_AUTH when a half does not open, LAYR_ERR_FORMAT when its plaintext is wrong, LAYR_ERR_REMOVED for an empty root,
 * LAYR_ERR_LIMIT when it does not fit LAYR_ROOT_MAX.  open also checks that size and inline agree in both halves.
 */
int layr_root_seal(layr_buf_t *out, const layr_file_keys_t *k, const layr_placement_t *p, const layr_content_t *c,
                   const uint8_t s1[32], const uint8_t s2[32]) LAYR_CHECKED;
int layr_root_open(layr_placement_t *p, layr_content_t *c, const layr_file_keys_t *k, const uint8_t *root, size_t len) LAYR_CHECKED;

#endif
