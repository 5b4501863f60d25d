/* From verdicts to a plan. */
#include "patch_plan.h"

#include <stdlib.h>

static size_t rows_of(const layr_base_units_t *l)
{
    size_t rows = 0;
    for (size_t i = 0; i < l->count; i++)
        rows += l->u[i].rows;
    return rows;
}

static void add_units(layr_plan_t *p, layr_base_units_t *l, layr_restore_t **how, bool page, bool above)
{
    for (size_t i = 0; i < l->count; i++) {
        p->unit[p->count++] = (layr_plan_unit_t){
            .u = &l->u[i], .page = page, .above = above, .number = l->u[i].number, .how = *how};
        *how += l->u[i].rows;
    }
}

int layr_plan_new(layr_plan_t *p, layr_base_t *b)
{
    layr_restore_t *how;
    *p = (layr_plan_t){.b = b, .segments = b->segment.count, .pages = b->page.count};
    p->unit = calloc(b->segment.count + b->page.count + b->above.count + 1, sizeof *p->unit);
    p->how = how = calloc(rows_of(&b->segment) + rows_of(&b->page) + rows_of(&b->above) + 1, sizeof *p->how);
    if (!p->unit || !how) {
        layr_plan_free(p);
        return LAYR_ERR_NOMEM;
    }
    add_units(p, &b->segment, &how, false, false);
    add_units(p, &b->page, &how, true, false);
    add_units(p, &b->above, &how, true, true);
    return LAYR_OK;
}

void layr_plan_free(layr_plan_t *p)
{
    free(p->unit);
    free(p->how);
    *p = (layr_plan_t){0};
}

/* Units of a kind are in the order of their numbers. */
static layr_plan_unit_t *find(layr_plan_unit_t *u, size_t count, uint64_t number)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (u[mid].number < number)
            low = mid + 1;
        else
            high = mid;
    }
    return low < count && u[low].number == number ? &u[low] : NULL;
}

static layr_plan_unit_t *find_unit(layr_plan_t *p, bool page, uint64_t number)
{
    layr_plan_unit_t *pages = p->unit + p->segments, *u;
    if (!page)
        return find(p->unit, p->segments, number);
    u = find(pages, p->pages, number);
    return u ? u : find(pages + p->pages, p->count - p->segments - p->pages, number);
}

int layr_plan_row(layr_plan_t *p, bool page, uint64_t unit, unsigned index, layr_fate_t fate)
{
    layr_plan_unit_t *u = find_unit(p, page, unit);
    if (!u || index >= u->u->rows)
        return LAYR_ERR_ARG;
    u->good += fate == LAYR_FATE_GOOD;
    u->leaving += fate == LAYR_FATE_LEAVING;
    u->lost += fate == LAYR_FATE_LOST;
    p->waiting += fate == LAYR_FATE_WAITS;
    u->how[index] = fate == LAYR_FATE_LOST      ? LAYR_RESTORE_MAKE
                    : fate == LAYR_FATE_LEAVING ? LAYR_RESTORE_COPY
                                                : LAYR_RESTORE_KEEP;
    return LAYR_OK;
}

int layr_plan_shape(const layr_plan_t *p, const layr_plan_unit_t *u, layr_shape_t *out)
{
    return u->page ? layr_page_shape(out, p->b->scheme, u->u->entry.size)
                   : layr_shape_of(out, p->b->scheme, u->u->entry.size);
}

/* `spare`: rows that may be lost before it is restored. */
static int decide(layr_plan_t *p, layr_plan_unit_t *u, unsigned spare)
{
    unsigned need = u->page ? 1 : p->b->scheme.k;
    layr_shape_t shape;
    int rc = layr_plan_shape(p, u, &shape);
    if (rc != LAYR_OK)
        return rc;
    if (u->good + u->leaving < need)
        layr_numbers_add(u->page ? &p->lost_pages : &p->lost, u->number);
    p->whole += u->good == u->u->rows;
    u->copy = u->leaving;
    u->make = u->lost > spare ? u->lost : 0;
    p->left_alone += u->lost - u->make;
    for (unsigned i = 0; i < u->u->rows && !u->make; i++)
        if (u->how[i] == LAYR_RESTORE_MAKE)
            u->how[i] = LAYR_RESTORE_KEEP;
    p->make += u->make;
    p->copy += u->copy;
    p->bytes += (uint64_t)(u->make + u->copy) * shape.blob;
    return LAYR_OK;
}

int layr_plan_decide(layr_plan_t *p, unsigned threshold)
{
    layr_scheme_t s = p->b->scheme;
    int rc = LAYR_OK;
    for (size_t i = 0; i < p->count && rc == LAYR_OK; i++)
        rc = decide(p, &p->unit[i], threshold && threshold < s.n ? s.n - threshold : 0);
    return rc;
}

bool layr_plan_any(const layr_plan_t *p)
{
    return p->make + p->copy > 0;
}

bool layr_plan_page_changed(const layr_plan_t *p, const layr_plan_unit_t *page)
{
    for (uint64_t i = 0; i < page->u->entry.segments; i++)
        if (p->unit[page->u->first + i].changed)
            return true;
    return false;
}
