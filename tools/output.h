/*
 * Where a download goes: standard output, or a file that appears under its name only when all of it is there
 * and verified.
 */
#ifndef LAYR_OUTPUT_H
#define LAYR_OUTPUT_H

#include <stdbool.h>

#include "layr/flow.h"
#include "layr/tree.h"
#include "partial.h"

typedef struct layr_output {
    layr_sink_t sink; /* for layr_get; its ctx is this structure */
    int fd;
    bool to_stdout, small_writes, force;
    bool reader_gone; /* whoever read standard output went away: needs no words */
    char *path;
    layr_partial_t partial;
    uint64_t expect;
    uint64_t base;               /* where in the stream the file begins: the caller's */
    uint64_t written, begun;     /* bytes of the file; of them the disk has begun with */
    uint64_t kept;               /* bytes that came before others which did not */
    layr_hash_t *hash;           /* NULL, or the caller's: is given all that is written */
    const layr_tree_entry_t *as; /* NULL, or: whose mode and time it gets */
} layr_output_t;

/*
 * path: "-" for standard output; a folder: `name` in it; NULL: `name` in the current folder. `trusted`: the
 * name is one's own, else one that might do harm (hidden files, control characters) needs a path.  expect:
 * bytes to come. key: of what it is until it is finished. LAYR_OPT_GO_ON, or an exit status after saying why.
 * layr_output_close either way.
 */
int layr_output_open(layr_output_t *o, const char *path, const char *name, bool trusted, bool force,
                     uint64_t expect, const layr_partial_key_t *key) LAYR_CHECKED;
/*
 * The first half of open: where it goes, malloc'd. what: "file", "folder".
 */
int layr_output_path(char **out, const char *path, const char *name, bool trusted,
                     const char *what) LAYR_CHECKED;
/* Folder of a path, malloc'd: what is renamed in it must be synced with it. NULL: out of memory. */
char *layr_output_folder(const char *path) LAYR_CHECKED;
int layr_output_sync_folder(const char *folder) LAYR_CHECKED;
/* All is there: give the file its mode, time (-1: none) and name, durably. */
int layr_output_finish(layr_output_t *o, layr_time_t mtime, layr_diag_t *d) LAYR_CHECKED;
/* Without a finish before it: the temporary file goes, or with key->resume stays where something is in it. */
void layr_output_close(layr_output_t *o);

#endif
