/*
 * Blobs.  Input: k, n, the row, u32 size of the segment, a byte that says what is done to the blob, and with
 * what.  A blob is made and opened chunk by chunk; a changed one never opens, and gives nothing away.
 */
#include "fuzz.h"
#include "layr/code.h"

#define BLOB_MAX                                                                                             \
    (3 * LAYR_CHUNK / LAYR_BLOCK * (LAYR_BLOCK + LAYR_TAG_BYTES)) /* larger ones only take longer */

static const uint8_t A[32] = {3}, key[32] = {4}, salt[16] = {5};
static layr_tagger_t *tagger;
static layr_blob_maker_t *maker;
static layr_sealer_t *sealer;
static uint8_t blob[BLOB_MAX], plain[LAYR_CHUNK_PLAIN], got[LAYR_CHUNK_PLAIN];

static void set_up(void)
{
    if (tagger != NULL)
        return;
    PROMISE(layr_tagger_new(&tagger, A, LAYR_KERNEL_AUTO) == 0);
    PROMISE(layr_blob_maker_new(&maker) == 0 && layr_sealer_new(&sealer) == 0);
    PROMISE(layr_sealer_key(sealer, key) == 0);
}

/* What the shape of any segment has to be. */
static void sound(const layr_shape_t *s, size_t size)
{
    PROMISE(s->size == size && s->chunk <= LAYR_CHUNK && s->chunk % LAYR_BLOCK == 0 && s->stripes >= 1);
    PROMISE(s->chunk_plain + LAYR_SEAL_OVERHEAD == s->chunk && (s->stripes == 1 || s->chunk == LAYR_CHUNK));
    PROMISE(s->shard_plain * s->scheme.k >= size && s->shard_stored <= LAYR_SHARD_MAX);
    PROMISE(s->shard_stored * s->scheme.n <= LAYR_SEGMENT_BUDGET);
    PROMISE(s->blob == s->shard_stored / LAYR_BLOCK * (LAYR_BLOCK + LAYR_TAG_BYTES));
    PROMISE(s->shard_plain * s->scheme.k - size < (size_t)s->chunk_plain * s->scheme.k);
}

static void fill_plain(uint32_t chunk, uint8_t with)
{
    memset(plain, (int)(chunk * 17 + with), sizeof plain);
}

static void make(const layr_shape_t *s, uint8_t with)
{
    uint8_t id[32], hash[32];

    PROMISE(layr_blob_start(maker, blob, s, tagger, key, salt) == 0);
    for (uint32_t i = 0; i < s->stripes; i++) {
        fill_plain(i, with);
        PROMISE(layr_blob_chunk(maker, plain) == 0);
    }
    PROMISE(layr_blob_chunk(maker, plain) != 0);
    PROMISE(layr_blob_finish(maker, id) == 0);
    PROMISE(layr_sha256_1(hash, blob, s->blob) == 0 && memcmp(hash, id, 32) == 0);
}

/* Chunk i as it lies at its place; changed: something of it is not as it was made. */
static void open_chunk(const layr_shape_t *s, uint32_t i, uint8_t with, int changed)
{
    char *sealed = copy_of(blob + (size_t)i * s->chunk, s->chunk, 0);
    int rc;

    memset(got, 0xee, s->chunk_plain);
    rc = layr_blob_open_chunk(sealer, got, (const uint8_t *)sealed, s, i);
    fill_plain(i, with);
    if (changed)
        PROMISE(rc == LAYR_ERR_AUTH && all_zero(got, s->chunk_plain));
    else
        PROMISE(rc == 0 && memcmp(got, plain, s->chunk_plain) == 0);
    if (i + 1 < s->stripes) /* a chunk that says it is the last, and one in another's place */
        PROMISE(layr_open_chunk(sealer, got, (const uint8_t *)sealed, s->chunk, i, 1) == LAYR_ERR_AUTH);
    PROMISE(layr_open_chunk(sealer, got, (const uint8_t *)sealed, s->chunk, i + 1ull, i + 1 == s->stripes) ==
            LAYR_ERR_AUTH);
    free(sealed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_in_t in = {data, size};
    layr_shape_t s;
    layr_scheme_t scheme;
    uint8_t with, change;
    uint32_t bytes, at;

    set_up();
    scheme.k = fuzz_8(&in);
    scheme.n = fuzz_8(&in);
    with = fuzz_8(&in);
    bytes = fuzz_32(&in);
    change = fuzz_8(&in);
    at = fuzz_32(&in);
    if (layr_shape_of(&s, scheme, bytes) != 0)
        return 0;
    sound(&s, bytes);
    if (s.blob > BLOB_MAX)
        return 0;
    make(&s, with);
    PROMISE(layr_blob_open_chunk(sealer, got, blob, &s, s.stripes) == LAYR_ERR_ARG);
    at %= (uint32_t)s.blob;
    PROMISE(layr_tag_check(tagger, blob + s.shard_stored, blob, 0, s.blocks, salt) == 0);
    blob[at] ^= change;
    PROMISE((layr_tag_check(tagger, blob + s.shard_stored, blob, 0, s.blocks, salt) == 0) == (change == 0));
    for (uint32_t i = 0; i < s.stripes; i++)
        open_chunk(&s, i, with, change != 0 && at / s.chunk == i);
    return 0;
}
