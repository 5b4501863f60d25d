/*
 * A session's DHT: joined through seeds, with the contacts that an earlier run of this home has left.  They are kept in
 * <state_dir>/contacts, 32 bytes of the SHA-256 of the seeds, so that no network's are taken for another's, and what
 * layr_dht_save gives.
 */
#ifndef LAYR_TOOL_SEEDS_H
#define LAYR_TOOL_SEEDS_H

#include "layr/flow.h"
#include "opt.h"

/*
 * With s->net there: s->dht, and that anybody answers.  LAYR_ERR_HOSTS: nobody does, d says why and what to do.  *note:
 * something a person may want to know, or "".  s->dht is layr_seeds_leave's either way.
 */
#define LAYR_SEEDS_NOTE 512
int layr_seeds_join(layr_session_t *s, const layr_opt_t *o, char note[LAYR_SEEDS_NOTE],
                    layr_diag_t *d) LAYR_CHECKED;
/* Keep its contacts and end it. Harmless without one. */
void layr_seeds_leave(layr_session_t *s, const layr_opt_t *o);

#endif
