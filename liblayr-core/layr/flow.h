/*
 * The pipelines: put, get, list, remove.  They take a session (network, hosts, owner, journal) and give results and
 * events; they never print.
 */
#ifndef LAYR_FLOW_H
#define LAYR_FLOW_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "layr/api.h"
#include "layr/code.h"
#include "layr/dht.h"
#include "layr/journal.h"
#include "layr/manifest.h"
#include "layr/tree.h"

/* What happened on the way, for progress and words: called on the thread that called the pipeline or on one of its own, one at a time. */
typedef enum layr_event_kind {
    LAYR_EV_PROGRESS,      /* done and total bytes of the file (total 0: unknown) */
    LAYR_EV_SHARD_STORED,  /* unit, index, host, bytes */
    LAYR_EV_SHARD_MOVED,   /* a host failed, another will be asked: host (the failing one), text says why */
    LAYR_EV_SHARD_FETCHED, /* unit, index, host, bytes */
    LAYR_EV_SHARD_BAD,     /* unit, index, host, text: damaged, missing, unreachable, slow ... */
    LAYR_EV_SEGMENT,       /* unit is done; recovered: rows that had to be decoded */
    LAYR_EV_NOTE           /* text: something a person wants to know */
} layr_event_kind_t;

typedef struct layr_event {
    layr_event_kind_t kind;
    uint64_t done, total;
    bool page;      /* unit is a manifest page, not a segment */
    uint64_t unit;  /* segment number in the file, from 0 */
    unsigned index; /* shard in its segment */
    unsigned recovered;
    const layr_host_t *host; /* may be NULL */
    const uint8_t *host_id;  /* where host is NULL because nobody given is that one */
    uint64_t bytes;
    int error;
    const char *text; /* valid during the call only */
} layr_event_t;

/*
 * Without a DHT hosts are those given, and no others are asked.  With one hosts is opened empty (layr_hosts_open): those that
 * are needed are looked for and added, those that were not found with an error.
 */
typedef struct layr_session {
    layr_net_t *net;
    layr_hosts_t hosts;
    layr_dht_t *dht;           /* NULL: none */
    layr_journal_t *journal;   /* NULL: no memory (a reader without a home) */
    const uint8_t *owner_seed; /* 32 bytes; NULL for readers */
    atomic_int *cancel;        /* set non-zero from a signal handler to stop; may be NULL */
    void (*event)(void *ctx, const layr_event_t *e); /* may be NULL */
    void *event_ctx;
} layr_session_t;

/* --- put --- */
typedef struct layr_source {
    /*
     * Up to cap bytes into buf: their number, 0 at the end, or a negative error (d is filled). May wait, but not much longer
     * than 200 ms: then LAYR_ERR_TIMEOUT says that nothing came yet, and it is asked again.  Called on a thread of the pipeline.
     */
    int64_t (*read)(void *ctx, uint8_t *buf, size_t cap, layr_diag_t *d);
    void *ctx;
    int64_t size; /* of all it will give; -1: unknown (a stream) */
    /* NULL, or: before the first read, bytes of a full segment. */
    void (*start)(void *ctx, size_t segment);
    /* NULL, or: after the end, on the caller's thread: what only then is known of the content (a folder's tree, layr_content_t). */
    void (*finish)(void *ctx, layr_content_t *c);
} layr_source_t;
/* A read may give this instead of a number: the segment ends here, and what comes next begins another. */
#define LAYR_SOURCE_CUT (-1000)

/*
 * The version of a file that a put replaces, under the same capabilities. open: finds it, and has its shards kept until
 * then: a segment whose hosts do so, min_shards of them or all n, and whose content is the same, is not sent again. With
 * until 0 nobody is asked and nothing changed: for layr_put_foresee. LAYR_ERR_CAP: no write capability; else as
 * layr_file_open says.
 */
typedef struct layr_base layr_base_t;
typedef struct layr_file layr_file_t;
typedef struct layr_put_opts layr_put_opts_t;
int layr_base_open(layr_base_t **out, layr_session_t *s, const layr_file_keys_t *k, layr_time_t until,
                   layr_diag_t *d) LAYR_CHECKED;
void layr_base_free(layr_base_t *b); /* NULL is harmless */
/* That version, opened: valid as long as b. */
layr_file_t *layr_base_file(const layr_base_t *b);
/*
 * For a source that lays out its stream with what the old version has (layr_tree_plan). segments: those there are, *out
 * malloc'd, good where a put with these options may keep them. keep: the new version begins with these, in this order, each
 * once, whatever they hold; what the source gives follows.
 */
int layr_base_segments(const layr_base_t *b, const layr_put_opts_t *o, layr_tree_segment_t **out,
                       size_t *count) LAYR_CHECKED;
int layr_base_keep(layr_base_t *b, const uint32_t *numbers, size_t count) LAYR_CHECKED;

struct layr_put_opts {
    layr_scheme_t scheme; /* k 0: by the number of hosts */
    unsigned min_shards;  /* 0: all n */
    uint64_t max_price;
    layr_time_t now, until;
    char name[LAYR_NAME_MAX + 1]; /* "": none */
    char type[128];               /* "": application/octet-stream */
    layr_time_t mtime;            /* -1: none */
    layr_base_t *base;            /* a new version of that file, once; NULL: a new file. Needs a journal */
    bool keep;   /* the source can be read again: a put that is cut off stays in the journal, to be resumed */
    bool resume; /* go on with the one of this name that was cut off, if there is one (with keep) */
};
#define LAYR_RESUME_DAYS 7 /* a put that was cut off is kept so long */

typedef struct layr_put_result {
    char read_cap[LAYR_CAP_MAX];
    uint8_t record_id[32], sha256[32];
    layr_scheme_t scheme;
    uint64_t size, segments, pages;
    uint64_t stored_bytes;     /* on hosts, tags and pages included */
    uint64_t shards, moved;    /* moved: had to go to another host */
    unsigned hosts;            /* distinct hosts that hold something */
    unsigned record_hosts;     /* that took the record */
    uint64_t kept, kept_pages; /* segments and pages of the version before that were not sent again */
    uint64_t kept_bytes;       /* of them, on hosts: beside stored_bytes */
    bool is_inline;
    layr_time_t until;
    bool resumed;                /* it went on with an earlier try */
    uint64_t found, found_bytes; /* of shards and stored_bytes: what an earlier try had brought there */
    uint64_t changed; /* shards of earlier tries whose content is not the source's any more: let go of */
    bool resumable;   /* also on failure: it is kept for that */
} layr_put_result_t;

/*
 * Scheme for a number of distinct hosts: 48 or more 20/40, 24 10/20, 12 4/10, 9 4/8, 7 3/6, 4 1/3; LAYR_ERR_HOSTS below.
 */
int layr_scheme_for_hosts(layr_scheme_t *out, size_t hosts) LAYR_CHECKED;
/*
 * Store a stream. On failure and on cancel what was stored is released (what can't be reached stays in the journal as a pending
 * release) and nothing is left half-written; with keep it stays, for LAYR_RESUME_DAYS, where something was stored.
 * A resumed put has the scheme and the end of its first try, and sends what is not there with the same content: a segment
 * that changed has other salts (docs/protocol.md 3.1).
 * LAYR_ERR_HOSTS: not enough hosts; LAYR_ERR_EXISTS: the name is in use, or belongs to a put that was cut off;
 * LAYR_ERR_CONFLICT: with base, another writer published a version meanwhile, which stands.
 * What base has and the new version has not is released LAYR_KEEP_OLD_S later, by whoever tidies up then.
 */
#define LAYR_KEEP_OLD_S 86400 /* a reader of the old version finishes */
int layr_put(layr_session_t *s, const layr_put_opts_t *o, layr_source_t *src, layr_put_result_t *out,
             layr_diag_t *d) LAYR_CHECKED;
/* Find the hosts that a put begins with, to know their number and prices. Without a DHT they are known. */
int layr_put_survey(layr_session_t *s) LAYR_CHECKED;
/*
 * What such a put would do, without sending or changing anything: the source is read. Of *out scheme, size, segments, shards
 * and stored_bytes (to be sent), kept, kept_bytes and is_inline are set; pages are not counted. LAYR_ERR_HOSTS as in layr_put.
 */
int layr_put_foresee(layr_session_t *s, const layr_put_opts_t *o, layr_source_t *src, layr_put_result_t *out,
                     layr_diag_t *d) LAYR_CHECKED;
/* Probability of losing a file within a year, when each host is lost for good within a year with probability p and nobody repairs. */
double layr_loss_without_repair(layr_scheme_t s, double p, uint64_t segments);

/* --- get --- */
typedef struct layr_sink {
    /*
     * All of len bytes at the end of what was written, or a negative error (d is filled); LAYR_ERR_CANCELLED when the session
     * was cancelled while it waited.  Called on a thread of the pipeline, one call at a time.
     */
    int (*write)(void *ctx, const uint8_t *buf, size_t len, layr_diag_t *d);
    void *ctx;
    /*
     * All three, or NULL: of a place where an earlier try left bytes, which nobody trusts, and where this one may leave some.
     * look: 1 when it may have the len bytes of the file at `at`, and has put them into buf: the segment's hash says what they
     * are; 0 when it has not. Called on any thread, several at once.  pass: in write's turn, bytes that look gave and that
     * are right.  keep: bytes at `at` though others before them did not come, so that the get fails.
     */
    int (*look)(void *ctx, uint64_t at, uint8_t *buf, size_t len);
    int (*pass)(void *ctx, const uint8_t *buf, size_t len, layr_diag_t *d);
    int (*keep)(void *ctx, uint64_t at, const uint8_t *buf, size_t len, layr_diag_t *d);
} layr_sink_t;

/* An opened file: record found, root opened. */
struct layr_file {
    layr_file_keys_t keys;
    uint64_t seq;
    uint8_t record_sha256[32];
    layr_time_t exp;
    unsigned holders; /* hosts that hold this very record */
    layr_placement_t placement;
    layr_content_t content; /* zero with a verify cap */
};

/* LAYR_ERR_NOTFOUND: no host given has a record of it; LAYR_ERR_REMOVED; LAYR_ERR_AUTH: only records that are not valid, or older than one seen; LAYR_ERR_CAP: a root that does not open. */
int layr_file_open(layr_session_t *s, const layr_file_keys_t *k, layr_file_t **out,
                   layr_diag_t *d) LAYR_CHECKED;
void layr_file_free(layr_file_t *f);
uint64_t layr_file_size(const layr_file_t *f);

typedef struct layr_get_stats {
    uint64_t bytes, segments;
    uint64_t shards_fetched, shards_bad,
        shards_late; /* late: far longer than is usual; another was asked meanwhile, where there was one to ask */
    uint64_t segments_recovered; /* where parity had to be used */
    uint64_t wire_bytes;
    uint64_t found_bytes, stale_bytes; /* the sink had them already; it had others in their place */
} layr_get_stats_t;

/*
 * Bytes first .. last of the file in order to the sink; whole file: 0 .. size - 1 (an empty file: call with size 0, first 0, last 0).
 * LAYR_ERR_RANGE: outside. LAYR_ERR_DATA: d names the segments that can't be had.
 * With sink->look less is under way at a time, as it is fetched again when the get is killed: about a twentieth of the bytes
 * and a segment, or two segments.
 */
int layr_get(layr_session_t *s, layr_file_t *f, uint64_t first, uint64_t last, layr_sink_t *sink,
             layr_get_stats_t *out, layr_diag_t *d) LAYR_CHECKED;

/* --- list --- */
typedef struct layr_row_health {
    bool page;
    uint64_t unit;
    unsigned index;
    uint8_t shard[32], host_id[32];
    const layr_host_t *host; /* NULL: not among the hosts given */
    uint64_t bytes;
    int error; /* LAYR_OK: there, with the right size */
    char text[256];
} layr_row_health_t;
/* HEAD for every shard and page copy of the file, in order of segments; fn is called for each on the caller's thread. */
int layr_file_health(layr_session_t *s, layr_file_t *f, int (*fn)(void *ctx, const layr_row_health_t *r),
                     void *ctx, layr_diag_t *d) LAYR_CHECKED;

/* --- audit --- */

/* Of a shard. Only corrupt, missing and never are proof of a loss; silence is one when it lasts (layr/durability.h). */
typedef enum layr_verdict {
    LAYR_PASSED,
    LAYR_CORRUPT,     /* what its host has is not the shard */
    LAYR_MISSING,     /* its host says that it has it not */
    LAYR_UNREACHABLE, /* no connection, not who it should be, or its store is away */
    LAYR_TIMED_OUT,
    LAYR_REFUSED, /* its host answers, but neither proves nor denies that it has the shard; or it gives no part of it */
    LAYR_NEVER, /* the manifest names no host */
    LAYR_VERDICTS
} layr_verdict_t;
const char *layr_verdict_name(layr_verdict_t v); /* "passed", "timed out", ... */
/* Unreachable, timed out or refused: its host neither proves the shard nor says that it is lost. */
bool layr_verdict_is_silent(layr_verdict_t v);

typedef struct layr_audit_row {
    bool page; /* unit is a manifest page, not a segment */
    uint64_t unit;
    unsigned index;
    uint8_t shard[32], salt[16], host_id[32];
    const layr_host_t *host; /* NULL: not found */
    uint64_t bytes;          /* of its blob */
    layr_verdict_t verdict;
    layr_time_t
        silent_since; /* of its host, after this audit: layr_score_t. 0: it answers; without a journal now or 0 */
    layr_time_t
        unproven_since; /* its host is silent about it, of others or of all; 0: it is not. Without a journal now or 0 */
    char text[256]; /* what happened, unless passed */
} layr_audit_row_t;

typedef struct layr_audit_opts {
    uint64_t sample; /* blocks of each shard; 0: all */
    bool download;   /* also a random chunk of a shard of each host, and its tags, by plain GET */
    layr_time_t now;
} layr_audit_opts_t;

typedef struct layr_audit_stats {
    uint64_t units, shards, count[LAYR_VERDICTS];
    uint64_t challenges, chunks;      /* answered ones */
    uint64_t audited;                 /* bytes that hosts have read to prove, of shards that passed */
    uint64_t sent, received, fetched; /* bytes of challenges, of answers, of chunks with their tags */
} layr_audit_stats_t;

/*
 * Have the hosts of a file prove that they hold its shards and the copies of its pages.  fn is called for each, on the
 * caller's thread, in order: a page before what it names.  What was found goes into the hosts' scores.  fn's value ends it when
 * not 0, and is returned.  LAYR_ERR_CAP: the keys cannot audit (a read cap); else as fetching says, and d is filled.
 */
int layr_audit(layr_session_t *s, layr_file_t *f, const layr_audit_opts_t *o,
               int (*fn)(void *ctx, const layr_audit_row_t *r), void *ctx, layr_audit_stats_t *out,
               layr_diag_t *d) LAYR_CHECKED;

/* --- patch --- */
typedef struct layr_patch_opts {
    unsigned
        threshold; /* a segment with at least so many shards of n that are not lost is left alone, and a page of the
                           manifest that lacks no more copies; 0: n */
    layr_time_t
        grace; /* seconds that a host may be silent before what it has counts as lost; -1: LAYR_GRACE_S */
    uint64_t max_price;
    layr_time_t now;
    layr_time_t
        until; /* of what is sent, and of the record; 0: as long as the record so far. The orders of what stays are not renewed */
    bool dry_run;    /* nothing is sent or changed */
    uint64_t sample; /* blocks of each shard that the audit asks for; 0: all */
} layr_patch_opts_t;
typedef struct layr_patch_result {
    layr_scheme_t scheme;
    uint64_t units, whole;     /* segments and pages of the manifest; of them: had all their shards */
    uint64_t damaged, leaving; /* shards to be restored: lost; at hosts that leave. The next two: that were */
    uint64_t restored, copied; /* made anew from the others; sent on as they are */
    uint64_t patched;          /* segments and pages that have other shards now */
    uint64_t pages;            /* pages written anew, as what they name has changed */
    uint64_t bytes; /* on hosts, of what was sent, pages too; with dry_run, of what would be, without pages */
    uint64_t waiting; /* shards whose hosts are silent, and not yet for as long as grace: left as they are */
    uint64_t left_alone;   /* shards that are lost, in segments and pages that have enough */
    uint64_t missing;      /* shards that were to be restored, and no host took */
    uint64_t lost;         /* segments and pages with fewer good shards than it takes */
    uint64_t hosts;        /* that took something */
    bool is_inline;        /* it rides in its record: there are no shards */
    bool published;        /* a new record was written */
    uint64_t seq;          /* of the record that stands */
    unsigned record_hosts; /* that took it */
    layr_time_t until;     /* of the record */
} layr_patch_result_t;
/*
 * Audit a file, and restore what it lost: shards that are damaged, missing or were never stored, and those of hosts that have
 * been silent for grace, are made anew from k others under salts of their own; shards of hosts that leave are sent on as they are.
 * What is whole is not touched. Needs the write cap (LAYR_ERR_CAP), the owner's key and a journal (LAYR_ERR_KEY). The journal knows of
 * it before anything is sent: cut off anywhere it leaves the file as it was, and the next call begins anew.
 * LAYR_ERR_DATA: segments with fewer than k good shards, which d and events name: nothing is changed. LAYR_ERR_HOSTS: no host without
 * a sibling for some; the others are restored. LAYR_ERR_CONFLICT: another writer published a version meanwhile, which stands.
 * What is replaced is released LAYR_KEEP_OLD_S later, by whoever tidies up then.
 */
int layr_patch(layr_session_t *s, const layr_file_keys_t *k, const layr_patch_opts_t *o,
               layr_patch_result_t *out, layr_diag_t *d) LAYR_CHECKED;

/* --- catalogue --- */
/*
 * W: KDF(master, "catalogue"). Reads the owner's catalogue from the hosts into the journal, and writes what the journal
 * has beyond it: `read` in any case, else when something is to be told. Other writers are merged. Nothing is lost when it
 * fails: the next call tells it.
 */
int layr_catalogue_sync(layr_session_t *s, const uint8_t W[32], bool read, layr_diag_t *d) LAYR_CHECKED;
/*
 * The same, and it is written whatever is in it: with as many copies as the hosts that there are now allow. lost: all copies of
 * what the hosts had are known to be lost, so that what the journal has stands alone.
 */
int layr_catalogue_renew(layr_session_t *s, const uint8_t W[32], bool lost, layr_diag_t *d) LAYR_CHECKED;

/* --- remove --- */
typedef struct layr_remove_result {
    uint64_t released, pending; /* orders: let go by their hosts; still to be told */
    unsigned record_hosts;      /* that took the record that says 'removed' */
    bool already;               /* it had been removed before: nothing was left but to forget it */
    bool begun; /* also on failure: there is a journal, and whoever tidies up next goes on with it */
} layr_remove_result_t;
/* Release every order of the file, publish an empty root, forget the file. Needs the write cap. */
int layr_remove(layr_session_t *s, const layr_file_keys_t *k, layr_remove_result_t *out,
                layr_diag_t *d) LAYR_CHECKED;
/* Try again what is pending (also of puts that were killed). Their number left in *left. Quiet about hosts that do not answer. */
int layr_release_pending(layr_session_t *s, uint64_t *left) LAYR_CHECKED;

#endif
