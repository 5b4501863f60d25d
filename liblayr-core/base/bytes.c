/* Little-endian loads and stores, and the reader that every binary parser goes through. */
#include "layr/bytes.h"

uint16_t layr_load16(const uint8_t p[2])
{
    return (uint16_t)(p[0] | p[1] << 8);
}

uint32_t layr_load32(const uint8_t p[4])
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

uint64_t layr_load64(const uint8_t p[8])
{
    return (uint64_t)layr_load32(p) | (uint64_t)layr_load32(p + 4) << 32;
}

void layr_store16(uint8_t p[2], uint16_t v)
{
    p[0] = (uint8_t)v;
    p[1] = (uint8_t)(v >> 8);
}

void layr_store32(uint8_t p[4], uint32_t v)
{
    layr_store16(p, (uint16_t)v);
    layr_store16(p + 2, (uint16_t)(v >> 16));
}

void layr_store64(uint8_t p[8], uint64_t v)
{
    layr_store32(p, (uint32_t)v);
    layr_store32(p + 4, (uint32_t)(v >> 32));
}

void layr_reader_init(layr_reader_t *r, const void *p, size_t len)
{
    static const uint8_t nothing[1];

    /* Arithmetic on NULL is undefined even for nothing. */
    r->p = p != NULL ? p : nothing;
    r->end = r->p + (p != NULL ? len : 0);
    r->bad = p == NULL && len != 0;
}

size_t layr_reader_left(const layr_reader_t *r)
{
    return (size_t)(r->end - r->p);
}

/* All reads come through here; a failed one empties the reader, so that no later one can succeed out of step.
 */
const uint8_t *layr_read_bytes(layr_reader_t *r, size_t len)
{
    const uint8_t *at = r->p;

    if (r->bad || len > layr_reader_left(r)) {
        r->bad = true;
        r->p = r->end;
        return NULL;
    }
    r->p += len;
    return at;
}

uint8_t layr_read8(layr_reader_t *r)
{
    const uint8_t *p = layr_read_bytes(r, 1);
    return p != NULL ? *p : 0;
}

uint16_t layr_read16(layr_reader_t *r)
{
    const uint8_t *p = layr_read_bytes(r, 2);
    return p != NULL ? layr_load16(p) : 0;
}

uint32_t layr_read32(layr_reader_t *r)
{
    const uint8_t *p = layr_read_bytes(r, 4);
    return p != NULL ? layr_load32(p) : 0;
}

uint64_t layr_read64(layr_reader_t *r)
{
    const uint8_t *p = layr_read_bytes(r, 8);
    return p != NULL ? layr_load64(p) : 0;
}
