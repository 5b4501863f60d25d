/* The grammar of RFC 8259, and only that: what passes here has one reading. */
#include "base/utf8.h"
#include "crypto/json.h"

/* cJSON copies a number into 64 bytes and reads no further. */
#define NUMBER_CHARS 40

typedef struct scan {
    const uint8_t *p, *end;
    layr_json_numbers_t numbers;
} scan_t;

static bool scan_value(scan_t *s, unsigned depth);

static void skip_space(scan_t *s)
{
    while (s->p < s->end && (*s->p == ' ' || *s->p == '\t' || *s->p == '\n' || *s->p == '\r'))
        s->p++;
}

static bool take(scan_t *s, char c)
{
    if (s->p == s->end || *s->p != (uint8_t)c)
        return false;
    s->p++;
    return true;
}

static bool take_word(scan_t *s, const char *word)
{
    for (; *word != 0; word++)
        if (!take(s, *word))
            return false;
    return true;
}

/* The four hex digits after \u; -1 when they are not. */
static int32_t take_hex4(scan_t *s)
{
    int32_t v = 0;

    for (int i = 0; i < 4; i++, s->p++) {
        if (s->p == s->end)
            return -1;
        uint8_t c = *s->p;
        if (c >= '0' && c <= '9')
            v = v << 4 | (c - '0');
        else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
            v = v << 4 | ((c | 0x20) - 'a' + 10);
        else
            return -1;
    }
    return v;
}

/* No U+0000, which would end a C string early, and surrogates only in pairs. */
static bool scan_unicode(scan_t *s)
{
    int32_t v = take_hex4(s);

    if (v <= 0 || (v >= 0xdc00 && v <= 0xdfff))
        return false;
    if (v < 0xd800 || v > 0xdbff)
        return true;
    if (!take(s, '\\') || !take(s, 'u'))
        return false;
    v = take_hex4(s);
    return v >= 0xdc00 && v <= 0xdfff;
}

/* What follows a backslash. */
static bool scan_escape(scan_t *s)
{
    if (s->p == s->end)
        return false;
    switch (*s->p++) {
    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't':
        return true;
    case 'u':
        return scan_unicode(s);
    default:
        return false;
    }
}

static bool scan_string(scan_t *s)
{
    if (!take(s, '"'))
        return false;
    while (!take(s, '"')) {
        if (take(s, '\\')) {
            if (!scan_escape(s))
                return false;
            continue;
        }
        size_t step = layr_utf8_char(s->p, (size_t)(s->end - s->p));
        if (step == 0 || *s->p < 0x20)
            return false;
        s->p += step;
    }
    return true;
}

/* One or more digits; their value as far as it stays within LAYR_JSON_INT_MAX, else something above it. */
static bool scan_digits(scan_t *s, int64_t *value)
{
    const uint8_t *from = s->p;

    for (*value = 0; s->p < s->end && *s->p >= '0' && *s->p <= '9'; s->p++)
        if (*value <= LAYR_JSON_INT_MAX)
            *value = *value * 10 + (*s->p - '0');
    return s->p > from;
}

static bool scan_number(scan_t *s)
{
    const uint8_t *from = s->p;
    bool minus = take(s, '-'), integers = s->numbers == LAYR_JSON_INTEGERS;
    const uint8_t *first = s->p;
    int64_t v, unused;

    if (!scan_digits(s, &v) || (*first == '0' && s->p - first > 1))
        return false;
    if (integers) /* -0 is a second spelling of 0; what follows the digits is nobody's, so 1.0 and 1e3 fail */
        return v <= LAYR_JSON_INT_MAX && !(minus && v == 0);
    if (take(s, '.') && !scan_digits(s, &unused))
        return false;
    if (take(s, 'e') || take(s, 'E')) {
        if (!take(s, '+'))
            take(s, '-');
        if (!scan_digits(s, &unused))
            return false;
    }
    return s->p - from <= NUMBER_CHARS;
}

/* Elements up to the closing bracket; the opening one is taken. */
static bool scan_array(scan_t *s, unsigned depth)
{
    skip_space(s);
    if (take(s, ']'))
        return true;
    do {
        if (!scan_value(s, depth))
            return false;
    } while (take(s, ','));
    return take(s, ']');
}

static bool scan_object(scan_t *s, unsigned depth)
{
    unsigned members = 0;

    skip_space(s);
    if (take(s, '}'))
        return true;
    do {
        skip_space(s);
        if (++members > LAYR_JSON_MEMBERS || !scan_string(s))
            return false;
        skip_space(s);
        if (!take(s, ':') || !scan_value(s, depth))
            return false;
    } while (take(s, ','));
    return take(s, '}');
}

/* A value with the white space around it; depth: levels that are open around it. */
static bool scan_value(scan_t *s, unsigned depth)
{
    bool good;

    skip_space(s);
    if (s->p == s->end)
        return false;
    switch (*s->p) {
    case '{':
        s->p++;
        good = depth < LAYR_JSON_DEPTH && scan_object(s, depth + 1);
        break;
    case '[':
        s->p++;
        good = depth < LAYR_JSON_DEPTH && scan_array(s, depth + 1);
        break;
    case '"':
        good = scan_string(s);
        break;
    case 't':
        good = take_word(s, "true");
        break;
    case 'f':
        good = take_word(s, "false");
        break;
    case 'n':
        good = take_word(s, "null");
        break;
    default:
        good = scan_number(s);
    }
    skip_space(s);
    return good;
}

int layr_json_scan(const char *text, size_t len, layr_json_numbers_t numbers)
{
    scan_t s = {.p = (const uint8_t *)text, .end = (const uint8_t *)text + len, .numbers = numbers};

    return scan_value(&s, 0) && s.p == s.end ? 0 : LAYR_ERR_FORMAT;
}
