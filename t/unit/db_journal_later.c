/* db/journal_later.c: what a new version does not name goes when its time has come, and not what the newest one names. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "db_journal.h"

#define NOW 100000

static const uint8_t master[32] = {1, 2, 3};
static layr_journal_t *j;
static uint8_t named[4]; /* tags of the orders that the newest version names */
static unsigned named_count, asked;
static int answer;

/* An order's id is its tag, 16 times. */
static int64_t begin(uint8_t tag)
{
    layr_put_entry_t e = {.scheme = {1, 3}, .started = NOW, .until = NOW + 9};
    uint8_t order[16], host[32] = {7}, group[16] = {8}, shard[32] = {tag};

    memset(e.W, 5, sizeof e.W);
    memset(order, tag, sizeof order);
    if (layr_journal_put_begin(j, &e) != 0 ||
        layr_journal_put_shard(j, e.id, shard, host, "http://h", order, group, NULL, false) != 0)
        printf("Bail out! no put\n");
    return e.id;
}

static int publish(int64_t put, uint8_t old_tag, layr_time_t due)
{
    layr_release_t r = {.count = 1};
    layr_later_t l = {.due = due, .releases = &r, .count = 1};

    memset(l.W, 5, sizeof l.W);
    memset(l.record_id, 6, sizeof l.record_id);
    memset(r.order[0], old_tag, 16);
    snprintf(r.url, sizeof r.url, "http://h");
    return layr_journal_update_publish(j, put, &l);
}

static int ask(void *ctx, layr_due_t *due)
{
    (void)ctx;
    asked++;
    ok(due->W[0] == 5 && due->W[31] == 5 && due->record_id[0] == 6, "is asked with the file's secret");
    for (unsigned i = 0; i < named_count; i++) {
        uint8_t order[16];

        memset(order, named[i], sizeof order);
        layr_buf_add(&due->named, order, sizeof order);
    }
    return answer;
}

static int settle(layr_time_t now, int rc, unsigned count, uint8_t a, uint8_t b)
{
    answer = rc;
    named_count = count;
    named[0] = a;
    named[1] = b;
    asked = 0;
    return layr_journal_later_each(j, now, ask, NULL);
}

static int tags(void *ctx, const layr_release_t *r)
{
    for (unsigned i = 0; i < r->count; i++)
        ((uint8_t *)ctx)[r->order[i][0]] = 1;
    return LAYR_OK; /* told: they go */
}

/* Which of the orders 1 to 4 are pending releases, as digits; they are none after. */
static unsigned pending(void)
{
    uint8_t seen[256] = {0};
    unsigned out = 0;

    ok(layr_journal_release_each(j, tags, seen) == 0, "releases are read");
    for (unsigned i = 1; i < 5; i++)
        if (seen[i])
            out = out * 10 + i;
    return out;
}

static void test_in_time(void)
{
    int64_t put = begin(1);
    uint8_t orphan[1][16];

    memset(orphan, 1, sizeof orphan);
    ok(publish(put, 2, NOW + 10) == 0, "a version is about to be published");
    ok(layr_journal_update_done(j, put, NULL, NULL, 0) == 0, "and is");
    ok(settle(NOW, 0, 0, 0, 0) == 0 && asked == 0, "before its time nobody is asked");
    ok(pending() == 0, "and nothing goes");
    ok(settle(NOW + 10, LAYR_ERR_NET, 0, 0, 0) == 0 && asked == 1 && pending() == 0,
       "where nobody answers all waits");
    ok(settle(NOW + 10, LAYR_ERR_CANCELLED, 0, 0, 0) == LAYR_ERR_CANCELLED, "a stop is passed on");
    ok(settle(NOW + 10, 0, 0, 0, 0) == 0 && pending() == 2,
       "then the old one's order goes, the new one's stays");
    ok(settle(NOW + 10, 0, 0, 0, 0) == 0 && asked == 0, "once");

    put = begin(1);
    ok(publish(put, 2, NOW) == 0 &&
           layr_journal_update_done(j, put, NULL, (const uint8_t(*)[16])orphan, 1) == 0,
       "a version with a shard that it does not name");
    ok(settle(NOW, 0, 1, 3, 0) == 0 && pending() == 12, "that goes with the old one's");
}

static void test_cut_off(void)
{
    int64_t put = begin(1);

    ok(publish(put, 2, NOW) == 0, "cut off after it was published");
    ok(layr_journal_put_drop(j, put) == 0 && pending() == 0, "nothing of it is released unseen");
    ok(settle(NOW, 0, 1, 1, 0) == 0 && pending() == 2, "when it is the newest its order stays");
    put = begin(1);
    ok(publish(put, 2, NOW) == 0 && layr_journal_put_drop(j, put) == 0, "cut off again");
    ok(settle(NOW, 0, 1, 2, 0) == 0 && pending() == 1, "when the old one is, that one's");
    put = begin(3);
    ok(layr_journal_put_drop(j, put) == 0 && pending() == 3, "cut off before, its orders go at once");
    ok(publish(put, 2, NOW) == LAYR_ERR_NOTFOUND, "a put that was given up publishes nothing");
}

static void test_file(void)
{
    layr_file_entry_t f = {.name = "a", .size = 1, .scheme = {1, 1}, .created = 1, .until = 2}, got = {0};
    int64_t put = begin(1);

    memset(f.W, 5, sizeof f.W);
    memset(f.record_id, 6, sizeof f.record_id);
    ok(publish(put, 2, NOW) == 0 && layr_journal_update_done(j, put, &f, NULL, 0) == 0, "a file appears");
    f.size = 2;
    put = begin(3);
    ok(publish(put, 1, NOW) == 0 && layr_journal_update_done(j, put, &f, NULL, 0) == 0, "and changes");
    ok(layr_journal_file_find(j, &got, "a") == 0 && got.size == 2, "under its name");
    ok(settle(NOW, 0, 1, 3, 0) == 0 && pending() == 12, "what both replaced goes");
    layr_wipe(&f, sizeof f);
    layr_wipe(&got, sizeof got);
}

int main(void)
{
    char folder[] = "/tmp/layr-later.XXXXXX";

    j = journal_new(folder, master);
    test_in_time();
    test_cut_off();
    test_file();
    journal_remove(j, folder);
    return done();
}
