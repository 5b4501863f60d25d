/* Texts and JSON. */
#include "show.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "layr/bytes.h"
#include "say.h"

/* Bytes of the UTF-8 character at s, or 0 when it is none; a character has at most 4. */
static size_t char_len(const char *s, size_t left)
{
    for (size_t n = 1; n <= 4 && n <= left; n++)
        if (layr_utf8_ok(s, n))
            return n;
    return 0;
}

/* C0 and DEL; C1; marks and overrides of the direction of text, by which "exe.jpg" can be shown for
 * "gpj.exe". */
static int is_control(const char *s, size_t n)
{
    unsigned char a = (unsigned char)s[0], b = n > 1 ? (unsigned char)s[1] : 0,
                  c = n > 2 ? (unsigned char)s[2] : 0;

    if (n == 1)
        return a < 0x20 || a == 0x7f;
    if (n == 2)
        return (a == 0xc2 && b < 0xa0) || (a == 0xd8 && b == 0x9c);
    if (n == 3 && a == 0xe2 && b == 0x80)
        return (c >= 0x8e && c <= 0x8f) || (c >= 0xa8 && c <= 0xae);
    return n == 3 && a == 0xe2 && b == 0x81 && c >= 0xa6 && c <= 0xa9;
}

void layr_show_name(char *out, size_t cap, const char *name)
{
    size_t left = strlen(name), at = 0;

    while (left > 0) {
        size_t n = char_len(name, left), step = n > 0 ? n : 1;

        if (at + step + 1 > cap)
            break;
        if (n == 0 || is_control(name, n))
            out[at++] = '?';
        else {
            memcpy(out + at, name, n);
            at += n;
        }
        name += step;
        left -= step;
    }
    out[at] = 0;
}

static void format_time(char out[LAYR_DATE_TEXT], layr_time_t t, const char *fmt)
{
    time_t when = (time_t)t;
    struct tm tm;

    if (localtime_r(&when, &tm) == NULL || strftime(out, LAYR_DATE_TEXT, fmt, &tm) == 0)
        snprintf(out, LAYR_DATE_TEXT, "%lld", (long long)t);
}

void layr_show_date(char out[LAYR_DATE_TEXT], layr_time_t t)
{
    format_time(out, t, "%Y-%m-%d");
}

void layr_show_minute(char out[LAYR_DATE_TEXT], layr_time_t t)
{
    format_time(out, t, "%Y-%m-%d %H:%M");
}

void layr_show_scheme(char out[LAYR_SCHEME_TEXT], layr_scheme_t s)
{
    snprintf(out, LAYR_SCHEME_TEXT, "%u/%u", s.k, s.n);
}

/* Two digits are as many as such a number is worth. */
void layr_show_odds(char out[LAYR_ODDS_TEXT], double p)
{
    double one_in, step;
    char digits[24];
    size_t len, at = 0;

    if (!(p > 1e-15)) {
        snprintf(out, LAYR_ODDS_TEXT, "below 1 in 10^15");
        return;
    }
    one_in = 1 / p;
    step = one_in < 100 ? 1 : pow(10, floor(log10(one_in)) - 1);
    snprintf(digits, sizeof digits, "%.0f", round(one_in / step) * step);
    len = strlen(digits);
    at = (size_t)snprintf(out, LAYR_ODDS_TEXT, "1 in ");
    for (size_t i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0)
            out[at++] = ',';
        out[at++] = digits[i];
    }
    out[at] = 0;
}

const char *layr_show_down(const layr_host_t *h)
{
    return h->error_text[0] ? h->error_text : layr_strerror(h->error);
}

int layr_json_u64(cJSON *o, const char *name, uint64_t v)
{
    char text[LAYR_DEC_MAX];

    layr_dec(text, v);
    return cJSON_AddRawToObject(o, name, text) != NULL ? 0 : LAYR_ERR_NOMEM;
}

int layr_json_time(cJSON *o, const char *name, layr_time_t t)
{
    char text[24];

    snprintf(text, sizeof text, "%lld", (long long)t);
    return cJSON_AddRawToObject(o, name, text) != NULL ? 0 : LAYR_ERR_NOMEM;
}

/* cJSON writes bytes as they come; JSON must be UTF-8. */
int layr_json_text(cJSON *o, const char *name, const char *text)
{
    size_t left = strlen(text), at = 0;
    char *clean = malloc(3 * left + 1);
    int rc = LAYR_ERR_NOMEM;

    if (clean == NULL)
        return rc;
    while (left > 0) {
        size_t n = char_len(text, left), step = n > 0 ? n : 1;

        memcpy(clean + at, n > 0 ? text : "\xef\xbf\xbd", n > 0 ? n : 3);
        at += n > 0 ? n : 3;
        text += step;
        left -= step;
    }
    clean[at] = 0;
    rc = cJSON_AddStringToObject(o, name, clean) != NULL ? 0 : LAYR_ERR_NOMEM;
    layr_wipe(clean, at);
    free(clean);
    return rc;
}

int layr_json_hex(cJSON *o, const char *name, const uint8_t *p, size_t len)
{
    char text[65] = "";

    layr_hex(text, p, len < 32 ? len : 32);
    return cJSON_AddStringToObject(o, name, text) != NULL ? 0 : LAYR_ERR_NOMEM;
}

int layr_json_scheme(cJSON *o, const char *name, layr_scheme_t s)
{
    char text[LAYR_SCHEME_TEXT];

    layr_show_scheme(text, s);
    return cJSON_AddStringToObject(o, name, text) != NULL ? 0 : LAYR_ERR_NOMEM;
}

int layr_json_print(cJSON *o, int bad)
{
    char *text = o != NULL && bad == 0 ? cJSON_Print(o) : NULL;
    int rc = LAYR_EXIT_OK;

    if (text == NULL)
        rc = layr_say_failed(LAYR_ERR_NOMEM, NULL);
    else
        puts(text);
    if (text != NULL)
        layr_wipe(text, strlen(text));
    cJSON_free(text);
    cJSON_Delete(o);
    return rc == LAYR_EXIT_OK ? layr_show_end() : rc;
}

/* A reader that went away (a pager that was quit) needs no words. */
int layr_show_end(void)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return LAYR_EXIT_OK;
    if (errno != EPIPE)
        layr_say_error("cannot write to standard output: %s", strerror(errno));
    return LAYR_EXIT_FAILED;
}
