/* code/catalogue.c: its bytes, what is refused, and how two writers' become one. */
#include "layr/catalogue.h"

#include "tap.h"

static layr_catalogue_entry_t entry_of(uint8_t tag, const char *name)
{
    layr_catalogue_entry_t e = {.changed = 100, .until = 2000, .created = 90, .size = tag, .scheme = {4, 8}};

    memset(e.record_id, tag, sizeof e.record_id);
    memset(e.W, tag + 1, sizeof e.W);
    snprintf(e.name, sizeof e.name, "%s", name);
    return e;
}

static void set(layr_catalogue_t *c, layr_catalogue_entry_t e, int want, const char *what)
{
    bool changed = false;

    ok(layr_catalogue_set(c, &e, &changed) == 0 && changed == want, "%s", what);
}

static void fill(layr_catalogue_t *c)
{
    uint8_t id[32] = {9};
    bool changed;
    layr_catalogue_entry_t gone = {.gone = true, .changed = 5, .until = 3000}, folder = entry_of(3, "c");

    *c = (layr_catalogue_t){0};
    memset(gone.record_id, 2, sizeof gone.record_id);
    folder.is_folder = true;
    set(c, folder, 1, "an entry, of a folder");
    set(c, entry_of(1, ""), 1, "one without a name, before it");
    set(c, gone, 1, "one that is gone, in between");
    ok(layr_catalogue_set_host(c, id, "https://h.example:1", &changed) == 0, "a host");
}

/* As docs/protocol.md has it, byte by byte. */
static void test_bytes(void)
{
    static const uint8_t start[] = "\x01\x01\0\0\0";
    layr_catalogue_t c, d;
    layr_buf_t b;
    size_t whole;

    fill(&c);
    layr_buf_init(&b);
    ok(layr_catalogue_encode(&c, &b) == 0, "is written");
    ok(b.len == 5 + 33 + 19 + 4 + 100 + 49 + 101, "in so many bytes: %zu", b.len);
    is_mem(b.p, start, 5, "version and number of hosts");
    ok(b.p[5] == 9 && b.p[37] == 19 && memcmp(b.p + 38, "https://h.example:1", 19) == 0, "the host");
    ok(layr_load32(b.p + 57) == 3 && b.p[61] == 1 && b.p[62] == 1 && layr_load64(b.p + 94) == 100,
       "the first entry");
    ok(b.p[161] == 2 && b.p[162] == 2 && layr_load64(b.p + 202) == 3000, "the second is gone");
    ok(b.p[210] == 3, "the third is a folder");
    ok(b.p[b.len - 1] == 'c' && b.p[b.len - 2] == 1 && b.p[b.len - 3] == 8, "the third ends with its name");
    whole = b.len;
    ok(layr_catalogue_decode(&d, b.p, whole) == 0 && d.count == 3 && d.host_count == 1, "is read");
    ok(d.entry[2].is_folder && !d.entry[0].is_folder && !d.entry[1].is_folder, "a folder is one");
    ok(strcmp(d.entry[2].name, "c") == 0 && d.entry[1].gone && d.entry[0].W[0] == 2, "to the same");
    layr_catalogue_free(&d);
    for (size_t i = 0; i < whole; i++) {
        if (layr_catalogue_decode(&d, b.p, i) == 0) {
            ok(0, "cut at %zu it is read", i);
            layr_catalogue_free(&d);
        }
    }
    layr_buf_add8(&b, 0);
    ok(layr_catalogue_decode(&d, b.p, b.len) == LAYR_ERR_FORMAT, "a byte behind it");
    b.p[0] = 3;
    ok(layr_catalogue_decode(&d, b.p, whole) == LAYR_ERR_VERSION, "another version");
    layr_buf_free(&b);
    layr_catalogue_free(&c);
}

static layr_catalogue_release_t release_of(uint8_t order, uint8_t host, uint8_t record, layr_time_t due)
{
    layr_catalogue_release_t r = {.due = due, .until = 9000};

    memset(r.order, order, sizeof r.order);
    memset(r.host, host, sizeof r.host);
    memset(r.group, 7, sizeof r.group);
    memset(r.record_id, record, sizeof r.record_id);
    return r;
}

static void add(layr_catalogue_t *c, layr_catalogue_release_t r, int want, const char *what)
{
    bool changed = false;

    ok(layr_catalogue_add_release(c, &r, &changed) == 0 && changed == want, "%s", what);
}

/* Two batches: what both have in common stands once. */
static void fill_releases(layr_catalogue_t *c)
{
    fill(c);
    add(c, release_of(9, 1, 0, 0), 1, "an order to be released");
    add(c, release_of(4, 1, 0, 0), 1, "another of the same batch");
    add(c, release_of(6, 1, 3, 50), 1, "one that is due later");
    add(c, release_of(6, 2, 0, 0), 0, "which there is once");
}

static void wrong(layr_buf_t *b, size_t at, uint8_t v, const char *what)
{
    layr_catalogue_t d;
    uint8_t was = b->p[at];

    b->p[at] = v;
    ok(layr_catalogue_decode(&d, b->p, b->len) == LAYR_ERR_FORMAT, "%s: refused", what);
    b->p[at] = was;
}

static void test_releases(void)
{
    layr_catalogue_release_t bad = release_of(1, 1, 0, 50);
    layr_catalogue_t c, d;
    layr_buf_t b;
    bool changed = false;
    size_t at = 5 + 33 + 19 + 4 + 100 + 49 + 101;

    fill_releases(&c);
    layr_buf_init(&b);
    ok(layr_catalogue_encode(&c, &b) == 0 && b.len == at + 4 + (98 + 32) + (98 + 16), "releases are written");
    ok(b.p[0] == 2 && layr_load32(b.p + at) == 2, "as version 2, in two batches");
    ok(b.p[at + 4] == 1 && b.p[at + 36] == 7 && b.p[at + 52] == 0 && layr_load64(b.p + at + 92) == 9000,
       "the first");
    ok(layr_load16(b.p + at + 100) == 2 && b.p[at + 102] == 4 && b.p[at + 118] == 9, "has two orders");
    ok(layr_load64(b.p + at + 134 + 80) == 50, "the second is due later");
    ok(layr_catalogue_decode(&d, b.p, b.len) == 0 && d.release_count == 3, "they are read");
    layr_catalogue_drop_release(&d, c.release[1].order, &changed);
    ok(changed && d.release_count == 2 && !layr_catalogue_has_release(&d, c.release[1].order), "one is done");
    ok(layr_catalogue_merge(&d, &c) == 0 && d.release_count == 3, "who merges has it again");
    layr_catalogue_expire(&d, 9001);
    is_int((long)d.release_count, 0, "and none after their time");
    layr_catalogue_free(&d);
    for (size_t i = at; i < b.len; i++)
        if (layr_catalogue_decode(&d, b.p, i) == 0)
            ok(0, "cut at %zu it is read", i);
    wrong(&b, 0, 1, "as version 1");
    wrong(&b, at, 0, "no batch");
    wrong(&b, at + 84, 1, "a time, and no file to look at");
    wrong(&b, at + 100, 0, "no order");
    wrong(&b, at + 102, 10, "orders that do not ascend");
    memset(b.p + at + 134 + 98, 4, 16);
    ok(layr_catalogue_decode(&d, b.p, b.len) == LAYR_ERR_FORMAT, "an order twice: refused");
    ok(layr_catalogue_add_release(&c, &bad, &changed) == LAYR_ERR_ARG, "a time without a file is none");
    layr_catalogue_only_gone(&c);
    is_int((long)c.release_count, 0, "of an old one no release counts");
    layr_buf_free(&b);
    layr_catalogue_free(&c);
}

static void test_release_limit(void)
{
    layr_catalogue_t a = {0}, b = {0};
    layr_catalogue_release_t r = release_of(0, 1, 0, 0);
    bool changed = false;
    int rc = 0;

    for (uint32_t i = 0; i < 2 * LAYR_CATALOGUE_RELEASES && rc == 0; i++) {
        layr_store32(r.order, i * 2654435761u);
        rc = layr_catalogue_add_release(i % 2 ? &a : &b, &r, &changed);
    }
    ok(rc == 0 && a.release_count == LAYR_CATALOGUE_RELEASES && b.release_count == LAYR_CATALOGUE_RELEASES,
       "two that are full");
    ok(layr_catalogue_merge(&a, &b) == 0 && layr_catalogue_merge(&b, &a) == 0 &&
           a.release_count == LAYR_CATALOGUE_RELEASES,
       "make one that is");
    ok(b.release_count == a.release_count &&
           memcmp(a.release, b.release, a.release_count * sizeof *a.release) == 0,
       "from both sides");
    layr_store32(r.order, 1);
    r.order[15] = 1;
    changed = false;
    ok(layr_catalogue_add_release(&a, &r, &changed) == 0 && !changed, "and takes no more");
    layr_catalogue_free(&a);
    layr_catalogue_free(&b);
}

static void refuse(size_t at, uint8_t v, const char *what)
{
    layr_catalogue_t c, d;
    layr_buf_t b;

    fill(&c);
    layr_buf_init(&b);
    if (layr_catalogue_encode(&c, &b) == 0) {
        b.p[at] = v;
        ok(layr_catalogue_decode(&d, b.p, b.len) == LAYR_ERR_FORMAT && d.entry == NULL, "refused: %s", what);
    }
    layr_buf_free(&b);
    layr_catalogue_free(&c);
}

static void test_refused(void)
{
    layr_catalogue_t c = {0};
    layr_catalogue_entry_t e = entry_of(1, "a/b");
    bool changed;

    refuse(4, 1, "more hosts than there is room");
    refuse(57, 4, "an entry more than there are");
    refuse(61, 4, "another kind");
    refuse(62, 9, "out of order");
    refuse(162, 0, "an id smaller than the one before");
    refuse(101, 0xff, "a time out of range");
    refuse(38, 'x', "a host's URL that is none");
    refuse(158, 9, "a scheme that is none");
    refuse(310, '/', "a name that is a path");
    ok(layr_catalogue_set(&c, &e, &changed) == LAYR_ERR_ARG, "nor is it taken to be written");
    e = entry_of(1, "..");
    ok(layr_catalogue_set(&c, &e, &changed) == LAYR_ERR_ARG, "or a way up");
    layr_catalogue_free(&c);
}

static void test_merge(void)
{
    layr_catalogue_t a, b;
    layr_catalogue_entry_t e = entry_of(3, "c"), gone = {.gone = true, .changed = 1, .until = 2000};
    layr_buf_t x, y;
    bool changed;

    fill(&a);
    fill(&b);
    e.changed = 200;
    e.size = 77;
    set(&b, e, 1, "the second changes one");
    set(&b, e, 0, "twice is once");
    memset(gone.record_id, 1, sizeof gone.record_id);
    set(&a, gone, 1, "the first removes one");
    e = entry_of(7, "new");
    set(&a, e, 1, "and puts one");
    ok(layr_catalogue_merge(&a, &b) == 0 && layr_catalogue_merge(&b, &a) == 0, "they are merged");
    layr_buf_init(&x);
    layr_buf_init(&y);
    ok(layr_catalogue_encode(&a, &x) == 0 && layr_catalogue_encode(&b, &y) == 0 && x.len == y.len &&
           memcmp(x.p, y.p, x.len) == 0,
       "to the same from both sides");
    ok(layr_catalogue_find(&a, gone.record_id)->gone,
       "what was removed stays so, however late the other wrote");
    e = entry_of(3, "c");
    ok(layr_catalogue_find(&a, e.record_id)->size == 77, "the later change counts");
    ok(layr_catalogue_set_host(&a, gone.record_id, "https://other", &changed) == 0 && a.host_count == 2,
       "a host more");
    layr_catalogue_expire(&a, 2500);
    ok(a.count == 1 && a.entry[0].record_id[0] == 2, "what ended is left out");
    layr_catalogue_only_gone(&b);
    ok(b.count == 2 && b.entry[0].gone && b.entry[1].gone, "and so can be what is not gone");
    layr_buf_free(&x);
    layr_buf_free(&y);
    layr_catalogue_free(&a);
    layr_catalogue_free(&b);
}

int main(void)
{
    if (layr_init() != 0)
        return 1;
    test_bytes();
    test_refused();
    test_merge();
    test_releases();
    test_release_limit();
    return done();
}
