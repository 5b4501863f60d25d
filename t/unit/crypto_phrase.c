/* crypto/phrase.c: BIP-39's vectors, and the ways people get a phrase wrong. */
#include <ctype.h>

#include "crypto_vectors.h"
#include "layr/crypto.h"

static void run_vector(const cJSON *one)
{
    size_t len;
    uint8_t *entropy = vectors_hex(cJSON_GetArrayItem(one, 0), NULL, &len), back[32];
    const char *words = vectors_text(cJSON_GetArrayItem(one, 1), NULL);
    char out[LAYR_PHRASE_MAX];

    ok(layr_bip39_encode(out, sizeof out, entropy, len) == 0 && strcmp(out, words) == 0, "BIP-39: %.24s...",
       words);
    if (len == 32) {
        layr_phrase_from_key(out, entropy);
        ok(strcmp(out, words) == 0, "as a recovery phrase");
        ok(layr_phrase_to_key(back, words, strlen(words), NULL) == 0 && memcmp(back, entropy, 32) == 0,
           "and back");
    } else {
        is_int(layr_phrase_to_key(back, words, strlen(words), NULL), LAYR_ERR_FORMAT,
               "fewer than 24 words are refused");
    }
    free(entropy);
}

static void test_vectors(void)
{
    cJSON *json = vectors_load(SHARED_VECTORS "bip39.json");
    const cJSON *all = cJSON_GetObjectItem(json, "english"), *one;

    if (json == NULL) {
        skip("no BIP-39 vectors");
        return;
    }
    is_int(cJSON_GetArraySize(all), 24, "24 vectors");
    cJSON_ArrayForEach(one, all) run_vector(one);
    cJSON_Delete(json);
}

/* BIP-39's own first example, so that there is a known answer without the shared vectors. */
static void test_known(void)
{
    uint8_t zero[32] = {0};
    char out[LAYR_PHRASE_MAX], want[LAYR_PHRASE_MAX] = "";

    for (int i = 0; i < 23; i++)
        strcat(want, "abandon ");
    strcat(want, "art");
    layr_phrase_from_key(out, zero);
    ok(strcmp(out, want) == 0, "the phrase of zeros");
    ok(layr_bip39_encode(out, strlen(want) + 1, zero, 32) == 0, "fits exactly");
    is_int(layr_bip39_encode(out, strlen(want), zero, 32), LAYR_ERR_LIMIT,
           "without room for its NUL it is refused");
    is_int(layr_bip39_encode(out, sizeof out, zero, 12), LAYR_ERR_ARG, "12 bytes are too few");
    is_int(layr_bip39_encode(out, sizeof out, zero, 36), LAYR_ERR_ARG, "36 are too many");
    is_int(layr_bip39_encode(out, sizeof out, zero, 18), LAYR_ERR_ARG, "18 are no multiple of 4");
}

static void test_all_words(void)
{
    uint8_t key[32], back[32];
    char out[LAYR_PHRASE_MAX];
    int good = 0;

    for (int i = 0; i < 200; i++) {
        vectors_pattern(key, sizeof key, (uint8_t)i);
        layr_phrase_from_key(out, key);
        good += layr_phrase_to_key(back, out, strlen(out), NULL) == 0 && memcmp(key, back, 32) == 0;
    }
    is_int(good, 200, "phrases come back");
}

static void test_forgiven(const char *phrase, const uint8_t key[32])
{
    char text[2 * LAYR_PHRASE_MAX] = " \t\r\n", *p = text + 4;
    uint8_t back[32] = {0};

    for (const char *q = phrase; *q; q++) {
        *p++ = (char)toupper((unsigned char)*q);
        if (*q == ' ')
            *p++ = '\n';
    }
    strcpy(p, "  \n");
    ok(layr_phrase_to_key(back, text, strlen(text), NULL) == 0 && memcmp(back, key, 32) == 0,
       "white space and case are forgiven");
}

static int try(const char *text, unsigned *bad)
{
    uint8_t out[32], before[32];
    int rc;

    memset(out, 0x5a, 32);
    memcpy(before, out, 32);
    rc = layr_phrase_to_key(out, text, strlen(text), bad);
    ok(rc != 0 && memcmp(out, before, 32) == 0, "refused, the key left alone");
    return rc;
}

static void test_wrong(const char *phrase)
{
    char text[2 * LAYR_PHRASE_MAX];
    unsigned bad = 0;
    const char *last = strrchr(phrase, ' ');
    uint8_t out[32];

    snprintf(text, sizeof text, "%.*s", (int)(last - phrase), phrase);
    is_int(try(text, &bad), LAYR_ERR_FORMAT, "23 words");
    snprintf(text, sizeof text, "%s abandon", phrase);
    is_int(try(text, &bad), LAYR_ERR_FORMAT, "25 words");
    is_int(try("", &bad), LAYR_ERR_FORMAT, "no words");
    ok(bad == 0, "and no word is blamed");
    snprintf(text, sizeof text, "%.*s abandone", (int)(last - phrase), phrase);
    is_int(try(text, &bad), LAYR_ERR_NOTFOUND, "a word that is longer than one in the list");
    is_int(bad, 24, "is named by its place");
    snprintf(text, sizeof text, "aband%s", strchr(phrase, ' '));
    is_int(try(text, &bad), LAYR_ERR_NOTFOUND, "a word cut short");
    is_int(bad, 1, "is named by its place");
    snprintf(text, sizeof text, "abstractly%s", strchr(phrase, ' '));
    is_int(try(text, NULL), LAYR_ERR_NOTFOUND, "a list word with a tail past eight letters");
    snprintf(text, sizeof text, "z\xc3\xb6o%s", strchr(phrase, ' '));
    is_int(try(text, &bad), LAYR_ERR_NOTFOUND, "letters that are not English");
    memcpy(text, "zoo", 4);
    snprintf(text + 4, sizeof text - 4, "%s", strchr(phrase, ' '));
    is_int(layr_phrase_to_key(out, text, 4 + strlen(text + 4), &bad), LAYR_ERR_NOTFOUND, "a NUL inside");
}

/* The 24th word carries 3 bits of entropy and 8 of checksum: exactly 8 words fit any 23. */
static void test_checksum(const char *phrase)
{
    char text[2 * LAYR_PHRASE_MAX], word[LAYR_PHRASE_MAX];
    const char *last = strrchr(phrase, ' ');
    int good = 0, auth = 0;
    uint8_t entropy[32] = {0}, out[32];

    for (int i = 0; i < 2048; i++) {
        entropy[0] = (uint8_t)(i >> 3); /* the first word's index is i */
        entropy[1] = (uint8_t)(i << 5);
        layr_phrase_from_key(word, entropy);
        *strchr(word, ' ') = 0;
        snprintf(text, sizeof text, "%.*s %s", (int)(last - phrase), phrase, word);
        int rc = layr_phrase_to_key(out, text, strlen(text), NULL);
        good += rc == 0;
        auth += rc == LAYR_ERR_AUTH;
    }
    is_int(good, 8, "of all 2,048 words 8 fit at the end");
    is_int(auth, 2040, "the others fail by their checksum");
}

int main(void)
{
    uint8_t key[32];
    char phrase[LAYR_PHRASE_MAX];

    if (layr_init() != 0)
        return 1;
    test_vectors();
    test_known();
    test_all_words();
    vectors_pattern(key, sizeof key, 77);
    layr_phrase_from_key(phrase, key);
    test_forgiven(phrase, key);
    test_wrong(phrase);
    test_checksum(phrase);
    return done();
}
