/* Events in the order of their time: a binary heap. */
#include <stdlib.h>

#include "sim.h"

static bool before(const event_t *a, const event_t *b)
{
    return a->at != b->at ? a->at < b->at : a->order < b->order;
}

static void grow(sim_t *s)
{
    s->heap_cap = s->heap_cap ? 2 * s->heap_cap : 1024;
    s->heap = realloc(s->heap, s->heap_cap * sizeof *s->heap);
    if (s->heap == NULL)
        abort();
}

void queue_add(sim_t *s, uint64_t at, event_kind_t kind, uint32_t node, void *what)
{
    event_t e = {at, s->order++, kind, node, what};
    size_t i = s->heap_count;

    if (s->heap_count == s->heap_cap)
        grow(s);
    s->heap_count++;
    for (; i > 0 && before(&e, &s->heap[(i - 1) / 2]); i = (i - 1) / 2)
        s->heap[i] = s->heap[(i - 1) / 2];
    s->heap[i] = e;
}

bool queue_take(sim_t *s, event_t *out)
{
    event_t last;
    size_t i = 0, child;

    if (s->heap_count == 0)
        return false;
    *out = s->heap[0];
    last = s->heap[--s->heap_count];
    for (; (child = 2 * i + 1) < s->heap_count; i = child) {
        if (child + 1 < s->heap_count && before(&s->heap[child + 1], &s->heap[child]))
            child++;
        if (!before(&s->heap[child], &last))
            break;
        s->heap[i] = s->heap[child];
    }
    s->heap[i] = last;
    return true;
}
