/* tools/range.c: which ranges there are, and where they lie in a file. */
#include "../../tools/range.h"

#include "tap.h"

static void good(const char *text, uint64_t size, uint64_t a, uint64_t b)
{
    layr_range_t r = {0};
    uint64_t first = 99, last = 99;
    int rc = layr_range_parse(&r, text);

    if (rc == 0)
        rc = layr_range_in(&r, size, &first, &last);
    ok(rc == 0 && first == a && last == b, "%s of %llu bytes", text, (unsigned long long)size);
}

static void outside(const char *text, uint64_t size)
{
    layr_range_t r = {0};
    uint64_t first = 99, last = 98;
    int rc = layr_range_parse(&r, text);

    rc = rc == 0 ? layr_range_in(&r, size, &first, &last) : -1;
    ok(rc == LAYR_ERR_RANGE && first == 99 && last == 98, "%s is outside %llu bytes", text,
       (unsigned long long)size);
}

int main(void)
{
    static const char *const bad[] = {"",
                                      "5",
                                      "-",
                                      "5-4",
                                      "a-b",
                                      "1-b",
                                      "-0",
                                      "--5",
                                      "1-2-3",
                                      "01-2",
                                      "+1-2",
                                      "1 -2",
                                      "18446744073709551616-",
                                      "-1-2",
                                      "1,2"};
    layr_range_t r = {0};
    uint64_t first = 9, last = 9;

    good("0-0", 1, 0, 0);
    good("0-9", 10, 0, 9);
    good("3-3", 10, 3, 3);
    good("9-", 10, 9, 9);
    good("0-", 10, 0, 9);
    good("-1", 10, 9, 9);
    good("-10", 10, 0, 9);
    good("18446744073709551614-18446744073709551614", UINT64_MAX, UINT64_MAX - 1, UINT64_MAX - 1);
    outside("0-10", 10);
    outside("10-10", 10);
    outside("10-", 10);
    outside("-11", 10);
    outside("0-0", 0);
    outside("0-", 0);
    outside("-1", 0);
    outside("18446744073709551615-", UINT64_MAX);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        r.a = 77;
        ok(layr_range_parse(&r, bad[i]) == LAYR_ERR_ARG && r.a == 77, "'%s' is no range", bad[i]);
    }
    memset(&r, 0, sizeof r);
    is_int(layr_range_in(&r, 0, &first, &last), 0, "all of an empty file");
    ok(first == 0 && last == 0, "is 0, 0");
    is_int(layr_range_in(&r, 5, &first, &last), 0, "all of a file");
    ok(first == 0 && last == 4, "is all");
    return done();
}
