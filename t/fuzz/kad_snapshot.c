/* A table's snapshot from a disk: what is taken obeys the table's rules, what is refused changes nothing. */
#include "fuzz.h"
#include "layr/kad.h"

static const layr_kad_config_t config = {100, 64, 3};
static const uint8_t own[32] = {0x5a};

static bool accept_it(void *ctx, const layr_kad_contact_t *c)
{
    unsigned *asked = ctx;

    *asked += 1;
    PROMISE(c->len >= 1 && c->len <= LAYR_CONTACT_MAX && c->text[c->len - 1] == c->text[c->len - 1]);
    return c->id[31] % 4 != 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t bytes = layr_kad_table_size(&config);
    uint8_t *mem = aligned_alloc(8, bytes), *copy = (uint8_t *)copy_of(data, size, 0);
    layr_kad_table_t *t, *same;
    layr_kad_stats_t stats;
    layr_buf_t out;
    unsigned asked = 0, taken = 0, again = 0;
    int rc;

    PROMISE(mem != NULL && layr_kad_table_init(&t, mem, bytes, &config, own) == LAYR_OK);
    rc = layr_kad_table_load(t, copy, size, FUZZ_NOW, accept_it, &asked, &taken);
    layr_kad_table_stats(t, &stats);
    PROMISE(rc == LAYR_OK ? taken <= asked : asked == 0 && stats.live == 0);
    PROMISE(layr_kad_table_check(&same, mem, bytes, &config, own) == LAYR_OK);
    layr_buf_init(&out);
    PROMISE(layr_kad_table_save(t, &out) == LAYR_OK);
    PROMISE(layr_kad_table_load(t, out.p, out.len, FUZZ_NOW, accept_it, &asked, &again) == LAYR_OK &&
            again == 0);
    layr_buf_free(&out);
    free(copy);
    free(mem);
    return 0;
}
