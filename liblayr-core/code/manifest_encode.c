/* A node as bytes (docs/protocol.md 4.2): sorted hosts, so that equal nodes have equal bytes. */
#include <stdlib.h>
#include <string.h>

#include "code/manifest.h"

typedef struct sorted_host {
    uint8_t id[32];
    uint16_t old;
} sorted_host_t;

static int compare(const void *a, const void *b)
{
    return memcmp(((const sorted_host_t *)a)->id, ((const sorted_host_t *)b)->id, 32);
}

/* The hosts in use, ascending, to out, and in map the new number of each old one. */
static int encode_hosts(const layr_node_page_t *p, uint16_t map[LAYR_NO_HOST], layr_buf_t *out)
{
    uint8_t used[LAYR_NO_HOST];
    sorted_host_t *sorted;
    size_t count, n = 0;
    int rc = 0;
    bool ok;

    count = layr_page_used_hosts(p, used, &ok);
    if (!ok)
        return LAYR_ERR_ARG;
    layr_buf_add16(out, (uint16_t)count);
    if (count == 0)
        return 0;
    sorted = malloc(count * sizeof *sorted);
    if (sorted == NULL)
        return LAYR_ERR_NOMEM;
    for (size_t i = 0; i < p->host_count; i++)
        if (used[i]) {
            memcpy(sorted[n].id, p->hosts[i], 32);
            sorted[n++].old = (uint16_t)i;
        }
    qsort(sorted, count, sizeof *sorted, compare);
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && compare(&sorted[i - 1], &sorted[i]) == 0)
            rc = LAYR_ERR_ARG; /* the table was filled by other means than layr_page_host */
        map[sorted[i].old] = (uint16_t)i;
        layr_buf_add(out, sorted[i].id, 32);
    }
    free(sorted);
    return rc;
}

static int encode_rows(const layr_node_page_t *p, const layr_entry_t *e, const uint16_t *map, layr_buf_t *out)
{
    static const uint8_t zeros[48];

    for (unsigned i = 0; i < p->rows; i++) {
        const layr_row_t *row = &e->rows[i];

        if (row->host == LAYR_NO_HOST) {
            layr_buf_add(out, zeros, sizeof zeros);
            layr_buf_add16(out, LAYR_NO_HOST);
            continue;
        }
        for (unsigned j = 0; j < i; j++)
            if (e->rows[j].host == row->host)
                return LAYR_ERR_ARG;
        layr_buf_add(out, row->id, sizeof row->id);
        layr_buf_add(out, row->salt, sizeof row->salt);
        layr_buf_add16(out, map[row->host]);
    }
    return 0;
}

static int encode_entry(const layr_node_page_t *p, const layr_entry_t *e, const uint16_t *map,
                        layr_buf_t *out)
{
    layr_shape_t shape;

    if (!layr_page_entry_ok(p, e))
        return LAYR_ERR_ARG;
    layr_buf_add32(out, e->size);
    if (p->level == 0) {
        int rc = layr_shape_of(&shape, p->scheme, e->size);
        if (rc != 0)
            return rc;
        layr_buf_add32(out, shape.stripes);
    }
    layr_buf_add(out, e->hash, sizeof e->hash);
    if (p->level > 0) {
        layr_buf_add64(out, e->segments);
        layr_buf_add64(out, e->bytes);
    }
    return encode_rows(p, e, map, out);
}

int layr_page_node_encode(const layr_node_page_t *p, layr_buf_t *out)
{
    uint16_t *map = calloc(LAYR_NO_HOST, sizeof *map);
    int rc = LAYR_ERR_NOMEM;

    if (map == NULL)
        return rc;
    rc = encode_hosts(p, map, out);
    layr_buf_add32(out, (uint32_t)p->entry_count);
    for (size_t i = 0; rc == 0 && i < p->entry_count; i++)
        rc = encode_entry(p, &p->entries[i], map, out);
    if (rc == 0 && out->bad)
        rc = LAYR_ERR_NOMEM;
    free(map);
    return rc;
}
