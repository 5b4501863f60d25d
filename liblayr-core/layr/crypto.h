/*
 * Keys, hashes, capabilities and the seal (DESIGN 3.2 and 3.4; docs/protocol.md).
 * Secrets that live longer than a call are kept in sodium_malloc memory by their
 * holder; every function here wipes its own copies.
 */
#ifndef LAYR_CRYPTO_H
#define LAYR_CRYPTO_H

#include <stddef.h>
#include <stdint.h>

#include "layr/error.h"

#define LAYR_KEY_BYTES 32    /* W, R, P, A, master secret, Ed25519 seed */
#define LAYR_ID_BYTES 32     /* host, shard, record, place ids; SHA-256 */
#define LAYR_PUBKEY_BYTES 32 /* Ed25519 public key, raw */
#define LAYR_SIG_BYTES 64
#define LAYR_GROUP_BYTES 16
#define LAYR_SALT_BYTES 16
#define LAYR_ORDER_ID_BYTES 16

/*
 * Start the crypto libraries; call before anything else, and before other threads use the library (again is
 * harmless). Until then what hashes or seals fails with LAYR_ERR_CRYPTO.
 */
int layr_init(void) LAYR_CHECKED;

typedef struct layr_span {
    const void *p;
    size_t len;
} layr_span_t;

/*
 * KDF(key, label, data...): BLAKE2b-256 keyed with key over u32 LE length and bytes of label, then of each datum
 * (each below 4 GiB). out may be key's place.
 */
void layr_kdf(uint8_t out[32], const uint8_t key[32], const char *label, const layr_span_t *data, size_t n);
/* The usual forms: no data, and one datum. */
void layr_kdf0(uint8_t out[32], const uint8_t key[32], const char *label);
void layr_kdf1(uint8_t out[32], const uint8_t key[32], const char *label, const void *p, size_t len);

/* SHA-256 over plain concatenation of n spans (libcrypto). */
int layr_sha256(uint8_t out[32], const layr_span_t *data, size_t n) LAYR_CHECKED;
int layr_sha256_1(uint8_t out[32], const void *p, size_t len) LAYR_CHECKED;
/* Running SHA-256. */
typedef struct layr_hash layr_hash_t;
int layr_hash_new(layr_hash_t **out) LAYR_CHECKED;
int layr_hash_update(layr_hash_t *h, const void *p, size_t len) LAYR_CHECKED;
/*
 * len bytes from p[i] into h[i], for `count` different hashes: with the SHA instructions in little more than half the
 * time of one after the other.
 */
int layr_hash_update_many(layr_hash_t *const *h, const void *const *p, size_t count, size_t len) LAYR_CHECKED;
int layr_hash_final(layr_hash_t *h, uint8_t out[32]) LAYR_CHECKED; /* and start anew */
void layr_hash_free(layr_hash_t *h);

void layr_random(void *out, size_t len);
void layr_wipe(void *p, size_t len);

/*
 * The keys that follow from a file's write secret W; what the cap did not give is zero, and rights says what it
 * gave. Plain memory: its holder wipes it.
 */
typedef struct layr_file_keys {
    uint8_t W[32], R[32], P[32], A[32];
    uint8_t record_seed[32];      /* KDF(W, "record"): signs the record */
    uint8_t record_id[32];        /* its public key */
    uint8_t challenge_seed[32];   /* KDF(A, "challenge") */
    uint8_t challenge_public[32]; /* goes into orders as `audit` */
    uint8_t group[16];            /* first 16 bytes of KDF(A, "group") */
    unsigned rights;              /* LAYR_CAN_* */
} layr_file_keys_t;

#define LAYR_CAN_READ 1u   /* R, P */
#define LAYR_CAN_VERIFY 2u /* P, A */
#define LAYR_CAN_WRITE 4u  /* W and all that follows; always with the other two */

void layr_file_keys_from_write(layr_file_keys_t *k, const uint8_t W[32]);
void layr_file_keys_wipe(layr_file_keys_t *k);

/* Owner: Ed25519 seed is KDF(master, "identity"). catalogue W is KDF(master, "catalogue"). */
void layr_owner_seed(uint8_t seed[32], const uint8_t master[32]);
void layr_sign_public(uint8_t pub[32], const uint8_t seed[32]);
/* Place i (0..2) of a record in the DHT: SHA-256(record id, byte i). */
#define LAYR_RECORD_PLACES 3
int layr_record_place(uint8_t out[32], const uint8_t record_id[32], unsigned i) LAYR_CHECKED;
/* Host id: SHA-256 of the public key. */
int layr_host_id(uint8_t out[32], const uint8_t pub[32]) LAYR_CHECKED;

/* Ed25519, deterministic. verify: 0 or LAYR_ERR_AUTH (also for low-order keys and non-canonical S). */
void layr_sign(uint8_t sig[64], const void *msg, size_t len, const uint8_t seed[32]);
int layr_verify(const uint8_t sig[64], const void *msg, size_t len, const uint8_t pub[32]) LAYR_CHECKED;

/*
 * Capabilities as strings: layr:w:<W>, layr:r:<record id>:<R>, layr:v:<record id>:<P>:<A>.
 * Parse zeroes k, fills what the cap gives and sets rights. LAYR_ERR_CAP, and k untouched, when it is not a cap:
 * white space around it is the caller's to cut off.
 */
#define LAYR_CAP_MAX 160
int layr_cap_parse(layr_file_keys_t *k, const char *s, size_t len) LAYR_CHECKED;
/* kind: 'w', 'r' or 'v'. LAYR_ERR_CAP when k has not what that needs. */
int layr_cap_format(char out[LAYR_CAP_MAX], const layr_file_keys_t *k, char kind) LAYR_CHECKED;

/* Recovery phrase: BIP-39, 24 English words of 32 bytes of entropy, single spaces, lower case. */
#define LAYR_PHRASE_MAX 256
void layr_phrase_from_key(char out[LAYR_PHRASE_MAX], const uint8_t master[32]);
/*
 * White space and case are forgiven. LAYR_ERR_FORMAT: not 24 words; LAYR_ERR_NOTFOUND: an unknown word,
 * its place (1..24) in *bad_word (which may be NULL); LAYR_ERR_AUTH: the checksum does not match.
 */
int layr_phrase_to_key(uint8_t master[32], const char *phrase, size_t len, unsigned *bad_word) LAYR_CHECKED;
/* The general BIP-39 form, for 16 to 32 bytes of entropy in steps of 4 (known answers). LAYR_ERR_LIMIT: over cap. */
int layr_bip39_encode(char *out, size_t cap, const uint8_t *entropy, size_t len) LAYR_CHECKED;

/*
 * The owner's key file: text, mode 0600, a newline after every line, nothing else. Plain:
 *
 *     layr-key-v1
 *     <64 hex digits: the master secret>
 *
 * Wrapped: the costs are libsodium's opslimit (1 to 10) and memlimit in bytes (8 KiB to 1 GiB), decimal; the key is
 * Argon2id v1.3 of the passphrase (32 bytes out); the last line seals the secret with XChaCha20-Poly1305 (IETF, no
 * additional data), tag at the end:
 *
 *     layr-key-v1 argon2id
 *     <opslimit>
 *     <memlimit>
 *     <32 hex digits: salt>
 *     <48 hex digits: nonce>
 *     <96 hex digits: sealed secret>
 *
 * write: never over an existing file (LAYR_ERR_EXISTS); temp file, fsync, link, fsync of the folder, which must be
 * there. passphrase NULL: not wrapped; an empty one is LAYR_ERR_ARG.
 * read: LAYR_ERR_KEY when the passphrase is needed (NULL given) or wrong, LAYR_ERR_NOTFOUND when there is none,
 * LAYR_ERR_CAP when group or others have any access, LAYR_ERR_FORMAT when it is no key file, LAYR_ERR_LIMIT when it
 * is over 4 KiB or a cost is out of its bounds, LAYR_ERR_IO otherwise, as for a symbolic link. A plain file is read
 * whatever passphrase is given.
 */
int layr_keyfile_write(const char *path, const uint8_t master[32], const char *passphrase,
                       layr_diag_t *d) LAYR_CHECKED;
int layr_keyfile_read(uint8_t master[32], const char *path, const char *passphrase,
                      layr_diag_t *d) LAYR_CHECKED;
/* Does this key file want a passphrase? 1, 0, or an error. */
int layr_keyfile_is_wrapped(const char *path) LAYR_CHECKED;

/* The salt of a shard or page copy: SHA-256(random, segment's keyed hash, index) cut to 16 bytes. */
int layr_salt(uint8_t out[16], const uint8_t random[32], const uint8_t seg_hash[32],
              uint8_t index) LAYR_CHECKED;
/* Keyed hash of a segment's plaintext: KDF(R, "segment", sha256); of a page: KDF(P, "segment", sha256). */
void layr_segment_hash(uint8_t out[32], const uint8_t key[32], const uint8_t sha256[32]);

/*
 * AES-256-GCM, one chunk a time, no additional data; nonce = chunk number u64 LE, flag (1 on the last), 0 0 0.
 * A sealer holds one key's schedule: one for each thread and key. out is len + 16 bytes for seal, len - 16 for open;
 * in and out may be the same place, but not overlap otherwise. open: LAYR_ERR_AUTH leaves out zeroed;
 * LAYR_ERR_FORMAT: shorter than a tag. LAYR_ERR_ARG before a key was set; LAYR_ERR_LIMIT over 1 GiB.
 */
#define LAYR_SEAL_OVERHEAD 16
typedef struct layr_sealer layr_sealer_t;
int layr_sealer_new(layr_sealer_t **out) LAYR_CHECKED;
void layr_sealer_free(layr_sealer_t *s);
int layr_sealer_key(layr_sealer_t *s, const uint8_t key[32]) LAYR_CHECKED;
int layr_seal_chunk(layr_sealer_t *s, uint8_t *out, const uint8_t *in, size_t len, uint64_t chunk,
                    int last) LAYR_CHECKED;
int layr_open_chunk(layr_sealer_t *s, uint8_t *out, const uint8_t *in, size_t len, uint64_t chunk,
                    int last) LAYR_CHECKED;
/* Shard key KDF(R, "shard", salt); page key KDF(P, "page", salt). */
void layr_shard_key(uint8_t out[32], const uint8_t R[32], const uint8_t salt[16]);
void layr_page_key(uint8_t out[32], const uint8_t P[32], const uint8_t salt[16]);

/*
 * A root's half: 32 random bytes s, ciphertext, 16-byte GCM tag; nonce zero; key KDF(key, label, s). out: len + 48 for
 * seal, len - 48 for open; in and out do not overlap. Fails as above.
 */
#define LAYR_HALF_OVERHEAD 48
int layr_half_seal(uint8_t *out, const uint8_t key[32], const char *label, const uint8_t s[32],
                   const uint8_t *in, size_t len) LAYR_CHECKED;
int layr_half_open(uint8_t *out, const uint8_t key[32], const char *label, const uint8_t *in,
                   size_t len) LAYR_CHECKED; /* out: len - 48 */

#endif
