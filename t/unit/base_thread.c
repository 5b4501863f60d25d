/* The pool of workers and the mailbox. */
#include <pthread.h>
#include <stdatomic.h>

#include "layr/thread.h"
#include "tap.h"

#define JOBS 2000

typedef struct count_job {
    layr_job_t job;
    unsigned number;
    layr_mailbox_t *box;
    void *seen_scratch;
} count_job_t;

static atomic_uint scratches, ran;
static int fail_at = -1;

static int scratch_new(void **out, void *arg)
{
    if ((int)atomic_load(&scratches) == fail_at)
        return LAYR_ERR_IO;
    ok(arg == (void *)&scratches, "a scratch is made with the caller's argument");
    *out = malloc(1);
    atomic_fetch_add(&scratches, 1);
    return *out ? LAYR_OK : LAYR_ERR_NOMEM;
}

static void scratch_free(void *p)
{
    free(p);
    atomic_fetch_sub(&scratches, 1);
}

static void work(layr_job_t *j, void *scratch)
{
    count_job_t *c = (count_job_t *)j;
    c->seen_scratch = scratch;
    atomic_fetch_add(&ran, 1);
    if (c->box)
        layr_mailbox_post(c->box, j);
}

static void test_pool(void)
{
    static count_job_t jobs[JOBS];
    layr_pool_t *p = NULL;
    layr_mailbox_t *box = NULL;
    unsigned got = 0, with_scratch = 0;

    is_int(layr_mailbox_new(&box), LAYR_OK, "a mailbox");
    is_int(layr_pool_new(&p, 3, scratch_new, scratch_free, &scratches), LAYR_OK, "a pool of three");
    for (unsigned i = 0; i < JOBS; i++) {
        jobs[i] = (count_job_t){.job.run = work, .number = i, .box = box};
        layr_pool_add(p, &jobs[i].job);
    }
    while (got < JOBS) {
        count_job_t *c = (count_job_t *)layr_mailbox_take(box, 10000);
        if (!c)
            break;
        got++;
        with_scratch += c->seen_scratch != NULL;
    }
    is_int(got, JOBS, "every job comes back once");
    is_int(with_scratch, JOBS, "every job has a scratch");
    layr_pool_free(p);
    is_int(atomic_load(&scratches), 0, "every scratch is freed");
    ok(layr_mailbox_take(box, 0) == NULL, "nothing more comes");
    layr_mailbox_free(box);
}

static void test_order_and_drain(void)
{
    static count_job_t jobs[100];
    layr_pool_t *p = NULL;
    layr_mailbox_t *box = NULL;
    int in_order = 1;

    if (layr_mailbox_new(&box) != LAYR_OK || layr_pool_new(&p, 1, NULL, NULL, NULL) != LAYR_OK) {
        ok(0, "a pool of one");
        return;
    }
    for (unsigned i = 0; i < 100; i++) {
        jobs[i] = (count_job_t){.job.run = work, .number = i, .box = box};
        layr_pool_add(p, &jobs[i].job);
    }
    layr_pool_free(p); /* waits for what was added */
    for (unsigned i = 0; i < 100; i++) {
        count_job_t *c = (count_job_t *)layr_mailbox_take(box, 0);
        in_order &= c && c->number == i;
    }
    ok(in_order, "one worker keeps the order, and the end waits for what was added");
    layr_mailbox_free(box);
    layr_pool_free(NULL);
    layr_mailbox_free(NULL);
}

static void test_failures(void)
{
    layr_pool_t *p = (layr_pool_t *)&scratches;

    fail_at = 2;
    is_int(layr_pool_new(&p, 4, scratch_new, scratch_free, &scratches), LAYR_ERR_IO,
           "a scratch that fails: its error");
    ok(p == (layr_pool_t *)&scratches, "and no pool");
    is_int(atomic_load(&scratches), 0, "and nothing is left");
    fail_at = -1;
}

static void test_time(void)
{
    layr_mailbox_t *box = NULL;
    uint64_t before;

    if (layr_mailbox_new(&box) != LAYR_OK)
        return;
    before = layr_now_us();
    ok(layr_mailbox_take(box, 50) == NULL, "an empty mailbox gives nothing");
    ok(layr_now_us() - before >= 50000, "after the time that was given");
    before = layr_now_us();
    ok(layr_mailbox_take(box, 0) == NULL && layr_now_us() - before < 50000, "and at once when none was");
    ok(layr_cpus() >= 1, "at least one processor");
    layr_mailbox_free(box);
}

int main(void)
{
    test_pool();
    test_order_and_drain();
    test_failures();
    test_time();
    return done();
}
