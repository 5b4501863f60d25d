/* What the files of the driver share. */
#ifndef LAYR_FLOW_DHT_H
#define LAYR_FLOW_DHT_H

#include "layr/dht.h"
#include "layr/thread.h"
#include "net/probe.h"

/* "Layr-Contact: ...", shared by all requests that were begun while it held. */
typedef struct layr_dht_header {
    unsigned uses;
    const char *lines[2];
    char text[LAYR_CONTACT_MAX + 16];
} layr_dht_header_t;

/* A message to the driver's thread; run is called there. */
typedef struct layr_dht_msg {
    layr_job_t job;
    layr_dht_t *d;
    void (*run)(struct layr_dht_msg *m);
} layr_dht_msg_t;

/* A contact that was checked, found by the hash of its text. */
typedef struct layr_dht_checked {
    uint8_t hash[32]; /* zero: empty */
    layr_contact_t contact;
} layr_dht_checked_t;

/* A host that did not answer a moment ago. */
typedef struct layr_dht_dead {
    uint8_t id[32];
    uint64_t seq, until_us;
} layr_dht_dead_t;
#define LAYR_DHT_DEAD_SETS 256
#define LAYR_DHT_DEAD_WAYS 4

/* PING: a contact's host, or a seed. Lives until its message came. */
typedef struct layr_dht_ping {
    layr_dht_msg_t msg;
    layr_probe_t probe;
    layr_host_t host;
    uint8_t id[32]; /* of who is pinged; zero: not known */
    uint64_t began_us;
    layr_dht_pinged_t done;
    void *ctx;
    struct layr_dht_seed *seed; /* or NULL */
    layr_dht_header_t *header;
    struct layr_dht_ping *next; /* of all under way */
} layr_dht_ping_t;

typedef struct layr_dht_seed {
    char *url; /* as given */
    layr_host_t host;
    layr_dht_ping_t *ping; /* under way, or NULL */
    uint64_t asked_us;     /* 0: never */
    uint64_t seq;
    layr_time_t exp;
    bool outside; /* its contact has no URL */
    size_t len;   /* of its contact; 0: it has not answered */
    char contact[LAYR_CONTACT_MAX + 1];
} layr_dht_seed_t;

/* One host asked in a lookup: one request, or two. Outlives the lookup when that ends first. */
typedef struct layr_dht_ask layr_dht_ask_t;
typedef struct layr_dht_half {
    layr_dht_msg_t msg;
    layr_dht_ask_t *ask;
    layr_call_t call;
    bool sent, over;
} layr_dht_half_t;
struct layr_dht_ask {
    layr_dht_lookup_t *l; /* NULL: the lookup is over */
    unsigned number, left;
    bool slow; /* its lookup is over, and it may answer yet */
    layr_host_t host;
    uint64_t seq;
    layr_dht_half_t closest, record;
    layr_dht_header_t *header;
    uint8_t *jws; /* of a record, LAYR_JWS_MAX bytes, or NULL */
    uint8_t into[LAYR_CLOSEST_MAX];
    layr_dht_ask_t *next; /* of the lookup's, or of those left */
};

typedef enum layr_dht_state { LAYR_DHT_QUEUED, LAYR_DHT_RUNNING, LAYR_DHT_OVER } layr_dht_state_t;

struct layr_dht_lookup {
    layr_dht_t *d;
    layr_dht_lookup_t *next; /* in the driver's list, while it is not over */
    layr_dht_lookup_opts_t o;
    layr_dht_state_t state;
    int error;
    bool again; /* it has begun a second time, with the seeds */
    layr_kad_lookup_t *kad;
    layr_host_t *host[LAYR_KAD_CANDIDATES]; /* by number: those asked */
    bool slow[LAYR_KAD_CANDIDATES];         /* told as passed over */
    bool outside[LAYR_KAD_CANDIDATES];      /* seeds whose contact has no URL: nobody else finds them */
    layr_dht_ask_t *asks;
    uint64_t wake_us;
};

struct layr_dht {
    layr_dht_config_t c;
    layr_dht_header_t *header; /* or NULL */
    layr_mailbox_t *box;
    unsigned outstanding; /* messages still to come */
    unsigned running;     /* lookups */
    bool closing;
    void *table_mem; /* of the driver's own */
    layr_kad_pace_t pace;
    layr_dht_lookup_t *lookups, **tail;
    layr_dht_seed_t *seed;
    size_t seed_count;
    layr_dht_ping_t *pings;
    layr_dht_ask_t *left; /* of lookups that are over */
    layr_dht_checked_t *checked;
    layr_dht_dead_t (*dead)[LAYR_DHT_DEAD_WAYS];
    layr_dht_stats_t stats;
};

/* dht.c */
void layr_dht_lock(const layr_dht_t *d);
void layr_dht_unlock(const layr_dht_t *d);
layr_time_t layr_dht_clock(const layr_dht_t *d);
/* The header for another request, or NULL; and that one has ended. */
layr_dht_header_t *layr_dht_header_use(const layr_dht_t *d);
void layr_dht_header_drop(layr_dht_header_t *h);
/* From the net thread. */
void layr_dht_post(layr_dht_msg_t *m);
bool layr_dht_is_dead(const layr_dht_t *d, const uint8_t id[32], uint64_t seq);
void layr_dht_set_dead(layr_dht_t *d, const uint8_t id[32], uint64_t seq);
void layr_dht_set_alive(layr_dht_t *d, const uint8_t id[32]);

/* dht_lookup.c: start what may start, go on with all that run; the time at which something is due. */
uint64_t layr_dht_advance(layr_dht_t *d, uint64_t now_us);
void layr_dht_lookup_end(layr_dht_lookup_t *l, int error);
/* A seed has answered: everybody who runs may begin there, too. */
void layr_dht_seed_start(layr_dht_lookup_t *l, const layr_dht_seed_t *s);

/* dht_ask.c: ask a host of a lookup. What comes is given to the lookup. */
int layr_dht_ask(layr_dht_lookup_t *l, const layr_kad_ask_t *a) LAYR_CHECKED;
/*
 * All under way are let go of. Who was passed over may still answer, when the lookup came to its end: until then he counts as
 * one that did not. Else they are cancelled.
 */
void layr_dht_asks_leave(layr_dht_lookup_t *l, bool at_end);
void layr_dht_asks_cancel(layr_dht_t *d);

/* dht_contact.c: a contact as the table and lookups have it. */
void layr_dht_be_patient(layr_kad_contact_t *c); /* as LAYR_DHT_PATIENCE_US says */
void layr_dht_kad_contact(layr_kad_contact_t *out, const layr_contact_t *c, const char *text, size_t len);

/* dht_ping.c */
void layr_dht_seeds_ask(layr_dht_t *d, uint64_t now_us);
bool layr_dht_seeds_waiting(const layr_dht_t *d);
/* The seed of that id that has answered, or NULL: the user's own word on where it is. */
const layr_dht_seed_t *layr_dht_seed_find(const layr_dht_t *d, const uint8_t id[32]);
void layr_dht_pings_cancel(layr_dht_t *d);
void layr_dht_seeds_free(layr_dht_t *d);

#endif
