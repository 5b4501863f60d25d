/* Numbers in a sentence. */
#include "numbers.h"

#include <stdio.h>

#define ONE_MAX 64 /* bytes of one range and of " and more" */

void layr_numbers_add(layr_numbers_t *l, uint64_t number)
{
    if (l->count < LAYR_NUMBERS_NAMED)
        l->n[l->count] = number;
    l->count++;
}

/* The last of those from i on that follow one another. */
static size_t run_end(const layr_numbers_t *l, size_t i, size_t named)
{
    while (i + 1 < named && l->n[i + 1] == l->n[i] + 1)
        i++;
    return i;
}

void layr_numbers_text(const layr_numbers_t *l, char *out, size_t cap)
{
    size_t named = l->count < LAYR_NUMBERS_NAMED ? (size_t)l->count : LAYR_NUMBERS_NAMED, i = 0;
    int at = snprintf(out, cap, "%s", l->count == 1 ? "number" : "numbers");
    while (i < named && (size_t)at + 2 * ONE_MAX < cap) {
        size_t end = run_end(l, i, named);
        at += snprintf(out + at, cap - (size_t)at, i ? ", %llu" : " %llu", (unsigned long long)l->n[i]);
        if (end > i)
            at += snprintf(out + at, cap - (size_t)at, " to %llu", (unsigned long long)l->n[end]);
        i = end + 1;
    }
    if (i < named || l->count > named)
        snprintf(out + at, cap - (size_t)at, " and more");
}
