/* crypto/seal.c: known chunks, every bit altered, and Wycheproof's AES-256-GCM cases. */
#include "crypto/seal_internal.h"
#include "crypto_vectors.h"
#include "layr/crypto.h"

#define CHUNK 65520

static void test_known(const cJSON *seal, layr_sealer_t *s)
{
    uint8_t R[32], salt[16], key[32], want[32], got[32];
    uint8_t *plain = malloc(CHUNK), *sealed = malloc(CHUNK + LAYR_SEAL_OVERHEAD);

    vectors_fixed(R, 32, seal, "R");
    vectors_fixed(salt, 16, seal, "salt");
    layr_shard_key(key, R, salt);
    vectors_fixed(want, 32, seal, "key");
    is_mem(key, want, 32, "shard key");
    is_int(layr_sealer_key(s, key), 0, "key set");

    vectors_pattern(plain, CHUNK, 2);
    is_int(layr_seal_chunk(s, sealed, plain, CHUNK, 0, 0), 0, "chunk 0 sealed");
    vectors_fixed(want, 32, seal, "chunk0_first32");
    is_mem(sealed, want, 32, "its first bytes");
    vectors_fixed(want, 32, seal, "chunk0_sha256");
    ok(layr_sha256_1(got, sealed, CHUNK + 16) == 0 && memcmp(got, want, 32) == 0, "and its hash");
    is_int(layr_open_chunk(s, sealed, sealed, CHUNK + 16, 0, 0), 0, "opened in place, same sealer");
    is_mem(sealed, plain, CHUNK, "and the same again");

    vectors_pattern(plain, CHUNK, 3);
    memcpy(sealed, plain, CHUNK);
    is_int(layr_seal_chunk(s, sealed, sealed, CHUNK, 1, 1), 0,
           "the last chunk sealed in place, after an opening");
    vectors_fixed(want, 32, seal, "chunk1_sha256");
    ok(layr_sha256_1(got, sealed, CHUNK + 16) == 0 && memcmp(got, want, 32) == 0, "and its hash");
    free(plain);
    free(sealed);
}

static void test_salt(const cJSON *known)
{
    uint8_t random[32], hash[32], want[16], got[16];
    int index = (int)cJSON_GetNumberValue(cJSON_GetObjectItem(known, "shard_index"));

    vectors_fixed(random, 32, known, "random");
    vectors_fixed(hash, 32, known, "segment_hash");
    vectors_fixed(want, 16, known, "out");
    ok(layr_salt(got, random, hash, (uint8_t)index) == 0 && memcmp(got, want, 16) == 0, "known salt");
    ok(layr_salt(got, random, hash, (uint8_t)(index + 1)) == 0 && memcmp(got, want, 16) != 0,
       "another index, another salt");
}

static void test_labels(const cJSON *kdf)
{
    const cJSON *one = cJSON_GetArrayItem(kdf, 1);
    uint8_t key[32], sha[32], want[32], got[32], other[32], salt[16] = {3};

    vectors_fixed(key, 32, one, "key");
    vectors_fixed(sha, 32, cJSON_GetArrayItem(cJSON_GetObjectItem(one, "data"), 0), NULL);
    vectors_fixed(want, 32, one, "out");
    layr_segment_hash(got, key, sha);
    is_mem(got, want, 32, "known keyed hash of a segment");
    layr_page_key(got, key, salt);
    layr_kdf1(want, key, "page", salt, 16);
    layr_shard_key(other, key, salt);
    ok(memcmp(got, want, 32) == 0 && memcmp(got, other, 32) != 0, "pages have keys of their own");
}

/* Refused, and the output zeroed: nothing unverified is left to be used by mistake. */
static int refused(layr_sealer_t *s, const uint8_t *in, size_t len, uint64_t chunk, int last)
{
    uint8_t out[256];

    memset(out, 0xaa, sizeof out);
    if (layr_open_chunk(s, out, in, len, chunk, last) != LAYR_ERR_AUTH)
        return 0;
    for (size_t i = 0; i < len - LAYR_SEAL_OVERHEAD; i++)
        if (out[i] != 0)
            return 0;
    return 1;
}

static void test_altered(layr_sealer_t *s)
{
    uint8_t plain[100], sealed[116], out[116], key[32] = {5};
    int n = 0;

    vectors_pattern(plain, sizeof plain, 5);
    if (!ok(layr_sealer_key(s, key) == 0 && layr_seal_chunk(s, sealed, plain, 100, 7, 0) == 0,
            "a small chunk"))
        return;
    for (size_t bit = 0; bit < 8 * sizeof sealed; bit++) {
        sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
        n += refused(s, sealed, sizeof sealed, 7, 0);
        sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    is_int(n, 8 * 116, "with any bit altered it is refused and the output zeroed");
    n = 0;
    for (size_t len = LAYR_SEAL_OVERHEAD; len < sizeof sealed; len++)
        n += refused(s, sealed, len, 7, 0);
    is_int(n, 100, "cut at any byte too");
    n = 0;
    for (size_t len = 0; len < LAYR_SEAL_OVERHEAD; len++)
        n += layr_open_chunk(s, out, sealed, len, 7, 0) == LAYR_ERR_FORMAT;
    is_int(n, 16, "shorter than a tag is no chunk");
    ok(refused(s, sealed, 116, 7, 1) && refused(s, sealed, 116, 6, 0) &&
           refused(s, sealed, 116, 7 + (1ull << 32), 0),
       "nor is it any other chunk, or the last");
    ok(layr_open_chunk(s, out, sealed, 116, 7, 0) == 0 && memcmp(out, plain, 100) == 0, "untouched it opens");
    key[0]++;
    ok(layr_sealer_key(s, key) == 0 && refused(s, sealed, 116, 7, 0), "under another key it does not");
    memcpy(out, sealed, sizeof out);
    ok(layr_open_chunk(s, out, out, 116, 7, 0) == LAYR_ERR_AUTH && out[0] == 0 && !memcmp(out, out + 1, 99),
       "a failure in place leaves zeros");
}

static void test_edges(layr_sealer_t *s)
{
    uint8_t key[32] = {6}, sealed[16], out[1] = {0x77}, one[1] = {0};
    layr_sealer_t *fresh = NULL;

    ok(layr_sealer_key(s, key) == 0 && layr_seal_chunk(s, sealed, NULL, 0, UINT64_MAX, 1) == 0 &&
           layr_open_chunk(s, out, sealed, 16, UINT64_MAX, 1) == 0 && out[0] == 0x77,
       "an empty chunk with the largest number");
    sealed[3] ^= 1;
    is_int(layr_open_chunk(s, out, sealed, 16, UINT64_MAX, 1), LAYR_ERR_AUTH, "is authenticated");
    is_int(layr_seal_chunk(s, sealed, one, LAYR_GCM_MAX + 1, 0, 0), LAYR_ERR_LIMIT,
           "more than the limit is refused");
    ok(layr_sealer_new(&fresh) == 0 && layr_seal_chunk(fresh, sealed, NULL, 0, 0, 0) == LAYR_ERR_ARG,
       "without a key nothing is sealed");
    layr_sealer_free(fresh);
    layr_sealer_free(NULL);
}

typedef struct gcm_case {
    uint8_t *iv, *aad, *msg, *ct, *tag;
    size_t iv_len, aad_len, msg_len, ct_len, tag_len;
} gcm_case_t;

static void run_valid(layr_sealer_t *s, const gcm_case_t *c, int id)
{
    uint8_t *out = malloc(c->msg_len + 1), tag[16] = {0};

    ok(layr_gcm_seal(s, out, tag, c->iv, c->aad, c->aad_len, c->msg, c->msg_len) == 0 &&
           c->ct_len == c->msg_len && memcmp(out, c->ct, c->ct_len) == 0 && memcmp(tag, c->tag, 16) == 0,
       "case %d: seals as known", id);
    ok(layr_gcm_open(s, out, c->tag, c->iv, c->aad, c->aad_len, c->ct, c->ct_len) == 0 &&
           memcmp(out, c->msg, c->msg_len) == 0,
       "case %d: opens", id);
    free(out);
}

static void run_invalid(layr_sealer_t *s, const gcm_case_t *c, int id)
{
    uint8_t *out = malloc(c->ct_len + 1);
    size_t zeros = 0;
    int rc;

    memset(out, 0xaa, c->ct_len);
    rc = layr_gcm_open(s, out, c->tag, c->iv, c->aad, c->aad_len, c->ct, c->ct_len);
    for (size_t i = 0; i < c->ct_len; i++)
        zeros += out[i] == 0;
    ok(rc == LAYR_ERR_AUTH && zeros == c->ct_len, "case %d: refused, output zeroed", id);
    free(out);
}

static void run_case(layr_sealer_t *s, const cJSON *one)
{
    gcm_case_t c;
    uint8_t key[32];
    int id = (int)cJSON_GetNumberValue(cJSON_GetObjectItem(one, "tcId"));

    c.iv = vectors_hex(one, "iv", &c.iv_len);
    c.aad = vectors_hex(one, "aad", &c.aad_len);
    c.msg = vectors_hex(one, "msg", &c.msg_len);
    c.ct = vectors_hex(one, "ct", &c.ct_len);
    c.tag = vectors_hex(one, "tag", &c.tag_len);
    vectors_fixed(key, 32, one, "key");
    if (ok(c.iv_len == 12 && c.tag_len == 16 && layr_sealer_key(s, key) == 0, "case %d: sizes", id)) {
        if (strcmp(vectors_text(one, "result"), "valid") == 0)
            run_valid(s, &c, id);
        else
            run_invalid(s, &c, id);
    }
    free(c.iv);
    free(c.aad);
    free(c.msg);
    free(c.ct);
    free(c.tag);
}

static int size_is(const cJSON *group, const char *name, int want)
{
    return (int)cJSON_GetNumberValue(cJSON_GetObjectItem(group, name)) == want;
}

static void test_wycheproof(layr_sealer_t *s)
{
    cJSON *json = vectors_load(SHARED_VECTORS "wycheproof-aes-gcm.json");
    const cJSON *group, *one;
    int count = 0;

    if (json == NULL) {
        skip("no Wycheproof AES-GCM vectors");
        return;
    }
    cJSON_ArrayForEach(group, cJSON_GetObjectItem(json, "testGroups"))
    {
        if (!size_is(group, "keySize", 256) || !size_is(group, "ivSize", 96) ||
            !size_is(group, "tagSize", 128))
            continue;
        cJSON_ArrayForEach(one, cJSON_GetObjectItem(group, "tests"))
        {
            run_case(s, one);
            count++;
        }
    }
    ok(count > 0, "%d cases of our sizes", count);
    cJSON_Delete(json);
}

int main(void)
{
    cJSON *json = vectors_own();
    layr_sealer_t *s = NULL;

    if (layr_init() != 0 || layr_sealer_new(&s) != 0)
        return 1;
    test_known(cJSON_GetObjectItem(json, "seal"), s);
    test_salt(cJSON_GetObjectItem(json, "salt"));
    test_labels(cJSON_GetObjectItem(json, "kdf"));
    test_altered(s);
    test_edges(s);
    test_wycheproof(s);
    layr_sealer_free(s);
    cJSON_Delete(json);
    return done();
}
