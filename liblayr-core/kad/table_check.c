/*
 * Is the memory that another process left a table?  Nothing in it is believed: an index is compared with the pool before
 * it is followed.  A list can't run in a circle or join another: each node's prev must be the one that led to it, so one
 * reached twice would need two; and the counts of all lists add up to the nodes that were ever used.
 */
#include <string.h>

#include "kad/table.h"

/* What a list's nodes must be. */
typedef struct expect {
    const layr_kad_table_t *t;
    unsigned bucket, max;
    uint8_t kind;
} expect_t;

static bool head_ok(const layr_kad_table_t *t)
{
    layr_kad_config_t c = {t->pool, t->text_max, t->spares};

    return t->bytes == layr_kad_table_size(&c) && t->fresh <= t->pool && t->unused.zero == 0;
}

static bool unused_ok(const layr_kad_node_t *n)
{
    static const uint8_t zero[32];

    return memcmp(n->id, zero, 32) == 0 && n->len == 0 && n->group == 0 && n->failures == 0;
}

static bool node_ok(const expect_t *e, const layr_kad_node_t *n)
{
    if (n->kind != e->kind)
        return false;
    if (e->kind == LAYR_KAD_UNUSED)
        return unused_ok(n);
    return layr_kad_bucket_of(e->t, n->id) == e->bucket && n->len >= 1 && n->len <= e->t->text_max &&
           n->group != 0 && n->failures < LAYR_KAD_FAILS && n->rtt_us != 0;
}

static bool list_ok(const expect_t *e, const layr_kad_list_t *l)
{
    unsigned prev = LAYR_KAD_NONE, count = 0;

    if (l->count > e->max || l->zero != 0)
        return false;
    for (unsigned i = l->head; i != LAYR_KAD_NONE; i = e->t->node[i].next) {
        if (i >= e->t->fresh || count == l->count)
            return false;
        if (e->t->node[i].prev != prev || !node_ok(e, &e->t->node[i]))
            return false;
        prev = i;
        count++;
    }
    return count == l->count && l->tail == prev;
}

/* Each id once, and no network with more than its share: of a bucket whose lists are whole. */
static bool bucket_ok(const layr_kad_table_t *t, const layr_kad_bucket_t *b)
{
    const layr_kad_node_t *n[2 * LAYR_KAD_K];
    unsigned count = 0;

    for (unsigned i = b->live.head; i != LAYR_KAD_NONE; i = t->node[i].next)
        n[count++] = &t->node[i];
    for (unsigned i = b->spare.head; i != LAYR_KAD_NONE; i = t->node[i].next)
        n[count++] = &t->node[i];
    for (unsigned i = 0; i < count; i++) {
        unsigned alike = 1;
        for (unsigned j = 0; j < i; j++) {
            if (memcmp(n[i]->id, n[j]->id, 32) == 0)
                return false;
            alike += n[i]->group == n[j]->group;
        }
        if (alike > LAYR_KAD_GROUP_BUCKET)
            return false;
    }
    return true;
}

static bool lists_ok(const layr_kad_table_t *t)
{
    unsigned live = 0, spare = 0;
    expect_t e = {t, 0, t->pool, LAYR_KAD_UNUSED};

    if (!list_ok(&e, &t->unused))
        return false;
    for (unsigned k = 0; k < LAYR_KAD_BUCKETS; k++) {
        const layr_kad_bucket_t *b = &t->bucket[k];
        expect_t of_live = {t, k, LAYR_KAD_K, LAYR_KAD_LIVE}, of_spare = {t, k, t->spares, LAYR_KAD_SPARE};
        if (!list_ok(&of_live, &b->live) || !list_ok(&of_spare, &b->spare) || !bucket_ok(t, b))
            return false;
        live += b->live.count;
        spare += b->spare.count;
    }
    return live == t->live && spare == t->spare && live + spare + t->unused.count == t->fresh;
}

/* Every node is in a list by now. */
static bool groups_ok(const layr_kad_table_t *t)
{
    for (unsigned i = 0; i < t->fresh; i++) {
        unsigned alike = 0;
        if (t->node[i].kind == LAYR_KAD_UNUSED)
            continue;
        for (unsigned j = 0; j <= i; j++)
            alike += t->node[j].group == t->node[i].group;
        if (alike > LAYR_KAD_GROUP_TABLE)
            return false;
    }
    return true;
}

int layr_kad_table_check(layr_kad_table_t **out, void *mem, size_t len, const layr_kad_config_t *c,
                         const uint8_t own[32])
{
    size_t size = layr_kad_table_size(c);
    layr_kad_table_t *t = mem;

    if (size == 0 || mem == NULL || len < size || (uintptr_t)mem % 8 != 0)
        return LAYR_ERR_ARG;
    if (t->magic != LAYR_KAD_MAGIC || t->layout != LAYR_KAD_LAYOUT)
        return LAYR_ERR_VERSION;
    if (t->pool != c->pool || t->text_max != c->text_max || t->spares != c->spares ||
        memcmp(t->own, own, 32) != 0)
        return LAYR_ERR_CONFLICT;
    if (!head_ok(t) || !lists_ok(t) || !groups_ok(t))
        return LAYR_ERR_FORMAT;
    *out = t;
    return LAYR_OK;
}
