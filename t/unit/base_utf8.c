/* base/utf8.c: every scalar value is accepted in its one form; the known ways to cheat are not. */
#include "layr/bytes.h"
#include "tap.h"

static size_t encode(char *out, uint32_t c)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xc0 | c >> 6);
        out[1] = (char)(0x80 | (c & 63));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xe0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 63));
        out[2] = (char)(0x80 | (c & 63));
        return 3;
    }
    out[0] = (char)(0xf0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 63));
    out[2] = (char)(0x80 | (c >> 6 & 63));
    out[3] = (char)(0x80 | (c & 63));
    return 4;
}

/* A NUL is valid UTF-8 but not in our texts; surrogates (D800 to DFFF) are not characters. */
static void test_all(void)
{
    int wrong = 0, cut = 0;

    for (uint32_t c = 0; c < 0x1fffff; c++) {
        char s[4];
        size_t len = encode(s, c);
        bool want = c != 0 && c <= 0x10ffff && (c < 0xd800 || c > 0xdfff);

        wrong += layr_utf8_ok(s, len) != want;
        for (size_t i = 1; i < len; i++)
            cut += layr_utf8_ok(s, i);
    }
    is_int(wrong, 0, "all values below 2^21 are judged right");
    is_int(cut, 0, "no character cut short is accepted");
}

/* Of all strings of 3 bytes, those that are valid, counted by hand from the table of RFC 3629. */
static void test_count(void)
{
    long n = 0;

    for (uint32_t v = 0; v < 1u << 24; v++) {
        char s[3] = {(char)(v >> 16), (char)(v >> 8), (char)v};
        n += layr_utf8_ok(s, 3);
    }
    /* 1+1+1: 127^3; 1+2 and 2+1: 127 * 1920 each; 3: 65536 - 2048 - 2048 */
    is_int(n, 127L * 127 * 127 + 2 * 127L * 1920 + 65536 - 2048 - 2048, "valid strings of 3 bytes");
}

int main(void)
{
    test_all();
    test_count();
    ok(layr_utf8_ok("", 0), "nothing is valid");
    ok(layr_utf8_ok("na\xc3\xafve \xf0\x9f\x98\x80", 11), "a text of several lengths");
    ok(!layr_utf8_ok("\xc0\xaf", 2) && !layr_utf8_ok("\xe0\x80\xaf", 3) &&
           !layr_utf8_ok("\xf0\x80\x80\xaf", 4),
       "overlong slashes");
    ok(!layr_utf8_ok("a\0b", 3), "a NUL inside");
    ok(!layr_utf8_ok("\x80", 1) && !layr_utf8_ok("\xff", 1), "bytes that start nothing");
    return done();
}
