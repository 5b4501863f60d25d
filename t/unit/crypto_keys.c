/* crypto/keys.c: the KDF and everything that follows from W and the master secret, against known answers. */
#include "crypto_vectors.h"
#include "layr/crypto.h"

static void test_kdf(const cJSON *all)
{
    const cJSON *one;

    cJSON_ArrayForEach(one, all)
    {
        const cJSON *data = cJSON_GetObjectItem(one, "data"), *datum;
        uint8_t key[32], want[32], got[32], *raw[8];
        layr_span_t spans[8];
        size_t n = 0;

        vectors_fixed(key, 32, one, "key");
        vectors_fixed(want, 32, one, "out");
        cJSON_ArrayForEach(datum, data)
        {
            raw[n] = vectors_hex(datum, NULL, &spans[n].len);
            spans[n].p = raw[n];
            n++;
        }
        layr_kdf(got, key, vectors_text(one, "label"), spans, n);
        is_mem(got, want, 32, "KDF known answer");
        for (size_t i = 0; i < n; i++)
            free(raw[i]);
    }
}

/* Where one datum ends and the next begins is part of the input; so is the label's end. */
static void test_kdf_framing(void)
{
    uint8_t key[32] = {1}, out[5][32];
    layr_span_t ab_c[2] = {{"ab", 2}, {"c", 1}}, a_bc[2] = {{"a", 1}, {"bc", 2}}, abc[1] = {{"abc", 3}};
    int same = 0;

    layr_kdf(out[0], key, "x", ab_c, 2);
    layr_kdf(out[1], key, "x", a_bc, 2);
    layr_kdf(out[2], key, "x", abc, 1);
    layr_kdf(out[3], key, "xa", &(layr_span_t){"bc", 2}, 1);
    layr_kdf0(out[4], key, "x");
    for (int i = 0; i < 5; i++)
        for (int j = 0; j < i; j++)
            same += memcmp(out[i], out[j], 32) == 0;
    is_int(same, 0, "different framings give different keys");
    layr_kdf1(out[0], key, "x", "abc", 3);
    is_mem(out[0], out[2], 32, "kdf1 is one datum");
    layr_kdf1(key, key, "x", "abc", 3);
    is_mem(key, out[2], 32, "the key's place may take the output");
}

static void is_field(const uint8_t *got, size_t len, const cJSON *keys, const char *name)
{
    uint8_t want[32];

    vectors_fixed(want, len, keys, name);
    is_mem(got, want, len, name);
}

static void test_file_keys(const cJSON *keys)
{
    layr_file_keys_t k, zero;
    uint8_t W[32], want[32];

    vectors_fixed(W, 32, keys, "W");
    memset(&k, 0xff, sizeof k);
    layr_file_keys_from_write(&k, W);
    is_field(k.W, 32, keys, "W");
    is_field(k.R, 32, keys, "R");
    is_field(k.P, 32, keys, "P");
    is_field(k.A, 32, keys, "A");
    is_field(k.record_seed, 32, keys, "record_seed");
    is_field(k.record_id, 32, keys, "record_id");
    is_field(k.challenge_public, 32, keys, "challenge_public");
    is_field(k.group, 16, keys, "group");
    layr_sign_public(want, k.challenge_seed);
    is_mem(want, k.challenge_public, 32, "the challenge seed belongs to its public key");
    is_int(k.rights, LAYR_CAN_READ | LAYR_CAN_VERIFY | LAYR_CAN_WRITE, "W gives all rights");
    layr_file_keys_wipe(&k);
    memset(&zero, 0, sizeof zero);
    is_mem(&k, &zero, sizeof k, "wipe leaves zeros");
    layr_file_keys_wipe(NULL);
}

static void test_owner(const cJSON *keys)
{
    uint8_t master[32], seed[32], out[32];

    vectors_fixed(master, 32, keys, "master");
    layr_owner_seed(seed, master);
    layr_sign_public(out, seed);
    is_field(out, 32, keys, "owner_public");
    layr_kdf0(out, master, "catalogue");
    is_field(out, 32, keys, "catalogue_W");
}

static void test_random(void)
{
    uint8_t a[32] = {0}, b[32] = {0}, zero[32] = {0};

    layr_random(a, sizeof a);
    layr_random(b, sizeof b);
    ok(memcmp(a, b, 32) != 0 && memcmp(a, zero, 32) != 0, "random bytes differ");
    layr_wipe(a, sizeof a);
    is_mem(a, zero, 32, "wipe");
}

int main(void)
{
    cJSON *json = vectors_own(), *keys = cJSON_GetObjectItem(json, "keys");

    if (layr_init() != 0)
        return 1;
    test_kdf(cJSON_GetObjectItem(json, "kdf"));
    test_kdf_framing();
    test_file_keys(keys);
    test_owner(keys);
    test_random();
    cJSON_Delete(json);
    return done();
}
