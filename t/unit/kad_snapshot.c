/* kad/table_check.c and kad/table_snapshot.c: what another process or the disk left. */
#include "kad.h"
#include "kad/table.h"

static uint8_t own[32];
static const layr_kad_config_t config = {300, 64, 5};

static layr_kad_table_t *empty_table(void)
{
    size_t size = layr_kad_table_size(&config);
    layr_kad_table_t *t = NULL;
    void *mem = aligned_alloc(8, size);

    if (mem == NULL || layr_kad_table_init(&t, mem, size, &config, own) != LAYR_OK)
        exit(1);
    return t;
}

static bool accept_all(void *ctx, const layr_kad_contact_t *c)
{
    (void)c;
    *(unsigned *)ctx += 1;
    return true;
}

static bool accept_none(void *ctx, const layr_kad_contact_t *c)
{
    (void)ctx;
    (void)c;
    return false;
}

static bool accept_even(void *ctx, const layr_kad_contact_t *c)
{
    (void)ctx;
    return c->id[0] % 2 == 0;
}

static int check(layr_kad_table_t *t)
{
    layr_kad_table_t *same = NULL;
    int rc = layr_kad_table_check(&same, t, layr_kad_table_size(&config), &config, own);

    if (rc == LAYR_OK && same != t)
        exit(1);
    return rc;
}

/* A table that has lived: full buckets, spares, evicted ones, unused entries. */
static layr_kad_table_t *lived_in(void)
{
    layr_kad_table_t *t = empty_table();
    layr_kad_contact_t c;

    for (unsigned i = 0; i < 2000; i++) {
        c = random_contact(1000 + random64() % 500);
        if (layr_kad_confirm(t, &c, 1000, NOW + i / 10, NULL, NULL) < 0)
            exit(1);
        if (i % 5 == 0)
            layr_kad_remove(t, c.id);
        if (layr_kad_closest(t, c.id, NOW, &c, 1) == 1 && i % 3 == 0)
            layr_kad_failed(t, c.id, NOW);
    }
    return t;
}

static void test_check_good(void)
{
    layr_kad_table_t *t = empty_table(), *other = NULL;
    layr_kad_config_t fewer = {300, 64, 4};
    uint8_t else_own[32] = {1};
    size_t size = layr_kad_table_size(&config);

    is_int(check(t), LAYR_OK, "an empty table is whole");
    free(t);
    t = lived_in();
    ok(check(t) == LAYR_OK && t->unused.count > 0 && t->spare > 0 && t->live > 80,
       "so is one that has lived");
    ok(layr_kad_table_check(&other, t, size - 1, &config, own) == LAYR_ERR_ARG, "not in less memory");
    ok(layr_kad_table_check(&other, t, size, &fewer, own) == LAYR_ERR_CONFLICT,
       "nor of another configuration");
    ok(layr_kad_table_check(&other, t, size, &config, else_own) == LAYR_ERR_CONFLICT, "nor of another host");
    t->layout++;
    ok(layr_kad_table_check(&other, t, size, &config, own) == LAYR_ERR_VERSION, "nor of another layout");
    t->layout--;
    t->magic ^= 1;
    ok(check(t) == LAYR_ERR_VERSION && other == NULL, "nor anything else");
    free(t);
}

static uint16_t a_live_one(const layr_kad_table_t *t)
{
    return t->bucket[0].live.head;
}

/* Each does one damage. */
static void bad_fresh(layr_kad_table_t *t)
{
    t->fresh = t->pool + 1;
}
static void bad_count(layr_kad_table_t *t)
{
    t->bucket[0].live.count--;
}
static void bad_live(layr_kad_table_t *t)
{
    t->live++;
}
static void bad_head(layr_kad_table_t *t)
{
    t->bucket[0].live.head = 299;
}
static void bad_far_head(layr_kad_table_t *t)
{
    t->bucket[7].live.head = 60000;
}
static void bad_tail(layr_kad_table_t *t)
{
    t->bucket[0].live.tail = t->bucket[1].live.tail;
}
static void bad_circle(layr_kad_table_t *t)
{
    t->node[t->bucket[0].live.tail].next = a_live_one(t);
}
static void bad_self(layr_kad_table_t *t)
{
    t->node[a_live_one(t)].next = a_live_one(t);
}
static void bad_join(layr_kad_table_t *t)
{
    t->bucket[1].live = t->bucket[0].live;
}
static void bad_prev(layr_kad_table_t *t)
{
    t->node[a_live_one(t)].prev = 3;
}
static void bad_kind(layr_kad_table_t *t)
{
    t->node[a_live_one(t)].kind = LAYR_KAD_SPARE;
}
static void bad_id(layr_kad_table_t *t)
{
    t->node[a_live_one(t)].id[0] ^= 0x80;
}
static void bad_own(layr_kad_table_t *t)
{
    memcpy(t->node[a_live_one(t)].id, own, 32);
}
static void bad_len(layr_kad_table_t *t)
{
    t->node[a_live_one(t)].len = 65;
}
static void bad_no_text(layr_kad_table_t *t)
{
    t->node[a_live_one(t)].len = 0;
}
static void bad_group(layr_kad_table_t *t)
{
    t->node[a_live_one(t)].group = 0;
}
static void bad_failures(layr_kad_table_t *t)
{
    t->node[a_live_one(t)].failures = 200;
}
static void bad_unused(layr_kad_table_t *t)
{
    t->unused.head = a_live_one(t);
}
static void bad_lost(layr_kad_table_t *t)
{
    t->unused = (layr_kad_list_t){LAYR_KAD_NONE, LAYR_KAD_NONE, 0, 0};
}
static void bad_bytes(layr_kad_table_t *t)
{
    t->bytes += 8;
}
static void bad_twice(layr_kad_table_t *t)
{
    layr_kad_node_t *n = &t->node[a_live_one(t)];
    memcpy(t->node[n->next].id, n->id, 32);
}
static void bad_share(layr_kad_table_t *t)
{
    unsigned i = a_live_one(t);
    for (unsigned n = 0; n < 3; n++, i = t->node[i].next)
        t->node[i].group = 99;
}
static void bad_shares(layr_kad_table_t *t)
{
    unsigned left = LAYR_KAD_GROUP_TABLE + 1;
    for (unsigned b = 0; b < LAYR_KAD_BUCKETS && left > 0; b++) {
        unsigned i = t->bucket[b].live.head;
        for (unsigned n = 0; n < 2 && i != LAYR_KAD_NONE && left > 0; n++, left--, i = t->node[i].next)
            t->node[i].group = 99;
    }
}

static void test_check_bad(void)
{
    static const struct {
        void (*damage)(layr_kad_table_t *t);
        const char *name;
    } bad[] = {{bad_fresh, "more used than there are"},
               {bad_count, "a list's count"},
               {bad_live, "the count of all"},
               {bad_head, "an index never used"},
               {bad_far_head, "an index beyond the pool"},
               {bad_tail, "a tail of another list"},
               {bad_circle, "a circle"},
               {bad_self, "a circle of one"},
               {bad_join, "two lists in one"},
               {bad_prev, "a way back that is none"},
               {bad_kind, "a spare among the live"},
               {bad_id, "an id in another bucket"},
               {bad_own, "the own id"},
               {bad_len, "a text too long"},
               {bad_no_text, "no text"},
               {bad_group, "no network"},
               {bad_failures, "more failures than one may have"},
               {bad_unused, "a live one among the unused"},
               {bad_lost, "entries in no list"},
               {bad_bytes, "its size"},
               {bad_twice, "an id twice"},
               {bad_share, "a network with too much of a bucket"},
               {bad_shares, "a network with too much of the table"}};

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        layr_kad_table_t *t = lived_in();
        bad[i].damage(t);
        is_int(check(t), LAYR_ERR_FORMAT, bad[i].name);
        free(t);
    }
}

static void test_save_load(void)
{
    layr_kad_table_t *t = lived_in(), *back = empty_table();
    layr_kad_contact_t a, b;
    layr_buf_t out;
    unsigned asked = 0, taken = 0, same = 0, all;

    layr_buf_init(&out);
    ok(layr_kad_table_save(t, &out) == LAYR_OK, "saved: %zu bytes", out.len);
    ok(layr_kad_table_load(back, out.p, out.len, NOW + 500, accept_all, &asked, &taken) == LAYR_OK &&
           asked == t->live + t->spare && taken == asked,
       "all %u of it come back", taken);
    all = t->live == back->live && t->spare == back->spare;
    for (unsigned k = 0; k < LAYR_KAD_BUCKETS; k++) {
        unsigned i = t->bucket[k].live.head, j = back->bucket[k].live.head;
        for (; i != LAYR_KAD_NONE && j != LAYR_KAD_NONE; i = t->node[i].next, j = back->node[j].next) {
            layr_kad_show(t, i, &a);
            layr_kad_show(back, j, &b);
            same += memcmp(a.id, b.id, 32) == 0 && a.seq == b.seq && a.exp == b.exp && a.group == b.group &&
                    a.rtt_us == b.rtt_us && a.len == b.len && memcmp(a.text, b.text, a.len) == 0;
        }
    }
    ok(all && same == t->live, "each in its place, as it was");
    ok(check(back) == LAYR_OK, "and the table is whole");
    ok(layr_kad_ping_due(back, NOW + 500, &a), "all are to be pinged");
    ok(layr_kad_table_load(back, out.p, out.len, NOW + 500, accept_all, &asked, &taken) == LAYR_OK &&
           taken == 0,
       "again: all are there already");
    free(back);
    back = empty_table();
    ok(layr_kad_table_load(back, out.p, out.len, NOW, accept_none, NULL, &taken) == LAYR_OK && taken == 0 &&
           back->live == 0,
       "whom the caller refuses does not enter");
    ok(layr_kad_table_load(back, out.p, out.len, NOW, accept_even, NULL, &taken) == LAYR_OK && taken > 20 &&
           taken < asked && back->live + back->spare == taken,
       "whom it takes does");
    free(back);
    back = empty_table();
    ok(layr_kad_table_load(back, out.p, out.len, NOW + 86400, accept_all, &asked, &taken) == LAYR_OK &&
           taken == 0,
       "expired ones don't");
    layr_buf_free(&out);
    free(back);
    free(t);
}

static void test_load_bad(void)
{
    layr_kad_table_t *t = lived_in(), *back = empty_table();
    layr_buf_t out;
    unsigned asked = 0, taken = 0, wrong = 0;

    layr_buf_init(&out);
    if (layr_kad_table_save(t, &out) != LAYR_OK)
        exit(1);
    for (size_t len = 0; len < out.len; len += len < 400 ? 1 : 61)
        wrong += layr_kad_table_load(back, out.p, len, NOW, accept_all, &asked, &taken) != LAYR_ERR_FORMAT;
    is_int(wrong, 0, "cut off anywhere: refused");
    layr_buf_add8(&out, 0);
    ok(layr_kad_table_load(back, out.p, out.len, NOW, accept_all, &asked, &taken) == LAYR_ERR_FORMAT,
       "with a byte more: refused");
    layr_store32(out.p + 8, LAYR_KAD_POOL_MAX + 1);
    ok(layr_kad_table_load(back, out.p, out.len, NOW, accept_all, &asked, &taken) == LAYR_ERR_LIMIT,
       "with more contacts than any table has: refused");
    ok(asked == 0 && back->live == 0 && check(back) == LAYR_OK, "and nothing has entered");
    layr_buf_free(&out);
    free(back);
    free(t);
}

/* A snapshot that somebody wrote: rules hold as for anybody. */
static void test_load_hostile(void)
{
    layr_kad_table_t *t = empty_table();
    layr_buf_t out;
    unsigned asked = 0, taken = 0;

    layr_buf_init(&out);
    layr_buf_add(&out, "layrkad1", 8);
    layr_buf_add32(&out, 500);
    for (unsigned i = 0; i < 500; i++) {
        layr_kad_contact_t c = random_contact(1);
        layr_buf_add(&out, i == 0 ? own : c.id, 32);
        layr_buf_add64(&out, UINT64_MAX);
        layr_buf_add64(&out, INT64_MAX);
        layr_buf_add64(&out, i % 2 ? INT64_MAX : (uint64_t)INT64_MIN);
        layr_buf_add64(&out, i % 3 ? 666 : 1000 + i);
        layr_buf_add32(&out, UINT32_MAX);
        layr_buf_add32(&out, UINT32_MAX);
        layr_buf_add16(&out, 1);
        layr_buf_add8(&out, 'x');
    }
    ok(layr_kad_table_load(t, out.p, out.len, NOW, accept_all, &asked, &taken) == LAYR_OK && asked == 500,
       "a snapshot of one network, the own id and impossible times is read");
    ok(check(t) == LAYR_OK && taken < 200, "and the table is whole: %u entered", taken);
    layr_buf_free(&out);
    free(t);
}

int main(void)
{
    random_bytes(own, 32);
    test_check_good();
    test_check_bad();
    test_save_load();
    test_load_bad();
    test_load_hostile();
    return done();
}
