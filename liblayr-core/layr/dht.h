/*
 * The DHT over the network: layr_kad_lookup driven over layr_net.  It asks v1/closest and v1/records, takes hostile
 * answers apart, checks the signature of a contact once and only when a lookup would use it, and keeps contacts from
 * lookup to lookup in a table: its own, or one given with its lock.
 *
 * A driver belongs to one thread: it does something only within its calls, and calls back only there.  Any number of
 * lookups and pings are under way at a time; none waits for another's slow hosts.
 *
 *     layr_dht_new(&d, &(layr_dht_config_t){.net = net});
 *     layr_dht_seeds(d, urls, count, &diag);
 *     layr_dht_lookup(d, &l, &(layr_dht_lookup_opts_t){.target = ...});
 *     while (!layr_dht_lookup_over(l))
 *         layr_dht_turn(d, 100);
 *     n = layr_dht_lookup_closest(l, hosts, LAYR_KAD_HOLDERS);
 *     layr_dht_lookup_drop(l);
 */
#ifndef LAYR_DHT_H
#define LAYR_DHT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "layr/api.h"
#include "layr/kad.h"

#define LAYR_DHT_AT_ONCE 24  /* lookups at a time; more wait their turn */
#define LAYR_DHT_ASK_MS 5000 /* a host's answer may come so late and still be used, while the lookup lasts */
/* Nobody is passed over sooner: a connection has to be made first, and not only this one. */
#define LAYR_DHT_PATIENCE_US 100000u
#define LAYR_DHT_DEAD_S                                                                                      \
    30 /* who did not answer is not asked again so soon: a newer contact is, and who is sought */
#define LAYR_DHT_SEEDS_S                                                                                     \
    60 /* seeds that did not answer are asked again after so long, when nobody else answers */
#define LAYR_DHT_CHECKED 1024 /* contacts whose signature is known to be good */

typedef struct layr_dht layr_dht_t;
typedef struct layr_dht_lookup layr_dht_lookup_t;

typedef struct layr_dht_config {
    layr_net_t *net;    /* outlives the driver */
    layr_reach_t reach; /* of contacts that others name; ANY counts as PUBLIC */
    bool
        by_seeds; /* and as far as the seeds' own addresses are: for a client, whose seeds say where its network is */
    uint8_t own[32]; /* the host's id, never asked; a client: zero */
    /*
     * The table and its lock, called around every use of it. table NULL: the driver has a table of its own, which every
     * host that answers enters.  Into one given only those enter that answered a ping (layr_dht_ping, seeds).
     */
    layr_kad_table_t *table;
    void (*lock)(void *ctx), (*unlock)(void *ctx); /* NULL: none */
    void *lock_ctx;
    /* A contact, its signature checked, of a host that answered a lookup: is it worth a ping? NULL: not told. */
    void (*heard)(void *ctx, const layr_kad_contact_t *c);
    void *heard_ctx;
    /* The time the table is told; NULL: time(NULL). Statements are held against the real one. */
    layr_time_t (*clock)(void *ctx);
    void *clock_ctx;
} layr_dht_config_t;

/* LAYR_ERR_NOMEM. */
int layr_dht_new(layr_dht_t **out, const layr_dht_config_t *c) LAYR_CHECKED;
/* Ends what is under way (done is called with LAYR_ERR_CANCELLED), waits for the net to let go. NULL is harmless. */
void layr_dht_free(layr_dht_t *d);
/*
 * Wait up to ms for answers and work on them; also starts what is due by time.  Returns as soon as something was done.
 * -1: until something has.
 */
void layr_dht_turn(layr_dht_t *d, long ms);
/* Is anything under way? */
bool layr_dht_idle(const layr_dht_t *d);
/*
 * A host's own contact, sent as Layr-Contact with every request from now on, so that tables fill with use. Copied; NULL:
 * none. LAYR_ERR_LIMIT, LAYR_ERR_NOMEM.
 */
int layr_dht_set_contact(layr_dht_t *d, const char *jws) LAYR_CHECKED;

/* --- seeds --- */

/*
 * Hosts to begin with, `URL` or `URL#<host id>` as layr_hosts_resolve has them; replaces those given before.  Each is
 * pinged at once, and lookups that have nobody to begin with wait for the first that answers.  When nobody answers a
 * lookup, seeds are asked again.  LAYR_ERR_ARG names the malformed one; LAYR_ERR_NOMEM.
 */
int layr_dht_seeds(layr_dht_t *d, const char *const *urls, size_t count, layr_diag_t *diag) LAYR_CHECKED;
/* Seed i as it is known now; false past the last.  *waiting: its answer is still to come. */
bool layr_dht_seed(const layr_dht_t *d, size_t i, layr_host_t *out, bool *waiting);

/* --- ping --- */

/*
 * PING a host by its contact, whose signature the driver checks: v1/node with a nonce.  Who answers is confirmed in the
 * table, who does not has failed there; where a full bucket wants its oldest contact pinged for that, it is.  done (may be
 * NULL) gets LAYR_OK or why not, and the host with the group of its address, rtt_us included; h is valid during the call.
 * group, unless 0: who is not in this network group is not touched: a contact that came with a request must not make us ask a
 * third party.  LAYR_ERR_NOTFOUND: the contact gives no URL; others as layr_contact_parse; done is not called then.
 */
typedef void (*layr_dht_pinged_t)(void *ctx, int error, const layr_host_t *h, uint32_t rtt_us);
int layr_dht_ping(layr_dht_t *d, const char *contact, size_t len, uint64_t group, layr_dht_pinged_t done,
                  void *ctx) LAYR_CHECKED;

/* --- lookup --- */

typedef struct layr_dht_lookup_opts {
    uint8_t target[32];
    bool host;      /* the host of that id is sought: over as soon as it has answered */
    bool value;     /* every host asked is asked for v1/records/<target>, too */
    unsigned want;  /* how many of the closest must have answered; 0: LAYR_KAD_K */
    unsigned paths; /* disjoint ones; 0: 1 */
    /*
     * With value: what a host answered for the record: LAYR_OK and its text, LAYR_ERR_NOTFOUND, or another failure.  True
     * when the text is the record sought, whole and signed: then *v is filled.
     */
    bool (*record)(void *ctx, const layr_host_t *h, int error, const char *jws, size_t len,
                   layr_kad_version_t *v);
    /* Drops nothing. Host `number` of the lookup was asked, answered, failed or was passed over; text says why it failed, or NULL. */
    void (*hop)(void *ctx, layr_dht_lookup_t *l, unsigned number, const char *text);
    /* It is over, by itself or with the driver; may drop it, and no other, and may begin others. */
    void (*done)(void *ctx, layr_dht_lookup_t *l);
    void *ctx;
} layr_dht_lookup_opts_t;

/* Begin, now or when it is its turn. The lookup is the caller's until dropped. LAYR_ERR_ARG, LAYR_ERR_NOMEM. */
int layr_dht_lookup(layr_dht_t *d, layr_dht_lookup_t **out, const layr_dht_lookup_opts_t *o) LAYR_CHECKED;
bool layr_dht_lookup_over(const layr_dht_lookup_t *l);
/* How it ended: LAYR_OK when anybody answered; LAYR_ERR_HOSTS nobody did; LAYR_ERR_CANCELLED; LAYR_ERR_NOMEM. */
int layr_dht_lookup_error(const layr_dht_lookup_t *l);
/* Turn until it is over, or *cancel (may be NULL) is not 0: its error. */
int layr_dht_lookup_wait(layr_dht_lookup_t *l, const atomic_int *cancel);
/* The at most max closest hosts that answered, the closest first; how many. Their group is known. */
unsigned layr_dht_lookup_closest(const layr_dht_lookup_t *l, layr_host_t *out, unsigned max);
/* Host `number` as it was asked. LAYR_ERR_NOTFOUND: it was not. */
int layr_dht_lookup_host(const layr_dht_lookup_t *l, unsigned number, layr_host_t *out) LAYR_CHECKED;
/* The pure one beneath, for layr_kad_lookup_hop, _version and _stats. */
const layr_kad_lookup_t *layr_dht_lookup_kad(const layr_dht_lookup_t *l);
/* Ends it when it is not over (done is not called). NULL is harmless. */
void layr_dht_lookup_drop(layr_dht_lookup_t *l);

/* --- contacts --- */

/* Those the driver keeps, as layr_kad_table_save; and back: as layr_kad_table_load, every signature checked. */
int layr_dht_save(layr_dht_t *d, layr_buf_t *out) LAYR_CHECKED;
int layr_dht_load(layr_dht_t *d, const uint8_t *in, size_t len, unsigned *taken) LAYR_CHECKED;
/*
 * Check a contact: signature, times, limits; the same text is checked once.  *out is valid until the driver's next call.
 * As layr_contact_parse.
 */
int layr_dht_contact(layr_dht_t *d, const char *text, size_t len, layr_time_t now,
                     const layr_contact_t **out) LAYR_CHECKED;

typedef struct layr_dht_stats {
    uint64_t lookups, asked, answered, failed, slow; /* hosts, of all lookups; slow: passed over */
    uint64_t pings, pinged;                          /* pinged: that answered */
    uint64_t checked, bad; /* contacts whose signature was checked; bad: contacts refused, whatever for */
    uint64_t walled;       /* addresses out of reach */
    uint64_t hostile;      /* answers that no host should give */
} layr_dht_stats_t;
void layr_dht_stats(const layr_dht_t *d, layr_dht_stats_t *out);

#endif
