/* db/host_commit.c: many threads, one disk: every result is its own, and the sums are everybody's. */
#include <pthread.h>

#include "db_host.h"

#define THREADS 8
#define ROUNDS 25

typedef struct worker {
    host_t *h;
    unsigned n, stored, conflicts, other;
} worker_t;

/* Every third order takes an id that all threads want: one of them gets it. */
static void *put_many(void *arg)
{
    worker_t *w = arg;

    for (unsigned i = 0; i < ROUNDS; i++) {
        unsigned shard = 1000 * (w->n + 1) + i;
        layr_order_t o = host_order(shard, i % 3 == 0 ? 5 + i : shard, w->n);
        int rc = host_put(w->h, &o, shard);

        w->stored += rc == 0;
        w->conflicts += rc == LAYR_ERR_CONFLICT;
        w->other += rc != 0 && rc != LAYR_ERR_CONFLICT;
    }
    return NULL;
}

static void test_many(host_t *h)
{
    pthread_t thread[THREADS];
    worker_t w[THREADS];
    unsigned stored = 0, conflicts = 0, other = 0, shared = (ROUNDS + 2) / 3;

    for (unsigned i = 0; i < THREADS; i++) {
        w[i] = (worker_t){.h = h, .n = i};
        host_need(pthread_create(&thread[i], NULL, put_many, &w[i]) == 0, "a thread");
    }
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(thread[i], NULL);
        stored += w[i].stored;
        conflicts += w[i].conflicts;
        other += w[i].other;
    }
    is_int(other, 0, "no put failed");
    is_int(stored, THREADS * (ROUNDS - shared) + shared, "each id was given once");
    is_int(conflicts, (THREADS - 1) * shared, "and refused to the others");
    is_int((long long)h->told.orders, stored, "the sum of orders");
    is_int((long long)h->told.bytes, stored * HOST_SIZE, "and of bytes");
    is_int(host_count(h, "shard"), stored, "and the table agree");
    is_int(host_count(h, "intent") + host_count(h, "loose"), 0, "nothing is left over");
    /* One by one a PUT commits twice, a refused one four times: intent, its end, the sweep and its note. */
    ok(h->told.version < (2 * stored + 4 * conflicts) * 3 / 4, "commits were shared: %llu for %u puts",
       (unsigned long long)h->told.version, stored + conflicts);
}

/* Two handles are two workers. */
static void test_two(host_t *h)
{
    host_t two = *h;
    layr_order_t o = host_order(1, 1, 1);
    layr_time_t exp = 0;
    layr_host_totals_t t;

    two.first = false;
    two.c.ctx = &two;
    two.db = NULL;
    host_need(host_open(&two) == 0, "a second handle");
    is_int(host_put(&two, &o, 1), 0, "one worker stores");
    is_int(layr_hostdb_admit(h->db, &o, &exp, NULL), 0, "the other sees it");
    o = host_order(2, 2, 1);
    is_int(host_put(h, &o, 2), 0, "the other stores");
    ok(h->told.version > two.told.version, "and its sums are the newer ones");
    t = layr_hostdb_totals(h->db);
    is_int((long long)t.orders, (long long)two.told.orders + 1, "which count what both did");
    layr_hostdb_close(two.db);
}

int main(void)
{
    host_t h;

    host_new(&h);
    test_many(&h);
    test_two(&h);
    host_end(&h);
    return done();
}
