/*
 * Pages of the manifest.  The input's first bytes are the scheme and the level that the reader expects; the
 * sums it expects are taken from the page itself, as no mutation would hit them.
 */
#include "code/manifest.h"
#include "fuzz.h"

/* What the entries of these bytes add up to; 0 when they are no node. */
static int sums_of(layr_scheme_t s, uint8_t level, const uint8_t *page, size_t len, uint64_t *segments,
                   uint64_t *bytes)
{
    layr_node_page_t node;
    layr_reader_t r;
    int good;

    if (len < 2)
        return 0;
    layr_reader_init(&r, page + 2, len - 2);
    if (layr_page_node_decode(&node, s, level, &r) != 0)
        return 0;
    good = layr_page_sums(&node, segments, bytes);
    layr_page_free(&node);
    return good;
}

/* As a patch does it: another host for a row, and an entry more. */
static void patched(layr_node_page_t *p)
{
    uint8_t id[32] = {0xaa, 1};
    const uint8_t *hosts[LAYR_N_MAX] = {id};
    layr_entry_t *first = &p->entries[0];
    layr_buf_t out;
    size_t most = layr_page_node_size_next(p);
    int rc = layr_page_append(p, first, hosts);

    PROMISE(rc == 0 || rc == LAYR_ERR_LIMIT);
    PROMISE(rc != 0 || layr_page_node_size(p) <= most);
    layr_buf_init(&out);
    rc = layr_page_encode(p, &out);
    PROMISE(rc == 0 ? out.len == layr_page_node_size(p) + 2 : rc == LAYR_ERR_LIMIT && out.len == 0);
    layr_buf_free(&out);
}

static void decoded(layr_node_page_t *p, const uint8_t *page, size_t len)
{
    layr_shape_t shape;
    layr_buf_t again;

    layr_buf_init(&again);
    PROMISE(layr_page_encode(p, &again) == 0 && again.len == len && memcmp(again.p, page, len) == 0);
    PROMISE(layr_page_shape(&shape, p->scheme, len) == 0 && shape.shard_plain >= len);
    layr_buf_free(&again);
    patched(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_in_t in = {data, size};
    layr_scheme_t s = {fuzz_8(&in), 0};
    layr_node_page_t p;
    uint64_t segments = 1, bytes = 1;
    uint8_t level;
    int rc, good;

    s.n = fuzz_8(&in);
    level = fuzz_8(&in);
    good = layr_scheme_ok(s) && level < LAYR_LEVEL_MAX && sums_of(s, level, in.p, in.left, &segments, &bytes);
    memset(&p, 0xff, sizeof p);
    rc = layr_page_decode(&p, s, level, segments, bytes, in.p, in.left);
    PROMISE(good || rc != 0);
    if (rc != 0) {
        PROMISE(all_zero(&p, sizeof p));
        return 0;
    }
    decoded(&p, in.p, in.left);
    layr_page_free(&p);
    PROMISE(layr_page_decode(&p, s, level, segments + 1, bytes, in.p, in.left) == LAYR_ERR_FORMAT);
    PROMISE(layr_page_decode(&p, s, level, segments, bytes - 1, in.p, in.left) == LAYR_ERR_FORMAT);
    return 0;
}
