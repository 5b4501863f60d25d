/*
 * How a version takes the place of the one before it: a put's or a patch's. The journal knows of it first, then its record is
 * written, and what only the version before names goes when nobody reads that one any more.
 */
#ifndef LAYR_FLOW_VERSION_H
#define LAYR_FLOW_VERSION_H

#include "base.h"

typedef struct layr_version {
    layr_session_t *s;
    const layr_base_t *base; /* the version before */
    int64_t put;             /* the journal's number */
    layr_time_t now, until;  /* until: of the record */
} layr_version_t;

/* A root with fresh random bytes; out is initialised by the caller and freed by him. */
int layr_version_root(layr_buf_t *out, const layr_file_keys_t *k, const layr_placement_t *p,
                      const layr_content_t *c) LAYR_CHECKED;
/* rest: orders that only the version before names. As layr_record_replace; whatever comes of it, a cut from here on loses neither. */
int layr_version_publish(const layr_version_t *v, const layr_buf_t *root, const layr_order_list_t *rest,
                         unsigned *took, layr_diag_t *d) LAYR_CHECKED;
/* It stands. f: for the owner's list, or NULL: nothing changes there. Of its own orders only those of `orphans` are not named by it. */
int layr_version_done(const layr_version_t *v, const layr_file_entry_t *f, const layr_shard_ref_t *orphans,
                      size_t count) LAYR_CHECKED;

/* A put or a patch that came to nothing: what was sent is let go of, now or as soon as its hosts are up. */
void layr_version_drop(layr_session_t *s, int64_t put);
/* Tell hosts what is pending, also when the session was cancelled: it is what is left to do. */
void layr_version_tidy(layr_session_t *s);

#endif
