/* Internal to code/: the scratch that a blob's maker lends to who fills it. */
#ifndef LAYR_CODE_BLOB_H
#define LAYR_CODE_BLOB_H

#include "layr/code.h"

typedef struct layr_blob_scratch {
    uint8_t coded[LAYR_CHUNK_PLAIN]; /* a parity chunk on its way into the blob */
    uint8_t tail[LAYR_CHUNK_PLAIN];  /* the chunk in which the plaintext ends, padded */
    uint8_t zero[LAYR_CHUNK_PLAIN];  /* stays zero: the chunks past it */
} layr_blob_scratch_t;

layr_blob_scratch_t *layr_blob_scratch(layr_blob_maker_t *m);

/*
 * The next chunk of `count` different blobs of one shape, hashed side by side. LAYR_ERR_ARG, and nothing changed,
 * when one of them wants none; after another error none of them can go on.
 */
int layr_blob_chunks(layr_blob_maker_t *const *m, const uint8_t *const *plain, size_t count) LAYR_CHECKED;

#endif
