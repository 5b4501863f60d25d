/* Large buffers used again. */
#include "spare.h"

#include <stdlib.h>

void *layr_spares_take(layr_spares_t *s, size_t len)
{
    void *p = NULL;
    /* the last one given back first: its pages are resident, those of others may never be needed */
    for (unsigned i = s->count; i-- > 0;) {
        if (s->spare[i].len == len) {
            p = s->spare[i].p;
            s->count--;
            for (unsigned k = i; k < s->count; k++)
                s->spare[k] = s->spare[k + 1];
            break;
        }
    }
    if (!p)
        p = malloc(len);
    if (p)
        s->held += len;
    return p;
}

void layr_spares_give(layr_spares_t *s, void *p, size_t len)
{
    if (p)
        s->held -= len;
    if (!p || len < LAYR_SPARE_MIN || s->count == LAYR_SPARES) {
        free(p);
        return;
    }
    s->spare[s->count].p = p;
    s->spare[s->count++].len = len;
}

void layr_spares_free(layr_spares_t *s)
{
    while (s->count)
        free(s->spare[--s->count].p);
}
