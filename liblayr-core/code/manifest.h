/* What the files of the manifest share: nodes as bytes. */
#ifndef LAYR_CODE_MANIFEST_H
#define LAYR_CODE_MANIFEST_H

#include <stdbool.h>

#include "layr/manifest.h"

#define LAYR_MANIFEST_VERSION 1

/* Is this a size, and are these sums, that an entry of this node may have? */
bool layr_page_entry_ok(const layr_node_page_t *p, const layr_entry_t *e);
/* Bytes of one entry. */
size_t layr_page_entry_bytes(const layr_node_page_t *p);
/* Sums over the entries; false when they pass 2^64. */
bool layr_page_sums(const layr_node_page_t *p, uint64_t *segments, uint64_t *bytes);
/* Which hosts do rows name? used: a flag for each host. Returns their number; false in *ok for a row outside
 * the table. */
size_t layr_page_used_hosts(const layr_node_page_t *p, uint8_t used[LAYR_NO_HOST], bool *ok);

/* Append a node. LAYR_ERR_ARG, LAYR_ERR_NOMEM; out may then hold a part of it. */
int layr_page_node_encode(const layr_node_page_t *p, layr_buf_t *out) LAYR_CHECKED;
/* Read a node up to the end of r. out is initialised by it and freed by it on failure. */
int layr_page_node_decode(layr_node_page_t *out, layr_scheme_t s, uint8_t level,
                          layr_reader_t *r) LAYR_CHECKED;

#endif
