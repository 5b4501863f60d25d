/* The root: both halves sealed apart, so that a verify capability opens one and not the other
 * (docs/protocol.md 4.1). */
#include <stdlib.h>
#include <string.h>

#include "code/manifest.h"

#define PLACEMENT "placement"
#define CONTENT "content"
#define CONTENT_HALF_MAX (LAYR_CONTENT_MAX + LAYR_HALF_OVERHEAD)

/* Halves within their limits always fit, so the sum needs no check of its own. */
_Static_assert(1 + 4 + LAYR_PLACEMENT_MAX + 4 + CONTENT_HALF_MAX <= LAYR_ROOT_MAX,
               "the largest halves fit a root");

/* What is inline has no segments, and what has segments is as long as they are. */
static bool halves_agree(const layr_placement_t *p, const layr_content_t *c)
{
    return c->has_inline ? p->segments == 0 : p->segments > 0 && p->size == c->size;
}

static int add_half(layr_buf_t *out, const uint8_t key[32], const char *label, const uint8_t s[32],
                    const layr_buf_t *plain)
{
    size_t len = plain->len + LAYR_HALF_OVERHEAD;
    uint8_t *half = malloc(len);
    int rc;

    if (half == NULL)
        return LAYR_ERR_NOMEM;
    rc = layr_half_seal(half, key, label, s, plain->p, plain->len);
    layr_buf_add32(out, (uint32_t)len);
    layr_buf_add(out, half, len);
    free(half);
    return rc == 0 && out->bad ? LAYR_ERR_NOMEM : rc;
}

int layr_root_seal(layr_buf_t *out, const layr_file_keys_t *k, const layr_placement_t *p,
                   const layr_content_t *c, const uint8_t s1[32], const uint8_t s2[32])
{
    layr_buf_t placement, content;
    size_t start = out->len;
    int rc;

    if (!(k->rights & LAYR_CAN_READ))
        return LAYR_ERR_CAP;
    if (!halves_agree(p, c))
        return LAYR_ERR_ARG;
    layr_buf_init(&placement);
    layr_buf_init(&content);
    rc = layr_placement_encode(p, &placement);
    if (rc == 0)
        rc = layr_content_encode(c, &content);
    layr_buf_add8(out, LAYR_MANIFEST_VERSION);
    if (rc == 0)
        rc = add_half(out, k->P, PLACEMENT, s1, &placement);
    if (rc == 0)
        rc = add_half(out, k->R, CONTENT, s2, &content);
    if (rc != 0)
        out->len = start;
    layr_buf_free(&placement);
    layr_buf_free(&content);
    return rc;
}

typedef struct half {
    const uint8_t *p;
    size_t len;
} half_t;

static int read_half(layr_reader_t *r, half_t *half, size_t max)
{
    half->len = layr_read32(r);
    half->p = layr_read_bytes(r, half->len);
    if (r->bad)
        return LAYR_ERR_FORMAT;
    if (half->len > max)
        return LAYR_ERR_LIMIT;
    return half->len < LAYR_HALF_OVERHEAD ? LAYR_ERR_FORMAT : 0;
}

static int split_root(half_t *placement, half_t *content, const uint8_t *root, size_t len)
{
    layr_reader_t r;
    int rc;

    if (len == 0)
        return LAYR_ERR_REMOVED;
    if (len > LAYR_ROOT_MAX)
        return LAYR_ERR_LIMIT;
    layr_reader_init(&r, root, len);
    if (layr_read8(&r) != LAYR_MANIFEST_VERSION)
        return LAYR_ERR_VERSION;
    rc = read_half(&r, placement, LAYR_PLACEMENT_MAX);
    if (rc == 0)
        rc = read_half(&r, content, CONTENT_HALF_MAX);
    return rc == 0 && layr_reader_left(&r) != 0 ? LAYR_ERR_FORMAT : rc;
}

/* The plaintext of a half, malloc'd; its length is half->len - LAYR_HALF_OVERHEAD. */
static int open_half(uint8_t **out, const half_t *half, const uint8_t key[32], const char *label)
{
    uint8_t *plain = malloc(half->len);
    int rc;

    if (plain == NULL)
        return LAYR_ERR_NOMEM;
    rc = layr_half_open(plain, key, label, half->p, half->len);
    if (rc != 0) {
        free(plain);
        return rc;
    }
    *out = plain;
    return 0;
}

static int open_placement(layr_placement_t *p, const half_t *half, const uint8_t P[32])
{
    uint8_t *plain = NULL;
    int rc = open_half(&plain, half, P, PLACEMENT);

    if (rc != 0)
        return rc;
    rc = layr_placement_decode(p, plain, half->len - LAYR_HALF_OVERHEAD);
    free(plain);
    return rc;
}

static int open_content(layr_content_t *c, const half_t *half, const uint8_t R[32])
{
    uint8_t *plain = NULL;
    int rc = open_half(&plain, half, R, CONTENT);

    if (rc != 0)
        return rc;
    rc = layr_content_decode(c, plain, half->len - LAYR_HALF_OVERHEAD);
    layr_wipe(plain, half->len - LAYR_HALF_OVERHEAD);
    free(plain);
    return rc;
}

int layr_root_open(layr_placement_t *p, layr_content_t *c, const layr_file_keys_t *k, const uint8_t *root,
                   size_t len)
{
    half_t placement, content;
    int rc;

    memset(p, 0, sizeof *p);
    if (c != NULL)
        memset(c, 0, sizeof *c);
    if (!(k->rights & (c != NULL ? LAYR_CAN_READ : LAYR_CAN_READ | LAYR_CAN_VERIFY)))
        return LAYR_ERR_CAP;
    rc = split_root(&placement, &content, root, len);
    if (rc == 0)
        rc = open_placement(p, &placement, k->P);
    if (rc == 0 && c != NULL)
        rc = open_content(c, &content, k->R);
    if (rc == 0 && c != NULL && !halves_agree(p, c))
        rc = LAYR_ERR_FORMAT;
    if (rc == 0)
        return 0;
    layr_placement_free(p);
    if (c != NULL)
        layr_wipe(c, sizeof *c);
    return rc;
}
