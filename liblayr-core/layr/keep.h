/*
 * Keeping files: their orders and records renewed, and when each is to be looked at again.
 *
 * The schedule is pure: the caller gives the time and random bits, and keeps the watch in the journal.
 */
#ifndef LAYR_KEEP_H
#define LAYR_KEEP_H

#include "layr/flow.h"

/* --- renewing --- */

typedef struct layr_renew_result {
    uint64_t orders, kept; /* of the file; those that their hosts keep until then */
    unsigned record_hosts; /* that took the record which says so; 0: it said so already */
} layr_renew_result_t;

/*
 * Have a file kept until then: each order at its host, then its record with a later end, then the journal.  Again is
 * harmless: nothing is ever shortened, and a cut leaves the file as it was.  A record that few of its holders have is given
 * to all of them, whatever its end; with until 0 that alone is done.
 *
 * LAYR_OK also when some hosts did not answer (kept < orders): it is to be tried again.  LAYR_ERR_HOSTS: so few did that a
 * segment would be lost by then; the record stays as it is.  LAYR_ERR_REMOVED: the owner removed the file.
 * LAYR_ERR_CONFLICT: another writer was faster.  Needs the write capability and the owner's key.
 */
int layr_renew(layr_session_t *s, const layr_file_keys_t *k, layr_time_t until, layr_renew_result_t *out,
               layr_diag_t *d) LAYR_CHECKED;

/* --- the schedule --- */

typedef struct layr_keep_policy {
    layr_time_t sample_every, audit_every; /* seconds */
    bool renew;                            /* false: files end when their time is up */
} layr_keep_policy_t;

/* What is to be done with a file. */
#define LAYR_DUE_SAMPLE 1u /* audit some blocks of every shard */
#define LAYR_DUE_AUDIT 2u  /* audit every block */
#define LAYR_DUE_RENEW 4u
unsigned layr_watch_due(const layr_watch_t *w, const layr_keep_policy_t *p, layr_time_t now);
/* When something is, at the earliest. */
layr_time_t layr_watch_next(const layr_watch_t *w, const layr_keep_policy_t *p);

/*
 * The file as it is now.  New here, or another version: the first audits come at a random moment of a period, so that files
 * put together are not audited together, and its term is what it was put for.  Renewed by another machine: its end is that
 * one's.  What w has of earlier audits stays.  Whether anything of it changed.
 */
bool layr_watch_follow(layr_watch_t *w, const layr_file_entry_t *f, const layr_keep_policy_t *p,
                       layr_time_t now, uint64_t random);
/*
 * An audit has ended, of all blocks or of a sample: the next one of that kind is a period later, give or take a quarter.
 * again: not 0: it is to be looked at then at the latest, as a host that is silent now will have been for too long.
 */
void layr_watch_audited(layr_watch_t *w, const layr_keep_policy_t *p, bool all, layr_time_t again,
                        layr_time_t now, uint64_t random);
/* The file is kept until then, by all of its hosts or not yet by all. */
void layr_watch_renewed(layr_watch_t *w, layr_time_t until, bool all, layr_time_t now, uint64_t random);
/* It came to nothing: what is due waits, longer each time, from minutes to six hours. */
void layr_watch_failed(layr_watch_t *w, layr_time_t now, uint64_t random);
/* A time that can't be, as the clock was set back meanwhile: mended, so that nothing waits for years. */
void layr_watch_mend(layr_watch_t *w, const layr_keep_policy_t *p, layr_time_t now);
/* Until when a file of that term is kept when it is renewed now. */
layr_time_t layr_watch_until(const layr_watch_t *w, layr_time_t now);

#endif
