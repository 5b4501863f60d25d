/* Blobs: known ids; shards made, opened and decoded back at every edge of size; tampering; misuse. */
#include <sys/mman.h>
#include <unistd.h>

#include "known.h"
#include "layr/code.h"
#include "layr/crypto.h"
#include "tap.h"

static uint8_t R[32];
static layr_tagger_t *tagger;
static layr_sealer_t *sealer;

static layr_blob_maker_t *maker(void)
{
    layr_blob_maker_t *m = NULL;

    known_need(layr_blob_maker_new(&m) == 0 && m, "a maker");
    return m;
}

static layr_coder_t *coder(layr_scheme_t s)
{
    layr_coder_t *c = NULL;

    known_need(layr_coder_new(&c, s) == 0 && c, "a coder");
    return c;
}

static layr_shape_t shape_of(layr_scheme_t s, size_t size)
{
    layr_shape_t h;

    known_need(layr_shape_of(&h, s, size) == 0, "a shape");
    return h;
}

/* Bytes that end where an unreadable page begins: whoever reads past them dies. */
typedef struct guarded {
    uint8_t *map, *p;
    size_t map_len;
} guarded_t;

static guarded_t guarded(size_t len)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), body = (len + page - 1) / page * page;
    guarded_t g = {.map_len = body + page};

    g.map = mmap(NULL, g.map_len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    known_need(g.map != MAP_FAILED && mprotect(g.map + body, page, PROT_NONE) == 0, "a guard page");
    g.p = g.map + body - len;
    return g;
}

static void guarded_free(guarded_t *g)
{
    munmap(g->map, g->map_len);
}

static void known_blob(const cJSON *all)
{
    const cJSON *v = known_get(all, "blob");
    layr_shape_t shape = shape_of((layr_scheme_t){1, 1}, 2 * 65520);
    uint8_t *plain = known_pattern(65520, 2), salt[16], key[32], id[32], want[32];
    uint8_t *blob = known_alloc(shape.blob);
    layr_blob_maker_t *m = maker();

    known_hex(salt, 16, known_get(known_get(all, "salt"), "out"));
    known_hex(want, 32, known_get(v, "id"));
    is_int((long long)shape.blob, known_get(v, "size")->valueint, "known size");
    layr_shard_key(key, R, salt);
    is_int(layr_blob_start(m, blob, &shape, tagger, key, salt), 0, "start");
    is_int(layr_blob_chunk(m, plain), 0, "chunk 0");
    known_pattern_to(plain, 65520, 3);
    is_int(layr_blob_chunk(m, plain), 0, "chunk 1");
    is_int(layr_blob_finish(m, id), 0, "finish");
    is_mem(id, want, 32, "known id");
    layr_blob_maker_free(m);
    free(blob);
    free(plain);
}

static void known_small_blob(const cJSON *all)
{
    const cJSON *v = known_get(all, "blob"), *from = known_get(all, "salt");
    layr_shape_t shape = shape_of((layr_scheme_t){1, 1}, 4080);
    uint8_t *plain = known_pattern(4080, 4), random[32], seg[32], salt[16], key[32], id[32], want[32];
    uint8_t *blob = known_alloc(shape.blob);
    layr_coder_t *c = coder(shape.scheme);
    layr_blob_maker_t *m = maker();

    known_hex(random, 32, known_get(from, "random"));
    known_hex(seg, 32, known_get(from, "segment_hash"));
    known_need(layr_salt(salt, random, seg, (uint8_t)known_get(v, "small_salt_index")->valueint) == 0,
               "salt");
    known_hex(want, 32, known_get(v, "small_id"));
    is_int((long long)shape.blob, known_get(v, "small_size")->valueint, "known small size");
    layr_shard_key(key, R, salt);
    is_int(layr_make_shard(m, blob, id, c, &shape, plain, 0, tagger, key, salt), 0, "made in one call");
    is_mem(id, want, 32, "known small id");
    layr_blob_maker_free(m);
    layr_coder_free(c);
    free(blob);
    free(plain);
}

/* All shards of a segment. */
typedef struct shards {
    layr_shape_t shape;
    layr_coder_t *coder;
    uint8_t *blob[LAYR_N_MAX], id[LAYR_N_MAX][32], key[LAYR_N_MAX][32], salt[LAYR_N_MAX][16];
} shards_t;

static void shards_init(shards_t *s, layr_scheme_t scheme, size_t size)
{
    s->shape = shape_of(scheme, size);
    s->coder = coder(scheme);
    for (unsigned i = 0; i < scheme.n; i++) {
        uint64_t r[2] = {known_random(), known_random()};
        s->blob[i] = known_alloc(s->shape.blob);
        memset(s->blob[i], 0x5a, s->shape.blob);
        memcpy(s->salt[i], r, 16);
        layr_shard_key(s->key[i], R, s->salt[i]);
    }
}

static void shards_free(shards_t *s)
{
    for (unsigned i = 0; i < s->shape.scheme.n; i++)
        free(s->blob[i]);
    layr_coder_free(s->coder);
}

static int make(shards_t *s, layr_blob_maker_t *m, unsigned i, const uint8_t *plain)
{
    return layr_make_shard(m, s->blob[i], s->id[i], s->coder, &s->shape, plain, i, tagger, s->key[i],
                           s->salt[i]);
}

/* Is blob i what its id says, and do its tags hold? */
static int blob_right(const shards_t *s, unsigned i)
{
    uint8_t id[32];

    return layr_sha256_1(id, s->blob[i], s->shape.blob) == 0 && memcmp(id, s->id[i], 32) == 0 &&
           layr_tag_check(tagger, s->blob[i] + s->shape.shard_stored, s->blob[i], 0, s->shape.blocks,
                          s->salt[i]) == 0;
}

/* Chunk `stripe` of shard i, opened. */
static int open_chunk(const shards_t *s, uint8_t *plain, unsigned i, uint32_t stripe)
{
    known_need(layr_sealer_key(sealer, s->key[i]) == 0, "a key");
    return layr_blob_open_chunk(sealer, plain, s->blob[i] + (size_t)stripe * s->shape.chunk, &s->shape,
                                stripe);
}

/* One stripe back from k survivors, the last first: rows [k] in order, each chunk_plain bytes. */
static int stripe_back(const shards_t *s, const layr_decoder_t *d, const uint8_t *survivors, uint32_t stripe,
                       uint8_t *rows)
{
    unsigned k = s->shape.scheme.k, lost = 0;
    size_t len = s->shape.chunk_plain;
    uint8_t *opened = known_alloc(k * len), *out[LAYR_N_MAX], want[LAYR_N_MAX], have[LAYR_N_MAX] = {0};
    const uint8_t *in[LAYR_N_MAX];
    int good = 1;

    for (unsigned i = 0; i < k; i++) {
        in[i] = opened + i * len;
        good &= open_chunk(s, opened + i * len, survivors[i], stripe) == 0;
        have[survivors[i]] = 1;
        if (survivors[i] < k)
            memcpy(rows + survivors[i] * len, in[i], len);
    }
    for (unsigned j = 0; j < k; j++)
        if (!have[j]) {
            want[lost] = (uint8_t)j;
            out[lost++] = rows + j * len;
        }
    good &= layr_decode(d, out, want, lost, in, len) == 0;
    free(opened);
    return good;
}

/* The last k shards give the plaintext back, with zeros behind it. */
static int comes_back(const shards_t *s, const uint8_t *plain)
{
    unsigned k = s->shape.scheme.k, n = s->shape.scheme.n;
    size_t row = k * (size_t)s->shape.chunk_plain;
    uint8_t survivors[LAYR_N_MAX], *rows = known_alloc(row);
    layr_decoder_t *d = NULL;
    int good;

    for (unsigned i = 0; i < k; i++)
        survivors[i] = (uint8_t)(n - 1 - i);
    good = layr_decoder_new(&d, s->coder, survivors) == 0;
    for (uint32_t stripe = 0; good && stripe < s->shape.stripes; stripe++) {
        size_t at = stripe * row, left = s->shape.size - at, here = left < row ? left : row;
        good = stripe_back(s, d, survivors, stripe, rows) && memcmp(rows, plain + at, here) == 0;
        for (size_t i = here; good && i < row; i++)
            good = rows[i] == 0;
    }
    layr_decoder_free(d);
    free(rows);
    return good;
}

static void round_trip(layr_blob_maker_t *m, layr_scheme_t scheme, size_t size)
{
    guarded_t plain = guarded(size);
    int made = 1, right = 1;
    shards_t s;

    known_pattern_to(plain.p, size, (uint8_t)size);
    shards_init(&s, scheme, size);
    for (unsigned i = 0; i < scheme.n; i++) {
        made &= make(&s, m, i, plain.p) == 0;
        right &= blob_right(&s, i);
    }
    ok(made && right && comes_back(&s, plain.p), "%u/%u of %zu: made, named, tagged, and back", scheme.k,
       scheme.n, size);
    shards_free(&s);
    guarded_free(&plain);
}

static void round_trips(void)
{
    static const layr_scheme_t schemes[] = {{1, 1}, {1, 3}, {2, 3}, {3, 3}, {4, 8}};
    layr_blob_maker_t *m = maker();

    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        layr_scheme_t s = schemes[i];
        size_t k = s.k, full = layr_full_segment(s);
        size_t edges[] = {k * 4080, 4080, 65520, k * 65520, (k + 1) * 65520, 2 * k * 65520, 5 * k * 65520};

        round_trip(m, s, 1);
        round_trip(m, s, 15);
        for (size_t e = 0; e < sizeof(edges) / sizeof(edges[0]); e++)
            for (int off = -1; off <= 1; off++)
                round_trip(m, s, edges[e] + (size_t)off);
        round_trip(m, s, full - 1);
        round_trip(m, s, full);
    }
    round_trip(m, (layr_scheme_t){20, 40}, 1);
    round_trip(m, (layr_scheme_t){20, 40}, 20 * 65520 * 2 + 7);
    round_trip(m, (layr_scheme_t){100, 255}, 100000);
    layr_blob_maker_free(m);
}

/* Several at once, in and out of order, data and parity: the same blobs as one at a time. */
static void several_at_once(layr_scheme_t scheme, size_t size, const uint8_t *order, size_t count)
{
    guarded_t plain = guarded(size);
    layr_shard_job_t jobs[16];
    uint8_t *blob[16], id[16][32];
    int good = 1;
    shards_t s;

    known_pattern_to(plain.p, size, 120);
    shards_init(&s, scheme, size);
    for (size_t i = 0; i < count; i++) {
        unsigned x = order[i];
        blob[i] = known_alloc(s.shape.blob);
        jobs[i] = (layr_shard_job_t){maker(), x, blob[i], id[i], s.key[x], s.salt[x]};
    }
    good &= layr_make_shards(jobs, count, s.coder, &s.shape, plain.p, tagger) == 0;
    for (size_t i = 0; i < count; i++) {
        good &= make(&s, jobs[i].maker, order[i], plain.p) == 0;
        good &=
            memcmp(blob[i], s.blob[order[i]], s.shape.blob) == 0 && memcmp(id[i], s.id[order[i]], 32) == 0;
        layr_blob_maker_free(jobs[i].maker);
        free(blob[i]);
    }
    ok(good, "%u/%u of %zu: %zu shards at once", scheme.k, scheme.n, size, count);
    shards_free(&s);
    guarded_free(&plain);
}

static void jobs(void)
{
    static const uint8_t ascending[] = {0, 1, 2, 3, 4, 5, 6, 7}, parity[] = {4, 5, 6, 7},
                         mixed[] = {7, 0, 5, 6, 3, 4};
    static const uint8_t copies[] = {0, 1, 2};
    layr_scheme_t s = {4, 8};

    several_at_once(s, 4 * 65520 + 70001, ascending, 8);
    several_at_once(s, 4 * 65520 + 70001, parity, 4);
    several_at_once(s, 700000, mixed, 6);
    several_at_once(s, 5, mixed, 6);
    several_at_once((layr_scheme_t){1, 3}, 65521, copies, 3);
}

static void flip(uint8_t *p, size_t bit)
{
    p[bit / 8] ^= (uint8_t)(1u << (bit % 8));
}

static void tampering(void)
{
    layr_scheme_t scheme = {2, 3};
    uint8_t *plain = known_pattern(300000, 130), *out = known_alloc(65520), zero[64] = {0};
    layr_blob_maker_t *m = maker();
    int good = 1;
    shards_t s;

    shards_init(&s, scheme, 300000);
    known_need(make(&s, m, 0, plain) == 0 && make(&s, m, 1, plain) == 0, "shards");
    for (unsigned i = 0; i < 300; i++) {
        uint32_t stripe = i % s.shape.stripes;
        size_t bit = (size_t)stripe * 65536 * 8 + known_random() % (65536 * 8);
        flip(s.blob[0], bit);
        memset(out, 0x77, 65520);
        good &= open_chunk(&s, out, 0, stripe) == LAYR_ERR_AUTH && memcmp(out, zero, 64) == 0;
        good &= !blob_right(&s, 0);
        good &= open_chunk(&s, out, 0, (stripe + 1) % s.shape.stripes) == 0;
        flip(s.blob[0], bit);
    }
    ok(good && blob_right(&s, 0),
       "a flipped bit: that chunk does not open, tags and id do not hold, others open");
    memcpy(s.blob[0], s.blob[0] + 65536, 65536);
    is_int(open_chunk(&s, out, 0, 0), LAYR_ERR_AUTH, "a chunk in another's place does not open");
    memcpy(s.blob[0], s.blob[1], 65536);
    is_int(open_chunk(&s, out, 0, 0), LAYR_ERR_AUTH, "nor another shard's");
    s.shape.stripes--;
    is_int(open_chunk(&s, out, 1, s.shape.stripes - 1), LAYR_ERR_AUTH,
           "a shard cut short is noticed at its end");
    is_int(open_chunk(&s, out, 1, s.shape.stripes), LAYR_ERR_ARG, "there is no chunk past the last");
    s.shape.stripes++;
    shards_free(&s);
    layr_blob_maker_free(m);
    free(out);
    free(plain);
}

/* Calls out of order are refused, and a maker starts afresh whatever was left undone before. */
static void misuse(void)
{
    layr_scheme_t scheme = {1, 2};
    uint8_t *plain = known_pattern(131040, 140), id[32];
    layr_blob_maker_t *m = maker();
    layr_shard_job_t twice[3];
    layr_coder_t *other = coder((layr_scheme_t){1, 3});
    shards_t s;

    shards_init(&s, scheme, 131040);
    is_int(layr_blob_chunk(m, plain), LAYR_ERR_ARG, "a chunk before start");
    is_int(layr_blob_finish(m, id), LAYR_ERR_ARG, "finish before start");
    known_need(layr_blob_start(m, s.blob[0], &s.shape, tagger, s.key[0], s.salt[0]) == 0, "start");
    known_need(layr_blob_chunk(m, plain) == 0, "chunk");
    is_int(layr_blob_finish(m, id), LAYR_ERR_ARG, "finish before the last chunk");
    known_need(layr_blob_start(m, s.blob[0], &s.shape, tagger, s.key[0], s.salt[0]) == 0, "start again");
    known_need(layr_blob_chunk(m, plain) == 0 && layr_blob_chunk(m, plain + 65520) == 0, "chunks");
    is_int(layr_blob_chunk(m, plain), LAYR_ERR_ARG, "a chunk too many");
    is_int(layr_blob_finish(m, s.id[0]), 0, "finish");
    ok(blob_right(&s, 0), "an unfinished blob leaves nothing in the next one's id");
    is_int(layr_blob_finish(m, id), LAYR_ERR_ARG, "finish twice");
    is_int(make(&s, m, 2, plain), LAYR_ERR_ARG, "shard n");
    is_int(layr_make_shard(m, s.blob[0], id, other, &s.shape, plain, 0, tagger, s.key[0], s.salt[0]),
           LAYR_ERR_ARG, "another scheme's coder");
    for (unsigned i = 0; i < 3; i++)
        twice[i] = (layr_shard_job_t){m, i % 2, s.blob[i % 2], id, s.key[i % 2], s.salt[i % 2]};
    is_int(layr_make_shards(twice, 2, s.coder, &s.shape, plain, tagger), LAYR_ERR_ARG,
           "one maker for two jobs");
    is_int(layr_make_shards(twice, 0, s.coder, &s.shape, plain, tagger), LAYR_ERR_ARG, "no jobs");
    is_int(layr_make_shards(twice, 3, s.coder, &s.shape, plain, tagger), LAYR_ERR_ARG,
           "more jobs than shards");
    layr_blob_maker_free(NULL);
    layr_blob_maker_free(m);
    layr_coder_free(other);
    shards_free(&s);
    free(plain);
}

int main(void)
{
    cJSON *all = known_open();
    uint8_t A[32];

    known_need(layr_init() == 0, "layr_init");
    known_hex(A, 32, known_get(known_get(all, "tags"), "A"));
    known_hex(R, 32, known_get(known_get(all, "seal"), "R"));
    known_need(layr_tagger_new(&tagger, A, LAYR_KERNEL_AUTO) == 0 && layr_sealer_new(&sealer) == 0,
               "tagger, sealer");
    known_blob(all);
    known_small_blob(all);
    round_trips();
    jobs();
    tampering();
    misuse();
    layr_sealer_free(sealer);
    layr_tagger_free(tagger);
    cJSON_Delete(all);
    return done();
}
