/*
 * What the fuzz targets share.
 *
 * A target takes one input from libFuzzer and gives it to a parser.  Besides what the sanitizers see, it
 * holds the parser to what its header promises: what is accepted is written again and read to the same, an
 * encoding with one spelling comes out as it went in, and what is refused leaves nothing behind.
 *
 * Signatures and seals would stop a mutated input at the door.  So a target signs or seals the input itself,
 * with fixed keys, and the fuzzer works on what stands behind them.
 */
#ifndef LAYR_T_FUZZ_H
#define LAYR_T_FUZZ_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "layr/crypto.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A promise; libFuzzer keeps the input that breaks it. */
#define PROMISE(cond)                                                                                        \
    do {                                                                                                     \
        if (!(cond)) {                                                                                       \
            fprintf(stderr, "%s:%d: broken promise: %s\n", __FILE__, __LINE__, #cond);                       \
            abort();                                                                                         \
        }                                                                                                    \
    } while (0)

#define FUZZ_NOW 1800000000LL

__attribute__((unused)) static const uint8_t fuzz_seed[32] = {1, 2, 3, 4};

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    return layr_init() == LAYR_OK ? 0 : 1;
}

__attribute__((unused)) static int all_zero(const void *p, size_t len)
{
    const unsigned char *b = p;

    for (size_t i = 0; i < len; i++)
        if (b[i] != 0)
            return 0;
    return 1;
}

/* A copy of its own, so that a read past the end shows; NUL-terminated, for who wants a string, with
 * `string`. */
__attribute__((unused)) static char *copy_of(const void *p, size_t len, int string)
{
    char *out = malloc(len + (string || len == 0));

    PROMISE(out != NULL);
    if (len > 0)
        memcpy(out, p, len);
    if (string)
        out[len] = 0;
    return out;
}

/* The input taken apart from its front. What is not there is zero. */
typedef struct fuzz_in {
    const uint8_t *p;
    size_t left;
} fuzz_in_t;

__attribute__((unused)) static void fuzz_bytes(fuzz_in_t *in, void *out, size_t len)
{
    size_t n = len < in->left ? len : in->left;

    memset(out, 0, len);
    if (n > 0)
        memcpy(out, in->p, n);
    in->p += n;
    in->left -= n;
}

__attribute__((unused)) static uint8_t fuzz_8(fuzz_in_t *in)
{
    uint8_t v;

    fuzz_bytes(in, &v, sizeof v);
    return v;
}

__attribute__((unused)) static uint32_t fuzz_32(fuzz_in_t *in)
{
    uint8_t b[4];

    fuzz_bytes(in, b, sizeof b);
    return b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

/* Up to the first newline, which is passed over; the whole rest when there is none. */
__attribute__((unused)) static fuzz_in_t fuzz_line(fuzz_in_t *in)
{
    const uint8_t *end = in->left > 0 ? memchr(in->p, '\n', in->left) : NULL;
    fuzz_in_t line = {in->p, end != NULL ? (size_t)(end - in->p) : in->left};

    in->left -= line.left + (end != NULL);
    in->p += line.left + (end != NULL);
    return line;
}

#endif
