/* The catalogue: what is read is written as it was, and merging is the same from both sides. */
#include "layr/catalogue.h"

#include "fuzz.h"

static void same_bytes(const layr_catalogue_t *a, const uint8_t *p, size_t len)
{
    layr_buf_t out;

    layr_buf_init(&out);
    PROMISE(layr_catalogue_encode(a, &out) == 0 && out.len == len && memcmp(out.p, p, len) == 0);
    layr_buf_free(&out);
}

/* Two writers: every other entry is changed by the second, one of them is gone. */
static void merged(const uint8_t *data, size_t size)
{
    layr_catalogue_t a, b, c;
    layr_buf_t ab;
    bool changed = false;

    PROMISE(layr_catalogue_decode(&a, data, size) == 0 && layr_catalogue_decode(&b, data, size) == 0);
    PROMISE(layr_catalogue_decode(&c, data, size) == 0);
    for (size_t i = 0; i < b.count; i += 2) {
        layr_catalogue_entry_t e = b.entry[i];

        e.changed = e.changed / 2 + (layr_time_t)i;
        e.gone = e.gone || i % 4 == 0;
        PROMISE(layr_catalogue_set(&b, &e, &changed) == 0 && layr_catalogue_find(&b, e.record_id) != NULL);
    }
    for (size_t i = 0; i < b.release_count; i += 2) {
        b.release[i].until = b.release[i].until / 2 + (layr_time_t)i;
        layr_catalogue_drop_release(&b, a.release[i].order, &changed);
    }
    PROMISE(layr_catalogue_merge(&a, &b) == 0 && layr_catalogue_merge(&b, &c) == 0);
    layr_buf_init(&ab);
    PROMISE(layr_catalogue_encode(&a, &ab) == 0);
    same_bytes(&b, ab.p, ab.len);
    PROMISE(layr_catalogue_merge(&a, &b) == 0);
    same_bytes(&a, ab.p, ab.len);
    layr_buf_free(&ab);
    layr_catalogue_free(&a);
    layr_catalogue_free(&b);
    layr_catalogue_free(&c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    layr_catalogue_t c;
    uint8_t *copy = (uint8_t *)copy_of(data, size, 0);
    int rc;

    memset(&c, 0xff, sizeof c);
    rc = layr_catalogue_decode(&c, copy, size);
    free(copy);
    if (rc != 0) {
        PROMISE(all_zero(&c, sizeof c));
        return 0;
    }
    same_bytes(&c, data, size);
    layr_catalogue_free(&c);
    merged(data, size);
    return 0;
}
