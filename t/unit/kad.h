/* What the tests of kad/ share: repeatable random bytes, hosts made up from a number. */
#ifndef LAYR_T_KAD_H
#define LAYR_T_KAD_H

#include "layr/kad.h"
#include "tap.h"

#define NOW 1800000000LL

static uint64_t kad_state = 1;

/* SplitMix64. */
__attribute__((unused)) static uint64_t random64(void)
{
    uint64_t z = (kad_state += 0x9e3779b97f4a7c15u);

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

__attribute__((unused)) static void random_bytes(uint8_t *out, size_t len)
{
    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)random64();
}

/* A contact with a random id, in network `group`. */
__attribute__((unused)) static layr_kad_contact_t random_contact(uint64_t group)
{
    layr_kad_contact_t c = {.seq = 1, .exp = NOW + 86400, .group = group, .text = "contact", .len = 7};

    random_bytes(c.id, 32);
    return c;
}

/* One whose id has exactly `prefix` bits in common with own. */
__attribute__((unused)) static layr_kad_contact_t contact_in(const uint8_t own[32], unsigned prefix,
                                                             uint64_t group)
{
    layr_kad_contact_t c = random_contact(group);
    uint8_t random[32];

    random_bytes(random, 32);
    layr_kad_random_id(c.id, own, prefix, random);
    return c;
}

#endif
