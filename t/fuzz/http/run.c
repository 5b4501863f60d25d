/* What both wires do alike. */
#include <stdio.h>
#include <string.h>

#include "run.h"

const char *run_judge(run_t *c, unsigned i, const answer_t *a)
{
    c->tally->answers++;
    if (a->status >= 0 && a->status < 600)
        c->tally->status[a->status]++;
    if (a->status >= 200 && a->status < 300)
        c->tally->good++;
    if (c->verbose)
        printf("  %u: %.*s %.90s: %d, %zu bytes\n", i, (int)c->req[i].method.len, c->req[i].method.p,
               c->req[i].path.p, a->status, a->body_len);
    return answer_judge(&c->gen, &c->req[i], a);
}

int run_send(run_t *c, wire_t *w, const uint8_t *p, size_t len)
{
    gen_t *g = &c->gen;
    unsigned pieces = rng_one_in(&g->rng, 4) ? 1 + rng_below(&g->rng, 8) : 1;

    for (; pieces > 1 && len > 1; pieces--) {
        size_t n = 1 + rng_below(&g->rng, (uint32_t)len - 1);
        if (wire_send(w, p, n) != 0)
            return -1;
        p += n;
        len -= n;
        sleep_ms(rng_below(&g->rng, 4));
    }
    return len > 0 ? wire_send(w, p, len) : 0;
}

void run_havoc(gen_t *g, layr_buf_t *b)
{
    unsigned count = 1 + rng_below(&g->rng, 6);

    for (unsigned i = 0; i < count && b->len > 1; i++) {
        size_t at = rng_below(&g->rng, (uint32_t)(rng_one_in(&g->rng, 2) && b->len > 400 ? 400 : b->len));
        size_t n = 1 + rng_below(&g->rng, 16);
        if (n > b->len - at)
            n = b->len - at;
        switch (rng_below(&g->rng, 4)) {
        case 0:
            b->p[at] = (uint8_t)rng_next(&g->rng);
            break;
        case 1:
            b->p[at] ^= (uint8_t)(1u << rng_below(&g->rng, 8));
            break;
        case 2: /* out */
            memmove(b->p + at, b->p + at + n, b->len - at - n);
            b->len -= n;
            break;
        default:
            rng_fill(&g->rng, b->p + at, n);
        }
    }
}
