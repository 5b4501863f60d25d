/* The clock. */
#include "sim.h"

static double next(const world_t *w)
{
    double t = least(w->next_death, least(w->next_corruption, w->next_group));

    return least(t, least(w->repair_ends, least(w->next_sample, w->next_audit)));
}

static void happen(world_t *w)
{
    if (w->now == w->repair_ends)
        keeper_repaired(w);
    else if (w->now == w->next_sample || w->now == w->next_audit)
        keeper_audit(w);
    else
        world_happen(w);
}

bool run_until(world_t *w, double until, uint32_t level)
{
    w->lowest = w->n;
    for (uint32_t i = 0; i < w->segments; i++)
        if (w->segment[i].good < w->lowest)
            w->lowest = w->segment[i].good;
    while (w->lowest > level) {
        double t = next(w);

        if (t >= until) {
            w->now = until;
            return false;
        }
        w->now = t;
        happen(w);
    }
    return true;
}
