/* crypto/sign.c: RFC 8032's examples, and all of Wycheproof's Ed25519 cases. */
#include "crypto_vectors.h"
#include "layr/crypto.h"

/* RFC 8032, 7.1: tests 1 to 3. */
static void test_rfc8032(void)
{
    static const char *const known[][4] = {
        {"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
         "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
         "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25"
         "bf5f0595bbe246"
         "55141438e7a100b"},
        {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
         "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
         "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387"
         "b2eaeb4302aeeb"
         "00d291612bb0c00"},
        {"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
         "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
         "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7"
         "c15e9716ed28dc"
         "027beceea1ec40a"}};

    for (size_t i = 0; i < 3; i++) {
        uint8_t seed[32], pub[32], sig[64], msg[2], got[64];
        size_t len = strlen(known[i][2]) / 2;

        if (!ok(layr_unhex(seed, 32, known[i][0], 64) == 0 && layr_unhex(pub, 32, known[i][1], 64) == 0 &&
                    layr_unhex(msg, len, known[i][2], 2 * len) == 0 &&
                    layr_unhex(sig, 64, known[i][3], 128) == 0,
                "RFC 8032 test %zu is hex", i + 1))
            continue;
        layr_sign_public(got, seed);
        is_mem(got, pub, 32, "RFC 8032: public key");
        layr_sign(got, len != 0 ? msg : NULL, len, seed);
        is_mem(got, sig, 64, "RFC 8032: signature");
        is_int(layr_verify(sig, len != 0 ? msg : NULL, len, pub), 0, "RFC 8032: verifies");
    }
}

static void test_altered(void)
{
    uint8_t seed[32] = {7}, pub[32], sig[64], msg[40];
    int refused = 0;

    vectors_pattern(msg, sizeof msg, 9);
    layr_sign_public(pub, seed);
    layr_sign(sig, msg, sizeof msg, seed);
    is_int(layr_verify(sig, msg, sizeof msg, pub), 0, "our own verifies");
    for (size_t bit = 0; bit < 8 * (sizeof msg + 64 + 32); bit++) {
        size_t at = bit / 8;
        uint8_t *p = at < sizeof msg        ? msg + at
                     : at < sizeof msg + 64 ? sig + (at - sizeof msg)
                                            : pub + (at - sizeof msg - 64);

        *p ^= (uint8_t)(1 << bit % 8);
        refused += layr_verify(sig, msg, sizeof msg, pub) == LAYR_ERR_AUTH;
        *p ^= (uint8_t)(1 << bit % 8);
    }
    is_int(refused, 8 * (40 + 64 + 32), "with any bit of text, signature or key altered it does not");
    is_int(layr_verify(sig, msg, sizeof msg - 1, pub), LAYR_ERR_AUTH, "nor with a byte less");
}

/* The identity point as key, and R the same: "valid" for every text where low-order keys are let in. */
static void test_low_order(void)
{
    uint8_t pub[32] = {1}, sig[64] = {1};

    is_int(layr_verify(sig, "any", 3, pub), LAYR_ERR_AUTH, "a low-order key signs nothing");
}

static void run_case(const cJSON *one, const uint8_t pub[32], int *count)
{
    size_t msg_len, sig_len;
    uint8_t *msg = vectors_hex(one, "msg", &msg_len), *sig = vectors_hex(one, "sig", &sig_len);
    int valid = strcmp(vectors_text(one, "result"), "valid") == 0;
    int id = (int)cJSON_GetNumberValue(cJSON_GetObjectItem(one, "tcId"));

    ++*count;
    /* Our interface takes 64 bytes: what has another length never comes so far. */
    if (sig_len != LAYR_SIG_BYTES)
        ok(!valid, "case %d: %zu bytes are no signature", id, sig_len);
    else
        ok(layr_verify(sig, msg, msg_len, pub) == (valid ? 0 : LAYR_ERR_AUTH), "case %d: %s", id,
           valid ? "valid" : "invalid");
    free(msg);
    free(sig);
}

static void test_wycheproof(void)
{
    cJSON *json = vectors_load(SHARED_VECTORS "wycheproof-ed25519.json");
    const cJSON *group, *one;
    int count = 0;

    if (json == NULL) {
        skip("no Wycheproof Ed25519 vectors");
        return;
    }
    cJSON_ArrayForEach(group, cJSON_GetObjectItem(json, "testGroups"))
    {
        uint8_t pub[32];

        vectors_fixed(pub, 32, cJSON_GetObjectItem(group, "publicKey"), "pk");
        cJSON_ArrayForEach(one, cJSON_GetObjectItem(group, "tests")) run_case(one, pub, &count);
    }
    is_int(count, (long long)cJSON_GetNumberValue(cJSON_GetObjectItem(json, "numberOfTests")),
           "all cases were run");
    cJSON_Delete(json);
}

int main(void)
{
    if (layr_init() != 0)
        return 1;
    test_rfc8032();
    test_altered();
    test_low_order();
    test_wycheproof();
    return done();
}
