/*
 * The table's layout, shared by the files of kad/table*.c.  In memory: the head, then pool nodes, then pool texts of
 * text_max bytes each.  Native byte order: it is shared between processes of one machine; the snapshot is not this.
 */
#ifndef LAYR_KAD_TABLE_H
#define LAYR_KAD_TABLE_H

#include "layr/kad.h"

/* As a number, so that another byte order does not match. */
#define LAYR_KAD_MAGIC 0x6b61642d6c617972u
#define LAYR_KAD_LAYOUT 1u /* of what follows: change it with any change of these structures */
#define LAYR_KAD_BUCKETS 256
#define LAYR_KAD_NONE 0xffffu

/* Doubly linked, by index into the pool; the tail is the most recent. */
typedef struct layr_kad_list {
    uint16_t head, tail, count, zero;
} layr_kad_list_t;

typedef struct layr_kad_bucket {
    layr_kad_list_t live, spare;
    int64_t looked; /* when a lookup for an id in it began */
} layr_kad_bucket_t;

enum { LAYR_KAD_UNUSED, LAYR_KAD_LIVE, LAYR_KAD_SPARE };

typedef struct layr_kad_node {
    uint8_t id[32];
    uint64_t seq, group;
    int64_t exp, seen;
    int64_t tried; /* when it failed, or was named to be pinged, last */
    uint32_t rtt_us, var_us;
    uint32_t mark; /* the table's answers at its last answer or failure */
    uint16_t next, prev, len;
    uint8_t failures, kind;
} layr_kad_node_t;

struct layr_kad_table {
    uint64_t magic;
    uint32_t layout, pool, text_max, spares;
    uint64_t bytes;
    uint8_t own[32];
    int64_t looked; /* when a lookup for the own id began */
    uint32_t answers;
    uint32_t live, spare;   /* entries in use */
    uint32_t fresh;         /* nodes from here on were never used */
    layr_kad_list_t unused; /* below fresh; singly linked through next, taken from the head */
    uint64_t verdict[LAYR_KAD_VERDICTS], evicted, expired, removed;
    layr_kad_bucket_t bucket[LAYR_KAD_BUCKETS];
    layr_kad_node_t node[];
};

static inline char *layr_kad_text(const layr_kad_table_t *t, unsigned i)
{
    return (char *)(uintptr_t)(t->node + t->pool) + (size_t)i * t->text_max;
}

/* The bucket of an id other than the own one. */
static inline unsigned layr_kad_bucket_of(const layr_kad_table_t *t, const uint8_t id[32])
{
    return layr_kad_prefix(t->own, id);
}

/* Its index; LAYR_KAD_NONE. */
unsigned layr_kad_index(const layr_kad_table_t *t, const uint8_t id[32]);
void layr_kad_push(layr_kad_table_t *t, layr_kad_list_t *l, unsigned i); /* at the tail */
void layr_kad_pull(layr_kad_table_t *t, layr_kad_list_t *l, unsigned i);
/* A node in no list and filled by the caller; LAYR_KAD_NONE when the pool is used up. */
unsigned layr_kad_take(layr_kad_table_t *t);
/* Out of its list, back to the pool. */
void layr_kad_drop(layr_kad_table_t *t, unsigned i);
/* Drop a live one; the newest spare of its bucket takes its place. */
void layr_kad_evict(layr_kad_table_t *t, unsigned i);
/* May one more of this group be in the bucket and in the table? `but`: a node not counted, or LAYR_KAD_NONE. */
bool layr_kad_group_fits(const layr_kad_table_t *t, unsigned bucket, uint64_t group, unsigned but);
void layr_kad_show(const layr_kad_table_t *t, unsigned i, layr_kad_contact_t *out);

#endif
