/* Random numbers from a seed, for the simulators: the same seed gives the same figures everywhere. */
#ifndef LAYR_BENCH_RANDOM_H
#define LAYR_BENCH_RANDOM_H

#include <stddef.h>
#include <stdint.h>

typedef struct random {
    uint64_t s[4];
} random_t;
void random_seed(random_t *r, uint64_t seed);
uint64_t random_next(random_t *r);
double random_unit(random_t *r); /* (0, 1) */
uint32_t random_below(random_t *r, uint32_t n);
void random_fill(random_t *r, uint8_t *out, size_t len);
double random_exponential(random_t *r, double median);
double random_weibull(random_t *r, double shape, double median);
double random_lognormal(random_t *r, double median, double sigma);
/* A lognormal value that is always the same for this number. */
double random_lognormal_of(uint64_t number, double median, double sigma);

#endif
