/*
 * From a segment's plaintext to n blobs and back (DESIGN 3.1 to 3.3): geometry, erasure code, blob.
 * Pure: no sockets, no clock, no randomness of its own.
 */
#ifndef LAYR_CODE_H
#define LAYR_CODE_H

#include <stddef.h>
#include <stdint.h>

#include "layr/crypto.h"
#include "layr/error.h"
#include "layr/proof.h"

#define LAYR_N_MAX 255
#define LAYR_CHUNK 65536                /* stored bytes of a full chunk */
#define LAYR_CHUNK_PLAIN 65520          /* plaintext bytes of a full chunk */
#define LAYR_SHARD_MAX (4u << 20)       /* stored bytes of a full shard, without tags */
#define LAYR_SEGMENT_BUDGET (96u << 20) /* stored bytes of all n shards of a segment */

typedef struct layr_scheme {
    uint8_t k, n; /* 1 <= k <= n <= 255 */
} layr_scheme_t;

/* "4/8" -> {4, 8}; LAYR_ERR_FORMAT otherwise. */
int layr_scheme_parse(layr_scheme_t *out, const char *s) LAYR_CHECKED;
int layr_scheme_ok(layr_scheme_t s);
/* Stripes of a full segment: min(4 MiB, 96 MiB / n) in whole chunks. */
uint32_t layr_full_stripes(layr_scheme_t s);
/* Plaintext bytes of a full segment: k * stripes * 65,520. */
size_t layr_full_segment(layr_scheme_t s);

/* The shape of one segment, derived from scheme and plaintext size (1 .. layr_full_segment). */
typedef struct layr_shape {
    layr_scheme_t scheme;
    uint32_t stripes; /* chunks in each shard */
    uint32_t
        chunk; /* stored bytes of a chunk: 65,536, or when stripes is 1 the smallest multiple of 4,096 that holds it */
    uint32_t chunk_plain; /* chunk - 16 */
    size_t size;          /* plaintext bytes of the segment */
    size_t shard_plain;   /* stripes * chunk_plain: unsealed bytes of a shard */
    size_t shard_stored;  /* stripes * chunk: sealed bytes of a shard, without tags */
    size_t blocks;        /* shard_stored / 4,096 */
    size_t blob;          /* 4,112 * blocks: bytes of the stored blob */
} layr_shape_t;

int layr_shape_of(layr_shape_t *out, layr_scheme_t s, size_t size) LAYR_CHECKED;

/*
 * Erasure code: systematic, ISA-L gf_gen_cauchy1_matrix. A coder is read-only after new: threads may share it.
 * data[k], out[count], each len bytes; len is any multiple of 16 from 16 to 65,520; worked in pieces that stay in cache.
 */
typedef struct layr_coder layr_coder_t;
int layr_coder_new(layr_coder_t **out, layr_scheme_t s) LAYR_CHECKED;
void layr_coder_free(layr_coder_t *c);
layr_scheme_t layr_coder_scheme(const layr_coder_t *c);
/* Parity rows first .. first + count - 1 (all in k .. n - 1), together: each pass over the data gives several. k == 1: copies. */
int layr_encode_run(const layr_coder_t *c, unsigned first, unsigned count, uint8_t *const *out,
                    const uint8_t *const *data, size_t len) LAYR_CHECKED;
/* One of them; all of them. */
int layr_encode_row(const layr_coder_t *c, unsigned row, uint8_t *out, const uint8_t *const *data,
                    size_t len) LAYR_CHECKED;
int layr_encode_rows(const layr_coder_t *c, uint8_t *const *parity, const uint8_t *const *data,
                     size_t len) LAYR_CHECKED;

/* A decoder for one set of k distinct survivors (any order); read-only after new, and does not need c any more. */
typedef struct layr_decoder layr_decoder_t;
int layr_decoder_new(layr_decoder_t **out, const layr_coder_t *c,
                     const uint8_t *survivors /* [k] */) LAYR_CHECKED;
void layr_decoder_free(layr_decoder_t *d);
/*
 * Rows want[0..m) (0 .. n - 1, none of them a survivor) from the survivors' bytes, in the order given to new.
 * Ascending rows are decoded together. len as above.
 */
int layr_decode(const layr_decoder_t *d, uint8_t *const *out, const uint8_t *want, size_t m,
                const uint8_t *const *in, size_t len) LAYR_CHECKED;

/*
 * Blob: seal, tag and hash in one pass over each chunk while it is in cache.
 * seal_key: layr_shard_key or layr_page_key. chunks arrive by index 0 .. stripes - 1, each chunk_plain bytes.
 */
typedef struct layr_blob_maker layr_blob_maker_t; /* scratch of one thread, used again and again */
int layr_blob_maker_new(layr_blob_maker_t **out) LAYR_CHECKED;
void layr_blob_maker_free(layr_blob_maker_t *m);
/* out: shape->blob bytes, not owned; start, then every chunk in order, then finish gives the id. */
int layr_blob_start(layr_blob_maker_t *m, uint8_t *out, const layr_shape_t *shape, const layr_tagger_t *t,
                    const uint8_t seal_key[32], const uint8_t salt[16]) LAYR_CHECKED;
int layr_blob_chunk(layr_blob_maker_t *m, const uint8_t *plain) LAYR_CHECKED;
int layr_blob_finish(layr_blob_maker_t *m, uint8_t id[32]) LAYR_CHECKED;

/*
 * All of one shard from a segment's plaintext: code row `index` stripe by stripe into the maker.
 * plain: shape->size bytes; what lies past it up to a whole stripe counts as zero. thread-safe with its own maker.
 */
int layr_make_shard(layr_blob_maker_t *m, uint8_t *blob_out, uint8_t id[32], const layr_coder_t *c,
                    const layr_shape_t *shape, const uint8_t *plain, unsigned index, const layr_tagger_t *t,
                    const uint8_t seal_key[32], const uint8_t salt[16]) LAYR_CHECKED;

/*
 * Several shards of one segment in one pass over its plaintext: a task of 4 parity rows costs less than half the coding
 * time of 4 tasks of one (it is the memory that is read k times). Each job has its own maker; ids and blobs are all set
 * or none to be trusted. Neighbouring parity indexes that stand in order are coded together.
 */
typedef struct layr_shard_job {
    layr_blob_maker_t *maker;
    unsigned index;                 /* 0 .. n - 1 */
    uint8_t *blob;                  /* shape->blob bytes, set */
    uint8_t *id;                    /* 32 bytes, set */
    const uint8_t *seal_key, *salt; /* 32 and 16 bytes */
} layr_shard_job_t;
#define LAYR_JOBS_GOOD 4 /* a good number of parity rows for one task */
int layr_make_shards(const layr_shard_job_t *jobs, size_t count, const layr_coder_t *c,
                     const layr_shape_t *shape, const uint8_t *plain, const layr_tagger_t *t) LAYR_CHECKED;

/* Open chunk i of a blob (chunk bytes at i * chunk of the blob) into chunk_plain bytes. LAYR_ERR_AUTH when it is not ours. */
int layr_blob_open_chunk(layr_sealer_t *s, uint8_t *plain, const uint8_t *sealed, const layr_shape_t *shape,
                         uint32_t i) LAYR_CHECKED;

#endif
