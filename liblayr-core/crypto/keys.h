/* The parts of a file's keys that a narrower capability gives. */
#ifndef LAYR_CRYPTO_KEYS_H
#define LAYR_CRYPTO_KEYS_H

#include "layr/crypto.h"

/* Fill R and P, and add LAYR_CAN_READ. k is zeroed or filled before. */
void layr_file_keys_from_read(layr_file_keys_t *k, const uint8_t R[32]);

/* Fill A, the challenge keys and the group, and add LAYR_CAN_VERIFY. P is the caller's: it does not follow
 * from A. */
void layr_file_keys_from_audit(layr_file_keys_t *k, const uint8_t A[32]);

#endif
