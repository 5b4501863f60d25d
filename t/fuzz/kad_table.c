/*
 * A table that another process left.  The input is a script of damages to a table that has lived: (where, what) pairs, and
 * a last byte that says how much of it was written over.  Whatever check passes must stay whole under every call.
 */
#include "fuzz.h"
#include "kad/table.h"

static const layr_kad_config_t config = {64, 16, 3};
static const uint8_t own[32] = {0x5a};

static void id_of(uint8_t id[32], unsigned n)
{
    static const uint8_t random[32] = {9, 8, 7, 6, 5, 4, 3, 2, 1};

    layr_kad_random_id(id, own, n % 7, random);
    id[30] ^= (uint8_t)(n >> 8);
    id[31] ^= (uint8_t)n;
}

static layr_kad_contact_t contact(unsigned n)
{
    layr_kad_contact_t c = {.seq = n % 5,
                            .exp = FUZZ_NOW + n,
                            .group = 1 + n % 40,
                            .text = "0123456789abcdef",
                            .len = 1 + n % 16};

    id_of(c.id, n);
    return c;
}

static void call(layr_kad_table_t *t, unsigned op, unsigned n)
{
    layr_kad_contact_t c = contact(n), out[LAYR_KAD_K];
    uint8_t id[32];
    bool ping;

    switch (op % 9) {
    case 0:
        PROMISE(layr_kad_confirm(t, &c, n, FUZZ_NOW + n, &ping, id) != LAYR_ERR_ARG);
        break;
    case 1:
        layr_kad_offer(t, &c, FUZZ_NOW + n);
        break;
    case 2:
        layr_kad_answered(t, c.id, n, FUZZ_NOW + n);
        break;
    case 3:
        layr_kad_failed(t, c.id, FUZZ_NOW + n);
        break;
    case 4:
        layr_kad_remove(t, c.id);
        break;
    case 5:
        n = layr_kad_closest(t, c.id, FUZZ_NOW, out, LAYR_KAD_K);
        for (unsigned i = 0; i < n; i++)
            PROMISE(out[i].len <= config.text_max &&
                    (i == 0 || layr_kad_closer(c.id, out[i - 1].id, out[i].id) < 0));
        break;
    case 6:
        layr_kad_ping_due(t, FUZZ_NOW + 5000 + n, out);
        break;
    case 7:
        if (layr_kad_refresh_due(t, FUZZ_NOW + n, c.id, id))
            layr_kad_looked(t, id, FUZZ_NOW + n);
        break;
    default:
        layr_kad_expire(t, FUZZ_NOW + n % 400);
    }
}

static bool accept_it(void *ctx, const layr_kad_contact_t *c)
{
    (void)ctx;
    return c->len > 0;
}

/* Whole, and as much when it was written and read. */
static void still_whole(layr_kad_table_t *t, size_t size)
{
    layr_kad_table_t *same, *back;
    layr_buf_t out;
    void *mem = aligned_alloc(8, size);
    unsigned taken;

    PROMISE(layr_kad_table_check(&same, t, size, &config, own) == LAYR_OK && same == t);
    PROMISE(mem != NULL && layr_kad_table_init(&back, mem, size, &config, own) == LAYR_OK);
    layr_buf_init(&out);
    PROMISE(layr_kad_table_save(t, &out) == LAYR_OK);
    PROMISE(layr_kad_table_load(back, out.p, out.len, FUZZ_NOW, accept_it, NULL, &taken) == LAYR_OK);
    PROMISE(taken <= t->live + t->spare && layr_kad_table_check(&same, back, size, &config, own) == LAYR_OK);
    layr_buf_free(&out);
    free(mem);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_in_t in = {data, size};
    size_t bytes = layr_kad_table_size(&config);
    uint8_t *mem = aligned_alloc(8, bytes);
    layr_kad_table_t *t = NULL;
    layr_kad_stats_t stats;

    PROMISE(mem != NULL && layr_kad_table_init(&t, mem, bytes, &config, own) == LAYR_OK);
    for (unsigned n = fuzz_8(&in); n > 0; n--)
        call(t, n % 4 ? 0 : n / 4, n * 37);
    for (unsigned n = fuzz_8(&in) % 16; n > 0; n--) {
        uint32_t at = fuzz_32(&in);
        mem[at % bytes] ^= fuzz_8(&in);
    }
    if (layr_kad_table_check(&t, mem, bytes, &config, own) == LAYR_OK) {
        still_whole(t, bytes);
        while (in.left > 1) {
            unsigned op = fuzz_8(&in);
            call(t, op, fuzz_8(&in) * 37u);
        }
        layr_kad_table_stats(t, &stats);
        PROMISE(stats.live + stats.spare <= config.pool);
        still_whole(t, bytes);
    }
    free(mem);
    return 0;
}
