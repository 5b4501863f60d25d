/* What layr_init fetched from libcrypto, once: an implicit fetch on every call costs more than a small hash.
 */
#ifndef LAYR_CRYPTO_LIBS_H
#define LAYR_CRYPTO_LIBS_H

#include <openssl/evp.h>

/* NULL until layr_init has succeeded. Shared by all threads, never freed. */
const EVP_MD *layr_libs_sha256(void);
const EVP_CIPHER *layr_libs_aes256gcm(void);

#endif
