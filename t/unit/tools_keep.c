/* tools/keep_units.c: what an audit says of a file, and whether it is to be restored. */
#include <string.h>

#include "../../tools/keep_units.h"
#include "tap.h"

#define NOW 1000000

static layr_keep_units_t fresh(unsigned threshold, layr_time_t grace)
{
    layr_scheme_t s = {4, 8};

    return (layr_keep_units_t){
        .scheme = s, .threshold = layr_keep_threshold(threshold, s), .grace = grace, .now = NOW};
}

static void rows(layr_keep_units_t *u, bool page, uint64_t unit, const layr_verdict_t *v, unsigned count,
                 layr_time_t silent_since)
{
    for (unsigned i = 0; i < count; i++) {
        layr_audit_row_t r = {.page = page, .unit = unit, .index = i, .verdict = v[i]};

        r.unproven_since = v[i] == LAYR_UNREACHABLE ? silent_since : 0;
        snprintf(r.text, sizeof r.text, "row %u", i);
        if (layr_keep_unit_row(u, &r) != 0)
            printf("Bail out! no memory\n");
    }
}

static void thresholds(void)
{
    is_int(layr_keep_threshold(0, (layr_scheme_t){4, 8}), 7, "4/8 by itself: below 7");
    is_int(layr_keep_threshold(5, (layr_scheme_t){4, 8}), 5, "what was asked for");
    is_int(layr_keep_threshold(2, (layr_scheme_t){4, 8}), 5, "more than k");
    is_int(layr_keep_threshold(4, (layr_scheme_t){4, 8}), 5, "k itself is too late");
    is_int(layr_keep_threshold(255, (layr_scheme_t){4, 8}), 8, "n at most");
    is_int(layr_keep_threshold(0, (layr_scheme_t){1, 1}), 1, "1/1 has no spare");
    is_int(layr_keep_threshold(1, (layr_scheme_t){1, 3}), 2, "1/3");
}

#define P LAYR_PASSED
#define U LAYR_UNREACHABLE

static void losses(void)
{
    static const layr_verdict_t whole[8] = {P, P, P, P, P, P, P, P},
                                two[8] = {P, LAYR_CORRUPT, P, LAYR_MISSING, P, P, P, P},
                                one[8] = {P, LAYR_CORRUPT, P, P, P, P, P, P},
                                gone[8] = {
                                    P,           P, P, LAYR_NEVER, LAYR_MISSING, LAYR_MISSING, LAYR_CORRUPT,
                                    LAYR_CORRUPT};
    layr_keep_units_t u = fresh(0, 3600);

    ok(layr_keep_weakest(&u) == NULL && layr_keep_low(&u) == 0 && layr_keep_lost(&u) == 0, "nothing at all");
    rows(&u, false, 0, whole, 8, 0);
    rows(&u, false, 1, one, 8, 0);
    is_int(layr_keep_low(&u), 0, "one of eight lost: not yet");
    is_int(layr_keep_weakest(&u)->number, 1, "the weakest");
    is_int(layr_keep_weakest(&u)->good, 7, "has seven");
    ok(strcmp(u.text, "row 1") == 0, "the first that is wrong");
    rows(&u, false, 2, two, 8, 0);
    is_int(layr_keep_low(&u), 1, "two of eight lost: to be restored");
    is_int(layr_keep_lost(&u), 0, "nothing is lost");
    layr_keep_restored(&u);
    ok(layr_keep_low(&u) == 0 && u.unit[2].good == 8 && u.unit[1].good == 7,
       "restored, and the other as it was");
    rows(&u, false, 3, gone, 8, 0);
    is_int(layr_keep_lost(&u), 1, "three left of four needed");
    is_int(u.passed + u.bad, 32, "each row is counted once");
    layr_keep_units_free(&u);
    u = fresh(255, 3600);
    rows(&u, false, 0, one, 8, 0);
    is_int(layr_keep_low(&u), 1, "threshold n: any loss");
    layr_keep_units_free(&u);
}

static void silence(void)
{
    static const layr_verdict_t away[8] = {P, U, U, U, U, U, P, P},
                                refused[8] = {LAYR_REFUSED, P, P, P, P, P, P, P};
    layr_keep_units_t u = fresh(255, 3600);

    rows(&u, false, 0, away, 8, NOW - 3599);
    is_int(layr_keep_low(&u), 0, "hosts that are silent for less than the grace are no loss");
    is_int(layr_keep_lost(&u), 0, "and nothing is lost with them");
    is_int(layr_keep_hidden(&u), 1, "but it can't be had until they are back");
    is_int(layr_keep_weakest(&u)->good, 3, "though three alone answer");
    is_int(u.again, NOW + 1, "looked at again when they have been for too long");
    rows(&u, false, 1, refused, 8, 0);
    is_int(u.waited, 6, "who refuses is waited for too");
    is_int(layr_keep_low(&u), 0, "at first");
    layr_keep_units_free(&u);

    u = fresh(255, 3600);
    rows(&u, false, 0, away, 8, NOW - 3600);
    is_int(layr_keep_low(&u), 1, "after the grace they are");
    is_int(u.again, 0, "nobody is waited for");
    is_int(layr_keep_lost(&u), 1, "and three are fewer than four");
    layr_keep_units_free(&u);

    u = fresh(255, 0);
    rows(&u, false, 0, away, 8, NOW);
    is_int(layr_keep_low(&u), 1, "without a grace at once");
    layr_keep_units_free(&u);
}

static void leaving(void)
{
    layr_keep_units_t u = fresh(0, 3600);
    layr_host_t host = {.leaving = true};
    layr_audit_row_t r = {.verdict = LAYR_PASSED, .host = &host};

    is_int(layr_keep_unit_row(&u, &r), 0, "a row at a host that leaves");
    ok(u.unit[0].good == 1 && layr_keep_low(&u) == 1, "is good, and is to go elsewhere");
    layr_keep_restored(&u);
    is_int(layr_keep_low(&u), 0, "then it has");
    layr_keep_units_free(&u);
}

static void pages(void)
{
    static const layr_verdict_t one[5] = {P, P, P, P, LAYR_MISSING},
                                two[5] = {P, P, LAYR_CORRUPT, P, LAYR_MISSING},
                                all[5] = {U, U, U, LAYR_MISSING, LAYR_MISSING};
    layr_keep_units_t u = fresh(0, 3600);

    rows(&u, true, 0, one, 5, 0);
    is_int(layr_keep_low(&u), 0, "a page may lose as many copies as a segment shards");
    rows(&u, true, 1, two, 5, 0);
    is_int(layr_keep_low(&u), 1, "and no more");
    is_int(layr_keep_needed(&u, &u.unit[0]), 1, "one copy will do");
    rows(&u, true, 2, all, 5, NOW - 9999);
    is_int(layr_keep_lost(&u), 1, "none is lost");
    layr_keep_units_free(&u);
}

int main(void)
{
    thresholds();
    losses();
    silence();
    pages();
    leaving();
    return done();
}
