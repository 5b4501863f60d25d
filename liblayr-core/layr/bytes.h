/*
 * Bytes: little-endian loads and stores, a bounds-checked reader, a growing
 * buffer, and text encodings (hex; base64url without padding, RFC 4648 5).
 */
#ifndef LAYR_BYTES_H
#define LAYR_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "layr/error.h"

uint16_t layr_load16(const uint8_t p[2]);
uint32_t layr_load32(const uint8_t p[4]);
uint64_t layr_load64(const uint8_t p[8]);
void layr_store16(uint8_t p[2], uint16_t v);
void layr_store32(uint8_t p[4], uint32_t v);
void layr_store64(uint8_t p[8], uint64_t v);

/*
 * A reader over bytes it does not own. A read past the end sets bad and gives 0 / NULL, and so does
 * every read after it: a parser may read on and look at bad once, before it uses a value.
 */
typedef struct layr_reader {
    const uint8_t *p, *end;
    bool bad;
} layr_reader_t;

void layr_reader_init(layr_reader_t *r, const void *p, size_t len);
size_t layr_reader_left(const layr_reader_t *r);
uint8_t layr_read8(layr_reader_t *r);
uint16_t layr_read16(layr_reader_t *r);
uint32_t layr_read32(layr_reader_t *r);
uint64_t layr_read64(layr_reader_t *r);
const uint8_t *layr_read_bytes(layr_reader_t *r, size_t len);

/* A growing buffer. A failed growth sets bad and later appends do nothing: check bad once at the end. */
typedef struct layr_buf {
    uint8_t *p;
    size_t len, cap;
    bool bad;
} layr_buf_t;

void layr_buf_init(layr_buf_t *b);
void layr_buf_free(layr_buf_t *b); /* wipes, frees; harmless on a zeroed one */
void layr_buf_add(layr_buf_t *b, const void *p, size_t len);
void layr_buf_add8(layr_buf_t *b, uint8_t v);
void layr_buf_add16(layr_buf_t *b, uint16_t v);
void layr_buf_add32(layr_buf_t *b, uint32_t v);
void layr_buf_add64(layr_buf_t *b, uint64_t v);

/*
 * Hex and base64url take no branch and touch no memory that depends on what they carry: they are fit for
 * keys. A decoder that fails leaves its output alone; in and out may not overlap.
 */
/* Lower-case hex; out holds 2 * len + 1 bytes. Only lower case is read back. */
void layr_hex(char *out, const uint8_t *in, size_t len);
int layr_unhex(uint8_t *out, size_t len, const char *in, size_t in_len) LAYR_CHECKED;

/* base64url, no padding. Decoding refuses padding, other characters and non-zero spare bits. */
#define LAYR_B64_LEN(n) (((n)*4 + 2) / 3)                /* characters for n bytes, without NUL */
void layr_b64(char *out, const uint8_t *in, size_t len); /* out: LAYR_B64_LEN(len) + 1 */
/* Decode exactly len bytes. */
int layr_unb64(uint8_t *out, size_t len, const char *in, size_t in_len) LAYR_CHECKED;
/* Decode any length: out holds in_len * 3 / 4 bytes, *out_len says how many came. */
int layr_unb64_any(uint8_t *out, size_t *out_len, const char *in, size_t in_len) LAYR_CHECKED;

/* An unsigned decimal string: 1 to 20 digits, no sign, no leading zero but "0" itself, below 2^64. */
#define LAYR_DEC_MAX 21
void layr_dec(char out[LAYR_DEC_MAX], uint64_t v);
int layr_undec(uint64_t *out, const char *in, size_t in_len) LAYR_CHECKED;

/* Is this valid UTF-8 (RFC 3629) without NUL? */
bool layr_utf8_ok(const char *s, size_t len);

#endif
