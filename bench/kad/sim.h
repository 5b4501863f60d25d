/*
 * The simulator of liblayr-core/kad: its very code, with a simulated network around it.  One thread, virtual time in
 * microseconds, one stream of random numbers from a seed: the same options give the same figures.
 */
#ifndef LAYR_KAD_SIM_H
#define LAYR_KAD_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../random.h"
#include "layr/kad.h"

#define SECOND 1000000ull
#define HOUR (3600 * SECOND)
#define EPOCH 1800000000LL   /* of the tables' clock */
#define TIMEOUT (5 * SECOND) /* the transport gives up: liblayr-core/net's time for a connection */
#define PLACES 3
#define NETWORKS 65536 /* that nodes are in, at random */
/*
 * Sessions of BitTorrent's and Gnutella's peers are Weibull with a shape of 0.34 to 0.59 (Stutzbach and Rejaie,
 * "Understanding Churn in Peer-to-Peer Networks", IMC 2006): many short ones, some very long.
 */
#define WEIBULL_SHAPE 0.5

/* --- what is simulated --- */

typedef enum churn { CHURN_NONE, CHURN_EXPONENTIAL, CHURN_WEIBULL } churn_t;

typedef struct options {
    uint32_t nodes, lookups, records;
    uint64_t seed;
    unsigned paths, alpha, spares;
    double loss;      /* of messages, each way */
    double dead;      /* of nodes: gone after all have joined, not noticed */
    double stall;     /* of nodes: never answer, after all have joined */
    double hostile;   /* of nodes: name only each other, and keep nothing */
    unsigned ground;  /* hostile nodes with ids close to a record's first place, for each record */
    bool ground_near; /* all of them in one network */
    churn_t churn;
    double session; /* median, seconds */
    double hours;   /* under churn */
    bool filled;    /* tables as after a long life, without joins: for large networks */
} options_t;

typedef struct held {
    uint32_t record;
    uint8_t place;
    uint32_t seq;
    uint64_t given; /* when it was stored here last */
} held_t;

typedef struct node {
    uint8_t id[32];
    uint64_t group;
    layr_kad_table_t *table;
    layr_kad_pace_t *pace; /* its own piece of memory: lookups point to it, and the nodes move */
    bool alive, joined, hostile, stalls;
    uint32_t load;       /* requests that reached it */
    uint32_t refreshing; /* lookups to refresh under way */
    held_t *held;
    uint32_t held_count, held_cap;
} node_t;

typedef struct record {
    uint8_t place[PLACES][32];
    uint32_t seq;
    bool written;
} record_t;

typedef enum event_kind {
    EV_ARRIVE,
    EV_REPLY,
    EV_TIMEOUT,
    EV_WAKE,
    EV_JOIN,
    EV_LEAVE,
    EV_REFRESH,
    EV_UPKEEP,
    EV_RESTORE,
    EV_CALL
} event_kind_t;

typedef struct sim sim_t;

typedef struct event {
    uint64_t at, order; /* of the same time: first come, first served */
    event_kind_t kind;
    uint32_t node;
    void *what;
} event_t;

/* --- a lookup under way (look.c) --- */

typedef struct look look_t;
typedef void (*look_done_t)(sim_t *s, look_t *l, void *ctx);
struct look {
    layr_kad_lookup_t *l;
    uint32_t node; /* whose it is */
    uint8_t target[32];
    int32_t record; /* looked for; -1: none */
    uint8_t place;
    uint64_t wake;
    unsigned refs; /* requests and timers that come back to it */
    bool over;
    look_done_t done;
    void *ctx;
};

/* --- messages (net.c) --- */

typedef enum rpc_kind { RPC_PING, RPC_FIND, RPC_STORE } rpc_kind_t;
typedef struct rpc {
    struct rpc *next_free;
    rpc_kind_t kind;
    uint32_t from, to;
    uint64_t sent;
    look_t *look; /* FIND */
    unsigned number;
    uint8_t target[32];
    uint32_t record, seq; /* STORE; FIND of a value: record, and the answer's seq (0: none) */
    uint8_t place;
    bool value;
    unsigned count;
    uint32_t named[LAYR_KAD_K];
} rpc_t;

struct sim {
    options_t o;
    random_t r;
    uint64_t now, order;
    event_t *heap;
    size_t heap_count, heap_cap;
    node_t *node;
    uint32_t count, cap, joined, living;
    layr_kad_config_t config;
    size_t table_size;
    void **spare_table; /* of nodes that have left */
    size_t spare_tables, spare_tables_cap;
    record_t *record;
    uint32_t records;
    uint32_t *hostile; /* sorted by id, for their answers */
    uint32_t hostiles;
    rpc_t *free_rpc;
    uint64_t messages;
    bool measuring;
};

layr_time_t sim_seconds(const sim_t *s);
void *sim_alloc(size_t count, size_t size); /* zeroed; ends the program when there is none */

/* queue.c */
void queue_add(sim_t *s, uint64_t at, event_kind_t kind, uint32_t node, void *what);
bool queue_take(sim_t *s, event_t *out);

/* net.c */
rpc_t *net_rpc(sim_t *s, rpc_kind_t kind, uint32_t from, uint32_t to);
void net_send(sim_t *s, rpc_t *rpc);
void net_arrive(sim_t *s, rpc_t *rpc);
void net_reply(sim_t *s, rpc_t *rpc);
void net_timeout(sim_t *s, rpc_t *rpc);

/* node.c */
uint32_t node_new(sim_t *s, const uint8_t *id, uint64_t group);
void node_begin(sim_t *s, uint32_t n); /* lives, with an empty table */
void node_join(sim_t *s, uint32_t n);
void node_leave(sim_t *s, uint32_t n);
void node_refresh(sim_t *s, uint32_t n); /* what is due; lookups, one after another */
void node_upkeep(sim_t *s, uint32_t n);
void node_heard(sim_t *s, uint32_t n, uint32_t from); /* a request came from there */
void node_confirm(sim_t *s, uint32_t n, uint32_t who, uint64_t rtt_us);
layr_kad_contact_t node_contact(const sim_t *s, const uint32_t *n);
uint32_t node_random(sim_t *s); /* one that lives, has joined and is honest */
/* The closest of a set sorted by id (set.c), as numbers, nearest first. */
/* Where those with `bits` (1..255) leading bits of the target are, in a set sorted by id: first .. last - 1. */
void set_prefix(const sim_t *s, const uint32_t *set, uint32_t count, const uint8_t target[32], unsigned bits,
                uint32_t *first, uint32_t *last);
void set_sort(const sim_t *s, uint32_t *set, uint32_t count);
void set_add(sim_t *s, uint32_t n); /* to the hostile ones */
unsigned set_closest(const sim_t *s, const uint32_t *set, uint32_t count, const uint8_t target[32],
                     uint32_t *out, unsigned max);

/* look.c */
look_t *look_begin(sim_t *s, uint32_t node, const uint8_t target[32], int32_t record, uint8_t place,
                   look_done_t done, void *ctx);
void look_pump(sim_t *s, look_t *l);
void look_release(look_t *l);

/* record.c */
void record_make(sim_t *s, uint32_t count);
void record_write(sim_t *s, uint32_t from, uint32_t record); /* its next sequence, at all places */
void record_store(sim_t *s, uint32_t node, uint32_t record, uint8_t place, uint32_t seq);
uint32_t record_held(const sim_t *s, uint32_t node, uint32_t record, uint8_t place); /* seq, 0: none */
void record_restore(sim_t *s, uint32_t node);
void record_hand_over(sim_t *s, uint32_t node, uint32_t newcomer);

/* --- results --- */

typedef struct series {
    double *v;
    size_t count, cap;
    bool sorted;
} series_t;
void series_add(series_t *x, double v);
double series_mean(const series_t *x);
double series_part(series_t *x, double p); /* the p-quantile; 0 when empty */
void series_free(series_t *x);

typedef struct result {
    const char *name;
    options_t o;
    uint32_t nodes, lookups;
    double hops, hops_p99, requests, ms, ms_p99;
    double found, found8;  /* of lookups: exactly the closest k, and 8, that live */
    double records;        /* of record look-ups: the newest version, at any place; < 0: none were made */
    double place;          /* and at one place alone */
    double places_min;     /* the fewest places of a record that answered; < 0: no records */
    double load_max;       /* the most requests of a node, in means */
    double entries;        /* of a table, on average */
    double table_kib;      /* of the pool that was given to it */
    double build_s, run_s; /* of the processor */
    double joins;          /* messages to join, a node */
} result_t;

/* fill.c: all nodes live, each with a table as it is when everybody has long met everybody. */
void fill_tables(sim_t *s);

/* run.c */
sim_t *sim_new(const options_t *o);
void sim_free(sim_t *s);
void sim_run(sim_t *s, uint64_t until); /* or until nothing is left */
void sim_build(sim_t *s);               /* all nodes join */
void sim_plan_leave(sim_t *s, uint32_t n);

/* scenario.c: a network of its own, one row. */
void scenario_call(sim_t *s, uint32_t number, void *what); /* EV_CALL: what it has planned */
void scenario_run(const options_t *o, const char *name, result_t *out);

/* suite.c: each scenario with what it must reach; how many bounds it missed. */
size_t suite_count(void);
unsigned suite_run(const options_t *o, size_t number, result_t *out);

/* report.c */
void report_head(void);
void report_row(const result_t *r);
void report_json(const result_t *r, size_t count);
int report_svg(const char *path, const result_t *r, size_t count); /* 0, -1: errno */

#endif
