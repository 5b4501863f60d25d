/* The sink on a thread of its own: bytes in order, and the content's SHA-256 on the way. */
#ifndef LAYR_FLOW_WRITER_H
#define LAYR_FLOW_WRITER_H

#include "engine.h"

typedef struct layr_writer layr_writer_t;

/* Bytes to be written; `written` is answered to the engine's owner when they are, with error set. */
typedef struct layr_write {
    layr_job_t job;
    layr_writer_t *writer;
    const uint8_t *p;
    size_t len;
    uint64_t at; /* of the file */
    bool found;  /* the sink has these bytes already */
    bool apart;  /* others before them did not come: they are kept, and part of no hash */
    int error;
    void (*written)(layr_job_t *j, void *owner);
} layr_write_t;

int layr_writer_new(layr_writer_t **out, layr_engine_t *e, layr_sink_t *sink, layr_diag_t *d) LAYR_CHECKED;
/* Written in the order they are added; after an error no more is written, and each gets that error. */
void layr_writer_add(layr_writer_t *w, layr_write_t *b);
int layr_writer_hash(layr_writer_t *w, uint8_t sha256[32]) LAYR_CHECKED;
/* When nothing is under way. */
void layr_writer_free(layr_writer_t *w);

#endif
