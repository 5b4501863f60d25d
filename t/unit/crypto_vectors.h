/* Known answers as JSON, for the tests of crypto: reading, hex members, the pattern that t/vectors/layr.json
 * names. */
#ifndef LAYR_T_CRYPTO_VECTORS_H
#define LAYR_T_CRYPTO_VECTORS_H

#include <cjson/cJSON.h>
#include <openssl/evp.h>
#include <stdint.h>

#include "layr/bytes.h"
#include "tap.h"

#define OWN_VECTORS "t/vectors/layr.json"
#define SHARED_VECTORS "../shared/vectors/"

/* NULL when the file is not there; a file that is there but broken ends the test. */
__attribute__((unused)) static cJSON *vectors_load(const char *path)
{
    FILE *f = fopen(path, "rb");
    layr_buf_t text;
    char part[4096];
    size_t n;
    cJSON *json;

    if (f == NULL)
        return NULL;
    layr_buf_init(&text);
    while ((n = fread(part, 1, sizeof part, f)) > 0)
        layr_buf_add(&text, part, n);
    fclose(f);
    json = cJSON_ParseWithLength((const char *)text.p, text.len);
    layr_buf_free(&text);
    if (json == NULL) {
        printf("Bail out! %s is not JSON\n", path);
        exit(1);
    }
    return json;
}

/* Our own are in the tree: without them there is no test. */
__attribute__((unused)) static cJSON *vectors_own(void)
{
    cJSON *json = vectors_load(OWN_VECTORS);

    if (json == NULL) {
        printf("Bail out! no %s: run from the project's root\n", OWN_VECTORS);
        exit(1);
    }
    return json;
}

__attribute__((unused)) static const char *vectors_text(const cJSON *of, const char *name)
{
    const char *s = cJSON_GetStringValue(name != NULL ? cJSON_GetObjectItemCaseSensitive(of, name) : of);

    if (s == NULL) {
        printf("Bail out! no text '%s' in the vectors\n", name != NULL ? name : "(element)");
        exit(1);
    }
    return s;
}

/* Bytes of a hex member (name NULL: of the element itself); the caller frees. Never NULL. */
__attribute__((unused)) static uint8_t *vectors_hex(const cJSON *of, const char *name, size_t *len)
{
    const char *s = vectors_text(of, name);
    size_t n = strlen(s) / 2;
    uint8_t *p = malloc(n + 1);

    if (p == NULL || layr_unhex(p, n, s, strlen(s)) != 0) {
        printf("Bail out! '%s' is not hex\n", s);
        exit(1);
    }
    *len = n;
    return p;
}

/* A hex member of a known size. */
__attribute__((unused)) static void vectors_fixed(uint8_t *out, size_t want, const cJSON *of,
                                                  const char *name)
{
    size_t len;
    uint8_t *p = vectors_hex(of, name, &len);

    if (len != want) {
        printf("Bail out! '%s' has %zu bytes, not %zu\n", name != NULL ? name : "(element)", len, want);
        exit(1);
    }
    memcpy(out, p, want);
    free(p);
}

/* pattern(n, x): the first n bytes of SHAKE256("layr pattern" and the byte x). */
__attribute__((unused)) static void vectors_pattern(uint8_t *out, size_t n, uint8_t x)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();

    if (ctx == NULL || EVP_DigestInit_ex(ctx, EVP_shake256(), NULL) != 1 ||
        EVP_DigestUpdate(ctx, "layr pattern", 12) != 1 || EVP_DigestUpdate(ctx, &x, 1) != 1 ||
        EVP_DigestFinalXOF(ctx, out, n) != 1) {
        printf("Bail out! no SHAKE256\n");
        exit(1);
    }
    EVP_MD_CTX_free(ctx);
}

#endif
