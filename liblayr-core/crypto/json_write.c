/* Compact JSON into a buffer, members in the order in which they are put: one value, one spelling. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "crypto/json.h"
#include "layr/crypto.h"

static void add_quoted(layr_buf_t *b, const char *s)
{
    char escape[8];

    layr_buf_add8(b, '"');
    for (; *s != 0; s++) {
        size_t plain =
            strcspn(s, "\"\\\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10\x11\x12"
                       "\x13\x14\x15\x16\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f");
        layr_buf_add(b, s, plain);
        s += plain;
        if (*s == 0)
            break;
        if (*s == '"' || *s == '\\')
            snprintf(escape, sizeof escape, "\\%c", *s);
        else
            snprintf(escape, sizeof escape, "\\u%04x", (unsigned char)*s);
        layr_buf_add(b, escape, strlen(escape));
    }
    layr_buf_add8(b, '"');
}

/* A comma unless this is the first in its bracket, then the name. A bracket as last byte is never text: texts
 * end with a quote. */
static void begin(layr_buf_t *b, const char *name)
{
    if (b->len > 0 && b->p[b->len - 1] != '{' && b->p[b->len - 1] != '[')
        layr_buf_add8(b, ',');
    if (name != NULL) {
        add_quoted(b, name);
        layr_buf_add8(b, ':');
    }
}

void layr_json_open(layr_buf_t *b, const char *name, char bracket)
{
    begin(b, name);
    layr_buf_add8(b, (uint8_t)bracket);
}

void layr_json_close(layr_buf_t *b, char bracket)
{
    layr_buf_add8(b, (uint8_t)bracket);
}

void layr_json_put_str(layr_buf_t *b, const char *name, const char *s)
{
    begin(b, name);
    add_quoted(b, s);
}

void layr_json_put_int(layr_buf_t *b, const char *name, int64_t v)
{
    char text[LAYR_DEC_MAX];

    begin(b, name);
    layr_dec(text, (uint64_t)v);
    layr_buf_add(b, text, strlen(text));
}

void layr_json_put_dec(layr_buf_t *b, const char *name, uint64_t v)
{
    char text[LAYR_DEC_MAX];

    layr_dec(text, v);
    layr_json_put_str(b, name, text);
}

void layr_json_put_bool(layr_buf_t *b, const char *name, bool v)
{
    const char *text = v ? "true" : "false";

    begin(b, name);
    layr_buf_add(b, text, strlen(text));
}

/* Both encodings go piece by piece, three bytes at a time or a multiple, so that nothing is allocated. */
#define PIECE 48

void layr_json_put_hex(layr_buf_t *b, const char *name, const uint8_t *p, size_t len)
{
    char text[2 * PIECE + 1];

    begin(b, name);
    layr_buf_add8(b, '"');
    for (size_t n; len > 0; p += n, len -= n) {
        n = len < PIECE ? len : PIECE;
        layr_hex(text, p, n);
        layr_buf_add(b, text, 2 * n);
    }
    layr_buf_add8(b, '"');
}

void layr_json_put_b64(layr_buf_t *b, const char *name, const uint8_t *p, size_t len)
{
    char text[LAYR_B64_LEN(PIECE) + 1];

    begin(b, name);
    layr_buf_add8(b, '"');
    for (size_t n; len > 0; p += n, len -= n) {
        n = len < PIECE ? len : PIECE;
        layr_b64(text, p, n);
        layr_buf_add(b, text, LAYR_B64_LEN(n));
    }
    layr_buf_add8(b, '"');
    layr_wipe(text, sizeof text);
}
