/*
 * kad/lookup*.c against a small network in virtual time: every host knows who is in its buckets, answers after its
 * round trip, or stalls, or is dead, or lies.
 */
#include "kad.h"

#define MAX 400
#define US_MS 1000u

typedef struct host {
    uint8_t id[32];
    uint64_t group, seq;
    uint32_t rtt_us;
    bool dead;    /* refuses at once after a round trip */
    bool stalls;  /* never answers; the transport gives up after 10 s */
    bool hostile; /* answers with hostile ones only */
    bool holder;
    layr_kad_version_t version;
} host_t;

static host_t host[MAX];
static unsigned hosts;

static void make_net(unsigned count)
{
    memset(host, 0, sizeof host);
    hosts = count;
    for (unsigned i = 0; i < count; i++) {
        random_bytes(host[i].id, 32);
        host[i].group = 100 + i;
        host[i].seq = 1;
        host[i].rtt_us = 20 * US_MS + (uint32_t)(random64() % (60 * US_MS));
    }
}

static layr_kad_contact_t contact_of(const unsigned *i)
{
    layr_kad_contact_t c = {
        .seq = host[*i].seq, .exp = NOW, .group = host[*i].group, .text = (const char *)i, .len = sizeof *i};

    memcpy(c.id, host[*i].id, 32);
    return c;
}

static const uint8_t *sort_target;
static int by_distance(const void *a, const void *b)
{
    return layr_kad_closer(sort_target, host[*(const unsigned *)a].id, host[*(const unsigned *)b].id);
}

/* The hosts closest to the target, of those that `of` (MAX: all) has in buckets of 20: numbers, sorted. */
static unsigned closest(unsigned of, const uint8_t target[32], unsigned *out)
{
    unsigned in_bucket[257] = {0}, n = 0;

    for (unsigned i = 0; i < hosts; i++) {
        if (of != MAX && (i == of || (host[of].hostile && !host[i].hostile)))
            continue;
        if (of != MAX && ++in_bucket[layr_kad_prefix(host[of].id, host[i].id)] > LAYR_KAD_K)
            continue;
        out[n++] = i;
    }
    sort_target = target;
    qsort(out, n, sizeof *out, by_distance);
    return n;
}

typedef struct event {
    uint64_t at;
    unsigned number, host;
    bool fails;
} event_t;

typedef struct run {
    layr_kad_lookup_t *l;
    uint64_t now;
    event_t event[LAYR_KAD_ASKS];
    unsigned events, at_once;
} run_t;

static void send_to(run_t *r, const layr_kad_ask_t *ask)
{
    event_t *e = &r->event[r->events++];
    unsigned i;

    memcpy(&i, ask->contact.text, sizeof i);
    *e = (event_t){r->now + host[i].rtt_us, ask->number, i, host[i].dead || host[i].stalls};
    if (host[i].stalls)
        e->at = r->now + 10000 * US_MS;
    r->at_once = r->events > r->at_once ? r->events : r->at_once;
}

static void receive(run_t *r, unsigned n)
{
    event_t e = r->event[n];
    unsigned near[MAX], count;
    layr_kad_contact_t c[LAYR_KAD_K];

    r->event[n] = r->event[--r->events];
    r->now = e.at;
    if (e.fails) {
        layr_kad_lookup_failed(r->l, e.number, r->now);
        return;
    }
    count = closest(e.host, sort_target, near);
    count = count < LAYR_KAD_K ? count : LAYR_KAD_K;
    for (unsigned i = 0; i < count; i++)
        c[i] = contact_of(&near[i]);
    layr_kad_lookup_answer(r->l, e.number, r->now, host[e.host].group, c, count,
                           host[e.host].holder ? &host[e.host].version : NULL);
}

/* To its end; the lookup is the caller's to free. us: how long it took. */
static layr_kad_lookup_t *run_lookup(const layr_kad_lookup_config_t *c, unsigned from, uint64_t *us)
{
    run_t r = {.now = 1000000};
    unsigned near[MAX], count = closest(from, c->target, near);
    layr_kad_ask_t ask;
    layr_kad_step_t step;

    if (layr_kad_lookup_new(&r.l, c) != LAYR_OK)
        exit(1);
    for (unsigned i = 0; i < count && i < LAYR_KAD_K; i++) {
        layr_kad_contact_t one = contact_of(&near[i]);
        layr_kad_lookup_start(r.l, &one, 1);
    }
    sort_target = c->target;
    while ((step = layr_kad_lookup_next(r.l, r.now, &ask)) != LAYR_KAD_DONE) {
        unsigned first = 0;
        if (step == LAYR_KAD_ASK) {
            send_to(&r, &ask);
            continue;
        }
        for (unsigned i = 1; i < r.events; i++)
            if (r.event[i].at < r.event[first].at)
                first = i;
        if (r.events > 0 && r.event[first].at <= ask.wake_us)
            receive(&r, first);
        else if (ask.wake_us != UINT64_MAX)
            r.now = ask.wake_us;
        else
            exit(1); /* it waits for nothing */
    }
    if (us != NULL)
        *us = r.now - 1000000;
    return r.l;
}

static layr_kad_lookup_config_t config_for(unsigned from, const uint8_t *target, layr_kad_pace_t *pace)
{
    layr_kad_lookup_config_t c = {.text_max = 8, .pace = pace};

    if (target != NULL)
        memcpy(c.target, target, 32);
    else
        random_bytes(c.target, 32);
    if (from != MAX)
        memcpy(c.own, host[from].id, 32);
    return c;
}

/* Are the hosts found the closest that live, `from` itself left out? */
static bool found_all(const layr_kad_lookup_t *l, const uint8_t *target, unsigned from, unsigned want)
{
    unsigned near[MAX], count = closest(MAX, target, near), got, at = 0;
    layr_kad_contact_t c[LAYR_KAD_K];

    got = layr_kad_lookup_closest(l, c, want);
    for (unsigned i = 0; i < count && at < got; i++) {
        if (near[i] == from || host[near[i]].dead || host[near[i]].stalls)
            continue;
        if (memcmp(c[at++].id, host[near[i]].id, 32) != 0)
            return false;
    }
    return got == want;
}

/* --- what it finds --- */

static void test_finds(unsigned paths)
{
    unsigned all = 0, hops = 0, asked = 0, most = 0;

    make_net(MAX);
    for (unsigned n = 0; n < 100; n++) {
        layr_kad_lookup_config_t c = config_for(n, NULL, NULL);
        layr_kad_lookup_stats_t s;
        c.paths = paths;
        layr_kad_lookup_t *l = run_lookup(&c, n, NULL);
        layr_kad_lookup_stats(l, &s);
        all += found_all(l, c.target, n, LAYR_KAD_K);
        hops += s.hops;
        asked += s.asked;
        most = s.asked > most ? s.asked : most;
        layr_kad_lookup_free(l);
    }
    ok(all >= 99, "%u paths: %u of 100 lookups find the 20 closest of 400 hosts", paths, all);
    ok(hops <= 300 && asked <= 100 * (paths == 1 ? 32 : 45) && most <= 60,
       "in %.1f hops, %.1f requests, at most %u", hops / 100.0, asked / 100.0, most);
}

/* Hosts answer with the 20 closest they know of, dead ones among them: so not all of the 20 that live need be named. */
static void test_dead(void)
{
    unsigned all = 0;

    make_net(MAX);
    for (unsigned i = 0; i < MAX; i++)
        host[i].dead = i % 10 < 3;
    for (unsigned n = 3; n < 100; n += 10) {
        layr_kad_lookup_config_t c = config_for(n, NULL, NULL);
        layr_kad_lookup_t *l = run_lookup(&c, n, NULL);
        all += found_all(l, c.target, n, LAYR_KAD_HOLDERS);
        layr_kad_lookup_free(l);
    }
    ok(all == 10, "three in ten dead: the 8 closest that live are found");
}

static int by_time(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static uint64_t median_time(bool warm, unsigned *all)
{
    uint64_t us[99];
    layr_kad_pace_t pace = {0, 0, 0};

    for (unsigned n = 0; n < 99; n++) {
        layr_kad_lookup_config_t c = config_for(MAX, NULL, warm ? &pace : NULL);
        layr_kad_lookup_t *l = run_lookup(&c, 3 * n, &us[n]);
        *all += found_all(l, c.target, MAX, LAYR_KAD_HOLDERS);
        layr_kad_lookup_free(l);
    }
    qsort(us, 99, sizeof us[0], by_time);
    return us[49];
}

/* hosts: 32, as many as stand behind the same test with real ones, and many. */
static void test_stalling(unsigned count)
{
    uint64_t without, with, cold;
    unsigned all = 0, last = 0;

    make_net(MAX);
    hosts = count;
    without = median_time(true, &all);
    for (unsigned i = 0; i < count; i++)
        host[i].stalls = i % 3 == 1;
    with = median_time(true, &all);
    cold = median_time(false, &last);
    ok(with <= 3 * without, "%u hosts, a third stalls: %.0f ms against %.0f ms, %.2f times", count,
       (double)with / 1e3, (double)without / 1e3, (double)with / (double)without);
    ok(cold <= 3 * without, "without knowing how long answers take: %.2f times",
       (double)cold / (double)without);
    ok(all + last >= 290, "and the 8 closest that live are found (%u of 297 times)", all + last);
}

static void test_slow_answer_counts(void)
{
    layr_kad_lookup_config_t c = {.text_max = 8};
    unsigned number[2] = {0, 1};
    layr_kad_lookup_t *l;
    layr_kad_lookup_stats_t s;
    layr_kad_contact_t one;
    layr_kad_ask_t ask;

    make_net(2);
    if (layr_kad_lookup_new(&l, &c) != LAYR_OK)
        exit(1);
    for (unsigned i = 0; i < 2; i++) {
        one = contact_of(&number[i]);
        layr_kad_lookup_start(l, &one, 1);
    }
    layr_kad_lookup_next(l, 0, &ask);
    unsigned first = ask.number;
    layr_kad_lookup_next(l, 0, &ask);
    ok(layr_kad_lookup_next(l, 0, &ask) == LAYR_KAD_WAIT && ask.wake_us == LAYR_KAD_PATIENCE_NEW,
       "nothing known: a second each");
    layr_kad_lookup_answer(l, 1 - first, 10 * US_MS, 5, NULL, 0, NULL);
    ok(layr_kad_lookup_next(l, 10 * US_MS, &ask) == LAYR_KAD_WAIT && ask.wake_us == 30 * US_MS,
       "after an answer within 10 ms: 30 ms");
    ok(layr_kad_lookup_next(l, 30 * US_MS, &ask) == LAYR_KAD_WAIT && ask.wake_us == 60 * US_MS,
       "passed over then, and waited for as long again while hosts lack");
    layr_kad_lookup_answer(l, first, 40 * US_MS, 6, NULL, 0, NULL);
    ok(layr_kad_lookup_next(l, 40 * US_MS, &ask) == LAYR_KAD_DONE, "its late answer is used");
    layr_kad_lookup_stats(l, &s);
    ok(s.answered == 2 && s.slow == 1 && s.ended_us == 40 * US_MS && layr_kad_lookup_closest(l, &one, 1) == 1,
       "and counted");
    layr_kad_lookup_free(l);
}

static void test_nobody(void)
{
    layr_kad_lookup_config_t c = {.text_max = 8};
    unsigned zero = 0;
    layr_kad_lookup_t *l;
    layr_kad_contact_t one;
    layr_kad_ask_t ask;

    make_net(1);
    if (layr_kad_lookup_new(&l, &c) != LAYR_OK)
        exit(1);
    ok(layr_kad_lookup_next(l, 0, &ask) == LAYR_KAD_DONE, "without a host to begin with it is over at once");
    layr_kad_lookup_free(l);
    if (layr_kad_lookup_new(&l, &c) != LAYR_OK)
        exit(1);
    one = contact_of(&zero);
    layr_kad_lookup_start(l, &one, 1);
    layr_kad_lookup_next(l, 0, &ask);
    layr_kad_lookup_next(l, 5000 * US_MS, &ask);
    ok(layr_kad_lookup_next(l, 9000 * US_MS, &ask) == LAYR_KAD_WAIT && ask.wake_us == UINT64_MAX,
       "while nobody has answered, who is slow is waited for");
    layr_kad_lookup_failed(l, ask.number, 9500 * US_MS);
    layr_kad_lookup_failed(l, 0, 9500 * US_MS);
    ok(layr_kad_lookup_next(l, 9500 * US_MS, &ask) == LAYR_KAD_DONE &&
           layr_kad_lookup_closest(l, &one, 1) == 0,
       "all failed: over, with nobody");
    layr_kad_lookup_answer(l, 0, 9600 * US_MS, 1, NULL, 0, NULL);
    layr_kad_lookup_answer(l, 77, 9600 * US_MS, 1, NULL, 0, NULL);
    ok(layr_kad_lookup_closest(l, &one, 1) == 0, "answers after that, or of nobody, are passed over");
    layr_kad_lookup_free(l);
    layr_kad_lookup_free(NULL);
}

/* --- hostile answers --- */

static layr_kad_lookup_t *ask_one(layr_kad_lookup_config_t *c, unsigned *number)
{
    static unsigned zero = 0;
    layr_kad_lookup_t *l;
    layr_kad_contact_t one = contact_of(&zero);
    layr_kad_ask_t ask;

    c->text_max = 8;
    if (layr_kad_lookup_new(&l, c) != LAYR_OK)
        exit(1);
    layr_kad_lookup_start(l, &one, 1);
    layr_kad_lookup_next(l, 0, &ask);
    *number = ask.number;
    return l;
}

static void test_limits(void)
{
    layr_kad_contact_t many[1000];
    layr_kad_lookup_config_t c = {.want = 20};
    layr_kad_lookup_stats_t s;
    layr_kad_ask_t ask;
    unsigned number, rounds = 0;
    layr_kad_lookup_t *l;

    make_net(1);
    memset(c.own, 0x55, 32);
    l = ask_one(&c, &number);
    for (unsigned i = 0; i < 1000; i++)
        many[i] = random_contact(10 + i);
    memset(many[0].id, 0x55, 32); /* the lookup's own */
    many[1] = many[2];            /* twice */
    many[3].len = 9;              /* too long */
    layr_kad_lookup_answer(l, number, 1, 9, many, 1000, NULL);
    layr_kad_lookup_stats(l, &s);
    is_int(s.known, 1 + 20 - 3,
           "of an answer of 1,000 the first 20, without the own id, doubles, and texts too long");
    ok(s.dropped >= 980, "the rest is counted as dropped");
    ok(!layr_kad_lookup_wants(l, c.own, 9) && !layr_kad_lookup_wants(l, many[2].id, 1) &&
           layr_kad_lookup_wants(l, many[2].id, 2) && layr_kad_lookup_wants(l, many[500].id, 1),
       "it wants strangers and newer contacts, and neither itself nor who is known");
    layr_kad_lookup_free(l);

    /* Each answer names 20 that are closer than all before: a way without an end. */
    l = ask_one(&c, &number);
    for (unsigned closer = 1; layr_kad_lookup_next(l, rounds, &ask) != LAYR_KAD_DONE || rounds == 0;
         rounds++) {
        if (rounds == 0)
            ask.number = number;
        for (unsigned i = 0; i < 20; i++)
            many[i] = contact_in(c.target, closer, 1000000 + random64());
        closer += closer < 250;
        layr_kad_lookup_answer(l, ask.number, rounds, 5 + random64(), many, 20, NULL);
    }
    layr_kad_lookup_stats(l, &s);
    ok(s.asked <= LAYR_KAD_ASKS && s.known <= LAYR_KAD_CANDIDATES && s.hops <= LAYR_KAD_DEPTH,
       "a way without an end ends: %u asked, %u hops", s.asked, s.hops);
    layr_kad_lookup_free(l);
}

/* 200 ids ground close to the target, all in one network, beside 300 honest hosts. */
static void test_one_network(void)
{
    layr_kad_contact_t c[LAYR_KAD_K];
    layr_kad_lookup_config_t cfg;
    layr_kad_lookup_t *l;
    unsigned got, hostile = 0;

    make_net(MAX);
    cfg = config_for(MAX, NULL, NULL);
    for (unsigned i = 200; i < MAX; i++) {
        layr_kad_random_id(host[i].id, cfg.target, 30, host[i].id);
        host[i].group = 7;
        host[i].hostile = true;
    }
    l = run_lookup(&cfg, 5, NULL);
    got = layr_kad_lookup_closest(l, c, LAYR_KAD_K);
    for (unsigned i = 0; i < got; i++)
        hostile += c[i].group == 7;
    ok(got == LAYR_KAD_K && hostile == LAYR_KAD_GROUP_BUCKET,
       "200 ids ground in one network take 2 of the 20 places");
    layr_kad_lookup_free(l);
}

static void test_newer_contact(void)
{
    layr_kad_lookup_config_t c = {.text_max = 8};
    layr_kad_contact_t moved;
    layr_kad_ask_t ask;
    unsigned number, one = 1, zero = 0;
    layr_kad_lookup_t *l;

    make_net(3);
    l = ask_one(&c, &number);
    layr_kad_lookup_failed(l, number, 1);
    moved = contact_of(&one);
    layr_kad_lookup_start(l, &moved, 1);
    layr_kad_lookup_next(l, 2, &ask);
    moved = contact_of(&zero);
    layr_kad_lookup_answer(l, ask.number, 3, 0, &moved, 1, NULL);
    ok(layr_kad_lookup_next(l, 4, &ask) == LAYR_KAD_DONE, "who failed is not asked again");
    layr_kad_lookup_free(l);
    l = ask_one(&c, &number);
    layr_kad_lookup_failed(l, number, 1);
    moved = contact_of(&one);
    layr_kad_lookup_start(l, &moved, 1);
    layr_kad_lookup_next(l, 2, &ask);
    moved = contact_of(&zero);
    moved.seq = 2;
    layr_kad_lookup_answer(l, ask.number, 3, 0, &moved, 1, NULL);
    ok(layr_kad_lookup_next(l, 4, &ask) == LAYR_KAD_ASK && ask.number == number,
       "but where a newer contact says it is now");
    layr_kad_lookup_free(l);
}

/* --- values --- */

static layr_kad_version_t version(uint64_t seq, uint8_t tag)
{
    layr_kad_version_t v = {.seq = seq};
    memset(v.sha256, tag, 32);
    return v;
}

static void hold(const uint8_t *target, unsigned first, unsigned count, layr_kad_version_t v)
{
    unsigned near[MAX];

    closest(MAX, target, near);
    for (unsigned i = first; i < first + count; i++) {
        host[near[i]].holder = true;
        host[near[i]].version = v;
    }
}

static void test_value(void)
{
    layr_kad_lookup_config_t c;
    layr_kad_lookup_stats_t s;
    layr_kad_version_t v;
    layr_kad_lookup_t *l;

    make_net(MAX);
    c = config_for(MAX, NULL, NULL);
    c.value = true;
    hold(c.target, 0, 8, version(3, 1));
    l = run_lookup(&c, 9, NULL);
    layr_kad_lookup_stats(l, &s);
    ok(layr_kad_lookup_version(l, 0, &v) == LAYR_OK && v.seq == 3 && v.holders >= LAYR_KAD_QUORUM &&
           s.answered < LAYR_KAD_K,
       "a quorum among the closest 8 ends it early: %u asked", s.asked);
    ok(layr_kad_lookup_version(l, 1, &v) == LAYR_ERR_NOTFOUND, "there is one version");
    layr_kad_lookup_free(l);

    hold(c.target, 0, 8, version(2, 2));
    hold(c.target, 15, 1, version(4, 3));
    hold(c.target, 3, 2, version(4, 4));
    l = run_lookup(&c, 9, NULL);
    ok(layr_kad_lookup_version(l, 0, &v) == LAYR_OK && v.seq == 4 && v.sha256[0] == 4 && v.holders == 2,
       "else all of the closest are asked: the highest sequence, then who has most holders");
    ok(layr_kad_lookup_version(l, 1, &v) == LAYR_OK && v.seq == 4 && v.holders == 1 &&
           layr_kad_lookup_version(l, 2, &v) == LAYR_OK && v.seq == 2 && v.holders == 6,
       "the others follow");
    layr_kad_lookup_free(l);

    for (unsigned i = 0; i < MAX; i++)
        host[i].holder = false;
    l = run_lookup(&c, 9, NULL);
    ok(layr_kad_lookup_version(l, 0, &v) == LAYR_ERR_NOTFOUND && found_all(l, c.target, MAX, LAYR_KAD_K),
       "where there is none it is an ordinary lookup");
    layr_kad_lookup_free(l);
}

static void test_value_one_network(void)
{
    layr_kad_lookup_config_t c;
    layr_kad_lookup_stats_t s;
    layr_kad_version_t v;
    layr_kad_lookup_t *l;
    unsigned near[MAX];

    make_net(MAX);
    c = config_for(MAX, NULL, NULL);
    c.value = true;
    hold(c.target, 0, 20, version(2, 1));
    closest(MAX, c.target, near);
    for (unsigned i = 0; i < 20; i++)
        host[near[i]].group = 7;
    l = run_lookup(&c, 9, NULL);
    layr_kad_lookup_stats(l, &s);
    ok(layr_kad_lookup_version(l, 0, &v) == LAYR_OK && v.holders == LAYR_KAD_GROUP_BUCKET &&
           s.answered >= LAYR_KAD_K,
       "twenty holders in one network are no quorum, they count as two");
    layr_kad_lookup_free(l);
}

static void test_many_versions(void)
{
    layr_kad_lookup_config_t c = {.value = true};
    layr_kad_version_t v;
    layr_kad_lookup_t *l;
    unsigned near[MAX];
    bool sorted = true;
    uint64_t last = UINT64_MAX;

    make_net(MAX);
    random_bytes(c.target, 32);
    c.text_max = 8;
    closest(MAX, c.target, near);
    for (unsigned i = 0; i < 20; i++)
        hold(c.target, i, 1, version(i % 2 ? 100 - i : i, (uint8_t)i));
    l = run_lookup(&c, 9, NULL);
    for (unsigned i = 0; i < LAYR_KAD_VERSIONS; i++) {
        sorted &= layr_kad_lookup_version(l, i, &v) == LAYR_OK && v.seq < last;
        last = v.seq;
    }
    ok(sorted && last == 85 && layr_kad_lookup_version(l, LAYR_KAD_VERSIONS, &v) == LAYR_ERR_NOTFOUND,
       "of twenty versions the eight highest are kept");
    layr_kad_lookup_free(l);
}

/* --- the chain, and arguments --- */

static void test_hops(void)
{
    layr_kad_lookup_config_t c;
    layr_kad_lookup_stats_t s;
    layr_kad_lookup_t *l;
    layr_kad_hop_t hop, from;
    unsigned good = 0;

    make_net(MAX);
    c = config_for(MAX, NULL, NULL);
    l = run_lookup(&c, 9, NULL);
    layr_kad_lookup_stats(l, &s);
    for (unsigned i = 0; i < s.known; i++) {
        if (layr_kad_lookup_hop(l, i, &hop) != LAYR_OK)
            break;
        if (hop.from < 0)
            good += hop.depth == 1;
        else
            good += layr_kad_lookup_hop(l, (unsigned)hop.from, &from) == LAYR_OK &&
                    from.state == LAYR_KAD_ANSWERED && hop.depth == from.depth + 1;
    }
    is_int(good, s.known, "each host is one link further than an answer that named it");
    ok(layr_kad_lookup_hop(l, s.known, &hop) == LAYR_ERR_NOTFOUND, "there are no more");
    layr_kad_lookup_free(l);
}

static void test_arguments(void)
{
    static const layr_kad_lookup_config_t bad[] = {
        {.want = 21}, {.alpha = 21}, {.paths = 9}, {.text_max = 1025}};
    layr_kad_pace_t pace = {0, 0, 0};
    layr_kad_lookup_t *l = NULL;
    int all = 1;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        all &= layr_kad_lookup_new(&l, &bad[i]) == LAYR_ERR_ARG && l == NULL;
    ok(all, "a configuration out of its ranges makes no lookup");
    layr_kad_pace_heard(&pace, 0);
    ok(layr_kad_patience(&pace, 0, 0) == LAYR_KAD_PATIENCE_MIN, "patience has a floor");
    layr_kad_pace_heard(&pace, UINT64_MAX);
    ok(layr_kad_patience(&pace, 0, 0) == LAYR_KAD_PATIENCE_MAX, "and an end");
    pace = (layr_kad_pace_t){100000, 10000, 32};
    ok(layr_kad_patience(&pace, 300000, 5000) == 320000 && layr_kad_patience(&pace, 1000, 5) == 140000,
       "a far host is given its own time, a near one that of all");
}

int main(void)
{
    test_finds(1);
    test_finds(4);
    test_dead();
    test_stalling(32);
    test_stalling(300);
    test_slow_answer_counts();
    test_nobody();
    test_limits();
    test_one_network();
    test_newer_contact();
    test_value();
    test_value_one_network();
    test_many_versions();
    test_hops();
    test_arguments();
    return done();
}
