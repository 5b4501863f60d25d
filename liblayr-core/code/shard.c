/* Shards from a segment's plaintext: stripe after stripe, one chunk of every shard asked for. */
#include <string.h>

#include "code/blob.h"
#include "layr/code.h"

/* What all shards of one call are made from. */
typedef struct source {
    const layr_coder_t *coder;
    const layr_shape_t *shape;
    const uint8_t *plain;
    layr_blob_scratch_t *scratch;
    const uint8_t *data[LAYR_N_MAX]; /* the k data chunks of the stripe at hand */
} source_t;

/* Chunks that lie whole in the plaintext are used in place. */
static void turn_to_stripe(source_t *s, uint32_t stripe)
{
    size_t chunk = s->shape->chunk_plain, size = s->shape->size;
    size_t at = (size_t)stripe * s->shape->scheme.k * chunk;

    for (size_t j = 0; j < s->shape->scheme.k; j++, at += chunk) {
        if (at + chunk <= size) {
            s->data[j] = s->plain + at;
        } else if (at >= size) {
            s->data[j] = s->scratch->zero;
        } else {
            memcpy(s->scratch->tail, s->plain + at, size - at);
            memset(s->scratch->tail + (size - at), 0, chunk - (size - at));
            s->data[j] = s->scratch->tail;
        }
    }
}

/* How many of the jobs from the first on want parity rows that follow one another. */
static size_t parity_run(const layr_shard_job_t *jobs, size_t count)
{
    size_t run = 1;

    while (run < count && jobs[run].index == jobs[0].index + run)
        run++;
    return run;
}

static int code_run(const source_t *s, const layr_shard_job_t *jobs, size_t count, const uint8_t **plain)
{
    uint8_t *coded[LAYR_N_MAX];

    for (size_t i = 0; i < count; i++)
        plain[i] = coded[i] = layr_blob_scratch(jobs[i].maker)->coded;
    return layr_encode_run(s->coder, jobs[0].index, (unsigned)count, coded, s->data, s->shape->chunk_plain);
}

static int stripe_chunks(const source_t *s, const layr_shard_job_t *jobs, size_t count)
{
    layr_blob_maker_t *makers[LAYR_N_MAX];
    const uint8_t *plain[LAYR_N_MAX];
    int rc = 0;

    for (size_t i = 0; i < count; i++)
        makers[i] = jobs[i].maker;
    for (size_t i = 0, run; rc == 0 && i < count; i += run) {
        run = 1;
        if (jobs[i].index < s->shape->scheme.k) {
            plain[i] = s->data[jobs[i].index];
        } else {
            run = parity_run(jobs + i, count - i);
            rc = code_run(s, jobs + i, run, plain + i);
        }
    }
    return rc == 0 ? layr_blob_chunks(makers, plain, count) : rc;
}

static int jobs_ok(const layr_shard_job_t *jobs, size_t count, layr_scheme_t coder, layr_scheme_t shape)
{
    if (count == 0 || count > shape.n || coder.k != shape.k || coder.n != shape.n)
        return 0;
    for (size_t i = 0; i < count; i++)
        if (jobs[i].index >= shape.n)
            return 0;
    return 1;
}

int layr_make_shards(const layr_shard_job_t *jobs, size_t count, const layr_coder_t *c,
                     const layr_shape_t *shape, const uint8_t *plain, const layr_tagger_t *t)
{
    source_t s = {.coder = c, .shape = shape, .plain = plain};
    int rc = 0;

    if (!jobs_ok(jobs, count, layr_coder_scheme(c), shape->scheme))
        return LAYR_ERR_ARG;
    s.scratch = layr_blob_scratch(jobs[0].maker);
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = layr_blob_start(jobs[i].maker, jobs[i].blob, shape, t, jobs[i].seal_key, jobs[i].salt);
    for (uint32_t stripe = 0; rc == 0 && stripe < shape->stripes; stripe++) {
        turn_to_stripe(&s, stripe);
        rc = stripe_chunks(&s, jobs, count);
    }
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = layr_blob_finish(jobs[i].maker, jobs[i].id);
    return rc;
}

int layr_make_shard(layr_blob_maker_t *m, uint8_t *blob_out, uint8_t id[32], const layr_coder_t *c,
                    const layr_shape_t *shape, const uint8_t *plain, unsigned index, const layr_tagger_t *t,
                    const uint8_t seal_key[32], const uint8_t salt[16])
{
    const layr_shard_job_t job = {m, index, blob_out, id, seal_key, salt};

    return layr_make_shards(&job, 1, c, shape, plain, t);
}
