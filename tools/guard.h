/*
 * What every program that handles secrets does around its work: no core files, an orderly end on Ctrl-C, no
 * capabilities left in the process list, no half-written file left behind.
 */
#ifndef LAYR_GUARD_H
#define LAYR_GUARD_H

#include <stdatomic.h>

/*
 * At the start of main, before anything secret is read. SIGINT, SIGTERM and SIGHUP then set
 * layr_guard_cancel; a second one removes the temporary file and ends the process with LAYR_EXIT_FAILED at
 * once. SIGPIPE is ignored.
 */
void layr_guard_start(void);
extern atomic_int layr_guard_cancel;

/* The file to remove when the process is ended by a second signal; NULL: none. The string must stay. */
void layr_guard_temp(const char *path);

/* Overwrite an argument so that it is no longer in the process list (but it was, for a moment: see
 * layr-get(1)). */
void layr_guard_hide(char *arg);

#endif
