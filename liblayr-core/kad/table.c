/* The table as a structure: its memory, its lists, its pool. What enters and leaves, and why, is in table_enter.c. */
#include "kad/table.h"

#include <string.h>

static bool config_ok(const layr_kad_config_t *c)
{
    return c->pool >= LAYR_KAD_K && c->pool <= LAYR_KAD_POOL_MAX && c->text_max >= 1 &&
           c->text_max <= LAYR_CONTACT_MAX && c->spares <= LAYR_KAD_K;
}

size_t layr_kad_table_size(const layr_kad_config_t *c)
{
    size_t size;

    if (!config_ok(c))
        return 0;
    size = sizeof(layr_kad_table_t) + c->pool * (sizeof(layr_kad_node_t) + c->text_max);
    return (size + 7) & ~(size_t)7;
}

int layr_kad_table_init(layr_kad_table_t **out, void *mem, size_t len, const layr_kad_config_t *c,
                        const uint8_t own[32])
{
    static const layr_kad_list_t empty = {LAYR_KAD_NONE, LAYR_KAD_NONE, 0, 0};
    size_t size = layr_kad_table_size(c);
    layr_kad_table_t *t = mem;

    if (size == 0 || mem == NULL || len < size || (uintptr_t)mem % 8 != 0)
        return LAYR_ERR_ARG;
    memset(t, 0, sizeof *t);
    t->layout = LAYR_KAD_LAYOUT;
    t->pool = c->pool;
    t->text_max = c->text_max;
    t->spares = c->spares;
    t->bytes = size;
    memcpy(t->own, own, 32);
    t->looked = INT64_MIN;
    t->unused = empty;
    for (unsigned b = 0; b < LAYR_KAD_BUCKETS; b++)
        t->bucket[b] = (layr_kad_bucket_t){empty, empty, INT64_MIN};
    t->magic = LAYR_KAD_MAGIC;
    *out = t;
    return LAYR_OK;
}

void layr_kad_push(layr_kad_table_t *t, layr_kad_list_t *l, unsigned i)
{
    layr_kad_node_t *n = &t->node[i];

    n->next = LAYR_KAD_NONE;
    n->prev = l->tail;
    if (l->tail != LAYR_KAD_NONE)
        t->node[l->tail].next = (uint16_t)i;
    else
        l->head = (uint16_t)i;
    l->tail = (uint16_t)i;
    l->count++;
}

void layr_kad_pull(layr_kad_table_t *t, layr_kad_list_t *l, unsigned i)
{
    layr_kad_node_t *n = &t->node[i];

    if (n->prev != LAYR_KAD_NONE)
        t->node[n->prev].next = n->next;
    else
        l->head = n->next;
    if (n->next != LAYR_KAD_NONE)
        t->node[n->next].prev = n->prev;
    else
        l->tail = n->prev;
    l->count--;
}

unsigned layr_kad_take(layr_kad_table_t *t)
{
    unsigned i = t->unused.head;

    if (i != LAYR_KAD_NONE)
        layr_kad_pull(t, &t->unused, i);
    else if (t->fresh < t->pool)
        i = t->fresh++;
    return i;
}

void layr_kad_drop(layr_kad_table_t *t, unsigned i)
{
    layr_kad_node_t *n = &t->node[i];
    layr_kad_bucket_t *b = &t->bucket[layr_kad_bucket_of(t, n->id)];

    if (n->kind == LAYR_KAD_LIVE) {
        layr_kad_pull(t, &b->live, i);
        t->live--;
    } else {
        layr_kad_pull(t, &b->spare, i);
        t->spare--;
    }
    memset(n, 0, sizeof *n);
    layr_kad_push(t, &t->unused, i);
}

void layr_kad_evict(layr_kad_table_t *t, unsigned i)
{
    layr_kad_bucket_t *b = &t->bucket[layr_kad_bucket_of(t, t->node[i].id)];
    unsigned next = b->spare.tail;

    layr_kad_drop(t, i);
    if (next == LAYR_KAD_NONE)
        return;
    layr_kad_pull(t, &b->spare, next);
    t->spare--;
    t->node[next].kind = LAYR_KAD_LIVE;
    layr_kad_push(t, &b->live, next);
    t->live++;
}

static unsigned index_in(const layr_kad_table_t *t, const layr_kad_list_t *l, const uint8_t id[32])
{
    unsigned i = l->head;

    while (i != LAYR_KAD_NONE && memcmp(t->node[i].id, id, 32) != 0)
        i = t->node[i].next;
    return i;
}

unsigned layr_kad_index(const layr_kad_table_t *t, const uint8_t id[32])
{
    unsigned b = layr_kad_bucket_of(t, id), i;

    if (b == LAYR_KAD_BUCKETS)
        return LAYR_KAD_NONE;
    i = index_in(t, &t->bucket[b].live, id);
    return i != LAYR_KAD_NONE ? i : index_in(t, &t->bucket[b].spare, id);
}

static unsigned group_count(const layr_kad_table_t *t, const layr_kad_list_t *l, uint64_t group, unsigned but)
{
    unsigned count = 0;

    for (unsigned i = l->head; i != LAYR_KAD_NONE; i = t->node[i].next)
        count += t->node[i].group == group && i != but;
    return count;
}

bool layr_kad_group_fits(const layr_kad_table_t *t, unsigned bucket, uint64_t group, unsigned but)
{
    const layr_kad_bucket_t *b = &t->bucket[bucket];
    unsigned count = group_count(t, &b->live, group, but) + group_count(t, &b->spare, group, but);

    if (count >= LAYR_KAD_GROUP_BUCKET)
        return false;
    count = 0;
    for (unsigned i = 0; i < t->fresh; i++)
        count += t->node[i].group == group && t->node[i].kind != LAYR_KAD_UNUSED && i != but;
    return count < LAYR_KAD_GROUP_TABLE;
}

void layr_kad_show(const layr_kad_table_t *t, unsigned i, layr_kad_contact_t *out)
{
    const layr_kad_node_t *n = &t->node[i];

    memcpy(out->id, n->id, 32);
    out->seq = n->seq;
    out->exp = n->exp;
    out->group = n->group;
    out->seen = n->seen;
    out->rtt_us = n->rtt_us;
    out->var_us = n->var_us;
    out->failures = n->failures;
    out->text = layr_kad_text(t, i);
    out->len = n->len;
}

bool layr_kad_find(const layr_kad_table_t *t, const uint8_t id[32], layr_kad_contact_t *out)
{
    unsigned i = layr_kad_index(t, id);

    if (i != LAYR_KAD_NONE)
        layr_kad_show(t, i, out);
    return i != LAYR_KAD_NONE;
}

void layr_kad_table_stats(const layr_kad_table_t *t, layr_kad_stats_t *out)
{
    *out = (layr_kad_stats_t){.live = t->live,
                              .spare = t->spare,
                              .pool = t->pool,
                              .bytes = t->bytes,
                              .evicted = t->evicted,
                              .expired = t->expired,
                              .removed = t->removed};
    memcpy(out->verdict, t->verdict, sizeof out->verdict);
    for (unsigned b = 0; b < LAYR_KAD_BUCKETS; b++)
        out->buckets += t->bucket[b].live.count > 0;
    for (unsigned i = 0; i < t->fresh; i++)
        out->failing += t->node[i].kind == LAYR_KAD_LIVE && t->node[i].failures > 0;
}
