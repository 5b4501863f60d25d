/*
 * Signed statements: JWS in compact form (RFC 7515; EdDSA, RFC 8037) and the kinds of docs/protocol.md section 5.
 * Parsing is strict: unknown alg, typ, version or member, duplicate members, trailing bytes, deep nesting are refused.
 */
#ifndef LAYR_STATEMENT_H
#define LAYR_STATEMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "layr/crypto.h"
#include "layr/error.h"

#define LAYR_JWS_MAX 65536      /* characters of a compact JWS */
#define LAYR_CONTACT_MAX 1024   /* of a contact */
#define LAYR_ORDER_MAX 2048     /* of an order */
#define LAYR_SKEW 300           /* seconds by which two honest clocks may differ */
#define LAYR_AHEAD_MAX 34560000 /* 400 days: how far ahead orders and records may reach */
#define LAYR_URL_MAX 200
#define LAYR_PINS_MAX 4
#define LAYR_RAILS_MAX 4
#define LAYR_RAIL_MAX 16
#define LAYR_ORDERS_MAX 256
#define LAYR_PREV_MAX 8
#define LAYR_NONCE_MAX 64

typedef int64_t layr_time_t; /* seconds since 1970 */

/*
 * Every *_parse takes (jws, len, now) and: LAYR_ERR_LIMIT too long, LAYR_ERR_FORMAT not well formed,
 * LAYR_ERR_VERSION an alg, typ, v or member that is not ours, LAYR_ERR_AUTH the signature, LAYR_ERR_EXPIRED,
 * LAYR_ERR_FUTURE, LAYR_ERR_LIMIT also for an exp too far ahead.  The signature is checked before the payload is read.
 * A member that is missing, twice there, of another type or out of its range is LAYR_ERR_FORMAT.
 * On failure the output is zeroed.
 *
 * Every *_sign gives a malloc'd NUL-terminated string in *out, which the caller frees.  It signs nothing that a reader
 * would refuse: LAYR_ERR_ARG for a field out of range, LAYR_ERR_LIMIT when the result is too long.  The signer (owner,
 * record id) and a contact's and node's host id follow from the seed: what the structure has there is not looked at.
 */
typedef struct layr_contact {
    uint8_t signer[32];         /* the host's public key */
    uint8_t host[32];           /* its id */
    char url[LAYR_URL_MAX + 1]; /* "" when it gives none */
    bool h2c, leaving;
    uint64_t seq, capacity, free, price;
    unsigned rail_count, pin_count;
    char rails[LAYR_RAILS_MAX][LAYR_RAIL_MAX + 1];
    uint8_t pins[LAYR_PINS_MAX][32];
    layr_time_t iat, exp;
} layr_contact_t;

int layr_contact_parse(layr_contact_t *out, const char *jws, size_t len, layr_time_t now) LAYR_CHECKED;
/*
 * Host and sequence as a contact states them; nothing is checked, neither signature nor times: to see whether it is worth
 * that.  LAYR_ERR_FORMAT, LAYR_ERR_LIMIT, LAYR_ERR_NOMEM.
 */
int layr_contact_peek(uint8_t host[32], uint64_t *seq, const char *jws, size_t len) LAYR_CHECKED;
int layr_contact_sign(char **out, const layr_contact_t *c, const uint8_t seed[32]) LAYR_CHECKED;
/*
 * Is this a URL a contact may hold? Scheme http or https, host, optional port and path, no trailing slash; no
 * user, query, fragment, %-escape, empty or dot segment.
 */
bool layr_url_ok(const char *url, size_t len);

typedef struct layr_node {
    uint8_t signer[32], host[32], contact[32];
    char nonce[LAYR_NONCE_MAX + 1];
    layr_time_t iat, exp; /* exp = iat + 60 */
} layr_node_t;

bool layr_nonce_ok(const char *nonce, size_t len); /* 16 to 64 of base64url's alphabet */
int layr_node_parse(layr_node_t *out, const char *jws, size_t len, layr_time_t now) LAYR_CHECKED;
int layr_node_sign(char **out, const layr_node_t *n, const uint8_t seed[32]) LAYR_CHECKED;

typedef struct layr_order {
    uint8_t owner[32]; /* signer */
    uint8_t order[16], host[32], shard[32], group[16], audit[32];
    uint64_t size, price;
    char rail[LAYR_RAIL_MAX + 1]; /* "none" */
    bool has_lock;
    uint8_t lock_salt[32], lock_hash[32];
    layr_time_t iat, exp;
} layr_order_t;

int layr_order_parse(layr_order_t *out, const char *jws, size_t len, layr_time_t now) LAYR_CHECKED;
int layr_order_sign(char **out, const layr_order_t *o, const uint8_t seed[32]) LAYR_CHECKED;

typedef enum layr_action { LAYR_RENEW = 1, LAYR_RELEASE } layr_action_t;
typedef struct layr_orders {
    uint8_t owner[32], host[32], group[16];
    layr_action_t action;
    layr_time_t iat, exp, until; /* until: with LAYR_RENEW only, else 0 */
    unsigned count;
    uint8_t order[LAYR_ORDERS_MAX][16];
} layr_orders_t;

int layr_orders_parse(layr_orders_t *out, const char *jws, size_t len, layr_time_t now) LAYR_CHECKED;
int layr_orders_sign(char **out, const layr_orders_t *o, const uint8_t seed[32]) LAYR_CHECKED;

#define LAYR_CHALLENGE_MAX 32768                 /* of a challenge */
#define LAYR_CHALLENGE_SHARDS 256                /* in a challenge */
#define LAYR_CHALLENGE_BYTES (UINT64_C(1) << 30) /* of blobs that a host reads for one challenge */
typedef struct layr_challenge {
    uint8_t audit[32]; /* signer: the group's audit key */
    uint8_t host[32], group[16], seed[32];
    uint64_t sample;      /* blocks of each shard; 0: all of them */
    layr_time_t iat, exp; /* at most 600 seconds */
    unsigned count;
    uint8_t shard[LAYR_CHALLENGE_SHARDS][32]; /* distinct */
} layr_challenge_t;

int layr_challenge_parse(layr_challenge_t *out, const char *jws, size_t len, layr_time_t now) LAYR_CHECKED;
int layr_challenge_sign(char **out, const layr_challenge_t *c, const uint8_t seed[32]) LAYR_CHECKED;

#define LAYR_ROOT_MAX 32768
typedef struct layr_record {
    uint8_t id[32];     /* signer: the record id */
    uint8_t sha256[32]; /* of the compact JWS's bytes */
    uint64_t seq;
    unsigned prev_count;
    uint8_t prev[LAYR_PREV_MAX][32];
    layr_time_t iat, exp;
    uint8_t *root; /* malloc'd by parse; root_len 0: removed by the owner */
    size_t root_len;
} layr_record_t;

/*
 * layr_record_free after a successful parse. An expired record is LAYR_ERR_EXPIRED, a root over LAYR_ROOT_MAX is
 * LAYR_ERR_LIMIT. sign reads root, root_len (0: removed), seq, prev and the times.
 */
int layr_record_parse(layr_record_t *out, const char *jws, size_t len, layr_time_t now) LAYR_CHECKED;
int layr_record_sign(char **out, const layr_record_t *r, const uint8_t seed[32]) LAYR_CHECKED;
void layr_record_free(layr_record_t *r);
/* Does this record belong at this place? The place's number 0..2, or LAYR_ERR_NOTFOUND. */
int layr_record_place_of(const layr_record_t *r, const uint8_t place[32]) LAYR_CHECKED;
/*
 * What a holder of `own` (NULL: none) does with `next` of the same id: LAYR_OK take it, LAYR_ERR_EXISTS identical,
 * LAYR_ERR_CONFLICT keep own. An equal or higher sequence is never replaced, not even one that `next` names.
 */
int layr_record_accept(const layr_record_t *own, const layr_record_t *next) LAYR_CHECKED;

/*
 * A problem document (RFC 9457) as a host sent it. Unknown members are passed over, and so are known ones of another
 * type; text is made printable (what a terminal would obey becomes '?') and cut at a character.
 */
typedef struct layr_problem {
    char type[64];    /* after urn:layr:problem:, or "" when it is not ours */
    char detail[512]; /* the title when there is no detail */
    int status;       /* 0 when absent */
} layr_problem_t;
int layr_problem_parse(layr_problem_t *out, const char *json, size_t len) LAYR_CHECKED; /* len <= 4096 */

/* The answer of POST v1/orders. */
typedef struct layr_orders_answer {
    unsigned done_count, missing_count;
    uint8_t done[LAYR_ORDERS_MAX][16], missing[LAYR_ORDERS_MAX][16];
} layr_orders_answer_t;
int layr_orders_answer_parse(layr_orders_answer_t *out, const char *json, size_t len) LAYR_CHECKED;

/*
 * The answer of GET v1/node, checked against the nonce that was sent and, unless NULL, the host id expected.
 * nonce NULL: `node` is not looked at. LAYR_ERR_AUTH when anything does not match or `node` is missing; else as the
 * parsers of contact and node say.
 */
int layr_node_answer_check(layr_contact_t *out, const char *json, size_t len, const char *nonce,
                           const uint8_t *want_host, layr_time_t now) LAYR_CHECKED;
/* The contact of an answer, NUL-terminated, to be passed on. LAYR_ERR_FORMAT, LAYR_ERR_LIMIT, LAYR_ERR_NOMEM. */
int layr_node_answer_contact(char out[LAYR_CONTACT_MAX + 1], const char *json, size_t len) LAYR_CHECKED;

/*
 * The answer of GET v1/closest: contacts, as they are; nothing of them is looked at. LAYR_ERR_LIMIT: longer than
 * LAYR_CLOSEST_MAX, or more than LAYR_CLOSEST_COUNT.  An entry that is no string or too long to be a contact is
 * LAYR_ERR_FORMAT.  The texts are out's, and layr_closest_free's after a success.
 */
#define LAYR_CLOSEST_COUNT 20
#define LAYR_CLOSEST_MAX 32768
typedef struct layr_closest {
    unsigned count;
    const char *contact[LAYR_CLOSEST_COUNT]; /* NUL-terminated */
    size_t len[LAYR_CLOSEST_COUNT];
    void *json;
} layr_closest_t;
int layr_closest_parse(layr_closest_t *out, const char *json, size_t len) LAYR_CHECKED;
void layr_closest_free(layr_closest_t *c); /* harmless on a zeroed one */

#endif
