/* db/host_asked.c, db/host_audit.c, db/host_pages.c: what a challenge asks for, and the answer from the blobs. */
#include <sys/mman.h>

#include "db/host_pages.h"
#include "layr/hostaudit.h"

#include "db_host.h"

#define BLOB (LAYR_BLOCK + LAYR_TAG_BYTES)

/* A challenge by the key of owner's orders, of shards from first on. */
static layr_challenge_t challenge_of(unsigned owner, unsigned first, unsigned count)
{
    layr_challenge_t c = {.count = count, .seed = {42}};
    uint8_t blob[HOST_SIZE];

    memset(c.audit, (int)owner + 2, sizeof c.audit);
    memset(c.group, (int)owner + 1, sizeof c.group);
    for (unsigned i = 0; i < count; i++)
        host_blob(blob, c.shard[i], first + i);
    return c;
}

static void path_of(const host_t *h, const uint8_t id[32], char path[256])
{
    host_need(layr_host_blob_path(path, 256, h->dir, id) == 0, "a path");
}

static void test_books(host_t *h)
{
    static const unsigned one[] = {3};
    static layr_host_asked_t a;
    layr_order_t o;
    layr_orders_answer_t gone;
    layr_challenge_t c = challenge_of(1, 1, 3), wrong = c;
    char path[256];

    is_int(layr_hostdb_asked(h->db, &c, &a, NULL), 0, "of an empty host");
    ok(a.missing == 3 && a.bytes == 0 && a.group_bytes == 0, "all is missing");
    for (unsigned i = 1; i <= 3; i++) {
        o = host_order(i, i, 1);
        host_need(host_put(h, &o, i) == 0, "an order");
    }
    o = host_order(4, 4, 2);
    host_need(host_put(h, &o, 4) == 0, "another group's");
    o = host_order(1, 5, 2);
    host_need(host_put(h, &o, 1) == 0, "and for the same blob");

    is_int(layr_hostdb_asked(h->db, &c, &a, NULL), 0, "of its own group");
    ok(a.missing == 0 && a.size[0] == HOST_SIZE && a.bytes == 3 * HOST_SIZE, "all is there");
    is_int((long long)a.group_bytes, 3 * HOST_SIZE, "and what the group has ordered is known");
    c.sample = 7;
    is_int(layr_hostdb_asked(h->db, &c, &a, NULL), 0, "a sample of more blocks than there are");
    is_int((long long)a.bytes, 3 * HOST_SIZE, "reads no more than there is");
    c = challenge_of(1, 3, 2);
    is_int(layr_hostdb_asked(h->db, &c, &a, NULL), 0, "another group's shard");
    ok(a.missing == 1 && a.size[0] != 0 && a.size[1] == 0, "is missing in this one");

    wrong.audit[0] ^= 1;
    is_int(layr_hostdb_asked(h->db, &wrong, &a, NULL), LAYR_ERR_CAP,
           "another key gets nothing of a group that is here");
    wrong.group[0] ^= 1;
    is_int(layr_hostdb_asked(h->db, &wrong, &a, NULL), 0, "a group that is not");
    is_int(a.missing, 3, "has nothing");

    path_of(h, c.shard[0], path);
    host_need(truncate(path, HOST_SIZE - 1) == 0, "cut");
    is_int(layr_hostdb_asked(h->db, &c, &a, NULL), 0, "a blob that was cut");
    is_int(a.missing, 2, "is missing");
    host_need(host_change(h, LAYR_RELEASE, 1, 0, one, 1, &gone) == 0, "released");
    is_int(host_count(h, "grp WHERE bytes = 2 * 4112"), 2, "the sums go with the orders");
    is_int(layr_hostdb_asked(h->db, &c, &a, NULL), 0, "a released one");
    ok(a.missing == 2 && a.group_bytes == 2 * HOST_SIZE, "is missing, too");
}

/* A blob of so many blocks, put where a host has it; its id is a name like any other. */
static uint8_t *blob_at(host_t *h, const uint8_t id[32], size_t blocks)
{
    uint8_t *bytes = malloc(blocks * BLOB);
    char path[256], cmd[300];
    FILE *f = NULL;

    host_need(bytes != NULL, "memory");
    for (size_t i = 0; i < blocks * BLOB; i += 8)
        layr_store64(bytes + i, (id[0] + 1) * 0x9e3779b97f4a7c15u * (i + 1) >> 3);
    path_of(h, id, path);
    snprintf(cmd, sizeof cmd, "mkdir -p '%.*s'", (int)(strrchr(path, '/') - path), path);
    host_need(system(cmd) == 0 && (f = fopen(path, "wb")) != NULL, "a blob");
    host_need(fwrite(bytes, BLOB, blocks, f) == blocks && fclose(f) == 0, "written");
    return bytes;
}

/* The same by the library's parts, with the whole blob in memory. */
static void expect(layr_answer_t *a, const layr_challenge_t *c, unsigned i, const uint8_t *bytes,
                   size_t blocks)
{
    layr_draw_t d;
    uint64_t number;
    uint8_t nu[1][16];

    host_need(layr_draw_begin(&d, c->seed, c->shard[i], blocks, c->sample) == 0, "a draw");
    while (layr_draw_next(&d, &number, nu, 1) == 1)
        layr_answer_add(a, bytes + number * LAYR_BLOCK, bytes + blocks * LAYR_BLOCK + number * LAYR_TAG_BYTES,
                        (const uint8_t(*)[16])nu, 1);
}

static int all_slices(layr_host_audit_t *a, unsigned *slices, unsigned *at)
{
    int rc;

    *slices = 0;
    do {
        rc = layr_host_audit_slice(a, at, NULL);
        ++*slices;
    } while (rc == 1);
    return rc;
}

/* Every size about which windows, slices and tags' windows end. */
static const size_t sizes[] = {1, 63, 64, 65, 255, 256, 257, 512, 1023, 1024, 1025, 4095, 4096, 4097, 9000};
#define SIZES (sizeof sizes / sizeof *sizes)

static void test_answer(host_t *h, uint64_t sample)
{
    layr_challenge_t c = {.count = SIZES, .sample = sample, .seed = {7}};
    static layr_host_asked_t asked;
    layr_host_audit_t *a = NULL;
    layr_answer_t *want = NULL;
    uint8_t got[LAYR_ANSWER_BYTES], right[LAYR_ANSWER_BYTES];
    unsigned slices, at = 999;

    host_need(layr_answer_new(&want, LAYR_KERNEL_PORTABLE) == 0, "an answer");
    memset(&asked, 0, sizeof asked);
    for (unsigned i = 0; i < SIZES; i++) {
        uint8_t *bytes;

        memset(c.shard[i], (int)i, 32);
        bytes = blob_at(h, c.shard[i], sizes[i]);
        asked.size[i] = sizes[i] * BLOB;
        asked.bytes += (sample != 0 && sample < sizes[i] ? sample : sizes[i]) * BLOB;
        expect(want, &c, i, bytes, sizes[i]);
        free(bytes);
    }
    layr_answer_end(want, right);
    layr_answer_free(want);

    host_need(layr_host_audit_new(&a, h->dir, &c, &asked) == 0, "an audit");
    ok(all_slices(a, &slices, &at) == 0, "blobs of 1 to 9,000 blocks, sample %llu",
       (unsigned long long)sample);
    layr_host_audit_answer(a, got);
    ok(memcmp(got, right, sizeof got) == 0, "the answer is the right one");
    ok(sample == 1 ? slices == 1 : slices > 1, "in %u slices", slices);
    is_int((long long)layr_host_audit_bytes(a), (long long)asked.bytes, "it read what was foreseen");
    layr_host_audit_free(a);
}

static void test_gone(host_t *h, const char *how)
{
    layr_challenge_t c = {.count = 2};
    layr_host_asked_t *asked = calloc(1, sizeof *asked);
    layr_host_audit_t *a = NULL;
    unsigned at = 999, slices;
    char path[256];
    int rc;

    host_need(asked != NULL, "memory");
    for (unsigned i = 0; i < 2; i++) {
        memset(c.shard[i], (int)(i + 0x77), 32);
        free(blob_at(h, c.shard[i], 3000));
        asked->size[i] = (uint64_t)3000 * BLOB;
    }
    host_need(layr_host_audit_new(&a, h->dir, &c, asked) == 0, "an audit");
    is_int(layr_host_audit_slice(a, &at, NULL), 1, "a slice");
    path_of(h, c.shard[strcmp(how, "cut") == 0 ? 0 : 1], path);
    if (strcmp(how, "cut") == 0)
        rc = truncate(path, 5000);
    else if (strcmp(how, "removed") == 0)
        rc = unlink(path);
    else if (strcmp(how, "a link") == 0)
        rc = unlink(path) == 0 ? symlink("/etc/passwd", path) : -1;
    else
        rc = unlink(path) == 0 ? mkfifo(path, 0600) : -1;
    host_need(rc == 0, how);
    ok(all_slices(a, &slices, &at) == LAYR_ERR_NOTFOUND, "a blob that is %s in the middle", how);
    ok(at == (strcmp(how, "cut") == 0 ? 0 : 1), "is named");
    layr_host_audit_free(a);
    free(asked);
}

static size_t resident(const char *path, size_t len)
{
    int fd = open(path, O_RDONLY);
    void *map = mmap(NULL, len, PROT_READ, MAP_SHARED, fd, 0);
    uint8_t *vec = calloc(1, (len + 4095) / 4096);
    size_t n = 0;

    host_need(fd >= 0 && map != MAP_FAILED && vec != NULL && mincore(map, len, vec) == 0, "mincore");
    for (size_t i = 0; i < (len + 4095) / 4096; i++)
        n += vec[i] & 1;
    munmap(map, len);
    close(fd);
    free(vec);
    return n;
}

/* What somebody had in the page cache stays in it, what nobody had does not come into it. */
static void test_cache(host_t *h, uint64_t sample)
{
    const size_t blocks = 6000, len = blocks * BLOB;
    layr_challenge_t c = {.count = 1, .sample = sample};
    layr_host_asked_t *asked = calloc(1, sizeof *asked);
    layr_host_audit_t *a = NULL;
    unsigned at, slices;
    char path[256], byte[8192];
    size_t before, after;
    int fd;

    host_need(asked != NULL, "memory");
    memset(c.shard[0], 0x99, 32);
    free(blob_at(h, c.shard[0], blocks));
    path_of(h, c.shard[0], path);
    fd = open(path, O_RDONLY);
    host_need(fd >= 0 && fdatasync(fd) == 0 && posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) == 0 &&
                  posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM) == 0,
              "out of the cache");
    before = resident(path, len);
    if (before > len / 4096 / 2) {
        skip("a file system that is all in memory");
        close(fd);
        free(asked);
        return;
    }
    for (size_t i = 0; i < 100; i++)
        host_need(pread(fd, byte, sizeof byte, (off_t)(i * 50 * 4096)) == sizeof byte, "some of it is read");
    before = resident(path, len);
    asked->size[0] = len;
    host_need(layr_host_audit_new(&a, h->dir, &c, asked) == 0 && all_slices(a, &slices, &at) == 0,
              "an audit");
    layr_host_audit_free(a);
    after = resident(path, len);
    ok(after >= before, "sample %llu: %zu pages were in the cache, and are", (unsigned long long)sample,
       before);
    ok(after < before + 300, "of %zu others %zu stayed", len / 4096 - before, after - before);
    close(fd);
    free(asked);
}

int main(void)
{
    host_t h;

    host_new(&h);
    test_books(&h);
    test_answer(&h, 0);
    test_answer(&h, 1);
    test_answer(&h, 100);
    test_answer(&h, 5000);
    test_gone(&h, "cut");
    test_gone(&h, "removed");
    test_gone(&h, "a link");
    test_gone(&h, "a pipe");
    test_cache(&h, 0);
    test_cache(&h, 700);
    host_end(&h);
    return done();
}
