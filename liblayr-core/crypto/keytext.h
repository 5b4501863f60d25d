/* What stands in a key file, apart from the file: a parser and a printer of text. */
#ifndef LAYR_CRYPTO_KEYTEXT_H
#define LAYR_CRYPTO_KEYTEXT_H

#include <stddef.h>
#include <stdint.h>

#include "layr/crypto.h"

#define LAYR_KEYTEXT_MAX 512 /* a wrapped one has at most 221 bytes */

#define LAYR_KEYTEXT_SALT_BYTES 16
#define LAYR_KEYTEXT_NONCE_BYTES 24
#define LAYR_KEYTEXT_SEALED_BYTES (LAYR_KEY_BYTES + 16)

/* Argon2id's cost, as libsodium counts it. The upper bounds keep a planted file from eating the machine. */
#define LAYR_KEYTEXT_OPS_MAX 10
#define LAYR_KEYTEXT_MEM_MIN ((size_t)8192)
#define LAYR_KEYTEXT_MEM_MAX ((size_t)1 << 30)

typedef struct layr_keytext {
    int wrapped;
    uint8_t master[LAYR_KEY_BYTES]; /* not wrapped: the secret; the rest is of a wrapped one */
    uint64_t opslimit, memlimit;
    uint8_t salt[LAYR_KEYTEXT_SALT_BYTES], nonce[LAYR_KEYTEXT_NONCE_BYTES], sealed[LAYR_KEYTEXT_SEALED_BYTES];
} layr_keytext_t;

/* LAYR_ERR_FORMAT: not a key file; LAYR_ERR_LIMIT: a cost out of bounds. t is set only on success; the caller
 * wipes it. */
int layr_keytext_parse(layr_keytext_t *t, const char *text, size_t len) LAYR_CHECKED;

/* Returns the length without the NUL. */
size_t layr_keytext_print(char out[LAYR_KEYTEXT_MAX], const layr_keytext_t *t);

/* Fill t from a secret and a passphrase at the cost in t (opslimit, memlimit), with fresh salt and nonce; and
 * back. */
int layr_keytext_wrap(layr_keytext_t *t, const uint8_t master[32], const char *passphrase) LAYR_CHECKED;
/* LAYR_ERR_KEY: the wrong passphrase, or an altered file. */
int layr_keytext_unwrap(uint8_t master[32], const layr_keytext_t *t, const char *passphrase) LAYR_CHECKED;

#endif
