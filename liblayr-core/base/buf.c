/* A growing buffer. It may hold secrets, so memory it leaves behind is wiped: no realloc. */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "layr/bytes.h"

#define FIRST_CAP 256

void layr_buf_init(layr_buf_t *b)
{
    memset(b, 0, sizeof *b);
}

void layr_buf_free(layr_buf_t *b)
{
    if (b == NULL)
        return;
    if (b->p != NULL)
        sodium_memzero(b->p, b->cap);
    free(b->p);
    memset(b, 0, sizeof *b);
}

static bool grow(layr_buf_t *b, size_t more)
{
    size_t cap = b->cap ? b->cap : FIRST_CAP;
    uint8_t *p;

    if (more > SIZE_MAX / 2 - b->len)
        return false;
    while (cap < b->len + more)
        cap *= 2;
    p = malloc(cap);
    if (p == NULL)
        return false;
    if (b->p != NULL) {
        memcpy(p, b->p, b->len);
        sodium_memzero(b->p, b->cap);
        free(b->p);
    }
    b->p = p;
    b->cap = cap;
    return true;
}

void layr_buf_add(layr_buf_t *b, const void *p, size_t len)
{
    if (b->bad || len == 0)
        return;
    if (len > b->cap - b->len && !grow(b, len)) {
        b->bad = true;
        return;
    }
    memcpy(b->p + b->len, p, len);
    b->len += len;
}

void layr_buf_add8(layr_buf_t *b, uint8_t v)
{
    layr_buf_add(b, &v, 1);
}

void layr_buf_add16(layr_buf_t *b, uint16_t v)
{
    uint8_t raw[2];
    layr_store16(raw, v);
    layr_buf_add(b, raw, sizeof raw);
}

void layr_buf_add32(layr_buf_t *b, uint32_t v)
{
    uint8_t raw[4];
    layr_store32(raw, v);
    layr_buf_add(b, raw, sizeof raw);
}

void layr_buf_add64(layr_buf_t *b, uint64_t v)
{
    uint8_t raw[8];
    layr_store64(raw, v);
    layr_buf_add(b, raw, sizeof raw);
}
