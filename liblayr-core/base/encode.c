/*
 * Hex, base64url and decimal.  Each value has exactly one spelling, so that
 * two texts are the same value only when they are the same bytes.
 *
 * Keys go through hex and base64url: there, neither a table index nor a
 * branch depends on a character.  Decoders look at everything before they
 * write anything: the output is set only on success.
 */
#include "layr/bytes.h"

/* All ones when low <= v <= high, else zero; all three below 2^31. */
static uint32_t in_range(uint32_t v, uint32_t low, uint32_t high)
{
    /* v - low wraps, and high - v wraps, when v is outside: the top bit tells. */
    return (((v - low) | (high - v)) >> 31) - 1;
}

#define INVALID 0x80u /* above every digit's value */

static char hex_char(uint32_t v)
{
    return (char)('0' + v + (in_range(v, 10, 15) & ('a' - '0' - 10)));
}

static uint32_t hex_value(char c)
{
    uint32_t u = (uint8_t)c, digit = in_range(u, '0', '9'), letter = in_range(u, 'a', 'f');

    return (digit & (u - '0')) | (letter & (u - 'a' + 10)) | (~(digit | letter) & INVALID);
}

void layr_hex(char *out, const uint8_t *in, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        out[2 * i] = hex_char(in[i] >> 4);
        out[2 * i + 1] = hex_char(in[i] & 15);
    }
    out[2 * len] = 0;
}

int layr_unhex(uint8_t *out, size_t len, const char *in, size_t in_len)
{
    uint32_t seen = 0;

    if (in_len % 2 != 0 || in_len / 2 != len)
        return LAYR_ERR_FORMAT;
    for (size_t i = 0; i < in_len; i++)
        seen |= hex_value(in[i]);
    if (seen & INVALID)
        return LAYR_ERR_FORMAT;
    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)(hex_value(in[2 * i]) << 4 | hex_value(in[2 * i + 1]));
    return 0;
}

static char b64_char(uint32_t v)
{
    return (char)((in_range(v, 0, 25) & (v + 'A')) | (in_range(v, 26, 51) & (v - 26 + 'a')) |
                  (in_range(v, 52, 61) & (v - 52 + '0')) | (in_range(v, 62, 62) & '-') |
                  (in_range(v, 63, 63) & '_'));
}

static uint32_t b64_value(char c)
{
    uint32_t u = (uint8_t)c;
    uint32_t upper = in_range(u, 'A', 'Z'), lower = in_range(u, 'a', 'z'), digit = in_range(u, '0', '9');
    uint32_t minus = in_range(u, '-', '-'), under = in_range(u, '_', '_');

    return (upper & (u - 'A')) | (lower & (u - 'a' + 26)) | (digit & (u - '0' + 52)) | (minus & 62) |
           (under & 63) | (~(upper | lower | digit | minus | under) & INVALID);
}

void layr_b64(char *out, const uint8_t *in, size_t len)
{
    uint32_t acc = 0;
    unsigned bits = 0;

    for (size_t i = 0; i < len; i++) {
        acc = acc << 8 | in[i];
        for (bits += 8; bits >= 6; bits -= 6)
            *out++ = b64_char(acc >> (bits - 6) & 63);
    }
    if (bits > 0)
        *out++ = b64_char(acc << (6 - bits) & 63);
    *out = 0;
}

/* Only letters of the alphabet, a length that some byte string has, and no bit set that no byte uses. */
static bool b64_is_canonical(const char *in, size_t len)
{
    static const uint32_t spare_bits[4] = {0, 0, 15, 3};
    uint32_t seen = 0;

    if (len % 4 == 1)
        return false;
    for (size_t i = 0; i < len; i++)
        seen |= b64_value(in[i]);
    if (len % 4 != 0 && (b64_value(in[len - 1]) & spare_bits[len % 4]) != 0)
        return false;
    return !(seen & INVALID);
}

static size_t b64_decode(uint8_t *out, const char *in, size_t len)
{
    uint32_t acc = 0;
    unsigned bits = 0;
    size_t n = 0;

    for (size_t i = 0; i < len; i++) {
        acc = acc << 6 | b64_value(in[i]);
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            out[n++] = (uint8_t)(acc >> bits);
        }
    }
    return n;
}

int layr_unb64(uint8_t *out, size_t len, const char *in, size_t in_len)
{
    if (in_len / 4 * 3 + in_len % 4 * 3 / 4 != len || !b64_is_canonical(in, in_len))
        return LAYR_ERR_FORMAT;
    b64_decode(out, in, in_len);
    return 0;
}

int layr_unb64_any(uint8_t *out, size_t *out_len, const char *in, size_t in_len)
{
    if (!b64_is_canonical(in, in_len))
        return LAYR_ERR_FORMAT;
    *out_len = b64_decode(out, in, in_len);
    return 0;
}

void layr_dec(char out[LAYR_DEC_MAX], uint64_t v)
{
    char digits[LAYR_DEC_MAX];
    size_t n = 0;

    do {
        digits[n++] = (char)('0' + v % 10);
        v /= 10;
    } while (v != 0);
    while (n > 0)
        *out++ = digits[--n];
    *out = 0;
}

int layr_undec(uint64_t *out, const char *in, size_t in_len)
{
    uint64_t v = 0;

    if (in_len == 0 || in_len >= LAYR_DEC_MAX || (in[0] == '0' && in_len > 1))
        return LAYR_ERR_FORMAT;
    for (size_t i = 0; i < in_len; i++) {
        if (in[i] < '0' || in[i] > '9')
            return LAYR_ERR_FORMAT;
        uint64_t digit = (uint64_t)(in[i] - '0');
        if (v > (UINT64_MAX - digit) / 10)
            return LAYR_ERR_FORMAT;
        v = v * 10 + digit;
    }
    *out = v;
    return 0;
}
