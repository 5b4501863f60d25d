/* When a segment is repaired, and what it may lose until then. */
#include "layr/durability.h"

#include <math.h>

#define YEAR_S 31536000.0

unsigned layr_default_threshold(layr_scheme_t s)
{
    if (s.k == 0 || s.k > s.n)
        return 0;
    unsigned spare = s.n - s.k, above = (3u * spare + 4u) / 5u;

    if (above < LAYR_THRESHOLD_ABOVE)
        above = LAYR_THRESHOLD_ABOVE;
    return s.k + (above < spare ? above : spare);
}

/* n over a, times q^a (1 - q)^(n - a). */
static double binomial(unsigned n, unsigned a, double q)
{
    double ways = lgamma(n + 1.0) - lgamma(a + 1.0) - lgamma(n - a + 1.0);

    return exp(ways + (a > 0 ? a * log(q) : 0) + (n - a) * log1p(-q));
}

/*
 * Of n shards j are known to be lost, from 0 to n - threshold; one more and all j are restored.  The next becomes known at a rate
 * of n - j, so that a segment spends times as 1 / (n - j) with each j.  Of the others each is lost and not yet noticed with the
 * chance q, whatever the distribution of the delay.  When n - k are lost in all, k hosts are left any of which may go.
 */
double layr_loss_with_repair(layr_scheme_t s, unsigned threshold, double p, double noticed, uint64_t segments)
{
    double rate = -log1p(-p), q = rate * noticed / (YEAR_S + rate * noticed), weights = 0, loss = 0;

    if (!(p < 1) || s.k == 0 || s.k > s.n || threshold > s.n || threshold < (s.k < s.n ? s.k + 1u : s.n))
        return 1;
    for (unsigned j = 0; j <= s.n - threshold; j++) {
        weights += 1.0 / (s.n - j);
        loss += 1.0 / (s.n - j) * binomial(s.n - j, s.n - s.k - j, q);
    }
    return -expm1(-(double)segments * s.k * rate * loss / weights);
}
