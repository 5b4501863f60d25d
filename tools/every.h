/* The files of the journal, for programs with --all that change the journal as they go. */
#ifndef LAYR_TOOL_EVERY_H
#define LAYR_TOOL_EVERY_H

#include "layr/journal.h"

typedef struct layr_every {
    layr_file_entry_t *file; /* newest first */
    size_t count, cap;
} layr_every_t;

/* Zero it first; layr_every_free wipes it, whatever came. */
int layr_every_file(layr_journal_t *j, layr_every_t *out) LAYR_CHECKED;
void layr_every_free(layr_every_t *e);

#endif
