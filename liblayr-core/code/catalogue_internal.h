/* What the catalogue's files share: its lists, and orders to be released. */
#ifndef LAYR_CODE_CATALOGUE_INTERNAL_H
#define LAYR_CODE_CATALOGUE_INTERNAL_H

#include "layr/catalogue.h"

static inline bool layr_catalogue_time_ok(layr_time_t t)
{
    return t >= 0 && t <= (INT64_C(1) << 53);
}

int layr_catalogue_gap(void **list, size_t *count, size_t *cap, size_t size, size_t at) LAYR_CHECKED;
/* The place of an id among `count` things of `size` bytes that begin with one; *there: it is at that place. */
size_t layr_catalogue_place(const void *list, size_t count, size_t size, const uint8_t *id, size_t id_len,
                            bool *there);

/* Of an empty list. */
int layr_catalogue_read_releases(layr_catalogue_t *c, layr_reader_t *r) LAYR_CHECKED;
int layr_catalogue_write_releases(const layr_catalogue_t *c, layr_buf_t *out) LAYR_CHECKED;
int layr_catalogue_merge_releases(layr_catalogue_t *c, const layr_catalogue_t *other) LAYR_CHECKED;

#endif
