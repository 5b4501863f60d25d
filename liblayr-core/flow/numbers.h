/* Numbers of segments as a sentence has them: "number 3", "numbers 0, 4 to 9". They come in ascending order. */
#ifndef LAYR_FLOW_NUMBERS_H
#define LAYR_FLOW_NUMBERS_H

#include <stddef.h>
#include <stdint.h>

#define LAYR_NUMBERS_NAMED 64 /* are told one by one; "and more" stands for the rest */
typedef struct layr_numbers {
    uint64_t n[LAYR_NUMBERS_NAMED], count;
} layr_numbers_t;

void layr_numbers_add(layr_numbers_t *l, uint64_t number);
/* Always terminated; cut at a whole number where cap is short. */
void layr_numbers_text(const layr_numbers_t *l, char *out, size_t cap);

#endif
