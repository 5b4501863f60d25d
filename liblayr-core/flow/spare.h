/*
 * Large buffers used again by one thread. Given back to malloc, buffers of 64 KiB to 50 MiB among small lasting
 * ones leave holes that the next, of another size, does not fit: the longer a file, the more would be
 * resident. And pages touched before cost nothing, where the first touch of new ones costs more than the copy.
 */
#ifndef LAYR_FLOW_SPARE_H
#define LAYR_FLOW_SPARE_H

#include <stddef.h>

#define LAYR_SPARE_MIN (64u << 10) /* smaller ones are malloc's business */

typedef struct layr_spares {
    struct layr_spare *idle; /* the last given back first: its pages are resident */
    size_t idle_bytes;
    size_t held, most; /* bytes taken and not given back: now, and the most at any time */
} layr_spares_t;

/*
 * A buffer of exactly len bytes, its content undefined, or NULL. To be given back with the same length, or
 * freed. Held and idle ones together are never more than the most that was held at once.
 */
void *layr_spares_take(layr_spares_t *s, size_t len);
/* NULL is harmless. */
void layr_spares_give(layr_spares_t *s, void *p, size_t len);
void layr_spares_free(layr_spares_t *s);

#endif
