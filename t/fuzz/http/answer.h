/* What came back, and whether that is right. */
#ifndef LAYR_T_HTTP_ANSWER_H
#define LAYR_T_HTTP_ANSWER_H

#include "req.h"

typedef struct answer {
    int status;
    char type[128];
    int64_t length; /* announced; -1: not */
    bool contact, closes, whole;
    uint8_t *body;
    size_t body_len;
} answer_t;

void answer_init(answer_t *a);
void answer_free(answer_t *a);
void answer_body(answer_t *a, const void *p, size_t len); /* more of it */
void answer_field(answer_t *a, const char *name, size_t name_len, const char *value, size_t value_len);
/* NULL: right. Otherwise what is wrong, in words; of the case's memory. */
const char *answer_judge(gen_t *g, const req_t *r, const answer_t *a);

#endif
