/*
 * The transport: one thread that runs libcurl's multi interface for many requests at a time (HTTP/2 multiplexed
 * where the host speaks it).  The only place of the library with sockets.
 */
#ifndef LAYR_NET_H
#define LAYR_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "layr/error.h"

typedef struct layr_net layr_net_t;

typedef struct layr_net_config {
    const char *ca_file;    /* NULL: the system's CAs */
    long connect_ms;        /* 0: 5,000 */
    long stall_ms;          /* 0: 8,000: no byte either way for this long ends a request */
    long max_per_host;      /* 0: 8 requests at a time to one host; more wait in its queue */
    const char *user_agent; /* NULL: "layr/<version>" */
} layr_net_config_t;

/* c may be NULL: all defaults. */
int layr_net_new(layr_net_t **out, const layr_net_config_t *c) LAYR_CHECKED;
/*
 * Cancels what is under way (its done is called with LAYR_ERR_CANCELLED), ends the thread. Not from the net thread;
 * no other thread may still call in.
 */
void layr_net_free(layr_net_t *net);

/* TLS trust of a request's origin. */
typedef enum layr_trust {
    LAYR_TRUST_CA,   /* CA and host name */
    LAYR_TRUST_PINS, /* these keys and no other; the CA does not count */
    LAYR_TRUST_NONE  /* nothing checked: for v1/node only, which proves itself */
} layr_trust_t;

/*
 * Which addresses a request may connect to, looked at when it connects and for every address a name resolves to.  What
 * a stranger named must not lead into the caller's own network.  Addresses that are nobody's (unspecified, multicast,
 * broadcast, reserved) are never connected to but with ANY.  IPv6 that carries an IPv4 address (mapped, 6to4, NAT64)
 * counts as that one.
 */
typedef enum layr_reach {
    LAYR_REACH_ANY,     /* the user's own word */
    LAYR_REACH_PUBLIC,  /* what the internet routes */
    LAYR_REACH_PRIVATE, /* and private networks: RFC 1918, 6598, 4193 */
    LAYR_REACH_LOCAL    /* and this machine and its links: loopback, link-local */
} layr_reach_t;
/* The narrowest reach that has this address, as text; LAYR_REACH_ANY when it is nobody's, or none. */
layr_reach_t layr_reach_of(const char *ip);

/*
 * A request. Zero it first. All pointers must stay valid until done; net never frees them.  Redirects are not
 * followed; proxies, .netrc and cookies are not used; a TLS connection made under one trust serves no other.
 */
typedef struct layr_req {
    const char *method; /* "GET", "PUT", "POST", "HEAD" */
    const char *url;
    const char *const *headers; /* "Name: value", NULL-terminated, or NULL */
    const uint8_t *body;        /* NULL: none */
    size_t body_len;
    bool h2c; /* http: speak HTTP/2 with prior knowledge */
    layr_trust_t trust;
    const uint8_t (*pins)[32]; /* with LAYR_TRUST_PINS */
    unsigned pin_count;
    layr_reach_t reach;
    uint64_t group; /* 0, or: to addresses of this network group (layr_kad_group) only */
    long stall_ms;  /* 0: net's. Longer where the host has work to do before it answers */
    long total_ms;  /* whole request at most, without the wait in the host's queue; 0: none */
    long
        min_bytes_s; /* slower than this (either way, averaged over stall_ms) is LAYR_ERR_TIMEOUT; 0: only a standstill */
    uint8_t *into;       /* response body goes here ... */
    size_t into_cap;     /* ... and one longer than this fails with LAYR_ERR_LIMIT */
    uint8_t *error_into; /* not NULL: the body of a status of 400 or above goes here instead, */
    size_t error_cap;    /* cut at this length: so a long error page never hides its status */
    int priority;        /* higher first when requests wait for one host */
    void *ctx;           /* the caller's */
    /* Called once on the net thread; must not block; may submit. */
    void (*done)(struct layr_req *r);
    /* Called on the net thread as bytes come or go; may be NULL. */
    void (*progress)(struct layr_req *r, size_t sent, size_t received);

    /* The result. */
    /*
     * LAYR_OK when an HTTP answer came whole (whatever its status; a refusal that came before the body was all sent
     * counts), else
     *   NET        no connection, or cut off in the middle
     *   TIMEOUT    connect_ms, stall_ms, total_ms or min_bytes_s
     *   AUTH       the peer's certificate or key is not the one trusted
     *   ARG        every address that might have done is out of reach
     *   LIMIT      the body is longer than into_cap, or headers have no end
     *   FORMAT     what came is not HTTP
     *   REFUSED    HTTP/2 and a body to send: the host reset the request, and no status got through
     *   CANCELLED, NOMEM
     */
    int error;
    char error_text[256];   /* what the transport says, for a person; printable ASCII */
    int status;             /* HTTP status, 0 when none came */
    size_t into_len;        /* bytes received into `into` */
    size_t error_len;       /* bytes received into `error_into` */
    int64_t content_length; /* as announced, -1 when it was not */
    char content_type[64];  /* headers: "" when absent or too long to be one of ours */
    char content_range[64];
    char etag[80];
    char layr_contact[1025];
    char peer_ip[46]; /* the address connected to, or "" */
    long retry_after; /* seconds, or 0 */
    uint64_t usec;    /* from the start on the wire to the end */

    void *net_private; /* the transport's own, between submit and done */
} layr_req_t;

/*
 * Queue a request; done will be called unless this fails: LAYR_ERR_ARG for a URL that is not http(s) or a header with
 * control characters, LAYR_ERR_CANCELLED after layr_net_free began, LAYR_ERR_NOMEM.  When a connection to a host can't
 * be made, what waits in that host's queue ends with the same error.
 */
int layr_net_submit(layr_net_t *net, layr_req_t *r) LAYR_CHECKED;
/* Ask for an end: done follows with LAYR_ERR_CANCELLED unless it is over already. From any thread; r is only compared. */
void layr_net_cancel(layr_net_t *net, layr_req_t *r);
/* Submit and wait; gives r->error. Not from the net thread (LAYR_ERR_ARG). done, when set, is called too. */
int layr_net_run(layr_net_t *net, layr_req_t *r) LAYR_CHECKED;

#endif
