/* The version that a put replaces: what of it is kept, and what is to go. For the put alone. */
#ifndef LAYR_FLOW_BASE_H
#define LAYR_FLOW_BASE_H

#include "orders.h"
#include "record.h"
#include "store.h"

/* A segment of the version before, or a page of its segments. */
typedef struct layr_base_unit {
    layr_entry_t entry;
    const uint8_t **hosts; /* of each row, or NULL */
    unsigned rows, good;   /* good: rows whose hosts keep them as long as the new version */
    size_t page;           /* of a segment: 1 + the page that it is in; 0: none, it is in the root */
    size_t first;          /* of a page: its first segment */
    uint64_t number;       /* in its kind, in the order of the manifest */
    bool taken;
} layr_base_unit_t;

typedef struct layr_base_units {
    layr_base_unit_t *u;
    size_t count, cap;
} layr_base_units_t;

struct layr_base {
    layr_file_keys_t keys;
    layr_file_t *file;                /* NULL: of a catalogue */
    uint8_t after[LAYR_PREV_MAX][32]; /* the records it stands in */
    unsigned after_count;
    layr_scheme_t scheme; /* k 0: it has no segments */
    layr_base_units_t segment, page;
    layr_base_units_t above; /* pages of pages: those are written anew */
    uint32_t *by_hash;       /* numbers of the segments, in the order of their hashes */
    uint32_t *begins;        /* segments that the new version begins with, begins_count of them */
    size_t begins_count;
    uint32_t *from; /* of each segment of the new version: 1 + the number that it had, or 0 */
    size_t from_cap;
    uint64_t kept, kept_bytes; /* segments that were taken; bytes on hosts, of pages too */
    bool catalogue;            /* no file of the owner's list; who reads it takes seconds */
};

/* What a catalogue made from these records replaces; best: the first of them, opened, or NULL where there is none. */
int layr_base_catalogue(layr_base_t **out, layr_session_t *s, const layr_file_keys_t *k,
                        const layr_records_t *found, const layr_file_t *best, layr_diag_t *d) LAYR_CHECKED;

/* As layr_base_open, but no host is asked about a shard: no unit has a `good` row. */
int layr_base_read(layr_base_t **out, layr_session_t *s, const layr_file_keys_t *k,
                   layr_diag_t *d) LAYR_CHECKED;
/* Row i of a unit is another shard now, at this host (NULL: at none). */
void layr_base_set_row(layr_base_unit_t *u, unsigned i, const layr_row_t *row, const uint8_t *host);
/* What the store would give for it. */
layr_stored_t layr_base_stored(const layr_base_unit_t *u, bool page, uint64_t number);
/* Add the orders of its rows. */
int layr_base_note_unit(const layr_base_t *b, const layr_session_t *s, const layr_base_unit_t *u,
                        layr_order_list_t *out) LAYR_CHECKED;

/* Shards of n that a put with these options is content with. */
unsigned layr_put_min(const layr_put_opts_t *o, layr_scheme_t s);

/* base_take.c */
/* What the new version begins with is taken: so many segments of so many bytes. */
int layr_base_begin(layr_base_t *b, layr_scheme_t scheme, uint64_t *segments, uint64_t *bytes) LAYR_CHECKED;
/* Is this the content of one of its segments, and good enough to be kept? Then *taken, and it is the new version's `number`. */
int layr_base_take(layr_base_t *b, layr_scheme_t scheme, unsigned min_shards, uint64_t number,
                   const uint8_t sha256[32], size_t size, bool *taken) LAYR_CHECKED;
/*
 * What the new version's manifest has at `number`, where `known` of its segments are decided and, with `all`, no more come.
 * pages: a page may come here. WAIT: more has to be known. *out is as the store would give it, with KEPT and PAGE.
 */
typedef enum layr_base_next {
    LAYR_BASE_OTHER,
    LAYR_BASE_WAIT,
    LAYR_BASE_KEPT,
    LAYR_BASE_PAGE
} layr_base_next_t;
layr_base_next_t layr_base_next(layr_base_t *b, unsigned min_shards, uint64_t number, uint64_t known,
                                bool all, bool pages, layr_stored_t *out);
/* The orders of all that was not taken. */
int layr_base_rest(const layr_base_t *b, const layr_session_t *s, layr_order_list_t *out) LAYR_CHECKED;

#endif
