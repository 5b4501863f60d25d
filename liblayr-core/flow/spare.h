/*
 * Large buffers used again by one thread. Given back to malloc, buffers of 4 to 50 MiB among small lasting
 * ones leave holes that the next, of another size, does not fit: the longer a file, the more would be
 * resident.
 */
#ifndef LAYR_FLOW_SPARE_H
#define LAYR_FLOW_SPARE_H

#include <stddef.h>

#define LAYR_SPARES 64              /* kept at most; what is more goes back to malloc */
#define LAYR_SPARE_MIN (256u << 10) /* smaller ones are malloc's business */

typedef struct layr_spares {
    struct {
        void *p;
        size_t len;
    } spare[LAYR_SPARES];
    unsigned count;
    size_t held; /* bytes taken and not given back */
} layr_spares_t;

/* A buffer of exactly len bytes, its content undefined, or NULL. To be given back with the same length, or
 * freed. */
void *layr_spares_take(layr_spares_t *s, size_t len);
/* NULL is harmless. */
void layr_spares_give(layr_spares_t *s, void *p, size_t len);
void layr_spares_free(layr_spares_t *s);

#endif
