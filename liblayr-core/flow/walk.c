/* A manifest's entries in order. */
#include "walk.h"

#include <string.h>

void layr_walk_init(layr_walk_t *w, layr_fetch_t *f, const layr_placement_t *p)
{
    *w = (layr_walk_t){.f = f};
    w->level[0].node = &p->node;
    w->depth = 1;
}

void layr_walk_free(layr_walk_t *w)
{
    while (w->depth > 1)
        layr_page_free(&w->level[--w->depth].page);
    w->depth = 0;
}

static int fetch_page(layr_walk_t *w, const layr_entry_t *e, const layr_node_page_t *parent,
                      layr_node_page_t *out, layr_diag_t *d)
{
    layr_piece_t *p = NULL;
    const uint8_t *plain = NULL;
    int rc = layr_fetch_add(w->f, &p, true, w->pages, e, parent, 0, e->size - 1);
    if (rc != LAYR_OK)
        return layr_diag_set(d, rc, "a page of the manifest: %s", layr_strerror(rc));
    while ((rc = layr_fetch_take(p, &plain, d)) == 0) {
        if (layr_engine_cancelled(layr_fetch_engine(w->f))) {
            rc = layr_diag_set(d, LAYR_ERR_CANCELLED, "stopped");
            break;
        }
        layr_fetch_turn(w->f, 100);
    }
    if (rc == 1) {
        rc = layr_page_decode(out, parent->scheme, (uint8_t)(parent->level - 1), e->segments, e->bytes, plain,
                              e->size);
        if (rc != LAYR_OK)
            layr_diag_set(
                d, rc,
                "page %llu of the manifest is malformed: it was written by something that is not right",
                (unsigned long long)w->pages);
    }
    layr_fetch_drop(p);
    return rc;
}

static int descend(layr_walk_t *w, const layr_entry_t *e, const layr_node_page_t *node, layr_diag_t *d)
{
    int rc;
    if (w->depth > LAYR_LEVEL_MAX)
        return layr_diag_set(d, LAYR_ERR_FORMAT, "the manifest is nested too deep");
    if (w->on_page && (rc = w->on_page(w->ctx, w->pages, e, node)) != 0)
        return rc;
    rc = fetch_page(w, e, node, &w->level[w->depth].page, d);
    if (rc != LAYR_OK)
        return rc;
    w->level[w->depth].node = &w->level[w->depth].page;
    w->level[w->depth].at = 0;
    w->depth++;
    w->pages++;
    return LAYR_OK;
}

int layr_walk_next(layr_walk_t *w, uint64_t from, layr_step_t *out, layr_diag_t *d)
{
    while (w->depth) {
        const layr_node_page_t *node = w->level[w->depth - 1].node;
        size_t at = w->level[w->depth - 1].at;
        const layr_entry_t *e;
        int rc;
        if (at == node->entry_count) {
            if (--w->depth)
                layr_page_free(&w->level[w->depth].page);
            continue;
        }
        e = &node->entries[at];
        w->level[w->depth - 1].at++;
        if (w->byte + e->bytes <= from) { /* all of it lies before: no page of it is fetched */
            w->byte += e->bytes;
            w->segment += e->segments;
            continue;
        }
        if (node->level == 0) {
            *out = (layr_step_t){.entry = e, .node = node, .number = w->segment, .start = w->byte};
            w->byte += e->bytes;
            w->segment++;
            return 1;
        }
        rc = descend(w, e, node, d);
        if (rc != LAYR_OK)
            return rc;
    }
    return 0;
}

int layr_walk_all(layr_session_t *s, const layr_file_keys_t *keys, const layr_placement_t *p,
                  const layr_walk_all_t *each, layr_diag_t *d)
{
    layr_fetch_t *fetch = NULL;
    layr_walk_t walk;
    layr_step_t st;
    int rc = layr_fetch_new(&fetch, s, keys, p->scheme);
    if (rc != LAYR_OK)
        return rc;
    layr_walk_init(&walk, fetch, p);
    walk.on_page = each->page;
    walk.ctx = each->ctx;
    while ((rc = layr_walk_next(&walk, 0, &st, d)) == 1)
        if ((rc = each->segment(each->ctx, &st)) != LAYR_OK)
            break;
    layr_walk_free(&walk);
    layr_fetch_free(fetch);
    return rc;
}
