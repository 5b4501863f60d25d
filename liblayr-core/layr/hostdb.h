/*
 * A host's store: the blobs' files, and SQLite for orders, tombstones, intents and records (docs/protocol.md
 * section 7).  One handle a process; every call may block on the disk and may be made from any thread.
 *
 * What is kept through a power cut: whatever a call has answered with LAYR_OK.  The rules that make it so:
 *
 *   store    commit an intent; sync the body; rename it into place; sync the folders; commit the order and drop the intent
 *   release  commit the tombstones; then sweep
 *   sweep    inside one BEGIN IMMEDIATE: no order and no intent names the shard, so unlink it
 *
 * Commits are grouped: the first thread to come commits for all that wait (one fsync for many).
 */
#ifndef LAYR_HOSTDB_H
#define LAYR_HOSTDB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "layr/bytes.h"
#include "layr/error.h"
#include "layr/statement.h"

/* What is stored, as of the commit that is `version`: a higher version is newer, whichever process made it. */
typedef struct layr_host_totals {
    uint64_t version;
    uint64_t bytes; /* of blobs */
    uint64_t shards, orders;
    uint64_t records, record_bytes;
} layr_host_totals_t;

typedef struct layr_hostdb_config {
    const char *path;      /* the store's folder */
    uint8_t host[32];      /* whose it must be */
    uint64_t capacity;     /* bytes of blobs and records */
    uint64_t owner_quota;  /* bytes of one owner's orders; 0: no limit */
    uint64_t record_share; /* bytes of records, a part of capacity */
    /*
     * Asked once, at open, with the database's write lock held: is this the first handle since the host started, so
     * that intents and temporary files are all of processes that are gone?  NULL: no.
     */
    bool (*first)(void *ctx);
    /* Told after every commit of this process and at open, on the thread that made it. NULL: nobody listens. */
    void (*totals)(void *ctx, const layr_host_totals_t *t);
    void *ctx;
} layr_hostdb_config_t;

/*
 * The folder.  probe: LAYR_OK it is this host's; LAYR_ERR_NOTFOUND there is no folder, or an empty one (lost+found and a
 * creation that was cut off do not count); LAYR_ERR_UNAVAILABLE it holds something, but not this host's sentinel; LAYR_ERR_CONFLICT another host's;
 * LAYR_ERR_IO.
 */
int layr_host_store_probe(const char *path, const uint8_t host[32]) LAYR_CHECKED;
/*
 * Make an empty store: folders of mode 0700, the database's empty file, and the sentinel last of all.  owner: to whom
 * all of it is given, (uid_t)-1: nobody else.  The parent folder must be there.
 */
int layr_host_store_create(const char *path, const uint8_t host[32], uid_t owner, gid_t group,
                           layr_diag_t *d) LAYR_CHECKED;
/* The file of a blob. LAYR_ERR_LIMIT when out is too small. */
int layr_host_blob_path(char *out, size_t cap, const char *store, const uint8_t id[32]) LAYR_CHECKED;

typedef struct layr_hostdb layr_hostdb_t;

/* LAYR_ERR_UNAVAILABLE: not this host's store, or its database is gone. LAYR_ERR_VERSION: a newer Layr's database. */
int layr_hostdb_open(layr_hostdb_t **out, const layr_hostdb_config_t *c, layr_diag_t *d) LAYR_CHECKED;
void layr_hostdb_close(layr_hostdb_t *db);
/* Is the store that was opened still the one at its path? LAYR_ERR_UNAVAILABLE: unmounted, or another one: close, open again. */
int layr_hostdb_check(const layr_hostdb_t *db) LAYR_CHECKED;
layr_host_totals_t layr_hostdb_totals(layr_hostdb_t *db);

/*
 * Before the body is read.  o has been checked against host, price and times.
 *   LAYR_OK            the blob is here and the order is kept: *exp says until when
 *   LAYR_ERR_NOTFOUND  nothing speaks against it: the body is wanted
 *   LAYR_ERR_CONFLICT  the order id was used for something else
 *   LAYR_ERR_REMOVED   the order was released
 *   LAYR_ERR_LIMIT     the owner's quota is used up
 */
int layr_hostdb_admit(layr_hostdb_t *db, const layr_order_t *o, layr_time_t *exp,
                      layr_diag_t *d) LAYR_CHECKED;

/*
 * The body lies whole in the file `temp` on the store's file system, open as fd; its size is o->size and its SHA-256
 * o->shard: the caller has checked both.  On LAYR_OK it has been renamed into the store, and blob and order are durable.
 * Otherwise as layr_hostdb_admit says, or LAYR_ERR_NOSPACE (capacity or disk), LAYR_ERR_IO, LAYR_ERR_DB, and nothing is kept.
 */
int layr_hostdb_store(layr_hostdb_t *db, const layr_order_t *o, int fd, const char *temp, layr_time_t *exp,
                      layr_diag_t *d) LAYR_CHECKED;

/*
 * Renew or release.  LAYR_ERR_CAP: one of the orders is another owner's or group's, and nothing was changed;
 * LAYR_ERR_NOTFOUND: all are unknown here.  A released order is unknown to a renewal. An order that is released before it has
 * come is refused when it comes while the statement lasts.
 */
int layr_hostdb_orders(layr_hostdb_t *db, const layr_orders_t *s, layr_orders_answer_t *out,
                       layr_diag_t *d) LAYR_CHECKED;

/* A record's compact JWS into *jws (layr_buf_free it). LAYR_ERR_NOTFOUND: none, or expired. */
int layr_hostdb_record_get(layr_hostdb_t *db, const uint8_t place[32], layr_time_t now, layr_buf_t *jws,
                           layr_diag_t *d) LAYR_CHECKED;
/*
 * A record that is offered to a holder.  Zero it first; layr_buf_free(&own) at the end, whatever came of it.  A network
 * has at most LAYR_RECORD_NET_SHARE of the share, but at least LAYR_RECORD_NET_MIN bytes; when the share is used up, those
 * farthest from the host's id give way to a closer one.
 */
#define LAYR_RECORD_NET_SHARE 4 /* a fourth */
#define LAYR_RECORD_NET_MIN (1024 * 1024)
typedef struct layr_record_offer {
    uint8_t place[32];
    const layr_record_t *r; /* jws, parsed; it belongs at the place */
    const char *jws;
    size_t len;
    uint64_t net; /* the network it came from, as layr_kad_group says it; 0: no network's */
    layr_time_t now;

    bool replaced;    /* it took another's place */
    unsigned evicted; /* records that gave way */
    layr_buf_t own;   /* LAYR_ERR_CONFLICT: the one here, which stays */
} layr_record_offer_t;

/*
 * LAYR_OK kept; LAYR_ERR_EXISTS it was here; LAYR_ERR_CONFLICT; LAYR_ERR_NOSPACE the share is used up by closer ones;
 * LAYR_ERR_LIMIT the network's part of it is.  Whoever gave it gave it to the other holders, too: it is due anew.
 */
int layr_hostdb_record_put(layr_hostdb_t *db, layr_record_offer_t *o, layr_diag_t *d) LAYR_CHECKED;

/*
 * Giving on.  A record is due LAYR_RECORD_AGAIN seconds after it was given last, and up to LAYR_RECORD_SPREAD later,
 * another time at each holder: the first gives it to all, and the others need not.
 */
#define LAYR_RECORD_AGAIN 3600
#define LAYR_RECORD_SPREAD 900
/* The one that is due longest; jws: layr_buf_free it. LAYR_ERR_NOTFOUND: none is due. */
int layr_hostdb_record_due(layr_hostdb_t *db, layr_time_t now, uint8_t place[32], layr_buf_t *jws,
                           layr_diag_t *d) LAYR_CHECKED;
/* It was given on: due anew. */
int layr_hostdb_record_given(layr_hostdb_t *db, const uint8_t place[32], layr_time_t now,
                             layr_diag_t *d) LAYR_CHECKED;
/* All of them, one after another: the first whose place is above *place, which becomes its place. LAYR_ERR_NOTFOUND: the end. */
int layr_hostdb_record_next(layr_hostdb_t *db, layr_time_t now, uint8_t place[32], layr_buf_t *jws,
                            layr_diag_t *d) LAYR_CHECKED;

/*
 * A step of housekeeping: at most `limit` each of orders that expired more than `grace` seconds ago, of outlived
 * tombstones and of records; then what no order names is unlinked.  *more: call again soon.
 */
int layr_hostdb_expire(layr_hostdb_t *db, layr_time_t now, layr_time_t grace, unsigned limit, bool *more,
                       layr_diag_t *d) LAYR_CHECKED;
/* Intents and temporary files that a process left which died. */
int layr_hostdb_tidy(layr_hostdb_t *db, layr_time_t now, layr_diag_t *d) LAYR_CHECKED;

#endif
