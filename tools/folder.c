/* The tree at the end of a folder's stream. */
#include "folder.h"

#include <string.h>

typedef struct events {
    void (*event)(void *ctx, const layr_event_t *e);
    void *ctx;
} events_t;

/* A tree's bytes are not what the user waits for. */
static void but_progress(void *ctx, const layr_event_t *e)
{
    const events_t *to = ctx;

    if (e->kind != LAYR_EV_PROGRESS && to->event != NULL)
        to->event(to->ctx, e);
}

static int keep(void *ctx, const uint8_t *buf, size_t len, layr_diag_t *d)
{
    layr_buf_t *b = ctx;

    (void)d;
    layr_buf_add(b, buf, len);
    return b->bad ? LAYR_ERR_NOMEM : LAYR_OK;
}

static int fetch(layr_session_t *s, layr_file_t *f, layr_buf_t *b, layr_get_stats_t *stats, layr_diag_t *d)
{
    layr_sink_t sink = {.write = keep, .ctx = b};
    events_t to = {s->event, s->event_ctx};
    uint64_t size = layr_file_size(f);
    int rc;

    s->event = but_progress;
    s->event_ctx = &to;
    rc = layr_get(s, f, size - f->content.tree_size, size - 1, &sink, stats, d);
    s->event = to.event;
    s->event_ctx = to.ctx;
    return rc;
}

static int decode(const layr_file_t *f, const layr_buf_t *b, layr_tree_t *out, layr_diag_t *d)
{
    uint8_t sha[32];
    int rc = layr_sha256_1(sha, b->p, b->len);

    if (rc == LAYR_OK && memcmp(sha, f->content.sha256, sizeof sha) != 0)
        return layr_diag_set(
            d, LAYR_ERR_FORMAT,
            "the folder's tree does not match its SHA-256 in the manifest: it was stored wrongly");
    if (rc == LAYR_OK)
        rc = layr_tree_decode(out, b->p, b->len, layr_file_size(f) - f->content.tree_size);
    if (rc == LAYR_ERR_FORMAT || rc == LAYR_ERR_LIMIT || rc == LAYR_ERR_VERSION)
        return layr_diag_set(d, LAYR_ERR_FORMAT,
                             "the folder's tree is not valid (%s): nothing of it can be had safely",
                             layr_strerror(rc));
    return rc;
}

int layr_folder_tree(layr_session_t *s, layr_file_t *f, layr_tree_t *out, layr_get_stats_t *stats,
                     layr_diag_t *d)
{
    layr_get_stats_t took = {0};
    layr_buf_t b;
    int rc;

    layr_buf_init(&b);
    rc = fetch(s, f, &b, &took, d);
    if (rc == LAYR_OK)
        rc = decode(f, &b, out, d);
    if (stats != NULL)
        layr_folder_add_stats(stats, &took);
    layr_buf_free(&b);
    return rc;
}

void layr_folder_add_stats(layr_get_stats_t *sum, const layr_get_stats_t *one)
{
    sum->bytes += one->bytes;
    sum->segments += one->segments;
    sum->shards_fetched += one->shards_fetched;
    sum->shards_bad += one->shards_bad;
    sum->shards_late += one->shards_late;
    sum->segments_recovered += one->segments_recovered;
    sum->wire_bytes += one->wire_bytes;
    sum->found_bytes += one->found_bytes;
    sum->stale_bytes += one->stale_bytes;
}
