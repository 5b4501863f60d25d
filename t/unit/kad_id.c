/* kad/id.c: distance, common prefix, random ids, network groups. */
#include "kad.h"

static void test_distance(void)
{
    uint8_t a[32] = {0x80}, b[32] = {0x40}, zero[32] = {0}, c[32];
    int same = 1, symmetric = 1;

    ok(layr_kad_closer(zero, b, a) < 0 && layr_kad_closer(zero, a, b) > 0,
       "0x40.. is closer to zero than 0x80..");
    ok(layr_kad_closer(a, a, b) < 0, "nothing is closer to an id than itself");
    ok(layr_kad_closer(zero, a, a) == 0, "equal ids are equally far");
    memset(c, 0xff, 32);
    c[31] = 0xfe;
    memset(a, 0xff, 32);
    ok(layr_kad_closer(a, c, zero) < 0, "the last bit weighs least");
    for (unsigned n = 0; n < 1000; n++) {
        uint8_t t[32], x[32], y[32], dx[32], dy[32];
        random_bytes(t, 32);
        random_bytes(x, 32);
        memcpy(y, x, 32);
        random_bytes(y + random64() % 32, 1);
        for (unsigned i = 0; i < 32; i++) {
            dx[i] = x[i] ^ t[i];
            dy[i] = y[i] ^ t[i];
        }
        int want = memcmp(dx, dy, 32), got = layr_kad_closer(t, x, y);
        same &= (want < 0) == (got < 0) && (want > 0) == (got > 0);
        symmetric &= layr_kad_closer(t, y, x) == -got;
    }
    ok(same, "as the distances compare as big-endian numbers");
    ok(symmetric, "and the other way round");
}

static void test_prefix(void)
{
    uint8_t own[32], out[32], random[32];
    int exact = 1, rest = 1;

    random_bytes(own, 32);
    is_int(layr_kad_prefix(own, own), 256, "an id has 256 bits in common with itself");
    for (unsigned p = 0; p < 256; p++) {
        unsigned first = p / 8 + 1;
        random_bytes(random, 32);
        layr_kad_random_id(out, own, p, random);
        exact &= layr_kad_prefix(own, out) == p;
        rest &= first > 31 || memcmp(out + first, random + first, 32 - first) == 0;
    }
    ok(exact, "a random id of a bucket is in that bucket, each of 256");
    ok(rest, "and what is behind the prefix is random");
}

static void test_group(void)
{
    static const uint8_t a[4] = {203, 0, 113, 7}, b[4] = {203, 0, 113, 200}, c[4] = {203, 0, 114, 7};
    static const uint8_t mapped[16] = {[10] = 0xff, 0xff, 203, 0, 113, 9};
    static const uint8_t six_to_four[16] = {0x20, 0x02, 203, 0, 113, 9, 1, 2};
    static const uint8_t nat64[16] = {0x00, 0x64, 0xff, 0x9b, [12] = 203, 0, 113, 9};
    static const uint8_t six[16] = {0x20, 0x01, 0x0d, 0xb8, 0, 1, 0, 2, 3},
                         near[16] = {0x20, 0x01, 0x0d, 0xb8, 0, 1, 9};
    static const uint8_t other[16] = {0x20, 0x01, 0x0d, 0xb8, 0, 2, 0, 2, 3};

    ok(layr_kad_group(a, 4) == layr_kad_group(b, 4) && layr_kad_group(a, 4) != layr_kad_group(c, 4),
       "IPv4 by /24");
    ok(layr_kad_group(six, 16) == layr_kad_group(near, 16) &&
           layr_kad_group(six, 16) != layr_kad_group(other, 16),
       "IPv6 by /48");
    ok(layr_kad_group(mapped, 16) == layr_kad_group(a, 4), "IPv4 in IPv6 is IPv4");
    ok(layr_kad_group(six_to_four, 16) == layr_kad_group(a, 4), "and so is 6to4");
    ok(layr_kad_group(nat64, 16) == layr_kad_group(a, 4), "and NAT64");
    ok(layr_kad_group(a, 3) == 0 && layr_kad_group(six, 0) == 0, "no other length has one");
    uint8_t zero[16] = {0};
    ok(layr_kad_group(zero, 4) != 0 && layr_kad_group(zero, 16) != 0, "every address is in one");
}

int main(void)
{
    test_distance();
    test_prefix();
    test_group();
    return done();
}
