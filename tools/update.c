/* From the name of a file to its version before, and of a folder to what of that stays. */
#include "update.h"

#include <stdlib.h>
#include <string.h>

#include "folder.h"
#include "meter.h"

int layr_update_find(layr_update_t *u, layr_tool_t *t, const char *whose)
{
    int rc = layr_tool_keys(t, (char *)(uintptr_t)whose, &u->keys);

    if (rc != LAYR_OPT_GO_ON || (u->keys.rights & LAYR_CAN_WRITE))
        return rc;
    layr_say_error(
        "this capability does not allow changing the file: it takes the write capability (layr:w:), or "
        "the name of a file of your own");
    return LAYR_EXIT_REFUSED;
}

/* The name it has here; of one that came as a capability the name it was put with, where that is free. */
static int name_of(const layr_update_t *u, layr_journal_t *j, layr_put_opts_t *o)
{
    const char *name = layr_base_file(u->base)->content.name;
    layr_file_entry_t f = {0};
    int rc = layr_journal_file_by_id(j, &f, u->keys.record_id);

    if (rc == 0)
        memcpy(o->name, f.name, sizeof o->name);
    else if (rc == LAYR_ERR_NOTFOUND) {
        rc = layr_journal_file_find(j, &f, name);
        if (rc == LAYR_ERR_NOTFOUND) {
            memcpy(o->name, name, sizeof o->name);
            rc = 0;
        }
    }
    layr_wipe(&f, sizeof f);
    return rc;
}

int layr_update_open(layr_update_t *u, layr_tool_t *t, layr_put_opts_t *o, bool dry)
{
    layr_diag_t d = {0};
    int rc = layr_base_open(&u->base, &t->s, &u->keys, dry ? 0 : o->until, &d);

    o->base = u->base;
    if (rc == 0)
        rc = name_of(u, t->s.journal, o);
    return rc == 0 ? LAYR_OPT_GO_ON : layr_tool_failed(t, rc, &d);
}

/* --- a folder --- */

static void show_progress(void *ctx, uint64_t done, uint64_t total)
{
    layr_meter_show(ctx, done, total);
}

static int plan(layr_update_t *u, const layr_put_opts_t *o, const layr_tree_t *old, layr_tool_source_t *s,
                layr_diag_t *d)
{
    layr_scheme_t scheme = layr_base_file(u->base)->placement.scheme;
    layr_tree_segment_t *segment = NULL;
    layr_meter_t meter;
    size_t count = 0;
    int rc = layr_base_segments(u->base, o, &segment, &count);

    layr_meter_start(&meter, "compare");
    if (rc == LAYR_OK)
        rc = layr_pack_update(s->pack, old, segment, count, layr_full_segment(scheme), show_progress, &meter,
                              &s->src, &u->plan, d);
    if (rc == LAYR_OK)
        rc = layr_base_keep(u->base, u->plan.keep, u->plan.keep_count);
    free(segment);
    u->folder = rc == LAYR_OK;
    return rc;
}

int layr_update_plan(layr_update_t *u, layr_tool_t *t, const layr_put_opts_t *o, layr_tool_source_t *s,
                     bool repack)
{
    layr_file_t *f = layr_base_file(u->base);
    layr_tree_t old = {0};
    layr_diag_t d = {0};
    int rc;

    if (s->pack == NULL || !f->content.is_folder || f->content.has_inline || repack)
        return LAYR_OPT_GO_ON;
    rc = layr_folder_tree(&t->s, f, &old, NULL, &d);
    if (rc == LAYR_ERR_FORMAT) {
        layr_say_note("of the version before %s: all of it is sent anew", d.text);
        return LAYR_OPT_GO_ON;
    }
    if (rc != LAYR_OK) {
        rc = layr_tool_failed(t, rc, &d);
        layr_say_note("what is in the version before cannot be told: --repack sends all of the folder anew");
        return rc;
    }
    rc = plan(u, o, &old, s, &d);
    layr_tree_free(&old);
    return rc == LAYR_OK ? LAYR_OPT_GO_ON : layr_tool_failed(t, rc, &d);
}

void layr_update_close(layr_update_t *u)
{
    layr_tree_plan_free(&u->plan);
    layr_base_free(u->base);
    layr_file_keys_wipe(&u->keys);
    u->base = NULL;
}
