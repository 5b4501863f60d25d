/* base/encode.c: RFC 4648's examples, and that each value has one spelling only. */
#include "layr/bytes.h"
#include "tap.h"

static int unhex_fails(const char *s, size_t len)
{
    uint8_t out[8], before[8];

    memset(out, 0x5a, sizeof out);
    memcpy(before, out, sizeof out);
    return layr_unhex(out, len, s, strlen(s)) == LAYR_ERR_FORMAT && memcmp(out, before, sizeof out) == 0;
}

static void test_hex(void)
{
    uint8_t all[256], back[256];
    char text[513];
    int good = 0;

    for (int i = 0; i < 256; i++)
        all[i] = (uint8_t)i;
    layr_hex(text, all, sizeof all);
    ok(memcmp(text, "000102", 6) == 0 && strcmp(text + 500, "fafbfcfdfeff") == 0,
       "hex of all bytes is lower case");
    ok(layr_unhex(back, sizeof back, text, 512) == 0 && memcmp(all, back, 256) == 0, "and comes back");
    for (int c = 0; c < 256; c++) {
        char s[2] = {(char)c, '0'};
        int is_digit = c != 0 && strchr("0123456789abcdef", c) != NULL;
        good += (layr_unhex(back, 1, s, 2) == 0) == is_digit;
        s[1] = s[0];
        s[0] = '0';
        good += (layr_unhex(back, 1, s, 2) == 0) == is_digit;
    }
    is_int(good, 512, "of all 256 characters just the 16 digits are accepted, in both places");
    ok(unhex_fails("AB", 1), "upper case is refused, and the output left alone");
    ok(unhex_fails("abcdeg", 3), "a bad last digit leaves the output alone");
    ok(unhex_fails("abc", 1) && unhex_fails("abcd", 1) && unhex_fails("ab", 2), "another length is refused");
    ok(layr_unhex(back, 0, "", 0) == 0, "nothing is nothing");
}

static void test_b64_rfc(void)
{
    static const char *const known[][2] = {
        {"", ""},           {"f", "Zg"},          {"fo", "Zm8"},         {"foo", "Zm9v"},
        {"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"}, {"foobar", "Zm9vYmFy"}};

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        size_t len = strlen(known[i][0]), text_len = strlen(known[i][1]), got = 99;
        char text[16];
        uint8_t raw[16];

        layr_b64(text, (const uint8_t *)known[i][0], len);
        ok(strcmp(text, known[i][1]) == 0 && text_len == LAYR_B64_LEN(len), "RFC 4648: encode '%s'",
           known[i][0]);
        ok(layr_unb64_any(raw, &got, known[i][1], text_len) == 0 && got == len &&
               memcmp(raw, known[i][0], len) == 0 && layr_unb64(raw, len, known[i][1], text_len) == 0,
           "RFC 4648: decode '%s'", known[i][1]);
        ok(layr_unb64(raw, len + 1, known[i][1], text_len) == LAYR_ERR_FORMAT, "another length is refused");
    }
}

/* All texts of 2 characters, and 3 that begin with A: exactly one for each byte string. */
static void test_b64_canonical(void)
{
    uint8_t raw[4];
    size_t n;
    int one = 0, two = 0, round = 0;

    for (int a = 0; a < 256; a++) {
        for (int b = 0; b < 256; b++) {
            char s[4] = {(char)a, (char)b}, again[8];

            if (layr_unb64(raw, 1, s, 2) == 0) {
                one++;
                layr_b64(again, raw, 1);
                round += memcmp(again, s, 2) == 0;
            }
            s[0] = 'A';
            s[1] = (char)a;
            s[2] = (char)b;
            two += layr_unb64(raw, 2, s, 3) == 0;
        }
    }
    is_int(one, 256, "of 65,536 texts of 2, 256 are accepted");
    is_int(round, 256, "and each is the one the encoder makes");
    is_int(two, 64 * 16, "of 65,536 texts of 3, 1,024 are accepted");
    ok(layr_unb64_any(raw, &n, "Zh", 2) == LAYR_ERR_FORMAT &&
           layr_unb64_any(raw, &n, "Zm9", 3) == LAYR_ERR_FORMAT,
       "spare bits must be zero");
    ok(layr_unb64_any(raw, &n, "Zg==", 4) == LAYR_ERR_FORMAT, "padding is refused");
    ok(layr_unb64_any(raw, &n, "Z", 1) == LAYR_ERR_FORMAT, "one character is no text");
    ok(layr_unb64_any(raw, &n, "+/+/", 4) == LAYR_ERR_FORMAT && layr_unb64_any(raw, &n, "-_-_", 4) == 0,
       "the alphabet is base64url's");
    ok(layr_unb64_any(raw, &n, "Zm\n9", 4) == LAYR_ERR_FORMAT, "white space is refused");
}

static void test_b64_lengths(void)
{
    uint8_t in[100], out[100];
    char text[LAYR_B64_LEN(100) + 1];
    int good = 0;

    for (size_t len = 0; len < 100; len++) {
        for (size_t i = 0; i < len; i++)
            in[i] = (uint8_t)(i * 37 + len * 11);
        layr_b64(text, in, len);
        good += strlen(text) == LAYR_B64_LEN(len) && layr_unb64(out, len, text, strlen(text)) == 0 &&
                memcmp(in, out, len) == 0;
    }
    is_int(good, 100, "all lengths below 100 come back");
}

static void test_dec(void)
{
    static const char *const bad[] = {"",
                                      "-1",
                                      "+1",
                                      "00",
                                      "01",
                                      " 1",
                                      "1 ",
                                      "1a",
                                      "0x1",
                                      "1.0",
                                      "18446744073709551616",
                                      "18446744073709551620",
                                      "99999999999999999999",
                                      "018446744073709551615",
                                      "184467440737095516150"};
    static const uint64_t good[] = {0, 1, 9, 10, 12345, UINT64_MAX / 10, UINT64_MAX - 1, UINT64_MAX};
    char text[LAYR_DEC_MAX];
    uint64_t v = 0;

    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        char want[32];

        layr_dec(text, good[i]);
        snprintf(want, sizeof want, "%llu", (unsigned long long)good[i]);
        ok(strcmp(text, want) == 0 && layr_undec(&v, text, strlen(text)) == 0 && v == good[i], "decimal %s",
           want);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        v = 77;
        ok(layr_undec(&v, bad[i], strlen(bad[i])) == LAYR_ERR_FORMAT && v == 77, "not a decimal: '%s'",
           bad[i]);
    }
    ok(layr_undec(&v, "1\0002", 3) == LAYR_ERR_FORMAT, "not a decimal: a NUL inside");
    ok(layr_undec(&v, "123", 2) == 0 && v == 12, "reads no more than it is given");
}

int main(void)
{
    test_hex();
    test_b64_rfc();
    test_b64_canonical();
    test_b64_lengths();
    test_dec();
    return done();
}
