/* A put that is kept in the journal when it is cut off, and gone on with. */
#ifndef LAYR_FLOW_RESUME_H
#define LAYR_FLOW_RESUME_H

#include "store.h"

/*
 * Take up the put of e->name: in, size, mtime and keep_until as they are now; out, as it was begun. LAYR_ERR_NOTFOUND when
 * there is none. With LAYR_ERR_ARG (another scheme is wanted) it has been taken up.
 */
int layr_resume_take(layr_session_t *s, const layr_put_opts_t *o, layr_put_entry_t *e,
                     layr_diag_t *d) LAYR_CHECKED;
/* A unit that is stored belongs to the file: its earlier orders at other hosts do not. */
int layr_resume_mark(layr_session_t *s, int64_t put, const layr_stored_t *u, unsigned rows) LAYR_CHECKED;
/* The sentence for a name that another put has: LAYR_ERR_EXISTS. */
int layr_resume_name_taken(layr_session_t *s, const char *name, layr_diag_t *d);

#endif
