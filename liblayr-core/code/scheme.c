/* Schemes k/n and what a full segment of one is. */
#include "layr/code.h"

/* One to three digits up to 255, without a leading zero; moves *s past them. 0 when there are none. */
static unsigned read_count(const char **s)
{
    const char *p = *s;
    unsigned v = 0;

    if (*p == '0')
        return 0;
    for (; *p >= '0' && *p <= '9'; p++) {
        v = v * 10 + (unsigned)(*p - '0');
        if (v > LAYR_N_MAX)
            return 0;
    }
    *s = p;
    return v;
}

int layr_scheme_ok(layr_scheme_t s)
{
    return s.k >= 1 && s.k <= s.n;
}

int layr_scheme_parse(layr_scheme_t *out, const char *s)
{
    unsigned k, n;

    k = read_count(&s);
    if (k == 0 || *s++ != '/')
        return LAYR_ERR_FORMAT;
    n = read_count(&s);
    if (n < k || *s != '\0')
        return LAYR_ERR_FORMAT;
    *out = (layr_scheme_t){(uint8_t)k, (uint8_t)n};
    return 0;
}

uint32_t layr_full_stripes(layr_scheme_t s)
{
    uint32_t shard;

    if (!layr_scheme_ok(s))
        return 0;
    shard = LAYR_SEGMENT_BUDGET / s.n;
    if (shard > LAYR_SHARD_MAX)
        shard = LAYR_SHARD_MAX;
    return shard / LAYR_CHUNK;
}

size_t layr_full_segment(layr_scheme_t s)
{
    return (size_t)s.k * layr_full_stripes(s) * LAYR_CHUNK_PLAIN;
}
