/*
 * Write secrets in the journal: nonce, then the secret sealed with XChaCha20-Poly1305 under KDF(master,
 * "journal"), bound to the row it belongs to so that rows can't be exchanged.  A random nonce of 24 bytes
 * needs no counter, which a journal put back from a copy would set back.
 */
#include <sodium.h>
#include <string.h>

#include "db/journal_db.h"

#define NONCE crypto_aead_xchacha20poly1305_ietf_NPUBBYTES

_Static_assert(LAYR_JDB_SEALED_BYTES == NONCE + LAYR_KEY_BYTES + crypto_aead_xchacha20poly1305_ietf_ABYTES,
               "sealed size");

int layr_jdb_seal(layr_journal_t *j, uint8_t out[LAYR_JDB_SEALED_BYTES], const uint8_t W[32],
                  const uint8_t bound[32])
{
    unsigned long long len = 0;

    if (j->key == NULL)
        return LAYR_ERR_KEY;
    randombytes_buf(out, NONCE);
    if (crypto_aead_xchacha20poly1305_ietf_encrypt(out + NONCE, &len, W, LAYR_KEY_BYTES, bound, 32, NULL, out,
                                                   j->key) != 0)
        return LAYR_ERR_CRYPTO;
    return 0;
}

int layr_jdb_unseal(layr_journal_t *j, uint8_t W[32], const uint8_t in[LAYR_JDB_SEALED_BYTES],
                    const uint8_t bound[32])
{
    uint8_t plain[LAYR_KEY_BYTES] = {0};
    unsigned long long len = 0;
    int rc = LAYR_ERR_KEY;

    if (j->key == NULL)
        goto done;
    rc = LAYR_ERR_AUTH;
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(plain, &len, NULL, in + NONCE,
                                                   LAYR_JDB_SEALED_BYTES - NONCE, bound, 32, in, j->key) != 0)
        goto done;
    memcpy(W, plain, sizeof plain);
    rc = 0;
done:
    sodium_memzero(plain, sizeof plain);
    return rc;
}
