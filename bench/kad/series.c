/* A row of measured values. */
#include <stdlib.h>

#include "sim.h"

void series_add(series_t *x, double v)
{
    if (x->count == x->cap) {
        x->cap = x->cap ? 2 * x->cap : 256;
        x->v = realloc(x->v, x->cap * sizeof *x->v);
        if (x->v == NULL)
            abort();
    }
    x->v[x->count++] = v;
    x->sorted = false;
}

double series_mean(const series_t *x)
{
    double sum = 0;

    for (size_t i = 0; i < x->count; i++)
        sum += x->v[i];
    return x->count ? sum / (double)x->count : 0;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

double series_part(series_t *x, double p)
{
    if (x->count == 0)
        return 0;
    if (!x->sorted)
        qsort(x->v, x->count, sizeof *x->v, by_value);
    x->sorted = true;
    return x->v[(size_t)(p * (double)(x->count - 1) + 0.5)];
}

void series_free(series_t *x)
{
    free(x->v);
}
