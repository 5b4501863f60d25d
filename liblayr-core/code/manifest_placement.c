/* The placement half (docs/protocol.md 4.2): where the shards are. */
#include <string.h>

#include "code/manifest.h"

#define PLAIN_MAX (LAYR_PLACEMENT_MAX - LAYR_HALF_OVERHEAD)
#define HEAD_BYTES 20 /* version, k, n, level, segments, size */

void layr_placement_free(layr_placement_t *p)
{
    if (p == NULL)
        return;
    layr_page_free(&p->node);
    memset(p, 0, sizeof *p);
}

/* A file without segments has one form; otherwise the node accounts for every segment and byte. */
static bool placement_ok(const layr_placement_t *p)
{
    uint64_t segments, bytes;

    if (p->segments == 0)
        return p->scheme.k == 1 && p->scheme.n == 1 && p->size == 0 && p->node.level == 0 &&
               p->node.entry_count == 0;
    return layr_scheme_ok(p->scheme) && p->node.scheme.k == p->scheme.k && p->node.scheme.n == p->scheme.n &&
           p->node.level <= LAYR_LEVEL_MAX && layr_page_sums(&p->node, &segments, &bytes) &&
           segments == p->segments && bytes == p->size;
}

int layr_placement_encode(const layr_placement_t *p, layr_buf_t *out)
{
    size_t start = out->len;
    int rc;

    if (!placement_ok(p))
        return LAYR_ERR_ARG;
    if (HEAD_BYTES + layr_page_node_size(&p->node) > PLAIN_MAX)
        return LAYR_ERR_LIMIT;
    layr_buf_add8(out, LAYR_MANIFEST_VERSION);
    layr_buf_add8(out, p->scheme.k);
    layr_buf_add8(out, p->scheme.n);
    layr_buf_add8(out, p->node.level);
    layr_buf_add64(out, p->segments);
    layr_buf_add64(out, p->size);
    rc = layr_page_node_encode(&p->node, out);
    if (rc != 0)
        out->len = start;
    return rc;
}

static int decode(layr_placement_t *p, layr_reader_t *r)
{
    uint8_t version = layr_read8(r), level;

    if (!r->bad && version != LAYR_MANIFEST_VERSION)
        return LAYR_ERR_VERSION;
    p->scheme.k = layr_read8(r);
    p->scheme.n = layr_read8(r);
    level = layr_read8(r);
    p->segments = layr_read64(r);
    p->size = layr_read64(r);
    if (r->bad || !layr_scheme_ok(p->scheme) || level > LAYR_LEVEL_MAX)
        return LAYR_ERR_FORMAT;
    return layr_page_node_decode(&p->node, p->scheme, level, r);
}

int layr_placement_decode(layr_placement_t *out, const uint8_t *in, size_t len)
{
    layr_reader_t r;
    int rc;

    memset(out, 0, sizeof *out);
    if (len > PLAIN_MAX)
        return LAYR_ERR_LIMIT;
    layr_reader_init(&r, in, len);
    rc = decode(out, &r);
    if (rc == 0 && !placement_ok(out))
        rc = LAYR_ERR_FORMAT;
    if (rc != 0)
        layr_placement_free(out);
    return rc;
}
