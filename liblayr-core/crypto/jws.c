/* The compact serialization of RFC 7515, section 7.1: three base64url parts, signed over the first two as
 * they stand. */
#include <stdlib.h>
#include <string.h>

#include "crypto/jws_internal.h"
#include "layr/bytes.h"

int layr_jws_split(layr_jws_t *out, const char *jws, size_t len)
{
    const char *dot1 = memchr(jws, '.', len), *dot2, *end = jws + len;

    if (dot1 == NULL || dot1 == jws)
        return LAYR_ERR_FORMAT;
    dot2 = memchr(dot1 + 1, '.', (size_t)(end - dot1 - 1));
    if (dot2 == NULL)
        return LAYR_ERR_FORMAT;
    /* A third dot is no letter of base64url, so the signature's decoder refuses it. */
    if (layr_unb64(out->signature, LAYR_SIG_BYTES, dot2 + 1, (size_t)(end - dot2 - 1)) != 0)
        return LAYR_ERR_FORMAT;
    out->input = out->header = jws;
    out->input_len = (size_t)(dot2 - jws);
    out->header_len = (size_t)(dot1 - jws);
    out->payload = dot1 + 1;
    out->payload_len = (size_t)(dot2 - dot1 - 1);
    return 0;
}

int layr_jws_verify(const layr_jws_t *j, const uint8_t pub[32])
{
    return layr_verify(j->signature, j->input, j->input_len, pub);
}

int layr_jws_part(uint8_t **out, size_t *out_len, const char *part, size_t len, size_t max)
{
    uint8_t *bytes;

    if (len > LAYR_B64_LEN(max))
        return LAYR_ERR_LIMIT;
    bytes = malloc(len / 4 * 3 + 3); /* what len letters can hold, and a NUL */
    if (bytes == NULL)
        return LAYR_ERR_NOMEM;
    if (layr_unb64_any(bytes, out_len, part, len) != 0) {
        free(bytes);
        return LAYR_ERR_FORMAT;
    }
    bytes[*out_len] = 0;
    *out = bytes;
    return 0;
}

int layr_jws_sign(char **out, const void *header, size_t header_len, const void *payload, size_t payload_len,
                  size_t max, const uint8_t seed[32])
{
    uint8_t signature[LAYR_SIG_BYTES];
    size_t input_len, len;
    char *jws;

    if (header_len > LAYR_JWS_HEADER_MAX || payload_len > max)
        return LAYR_ERR_LIMIT;
    input_len = LAYR_B64_LEN(header_len) + 1 + LAYR_B64_LEN(payload_len);
    len = input_len + 1 + LAYR_B64_LEN(LAYR_SIG_BYTES);
    if (len > max)
        return LAYR_ERR_LIMIT;
    jws = malloc(len + 1);
    if (jws == NULL)
        return LAYR_ERR_NOMEM;
    layr_b64(jws, header, header_len);
    jws[LAYR_B64_LEN(header_len)] = '.';
    layr_b64(jws + LAYR_B64_LEN(header_len) + 1, payload, payload_len);
    layr_sign(signature, jws, input_len, seed);
    jws[input_len] = '.';
    layr_b64(jws + input_len + 1, signature, sizeof signature);
    *out = jws;
    return 0;
}
