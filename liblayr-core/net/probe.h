/* One URL of layr_hosts_resolve. */
#ifndef LAYR_NET_PROBE_H
#define LAYR_NET_PROBE_H

#include "layr/api.h"

#define LAYR_PROBE_ANSWER_MAX 8192 /* two statements of at most about a KiB each */
#define LAYR_PROBE_MS 15000

/* A host that is being asked who it is: one or two requests, each with a nonce of its own. */
typedef struct layr_probe {
    layr_net_t *net;
    layr_host_t *host;
    void (*done)(struct layr_probe *p); /* on the net thread, once; host->error says how it ended */
    void *ctx;
    const char *const *headers; /* of the request, or NULL */
    uint64_t group;             /* layr_req_t's */
    bool wants_id;
    uint8_t want_id[32];
    char url[LAYR_URL_MAX + 128];
    char nonce[44];
    layr_req_t req;
    uint8_t answer[LAYR_PROBE_ANSWER_MAX];
} layr_probe_t;

/* Begin. Fails only when nothing was begun; done is not called then. */
int layr_probe_start(layr_probe_t *p) LAYR_CHECKED;

/* "URL" or "URL#<id>" into host->url and the probe's want_id; a trailing slash is taken off. */
int layr_probe_parse_url(layr_probe_t *p, const char *text) LAYR_CHECKED;
/* layr_kad_group of an address as text; 0 when it is none. */
uint64_t layr_probe_group(const char *ip);

#endif
