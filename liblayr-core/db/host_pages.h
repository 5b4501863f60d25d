/* Reading a file ahead, and leaving the page cache as it was. */
#ifndef LAYR_DB_HOST_PAGES_H
#define LAYR_DB_HOST_PAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "layr/error.h"

#define LAYR_PAGES 256 /* a window has at most so many pages of 4,096 bytes */

/* A file that is open for reading, mapped for the sake of mincore() alone: no byte is ever touched through it. */
typedef struct layr_pages_file {
    int fd;
    uint8_t *map; /* NULL: which pages are in the cache can't be told */
    uint64_t size;
} layr_pages_file_t;

/* LAYR_ERR_NOTFOUND: no regular file of this size. LAYR_ERR_IO. */
int layr_pages_open(layr_pages_file_t *f, const char *path, uint64_t size) LAYR_CHECKED;
void layr_pages_close(layr_pages_file_t *f); /* harmless on a closed one: fd -1 */

/* A part of it, from a page's begin: which of its pages somebody else has use for. */
typedef struct layr_pages {
    uint64_t at;
    size_t len;
    uint8_t here[LAYR_PAGES];
} layr_pages_t;

/* Note what is in the cache, and have the kernel begin to read the rest. */
void layr_pages_want(const layr_pages_file_t *f, layr_pages_t *p, uint64_t at, size_t len);
/* Drop what was not there before. */
void layr_pages_drop(const layr_pages_file_t *f, const layr_pages_t *p);
/* All of it, or LAYR_ERR_NOTFOUND where the file ends, or LAYR_ERR_IO. */
int layr_pages_read(const layr_pages_file_t *f, void *out, size_t len, uint64_t at) LAYR_CHECKED;

#endif
