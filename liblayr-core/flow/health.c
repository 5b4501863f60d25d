/* What is where, and is it still there: a HEAD for every shard. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fan.h"
#include "find.h"
#include "walk.h"

#define BATCH 64 /* requests at a time */

typedef struct health {
    layr_session_t *s;
    layr_file_t *f;
    int (*fn)(void *ctx, const layr_row_health_t *r);
    void *ctx;
    layr_row_health_t row[BATCH];
    layr_fan_call_t call[BATCH];
    size_t count;
    int rc;
} health_t;

static int ask_all(health_t *h)
{
    int rc = layr_fan_run(h->s, h->call, h->count, h->count, 0, 20000);
    for (size_t i = 0; i < h->count; i++) {
        layr_row_health_t *r = &h->row[i];
        if (h->call[i].call.host && rc == LAYR_OK) {
            r->error = h->call[i].rc;
            if (r->error != LAYR_OK)
                layr_call_text(&h->call[i].call, r->text, sizeof r->text);
        }
        layr_call_free(&h->call[i].call);
    }
    for (size_t i = 0; i < h->count && rc == LAYR_OK; i++)
        rc = h->fn(h->ctx, &h->row[i]);
    memset(h->call, 0, sizeof h->call);
    h->count = 0;
    return rc;
}

static int add_row(health_t *h, bool page, uint64_t unit, unsigned index, const layr_row_t *row,
                   const layr_node_page_t *node, uint64_t blob)
{
    layr_row_health_t *r = &h->row[h->count];
    layr_host_t *host;
    int rc = LAYR_OK;
    *r = (layr_row_health_t){.page = page, .unit = unit, .index = index, .bytes = blob};
    if (row->host == LAYR_NO_HOST) {
        r->error = LAYR_ERR_NOTFOUND;
        snprintf(r->text, sizeof r->text, "was never stored");
    } else {
        memcpy(r->shard, row->id, 32);
        memcpy(r->host_id, node->hosts[row->host], 32);
        r->host = host = layr_hosts_find(&h->s->hosts, r->host_id);
        if (host) {
            rc = layr_call_head_shard(&h->call[h->count].call, host, row->id);
            h->call[h->count].call.expect = blob;
        } else {
            const layr_host_t *down = layr_find_listed(h->s, r->host_id);
            r->error = LAYR_ERR_NET;
            snprintf(r->text, sizeof r->text, "%s",
                     h->s->dht && down ? down->error_text
                                       : "its host is not among those given, or does not answer");
        }
    }
    if (rc == LAYR_OK && ++h->count == BATCH)
        rc = ask_all(h);
    return rc;
}

static int on_page(void *ctx, uint64_t number, const layr_entry_t *e, const layr_node_page_t *node)
{
    health_t *h = ctx;
    layr_shape_t shape;
    int rc = layr_find_rows(h->s, e, node);
    if (rc == LAYR_OK)
        rc = layr_page_shape(&shape, h->f->placement.scheme, e->size);
    for (unsigned i = 0; i < node->rows && rc == LAYR_OK; i++)
        rc = add_row(h, true, number, i, &e->rows[i], node, shape.blob);
    return rc;
}

static int on_segment(void *ctx, const layr_step_t *st)
{
    health_t *h = ctx;
    layr_shape_t shape;
    int rc = layr_find_rows(h->s, st->entry, st->node);
    if (rc == LAYR_OK)
        rc = layr_shape_of(&shape, h->f->placement.scheme, st->entry->size);
    for (unsigned i = 0; i < st->node->rows && rc == LAYR_OK; i++)
        rc = add_row(h, false, st->number, i, &st->entry->rows[i], st->node, shape.blob);
    return rc;
}

int layr_file_health(layr_session_t *s, layr_file_t *f, int (*fn)(void *, const layr_row_health_t *),
                     void *ctx, layr_diag_t *d)
{
    health_t *h = calloc(1, sizeof *h);
    int rc = LAYR_ERR_NOMEM;
    if (h) {
        *h = (health_t){.s = s, .f = f, .fn = fn, .ctx = ctx};
        rc = layr_walk_all(s, &f->keys, &f->placement, &(layr_walk_all_t){on_page, on_segment, h}, d);
    }
    if (rc == LAYR_OK)
        rc = ask_all(h);
    free(h);
    if (rc < 0)
        layr_diag_set(d, rc, "the file's shards could not be listed: %s", layr_strerror(rc));
    return rc;
}
