/* The source read ahead on a thread of its own: whole segments, and SHA-256 of all, and where that is cheap of each, on the way. */
#ifndef LAYR_FLOW_READER_H
#define LAYR_FLOW_READER_H

#include "engine.h"

typedef struct layr_reader_thread layr_reader_thread_t;

/* A segment's plaintext. Give it back with layr_reader_give when its bytes are not needed any more. */
typedef struct layr_read {
    layr_job_t job;
    layr_reader_thread_t *reader;
    void *ctx; /* as given to new */
    uint8_t *p;
    size_t len;         /* 0 only at the end */
    bool end;           /* nothing comes after it */
    int error;          /* the source failed; d of new() says how */
    bool hashed;        /* sha256 is set */
    uint8_t sha256[32]; /* of these bytes */
} layr_read_t;

/*
 * The next up to cap bytes of a source, fewer where it cuts or ends; *end: nothing comes after them. stop is asked before each
 * read: LAYR_ERR_CANCELLED. Errors of the source are the source's, with d filled.
 */
int layr_source_block(layr_source_t *src, uint8_t *buf, size_t cap, size_t *len, bool *end,
                      bool (*stop)(const void *ctx), const void *ctx, layr_diag_t *d) LAYR_CHECKED;

/*
 * Reads blocks of `block` bytes into `blocks` buffers, and answers each to the engine's owner with `got`.
 * d is filled when the source fails, before that answer. each: the caller needs the hash of every block himself.
 */
int layr_reader_new(layr_reader_thread_t **out, layr_engine_t *e, layr_source_t *src, size_t block,
                    unsigned blocks, bool each, void (*got)(layr_job_t *j, void *owner), void *ctx,
                    layr_diag_t *d) LAYR_CHECKED;
void layr_reader_give(layr_read_t *b);
/* Stops reading and ends the thread; blocks already got stay valid until layr_reader_free. */
void layr_reader_stop(layr_reader_thread_t *r);
/* After the end: hash of all that was read. */
int layr_reader_hash(layr_reader_thread_t *r, uint8_t sha256[32]) LAYR_CHECKED;
/* After the engine has received all its messages and every block was given back or forgotten. */
void layr_reader_free(layr_reader_thread_t *r);

#endif
