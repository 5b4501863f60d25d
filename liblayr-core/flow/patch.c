/* patch: audit -> plan -> restored rows -> manifest -> record. What put does for a whole file, for what of it is lost. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fault.h"
#include "layr/durability.h"
#include "patch_units.h"
#include "publish.h"
#include "version.h"

typedef struct patch {
    layr_session_t *s;
    const layr_patch_opts_t *o;
    layr_patch_result_t *out;
    layr_diag_t *d;
    layr_base_t *b;
    layr_plan_t plan;
    layr_put_entry_t entry; /* in the journal */
    bool journalled;
    layr_regions_t regions;
    layr_store_t *store;
    layr_mend_t *mend;
    layr_publish_t publish;
    layr_order_list_t rest; /* orders of what is replaced */
    layr_placement_t placement;
} patch_t;

/* --- what is lost --- */

static bool silent_too_long(const patch_t *p, layr_time_t since)
{
    layr_time_t grace = p->o->grace < 0 ? LAYR_GRACE_S : p->o->grace;
    return grace == 0 || (since && p->o->now - since >= grace);
}

static layr_fate_t fate_of(const patch_t *p, const layr_audit_row_t *r)
{
    if (r->verdict == LAYR_PASSED)
        return r->host && r->host->leaving ? LAYR_FATE_LEAVING : LAYR_FATE_GOOD;
    if (layr_verdict_is_silent(r->verdict) && !silent_too_long(p, r->unproven_since))
        return LAYR_FATE_WAITS;
    return LAYR_FATE_LOST;
}

static int on_row(void *ctx, const layr_audit_row_t *r)
{
    patch_t *p = ctx;
    layr_event_t ev = {.kind = LAYR_EV_SHARD_BAD,
                       .page = r->page,
                       .unit = r->unit,
                       .index = r->index,
                       .host = r->host,
                       .host_id = r->host_id,
                       .bytes = r->bytes,
                       .error = LAYR_ERR_DATA,
                       .text = r->text};
    if (r->verdict != LAYR_PASSED && p->s->event)
        p->s->event(p->s->event_ctx, &ev);
    return layr_plan_row(&p->plan, r->page, r->unit, r->index, fate_of(p, r));
}

static void say_plan(patch_t *p)
{
    const layr_plan_t *l = &p->plan;
    layr_patch_result_t *out = p->out;
    out->units = l->count;
    out->whole = l->whole;
    out->damaged = l->make;
    out->leaving = l->copy;
    out->waiting = l->waiting;
    out->left_alone = l->left_alone;
    out->lost = l->lost.count + l->lost_pages.count;
    out->bytes = p->o->dry_run ? l->bytes : 0;
}

static void tell_lost(patch_t *p, const layr_plan_unit_t *u)
{
    char text[160];
    layr_event_t ev = {.kind = LAYR_EV_NOTE, .page = u->page, .unit = u->number, .text = text};
    if (!p->s->event || u->good + u->leaving >= (u->page ? 1 : p->b->scheme.k))
        return;
    snprintf(text, sizeof text, "%s %llu: %u of its %u shards are good, and it takes %u",
             u->page ? "manifest page" : "segment", (unsigned long long)u->number, u->good + u->leaving,
             u->u->rows, u->page ? 1u : p->b->scheme.k);
    p->s->event(p->s->event_ctx, &ev);
}

/* Hosts that are silent may come back with what is missing. */
static int too_few_good(patch_t *p)
{
    char segments[LAYR_DIAG_MAX / 3], pages[LAYR_DIAG_MAX / 3];
    const layr_plan_t *l = &p->plan;
    for (size_t i = 0; i < l->count; i++)
        tell_lost(p, &l->unit[i]);
    layr_numbers_text(&l->lost, segments, sizeof segments);
    layr_numbers_text(&l->lost_pages, pages, sizeof pages);
    return layr_diag_set(
        p->d, LAYR_ERR_DATA,
        "fewer than %u good shards are left of %llu of %llu segments (%s)%s%s%s%s: nothing was changed%s",
        p->b->scheme.k, (unsigned long long)l->lost.count, (unsigned long long)l->segments,
        l->lost.count ? segments : "none", l->lost_pages.count ? ", and no copy of manifest pages (" : "",
        l->lost_pages.count ? pages : "", l->lost_pages.count ? ")" : "", "",
        l->waiting ? "; some hosts do not answer: try again when they are back" : "");
}

static int audit(patch_t *p)
{
    layr_audit_opts_t a = {.sample = p->o->sample, .download = true, .now = p->o->now};
    layr_audit_stats_t st;
    int rc = layr_plan_new(&p->plan, p->b);
    if (rc == LAYR_OK)
        rc = layr_audit(p->s, p->b->file, &a, on_row, p, &st, p->d);
    if (rc == LAYR_OK)
        rc = layr_plan_decide(&p->plan, p->o->threshold);
    if (rc != LAYR_OK)
        return rc;
    say_plan(p);
    LAYR_FAULT_POINT("patch.audited");
    return p->out->lost ? too_few_good(p) : LAYR_OK;
}

/* --- before anything is sent --- */

static int note_patch(patch_t *p)
{
    layr_time_t now = p->o->now;
    int rc;
    p->entry.scheme = p->b->scheme;
    p->entry.started = now;
    p->entry.until = p->out->until;
    layr_random(p->entry.random, sizeof p->entry.random);
    memcpy(p->entry.W, p->b->keys.W, sizeof p->entry.W);
    rc = layr_journal_put_begin(p->s->journal, &p->entry);
    p->journalled = rc == LAYR_OK;
    return rc == LAYR_OK ? rc : layr_journal_diag(p->s->journal, rc, p->d);
}

static bool in_changing_page(const patch_t *p, const layr_plan_unit_t *page)
{
    for (uint64_t i = 0; !page->above && i < page->u->entry.segments; i++) {
        const layr_plan_unit_t *u = &p->plan.unit[page->u->first + i];
        if (u->make + u->copy > 0)
            return true;
    }
    return page->above;
}

/* A page that is written anew has as many copies at least as the worst of those that may be. */
static unsigned page_copies(const patch_t *p)
{
    unsigned rows = p->b->scheme.n - p->b->scheme.k + 1u, least = (rows + 1) / 2;
    bool any = false;
    for (size_t i = p->plan.segments; i < p->plan.count; i++) {
        const layr_plan_unit_t *u = &p->plan.unit[i];
        if (!in_changing_page(p, u))
            continue;
        if (!any || u->good + u->leaving < least)
            least = u->good + u->leaving;
        any = true;
    }
    return least;
}

static int open_store(patch_t *p)
{
    layr_store_opts_t o = {.keys = &p->b->keys,
                           .scheme = p->b->scheme,
                           .min_shards = p->b->scheme.k - 1u + page_copies(p), /* of pages: as many copies */
                           .put = p->entry.id,
                           .now = p->o->now,
                           .until = p->entry.until,
                           .max_price = p->o->max_price};
    int rc = layr_regions_survey(&p->regions);
    memcpy(o.random, p->entry.random, 32);
    if (rc == LAYR_OK)
        rc = layr_store_new(&p->store, p->s, &o, &p->regions);
    layr_wipe(&o, sizeof o);
    if (rc == LAYR_OK)
        layr_publish_init(&p->publish, p->store, p->b->scheme);
    if (rc == LAYR_OK)
        rc = layr_mend_new(&p->mend, p->s, &p->plan, p->store, &p->rest, p->out, p->d);
    return rc;
}

/* --- segments, then the pages that name the same segments as before --- */

static int restore(patch_t *p)
{
    layr_plan_t *l = &p->plan;
    layr_plan_unit_t *page = l->unit + l->segments;
    int rc = layr_mend_units(p->mend, l->unit, l->segments);
    for (size_t i = 0; i < l->pages; i++) {
        page[i].anew = layr_plan_page_changed(l, &page[i]);
        if (page[i].anew)
            page[i].make = page[i].copy = 0;
    }
    return rc == LAYR_OK ? layr_mend_units(p->mend, page, l->pages) : rc;
}

static bool has_changed(const patch_t *p)
{
    const layr_plan_t *l = &p->plan;
    for (size_t i = 0; i < l->count; i++)
        if (l->unit[i].changed || (l->unit[i].above && l->unit[i].make + l->unit[i].copy > 0))
            return true;
    return false;
}

/* --- the manifest --- */

/* Pages that were written anew. */
static int append_finished(void *ctx)
{
    patch_t *p = ctx;
    layr_stored_t u;
    int rc;
    while ((rc = layr_store_take(p->store, &u, p->d)) == 1) {
        for (unsigned i = 0; i < p->b->scheme.n - p->b->scheme.k + 1u; i++)
            p->out->missing += u.hosts[i] == NULL;
        rc = layr_publish_add(&p->publish, &u);
        layr_store_drop(p->store);
        if (rc != LAYR_OK)
            return rc;
    }
    return rc;
}

static int make_room(patch_t *p)
{
    int rc = LAYR_OK;
    while (!layr_store_room(p->store) && rc == LAYR_OK) {
        layr_store_turn(p->store, 200);
        rc = layr_session_cancelled(p->s) ? LAYR_ERR_CANCELLED : append_finished(p);
    }
    return rc;
}

static int append_segments(patch_t *p, size_t first, uint64_t count)
{
    int rc = LAYR_OK;
    for (size_t i = first; i < first + count && rc == LAYR_OK; i++) {
        layr_stored_t u = layr_base_stored(p->plan.unit[i].u, false, i);
        rc = layr_publish_add(&p->publish, &u);
        if (rc == LAYR_OK)
            rc = make_room(p);
    }
    return rc;
}

static int append_page(patch_t *p, const layr_plan_unit_t *page)
{
    layr_stored_t u = layr_base_stored(page->u, true, page->number);
    int rc;
    if (!page->anew)
        return layr_publish_page(&p->publish, &u);
    rc = layr_base_note_unit(p->b, p->s, page->u, &p->rest);
    return rc == LAYR_OK ? append_segments(p, page->u->first, page->u->entry.segments) : rc;
}

static int write_manifest(patch_t *p)
{
    const layr_plan_t *l = &p->plan;
    int rc = l->pages ? LAYR_OK : append_segments(p, 0, l->segments);
    for (size_t i = l->segments; i < l->count && rc == LAYR_OK; i++) {
        if (l->unit[i].above)
            rc = layr_base_note_unit(p->b, p->s, l->unit[i].u, &p->rest);
        else
            rc = append_page(p, &l->unit[i]);
        if (rc == LAYR_OK)
            rc = make_room(p);
    }
    LAYR_FAULT_POINT("patch.pages");
    return rc == LAYR_OK ? layr_publish_end(&p->publish, append_finished, p, &p->placement) : rc;
}

/* --- the record --- */

static int publish(patch_t *p)
{
    layr_version_t v = {
        .s = p->s, .base = p->b, .put = p->entry.id, .now = p->o->now, .until = p->out->until};
    const layr_shard_ref_t *orphans;
    size_t count = layr_store_orphans(p->store, &orphans);
    layr_file_entry_t f = {0};
    layr_buf_t root;
    int rc;
    layr_buf_init(&root);
    rc = layr_version_root(&root, &p->b->keys, &p->placement, &p->b->file->content);
    if (rc == LAYR_OK)
        rc = layr_version_publish(&v, &root, &p->rest, &p->out->record_hosts, p->d);
    layr_buf_free(&root);
    if (rc != LAYR_OK)
        return rc;
    p->out->published = true;
    rc = layr_journal_file_by_id(p->s->journal, &f, p->b->keys.record_id);
    if (rc == LAYR_OK ||
        rc == LAYR_ERR_NOTFOUND) { /* the owner's list says until when; the rest of it stays */
        bool list = rc == LAYR_OK && f.until != p->out->until;
        f.until = p->out->until;
        rc = layr_version_done(&v, list ? &f : NULL, orphans, count);
    }
    layr_wipe(&f, sizeof f);
    p->journalled = rc != LAYR_OK;
    return rc == LAYR_OK ? rc : layr_journal_diag(p->s->journal, rc, p->d);
}

/* --- the end --- */

static int no_hosts(const patch_t *p)
{
    const layr_patch_result_t *out = p->out;
    uint64_t done = out->restored + out->copied;
    layr_numbers_t segments = {0};
    char text[LAYR_DIAG_MAX / 2];
    for (size_t i = 0; i < p->plan.segments; i++)
        if (p->plan.unit[i].missing)
            layr_numbers_add(&segments, i);
    layr_numbers_text(&segments, text, sizeof text);
    return layr_diag_set(
        p->d, LAYR_ERR_HOSTS,
        "%llu shards found no host that has no other of the same segment%s%s%s: %s, and run it again; %llu "
        "were restored",
        (unsigned long long)out->missing, segments.count ? " (segments: " : "", segments.count ? text : "",
        segments.count ? ")" : "",
        p->s->dht ? "give another seed, or wait until more hosts are up" : "give more hosts",
        (unsigned long long)done);
}

static void count_result(patch_t *p)
{
    layr_patch_result_t *out = p->out;
    layr_store_stats_t st;
    uint64_t seq;
    uint8_t sha[32];
    layr_store_stats(p->store, &st);
    out->bytes = st.bytes;
    out->hosts = st.hosts;
    out->pages = p->publish.pages - p->publish.kept_pages;
    for (size_t i = 0; i < p->plan.count; i++)
        out->patched += p->plan.unit[i].changed;
    if (out->published && layr_journal_seen_get(p->s->journal, p->b->keys.record_id, &seq, sha) == LAYR_OK)
        out->seq = seq;
}

static int mend(patch_t *p)
{
    int rc = note_patch(p);
    if (rc == LAYR_OK)
        rc = open_store(p);
    if (rc == LAYR_OK)
        rc = restore(p);
    if (rc == LAYR_OK && has_changed(p)) {
        rc = write_manifest(p);
        if (rc == LAYR_OK)
            rc = publish(p);
    }
    if (p->store)
        count_result(p);
    return rc == LAYR_OK && p->out->missing ? no_hosts(p) : rc;
}

static int allowed(const layr_session_t *s, const layr_file_keys_t *k, layr_diag_t *d)
{
    if (!(k->rights & LAYR_CAN_WRITE))
        return layr_diag_set(d, LAYR_ERR_CAP,
                             "only the write capability (layr:w:...) patches a file: a read or verify "
                             "capability does not");
    if (!s->owner_seed || !s->journal)
        return layr_diag_set(d, LAYR_ERR_KEY,
                             "the orders for what is restored are signed with the owner's key, and there is "
                             "none: run layr-key recover");
    return LAYR_OK;
}

static int run(patch_t *p, const layr_file_keys_t *k)
{
    int rc = layr_base_read(&p->b, p->s, k, p->d);
    const layr_file_t *f = rc == LAYR_OK ? p->b->file : NULL;
    if (rc != LAYR_OK)
        return rc;
    p->out->scheme = f->placement.scheme;
    p->out->is_inline = f->placement.segments == 0;
    p->out->seq = f->seq;
    p->out->until = p->o->until > f->exp ? p->o->until : f->exp;
    rc = p->out->is_inline ? LAYR_OK : audit(p);
    if (rc != LAYR_OK || p->o->dry_run || !layr_plan_any(&p->plan))
        return rc;
    return mend(p);
}

static void end(patch_t *p)
{
    if (p->store)
        layr_publish_free(&p->publish);
    layr_store_free(p->store);
    layr_mend_free(p->mend);
    layr_regions_free(&p->regions);
    layr_placement_free(&p->placement);
    layr_orders_free(&p->rest);
    layr_plan_free(&p->plan);
}

int layr_patch(layr_session_t *s, const layr_file_keys_t *k, const layr_patch_opts_t *o,
               layr_patch_result_t *out, layr_diag_t *d)
{
    patch_t *p;
    int rc = allowed(s, k, d);
    memset(out, 0, sizeof *out);
    if (rc != LAYR_OK)
        return rc;
    if (!(p = calloc(1, sizeof *p)))
        return layr_diag_set(d, LAYR_ERR_NOMEM, "out of memory");
    *p = (patch_t){.s = s, .o = o, .out = out, .d = d};
    layr_regions_init(&p->regions, s);
    rc = run(p, k);
    end(p);
    if (p->journalled)
        layr_version_drop(s, p->entry.id);
    if (rc == LAYR_ERR_CANCELLED)
        layr_diag_set(d, rc, "stopped: the file is as it was, or restored: run it again to end it");
    else if (rc != LAYR_OK)
        layr_diag_set(d, rc, "the file could not be patched: %s", layr_strerror(rc));
    layr_base_free(p->b);
    layr_wipe(p, sizeof *p);
    free(p);
    return rc;
}
