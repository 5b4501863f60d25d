/* tools/health.c: from the answers about single shards to how a file stands. */
#include "../../tools/health.h"

#include "tap.h"

static layr_host_t hosts[8];

static int row(layr_health_t *h, bool page, uint64_t unit, unsigned index, int host, int error)
{
    layr_row_health_t r = {.page = page, .unit = unit, .index = index, .bytes = 100, .error = error};

    if (host >= 0) {
        memset(r.host_id, host + 1, 32);
        if (error != LAYR_ERR_NET)
            r.host = &hosts[host];
    }
    if (error != 0)
        snprintf(r.text, sizeof r.text, "trouble %d", error);
    return layr_health_row(h, &r);
}

int main(void)
{
    layr_health_t h;
    int rc = 0;

    for (int i = 0; i < 8; i++)
        snprintf(hosts[i].url, sizeof hosts[i].url, "http://host%d", i);
    layr_health_init(&h, (layr_scheme_t){2, 4});
    for (unsigned i = 0; i < 4; i++)
        rc |= row(&h, false, 0, i, (int)i, 0);
    /* segment 1: one good, one gone, one of a host that is down, one never stored */
    rc |= row(&h, false, 1, 0, 0, 0);
    rc |= row(&h, false, 1, 1, 4, LAYR_ERR_NOTFOUND);
    rc |= row(&h, false, 1, 2, 5, LAYR_ERR_NET);
    rc |= row(&h, false, 1, 3, -1, LAYR_ERR_NOTFOUND);
    /* a page of level 1, told late: two of three copies, one is enough */
    rc |= row(&h, true, 0, 0, 1, 0);
    rc |= row(&h, true, 0, 1, 2, LAYR_ERR_TIMEOUT);
    rc |= row(&h, true, 0, 2, 3, 0);
    is_int(rc, 0, "rows taken");
    layr_health_sum(&h);
    is_int((long long)h.unit_count, 3, "two segments and a page");
    is_int((long long)h.segments, 2, "two of them segments");
    is_int((long long)h.whole, 1, "one is whole");
    is_int((long long)h.host_count, 6, "on six hosts");
    is_int((long long)h.weakest, 1, "segment 1 is the weakest");
    is_int(layr_health_spare(&h), -1, "it lacks a shard");
    ok(h.unit[1].good == 1 && h.unit[1].unknown == 1, "one good, one unknown");
    ok(h.unit[1].state[1] == LAYR_ROW_GONE && h.unit[1].state[2] == LAYR_ROW_UNKNOWN &&
           h.unit[1].state[3] == LAYR_ROW_NONE,
       "gone, unknown and never stored are kept apart");
    ok(h.unit[2].needed == 1 && h.unit[2].good == 2 && h.unit[2].state[1] == LAYR_ROW_UNKNOWN,
       "a page needs one copy; a host that is slow has lost nothing yet");
    ok(h.host[0].rows == 2 && h.host[0].good == 2 && h.host[0].bytes == 200, "host 0 has two");
    ok(h.host[4].good == 0 && strcmp(h.host[4].text, "trouble -12") == 0 &&
           strcmp(h.host[4].url, "http://host4") == 0,
       "host 4 has trouble, and is named");
    ok(h.host[5].url[0] == 0, "host 5 is not known");
    layr_health_free(&h);

    layr_health_init(&h, (layr_scheme_t){1, 3});
    for (unsigned s = 0; s < 300; s++)
        for (unsigned i = 0; i < 3; i++)
            rc |= row(&h, false, s, i, (int)i, 0);
    layr_health_sum(&h);
    ok(rc == 0 && h.unit_count == 300 && h.whole == 300 && layr_health_spare(&h) == 2, "300 whole segments");
    layr_health_free(&h);
    return done();
}
