/*
 * Roots.  First the input as a root.  Then, as who holds a write capability could make it: a u16 with the
 * length of the placement half's plaintext, that, and the content half's plaintext; both are sealed and
 * joined.
 */
#include "fuzz.h"
#include "layr/manifest.h"

static const uint8_t W[32] = {7}, s1[32] = {1}, s2[32] = {2};
static layr_content_t c, c2;

static void add_half(layr_buf_t *root, const uint8_t key[32], const char *label, const uint8_t s[32],
                     const uint8_t *plain, size_t len)
{
    uint8_t *half = malloc(len + LAYR_HALF_OVERHEAD);

    PROMISE(half != NULL && layr_half_seal(half, key, label, s, plain, len) == 0);
    layr_buf_add32(root, (uint32_t)(len + LAYR_HALF_OVERHEAD));
    layr_buf_add(root, half, len + LAYR_HALF_OVERHEAD);
    free(half);
}

/* What opens is sealed again from the structures and opens to the same. */
static void opened(const layr_file_keys_t *k, const layr_placement_t *p)
{
    layr_placement_t p2;
    layr_buf_t root, half, half2;

    PROMISE(c.has_inline ? p->segments == 0 : p->segments > 0 && p->size == c.size);
    layr_buf_init(&root);
    layr_buf_init(&half);
    layr_buf_init(&half2);
    PROMISE(layr_root_seal(&root, k, p, &c, s1, s2) == 0);
    PROMISE(layr_root_open(&p2, &c2, k, root.p, root.len) == 0 && memcmp(&c, &c2, sizeof c) == 0);
    PROMISE(layr_placement_encode(p, &half) == 0 && layr_placement_encode(&p2, &half2) == 0);
    PROMISE(half.len == half2.len && memcmp(half.p, half2.p, half.len) == 0);
    layr_placement_free(&p2);
    layr_buf_free(&half2);
    layr_buf_free(&half);
    layr_buf_free(&root);
}

static void as_root(const layr_file_keys_t *k, const uint8_t *root, size_t len)
{
    uint8_t *exact = (uint8_t *)copy_of(root, len, 0);
    layr_placement_t p, p2;
    int rc = layr_root_open(&p, &c, k, exact, len), verify;

    verify = layr_root_open(&p2, NULL, k, exact, len);
    PROMISE(rc != 0 || verify == 0);
    PROMISE(verify == 0 || all_zero(&p2, sizeof p2));
    if (rc == 0)
        opened(k, &p);
    else
        PROMISE(all_zero(&p, sizeof p) && all_zero(&c, sizeof c));
    layr_placement_free(&p2);
    layr_placement_free(&p);
    free(exact);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_in_t in = {data, size};
    layr_file_keys_t k;
    layr_buf_t root;
    size_t len;

    layr_file_keys_from_write(&k, W);
    as_root(&k, data, size);
    len = fuzz_8(&in);
    len |= (size_t)fuzz_8(&in) << 8;
    if (len > in.left)
        len = in.left;
    layr_buf_init(&root);
    layr_buf_add8(&root, 1);
    add_half(&root, k.P, "placement", s1, in.p, len);
    add_half(&root, k.R, "content", s2, in.p + len, in.left - len);
    PROMISE(!root.bad);
    as_root(&k, root.p, root.len);
    layr_buf_free(&root);
    layr_file_keys_wipe(&k);
    return 0;
}
