/* Bytes as a node. They come from hosts and from whoever holds a write capability: nothing in them is
 * trusted. */
#include <stdlib.h>
#include <string.h>

#include "code/manifest.h"

/* One pass over the rows tells for each host the last entry (number + 1) that named it: 0 never, this one
 * twice. */
typedef struct decoder {
    layr_reader_t *r;
    layr_node_page_t *node;
    uint32_t *named_by;
} decoder_t;

static int decode_hosts(decoder_t *d)
{
    layr_node_page_t *p = d->node;
    uint16_t count = layr_read16(d->r);
    const uint8_t *table = layr_read_bytes(d->r, (size_t)count * 32);

    if (table == NULL)
        return LAYR_ERR_FORMAT;
    for (size_t i = 1; i < count; i++)
        if (memcmp(table + 32 * (i - 1), table + 32 * i, 32) >= 0)
            return LAYR_ERR_FORMAT;
    if (count == 0)
        return 0;
    p->hosts = malloc((size_t)count * sizeof *p->hosts);
    d->named_by = calloc(count, sizeof *d->named_by);
    if (p->hosts == NULL || d->named_by == NULL)
        return LAYR_ERR_NOMEM;
    memcpy(p->hosts, table, (size_t)count * 32);
    p->host_count = p->host_cap = count;
    return 0;
}

static int decode_row(decoder_t *d, layr_row_t *row, uint32_t entry)
{
    static const uint8_t zeros[48];
    const uint8_t *bytes = layr_read_bytes(d->r, 48);

    row->host = layr_read16(d->r);
    if (d->r->bad)
        return LAYR_ERR_FORMAT;
    if (row->host == LAYR_NO_HOST)
        return memcmp(bytes, zeros, sizeof zeros) == 0 ? 0 : LAYR_ERR_FORMAT;
    /* NOLINTNEXTLINE(clang-analyzer-*): host_count > 0: named_by is there */
    if (row->host >= d->node->host_count || d->named_by[row->host] == entry + 1)
        return LAYR_ERR_FORMAT;
    d->named_by[row->host] = entry + 1;
    memcpy(row->id, bytes, sizeof row->id);
    memcpy(row->salt, bytes + sizeof row->id, sizeof row->salt);
    return 0;
}

static int decode_entry_head(decoder_t *d, layr_entry_t *e)
{
    const layr_node_page_t *p = d->node;
    layr_shape_t shape;
    uint32_t stripes = 0;
    const uint8_t *hash;

    e->size = layr_read32(d->r);
    if (p->level == 0)
        stripes = layr_read32(d->r);
    hash = layr_read_bytes(d->r, sizeof e->hash);
    e->segments = p->level == 0 ? 1 : layr_read64(d->r);
    e->bytes = p->level == 0 ? e->size : layr_read64(d->r);
    if (d->r->bad || !layr_page_entry_ok(p, e))
        return LAYR_ERR_FORMAT;
    if (p->level == 0 && (layr_shape_of(&shape, p->scheme, e->size) != 0 || shape.stripes != stripes))
        return LAYR_ERR_FORMAT;
    memcpy(e->hash, hash, sizeof e->hash);
    return 0;
}

static int decode_entry(decoder_t *d)
{
    layr_node_page_t *p = d->node;
    layr_entry_t *e = &p->entries[p->entry_count];
    int rc = decode_entry_head(d, e);

    if (rc != 0)
        return rc;
    e->rows = calloc(p->rows, sizeof *e->rows);
    if (e->rows == NULL)
        return LAYR_ERR_NOMEM;
    p->entry_count++; /* from here on its rows are freed with the node */
    for (unsigned i = 0; rc == 0 && i < p->rows; i++)
        rc = decode_row(d, &e->rows[i], (uint32_t)(e - p->entries));
    return rc;
}

/* Entries have one length, so their number is checked against the bytes that are there before anything is
 * allocated. */
static int decode_entries(decoder_t *d)
{
    layr_node_page_t *p = d->node;
    uint32_t count = layr_read32(d->r);
    int rc = 0;

    if (d->r->bad || layr_reader_left(d->r) != (uint64_t)count * layr_page_entry_bytes(p))
        return LAYR_ERR_FORMAT;
    if (count == 0)
        return 0;
    p->entries = calloc(count, sizeof *p->entries);
    if (p->entries == NULL)
        return LAYR_ERR_NOMEM;
    p->entry_cap = count;
    while (rc == 0 && p->entry_count < count)
        rc = decode_entry(d);
    return rc;
}

static int check_all_named(const decoder_t *d)
{
    for (size_t i = 0; i < d->node->host_count; i++)
        /* NOLINTNEXTLINE(clang-analyzer-*): host_count > 0: named_by is there */
        if (d->named_by[i] == 0)
            return LAYR_ERR_FORMAT;
    return 0;
}

int layr_page_node_decode(layr_node_page_t *out, layr_scheme_t s, uint8_t level, layr_reader_t *r)
{
    decoder_t d = {.r = r, .node = out};
    int rc;

    layr_page_init(out, s, level);
    rc = decode_hosts(&d);
    if (rc == 0)
        rc = decode_entries(&d);
    if (rc == 0)
        rc = check_all_named(&d);
    free(d.named_by);
    if (rc != 0)
        layr_page_free(out);
    return rc;
}
