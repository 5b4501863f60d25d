/* db/journal_resume.c: a put that was cut off is kept, taken up by one at a time, and given up when its time is up. */
#include <time.h>
#include <unistd.h>

#include "layr/journal.h"
#include "tap.h"

static char folder[64], path[256];
static const uint8_t master[32] = {1, 2, 3}, group[16] = {8};

static layr_journal_t *open_it(void)
{
    layr_journal_t *j = NULL;
    layr_diag_t d = {0};

    if (layr_journal_open(&j, path, master, &d) != 0) {
        printf("Bail out! cannot open %s: %s\n", path, d.text);
        exit(1);
    }
    return j;
}

static layr_put_entry_t entry(const char *name, layr_time_t keep_until)
{
    layr_put_entry_t e = {.scheme = {1, 2},
                          .started = 1000,
                          .until = 2000,
                          .keep = true,
                          .size = 5000,
                          .mtime = 77,
                          .keep_until = keep_until};

    memset(e.W, name[0], sizeof e.W);
    memset(e.random, name[0] + 1, sizeof e.random);
    snprintf(e.name, sizeof e.name, "%s", name);
    return e;
}

/* One order: its shard and order ids from tag, at a host of that number. */
static int order(layr_journal_t *j, int64_t put, uint8_t salt_tag, uint8_t tag, uint8_t host_tag, bool page)
{
    uint8_t salt[16] = {salt_tag}, shard[32] = {tag}, host[32] = {host_tag}, id[16] = {tag, host_tag};

    return layr_journal_put_shard(j, put, shard, host, "http://h", id, group, salt, page);
}

static int64_t begun(layr_journal_t *j, const char *name, layr_time_t keep_until)
{
    layr_put_entry_t e = entry(name, keep_until);

    is_int(layr_journal_put_begin(j, &e), 0, "a put begins");
    return e.id;
}

static int count_pending(layr_journal_t *j)
{
    uint64_t n = 0;

    return layr_journal_release_count(j, &n) == 0 ? (int)n : -1;
}

static int see(void *ctx, const layr_unfinished_t *u)
{
    *(layr_unfinished_t *)ctx = *u;
    return 0;
}

static void test_kept(void)
{
    layr_time_t later = time(NULL) + 1000;
    layr_journal_t *j = open_it(), *j2;
    layr_put_entry_t e = entry("a", later), again = {.size = 6000, .mtime = 78, .keep_until = later + 1};
    layr_unfinished_t u = {0};
    layr_shard_ref_t where[4];
    uint8_t salt[16] = {1};
    int64_t put = begun(j, "a", later);

    is_int(order(j, put, 1, 10, 1, false), 0, "an order");
    is_int(order(j, put, 1, 10, 2, false), 0, "the same shard to another host");
    is_int(order(j, put, 2, 20, 3, false), 0, "another shard");
    j2 = open_it();
    snprintf(again.name, sizeof again.name, "a");
    is_int(layr_journal_put_resume(j2, &again), LAYR_ERR_EXISTS, "while it runs nobody takes it up");
    is_int(layr_journal_put_forget(j2, "a"), LAYR_ERR_EXISTS, "nor gives it up");
    is_int(layr_journal_put_list(j2, NULL, see, &u), 0, "it is listed");
    ok(strcmp(u.name, "a") == 0 && u.running && u.size == 5000 && u.scheme.n == 2, "as what it is");
    layr_journal_close(j);

    is_int(layr_journal_put_reap(j2), 0, "cut off it is left alone");
    is_int(layr_journal_put_begin(j2, &e), LAYR_ERR_EXISTS, "and keeps its name");
    u = (layr_unfinished_t){0};
    is_int(layr_journal_put_list(j2, "b", see, &u), 0, "another name");
    ok(u.name[0] == 0, "is not listed");
    is_int(layr_journal_put_list(j2, "a", see, &u), 0, "its own is");
    ok(!u.running && u.keep_until == later, "as cut off");
    is_int(layr_journal_put_resume(j2, &again), 0, "it is taken up");
    ok(memcmp(again.W, e.W, 32) == 0 && memcmp(again.random, e.random, 32) == 0 && again.until == 2000 &&
           again.size == 5000 && again.mtime == 77 && again.id == put && again.keep,
       "as it was begun");
    is_int(layr_journal_put_where(j2, put, salt, where, 4), 2, "a salt's shard was sent to two hosts");
    ok(where[0].shard[0] == 10 && where[1].shard[0] == 10, "which are told");
    salt[0] = 9;
    is_int(layr_journal_put_where(j2, put, salt, where, 4), 0, "another content's to none");
    layr_journal_put_leave(j2, put);
    is_int(layr_journal_put_resume(j2, &again), 0, "it failed, and is taken up once more");
    ok(again.size == 6000 && again.mtime == 78, "the source is what it was the last time");
    layr_journal_close(j2);
}

/* Of salts 1 and 2 from before, 1 at host 2 is the file's now; 3 is new. */
static void test_done(void)
{
    layr_journal_t *j = open_it();
    layr_put_entry_t e = {.keep_until = time(NULL) + 1000};
    layr_file_entry_t f = {.scheme = {1, 2}, .created = 1, .until = 2, .name = "a"};
    layr_put_row_t rows[2] = {{.salt = {1}, .shard = {10}}, {.salt = {3}, .shard = {30}}};
    uint8_t host[2][32] = {{2}, {4}};
    uint64_t changed = 99;

    snprintf(e.name, sizeof e.name, "a");
    is_int(layr_journal_put_resume(j, &e), 0, "it goes on");
    is_int(order(j, e.id, 3, 30, 4, false), 0, "a new shard");
    is_int(order(j, e.id, 4, 40, 4, true), 0, "a page that is not used");
    rows[0].host = host[0];
    rows[1].host = host[1];
    is_int(layr_journal_put_unit(j, e.id, rows, 2), 0, "its rows");
    is_int(layr_journal_put_changed(j, e.id, &changed), 0, "how much changed");
    is_int((long long)changed, 1, "the shard whose salt did not come again, and no page");
    is_int(layr_journal_put_done(j, e.id, &f, NULL, 0), 0, "done");
    is_int(count_pending(j), 3, "the other host's, the changed one and the page are let go of");
    is_int(layr_journal_put_resume(j, &e), LAYR_ERR_NOTFOUND, "then there is nothing to take up");
    layr_journal_close(j);
}

static void test_given_up(void)
{
    layr_journal_t *j = open_it();
    int pending = count_pending(j);
    int64_t put = begun(j, "b", time(NULL) + 1000);

    is_int(order(j, put, 1, 50, 1, false), 0, "an order");
    layr_journal_put_leave(j, put);
    is_int(layr_journal_put_forget(j, "none"), LAYR_ERR_NOTFOUND, "no such put");
    is_int(layr_journal_put_forget(j, "b"), 0, "given up by name");
    is_int(count_pending(j), pending + 1, "its order is released");
    put = begun(j, "c", 1);
    is_int(order(j, put, 1, 60, 1, false), 0, "an order");
    layr_journal_put_leave(j, put);
    is_int(layr_journal_put_reap(j), 1, "one whose time is up is given up by whoever reaps");
    put = begun(j, "d", time(NULL) + 1000);
    layr_journal_put_leave(j, put);
    is_int(layr_journal_put_reap(j), 1, "and one that had sent nothing");
    layr_journal_close(j);
}

int main(void)
{
    snprintf(folder, sizeof folder, "/tmp/layr-resume.XXXXXX");
    if (layr_init() != 0 || mkdtemp(folder) == NULL) {
        printf("Bail out! no crypto or no folder\n");
        return 1;
    }
    snprintf(path, sizeof path, "%s/journal", folder);
    test_kept();
    test_done();
    test_given_up();
    snprintf(path, sizeof path, "rm -rf %s", folder);
    ok(system(path) == 0, "cleaned up");
    return done();
}
