/* Sizes and price of a put. */
#include "estimate.h"

#include <string.h>

#include "layr/manifest.h"

static int count_bytes(layr_estimate_t *e, uint64_t size, layr_scheme_t s)
{
    size_t full = layr_full_segment(s);
    layr_shape_t shape;
    int rc;

    if (full == 0)
        return LAYR_ERR_ARG;
    if (size >= full) {
        rc = layr_shape_of(&shape, s, full);
        if (rc != 0)
            return rc;
        e->segments = size / full;
        e->stored_bytes = e->segments * s.n * shape.blob;
    }
    if (size % full != 0) {
        rc = layr_shape_of(&shape, s, (size_t)(size % full));
        if (rc != 0)
            return rc;
        e->segments++;
        e->stored_bytes += (uint64_t)s.n * shape.blob;
    }
    return 0;
}

/* Per GiB and 30 days, on blob bytes, in 128 bits and floored once; what does not fit is the largest there
 * is. */
static uint64_t cost(uint64_t bytes, uint64_t price, uint64_t days)
{
    unsigned __int128 v = (unsigned __int128)bytes * price;

    if (v > ~(unsigned __int128)0 / (days + 1))
        return UINT64_MAX;
    v = v * days / 30 >> 30;
    return v > UINT64_MAX ? UINT64_MAX : (uint64_t)v;
}

void layr_estimate_price(layr_estimate_t *e, const layr_hosts_t *hosts, uint64_t max_price, uint64_t days)
{
    for (size_t i = 0; i < hosts->count; i++) {
        const layr_host_t *h = &hosts->host[i];

        if (h->error != 0 || h->leaving || h->price > max_price)
            continue;
        e->cheapest = e->hosts == 0 || h->price < e->cheapest ? h->price : e->cheapest;
        e->dearest = h->price > e->dearest ? h->price : e->dearest;
        e->hosts++;
    }
    e->low = cost(e->stored_bytes, e->cheapest, days);
    e->high = cost(e->stored_bytes, e->dearest, days);
}

int layr_estimate(layr_estimate_t *out, uint64_t size, layr_scheme_t s, const layr_hosts_t *hosts,
                  uint64_t max_price, uint64_t days)
{
    layr_estimate_t e = {.is_inline = size <= LAYR_INLINE_MAX};
    int rc = e.is_inline ? 0 : count_bytes(&e, size, s);

    if (rc != 0)
        return rc;
    layr_estimate_price(&e, hosts, max_price, days);
    *out = e;
    return 0;
}
