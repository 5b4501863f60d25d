/*
 * Challenges and answers: known answers, kernels against a slow sum, slices in any order, 10,000 honest audits that
 * pass and 10,000 forgeries that do not.
 */
#include <sodium.h>

#include "known.h"
#include "layr/code.h"
#include "layr/crypto.h"
#include "layr/proof.h"
#include "tap.h"

static const layr_kernel_t kernels[] = {LAYR_KERNEL_PORTABLE, LAYR_KERNEL_PCLMUL, LAYR_KERNEL_VPCLMUL};
#define KERNELS (sizeof(kernels) / sizeof(kernels[0]))

/* A stored shard, as the host has it and as the manifest names it. */
typedef struct stored {
    uint8_t *blob;
    layr_asked_t is;
} stored_t;

static const uint8_t *tags_of(const stored_t *s)
{
    return s->blob + s->is.blocks * LAYR_BLOCK;
}

static stored_t known_blob(const cJSON *all, layr_tagger_t *t, const uint8_t R[32], unsigned chunks,
                           uint8_t index)
{
    layr_shape_t shape;
    uint8_t random[32], seg[32], key[32];
    stored_t s = {0};
    layr_blob_maker_t *m = NULL;

    known_need(layr_shape_of(&shape, (layr_scheme_t){1, 1}, chunks == 2 ? 2 * 65520 : 4080) == 0, "a shape");
    known_hex(random, 32, known_get(known_get(all, "salt"), "random"));
    known_hex(seg, 32, known_get(known_get(all, "salt"), "segment_hash"));
    if (chunks == 2)
        known_hex(s.is.salt, 16, known_get(known_get(all, "salt"), "out"));
    else
        known_need(layr_salt(s.is.salt, random, seg, index) == 0, "a salt");
    s.blob = known_alloc(shape.blob);
    s.is.blocks = shape.blob / (LAYR_BLOCK + LAYR_TAG_BYTES);
    layr_shard_key(key, R, s.is.salt);
    known_need(layr_blob_maker_new(&m) == 0 && layr_blob_start(m, s.blob, &shape, t, key, s.is.salt) == 0,
               "a maker");
    for (unsigned i = 0; i < chunks; i++) {
        uint8_t *plain = known_pattern(chunks == 2 ? 65520 : 4080, (uint8_t)(chunks == 2 ? 2 + i : 4));
        known_need(layr_blob_chunk(m, plain) == 0, "a chunk");
        free(plain);
    }
    known_need(layr_blob_finish(m, s.is.shard) == 0, "a blob");
    layr_blob_maker_free(m);
    return s;
}

static void add_shard(layr_answer_t *a, const stored_t *s, const uint8_t seed[32], uint64_t sample,
                      size_t slice)
{
    uint64_t number[64];
    uint8_t nu[64][16];
    layr_draw_t d;
    size_t n;

    known_need(layr_draw_begin(&d, seed, s->is.shard, s->is.blocks, sample) == 0, "a draw");
    while ((n = layr_draw_next(&d, number, nu, slice)) > 0)
        for (size_t i = 0; i < n; i++) {
            size_t run = 1;
            while (i + run < n && number[i + run] == number[i] + run)
                run++;
            layr_answer_add(a, s->blob + number[i] * LAYR_BLOCK, tags_of(s) + number[i] * 16,
                            (const uint8_t(*)[16])nu + i, run);
            i += run - 1;
        }
}

static void answer_of(uint8_t out[LAYR_ANSWER_BYTES], layr_kernel_t k, const stored_t *s, size_t count,
                      const uint8_t seed[32], uint64_t sample, size_t slice)
{
    layr_answer_t *a = NULL;

    known_need(layr_answer_new(&a, k) == 0, "an answer");
    for (size_t i = 0; i < count; i++)
        add_shard(a, &s[i], seed, sample, slice);
    layr_answer_end(a, out);
    layr_answer_free(a);
}

static void is_sha256(const uint8_t *p, size_t len, const cJSON *want, const char *name)
{
    uint8_t got[32], is[32];

    known_hex(is, 32, want);
    known_need(layr_sha256_1(got, p, len) == 0, "SHA-256");
    is_mem(got, is, 32, name);
}

static void known_draw(const cJSON *all)
{
    const cJSON *v = known_get(all, "challenge"), *n = NULL;
    uint8_t seed[32], shard[32], want[16], nu[64][16];
    uint64_t number[64], blocks = (uint64_t)known_get(v, "B")->valueint;
    layr_draw_t d;
    unsigned i = 0;

    known_hex(seed, 32, known_get(v, "seed"));
    known_hex(shard, 32, known_get(v, "shard_id"));
    is_int(layr_draw_begin(&d, seed, shard, blocks, 0), 0, "all blocks");
    is_int((long long)layr_draw_next(&d, number, nu, 64), 32, "each once");
    known_hex(want, 16, known_get(v, "all_nu_first"));
    is_mem(nu[0], want, 16, "known first coefficient");
    known_hex(want, 16, known_get(v, "all_nu_last"));
    is_mem(nu[31], want, 16, "known last coefficient");
    ok(number[0] == 0 && number[31] == 31, "in order");
    is_int((long long)layr_draw_next(&d, number, nu, 64), 0, "and no more");

    is_int(layr_draw_begin(&d, seed, shard, blocks, 5), 0, "a sample of 5");
    is_int((long long)layr_draw_next(&d, number, nu, 64), 5, "five");
    cJSON_ArrayForEach(n, known_get(v, "sample5_blocks"))
        is_int((long long)number[i++], n->valueint, "known number of a block");
    known_hex(want, 16, known_get(v, "sample5_nu_first"));
    is_mem(nu[0], want, 16, "known first coefficient of a sample");
    is_int(layr_draw_begin(&d, seed, shard, blocks, 32), 0, "a sample of all");
    ok(d.count == 32 && layr_draw_next(&d, number, nu, 1) == 1 && number[0] == 0, "is all blocks in order");
    is_int(layr_draw_begin(&d, seed, shard, 0, 0), LAYR_ERR_ARG, "no blocks");
    is_int(layr_draw_begin(&d, seed, shard, LAYR_DRAW_BLOCKS + 1, 0), LAYR_ERR_ARG, "too many blocks");
    is_int(layr_draw_begin(&d, seed, shard, LAYR_DRAW_BLOCKS, 7), 0, "as many as may be");
}

/* However a draw is cut into pieces, it is the same. */
static void pieces(void)
{
    uint8_t seed[32] = {1}, shard[32] = {2};
    static uint8_t want[3000][16], got[3000][16];
    static uint64_t wanted[3000], drawn[3000];
    static const size_t steps[] = {1, 3, 63, 64, 65, 200, 2999};
    layr_draw_t d;

    for (unsigned all = 0; all < 2; all++) {
        known_need(layr_draw_begin(&d, seed, shard, all ? 3000 : 5000, all ? 0 : 3000) == 0, "a draw");
        known_need(layr_draw_next(&d, wanted, want, 3000) == 3000, "3,000");
        for (unsigned i = 0; i < sizeof steps / sizeof *steps; i++) {
            size_t at = 0, n;
            known_need(layr_draw_begin(&d, seed, shard, all ? 3000 : 5000, all ? 0 : 3000) == 0, "a draw");
            while ((n = layr_draw_next(&d, drawn + at, got + at, steps[i])) > 0)
                at += n;
            ok(at == 3000 && memcmp(got, want, sizeof got) == 0 && memcmp(drawn, wanted, sizeof drawn) == 0,
               "%s in pieces of %zu", all ? "all" : "a sample", steps[i]);
        }
    }
}

static void known_answers(const cJSON *all, layr_kernel_t k, const layr_tagger_t *t, const stored_t s[2])
{
    const cJSON *v = known_get(all, "answer");
    uint8_t seed[32], answer[LAYR_ANSWER_BYTES], want[16];
    layr_asked_t both[2] = {s[0].is, s[1].is};

    known_hex(seed, 32, known_get(known_get(all, "challenge"), "seed"));
    answer_of(answer, k, s, 2, seed, 0, 64);
    is_sha256(answer, sizeof answer, known_get(v, "over_both_blobs_sha256"), "known answer over two shards");
    known_hex(want, 16, known_get(v, "sigma"));
    is_mem(answer + LAYR_BLOCK, want, 16, "known sigma");
    known_hex(want, 16, known_get(v, "mu_first"));
    is_mem(answer, want, 16, "known mu");
    is_int(layr_answer_check(t, seed, 0, both, 2, answer), 0, "it is accepted");
    is_int(layr_answer_check(t, seed, 0, both, 1, answer), LAYR_ERR_AUTH, "not for one of them");
    is_int(layr_answer_check(t, seed, 5, both, 2, answer), LAYR_ERR_AUTH, "not for a sample");
    answer_of(answer, k, s, 1, seed, 5, 64);
    is_sha256(answer, sizeof answer, known_get(v, "sample5_over_first_sha256"), "known answer of a sample");
    is_int(layr_answer_check(t, seed, 5, both, 1, answer), 0, "it is accepted");
}

/* The sum bit by bit is proof_tag.c's; here product by product. */
static void slow_answer(uint8_t out[LAYR_ANSWER_BYTES], const uint8_t *blocks, const uint8_t *tags,
                        const uint8_t (*nu)[16], size_t n)
{
    memset(out, 0, LAYR_ANSWER_BYTES);
    for (size_t i = 0; i < n; i++)
        for (unsigned j = 0; j <= LAYR_SECTORS; j++) {
            uint8_t p[16];
            layr_gf128_mul(p, nu[i], j < LAYR_SECTORS ? blocks + LAYR_BLOCK * i + 16 * j : tags + 16 * i);
            for (unsigned b = 0; b < 16; b++)
                out[16 * j + b] ^= p[b];
        }
}

static void kernels_agree(layr_kernel_t k)
{
    size_t most = 70;
    uint8_t *blocks = known_pattern(most * LAYR_BLOCK + 1, 60), *tags = known_pattern(most * 16, 61);
    uint8_t *nus = known_pattern(most * 16, 62), want[LAYR_ANSWER_BYTES], got[LAYR_ANSWER_BYTES];
    const uint8_t(*nu)[16] = (const uint8_t(*)[16])nus;
    int good = 1;

    memset(nus, 0xff, 16);
    memset(blocks, 0xff, 2 * LAYR_BLOCK);
    for (size_t n = 0; n <= most; n = n < 10 ? n + 1 : n + 12) {
        layr_answer_t *a = NULL;
        known_need(layr_answer_new(&a, k) == 0, "an answer");
        slow_answer(want, blocks + 1, tags, nu, n);
        layr_answer_add(a, blocks + 1, tags, nu, n);
        layr_answer_end(a, got);
        good &= memcmp(got, want, sizeof got) == 0;
        layr_answer_free(a);
        known_need(layr_answer_new(&a, k) == 0, "an answer");
        for (size_t i = n; i > 0;) { /* backwards, in runs of up to 5 */
            size_t run = i < 5 ? i : 5;
            i -= run;
            layr_answer_add(a, blocks + 1 + i * LAYR_BLOCK, tags + 16 * i, nu + i, run);
        }
        layr_answer_end(a, got);
        good &= memcmp(got, want, sizeof got) == 0;
        layr_answer_free(a);
    }
    ok(good, "%s: 0 to %zu blocks, unaligned, at once and in pieces from the end", layr_kernel_name(k), most);
    free(blocks);
    free(tags);
    free(nus);
}

/* --- many audits of small shards --- */

#define SHARDS 6
#define AUDITS 10000

static stored_t small[SHARDS];

static void make_small(const layr_tagger_t *t)
{
    for (unsigned i = 0; i < SHARDS; i++) {
        stored_t *s = &small[i];
        s->is.blocks = 1 + 3 * i;
        s->blob = known_pattern(s->is.blocks * (LAYR_BLOCK + 16), (uint8_t)(100 + i));
        randombytes_buf(s->is.salt, 16);
        randombytes_buf(s->is.shard, 32);
        known_need(layr_tag_blocks(t, s->blob + s->is.blocks * LAYR_BLOCK, s->blob, 0, s->is.blocks,
                                   s->is.salt) == 0,
                   "tags");
    }
}

/* Some of the shards, a seed and a sample; how many shards. */
static size_t any_audit(stored_t *s, layr_asked_t *asked, uint8_t seed[32], uint64_t *sample)
{
    size_t n = 0;

    randombytes_buf(seed, 32);
    *sample = randombytes_uniform(2) ? 0 : 1 + randombytes_uniform(12);
    for (unsigned i = 0; i < SHARDS; i++)
        if (randombytes_uniform(2) || (n == 0 && i == SHARDS - 1)) {
            s[n] = small[i];
            asked[n++] = small[i].is;
        }
    return n;
}

static void honest(const layr_tagger_t *t)
{
    unsigned passed = 0;

    for (unsigned i = 0; i < AUDITS; i++) {
        stored_t s[SHARDS];
        layr_asked_t asked[SHARDS];
        uint8_t seed[32], answer[LAYR_ANSWER_BYTES];
        uint64_t sample;
        size_t n = any_audit(s, asked, seed, &sample);
        answer_of(answer, LAYR_KERNEL_AUTO, s, n, seed, sample, 64);
        passed += layr_answer_check(t, seed, sample, asked, n, answer) == LAYR_OK;
    }
    is_int(passed, AUDITS, "honest audits, none rejected");
}

/* One thing is wrong with the host that answers, another each time. */
static void forge(uint8_t answer[LAYR_ANSWER_BYTES], stored_t *s, size_t n, const uint8_t seed[32],
                  uint64_t sample, unsigned way)
{
    uint8_t other[32];
    stored_t *bad = &s[randombytes_uniform((uint32_t)n)];
    size_t len = bad->is.blocks * (LAYR_BLOCK + 16);
    uint8_t *kept = bad->blob, *copy = known_alloc(len);
    stored_t whole = *bad;

    memcpy(copy, kept, len);
    bad->blob = copy;
    randombytes_buf(other, 32);
    switch (way) {
    case 0: /* guesses */
        randombytes_buf(answer, LAYR_ANSWER_BYTES);
        break;
    case 1: /* of another challenge */
        answer_of(answer, LAYR_KERNEL_AUTO, s, n, other, sample, 64);
        break;
    case 2: /* a bit of the answer is another */
        answer_of(answer, LAYR_KERNEL_AUTO, s, n, seed, sample, 64);
        answer[randombytes_uniform(LAYR_ANSWER_BYTES)] ^= (uint8_t)(1u << randombytes_uniform(8));
        break;
    case 3: /* has only the tags */
        memset(copy, 0, bad->is.blocks * LAYR_BLOCK);
        answer_of(answer, LAYR_KERNEL_AUTO, s, n, seed, sample, 64);
        break;
    case 4: /* has lost a block of every shard asked for */
        for (uint64_t b = 0; b < bad->is.blocks; b++)
            copy[b * LAYR_BLOCK + randombytes_uniform(LAYR_BLOCK)] ^=
                (uint8_t)(1u + randombytes_uniform(255));
        answer_of(answer, LAYR_KERNEL_AUTO, s, n, seed, sample, 64);
        break;
    case 5: /* leaves a shard out */
        bad->is = s[n - 1].is;
        bad->blob = s[n - 1].blob;
        answer_of(answer, LAYR_KERNEL_AUTO, s, n - 1, seed, sample, 64);
        break;
    default: /* nothing at all */
        memset(answer, 0, LAYR_ANSWER_BYTES);
    }
    *bad = whole;
    free(copy);
}

static void forgeries(const layr_tagger_t *t)
{
    unsigned refused = 0, way = 0;

    for (unsigned i = 0; i < AUDITS; i++) {
        stored_t s[SHARDS];
        layr_asked_t asked[SHARDS];
        uint8_t seed[32], answer[LAYR_ANSWER_BYTES];
        uint64_t sample;
        size_t n = any_audit(s, asked, seed, &sample);
        forge(answer, s, n, seed, sample, way);
        way = (way + 1) % 7;
        refused += layr_answer_check(t, seed, sample, asked, n, answer) == LAYR_ERR_AUTH;
    }
    is_int(refused, AUDITS, "forgeries of seven kinds, none accepted");
}

/* A reader has R and P, from which A does not follow: what he tags is not accepted. */
static void reader(const layr_tagger_t *owner, const uint8_t R[32])
{
    layr_tagger_t *his = NULL;
    stored_t s = small[3];
    size_t tags = s.is.blocks * LAYR_BLOCK;
    uint8_t seed[32], answer[LAYR_ANSWER_BYTES], *blob = known_alloc(tags + 16 * s.is.blocks);

    known_need(layr_tagger_new(&his, R, LAYR_KERNEL_AUTO) == 0, "a tagger");
    memset(blob, 0, tags);
    known_need(layr_tag_blocks(his, blob + tags, blob, 0, s.is.blocks, s.is.salt) == 0, "tags");
    s.blob = blob;
    randombytes_buf(seed, 32);
    answer_of(answer, LAYR_KERNEL_AUTO, &s, 1, seed, 0, 64);
    is_int(layr_answer_check(his, seed, 0, &s.is, 1, answer), 0, "a reader's tags fit his own key");
    is_int(layr_answer_check(owner, seed, 0, &s.is, 1, answer), LAYR_ERR_AUTH, "and not the owner's");
    layr_tagger_free(his);
    free(blob);
}

int main(void)
{
    cJSON *all = known_open();
    uint8_t W[32], R[32];
    layr_file_keys_t keys;
    layr_tagger_t *t = NULL;
    layr_answer_t *a = NULL;
    stored_t s[2];

    known_need(layr_init() == 0, "layr_init");
    known_hex(W, 32, known_get(known_get(all, "keys"), "W"));
    known_hex(R, 32, known_get(known_get(all, "seal"), "R"));
    layr_file_keys_from_write(&keys, W);
    known_need(layr_tagger_new(&t, keys.A, LAYR_KERNEL_AUTO) == 0, "a tagger");
    s[0] = known_blob(all, t, R, 2, 0);
    s[1] = known_blob(all, t, R, 1, (uint8_t)known_get(known_get(all, "blob"), "small_salt_index")->valueint);
    known_draw(all);
    pieces();
    for (size_t i = 0; i < KERNELS; i++) {
        if (!layr_kernel_usable(kernels[i])) {
            is_int(layr_answer_new(&a, kernels[i]), LAYR_ERR_ARG, "a kernel this processor has not");
            continue;
        }
        known_answers(all, kernels[i], t, s);
        kernels_agree(kernels[i]);
    }
    make_small(t);
    honest(t);
    forgeries(t);
    reader(t, R);
    for (unsigned i = 0; i < SHARDS; i++)
        free(small[i].blob);
    free(s[0].blob);
    free(s[1].blob);
    layr_tagger_free(t);
    cJSON_Delete(all);
    return done();
}
