/*
 * A request as it is meant, whatever wire it goes over, and what must come back.
 */
#ifndef LAYR_T_HTTP_REQ_H
#define LAYR_T_HTTP_REQ_H

#include "gen.h"

#define FIELDS_MAX 256

/* What must come back, from the strictest to the laxest; a mutation only loosens. */
typedef enum want {
    WANT_STATUS,  /* one of the statuses named */
    WANT_REFUSAL, /* a problem document */
    WANT_ANSWER,  /* an answer that the module may give: a success, or a problem document */
    WANT_ANY      /* nginx's own refusal, or an end of the connection */
} want_t;

typedef struct field {
    span_t name, value;
} field_t;

typedef struct req {
    span_t method, path;
    field_t field[FIELDS_MAX];
    unsigned fields;
    span_t body;
    span_t jws; /* the statement in it, if there is one, and whose it is; in the body or the header */
    const signer_t *signer;

    bool length; /* announce the body's: `said` where that is not its length */
    span_t said;
    bool chunked, bad_chunks; /* HTTP/1.1 */
    bool trailers;            /* HTTP/2 */
    bool cut;                 /* not all of the body is sent, ever */
    bool closes; /* what follows on an HTTP/1.1 connection may be taken for something else, or not be read */

    want_t want;
    int status[6];
    /* the content a success must have: all of it for 200, `first` to `last` of it for 206 */
    bool check;
    span_t content;
    size_t first, last;
    bool head;
} req_t;

void req_init(req_t *r, const char *method, const char *path);
void req_want(req_t *r, want_t want);  /* loosen */
void req_status(req_t *r, int status); /* one more that is right */
void req_field(req_t *r, const char *name, span_t value);
void req_body(req_t *r, span_t body);
/* call.c: a well-formed request, with what must come back. */
void call_make(gen_t *g, req_t *r);
/* life.c: what follows upon one another in the life of a shard or record that only this case has; how many requests. */
unsigned life_make(gen_t *g, req_t *r, unsigned max);
/* mutate.c: another request, like it. */
void req_mutate(gen_t *g, req_t *r);

/* signed.c: statements, true ones and false ones. A false one is not for sure refused where *sure is false. */
span_t signed_order(gen_t *g, const signer_t *owner, const blob_t *shard, const uint8_t order[16]);
span_t signed_orders(gen_t *g, const signer_t *owner, layr_action_t action, const uint8_t (*order)[16],
                     unsigned count);
/* Host and times are put into it. */
span_t signed_challenge(gen_t *g, const signer_t *auditor, layr_challenge_t *c);
span_t signed_record(gen_t *g, const signer_t *file, uint64_t seq, const span_t *prev, size_t size);
span_t signed_lie(gen_t *g, span_t jws, const signer_t *signer, bool *sure);

/* The statement of a request goes to its Authorization or its body. */
void req_statement(gen_t *g, req_t *r, span_t jws, const signer_t *signer);

#endif
