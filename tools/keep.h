/*
 * layr-keep's parts: the files that are watched over, a pass over those that are due, and what is known of them for people and
 * programs.  Everything that must survive is in the journal; a keeper that is killed begins again where it was.
 */
#ifndef LAYR_TOOL_KEEP_H
#define LAYR_TOOL_KEEP_H

#include <cjson/cJSON.h>

#include "layr/keep.h"
#include "session.h"

/* The status of another keeper being at work: beside layr_exit_t. */
#define LAYR_EXIT_BUSY 6

typedef struct layr_kept {
    layr_file_entry_t f;
    layr_watch_t w;
    char shown[LAYR_NAME_MAX + 32]; /* its name as people read it */
} layr_kept_t;

typedef struct layr_keeper {
    const layr_opt_t *opt;
    layr_tool_t tool;
    layr_keep_policy_t policy;
    unsigned threshold; /* 0: by the scheme; above n: n */
    layr_time_t grace;
    uint64_t max_price, sample;
    bool now;          /* every file in full, whatever is due */
    layr_kept_t *file; /* those of the journal, in the order in which they are due */
    size_t count;
    uint8_t W[32];                   /* of the catalogue */
    layr_time_t started, not_before; /* not_before: no pass until then, as hosts could not be reached */
    unsigned offline;                /* passes in a row that could not */
    layr_time_t last_pass;
    uint64_t pending; /* what hosts are still to be told */
    bool working;
    layr_exit_t status; /* the gravest of this pass */
} layr_keeper_t;

uint64_t layr_keep_random(void);
/* A graver status than another: lost data, then too few hosts, refusals, anything else. */
void layr_keep_note_status(layr_keeper_t *k, layr_exit_t status);

/* keep_files.c: the files of the journal with their watches, those of files that are new begun. 0 or an error. */
int layr_keep_load(layr_keeper_t *k, layr_time_t now) LAYR_CHECKED;
void layr_keep_unload(layr_keeper_t *k);
/* Is its time up? Then there is nothing left to keep. */
bool layr_keep_ended(const layr_kept_t *f, layr_time_t now);
/* When the first of them is due; INT64_MAX: none ever is. */
layr_time_t layr_keep_next(const layr_keeper_t *k, layr_time_t now);

/* keep_pass.c: what is due now, of every file and the catalogue. LAYR_OPT_GO_ON, or why it could not begin. */
int layr_keep_pass(layr_keeper_t *k) LAYR_CHECKED;

/* keep_look.c: one file, as far as it is due. failed: says why it came to nothing, and notes it. */
int layr_keep_look(layr_keeper_t *k, layr_kept_t *f, unsigned due, layr_diag_t *d) LAYR_CHECKED;
/* The list of files itself: its copies audited, and written again when some are lost. An error is the journal's. */
int layr_keep_list(layr_keeper_t *k) LAYR_CHECKED;
void layr_keep_failed(layr_keeper_t *k, layr_kept_t *f, int rc, const layr_diag_t *d);

/* keep_hosts.c: how hosts did in audits: an array of `o`; with -v, a table. 0 or an error. */
int layr_keep_json_hosts(const layr_keeper_t *k, cJSON *o) LAYR_CHECKED;
int layr_keep_show_hosts(const layr_keeper_t *k) LAYR_CHECKED;

/* keep_status.c */
/* <state_dir>/keep.json, written anew beside it and renamed: what `status --json` prints. 0 or an error. */
int layr_keep_write_status(const layr_keeper_t *k) LAYR_CHECKED;
/* For people, or with --json for programs. An exit status: 4 data is lost, 1 something else is wrong. */
int layr_keep_show_status(const layr_keeper_t *k);

#endif
