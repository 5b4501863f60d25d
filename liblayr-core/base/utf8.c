/* UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF. */
#include "base/utf8.h"

#include "layr/bytes.h"

/*
 * The table of RFC 3629, section 4.  Only the second byte's range depends on
 * the first: that is what shuts out overlong forms, surrogates and the
 * values past the end of Unicode.
 */
size_t layr_utf8_char(const uint8_t *p, size_t left)
{
    if (left == 0)
        return 0;
    uint8_t first = p[0], low = 0x80, high = 0xbf;
    size_t len;

    if (first < 0x80)
        return 1;
    if (first >= 0xc2 && first <= 0xdf)
        len = 2;
    else if (first >= 0xe0 && first <= 0xef)
        len = 3;
    else if (first >= 0xf0 && first <= 0xf4)
        len = 4;
    else
        return 0;
    if (len > left)
        return 0;

    if (first == 0xe0)
        low = 0xa0;
    else if (first == 0xed)
        high = 0x9f;
    else if (first == 0xf0)
        low = 0x90;
    else if (first == 0xf4)
        high = 0x8f;
    if (p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < len; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    return len;
}

bool layr_utf8_ok(const char *s, size_t len)
{
    const uint8_t *p = (const uint8_t *)s;
    size_t step;

    for (; len > 0; p += step, len -= step) {
        if (*p == 0)
            return false; /* names and texts end up in C strings */
        step = layr_utf8_char(p, len);
        if (step == 0)
            return false;
    }
    return true;
}
