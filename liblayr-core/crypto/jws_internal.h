/*
 * JWS in compact form (RFC 7515) with Ed25519 (RFC 8037), whatever the header says: what it means is
 * statement.c's.
 */
#ifndef LAYR_CRYPTO_JWS_INTERNAL_H
#define LAYR_CRYPTO_JWS_INTERNAL_H

#include <stddef.h>
#include <stdint.h>

#include "layr/crypto.h"
#include "layr/error.h"

#define LAYR_JWS_HEADER_MAX 4096 /* decoded bytes */

/* A compact JWS taken apart; the parts point into it and are still base64url. */
typedef struct layr_jws {
    const char *input; /* signing input: header and payload with the dot between them */
    size_t input_len;
    const char *header, *payload;
    size_t header_len, payload_len;
    uint8_t signature[LAYR_SIG_BYTES];
} layr_jws_t;

/* LAYR_ERR_FORMAT: not two dots, no header, or no signature of 64 bytes. */
int layr_jws_split(layr_jws_t *out, const char *jws, size_t len) LAYR_CHECKED;
/* LAYR_ERR_AUTH when the signature over the signing input is not pub's. */
int layr_jws_verify(const layr_jws_t *j, const uint8_t pub[32]) LAYR_CHECKED;
/* Decode a part into malloc'd bytes, not NULL when there are none; a NUL follows them. LAYR_ERR_LIMIT past
 * max. */
int layr_jws_part(uint8_t **out, size_t *out_len, const char *part, size_t len, size_t max) LAYR_CHECKED;
/* Join and sign; *out is malloc'd and NUL-terminated. LAYR_ERR_LIMIT when it has more than max characters. */
int layr_jws_sign(char **out, const void *header, size_t header_len, const void *payload, size_t payload_len,
                  size_t max, const uint8_t seed[32]) LAYR_CHECKED;

#endif
