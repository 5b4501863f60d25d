/* UTF-8, one character at a time: shared by the validator and by the texts that are shown to people. */
#ifndef LAYR_BASE_UTF8_H
#define LAYR_BASE_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* Length (1 to 4) of the valid character that starts at p, at most left bytes; 0 when there is none. */
size_t layr_utf8_char(const uint8_t *p, size_t left);

#endif
