/* Ed25519 (RFC 8032) by libsodium, whose verification refuses low-order keys and a non-canonical S. */
#include <sodium.h>

#include "layr/crypto.h"

/* An empty message may come as NULL. */
static const unsigned char *bytes_of(const void *msg, size_t len)
{
    static const unsigned char nothing[1];

    return len != 0 ? msg : nothing;
}

void layr_sign_public(uint8_t pub[32], const uint8_t seed[32])
{
    uint8_t secret[crypto_sign_SECRETKEYBYTES];

    crypto_sign_seed_keypair(pub, secret, seed);
    sodium_memzero(secret, sizeof secret);
}

/*
 * The public key is computed from the seed anew each time, never taken from the
 * caller: a signature under a public key that does not belong to the seed gives
 * the seed away.
 */
void layr_sign(uint8_t sig[64], const void *msg, size_t len, const uint8_t seed[32])
{
    uint8_t pub[LAYR_PUBKEY_BYTES], secret[crypto_sign_SECRETKEYBYTES];

    crypto_sign_seed_keypair(pub, secret, seed);
    crypto_sign_detached(sig, NULL, bytes_of(msg, len), len, secret);
    sodium_memzero(secret, sizeof secret);
}

int layr_verify(const uint8_t sig[64], const void *msg, size_t len, const uint8_t pub[32])
{
    if (crypto_sign_verify_detached(sig, bytes_of(msg, len), len, pub) != 0)
        return LAYR_ERR_AUTH;
    return 0;
}
