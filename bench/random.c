/* Random numbers from a seed: xoshiro256** (Blackman and Vigna, 2018), and the distributions made of it. */
#include <math.h>

#include "random.h"

static uint64_t splitmix(uint64_t *x)
{
    uint64_t z = (*x += 0x9e3779b97f4a7c15u);

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static uint64_t rotate(uint64_t x, unsigned n)
{
    return x << n | x >> (64 - n);
}

void random_seed(random_t *r, uint64_t seed)
{
    for (unsigned i = 0; i < 4; i++)
        r->s[i] = splitmix(&seed);
}

uint64_t random_next(random_t *r)
{
    uint64_t out = rotate(r->s[1] * 5, 7) * 9, t = r->s[1] << 17;

    r->s[2] ^= r->s[0];
    r->s[3] ^= r->s[1];
    r->s[1] ^= r->s[2];
    r->s[0] ^= r->s[3];
    r->s[2] ^= t;
    r->s[3] = rotate(r->s[3], 45);
    return out;
}

static double unit_of(uint64_t v)
{
    return ((double)(v >> 11) + 0.5) / 9007199254740992.0;
}

double random_unit(random_t *r)
{
    return unit_of(random_next(r));
}

uint32_t random_below(random_t *r, uint32_t n)
{
    return (uint32_t)((random_next(r) >> 32) * n >> 32);
}

void random_fill(random_t *r, uint8_t *out, size_t len)
{
    for (size_t i = 0; i < len; i += 8) {
        uint64_t v = random_next(r);
        for (size_t j = i; j < len && j < i + 8; j++, v >>= 8)
            out[j] = (uint8_t)v;
    }
}

double random_exponential(random_t *r, double median)
{
    return -log(random_unit(r)) * median / log(2);
}

double random_weibull(random_t *r, double shape, double median)
{
    return pow(-log(random_unit(r)) / log(2), 1 / shape) * median;
}

static double lognormal(double a, double b, double median, double sigma)
{
    return median * exp(sigma * sqrt(-2 * log(a)) * cos(2 * M_PI * b));
}

double random_lognormal(random_t *r, double median, double sigma)
{
    double a = random_unit(r), b = random_unit(r);

    return lognormal(a, b, median, sigma);
}

double random_lognormal_of(uint64_t number, double median, double sigma)
{
    uint64_t x = number;
    double a = unit_of(splitmix(&x)), b = unit_of(splitmix(&x));

    return lognormal(a, b, median, sigma);
}
