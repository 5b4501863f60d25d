/* The sink, written behind. */
#include "writer.h"

#include <stdlib.h>

struct layr_writer {
    layr_engine_t *e;
    layr_sink_t *sink;
    layr_diag_t *d;
    layr_hash_t *hash;
    layr_pool_t *pool; /* of one thread: writes stay in order */
    int error;         /* the first; that thread's own */
};

static int in_turn(layr_writer_t *w, const layr_write_t *b)
{
    const layr_sink_t *s = w->sink;
    int rc = layr_hash_update(w->hash, b->p, b->len);
    if (rc == LAYR_OK)
        rc = (b->found ? s->pass : s->write)(s->ctx, b->p, b->len, w->d);
    return rc;
}

static void write_one(layr_job_t *j, void *scratch)
{
    layr_write_t *b = (layr_write_t *)j;
    layr_writer_t *w = b->writer;
    (void)scratch;
    if (w->error == LAYR_OK && b->apart)
        w->error = w->sink->keep(w->sink->ctx, b->at, b->p, b->len, w->d);
    else if (w->error == LAYR_OK)
        w->error = in_turn(w, b);
    b->error = w->error;
    layr_engine_tell(w->e, j, b->written);
}

int layr_writer_new(layr_writer_t **out, layr_engine_t *e, layr_sink_t *sink, layr_diag_t *d)
{
    int rc;
    layr_writer_t *w = calloc(1, sizeof *w);
    if (!w)
        return LAYR_ERR_NOMEM;
    w->e = e;
    w->sink = sink;
    w->d = d;
    if ((rc = layr_hash_new(&w->hash)) || (rc = layr_pool_new(&w->pool, 1, NULL, NULL, NULL))) {
        layr_writer_free(w);
        return rc;
    }
    *out = w;
    return LAYR_OK;
}

void layr_writer_add(layr_writer_t *w, layr_write_t *b)
{
    b->writer = w;
    b->job.run = write_one;
    layr_pool_add(w->pool, &b->job);
}

int layr_writer_hash(layr_writer_t *w, uint8_t sha256[32])
{
    return layr_hash_final(w->hash, sha256);
}

void layr_writer_free(layr_writer_t *w)
{
    if (!w)
        return;
    layr_pool_free(w->pool);
    layr_hash_free(w->hash);
    free(w);
}
