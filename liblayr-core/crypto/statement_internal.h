/* What the kinds of statements share: opening (header, signature, payload, version, times) and sealing. */
#ifndef LAYR_CRYPTO_STATEMENT_INTERNAL_H
#define LAYR_CRYPTO_STATEMENT_INTERNAL_H

#include "crypto/json.h"
#include "layr/statement.h"

typedef struct layr_statement {
    uint8_t signer[32];
    cJSON *header;
    uint8_t *payload;
    size_t payload_len;
    cJSON *body;               /* JSON payloads */
    layr_json_fields_t fields; /* what the kind still has to take */
    layr_time_t iat, exp;
} layr_statement_t;

/*
 * Open a JWS of this typ and at most max characters: the header is read, then the signature is checked over
 * the characters as they came, and only then is the payload decoded.  Afterwards: open       payload is JSON;
 * v, iat and exp are taken, fields holds the rest of it open_bytes payload is bytes (at most payload_max);
 * fields holds the rest of the header layr_statement_close frees what st holds, also after a failure.
 */
int layr_statement_open(layr_statement_t *st, const char *typ, size_t max, const char *jws,
                        size_t len) LAYR_CHECKED;
int layr_statement_open_bytes(layr_statement_t *st, const char *typ, size_t max, size_t payload_max,
                              const char *jws, size_t len) LAYR_CHECKED;
void layr_statement_close(layr_statement_t *st);
/* v, iat and exp, from the header where that has them (records). */
void layr_statement_take_times(layr_statement_t *st);

/* The fields' first failure, a member left over, then the times against the clock (docs/protocol.md 5.1). */
int layr_statement_end(const layr_statement_t *st, layr_time_t now) LAYR_CHECKED;
/* A time that may be at most LAYR_AHEAD_MAX and LAYR_SKEW from now: 0 or LAYR_ERR_LIMIT. */
int layr_statement_reach(layr_time_t t, layr_time_t now) LAYR_CHECKED;
/* 0 <= iat < exp, both exact in JSON. */
bool layr_statement_times_ok(layr_time_t iat, layr_time_t exp);
/* 1 to LAYR_RAIL_MAX characters of a-z0-9-, then NUL. */
bool layr_statement_rail_ok(const char rail[LAYR_RAIL_MAX + 1]);

/* Start a header (left open for more members) and a JSON payload with v, iat, exp. */
void layr_statement_header(layr_buf_t *b, const char *typ, const uint8_t seed[32]);
void layr_statement_body(layr_buf_t *b, layr_time_t iat, layr_time_t exp);
/* Close the JSON payload, sign, free the buffer. */
int layr_statement_seal(char **out, const char *typ, size_t max, layr_buf_t *body,
                        const uint8_t seed[32]) LAYR_CHECKED;

#endif
