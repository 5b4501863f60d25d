/*
 * The text of a key file, and the passphrase around it: Argon2id makes a key of
 * the passphrase, XChaCha20-Poly1305 seals the secret under it.  Costs, salt and
 * nonce need no additional data: who changes one gets another key or nonce.
 */
#include "crypto/keytext.h"

#include <sodium.h>
#include <string.h>

#include "layr/bytes.h"

#define PLAIN_LINE "layr-key-v1"
#define WRAPPED_LINE "layr-key-v1 argon2id"

_Static_assert(LAYR_KEYTEXT_SALT_BYTES == crypto_pwhash_SALTBYTES, "Argon2id's salt");
_Static_assert(LAYR_KEYTEXT_NONCE_BYTES == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES, "XChaCha20's nonce");
_Static_assert(LAYR_KEYTEXT_SEALED_BYTES == LAYR_KEY_BYTES + crypto_aead_xchacha20poly1305_ietf_ABYTES,
               "Poly1305's tag");

/* Cut the next line off; NULL when no newline ends it. */
static const char *take_line(layr_reader_t *r, size_t *len)
{
    const uint8_t *line = r->p, *end = memchr(line, '\n', layr_reader_left(r));

    if (end == NULL)
        return NULL;
    *len = (size_t)(end - line);
    r->p = end + 1;
    return (const char *)line;
}

static int take_hex(layr_reader_t *r, uint8_t *out, size_t out_len)
{
    size_t len;
    const char *line = take_line(r, &len);

    return line != NULL ? layr_unhex(out, out_len, line, len) : LAYR_ERR_FORMAT;
}

static int take_cost(layr_reader_t *r, uint64_t *out, uint64_t low, uint64_t high)
{
    size_t len;
    const char *line = take_line(r, &len);

    if (line == NULL || layr_undec(out, line, len) != 0)
        return LAYR_ERR_FORMAT;
    return *out >= low && *out <= high ? 0 : LAYR_ERR_LIMIT;
}

static int parse_wrapped(layr_keytext_t *t, layr_reader_t *r)
{
    int rc;

    t->wrapped = 1;
    if ((rc = take_cost(r, &t->opslimit, 1, LAYR_KEYTEXT_OPS_MAX)) != 0 ||
        (rc = take_cost(r, &t->memlimit, LAYR_KEYTEXT_MEM_MIN, LAYR_KEYTEXT_MEM_MAX)) != 0 ||
        (rc = take_hex(r, t->salt, sizeof t->salt)) != 0 ||
        (rc = take_hex(r, t->nonce, sizeof t->nonce)) != 0)
        return rc;
    return take_hex(r, t->sealed, sizeof t->sealed);
}

static int line_is(const char *line, size_t len, const char *want)
{
    return line != NULL && len == strlen(want) && memcmp(line, want, len) == 0;
}

int layr_keytext_parse(layr_keytext_t *t, const char *text, size_t len)
{
    layr_keytext_t found = {0};
    layr_reader_t r;
    const char *line;
    size_t line_len = 0;
    int rc = LAYR_ERR_FORMAT;

    layr_reader_init(&r, text, len);
    line = take_line(&r, &line_len);
    if (line_is(line, line_len, PLAIN_LINE))
        rc = take_hex(&r, found.master, sizeof found.master);
    else if (line_is(line, line_len, WRAPPED_LINE))
        rc = parse_wrapped(&found, &r);
    if (rc == 0 && layr_reader_left(&r) != 0)
        rc = LAYR_ERR_FORMAT;
    if (rc == 0)
        *t = found;
    sodium_memzero(&found, sizeof found);
    return rc;
}

static char *put_text(char *at, const char *text)
{
    size_t len = strlen(text);

    memcpy(at, text, len);
    at[len] = '\n';
    return at + len + 1;
}

static char *put_hex(char *at, const uint8_t *p, size_t len)
{
    layr_hex(at, p, len);
    at[2 * len] = '\n';
    return at + 2 * len + 1;
}

static char *put_dec(char *at, uint64_t v)
{
    char digits[LAYR_DEC_MAX];

    layr_dec(digits, v);
    return put_text(at, digits);
}

size_t layr_keytext_print(char out[LAYR_KEYTEXT_MAX], const layr_keytext_t *t)
{
    char *at = put_text(out, t->wrapped ? WRAPPED_LINE : PLAIN_LINE);

    if (t->wrapped) {
        at = put_dec(at, t->opslimit);
        at = put_dec(at, t->memlimit);
        at = put_hex(at, t->salt, sizeof t->salt);
        at = put_hex(at, t->nonce, sizeof t->nonce);
        at = put_hex(at, t->sealed, sizeof t->sealed);
    } else {
        at = put_hex(at, t->master, sizeof t->master);
    }
    *at = 0;
    return (size_t)(at - out);
}

/* Argon2id refuses only costs out of its bounds, which ours are not, and memory it does not get. */
static int passphrase_key(uint8_t key[32], const layr_keytext_t *t, const char *passphrase)
{
    if (crypto_pwhash(key, LAYR_KEY_BYTES, passphrase, strlen(passphrase), t->salt, t->opslimit,
                      (size_t)t->memlimit, crypto_pwhash_ALG_ARGON2ID13) != 0)
        return LAYR_ERR_NOMEM;
    return 0;
}

int layr_keytext_wrap(layr_keytext_t *t, const uint8_t master[32], const char *passphrase)
{
    uint8_t key[LAYR_KEY_BYTES] = {0};
    int rc;

    t->wrapped = 1;
    sodium_memzero(t->master, sizeof t->master);
    randombytes_buf(t->salt, sizeof t->salt);
    randombytes_buf(t->nonce, sizeof t->nonce);
    rc = passphrase_key(key, t, passphrase);
    if (rc == 0)
        crypto_aead_xchacha20poly1305_ietf_encrypt(t->sealed, NULL, master, LAYR_KEY_BYTES, NULL, 0, NULL,
                                                   t->nonce, key);
    sodium_memzero(key, sizeof key);
    return rc;
}

int layr_keytext_unwrap(uint8_t master[32], const layr_keytext_t *t, const char *passphrase)
{
    uint8_t key[LAYR_KEY_BYTES] = {0}, found[LAYR_KEY_BYTES] = {0};
    int rc = passphrase_key(key, t, passphrase);

    if (rc == 0 && crypto_aead_xchacha20poly1305_ietf_decrypt(found, NULL, NULL, t->sealed, sizeof t->sealed,
                                                              NULL, 0, t->nonce, key) != 0)
        rc = LAYR_ERR_KEY;
    if (rc == 0)
        memcpy(master, found, LAYR_KEY_BYTES);
    sodium_memzero(key, sizeof key);
    sodium_memzero(found, sizeof found);
    return rc;
}
