/*
 * Kademlia: ids, routing table, iterative lookup, placement.  Pure: the caller gives transport, clock and random
 * bytes, and checks signatures; nothing here blocks, and nothing but layr_kad_lookup_new, layr_kad_table_save and
 * layr_kad_table_load allocates.  docs/kademlia.md explains it, bench/kad-sim measures it.
 *
 * Sources: P. Maymounkov, D. Mazieres, "Kademlia: A Peer-to-peer Information System Based on the XOR Metric", IPTPS
 * 2002 [K]; I. Baumgart, S. Mies, "S/Kademlia: A Practicable Approach Towards Secure Key-Based Routing", ICPADS 2007
 * [S]; BEP 5 (BitTorrent's DHT) [B].
 *
 * Two clocks: the table's times are seconds since 1970, as in statements; the lookup's are microseconds of any
 * monotonic clock.  An id is 32 bytes, compared as a big-endian number.
 */
#ifndef LAYR_KAD_H
#define LAYR_KAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "layr/bytes.h"
#include "layr/error.h"
#include "layr/statement.h"

#define LAYR_KAD_K 20      /* hosts of a bucket, of an answer, and of a lookup's result [K] */
#define LAYR_KAD_ALPHA 3   /* requests of a lookup at a time, while it comes closer [K] */
#define LAYR_KAD_HOLDERS 8 /* of each of a record's places: the closest ones */

/* --- ids --- */

/* Which of a and b is closer to target: < 0 a, > 0 b, 0 when they are the same. */
int layr_kad_closer(const uint8_t target[32], const uint8_t a[32], const uint8_t b[32]);
/* Leading bits that a and b have in common: 0..256. */
unsigned layr_kad_prefix(const uint8_t a[32], const uint8_t b[32]);
/* An id that has exactly `prefix` (0..255) leading bits in common with own; the rest is random's. */
void layr_kad_random_id(uint8_t out[32], const uint8_t own[32], unsigned prefix, const uint8_t random[32]);

/*
 * The network group of an address of 4 or 16 bytes (network order): its IPv4 /24 or IPv6 /48.  IPv6 that only carries
 * an IPv4 address (mapped, 6to4, NAT64) counts as that one: an IPv4 address brings 65,536 networks of 6to4 for nothing.
 * 0, which is no group: another length.
 */
uint64_t layr_kad_group(const uint8_t *address, size_t len);

/* --- contacts --- */

/*
 * A host as table and lookup know it.  Given in: id, seq, exp, text, len, and group where known.  Given out: all of it;
 * text then points into the table or the lookup and is valid until that changes (table: while the lock is held).
 * The text is opaque here: the contact's JWS, whose signature, id and times the caller has checked.
 */
typedef struct layr_kad_contact {
    uint8_t id[32];
    uint64_t seq;      /* of the contact: the higher one is the newer one */
    layr_time_t exp;   /* of the contact */
    uint64_t group;    /* layr_kad_group of the address that answered; 0: not known yet */
    layr_time_t seen;  /* when it last answered; 0: never to us */
    uint32_t rtt_us;   /* smoothed time to an answer, as RFC 6298; 0: not known */
    uint32_t var_us;   /* and its smoothed deviation */
    unsigned failures; /* in a row */
    const char *text;  /* not NUL-terminated */
    size_t len;
} layr_kad_contact_t;

/* --- the table --- */

/*
 * The routing table: one flat piece of memory of fixed size, without pointers, so that processes share it and it
 * survives them.  It takes no lock: the caller holds one around every call, also those that only read.
 *
 * 256 buckets, by the number of leading bits in common with the own id; each a list, the least recently seen first, of
 * at most k live contacts, and one of spares: contacts that answered while the bucket was full.  Entries come from one
 * pool.  The rules:
 *   - Who enters has a valid signature and has answered a ping, and both are the caller's promise: it asks `offer`
 *     whether a ping is worth while, pings, and reports with `confirm` from which network the answer came.
 *   - Old live contacts win [K 2.2]: a full bucket takes a newcomer as a spare only, and names its least recently seen
 *     contact to be pinged when that was not seen for LAYR_KAD_FRESH.
 *   - Evicted is who failed LAYR_KAD_FAILS_SPARE times in a row while a spare waits (the newest takes its place), else
 *     LAYR_KAD_FAILS times.  A failure counts only when anybody answered since the host's last answer or failure: when
 *     nobody does, it is our own network that is down, and the table is kept [K 4.1].
 *   - At most LAYR_KAD_GROUP_BUCKET of one network group in a bucket and LAYR_KAD_GROUP_TABLE in the table, spares
 *     counted.
 *   - A higher seq replaces a host's contact, an equal or lower one never does.  The own id never enters.
 *   - When the pool is used up (many buckets full: ids ground to be close), the oldest spare of the bucket with most
 *     gives way; without spares the newcomer is refused.
 */
#define LAYR_KAD_FRESH 900  /* seconds: who answered since needs no ping; BEP 5's 15 minutes */
#define LAYR_KAD_STALE 3600 /* who did not is pinged; buckets without lookups are refreshed [K 2.3] */
#define LAYR_KAD_FAILS_SPARE 2
#define LAYR_KAD_FAILS 5 /* [K 4.1] */
#define LAYR_KAD_GROUP_BUCKET 2
#define LAYR_KAD_GROUP_TABLE 10
#define LAYR_KAD_POOL_MAX 65000

typedef struct layr_kad_config {
    uint32_t pool;     /* entries, live and spare: LAYR_KAD_K .. LAYR_KAD_POOL_MAX */
    uint32_t text_max; /* bytes of a contact's text: 1 .. LAYR_CONTACT_MAX */
    uint32_t spares;   /* of a bucket: 0 .. LAYR_KAD_K */
} layr_kad_config_t;
/*
 * For a host: 1.1 MiB.  A network of n hosts fills log2(n / 20) buckets, so 1,024 entries hold 40 full ones with their
 * spares: 2^44 hosts, or that many keys tried by who grinds ids.
 */
#define LAYR_KAD_CONFIG ((layr_kad_config_t){1024, LAYR_CONTACT_MAX, 5})

typedef struct layr_kad_table layr_kad_table_t;

/* Bytes of a table; 0: c is out of its ranges. */
size_t layr_kad_table_size(const layr_kad_config_t *c);
/* An empty table in mem (aligned to 8 bytes, len at least the size). What is unused of the pool is not touched. LAYR_ERR_ARG. */
int layr_kad_table_init(layr_kad_table_t **out, void *mem, size_t len, const layr_kad_config_t *c,
                        const uint8_t own[32]) LAYR_CHECKED;
/*
 * The table that lies in mem, as another process left it: of this version, with this configuration and own id, and
 * whole: every index, list and count, and every rule above that an entry shows.  Then all calls are safe on it.  mem is
 * not changed.  LAYR_ERR_ARG mem, len, c; LAYR_ERR_VERSION another layout; LAYR_ERR_CONFLICT another configuration
 * or own id; LAYR_ERR_FORMAT damaged.  After anything but LAYR_OK: init, and load the snapshot.
 */
int layr_kad_table_check(layr_kad_table_t **out, void *mem, size_t len, const layr_kad_config_t *c,
                         const uint8_t own[32]) LAYR_CHECKED;

typedef enum layr_kad_verdict {
    LAYR_KAD_ENTERED, /* confirm: in its bucket */
    LAYR_KAD_UPDATED, /* confirm: was there; its newer contact replaces the old one */
    LAYR_KAD_KNOWN,   /* there with this seq; confirm: counts as an answer */
    LAYR_KAD_WAITS,   /* confirm: the bucket is full of live ones; it is a spare now */
    LAYR_KAD_PING,    /* offer: worth a ping */
    /* not taken; each is counted in the statistics */
    LAYR_KAD_OWN,     /* it is ourselves */
    LAYR_KAD_OLD,     /* a newer contact of this host is there */
    LAYR_KAD_EXPIRED, /* exp is not after now */
    LAYR_KAD_GROUP,   /* its network has its share already */
    LAYR_KAD_FULL,    /* no room for it, not even as a spare */
    LAYR_KAD_VERDICTS
} layr_kad_verdict_t;

/*
 * Is this contact, heard of, worth checking its signature and a ping?  Reads id, seq, exp, group (0 when the address is
 * not known).  LAYR_KAD_PING; or LAYR_KAD_KNOWN, or why not.  Cheap: call it before anything that costs.
 */
layr_kad_verdict_t layr_kad_offer(layr_kad_table_t *t, const layr_kad_contact_t *c, layr_time_t now);
/*
 * The host c->id answered a ping (or any request) after rtt_us from an address of c->group, with this contact.  Sets
 * *oldest, when not NULL, to a copy of the id of whom to ping now, and *ping to whether there is one.  A negative value
 * is LAYR_ERR_ARG: group 0, or len outside 1..text_max; nothing is changed.
 */
int layr_kad_confirm(layr_kad_table_t *t, const layr_kad_contact_t *c, uint32_t rtt_us, layr_time_t now,
                     bool *ping, uint8_t oldest[32]) LAYR_CHECKED;
/* The host answered a request / did not. Unknown ids are passed over. */
void layr_kad_answered(layr_kad_table_t *t, const uint8_t id[32], uint32_t rtt_us, layr_time_t now);
void layr_kad_failed(layr_kad_table_t *t, const uint8_t id[32], layr_time_t now);
/* Out with this host, whatever it answered (it lied, or left). */
void layr_kad_remove(layr_kad_table_t *t, const uint8_t id[32]);
/* Out with all contacts that have expired; how many they were. */
unsigned layr_kad_expire(layr_kad_table_t *t, layr_time_t now);

/*
 * The at most max contacts closest to target, the closest first; how many.  Left out: expired ones, those that failed
 * LAYR_KAD_FAILS_SPARE times in a row, and spares.  One pass over the buckets in the order of their distance.
 */
unsigned layr_kad_closest(const layr_kad_table_t *t, const uint8_t target[32], layr_time_t now,
                          layr_kad_contact_t *out, unsigned max);
/* One host, live or spare. */
bool layr_kad_find(const layr_kad_table_t *t, const uint8_t id[32], layr_kad_contact_t *out);

/*
 * Upkeep, for a background loop.
 * Who is to be pinged next, if anybody: who failed (60 s after the first time, then 120, 240, 480), the least recently seen
 * of a bucket where a spare waits, who was not seen for LAYR_KAD_STALE.  Each is named once a minute at most.
 */
bool layr_kad_ping_due(layr_kad_table_t *t, layr_time_t now, layr_kad_contact_t *out);
/*
 * Is a lookup due, to refresh a bucket?  target: the own id (first of all, then every LAYR_KAD_STALE), or a random id in
 * the bucket that is due longest; buckets that lie wholly among the k closest to the own id are refreshed by that
 * lookup.  Call layr_kad_looked when it has begun.
 */
bool layr_kad_refresh_due(const layr_kad_table_t *t, layr_time_t now, const uint8_t random[32],
                          uint8_t target[32]);
/* A lookup for target was made, whatever for. */
void layr_kad_looked(layr_kad_table_t *t, const uint8_t target[32], layr_time_t now);

typedef struct layr_kad_stats {
    uint32_t live, spare, pool;          /* entries */
    uint32_t buckets;                    /* with live entries */
    uint32_t failing;                    /* live ones that failed last */
    uint64_t bytes;                      /* of the table */
    uint64_t verdict[LAYR_KAD_VERDICTS]; /* of offer and confirm */
    uint64_t evicted;                    /* failed too often */
    uint64_t expired, removed;
} layr_kad_stats_t;
void layr_kad_table_stats(const layr_kad_table_t *t, layr_kad_stats_t *out);

/*
 * The snapshot for a restart: contacts only, little-endian, independent of configuration and machine.  save appends to
 * out (LAYR_ERR_NOMEM).
 *     "layrkad1", u32 count, then for each: id 32, u64 seq, u64 exp, u64 seen, u64 group, u32 rtt, u32 var, u16 len, text
 */
int layr_kad_table_save(const layr_kad_table_t *t, layr_buf_t *out) LAYR_CHECKED;
/*
 * Enter what a snapshot has into t, which need not be empty: by the rules above, as not seen for LAYR_KAD_STALE, so that
 * ping_due names each soon.  The bytes are hostile: accept(ctx, c) checks a contact's text (signature, id, seq, times)
 * and says whether to take it; those not taken are passed over.  *taken: how many entered.  LAYR_ERR_FORMAT: not a whole
 * snapshot; LAYR_ERR_LIMIT: more than LAYR_KAD_POOL_MAX contacts; t is as it was then.
 */
int layr_kad_table_load(layr_kad_table_t *t, const uint8_t *in, size_t len, layr_time_t now,
                        bool (*accept)(void *ctx, const layr_kad_contact_t *c), void *ctx,
                        unsigned *taken) LAYR_CHECKED;

/* --- the lookup --- */

/*
 * How long answers take, over all hosts: smoothed time and deviation.  Kept by the caller from lookup to
 * lookup; zero it first.
 */
typedef struct layr_kad_pace {
    uint32_t rtt_us, var_us;
    int32_t count; /* of answers, up to 32 */
} layr_kad_pace_t;
void layr_kad_pace_heard(layr_kad_pace_t *p, uint64_t us);
/*
 * After so long a request is not waited for any longer: rtt + 4 deviations, within LAYR_KAD_PATIENCE_MIN..MAX; of the host
 * when its rtt is known, but no less than that of all; LAYR_KAD_PATIENCE_NEW when nothing is known.
 */
#define LAYR_KAD_PATIENCE_MIN 10000u
#define LAYR_KAD_PATIENCE_NEW 1000000u
#define LAYR_KAD_PATIENCE_MAX 3000000u
uint64_t layr_kad_patience(const layr_kad_pace_t *p, uint32_t rtt_us, uint32_t var_us);

/*
 * An iterative lookup [K 2.3].  The caller makes it, gives it the hosts to begin with, and then, whenever something
 * has happened, calls next until that says wait or done:
 *
 *     layr_kad_lookup_start(l, contacts, layr_kad_closest(t, target, now, contacts, LAYR_KAD_K));
 *     while ((step = layr_kad_lookup_next(l, now_us, &ask)) == LAYR_KAD_ASK)
 *         send(ask.contact, ask.number);
 *     ... an answer: layr_kad_lookup_answer(l, number, now_us, group, contacts, count, version);
 *     ... none, or a refusal: layr_kad_lookup_failed(l, number, now_us);
 *     ... at ask.wake_us: nothing, just call next again
 *
 * It asks the closest hosts it knows of, alpha at a time; once the alpha closest ones have answered, all that are left of
 * the k closest at a time [K 2.3].  Who takes longer than his patience (above) is passed over: another is asked in his
 * place; his answer is used if it comes before the end.  It ends when the k closest hosts that live have answered, or
 * there are no more.  Of those passed over who are as close, it then waits for the late and not for the dumb: up to thrice
 * their patience while at most one in LAYR_KAD_SILENT of all asked is silent or failed; else up to twice, and only when
 * fewer than k have answered.  While nobody has answered, all are waited for until they fail.
 *
 * Limits, for answers are hostile: the first k contacts of an answer; at most LAYR_KAD_CANDIDATES known at a time (the
 * farthest not asked gives way), LAYR_KAD_ASKS asked, LAYR_KAD_DEPTH links from the start; at most LAYR_KAD_GROUP_BUCKET
 * of one network group among the k closest, counted as soon as a group is known; the own id and ids known already are
 * passed over, but for a newer contact of who was not asked or failed.  An answer without anything closer costs nothing:
 * only who is among the k closest known is ever asked.
 *
 * Disjoint paths [S 4.4]: the hosts to begin with are dealt to that many paths; each goes its own way, through hosts that
 * no other path has asked, until its own closest have answered; then all are merged and the k closest of all asked.
 *
 * Values: what holders answer is kept as versions.  A lookup for a value ends as above, or as soon as the HOLDERS closest
 * live hosts have answered and QUORUM hosts (at most 2 of one network group among them) gave the highest sequence seen.
 * Give every answer's record here: a reader needs the highest valid sequence of all.
 */
#define LAYR_KAD_CANDIDATES 256
#define LAYR_KAD_ASKS 160
#define LAYR_KAD_DEPTH 32 /* a network of 2^40 hosts takes about 10 */
#define LAYR_KAD_PATHS 8
#define LAYR_KAD_SILENT 5
#define LAYR_KAD_QUORUM 5 /* more than half of the holders */
#define LAYR_KAD_VERSIONS 8

typedef struct layr_kad_lookup_config {
    uint8_t target[32];
    uint8_t own[32];       /* never asked; a client without an id: zero */
    unsigned want;         /* 1..LAYR_KAD_K: how many of the closest must have answered; 0: LAYR_KAD_K */
    unsigned alpha;        /* 1..LAYR_KAD_K; 0: LAYR_KAD_ALPHA */
    unsigned paths;        /* 1..LAYR_KAD_PATHS; 0: 1 */
    uint32_t text_max;     /* 1..LAYR_CONTACT_MAX; 0: LAYR_CONTACT_MAX */
    bool value;            /* look for a record, too */
    layr_kad_pace_t *pace; /* the caller's, outlives the lookup; NULL: this lookup's own */
} layr_kad_lookup_config_t;

typedef struct layr_kad_lookup layr_kad_lookup_t;

/* A version of a record: its seq and the SHA-256 of its JWS. holders: hosts that gave it, at most 2 of a group counted. */
typedef struct layr_kad_version {
    uint64_t seq;
    uint8_t sha256[32];
    unsigned holders;
} layr_kad_version_t;

typedef enum layr_kad_step {
    LAYR_KAD_ASK,  /* send to ask->contact */
    LAYR_KAD_WAIT, /* for an answer, a failure, or until ask->wake_us */
    LAYR_KAD_DONE
} layr_kad_step_t;

typedef struct layr_kad_ask {
    unsigned number;            /* of the host in this lookup: for answer and failed */
    layr_kad_contact_t contact; /* LAYR_KAD_ASK: whom; valid until the lookup's next call */
    uint64_t wake_us;           /* LAYR_KAD_WAIT: UINT64_MAX when only an answer or a failure helps */
} layr_kad_ask_t;

/* LAYR_ERR_ARG, LAYR_ERR_NOMEM. About 300 KiB with a text_max of LAYR_CONTACT_MAX. */
int layr_kad_lookup_new(layr_kad_lookup_t **out, const layr_kad_lookup_config_t *c) LAYR_CHECKED;
void layr_kad_lookup_free(layr_kad_lookup_t *l); /* harmless on NULL */
/* Hosts to begin with, any number, more may come later. Those with a text too long are passed over. */
void layr_kad_lookup_start(layr_kad_lookup_t *l, const layr_kad_contact_t *c, size_t count);
layr_kad_step_t layr_kad_lookup_next(layr_kad_lookup_t *l, uint64_t now_us, layr_kad_ask_t *ask);
/*
 * Would a contact of this id and seq be used?  To be asked before its signature is checked, which costs more than the
 * rest of a lookup.
 */
bool layr_kad_lookup_wants(const layr_kad_lookup_t *l, const uint8_t id[32], uint64_t seq);
/*
 * The host `number` answered from an address of this group (0: not known), with these contacts, checked by the caller;
 * v: the record it holds, checked too, or NULL.  A number that is not asked, or asked no more, is passed over.
 */
void layr_kad_lookup_answer(layr_kad_lookup_t *l, unsigned number, uint64_t now_us, uint64_t group,
                            const layr_kad_contact_t *c, size_t count, const layr_kad_version_t *v);
/* It failed: no connection, the transport's time is up, a refusal, an answer that makes no sense. */
void layr_kad_lookup_failed(layr_kad_lookup_t *l, unsigned number, uint64_t now_us);

/* The at most max closest hosts that answered, the closest first, within the group limit; how many. rtt_us: of this lookup. */
unsigned layr_kad_lookup_closest(const layr_kad_lookup_t *l, layr_kad_contact_t *out, unsigned max);
/* Version i, the best first: highest seq, then most holders, then the larger SHA-256. LAYR_ERR_NOTFOUND past the last. */
int layr_kad_lookup_version(const layr_kad_lookup_t *l, unsigned i, layr_kad_version_t *out) LAYR_CHECKED;

/* How it went, for statistics and for people. */
typedef enum layr_kad_state {
    LAYR_KAD_HEARD, /* not asked */
    LAYR_KAD_ASKED, /* no answer yet */
    LAYR_KAD_SLOW,  /* no answer yet, passed over */
    LAYR_KAD_ANSWERED,
    LAYR_KAD_FAILED
} layr_kad_state_t;

typedef struct layr_kad_hop {
    layr_kad_contact_t contact; /* rtt_us: of its answer in this lookup */
    layr_kad_state_t state;
    unsigned depth; /* links of the chain from the start: 1 for a host to begin with */
    int from;       /* number of the host that named it first; -1: a host to begin with */
    unsigned path;  /* that asked it, from 0 */
    bool holder;    /* it gave a version */
    uint64_t asked_us;
} layr_kad_hop_t;

/* Host `number`, 0 .. stats.known - 1. LAYR_ERR_NOTFOUND past the last. */
int layr_kad_lookup_hop(const layr_kad_lookup_t *l, unsigned number, layr_kad_hop_t *out) LAYR_CHECKED;

typedef struct layr_kad_lookup_stats {
    unsigned known, asked, answered, failed, slow; /* slow: passed over, whatever came later */
    unsigned hops;    /* depth of the closest host that answered: how long the way was; 0: none did */
    unsigned dropped; /* contacts over a limit */
    uint64_t began_us, ended_us; /* first and, once done, last call of next */
} layr_kad_lookup_stats_t;
void layr_kad_lookup_stats(const layr_kad_lookup_t *l, layr_kad_lookup_stats_t *out);

/* --- placement --- */

/* A host as one who places knows it. free and failures are as old as its contact: take off what was sent there since. */
typedef struct layr_kad_place_host {
    uint8_t id[32];
    uint64_t group; /* 0: not known; then it is in no one's group */
    uint64_t capacity, free, price;
    bool out; /* dead, leaving, or failing the owner's score */
} layr_kad_place_host_t;

/* Where the shards of a segment are: zero it for a new one; for a repair, add those that are still there. */
#define LAYR_KAD_SIBLINGS 255
typedef struct layr_kad_segment {
    unsigned count;
    struct {
        uint8_t host[32];
        uint64_t group;
    } at[LAYR_KAD_SIBLINGS];
} layr_kad_segment_t;

typedef struct layr_kad_place_rule {
    uint64_t bytes;     /* of the shard's blob */
    uint64_t price_max; /* per GiB and 30 days */
    unsigned group_max; /* shards of a segment in one network group; 0: any number */
} layr_kad_place_rule_t;

/* Why hosts were passed over, each for the first reason. */
typedef struct layr_kad_place_why {
    unsigned sibling, out, price, room, group;
} layr_kad_place_why_t;

/*
 * A share of a segment that one network may have: half of what may be lost, rounded down but at least 1, so that one that
 * is gone leaves as much to be lost again.  4/8: 2; 10/20: 5; 1/3: 1.
 */
unsigned layr_kad_group_share(unsigned k, unsigned n);
/*
 * The host for a shard: of the k closest to its id, the fit one with most free room as a share of its capacity (where
 * that is the same, one for each shard by rendezvous hashing); when none of the k closest is fit, of the next k, and so on.  Not fit: has a sibling, is
 * out, too dear, without room for it, or in a network group with group_max siblings.  hosts: in any order, each id once.
 * *chosen is an index into it, and the host is added to seg.  LAYR_ERR_HOSTS: none is fit, *why (may be NULL) says why;
 * LAYR_ERR_LIMIT: seg is full.
 */
int layr_kad_place(size_t *chosen, layr_kad_segment_t *seg, const layr_kad_place_host_t *hosts, size_t count,
                   const uint8_t shard[32], const layr_kad_place_rule_t *rule,
                   layr_kad_place_why_t *why) LAYR_CHECKED;
/* Add a host that has a shard already; take one out that failed. LAYR_ERR_LIMIT; LAYR_ERR_NOTFOUND. */
int layr_kad_segment_add(layr_kad_segment_t *seg, const uint8_t host[32], uint64_t group) LAYR_CHECKED;
int layr_kad_segment_drop(layr_kad_segment_t *seg, const uint8_t host[32]) LAYR_CHECKED;

#endif
