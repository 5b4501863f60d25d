/* crypto/hash.c and libs.c: FIPS 180 examples, spans against one run, and calls before layr_init. */
#include "crypto/libs.h"
#include "crypto/sha256_lanes.h"
#include "crypto_vectors.h"
#include "layr/crypto.h"

static void test_before_init(void)
{
    uint8_t out[32];
    layr_hash_t *h = NULL;
    layr_sealer_t *s = NULL;

    is_int(layr_sha256_1(out, "abc", 3), LAYR_ERR_CRYPTO, "before layr_init nothing is hashed");
    is_int(layr_hash_new(&h), LAYR_ERR_CRYPTO, "no running hash either");
    is_int(layr_sealer_new(&s), LAYR_ERR_CRYPTO, "and no sealer");
    ok(h == NULL && s == NULL, "outputs are left alone");
    is_int(layr_init(), 0, "layr_init");
    is_int(layr_init(), 0, "layr_init again is harmless");
}

static void test_fips(void)
{
    static const char *const known[][2] = {
        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"}};

    for (size_t i = 0; i < 3; i++) {
        uint8_t out[32];
        char hex[65] = "";

        if (layr_sha256_1(out, known[i][0], strlen(known[i][0])) == 0)
            layr_hex(hex, out, 32);
        ok(strcmp(hex, known[i][1]) == 0, "FIPS 180: '%s'", known[i][0]);
    }
}

/* A text cut at every place, as two spans and as two updates; the hash is used again and again. */
static void test_cuts(void)
{
    uint8_t text[200], want[32], got[32];
    layr_hash_t *h = NULL;
    int good = 0;

    vectors_pattern(text, sizeof text, 1);
    if (!ok(layr_sha256_1(want, text, sizeof text) == 0 && layr_hash_new(&h) == 0, "a running hash"))
        return;
    for (size_t i = 0; i <= sizeof text; i++) {
        layr_span_t two[3] = {{text, i}, {NULL, 0}, {text + i, sizeof text - i}};

        good += layr_sha256(got, two, 3) == 0 && memcmp(got, want, 32) == 0;
        good += layr_hash_update(h, text, i) == 0 && layr_hash_update(h, NULL, 0) == 0 &&
                layr_hash_update(h, text + i, sizeof text - i) == 0 && layr_hash_final(h, got) == 0 &&
                memcmp(got, want, 32) == 0;
    }
    is_int(good, 2 * 201, "the same hash wherever the text is cut");
    layr_hash_free(h);
    layr_hash_free(NULL);
}

/* FIPS 180's long example, 1,000,000 times `a`, by a running hash. */
static void test_million(void)
{
    char a[1000], hex[65] = "";
    uint8_t out[32];
    layr_hash_t *h = NULL;
    int rc = layr_hash_new(&h);

    memset(a, 'a', sizeof a);
    for (int i = 0; i < 1000 && rc == 0; i++)
        rc = layr_hash_update(h, a, sizeof a);
    if (rc == 0 && layr_hash_final(h, out) == 0)
        layr_hex(hex, out, 32);
    ok(strcmp(hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0") == 0,
       "a million times a");
    layr_hash_free(h);
}

/* Several at a time, begun at different places of their blocks, against libcrypto one by one. */
static void test_many(void)
{
    enum { COUNT = 7, LEN = 1000 };
    static uint8_t text[COUNT][2 * LEN];
    layr_hash_t *h[COUNT];
    uint8_t want[32], got[32];
    int good = 0, tried = 0;

    for (int i = 0; i < COUNT; i++) {
        vectors_pattern(text[i], sizeof text[i], (uint8_t)(i + 1));
        if (!ok(layr_hash_new(&h[i]) == 0, "running hash %d", i))
            return;
    }
    for (size_t count = 0; count <= COUNT; count++) {
        for (size_t len = 0; len <= LEN; len = len < 300 ? len + 1 : len + 97) {
            const void *p[COUNT];
            int rc = 0;

            for (size_t i = 0; i < count; i++) {
                size_t before = (i * 37 + len) % 130 * (i % 2);

                rc |= layr_hash_update(h[i], text[i], before);
                p[i] = text[i] + before;
            }
            rc |= layr_hash_update_many(h, p, count, len);
            for (size_t i = 0; i < count; i++, tried++)
                good += rc == 0 && layr_hash_final(h[i], got) == 0 &&
                        layr_sha256_1(want, text[i], (size_t)((const uint8_t *)p[i] - text[i]) + len) == 0 &&
                        memcmp(got, want, 32) == 0;
        }
    }
    ok(tried > 0 && good == tried, "%d hashes made side by side", tried);
    for (int i = 0; i < COUNT; i++)
        layr_hash_free(h[i]);
}

static void test_ids(void)
{
    cJSON *json = vectors_own(), *keys = cJSON_GetObjectItem(json, "keys"), *places;
    uint8_t in[32], want[32], got[32];

    vectors_fixed(in, 32, keys, "record_id");
    places = cJSON_GetObjectItem(keys, "record_places");
    is_int(cJSON_GetArraySize(places), LAYR_RECORD_PLACES, "three places of a record are known");
    for (int i = 0; i < LAYR_RECORD_PLACES; i++) {
        vectors_fixed(want, 32, cJSON_GetArrayItem(places, i), NULL);
        ok(layr_record_place(got, in, (unsigned)i) == 0 && memcmp(got, want, 32) == 0, "place %d", i);
    }
    is_int(layr_record_place(got, in, LAYR_RECORD_PLACES), LAYR_ERR_ARG, "there is no fourth");
    vectors_fixed(in, 32, keys, "owner_public");
    vectors_fixed(want, 32, keys, "host_id_of_owner_public_as_host");
    ok(layr_host_id(got, in) == 0 && memcmp(got, want, 32) == 0, "host id");
    cJSON_Delete(json);
}

int main(void)
{
    test_before_init();
    test_fips();
    test_cuts();
    test_million();
    test_many();
    layr_libs_set_lanes(!layr_libs_lanes() && layr_sha256_lanes_usable());
    printf("# now %s\n", layr_libs_lanes() ? "by lanes" : "libcrypto's");
    test_cuts();
    test_million();
    test_many();
    test_ids();
    return done();
}
