/* The start of libsodium and libcrypto. */
#include "crypto/libs.h"

#include <pthread.h>
#include <sodium.h>

#include "crypto/sha256_lanes.h"
#include "layr/crypto.h"

/*
 * Written once under pthread_once, then only read.  They live as long as the
 * process: libcrypto's own exit handler may run before any of ours, so there
 * is no safe moment to free them.
 */
static EVP_MD *sha256;
static EVP_CIPHER *aes256gcm;
static bool lanes;
static int started = LAYR_ERR_CRYPTO;

static void start(void)
{
    if (sodium_init() < 0)
        return;
    sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    aes256gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    lanes = layr_sha256_lanes_usable();
    if (sha256 != NULL && aes256gcm != NULL)
        started = LAYR_OK;
}

int layr_init(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    if (pthread_once(&once, start) != 0)
        return LAYR_ERR_CRYPTO;
    return started;
}

const EVP_MD *layr_libs_sha256(void)
{
    return sha256;
}

const EVP_CIPHER *layr_libs_aes256gcm(void)
{
    return aes256gcm;
}

bool layr_libs_lanes(void)
{
    return lanes;
}

void layr_libs_set_lanes(bool use)
{
    lanes = use;
}
