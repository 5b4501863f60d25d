/*
 * Challenges and answers.  Input: how many shards and the blocks of each, u64 sample, a byte and a u32 place in the answer that
 * it changes, two u64 for a shard of another size and its sample, and another answer.  What a host makes of whole shards is
 * accepted; with a byte changed, for other shards, another seed, or made up, it is not.
 */
#include "layr/proof.h"
#include "fuzz.h"

#define SHARDS 4
#define BLOCKS 40 /* of a shard; larger ones only take longer */
#define TAGS ((size_t)BLOCKS * LAYR_BLOCK)

static const uint8_t A[32] = {3};
static layr_tagger_t *tagger;
static uint8_t blob[SHARDS][BLOCKS * (LAYR_BLOCK + LAYR_TAG_BYTES)];

/* Shard i has the first of these blocks, and their tags: a tag does not depend on what stands behind. */
static void set_up(void)
{
    if (tagger != NULL)
        return;
    PROMISE(layr_tagger_new(&tagger, A, LAYR_KERNEL_AUTO) == 0);
    for (unsigned i = 0; i < SHARDS; i++) {
        uint8_t salt[16] = {(uint8_t)i};
        for (size_t b = 0; b < TAGS; b++)
            blob[i][b] = (uint8_t)(b * 31 + (b >> 8) * 7 + i);
        PROMISE(layr_tag_blocks(tagger, blob[i] + TAGS, blob[i], 0, BLOCKS, salt) == 0);
    }
}

static void add(layr_answer_t *a, unsigned i, const layr_asked_t *s, const uint8_t seed[32], uint64_t sample)
{
    uint64_t number[7], drawn = 0;
    uint8_t nu[7][16];
    layr_draw_t d;
    size_t n;

    PROMISE(layr_draw_begin(&d, seed, s->shard, s->blocks, sample) == 0);
    PROMISE(d.count == (sample > 0 && sample < s->blocks ? sample : s->blocks));
    for (; (n = layr_draw_next(&d, number, nu, 7)) > 0; drawn += n)
        for (size_t t = 0; t < n; t++) {
            PROMISE(number[t] < s->blocks && (d.count < d.blocks || number[t] == drawn + t));
            layr_answer_add(a, blob[i] + number[t] * LAYR_BLOCK, blob[i] + TAGS + number[t] * LAYR_TAG_BYTES,
                            (const uint8_t(*)[16])nu + t, 1);
        }
    PROMISE(drawn == d.count);
}

/* A size that a manifest may claim: refused, or drawn from within its limits. */
static void draw_of_any_size(uint64_t blocks, uint64_t sample, const uint8_t seed[32])
{
    uint64_t number[9];
    uint8_t nu[9][16];
    layr_draw_t d;
    size_t n;

    if (layr_draw_begin(&d, seed, seed, blocks, sample) != 0) {
        PROMISE(blocks == 0 || blocks > LAYR_DRAW_BLOCKS);
        return;
    }
    PROMISE(d.count >= 1 && d.count <= blocks);
    n = layr_draw_next(&d, number, nu, 9);
    PROMISE(n == (d.count < 9 ? d.count : 9));
    for (size_t i = 0; i < n; i++)
        PROMISE(number[i] < blocks);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_in_t in = {data, size};
    layr_asked_t s[SHARDS] = {0};
    uint8_t seed[32] = {9}, other[32] = {8}, answer[LAYR_ANSWER_BYTES], made_up[LAYR_ANSWER_BYTES], change;
    layr_answer_t *a = NULL;
    uint64_t sample, far[2];
    unsigned count;
    uint32_t at;

    set_up();
    count = 1 + (fuzz_8(&in) + SHARDS - 1u) % SHARDS;
    PROMISE(layr_answer_new(&a, LAYR_KERNEL_AUTO) == 0);
    for (unsigned i = 0; i < count; i++) {
        s[i].blocks = 1 + (fuzz_8(&in) + BLOCKS - 1u) % BLOCKS;
        s[i].shard[0] = s[i].salt[0] = (uint8_t)i;
    }
    fuzz_bytes(&in, &sample, sizeof sample);
    change = fuzz_8(&in);
    at = fuzz_32(&in) % LAYR_ANSWER_BYTES;
    fuzz_bytes(&in, far, sizeof far);
    for (unsigned i = 0; i < count; i++)
        add(a, i, &s[i], seed, sample);
    layr_answer_end(a, answer);
    layr_answer_free(a);

    fuzz_bytes(&in, made_up, sizeof made_up);
    PROMISE(layr_answer_check(tagger, seed, sample, s, count, answer) == 0);
    PROMISE(layr_answer_check(tagger, other, sample, s, count, answer) == LAYR_ERR_AUTH);
    PROMISE(layr_answer_check(tagger, seed, sample, s, count - 1, answer) == LAYR_ERR_AUTH);
    if (memcmp(made_up, answer, sizeof answer) != 0)
        PROMISE(layr_answer_check(tagger, seed, sample, s, count, made_up) == LAYR_ERR_AUTH);
    answer[at] ^= change;
    PROMISE((layr_answer_check(tagger, seed, sample, s, count, answer) == 0) == (change == 0));
    draw_of_any_size(far[0], far[1], seed);
    return 0;
}
