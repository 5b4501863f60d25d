/* A lookup among liars: the input is what hosts answer, when, and who fails. It ends, and within its limits. */
#include "fuzz.h"
#include "layr/kad.h"

static void id_of(uint8_t id[32], fuzz_in_t *in)
{
    memset(id, 0, 32);
    id[0] = fuzz_8(in);
    id[1] = fuzz_8(in);
}

static layr_kad_contact_t contact(fuzz_in_t *in)
{
    layr_kad_contact_t c = {.text = "0123456789"};

    id_of(c.id, in);
    c.seq = fuzz_8(in) % 4;
    c.group = fuzz_8(in) % 16;
    c.len = c.seq + 6; /* 8 is the most */
    c.rtt_us = c.seq == 3 ? UINT32_MAX : 0;
    c.var_us = c.rtt_us;
    return c;
}

static void answer(layr_kad_lookup_t *l, unsigned number, uint64_t now, fuzz_in_t *in)
{
    layr_kad_contact_t c[24];
    layr_kad_version_t v = {.seq = fuzz_8(in) % 16};
    unsigned n = fuzz_8(in) % 25;

    v.sha256[0] = fuzz_8(in) % 4;
    for (unsigned i = 0; i < n; i++)
        c[i] = contact(in);
    layr_kad_lookup_answer(l, number, now, fuzz_8(in) % 16, c, n, v.sha256[0] == 0 ? NULL : &v);
}

static void look_at(const layr_kad_lookup_t *l)
{
    layr_kad_contact_t c[LAYR_KAD_K];
    layr_kad_lookup_stats_t s;
    layr_kad_version_t v;
    layr_kad_hop_t hop;
    unsigned n = layr_kad_lookup_closest(l, c, LAYR_KAD_K);

    layr_kad_lookup_stats(l, &s);
    PROMISE(s.asked <= LAYR_KAD_ASKS && s.known <= LAYR_KAD_CANDIDATES && s.hops <= LAYR_KAD_DEPTH);
    PROMISE(s.answered + s.failed <= s.known && n <= s.answered);
    for (unsigned i = 0; i < s.known; i++) {
        PROMISE(layr_kad_lookup_hop(l, i, &hop) == LAYR_OK && hop.contact.len <= 8);
        PROMISE(hop.from < (int)s.known && (hop.from < 0) == (hop.depth == 1));
    }
    for (unsigned i = 0; layr_kad_lookup_version(l, i, &v) == LAYR_OK; i++)
        PROMISE(i < LAYR_KAD_VERSIONS);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_in_t in = {data, size};
    layr_kad_lookup_config_t config = {.text_max = 8};
    layr_kad_contact_t first;
    layr_kad_lookup_t *l;
    layr_kad_ask_t ask;
    layr_kad_step_t step;
    unsigned asked[LAYR_KAD_ASKS], out = 0, steps = 0;
    uint64_t now = 0;

    config.want = fuzz_8(&in) % (LAYR_KAD_K + 1);
    config.paths = fuzz_8(&in) % (LAYR_KAD_PATHS + 1);
    config.value = fuzz_8(&in) % 2;
    config.own[31] = 1;
    PROMISE(layr_kad_lookup_new(&l, &config) == LAYR_OK);
    for (unsigned n = fuzz_8(&in) % 32; n > 0; n--) {
        first = contact(&in);
        layr_kad_lookup_start(l, &first, 1);
    }
    while ((step = layr_kad_lookup_next(l, now, &ask)) != LAYR_KAD_DONE) {
        PROMISE(++steps < 20 * LAYR_KAD_ASKS);
        if (step == LAYR_KAD_ASK) {
            PROMISE(out < LAYR_KAD_ASKS);
            asked[out++] = ask.number;
            continue;
        }
        PROMISE(out > 0 && ask.wake_us > now);
        uint8_t what = fuzz_8(&in);
        unsigned which = fuzz_8(&in) % out;
        now += what;
        if (what % 4 == 0 && ask.wake_us != UINT64_MAX) {
            now = ask.wake_us;
            continue;
        }
        if (what % 4 == 1)
            layr_kad_lookup_failed(l, asked[which], now);
        else
            answer(l, asked[which], now, &in);
        asked[which] = asked[--out];
    }
    look_at(l);
    layr_kad_lookup_free(l);
    return 0;
}
