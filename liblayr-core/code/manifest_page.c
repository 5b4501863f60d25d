/* A page: version, level, node. It is stored like a segment of the scheme 1/(n - k + 1). */
#include <string.h>

#include "code/manifest.h"

int layr_page_encode(const layr_node_page_t *p, layr_buf_t *out)
{
    size_t start = out->len;
    int rc;

    if (!layr_scheme_ok(p->scheme) || p->level >= LAYR_LEVEL_MAX || p->entry_count == 0)
        return LAYR_ERR_ARG;
    if (p->level == 0 && p->entry_count > LAYR_PAGE_SEGMENTS)
        return LAYR_ERR_LIMIT;
    if (layr_page_node_size(p) + 2 > LAYR_PAGE_MAX)
        return LAYR_ERR_LIMIT;
    layr_buf_add8(out, LAYR_MANIFEST_VERSION);
    layr_buf_add8(out, p->level);
    rc = layr_page_node_encode(p, out);
    if (rc != 0)
        out->len = start;
    return rc;
}

static int decode(layr_node_page_t *out, layr_scheme_t s, uint8_t level, const uint8_t *in, size_t len)
{
    layr_reader_t r;
    uint8_t version;

    if (!layr_scheme_ok(s) || level >= LAYR_LEVEL_MAX)
        return LAYR_ERR_ARG;
    if (len > LAYR_PAGE_MAX)
        return LAYR_ERR_LIMIT;
    layr_reader_init(&r, in, len);
    version = layr_read8(&r);
    if (!r.bad && version != LAYR_MANIFEST_VERSION)
        return LAYR_ERR_VERSION;
    if (layr_read8(&r) != level || r.bad)
        return LAYR_ERR_FORMAT;
    return layr_page_node_decode(out, s, level, &r);
}

int layr_page_decode(layr_node_page_t *out, layr_scheme_t s, uint8_t level, uint64_t segments, uint64_t bytes,
                     const uint8_t *in, size_t len)
{
    uint64_t segments_here, bytes_here;
    int rc;

    memset(out, 0, sizeof *out);
    rc = decode(out, s, level, in, len);
    if (rc != 0)
        return rc;
    if (!layr_page_sums(out, &segments_here, &bytes_here) || segments_here != segments ||
        bytes_here != bytes || out->entry_count == 0 ||
        (level == 0 && out->entry_count > LAYR_PAGE_SEGMENTS)) {
        layr_page_free(out);
        return LAYR_ERR_FORMAT;
    }
    return 0;
}

/* 3.1 with k = 1, but up to a page's size: a segment of many copies would be shorter than that. */
int layr_page_shape(layr_shape_t *out, layr_scheme_t s, size_t size)
{
    size_t stripes, chunk = LAYR_CHUNK;

    if (!layr_scheme_ok(s))
        return LAYR_ERR_ARG;
    if (size == 0 || size > LAYR_PAGE_MAX)
        return LAYR_ERR_LIMIT;
    stripes = (size + LAYR_CHUNK_PLAIN - 1) / LAYR_CHUNK_PLAIN;
    if (stripes == 1)
        chunk = (size + LAYR_SEAL_OVERHEAD + LAYR_BLOCK - 1) / LAYR_BLOCK * LAYR_BLOCK;
    *out = (layr_shape_t){
        .scheme = {1, (uint8_t)(s.n - s.k + 1)},
        .stripes = (uint32_t)stripes,
        .chunk = (uint32_t)chunk,
        .chunk_plain = (uint32_t)chunk - LAYR_SEAL_OVERHEAD,
        .size = size,
        .shard_plain = stripes * (chunk - LAYR_SEAL_OVERHEAD),
        .shard_stored = stripes * chunk,
        .blocks = stripes * chunk / LAYR_BLOCK,
        .blob = stripes * chunk / LAYR_BLOCK * (LAYR_BLOCK + LAYR_TAG_BYTES),
    };
    return 0;
}
