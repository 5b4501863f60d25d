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

#define LAYR_PAGE_MAX (1u << 20) /* plaintext bytes of a page */
#define LAYR_PAGE_SEGMENTS 256   /* segments in a page of level 0 */
#define LAYR_LEVEL_MAX 3
#define LAYR_PLACEMENT_MAX 24576 /* bytes of the placement half, sealed */
#define LAYR_CONTENT_MAX 8000    /* bytes of the content half's JSON */
#define LAYR_INLINE_MAX 4096
#define LAYR_NAME_MAX 255
#define LAYR_NO_HOST 65535 /* host index of a row without a shard */

typedef struct layr_row {
    uint8_t id[32];
    uint8_t salt[16];
    uint16_t host; /* index in the node's host table, or LAYR_NO_HOST */
} layr_row_t;

/* A segment (level 0) or a page (level > 0). */
typedef struct layr_entry {
    uint32_t size; /* plaintext bytes of this segment or page */
    uint8_t hash[32];
    uint64_t segments; /* of the file below this entry: 1 for a segment */
    uint64_t bytes;    /* of the file below this entry: size for a segment */
    layr_row_t *rows;  /* n (segment) or n - k + 1 (page) */
} layr_entry_t;

/* A host table and entries of one level. Owns its memory. */
typedef struct layr_node_page {
    layr_scheme_t scheme; /* of the file */
    uint8_t level;
    unsigned rows; /* in each entry */
    uint8_t (*hosts)[32];
    size_t host_count;
    layr_entry_t *entries;
    size_t entry_count, entry_cap;
    size_t host_cap;
    uint32_t *index; /* private: hosts by id, made when it is first needed */
    size_t index_cap, index_count;
} layr_node_page_t;

/* An empty node to append to. */
void layr_page_init(layr_node_page_t *p, layr_scheme_t s, uint8_t level);
void layr_page_free(layr_node_page_t *p); /* harmless on a zeroed one */
/*
 * Append a copy of an entry: hosts[i] is the id of the host of row i, or NULL for none (ids and salts then are ignored).
 * e: at level 0 size, hash and rows (segments and bytes follow), above it also segments and bytes.
 * LAYR_ERR_ARG for a size no segment or page has, or one host for two rows; LAYR_ERR_LIMIT when the table is full.
 */
int layr_page_append(layr_node_page_t *p, const layr_entry_t *e, const uint8_t *const *hosts) LAYR_CHECKED;
/*
 * The index of a host in the table, added when it is not there: for a patch, which sets rows[].host in place.
 * A host that no row names any more is left out when the node is encoded.
 */
int layr_page_host(layr_node_page_t *p, const uint8_t id[32], uint16_t *index) LAYR_CHECKED;
/* Bytes that layr_page_encode will give (without version and level), exactly. */
size_t layr_page_node_size(const layr_node_page_t *p);
/* Bytes the node would have with one more entry that names all new hosts: an upper bound. */
size_t layr_page_node_size_next(const layr_node_page_t *p);
/*
 * Append as a page to out: u8 version, u8 level, node. The host table comes out sorted, with the rows' indexes to match.
 * LAYR_ERR_ARG: an entry that a reader would refuse; LAYR_ERR_LIMIT: over LAYR_PAGE_MAX or LAYR_PAGE_SEGMENTS. out then is as it was.
 */
int layr_page_encode(const layr_node_page_t *p, layr_buf_t *out) LAYR_CHECKED;
/*
 * Decode a page that must have this level and scheme and cover exactly these many segments and bytes.
 * LAYR_ERR_VERSION for another version, LAYR_ERR_LIMIT over LAYR_PAGE_MAX, LAYR_ERR_FORMAT for anything else that 4.2 refuses.
 * out is zeroed on failure.
 */
int layr_page_decode(layr_node_page_t *out, layr_scheme_t s, uint8_t level, uint64_t segments, uint64_t bytes,
                     const uint8_t *in, size_t len) LAYR_CHECKED;
/* Shape of a page's copy: the scheme 1/(n - k + 1), size 1 to LAYR_PAGE_MAX, or else LAYR_ERR_LIMIT. */
int layr_page_shape(layr_shape_t *out, layr_scheme_t s, size_t size) LAYR_CHECKED;

/*
 * The placement half. Without segments: the scheme 1/1, size 0, an empty node of level 0. encode appends to out and gives
 * LAYR_ERR_ARG for what a reader would refuse and LAYR_ERR_LIMIT when it does not fit LAYR_PLACEMENT_MAX sealed:
 * then a higher level is needed. decode zeroes out on failure.
 */
typedef struct layr_placement {
    layr_scheme_t scheme;
    uint64_t segments, size;
    layr_node_page_t node; /* node.level says what its entries are */
} layr_placement_t;
void layr_placement_free(layr_placement_t *p);
int layr_placement_encode(const layr_placement_t *p, layr_buf_t *out) LAYR_CHECKED;
int layr_placement_decode(layr_placement_t *out, const uint8_t *in, size_t len) LAYR_CHECKED;

/*
 * The content half. A name is any bytes but '/' and NUL and neither "." nor "..": encode writes `name` when it is UTF-8,
 * `name64` otherwise. A folder's size is that of its stream, and sha256 is its tree's. type "" is written as application/octet-stream, an mtime before 1970 as none. encode appends to out;
 * LAYR_ERR_ARG for what a reader would refuse. decode: LAYR_ERR_VERSION for another v, kind or a member that is not ours;
 * out is wiped on failure. That inline bytes have this SHA-256 is the reader's to check (docs/protocol.md 8).
 */
typedef struct layr_content {
    char name[LAYR_NAME_MAX + 1]; /* "" when there is none */
    char type[128];               /* media type, printable ASCII */
    uint64_t size;
    uint8_t sha256[32];
    layr_time_t mtime, created; /* mtime -1: none */
    bool is_folder;
    uint64_t tree_size; /* of a folder: the last bytes of its stream, layr/tree.h; 0 otherwise */
    int has_inline;
    size_t inline_len;
    uint8_t inline_bytes[LAYR_INLINE_MAX];
} layr_content_t;
int layr_content_encode(const layr_content_t *c, layr_buf_t *out) LAYR_CHECKED;
int layr_content_decode(layr_content_t *out, const uint8_t *in, size_t len) LAYR_CHECKED;

/*
 * Root. seal: both halves, sealed and joined, appended to out; needs R and P (else LAYR_ERR_CAP); s1, s2: 32 fresh random
 * bytes each.  open: with R and P (read), or with content NULL P alone (verify); LAYR_ERR_CAP when k has not that right,
 * LAYR_ERR_AUTH when a half does not open, LAYR_ERR_FORMAT (VERSION, LIMIT) when its plaintext is wrong, LAYR_ERR_REMOVED
 * for an empty root.  Both check that size, segments and inline agree in the two halves.  On failure p and c are zeroed.
 */
int layr_root_seal(layr_buf_t *out, const layr_file_keys_t *k, const layr_placement_t *p,
                   const layr_content_t *c, const uint8_t s1[32], const uint8_t s2[32]) LAYR_CHECKED;
int layr_root_open(layr_placement_t *p, layr_content_t *c, const layr_file_keys_t *k, const uint8_t *root,
                   size_t len) LAYR_CHECKED;

#endif
