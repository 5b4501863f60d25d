/* Known answers for the tests of proof/ and code/: t/vectors/layr.json and its pattern(n, x). Run from the
 * top. */
#ifndef LAYR_T_KNOWN_H
#define LAYR_T_KNOWN_H

#include <cjson/cJSON.h>
#include <openssl/evp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "layr/bytes.h"

/* A test that cannot start must not pass. */
static void known_need(int good, const char *what)
{
    if (!good) {
        printf("Bail out! %s\n", what);
        exit(255);
    }
}

__attribute__((unused)) static void *known_alloc(size_t len)
{
    void *p = malloc(len ? len : 1);
    known_need(p != NULL, "out of memory");
    return p;
}

/* The first len bytes of SHAKE256("layr pattern" and the byte x). */
__attribute__((unused)) static void known_pattern_to(uint8_t *out, size_t len, uint8_t x)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    int good = ctx && EVP_DigestInit_ex(ctx, EVP_shake256(), NULL) &&
               EVP_DigestUpdate(ctx, "layr pattern", 12) && EVP_DigestUpdate(ctx, &x, 1) &&
               EVP_DigestFinalXOF(ctx, out, len);
    EVP_MD_CTX_free(ctx);
    known_need(good, "SHAKE256");
}

__attribute__((unused)) static uint8_t *known_pattern(size_t len, uint8_t x)
{
    uint8_t *p = known_alloc(len);
    known_pattern_to(p, len, x);
    return p;
}

__attribute__((unused)) static cJSON *known_open(void)
{
    static char text[1 << 20];
    FILE *f = fopen("t/vectors/layr.json", "r");
    size_t n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;
    cJSON *all = NULL;

    if (f)
        fclose(f);
    text[n] = '\0';
    all = cJSON_Parse(text);
    known_need(all != NULL, "t/vectors/layr.json (run from the top of the tree)");
    return all;
}

__attribute__((unused)) static const cJSON *known_get(const cJSON *o, const char *name)
{
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, name);
    known_need(v != NULL, name);
    return v;
}

/* A hex string of exactly len bytes. */
__attribute__((unused)) static void known_hex(uint8_t *out, size_t len, const cJSON *v)
{
    known_need(cJSON_IsString(v) && layr_unhex(out, len, v->valuestring, strlen(v->valuestring)) == 0,
               v->string ? v->string : "a hex string");
}

/* A small generator for choices in tests (xorshift64): the same on every run. */
__attribute__((unused)) static uint64_t known_random(void)
{
    static uint64_t x = 88172645463325252u;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return x;
}

#endif
