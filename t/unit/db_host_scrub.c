/* db/host_scrub.c: what is bad is found, moved aside and told once; what is whole or stored anew stays; a pass goes on where it was. */
#include "db_host.h"
#include "layr/hostscrub.h"

#define SHARDS 20

static layr_host_scrub_t *scrub;
static layr_host_scrubbed_t found;
static layr_diag_t d;

static int step(host_t *h, uint64_t budget, layr_time_t now)
{
    memset(&d, 0, sizeof d);
    return layr_hostdb_scrub(h->db, scrub, budget, 1000, now, &found, &d);
}

static void anew(void)
{
    layr_host_scrub_free(scrub);
    host_need(layr_host_scrub_new(&scrub) == 0, "a scrub");
}

static void path_of(const host_t *h, unsigned n, char out[256])
{
    uint8_t blob[HOST_SIZE], id[32];

    host_blob(blob, id, n);
    host_need(layr_host_blob_path(out, 256, h->dir, id) == 0, "a path");
}

static void poke(const host_t *h, unsigned n, off_t at)
{
    char path[256], c = 0;
    int fd;

    path_of(h, n, path);
    fd = open(path, O_RDWR);
    host_need(fd >= 0 && pread(fd, &c, 1, at) == 1, "a byte");
    c ^= 1;
    host_need(pwrite(fd, &c, 1, at) == 1, "another byte");
    close(fd);
}

static bool is_aside(const host_t *h, unsigned n)
{
    uint8_t blob[HOST_SIZE], id[32];
    char path[256], hex[65];

    host_blob(blob, id, n);
    layr_hex(hex, id, 32);
    snprintf(path, sizeof path, "%s/damaged/%s", h->dir, hex);
    return access(path, F_OK) == 0;
}

/* A whole pass: how many were bad, whose numbers add up to *sum. */
static unsigned pass(host_t *h, layr_time_t now, unsigned *sum)
{
    unsigned bad = 0;

    *sum = 0;
    do {
        uint8_t blob[HOST_SIZE], id[32];
        host_need(step(h, 1 << 20, now) == 0, d.text);
        if (!found.damaged && !found.missing)
            continue;
        bad++;
        for (unsigned n = 0; n < SHARDS; n++) {
            host_blob(blob, id, n);
            if (memcmp(id, found.shard, 32) == 0)
                *sum += n;
        }
    } while (!found.done);
    return bad;
}

static void fill(host_t *h)
{
    for (unsigned n = 0; n < SHARDS; n++) {
        layr_order_t o = host_order(n, n + 1, 1);
        host_need(host_put(h, &o, n) == 0, "a shard");
    }
}

static void test_bad(host_t *h)
{
    layr_order_t o = host_order(7, 8, 1), more = host_order(3, 100, 2);
    layr_orders_answer_t a;
    char path[256];
    unsigned sum;

    is_int(pass(h, HOST_NOW, &sum), 0, "all is well");
    is_int((long long)found.finished, HOST_NOW, "and the pass is over");
    is_int(step(h, 1 << 20, HOST_NOW + 999), 0, "before the next is due");
    ok(found.done && found.bytes == 0, "nothing is read");

    poke(h, 7, 4095);
    path_of(h, 3, path);
    host_need(truncate(path, HOST_SIZE - 1) == 0, "shorter");
    path_of(h, 11, path);
    host_need(unlink(path) == 0, "gone");
    is_int(pass(h, HOST_NOW + 1000, &sum), 3, "three are bad");
    is_int((long long)sum, 7 + 3 + 11, "the three");
    ok(is_aside(h, 7) && is_aside(h, 3) && !is_aside(h, 11), "the damaged ones are aside");
    ok(!host_has(h, 7) && host_has(h, 8), "and not where they were");
    is_int((long long)layr_hostdb_totals(h->db).shards, SHARDS - 3, "the books have so many less");
    is_int((long long)layr_hostdb_totals(h->db).bytes, (SHARDS - 3) * (long long)HOST_SIZE,
           "and their bytes");
    is_int((long long)layr_hostdb_totals(h->db).orders, SHARDS, "but all their orders");
    is_int(pass(h, HOST_NOW + 2000, &sum), 0, "they are told once");

    is_int(host_put(h, &o, 7), 0, "the owner brings one back under the same order");
    is_int(host_put(h, &more, 3), 0, "and one under another");
    ok(host_has(h, 7) && host_has(h, 3), "they are whole");
    is_int((long long)layr_hostdb_totals(h->db).shards, SHARDS - 1, "and in the books");
    is_int(host_change(h, LAYR_RELEASE, 1, 0, &(unsigned){12}, 1, &a), 0, "the third is let go of");
    is_int((long long)layr_hostdb_totals(h->db).shards, SHARDS - 1,
           "which takes nothing from the books twice");
    is_int(pass(h, HOST_NOW + 3000, &sum), 0, "all is well again");
}

static void test_place(host_t *h)
{
    uint64_t all = 0, least = (SHARDS - 1) * (uint64_t)HOST_SIZE;
    unsigned sum, steps = 0;

    for (; !found.done || steps == 0; steps++) { /* a new process for each step */
        anew();
        host_need(step(h, 1, HOST_NOW + 4000 + 31 * steps) == 0, d.text);
        all += found.bytes;
        host_need(steps < 100, "it comes to an end");
    }
    /* the place was noted when the pass began, and not again in the same half minute: one shard is read twice */
    is_int((long long)all, (long long)least + HOST_SIZE, "who begins anew goes on where the last one was");
    is_int((long long)found.began, HOST_NOW + 4000, "in the same pass");
    host_restart(h);
    anew();
    is_int(step(h, 1 << 20, HOST_NOW + 4900), 0, "after a restart");
    ok(found.done && found.bytes == 0, "it is still over");
    is_int(pass(h, HOST_NOW + 1, &sum), 0, "a clock that was set back begins anew");
}

/* Stored anew while it was being judged: the file is another. */
static void test_race(host_t *h)
{
    layr_order_t o = host_order(5, 6, 1);
    char path[256];
    unsigned sum;

    path_of(h, 5, path);
    poke(h, 5, 0);
    host_need(unlink(path) == 0, "gone");
    is_int(host_put(h, &o, 5), 0, "stored anew");
    is_int(pass(h, HOST_NOW + 6000, &sum), 0, "is not bad");
    ok(host_has(h, 5) && !is_aside(h, 5), "and stays");
}

static void test_away(host_t *h)
{
    char away[96], cmd[256];

    snprintf(away, sizeof away, "%s.away", h->dir);
    host_need(rename(h->dir, away) == 0, "unmounted");
    snprintf(cmd, sizeof cmd, "mkdir '%s'", h->dir);
    host_need(system(cmd) == 0, "an empty folder in its place");
    is_int(step(h, 1 << 20, HOST_NOW + 8000), LAYR_ERR_UNAVAILABLE, "without the store nothing is judged");
    ok(!found.missing && !found.damaged, "nobody says that a shard is missing");
    snprintf(cmd, sizeof cmd, "rmdir '%s'", h->dir);
    host_need(system(cmd) == 0 && rename(away, h->dir) == 0, "mounted again");
    is_int((long long)layr_hostdb_totals(h->db).shards, SHARDS - 1, "the books are as they were");
}

/* More damaged ones than may stay: the oldest go. */
static void test_trim(void)
{
    host_t h;
    unsigned sum, left = 0;

    host_new(&h);
    anew();
    fill(&h);
    for (unsigned n = 0; n < SHARDS; n++)
        poke(&h, n, 5);
    is_int(pass(&h, HOST_NOW, &sum), SHARDS, "all are bad");
    for (unsigned n = 0; n < SHARDS; n++)
        left += is_aside(&h, n);
    is_int(left, SHARDS, "little damage is kept");
    is_int((long long)layr_hostdb_totals(h.db).bytes, 0, "and nothing is booked");
    host_end(&h);
}

int main(void)
{
    host_t h;

    host_new(&h);
    anew();
    fill(&h);
    test_bad(&h);
    test_place(&h);
    test_race(&h);
    test_away(&h);
    host_end(&h);
    test_trim();
    layr_host_scrub_free(scrub);
    return done();
}
