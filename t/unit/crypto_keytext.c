/* crypto/keytext.c: the text of key files, written here by hand from its description, and spoiled in every
 * way. */
#include <sodium.h>

#include "crypto/keytext.h"
#include "crypto_vectors.h"

#define WRAPPED "layr-key-v1 argon2id\n"

/* A wrapped file of the smallest cost, made by libsodium alone. */
static size_t wrapped_by_hand(char *out, size_t cap, const uint8_t master[32], const char *passphrase)
{
    uint8_t salt[16] = {1}, nonce[24] = {2}, key[32], sealed[48];
    char salt_hex[33], nonce_hex[49], sealed_hex[97];

    if (crypto_pwhash(key, 32, passphrase, strlen(passphrase), salt, 1, 8192, crypto_pwhash_ALG_ARGON2ID13) !=
        0)
        return 0;
    crypto_aead_xchacha20poly1305_ietf_encrypt(sealed, NULL, master, 32, NULL, 0, NULL, nonce, key);
    sodium_bin2hex(salt_hex, sizeof salt_hex, salt, sizeof salt);
    sodium_bin2hex(nonce_hex, sizeof nonce_hex, nonce, sizeof nonce);
    sodium_bin2hex(sealed_hex, sizeof sealed_hex, sealed, sizeof sealed);
    return (size_t)snprintf(out, cap, WRAPPED "1\n8192\n%s\n%s\n%s\n", salt_hex, nonce_hex, sealed_hex);
}

static int parses(const char *text, size_t len)
{
    char *copy = malloc(len + 1); /* no byte more than is passed: ASan looks on */
    layr_keytext_t t;
    int rc;

    memcpy(copy, text, len);
    rc = layr_keytext_parse(&t, copy, len);
    free(copy);
    return rc;
}

static void test_cut(const char *text, size_t len)
{
    char more[LAYR_KEYTEXT_MAX + 2];
    int refused = 0;

    is_int(parses(text, len), 0, "a whole text");
    for (size_t i = 0; i < len; i++)
        refused += parses(text, i) == LAYR_ERR_FORMAT;
    is_int(refused, (long long)len, "cut at any byte it is refused");
    snprintf(more, sizeof more, "%s\n", text);
    is_int(parses(more, len + 1), LAYR_ERR_FORMAT, "with a line more too");
    is_int(parses(text, len + 1), LAYR_ERR_FORMAT, "with its NUL too");
}

static void test_plain(void)
{
    uint8_t master[32];
    char text[LAYR_KEYTEXT_MAX], again[LAYR_KEYTEXT_MAX], hex[65];
    layr_keytext_t t = {0};
    size_t len;

    vectors_pattern(master, 32, 40);
    sodium_bin2hex(hex, sizeof hex, master, 32);
    len = (size_t)snprintf(text, sizeof text, "layr-key-v1\n%s\n", hex);
    test_cut(text, len);
    ok(layr_keytext_parse(&t, text, len) == 0 && !t.wrapped && memcmp(t.master, master, 32) == 0,
       "plain text is read");
    ok(layr_keytext_print(again, &t) == len && strcmp(again, text) == 0, "and printed as it was");
    text[12] = 'A';
    is_int(parses(text, len), LAYR_ERR_FORMAT, "upper-case hex is refused");
    snprintf(text, sizeof text, "layr-key-v2\n%s\n", hex);
    is_int(parses(text, len), LAYR_ERR_FORMAT, "another version is refused");
    snprintf(text, sizeof text, "layr-key-v1\r\n%s\r\n", hex);
    is_int(parses(text, len + 2), LAYR_ERR_FORMAT, "other line ends are refused");
    is_int(layr_keytext_parse(&t, NULL, 0), LAYR_ERR_FORMAT, "nothing is no key");
}

static void test_wrapped(void)
{
    uint8_t master[32], out[32] = {0}, before[32] = {0};
    char text[LAYR_KEYTEXT_MAX], again[LAYR_KEYTEXT_MAX];
    layr_keytext_t t = {0};
    size_t len;

    vectors_pattern(master, 32, 41);
    len = wrapped_by_hand(text, sizeof text, master, "correct horse");
    test_cut(text, len);
    ok(layr_keytext_parse(&t, text, len) == 0 && t.wrapped, "wrapped text is read");
    ok(layr_keytext_print(again, &t) == len && strcmp(again, text) == 0, "and printed as it was");
    is_int(layr_keytext_unwrap(out, &t, "Correct horse"), LAYR_ERR_KEY, "the wrong passphrase");
    is_mem(out, before, 32, "gives nothing");
    is_int(layr_keytext_unwrap(out, &t, "correct horse"), 0, "the right one");
    is_mem(out, master, 32, "gives the key");
}

/* Any digit of salt, nonce or seal: it parses and does not open. */
static void test_altered(void)
{
    uint8_t master[32] = {9}, out[32];
    char text[LAYR_KEYTEXT_MAX];
    size_t len = wrapped_by_hand(text, sizeof text, master, "p"), from = strlen(WRAPPED "1\n8192\n");
    int tried = 0, refused = 0;

    for (size_t i = from; i < len; i++) {
        layr_keytext_t t;
        char was = text[i];

        if (was == '\n')
            continue;
        text[i] = was == '0' ? '1' : '0';
        tried++;
        refused +=
            layr_keytext_parse(&t, text, len) == 0 && layr_keytext_unwrap(out, &t, "p") == LAYR_ERR_KEY;
        text[i] = was;
    }
    is_int(tried, 32 + 48 + 96, "all digits were tried");
    is_int(refused, tried, "none altered opens");
}

static int parses_costs(const char *ops, const char *mem)
{
    char text[LAYR_KEYTEXT_MAX], zeros[97];

    memset(zeros, '0', 96);
    zeros[96] = 0;
    snprintf(text, sizeof text, WRAPPED "%s\n%s\n%.32s\n%.48s\n%s\n", ops, mem, zeros, zeros, zeros);
    return parses(text, strlen(text));
}

static void test_costs(void)
{
    is_int(parses_costs("10", "1073741824"), 0, "10 passes over 1 GiB are the most");
    is_int(parses_costs("11", "8192"), LAYR_ERR_LIMIT, "11 passes are refused");
    is_int(parses_costs("0", "8192"), LAYR_ERR_LIMIT, "none are refused");
    is_int(parses_costs("1", "1073741825"), LAYR_ERR_LIMIT, "more than 1 GiB is refused");
    is_int(parses_costs("1", "18446744073709551615"), LAYR_ERR_LIMIT, "as much as a number holds too");
    is_int(parses_costs("1", "18446744073709551616"), LAYR_ERR_FORMAT, "and what does not fit a number");
    is_int(parses_costs("1", "8191"), LAYR_ERR_LIMIT, "less than Argon2id takes is refused");
    is_int(parses_costs("01", "8192"), LAYR_ERR_FORMAT, "no leading zeros");
    is_int(parses_costs("", "8192"), LAYR_ERR_FORMAT, "no empty cost");
    is_int(parses_costs("-1", "8192"), LAYR_ERR_FORMAT, "no sign");
}

static void test_wrap(void)
{
    uint8_t master[32] = {3}, out[32] = {0};
    char text[LAYR_KEYTEXT_MAX], other[LAYR_KEYTEXT_MAX];
    layr_keytext_t t = {.opslimit = 1, .memlimit = 8192}, u = {.opslimit = 1, .memlimit = 8192}, back;
    size_t len;

    ok(layr_keytext_wrap(&t, master, "p") == 0 && layr_keytext_wrap(&u, master, "p") == 0, "wrapped twice");
    len = layr_keytext_print(text, &t);
    layr_keytext_print(other, &u);
    ok(strcmp(text, other) != 0, "never the same: salt and nonce are fresh");
    ok(layr_keytext_parse(&back, text, len) == 0 && layr_keytext_unwrap(out, &back, "p") == 0 &&
           memcmp(out, master, 32) == 0,
       "and it comes back");
}

int main(void)
{
    if (layr_init() != 0)
        return 1;
    test_plain();
    test_wrapped();
    test_altered();
    test_costs();
    test_wrap();
    return done();
}
