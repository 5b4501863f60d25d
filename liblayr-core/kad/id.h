/* Distances as numbers, for sorting: the first 8 bytes decide nearly always. */
#ifndef LAYR_KAD_ID_H
#define LAYR_KAD_ID_H

#include <stdint.h>

static inline uint64_t layr_kad_far(const uint8_t target[32], const uint8_t id[32])
{
    uint64_t far = 0;

    for (unsigned i = 0; i < 8; i++)
        far = far << 8 | (uint8_t)(target[i] ^ id[i]);
    return far;
}

#endif
