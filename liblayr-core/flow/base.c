/* The version before. */
#include "base.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* --- what it holds --- */

static int copy_entry(layr_base_unit_t *g, const layr_entry_t *e, const layr_node_page_t *node)
{
    unsigned n = node->rows;
    uint8_t(*ids)[32];
    g->rows = n;
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

static int add_unit(layr_base_units_t *l, uint64_t number, const layr_entry_t *e,
                    const layr_node_page_t *node)
{
    if (l->count == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 16;
        layr_base_unit_t *more = realloc(l->u, cap * sizeof *more);
        if (!more)
            return LAYR_ERR_NOMEM;
        l->u = more;
        l->cap = cap;
    }
    l->u[l->count] = (layr_base_unit_t){.number = number};
    return copy_entry(&l->u[l->count++], e, node);
}

static void free_units(layr_base_units_t *l)
{
    for (size_t i = 0; i < l->count; i++) {
        free(l->u[i].entry.rows);
        free(l->u[i].hosts);
    }
    free(l->u);
}

static int on_page(void *ctx, uint64_t number, const layr_entry_t *e, const layr_node_page_t *node)
{
    layr_base_t *b = ctx;
    int rc;
    if (node->level > 1)
        return add_unit(&b->above, number, e, node);
    rc = add_unit(&b->page, number, e, node);
    if (rc == LAYR_OK)
        b->page.u[b->page.count - 1].first = b->segment.count;
    return rc;
}

static int on_segment(void *ctx, const layr_step_t *st)
{
    layr_base_t *b = ctx;
    int rc = b->segment.count < UINT32_MAX - 1 ? add_unit(&b->segment, st->number, st->entry, st->node)
                                               : LAYR_ERR_LIMIT;
    if (rc == LAYR_OK)
        b->segment.u[b->segment.count - 1].page = b->page.count;
    return rc;
}

static int by_hash(const void *a, const void *b, void *units)
{
    const layr_base_unit_t *u = units;
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    int order = memcmp(u[x].entry.hash, u[y].entry.hash, 32);
    return order ? order : x < y ? -1 : x > y;
}

static int sort_by_hash(layr_base_t *b)
{
    b->by_hash = malloc((b->segment.count + 1) * sizeof *b->by_hash);
    if (!b->by_hash)
        return LAYR_ERR_NOMEM;
    for (size_t i = 0; i < b->segment.count; i++)
        b->by_hash[i] = (uint32_t)i;
    if (b->segment.count > 1)
        qsort_r(b->by_hash, b->segment.count, sizeof *b->by_hash, by_hash, b->segment.u);
    return LAYR_OK;
}

static int look(layr_base_t *b, layr_session_t *s, const layr_file_t *f, layr_diag_t *d)
{
    int rc = layr_walk_all(s, &f->keys, &f->placement, &(layr_walk_all_t){on_page, on_segment, b}, d);
    return rc == LAYR_OK ? sort_by_hash(b) : rc;
}

/* --- and for how long --- */

int layr_base_note_unit(const layr_base_t *b, const layr_session_t *s, const layr_base_unit_t *u,
                        layr_order_list_t *out)
{
    int rc = LAYR_OK;
    for (unsigned r = 0; r < u->rows && rc == LAYR_OK; r++)
        if (u->hosts[r])
            rc = layr_orders_note_shard(out, s, &b->keys, u->entry.rows[r].id, u->hosts[r]);
    return rc;
}

static void count_kept(const layr_base_t *b, layr_base_units_t *l, const layr_buf_t *kept)
{
    for (size_t i = 0; i < l->count; i++) {
        layr_base_unit_t *u = &l->u[i];
        for (unsigned r = 0; r < u->rows; r++) {
            uint8_t order[16];
            if (!u->hosts[r])
                continue;
            layr_order_id(order, b->keys.W, u->entry.rows[r].id, u->hosts[r]);
            u->good += layr_orders_has(kept, order);
        }
    }
}

static int note_all(const layr_base_t *b, const layr_session_t *s, const layr_base_units_t *l,
                    layr_order_list_t *out)
{
    int rc = LAYR_OK;
    for (size_t i = 0; i < l->count && rc == LAYR_OK; i++)
        rc = layr_base_note_unit(b, s, &l->u[i], out);
    return rc;
}

/* Also asks whether the hosts still have them: what one has lost is sent anew. */
static int renew(layr_base_t *b, layr_session_t *s, layr_time_t until)
{
    layr_order_list_t l = {0};
    layr_buf_t kept;
    int rc = note_all(b, s, &b->segment, &l);
    layr_buf_init(&kept);
    if (rc == LAYR_OK)
        rc = note_all(b, s, &b->page, &l);
    if (rc == LAYR_OK)
        rc = layr_orders_renew(s, &l, until, &kept);
    if (rc == LAYR_OK) {
        count_kept(b, &b->segment, &kept);
        count_kept(b, &b->page, &kept);
    }
    layr_buf_free(&kept);
    layr_orders_free(&l);
    return rc;
}

/* Nobody is asked: what is at hosts that answer is taken to be well kept there. */
static int trust_hosts(layr_session_t *s, layr_base_units_t *l)
{
    layr_buf_t ids;
    int rc;
    layr_buf_init(&ids);
    for (size_t i = 0; i < l->count; i++)
        for (unsigned r = 0; r < l->u[i].rows; r++)
            if (l->u[i].hosts[r] && !layr_find_listed(s, l->u[i].hosts[r]))
                layr_buf_add(&ids, l->u[i].hosts[r], 32);
    rc = ids.bad ? LAYR_ERR_NOMEM : layr_find_hosts(s, ids.p, ids.len / 32);
    layr_buf_free(&ids);
    for (size_t i = 0; i < l->count; i++)
        for (unsigned r = 0; r < l->u[i].rows; r++)
            l->u[i].good += l->u[i].hosts[r] && layr_hosts_find(&s->hosts, l->u[i].hosts[r]);
    return rc;
}

/* --- public --- */

/* The file is opened from the best of the records; what is written next is to follow all of them. */
static int open_file(layr_base_t *b, layr_session_t *s, layr_diag_t *d)
{
    layr_records_t found;
    bool same = false;
    int rc = layr_file_open(s, &b->keys, &b->file, d);
    if (rc == LAYR_OK)
        rc = layr_records_gather(s, b->keys.record_id, time(NULL), &found);
    if (rc != LAYR_OK)
        return rc;
    b->after_count = layr_records_top(&found, b->after);
    layr_records_free(&found);
    for (unsigned i = 0; i < b->after_count; i++)
        same |= memcmp(b->after[i], b->file->record_sha256, 32) == 0;
    return same ? LAYR_OK
                : layr_diag_set(d, LAYR_ERR_CONFLICT, "another writer changed the file just now: try again");
}

static int read_all(layr_base_t *b, layr_session_t *s, layr_diag_t *d)
{
    int rc = open_file(b, s, d);
    if (rc != LAYR_OK || b->file->placement.segments == 0)
        return rc;
    b->scheme = b->file->placement.scheme;
    return look(b, s, b->file, d);
}

int layr_base_read(layr_base_t **out, layr_session_t *s, const layr_file_keys_t *k, layr_diag_t *d)
{
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
    rc = read_all(b, s, d);
    if (rc == LAYR_OK)
        *out = b;
    else
        layr_base_free(b);
    return rc;
}

static int look_at_hosts(layr_base_t *b, layr_session_t *s, layr_time_t until)
{
    int rc;
    if (until)
        return renew(b, s, until);
    rc = trust_hosts(s, &b->segment);
    return rc == LAYR_OK ? trust_hosts(s, &b->page) : rc;
}

int layr_base_open(layr_base_t **out, layr_session_t *s, const layr_file_keys_t *k, layr_time_t until,
                   layr_diag_t *d)
{
    layr_base_t *b = NULL;
    int rc = layr_base_read(&b, s, k, d);
    if (b)
        rc = look_at_hosts(b, s, until);
    if (rc == LAYR_OK) {
        *out = b;
        return rc;
    }
    layr_base_free(b);
    if (rc == LAYR_ERR_CANCELLED)
        return layr_diag_set(d, rc, "stopped: nothing was changed");
    return layr_diag_set(d, rc, "the file could not be changed: %s", layr_strerror(rc));
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
    layr_file_free(b->file);
    free_units(&b->segment);
    free_units(&b->page);
    free_units(&b->above);
    free(b->by_hash);
    free(b->begins);
    free(b->from);
    layr_wipe(b, sizeof *b);
    free(b);
}

layr_file_t *layr_base_file(const layr_base_t *b)
{
    return b->file;
}

/* --- what goes --- */

static int note_rest(const layr_base_t *b, const layr_session_t *s, const layr_base_units_t *l,
                     layr_order_list_t *out)
{
    int rc = LAYR_OK;
    for (size_t i = 0; i < l->count && rc == LAYR_OK; i++)
        if (!l->u[i].taken)
            rc = layr_base_note_unit(b, s, &l->u[i], out);
    return rc;
}

int layr_base_rest(const layr_base_t *b, const layr_session_t *s, layr_order_list_t *out)
{
    int rc = note_rest(b, s, &b->page, out);
    if (rc == LAYR_OK)
        rc = note_rest(b, s, &b->above, out);
    return rc == LAYR_OK ? note_rest(b, s, &b->segment, out) : rc;
}

/* --- what is changed in place --- */

void layr_base_set_row(layr_base_unit_t *u, unsigned i, const layr_row_t *row, const uint8_t *host)
{
    uint8_t(*ids)[32] = (uint8_t(*)[32])(u->hosts + u->rows); /* as copy_entry lays them out */
    memcpy(u->entry.rows[i].id, row->id, 32);
    memcpy(u->entry.rows[i].salt, row->salt, 16);
    u->hosts[i] = NULL;
    if (host) {
        memcpy(ids[i], host, 32);
        u->hosts[i] = ids[i];
    }
}

layr_stored_t layr_base_stored(const layr_base_unit_t *u, bool page, uint64_t number)
{
    return (layr_stored_t){.page = page, .number = number, .entry = u->entry, .hosts = u->hosts};
}
