/* The driver of lookups, over real connections: honest hosts, slow ones, hostile ones. */
#include "flow_dht.h"

static layr_net_t *net;

static layr_dht_t *driver_at(const char *const *urls, size_t count, layr_reach_t reach)
{
    layr_dht_t *d = NULL;
    layr_dht_config_t c = {.net = net, .reach = reach};

    if (layr_dht_new(&d, &c) != LAYR_OK || layr_dht_seeds(d, urls, count, NULL) != LAYR_OK)
        exit(2);
    return d;
}

static layr_dht_t *driver(unsigned seed)
{
    const char *url = dw.host[seed].url;

    return driver_at(&url, 1, LAYR_REACH_LOCAL);
}

static layr_dht_lookup_t *begin(layr_dht_t *d, const layr_dht_lookup_opts_t *o)
{
    layr_dht_lookup_t *l = NULL;

    if (layr_dht_lookup(d, &l, o) != LAYR_OK)
        exit(2);
    return l;
}

static layr_dht_lookup_t *find(layr_dht_t *d, const uint8_t target[32])
{
    layr_dht_lookup_opts_t o = {0};
    layr_dht_lookup_t *l;

    memcpy(o.target, target, 32);
    l = begin(d, &o);
    (void)layr_dht_lookup_wait(l, NULL);
    return l;
}

/* Whoever answers is found, also a forger, whose contacts nobody takes. */
static bool answers(const dht_host_t *h)
{
    return h->is == HONEST || h->is == LEADS_AWAY || h->is == FORGER;
}

/* The closest of those that answer, in order: how many of the first `want` are what was found. */
static unsigned right(const layr_dht_lookup_t *l, const uint8_t target[32], unsigned want)
{
    layr_host_t *h = calloc(LAYR_KAD_K, sizeof *h);
    unsigned order[HOSTS_MAX], n = layr_dht_lookup_closest(l, h, LAYR_KAD_K), good = 0, at = 0;

    dht_sort(target, order);
    for (unsigned i = 0; i < n && good < want; i++) {
        while (at < dw.count && !answers(&dw.host[order[at]]))
            at++;
        if (at == dw.count || memcmp(dw.host[order[at++]].id, h[i].id, 32) != 0)
            break;
        good++;
    }
    free(h);
    return good;
}

/* How many of the 20 closest that answer are among those found. */
static unsigned overlap(const layr_dht_lookup_t *l, const uint8_t target[32])
{
    layr_host_t *h = calloc(LAYR_KAD_K, sizeof *h);
    unsigned order[HOSTS_MAX], n = layr_dht_lookup_closest(l, h, LAYR_KAD_K), good = 0, seen = 0;

    dht_sort(target, order);
    for (unsigned at = 0; at < dw.count && seen < 20; at++) {
        if (!answers(&dw.host[order[at]]))
            continue;
        seen++;
        for (unsigned i = 0; i < n; i++)
            good += memcmp(dw.host[order[at]].id, h[i].id, 32) == 0;
    }
    free(h);
    return good;
}

/* On a busy machine a good host may be passed over, but not each time. */
static bool exact(layr_dht_t *d, const uint8_t target[32], unsigned want)
{
    bool is = false;

    for (unsigned i = 0; i < 2 && !is; i++) {
        layr_dht_lookup_t *l = find(d, target);
        is = right(l, target, want) == want;
        layr_dht_lookup_drop(l);
    }
    return is;
}

static void reset(void)
{
    for (unsigned i = 0; i < dw.count; i++) {
        dw.host[i].is = HONEST;
        atomic_store(&dw.host[i].asked, 0);
        atomic_store(&dw.host[i].pinged, 0);
        dw.host[i].record = NULL;
    }
}

static unsigned asked(void)
{
    unsigned n = 0;

    for (unsigned i = 0; i < dw.count; i++)
        n += (unsigned)atomic_load(&dw.host[i].asked);
    return n;
}

static void test_lookup(void)
{
    layr_dht_t *d = driver(0);
    layr_dht_lookup_t *l;
    layr_dht_stats_t s;
    layr_host_t h;
    uint8_t target[32];
    unsigned order[HOSTS_MAX];
    bool waiting;

    do {
        layr_random(target, 32);
        dht_sort(target, order);
    } while (order[0] == 0); /* a seed may be anywhere: it was named by its URL */
    l = find(d, target);
    is_int(layr_dht_lookup_error(l), LAYR_OK, "a lookup from one seed");
    ok(right(l, target, 20) == 20 || exact(d, target, 20), "finds the 20 closest of 40");
    ok(layr_dht_lookup_closest(l, &h, 1) == 1 && h.group != 0 && h.free == 900000 &&
           h.reach == LAYR_REACH_LOCAL,
       "with what their contacts say, and the group they answered from");
    layr_dht_lookup_drop(l);
    ok(layr_dht_seed(d, 0, &h, &waiting) && h.error == LAYR_OK && !waiting &&
           memcmp(h.id, dw.host[0].id, 32) == 0 && !layr_dht_seed(d, 1, &h, &waiting),
       "the seed is known by its id");
    layr_dht_stats(d, &s);
    ok(s.checked <= 40, "each contact is checked once (%llu)", (unsigned long long)s.checked);
    l = find(d, target);
    layr_dht_lookup_drop(l);
    layr_dht_stats(d, &s);
    ok(s.checked <= 40 && s.bad == 0 && s.failed == 0, "and not again in the next lookup");
    layr_dht_free(d);
}

/* On a busy machine others are asked meanwhile: not both times. */
static bool is_known(layr_dht_t *d, const layr_dht_lookup_opts_t *o)
{
    bool is = false;

    for (unsigned i = 0; i < 2 && !is; i++) {
        unsigned before = asked();
        layr_dht_lookup_t *l = begin(d, o);
        is = layr_dht_lookup_wait(l, NULL) == LAYR_OK && asked() - before <= 8;
        layr_dht_lookup_drop(l);
    }
    return is;
}

static void test_host(void)
{
    layr_dht_t *d = driver(1);
    layr_dht_lookup_opts_t o = {.host = true};
    layr_dht_lookup_t *l;
    layr_host_t h;

    memcpy(o.target, dw.host[33].id, 32);
    l = begin(d, &o);
    is_int(layr_dht_lookup_wait(l, NULL), LAYR_OK, "a host is looked for");
    ok(layr_dht_lookup_closest(l, &h, 1) == 1 && memcmp(h.id, dw.host[33].id, 32) == 0 &&
           strcmp(h.url, dw.host[33].url) == 0,
       "and found");
    layr_dht_lookup_drop(l);
    ok(is_known(d, &o), "known, it takes a request or some");
    layr_dht_free(d);
}

static bool on_record(void *ctx, const layr_host_t *h, int error, const char *jws, size_t len,
                      layr_kad_version_t *v)
{
    unsigned *seen = ctx;

    (void)h;
    seen[error == LAYR_OK ? 0 : error == LAYR_ERR_NOTFOUND ? 1 : 2]++;
    if (error != LAYR_OK || len != 6)
        return false;
    v->seq = (uint64_t)(jws[5] - '0');
    memcpy(v->sha256, jws, 6);
    return true;
}

static void test_value(void)
{
    layr_dht_t *d = driver(2);
    unsigned seen[3] = {0}, order[HOSTS_MAX];
    layr_dht_lookup_opts_t o = {.value = true, .record = on_record, .ctx = seen};
    layr_kad_version_t v = {0};
    layr_dht_lookup_t *l;

    layr_random(o.target, 32);
    dht_sort(o.target, order);
    for (unsigned i = 0; i < 8; i++)
        dw.host[order[i]].record = i == 3 ? "data.1" : "data.2";
    l = begin(d, &o);
    is_int(layr_dht_lookup_wait(l, NULL), LAYR_OK, "a record is looked for");
    ok(layr_kad_lookup_version(layr_dht_lookup_kad(l), 0, &v) == LAYR_OK && v.seq == 2 && v.holders >= 5,
       "its newest version was given by most holders");
    ok(seen[0] >= 5 && seen[2] == 0, "%u gave one, %u have none", seen[0], seen[1]);
    layr_dht_lookup_drop(l);
    layr_dht_free(d);
}

/* More than twice the silent hosts below: each of them costs one lookup its patience. */
#define LOOKUPS 31 /* of which one may find a good host too late, as others work on this machine */

/* The lookups' median and longest, in ms. */
static void measure(layr_dht_t *d, unsigned *median, unsigned *longest, unsigned *good)
{
    unsigned ms[LOOKUPS];

    *good = 0;
    for (unsigned i = 0; i < LOOKUPS; i++) {
        uint64_t began = test_ms();
        layr_dht_lookup_t *l;
        uint8_t target[32];

        layr_random(target, 32);
        l = find(d, target);
        ms[i] = (unsigned)(test_ms() - began);
        *good += overlap(l, target) >= 12;
        layr_dht_lookup_drop(l);
        for (unsigned j = i; j > 0 && ms[j - 1] > ms[j]; j--) {
            unsigned t = ms[j];
            ms[j] = ms[j - 1];
            ms[j - 1] = t;
        }
    }
    *median = ms[LOOKUPS / 2];
    *longest = ms[LOOKUPS - 1];
}

static unsigned measure_new(unsigned *median, unsigned *longest)
{
    layr_dht_t *d = driver(3);
    unsigned good;

    measure(d, median, longest, &good);
    layr_dht_free(d);
    return good;
}

static void test_slow(void)
{
    unsigned median, longest, good, slow_median, slow_longest, slow_good;
    bool quick = false;

    atomic_store(&dw.late_ms, 5);
    for (unsigned i = 0; i < 2 && !quick; i++) { /* the machine may be busy with others once */
        reset();
        good = measure_new(&median, &longest);
        for (unsigned j = 10; j < 23; j++)
            dw.host[j].is = SILENT;
        slow_good = measure_new(&slow_median, &slow_longest);
        quick = slow_median <= 3 * median && slow_longest < 4000;
    }
    ok(good >= LOOKUPS - 1, "without slow ones, lookups find the closest (%u of %u)", good, LOOKUPS);
    ok(quick, "a third of the hosts silent: %u ms instead of %u, at most %u", slow_median, median,
       slow_longest);
    ok(slow_good >= LOOKUPS - 1, "and the others are found (%u of %u)", slow_good, LOOKUPS);
    atomic_store(&dw.late_ms, 0);
    reset();
}

static void test_hostile(void)
{
    static const mischief_t kinds[] = {REDIRECTS, ENDLESS, CROWD, FORGER, GARBAGE, DOWN};
    layr_dht_t *d;
    layr_dht_lookup_t *l;
    layr_dht_stats_t s;
    layr_host_t h[2];
    uint8_t target[32];
    unsigned good = 0;

    for (unsigned i = 0; i < 12; i++)
        dw.host[10 + i].is = kinds[i % 6];
    d = driver(4);
    for (unsigned i = 0; i < 5; i++) {
        layr_random(target, 32);
        l = find(d, target);
        good += overlap(l, target) >= 10; /* 10,000 contacts keep this machine busy, and others late */
        layr_dht_lookup_drop(l);
    }
    layr_dht_stats(d, &s);
    is_int(good, 5, "among hostile hosts five lookups find the closest of the others");
    ok(s.hostile > 0, "%llu hostile answers were counted", (unsigned long long)s.hostile);
    layr_dht_free(d);
    d = driver(13); /* a forger */
    l = find(d, target);
    layr_dht_stats(d, &s);
    ok(layr_dht_lookup_error(l) == LAYR_OK && layr_dht_lookup_closest(l, h, 2) == 1 &&
           memcmp(h[0].id, dw.host[13].id, 32) == 0 && s.bad == 20 && s.asked == 1,
       "forged contacts are neither taken nor asked: %llu", (unsigned long long)s.bad);
    layr_dht_lookup_drop(l);
    layr_dht_free(d);
    is_int(atomic_load(&dw.host[0].pinged), 0, "nobody was led on by a redirect");
    reset();
}

static void test_away(void)
{
    server_t other = {0};
    dht_host_t liar = {.is = HONEST};
    layr_dht_t *d;
    layr_dht_lookup_t *l;
    layr_dht_stats_t s;
    const char *url = dw.host[5].url;

    server_start(&other, dht_serve);
    layr_random(liar.seed, 32);
    layr_sign_public(liar.id, liar.seed);
    if (layr_host_id(liar.id, liar.id) != LAYR_OK)
        exit(2);
    snprintf(dw.away, sizeof dw.away, "http://127.0.0.1:%d", other.port);
    dw.away_contact = sign_contact(&liar, dw.away, 1, time(NULL), time(NULL) + 3600);
    for (unsigned i = 0; i < dw.count; i++)
        dw.host[i].is = LEADS_AWAY;
    d = driver_at(&url, 1, LAYR_REACH_PUBLIC);
    l = find(d, liar.id);
    layr_dht_lookup_drop(l);
    layr_dht_stats(d, &s);
    is_int(atomic_load(&other.connections), 0, "a contact at loopback is not asked");
    ok(s.walled > 0, "and counted (%llu: all those here are such)", (unsigned long long)s.walled);
    layr_dht_free(d);
    free(dw.away_contact);
    dw.away_contact = sign_contact(&liar, dw.away, 1, time(NULL) - 7200, time(NULL) - 3600);
    d = driver(5);
    l = find(d, liar.id);
    ok(exact(d, liar.id, 8) && atomic_load(&other.connections) == 0,
       "an expired contact is not asked either");
    layr_dht_lookup_drop(l);
    layr_dht_free(d);
    server_stop(&other);
    reset();
}

static void test_seeds(void)
{
    const char *urls[3] = {"http://127.0.0.1:1", dw.host[6].url, "http://127.77.99.1:1"},
               *bad[1] = {"nonsense"};
    layr_dht_t *d = driver_at(urls, 3, LAYR_REACH_LOCAL), *none;
    uint8_t target[32] = {1};
    layr_diag_t diag = {0};
    layr_dht_lookup_t *l = find(d, target);

    ok(right(l, target, 20) == 20 || exact(d, target, 20), "of three seeds one is enough");
    layr_dht_lookup_drop(l);
    none = driver_at(urls, 1, LAYR_REACH_LOCAL);
    l = find(none, target);
    is_int(layr_dht_lookup_error(l), LAYR_ERR_HOSTS, "nobody answers: said so");
    layr_dht_lookup_drop(l);
    is_int(layr_dht_seeds(none, bad, 1, &diag), LAYR_ERR_ARG, "a malformed one is named");
    ok(strstr(diag.text, "'nonsense'") != NULL, "%s", diag.text);
    layr_dht_free(none);
    layr_dht_free(d);
}

static void test_saved(void)
{
    layr_dht_t *d = driver(7), *next = NULL;
    layr_dht_config_t c = {.net = net, .reach = LAYR_REACH_LOCAL};
    layr_dht_lookup_t *l;
    uint8_t target[32] = {2};
    unsigned taken = 0, lived = 0;
    layr_buf_t b;

    layr_buf_init(&b);
    l = find(d, target);
    layr_dht_lookup_drop(l);
    ok(layr_dht_save(d, &b) == LAYR_OK && b.len > 1000, "contacts are saved");
    layr_dht_free(d);
    if (layr_dht_new(&next, &c) != LAYR_OK)
        exit(2);
    ok(layr_dht_load(next, b.p, b.len, &taken) == LAYR_OK && taken >= 20, "and loaded");
    l = find(next, target);
    ok(right(l, target, 20) == 20 || exact(next, target, 20), "without a seed a lookup goes on from them");
    layr_dht_lookup_drop(l);
    layr_dht_free(next);
    for (size_t i = 0; i < b.len; i += 97) /* a signature each that does not hold */
        b.p[i] ^= i > 12 ? 1 : 0;
    if (layr_dht_new(&next, &c) != LAYR_OK)
        exit(2);
    lived = layr_dht_load(next, b.p, b.len, &taken) == LAYR_OK ? taken : 0;
    is_int(lived, 0, "damaged ones are not taken");
    layr_dht_free(next);
    layr_buf_free(&b);
}

static void on_pinged(void *ctx, int error, const layr_host_t *h, uint32_t rtt_us)
{
    int *out = ctx;

    *out = error == LAYR_OK && (h->group == 0 || rtt_us == 0) ? 1 : error;
}

static void test_ping(void)
{
    layr_dht_t *d = NULL;
    layr_dht_config_t c = {.net = net, .reach = LAYR_REACH_LOCAL};
    int good = 9, moved = 9, down = 9;
    char *contact;

    if (layr_dht_new(&d, &c) != LAYR_OK)
        exit(2);
    dw.host[9].is = DOWN;
    contact = sign_contact(&dw.host[10], dw.host[11].url, 1, time(NULL), time(NULL) + 3600);
    ok(layr_dht_ping(d, dw.host[8].contact, strlen(dw.host[8].contact), 0, on_pinged, &good) == LAYR_OK &&
           layr_dht_ping(d, contact, strlen(contact), 0, on_pinged, &moved) == LAYR_OK &&
           layr_dht_ping(d, dw.host[9].contact, strlen(dw.host[9].contact), 0, on_pinged, &down) == LAYR_OK,
       "three pings");
    while (!layr_dht_idle(d))
        layr_dht_turn(d, 100);
    is_int(good, LAYR_OK, "one answers");
    is_int(moved, LAYR_ERR_AUTH, "one's contact names another host's address");
    is_int(down, LAYR_ERR_NET, "one is down");
    contact[strlen(contact) - 9] ^= 1;
    ok(layr_dht_ping(d, contact, strlen(contact), 0, NULL, NULL) != LAYR_OK,
       "a forged contact is not pinged");
    free(contact);
    layr_dht_free(d);
    reset();
}

/* With what is under way the driver ends, whoever is silent. */
static void test_end(void)
{
    layr_dht_t *d = driver(12);
    atomic_int cancel = 0;
    layr_dht_lookup_opts_t o = {0};
    layr_dht_lookup_t *l[30];
    uint64_t began;

    layr_dht_lookup_drop(find(d, o.target));
    for (unsigned i = 0; i < dw.count; i++)
        dw.host[i].is = SILENT;
    for (unsigned i = 0; i < 30; i++) {
        layr_random(o.target, 32);
        l[i] = begin(d, &o);
    }
    layr_dht_turn(d, 50);
    began = test_ms();
    atomic_store(&cancel, 1);
    is_int(layr_dht_lookup_wait(l[0], &cancel), LAYR_ERR_CANCELLED, "one is cancelled");
    for (unsigned i = 0; i < 15; i++)
        layr_dht_lookup_drop(l[i]);
    layr_dht_free(d);
    ok(test_ms() - began < 1000, "in %u ms all are gone", (unsigned)(test_ms() - began));
    is_int(layr_dht_lookup_error(l[20]), LAYR_ERR_CANCELLED, "those that were not dropped are cancelled");
    for (unsigned i = 15; i < 30; i++)
        layr_dht_lookup_drop(l[i]);
    reset();
}

/* A host that went to another port is found there by a newer contact. */
static void test_moved(void)
{
    layr_dht_t *d = driver(13);
    layr_dht_lookup_opts_t o = {.host = true};
    layr_dht_lookup_t *l;
    server_t other = {.handler = dht_serve};
    layr_host_t h = {0};

    memcpy(o.target, dw.host[20].id, 32);
    l = begin(d, &o);
    (void)layr_dht_lookup_wait(l, NULL);
    layr_dht_lookup_drop(l);
    other.fd = listen_on("0.0.0.0", &other.port);
    pthread_create(&other.thread, NULL, server_thread, &other);
    dw.seq = 2;
    dht_name(20, other.port);
    dw.host[21].is = HONEST;
    l = begin(d, &o);
    (void)layr_dht_lookup_wait(l, NULL);
    ok(layr_dht_lookup_closest(l, &h, 1) == 1 && memcmp(h.id, dw.host[20].id, 32) == 0,
       "it is found by its id");
    layr_dht_lookup_drop(l);
    layr_dht_free(d);
    server_stop(&other);
    dht_name(20, dw.server.port);
}

int main(void)
{
    layr_net_config_t c = {.connect_ms = 1000};

    if (layr_init() != LAYR_OK || layr_net_new(&net, &c) != LAYR_OK)
        return 1;
    dht_begin(40);
    test_lookup();
    test_host();
    test_value();
    reset();
    test_slow();
    test_hostile();
    test_away();
    test_seeds();
    test_saved();
    test_ping();
    test_end();
    test_moved();
    layr_net_free(net);
    dht_end();
    return done();
}
