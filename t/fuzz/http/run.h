/* A case on its way: over HTTP/1.1 or HTTP/2. */
#ifndef LAYR_T_HTTP_RUN_H
#define LAYR_T_HTTP_RUN_H

#include "answer.h"
#include "wire.h"

typedef struct tally {
    uint64_t cases, requests, answers, good, failed;
    uint64_t status[600];
} tally_t;

typedef struct run {
    gen_t gen;
    const host_t *host;
    proto_t proto;
    req_t *req; /* count of them */
    unsigned count;
    bool serial; /* each waits for the answer to the one before */
    tally_t *tally;
    bool verbose;
} run_t;

/* NULL: all is right. Otherwise what is wrong. */
const char *h1_run(run_t *c);
const char *h2_run(run_t *c);
const char *run_judge(run_t *c, unsigned i, const answer_t *a);
/* Send in pieces, with pauses now and then. */
int run_send(run_t *c, wire_t *w, const uint8_t *p, size_t len);
/* Bytes here and there made others. */
void run_havoc(gen_t *g, layr_buf_t *b);

#endif
