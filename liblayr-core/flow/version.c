/* A new version in the place of the one before. */
#include "version.h"

#include <stdlib.h>
#include <string.h>

#include "base/fault.h"

#define CATALOGUE_OLD_S 600 /* whoever reads one has it by then */

int layr_version_root(layr_buf_t *out, const layr_file_keys_t *k, const layr_placement_t *p,
                      const layr_content_t *c)
{
    uint8_t s1[32], s2[32];
    layr_random(s1, sizeof s1);
    layr_random(s2, sizeof s2);
    return layr_root_seal(out, k, p, c, s1, s2);
}

static int note(const layr_version_t *v, const layr_order_list_t *rest)
{
    const layr_file_keys_t *k = &v->base->keys;
    layr_later_t l = {.due = v->now + (v->base->catalogue ? CATALOGUE_OLD_S : LAYR_KEEP_OLD_S),
                      .releases = rest->r,
                      .count = rest->count};
    int rc;
    memcpy(l.W, k->W, 32);
    memcpy(l.record_id, k->record_id, 32);
    rc = layr_journal_update_publish(v->s->journal, v->put, &l);
    layr_wipe(&l, sizeof l);
    return rc;
}

int layr_version_publish(const layr_version_t *v, const layr_buf_t *root, const layr_order_list_t *rest,
                         unsigned *took, layr_diag_t *d)
{
    int rc = note(v, rest);
    if (rc != LAYR_OK)
        return layr_journal_diag(v->s->journal, rc, d);
    LAYR_FAULT_POINT("update.publish");
    rc = layr_record_replace(v->s, &v->base->keys, v->base->after, v->base->after_count, root->p, root->len,
                             v->now, v->until, took, d);
    LAYR_FAULT_POINT("update.published");
    return rc;
}

int layr_version_done(const layr_version_t *v, const layr_file_entry_t *f, const layr_shard_ref_t *orphans,
                      size_t count)
{
    uint8_t(*order)[16] = malloc((count ? count : 1) * sizeof *order);
    int rc = LAYR_ERR_NOMEM;
    for (size_t i = 0; order && i < count; i++)
        layr_order_id(order[i], v->base->keys.W, orphans[i].shard, orphans[i].host);
    if (order)
        rc = layr_journal_update_done(v->s->journal, v->put, f, (const uint8_t(*)[16])order, count);
    LAYR_FAULT_POINT("update.done");
    free(order);
    return rc;
}

void layr_version_tidy(layr_session_t *s)
{
    uint64_t left;
    atomic_int *cancel = s->cancel;
    s->cancel = NULL; /* tidying up is what is left to do; a second signal ends the program */
    if (layr_release_pending(s, &left) == LAYR_OK && left) {
        layr_event_t ev = {.kind = LAYR_EV_NOTE,
                           .text = "some hosts could not be told to let go of what was stored: the next "
                                   "layr-put or layr-rm tries again"};
        if (s->event)
            s->event(s->event_ctx, &ev);
    }
    s->cancel = cancel;
}

void layr_version_drop(layr_session_t *s, int64_t put)
{
    if (layr_journal_put_drop(s->journal, put) == LAYR_OK)
        layr_version_tidy(s);
}
