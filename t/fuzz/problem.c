/* Problem documents of hosts: what is left of one can go to a terminal. */
#include "fuzz.h"
#include "layr/bytes.h"
#include "layr/statement.h"

static int has(const char *text, size_t len, const char *mark)
{
    return memmem(text, len, mark, strlen(mark)) != NULL;
}

static void printable(const char *text, size_t cap)
{
    static const char *const marks[] = {"\xd8\x9c",     "\xe2\x80\x8e", "\xe2\x80\x8f", "\xe2\x80\xa8",
                                        "\xe2\x80\xae", "\xe2\x81\xa6", "\xe2\x81\xa9"};
    size_t len = strnlen(text, cap);

    PROMISE(len < cap && layr_utf8_ok(text, len));
    for (size_t i = 0; i < len; i++) {
        PROMISE((uint8_t)text[i] >= 0x20 && text[i] != 0x7f);
        PROMISE(i == 0 || (uint8_t)text[i - 1] != 0xc2 || (uint8_t)text[i] >= 0xa0); /* C1 */
    }
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
        PROMISE(!has(text, len, marks[i]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    layr_problem_t p;

    memset(&p, 0xff, sizeof p);
    if (layr_problem_parse(&p, (const char *)data, size) != 0) {
        PROMISE(all_zero(&p, sizeof p));
        return 0;
    }
    printable(p.type, sizeof p.type);
    printable(p.detail, sizeof p.detail);
    PROMISE(strspn(p.type, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(p.type));
    PROMISE(p.status == 0 || (p.status >= 100 && p.status <= 599));
    return 0;
}
