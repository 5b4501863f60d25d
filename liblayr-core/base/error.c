/* Error codes as words, and the sentence a program shows to its user. */
#include "layr/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

/* No default: the compiler names the code that has no words. */
const char *layr_strerror(int code)
{
    switch ((layr_error_t)code) {
    case LAYR_OK:
        return "success";
    case LAYR_ERR_NOMEM:
        return "out of memory";
    case LAYR_ERR_ARG:
        return "argument out of range";
    case LAYR_ERR_FORMAT:
        return "malformed data";
    case LAYR_ERR_LIMIT:
        return "over a limit";
    case LAYR_ERR_AUTH:
        return "does not verify";
    case LAYR_ERR_EXPIRED:
        return "expired";
    case LAYR_ERR_FUTURE:
        return "dated in the future";
    case LAYR_ERR_VERSION:
        return "unknown version or kind";
    case LAYR_ERR_IO:
        return "input or output failed";
    case LAYR_ERR_NOSPACE:
        return "no space left";
    case LAYR_ERR_EXISTS:
        return "already exists";
    case LAYR_ERR_NOTFOUND:
        return "not found";
    case LAYR_ERR_DB:
        return "database failed";
    case LAYR_ERR_NET:
        return "no connection";
    case LAYR_ERR_TIMEOUT:
        return "timed out";
    case LAYR_ERR_REFUSED:
        return "refused by the host";
    case LAYR_ERR_HOSTS:
        return "not enough hosts";
    case LAYR_ERR_DATA:
        return "data cannot be recovered";
    case LAYR_ERR_CAP:
        return "not allowed";
    case LAYR_ERR_RANGE:
        return "range outside the file";
    case LAYR_ERR_CANCELLED:
        return "stopped";
    case LAYR_ERR_CONFLICT:
        return "another version is there";
    case LAYR_ERR_CRYPTO:
        return "crypto library failed";
    case LAYR_ERR_REMOVED:
        return "removed by its owner";
    case LAYR_ERR_KEY:
        return "no usable owner key";
    case LAYR_ERR_UNAVAILABLE:
        return "store unavailable";
    }
    return "unknown error";
}

/* C0, DEL and C1: what a terminal would obey instead of show. */
static int is_control(const uint8_t *p, size_t len)
{
    if (len == 1)
        return p[0] < 0x20 || p[0] == 0x7f;
    return len == 2 && p[0] == 0xc2 && p[1] < 0xa0;
}

/*
 * Texts quote names, paths and hosts' answers, so they can hold anything.
 * Whatever is not a printable character becomes a question mark: a stranger
 * can't drive the reader's terminal. A character cut by the limit goes.
 */
static void make_printable(char *text, size_t len, int cut)
{
    uint8_t *p = (uint8_t *)text;
    size_t from = 0, to = 0;

    while (from < len) {
        size_t step = layr_utf8_char(p + from, len - from);

        if (step == 0 && cut && len - from < 4 && p[from] >= 0xc2)
            break;
        if (step == 0 || is_control(p + from, step)) {
            p[to++] = p[from] == '\n' && from + 1 < len ? ' ' : '?';
            from += step ? step : 1;
            continue;
        }
        memmove(p + to, p + from, step);
        from += step;
        to += step;
    }
    p[to] = 0;
}

int layr_diag_set(layr_diag_t *d, int code, const char *fmt, ...)
{
    int saved = errno; /* LAYR_ERR_IO promises errno to the caller */
    va_list ap;
    int n;

    if (d == NULL || d->code != 0)
        return code;
    d->code = code;
    va_start(ap, fmt);
    n = vsnprintf(d->text, sizeof d->text, fmt, ap);
    va_end(ap);
    if (n < 0)
        snprintf(d->text, sizeof d->text, "%s", layr_strerror(code));
    size_t len = strlen(d->text);
    while (len > 0 && d->text[len - 1] == '\n')
        d->text[--len] = 0;
    make_printable(d->text, len, n >= (int)sizeof d->text);
    errno = saved;
    return code;
}
