/* Large buffers used again. */
#include "spare.h"

#include <stdlib.h>

/* The head of a buffer that nobody holds. */
struct layr_spare {
    struct layr_spare *next;
    size_t len;
};

static void *take_spare(layr_spares_t *s, size_t len)
{
    for (struct layr_spare **at = &s->idle; *at; at = &(*at)->next) {
        struct layr_spare *p = *at;
        if (p->len != len)
            continue;
        *at = p->next;
        s->idle_bytes -= len;
        return p;
    }
    return NULL;
}

/* What is idle then is of another length: it goes where all of it would be more than was ever needed at once. */
static void *take_new(layr_spares_t *s, size_t len)
{
    while (s->idle && s->held + len + s->idle_bytes > s->most) {
        struct layr_spare *p = s->idle;
        s->idle = p->next;
        s->idle_bytes -= p->len;
        free(p);
    }
    return malloc(len);
}

void *layr_spares_take(layr_spares_t *s, size_t len)
{
    void *p = len >= LAYR_SPARE_MIN ? take_spare(s, len) : NULL;
    if (!p)
        p = len >= LAYR_SPARE_MIN ? take_new(s, len) : malloc(len);
    if (p)
        s->held += len;
    if (s->held > s->most)
        s->most = s->held;
    return p;
}

void layr_spares_give(layr_spares_t *s, void *p, size_t len)
{
    struct layr_spare *spare = p;
    if (!p)
        return;
    s->held -= len;
    if (len < LAYR_SPARE_MIN) {
        free(p);
        return;
    }
    *spare = (struct layr_spare){.next = s->idle, .len = len};
    s->idle = spare;
    s->idle_bytes += len;
}

void layr_spares_free(layr_spares_t *s)
{
    while (s->idle) {
        struct layr_spare *p = s->idle;
        s->idle = p->next;
        free(p);
    }
    s->idle_bytes = 0;
}
