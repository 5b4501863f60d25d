/* Which scheme for how many hosts, what it promises, and which host is asked next. */
#include <math.h>

#include "flow/load.h"
#include "layr/thread.h"
#include "tap.h"

static void test_scheme(void)
{
    static const struct {
        size_t hosts;
        int k, n; /* 0: none */
    } want[] = {{0, 0, 0},    {3, 0, 0},    {4, 1, 3},    {6, 1, 3},     {7, 3, 6},
                {8, 3, 6},    {9, 4, 8},    {11, 4, 8},   {12, 4, 10},   {23, 4, 10},
                {24, 10, 20}, {47, 10, 20}, {48, 20, 40}, {1000, 20, 40}};
    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
        layr_scheme_t s = {0, 0};
        int rc = layr_scheme_for_hosts(&s, want[i].hosts);
        ok(rc == (want[i].k ? LAYR_OK : LAYR_ERR_HOSTS) && s.k == want[i].k && s.n == want[i].n,
           "%zu hosts: %d/%d", want[i].hosts, want[i].k, want[i].n);
    }
}

/* The same by adding up every one of the 2^n outcomes. */
static double loss_by_enumeration(layr_scheme_t s, double p)
{
    double sum = 0;
    for (unsigned lost = 0; lost < 1u << s.n; lost++) {
        int gone = __builtin_popcount(lost);
        if (s.n - gone < s.k)
            sum += pow(p, gone) * pow(1 - p, s.n - gone);
    }
    return sum;
}

static void test_loss(void)
{
    static const layr_scheme_t schemes[] = {{1, 1}, {1, 3}, {2, 3}, {4, 8}, {3, 6}, {4, 12}};
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        double want = loss_by_enumeration(schemes[i], 0.05),
               got = layr_loss_without_repair(schemes[i], 0.05, 1);
        ok(fabs(got - want) <= want * 1e-9, "%u/%u: the loss of one segment is the sum over all outcomes",
           schemes[i].k, schemes[i].n);
        want = 1 - pow(1 - want, 20);
        got = layr_loss_without_repair(schemes[i], 0.05, 20);
        ok(fabs(got - want) <= want * 1e-6, "%u/%u: and of twenty", schemes[i].k, schemes[i].n);
    }
    ok(layr_loss_without_repair((layr_scheme_t){20, 40}, 0.01, 1) > 0,
       "a loss too small for 1 - (1 - p)^n is not lost");
}

static void test_load(void)
{
    layr_host_t hosts[3] = {{.error = LAYR_OK}, {.error = LAYR_ERR_NET}, {.error = LAYR_OK}};
    layr_hosts_t list = {hosts, 3, 3};
    layr_load_t l;
    layr_load_host_t *a, *b;
    uint64_t now = layr_now_us();

    hosts[0].id[0] = 1;
    hosts[1].id[0] = 2;
    hosts[2].id[0] = 3;
    if (layr_load_init(&l, &list) != LAYR_OK)
        return;
    is_int((long long)l.count, 2, "hosts that can't be used are not counted");
    a = layr_load_find(&l, hosts[0].id);
    b = layr_load_find(&l, hosts[2].id);
    ok(a && b && !layr_load_find(&l, hosts[1].id), "and not found");
    if (!a || !b)
        return;
    is_int((long long)layr_load_expect(&l, a, 1000), (long long)layr_load_expect(&l, b, 1000),
           "unknown hosts are equals");
    atomic_store(&hosts[0].bytes_s, 10000000);
    atomic_store(&hosts[2].bytes_s, 1000000);
    ok(layr_load_expect(&l, a, 1000000) * 9 < layr_load_expect(&l, b, 1000000),
       "a host of a tenth of the speed takes ten times as long");
    layr_load_began(a, 20000000);
    ok(layr_load_expect(&l, a, 1000000) > layr_load_expect(&l, b, 1000000),
       "a fast host with much to do is later than a slow one without");
    layr_load_ended(a, 20000000, LAYR_OK, "");
    is_int((long long)a->used, 20000000, "what it took is counted");
    is_int((long long)a->pending, 0, "and nothing is pending");
    layr_load_began(a, 5);
    layr_load_ended(a, 5, LAYR_ERR_NET, "cut off");
    ok(layr_load_resting(a, now) && !a->out, "after one failure it rests");
    layr_load_ended(a, 0, LAYR_ERR_CANCELLED, "");
    is_int(a->fails, 1, "what we ended ourselves is no failure");
    layr_load_ended(a, 0, LAYR_OK, "");
    is_int(a->fails, 0, "a success forgives");
    for (int i = 0; i < 2 * LAYR_LOAD_FAILS; i++)
        layr_load_ended(a, 0, LAYR_ERR_NET, "cut off");
    ok(a->fails == 1 && !a->out, "many that end with one outage are one failure");
    for (int i = 1; i < LAYR_LOAD_FAILS; i++) {
        a->cool_until = 0; /* its rest is over */
        layr_load_ended(a, 0, LAYR_ERR_TIMEOUT, "no answer");
    }
    ok(a->out, "after %d in a row it is left out", LAYR_LOAD_FAILS);
    ok(strcmp(a->why, "no answer") == 0, "and why is known");
    layr_load_late(b, now);
    ok(layr_load_resting(b, now) && !b->out && b->fails == 0,
       "a late one lets others go first and has not failed");
    ok(layr_error_passing(LAYR_ERR_NET) && layr_error_passing(LAYR_ERR_TIMEOUT) &&
           layr_error_passing(LAYR_ERR_UNAVAILABLE) && !layr_error_passing(LAYR_ERR_NOSPACE) &&
           !layr_error_passing(LAYR_ERR_REFUSED) && !layr_error_passing(LAYR_ERR_AUTH),
       "what may pass, and what not");
    layr_load_free(&l);
}

int main(void)
{
    test_scheme();
    test_loss();
    test_load();
    return done();
}
