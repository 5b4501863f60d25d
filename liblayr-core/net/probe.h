/* One URL of layr_hosts_resolve. */
#ifndef LAYR_NET_PROBE_H
#define LAYR_NET_PROBE_H

#include <pthread.h>

#include "layr/api.h"

#define LAYR_PROBE_ANSWER_MAX 8192 /* two statements of at most about a KiB each */
#define LAYR_PROBE_MS 15000

typedef struct layr_probes layr_probes_t;

/* A host that is being asked who it is: one or two requests, each with a nonce of its own. */
typedef struct layr_probe {
    layr_probes_t *all;
    layr_host_t *host;
    bool wants_id;
    uint8_t want_id[32];
    char url[LAYR_URL_MAX + 128];
    char nonce[44];
    layr_req_t req;
    uint8_t answer[LAYR_PROBE_ANSWER_MAX];
} layr_probe_t;

/* Begin. The host's error says how it ended when `left` of all has come down. Fails only when nothing was
 * begun. */
int layr_probe_start(layr_probe_t *p, layr_probes_t *all) LAYR_CHECKED;

struct layr_probes {
    layr_net_t *net;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    size_t left; /* under the lock */
};

/* "URL" or "URL#<id>" into host->url and the probe's want_id; a trailing slash is taken off. */
int layr_probe_parse_url(layr_probe_t *p, const char *text) LAYR_CHECKED;
/* The /24 or /48 of an address, never 0; 0 when it is none. */
unsigned layr_probe_group(const char *ip);

#endif
