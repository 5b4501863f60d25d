/* Stall and least-speed detection, with a clock of our own. */
#include "net/watch.h"

#include "tap.h"

/* Feed `rate` bytes a second in steps of 50 ms until the verdict changes or `ms` are over; when it did. */
static uint64_t run(layr_watch_t *w, layr_watch_phase_t phase, uint64_t rate, uint64_t ms,
                    layr_watch_verdict_t *v)
{
    uint64_t moved = 0, t;

    *v = LAYR_WATCH_FINE;
    for (t = 0; t <= ms && *v == LAYR_WATCH_FINE; t += 50) {
        moved = rate * t / 1000;
        *v = layr_watch_look(w, t, phase, moved, 0);
    }
    return t - 50;
}

static void test_stall(void)
{
    layr_watch_t w;

    layr_watch_start(&w, 1000, 800, 0);
    is_int(layr_watch_look(&w, 1799, LAYR_WATCH_WAIT, 0, 0), LAYR_WATCH_FINE, "not yet at 799 ms");
    is_int(layr_watch_look(&w, 1800, LAYR_WATCH_WAIT, 0, 0), LAYR_WATCH_STALLED, "stalled at 800 ms");
    layr_watch_start(&w, 1000, 800, 0);
    is_int(layr_watch_look(&w, 1700, LAYR_WATCH_RECEIVE, 1, 0), LAYR_WATCH_FINE, "a byte came");
    is_int(layr_watch_look(&w, 2499, LAYR_WATCH_RECEIVE, 1, 0), LAYR_WATCH_FINE, "799 ms after it");
    is_int(layr_watch_look(&w, 2500, LAYR_WATCH_RECEIVE, 1, 0), LAYR_WATCH_STALLED, "800 ms after it");
}

static void test_unacked(void)
{
    layr_watch_t w;
    uint64_t t, held = 100000;

    layr_watch_start(&w, 0, 800, 0);
    layr_watch_look(&w, 10, LAYR_WATCH_WAIT, 4096, held);
    for (t = 500; t <= 5000; t += 500)
        if (layr_watch_look(&w, t, LAYR_WATCH_WAIT, 4096, held -= 1000) != LAYR_WATCH_FINE)
            break;
    ok(t > 5000, "a body that the kernel delivers slowly is no stall");
    is_int(layr_watch_look(&w, 5900, LAYR_WATCH_WAIT, 4096, held), LAYR_WATCH_STALLED,
           "no more acknowledged: stalled");
}

static void test_speed(void)
{
    layr_watch_t w;
    layr_watch_verdict_t v;
    uint64_t t;

    layr_watch_start(&w, 0, 800, 1024);
    t = run(&w, LAYR_WATCH_RECEIVE, 20, 10000, &v);
    is_int(v, LAYR_WATCH_SLOW, "20 bytes a second under a least speed of 1024");
    ok(t >= 800 && t <= 2000, "found after one window (%llu ms)", (unsigned long long)t);
    layr_watch_start(&w, 0, 800, 1024);
    run(&w, LAYR_WATCH_SEND, 2048, 10000, &v);
    is_int(v, LAYR_WATCH_FINE, "twice the least speed is fine");
    layr_watch_start(&w, 0, 800, 0);
    run(&w, LAYR_WATCH_RECEIVE, 20, 10000, &v);
    is_int(v, LAYR_WATCH_FINE, "no least speed: slow is fine");
}

static void test_phases(void)
{
    layr_watch_t w;
    layr_watch_verdict_t v = LAYR_WATCH_FINE;
    uint64_t t;

    /* Fast, then slow: the window forgets the fast part. */
    layr_watch_start(&w, 0, 800, 1024);
    for (t = 0; t < 5000; t += 50)
        v = layr_watch_look(&w, t, LAYR_WATCH_RECEIVE, t * 1000, 0);
    is_int(v, LAYR_WATCH_FINE, "fast at first");
    for (uint64_t moved = t * 1000; t < 9000 && v == LAYR_WATCH_FINE; t += 50)
        v = layr_watch_look(&w, t, LAYR_WATCH_RECEIVE, moved++, 0);
    is_int(v, LAYR_WATCH_SLOW, "then too slow");
    ok(t <= 7000, "found within a window or two");

    /* An answer that takes its time is not slow, however small the request was. */
    layr_watch_start(&w, 0, 800, 1024);
    layr_watch_look(&w, 10, LAYR_WATCH_WAIT, 100, 0);
    is_int(layr_watch_look(&w, 700, LAYR_WATCH_WAIT, 100, 0), LAYR_WATCH_FINE, "waiting has no speed");
    /* A request that starts over counts from zero again. */
    layr_watch_start(&w, 0, 800, 1024);
    for (t = 0; t < 2000; t += 50)
        v = layr_watch_look(&w, t, LAYR_WATCH_SEND, t * 100, 0);
    v = layr_watch_look(&w, t, LAYR_WATCH_SEND, 1, 0);
    for (uint64_t at = 0; at < 2000 && v == LAYR_WATCH_FINE; at += 50)
        v = layr_watch_look(&w, t + at, LAYR_WATCH_SEND, 1 + at * 100, 0);
    is_int(v, LAYR_WATCH_FINE, "starting over is not slow");
}

int main(void)
{
    test_stall();
    test_unacked();
    test_speed();
    test_phases();
    return done();
}
