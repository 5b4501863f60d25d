/* The table's contacts as bytes on disk, and back. */
#include <string.h>

#include "kad/table.h"

#define MAGIC "layrkad1"
#define HEAD 12
#define ENTRY_MIN (32 + 4 * 8 + 2 * 4 + 2 + 1)

static void save_list(const layr_kad_table_t *t, const layr_kad_list_t *l, layr_buf_t *out)
{
    for (unsigned i = l->head; i != LAYR_KAD_NONE; i = t->node[i].next) {
        const layr_kad_node_t *n = &t->node[i];
        layr_buf_add(out, n->id, 32);
        layr_buf_add64(out, n->seq);
        layr_buf_add64(out, (uint64_t)n->exp);
        layr_buf_add64(out, (uint64_t)n->seen);
        layr_buf_add64(out, n->group);
        layr_buf_add32(out, n->rtt_us);
        layr_buf_add32(out, n->var_us);
        layr_buf_add16(out, n->len);
        layr_buf_add(out, layr_kad_text(t, i), n->len);
    }
}

/* Live ones of all buckets, then spares: loaded in this order each finds its place again. */
int layr_kad_table_save(const layr_kad_table_t *t, layr_buf_t *out)
{
    layr_buf_add(out, MAGIC, 8);
    layr_buf_add32(out, t->live + t->spare);
    for (unsigned b = 0; b < LAYR_KAD_BUCKETS; b++)
        save_list(t, &t->bucket[b].live, out);
    for (unsigned b = 0; b < LAYR_KAD_BUCKETS; b++)
        save_list(t, &t->bucket[b].spare, out);
    return out->bad ? LAYR_ERR_NOMEM : LAYR_OK;
}

static bool read_entry(layr_reader_t *r, layr_kad_contact_t *c)
{
    const uint8_t *id = layr_read_bytes(r, 32);

    memset(c, 0, sizeof *c);
    if (id != NULL)
        memcpy(c->id, id, 32);
    c->seq = layr_read64(r);
    c->exp = (layr_time_t)layr_read64(r);
    c->seen = (layr_time_t)layr_read64(r);
    c->group = layr_read64(r);
    c->rtt_us = layr_read32(r);
    c->var_us = layr_read32(r);
    c->len = layr_read16(r);
    c->text = (const char *)layr_read_bytes(r, c->len);
    return !r->bad && c->len >= 1 && c->len <= LAYR_CONTACT_MAX && c->group != 0;
}

/* Well formed to the last byte? */
static int check(layr_reader_t r, uint32_t *count)
{
    const uint8_t *magic = layr_read_bytes(&r, 8);
    layr_kad_contact_t c;

    *count = layr_read32(&r);
    if (magic == NULL || r.bad || memcmp(magic, MAGIC, 8) != 0)
        return LAYR_ERR_FORMAT;
    if (*count > LAYR_KAD_POOL_MAX)
        return LAYR_ERR_LIMIT;
    if (layr_reader_left(&r) < (size_t)*count * ENTRY_MIN)
        return LAYR_ERR_FORMAT;
    for (uint32_t i = 0; i < *count; i++)
        if (!read_entry(&r, &c))
            return LAYR_ERR_FORMAT;
    return layr_reader_left(&r) == 0 ? LAYR_OK : LAYR_ERR_FORMAT;
}

/* Only what is not there: what this process has learned is newer. */
static bool load_entry(layr_kad_table_t *t, const layr_kad_contact_t *c, layr_time_t now)
{
    layr_kad_node_t *n;
    int v;

    if (c->len > t->text_max || layr_kad_index(t, c->id) != LAYR_KAD_NONE)
        return false;
    v = layr_kad_confirm(t, c, c->rtt_us, now, NULL, NULL);
    if (v != LAYR_KAD_ENTERED && v != LAYR_KAD_WAITS)
        return false;
    n = &t->node[layr_kad_index(t, c->id)];
    n->var_us = c->var_us;
    n->tried = n->seen = c->seen < now - LAYR_KAD_STALE ? c->seen : now - LAYR_KAD_STALE;
    return true;
}

int layr_kad_table_load(layr_kad_table_t *t, const uint8_t *in, size_t len, layr_time_t now,
                        bool (*accept)(void *ctx, const layr_kad_contact_t *c), void *ctx, unsigned *taken)
{
    layr_kad_contact_t c;
    layr_reader_t r;
    uint32_t count;
    unsigned done = 0;
    int rc;

    layr_reader_init(&r, in, len);
    if ((rc = check(r, &count)) != LAYR_OK)
        return rc;
    layr_read_bytes(&r, HEAD);
    for (uint32_t i = 0; i < count; i++)
        if (read_entry(&r, &c) && accept(ctx, &c))
            done += load_entry(t, &c, now);
    *taken = done;
    return LAYR_OK;
}
