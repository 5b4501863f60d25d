/* db/journal*.c: what is written is read back, by the right key only, whatever is killed, cut off or run
 * twice. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sodium.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "layr/journal.h"
#include "tap.h"

static char folder[64], path[256];
static const uint8_t master[32] = {1, 2, 3}, other_master[32] = {9};

static void fresh(const char *name)
{
    snprintf(path, sizeof path, "%s/%s", folder, name);
}

static layr_journal_t *open_as(const uint8_t *m)
{
    layr_journal_t *j = NULL;
    layr_diag_t d = {0};

    if (layr_journal_open(&j, path, m, &d) != 0) {
        printf("Bail out! cannot open %s: %s\n", path, d.text);
        exit(1);
    }
    return j;
}

static int open_fails(const uint8_t *m, int want, const char *word, const char *name)
{
    layr_journal_t *j = NULL;
    layr_diag_t d = {0};
    int rc = layr_journal_open(&j, path, m, &d);
    int good = rc == want && j == NULL && d.code == want && strstr(d.text, word) != NULL;

    if (!ok(good, "%s", name))
        printf("# got %d (want %d), text: %s\n", rc, want, d.text);
    layr_journal_close(j);
    return good;
}

static layr_put_entry_t put_of(const char *name, uint8_t tag)
{
    layr_put_entry_t e = {.scheme = {4, 8}, .started = 1000, .until = 2000};

    memset(e.W, tag, sizeof e.W);
    memset(e.random, tag + 1, sizeof e.random);
    snprintf(e.name, sizeof e.name, "%s", name);
    return e;
}

static layr_file_entry_t file_of(const char *name, uint8_t tag)
{
    layr_file_entry_t f = {
        .size = 123456789012, .scheme = {4, 8}, .created = 1000 + tag, .until = 2000 + tag};

    memset(f.W, tag, sizeof f.W);
    memset(f.record_id, tag ^ 0x55, sizeof f.record_id);
    snprintf(f.name, sizeof f.name, "%s", name);
    return f;
}

/* Orders first .. first + count - 1 of a put at one host. */
static int add_orders(layr_journal_t *j, int64_t put, unsigned first, unsigned count, uint8_t host,
                      uint8_t group)
{
    int rc = 0;

    for (unsigned i = first; rc == 0 && i < first + count; i++) {
        uint8_t shard[32] = {(uint8_t)i, (uint8_t)(i >> 8), 1}, h[32], g[16], o[16] = {0};

        memset(h, host, sizeof h);
        memset(g, group, sizeof g);
        o[0] = (uint8_t)i;
        o[1] = (uint8_t)(i >> 8);
        o[2] = host;
        rc = layr_journal_put_shard(j, put, shard, h, "https://host.example", o, g, NULL, false);
    }
    return rc;
}

static uint64_t pending(layr_journal_t *j)
{
    uint64_t n = UINT64_MAX;

    return layr_journal_release_count(j, &n) == 0 ? n : UINT64_MAX;
}

static int put_file(layr_journal_t *j, const char *name, uint8_t tag)
{
    layr_put_entry_t e = put_of(name, tag);
    layr_file_entry_t f = file_of(name, tag);
    int rc = layr_journal_put_begin(j, &e);

    return rc == 0 ? layr_journal_put_done(j, e.id, &f, NULL, 0) : rc;
}

static void test_new(void)
{
    struct stat st;
    layr_journal_t *j;

    fresh("new");
    umask(0);
    j = open_as(master);
    umask(022);
    ok(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600, "a new journal has mode 0600 whatever the umask");
    layr_journal_close(j);
    layr_journal_close(NULL);
    ok(1, "closing nothing is harmless");
    j = open_as(master);
    ok(j != NULL, "opens again");
    layr_journal_close(j);
    open_fails(other_master, LAYR_ERR_KEY, "another key", "another master is told so");
    j = open_as(NULL);
    layr_journal_close(j);
    fresh("no-such-folder/new");
    open_fails(master, LAYR_ERR_IO, "No such file", "a missing folder is named");
}

static void test_files(void)
{
    layr_journal_t *j;
    layr_file_entry_t want = file_of("a.txt", 7), got = {0};
    layr_put_entry_t e = put_of("a.txt", 7);

    fresh("files");
    j = open_as(master);
    is_int(layr_journal_put_begin(j, &e), 0, "a put begins");
    ok(e.id > 0 && e.pid == getpid(), "with a number and our process");
    is_int(layr_journal_put_done(j, e.id, &want, NULL, 0), 0, "and is done");
    is_int(layr_journal_put_done(j, e.id, &want, NULL, 0), LAYR_ERR_NOTFOUND, "but not twice");
    layr_journal_close(j);

    j = open_as(master);
    is_int(layr_journal_file_find(j, &got, "a.txt"), 0, "found by name after opening again");
    ok(memcmp(&got, &want, sizeof got) == 0, "as it was put");
    memset(&got, 0, sizeof got);
    is_int(layr_journal_file_by_id(j, &got, want.record_id), 0, "found by record id");
    ok(memcmp(&got, &want, sizeof got) == 0, "as it was put");
    is_int(layr_journal_file_find(j, &got, "a.tx"), LAYR_ERR_NOTFOUND, "another name is not there");
    is_int(layr_journal_file_find(j, &got, "A.TXT"), LAYR_ERR_NOTFOUND, "names differ by case");
    is_int(layr_journal_file_find(j, &got, ""), LAYR_ERR_NOTFOUND, "no name finds nothing");
    is_int(layr_journal_file_remove(j, want.record_id), 0, "removed");
    is_int(layr_journal_file_find(j, &got, "a.txt"), LAYR_ERR_NOTFOUND, "and gone");
    is_int(layr_journal_file_remove(j, want.record_id), 0, "removing what is gone is no failure");
    layr_journal_close(j);
}

typedef struct seen_files {
    int count, stop_at;
    layr_time_t created[8];
} seen_files_t;

static int see_file(void *ctx, const layr_file_entry_t *f)
{
    seen_files_t *s = ctx;

    s->created[s->count++] = f->created;
    return s->count == s->stop_at ? 17 : 0;
}

static void test_list(void)
{
    layr_journal_t *j;
    seen_files_t s = {0};
    int rc;

    fresh("list");
    j = open_as(master);
    is_int(layr_journal_file_list(j, see_file, &s), 0, "an empty list");
    is_int(s.count, 0, "has nothing");
    rc = put_file(j, "one", 1);
    rc |= put_file(j, "three", 3);
    rc |= put_file(j, "two", 2);
    rc |= put_file(j, "", 4);
    rc |= put_file(j, "", 5);
    is_int(rc, 0, "five files, two of them without a name");
    is_int(layr_journal_file_list(j, see_file, &s), 0, "listed");
    ok(s.count == 5 && s.created[0] == 1005 && s.created[2] == 1003 && s.created[4] == 1001, "newest first");
    memset(&s, 0, sizeof s);
    s.stop_at = 2;
    is_int(layr_journal_file_list(j, see_file, &s), 17, "stops when told");
    is_int(s.count, 2, "and where");
    layr_journal_close(j);
}

static void test_names(void)
{
    layr_journal_t *j, *j2;
    layr_put_entry_t a = put_of("n", 1), b = put_of("n", 2);
    layr_file_entry_t f = file_of("n", 1), g = file_of("n", 3);
    char odd[256];

    fresh("names");
    j = open_as(master);
    j2 = open_as(master);
    is_int(layr_journal_put_begin(j, &a), 0, "a name is taken by a put under way");
    is_int(layr_journal_put_begin(j, &b), LAYR_ERR_EXISTS, "so that another can't have it");
    is_int(layr_journal_put_begin(j2, &b), LAYR_ERR_EXISTS, "from another process neither");
    is_int(layr_journal_put_drop(j, a.id), 0, "until it is given up");
    is_int(layr_journal_put_begin(j2, &b), 0, "then it can");
    is_int(layr_journal_put_done(j2, b.id, &f, NULL, 0), 0, "and be a file");
    is_int(layr_journal_put_begin(j, &a), LAYR_ERR_EXISTS, "whose name is taken too");
    snprintf(a.name, sizeof a.name, "m");
    is_int(layr_journal_put_begin(j, &a), 0, "another name is free");
    is_int(layr_journal_put_done(j, a.id, &g, NULL, 0), LAYR_ERR_EXISTS,
           "a put can't end with another's name");
    is_int(layr_journal_put_drop(j, a.id), 0, "and is then still there");
    memset(odd, 0xff, 255);
    odd[0] = '\n';
    odd[255] = 0;
    is_int(put_file(j, odd, 9), 0, "a name of 255 bytes that are no UTF-8");
    is_int(layr_journal_file_find(j2, &f, odd), 0, "is found");
    ok(strcmp(f.name, odd) == 0, "and whole");
    memset(a.name, 'x', sizeof a.name);
    is_int(layr_journal_put_begin(j, &a), LAYR_ERR_ARG, "a name without an end is refused");
    a = put_of("s", 1);
    a.scheme.k = 9;
    is_int(layr_journal_put_begin(j, &a), LAYR_ERR_ARG, "so is a scheme of 9/8");
    layr_journal_close(j2);
    layr_journal_close(j);
}

typedef struct told {
    unsigned calls, orders, most;
    uint8_t host[64], group[64];
    int fail_host;  /* -1: none */
    int fail_after; /* calls; -1: never */
    int code;
    char url[LAYR_URL_MAX + 1];
} told_t;

static int tell(void *ctx, const layr_release_t *r)
{
    told_t *t = ctx;

    t->host[t->calls % 64] = r->host[0];
    t->group[t->calls % 64] = r->group[0];
    t->calls++;
    t->orders += r->count;
    t->most = r->count > t->most ? r->count : t->most;
    snprintf(t->url, sizeof t->url, "%s", r->url);
    if (r->host[0] == t->fail_host || (t->fail_after >= 0 && (int)t->calls > t->fail_after))
        return t->code;
    return 0;
}

static told_t teller(void)
{
    return (told_t){.fail_host = -1, .fail_after = -1, .code = LAYR_ERR_NET};
}

static void test_releases(void)
{
    layr_journal_t *j;
    layr_put_entry_t e = put_of("big", 1);
    told_t t = teller();

    fresh("releases");
    j = open_as(master);
    is_int(layr_journal_put_begin(j, &e), 0, "a put");
    is_int(add_orders(j, e.id, 0, 600, 3, 1), 0, "600 orders at host 3");
    is_int(add_orders(j, e.id, 600, 10, 2, 1), 0, "10 at host 2");
    is_int(add_orders(j, e.id, 700, 5, 2, 2), 0, "5 of another group there");
    is_int(add_orders(j, e.id, 700, 5, 2, 2), 0, "again: the same orders");
    is_int((long long)pending(j), 0, "nothing to release while it goes well");
    is_int(layr_journal_put_drop(j, e.id), 0, "given up");
    is_int((long long)pending(j), 615, "all orders are to be released");
    is_int(layr_journal_put_drop(j, e.id), LAYR_ERR_NOTFOUND, "it can't be given up twice");
    is_int(add_orders(j, e.id, 900, 1, 2, 2), LAYR_ERR_NOTFOUND, "and takes no more orders");

    t.fail_host = 3;
    is_int(layr_journal_release_each(j, tell, &t), 0, "one host does not answer");
    ok(t.calls == 5 && t.orders == 10 + 5 + 600 && t.most == 256, "each order once, at most 256 a call");
    ok(t.host[0] == 2 && t.group[0] == 1 && t.host[1] == 2 && t.group[1] == 2 && t.host[2] == 3,
       "grouped by host and group");
    is_int((long long)pending(j), 600, "its orders stay");
    t = teller();
    t.fail_after = 2;
    t.code = LAYR_ERR_CANCELLED;
    is_int(layr_journal_release_each(j, tell, &t), LAYR_ERR_CANCELLED, "a walk can be stopped");
    is_int((long long)pending(j), 600 - 512, "what was told before is done");
    t = teller();
    is_int(layr_journal_release_each(j, tell, &t), 0, "the rest");
    ok(t.calls == 1 && t.orders == 88 && strcmp(t.url, "https://host.example") == 0,
       "has 88, with the host's URL");
    is_int((long long)pending(j), 0, "and then there is none");
    is_int(layr_journal_release_each(j, tell, &t), 0, "a walk over nothing");
    layr_journal_close(j);
}

static void test_release_add(void)
{
    layr_journal_t *j;
    layr_release_t r = {.count = 256, .url = "https://old.example"};
    told_t t = teller();

    fresh("release-add");
    j = open_as(master);
    for (unsigned i = 0; i < 256; i++)
        r.order[i][0] = (uint8_t)i;
    is_int(layr_journal_release_add(j, &r), 0, "256 orders added");
    is_int(layr_journal_release_add(j, &r), 0, "and again");
    is_int((long long)pending(j), 256, "are there once");
    r.count = 1;
    r.order[0][1] = 1;
    snprintf(r.url, sizeof r.url, "https://new.example");
    is_int(layr_journal_release_add(j, &r), 0, "one more, from where the host is now");
    is_int(layr_journal_release_each(j, tell, &t), 0, "told");
    ok(t.calls == 2 && t.orders == 257 && strcmp(t.url, "https://new.example") == 0, "in two calls");
    r.count = 257;
    is_int(layr_journal_release_add(j, &r), LAYR_ERR_ARG, "257 at a time are too many");
    layr_journal_close(j);
}

static void test_orphans(void)
{
    layr_journal_t *j;
    layr_put_entry_t e = put_of("o", 1);
    layr_file_entry_t f = file_of("o", 1);
    layr_shard_ref_t orphan[2] = {{{2, 0, 1}, {0}}, {{4, 0, 1}, {0}}};
    told_t t = teller();

    memset(orphan[0].host, 5, 32);
    memset(orphan[1].host, 6, 32); /* shard 4 was never sent there */
    fresh("orphans");
    j = open_as(master);
    is_int(layr_journal_put_begin(j, &e), 0, "a put");
    is_int(add_orders(j, e.id, 0, 8, 5, 1), 0, "with 8 orders");
    is_int(layr_journal_put_done(j, e.id, &f, orphan, 2), 0, "done, with two orphans named");
    is_int((long long)pending(j), 1, "the one that had an order is to be released");
    is_int(layr_journal_release_each(j, tell, &t), 0, "told");
    ok(t.calls == 1 && t.orders == 1 && t.host[0] == 5, "to its host");
    layr_journal_close(j);
}

/* A child that begins a put with 3 orders and is killed. */
static void killed_put(const char *name)
{
    pid_t pid = fork();
    int status;

    if (pid == 0) {
        layr_journal_t *j = open_as(master);
        layr_put_entry_t e = put_of(name, 8);

        if (layr_journal_put_begin(j, &e) == 0 && add_orders(j, e.id, 0, 3, 1, 1) == 0)
            raise(SIGKILL);
        _exit(1);
    }
    waitpid(pid, &status, 0);
    ok(WIFSIGNALED(status), "a process is killed in the middle of a put");
}

static void test_reap(void)
{
    layr_journal_t *j, *j2;
    layr_put_entry_t mine = put_of("mine", 1), next = put_of("theirs", 2), third = put_of("third", 3);

    fresh("reap");
    j = open_as(master);
    is_int(layr_journal_put_begin(j, &mine), 0, "our put");
    is_int(add_orders(j, mine.id, 50, 2, 1, 1), 0, "with 2 orders");
    is_int(layr_journal_put_reap(j), 0, "is alive to us");
    j2 = open_as(master);
    is_int(layr_journal_put_reap(j2), 0, "and to others");
    killed_put("theirs");
    is_int(layr_journal_put_reap(j2), 1, "only the dead one is given up");
    is_int((long long)pending(j), 3, "its orders are to be released");
    is_int(layr_journal_put_reap(j), 0, "once");
    killed_put("theirs");
    is_int(layr_journal_put_begin(j, &next), 0, "a dead put's name is free without anybody reaping");
    is_int(layr_journal_put_begin(j2, &third), 0, "a put of a journal ...");
    layr_journal_close(j2);
    is_int(layr_journal_put_reap(j), 1, "... that is closed in the middle counts as dead");
    is_int(layr_journal_put_drop(j, mine.id), 0, "ours is still ours");
    layr_journal_close(j);
}

static void test_seen(void)
{
    layr_journal_t *j;
    uint8_t id[32] = {1}, a[32] = {2}, b[32] = {3}, got[32];
    uint64_t seq = 77;

    fresh("seen");
    j = open_as(NULL);
    is_int(layr_journal_seen_get(j, id, &seq, got), LAYR_ERR_NOTFOUND, "never seen");
    is_int((long long)seq, 77, "leaves the output alone");
    is_int(layr_journal_seen_set(j, id, 255, a), 0, "seen 255");
    is_int(layr_journal_seen_set(j, id, 256, b), 0, "seen 256");
    is_int(layr_journal_seen_set(j, id, 255, a), 0, "255 again");
    ok(layr_journal_seen_get(j, id, &seq, got) == 0 && seq == 256 && memcmp(got, b, 32) == 0,
       "does not go back");
    is_int(layr_journal_seen_set(j, id, 256, a), 0, "256 with another record");
    ok(layr_journal_seen_get(j, id, &seq, got) == 0 && memcmp(got, a, 32) == 0, "is taken");
    is_int(layr_journal_seen_set(j, id, UINT64_MAX, b), 0, "the largest there is");
    is_int(layr_journal_seen_set(j, id, INT64_MAX, a), 0, "and half of it");
    ok(layr_journal_seen_get(j, id, &seq, got) == 0 && seq == UINT64_MAX, "are compared as unsigned");
    layr_journal_close(j);
}

static int never(void *ctx, const layr_release_t *r)
{
    (void)ctx;
    (void)r;
    return LAYR_ERR_NET;
}

static void test_no_master(void)
{
    layr_journal_t *j;
    layr_put_entry_t e = put_of("x", 1);
    layr_file_entry_t f = file_of("x", 1);
    layr_release_t r = {0};
    uint64_t n;
    seen_files_t s = {0};

    fresh("no-master");
    j = open_as(NULL);
    is_int(layr_journal_put_begin(j, &e), LAYR_ERR_KEY, "without a master: no begin");
    is_int(layr_journal_put_shard(j, 1, f.W, f.W, "", f.W, f.W, NULL, false), LAYR_ERR_KEY, "no shard");
    is_int(layr_journal_put_done(j, 1, &f, NULL, 0), LAYR_ERR_KEY, "no done");
    is_int(layr_journal_put_drop(j, 1), LAYR_ERR_KEY, "no drop");
    is_int(layr_journal_put_reap(j), LAYR_ERR_KEY, "no reap");
    is_int(layr_journal_file_find(j, &f, "x"), LAYR_ERR_KEY, "no find");
    is_int(layr_journal_file_by_id(j, &f, f.record_id), LAYR_ERR_KEY, "no by_id");
    is_int(layr_journal_file_list(j, see_file, &s), LAYR_ERR_KEY, "no list");
    is_int(layr_journal_file_remove(j, f.record_id), LAYR_ERR_KEY, "no remove");
    is_int(layr_journal_release_add(j, &r), LAYR_ERR_KEY, "no release_add");
    is_int(layr_journal_release_each(j, never, NULL), LAYR_ERR_KEY, "no release_each");
    is_int(layr_journal_release_count(j, &n), LAYR_ERR_KEY, "no release_count");
    layr_journal_close(j);
    j = open_as(master);
    layr_journal_close(j);
    open_fails(other_master, LAYR_ERR_KEY, "another key", "the first master makes it its own");
}

/* Many processes open a journal that is not there yet and put and drop at the same time. */
static void test_two_processes(void)
{
    enum { KIDS = 4, ROUNDS = 12 };
    pid_t pid[KIDS];
    int good = 0, status;
    layr_journal_t *j;
    seen_files_t s = {0};

    fresh("crowd");
    for (int k = 0; k < KIDS; k++) {
        pid[k] = fork();
        if (pid[k] == 0) {
            layr_journal_t *mine = open_as(master);
            int rc = 0;

            for (int i = 0; rc == 0 && i < ROUNDS; i++) {
                layr_put_entry_t e = put_of("", (uint8_t)(k * 16 + i));

                rc = layr_journal_put_begin(mine, &e);
                if (rc == 0)
                    rc = add_orders(mine, e.id, (unsigned)(k * 1000 + i * 10), 5, (uint8_t)k, 1);
                if (rc == 0)
                    rc = layr_journal_put_drop(mine, e.id);
                if (rc == 0 && layr_journal_put_reap(mine) != 0)
                    rc = 1;
            }
            if (rc == 0)
                rc = put_file(mine, "", (uint8_t)(200 + k));
            if (rc != 0)
                printf("# child %d: %d %s\n", k, rc, layr_journal_error(mine));
            fflush(stdout);
            layr_journal_close(mine);
            _exit(rc != 0);
        }
    }
    for (int k = 0; k < KIDS; k++)
        good += waitpid(pid[k], &status, 0) == pid[k] && status == 0;
    is_int(good, KIDS, "four processes at once on a new journal");
    j = open_as(master);
    is_int((long long)pending(j), KIDS * ROUNDS * 5, "lose no order");
    is_int(layr_journal_file_list(j, see_file, &s), 0, "list");
    is_int(s.count, KIDS, "and no file");
    layr_journal_close(j);
}

static sqlite3 *raw(void)
{
    sqlite3 *db = NULL;

    if (sqlite3_open(path, &db) != SQLITE_OK) {
        printf("Bail out! cannot open %s\n", path);
        exit(1);
    }
    return db;
}

static int file_holds(const char *name, const void *p, size_t len)
{
    static char bytes[1 << 20];
    int fd = open(name, O_RDONLY);
    ssize_t n = fd < 0 ? 0 : read(fd, bytes, sizeof bytes);

    if (fd >= 0)
        close(fd);
    return n > 0 && memmem(bytes, (size_t)n, p, len) != NULL;
}

static void test_sealed(void)
{
    layr_journal_t *j;
    layr_put_entry_t e = put_of("under-way", 0xa7);
    layr_file_entry_t got = {0}, f = file_of("kept", 0xa7);
    char wal[300];
    sqlite3 *db;

    fresh("sealed");
    snprintf(wal, sizeof wal, "%s-wal", path);
    j = open_as(master);
    is_int(put_file(j, "kept", 0xa7), 0, "a file");
    is_int(put_file(j, "kept2", 0xa8), 0, "and one more");
    is_int(layr_journal_put_begin(j, &e), 0, "and a put under way");
    ok(file_holds(wal, "under-way", 9), "its name can be read on disk");
    ok(!file_holds(wal, e.W, 32) && !file_holds(path, e.W, 32), "the write secrets can't");
    ok(!file_holds(wal, master, 32) && !file_holds(path, master, 32), "nor the master secret");
    is_int(layr_journal_put_drop(j, e.id), 0, "dropped");
    layr_journal_close(j);

    db = raw();
    is_int(
        sqlite3_exec(db, "UPDATE file SET sealed = (SELECT sealed FROM file WHERE name = 'kept2')", 0, 0, 0),
        0, "somebody exchanges two files' secrets");
    sqlite3_close(db);
    j = open_as(master);
    is_int(layr_journal_file_find(j, &got, "kept"), LAYR_ERR_AUTH, "and is found out");
    is_int(layr_journal_file_find(j, &got, "kept2"), 0, "the other one is as it was");
    is_int(layr_journal_file_remove(j, f.record_id), 0, "forget the first");
    layr_journal_close(j);
    ok(!file_holds(path, "kept\0", 5) && file_holds(path, "kept2", 5),
       "a forgotten name leaves nothing on disk");
}

static void damaged_rows(void)
{
    static const char *const edits[] = {"size = -1",
                                        "k = 0",
                                        "n = 256",
                                        "record_id = x'00'",
                                        "sealed = x''",
                                        "name = name || char(0)",
                                        "name = hex(zeroblob(200))"};
    layr_journal_t *j;
    seen_files_t s = {0};
    sqlite3 *db;
    char sql[128];

    for (size_t i = 0; i < sizeof edits / sizeof *edits; i++) {
        snprintf(sql, sizeof sql, "damaged-%zu", i);
        fresh(sql);
        j = open_as(master);
        if (put_file(j, "x", 1) != 0)
            ok(0, "put");
        layr_journal_close(j);
        db = raw();
        snprintf(sql, sizeof sql, "UPDATE file SET %s", edits[i]);
        if (sqlite3_exec(db, sql, 0, 0, 0) != 0)
            ok(0, "edit");
        sqlite3_close(db);
        j = open_as(master);
        is_int(layr_journal_file_list(j, see_file, &s), LAYR_ERR_FORMAT, edits[i]);
        ok(strstr(layr_journal_error(j), "damaged") != NULL, "is said to be damage");
        layr_journal_close(j);
    }
    is_int(s.count, 0, "and never given out");
}

/* Some pages long, and closed, so that all is in the one file. */
static void make_long(void)
{
    layr_journal_t *j = open_as(master);
    layr_put_entry_t e = put_of("long", 1);

    if (layr_journal_put_begin(j, &e) != 0 || add_orders(j, e.id, 0, 400, 1, 1) != 0 ||
        layr_journal_put_drop(j, e.id) != 0)
        ok(0, "make a long journal");
    layr_journal_close(j);
}

static void test_damage(void)
{
    struct stat st;
    uint8_t noise[4096];
    int good = 1, fd;

    memset(noise, 0xee, sizeof noise);
    fresh("cut");
    make_long();
    if (stat(path, &st) != 0)
        ok(0, "stat");
    for (off_t len = st.st_size - 4096; len > 0; len -= 4096 + 7)
        if (truncate(path, len) != 0 || !open_fails(master, LAYR_ERR_FORMAT, "damaged", "cut off"))
            good = 0;
    ok(good, "a journal that was cut off by a page or more is refused, wherever");
    fresh("scribbled");
    make_long();
    fd = open(path, O_WRONLY);
    good = pwrite(fd, noise, sizeof noise, 4096 * 4) == sizeof noise;
    close(fd);
    ok(good, "somebody writes over a page");
    open_fails(master, LAYR_ERR_FORMAT, "damaged", "which is found out");
    fresh("cut");
    truncate(path, 0) == 0 ? open_fails(master, LAYR_ERR_FORMAT, "empty", "an empty one is no new start")
                           : ok(0, "truncate");
    fresh("text");
    fd = open(path, O_CREAT | O_WRONLY, 0600);
    good = write(fd,
                 "not a database, but long enough to have a header of one, or so we'd think at first; "
                 "a hundred bytes are needed",
                 110) == 110;
    close(fd);
    ok(good, "another file");
    open_fails(master, LAYR_ERR_FORMAT, "damaged", "is refused");
}

static void test_strange(void)
{
    char link_name[256];
    sqlite3 *db;
    layr_journal_t *j;

    fresh("other.db");
    db = raw();
    sqlite3_exec(db, "CREATE TABLE t (a)", 0, 0, 0);
    sqlite3_close(db);
    chmod(path, 0600);
    open_fails(master, LAYR_ERR_FORMAT, "not a journal", "another program's database is refused");
    fresh("newer");
    j = open_as(master);
    layr_journal_close(j);
    db = raw();
    sqlite3_exec(db, "PRAGMA user_version=2", 0, 0, 0);
    sqlite3_close(db);
    open_fails(master, LAYR_ERR_VERSION, "newer Layr", "a newer format is refused");
    fresh("open");
    j = open_as(master);
    layr_journal_close(j);
    chmod(path, 0640);
    open_fails(master, LAYR_ERR_CAP, "chmod 600", "one that the group may read is refused");
    chmod(path, 0600);
    snprintf(link_name, sizeof link_name, "%s", path);
    fresh("link");
    ok(symlink(link_name, path) == 0, "a symbolic link");
    open_fails(master, LAYR_ERR_IO, "symbolic link", "is refused");
    fresh("folder");
    ok(mkdir(path, 0700) == 0, "a folder");
    open_fails(master, LAYR_ERR_FORMAT, "not a regular file", "is refused");
}

/* As somebody who is not root, whom modes stop. */
static void test_read_only(void)
{
    layr_journal_t *j;
    char dir[128];
    pid_t pid;
    int status = 0;

    snprintf(dir, sizeof dir, "%s/ro", folder);
    if (mkdir(dir, 0755) != 0 || chmod(folder, 0755) != 0)
        ok(0, "mkdir");
    fresh("ro/journal.db");
    j = open_as(master);
    layr_journal_close(j);
    if (geteuid() == 0 && (chown(path, 65534, 65534) != 0 || chown(dir, 65534, 65534) != 0))
        ok(0, "chown");
    chmod(dir, 0555);
    fflush(stdout);
    pid = fork();
    if (pid == 0) {
        int good = geteuid() != 0 || (setgid(65534) == 0 && setuid(65534) == 0);

        good &=
            open_fails(master, LAYR_ERR_IO, "modes of it and its folder", "a folder that can't be written");
        fresh("ro/new.db");
        good &= open_fails(master, LAYR_ERR_IO, "Permission denied", "a new one there");
        chmod(dir, 0755);
        fresh("ro/journal.db");
        chmod(path, 0400);
        good &= open_fails(master, LAYR_ERR_IO, "modes of it and its folder", "a file that can't be written");
        fflush(stdout);
        _exit(!good);
    }
    waitpid(pid, &status, 0);
    tap_count += 3;
    is_int(status, 0, "read-only folder, new file there, read-only file");
}

/* Kill -9 at whatever moment: the journal opens, every file is a whole one, and nothing is both put and file.
 */
static void test_kill(void)
{
    layr_journal_t *j;
    int good = 1, puts = 0, status;

    fresh("killed");
    j = open_as(master);
    layr_journal_close(j);
    for (unsigned i = 0; i < 20; i++) {
        pid_t pid = fork();
        seen_files_t s = {.stop_at = 1};

        if (pid == 0) {
            layr_journal_t *mine = open_as(master);

            for (uint8_t tag = 0;; tag++) {
                layr_file_entry_t f = file_of("x", tag);

                if (put_file(mine, "x", tag) != 0 || layr_journal_file_remove(mine, f.record_id) != 0)
                    _exit(1);
            }
        }
        usleep(3000 + 1700 * i);
        kill(pid, SIGKILL);
        waitpid(pid, &status, 0);
        j = open_as(master);
        good &= WIFSIGNALED(status) && layr_journal_file_list(j, see_file, &s) >= 0;
        puts += layr_journal_put_reap(j);
        if (s.count > 0) { /* take it away for the next round, whatever its tag */
            layr_file_entry_t f = {0};
            good &= layr_journal_file_find(j, &f, "x") == 0 && layr_journal_file_remove(j, f.record_id) == 0;
            good &= f.size == 123456789012 && f.W[0] == (f.record_id[0] ^ 0x55);
        }
        layr_journal_close(j);
    }
    ok(good && puts >= 0, "killed 20 times at work, %d of them in the middle of a put", puts);
}

int main(void)
{
    snprintf(folder, sizeof folder, "/tmp/layr-journal.XXXXXX");
    if (layr_init() != 0 || mkdtemp(folder) == NULL) {
        printf("Bail out! no crypto or no folder\n");
        return 1;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    test_new();
    test_files();
    test_list();
    test_names();
    test_releases();
    test_release_add();
    test_orphans();
    test_reap();
    test_seen();
    test_no_master();
    test_two_processes();
    test_sealed();
    damaged_rows();
    test_damage();
    test_strange();
    test_read_only();
    test_kill();
    snprintf(path, sizeof path, "rm -rf %s", folder);
    ok(system(path) == 0, "cleaned up");
    return done();
}
