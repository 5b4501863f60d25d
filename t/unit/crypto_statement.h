/* What the tests of statements share: keys, a clock, and statements signed over any text at all. */
#ifndef LAYR_T_CRYPTO_STATEMENT_H
#define LAYR_T_CRYPTO_STATEMENT_H

#include <stdlib.h>
#include <string.h>

#include "crypto/jws_internal.h"
#include "layr/bytes.h"
#include "layr/statement.h"
#include "tap.h"

#define NOW 1800000000LL
#define REMOVED "\x01" /* never in a statement */

static const uint8_t seed[32] = {1, 2, 3, 4};
static const uint8_t other_seed[32] = {9, 9, 9};

/*
 * text with the first `from` replaced; aborts when it is not there, so that no case tests nothing. Not inline: gcc 12 takes
 * the text of part_of for gone when it sees both.
 */
__attribute__((unused, noinline)) static char *replace(const char *text, const char *from, const char *to)
{
    const char *at = strstr(text, from);
    char *out = malloc(strlen(text) + strlen(to) + 1);

    if (at == NULL || out == NULL) {
        printf("Bail out! no %s in %s\n", from, text);
        exit(2);
    }
    memcpy(out, text, (size_t)(at - text));
    strcpy(out + (at - text), to);
    strcat(out, at + strlen(from));
    return out;
}

/* The header that `typ` signed by `seed` has. */
__attribute__((unused)) static void header_of(char out[256], const char *typ, const uint8_t key_seed[32])
{
    uint8_t pub[32];
    char kid[64];

    layr_sign_public(pub, key_seed);
    layr_b64(kid, pub, 32);
    snprintf(out, 256, "{\"alg\":\"EdDSA\",\"typ\":\"%s\",\"kid\":\"%s\"}", typ, kid);
}

__attribute__((unused)) static char *forge(const char *header, const char *payload,
                                           const uint8_t key_seed[32])
{
    char *jws = NULL;

    if (layr_jws_sign(&jws, header, strlen(header), payload, strlen(payload), 1 << 20, key_seed) != 0) {
        printf("Bail out! cannot sign\n");
        exit(2);
    }
    return jws;
}

/* Decoded part 0 (header) or 1 (payload) as text. */
__attribute__((unused)) static char *part_of(const char *jws, int part)
{
    layr_jws_t j;
    uint8_t *text = NULL;
    size_t len;

    if (layr_jws_split(&j, jws, strlen(jws)) != 0 ||
        layr_jws_part(&text, &len, part ? j.payload : j.header, part ? j.payload_len : j.header_len,
                      1 << 20) != 0) {
        printf("Bail out! cannot split\n");
        exit(2);
    }
    return (char *)text;
}

/* A copy with nothing readable after it: an overread shows under the sanitizer. */
__attribute__((unused)) static char *exact(const char *p, size_t len)
{
    char *out = malloc(len ? len : 1);

    memcpy(out, p, len);
    return out;
}

__attribute__((unused)) static int all_zero(const void *p, size_t len)
{
    const unsigned char *b = p;

    for (size_t i = 0; i < len; i++)
        if (b[i] != 0)
            return 0;
    return 1;
}

__attribute__((unused)) static void fill(uint8_t *p, size_t len, uint8_t start)
{
    for (size_t i = 0; i < len; i++)
        p[i] = (uint8_t)(start + i * 7);
}

#endif
