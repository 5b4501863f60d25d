/*
 * A blob is made in one pass: each chunk is sealed into place, and tagged and hashed while it is still in
 * cache, several blobs side by side because hashing gains by that; the tags stand behind the last chunk
 * (4,112 * B bytes, nothing else), and SHA-256 of all is the shard's id.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "code/blob.h"
#include "layr/code.h"

struct layr_blob_maker {
    layr_sealer_t *sealer;
    layr_hash_t *hash;
    bool dirty; /* bytes were hashed since the hash was last finished */
    /* The blob being made. out is NULL between finish and start, and after a failure. */
    uint8_t *out;
    layr_shape_t shape;
    const layr_tagger_t *tagger;
    uint8_t salt[LAYR_SALT_BYTES];
    uint32_t next; /* the chunk that comes next */
    layr_blob_scratch_t scratch;
};

int layr_blob_maker_new(layr_blob_maker_t **out)
{
    layr_blob_maker_t *m = calloc(1, sizeof(*m));
    int rc = LAYR_ERR_NOMEM;

    if (!m)
        goto done;
    rc = layr_sealer_new(&m->sealer);
    if (rc == 0)
        rc = layr_hash_new(&m->hash);
    if (rc != 0)
        goto done;
    *out = m;
    m = NULL;
done:
    layr_blob_maker_free(m);
    return rc;
}

void layr_blob_maker_free(layr_blob_maker_t *m)
{
    if (!m)
        return;
    layr_hash_free(m->hash);
    layr_sealer_free(m->sealer);
    layr_wipe(m, sizeof(*m)); /* the scratch held plaintext */
    free(m);
}

layr_blob_scratch_t *layr_blob_scratch(layr_blob_maker_t *m)
{
    return &m->scratch;
}

int layr_blob_start(layr_blob_maker_t *m, uint8_t *out, const layr_shape_t *shape, const layr_tagger_t *t,
                    const uint8_t seal_key[32], const uint8_t salt[16])
{
    uint8_t forgotten[32];
    int rc = 0;

    m->out = NULL;
    if (m->dirty)
        rc = layr_hash_final(m->hash, forgotten);
    if (rc == 0)
        rc = layr_sealer_key(m->sealer, seal_key);
    if (rc != 0)
        return rc;
    m->dirty = false;
    m->out = out;
    m->shape = *shape;
    m->tagger = t;
    memcpy(m->salt, salt, sizeof(m->salt));
    m->next = 0;
    return 0;
}

static uint8_t *tags_of(const layr_blob_maker_t *m)
{
    return m->out + m->shape.shard_stored;
}

/* Seals and tags the next chunk; the sealed one is still to be hashed. */
static int seal_next(layr_blob_maker_t *m, const uint8_t *plain, const void **sealed_out)
{
    const layr_shape_t *shape = &m->shape;
    size_t blocks = shape->chunk / LAYR_BLOCK, first = m->next * blocks;
    uint8_t *sealed = m->out + (size_t)m->next * shape->chunk;
    int rc;

    m->dirty = true;
    rc =
        layr_seal_chunk(m->sealer, sealed, plain, shape->chunk_plain, m->next, m->next + 1 == shape->stripes);
    if (rc == 0)
        rc = layr_tag_blocks(m->tagger, tags_of(m) + first * LAYR_TAG_BYTES, sealed, first, blocks, m->salt);
    m->next++;
    *sealed_out = sealed;
    return rc;
}

static bool wants_chunk(const layr_blob_maker_t *m, uint32_t chunk)
{
    return m->out != NULL && m->next < m->shape.stripes && m->shape.chunk == chunk;
}

int layr_blob_chunks(layr_blob_maker_t *const *m, const uint8_t *const *plain, size_t count)
{
    layr_hash_t *hash[LAYR_N_MAX];
    const void *sealed[LAYR_N_MAX];
    int rc = 0;

    if (count == 0 || count > LAYR_N_MAX)
        return LAYR_ERR_ARG;
    for (size_t i = 0; i < count; i++)
        if (!wants_chunk(m[i], m[0]->shape.chunk))
            return LAYR_ERR_ARG;
    for (size_t i = 0; rc == 0 && i < count; i++) {
        hash[i] = m[i]->hash;
        rc = seal_next(m[i], plain[i], &sealed[i]);
    }
    if (rc == 0)
        rc = layr_hash_update_many(hash, sealed, count, m[0]->shape.chunk);
    for (size_t i = 0; rc != 0 && i < count; i++)
        m[i]->out = NULL;
    return rc;
}

int layr_blob_chunk(layr_blob_maker_t *m, const uint8_t *plain)
{
    return layr_blob_chunks(&m, &plain, 1);
}

int layr_blob_finish(layr_blob_maker_t *m, uint8_t id[32])
{
    int rc;

    if (!m->out || m->next != m->shape.stripes)
        return LAYR_ERR_ARG;
    rc = layr_hash_update(m->hash, tags_of(m), m->shape.blocks * LAYR_TAG_BYTES);
    if (rc == 0)
        rc = layr_hash_final(m->hash, id);
    if (rc == 0)
        m->dirty = false;
    m->out = NULL;
    return rc;
}

int layr_blob_open_chunk(layr_sealer_t *s, uint8_t *plain, const uint8_t *sealed, const layr_shape_t *shape,
                         uint32_t i)
{
    if (i >= shape->stripes)
        return LAYR_ERR_ARG;
    return layr_open_chunk(s, plain, sealed, shape->chunk, i, i + 1 == shape->stripes);
}
