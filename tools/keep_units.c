/* Units of a file and their good rows. */
#include "keep_units.h"

#include <stdio.h>
#include <stdlib.h>

#include "layr/durability.h"

unsigned layr_keep_threshold(unsigned threshold, layr_scheme_t s)
{
    unsigned least = s.k < s.n ? s.k + 1u : s.n;

    if (threshold == 0)
        threshold = layr_default_threshold(s);
    return threshold < least ? least : threshold > s.n ? s.n : threshold;
}

static layr_keep_unit_t *unit_of(layr_keep_units_t *u, const layr_audit_row_t *r)
{
    layr_keep_unit_t *last = u->count > 0 ? &u->unit[u->count - 1] : NULL;

    if (last != NULL && last->page == r->page && last->number == r->unit)
        return last;
    if (u->unit == NULL || u->count == u->cap) {
        size_t cap = u->cap ? u->cap * 2 : 64;
        layr_keep_unit_t *more = realloc(u->unit, cap * sizeof *more);

        if (more == NULL)
            return NULL;
        u->unit = more;
        u->cap = cap;
    }
    u->unit[u->count] = (layr_keep_unit_t){.page = r->page, .number = r->unit};
    return &u->unit[u->count++];
}

/* Its host does not answer for it: that is a loss only when it has not for as long as the grace. */
static bool is_waited_for(const layr_keep_units_t *u, const layr_audit_row_t *r)
{
    if (!layr_verdict_is_silent(r->verdict))
        return false;
    return u->grace > 0 && (r->unproven_since == 0 || u->now - r->unproven_since < u->grace);
}

int layr_keep_unit_row(void *ctx, const layr_audit_row_t *r)
{
    layr_keep_units_t *u = ctx;
    layr_keep_unit_t *unit = unit_of(u, r);

    if (unit == NULL)
        return LAYR_ERR_NOMEM;
    unit->rows++;
    if (r->verdict == LAYR_PASSED) {
        unit->good++;
        unit->leaving += r->host != NULL && r->host->leaving;
        u->passed++;
    } else if (is_waited_for(u, r)) {
        layr_time_t end = (r->unproven_since ? r->unproven_since : u->now) + u->grace;

        unit->waited++;
        u->waited++;
        if (u->again == 0 || end < u->again)
            u->again = end;
    } else {
        u->bad++;
    }
    if (r->verdict != LAYR_PASSED && u->text[0] == 0)
        snprintf(u->text, sizeof u->text, "%s", r->text);
    return 0;
}

void layr_keep_units_free(layr_keep_units_t *u)
{
    free(u->unit);
    u->unit = NULL;
    u->count = u->cap = 0;
}

/* A page's copies give it back one by one. */
unsigned layr_keep_needed(const layr_keep_units_t *u, const layr_keep_unit_t *unit)
{
    return unit->page ? 1 : u->scheme.k;
}

/* Pages have n - k + 1 rows, so that as many may be lost as of a segment. */
bool layr_keep_is_low(const layr_keep_units_t *u, const layr_keep_unit_t *unit)
{
    return unit->leaving > 0 || unit->rows - unit->good - unit->waited > (unsigned)u->scheme.n - u->threshold;
}

size_t layr_keep_low(const layr_keep_units_t *u)
{
    size_t low = 0;

    for (size_t i = 0; i < u->count; i++)
        low += layr_keep_is_low(u, &u->unit[i]);
    return low;
}

uint64_t layr_keep_lost(const layr_keep_units_t *u)
{
    uint64_t lost = 0;

    for (size_t i = 0; i < u->count; i++)
        lost += u->unit[i].good + u->unit[i].waited < layr_keep_needed(u, &u->unit[i]);
    return lost;
}

uint64_t layr_keep_hidden(const layr_keep_units_t *u)
{
    uint64_t hidden = 0;

    for (size_t i = 0; i < u->count; i++)
        hidden += u->unit[i].good < layr_keep_needed(u, &u->unit[i]);
    return hidden - layr_keep_lost(u);
}

static int spare(const layr_keep_units_t *u, const layr_keep_unit_t *unit)
{
    return (int)unit->good - (int)layr_keep_needed(u, unit);
}

const layr_keep_unit_t *layr_keep_weakest(const layr_keep_units_t *u)
{
    const layr_keep_unit_t *weakest = u->unit;

    for (size_t i = 1; i < u->count; i++)
        if (spare(u, &u->unit[i]) < spare(u, weakest))
            weakest = &u->unit[i];
    return u->count > 0 ? weakest : NULL;
}

void layr_keep_restored(layr_keep_units_t *u)
{
    for (size_t i = 0; i < u->count; i++)
        if (layr_keep_is_low(u, &u->unit[i])) {
            u->unit[i].good = u->unit[i].rows - u->unit[i].waited;
            u->unit[i].leaving = 0;
        }
}
