/* Which scheme for how many hosts, and what it promises. */
#include <math.h>

#include "layr/flow.h"

int layr_scheme_for_hosts(layr_scheme_t *out, size_t hosts)
{
    /* each leaves some hosts over, for repair */
    static const struct {
        size_t hosts;
        layr_scheme_t s;
    } table[] = {{48, {20, 40}}, {24, {10, 20}}, {12, {4, 10}}, {9, {4, 8}}, {7, {3, 6}}, {4, {1, 3}}};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (hosts >= table[i].hosts) {
            *out = table[i].s;
            return LAYR_OK;
        }
    }
    return LAYR_ERR_HOSTS;
}

double layr_loss_without_repair(layr_scheme_t s, double p, uint64_t segments)
{
    double loss = 0;
    for (unsigned lost = (unsigned)s.n - s.k + 1u; lost <= s.n; lost++) {
        double ways = lgamma(s.n + 1.0) - lgamma(lost + 1.0) - lgamma(s.n - lost + 1.0);
        loss += exp(ways + lost * log(p) + (s.n - lost) * log1p(-p));
    }
    /* 1 - (1 - loss)^segments without losing small numbers */
    return -expm1((double)segments * log1p(-loss));
}
