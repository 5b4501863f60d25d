/* Internal to proof/: the pseudorandom part of tags, for who checks an answer. */
#ifndef LAYR_PROOF_TAG_H
#define LAYR_PROOF_TAG_H

#include "layr/proof.h"

/* The key of a shard's PRF: wipe it. */
void layr_tag_prf_key(const layr_tagger_t *t, uint8_t key[32], const uint8_t salt[16]);
/* PRF of n numbers as layr_draw gives them, 16 bytes each; fast for those that follow one another. */
void layr_tag_prf(uint8_t (*out)[LAYR_TAG_BYTES], const uint8_t key[32], const uint64_t *number, size_t n);

#endif
