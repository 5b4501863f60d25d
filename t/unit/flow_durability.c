/* When a segment is repaired. */
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "layr/durability.h"
#include "tap.h"

static void test_threshold(void)
{
    static const struct {
        layr_scheme_t s;
        unsigned want;
    } table[] = {{{1, 3}, 3},    {{3, 6}, 6},     {{4, 8}, 7}, {{4, 10}, 8}, {{10, 20}, 16}, {{20, 40}, 32},
                 {{29, 80}, 60}, {{1, 255}, 154}, {{1, 1}, 1}, {{5, 5}, 5},  {{1, 2}, 2},    {{2, 3}, 3},
                 {{2, 4}, 4},    {{5, 8}, 8},     {{4, 9}, 7}, {{0, 3}, 0},  {{4, 3}, 0}};
    bool between = true;

    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        ok(layr_default_threshold(table[i].s) == table[i].want, "%u/%u: repaired below %u", table[i].s.k,
           table[i].s.n, table[i].want);
    for (unsigned n = 1; n <= 255; n++)
        for (unsigned k = 1; k <= n; k++) {
            unsigned t = layr_default_threshold((layr_scheme_t){(uint8_t)k, (uint8_t)n});
            between = between && t <= n && (t > k || k == n);
        }
    ok(between, "every scheme: while more than k are left, so that one more may be lost");
}

/*
 * A state for each number of known and of unnoticed lost shards, delays exponential: where it is in the long run, by taking steps
 * until nothing changes, and how often it passes on to a loss.
 */
#define STATES 16
static double loss_by_steps(layr_scheme_t s, unsigned threshold, double p, double noticed)
{
    double rate = -log1p(-p), due = 31536000 / noticed, step = 0.5 / (s.n * (rate + due)), lost = 0;
    double at[STATES][STATES] = {{1}}, next[STATES][STATES];

    for (unsigned steps = 0; steps < 300000; steps++) {
        lost = 0;
        memset(next, 0, sizeof next);
        for (unsigned j = 0; j <= s.n - threshold; j++)
            for (unsigned u = 0; j + u <= (unsigned)s.n - s.k; u++) {
                double fails = at[j][u] * (s.n - j - u) * rate * step, noted = at[j][u] * u * due * step;

                next[j][u] += at[j][u] - fails - noted;
                if (j + u + 1 <= (unsigned)s.n - s.k)
                    next[j][u + 1] += fails;
                else
                    lost += fails / step;
                if (u > 0)
                    next[j < s.n - threshold ? j + 1 : 0][u - 1] += noted;
            }
        next[0][0] += lost * step; /* another one begins */
        memcpy(at, next, sizeof at);
    }
    return -expm1(-lost);
}

static void test_kept(void)
{
    static const struct {
        layr_scheme_t s;
        unsigned threshold;
        double p;
    } table[] = {{{1, 3}, 3, 0.05}, {{3, 6}, 5, 0.2}, {{3, 6}, 6, 0.2}, {{4, 8}, 7, 0.2}, {{4, 10}, 7, 0.4}};
    double noticed = 7.5 * 86400;

    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        layr_scheme_t s = table[i].s;
        double want = loss_by_steps(s, table[i].threshold, table[i].p, noticed),
               got = layr_loss_with_repair(s, table[i].threshold, table[i].p, noticed, 1);

        ok(fabs(got - want) < want * 0.05, "%u/%u below %u, %.2f: %.2e, and step by step %.2e", s.k, s.n,
           table[i].threshold, table[i].p, got, want);
        want = -expm1(1000 * log1p(-got));
        got = layr_loss_with_repair(s, table[i].threshold, table[i].p, noticed, 1000);
        ok(fabs(got - want) <= want * 1e-6, "and of a thousand segments");
    }
    ok(layr_loss_with_repair((layr_scheme_t){20, 40}, 32, 0.05, noticed, 1) > 0, "the rarest is not 0");
    ok(layr_loss_with_repair((layr_scheme_t){4, 8}, 4, 0.05, noticed, 1) == 1 &&
           layr_loss_with_repair((layr_scheme_t){4, 8}, 9, 0.05, noticed, 1) == 1 &&
           layr_loss_with_repair((layr_scheme_t){0, 8}, 7, 0.05, noticed, 1) == 1 &&
           layr_loss_with_repair((layr_scheme_t){4, 8}, 7, 1, noticed, 1) == 1,
       "nonsense promises nothing");
    ok(layr_loss_with_repair((layr_scheme_t){4, 8}, 7, 0, noticed, 1) == 0,
       "where no host is lost nothing is");
    ok(fabs(layr_loss_with_repair((layr_scheme_t){2, 2}, 2, 0.05, noticed, 1) - (1 - 0.95 * 0.95)) < 1e-3,
       "without a spare a keeper is of no use");
}

int main(void)
{
    test_threshold();
    test_kept();
    return done();
}
