/* What layr_init fetched from libcrypto, once: an implicit fetch on every call costs more than a small hash.
 */
#ifndef LAYR_CRYPTO_LIBS_H
#define LAYR_CRYPTO_LIBS_H

#include <openssl/evp.h>
#include <stdbool.h>

/* NULL until layr_init has succeeded. Shared by all threads, never freed. */
const EVP_MD *layr_libs_sha256(void);
const EVP_CIPHER *layr_libs_aes256gcm(void);

/* Are running hashes made by sha256_lanes.h? False until layr_init. The second is for tests, which compare the two. */
bool layr_libs_lanes(void);
void layr_libs_set_lanes(bool use);

#endif
