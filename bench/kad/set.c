/* Who is closest of a set of nodes, by sorting: what lookups are compared with, and what hostile nodes answer. */
#include <stdlib.h>
#include <string.h>

#include "sim.h"

static const sim_t *of;
static const uint8_t *near_to;

static int by_id(const void *a, const void *b)
{
    return memcmp(of->node[*(const uint32_t *)a].id, of->node[*(const uint32_t *)b].id, 32);
}

static int by_distance(const void *a, const void *b)
{
    return layr_kad_closer(near_to, of->node[*(const uint32_t *)a].id, of->node[*(const uint32_t *)b].id);
}

void set_sort(const sim_t *s, uint32_t *set, uint32_t count)
{
    of = s;
    qsort(set, count, sizeof *set, by_id);
}

/* The first of the set whose id is not below `id`. */
static uint32_t lower(const sim_t *s, const uint32_t *set, uint32_t count, const uint8_t id[32])
{
    uint32_t low = 0, high = count;

    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (memcmp(s->node[set[mid]].id, id, 32) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

void set_add(sim_t *s, uint32_t n)
{
    uint32_t at = lower(s, s->hostile, s->hostiles, s->node[n].id);

    s->hostile = realloc(s->hostile, (s->hostiles + 1) * sizeof *s->hostile);
    if (s->hostile == NULL)
        abort();
    memmove(s->hostile + at + 1, s->hostile + at, (s->hostiles - at) * sizeof *s->hostile);
    s->hostile[at] = n;
    s->hostiles++;
}

void set_prefix(const sim_t *s, const uint32_t *set, uint32_t count, const uint8_t target[32], unsigned bits,
                uint32_t *first, uint32_t *last)
{
    unsigned byte = bits / 8;
    uint8_t id[32], rest = (uint8_t)(0xff >> bits % 8);

    memcpy(id, target, 32);
    id[byte] = target[byte] & (uint8_t)~rest;
    memset(id + byte + 1, 0, 31 - byte);
    *first = lower(s, set, count, id);
    id[byte] = target[byte] | rest;
    memset(id + byte + 1, 0xff, 31 - byte);
    *last = lower(s, set, count, id);
}

unsigned set_closest(const sim_t *s, const uint32_t *set, uint32_t count, const uint8_t target[32],
                     uint32_t *out, unsigned max)
{
    uint32_t first = 0, last = count, a, b, n;
    uint32_t *near;

    for (unsigned bits = 1; bits < 256; bits++) {
        set_prefix(s, set, count, target, bits, &a, &b);
        if (b - a < max)
            break;
        first = a;
        last = b;
    }
    n = last - first;
    near = sim_alloc(n + 1, sizeof *near);
    memcpy(near, set + first, n * sizeof *near);
    of = s;
    near_to = target;
    qsort(near, n, sizeof *near, by_distance);
    n = n < max ? n : max;
    memcpy(out, near, n * sizeof *near);
    free(near);
    return n;
}
