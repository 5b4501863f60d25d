/* base/error.c: every code has words of its own; texts for people are safe to print. */
#include <errno.h>
#include <wchar.h>

#include "layr/bytes.h"
#include "layr/error.h"
#include "tap.h"

static void test_words(void)
{
    const char *unknown = layr_strerror(1);
    int distinct = 0, known = 0;

    for (int a = LAYR_ERR_UNAVAILABLE; a <= 0; a++) {
        int same = 0;

        known += strcmp(layr_strerror(a), unknown) != 0;
        for (int b = LAYR_ERR_UNAVAILABLE; b <= 0; b++)
            same += strcmp(layr_strerror(a), layr_strerror(b)) == 0;
        distinct += same == 1;
    }
    is_int(known, 1 - LAYR_ERR_UNAVAILABLE, "every code has words");
    is_int(distinct, 1 - LAYR_ERR_UNAVAILABLE, "and no two the same");
    ok(unknown != NULL && strcmp(layr_strerror(-100000), unknown) == 0, "others are unknown, never NULL");
}

static const char *text_of(const char *quoted)
{
    static layr_diag_t d;

    memset(&d, 0, sizeof d);
    layr_diag_set(&d, LAYR_ERR_IO, "%s", quoted);
    return d.text;
}

static void test_first_stays(void)
{
    layr_diag_t d = {0};

    errno = ENOSPC;
    is_int(layr_diag_set(&d, LAYR_ERR_IO, "cannot write %s: %d\n", "x", 7), LAYR_ERR_IO,
           "the code comes back");
    is_int(errno, ENOSPC, "errno stays");
    ok(strcmp(d.text, "cannot write x: 7") == 0, "no newline at the end");
    is_int(layr_diag_set(&d, LAYR_ERR_NET, "later"), LAYR_ERR_NET, "a later code comes back");
    ok(d.code == LAYR_ERR_IO && strcmp(d.text, "cannot write x: 7") == 0, "but the first failure stays");
    memset(&d, 0, sizeof d);
    errno = ENOSPC;
    layr_diag_set(&d, LAYR_ERR_IO, "%lc", (wint_t)0x20ac); /* the C locale has no euro: EILSEQ */
    ok(errno == ENOSPC && strcmp(d.text, layr_strerror(LAYR_ERR_IO)) == 0,
       "a text that fails to print: words, same errno");
    is_int(layr_diag_set(NULL, LAYR_ERR_ARG, "%s", "nowhere"), LAYR_ERR_ARG, "NULL takes no text");
}

static void test_printable(void)
{
    ok(strcmp(text_of("a\x1b[31mb\x07\x7f"), "a?[31mb??") == 0, "no escape sequences");
    ok(strcmp(text_of("a\nb"), "a b") == 0, "one line");
    ok(strcmp(text_of("a\xc2\x9b"
                      "1mb"),
              "a?1mb") == 0,
       "no C1 controls");
    ok(strcmp(text_of("a\xff\xc3"), "a??") == 0, "broken UTF-8 is marked");
    ok(strcmp(text_of("na\xc3\xafve \xf0\x9f\x98\x80"), "na\xc3\xafve \xf0\x9f\x98\x80") == 0,
       "good UTF-8 stays");
}

/* A text one byte longer each time: the limit falls on every byte of a character. */
static void test_cut(void)
{
    int good = 0;

    for (size_t n = LAYR_DIAG_MAX - 6; n < LAYR_DIAG_MAX + 2; n++) {
        char in[LAYR_DIAG_MAX + 8];
        const char *out;

        memset(in, 'x', n);
        strcpy(in + n, "\xf0\x9f\x98\x80");
        out = text_of(in);
        size_t want = n + 4 < LAYR_DIAG_MAX ? n + 4 : n < LAYR_DIAG_MAX ? n : LAYR_DIAG_MAX - 1;
        good += strlen(out) == want && layr_utf8_ok(out, want);
    }
    is_int(good, 8, "a text is cut between characters");
}

int main(void)
{
    test_words();
    test_first_stays();
    test_printable();
    test_cut();
    return done();
}
