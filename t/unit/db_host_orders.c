/* db/host_orders.c: admission, storing, renewal, release, expiry, quotas, and the sums that go with them. */
#include "db_host.h"

static int admit(host_t *h, const layr_order_t *o, layr_time_t *exp)
{
    return layr_hostdb_admit(h->db, o, exp, NULL);
}

static void test_store(host_t *h)
{
    layr_order_t o = host_order(1, 1, 1), other = host_order(1, 2, 2), wrong = host_order(2, 1, 1);
    layr_time_t exp = 0;

    is_int(admit(h, &o, &exp), LAYR_ERR_NOTFOUND, "a new order wants its body");
    is_int(host_put(h, &o, 1), 0, "which is stored");
    ok(host_has(h, 1), "under its id");
    is_int(admit(h, &o, &exp), 0, "the same order again needs no body");
    is_int(exp, o.exp, "and says until when");
    is_int(admit(h, &other, &exp), 0, "another owner's order for the same blob neither");
    is_int((long long)h->told.shards, 1, "one shard");
    is_int((long long)h->told.orders, 2, "two orders");
    is_int((long long)h->told.bytes, HOST_SIZE, "bytes are counted once");
    is_int(admit(h, &wrong, &exp), LAYR_ERR_CONFLICT, "an order id for another shard is a conflict");
    is_int(host_put(h, &wrong, 2), LAYR_ERR_CONFLICT, "also where two race");
    ok(!host_has(h, 2), "and its blob is not kept");
    is_int(host_count(h, "intent"), 0, "no intent stays");
    is_int(host_count(h, "loose"), 0, "nothing is left to sweep");
}

/* A blob that the disk lost is taken again, under the order that is here. */
static void test_heal(host_t *h)
{
    layr_order_t o = host_order(1, 1, 1);
    layr_time_t exp = 0;
    char path[256];

    host_need(layr_host_blob_path(path, sizeof path, h->dir, o.shard) == 0 && unlink(path) == 0,
              "a lost blob");
    is_int(admit(h, &o, &exp), LAYR_ERR_NOTFOUND, "a lost blob is wanted again");
    is_int(host_put(h, &o, 1), 0, "and stored under the order that was here");
    ok(host_has(h, 1), "the blob is back");
    is_int((long long)h->told.shards, 1, "and counted once");
    is_int((long long)h->told.orders, 2, "no order was added");
}

static void test_renew(host_t *h)
{
    static const unsigned mine[] = {1, 99}, theirs[] = {1, 2}, unknown[] = {98, 99};
    layr_order_t o = host_order(1, 1, 1);
    layr_orders_answer_t a;
    layr_time_t exp = 0;

    is_int(host_change(h, LAYR_RENEW, 1, HOST_NOW + 5000, mine, 2, &a), 0, "an order is renewed");
    ok(a.done_count == 1 && a.missing_count == 1, "and an unknown one reported");
    is_int(admit(h, &o, &exp), 0, "a replay of the first order");
    is_int(exp, HOST_NOW + 5000, "does not shorten it");
    is_int(host_change(h, LAYR_RENEW, 1, HOST_NOW + 10, mine, 2, &a), 0, "nor does a renewal");
    is_int(admit(h, &o, &exp), 0, "which is accepted");
    is_int(exp, HOST_NOW + 5000, "and changes nothing");
    is_int(host_change(h, LAYR_RENEW, 1, HOST_NOW + 9000, theirs, 2, &a), LAYR_ERR_CAP,
           "another's order is refused");
    is_int(admit(h, &o, &exp), 0, "with all that came along");
    is_int(exp, HOST_NOW + 5000, "nothing was changed");
    is_int(host_change(h, LAYR_RENEW, 1, HOST_NOW + 9000, unknown, 2, &a), LAYR_ERR_NOTFOUND, "all unknown");
}

static void test_release(host_t *h)
{
    static const unsigned one[] = {1}, two[] = {2}, both[] = {1, 2};
    layr_order_t o = host_order(1, 1, 1);
    layr_orders_answer_t a;
    layr_time_t exp = 0;

    is_int(host_change(h, LAYR_RELEASE, 2, 0, both, 2, &a), LAYR_ERR_CAP, "nobody releases another's order");
    is_int((long long)h->told.orders, 2, "not even along with one's own");
    is_int(host_change(h, LAYR_RELEASE, 1, 0, one, 1, &a), 0, "one of two orders is released");
    ok(host_has(h, 1), "the other keeps the shard");
    is_int(admit(h, &o, &exp), LAYR_ERR_REMOVED, "a replay does not revive it");
    is_int(host_put(h, &o, 1), LAYR_ERR_REMOVED, "nor with its body");
    ok(host_has(h, 1), "whose refusal leaves the shard alone");
    is_int(host_change(h, LAYR_RELEASE, 1, 0, one, 1, &a), 0, "released again");
    is_int(a.done_count, 1, "is done");
    is_int(host_change(h, LAYR_RENEW, 1, HOST_NOW + 9000, one, 1, &a), LAYR_ERR_NOTFOUND,
           "no renewal revives it");
    is_int(host_change(h, LAYR_RELEASE, 2, 0, one, 1, &a), LAYR_ERR_CAP, "a tombstone has its owner");
    is_int(host_change(h, LAYR_RELEASE, 2, 0, two, 1, &a), 0, "the last order is released");
    ok(!host_has(h, 1), "and the shard is gone");
    is_int((long long)(h->told.shards + h->told.orders + h->told.bytes), 0, "its room is free");
    is_int(host_count(h, "owner"), 0, "nobody owns anything");
}

/* A put that was given up: its release comes first, then the order whose body was already whole. */
static void test_overtaken(host_t *h)
{
    static const unsigned late[] = {50};
    layr_order_t o = host_order(50, 50, 1);
    layr_orders_answer_t a;
    layr_time_t exp = 0;
    long long tombs = host_count(h, "tomb");

    is_int(admit(h, &o, &exp), LAYR_ERR_NOTFOUND, "an order on its way");
    is_int(host_change(h, LAYR_RELEASE, 1, 0, late, 1, &a), LAYR_ERR_NOTFOUND,
           "is released before it has come");
    is_int(a.missing_count, 1, "and reported as unknown");
    is_int(host_put(h, &o, 50), LAYR_ERR_REMOVED, "it is refused when it comes");
    ok(!host_has(h, 50), "and leaves nothing");
    is_int(host_change(h, LAYR_RELEASE, 1, 0, late, 1, &a), 0, "released again");
    is_int(a.done_count, 1, "is done");
    is_int(host_count(h, "tomb"), tombs + 1, "with one tombstone");
}

static void test_expire(host_t *h)
{
    layr_time_t exp = 0;
    layr_order_t o = host_order(1, 1, 1);
    bool more = true;

    for (unsigned i = 10; i < 20; i++) {
        layr_order_t x = host_order(i, i, 3);
        x.exp = HOST_NOW + 10 * (layr_time_t)i;
        is_int(host_put(h, &x, i), 0, "an order that will expire");
    }
    is_int(layr_hostdb_expire(h->db, HOST_NOW + 150 + LAYR_SKEW - 1, 0, 100, &more, NULL), 0, "a step");
    ok(!host_has(h, 14) && host_has(h, 15), "takes what is past its exp by the clocks' skew, and no more");
    is_int(layr_hostdb_expire(h->db, HOST_NOW + 190 + LAYR_SKEW, 20, 100, &more, NULL), 0, "a grace");
    ok(!host_has(h, 17) && host_has(h, 18) && !more, "is kept");
    is_int(layr_hostdb_expire(h->db, HOST_NOW + 999, 0, 1, &more, NULL), 0, "a short step");
    ok(!host_has(h, 18) && host_has(h, 19) && more, "says that there is more");
    is_int(layr_hostdb_expire(h->db, HOST_NOW + 999, 0, 5, &more, NULL), 0, "the last one");
    is_int((long long)h->told.bytes, 0, "all is free");
    is_int(host_count(h, "tomb"), 2, "tombstones stay until their order's exp");
    is_int(layr_hostdb_expire(h->db, HOST_NOW + 5000 + LAYR_SKEW, 0, 5, &more, NULL), 0, "and go");
    is_int(host_count(h, "tomb"), 0, "then");
    is_int(admit(h, &o, &exp), LAYR_ERR_NOTFOUND, "an outlived tombstone speaks against nothing");
}

static void test_limits(host_t *h)
{
    layr_order_t o;
    layr_time_t exp = 0;

    layr_hostdb_close(h->db);
    h->c.owner_quota = 3 * HOST_SIZE;
    h->c.capacity = 4 * HOST_SIZE;
    host_need(host_open(h) == 0, "open");
    for (unsigned i = 30; i < 33; i++) {
        o = host_order(i, i, 1);
        is_int(host_put(h, &o, i), 0, "within the quota");
    }
    o = host_order(33, 33, 1);
    is_int(admit(h, &o, &exp), LAYR_ERR_LIMIT, "over the quota at admission");
    is_int(host_put(h, &o, 33), LAYR_ERR_LIMIT, "and at the commit, for those that raced");
    o = host_order(30, 34, 1);
    is_int(admit(h, &o, &exp), LAYR_ERR_LIMIT, "a second order for a blob counts as well");
    o = host_order(33, 35, 2);
    is_int(host_put(h, &o, 33), 0, "another owner has a quota of its own");
    o = host_order(34, 36, 3);
    is_int(host_put(h, &o, 34), LAYR_ERR_NOSPACE, "the capacity is everybody's");
    ok(!host_has(h, 34), "and nothing of it is kept");
    is_int((long long)h->told.bytes, 4 * HOST_SIZE, "the sums stand");
}

int main(void)
{
    host_t h;

    host_new(&h);
    test_store(&h);
    test_heal(&h);
    test_renew(&h);
    test_release(&h);
    test_overtaken(&h);
    test_expire(&h);
    test_limits(&h);
    host_end(&h);
    return done();
}
