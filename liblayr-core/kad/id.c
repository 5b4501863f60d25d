/* Ids under the XOR metric, and network groups. */
#include <string.h>

#include "layr/kad.h"

int layr_kad_closer(const uint8_t target[32], const uint8_t a[32], const uint8_t b[32])
{
    for (unsigned i = 0; i < 32; i++) {
        unsigned da = a[i] ^ target[i], db = b[i] ^ target[i];
        if (da != db)
            return da < db ? -1 : 1;
    }
    return 0;
}

unsigned layr_kad_prefix(const uint8_t a[32], const uint8_t b[32])
{
    for (unsigned i = 0; i < 32; i++) {
        unsigned d = a[i] ^ b[i];
        if (d != 0)
            return 8 * i + (unsigned)__builtin_clz(d) - 24;
    }
    return 256;
}

void layr_kad_random_id(uint8_t out[32], const uint8_t own[32], unsigned prefix, const uint8_t random[32])
{
    unsigned byte = prefix / 8, bit = prefix % 8;
    uint8_t keep = (uint8_t)(0xff00 >> bit), flip = (uint8_t)(0x80 >> bit);
    uint8_t mixed = (uint8_t)((own[byte] & keep) | (random[byte] & (uint8_t)~keep));

    mixed = (uint8_t)((mixed & (uint8_t)~flip) | (~own[byte] & flip));
    memmove(out, random, 32);
    memcpy(out, own, byte);
    out[byte] = mixed;
}

static uint64_t group4(const uint8_t a[4])
{
    return (uint64_t)4 << 56 | (uint64_t)a[0] << 16 | (uint64_t)a[1] << 8 | a[2];
}

/* Kinds that carry an IPv4 address: where it begins; 0: none does. */
static unsigned carried4(const uint8_t a[16])
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    static const uint8_t nat64[12] = {0x00, 0x64, 0xff, 0x9b};

    if (memcmp(a, mapped, sizeof mapped) == 0 || memcmp(a, nat64, sizeof nat64) == 0)
        return 12;
    return a[0] == 0x20 && a[1] == 0x02 ? 2 : 0;
}

uint64_t layr_kad_group(const uint8_t *address, size_t len)
{
    uint64_t net = (uint64_t)6 << 56;
    unsigned at;

    if (len == 4)
        return group4(address);
    if (len != 16)
        return 0;
    if ((at = carried4(address)) != 0)
        return group4(address + at);
    for (unsigned i = 0; i < 6; i++)
        net |= (uint64_t)address[i] << (40 - 8 * i);
    return net;
}
