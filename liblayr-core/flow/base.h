/* The version that a put replaces: what of it is kept, and what is to go. For the put alone. */
#ifndef LAYR_FLOW_BASE_H
#define LAYR_FLOW_BASE_H

#include "orders.h"
#include "record.h"
#include "store.h"

typedef struct layr_base_segment {
    layr_entry_t entry;    /* of the version before */
    const uint8_t **hosts; /* of each row, or NULL */
    unsigned good;         /* rows whose hosts keep them as long as the new version */
    bool taken;
} layr_base_segment_t;

struct layr_base {
    layr_file_keys_t keys;
    uint8_t after[LAYR_PREV_MAX][32]; /* the records it stands in */
    unsigned after_count;
    layr_scheme_t scheme; /* k 0: it has no segments */
    char name[LAYR_NAME_MAX + 1];
    layr_base_segment_t *segment;
    size_t count, cap;
    layr_order_list_t pages;
    bool catalogue; /* no file of the owner's list; who reads it takes seconds */
};

/* What a catalogue made from these records replaces; best: the first of them, opened, or NULL where there is none. */
int layr_base_catalogue(layr_base_t **out, layr_session_t *s, const layr_file_keys_t *k,
                        const layr_records_t *found, const layr_file_t *best, layr_diag_t *d) LAYR_CHECKED;

/* Is this the content of that segment, and good enough to be kept? Then it is taken. */
bool layr_base_take(layr_base_t *b, layr_scheme_t scheme, unsigned min_shards, uint64_t number,
                    const uint8_t sha256[32], size_t size);
bool layr_base_has(const layr_base_t *b, uint64_t number);
/* A segment that was taken, as the store would give it. */
void layr_base_stored(const layr_base_t *b, uint64_t number, layr_stored_t *out);
/* The orders of all that was not taken. */
int layr_base_rest(const layr_base_t *b, const layr_session_t *s, layr_order_list_t *out) LAYR_CHECKED;

#endif
