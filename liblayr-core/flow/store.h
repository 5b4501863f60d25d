/*
 * Bytes to placed shards.  A unit (a segment, or a page of the manifest) goes in; its shards are coded,
 * sealed, tagged and named on workers, each is sent to a host that has no sibling, and to another one where
 * that host fails; the unit comes out with its rows.  Belongs to one thread.
 */
#ifndef LAYR_FLOW_STORE_H
#define LAYR_FLOW_STORE_H

#include "engine.h"
#include "find.h"
#include "load.h"

typedef struct layr_store layr_store_t;
typedef struct layr_unit layr_unit_t;

typedef struct layr_store_opts {
    const layr_file_keys_t *keys; /* of the write cap */
    layr_scheme_t scheme;
    unsigned min_shards; /* of n that must be stored */
    uint8_t random[32];  /* of this sealing attempt, journalled */
    int64_t put;         /* the journal's number */
    layr_time_t now, until;
    uint64_t max_price;
    bool keep;   /* the journal is to know the shards' salts */
    bool resume; /* and may know them from an earlier try: ask before sending */
} layr_store_opts_t;

/* A unit that is stored: its manifest entry, and hosts[i] the host of row i or NULL. */
typedef struct layr_stored {
    bool page;
    uint64_t number;
    layr_entry_t entry; /* entry.segments and .bytes are set for segments only */
    const uint8_t **hosts;
    const int *errors; /* of each row: LAYR_OK, or why it is not there; set by layr_store_take alone */
} layr_stored_t;

/* r: of a session with a DHT, what is known of it; stays the caller's. */
int layr_store_new(layr_store_t **out, layr_session_t *s, const layr_store_opts_t *o,
                   layr_regions_t *r) LAYR_CHECKED;
/* Ends what is under way and waits for it. */
void layr_store_free(layr_store_t *st);
layr_engine_t *layr_store_engine(layr_store_t *st);

/* Is there room for another unit now? */
bool layr_store_room(const layr_store_t *st);
/*
 * Takes plain over in any case: plain_done(ctx, plain) is called when it is not needed any more. sha256: its hash, or NULL
 * when nobody has made it yet.
 */
int layr_store_add(layr_store_t *st, bool page, uint64_t number, uint8_t *plain, size_t size,
                   const uint8_t *sha256, void (*plain_done)(void *ctx, uint8_t *plain),
                   void *ctx) LAYR_CHECKED;
/* What becomes of a row of a unit that is restored. */
typedef enum layr_restore {
    LAYR_RESTORE_KEEP, /* it stays where it is */
    LAYR_RESTORE_MAKE, /* made anew from the plaintext, under a salt of its own */
    LAYR_RESTORE_COPY  /* the same shard goes to another host, from the one where it is */
} layr_restore_t;
/*
 * A unit of which some rows stand: e as the manifest has it, hosts[i] the host of row i or NULL, how[i] what becomes of it.
 * plain: as for layr_store_add, or NULL where no row is made; it must have e's hash, or the unit ends with LAYR_ERR_DATA. Rows that
 * no host takes, or whose host does not give them, do not fail the unit: layr_stored_t says which.
 */
int layr_store_restore(layr_store_t *st, bool page, uint64_t number, const layr_entry_t *e,
                       const uint8_t *const *hosts, const layr_restore_t *how, uint8_t *plain,
                       void (*plain_done)(void *ctx, uint8_t *plain), void *ctx) LAYR_CHECKED;
/*
 * The oldest unit when all its shards have ended well: 1 and *out, which is valid until layr_store_drop; 0:
 * not yet. LAYR_ERR_HOSTS and others: it can't be stored, d says why.
 */
int layr_store_take(layr_store_t *st, layr_stored_t *out, layr_diag_t *d) LAYR_CHECKED;
void layr_store_drop(layr_store_t *st);
/* A host by its id, looked for where it is not known; NULL: it can't be asked. */
layr_load_host_t *layr_store_host(layr_store_t *st, const uint8_t id[32]);
bool layr_store_idle(const layr_store_t *st);
/* Run messages that come within ms, and what is due by time. */
void layr_store_turn(layr_store_t *st, long ms);
/* It failed, and will be gone on with: nothing more is begun, but what is on its way to its host may arrive, for up to ms. */
void layr_store_settle(layr_store_t *st, long ms);

typedef struct layr_store_stats {
    uint64_t bytes, shards, moved;
    uint64_t found, found_bytes; /* of these: there from an earlier try */
    unsigned hosts;
} layr_store_stats_t;
void layr_store_stats(const layr_store_t *st, layr_store_stats_t *out);

/* Shards that were sent to a host and, as far as is known, not stored there: to be released. Their number;
 * *out is the store's. */
size_t layr_store_orphans(const layr_store_t *st, const layr_shard_ref_t **out);

/* The order id for a shard at a host: first 16 bytes of KDF(W, "order", shard id, host id). */
void layr_order_id(uint8_t out[16], const uint8_t W[32], const uint8_t shard[32], const uint8_t host[32]);

#endif
