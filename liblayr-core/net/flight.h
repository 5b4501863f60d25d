/* What the files of the transport share: a request under way, a host's queue, the transport itself. */
#ifndef LAYR_NET_FLIGHT_H
#define LAYR_NET_FLIGHT_H

#include <curl/curl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "layr/net.h"
#include "net/watch.h"

#define LAYR_NET_ACTIVE_MAX 256       /* requests at a time, to all hosts: bounds sockets and buffers */
#define LAYR_NET_HEADERS_MAX 65536    /* bytes of response headers, interim answers and trailers with them */
#define LAYR_NET_ERROR_BODY_MAX 65536 /* of the body of an error, however much of it is kept */
#define LAYR_NET_BUFFER 524288L       /* curl's buffer for bulk data to send */
#define LAYR_NET_BUFFER_IN 131072L /* for bulk data to come: as fast, and a get has some hundred under way */
#define LAYR_NET_BULK 65536        /* from this size on a body is bulk */
/*
 * From this size on a body to send is worth that buffer: of smaller ones, as large schemes have them, so many
 * are under way that the buffers would be more than the bodies.
 */
#define LAYR_NET_BULK_SENT (1u << 20)

typedef struct layr_origin layr_origin_t;
typedef struct layr_waiter layr_waiter_t;
typedef struct layr_sockets layr_sockets_t;

/* A request between submit and done. Only `cancelled` and `all` are shared between threads, under the net's
 * lock. */
typedef struct layr_flight {
    TAILQ_ENTRY(layr_flight) all;  /* every flight there is */
    TAILQ_ENTRY(layr_flight) wait; /* submitted, or in its origin's queue, or on the air */
    layr_net_t *net;
    layr_req_t *req;
    layr_waiter_t *waiter; /* layr_net_run's, or NULL */
    bool cancelled;
    layr_origin_t *origin;
    bool on_air; /* counted in its origin's active */
    bool again;  /* its connection sent it away, and it was begun anew */
    CURL *easy;  /* NULL until it is on the air */
    layr_sockets_t *sockets;
    int fd; /* of its connection; -1 while it has none */
    struct curl_slist *headers;
    layr_watch_t watch;
    uint64_t started_ms;
    size_t body_off;       /* how far curl has read the body */
    size_t sent, received; /* body bytes on the wire, as last told to progress */
    size_t header_bytes;
    bool head_open;    /* a status line came, and the empty line after its headers did not yet */
    size_t error_seen; /* bytes of an error's body, kept or not */
    int fault;         /* set by a callback that stopped the transfer */
    bool walled;       /* an address was out of the request's reach */
    char why[CURL_ERROR_SIZE];
} layr_flight_t;

TAILQ_HEAD(layr_flight_list, layr_flight);

/* Of the net thread: all that are open, and whose they may be. */
struct layr_sockets {
    int *fd;
    size_t count, cap;
    struct layr_flight_list *flying;
};

/* One scheme, host and port: at most max_per_host requests on the air, the rest waits, by priority. */
struct layr_origin {
    TAILQ_ENTRY(layr_origin) ready; /* while something waits and may start */
    layr_origin_t *next;            /* in its hash bucket */
    bool is_ready;
    long active;
    struct layr_flight_list waiting;
    char key[]; /* "https://host:port", lower case */
};

TAILQ_HEAD(layr_origin_list, layr_origin);

#define LAYR_ORIGIN_BUCKETS 256
typedef struct layr_origins {
    layr_origin_t *bucket[LAYR_ORIGIN_BUCKETS];
    struct layr_origin_list ready; /* taken in turn, so that no host starves another */
    long max_per_host;
} layr_origins_t;

void layr_origins_init(layr_origins_t *o, long max_per_host);
/* An origin's queue or count has changed. */
void layr_origins_settle(layr_origins_t *o, layr_origin_t *g);
/* Put a flight into its origin's queue, in order of priority. */
int layr_origin_add(layr_origins_t *o, layr_flight_t *f) LAYR_CHECKED;
/* Next flight to start, taken out of its queue and counted as active; NULL when none may start. */
layr_flight_t *layr_origin_next(layr_origins_t *o);
/* A flight leaves: out of the queue or off the air. The origin goes with its last flight. */
void layr_origin_remove(layr_origins_t *o, layr_flight_t *f);

/* An easy handle set up for this flight; easy is a fresh one. */
int layr_easy_setup(layr_flight_t *f, CURL *easy, const layr_net_config_t *c) LAYR_CHECKED;
/* A large body to send, on a connection of its own. */
bool layr_easy_is_bulk(const layr_req_t *r);
/* CURL_HTTP_VERSION_*: what this request asks for. */
long layr_easy_http_version(const layr_req_t *r);
/* Zero the result fields. */
void layr_easy_clear_result(layr_req_t *r);

/* Keep f->fd true. Options are missing (no memory) when this is true. */
bool layr_sockets_watch(layr_sockets_t *s, layr_flight_t *f, CURL *easy) LAYR_CHECKED;
/* The last byte of a large body was handed over: what is left goes out without waiting for more. */
void layr_sockets_uncork(const layr_flight_t *f);
/* When curl has closed them all. */
void layr_sockets_free(layr_sockets_t *s);

/* May a request of this reach connect to that address? */
bool layr_reach_covers(layr_reach_t reach, const char *ip);

/* Fill the request's result from what curl says. */
void layr_outcome_fill(layr_flight_t *f, CURLcode code);
/* Fill it with an error of our own. */
void layr_outcome_error(layr_flight_t *f, int error, const char *text);
/* Did this code mean that no connection could be made at all? */
bool layr_outcome_is_unreachable(CURLcode code);

/* URL and headers without control characters, http or https. */
bool layr_easy_request_ok(const layr_req_t *r);

#endif
