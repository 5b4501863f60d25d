/* The version before. */
#include "base.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* --- what it holds --- */

static int copy_entry(layr_base_segment_t *g, const layr_entry_t *e, const layr_node_page_t *node)
{
    unsigned n = node->rows;
    uint8_t(*ids)[32];
    g->entry = *e;
    g->entry.rows = malloc(n * sizeof *e->rows);
    g->hosts = calloc(1, n * (sizeof *g->hosts + 32)); /* and the ids behind */
    if (!g->entry.rows || !g->hosts)
        return LAYR_ERR_NOMEM;
    ids = (uint8_t(*)[32])(g->hosts + n);
    memcpy(g->entry.rows, e->rows, n * sizeof *e->rows);
    for (unsigned i = 0; i < n; i++) {
        if (e->rows[i].host == LAYR_NO_HOST)
            continue;
        memcpy(ids[i], node->hosts[e->rows[i].host], 32);
        g->hosts[i] = ids[i];
    }
    return LAYR_OK;
}

static int add_segment(layr_base_t *b, const layr_step_t *st)
{
    if (b->count == b->cap) {
        size_t cap = b->cap ? b->cap * 2 : 16;
        layr_base_segment_t *more = realloc(b->segment, cap * sizeof *more);
        if (!more)
            return LAYR_ERR_NOMEM;
        b->segment = more;
        b->cap = cap;
    }
    b->segment[b->count] = (layr_base_segment_t){0};
    return copy_entry(&b->segment[b->count++], st->entry, st->node);
}

typedef struct look {
    layr_base_t *b;
    layr_session_t *s;
} look_t;

static int on_page(void *ctx, uint64_t number, const layr_entry_t *e, const layr_node_page_t *node)
{
    const look_t *l = ctx;
    (void)number;
    return layr_orders_note_rows(&l->b->pages, l->s, &l->b->keys, e, node);
}

static int on_segment(void *ctx, const layr_step_t *st)
{
    const look_t *l = ctx;
    return add_segment(l->b, st);
}

static int look(layr_base_t *b, layr_session_t *s, const layr_file_t *f, layr_diag_t *d)
{
    look_t l = {b, s};
    return layr_walk_all(s, &f->keys, &f->placement, &(layr_walk_all_t){on_page, on_segment, &l}, d);
}

/* --- and for how long --- */

static int note_segment(const layr_base_t *b, const layr_session_t *s, size_t i, layr_order_list_t *out)
{
    const layr_base_segment_t *g = &b->segment[i];
    int rc = LAYR_OK;
    for (unsigned r = 0; r < b->scheme.n && rc == LAYR_OK; r++)
        if (g->hosts[r])
            rc = layr_orders_note_shard(out, s, &b->keys, g->entry.rows[r].id, g->hosts[r]);
    return rc;
}

/* Also asks whether the hosts still have them: what one has lost is sent anew. */
static int renew(layr_base_t *b, layr_session_t *s, layr_time_t until)
{
    layr_order_list_t l = {0};
    layr_buf_t kept;
    int rc = LAYR_OK;
    layr_buf_init(&kept);
    for (size_t i = 0; i < b->count && rc == LAYR_OK; i++)
        rc = note_segment(b, s, i, &l);
    if (rc == LAYR_OK)
        rc = layr_orders_renew(s, &l, until, &kept);
    for (size_t i = 0; i < b->count && rc == LAYR_OK; i++) {
        layr_base_segment_t *g = &b->segment[i];
        for (unsigned r = 0; r < b->scheme.n; r++) {
            uint8_t order[16];
            if (!g->hosts[r])
                continue;
            layr_order_id(order, b->keys.W, g->entry.rows[r].id, g->hosts[r]);
            g->good += layr_orders_has(&kept, order);
        }
    }
    layr_buf_free(&kept);
    layr_orders_free(&l);
    return rc;
}

/* --- public --- */

/* The file is opened from the best of the records; what is written next is to follow all of them. */
static int open_file(layr_base_t *b, layr_session_t *s, layr_file_t **f, layr_diag_t *d)
{
    layr_records_t found;
    bool same = false;
    int rc = layr_file_open(s, &b->keys, f, d);
    if (rc == LAYR_OK)
        rc = layr_records_gather(s, b->keys.record_id, time(NULL), &found);
    if (rc != LAYR_OK)
        return rc;
    b->after_count = layr_records_top(&found, b->after);
    layr_records_free(&found);
    for (unsigned i = 0; i < b->after_count; i++)
        same |= memcmp(b->after[i], (*f)->record_sha256, 32) == 0;
    return same ? LAYR_OK
                : layr_diag_set(d, LAYR_ERR_CONFLICT, "another writer changed the file just now: try again");
}

int layr_base_open(layr_base_t **out, layr_session_t *s, const layr_file_keys_t *k, layr_time_t until,
                   layr_diag_t *d)
{
    layr_file_t *f = NULL;
    layr_base_t *b;
    int rc;
    if (!(k->rights & LAYR_CAN_WRITE))
        return layr_diag_set(
            d, LAYR_ERR_CAP,
            "only the write capability (layr:w:...) changes a file: a read or verify capability "
            "does not");
    if (!(b = calloc(1, sizeof *b)))
        return layr_diag_set(d, LAYR_ERR_NOMEM, "out of memory");
    b->keys = *k;
    if ((rc = open_file(b, s, &f, d)) != LAYR_OK)
        goto done;
    memcpy(b->name, f->content.name, sizeof b->name);
    if (f->placement.segments)
        b->scheme = f->placement.scheme;
    if (f->placement.segments && (rc = look(b, s, f, d)) == LAYR_OK)
        rc = renew(b, s, until);
done:
    layr_file_free(f);
    if (rc == LAYR_ERR_CANCELLED)
        layr_diag_set(d, rc, "stopped: nothing was changed");
    else if (rc != LAYR_OK)
        layr_diag_set(d, rc, "the file could not be changed: %s", layr_strerror(rc));
    if (rc == LAYR_OK)
        *out = b;
    else
        layr_base_free(b);
    return rc;
}

/* It is small, and changes whenever it is written: nothing of it is kept. */
int layr_base_catalogue(layr_base_t **out, layr_session_t *s, const layr_file_keys_t *k,
                        const layr_records_t *found, const layr_file_t *best, layr_diag_t *d)
{
    layr_base_t *b = calloc(1, sizeof *b);
    int rc = LAYR_OK;
    if (!b)
        return LAYR_ERR_NOMEM;
    b->keys = *k;
    b->catalogue = true;
    b->after_count = layr_records_top(found, b->after);
    if (best && best->placement.segments) {
        b->scheme = best->placement.scheme;
        rc = look(b, s, best, d);
    }
    if (rc == LAYR_OK)
        *out = b;
    else
        layr_base_free(b);
    return rc;
}

void layr_base_free(layr_base_t *b)
{
    if (!b)
        return;
    for (size_t i = 0; i < b->count; i++) {
        free(b->segment[i].entry.rows);
        free(b->segment[i].hosts);
    }
    free(b->segment);
    layr_orders_free(&b->pages);
    layr_wipe(b, sizeof *b);
    free(b);
}

const char *layr_base_name(const layr_base_t *b)
{
    return b->name;
}

bool layr_base_take(layr_base_t *b, layr_scheme_t scheme, unsigned min_shards, uint64_t number,
                    const uint8_t sha256[32], size_t size)
{
    layr_base_segment_t *g;
    uint8_t hash[32];
    if (number >= b->count || scheme.k != b->scheme.k || scheme.n != b->scheme.n)
        return false;
    g = &b->segment[number];
    layr_segment_hash(hash, b->keys.R, sha256);
    g->taken = g->entry.size == size && memcmp(hash, g->entry.hash, 32) == 0 && g->good >= min_shards;
    return g->taken;
}

bool layr_base_has(const layr_base_t *b, uint64_t number)
{
    return number < b->count && b->segment[number].taken;
}

void layr_base_stored(const layr_base_t *b, uint64_t number, layr_stored_t *out)
{
    const layr_base_segment_t *g = &b->segment[number];
    *out = (layr_stored_t){.number = number, .entry = g->entry, .hosts = g->hosts};
}

int layr_base_rest(const layr_base_t *b, const layr_session_t *s, layr_order_list_t *out)
{
    int rc = LAYR_OK;
    for (size_t i = 0; i < b->pages.count && rc == LAYR_OK; i++)
        for (unsigned n = 0; n < b->pages.r[i].count && rc == LAYR_OK; n++)
            rc = layr_orders_note(out, b->pages.r[i].host, b->pages.r[i].url, b->pages.r[i].group,
                                  b->pages.r[i].order[n]);
    for (size_t i = 0; i < b->count && rc == LAYR_OK; i++)
        if (!b->segment[i].taken)
            rc = note_segment(b, s, i, out);
    return rc;
}
