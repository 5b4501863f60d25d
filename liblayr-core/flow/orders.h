/* The orders of a file, by host: gathered from its manifest, and renewed or released at their hosts. */
#ifndef LAYR_FLOW_ORDERS_H
#define LAYR_FLOW_ORDERS_H

#include "walk.h"

/* Each entry is one statement: at most LAYR_ORDERS_MAX orders of one host and group. Zero it first. */
typedef struct layr_order_list {
    layr_release_t *r;
    size_t count, cap;
} layr_order_list_t;

int layr_orders_note(layr_order_list_t *l, const uint8_t host[32], const char *url, const uint8_t group[16],
                     const uint8_t order[16]) LAYR_CHECKED;
/* That of one shard, of the file with these keys (of the write cap); those of one segment or page. */
int layr_orders_note_shard(layr_order_list_t *l, const layr_session_t *s, const layr_file_keys_t *keys,
                           const uint8_t shard[32], const uint8_t host[32]) LAYR_CHECKED;
int layr_orders_note_rows(layr_order_list_t *l, const layr_session_t *s, const layr_file_keys_t *keys,
                          const layr_entry_t *e, const layr_node_page_t *node) LAYR_CHECKED;
/* All of a version of the file; its pages are fetched. */
int layr_orders_gather(layr_order_list_t *l, layr_session_t *s, const layr_file_keys_t *keys,
                       const layr_placement_t *p, layr_diag_t *d) LAYR_CHECKED;
void layr_orders_free(layr_order_list_t *l);

/* One statement each, all at a time: done[i] says which were let go, or never were known there. */
int layr_orders_release(layr_session_t *s, const layr_order_list_t *l, bool *done) LAYR_CHECKED;
/* Have them kept until then: the ids (16 bytes each) of those that are, sorted, are appended to kept. */
int layr_orders_renew(layr_session_t *s, const layr_order_list_t *l, layr_time_t until,
                      layr_buf_t *kept) LAYR_CHECKED;

/* Order ids of 16 bytes, sorted: is this one of them? */
bool layr_orders_has(const layr_buf_t *ids, const uint8_t order[16]);
void layr_orders_sort(layr_buf_t *ids);

#endif
