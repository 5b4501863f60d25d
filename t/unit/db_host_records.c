/* db/host_records.c: which record stays at a place, its share of the host, and its end. */
#include "db_host.h"

#define DAY 86400

static const uint8_t key[32] = {9};

typedef struct signed_record {
    layr_record_t r;
    char *jws;
} signed_record_t;

static signed_record_t make(uint64_t seq, uint8_t mark, const signed_record_t *prev, layr_time_t life,
                            size_t bytes)
{
    static uint8_t root[LAYR_ROOT_MAX];
    signed_record_t out = {0};
    layr_record_t r = {.seq = seq, .iat = HOST_NOW, .exp = HOST_NOW + life, .root = root, .root_len = bytes};

    root[0] = mark;
    if (prev != NULL) {
        r.prev_count = 1;
        memcpy(r.prev[0], prev->r.sha256, 32);
    }
    host_need(layr_record_sign(&out.jws, &r, key) == 0, "a record");
    host_need(layr_record_parse(&out.r, out.jws, strlen(out.jws), HOST_NOW) == 0, "which parses");
    return out;
}

static void drop(signed_record_t *s)
{
    layr_record_free(&s->r);
    free(s->jws);
}

static unsigned evicted; /* by the last put */

static int put_from(host_t *h, unsigned place, const signed_record_t *s, uint64_t net, layr_time_t now,
                    bool *replaced, layr_buf_t *own)
{
    layr_record_offer_t o = {
        .place = {(uint8_t)place}, .r = &s->r, .jws = s->jws, .len = strlen(s->jws), .net = net, .now = now};
    int rc = layr_hostdb_record_put(h->db, &o, NULL);

    *replaced = o.replaced;
    evicted = o.evicted;
    *own = o.own;
    if (rc != LAYR_ERR_CONFLICT)
        layr_buf_free(own);
    return rc;
}

static int put(host_t *h, unsigned place, const signed_record_t *s, layr_time_t now, bool *replaced,
               layr_buf_t *own)
{
    return put_from(h, place, s, 0, now, replaced, own);
}

static bool here(host_t *h, unsigned place, const signed_record_t *s, layr_time_t now)
{
    uint8_t at[32] = {(uint8_t)place};
    layr_buf_t jws;
    int rc = layr_hostdb_record_get(h->db, at, now, &jws, NULL);
    bool same = rc == 0 && jws.len == strlen(s->jws) && memcmp(jws.p, s->jws, jws.len) == 0;

    layr_buf_free(&jws);
    return same;
}

static void test_rules(host_t *h)
{
    signed_record_t one = make(1, 1, NULL, DAY, 10), two = make(2, 2, &one, DAY, 10),
                    rival = make(2, 3, NULL, DAY, 10);
    bool replaced = true;
    layr_buf_t own;

    is_int(put(h, 1, &one, HOST_NOW, &replaced, &own), 0, "the first record of a place");
    ok(!replaced && here(h, 1, &one, HOST_NOW), "is kept, and is new");
    is_int(put(h, 1, &one, HOST_NOW, &replaced, &own), LAYR_ERR_EXISTS, "the identical one is here");
    is_int(put(h, 1, &two, HOST_NOW, &replaced, &own), 0, "its successor");
    ok(replaced && here(h, 1, &two, HOST_NOW), "replaces it");
    is_int(put(h, 1, &rival, HOST_NOW, &replaced, &own), LAYR_ERR_CONFLICT,
           "one of the same sequence does not");
    ok(own.len == strlen(two.jws) && memcmp(own.p, two.jws, own.len) == 0, "and is told which is here");
    layr_buf_free(&own);
    is_int((long long)h->told.records, 1, "there is one record");
    is_int((long long)h->told.record_bytes, (long long)strlen(two.jws), "of its size");
    drop(&one);
    drop(&two);
    drop(&rival);
}

static void test_expiry(host_t *h)
{
    signed_record_t soon = make(5, 1, NULL, 1000, 10), later = make(1, 2, NULL, DAY, 10);
    layr_time_t after = HOST_NOW + 1000 + LAYR_SKEW;
    bool replaced = true, more = true;
    layr_buf_t own;

    is_int(put(h, 2, &soon, HOST_NOW, &replaced, &own), 0, "a record that expires");
    ok(here(h, 2, &soon, after - 1), "is given out until then");
    ok(!here(h, 2, &soon, after), "and not after");
    is_int(put(h, 2, &later, after, &replaced, &own), 0, "and speaks against none, whatever its sequence");
    ok(!replaced && here(h, 2, &later, after), "which is new at its place");
    is_int((long long)h->told.records, 2, "the sums follow");
    is_int(put(h, 3, &soon, HOST_NOW, &replaced, &own), 0, "another one");
    is_int(layr_hostdb_expire(h->db, after, 0, 10, &more, NULL), 0, "is removed");
    is_int((long long)h->told.records, 2, "in its time");
    is_int(host_count(h, "record"), 2, "the table agrees");
    drop(&soon);
    drop(&later);
}

/* The host's id begins with 0xab: of places 1.. the nearer ones are those whose bits differ less. */
static void test_share(host_t *h)
{
    signed_record_t big = make(1, 4, NULL, DAY, 30000), brief = make(1, 5, NULL, 1000, 30000);
    bool replaced;
    layr_buf_t own;

    is_int(put(h, 0xa0, &brief, HOST_NOW, &replaced, &own), 0, "a large record");
    is_int(put(h, 0xa1, &big, HOST_NOW, &replaced, &own), 0, "another");
    is_int(put(h, 0x50, &big, HOST_NOW, &replaced, &own), LAYR_ERR_NOSPACE,
           "the share is used up by closer ones");
    ok(evicted == 0 && here(h, 0xa0, &brief, HOST_NOW) && here(h, 1, &big, HOST_NOW) == false, "which stay");
    is_int(put(h, 0xa1, &big, HOST_NOW, &replaced, &own), LAYR_ERR_EXISTS, "what is here stays");
    is_int(put(h, 0x50, &big, HOST_NOW + 2000, &replaced, &own), 0, "expired ones make room");
    ok(here(h, 0x50, &big, HOST_NOW + 2000) && !here(h, 0xa0, &brief, HOST_NOW), "and are gone");
    is_int(put(h, 0xab, &big, HOST_NOW + 2000, &replaced, &own), 0, "a closer one finds room");
    is_int(evicted, 1, "for the farthest gives way");
    ok(!here(h, 0x50, &big, HOST_NOW + 2000) && here(h, 0xa1, &big, HOST_NOW + 2000), "and no other");
    is_int(put(h, 0xaa, &big, HOST_NOW + 2000, &replaced, &own), 0, "and another");
    ok(here(h, 0xab, &big, HOST_NOW + 2000), "the closest stays");
    ok(h->told.record_bytes <= h->c.record_share, "the share is never exceeded");
    is_int(host_count(h, "record"), (long long)h->told.records, "the sums agree with the table");
    drop(&big);
    drop(&brief);
}

/* One network fills its part, and no more. */
static void test_network(void)
{
    signed_record_t big = make(1, 6, NULL, DAY, 32000), small = make(2, 7, &big, DAY, 10);
    uint64_t part = LAYR_RECORD_NET_MIN;
    unsigned n = 0;
    bool replaced;
    layr_buf_t own;
    host_t h;
    int rc = 0;

    host_new_closed(&h);
    h.c.capacity = 1 << 30;
    h.c.record_share = 2 * part;
    host_need(host_open(&h) == 0, "a store");
    while (n < 255 && (rc = put_from(&h, n, &big, 77, HOST_NOW, &replaced, &own)) == 0)
        n++;
    is_int(rc, LAYR_ERR_LIMIT, "a flood from one network ends");
    is_int(n, (long long)(part / strlen(big.jws)), "when its part is used up");
    is_int(put_from(&h, 254, &big, 78, HOST_NOW, &replaced, &own), 0, "another network has its own");
    is_int(put_from(&h, 253, &big, 0, HOST_NOW, &replaced, &own), 0, "and so has none");
    is_int(put_from(&h, 0, &small, 77, HOST_NOW, &replaced, &own), 0, "the first may still be changed");
    is_int(put_from(&h, 1, &small, 78, HOST_NOW, &replaced, &own), 0, "and another network takes one over");
    is_int(put_from(&h, 252, &big, 77, HOST_NOW, &replaced, &own), 0, "which makes room in the first's part");
    is_int(host_count(&h, "network"), 2, "there are two of them");
    drop(&big);
    drop(&small);
    host_end(&h);
}

static bool is_due(host_t *h, unsigned place, layr_time_t now)
{
    uint8_t at[32] = {0};
    layr_buf_t jws;
    int rc = layr_hostdb_record_due(h->db, now, at, &jws, NULL);

    layr_buf_free(&jws);
    host_need(rc == 0 || rc == LAYR_ERR_NOTFOUND, "the table");
    return rc == 0 && at[0] == place;
}

static void test_due(void)
{
    const layr_time_t last = HOST_NOW + LAYR_RECORD_AGAIN + LAYR_RECORD_SPREAD;
    signed_record_t one = make(1, 8, NULL, DAY, 10);
    uint8_t at[32] = {5};
    bool replaced;
    unsigned seen = 0;
    layr_buf_t own;
    host_t h;

    host_new(&h);
    is_int(put(&h, 5, &one, HOST_NOW, &replaced, &own), 0, "a record");
    ok(!is_due(&h, 5, HOST_NOW + LAYR_RECORD_AGAIN - 1), "is not due within the hour");
    ok(is_due(&h, 5, last), "but after it");
    is_int(put(&h, 5, &one, last, &replaced, &own), LAYR_ERR_EXISTS, "given again");
    ok(!is_due(&h, 5, last + LAYR_RECORD_AGAIN - 1), "it is not");
    is_int(put(&h, 6, &one, last, &replaced, &own), 0, "another");
    is_int(layr_hostdb_record_given(h.db, at, last + 5000, NULL), 0, "the first was given on");
    ok(is_due(&h, 6, last + 5000), "so the other is due");
    ok(!is_due(&h, 5, HOST_NOW + DAY) && !is_due(&h, 6, HOST_NOW + DAY), "what has expired never is");
    memset(at, 0, sizeof at);
    while (layr_hostdb_record_next(h.db, HOST_NOW, at, &own, NULL) == 0) {
        ok(own.len == strlen(one.jws) && at[0] == 5 + seen, "all of them, one after another");
        layr_buf_free(&own);
        seen++;
    }
    is_int(seen, 2, "and then the end");
    layr_buf_free(&own);
    drop(&one);
    host_end(&h);
}

int main(void)
{
    host_t h;

    host_new(&h);
    test_rules(&h);
    test_expiry(&h);
    test_share(&h);
    host_end(&h);
    test_network();
    test_due();
    return done();
}
