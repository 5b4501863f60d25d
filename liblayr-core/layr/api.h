/*
 * The client of a host's HTTP API (docs/protocol.md section 6): hosts, trust, and each call's request and answer.
 */
#ifndef LAYR_API_H
#define LAYR_API_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "layr/crypto.h"
#include "layr/error.h"
#include "layr/net.h"
#include "layr/proof.h"
#include "layr/statement.h"

/* A host as the client knows it. Fixed once known; scores change under the list's lock. */
typedef struct layr_host {
    uint8_t id[32];
    char url[LAYR_URL_MAX + 1]; /* no trailing slash */
    bool h2c;
    layr_trust_t trust;
    layr_reach_t reach; /* ANY: the user named it; else of what others say */
    unsigned pin_count;
    uint8_t pins[LAYR_PINS_MAX][32];
    uint64_t capacity, free, price;
    bool leaving;
    uint64_t group;        /* network group of the address (layr_kad_group); 0 unknown */
    atomic_uint failures;  /* transport failures in this run */
    atomic_ullong bytes_s; /* smoothed speed of its transfers, bytes a second; 0 unknown */
    int error;             /* LAYR_OK when v1/node was answered and checked; else why not */
    char error_text[256];
} layr_host_t;

typedef struct layr_hosts {
    layr_host_t
        *host; /* count of them, in the order given; those with error set too. They stay where they are */
    size_t count, cap; /* cap: room for so many */
} layr_hosts_t;
/* An empty list that layr_hosts_add fills; memory is used as it grows. LAYR_ERR_NOMEM. */
#define LAYR_HOSTS_MAX 16384
int layr_hosts_open(layr_hosts_t *out) LAYR_CHECKED;
/* A copy of h at the end; NULL when the list is full. */
layr_host_t *layr_hosts_add(layr_hosts_t *list, const layr_host_t *h);

/*
 * Find out who is behind each URL, all at a time: `URL` or `URL#<64 hex digits>`.  With an id: v1/node over an
 * unverified connection, then signature, id and nonce are checked and its pins are trusted (none: by CA).  Without: by
 * CA (or http), and the id is learned.  On http:// HTTP/1.1 is tried first, then HTTP/2 with prior knowledge.
 * The same host twice is kept once.  LAYR_ERR_ARG for a malformed URL (d names it).  Hosts that do not answer stay in
 * the list with error set.  Blocks; not from the net thread.
 */
int layr_hosts_resolve(layr_hosts_t *out, layr_net_t *net, const char *const *urls, size_t count,
                       layr_diag_t *d) LAYR_CHECKED;
/*
 * Who a contact says its host is; checked by the caller. group is not known by it. LAYR_ERR_NOTFOUND: it gives no URL.
 */
int layr_host_of_contact(layr_host_t *out, const layr_contact_t *c, layr_reach_t reach) LAYR_CHECKED;
void layr_hosts_free(layr_hosts_t *h);
layr_host_t *layr_hosts_find(const layr_hosts_t *h,
                             const uint8_t id[32]); /* NULL when not there; only usable ones (error 0) */
size_t layr_hosts_usable(const layr_hosts_t *h);

/*
 * A call is filled by one of the functions below, which zero it first; the caller then sets req.ctx and req.done (and
 * may change limits and priority), gives &c->req to the transport, and after done looks at layr_call_result; at last
 * layr_call_free, which is harmless on a zeroed or failed one.  A call points into itself: it must not be moved.
 * Limits: shards must move 1 KiB/s; the rest must be over in 30 s.
 */
#define LAYR_CALL_MIN_BYTES_S 1024
#define LAYR_CALL_SMALL_MS 30000
typedef struct layr_call {
    layr_req_t req;
    layr_host_t *host; /* its scores are updated by layr_call_result */
    char url[LAYR_URL_MAX + 128];
    char range[64];
    char *auth; /* malloc'd Authorization header */
    const char *headers[6];
    char answer[16384];     /* answers of PUT, POST and problems of PUT and POST */
    layr_problem_t problem; /* filled by layr_call_result when status is 400 or above */
    size_t expect;          /* bytes a GET must bring */
    uint8_t id[32];         /* the shard or place asked for */
    int kind;               /* which call this is: call.c's own */
    bool scored;            /* the host's scores have seen this result */
} layr_call_t;

int layr_call_put_shard(layr_call_t *c, layr_host_t *h, const uint8_t id[32], const char *order_jws,
                        const uint8_t *blob, size_t len) LAYR_CHECKED;
/* Whole blob of `len` bytes, or with first < last + 1 <= len of it the bytes first..last. into holds len (or last - first + 1) bytes. */
int layr_call_get_shard(layr_call_t *c, layr_host_t *h, const uint8_t id[32], uint8_t *into,
                        size_t len) LAYR_CHECKED;
int layr_call_get_range(layr_call_t *c, layr_host_t *h, const uint8_t id[32], uint8_t *into, uint64_t first,
                        uint64_t last) LAYR_CHECKED;
int layr_call_head_shard(layr_call_t *c, layr_host_t *h, const uint8_t id[32]) LAYR_CHECKED;
int layr_call_orders(layr_call_t *c, layr_host_t *h, const char *orders_jws, size_t len) LAYR_CHECKED;
int layr_call_put_record(layr_call_t *c, layr_host_t *h, const uint8_t place[32], const char *jws, size_t len,
                         uint8_t *into, size_t cap /* a 412's record */) LAYR_CHECKED;
int layr_call_get_record(layr_call_t *c, layr_host_t *h, const uint8_t place[32], uint8_t *into,
                         size_t cap) LAYR_CHECKED;
/* FIND_NODE: into is for layr_closest_parse; LAYR_CLOSEST_MAX bytes are room enough. */
int layr_call_closest(layr_call_t *c, layr_host_t *h, const uint8_t target[32], uint8_t *into,
                      size_t cap) LAYR_CHECKED;
/*
 * A challenge, over `bytes` that the host has to read for it: it may take that long.  The answer of LAYR_ANSWER_BYTES, or a
 * problem document, goes to into: LAYR_AUDIT_INTO bytes are room enough.  LAYR_ERR_NOTFOUND: layr_missing_parse says which.
 */
#define LAYR_AUDIT_INTO 32768
#define LAYR_CALL_AUDIT_BYTES_MS 4096 /* 4 MiB a second: a slow disk */
int layr_call_audit(layr_call_t *c, layr_host_t *h, const char *challenge_jws, size_t len, uint64_t bytes,
                    uint8_t *into, size_t cap) LAYR_CHECKED;
void layr_call_free(layr_call_t *c);
/* One that was allocated, and its memory; *c is NULL then. */
void layr_call_drop(layr_call_t **c);

/*
 * After done: LAYR_OK for the success of that call (PUT shard: 200/201 that names this shard; GET shard: exactly the
 * bytes expected; HEAD: this shard's ETag; record PUT: 200/201; record GET, orders and closest: 200 of their media type),
 * LAYR_ERR_CONFLICT for 412, LAYR_ERR_NOTFOUND for 404, LAYR_ERR_NOSPACE for 507, LAYR_ERR_UNAVAILABLE for 502, 503
 * and 504, LAYR_ERR_REFUSED for other refusals (problem is filled; its text is the host's), LAYR_ERR_FORMAT for an
 * answer that makes no sense (so a captive portal's page is no success), else the transport's error.  A PUT or POST that ends with
 * LAYR_ERR_REFUSED and req.status 0 was cut short by the host without saying why: layr_call_head_shard tells whether
 * the shard is there.  Updates the host's scores, once.
 */
int layr_call_result(layr_call_t *c) LAYR_CHECKED;
/* The shards that a problem shards-missing names; out has room for LAYR_CHALLENGE_SHARDS. LAYR_ERR_FORMAT, LAYR_ERR_LIMIT. */
int layr_missing_parse(uint8_t (*out)[32], unsigned *count, const char *json, size_t len) LAYR_CHECKED;
/* One sentence: which host, what it answered. */
void layr_call_text(const layr_call_t *c, char *out, size_t cap);

#endif
