/*
 * kad/placement.c: whom a shard goes to, and how even that is.  What an owner knows of free room is as old as the hosts'
 * contacts: it takes off what it has sent itself, and not what others have.
 */
#include "kad.h"

#define HOSTS 100
#define OWNERS 5
#define BLOB 1000u
#define RENEWED                                                                                              \
    200 /* shards of all owners between two contacts of a host: of 10,000, a fiftieth of all that ever come */

typedef struct net {
    layr_kad_place_host_t host[HOSTS]; /* as they are */
    layr_kad_place_host_t seen[OWNERS][HOSTS];
    unsigned shards[HOSTS];
    unsigned placed, refused, same_host, same_group;
} net_t;

static void make_host(net_t *n, unsigned i, uint64_t capacity, uint64_t group)
{
    n->host[i] = (layr_kad_place_host_t){.group = group, .capacity = capacity, .free = capacity};
    random_bytes(n->host[i].id, 32);
    n->shards[i] = 0;
}

static void renew(net_t *n)
{
    for (unsigned o = 0; o < OWNERS; o++)
        memcpy(n->seen[o], n->host, sizeof n->host);
}

static const layr_kad_place_rule_t rule = {.bytes = BLOB, .price_max = 0, .group_max = 2};

static void check_segment(net_t *n, const layr_kad_segment_t *seg)
{
    for (unsigned i = 0; i < seg->count; i++) {
        unsigned alike = 0;
        for (unsigned j = 0; j < seg->count; j++) {
            n->same_host += j < i && memcmp(seg->at[i].host, seg->at[j].host, 32) == 0;
            alike += seg->at[i].group == seg->at[j].group;
        }
        n->same_group += alike > rule.group_max;
    }
}

static void place_one(net_t *n, unsigned owner, layr_kad_segment_t *seg)
{
    uint8_t shard[32];
    size_t at;

    random_bytes(shard, 32);
    if (layr_kad_place(&at, seg, n->seen[owner], HOSTS, shard, &rule, NULL) != LAYR_OK) {
        n->refused++;
        return;
    }
    n->seen[owner][at].free -= BLOB;
    n->host[at].free -= BLOB;
    n->shards[at]++;
    if (++n->placed % RENEWED == 0)
        renew(n);
}

/* Segments of 4/8 by one owner after another. */
static void place(net_t *n, unsigned shards)
{
    for (unsigned s = 0; s < shards / 8; s++) {
        layr_kad_segment_t seg = {.count = 0};
        for (unsigned i = 0; i < 8; i++)
            place_one(n, s % OWNERS, &seg);
        check_segment(n, &seg);
    }
}

static double fullest(const net_t *n)
{
    unsigned most = 0, all = 0;

    for (unsigned i = 0; i < HOSTS; i++) {
        most = n->shards[i] > most ? n->shards[i] : most;
        all += n->shards[i];
    }
    return (double)most * HOSTS / all;
}

static double plain_closest(const net_t *n)
{
    unsigned shards[HOSTS] = {0}, most = 0;

    for (unsigned s = 0; s < 10000; s++) {
        uint8_t id[32];
        unsigned near = 0;
        random_bytes(id, 32);
        for (unsigned i = 1; i < HOSTS; i++)
            if (layr_kad_closer(id, n->host[i].id, n->host[near].id) < 0)
                near = i;
        most = ++shards[near] > most ? shards[near] : most;
    }
    return most / 100.0;
}

static void test_equal(void)
{
    net_t *n = calloc(1, sizeof *n);

    for (unsigned i = 0; i < HOSTS; i++)
        make_host(n, i, 1000 * BLOB, 1 + i / 2);
    renew(n);
    place(n, 10000);
    ok(n->placed == 10000 && n->refused == 0, "10,000 shards of 4/8 on 100 equal hosts: all are placed");
    ok(fullest(n) <= 1.4, "the fullest has %.2f times the mean (plain closest: %.1f)", fullest(n),
       plain_closest(n));
    ok(n->same_host == 0, "no two shards of a segment on one host");
    ok(n->same_group == 0, "at most two of a segment in one network");
    free(n);
}

/* Capacities of 1, 2, 4 and 8: each host's part of the shards against its part of the capacity. */
static void test_unequal(void)
{
    net_t *n = calloc(1, sizeof *n);
    unsigned by_size[4] = {0};

    for (unsigned i = 0; i < HOSTS; i++)
        make_host(n, i, (uint64_t)(400u << i % 4) * BLOB, 1 + i / 2);
    renew(n);
    place(n, 10000);
    for (unsigned i = 0; i < HOSTS; i++)
        by_size[i % 4] += n->shards[i];
    ok(n->placed == 10000 && n->same_host == 0 && n->same_group == 0,
       "hosts of four sizes: all are placed, by the rules");
    for (unsigned s = 0; s < 4; s++) {
        double part = by_size[s] / (10000.0 * (1u << s) / 15);
        ok(part > 0.8 && part < 1.2, "capacity %u: %.2f of its part", 1u << s, part);
    }
    free(n);
}

/* A fifth of the hosts is gone and others have come: each segment's lost shards are placed again. */
static void repair(net_t *n, layr_kad_segment_t *segs, unsigned count, const bool *gone, uint8_t (*old)[32])
{
    for (unsigned s = 0; s < count; s++) {
        for (unsigned i = 0; i < HOSTS; i++)
            if (gone[i] && layr_kad_segment_drop(&segs[s], old[i]) == LAYR_OK)
                n->placed--;
        while (segs[s].count < 8 && n->refused == 0)
            place_one(n, s % OWNERS, &segs[s]);
        check_segment(n, &segs[s]);
    }
}

static void test_replaced(void)
{
    enum { SEGMENTS = 1250 };
    net_t *n = calloc(1, sizeof *n);
    layr_kad_segment_t *segs = calloc(SEGMENTS, sizeof *segs);
    bool gone[HOSTS] = {false};
    uint8_t old[HOSTS][32];

    for (unsigned i = 0; i < HOSTS; i++)
        make_host(n, i, 1000 * BLOB, 1 + i / 2);
    renew(n);
    for (unsigned s = 0; s < SEGMENTS; s++)
        for (unsigned i = 0; i < 8; i++)
            place_one(n, s % OWNERS, &segs[s]);
    for (unsigned i = 0; i < HOSTS; i += 5) {
        memcpy(old[i], n->host[i].id, 32);
        gone[i] = true;
        make_host(n, i, 1000 * BLOB, 1000 + i);
    }
    renew(n);
    repair(n, segs, SEGMENTS, gone, old);
    ok(n->refused == 0 && n->placed == 8 * SEGMENTS,
       "a fifth of the hosts replaced: every lost shard finds another host");
    ok(n->same_host == 0 && n->same_group == 0, "by the rules");
    ok(fullest(n) <= 1.4, "and the fullest has %.2f times the mean", fullest(n));
    free(segs);
    free(n);
}

/* --- rules, one by one --- */

static void make_hosts(layr_kad_place_host_t *h, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        h[i] = (layr_kad_place_host_t){.group = 1 + i, .capacity = 100, .free = 50, .price = 5};
        memset(h[i].id, 0, 32);
        h[i].id[0] = (uint8_t)i;
    }
}

static void test_choice(void)
{
    layr_kad_place_host_t h[60];
    layr_kad_place_rule_t r = {.bytes = 10, .price_max = 5, .group_max = 0};
    layr_kad_segment_t seg = {.count = 0};
    uint8_t shard[32] = {0};
    size_t at = 99;

    make_hosts(h, 60);
    ok(layr_kad_place(&at, &seg, h, 60, shard, &r, NULL) == LAYR_OK && at == 0, "all alike: the closest");
    ok(seg.count == 1 && memcmp(seg.at[0].host, h[0].id, 32) == 0 && seg.at[0].group == 1, "which is noted");
    h[19].free = 51;
    h[20].free = 100;
    ok(layr_kad_place(&at, &seg, h, 60, shard, &r, NULL) == LAYR_OK && at == 19,
       "most room within the 20 closest");
    h[7].capacity = 1000000;
    h[7].free = 400000;
    h[5].free = h[5].capacity = 20;
    ok(layr_kad_place(&at, &seg, h, 60, shard, &r, NULL) == LAYR_OK && at == 5, "as a share of the capacity");
    h[6].free = 1000;
    h[4].free = 99;
    ok(layr_kad_place(&at, &seg, h, 60, shard, &r, NULL) == LAYR_OK && at == 6,
       "claiming more room than capacity: all of it");
    h[3].free = h[3].capacity = UINT64_MAX;
    h[2].free = h[2].capacity = UINT64_MAX - 1;
    ok(layr_kad_place(&at, &seg, h, 60, shard, &r, NULL) == LAYR_OK && at == 2,
       "nothing overflows, ties go to the closer");
    for (unsigned i = 0; i < 20; i++)
        h[i].out = true;
    ok(layr_kad_place(&at, &seg, h, 60, shard, &r, NULL) == LAYR_OK && at == 20,
       "none of the 20: the next 20");
    for (unsigned i = 20; i < 59; i++)
        h[i].out = true;
    ok(layr_kad_place(&at, &seg, h, 60, shard, &r, NULL) == LAYR_OK && at == 59, "and so on to the last");
}

static void test_refusal(void)
{
    layr_kad_place_host_t h[30];
    layr_kad_place_rule_t r = {.bytes = 10, .price_max = 5, .group_max = 1};
    layr_kad_segment_t seg = {.count = 0};
    layr_kad_place_why_t why;
    uint8_t shard[32] = {0};
    size_t at = 99;

    make_hosts(h, 30);
    for (unsigned i = 0; i < 30; i++) {
        h[i].out = i % 5 == 0;
        h[i].price = i % 5 == 1 ? 6 : 5;
        h[i].free = i % 5 == 2 ? 9 : 50;
        h[i].group = i % 5 == 3 ? 77 : 100 + i;
        if (i % 5 == 4 && layr_kad_segment_add(&seg, h[i].id, h[i].group) != LAYR_OK)
            exit(1);
    }
    memset(seg.at[0].host, 0xaa, 32);
    seg.at[0].group = 77;
    ok(layr_kad_place(&at, &seg, h, 30, shard, &r, &why) == LAYR_OK && at == 4,
       "a sibling that was taken out: its host is free again");
    ok(layr_kad_place(&at, &seg, h, 30, shard, &r, &why) == LAYR_ERR_HOSTS && at == 4, "none is fit");
    ok(why.out == 6 && why.price == 6 && why.room == 6 && why.group == 6 && why.sibling == 6,
       "and each is counted for its reason");
    ok(layr_kad_place(&at, &seg, h, 0, shard, &r, NULL) == LAYR_ERR_HOSTS, "nobody: nobody");
    seg.count = LAYR_KAD_SIBLINGS;
    ok(layr_kad_place(&at, &seg, h, 30, shard, &r, NULL) == LAYR_ERR_LIMIT &&
           layr_kad_segment_add(&seg, shard, 0) == LAYR_ERR_LIMIT,
       "a segment has at most 255");
    ok(layr_kad_segment_drop(&seg, (const uint8_t[32]){0xbb}) == LAYR_ERR_NOTFOUND,
       "who is not there can't be taken out");
    ok(layr_kad_group_share(4, 8) == 2 && layr_kad_group_share(10, 20) == 5 &&
           layr_kad_group_share(1, 3) == 1 && layr_kad_group_share(3, 3) == 1,
       "a network's share is half of what may be lost");
}

int main(void)
{
    test_equal();
    test_unequal();
    test_replaced();
    test_choice();
    test_refusal();
    return done();
}
