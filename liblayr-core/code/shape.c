/* The shape of one segment: everything about its stripes, chunks and blobs that scheme and size determine. */
#include "layr/code.h"

static size_t ceil_div(size_t a, size_t b)
{
    return a / b + (a % b != 0);
}

/* A segment that fits one stripe has the smallest chunk, in whole blocks, that holds its share. */
static uint32_t chunk_of(size_t stripes, uint8_t k, size_t size)
{
    size_t share;

    if (stripes > 1)
        return LAYR_CHUNK;
    share = ceil_div(size, k) + LAYR_SEAL_OVERHEAD;
    return (uint32_t)(ceil_div(share, LAYR_BLOCK) * LAYR_BLOCK);
}

int layr_shape_of(layr_shape_t *out, layr_scheme_t s, size_t size)
{
    size_t stripes;

    if (!layr_scheme_ok(s))
        return LAYR_ERR_ARG;
    if (size == 0 || size > layr_full_segment(s))
        return LAYR_ERR_LIMIT;
    stripes = ceil_div(size, (size_t)s.k * LAYR_CHUNK_PLAIN);
    out->scheme = s;
    out->stripes = (uint32_t)stripes;
    out->chunk = chunk_of(stripes, s.k, size);
    out->chunk_plain = out->chunk - LAYR_SEAL_OVERHEAD;
    out->size = size;
    out->shard_plain = stripes * out->chunk_plain;
    out->shard_stored = stripes * out->chunk;
    out->blocks = out->shard_stored / LAYR_BLOCK;
    out->blob = out->blocks * (LAYR_BLOCK + LAYR_TAG_BYTES);
    return 0;
}
