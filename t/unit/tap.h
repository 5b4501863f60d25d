/* A small TAP producer for C tests: ok(), is_int(), is_hex(), plan at the end. */
#ifndef LAYR_TAP_H
#define LAYR_TAP_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int tap_count, tap_failed;

__attribute__((format(printf, 2, 3), unused)) static int ok(int good, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    printf("%sok %d - ", good ? "" : "not ", ++tap_count);
    vprintf(fmt, ap);
    printf("\n");
    va_end(ap);
    if (!good)
        tap_failed++;
    return good;
}

__attribute__((unused)) static int is_int(long long got, long long want, const char *name)
{
    if (!ok(got == want, "%s", name))
        printf("# got %lld, want %lld\n", got, want);
    return got == want;
}

__attribute__((unused)) static int is_mem(const void *got, const void *want, size_t len, const char *name)
{
    int same = memcmp(got, want, len) == 0;
    if (!ok(same, "%s", name)) {
        printf("#  got ");
        for (size_t i = 0; i < len && i < 64; i++)
            printf("%02x", ((const unsigned char *)got)[i]);
        printf("\n# want ");
        for (size_t i = 0; i < len && i < 64; i++)
            printf("%02x", ((const unsigned char *)want)[i]);
        printf("\n");
    }
    return same;
}

__attribute__((unused)) static void skip(const char *why)
{
    printf("ok %d # SKIP %s\n", ++tap_count, why);
}

/* Last line of main: return done(); */
__attribute__((unused)) static int done(void)
{
    printf("1..%d\n", tap_count);
    return tap_failed ? 1 : 0;
}

#endif
