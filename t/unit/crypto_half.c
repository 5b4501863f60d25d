/* crypto/half.c: the layout of a half, checked against its parts; altered at every bit, cut at every byte. */
#include "crypto_vectors.h"
#include "layr/crypto.h"

#define LEN 50

/* By the words of the format: s, then AES-256-GCM under KDF(key, label, s) with nonce zero, by libcrypto
 * alone. */
static int sealed_by_hand(uint8_t *out, const uint8_t key[32], const char *label, const uint8_t s[32],
                          const uint8_t *in)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    uint8_t half_key[32], nonce[12] = {0};
    int n, good;

    layr_kdf1(half_key, key, label, s, 32);
    memcpy(out, s, 32);
    good = ctx != NULL && EVP_EncryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, half_key, nonce) == 1 &&
           EVP_EncryptUpdate(ctx, out + 32, &n, in, LEN) == 1 &&
           EVP_EncryptFinal_ex(ctx, out + 32 + LEN, &n) == 1 &&
           EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, 16, out + 32 + LEN) == 1;
    EVP_CIPHER_CTX_free(ctx);
    return good;
}

static int refused(const uint8_t key[32], const char *label, const uint8_t *in, size_t len)
{
    uint8_t out[LEN], zero[LEN] = {0};

    memset(out, 0xaa, sizeof out);
    return layr_half_open(out, key, label, in, len) == LAYR_ERR_AUTH &&
           memcmp(out, zero, len - LAYR_HALF_OVERHEAD) == 0;
}

int main(void)
{
    uint8_t key[32] = {1}, s[32] = {2}, plain[LEN], out[LEN], sealed[LEN + LAYR_HALF_OVERHEAD],
            want[sizeof sealed];
    int n = 0;

    if (layr_init() != 0)
        return 1;
    vectors_pattern(plain, LEN, 6);
    is_int(layr_half_seal(sealed, key, "content", s, plain, LEN), 0, "a half is sealed");
    ok(sealed_by_hand(want, key, "content", s, plain), "and by hand");
    is_mem(sealed, want, sizeof sealed, "to the same bytes");
    ok(layr_half_open(out, key, "content", sealed, sizeof sealed) == 0 && memcmp(out, plain, LEN) == 0,
       "it opens");

    for (size_t bit = 0; bit < 8 * sizeof sealed; bit++) {
        sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
        n += refused(key, "content", sealed, sizeof sealed);
        sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    is_int(n, 8 * (int)sizeof sealed, "with any bit altered it is refused and the output zeroed");
    n = 0;
    for (size_t len = LAYR_HALF_OVERHEAD; len < sizeof sealed; len++)
        n += refused(key, "content", sealed, len);
    is_int(n, LEN, "cut at any byte too");
    n = 0;
    for (size_t len = 0; len < LAYR_HALF_OVERHEAD; len++)
        n += layr_half_open(out, key, "content", sealed, len) == LAYR_ERR_FORMAT;
    is_int(n, LAYR_HALF_OVERHEAD, "shorter is no half");
    ok(refused(key, "placement", sealed, sizeof sealed), "one half is not the other");
    key[31] ^= 1;
    ok(refused(key, "content", sealed, sizeof sealed), "another key does not open it");
    ok(layr_half_seal(sealed, key, "content", s, NULL, 0) == 0 &&
           layr_half_open(out, key, "content", sealed, LAYR_HALF_OVERHEAD) == 0,
       "an empty half");
    is_int(layr_half_seal(sealed, key, "content", s, plain, SIZE_MAX / 2), LAYR_ERR_LIMIT,
           "an absurd length is refused");
    return done();
}
