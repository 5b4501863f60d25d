/*
 * From the options to a session of the library: folders, key, journal, hosts.  What goes wrong on the way is
 * said here, so that a program only looks at the exit status.
 */
#ifndef LAYR_TOOL_SESSION_H
#define LAYR_TOOL_SESSION_H

#include "layr/flow.h"
#include "opt.h"
#include "seeds.h"

typedef struct layr_tool {
    layr_session_t s;
    const layr_opt_t *opt;
    uint8_t *master, *seed; /* sodium_malloc'd; NULL without the key */
    uint64_t pending;       /* releases left after layr_tool_tidy */
    bool connected;
    char note[LAYR_SEEDS_NOTE]; /* of joining, until it is said */
} layr_tool_t;

/* Each gives LAYR_OPT_GO_ON, or an exit status after saying why; in this order, and layr_tool_end whatever
 * came. */

/* Journal and, with `key`, the owner's key; without it only what caps allow can be done. */
int layr_tool_start(layr_tool_t *t, const layr_opt_t *o, bool key) LAYR_CHECKED;
/* The keys of CAP or NAME (for which start had `key`); the capability is hidden from the process list. */
int layr_tool_keys(layr_tool_t *t, char *operand, layr_file_keys_t *out) LAYR_CHECKED;
/* Transport and hosts: those given, and with the key those that a recovered list names. Again is harmless. */
int layr_tool_connect(layr_tool_t *t) LAYR_CHECKED;
/* The end of that; connect begins anew, with hosts as they are then. */
void layr_tool_disconnect(layr_tool_t *t);
/* The same without a word, for what can do without hosts. */
bool layr_tool_try_connect(layr_tool_t *t);
/* Give up dead puts and try pending releases again: before a put or a removal. Needs the key. */
int layr_tool_tidy(layr_tool_t *t) LAYR_CHECKED;
/* What puts that were killed had stored becomes pending, and that is said; no host is asked. 0 or an error.
 */
int layr_tool_reap(layr_tool_t *t);
/*
 * The catalogue on the network: `read` takes what it says into the journal; either way what the journal has beyond it is
 * written. A failure is said as a note, as nothing is lost by it. Needs the key and hosts.
 */
void layr_tool_catalogue(layr_tool_t *t, bool read);
void layr_tool_end(layr_tool_t *t);

/* One of the hosts given, by its id: also one that does not answer, where its id was given with the URL.
 * NULL: not given. */
const layr_host_t *layr_tool_host(const layr_tool_t *t, const uint8_t id[32]);

/* A failure of a pipeline: its sentence, or the journal's where that failed. An exit status. */
int layr_tool_failed(const layr_tool_t *t, int code, const layr_diag_t *d);
/* What the library leaves for another time. */
void layr_tool_say_pending(uint64_t count);

#endif
