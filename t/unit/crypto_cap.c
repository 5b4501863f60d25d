/* crypto/cap.c: known caps; what each gives and withholds; cut and altered at every byte. */
#include "crypto_vectors.h"
#include "layr/crypto.h"

static const uint8_t zero[32];

static void test_write(const char *cap, const layr_file_keys_t *all)
{
    layr_file_keys_t k;

    is_int(layr_cap_parse(&k, cap, strlen(cap)), 0, "a write cap is read");
    is_mem(&k, all, sizeof k, "and gives all keys");
}

static void test_read(const char *cap, const layr_file_keys_t *all)
{
    layr_file_keys_t k;
    char out[LAYR_CAP_MAX];

    memset(&k, 0xff, sizeof k);
    is_int(layr_cap_parse(&k, cap, strlen(cap)), 0, "a read cap is read");
    is_int(k.rights, LAYR_CAN_READ, "it reads");
    is_mem(k.R, all->R, 32, "R");
    is_mem(k.P, all->P, 32, "P follows");
    is_mem(k.record_id, all->record_id, 32, "record id");
    ok(!memcmp(k.W, zero, 32) && !memcmp(k.A, zero, 32) && !memcmp(k.record_seed, zero, 32) &&
           !memcmp(k.challenge_seed, zero, 32) && !memcmp(k.group, zero, 16),
       "nothing else");
    is_int(layr_cap_format(out, &k, 'w'), LAYR_ERR_CAP, "no write cap follows");
    is_int(layr_cap_format(out, &k, 'v'), LAYR_ERR_CAP, "no verify cap follows");
    ok(layr_cap_format(out, &k, 'r') == 0 && strcmp(out, cap) == 0, "it formats as itself");
}

static void test_verify(const char *cap, const layr_file_keys_t *all)
{
    layr_file_keys_t k;
    char out[LAYR_CAP_MAX];

    memset(&k, 0xff, sizeof k);
    is_int(layr_cap_parse(&k, cap, strlen(cap)), 0, "a verify cap is read");
    is_int(k.rights, LAYR_CAN_VERIFY, "it verifies");
    is_mem(k.P, all->P, 32, "P");
    is_mem(k.A, all->A, 32, "A");
    is_mem(k.challenge_seed, all->challenge_seed, 32, "challenge seed follows");
    is_mem(k.challenge_public, all->challenge_public, 32, "and its public key");
    is_mem(k.group, all->group, 16, "and the group");
    ok(!memcmp(k.W, zero, 32) && !memcmp(k.R, zero, 32) && !memcmp(k.record_seed, zero, 32), "nothing else");
    is_int(layr_cap_format(out, &k, 'w'), LAYR_ERR_CAP, "no write cap follows");
    is_int(layr_cap_format(out, &k, 'r'), LAYR_ERR_CAP, "no read cap follows");
    ok(layr_cap_format(out, &k, 'v') == 0 && strcmp(out, cap) == 0, "it formats as itself");
}

/*
 * Every other byte in every place: either refused, or, where another digit of
 * base64url stands, a cap that formats as exactly the altered text.
 */
static void test_altered(const char *cap)
{
    size_t len = strlen(cap);
    int wrong = 0, refused = 0;

    for (size_t i = 0; i < len; i++) {
        for (int c = 0; c < 256; c++) {
            char text[LAYR_CAP_MAX], again[LAYR_CAP_MAX];
            layr_file_keys_t k;

            if ((char)c == cap[i])
                continue;
            memcpy(text, cap, len + 1);
            text[i] = (char)c;
            memset(&k, 0xee, sizeof k);
            if (layr_cap_parse(&k, text, len) != 0) {
                refused++;
                for (size_t j = 0; j < sizeof k; j++)
                    wrong += ((uint8_t *)&k)[j] != 0xee;
                continue;
            }
            wrong += i < 7;
            /* A changed R or record id is another cap; text and cap still belong together. */
            wrong += layr_cap_format(again, &k, text[5]) != 0 || strcmp(again, text) != 0;
        }
    }
    ok(wrong == 0 && refused >= (int)len * 191, "%.6s...: altered at any byte it is refused or another cap",
       cap);
}

static void test_cut(const char *cap)
{
    size_t len = strlen(cap);
    layr_file_keys_t k;
    char text[LAYR_CAP_MAX + 1];
    int refused = 0;

    for (size_t i = 0; i < len; i++) {
        char *copy = malloc(i + 1); /* no byte more than is passed: ASan looks on */
        memcpy(copy, cap, i);
        refused += layr_cap_parse(&k, copy, i) == LAYR_ERR_CAP;
        free(copy);
    }
    is_int(refused, (long long)len, "cut at any byte it is refused");
    snprintf(text, sizeof text, "%sA", cap);
    is_int(layr_cap_parse(&k, text, len + 1), LAYR_ERR_CAP, "with a byte more too");
    is_int(layr_cap_parse(&k, cap, len + 1), LAYR_ERR_CAP, "with its NUL too");
    snprintf(text, sizeof text, " %s", cap);
    is_int(layr_cap_parse(&k, text, len + 1), LAYR_ERR_CAP, "with a space too");
}

int main(void)
{
    cJSON *json = vectors_own(), *keys = cJSON_GetObjectItem(json, "keys");
    const char *caps[3] = {vectors_text(keys, "write_cap"), vectors_text(keys, "read_cap"),
                           vectors_text(keys, "verify_cap")};
    layr_file_keys_t all;
    char out[LAYR_CAP_MAX];
    uint8_t W[32];

    if (layr_init() != 0)
        return 1;
    memset(&all, 0, sizeof all);
    vectors_fixed(W, 32, keys, "W");
    layr_file_keys_from_write(&all, W);
    for (int i = 0; i < 3; i++)
        ok(layr_cap_format(out, &all, "wrv"[i]) == 0 && strcmp(out, caps[i]) == 0, "known cap %c", "wrv"[i]);
    is_int(layr_cap_format(out, &all, 'x'), LAYR_ERR_ARG, "no other kind");
    test_write(caps[0], &all);
    test_read(caps[1], &all);
    test_verify(caps[2], &all);
    for (int i = 0; i < 3; i++) {
        test_altered(caps[i]);
        test_cut(caps[i]);
    }
    cJSON_Delete(json);
    return done();
}
