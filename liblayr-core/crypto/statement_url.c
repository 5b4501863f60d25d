/*
 * The base URL of a contact (docs/protocol.md 5.2): the part of RFC 3986 that a host needs.  Other software
 * will connect to it, so there is no user, query, fragment, escape sequence or dot segment to disagree about.
 */
#include <string.h>

#include "layr/statement.h"

typedef struct text {
    const char *p, *end;
} text_t;

static bool is_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool take_prefix(text_t *t, const char *prefix)
{
    size_t len = strlen(prefix);

    if ((size_t)(t->end - t->p) < len || memcmp(t->p, prefix, len) != 0)
        return false;
    t->p += len;
    return true;
}

/* One or more characters, alphanumeric or of `more`. */
static bool take_run(text_t *t, const char *more)
{
    const char *from = t->p;

    while (t->p < t->end && *t->p != 0 && (is_alnum(*t->p) || strchr(more, *t->p) != NULL))
        t->p++;
    return t->p > from;
}

/* A name, an IPv4 address, or an IPv6 address in brackets. */
static bool take_host(text_t *t)
{
    if (!take_prefix(t, "["))
        return take_run(t, "-._");
    while (t->p < t->end && *t->p != 0 && strchr("0123456789abcdefABCDEF:.", *t->p) != NULL)
        t->p++;
    return t->p[-1] != '[' && take_prefix(t, "]");
}

static bool take_port(text_t *t)
{
    unsigned port = 0, digits = 0;

    for (; t->p < t->end && *t->p >= '0' && *t->p <= '9' && digits < 6; t->p++, digits++)
        port = port * 10 + (unsigned)(*t->p - '0');
    return digits >= 1 && digits <= 5 && port >= 1 && port <= 65535;
}

/* "/segment/segment": no empty segment, so none at the end; neither . nor .., which clients resolve away. */
static bool take_path(text_t *t)
{
    while (t->p < t->end) {
        const char *from;
        size_t len;

        if (!take_prefix(t, "/"))
            return false;
        from = t->p;
        if (!take_run(t, "-._~!$&'()*+,;=:@"))
            return false;
        len = (size_t)(t->p - from);
        if ((len == 1 && from[0] == '.') || (len == 2 && from[0] == '.' && from[1] == '.'))
            return false;
    }
    return true;
}

bool layr_url_ok(const char *url, size_t len)
{
    text_t t = {.p = url, .end = url + len};

    if (len > LAYR_URL_MAX)
        return false;
    if (!take_prefix(&t, "https://") && !take_prefix(&t, "http://"))
        return false;
    if (!take_host(&t))
        return false;
    if (take_prefix(&t, ":") && !take_port(&t))
        return false;
    return take_path(&t);
}
