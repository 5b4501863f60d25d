/* The manifest: nodes and pages, placement, content, root; and everything in them that must be refused. */
#include <stdlib.h>

#include "layr/manifest.h"
#include "tap.h"

static const layr_scheme_t S48 = {4, 8}, S13 = {1, 3}, S11 = {1, 1};

/* --- building --- */

static void fill(uint8_t *p, size_t len, unsigned start)
{
    for (size_t i = 0; i < len; i++)
        p[i] = (uint8_t)(start * 31 + i * 7 + (start >> 8));
}

static int all_zero(const void *p, size_t len)
{
    const unsigned char *b = p;

    for (size_t i = 0; i < len; i++)
        if (b[i] != 0)
            return 0;
    return 1;
}

/* Host ids that are not in ascending order of their number, so that sorting has work. */
static void host_id(uint8_t id[32], unsigned n)
{
    memset(id, 0, 32);
    id[0] = (uint8_t)(n * 151);
    layr_store32(id + 1, n);
}

/* Entry number `no`; bit i of `absent` leaves row i out; hosts are first + 0, 1, 2 ... */
static int append(layr_node_page_t *p, unsigned no, uint32_t size, unsigned first_host, uint64_t absent)
{
    uint8_t ids[LAYR_N_MAX][32];
    const uint8_t *hosts[LAYR_N_MAX];
    layr_row_t rows[LAYR_N_MAX];
    layr_entry_t e = {.size = size, .segments = 3, .bytes = 3000 + no, .rows = rows};

    fill(e.hash, 32, no + 1);
    for (unsigned i = 0; i < p->rows; i++) {
        fill(rows[i].id, 32, no * 1000 + i);
        fill(rows[i].salt, 16, no * 1000 + i + 500);
        rows[i].host = 12345; /* not looked at */
        host_id(ids[i], first_host + i);
        hosts[i] = i < 64 && (absent >> i & 1) ? NULL : ids[i];
    }
    return layr_page_append(p, &e, hosts);
}

/* Two nodes that say the same, whatever the order of their hosts. */
static int same_node(const layr_node_page_t *a, const layr_node_page_t *b)
{
    if (a->level != b->level || a->rows != b->rows || a->entry_count != b->entry_count)
        return 0;
    for (size_t i = 0; i < a->entry_count; i++) {
        const layr_entry_t *x = &a->entries[i], *y = &b->entries[i];

        if (x->size != y->size || x->segments != y->segments || x->bytes != y->bytes ||
            memcmp(x->hash, y->hash, 32) != 0)
            return 0;
        for (unsigned j = 0; j < a->rows; j++) {
            const layr_row_t *r = &x->rows[j], *q = &y->rows[j];

            if ((r->host == LAYR_NO_HOST) != (q->host == LAYR_NO_HOST) || memcmp(r->id, q->id, 32) != 0 ||
                memcmp(r->salt, q->salt, 16) != 0)
                return 0;
            if (r->host != LAYR_NO_HOST && memcmp(a->hosts[r->host], b->hosts[q->host], 32) != 0)
                return 0;
        }
    }
    return 1;
}

/* Decode a copy that ends where it ends, so that an overread shows under the sanitizer. */
static int decode_page(layr_node_page_t *out, layr_scheme_t s, uint8_t level, uint64_t segments,
                       uint64_t bytes, const uint8_t *in, size_t len)
{
    uint8_t *copy = malloc(len ? len : 1);
    int rc;

    memcpy(copy, in, len);
    rc = layr_page_decode(out, s, level, segments, bytes, copy, len);
    free(copy);
    if (rc != 0 && !all_zero(out, sizeof *out))
        ok(0, "a refused page leaves something behind");
    return rc;
}

static int decode_placement(layr_placement_t *out, const uint8_t *in, size_t len)
{
    uint8_t *copy = malloc(len ? len : 1);
    int rc;

    memcpy(copy, in, len);
    rc = layr_placement_decode(out, copy, len);
    free(copy);
    if (rc != 0 && !all_zero(out, sizeof *out))
        ok(0, "a refused placement leaves something behind");
    return rc;
}

/* --- nodes and pages --- */

static void sums(const layr_node_page_t *p, uint64_t *segments, uint64_t *bytes)
{
    *segments = *bytes = 0;
    for (size_t i = 0; i < p->entry_count; i++) {
        *segments += p->entries[i].segments;
        *bytes += p->entries[i].bytes;
    }
}

static void is_page_trip(layr_node_page_t *p, const char *name)
{
    layr_node_page_t got;
    layr_buf_t a, b;
    uint64_t segments, bytes;
    int ascending = 1;

    layr_buf_init(&a);
    layr_buf_init(&b);
    layr_buf_add(&a, "before", 6);
    sums(p, &segments, &bytes);
    is_int(layr_page_encode(p, &a), 0, name);
    is_int((long long)a.len - 6, (long long)layr_page_node_size(p) + 2, "its size is as said before");
    is_int(decode_page(&got, p->scheme, p->level, segments, bytes, a.p + 6, a.len - 6), 0, "decodes");
    ok(same_node(p, &got), "to the same");
    for (size_t i = 1; i < got.host_count; i++)
        ascending &= memcmp(got.hosts[i - 1], got.hosts[i], 32) < 0;
    ok(ascending, "with hosts ascending");
    is_int(layr_page_encode(&got, &b), 0, "encodes again");
    ok(b.len == a.len - 6 && memcmp(b.p, a.p + 6, b.len) == 0, "to the same bytes");
    layr_page_free(&got);
    layr_page_free(&got);
    layr_buf_free(&a);
    layr_buf_free(&b);
}

static void test_pages(void)
{
    layr_node_page_t p;

    layr_page_init(&p, S48, 0);
    is_int(p.rows, 8, "a segment of 4/8 has 8 rows");
    for (unsigned i = 0; i < 5; i++)
        is_int(append(&p, i, i == 4 ? 1 : (uint32_t)layr_full_segment(S48), i * 3, i == 2 ? 0xff : i), 0,
               "append");
    is_page_trip(&p, "level 0, some rows absent");
    layr_page_free(&p);

    layr_page_init(&p, S48, 1);
    is_int(p.rows, 5, "a page of 4/8 has 5");
    for (unsigned i = 0; i < 20; i++)
        if (append(&p, i, i ? LAYR_PAGE_MAX : 1, i, i & 3) != 0)
            ok(0, "append");
    is_page_trip(&p, "level 1");
    layr_page_free(&p);

    layr_page_init(&p, (layr_scheme_t){255, 255}, 2);
    is_int(p.rows, 1, "a page of 255/255 has 1");
    is_int(append(&p, 0, 7, 0, 0), 0, "append");
    is_page_trip(&p, "level 2");
    layr_page_free(&p);

    layr_page_init(&p, (layr_scheme_t){100, 255}, 0);
    for (unsigned i = 0; i < 40; i++)
        if (append(&p, i, 5000, i * 255, 0) != 0)
            ok(0, "append");
    is_int((long long)p.host_count, 40 * 255, "10,200 hosts");
    is_page_trip(&p, "many hosts");
    layr_page_free(&p);
}

static void test_append_refuses(void)
{
    uint8_t id[32];
    const uint8_t *hosts[3] = {id, NULL, id};
    layr_row_t rows[3] = {0};
    layr_entry_t e = {.size = 1, .segments = 1, .bytes = 1, .rows = rows};
    layr_node_page_t p;

    host_id(id, 1);
    layr_page_init(&p, S13, 0);
    is_int(layr_page_append(&p, &e, hosts), LAYR_ERR_ARG, "one host for two rows");
    is_int(append(&p, 0, 0, 0, 0), LAYR_ERR_ARG, "a segment of 0 bytes");
    is_int(append(&p, 0, (uint32_t)layr_full_segment(S13) + 1, 0, 0), LAYR_ERR_ARG,
           "larger than a full segment");
    is_int((long long)p.entry_count, 0, "nothing was added");
    is_int(append(&p, 0, (uint32_t)layr_full_segment(S13), 0, 0), 0, "a full segment");
    is_page_trip(&p, "hosts that a refused entry left behind are not encoded");
    layr_page_free(&p);

    layr_page_init(&p, S13, 1);
    is_int(append(&p, 0, 0, 0, 0), LAYR_ERR_ARG, "a page of 0 bytes");
    is_int(append(&p, 0, LAYR_PAGE_MAX + 1, 0, 0), LAYR_ERR_ARG, "larger than a page");
    e.segments = 0;
    hosts[2] = NULL;
    is_int(layr_page_append(&p, &e, hosts), LAYR_ERR_ARG, "a page without segments");
    e.segments = 2;
    is_int(layr_page_append(&p, &e, hosts), LAYR_ERR_ARG, "more segments than bytes");
    e.bytes = 2;
    is_int(layr_page_append(&p, &e, hosts), 0, "as many are possible");
    layr_page_free(&p);
    layr_page_init(&p, (layr_scheme_t){3, 2}, 0);
    is_int(append(&p, 0, 1, 0, 0), LAYR_ERR_ARG, "k above n");
    layr_page_free(&p);
    layr_page_free(NULL);
}

static void test_encode_refuses(void)
{
    layr_node_page_t p;
    layr_buf_t b;

    layr_buf_init(&b);
    layr_page_init(&p, S13, 0);
    is_int(layr_page_encode(&p, &b), LAYR_ERR_ARG, "an empty page");
    for (unsigned i = 0; i < LAYR_PAGE_SEGMENTS; i++)
        if (append(&p, i, 1, 0, 0) != 0)
            ok(0, "append");
    is_int(layr_page_encode(&p, &b), 0, "256 segments");
    b.len = 0;
    p.entries[3].rows[1].host = p.entries[3].rows[2].host;
    is_int(layr_page_encode(&p, &b), LAYR_ERR_ARG, "a host twice in an entry");
    p.entries[3].rows[1].host = 3;
    is_int(layr_page_encode(&p, &b), LAYR_ERR_ARG, "a host outside the table");
    p.entries[3].rows[1].host = LAYR_NO_HOST;
    p.entries[3].size = 0;
    is_int(layr_page_encode(&p, &b), LAYR_ERR_ARG, "a size of 0");
    p.entries[3].size = 2;
    is_int(layr_page_encode(&p, &b), LAYR_ERR_ARG, "bytes that are not the size");
    p.entries[3].size = 1;
    memcpy(p.hosts[1], p.hosts[0], 32);
    is_int(layr_page_encode(&p, &b), LAYR_ERR_ARG, "a host twice in the table");
    host_id(p.hosts[1], 1);
    is_int((long long)b.len, 0, "nothing is left of what was refused");
    is_int(append(&p, 256, 1, 0, 0), 0, "one more");
    is_int(layr_page_encode(&p, &b), LAYR_ERR_LIMIT, "257 segments");
    p.level = 3;
    is_int(layr_page_encode(&p, &b), LAYR_ERR_ARG, "no page has level 3");
    layr_page_free(&p);

    layr_page_init(&p, (layr_scheme_t){1, 255}, 0);
    while (2 + layr_page_node_size_next(&p) <= LAYR_PAGE_MAX)
        if (append(&p, (unsigned)p.entry_count, 1, (unsigned)p.entry_count * 255, 0) != 0)
            ok(0, "append");
    is_int(layr_page_encode(&p, &b), 0, "as many as fit");
    is_int(append(&p, 1, 1, 60000, 0), 0, "one more");
    ok(2 + layr_page_node_size(&p) > LAYR_PAGE_MAX, "is too many");
    b.len = 0;
    is_int(layr_page_encode(&p, &b), LAYR_ERR_LIMIT, "and is refused");
    layr_page_free(&p);
    layr_buf_free(&b);
}

/* A patch: rows change hosts in place; the old host leaves the table. */
static void test_patch(void)
{
    layr_node_page_t p, got;
    uint8_t id[32];
    uint16_t index = 0, again = 0;
    layr_buf_t b;

    layr_buf_init(&b);
    layr_page_init(&p, S13, 0);
    if (append(&p, 0, 100, 0, 0) != 0 || append(&p, 1, 100, 0, 0) != 0)
        ok(0, "append");
    is_int(layr_page_encode(&p, &b), 0, "encode");
    is_int(decode_page(&got, S13, 0, 2, 200, b.p, b.len), 0, "decode");
    host_id(id, 77);
    is_int(layr_page_host(&got, id, &index), 0, "a new host");
    is_int(index, 3, "is the fourth");
    is_int(layr_page_host(&got, id, &again), 0, "asked again");
    is_int(again, 3, "is there");
    is_int((long long)got.host_count, 4, "once");
    host_id(id, 1);
    is_int(layr_page_host(&got, id, &again), 0, "an old host");
    ok(again < 3 && memcmp(got.hosts[again], id, 32) == 0, "is found");
    for (int e = 0; e < 2; e++)
        for (int i = 0; i < 3; i++)
            if (got.entries[e].rows[i].host == again)
                got.entries[e].rows[i].host = index;
    is_int((long long)layr_page_node_size(&got), (long long)layr_page_node_size(&p),
           "the size counts the hosts in use");
    is_page_trip(&got, "after the patch");
    layr_page_free(&got);
    layr_page_free(&p);
    layr_buf_free(&b);
}

static void test_host_table_full(void)
{
    layr_node_page_t p;
    uint8_t id[32];
    uint16_t index = 0;
    int bad = 0;

    layr_page_init(&p, S11, 0);
    for (unsigned i = 0; i < LAYR_NO_HOST; i++) {
        host_id(id, i);
        bad += layr_page_host(&p, id, &index) != 0 || index != i;
    }
    is_int(bad, 0, "65,535 hosts");
    host_id(id, 70000);
    is_int(layr_page_host(&p, id, &index), LAYR_ERR_LIMIT, "and not one more");
    host_id(id, 65534);
    is_int(layr_page_host(&p, id, &index), 0, "the last is found");
    is_int(index, 65534, "where it is");
    layr_page_free(&p);
}

/* --- a small page, changed by hand --- */

#define HOSTS_AT 2
#define TABLE_AT 4

/* Level 0, 1/3, 2 segments of 100 and 200 bytes at hosts 0, 1, 2; row 1 of the second is absent. */
static void small_page(layr_buf_t *b)
{
    layr_node_page_t p;

    layr_buf_init(b);
    layr_page_init(&p, S13, 0);
    if (append(&p, 0, 100, 0, 0) != 0 || append(&p, 1, 200, 0, 2) != 0 || layr_page_encode(&p, b) != 0)
        exit(2);
    layr_page_free(&p);
}

static void is_small(const layr_buf_t *b, int want, const char *name)
{
    layr_node_page_t p;
    int rc = decode_page(&p, S13, 0, 2, 300, b->p, b->len);

    is_int(rc, want, name);
    layr_page_free(&p);
}

/* Write v (1, 2 or 4 bytes) at a place, look, put back. */
static void is_poked(layr_buf_t *b, size_t at, int width, uint32_t v, int want, const char *name)
{
    uint8_t old[4], new[4];

    layr_store32(new, v);
    memcpy(old, b->p + at, (size_t)width);
    memcpy(b->p + at, new, (size_t)width);
    is_small(b, want, name);
    memcpy(b->p + at, old, (size_t)width);
}

static void test_page_refusals(void)
{
    const size_t entries_at = TABLE_AT + 3 * 32, e0 = entries_at + 4, rows0 = e0 + 40, e1 = rows0 + 150,
                 rows1 = e1 + 40;
    const int F = LAYR_ERR_FORMAT;
    layr_node_page_t p;
    uint8_t host[32];
    layr_buf_t b;

    small_page(&b);
    is_int((long long)b.len, (long long)(rows1 + 150), "the layout of 4.2");
    is_small(&b, 0, "the page as it is");
    is_poked(&b, 0, 1, 2, LAYR_ERR_VERSION, "version 2");
    is_poked(&b, 0, 1, 0, LAYR_ERR_VERSION, "version 0");
    is_poked(&b, 1, 1, 1, F, "another level");
    is_poked(&b, HOSTS_AT, 2, 2, F, "fewer hosts");
    is_poked(&b, HOSTS_AT, 2, 4, F, "more hosts");
    is_poked(&b, HOSTS_AT, 2, 65535, F, "65,535 hosts that aren't there");
    is_poked(&b, entries_at, 4, 1, F, "fewer entries");
    is_poked(&b, entries_at, 4, 3, F, "more entries");
    is_poked(&b, entries_at, 4, 0, F, "no entries");
    is_poked(&b, entries_at, 4, UINT32_MAX, F, "4 thousand million entries");
    is_poked(&b, e0, 4, 101, F, "a size that doesn't match the sum");
    is_poked(&b, e0, 4, 0, F, "a size of 0");
    is_poked(&b, e0, 4, UINT32_MAX, F, "a size larger than a full segment");
    is_poked(&b, e0 + 4, 4, 2, F, "stripes that don't follow");
    is_poked(&b, e0 + 4, 4, 0, F, "no stripes");
    is_poked(&b, rows0 + 48, 2, 3, F, "a host outside the table");
    is_poked(&b, rows0 + 48, 2, 65534, F, "far outside");
    is_poked(&b, rows0 + 48, 2, layr_load16(b.p + rows0 + 98), F, "the same host twice");
    is_poked(&b, rows0 + 48, 2, 65535, F, "absent, but with an id");
    is_poked(&b, rows1 + 98, 2, layr_load16(b.p + rows0 + 98), 0,
             "not absent, with an id of zeros: that is an id");
    is_poked(&b, rows1 + 50, 1, 1, F, "absent with an id's first byte");
    is_poked(&b, rows1 + 97, 1, 1, F, "absent with a salt's last byte");

    memcpy(host, b.p + TABLE_AT, 32); /* exchange two hosts: then the table is not ascending */
    memmove(b.p + TABLE_AT, b.p + TABLE_AT + 32, 32);
    memcpy(b.p + TABLE_AT + 32, host, 32);
    is_small(&b, F, "hosts not ascending");
    memcpy(b.p + TABLE_AT, b.p + TABLE_AT + 32, 32);
    is_small(&b, F, "a host twice in the table");
    layr_buf_free(&b);

    small_page(&b);
    layr_buf_add8(&b, 0);
    is_small(&b, F, "a byte at the end");
    b.len--;
    is_int(decode_page(&p, S13, 0, 3, 300, b.p, b.len), F, "another number of segments was said above");
    is_int(decode_page(&p, S13, 0, 2, 301, b.p, b.len), F, "another number of bytes");
    is_int(decode_page(&p, S48, 0, 2, 300, b.p, b.len), F, "another scheme");
    is_int(decode_page(&p, S13, 1, 2, 300, b.p, b.len), F, "another level was expected");
    is_int(decode_page(&p, S13, 3, 2, 300, b.p, b.len), LAYR_ERR_ARG, "a level no page has");
    is_int(decode_page(&p, (layr_scheme_t){0, 3}, 0, 2, 300, b.p, b.len), LAYR_ERR_ARG, "no scheme");
    layr_buf_free(&b);
}

/* A host in the table that no row names: the first entry of a page without the second. */
static void test_unused_host(void)
{
    layr_node_page_t p;
    layr_buf_t b;

    layr_buf_init(&b);
    layr_page_init(&p, S11, 0);
    if (append(&p, 0, 100, 0, 0) != 0 || append(&p, 1, 100, 1, 0) != 0 || layr_page_encode(&p, &b) != 0)
        exit(2);
    layr_page_free(&p);
    is_int(decode_page(&p, S11, 0, 2, 200, b.p, b.len), 0, "two hosts, two entries");
    layr_page_free(&p);
    layr_store32(b.p + TABLE_AT + 64, 1);
    is_int(decode_page(&p, S11, 0, 1, 100, b.p, b.len - 90), LAYR_ERR_FORMAT, "two hosts, one entry");
    layr_buf_free(&b);
}

/* Pages of pages: their sums may not pass 2^64. */
static void test_overflow(void)
{
    const uint8_t *hosts[1] = {NULL};
    layr_row_t row = {0};
    layr_entry_t e = {.size = 5, .segments = 1ULL << 63, .bytes = 1ULL << 63, .rows = &row};
    layr_node_page_t p, got;
    layr_buf_t b;

    layr_buf_init(&b);
    layr_page_init(&p, S11, 1);
    if (layr_page_append(&p, &e, hosts) != 0 || layr_page_append(&p, &e, hosts) != 0)
        ok(0, "append");
    is_int(layr_page_encode(&p, &b), 0, "encode");
    is_int(decode_page(&got, S11, 1, 0, 0, b.p, b.len), LAYR_ERR_FORMAT, "sums of 2^64 are not 0");
    layr_page_free(&p);
    layr_buf_free(&b);
}

static void test_page_limit(void)
{
    uint8_t *in = calloc(1, LAYR_PAGE_MAX + 1);
    layr_node_page_t p;

    in[0] = 1;
    is_int(layr_page_decode(&p, S11, 0, 0, 0, in, LAYR_PAGE_MAX + 1), LAYR_ERR_LIMIT,
           "a page of 1,048,577 bytes");
    is_int(layr_page_decode(&p, S11, 0, 0, 0, in, LAYR_PAGE_MAX), LAYR_ERR_FORMAT,
           "one of 1,048,576 is looked at");
    is_int(layr_page_decode(&p, S11, 0, 0, 0, NULL, 0), LAYR_ERR_FORMAT, "an empty one");
    /* 257 segments: more than a page may have, though they are few bytes. */
    layr_store16(in + 2, 0);
    layr_store32(in + 4, 257);
    for (int i = 0; i < 257; i++) {
        uint8_t *e = in + 8 + i * 90;
        layr_store32(e, 1);
        layr_store32(e + 4, 1);
        layr_store16(e + 88, LAYR_NO_HOST);
    }
    is_int(layr_page_decode(&p, S11, 0, 257, 257, in, 8 + 257 * 90), LAYR_ERR_FORMAT, "257 segments");
    layr_store32(in + 4, 0);
    is_int(layr_page_decode(&p, S11, 0, 0, 0, in, 8), LAYR_ERR_FORMAT, "no segments");
    layr_store32(in + 4, 256);
    is_int(layr_page_decode(&p, S11, 0, 256, 256, in, 8 + 256 * 90), 0, "256");
    layr_page_free(&p);
    free(in);
}

/* Every cut and every flipped bit: no crash; and what is left of structure is checked. */
static void test_page_damage(void)
{
    const size_t rows0 = TABLE_AT + 3 * 32 + 4 + 40, rows1 = rows0 + 150 + 40;
    layr_node_page_t p;
    layr_buf_t b;
    int cut_ok = 0, structure_ok = 0, id_refused = 0;

    small_page(&b);
    for (size_t cut = 0; cut < b.len; cut++)
        cut_ok += decode_page(&p, S13, 0, 2, 300, b.p, cut) == 0;
    is_int(cut_ok, 0, "no page that was cut is taken");
    for (size_t i = 0; i < b.len * 8; i++) {
        size_t at = i / 8;
        b.p[at] ^= (uint8_t)(1u << (i % 8));
        int rc = decode_page(&p, S13, 0, 2, 300, b.p, b.len);
        b.p[at] ^= (uint8_t)(1u << (i % 8));
        layr_page_free(&p);

        /* Free to be anything: hashes, and ids and salts of rows that are there. Host ids: so long as they
         * ascend. */
        int hash = (at >= rows0 - 32 && at < rows0) || (at >= rows1 - 32 && at < rows1);
        size_t row = at >= rows1 ? (at - rows1) % 50 : at - rows0;
        int in_rows = (at >= rows0 && at < rows0 + 150) || at >= rows1;
        int absent = at >= rows1 + 50 && at < rows1 + 100;
        row = in_rows ? row % 50 : 0;
        int free_bytes = hash || (in_rows && row < 48 && !absent);
        int host_table = at >= TABLE_AT && at < TABLE_AT + 96;
        if (free_bytes)
            id_refused += rc != 0;
        else if (!host_table && !(at >= rows1 && !absent && row == 48 && i % 8 < 2))
            structure_ok +=
                rc == 0; /* the last exception: the second entry leaves a host free, which may be named */
    }
    is_int(structure_ok, 0, "no flipped bit in a structural field is taken");
    is_int(id_refused, 0, "and none in an id, salt or hash is refused here: their seals and hashes tell");
    layr_buf_free(&b);
}

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

/* Many bytes changed at once, under the sanitizers: whatever comes out, it must not crash or leak. */
static void test_sweep(void)
{
    uint32_t state = 1;
    layr_buf_t b;
    int taken = 0;

    small_page(&b);
    for (int round = 0; round < 20000; round++) {
        uint8_t copy[1024];
        size_t len = next_random(&state) % 4 ? b.len : next_random(&state) % (b.len + 1);
        layr_node_page_t p;
        layr_placement_t pl;

        memcpy(copy, b.p, b.len);
        for (uint32_t n = next_random(&state) % 8 + 1; n > 0; n--)
            copy[next_random(&state) % b.len] = (uint8_t)next_random(&state);
        taken += decode_page(&p, S13, (uint8_t)(next_random(&state) % 3), 2, 300, copy, len) == 0;
        layr_page_free(&p);
        taken += decode_placement(&pl, copy, len) == 0;
        layr_placement_free(&pl);
    }
    ok(taken < 40000, "20,000 damaged pages read without harm, %d of them well formed", taken);
    layr_buf_free(&b);
}

static void test_page_shape(void)
{
    layr_shape_t a, b;
    size_t sizes[] = {1, 4080, 4081, 65520, 65521, 500000};
    layr_scheme_t copies = {1, 5};

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        memset(&a, 0, sizeof a);
        memset(&b, 0, sizeof b);
        is_int(layr_page_shape(&a, S48, sizes[i]), 0, "the shape of a page");
        is_int(layr_shape_of(&b, copies, sizes[i]), 0, "of a segment of 1/5");
        ok(a.scheme.k == 1 && a.scheme.n == 5 && a.stripes == b.stripes && a.chunk == b.chunk &&
               a.chunk_plain == b.chunk_plain && a.size == b.size && a.shard_plain == b.shard_plain &&
               a.shard_stored == b.shard_stored && a.blocks == b.blocks && a.blob == b.blob,
           "are the same for %zu bytes", sizes[i]);
    }
    is_int(layr_page_shape(&a, (layr_scheme_t){1, 255}, LAYR_PAGE_MAX), 0, "a full page of 255 copies");
    ok(a.stripes == 17 && a.chunk == 65536 && a.blob == 17 * 16 * 4112,
       "has 17 chunks, though a segment of 255 could not");
    is_int(layr_page_shape(&a, S48, 0), LAYR_ERR_LIMIT, "no page is empty");
    is_int(layr_page_shape(&a, S48, LAYR_PAGE_MAX + 1), LAYR_ERR_LIMIT, "or larger than a page");
    is_int(layr_page_shape(&a, (layr_scheme_t){2, 1}, 1), LAYR_ERR_ARG, "no scheme");
}

/* --- placement --- */

static void make_placement(layr_placement_t *p, layr_scheme_t s, uint8_t level, unsigned entries)
{
    memset(p, 0, sizeof *p);
    p->scheme = s;
    layr_page_init(&p->node, s, level);
    for (unsigned i = 0; i < entries; i++)
        if (append(&p->node, i, 1000 + i, i, i & 1) != 0)
            exit(2);
    sums(&p->node, &p->segments, &p->size);
}

static void is_placement_trip(layr_scheme_t s, uint8_t level, unsigned entries, const char *name)
{
    layr_placement_t p, got;
    layr_buf_t b;

    layr_buf_init(&b);
    make_placement(&p, s, level, entries);
    is_int(layr_placement_encode(&p, &b), 0, name);
    is_int(decode_placement(&got, b.p, b.len), 0, "decodes");
    ok(got.scheme.k == s.k && got.scheme.n == s.n && got.segments == p.segments && got.size == p.size &&
           same_node(&got.node, &p.node),
       "to the same");
    layr_placement_free(&p);
    layr_placement_free(&got);
    layr_placement_free(&got);
    layr_buf_free(&b);
}

static void test_placement(void)
{
    is_placement_trip(S11, 0, 0, "no segments");
    is_placement_trip(S48, 0, 1, "one segment");
    is_placement_trip(S48, 0, 40, "forty");
    is_placement_trip(S48, 1, 40, "forty pages");
    is_placement_trip(S48, 3, 2, "level 3");
    is_placement_trip(S11, 0, 197, "197 segments");
    layr_placement_free(NULL);
}

static void test_placement_bytes(void)
{
    static const uint8_t want[26] = {1, 1, 1, 0};
    layr_placement_t p;
    layr_buf_t b;

    layr_buf_init(&b);
    make_placement(&p, S11, 0, 0);
    is_int(layr_placement_encode(&p, &b), 0, "the empty one");
    is_int((long long)b.len, 26, "has 26 bytes");
    is_mem(b.p, want, 26, "as 4.2 says");
    layr_buf_free(&b);
}

static void test_placement_encode_refuses(void)
{
    layr_placement_t p;
    layr_buf_t b;

    layr_buf_init(&b);
    make_placement(&p, S48, 0, 0);
    is_int(layr_placement_encode(&p, &b), LAYR_ERR_ARG, "4/8 without segments");
    make_placement(&p, S48, 0, 2);
    p.size++;
    is_int(layr_placement_encode(&p, &b), LAYR_ERR_ARG, "another size");
    p.size--;
    p.segments++;
    is_int(layr_placement_encode(&p, &b), LAYR_ERR_ARG, "another number of segments");
    p.segments = 0;
    is_int(layr_placement_encode(&p, &b), LAYR_ERR_ARG, "no segments, but entries");
    p.segments = 2;
    p.scheme = S13;
    is_int(layr_placement_encode(&p, &b), LAYR_ERR_ARG, "another scheme than the node's");
    layr_placement_free(&p);
    make_placement(&p, (layr_scheme_t){1, 255}, 0, 2);
    is_int(layr_placement_encode(&p, &b), LAYR_ERR_LIMIT, "two segments of 255 rows and their hosts");
    is_int((long long)b.len, 0, "nothing was written");
    layr_placement_free(&p);
    layr_buf_free(&b);
}

static void is_placement_poked(layr_buf_t *b, size_t at, int width, uint32_t v, int want, const char *name)
{
    uint8_t old[4], new[4];
    layr_placement_t p;

    layr_store32(new, v);
    memcpy(old, b->p + at, (size_t)width);
    memcpy(b->p + at, new, (size_t)width);
    is_int(decode_placement(&p, b->p, b->len), want, name);
    memcpy(b->p + at, old, (size_t)width);
    layr_placement_free(&p);
}

static void test_placement_decode_refuses(void)
{
    const int F = LAYR_ERR_FORMAT;
    layr_placement_t p;
    layr_buf_t b;
    int taken = 0;

    layr_buf_init(&b);
    make_placement(&p, S13, 0, 2);
    if (layr_placement_encode(&p, &b) != 0)
        exit(2);
    layr_placement_free(&p);
    is_placement_poked(&b, 0, 1, 1, 0, "as it is");
    is_placement_poked(&b, 0, 1, 2, LAYR_ERR_VERSION, "version 2");
    is_placement_poked(&b, 1, 1, 0, F, "k of 0");
    is_placement_poked(&b, 1, 1, 4, F, "k above n");
    is_placement_poked(&b, 2, 1, 0, F, "n of 0");
    is_placement_poked(&b, 2, 1, 4, F, "another n: other rows");
    is_placement_poked(&b, 3, 1, 1, F, "another level");
    is_placement_poked(&b, 3, 1, 4, F, "a level there is not");
    is_placement_poked(&b, 4, 4, 3, F, "another number of segments");
    is_placement_poked(&b, 4, 4, 0, F, "no segments");
    is_placement_poked(&b, 8, 4, 1, F, "2^32 more");
    is_placement_poked(&b, 12, 4, 0, F, "size 0");
    is_placement_poked(&b, 16, 4, 1, F, "a size of 2^32 more");
    for (size_t cut = 0; cut < b.len; cut++) {
        taken += decode_placement(&p, b.p, cut) == 0;
        layr_placement_free(&p);
    }
    is_int(taken, 0, "no placement that was cut is taken");
    layr_buf_add8(&b, 0);
    is_int(decode_placement(&p, b.p, b.len), F, "a byte at the end");
    while (b.len <= LAYR_PLACEMENT_MAX - LAYR_HALF_OVERHEAD)
        layr_buf_add8(&b, 0);
    is_int(decode_placement(&p, b.p, b.len), LAYR_ERR_LIMIT, "over its limit");
    b.len = 0;
    make_placement(&p, S11, 0, 0);
    if (layr_placement_encode(&p, &b) != 0)
        exit(2);
    is_placement_poked(&b, 2, 1, 2, F, "no segments, but 1/2");
    is_placement_poked(&b, 12, 4, 1, F, "no segments, but a size");
    is_placement_poked(&b, 3, 1, 1, F, "no segments, but level 1");
    layr_buf_free(&b);
}

/* --- content --- */

static layr_content_t *sample_content(const char *name)
{
    layr_content_t *c = calloc(1, sizeof *c);

    strcpy(c->name, name);
    strcpy(c->type, "text/plain; charset=\"utf-8\"");
    c->size = 1234567890123;
    fill(c->sha256, 32, 1);
    c->mtime = 1700000000;
    c->created = 1800000000;
    return c;
}

static void is_content_trip(layr_content_t *c, const char *has, const char *name)
{
    layr_content_t *got = calloc(1, sizeof *got);
    layr_buf_t b;

    layr_buf_init(&b);
    layr_buf_add(&b, "{", 1); /* what is before is not its business */
    is_int(layr_content_encode(c, &b), 0, name);
    ok(b.len <= LAYR_CONTENT_MAX && b.p[1] == '{', "within its limit");
    is_int(layr_content_decode(got, b.p + 1, b.len - 1), 0, "decodes");
    layr_buf_add8(&b, 0);
    if (!ok(strstr((char *)b.p, has) != NULL, "has %s", has))
        printf("# %s\n", (char *)b.p);
    if (c->type[0] == 0)
        strcpy(c->type, "application/octet-stream");
    if (c->mtime < 0)
        c->mtime = -1;
    ok(memcmp(c, got, sizeof *c) == 0, "to the same");
    layr_buf_free(&b);
    free(got);
    free(c);
}

static void test_content(void)
{
    char longest[256];
    layr_content_t *c = sample_content("a b.txt");

    is_content_trip(
        c, "{\"v\":1,\"kind\":\"file\",\"name\":\"a b.txt\",\"size\":\"1234567890123\",\"sha256\":\"1f262d",
        "a file");
    is_content_trip(sample_content("caf\xc3\xa9"), "\"name\":\"caf\xc3\xa9\"", "a name in UTF-8");
    is_content_trip(sample_content("caf\xe9"), "\"name64\":\"Y2Fm6Q\"", "a name in Latin-1");
    is_content_trip(sample_content(""), "\"file\",\"size\"", "no name");
    is_content_trip(sample_content("\"\\\n\x01"), "\"name\":\"\\\"\\\\\\u000a\\u0001\"",
                    "a name that needs escapes");
    is_content_trip(sample_content("..."), "\"name\":\"...\"", "three dots are a name");
    memset(longest, 1, 255);
    longest[255] = 0;
    c = sample_content(longest);
    memset(c->type, '"', 127);
    c->size = UINT64_MAX;
    c->mtime = c->created = (1LL << 53) - 1;
    is_content_trip(c, "\\u0001\"", "all at their longest");
    c = sample_content(longest);
    memset(c->type, '"', 127);
    c->has_inline = 1;
    c->size = c->inline_len = LAYR_INLINE_MAX;
    fill(c->inline_bytes, LAYR_INLINE_MAX, 9);
    is_content_trip(c, "\"inline\":\"", "the largest inline bytes too");
    memset(longest, 0xff, 255);
    is_content_trip(sample_content(longest), "\"name64\":\"____", "255 bytes that are not UTF-8");
    c = sample_content("x");
    c->type[0] = 0;
    memset(c->type, 0, sizeof c->type);
    c->mtime = -1;
    c->has_inline = 1;
    c->size = 0;
    is_content_trip(c, "\"type\":\"application/octet-stream\",\"created\":1800000000,\"inline\":\"\"}",
                    "an empty file from a stream");
    c = sample_content("d");
    c->is_folder = true;
    c->tree_size = 1000;
    is_content_trip(c, "{\"v\":1,\"kind\":\"folder\",\"name\":\"d\",", "a folder");
    c = sample_content("x");
    c->mtime = -86400;
    is_content_trip(c, "utf-8\\\"\",\"created\"", "an mtime before 1970 is none");
}

static void is_not_encoded(layr_content_t *c, const char *name)
{
    layr_buf_t b;

    layr_buf_init(&b);
    is_int(layr_content_encode(c, &b), LAYR_ERR_ARG, name);
    is_int((long long)b.len, 0, "and nothing written");
    layr_buf_free(&b);
    free(c);
}

static void test_content_encode_refuses(void)
{
    layr_content_t *c;

    is_not_encoded(sample_content("a/b"), "a slash in the name");
    is_not_encoded(sample_content("."), "the name .");
    is_not_encoded(sample_content(".."), "the name ..");
    c = sample_content("x");
    memset(c->name, 'a', sizeof c->name);
    is_not_encoded(c, "a name without its end");
    c = sample_content("x");
    strcpy(c->type, "a\nb");
    is_not_encoded(c, "a newline in the type");
    c = sample_content("x");
    memset(c->type, 'a', sizeof c->type);
    is_not_encoded(c, "a type without its end");
    c = sample_content("x");
    c->tree_size = 5;
    is_not_encoded(c, "a file with a tree");
    c = sample_content("x");
    c->is_folder = true;
    is_not_encoded(c, "a folder without a tree");
    c = sample_content("x");
    c->is_folder = true;
    c->tree_size = c->size + 1;
    is_not_encoded(c, "a tree larger than the stream");
    c = sample_content("x");
    c->created = -1;
    is_not_encoded(c, "created before 1970");
    c = sample_content("x");
    c->mtime = 1LL << 53;
    is_not_encoded(c, "an mtime of 2^53");
    c = sample_content("x");
    c->has_inline = 1;
    is_not_encoded(c, "inline bytes that are not the size");
    c = sample_content("x");
    c->has_inline = 1;
    c->size = c->inline_len = LAYR_INLINE_MAX + 1;
    is_not_encoded(c, "4,097 inline bytes");
}

#define SHA "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define HEAD "{\"v\":1,\"kind\":\"file\","
#define FOLDER "{\"v\":1,\"kind\":\"folder\","
#define TAIL "\"size\":\"3\",\"sha256\":\"" SHA "\",\"type\":\"a/b\",\"created\":5"

static void is_content(const char *json, int want, const char *name)
{
    layr_content_t *c = calloc(1, sizeof *c);
    size_t len = strlen(json);
    uint8_t *copy = malloc(len ? len : 1);

    memcpy(copy, json, len);
    is_int(layr_content_decode(c, copy, len), want, name);
    if (want != 0)
        ok(all_zero(c, sizeof *c), "and leaves nothing behind");
    free(copy);
    free(c);
}

static void test_content_decode(void)
{
    const int F = LAYR_ERR_FORMAT, V = LAYR_ERR_VERSION;

    is_content(HEAD TAIL "}", 0, "the least there must be");
    is_content(HEAD TAIL ",\"mtime\":0}", 0, "an mtime of 0");
    is_content(HEAD TAIL ",\"inline\":\"AAAA\"}", 0, "inline");
    is_content(HEAD "\"name\":\"x\"," TAIL "}", 0, "a name");
    is_content(HEAD "\"name64\":\"_w\"," TAIL "}", 0, "a name that is not UTF-8");
    is_content("{\"v\":2,\"kind\":\"file\"," TAIL "}", V, "version 2");
    is_content("{\"v\":1,\"kind\":\"link\"," TAIL "}", V, "another kind");
    is_content(FOLDER "\"tree\":\"3\"," TAIL "}", 0, "a folder");
    is_content(FOLDER TAIL "}", F, "a folder without a tree");
    is_content(FOLDER "\"tree\":\"0\"," TAIL "}", F, "an empty tree");
    is_content(FOLDER "\"tree\":\"4\"," TAIL "}", F, "a tree larger than the stream");
    is_content(HEAD "\"tree\":\"3\"," TAIL "}", V, "a file with a tree");
    is_content(HEAD TAIL ",\"x\":1}", V, "an unknown member");
    is_content("{\"v\":1," TAIL "}", F, "no kind");
    is_content("{\"kind\":\"file\"," TAIL "}", F, "no version");
    is_content(HEAD "\"size\":\"3\",\"sha256\":\"" SHA "\",\"type\":\"a/b\"}", F, "no created");
    is_content(HEAD "\"size\":3,\"sha256\":\"" SHA "\",\"type\":\"a/b\",\"created\":5}", F,
               "a size that is a number");
    is_content(HEAD "\"size\":\"3\",\"sha256\":\"00\",\"type\":\"a/b\",\"created\":5}", F, "a short hash");
    is_content(HEAD "\"size\":\"3\",\"sha256\":\"" SHA "\",\"type\":\"\",\"created\":5}", F, "an empty type");
    is_content(HEAD "\"size\":\"3\",\"sha256\":\"" SHA "\",\"type\":\"a\\r\\nb\",\"created\":5}", F,
               "a type with newlines");
    is_content(HEAD "\"size\":\"3\",\"sha256\":\"" SHA "\",\"type\":\"\xc3\xa9\",\"created\":5}", F,
               "a type beyond ASCII");
    is_content(HEAD "\"size\":\"3\",\"sha256\":\"" SHA "\",\"type\":\"a/b\",\"created\":\"5\"}", F,
               "created as a string");
    is_content(HEAD TAIL ",\"mtime\":-1}", F, "an mtime before 1970");
    is_content(HEAD TAIL ",\"mtime\":1.5}", F, "an mtime with a fraction");
    is_content(HEAD TAIL ",\"inline\":\"AAA\"}", F, "inline bytes that are not the size");
    is_content(HEAD TAIL ",\"inline\":\"AAAA=\"}", F, "inline with padding");
    is_content(HEAD TAIL ",\"inline\":null}", F, "inline null");
    is_content(HEAD "\"name\":\"\"," TAIL "}", F, "an empty name");
    is_content(HEAD "\"name\":\"a/b\"," TAIL "}", F, "a slash in the name");
    is_content(HEAD "\"name\":\"..\"," TAIL "}", F, "the name ..");
    is_content(HEAD "\"name\":\"a\\u0000b\"," TAIL "}", F, "a NUL in the name");
    is_content(HEAD "\"name\":\"x\",\"name64\":\"_w\"," TAIL "}", F, "two names");
    is_content(HEAD "\"name\":\"x\",\"name\":\"x\"," TAIL "}", F, "a name twice");
    is_content(HEAD "\"name64\":\"eA\"," TAIL "}", F, "name64 of UTF-8");
    is_content(HEAD "\"name64\":\"\"," TAIL "}", F, "an empty name64");
    is_content(HEAD "\"name64\":\"_y8\"," TAIL "}", F, "a slash in name64");
    is_content(HEAD "\"name64\":\"_wA\"," TAIL "}", F, "a NUL in name64");
    is_content(HEAD TAIL "}x", F, "something after it");
    is_content(HEAD TAIL "} ", F, "a space after it");
    is_content(" " HEAD TAIL "}", F, "a space before it");
    is_content(HEAD TAIL, F, "no end");
    is_content("", F, "nothing");
    is_content("[]", F, "not an object");
}

static void test_content_limits(void)
{
    char json[LAYR_CONTENT_MAX + 2] = HEAD "\"name\":\"";
    size_t at = strlen(json);
    layr_content_t c;

    memset(json + at, 'a', 255);
    strcpy(json + at + 255, "\"," TAIL "}");
    is_content(json, 0, "a name of 255 bytes");
    memset(json + at, 'a', 256);
    strcpy(json + at + 256, "\"," TAIL "}");
    is_content(json, LAYR_ERR_FORMAT, "of 256");
    memset(json, ' ', sizeof json);
    memcpy(json, HEAD TAIL, strlen(HEAD TAIL));
    json[LAYR_CONTENT_MAX - 1] = '}';
    is_int(layr_content_decode(&c, (uint8_t *)json, LAYR_CONTENT_MAX), 0, "8,000 bytes");
    is_int(layr_content_decode(&c, (uint8_t *)json, LAYR_CONTENT_MAX + 1), LAYR_ERR_LIMIT, "8,001");
}

/* --- root --- */

typedef struct root {
    layr_file_keys_t write, read, verify, wrong;
    layr_placement_t placement;
    layr_content_t content;
    uint8_t s1[32], s2[32];
    layr_buf_t bytes;
} root_t;

/* inline_len -1: a file of two segments. */
static root_t *root_make(int inline_len)
{
    root_t *r = calloc(1, sizeof *r);
    layr_content_t *c = sample_content("name");
    uint8_t W[32];

    fill(W, 32, 1);
    layr_file_keys_from_write(&r->write, W);
    memcpy(r->read.R, r->write.R, 32);
    memcpy(r->read.P, r->write.P, 32);
    r->read.rights = LAYR_CAN_READ;
    memcpy(r->verify.P, r->write.P, 32);
    memcpy(r->verify.A, r->write.A, 32);
    r->verify.rights = LAYR_CAN_VERIFY;
    fill(W, 32, 2);
    layr_file_keys_from_write(&r->wrong, W);
    r->content = *c;
    free(c);
    make_placement(&r->placement, inline_len < 0 ? S48 : S11, 0, inline_len < 0 ? 2 : 0);
    r->content.size = inline_len < 0 ? r->placement.size : (uint64_t)inline_len;
    r->content.has_inline = inline_len >= 0;
    r->content.inline_len = inline_len < 0 ? 0 : (size_t)inline_len;
    fill(r->content.inline_bytes, r->content.inline_len, 4);
    fill(r->s1, 32, 11);
    fill(r->s2, 32, 12);
    layr_buf_init(&r->bytes);
    return r;
}

static void root_free(root_t *r)
{
    layr_placement_free(&r->placement);
    layr_buf_free(&r->bytes);
    free(r);
}

static int seal(root_t *r)
{
    return layr_root_seal(&r->bytes, &r->write, &r->placement, &r->content, r->s1, r->s2);
}

static int open_root(layr_placement_t *p, layr_content_t *c, const layr_file_keys_t *k, const uint8_t *in,
                     size_t len)
{
    uint8_t *copy = malloc(len ? len : 1);
    int rc;

    memcpy(copy, in, len);
    rc = layr_root_open(p, c, k, copy, len);
    free(copy);
    if (rc != 0 && (!all_zero(p, sizeof *p) || (c != NULL && !all_zero(c, sizeof *c))))
        ok(0, "a refused root leaves something behind");
    return rc;
}

static void is_root_trip(int inline_len, const char *name)
{
    root_t *r = root_make(inline_len);
    layr_placement_t p;
    layr_content_t *c = calloc(1, sizeof *c);
    layr_buf_t again;

    is_int(seal(r), 0, name);
    ok(r->bytes.p[0] == 1 &&
           layr_load32(r->bytes.p + 1) + layr_load32(r->bytes.p + 5 + layr_load32(r->bytes.p + 1)) + 9 ==
               r->bytes.len,
       "the layout of 4.1");
    is_mem(r->bytes.p + 5, r->s1, 32, "the placement half begins with s1");
    is_int(open_root(&p, c, &r->write, r->bytes.p, r->bytes.len), 0, "the owner opens it");
    ok(memcmp(c, &r->content, sizeof *c) == 0 && same_node(&p.node, &r->placement.node) &&
           p.size == r->placement.size,
       "the same");
    layr_placement_free(&p);
    is_int(open_root(&p, c, &r->read, r->bytes.p, r->bytes.len), 0, "a reader opens it");
    ok(memcmp(c, &r->content, sizeof *c) == 0, "the same content");
    layr_placement_free(&p);
    is_int(open_root(&p, NULL, &r->read, r->bytes.p, r->bytes.len), 0, "a reader opens just the placement");
    layr_placement_free(&p);
    is_int(open_root(&p, NULL, &r->verify, r->bytes.p, r->bytes.len), 0, "an auditor opens the placement");
    ok(same_node(&p.node, &r->placement.node), "the same placement");
    layr_placement_free(&p);
    is_int(open_root(&p, c, &r->verify, r->bytes.p, r->bytes.len), LAYR_ERR_CAP, "but not the content");
    is_int(open_root(&p, c, &r->wrong, r->bytes.p, r->bytes.len), LAYR_ERR_AUTH, "another file's keys don't");
    is_int(open_root(&p, NULL, &r->wrong, r->bytes.p, r->bytes.len), LAYR_ERR_AUTH, "nor its placement");
    memcpy(r->wrong.P, r->write.P, 32);
    is_int(open_root(&p, c, &r->wrong, r->bytes.p, r->bytes.len), LAYR_ERR_AUTH,
           "P alone doesn't open the content");
    layr_buf_init(&again);
    is_int(layr_root_seal(&again, &r->read, &r->placement, &r->content, r->s1, r->s2), 0, "sealed again");
    ok(again.len == r->bytes.len && memcmp(again.p, r->bytes.p, again.len) == 0,
       "the same bytes: nothing but s1 and s2 is random");
    layr_buf_free(&again);
    free(c);
    root_free(r);
}

static void test_root(void)
{
    is_root_trip(-1, "a file of two segments");
    is_root_trip(0, "an empty file");
    is_root_trip(1, "a byte inline");
    is_root_trip(LAYR_INLINE_MAX, "4,096 inline");
}

static void test_root_seal_refuses(void)
{
    root_t *r = root_make(-1);

    is_int(layr_root_seal(&r->bytes, &r->verify, &r->placement, &r->content, r->s1, r->s2), LAYR_ERR_CAP,
           "an auditor can't seal");
    r->content.size++;
    is_int(seal(r), LAYR_ERR_ARG, "the content's size is not the placement's");
    r->content.size--;
    r->content.has_inline = 1;
    is_int(seal(r), LAYR_ERR_ARG, "segments and inline");
    r->content.has_inline = 0;
    r->placement.size++;
    r->content.size++;
    is_int(seal(r), LAYR_ERR_ARG, "a size that is not the sum");
    r->placement.size--;
    r->content.size--;
    strcpy(r->content.name, "a/b");
    is_int(seal(r), LAYR_ERR_ARG, "content that can't be encoded");
    is_int((long long)r->bytes.len, 0, "nothing was written");
    root_free(r);
    r = root_make(5);
    r->content.has_inline = 0;
    is_int(seal(r), LAYR_ERR_ARG, "neither segments nor inline");
    root_free(r);
}

/* Halves that are sealed well but don't belong together, made of two roots. */
static void test_root_disagreement(void)
{
    root_t *a = root_make(-1), *b = root_make(5);
    layr_placement_t p;
    layr_content_t *c = calloc(1, sizeof *c);
    layr_buf_t mixed;
    size_t a_end, b_end;

    if (seal(a) != 0 || seal(b) != 0)
        exit(2);
    a_end = 5 + layr_load32(a->bytes.p + 1);
    b_end = 5 + layr_load32(b->bytes.p + 1);
    layr_buf_init(&mixed);
    layr_buf_add(&mixed, a->bytes.p, a_end);
    layr_buf_add(&mixed, b->bytes.p + b_end, b->bytes.len - b_end);
    is_int(open_root(&p, c, &a->read, mixed.p, mixed.len), LAYR_ERR_FORMAT, "segments, and inline content");
    is_int(open_root(&p, NULL, &a->verify, mixed.p, mixed.len), 0, "which an auditor can't see");
    layr_placement_free(&p);
    mixed.len = 0;
    layr_buf_add(&mixed, b->bytes.p, b_end);
    layr_buf_add(&mixed, a->bytes.p + a_end, a->bytes.len - a_end);
    is_int(open_root(&p, c, &a->read, mixed.p, mixed.len), LAYR_ERR_FORMAT,
           "no segments, and nothing inline");
    layr_buf_free(&mixed);
    root_free(a);
    root_free(b);
    free(c);
}

static void test_root_damage(void)
{
    root_t *r = root_make(9);
    layr_placement_t p;
    layr_content_t *c = calloc(1, sizeof *c);
    uint8_t *in;
    size_t len;
    int taken = 0, unsealed = 0;

    if (seal(r) != 0)
        exit(2);
    in = r->bytes.p;
    len = r->bytes.len;
    for (size_t cut = 1; cut < len; cut++)
        taken += open_root(&p, c, &r->read, in, cut) == 0;
    is_int(taken, 0, "no root that was cut opens");
    for (size_t i = 0; i < len * 8; i++) {
        size_t half = 5 + layr_load32(in + 1);
        in[i / 8] ^= (uint8_t)(1u << (i % 8));
        int rc = open_root(&p, c, &r->read, in, len);
        in[i / 8] ^= (uint8_t)(1u << (i % 8));
        taken += rc == 0;
        unsealed += i / 8 >= 5 && (i / 8 < half || i / 8 >= half + 4) && rc != LAYR_ERR_AUTH;
    }
    is_int(taken, 0, "nor one with a flipped bit");
    is_int(unsealed, 0, "and inside a half it is the seal that fails");
    is_int(open_root(&p, c, &r->read, in, 0), LAYR_ERR_REMOVED, "an empty root: removed");
    layr_buf_add8(&r->bytes, 0);
    is_int(open_root(&p, c, &r->read, r->bytes.p, len + 1), LAYR_ERR_FORMAT, "a byte at the end");
    r->bytes.p[0] = 2;
    is_int(open_root(&p, c, &r->read, r->bytes.p, len), LAYR_ERR_VERSION, "version 2");
    r->bytes.p[0] = 1;
    while (r->bytes.len <= LAYR_ROOT_MAX)
        layr_buf_add8(&r->bytes, 0);
    is_int(open_root(&p, c, &r->read, r->bytes.p, LAYR_ROOT_MAX + 1), LAYR_ERR_LIMIT, "32,769 bytes");
    layr_store32(r->bytes.p + 1, LAYR_PLACEMENT_MAX + 1);
    is_int(open_root(&p, c, &r->read, r->bytes.p, LAYR_ROOT_MAX), LAYR_ERR_LIMIT,
           "a placement half over its limit");
    layr_store32(r->bytes.p + 1, UINT32_MAX);
    is_int(open_root(&p, c, &r->read, r->bytes.p, LAYR_ROOT_MAX), LAYR_ERR_FORMAT, "a half that isn't there");
    layr_store32(r->bytes.p + 1, LAYR_HALF_OVERHEAD - 1);
    is_int(open_root(&p, c, &r->read, r->bytes.p, LAYR_ROOT_MAX), LAYR_ERR_FORMAT,
           "a half shorter than its seal");
    free(c);
    root_free(r);
}

int main(void)
{
    if (layr_init() != 0)
        return 2;
    test_pages();
    test_append_refuses();
    test_encode_refuses();
    test_patch();
    test_host_table_full();
    test_page_refusals();
    test_unused_host();
    test_overflow();
    test_page_limit();
    test_page_damage();
    test_sweep();
    test_page_shape();
    test_placement();
    test_placement_bytes();
    test_placement_encode_refuses();
    test_placement_decode_refuses();
    test_content();
    test_content_encode_refuses();
    test_content_decode();
    test_content_limits();
    test_root();
    test_root_seal_refuses();
    test_root_disagreement();
    test_root_damage();
    return done();
}
