/* db/journal_listed.c: what one machine has to tell hosts is done by another, and then by nobody. */
#include "db_journal.h"

#define NOW 1000000000

static const uint8_t master[32] = {7, 8}, record[32] = {77}, own[16] = {9, 9}, group[16] = {5};
static layr_journal_t *a, *b; /* two machines */
static layr_catalogue_t c;    /* what lies on the network */

static layr_release_t release_of(uint8_t first, unsigned count)
{
    layr_release_t r = {.host = {3}, .count = count, .url = "http://h"};

    memcpy(r.group, group, sizeof r.group);
    for (unsigned i = 0; i < count; i++)
        memset(r.order[i], first + (int)i, 16);
    return r;
}

/* A machine looks at the network and writes what it has beyond it: is anything written? */
static bool look(layr_journal_t *j)
{
    bool changed = false;
    int64_t mark;

    ok(layr_journal_catalogue_take(j, record, &c) == 0 &&
           layr_journal_catalogue_fill(j, &c, NOW, own, &mark, &changed) == 0 &&
           layr_journal_catalogue_done(j, mark) == 0,
       "a look at the catalogue");
    return changed;
}

static int tags(void *ctx, const layr_release_t *r)
{
    for (unsigned i = 0; i < r->count; i++)
        *(unsigned *)ctx += 1u << r->order[i][0];
    return LAYR_OK;
}

/* A machine tells hosts what it has to: a bit for each order. */
static unsigned tell(layr_journal_t *j)
{
    unsigned out = 0;

    ok(layr_journal_release_each(j, tags, &out) == 0, "hosts are told");
    return out;
}

static void test_at_once(void)
{
    layr_release_t r = release_of(1, 2), mine = release_of(5, 1);

    memcpy(mine.group, own, sizeof own);
    ok(layr_journal_release_add(a, &r) == 0 && layr_journal_release_add(a, &mine) == 0,
       "three orders are pending");
    ok(look(a) && c.release_count == 2, "two are listed, and not the catalogue's own");
    ok(!look(a), "once");
    ok(!look(b) && tell(b) == (1 << 1 | 1 << 2), "another machine does it");
    ok(look(b) && c.release_count == 0, "and takes them out");
    ok(!look(b) && tell(b) == 0, "and is done with it");
    ok(look(a) && c.release_count == 2, "the first does not know, and lists them again");
    ok(tell(a) == (1 << 1 | 1 << 2 | 1 << 5), "and does it itself");
    ok(look(a) && c.release_count == 0 && tell(a) == 0, "then nobody has anything to do");
    ok(!look(b) && tell(b) == 0, "nobody");
}

static layr_file_entry_t file_of(uint8_t tag)
{
    layr_file_entry_t f = {.size = tag, .scheme = {1, 3}, .created = NOW - 5, .until = NOW + 500};
    layr_file_keys_t k;

    memset(f.W, tag, sizeof f.W);
    layr_file_keys_from_write(&k, f.W);
    memcpy(f.record_id, k.record_id, sizeof f.record_id);
    snprintf(f.name, sizeof f.name, "file%u", tag);
    layr_file_keys_wipe(&k);
    return f;
}

/* A file, and a new version that leaves two orders behind. With cut, it is never seen through. */
static void update(uint8_t tag, uint8_t first, bool cut)
{
    layr_put_entry_t e = {.scheme = {1, 3}, .started = NOW, .until = NOW + 500};
    layr_file_entry_t f = file_of(tag);
    layr_release_t r = release_of(first, 2);
    layr_later_t l = {.due = NOW + 100, .releases = &r, .count = 1};
    uint8_t shard[32] = {tag}, host[32] = {3}, order[16];
    int rc;

    memcpy(l.W, f.W, sizeof l.W);
    memcpy(l.record_id, f.record_id, sizeof l.record_id);
    memset(order, first + 2, sizeof order);
    rc = layr_journal_put_begin(a, &e);
    if (rc == 0)
        rc = layr_journal_put_shard(a, e.id, shard, host, "http://h", order, group, NULL, false);
    if (rc == 0)
        rc = layr_journal_update_publish(a, e.id, &l);
    if (rc == 0)
        rc = cut ? layr_journal_put_drop(a, e.id) : layr_journal_update_done(a, e.id, &f, NULL, 0);
    ok(rc == 0, "a new version");
    layr_wipe(&f, sizeof f);
    layr_wipe(&l, sizeof l);
}

static unsigned asked;
static uint8_t named[16];

static int ask(void *ctx, layr_due_t *due)
{
    (void)ctx;
    asked++;
    layr_buf_add(&due->named, named, sizeof named);
    return LAYR_OK;
}

static unsigned settle(layr_journal_t *j, layr_time_t now)
{
    asked = 0;
    ok(layr_journal_later_each(j, now, ask, NULL) == 0, "what is due is looked at");
    return asked;
}

static void test_later(void)
{
    update(11, 1, false);
    memset(named, 2, sizeof named);
    ok(look(a) && c.release_count == 2 && c.release[0].due == NOW + 100,
       "what it leaves is listed, with its time");
    ok(!look(b) && tell(b) == 0 && settle(b, NOW) == 0, "another machine waits");
    ok(settle(b, NOW + 100) == 1 && tell(b) == 1 << 1,
       "and does it then, but for what the newest version names");
    ok(look(b) && c.release_count == 0, "and lists neither any more");
    ok(settle(a, NOW + 100) == 1 && tell(a) == 1 << 1 && !look(a) && tell(a) == 0, "as the first does");
}

static void test_cut_off(void)
{
    update(12, 11, false);
    update(12, 14, true);
    ok(look(a) && c.release_count == 4 &&
           !layr_catalogue_has_release(
               &c, (const uint8_t[16]){16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16}),
       "a version that was cut off: its own orders are not listed");
}

static void test_gone(void)
{
    layr_file_entry_t f = file_of(12);
    layr_catalogue_release_t r = {.due = NOW + 100, .until = NOW + 200};
    bool changed = false;

    memset(r.order, 8, sizeof r.order);
    memset(r.record_id, 99, sizeof r.record_id);
    ok(layr_catalogue_add_release(&c, &r, &changed) == 0, "one of a file that nobody here knows");
    ok(layr_journal_file_remove(a, f.record_id) == 0 && look(a), "a removal");
    ok(!look(b) && tell(b) == (1 << 11 | 1 << 12 | 1 << 14 | 1 << 15),
       "of what is gone all is released at once");
    ok(look(b) && c.release_count == 1 && layr_catalogue_has_release(&c, r.order),
       "and the other one is left to others");
    layr_wipe(&f, sizeof f);
}

int main(void)
{
    char here[] = "/tmp/layr-listed.XXXXXX", there[] = "/tmp/layr-listed.XXXXXX";

    a = journal_new(here, master);
    b = journal_new(there, master);
    test_at_once();
    test_later();
    test_cut_off();
    test_gone();
    layr_catalogue_free(&c);
    journal_remove(a, here);
    journal_remove(b, there);
    return done();
}
