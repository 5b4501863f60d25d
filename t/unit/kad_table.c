/* kad/table*.c: who enters, who stays, who is given out, what is due. */
#include "kad.h"

static uint8_t own[32];
static uint64_t net = 100;

static layr_kad_table_t *new_table(const layr_kad_config_t *c)
{
    size_t size = layr_kad_table_size(c);
    void *mem = aligned_alloc(8, size);
    layr_kad_table_t *t = NULL;

    if (mem == NULL || layr_kad_table_init(&t, mem, size, c, own) != LAYR_OK)
        exit(1);
    return t;
}

static layr_kad_table_t *usual_table(void)
{
    layr_kad_config_t c = {400, 64, 5};
    return new_table(&c);
}

static bool is_there(const layr_kad_table_t *t, const layr_kad_contact_t *c)
{
    layr_kad_contact_t found;
    return layr_kad_find(t, c->id, &found);
}

static int enter(layr_kad_table_t *t, const layr_kad_contact_t *c, layr_time_t now)
{
    return layr_kad_confirm(t, c, 50000, now, NULL, NULL);
}

/* c[0..k): a full bucket of these. */
static void fill(layr_kad_table_t *t, unsigned prefix, layr_kad_contact_t *c, layr_time_t now)
{
    for (unsigned i = 0; i < LAYR_KAD_K; i++) {
        c[i] = contact_in(own, prefix, net++);
        if (enter(t, &c[i], now) != LAYR_KAD_ENTERED)
            exit(1);
    }
}

static layr_kad_stats_t stats(const layr_kad_table_t *t)
{
    layr_kad_stats_t s;
    layr_kad_table_stats(t, &s);
    return s;
}

static void test_config(void)
{
    static const layr_kad_config_t bad[] = {
        {19, 64, 5}, {65001, 64, 5}, {100, 0, 5}, {100, 1025, 5}, {100, 64, 21}};
    layr_kad_config_t usual = LAYR_KAD_CONFIG;
    layr_kad_table_t *t = NULL;
    size_t size = layr_kad_table_size(&usual);
    char *mem = aligned_alloc(8, size);
    int all = 1;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        all &= layr_kad_table_size(&bad[i]) == 0;
    ok(all, "a configuration out of its ranges has no size");
    ok(size > 1024 * 1024 && size < 1200 * 1024, "a host's table takes 1.1 MiB");
    ok(layr_kad_table_init(&t, mem, size - 1, &usual, own) == LAYR_ERR_ARG, "not in less memory");
    ok(layr_kad_table_init(&t, mem + 1, size, &usual, own) == LAYR_ERR_ARG && t == NULL,
       "nor in memory not aligned");
    ok(layr_kad_table_init(&t, mem, size, &usual, own) == LAYR_OK, "in just enough it is made");
    free(mem);
}

static void test_enter(void)
{
    layr_kad_table_t *t = usual_table();
    layr_kad_contact_t c = random_contact(7), found, self = random_contact(8), late = random_contact(9), odd;

    ok(layr_kad_offer(t, &c, NOW) == LAYR_KAD_PING, "a stranger is worth a ping");
    ok(!is_there(t, &c), "and is not in the table for that");
    is_int(enter(t, &c, NOW), LAYR_KAD_ENTERED, "who answered it enters");
    ok(layr_kad_find(t, c.id, &found) && found.seq == 1 && found.group == 7 && found.seen == NOW &&
           found.rtt_us == 50000 && found.exp == c.exp && found.len == 7 &&
           memcmp(found.text, "contact", 7) == 0,
       "with all that is known of it");
    ok(layr_kad_offer(t, &c, NOW) == LAYR_KAD_KNOWN, "and is known then");
    memcpy(self.id, own, 32);
    ok(layr_kad_offer(t, &self, NOW) == LAYR_KAD_OWN && enter(t, &self, NOW) == LAYR_KAD_OWN &&
           stats(t).live == 1,
       "the own id never enters");
    late.exp = NOW;
    ok(layr_kad_offer(t, &late, NOW) == LAYR_KAD_EXPIRED && enter(t, &late, NOW) == LAYR_KAD_EXPIRED,
       "nor does an expired contact");
    odd = random_contact(0);
    ok(enter(t, &odd, NOW) == LAYR_ERR_ARG, "nor one from no network");
    odd = random_contact(10);
    odd.len = 65;
    ok(enter(t, &odd, NOW) == LAYR_ERR_ARG, "nor one with a longer text than there is room for");
    odd.len = 0;
    ok(enter(t, &odd, NOW) == LAYR_ERR_ARG && stats(t).live == 1, "nor one without");
    free(t);
}

static void test_seq(void)
{
    layr_kad_table_t *t = usual_table();
    layr_kad_contact_t c = random_contact(7), found;

    c.seq = 5;
    enter(t, &c, NOW);
    c.seq = 4;
    c.text = "older";
    c.len = 5;
    ok(layr_kad_offer(t, &c, NOW) == LAYR_KAD_OLD && enter(t, &c, NOW + 10) == LAYR_KAD_OLD,
       "an older contact: no");
    ok(layr_kad_find(t, c.id, &found) && found.seq == 5 && found.len == 7 && found.seen == NOW,
       "nothing is changed, not even when it was seen");
    c.seq = 5;
    ok(enter(t, &c, NOW + 20) == LAYR_KAD_KNOWN && layr_kad_find(t, c.id, &found) && found.len == 7 &&
           found.seen == NOW + 20,
       "the same sequence: an answer, and the text stays");
    c.seq = 6;
    c.group = 9;
    ok(layr_kad_offer(t, &c, NOW) == LAYR_KAD_PING && enter(t, &c, NOW + 30) == LAYR_KAD_UPDATED,
       "a newer one: yes");
    ok(layr_kad_find(t, c.id, &found) && found.seq == 6 && found.group == 9 && found.len == 5,
       "text and network follow");
    is_int(stats(t).live, 1, "it is one entry all the time");
    free(t);
}

static void test_full(void)
{
    layr_kad_table_t *t = usual_table();
    layr_kad_contact_t c[LAYR_KAD_K], new[7], found;
    uint8_t oldest[32];
    bool ping;
    int all = 1;

    fill(t, 0, c, NOW);
    layr_kad_answered(t, c[0].id, 50000, NOW + 5);
    new[0] = contact_in(own, 0, net++);
    is_int(layr_kad_confirm(t, &new[0], 1, NOW + 10, &ping, oldest), LAYR_KAD_WAITS,
           "full of live ones: it waits");
    ok(!ping, "nobody is pinged while all were seen of late");
    new[1] = contact_in(own, 0, net++);
    ok(layr_kad_confirm(t, &new[1], 1, NOW + 1000, &ping, oldest) == LAYR_KAD_WAITS && ping &&
           memcmp(oldest, c[1].id, 32) == 0,
       "later the least recently seen is to be pinged");
    new[2] = contact_in(own, 0, net++);
    ok(layr_kad_confirm(t, &new[2], 1, NOW + 1001, &ping, oldest) == LAYR_KAD_WAITS && !ping, "once");
    layr_kad_answered(t, c[1].id, 1, NOW + 1002);
    for (unsigned i = 0; i < LAYR_KAD_K; i++)
        all &= is_there(t, &c[i]);
    ok(all, "it answers: all old ones stay");
    layr_kad_failed(t, c[2].id, NOW + 1003);
    ok(is_there(t, &c[2]), "one failure is none");
    layr_kad_answered(t, c[3].id, 1, NOW + 1004);
    layr_kad_failed(t, c[2].id, NOW + 1005);
    ok(!is_there(t, &c[2]), "two in a row: out, as somebody waits");
    ok(layr_kad_closest(t, new[2].id, NOW, &found, 1) == 1 && memcmp(found.id, new[2].id, 32) == 0,
       "the newest spare has moved up");
    for (unsigned i = 3; i < 7; i++) {
        new[i] = contact_in(own, 0, net++);
        enter(t, &new[i], NOW + 1010 + i);
    }
    ok(stats(t).spare == 5 && !is_there(t, &new[0]) && is_there(t, &new[1]),
       "of too many spares the oldest goes");
    new[0] = contact_in(own, 0, net++);
    ok(layr_kad_offer(t, &new[0], NOW + 1020) == LAYR_KAD_FULL,
       "no ping for more while the spares are young");
    ok(layr_kad_offer(t, &new[0], NOW + 5000) == LAYR_KAD_PING, "later there is");
    free(t);
}

static void test_no_spares(void)
{
    layr_kad_config_t none = {400, 64, 0};
    layr_kad_table_t *t = new_table(&none);
    layr_kad_contact_t c[LAYR_KAD_K], more = contact_in(own, 0, net++);
    uint8_t oldest[32];
    bool ping;

    fill(t, 0, c, NOW);
    ok(layr_kad_confirm(t, &more, 1, NOW + 1000, &ping, oldest) == LAYR_KAD_FULL && ping &&
           memcmp(oldest, c[0].id, 32) == 0,
       "without spares a full bucket refuses, and the oldest is pinged");
    layr_kad_failed(t, c[0].id, NOW + 1001);
    layr_kad_answered(t, c[1].id, 1, NOW + 1002);
    layr_kad_failed(t, c[0].id, NOW + 1003);
    ok(is_there(t, &c[0]), "who failed twice stays while nobody waits");
    is_int(enter(t, &more, NOW + 1004), LAYR_KAD_ENTERED, "and goes when somebody comes");
    ok(!is_there(t, &c[0]) && stats(t).live == LAYR_KAD_K && stats(t).evicted == 1, "one out, one in");
    free(t);
}

static void test_own_outage(void)
{
    layr_kad_table_t *t = usual_table();
    layr_kad_contact_t c[LAYR_KAD_K];

    fill(t, 0, c, NOW);
    for (unsigned n = 0; n < 20; n++)
        for (unsigned i = 0; i < LAYR_KAD_K; i++)
            layr_kad_failed(t, c[i].id, NOW + n);
    is_int(stats(t).live, LAYR_KAD_K, "when nobody answers any more, it is us: all stay");
    for (unsigned n = 0; n < LAYR_KAD_FAILS; n++) {
        layr_kad_answered(t, c[0].id, 1, NOW + 100 + n);
        layr_kad_failed(t, c[1].id, NOW + 100 + n);
    }
    ok(!is_there(t, &c[1]) && stats(t).live == LAYR_KAD_K - 1,
       "when others do, who fails time and again goes");
    free(t);
}

static void test_groups(void)
{
    layr_kad_table_t *t = usual_table();
    layr_kad_contact_t c, moving = contact_in(own, 3, 4242);
    unsigned entered = 0;

    for (unsigned i = 0; i < 10000; i++) {
        c = random_contact(77);
        entered += enter(t, &c, NOW) == LAYR_KAD_ENTERED;
    }
    ok(entered <= LAYR_KAD_GROUP_TABLE && entered >= 8, "of 10,000 contacts of one network %u enter",
       entered);
    c = contact_in(own, 200, 77);
    enter(t, &c, NOW);
    c = contact_in(own, 201, 77);
    enter(t, &c, NOW);
    c = contact_in(own, 202, 77);
    ok(enter(t, &c, NOW) == LAYR_KAD_GROUP && layr_kad_offer(t, &c, NOW) == LAYR_KAD_GROUP,
       "ten in the table: no more");
    for (unsigned i = 0; i < 2; i++) {
        c = contact_in(own, 3, 78);
        enter(t, &c, NOW);
    }
    c = contact_in(own, 3, 78);
    is_int(enter(t, &c, NOW), LAYR_KAD_GROUP, "two in a bucket: no more");
    enter(t, &moving, NOW);
    moving.seq = 2;
    moving.group = 78;
    is_int(enter(t, &moving, NOW), LAYR_KAD_GROUP, "nor may one move there that is in the table");
    moving.group = 4242;
    is_int(enter(t, &moving, NOW), LAYR_KAD_UPDATED, "where it was it may be renewed");
    free(t);
}

static void test_pool(void)
{
    layr_kad_config_t small = {45, 64, 5};
    layr_kad_table_t *t = new_table(&small);
    layr_kad_contact_t c[LAYR_KAD_K], more;
    unsigned refused = 0;

    fill(t, 0, c, NOW);
    for (unsigned i = 0; i < 5; i++) {
        more = contact_in(own, 0, net++);
        enter(t, &more, NOW);
    }
    fill(t, 1, c, NOW);
    ok(stats(t).live == 40 && stats(t).spare == 5, "the pool is used up");
    for (unsigned i = 0; i < 10; i++) {
        more = contact_in(own, 2 + i, net++);
        refused += enter(t, &more, NOW) == LAYR_KAD_FULL;
    }
    ok(stats(t).live == 45 && stats(t).spare == 0 && refused == 5, "spares give way, live ones never");
    free(t);
}

/* --- given out --- */

static int by_distance_target_cmp(const void *a, const void *b, void *target)
{
    const layr_kad_contact_t *x = a, *y = b;
    return layr_kad_closer(target, x->id, y->id);
}

static unsigned compare_with_sort(const layr_kad_table_t *t, const layr_kad_contact_t *in, unsigned count,
                                  uint8_t target[32], unsigned max)
{
    layr_kad_contact_t want[512], got[32];
    unsigned n = 0, wrong = 0, m;

    for (unsigned i = 0; i < count; i++)
        if (is_there(t, &in[i]))
            want[n++] = in[i];
    qsort_r(want, n, sizeof want[0], by_distance_target_cmp, target);
    m = layr_kad_closest(t, target, NOW, got, max);
    wrong += m != (n < max ? n : max);
    for (unsigned i = 0; i < m; i++)
        wrong += memcmp(got[i].id, want[i].id, 32) != 0;
    return wrong;
}

static void test_closest(void)
{
    static const unsigned maxes[] = {1, 8, 20, 32};
    layr_kad_config_t c = {512, 64, 0};
    layr_kad_table_t *t = new_table(&c);
    layr_kad_contact_t in[500], out[3];
    unsigned count = 0, wrong = 0;

    is_int(layr_kad_closest(t, own, NOW, out, 3), 0, "an empty table has nobody");
    for (unsigned i = 0; i < 500; i++) {
        in[count] = i % 2 ? random_contact(net++) : contact_in(own, (unsigned)(random64() % 250), net++);
        count += enter(t, &in[count], NOW) == LAYR_KAD_ENTERED;
    }
    for (unsigned i = 0; i < 2000; i++) {
        uint8_t target[32];
        random_bytes(target, 32);
        if (i % 4 == 1)
            layr_kad_random_id(target, own, (unsigned)(random64() % 256), target);
        if (i % 4 == 2)
            memcpy(target, in[random64() % count].id, 32);
        wrong += compare_with_sort(t, in, count, target, maxes[i % 3 + (i % 7 == 0)]);
    }
    is_int(wrong, 0, "2,000 times the closest are what sorting all gives");
    is_int(compare_with_sort(t, in, count, own, 20), 0, "for the own id, too");
    is_int(layr_kad_closest(t, own, NOW, out, 0), 0, "none when none is wanted");
    layr_kad_closest(t, in[0].id, NOW, out, 1);
    ok(memcmp(out[0].id, in[0].id, 32) == 0, "who is there is closest to itself");
    for (unsigned i = 0; i < LAYR_KAD_FAILS_SPARE; i++) {
        layr_kad_answered(t, in[1].id, 1, NOW);
        layr_kad_failed(t, in[0].id, NOW);
    }
    layr_kad_closest(t, in[0].id, NOW, out, 1);
    ok(memcmp(out[0].id, in[0].id, 32) != 0 && is_there(t, &in[0]), "who failed twice is not given out");
    ok(layr_kad_closest(t, own, NOW + 86400, out, 3) == 0, "expired ones are not");
    is_int(layr_kad_expire(t, NOW + 86400), count, "and go");
    ok(stats(t).live == 0 && stats(t).expired == count, "all of them");
    free(t);
}

static void test_remove(void)
{
    layr_kad_table_t *t = usual_table();
    layr_kad_contact_t c[LAYR_KAD_K], spare = contact_in(own, 0, net++), other = random_contact(net++);

    fill(t, 0, c, NOW);
    enter(t, &spare, NOW);
    layr_kad_remove(t, c[5].id);
    ok(!is_there(t, &c[5]) && stats(t).live == LAYR_KAD_K && stats(t).spare == 0,
       "one removed: a spare moves up");
    layr_kad_remove(t, other.id);
    layr_kad_remove(t, own);
    layr_kad_failed(t, other.id, NOW);
    layr_kad_answered(t, own, 1, NOW);
    ok(stats(t).live == LAYR_KAD_K && stats(t).removed == 1, "unknown ids are passed over");
    free(t);
}

/* --- upkeep --- */

static void test_ping_due(void)
{
    layr_kad_table_t *t = usual_table();
    layr_kad_contact_t a = contact_in(own, 0, net++), b = contact_in(own, 1, net++), due;
    unsigned pings = 0;

    ok(!layr_kad_ping_due(t, NOW, &due), "nobody is due in an empty table");
    enter(t, &a, NOW);
    enter(t, &b, NOW + 100);
    ok(!layr_kad_ping_due(t, NOW + LAYR_KAD_STALE - 1, &due), "nor who was seen within the hour");
    ok(layr_kad_ping_due(t, NOW + LAYR_KAD_STALE, &due) && memcmp(due.id, a.id, 32) == 0,
       "after an hour one is");
    ok(!layr_kad_ping_due(t, NOW + LAYR_KAD_STALE, &due), "once");
    layr_kad_failed(t, a.id, NOW + LAYR_KAD_STALE + 5);
    ok(!layr_kad_ping_due(t, NOW + LAYR_KAD_STALE + 64, &due), "who failed has a minute");
    ok(layr_kad_ping_due(t, NOW + LAYR_KAD_STALE + 65, &due) && memcmp(due.id, a.id, 32) == 0,
       "and is due then");
    for (unsigned s = 0; s < 3600; s++) {
        layr_kad_answered(t, b.id, 1, NOW + 10000 + s);
        if (layr_kad_ping_due(t, NOW + 10000 + s, &due)) {
            pings++;
            layr_kad_failed(t, due.id, NOW + 10000 + s);
        }
    }
    ok(!is_there(t, &a) && pings <= LAYR_KAD_FAILS, "the pauses grow, until it is out: %u pings", pings);
    free(t);
}

static void test_ping_for_spare(void)
{
    layr_kad_table_t *t = usual_table();
    layr_kad_contact_t c[LAYR_KAD_K], spare = contact_in(own, 0, net++), due;

    fill(t, 0, c, NOW);
    enter(t, &spare, NOW);
    ok(!layr_kad_ping_due(t, NOW + LAYR_KAD_FRESH - 1, &due), "a spare waits, all were seen of late");
    ok(layr_kad_ping_due(t, NOW + LAYR_KAD_FRESH, &due) && memcmp(due.id, c[0].id, 32) == 0,
       "the least recently seen is due when it was not");
    ok(!layr_kad_ping_due(t, NOW + LAYR_KAD_FRESH, &due), "and only that one");
    free(t);
}

static void test_refresh(void)
{
    layr_kad_config_t roomy = {1024, 64, 0};
    layr_kad_table_t *t = new_table(&roomy);
    layr_kad_contact_t c[LAYR_KAD_K];
    uint8_t random[32], target[32];
    unsigned seen[8] = {0}, rounds = 0;

    ok(!layr_kad_refresh_due(t, NOW, own, target), "an empty table has nothing to refresh");
    for (unsigned b = 0; b < 6; b++)
        fill(t, b, c, NOW);
    c[0] = contact_in(own, 9, net++);
    enter(t, &c[0], NOW);
    ok(layr_kad_refresh_due(t, NOW, own, target) && memcmp(target, own, 32) == 0, "first of all the own id");
    layr_kad_looked(t, own, NOW);
    for (random_bytes(random, 32); layr_kad_refresh_due(t, NOW, random, target) && rounds < 100; rounds++) {
        seen[layr_kad_prefix(own, target) & 7]++;
        layr_kad_looked(t, target, NOW);
    }
    ok(rounds == 6 && seen[0] == 1 && seen[5] == 1,
       "then each bucket that reaches beyond the closest hosts, once");
    ok(!layr_kad_refresh_due(t, NOW + LAYR_KAD_STALE - 1, random, target), "then none for an hour");
    layr_kad_looked(t, own, NOW + LAYR_KAD_STALE);
    layr_kad_looked(t, c[1].id, NOW + 1000); /* bucket 5 */
    layr_kad_refresh_due(t, NOW + LAYR_KAD_STALE, random, target);
    ok(layr_kad_prefix(own, target) < 5, "a lookup for anything in a bucket refreshes it");
    free(t);
}

int main(void)
{
    random_bytes(own, 32);
    test_config();
    test_enter();
    test_seq();
    test_full();
    test_no_spares();
    test_own_outage();
    test_groups();
    test_pool();
    test_closest();
    test_remove();
    test_ping_due();
    test_ping_for_spare();
    test_refresh();
    return done();
}
