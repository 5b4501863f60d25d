/*
 * Key derivation, and the keys that follow from a file's write secret (DESIGN 3.4).
 *
 *   W --"read"----> R --"place"--> P          R opens, P locates
 *   W --"audit"---> A --"challenge", "group"  A audits, and forges: never to a reader or a host
 *   W --"record"--> Ed25519 seed of the record
 */
#include <sodium.h>
#include <string.h>

#include "crypto/keys.h"
#include "layr/bytes.h"
#include "layr/crypto.h"

void layr_random(void *out, size_t len)
{
    randombytes_buf(out, len);
}

void layr_wipe(void *p, size_t len)
{
    sodium_memzero(p, len);
}

/* The length goes first: ("ab", "c") and ("a", "bc") are different inputs. */
static void absorb(crypto_generichash_state *st, const void *p, size_t len)
{
    uint8_t size[4];

    layr_store32(size, (uint32_t)len);
    crypto_generichash_update(st, size, sizeof size);
    if (len != 0)
        crypto_generichash_update(st, p, len);
}

/* libsodium's generichash can only fail on key and output sizes, and both are fixed here. */
void layr_kdf(uint8_t out[32], const uint8_t key[32], const char *label, const layr_span_t *data, size_t n)
{
    crypto_generichash_state st;

    crypto_generichash_init(&st, key, LAYR_KEY_BYTES, LAYR_KEY_BYTES);
    absorb(&st, label, strlen(label));
    for (size_t i = 0; i < n; i++)
        absorb(&st, data[i].p, data[i].len);
    crypto_generichash_final(&st, out, LAYR_KEY_BYTES);
    sodium_memzero(&st, sizeof st);
}

void layr_kdf0(uint8_t out[32], const uint8_t key[32], const char *label)
{
    layr_kdf(out, key, label, NULL, 0);
}

void layr_kdf1(uint8_t out[32], const uint8_t key[32], const char *label, const void *p, size_t len)
{
    layr_span_t datum = {p, len};

    layr_kdf(out, key, label, &datum, 1);
}

void layr_file_keys_from_read(layr_file_keys_t *k, const uint8_t R[32])
{
    memmove(k->R, R, sizeof k->R);
    layr_kdf0(k->P, k->R, "place");
    k->rights |= LAYR_CAN_READ;
}

void layr_file_keys_from_audit(layr_file_keys_t *k, const uint8_t A[32])
{
    uint8_t group[LAYR_KEY_BYTES];

    memmove(k->A, A, sizeof k->A);
    layr_kdf0(k->challenge_seed, k->A, "challenge");
    layr_sign_public(k->challenge_public, k->challenge_seed);
    layr_kdf0(group, k->A, "group");
    memcpy(k->group, group, sizeof k->group);
    k->rights |= LAYR_CAN_VERIFY;
    sodium_memzero(group, sizeof group);
}

void layr_file_keys_from_write(layr_file_keys_t *k, const uint8_t W[32])
{
    uint8_t R[LAYR_KEY_BYTES], A[LAYR_KEY_BYTES];

    memmove(k->W, W, sizeof k->W);
    layr_kdf0(R, k->W, "read");
    layr_kdf0(A, k->W, "audit");
    k->rights = LAYR_CAN_WRITE;
    layr_file_keys_from_read(k, R);
    layr_file_keys_from_audit(k, A);
    layr_kdf0(k->record_seed, k->W, "record");
    layr_sign_public(k->record_id, k->record_seed);
    sodium_memzero(R, sizeof R);
    sodium_memzero(A, sizeof A);
}

void layr_file_keys_wipe(layr_file_keys_t *k)
{
    if (k != NULL)
        sodium_memzero(k, sizeof *k);
}

void layr_owner_seed(uint8_t seed[32], const uint8_t master[32])
{
    layr_kdf0(seed, master, "identity");
}
