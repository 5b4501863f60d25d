/* The content half's plaintext. What is read is written to a form that is read to the same. */
#include "fuzz.h"
#include "layr/manifest.h"

static layr_content_t a, b;

/* Names become files' names, types become headers. */
static void harmless(const layr_content_t *c)
{
    PROMISE(strnlen(c->name, sizeof c->name) <= LAYR_NAME_MAX && strchr(c->name, '/') == NULL);
    PROMISE(strcmp(c->name, ".") != 0 && strcmp(c->name, "..") != 0);
    for (const char *t = c->type; *t != 0; t++)
        PROMISE(*t >= 0x20 && *t < 0x7f);
    PROMISE(c->type[0] != 0 && c->mtime >= -1 && c->created >= 0);
    PROMISE(c->has_inline ? c->inline_len == c->size && c->size <= LAYR_INLINE_MAX : c->inline_len == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    layr_buf_t again;
    int rc;

    if (layr_content_decode(&a, data, size) != 0) {
        PROMISE(all_zero(&a, sizeof a));
        return 0;
    }
    harmless(&a);
    layr_buf_init(&again);
    rc = layr_content_encode(&a, &again);
    PROMISE(rc == 0);
    PROMISE(layr_content_decode(&b, again.p, again.len) == 0 && memcmp(&a, &b, sizeof a) == 0);
    layr_buf_free(&again);
    return 0;
}
