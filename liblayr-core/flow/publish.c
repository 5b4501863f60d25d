/* The manifest as it grows. */
#include "publish.h"

#include <stdlib.h>
#include <string.h>

void layr_publish_init(layr_publish_t *p, layr_store_t *st, layr_scheme_t s)
{
    *p = (layr_publish_t){.store = st, .scheme = s};
    for (uint8_t level = 0; level <= LAYR_LEVEL_MAX; level++)
        layr_page_init(&p->node[level], s, level);
}

void layr_publish_free(layr_publish_t *p)
{
    for (unsigned level = 0; level <= LAYR_LEVEL_MAX; level++)
        layr_page_free(&p->node[level]);
    free(p->coming);
    p->coming = NULL;
}

static void page_plain_free(void *ctx, uint8_t *plain)
{
    (void)ctx;
    free(plain);
}

static int add_coming(layr_publish_t *p, const layr_coming_t *c)
{
    if (p->coming_count == p->coming_cap) {
        size_t cap = p->coming_cap ? p->coming_cap * 2 : 16;
        layr_coming_t *more = realloc(p->coming, cap * sizeof *more);
        if (!more)
            return LAYR_ERR_NOMEM;
        p->coming = more;
        p->coming_cap = cap;
    }
    p->coming[p->coming_count++] = *c;
    return LAYR_OK;
}

static int encode(const layr_node_page_t *n, layr_buf_t *buf)
{
    int rc = layr_page_encode(n, buf);
    return rc == LAYR_OK && buf->bad ? LAYR_ERR_NOMEM : rc;
}

/* The node of a level becomes a page, and a new one begins. */
static int flush(layr_publish_t *p, unsigned level)
{
    layr_node_page_t *n = &p->node[level];
    layr_coming_t c = {.level = (uint8_t)level};
    layr_buf_t buf;
    int rc;
    if (level == LAYR_LEVEL_MAX)
        return LAYR_ERR_LIMIT;
    for (size_t i = 0; i < n->entry_count; i++) {
        c.segments += n->entries[i].segments;
        c.bytes += n->entries[i].bytes;
    }
    layr_buf_init(&buf);
    rc = encode(n, &buf);
    if (rc == LAYR_OK)
        rc = add_coming(p, &c);
    if (rc != LAYR_OK) {
        layr_buf_free(&buf);
        return rc;
    }
    layr_page_free(n);
    layr_page_init(n, p->scheme, (uint8_t)level);
    p->leaves += level == 0;
    /* the store frees the bytes */
    return layr_store_add(p->store, true, p->pages++, buf.p, buf.len, NULL, page_plain_free, NULL);
}

static bool full(const layr_node_page_t *n)
{
    return layr_page_node_size_next(n) + 2 > LAYR_PAGE_MAX ||
           (n->level == 0 && n->entry_count >= LAYR_PAGE_SEGMENTS);
}

static int append(layr_publish_t *p, unsigned level, const layr_entry_t *e, const uint8_t **hosts)
{
    int rc = layr_page_append(&p->node[level], e, hosts);
    return rc == LAYR_OK && full(&p->node[level]) ? flush(p, level) : rc;
}

/* The first page that was under way, with its rows, goes up. */
static int raise_page(layr_publish_t *p, const layr_stored_t *u)
{
    layr_coming_t c = p->coming[0];
    layr_entry_t e = u->entry;
    memmove(&p->coming[0], &p->coming[1], --p->coming_count * sizeof p->coming[0]);
    e.segments = c.segments;
    e.bytes = c.bytes;
    return append(p, c.level + 1u, &e, u->hosts);
}

static int raise_kept(layr_publish_t *p)
{
    int rc = LAYR_OK;
    while (rc == LAYR_OK && p->coming_count && p->coming[0].kept) {
        layr_stored_t u = p->coming[0].page;
        rc = raise_page(p, &u);
    }
    return rc;
}

int layr_publish_add(layr_publish_t *p, const layr_stored_t *u)
{
    int rc;
    if (u->page) {
        rc = raise_page(p, u);
        return rc == LAYR_OK ? raise_kept(p) : rc;
    }
    p->segments++;
    p->bytes += u->entry.size;
    return append(p, 0, &u->entry, u->hosts);
}

/* Pages are half full on average at least, so that there are not more and more of them. */
bool layr_publish_fits_page(const layr_publish_t *p)
{
    return p->node[0].entry_count == 0 ||
           (p->leaves + 1) * (LAYR_PAGE_SEGMENTS / 2) <= p->segments + LAYR_PAGE_SEGMENTS / 2;
}

int layr_publish_page(layr_publish_t *p, const layr_stored_t *u)
{
    layr_coming_t c = {.kept = true, .segments = u->entry.segments, .bytes = u->entry.bytes, .page = *u};
    int rc = p->node[0].entry_count ? flush(p, 0) : LAYR_OK;
    p->segments += c.segments;
    p->bytes += c.bytes;
    p->pages++;
    p->leaves++;
    p->kept_pages++;
    if (rc == LAYR_OK)
        rc = add_coming(p, &c);
    return rc == LAYR_OK ? raise_kept(p) : rc;
}

/* 1: the root's node is in out; 0: a page was given to the store first. */
static int finish(layr_publish_t *p, layr_placement_t *out)
{
    unsigned top = LAYR_LEVEL_MAX;
    while (top && p->node[top].entry_count == 0)
        top--;
    /* what is left below the top, lowest first: its page goes into the level above */
    for (unsigned level = 0; level < top; level++) {
        if (p->node[level].entry_count) {
            int rc = flush(p, level);
            return rc == LAYR_OK ? 0 : rc;
        }
    }
    *out = (layr_placement_t){
        .scheme = p->scheme, .segments = p->segments, .size = p->bytes, .node = p->node[top]};
    {
        layr_buf_t buf;
        int rc;
        bool fits;
        layr_buf_init(&buf);
        rc = layr_placement_encode(out, &buf);
        fits = rc == LAYR_OK && !buf.bad && buf.len + LAYR_HALF_OVERHEAD <= LAYR_PLACEMENT_MAX;
        layr_buf_free(&buf);
        if (!fits) {
            memset(out, 0, sizeof *out);
            rc = rc == LAYR_OK || rc == LAYR_ERR_LIMIT ? flush(p, top) : rc;
            return rc == LAYR_OK ? 0 : rc;
        }
    }
    layr_page_init(&p->node[top], p->scheme, (uint8_t)top);
    return 1;
}

int layr_publish_end(layr_publish_t *p, int (*finished)(void *ctx), void *ctx, layr_placement_t *out)
{
    int rc = 0;
    while (rc == 0) {
        while (!layr_store_idle(p->store)) {
            layr_store_turn(p->store, 200);
            if (layr_engine_cancelled(layr_store_engine(p->store)))
                return LAYR_ERR_CANCELLED;
            if ((rc = finished(ctx)) != LAYR_OK)
                return rc;
        }
        rc = finish(p, out);
    }
    return rc == 1 ? LAYR_OK : rc;
}
