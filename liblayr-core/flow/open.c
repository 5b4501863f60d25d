/* Work on a piece: check and open shards, decode what is missing. */
#include <stdlib.h>
#include <string.h>

#include "piece.h"

uint8_t *layr_piece_chunk(const layr_piece_t *p, uint32_t t, unsigned j)
{
    return p->plain + ((size_t)(t - p->t0) * p->k + j) * p->shape.chunk_plain;
}

bool layr_piece_needs(const layr_piece_t *p, unsigned index, uint32_t *t0, uint32_t *t1)
{
    uint64_t c0 = p->first / p->shape.chunk_plain, c1 = p->last / p->shape.chunk_plain;
    uint64_t a, b;
    if (index >= p->k)
        return false;
    /* chunks are numbered t * k + j: the first and the last of them that are this row's */
    a = c0 + (index + p->k - c0 % p->k) % p->k;
    b = c1 >= index ? c1 - (c1 - index) % p->k : 0;
    if (a > c1 || b < a)
        return false;
    *t0 = (uint32_t)(a / p->k);
    *t1 = (uint32_t)(b / p->k);
    return true;
}

/* Blobs of two rows are hashed side by side. */
static void check_ids(layr_fetch_row_t *r, layr_scratch_t *sc)
{
    layr_fetch_row_t *row[2] = {r, r->partner};
    const void *p[2] = {r->blob, r->partner ? r->partner->blob : NULL};
    uint8_t id[32];
    unsigned count = r->partner ? 2 : 1;
    int rc = layr_hash_update_many(sc->name, p, count, r->blob_len);
    for (unsigned i = 0; i < count; i++) {
        int one = layr_hash_final(sc->name[i], id);
        if (rc == LAYR_OK)
            rc = one;
        row[i]->error = rc != LAYR_OK ? rc : memcmp(id, row[i]->row.id, 32) != 0 ? LAYR_ERR_AUTH : LAYR_OK;
    }
}

static int open_row(layr_fetch_row_t *r, const layr_file_keys_t *keys, layr_scratch_t *sc)
{
    const layr_piece_t *p = r->piece;
    uint8_t key[32];
    int rc;
    if (p->page)
        layr_page_key(key, keys->P, r->row.salt);
    else
        layr_shard_key(key, keys->R, r->row.salt);
    rc = layr_sealer_key(sc->sealer, key);
    for (uint32_t t = r->t0; t <= r->t1 && rc == LAYR_OK; t++) {
        uint8_t *sealed = r->blob + (size_t)(t - r->t0) * p->shape.chunk;
        /* data goes to its place; parity is opened where it lies */
        uint8_t *to = r->index < p->k ? layr_piece_chunk(p, t, r->index) : sealed;
        rc = layr_blob_open_chunk(sc->sealer, to, sealed, &p->shape, t);
    }
    layr_wipe(key, sizeof key);
    return rc;
}

void layr_open_rows(layr_fetch_row_t *r, const layr_file_keys_t *keys, layr_scratch_t *sc)
{
    r->error = LAYR_OK;
    if (r->piece->whole)
        check_ids(r, sc);
    for (; r; r = r->partner)
        if (r->error == LAYR_OK)
            r->error = open_row(r, keys, sc);
}

static int decode_stripe(layr_piece_t *p, const layr_decoder_t *d, const uint8_t *survivors,
                         const uint8_t *want, unsigned m, uint32_t t)
{
    const uint8_t *in[LAYR_N_MAX];
    uint8_t *out[LAYR_N_MAX];
    for (unsigned i = 0; i < p->k; i++) {
        /* NOLINTNEXTLINE(clang-analyzer-*): a piece is decoded when it has k good rows */
        const layr_fetch_row_t *r = &p->row[survivors[i]];
        in[i] = survivors[i] < p->k ? layr_piece_chunk(p, t, survivors[i])
                                    : r->blob + (size_t)(t - r->t0) * p->shape.chunk;
    }
    for (unsigned i = 0; i < m; i++)
        out[i] = layr_piece_chunk(p, t, want[i]);
    return layr_decode(d, out, want, m, in, p->shape.chunk_plain);
}

int layr_piece_check(const layr_piece_t *p, const layr_file_keys_t *keys, layr_scratch_t *sc)
{
    uint8_t sha[32], hash[32];
    int rc = layr_hash_update(sc->hash, p->plain, p->shape.size);
    if (rc == LAYR_OK)
        rc = layr_hash_final(sc->hash, sha);
    if (rc != LAYR_OK)
        return rc;
    layr_segment_hash(hash, p->page ? keys->P : keys->R, sha);
    return memcmp(hash, p->hash, 32) == 0 ? LAYR_OK : LAYR_ERR_DATA;
}

int layr_decode_piece(layr_piece_t *p, const layr_coder_t *coder, const layr_file_keys_t *keys,
                      layr_scratch_t *sc)
{
    uint8_t survivors[LAYR_N_MAX], want[LAYR_N_MAX];
    unsigned good = 0, m = 0;
    layr_decoder_t *d = NULL;
    int rc = LAYR_OK;
    for (unsigned i = 0; i < p->rows; i++) {
        if (p->row[i].have && good < p->k)
            survivors[good++] = (uint8_t)i;
        else if (i < p->k && !p->row[i].have)
            want[m++] = (uint8_t)i;
    }
    if (m) {
        rc = layr_decoder_new(&d, coder, survivors);
        for (uint32_t t = p->t0; t <= p->t1 && rc == LAYR_OK; t++)
            rc = decode_stripe(p, d, survivors, want, m, t);
        layr_decoder_free(d);
    }
    /*
     * Every blob was checked by its id, so data rows are what the writer sealed; decoded rows hang on his
     * parity too. A page is small and steers what follows: always.
     */
    if (rc == LAYR_OK && p->whole && (m || p->page))
        rc = layr_piece_check(p, keys, sc);
    return rc;
}
