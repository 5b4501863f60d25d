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

static int put(host_t *h, unsigned place, const signed_record_t *s, layr_time_t now, bool *replaced,
               layr_buf_t *own)
{
    uint8_t at[32] = {(uint8_t)place};

    return layr_hostdb_record_put(h->db, at, &s->r, s->jws, strlen(s->jws), now, replaced, own, NULL);
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

static void test_share(host_t *h)
{
    signed_record_t big = make(1, 4, NULL, DAY, 30000), brief = make(1, 5, NULL, 1000, 30000);
    bool replaced;
    layr_buf_t own;

    is_int(put(h, 10, &brief, HOST_NOW, &replaced, &own), 0, "a large record");
    is_int(put(h, 11, &big, HOST_NOW, &replaced, &own), 0, "another");
    is_int(put(h, 12, &big, HOST_NOW, &replaced, &own), LAYR_ERR_NOSPACE, "the share is used up");
    is_int(put(h, 11, &big, HOST_NOW, &replaced, &own), LAYR_ERR_EXISTS, "what is here stays");
    is_int(put(h, 12, &big, HOST_NOW + 2000, &replaced, &own), 0, "expired ones make room");
    ok(here(h, 12, &big, HOST_NOW + 2000) && !here(h, 10, &brief, HOST_NOW), "and are gone");
    ok(h->told.record_bytes <= h->c.record_share, "the share is never exceeded");
    drop(&big);
    drop(&brief);
}

int main(void)
{
    host_t h;

    host_new(&h);
    test_rules(&h);
    test_expiry(&h);
    test_share(&h);
    host_end(&h);
    return done();
}
