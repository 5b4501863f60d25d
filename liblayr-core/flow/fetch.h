/*
 * Any k shards back to bytes.  A unit (a segment or a page, or a byte range of one) goes in as its manifest
 * entry; shards are asked of their hosts, checked and opened on workers; a bad, missing or slow one has
 * another asked in its place meanwhile; the plaintext comes out.  Belongs to one thread.
 */
#ifndef LAYR_FLOW_FETCH_H
#define LAYR_FLOW_FETCH_H

#include "engine.h"
#include "load.h"

typedef struct layr_fetch layr_fetch_t;
typedef struct layr_piece layr_piece_t;

int layr_fetch_new(layr_fetch_t **out, layr_session_t *s, const layr_file_keys_t *keys,
                   layr_scheme_t scheme) LAYR_CHECKED;
void layr_fetch_free(layr_fetch_t *f);
layr_engine_t *layr_fetch_engine(layr_fetch_t *f);
/* May another piece be added? What pieces under way need of memory is bounded, and with `limit` what of the bytes. */
bool layr_fetch_room(const layr_fetch_t *f);
void layr_fetch_limit(layr_fetch_t *f, uint64_t bytes);

/*
 * Bytes first .. last of the unit's plaintext. rows and hosts (the node's table) are copied. A piece is the
 * caller's until layr_fetch_drop.
 */
int layr_fetch_add(layr_fetch_t *f, layr_piece_t **out, bool page, uint64_t number, const layr_entry_t *e,
                   const layr_node_page_t *node, uint32_t first, uint32_t last) LAYR_CHECKED;
/* All of a segment that the sink may have already (its look): it is fetched when it has not. at: its place in the file. */
int layr_fetch_add_there(layr_fetch_t *f, layr_piece_t **out, uint64_t number, const layr_entry_t *e,
                         const layr_node_page_t *node, const layr_sink_t *sink, uint64_t at) LAYR_CHECKED;
/* Of a piece that is done: the sink had it. */
bool layr_fetch_found(const layr_piece_t *p);
/* 1: done, *plain are the last - first + 1 bytes, valid until drop; 0: not yet; LAYR_ERR_DATA and others: d
 * says why. */
int layr_fetch_take(layr_piece_t *p, const uint8_t **plain, layr_diag_t *d) LAYR_CHECKED;
void layr_fetch_drop(layr_piece_t *p);
void layr_fetch_turn(layr_fetch_t *f, long ms);
const layr_get_stats_t *layr_fetch_stats(const layr_fetch_t *f);

#endif
