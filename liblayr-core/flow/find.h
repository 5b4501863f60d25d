/*
 * Hosts of a session that are found in the DHT as they are needed: by their id, as a record's holders, and as those a put
 * may place shards on.  Without a DHT the session's hosts are those given, and nothing here asks anybody.
 */
#ifndef LAYR_FLOW_FIND_H
#define LAYR_FLOW_FIND_H

#include "layr/dht.h"
#include "layr/flow.h"

/* Is this host in the session's list, usable or not? NULL: it is not. */
layr_host_t *layr_find_listed(const layr_session_t *s, const uint8_t id[32]);

/*
 * Look for those of these hosts (ids of 32 bytes) that are not in the list, all at a time: who is found is in it then, and
 * who is not is there with error LAYR_ERR_NOTFOUND or why.  LAYR_ERR_CANCELLED, LAYR_ERR_NOMEM.
 */
int layr_find_hosts(layr_session_t *s, const uint8_t *ids, size_t count) LAYR_CHECKED;
/* Where one of an entry's rows is at a host not in the list: all of its node's. */
int layr_find_rows(layr_session_t *s, const layr_entry_t *e, const layr_node_page_t *node) LAYR_CHECKED;
/* Note in the list who answered a lookup. */
void layr_find_note(layr_session_t *s, const layr_dht_lookup_t *l);

/* --- holders of a record --- */

typedef struct layr_holder {
    layr_host_t *host;
    unsigned place;
} layr_holder_t;
/* Zero it first. */
typedef struct layr_holders {
    layr_holder_t *h;
    size_t count, cap;
} layr_holders_t;

/*
 * At whom a file's record is, or is to be: of each place the LAYR_KAD_HOLDERS closest; without a DHT all usable hosts.  None
 * is LAYR_OK.
 */
int layr_holders_find(layr_session_t *s, const uint8_t record_id[32], layr_holders_t *out) LAYR_CHECKED;
/* The same pair twice is kept once. */
int layr_holders_add(layr_holders_t *l, layr_host_t *h, unsigned place) LAYR_CHECKED;
/*
 * In a DHT: a lookup for each of a record's places, all at a time, as `each` says (its target is not looked at); their holders
 * are added. Nobody found is LAYR_OK.
 */
int layr_holders_look(layr_session_t *s, const uint8_t record_id[32], const layr_dht_lookup_opts_t *each,
                      layr_holders_t *out) LAYR_CHECKED;
/* Distinct hosts of them; hosts (may be NULL) takes l->count. */
size_t layr_holders_hosts(const layr_holders_t *l, const layr_host_t **hosts);
void layr_holders_free(layr_holders_t *l);

/* --- the parts of the id space that a put knows --- */

/*
 * A put needs the hosts closest to each of its shards.  After a lookup all hosts of the part of the id space around its
 * target are known; a part has about LAYR_REGION_HOSTS hosts or twice as many, and a lookup finds 20.  So a put looks up each
 * part once, and only those in which its shards fall.
 */
#define LAYR_REGION_HOSTS 10
#define LAYR_REGION_BITS 12
#define LAYR_SURVEY                                                                                          \
    4 /* lookups of the survey: up to 80 hosts, enough for every scheme that is chosen by their number */
typedef struct layr_regions {
    layr_session_t *s;
    unsigned bits;             /* of an id that say its part */
    bool surveyed;             /* bits are known */
    uint8_t *state;            /* of each part */
    layr_dht_lookup_t **under; /* lookups under way, and their parts */
    unsigned *part;
    unsigned count, cap;
} layr_regions_t;

void layr_regions_init(layr_regions_t *r, layr_session_t *s);
void layr_regions_free(layr_regions_t *r);
/* Learn how large the network is, and most of its hosts where it is small. LAYR_ERR_CANCELLED, LAYR_ERR_NOMEM. */
int layr_regions_survey(layr_regions_t *r) LAYR_CHECKED;
/* Are the hosts around this id known? Else a lookup has been begun: ask again after layr_regions_turn. */
bool layr_regions_know(layr_regions_t *r, const uint8_t id[32]);
/* Go on with lookups for at most ms: true when one has ended and the session's list may be longer. */
bool layr_regions_turn(layr_regions_t *r, long ms);
bool layr_regions_busy(const layr_regions_t *r);

#endif
