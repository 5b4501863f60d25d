/* All files of the journal. */
#include "every.h"

#include <stdlib.h>
#include <string.h>

#include "layr/crypto.h"

/* Not by realloc: what it leaves behind would hold write secrets. */
static int grow(layr_every_t *e)
{
    size_t cap = e->cap > 0 ? e->cap * 2 : 64;
    layr_file_entry_t *more = calloc(cap, sizeof *more);

    if (more == NULL)
        return LAYR_ERR_NOMEM;
    if (e->count > 0) {
        memcpy(more, e->file, e->count * sizeof *more);
        layr_wipe(e->file, e->count * sizeof *more);
    }
    free(e->file);
    e->file = more;
    e->cap = cap;
    return LAYR_OK;
}

static int take(void *ctx, const layr_file_entry_t *f)
{
    layr_every_t *e = ctx;
    int rc = e->count == e->cap ? grow(e) : LAYR_OK;

    if (rc == LAYR_OK)
        e->file[e->count++] = *f;
    return rc;
}

int layr_every_file(layr_journal_t *j, layr_every_t *out)
{
    return layr_journal_file_list(j, take, out);
}

void layr_every_free(layr_every_t *e)
{
    if (e->file != NULL)
        layr_wipe(e->file, e->count * sizeof *e->file);
    free(e->file);
    memset(e, 0, sizeof *e);
}
