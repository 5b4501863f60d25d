/* Tags: known answers, kernels against a slow sum and each other, GMAC as a witness from outside, tampering.
 */
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <sodium.h>

#include "known.h"
#include "layr/crypto.h"
#include "layr/proof.h"
#include "tap.h"

static const layr_kernel_t kernels[] = {LAYR_KERNEL_PORTABLE, LAYR_KERNEL_PCLMUL, LAYR_KERNEL_VPCLMUL};
#define KERNELS (sizeof(kernels) / sizeof(kernels[0]))

static uint8_t A[32], salt[16];

static void xor16(uint8_t *a, const uint8_t *b)
{
    for (unsigned i = 0; i < 16; i++)
        a[i] ^= b[i];
}

/* The sum by shifting alpha through the bits of the message. */
static void slow_sum(uint8_t out[16], const uint8_t *alpha, const uint8_t *block)
{
    memset(out, 0, 16);
    for (unsigned j = 0; j < LAYR_SECTORS; j++) {
        uint8_t a[16];
        memcpy(a, alpha + 16 * j, 16);
        for (unsigned i = 0; i < 128; i++) {
            unsigned top = a[15] >> 7;
            if (block[16 * j + i / 8] >> (i % 8) & 1)
                xor16(out, a);
            for (unsigned b = 15; b > 0; b--)
                a[b] = (uint8_t)(a[b] << 1 | a[b - 1] >> 7);
            a[0] = (uint8_t)(a[0] << 1 ^ (top ? 0x87 : 0));
        }
    }
}

static layr_tagger_t *tagger(const uint8_t *alpha, layr_kernel_t k)
{
    layr_tagger_t *t = NULL;
    int rc = alpha ? layr_tagger_new_alpha(&t, A, alpha, k) : layr_tagger_new(&t, A, k);

    known_need(rc == 0 && t != NULL, "a tagger");
    return t;
}

/* Both chunks of the known blob. */
static uint8_t *sealed_blocks(void)
{
    uint8_t *out = known_alloc(2 * 65536), *plain = known_pattern(65520, 2), key[32], R[32];
    layr_file_keys_t keys;
    layr_sealer_t *s = NULL;
    cJSON *all = known_open();
    uint8_t W[32];

    known_hex(W, 32, known_get(known_get(all, "keys"), "W"));
    known_hex(R, 32, known_get(known_get(all, "keys"), "R"));
    known_hex(salt, 16, known_get(known_get(all, "salt"), "out"));
    layr_file_keys_from_write(&keys, W);
    memcpy(A, keys.A, 32);
    layr_shard_key(key, R, salt);
    known_need(layr_sealer_new(&s) == 0 && layr_sealer_key(s, key) == 0, "a sealer");
    known_need(layr_seal_chunk(s, out, plain, 65520, 0, 0) == 0, "seal");
    known_pattern_to(plain, 65520, 3);
    known_need(layr_seal_chunk(s, out + 65536, plain, 65520, 1, 1) == 0, "seal");
    layr_sealer_free(s);
    free(plain);
    cJSON_Delete(all);
    return out;
}

static void known_tags(layr_kernel_t k, const uint8_t *blocks)
{
    cJSON *all = known_open();
    uint8_t want[32 * 16], got[32 * 16];
    layr_tagger_t *t = tagger(NULL, k);
    int good = 1;

    known_hex(want, sizeof(want), known_get(known_get(all, "tags"), "all"));
    is_int(layr_tag_blocks(t, got, blocks, 0, 32, salt), 0, "tags made");
    is_mem(got, want, sizeof(want), "known tags");
    /* Any first and count give the same: every offset within a keystream block. */
    for (size_t first = 0; first < 32; first++)
        for (size_t count = 0; first + count <= 32; count++) {
            memset(got, 0, sizeof(got));
            good &= layr_tag_blocks(t, got, blocks + 4096 * first, first, count, salt) == 0;
            good &= memcmp(got, want + 16 * first, 16 * count) == 0;
            good &= layr_tag_check(t, want + 16 * first, blocks + 4096 * first, first, count, salt) == 0;
        }
    ok(good, "%s: runs from any first block", layr_kernel_name(k));
    layr_tagger_free(t);
    cJSON_Delete(all);
}

static void sums_agree(layr_kernel_t k, const uint8_t *alpha, const uint8_t *block, const char *what)
{
    layr_tagger_t *t = tagger(alpha, k);
    uint8_t want[16], got[17], *shifted = known_alloc(LAYR_BLOCK + 1);

    slow_sum(want, alpha, block);
    memcpy(shifted + 1, block, LAYR_BLOCK);
    layr_tag_sum(t, got + 1, shifted + 1);
    ok(memcmp(got + 1, want, 16) == 0, "%s: %s", layr_kernel_name(k), what);
    free(shifted);
    layr_tagger_free(t);
}

static void against_slow(layr_kernel_t k)
{
    uint8_t *alpha = known_pattern(4096, 50), *block = known_pattern(4096, 51);
    uint8_t *ones = known_alloc(4096), *zero = known_alloc(4096);

    memset(ones, 0xff, 4096);
    memset(zero, 0, 4096);
    sums_agree(k, alpha, block, "random, unaligned");
    sums_agree(k, ones, ones, "all ones");
    sums_agree(k, alpha, ones, "ones as message");
    sums_agree(k, ones, block, "ones as alpha");
    sums_agree(k, alpha, zero, "zero message");
    sums_agree(k, zero, block, "zero alpha");
    for (unsigned i = 0; i < 8; i++) { /* one sector alone, in every place of a vector pair */
        memset(zero, 0, 4096);
        memcpy(zero + 16 * (248 + i), block, 16);
        sums_agree(k, alpha, zero, "one sector alone");
    }
    free(zero);
    free(ones);
    free(block);
    free(alpha);
}

static void against_each_other(void)
{
    uint8_t *data = known_pattern(257 * 4096 + 64, 52), want[257 * 16], got[257 * 16];
    layr_tagger_t *t = tagger(data, LAYR_KERNEL_PORTABLE);

    known_need(layr_tag_blocks(t, want, data + 3, 7, 257, salt) == 0, "tags");
    layr_tagger_free(t);
    for (size_t i = 1; i < KERNELS; i++) {
        if (!layr_kernel_usable(kernels[i])) {
            skip(layr_kernel_name(kernels[i]));
            continue;
        }
        t = tagger(data, kernels[i]);
        known_need(layr_tag_blocks(t, got, data + 3, 7, 257, salt) == 0, "tags");
        is_mem(got, want, sizeof(want), layr_kernel_name(kernels[i]));
        layr_tagger_free(t);
    }
    free(data);
}

/* PRF by the letter of the design, from libsodium directly. */
static void prf_positions(void)
{
    static const uint8_t nonce[12];
    uint8_t *zero = calloc(100, 4096), key[32], stream[1600], got[100 * 16];
    layr_tagger_t *t = tagger(NULL, LAYR_KERNEL_AUTO);

    known_need(zero != NULL, "memory");
    layr_kdf1(key, A, "prf", salt, 16);
    crypto_stream_chacha20_ietf(stream, sizeof(stream), nonce, key);
    is_int(layr_tag_blocks(t, got, zero, 0, 100, salt), 0, "tags of zero blocks");
    is_mem(got, stream, sizeof(stream), "are the PRF");
    is_int(layr_tag_blocks(t, got, zero, (size_t)1 << 34, 1, salt), LAYR_ERR_ARG, "past the keystream's end");
    is_int(layr_tag_blocks(t, got, zero, ((size_t)1 << 34) - 1, 1, salt), 0, "the keystream's last 16 bytes");
    is_int(layr_tag_blocks(t, got, zero, ((size_t)1 << 34) - 1, 2, salt), LAYR_ERR_ARG, "one more");
    is_int(layr_tag_check(t, got, zero, SIZE_MAX, 2, salt), LAYR_ERR_ARG, "an overflowing range");
    layr_tagger_free(t);
    free(zero);
}

static void alpha_known(void)
{
    static const uint8_t nonce[12];
    uint8_t alpha[4096], key[32], first[16], last[16], *block = known_pattern(4096, 53), a[16], b[16];
    cJSON *all = known_open();
    layr_tagger_t *t = tagger(NULL, LAYR_KERNEL_AUTO), *u;

    layr_kdf0(key, A, "alpha");
    crypto_stream_chacha20_ietf(alpha, sizeof(alpha), nonce, key);
    known_hex(first, 16, known_get(known_get(all, "tags"), "alpha_first"));
    known_hex(last, 16, known_get(known_get(all, "tags"), "alpha_last"));
    is_mem(alpha, first, 16, "alpha[0]");
    is_mem(alpha + 4080, last, 16, "alpha[255]");
    u = tagger(alpha, LAYR_KERNEL_AUTO);
    layr_tag_sum(t, a, block);
    layr_tag_sum(u, b, block);
    is_mem(a, b, 16, "the tagger's alpha is that keystream");
    layr_tagger_free(u);
    layr_tagger_free(t);
    cJSON_Delete(all);
    free(block);
}

static void reverse_bits(uint8_t *p, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        uint8_t r = 0;
        for (unsigned b = 0; b < 8; b++)
            r |= (uint8_t)((p[i] >> b & 1) << (7 - b));
        p[i] = r;
    }
}

static void aes_block(uint8_t out[16], const uint8_t key[32], const uint8_t in[16])
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int n, good = ctx && EVP_EncryptInit_ex2(ctx, EVP_aes_256_ecb(), key, NULL, NULL) &&
                  EVP_CIPHER_CTX_set_padding(ctx, 0) && EVP_EncryptUpdate(ctx, out, &n, in, 16) && n == 16;

    EVP_CIPHER_CTX_free(ctx);
    known_need(good, "AES");
}

static void gmac(uint8_t out[16], const uint8_t key[32], const uint8_t iv[12], const uint8_t *p, size_t len)
{
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "GMAC", NULL);
    EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(mac);
    char cipher[] = "AES-256-GCM";
    uint8_t nonce[12];
    OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_CIPHER, cipher, 0),
                           OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_IV, nonce, 12),
                           OSSL_PARAM_construct_end()};
    size_t n;
    int good;

    memcpy(nonce, iv, 12);
    good = ctx && EVP_MAC_init(ctx, key, 32, params) && EVP_MAC_update(ctx, p, len) &&
           EVP_MAC_final(ctx, out, &n, 16) && n == 16;
    EVP_MAC_CTX_free(ctx);
    EVP_MAC_free(mac);
    known_need(good, "GMAC");
}

/* With alpha[j] = H^(257 - j), GMAC over the block = tag sum + len * H + E(J0), bits of every byte reversed.
 */
static void gmac_agrees(layr_kernel_t k)
{
    uint8_t key[32], j0[16] = {0}, zero[16] = {0}, len[16] = {0}, H[16], want[16], got[16], power[16];
    uint8_t alpha[4096], *block = known_pattern(4096, 60);
    layr_tagger_t *t;

    known_pattern_to(key, 32, 61);
    known_pattern_to(j0, 12, 62);
    gmac(want, key, j0, block, 4096);
    aes_block(H, key, zero);
    reverse_bits(H, 16);
    memcpy(power, H, 16);
    for (unsigned j = LAYR_SECTORS; j-- > 0;) { /* H^2 last, H^257 first */
        layr_gf128_mul(power, power, H);
        memcpy(alpha + 16 * j, power, 16);
    }
    t = tagger(alpha, k);
    reverse_bits(block, 4096);
    layr_tag_sum(t, got, block);
    len[6] = 4096 * 8 >> 8; /* big-endian bits of additional data in the first half */
    reverse_bits(len, 16);
    layr_gf128_mul(len, len, H);
    xor16(got, len);
    reverse_bits(got, 16);
    j0[15] = 1;
    aes_block(power, key, j0);
    xor16(got, power);
    ok(memcmp(got, want, 16) == 0, "%s: OpenSSL's GMAC agrees", layr_kernel_name(k));
    layr_tagger_free(t);
    free(block);
}

static void tampering(uint8_t *blocks)
{
    uint8_t tags[32 * 16], other[16];
    layr_tagger_t *t = tagger(NULL, LAYR_KERNEL_AUTO);
    int good = 1;

    known_need(layr_tag_blocks(t, tags, blocks, 0, 32, salt) == 0, "tags");
    is_int(layr_tag_check(t, tags, blocks, 0, 32, salt), 0, "good tags pass");
    for (unsigned i = 0; i < 500; i++) {
        size_t at = known_random() % (32 * 4096 * 8);
        blocks[at / 8] ^= (uint8_t)(1u << (at % 8));
        good &= layr_tag_check(t, tags, blocks, 0, 32, salt) == LAYR_ERR_AUTH;
        blocks[at / 8] ^= (uint8_t)(1u << (at % 8));
    }
    ok(good, "any flipped bit of a block is found");
    for (unsigned at = 0, all = 32 * 16 * 8; at < all; at++) {
        tags[at / 8] ^= (uint8_t)(1u << (at % 8));
        good &= layr_tag_check(t, tags, blocks, 0, 32, salt) == LAYR_ERR_AUTH;
        tags[at / 8] ^= (uint8_t)(1u << (at % 8));
    }
    ok(good, "any flipped bit of a tag is found");
    is_int(layr_tag_check(t, tags, blocks, 1, 32, salt), LAYR_ERR_AUTH, "block numbers count");
    is_int(layr_tag_check(t, tags, blocks + 4096, 0, 31, salt), LAYR_ERR_AUTH,
           "a block cannot stand in for another");
    memcpy(other, salt, 16);
    other[15] ^= 1;
    is_int(layr_tag_check(t, tags, blocks, 0, 32, other), LAYR_ERR_AUTH, "the salt counts");
    layr_tagger_free(t);
    A[0] ^= 1;
    t = tagger(NULL, LAYR_KERNEL_AUTO);
    is_int(layr_tag_check(t, tags, blocks, 0, 32, salt), LAYR_ERR_AUTH, "the audit secret counts");
    layr_tagger_free(t);
    A[0] ^= 1;
}

/* With PRF equal and one alpha altered, every block with that sector set changes its tag. */
static void altered_alpha(const uint8_t *blocks)
{
    uint8_t *alpha = known_pattern(4096, 54), tags[16];
    layr_tagger_t *t = tagger(alpha, LAYR_KERNEL_AUTO), *u;
    int good = 1;

    known_need(layr_tag_blocks(t, tags, blocks, 0, 1, salt) == 0, "tags");
    for (unsigned j = 0; j < LAYR_SECTORS; j++) {
        alpha[16 * j + j % 16] ^= 0x40;
        u = tagger(alpha, LAYR_KERNEL_AUTO);
        good &= layr_tag_check(u, tags, blocks, 0, 1, salt) == LAYR_ERR_AUTH;
        layr_tagger_free(u);
        alpha[16 * j + j % 16] ^= 0x40;
    }
    ok(good, "each of the 256 alphas counts");
    layr_tagger_free(t);
    free(alpha);
}

int main(void)
{
    uint8_t *blocks;
    layr_tagger_t *t = NULL;

    known_need(layr_init() == 0, "layr_init");
    blocks = sealed_blocks();
    ok(layr_kernel_usable(LAYR_KERNEL_AUTO) && layr_kernel_usable(LAYR_KERNEL_PORTABLE),
       "portable is everywhere");
    is_int(layr_tagger_new(&t, A, (layr_kernel_t)99), LAYR_ERR_ARG, "no such kernel");
    ok(t == NULL && strcmp(layr_kernel_name((layr_kernel_t)99), "unknown") == 0, "and nothing is set");
    layr_tagger_free(NULL);
    alpha_known();
    for (size_t i = 0; i < KERNELS; i++) {
        if (!layr_kernel_usable(kernels[i])) {
            skip(layr_kernel_name(kernels[i]));
            continue;
        }
        known_tags(kernels[i], blocks);
        against_slow(kernels[i]);
        gmac_agrees(kernels[i]);
    }
    against_each_other();
    prf_positions();
    tampering(blocks);
    altered_alpha(blocks);
    free(blocks);
    return done();
}
