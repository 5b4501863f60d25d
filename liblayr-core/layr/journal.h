/*
 * An owner's durable state on his own machine, one SQLite file of mode 0600: puts under way, the files put
 * (name, write cap, size, time), orders that are still to be released, and the newest record seen of each file.
 * Write secrets are kept sealed under a key from the master secret (XChaCha20-Poly1305), so that a wrapped key file protects them.
 * Not for several threads at once; several processes may have it open.
 */
#ifndef LAYR_JOURNAL_H
#define LAYR_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "layr/bytes.h"
#include "layr/catalogue.h"
#include "layr/code.h"
#include "layr/crypto.h"
#include "layr/error.h"
#include "layr/statement.h"

typedef struct layr_journal layr_journal_t;

/*
 * master NULL: only the `seen` calls work, the others give LAYR_ERR_KEY. The file is made when it is not there; its folder
 * must be.  LAYR_ERR_KEY: it is another master's; LAYR_ERR_CAP: group or others have access to it; LAYR_ERR_VERSION: a newer
 * Layr's; LAYR_ERR_FORMAT: damaged, or no journal; LAYR_ERR_IO, LAYR_ERR_NOSPACE, LAYR_ERR_DB. d says it in a sentence.
 * Beside the file lie SQLite's `-wal` and `-shm`, and `-lock`: a process at work on a put holds a byte of it.
 */
int layr_journal_open(layr_journal_t **out, const char *path, const uint8_t *master,
                      layr_diag_t *d) LAYR_CHECKED;
void layr_journal_close(layr_journal_t *j); /* NULL is harmless */
/*
 * A sentence about the last call that failed with LAYR_ERR_DB, LAYR_ERR_IO, LAYR_ERR_NOSPACE or LAYR_ERR_FORMAT; never NULL,
 * valid until the next call. What is read back and does not make sense is LAYR_ERR_FORMAT, a W that does not open LAYR_ERR_AUTH.
 */
const char *layr_journal_error(const layr_journal_t *j);
/* Set d to that sentence where the failure is of the file or its disk, else to the code's words; returns code. */
int layr_journal_diag(const layr_journal_t *j, int code, layr_diag_t *d);

/* A put under way. */
typedef struct layr_put_entry {
    int64_t id; /* given by begin */
    uint8_t W[32];
    uint8_t random[32]; /* of this sealing attempt: the salts follow from it */
    layr_scheme_t scheme;
    layr_time_t started, until;
    char name[256];
    int64_t pid; /* of the process at work on it; set by begin */
    /*
     * Can be gone on with (put_resume) when it is cut off: with a name, and of a source that can be read again, which had
     * this size and time. Whoever reaps leaves it alone until keep_until.
     */
    bool keep;
    uint64_t size;
    layr_time_t mtime, keep_until;
} layr_put_entry_t;

/*
 * Durable (synced) when it returns: call before anything is sent. A name (but "") is this put's alone from here on:
 * LAYR_ERR_EXISTS when a file or another put under way has it.
 */
int layr_journal_put_begin(layr_journal_t *j, layr_put_entry_t *e) LAYR_CHECKED;
/*
 * An order is about to be sent for this shard to this host. Survives a killed process, not a power cut (the shard then
 * stays at its host until its order expires). LAYR_ERR_NOTFOUND: no such put. The same order again is harmless.
 * salt: what put_where finds it by later; NULL for a put that is not kept. page: of the manifest.
 */
int layr_journal_put_shard(layr_journal_t *j, int64_t put, const uint8_t shard[32], const uint8_t host[32],
                           const char *url, const uint8_t order[16], const uint8_t group[16],
                           const uint8_t *salt, bool page) LAYR_CHECKED;
/*
 * Its record is about to be published at these hosts (count ids of 32 bytes each). Durable when it returns: unless
 * put_done follows, the record is taken back (gone_each). LAYR_ERR_NOTFOUND: no such put.
 */
int layr_journal_put_publish(layr_journal_t *j, int64_t put, const uint8_t *hosts, size_t count) LAYR_CHECKED;
/* The put is done and published: it leaves the journal and is a file, in one transaction. Orders in `orphans` (shards that the
 * manifest does not name), and of a put that was gone on with all that put_unit did not name, become pending releases. LAYR_ERR_NOTFOUND: no such put (it was given up); LAYR_ERR_EXISTS: the
 * name or the record is there already; nothing is changed then. */
typedef struct layr_file_entry {
    uint8_t W[32];
    uint8_t record_id[32];
    char name[256];
    uint64_t size;
    layr_scheme_t scheme; /* 1/1 for inline files */
    layr_time_t created, until;
    bool is_folder;
} layr_file_entry_t;
typedef struct layr_shard_ref {
    uint8_t shard[32], host[32];
} layr_shard_ref_t;
int layr_journal_put_done(layr_journal_t *j, int64_t put, const layr_file_entry_t *f,
                          const layr_shard_ref_t *orphans, size_t count) LAYR_CHECKED;
/* The put is given up: all its orders become pending releases. LAYR_ERR_NOTFOUND: no such put. */
int layr_journal_put_drop(layr_journal_t *j, int64_t put) LAYR_CHECKED;
/*
 * Give up the puts of processes that are no more (killed), and of journals closed in the middle; but not those that are kept,
 * have sent something and have time left. Their number.
 */
int layr_journal_put_reap(layr_journal_t *j) LAYR_CHECKED;

/*
 * Puts that were cut off and are kept.
 *
 * resume: take up the put of e->name; e->size, mtime and keep_until are what they are now, and it comes back as it was begun,
 * size and mtime with it. LAYR_ERR_NOTFOUND: there is none; LAYR_ERR_EXISTS: another process is at work on it.
 * leave: ours has failed, and is kept for another time.
 */
int layr_journal_put_resume(layr_journal_t *j, layr_put_entry_t *e) LAYR_CHECKED;
void layr_journal_put_leave(layr_journal_t *j, int64_t put);
/* Where a shard with this salt was sent to by any try, up to cap hosts: their number. It may have come there or not. */
int layr_journal_put_where(layr_journal_t *j, int64_t put, const uint8_t salt[16], layr_shard_ref_t *out,
                           size_t cap) LAYR_CHECKED;
/* Of a put that was taken up again: these rows belong to the file as it is now. Survives what put_shard does. */
typedef struct layr_put_row {
    uint8_t salt[16], shard[32];
    const uint8_t *host; /* NULL: it was not stored */
} layr_put_row_t;
int layr_journal_put_unit(layr_journal_t *j, int64_t put, const layr_put_row_t *rows,
                          size_t count) LAYR_CHECKED;
/* At its end: how many orders of segments there are from earlier tries whose content is not the file's any more. */
int layr_journal_put_changed(layr_journal_t *j, int64_t put, uint64_t *out) LAYR_CHECKED;

/* Each kept put, oldest first, or that of one name (NULL: all), to fn until it returns non-zero, which list then returns. */
typedef struct layr_unfinished {
    char name[256];
    uint64_t size; /* of the source */
    layr_scheme_t scheme;
    layr_time_t started, keep_until;
    bool running; /* a process is at work on it */
} layr_unfinished_t;
int layr_journal_put_list(layr_journal_t *j, const char *name,
                          int (*fn)(void *ctx, const layr_unfinished_t *u), void *ctx) LAYR_CHECKED;
/* Give up the kept put of that name: as put_drop. LAYR_ERR_NOTFOUND, LAYR_ERR_EXISTS as resume. */
int layr_journal_put_forget(layr_journal_t *j, const char *name) LAYR_CHECKED;

/*
 * Files. find: by exact name; LAYR_ERR_NOTFOUND (always for ""). list: newest first, each to fn until it returns non-zero,
 * which list then returns; fn must not change the journal. remove: also LAYR_OK when there was none. The caller wipes W.
 */
int layr_journal_file_find(layr_journal_t *j, layr_file_entry_t *out, const char *name) LAYR_CHECKED;
int layr_journal_file_by_id(layr_journal_t *j, layr_file_entry_t *out,
                            const uint8_t record_id[32]) LAYR_CHECKED;
int layr_journal_file_list(layr_journal_t *j, int (*fn)(void *ctx, const layr_file_entry_t *f),
                           void *ctx) LAYR_CHECKED;
int layr_journal_file_remove(layr_journal_t *j, const uint8_t record_id[32]) LAYR_CHECKED;

/* The file is kept until then: its end is never brought nearer. LAYR_ERR_NOTFOUND: there is none. */
int layr_journal_file_until(layr_journal_t *j, const uint8_t record_id[32], layr_time_t until) LAYR_CHECKED;

/*
 * What is known of a file's keeping, and when it is to be looked at again (layr/keep.h). All times in seconds, 0: never.
 * set: durable when it returns. prune: forgets those of files that are no more, but not `catalogue`'s.
 * lock: one keeper of this home works at a time; LAYR_ERR_IO while another does. busy: 1 when one does, 0, or an error.
 */
typedef struct layr_watch {
    uint8_t record_id[32];
    layr_time_t created, until; /* of the version that it is about */
    layr_time_t term;           /* seconds that the file was put for, and is renewed for */
    layr_time_t next_sample, next_audit;
    layr_time_t next_renew; /* from then on */
    layr_time_t not_before; /* what is due waits until then: an earlier try came to nothing */
    unsigned failures;      /* tries in a row that did */
    layr_time_t last_sample, last_audit, last_renew, last_patch;
    unsigned good, rows,
        needed;    /* of the unit that can lose the fewest shards, when it was audited; rows 0: it has none */
    uint64_t lost; /* units with fewer good shards than needed */
    char wrong[512]; /* a sentence, or "" */
} layr_watch_t;
int layr_journal_watch_get(layr_journal_t *j, layr_watch_t *out, const uint8_t record_id[32]) LAYR_CHECKED;
int layr_journal_watch_set(layr_journal_t *j, const layr_watch_t *w) LAYR_CHECKED;
int layr_journal_watch_prune(layr_journal_t *j, const uint8_t catalogue[32]) LAYR_CHECKED;
int layr_journal_watch_lock(layr_journal_t *j) LAYR_CHECKED;
void layr_journal_watch_unlock(layr_journal_t *j);
int layr_journal_watch_busy(layr_journal_t *j) LAYR_CHECKED;

/* Pending releases, grouped by host and group: up to LAYR_ORDERS_MAX orders a call of fn; those done are removed after. */
typedef struct layr_release {
    uint8_t host[32], group[16];
    char url[LAYR_URL_MAX + 1];
    unsigned count;
    uint8_t order[LAYR_ORDERS_MAX][16];
} layr_release_t;
int layr_journal_release_add(layr_journal_t *j, const layr_release_t *r) LAYR_CHECKED;

/*
 * A put of a new version of a file. publish: its record is about to be; from here on its orders and those of `releases`
 * (what the old version names and the new one does not) are candidates for a release at `due`, and no cut releases them
 * before. Durable when it returns. done: the put leaves the journal; of its orders only `orphans` (which the new version
 * does not name) stay candidates, and f takes the place of the file with its record id, or with f NULL nothing does. LAYR_ERR_NOTFOUND: no such put;
 * LAYR_ERR_EXISTS: another file has the name.
 */
typedef struct layr_later {
    uint8_t W[32], record_id[32];
    layr_time_t due;
    const layr_release_t *releases;
    size_t count;
} layr_later_t;
int layr_journal_update_publish(layr_journal_t *j, int64_t put, const layr_later_t *l) LAYR_CHECKED;
int layr_journal_update_done(layr_journal_t *j, int64_t put, const layr_file_entry_t *f,
                             const uint8_t (*orphans)[16], size_t count) LAYR_CHECKED;
/*
 * Every file with candidates whose time has come. fn adds to `named` the orders (16 bytes each) of the file's newest version and returns
 * LAYR_OK: those stay, the others become pending releases; any other code: all wait for another time, LAYR_ERR_CANCELLED
 * ends the walk and is returned. No lock is held while fn runs; W is wiped after.
 */
typedef struct layr_due {
    uint8_t W[32], record_id[32];
    layr_buf_t named;
} layr_due_t;
int layr_journal_later_each(layr_journal_t *j, layr_time_t now, int (*fn)(void *ctx, layr_due_t *due),
                            void *ctx) LAYR_CHECKED;

/*
 * A removal is decided: from here on the file is none of the list, and when it is cut off whoever reaps goes on with it.
 * Durable when it returns. end: the orders become pending releases and the file goes; said: its record says so already,
 * else that is still to be done (gone_each).
 */
typedef struct layr_removal {
    uint8_t W[32], record_id[32];
    layr_time_t now, until; /* until: of the file; the record that says it is gone is to be kept as long */
    const layr_release_t *releases;
    size_t count;
} layr_removal_t;
int layr_journal_remove_begin(layr_journal_t *j, const layr_removal_t *m, int64_t *put) LAYR_CHECKED;
int layr_journal_remove_end(layr_journal_t *j, int64_t put, bool said) LAYR_CHECKED;

/*
 * Records to be taken back, of puts and removals that were cut off or given up after they had said so. fn returns LAYR_OK
 * when it is done (it is not asked again), else it stays; LAYR_ERR_CANCELLED ends the walk and is returned. No lock is held
 * while fn runs; W is wiped after.
 */
typedef struct layr_gone {
    int64_t put;
    uint8_t W[32];
    layr_time_t until; /* 0: of a put, nobody has its capability; else as in layr_removal_t */
    layr_buf_t hosts;  /* host_count ids: who may have the record; none for a removal */
    size_t host_count;
} layr_gone_t;
int layr_journal_gone_each(layr_journal_t *j, int (*fn)(void *ctx, const layr_gone_t *g),
                           void *ctx) LAYR_CHECKED;

/*
 * fn gets every order once, and returns LAYR_OK when the host has released them (they are removed), else they stay for
 * another time; LAYR_ERR_CANCELLED ends the walk and is returned. No lock is held while fn runs. The bytes of r that are not
 * in use are zero.
 */
int layr_journal_release_each(layr_journal_t *j, int (*fn)(void *ctx, const layr_release_t *r),
                              void *ctx) LAYR_CHECKED;
/* How much hosts are still to be told: releases, and records to be taken back. */
int layr_journal_release_count(layr_journal_t *j, uint64_t *out) LAYR_CHECKED;

/*
 * The catalogue. lock: one program of this home writes it at a time; LAYR_ERR_IO while another does. pending: changes of
 * files that it does not have yet. take: what it says of files becomes rows, but for what this machine is still to tell; a
 * journal that is blank (no file, and the catalogue of that record id never seen) learns its hosts, which host_each gives. fill: set in c what is to be told, and files it does not
 * know; *changed: c is to be written; *mark: for done, after it was. Orders to be released go both ways; own: the catalogue's
 * group, whose orders are told to nobody.
 */
int layr_journal_catalogue_lock(layr_journal_t *j) LAYR_CHECKED;
void layr_journal_catalogue_unlock(layr_journal_t *j);
int layr_journal_catalogue_pending(layr_journal_t *j, uint64_t *out) LAYR_CHECKED;
int layr_journal_is_blank(layr_journal_t *j, const uint8_t catalogue[32], bool *blank) LAYR_CHECKED;
int layr_journal_catalogue_take(layr_journal_t *j, const uint8_t catalogue[32],
                                const layr_catalogue_t *c) LAYR_CHECKED;
int layr_journal_catalogue_fill(layr_journal_t *j, layr_catalogue_t *c, layr_time_t now,
                                const uint8_t own[16], int64_t *mark, bool *changed) LAYR_CHECKED;
int layr_journal_catalogue_done(layr_journal_t *j, int64_t mark) LAYR_CHECKED;
int layr_journal_host_each(layr_journal_t *j, int (*fn)(void *ctx, const uint8_t id[32], const char *url),
                           void *ctx) LAYR_CHECKED;

/*
 * How hosts did in audits, one row a host; without a master, too. add: what one audit found of a host's shards (lost: corrupt or
 * missing; silent: unreachable, timed out or refused); *out (may be NULL): its row then. A host that answered for any shard is
 * not silent. get: zero but for the host when nothing is known of it. each: until fn returns non-zero, which it then returns.
 */
typedef struct layr_score {
    uint8_t host[32];
    uint64_t passed, lost, silent;   /* shards, over all audits */
    layr_time_t last_good, last_bad; /* 0: never */
    layr_time_t silent_since;        /* 0: its last audit was answered */
    char url[LAYR_URL_MAX + 1];      /* where it was found last; "": never. add: "" leaves what is known */
} layr_score_t;
int layr_journal_score_add(layr_journal_t *j, const layr_score_t *found, layr_time_t now,
                           layr_score_t *out) LAYR_CHECKED;
int layr_journal_score_get(layr_journal_t *j, const uint8_t host[32], layr_score_t *out) LAYR_CHECKED;
int layr_journal_score_each(layr_journal_t *j, int (*fn)(void *ctx, const layr_score_t *s),
                            void *ctx) LAYR_CHECKED;

/*
 * Shards of an audit, by host: those that were answered for (passed, corrupt, missing) are forgotten, the others are noted; since: from the
 * caller's first audit of them on, whatever else their host has answered for. Without a master, too. For 400 days.
 */
typedef struct layr_unproven {
    uint8_t host[32], shard[32];
    bool answered;
    layr_time_t since; /* out; 0: answered */
} layr_unproven_t;
int layr_journal_unproven(layr_journal_t *j, layr_unproven_t *u, size_t count, layr_time_t now) LAYR_CHECKED;

/* The newest record seen: LAYR_ERR_NOTFOUND when none. set never goes back: a lower seq changes nothing and is LAYR_OK. */
int layr_journal_seen_get(layr_journal_t *j, const uint8_t record_id[32], uint64_t *seq,
                          uint8_t sha256[32]) LAYR_CHECKED;
int layr_journal_seen_set(layr_journal_t *j, const uint8_t record_id[32], uint64_t seq,
                          const uint8_t sha256[32]) LAYR_CHECKED;

#endif
