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
#include "layr/statement.h"

/* A host as the client knows it. Fixed once known; scores change under the list's lock. */
typedef struct layr_host {
    uint8_t id[32];
    char url[LAYR_URL_MAX + 1];  /* no trailing slash */
    bool h2c;
    layr_trust_t trust;
    unsigned pin_count;
    uint8_t pins[LAYR_PINS_MAX][32];
    uint64_t capacity, free, price;
    bool leaving;
    unsigned group;              /* network group: /24 or /48 of the address, hashed; 0 unknown */
    atomic_uint failures;        /* transport failures in this run */
    atomic_ullong bytes_s;       /* smoothed speed of its transfers, bytes a second; 0 unknown */
    int error;                   /* LAYR_OK when v1/node was answered and checked; else why not */
    char error_text[256];
} layr_host_t;

typedef struct layr_hosts {
    layr_host_t *host;           /* count of them, in the order given; those with error set too */
    size_t count;
} layr_hosts_t;

/*
 * Find out who is behind each URL, all at a time: `URL` or `URL#<64 hex digits>`.  With an id: v1/node over an
 * unverified connection, then signature, id and nonce are checked and its pins are trusted.  Without: CA (or http).
 * The same host twice is kept once.  LAYR_ERR_ARG for a malformed URL (d names it).  Hosts that do not answer stay in the list with error set.
 */
int layr_hosts_resolve(layr_hosts_t *out, layr_net_t *net, const char *const *urls, size_t count, layr_diag_t *d) LAYR_CHECKED;
void layr_hosts_free(layr_hosts_t *h);
layr_host_t *layr_hosts_find(const layr_hosts_t *h, const uint8_t id[32]); /* NULL when not there; only usable ones (error 0) */
size_t layr_hosts_usable(const layr_hosts_t *h);

/*
 * Fill a request for a call; r is zeroed first and keeps url, headers and texts in `mem`, which the caller frees with
 * layr_call_free after done.  ctx, done, into and into_cap are the caller's to set afterwards (PUT, POST: small answer
 * buffers are in mem already).
 */
typedef struct layr_call {
    layr_req_t req;
    const layr_host_t *host;
    char url[LAYR_URL_MAX + 128];
    char range[64];
    char content_type[64];
    char *auth;                  /* malloc'd Authorization header */
    const char *headers[6];
    char answer[16384];          /* answers of PUT, POST and problems of PUT and POST */
    layr_problem_t problem;      /* filled by layr_call_result when status is 400 or above */
    size_t expect;               /* bytes a GET must bring */
} layr_call_t;

int layr_call_put_shard(layr_call_t *c, const layr_host_t *h, const uint8_t id[32], const char *order_jws,
                        const uint8_t *blob, size_t len) LAYR_CHECKED;
/* Whole blob of `len` bytes, or with first < last + 1 <= len of it the bytes first..last. into holds len (or last - first + 1) bytes. */
int layr_call_get_shard(layr_call_t *c, const layr_host_t *h, const uint8_t id[32], uint8_t *into, size_t len) LAYR_CHECKED;
int layr_call_get_range(layr_call_t *c, const layr_host_t *h, const uint8_t id[32], uint8_t *into, uint64_t first, uint64_t last) LAYR_CHECKED;
int layr_call_head_shard(layr_call_t *c, const layr_host_t *h, const uint8_t id[32]) LAYR_CHECKED;
int layr_call_orders(layr_call_t *c, const layr_host_t *h, const char *orders_jws, size_t len) LAYR_CHECKED;
int layr_call_put_record(layr_call_t *c, const layr_host_t *h, const uint8_t place[32], const char *jws, size_t len,
                         uint8_t *into, size_t cap /* a 412's record */) LAYR_CHECKED;
int layr_call_get_record(layr_call_t *c, const layr_host_t *h, const uint8_t place[32], uint8_t *into, size_t cap) LAYR_CHECKED;
void layr_call_free(layr_call_t *c);

/*
 * After done: LAYR_OK for the success of that call (PUT shard 200/201; GET shard with exactly the bytes expected;
 * record PUT 200/201; ...), LAYR_ERR_CONFLICT for 412, LAYR_ERR_NOTFOUND for 404, LAYR_ERR_NOSPACE for 507,
 * LAYR_ERR_UNAVAILABLE for 503, LAYR_ERR_REFUSED for other refusals (problem is filled; its text is the host's),
 * LAYR_ERR_FORMAT for an answer that makes no sense, else the transport's error.
 */
int layr_call_result(layr_call_t *c) LAYR_CHECKED;
/* One sentence: which host, what it answered. */
void layr_call_text(const layr_call_t *c, char *out, size_t cap);

#endif
