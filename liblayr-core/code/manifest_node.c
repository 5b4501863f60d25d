/* A node in memory: entries, and the hosts that their rows name. */
#include <stdlib.h>
#include <string.h>

#include "code/manifest.h"

#define SEGMENT_HEAD 40 /* size, stripes, hash */
#define PAGE_HEAD 52    /* size, hash, segments, bytes */
#define ROW_BYTES 50    /* id, salt, host */

void layr_page_init(layr_node_page_t *p, layr_scheme_t s, uint8_t level)
{
    memset(p, 0, sizeof *p);
    p->scheme = s;
    p->level = level;
    p->rows = level == 0 ? s.n : s.n - s.k + 1u;
}

void layr_page_free(layr_node_page_t *p)
{
    if (p == NULL)
        return;
    for (size_t i = 0; i < p->entry_count; i++)
        free(p->entries[i].rows);
    free(p->entries);
    free(p->hosts);
    free(p->index);
    memset(p, 0, sizeof *p);
}

bool layr_page_entry_ok(const layr_node_page_t *p, const layr_entry_t *e)
{
    layr_shape_t shape;

    if (p->level == 0)
        return layr_shape_of(&shape, p->scheme, e->size) == 0 && e->segments == 1 && e->bytes == e->size;
    /* A segment has at least one byte. */
    return e->size >= 1 && e->size <= LAYR_PAGE_MAX && e->segments >= 1 && e->bytes >= e->segments;
}

size_t layr_page_entry_bytes(const layr_node_page_t *p)
{
    return (p->level == 0 ? SEGMENT_HEAD : PAGE_HEAD) + (size_t)p->rows * ROW_BYTES;
}

bool layr_page_sums(const layr_node_page_t *p, uint64_t *segments, uint64_t *bytes)
{
    *segments = *bytes = 0;
    for (size_t i = 0; i < p->entry_count; i++)
        if (__builtin_add_overflow(*segments, p->entries[i].segments, segments) ||
            __builtin_add_overflow(*bytes, p->entries[i].bytes, bytes))
            return false;
    return true;
}

size_t layr_page_used_hosts(const layr_node_page_t *p, uint8_t used[LAYR_NO_HOST], bool *ok)
{
    size_t count = 0;

    memset(used, 0, LAYR_NO_HOST);
    *ok = p->host_count <= LAYR_NO_HOST;
    for (size_t i = 0; i < p->entry_count; i++)
        for (unsigned j = 0; j < p->rows; j++) {
            uint16_t host = p->entries[i].rows[j].host;

            if (host == LAYR_NO_HOST)
                continue;
            *ok = *ok && host < p->host_count;
            count += !used[host];
            used[host] = 1;
        }
    return count;
}

size_t layr_page_node_size(const layr_node_page_t *p)
{
    uint8_t used[LAYR_NO_HOST];
    bool ok;

    return 2 + 32 * layr_page_used_hosts(p, used, &ok) + 4 + p->entry_count * layr_page_entry_bytes(p);
}

size_t layr_page_node_size_next(const layr_node_page_t *p)
{
    return layr_page_node_size(p) + 32 * (size_t)p->rows + layr_page_entry_bytes(p);
}

/*
 * The index is an open-addressed table of host number + 1, at most half full.  Ids are hashes, so their first
 * bytes spread by themselves; ids ground out to collide would cost their maker far more than the few probes
 * they cause.
 */
static void index_put(layr_node_page_t *p, uint32_t host)
{
    size_t at = layr_load64(p->hosts[host]) & (p->index_cap - 1);

    while (p->index[at] != 0)
        at = (at + 1) & (p->index_cap - 1);
    p->index[at] = host + 1;
}

/* Room for one more host; made anew when a decoded node has none yet, and when it is half full. */
static int index_grow(layr_node_page_t *p)
{
    size_t cap = p->index_cap ? p->index_cap : 16;
    uint32_t *index;

    if (p->index_count == p->host_count && (p->host_count + 1) * 2 <= p->index_cap)
        return 0;
    while ((p->host_count + 1) * 2 > cap)
        cap *= 2;
    index = calloc(cap, sizeof *index);
    if (index == NULL)
        return LAYR_ERR_NOMEM;
    free(p->index);
    p->index = index;
    p->index_cap = cap;
    for (size_t i = 0; i < p->host_count; i++)
        index_put(p, (uint32_t)i);
    p->index_count = p->host_count;
    return 0;
}

static int hosts_grow(layr_node_page_t *p)
{
    size_t cap = p->host_cap ? p->host_cap * 2 : 16;
    void *hosts;

    if (p->host_count == LAYR_NO_HOST)
        return LAYR_ERR_LIMIT;
    if (p->host_count < p->host_cap)
        return 0;
    hosts = realloc(p->hosts, cap * sizeof *p->hosts);
    if (hosts == NULL)
        return LAYR_ERR_NOMEM;
    p->hosts = hosts;
    p->host_cap = cap;
    return 0;
}

int layr_page_host(layr_node_page_t *p, const uint8_t id[32], uint16_t *index)
{
    size_t at;
    int rc = index_grow(p);

    if (rc != 0)
        return rc;
    for (at = layr_load64(id) & (p->index_cap - 1); p->index[at] != 0; at = (at + 1) & (p->index_cap - 1))
        if (memcmp(p->hosts[p->index[at] - 1], id, LAYR_ID_BYTES) == 0) {
            *index = (uint16_t)(p->index[at] - 1);
            return 0;
        }
    rc = hosts_grow(p);
    if (rc != 0)
        return rc;
    memcpy(p->hosts[p->host_count], id, LAYR_ID_BYTES);
    p->index[at] = (uint32_t)p->host_count + 1;
    *index = (uint16_t)p->host_count++;
    p->index_count = p->host_count;
    return 0;
}

static int entries_grow(layr_node_page_t *p)
{
    size_t cap = p->entry_cap ? p->entry_cap * 2 : 8;
    void *entries;

    if (p->entry_count < p->entry_cap)
        return 0;
    entries = realloc(p->entries, cap * sizeof *p->entries);
    if (entries == NULL)
        return LAYR_ERR_NOMEM;
    p->entries = entries;
    p->entry_cap = cap;
    return 0;
}

/* The rows of a new entry, with their hosts' places in the table. No host keeps two shards of one segment. */
static int fill_rows(layr_node_page_t *p, layr_row_t *rows, const layr_row_t *from,
                     const uint8_t *const *hosts)
{
    for (unsigned i = 0; i < p->rows; i++) {
        int rc;

        rows[i].host = LAYR_NO_HOST;
        if (hosts[i] == NULL)
            continue;
        rows[i] = from[i];
        rc = layr_page_host(p, hosts[i], &rows[i].host);
        if (rc != 0)
            return rc;
        for (unsigned j = 0; j < i; j++)
            if (rows[j].host == rows[i].host)
                return LAYR_ERR_ARG;
    }
    return 0;
}

int layr_page_append(layr_node_page_t *p, const layr_entry_t *e, const uint8_t *const *hosts)
{
    layr_entry_t entry = *e;
    const layr_row_t *from = e->rows; /* e may be one of p's own, which move when the array grows */
    int rc;

    if (p->level == 0) {
        entry.segments = 1;
        entry.bytes = e->size;
    }
    if (!layr_scheme_ok(p->scheme) || p->level > LAYR_LEVEL_MAX || !layr_page_entry_ok(p, &entry))
        return LAYR_ERR_ARG;
    entry.rows = calloc(p->rows, sizeof *entry.rows);
    if (entry.rows == NULL)
        return LAYR_ERR_NOMEM;
    rc = entries_grow(p);
    if (rc == 0)
        rc = fill_rows(p, entry.rows, from, hosts);
    if (rc != 0) {
        free(entry.rows);
        return rc;
    }
    p->entries[p->entry_count++] = entry;
    return 0;
}
