/* The source, read ahead. */
#include "reader.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "crypto/libs.h"

#define WIPE_MAX (1u << 20) /* what an owner keeps to himself is small: his catalogue */

struct layr_reader_thread {
    layr_engine_t *e;
    layr_source_t *src;
    layr_diag_t *d;
    void (*got)(layr_job_t *j, void *owner);
    layr_hash_t *hash, *block_hash; /* of all, and of the block at hand */
    layr_mailbox_t *empty;          /* blocks that may be filled */
    pthread_t thread;
    bool started;
    atomic_bool stop;
    size_t block;
    unsigned blocks;
    bool each; /* the hash of each block is wanted, whatever it costs */
    layr_read_t b[];
};

static bool stopped(const void *ctx)
{
    const layr_reader_thread_t *r = ctx;
    return atomic_load(&r->stop) || layr_engine_cancelled(r->e);
}

/*
 * Both hashes are made side by side, in the time of one; where the processor can't do that the block's is left to
 * workers, or this one thread would be what bounds a put.
 */
static int hash_block(layr_reader_thread_t *r, layr_read_t *b)
{
    layr_hash_t *hash[2] = {r->hash, r->block_hash};
    const void *p[2] = {b->p, b->p};
    int rc;
    b->hashed = r->each || layr_libs_lanes();
    rc = layr_hash_update_many(hash, p, b->hashed ? 2 : 1, b->len);
    return rc == LAYR_OK && b->hashed ? layr_hash_final(r->block_hash, b->sha256) : rc;
}

int layr_source_block(layr_source_t *src, uint8_t *buf, size_t cap, size_t *len, bool *end,
                      bool (*stop)(const void *ctx), const void *ctx, layr_diag_t *d)
{
    *len = 0;
    *end = false;
    while (*len < cap && !*end) {
        int64_t n = stop(ctx) ? LAYR_ERR_CANCELLED : src->read(src->ctx, buf + *len, cap - *len, d);
        if (n == LAYR_ERR_TIMEOUT) /* nothing there yet */
            continue;
        if (n == LAYR_SOURCE_CUT && *len == 0)
            continue;
        if (n == LAYR_SOURCE_CUT)
            break;
        if (n == LAYR_ERR_CANCELLED) /* the pipeline knows better what that means */
            return LAYR_ERR_CANCELLED;
        if (n < 0)
            return layr_diag_set(d, (int)n, "the source could not be read");
        *end = n == 0;
        *len += (size_t)n;
    }
    return LAYR_OK;
}

static void fill(layr_reader_thread_t *r, layr_read_t *b)
{
    b->error = layr_source_block(r->src, b->p, r->block, &b->len, &b->end, stopped, r, r->d);
    if (b->error == LAYR_OK)
        b->error = hash_block(r, b);
}

static void *read_ahead(void *arg)
{
    layr_reader_thread_t *r = arg;
    bool last = false;
    while (!last) {
        layr_read_t *b = (layr_read_t *)layr_mailbox_take(r->empty, 200);
        if (b) {
            fill(r, b);
            last = b->end || b->error != LAYR_OK;
            layr_engine_tell(r->e, &b->job, r->got);
        } else {
            last = stopped(r);
        }
    }
    return NULL;
}

int layr_reader_new(layr_reader_thread_t **out, layr_engine_t *e, layr_source_t *src, size_t block,
                    unsigned blocks, bool each, void (*got)(layr_job_t *, void *), void *ctx, layr_diag_t *d)
{
    layr_reader_thread_t *r = calloc(1, sizeof *r + blocks * sizeof r->b[0]);
    int rc = LAYR_ERR_NOMEM;
    if (!r)
        return rc;
    r->e = e;
    r->src = src;
    r->d = d;
    r->got = got;
    r->block = block;
    r->blocks = blocks;
    r->each = each;
    if (layr_mailbox_new(&r->empty) != LAYR_OK || layr_hash_new(&r->hash) != LAYR_OK ||
        layr_hash_new(&r->block_hash) != LAYR_OK)
        goto fail;
    for (unsigned i = 0; i < blocks; i++) {
        r->b[i].reader = r;
        r->b[i].ctx = ctx;
        if (!(r->b[i].p = malloc(block)))
            goto fail;
        layr_mailbox_post(r->empty, &r->b[i].job);
    }
    if (pthread_create(&r->thread, NULL, read_ahead, r) != 0)
        goto fail;
    r->started = true;
    *out = r;
    return LAYR_OK;
fail:
    layr_reader_free(r);
    return rc;
}

void layr_reader_give(layr_read_t *b)
{
    layr_mailbox_post(b->reader->empty, &b->job);
}

void layr_reader_stop(layr_reader_thread_t *r)
{
    atomic_store(&r->stop, true);
    if (r->started)
        pthread_join(r->thread, NULL);
    r->started = false;
}

int layr_reader_hash(layr_reader_thread_t *r, uint8_t sha256[32])
{
    return layr_hash_final(r->hash, sha256);
}

void layr_reader_free(layr_reader_thread_t *r)
{
    if (!r)
        return;
    layr_reader_stop(r);
    for (unsigned i = 0; i < r->blocks; i++) {
        if (r->b[i].p && r->block <= WIPE_MAX)
            layr_wipe(r->b[i].p, r->block);
        free(r->b[i].p);
    }
    layr_hash_free(r->block_hash);
    layr_hash_free(r->hash);
    layr_mailbox_free(r->empty);
    free(r);
}
