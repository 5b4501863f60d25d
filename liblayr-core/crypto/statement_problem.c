/* A problem document (RFC 9457) as a host sent it (docs/protocol.md 6.1). */
#include <string.h>

#include "base/utf8.h"
#include "crypto/json.h"
#include "layr/statement.h"

#define DOCUMENT_MAX 4096
#define TYPE_PREFIX "urn:layr:problem:"

/*
 * What would move the cursor, start an escape sequence or turn the line around, if it reached a terminal:
 * C0, DEL, C1 (U+0080..9F), line separators and the marks of bidirectional text.
 */
static bool is_unprintable(const uint8_t *p, size_t len)
{
    if (len == 1)
        return p[0] < 0x20 || p[0] == 0x7f;
    if (len == 2)
        return (p[0] == 0xc2 && p[1] < 0xa0) || (p[0] == 0xd8 && p[1] == 0x9c);
    if (len == 3 && p[0] == 0xe2 && p[1] == 0x80)
        return p[2] == 0x8e || p[2] == 0x8f || (p[2] >= 0xa8 && p[2] <= 0xae);
    return len == 3 && p[0] == 0xe2 && p[1] == 0x81 && p[2] >= 0xa6 && p[2] <= 0xa9;
}

/* Characters are copied whole or not at all. */
static void copy_printable(char *out, size_t cap, const char *text)
{
    const uint8_t *p = (const uint8_t *)text;
    size_t left = strlen(text), used = 0, step;

    for (; left > 0; p += step, left -= step) {
        step = layr_utf8_char(p, left);
        bool bad = step == 0 || is_unprintable(p, step);
        size_t need = bad ? 1 : step;

        if (used + need >= cap)
            break;
        if (bad)
            out[used] = '?';
        else
            memcpy(out + used, p, step);
        used += need;
        step += step == 0;
    }
    out[used] = 0;
}

static const char *text_of(const cJSON *json, const char *name)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, name));
}

/* Only a word of ours: programs compare it, and people see it. */
static void read_type(layr_problem_t *out, const char *type)
{
    size_t len;

    if (type == NULL || strncmp(type, TYPE_PREFIX, strlen(TYPE_PREFIX)) != 0)
        return;
    type += strlen(TYPE_PREFIX);
    len = strspn(type, "abcdefghijklmnopqrstuvwxyz0123456789-");
    if (len < sizeof out->type && type[len] == 0)
        memcpy(out->type, type, len + 1);
}

static void read_status(layr_problem_t *out, const cJSON *status)
{
    if (cJSON_IsNumber(status) && status->valuedouble >= 100 && status->valuedouble <= 599)
        out->status = (int)status->valuedouble;
}

int layr_problem_parse(layr_problem_t *out, const char *json, size_t len)
{
    cJSON *document = NULL;
    const char *text;
    int rc;

    memset(out, 0, sizeof *out);
    if (len > DOCUMENT_MAX)
        return LAYR_ERR_LIMIT;
    rc = layr_json_parse(&document, json, len, LAYR_JSON_NUMBERS);
    if (rc != 0)
        return rc;
    read_type(out, text_of(document, "type"));
    read_status(out, cJSON_GetObjectItemCaseSensitive(document, "status"));
    text = text_of(document, "detail");
    if (text == NULL)
        text = text_of(document, "title"); /* other software on the way may give no more */
    if (text != NULL)
        copy_printable(out->detail, sizeof out->detail, text);
    layr_json_free(document);
    return 0;
}
