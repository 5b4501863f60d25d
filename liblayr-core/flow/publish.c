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
}

static void page_plain_free(void *ctx, uint8_t *plain)
{
    (void)ctx;
    free(plain);
}

/* The node of a level becomes a page, and a new one begins. */
static int flush(layr_publish_t *p, unsigned level)
{
    layr_node_page_t *n = &p->node[level];
    layr_buf_t buf;
    int rc;
    if (level == LAYR_LEVEL_MAX || p->coming_count == sizeof p->coming / sizeof p->coming[0])
        return LAYR_ERR_LIMIT;
    layr_buf_init(&buf);
    rc = layr_page_encode(n, &buf);
    if (rc == LAYR_OK && buf.bad)
        rc = LAYR_ERR_NOMEM;
    if (rc != LAYR_OK) {
        layr_buf_free(&buf);
        return rc;
    }
    p->coming[p->coming_count].level = (uint8_t)level;
    p->coming[p->coming_count].segments = p->coming[p->coming_count].bytes = 0;
    for (size_t i = 0; i < n->entry_count; i++) {
        p->coming[p->coming_count].segments += n->entries[i].segments;
        p->coming[p->coming_count].bytes += n->entries[i].bytes;
    }
    p->coming_count++;
    layr_page_free(n);
    layr_page_init(n, p->scheme, (uint8_t)level);
    /* the store frees the bytes */
    return layr_store_add(p->store, true, p->pages++, buf.p, buf.len, NULL, page_plain_free, NULL);
}

static bool full(const layr_node_page_t *n)
{
    return layr_page_node_size_next(n) + 2 > LAYR_PAGE_MAX ||
           (n->level == 0 && n->entry_count >= LAYR_PAGE_SEGMENTS);
}

int layr_publish_add(layr_publish_t *p, const layr_stored_t *u)
{
    layr_entry_t e = u->entry;
    unsigned level = 0;
    int rc;
    if (u->page) {
        level = p->coming[0].level + 1u;
        e.segments = p->coming[0].segments;
        e.bytes = p->coming[0].bytes;
        memmove(&p->coming[0], &p->coming[1], --p->coming_count * sizeof p->coming[0]);
    } else {
        p->segments++;
        p->bytes += e.size;
    }
    rc = layr_page_append(&p->node[level], &e, u->hosts);
    if (rc == LAYR_OK && full(&p->node[level]))
        rc = flush(p, level);
    return rc;
}

int layr_publish_finish(layr_publish_t *p, layr_placement_t *out)
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
