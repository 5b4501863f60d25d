/* Whose an address is: the internet's, a private network's, this machine's, or nobody's (IANA's special registries). */
#include <arpa/inet.h>
#include <string.h>

#include "layr/bytes.h"
#include "net/flight.h"

typedef struct range4 {
    uint32_t first;
    unsigned bits;
    layr_reach_t reach;
} range4_t;

static const range4_t ranges4[] = {
    {0x00000000, 8, LAYR_REACH_ANY},      /* 0.0.0.0/8: this network */
    {0x0a000000, 8, LAYR_REACH_PRIVATE},  /* 10/8 */
    {0x64400000, 10, LAYR_REACH_PRIVATE}, /* 100.64/10: carrier-grade NAT */
    {0x7f000000, 8, LAYR_REACH_LOCAL},    /* 127/8 */
    {0xa9fe0000, 16, LAYR_REACH_LOCAL},   /* 169.254/16: link-local, and clouds' metadata */
    {0xac100000, 12, LAYR_REACH_PRIVATE}, /* 172.16/12 */
    {0xc0000000, 24, LAYR_REACH_ANY},     /* 192.0.0/24: protocol assignments */
    {0xc0000200, 24, LAYR_REACH_ANY},     /* documentation */
    {0xc0a80000, 16, LAYR_REACH_PRIVATE}, /* 192.168/16 */
    {0xc6120000, 15, LAYR_REACH_PRIVATE}, /* 198.18/15: benchmarks within a network */
    {0xc6336400, 24, LAYR_REACH_ANY},     /* documentation */
    {0xcb007100, 24, LAYR_REACH_ANY},     /* documentation */
    {0xe0000000, 3, LAYR_REACH_ANY},      /* multicast, reserved, broadcast */
};

static layr_reach_t reach4(const uint8_t a[4])
{
    uint32_t v = (uint32_t)a[0] << 24 | (uint32_t)a[1] << 16 | (uint32_t)a[2] << 8 | a[3];

    for (size_t i = 0; i < sizeof ranges4 / sizeof *ranges4; i++)
        if ((v ^ ranges4[i].first) >> (32 - ranges4[i].bits) == 0)
            return ranges4[i].reach;
    return LAYR_REACH_PUBLIC;
}

/* The IPv4 address that this one only carries, or NULL. */
static const uint8_t *carried(const uint8_t a[16])
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    static const uint8_t nat64[12] = {0x00, 0x64, 0xff, 0x9b};

    if (memcmp(a, mapped, 12) == 0 || memcmp(a, nat64, 12) == 0)
        return a + 12;
    return a[0] == 0x20 && a[1] == 0x02 ? a + 2 : NULL; /* 6to4 */
}

static layr_reach_t reach6(const uint8_t a[16])
{
    static const uint8_t one[16] = {[15] = 1};
    const uint8_t *v4 = carried(a);

    if (v4 != NULL)
        return reach4(v4);
    if (memcmp(a, one, 16) == 0 || (a[0] == 0xfe && (a[1] & 0xc0) == 0x80)) /* ::1, fe80::/10 */
        return LAYR_REACH_LOCAL;
    if ((a[0] & 0xfe) == 0xfc || (a[0] == 0xfe && (a[1] & 0xc0) == 0xc0)) /* fc00::/7, site-local */
        return LAYR_REACH_PRIVATE;
    if (a[0] == 0x20 && a[1] == 0x01 &&
        ((a[2] == 0x0d && a[3] == 0xb8) || a[2] < 2)) /* documentation, 2001::/23 */
        return LAYR_REACH_ANY;
    return (a[0] & 0xe0) == 0x20 ? LAYR_REACH_PUBLIC : LAYR_REACH_ANY; /* 2000::/3 is all that is given out */
}

layr_reach_t layr_reach_of(const char *ip)
{
    uint8_t a[16];

    if (inet_pton(AF_INET, ip, a) == 1)
        return reach4(a);
    return inet_pton(AF_INET6, ip, a) == 1 ? reach6(a) : LAYR_REACH_ANY;
}

bool layr_reach_covers(layr_reach_t reach, const char *ip)
{
    layr_reach_t is = layr_reach_of(ip);

    return reach == LAYR_REACH_ANY || (is != LAYR_REACH_ANY && is <= reach);
}
