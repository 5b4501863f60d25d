/* An audit: the file's rows, window by window, and what is said of them. */
#include "audit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine.h"
#include "find.h"
#include "walk.h"

typedef struct audit {
    layr_audit_run_t run;
    layr_file_t *f;
    int (*fn)(void *ctx, const layr_audit_row_t *r);
    void *ctx;
    uint64_t done; /* bytes of the file */
} audit_t;

const char *layr_verdict_name(layr_verdict_t v)
{
    static const char *const names[LAYR_VERDICTS] = {"passed",    "corrupt", "missing",     "unreachable",
                                                     "timed out", "refused", "never stored"};

    return (unsigned)v < LAYR_VERDICTS ? names[v] : "unknown";
}

layr_time_t layr_audit_now(const layr_audit_run_t *a)
{
    return a->o->now + (layr_time_t)((layr_now_us() - a->began_us) / 1000000);
}

bool layr_verdict_is_silent(layr_verdict_t v)
{
    return v == LAYR_UNREACHABLE || v == LAYR_TIMED_OUT || v == LAYR_REFUSED;
}

/* --- scores --- */

static int by_host(const void *x, const void *y)
{
    const layr_audit_item_t *const *a = x, *const *b = y;

    return memcmp((*a)->row.host_id, (*b)->row.host_id, 32);
}

static void count_one(layr_score_t *s, layr_verdict_t v)
{
    s->passed += v == LAYR_PASSED;
    s->lost += v == LAYR_CORRUPT || v == LAYR_MISSING;
    s->silent += layr_verdict_is_silent(v);
}

/* Of one host's rows, count of them. */
static int score_host(audit_t *a, layr_audit_item_t *const *item, size_t count)
{
    layr_score_t found = {0}, now = {0};
    int rc = LAYR_OK;

    memcpy(found.host, item[0]->row.host_id, 32);
    if (item[0]->row.host != NULL)
        memcpy(found.url, item[0]->row.host->url, sizeof found.url);
    for (size_t i = 0; i < count; i++)
        count_one(&found, item[i]->row.verdict);
    if (a->run.s->journal != NULL)
        rc = layr_journal_score_add(a->run.s->journal, &found, layr_audit_now(&a->run), &now);
    else if (found.passed == 0 && found.lost == 0)
        now.silent_since = layr_audit_now(&a->run);
    for (size_t i = 0; i < count; i++)
        item[i]->row.silent_since = now.silent_since;
    return rc;
}

/* A host that answers for some shards and never for others has lost those, or may as well have. */
static int note_unproven(audit_t *a, layr_audit_item_t *const *item, size_t count)
{
    layr_time_t now = layr_audit_now(&a->run);
    layr_unproven_t *u = calloc(count + 1, sizeof *u);
    int rc = LAYR_OK;

    if (u == NULL)
        return LAYR_ERR_NOMEM;
    for (size_t i = 0; i < count; i++) {
        memcpy(u[i].host, item[i]->row.host_id, sizeof u[i].host);
        memcpy(u[i].shard, item[i]->row.shard, sizeof u[i].shard);
        u[i].answered = !layr_verdict_is_silent(item[i]->row.verdict);
    }
    if (a->run.s->journal != NULL)
        rc = layr_journal_unproven(a->run.s->journal, u, count, now);
    for (size_t i = 0; i < count; i++) {
        layr_audit_row_t *r = &item[i]->row;
        if (a->run.s->journal == NULL)
            u[i].since = u[i].answered ? 0 : now;
        bool sooner = u[i].since != 0 && r->silent_since != 0 && r->silent_since < u[i].since;
        r->unproven_since = sooner ? r->silent_since : u[i].since;
    }
    free(u);
    return rc;
}

static int score_all(audit_t *a)
{
    layr_audit_item_t **order = calloc(a->run.count + 1, sizeof(void *));
    size_t n = 0;
    int rc = LAYR_OK;

    if (order == NULL)
        return LAYR_ERR_NOMEM;
    for (size_t i = 0; i < a->run.count; i++)
        if (a->run.item[i].row.verdict != LAYR_NEVER)
            order[n++] = &a->run.item[i];
    qsort(order, n, sizeof(void *), by_host);
    for (size_t i = 0, end; i < n && rc == LAYR_OK; i = end) {
        for (end = i + 1; end < n && by_host(&order[i], &order[end]) == 0;)
            end++;
        rc = score_host(a, order + i, end - i);
    }
    if (rc == LAYR_OK)
        rc = note_unproven(a, order, n);
    free(order);
    return rc;
}

/* --- windows --- */

static int flush(audit_t *a)
{
    int rc = layr_audit_ask(&a->run);

    if (rc == LAYR_OK)
        rc = score_all(a);
    for (size_t i = 0; i < a->run.count && rc == LAYR_OK; i++) {
        const layr_audit_item_t *it = &a->run.item[i];
        a->run.stats->count[it->row.verdict]++;
        a->run.stats->shards++;
        if (it->row.verdict == LAYR_PASSED)
            a->run.stats->audited +=
                (a->run.o->sample > 0 && a->run.o->sample < it->blocks ? a->run.o->sample : it->blocks) *
                (LAYR_BLOCK + LAYR_TAG_BYTES);
        rc = a->fn(a->ctx, &it->row);
    }
    a->run.count = 0;
    if (rc == LAYR_OK && a->run.s->event != NULL) {
        layr_event_t ev = {.kind = LAYR_EV_PROGRESS, .done = a->done, .total = layr_file_size(a->f)};
        a->run.s->event(a->run.s->event_ctx, &ev);
    }
    return rc;
}

static void decide(layr_audit_item_t *it, layr_verdict_t v, const char *text)
{
    it->row.verdict = v;
    it->decided = true;
    snprintf(it->row.text, sizeof it->row.text, "%s", text);
}

static void add_row(audit_t *a, bool page, uint64_t unit, unsigned index, const layr_row_t *row,
                    const layr_node_page_t *node, const layr_shape_t *shape)
{
    layr_audit_item_t *it = &a->run.item[a->run.count++];
    const layr_host_t *listed;

    *it = (layr_audit_item_t){.row = {.page = page, .unit = unit, .index = index, .bytes = shape->blob},
                              .blocks = shape->blocks,
                              .chunk = shape->chunk};
    if (row->host == LAYR_NO_HOST) {
        decide(it, LAYR_NEVER, "was never stored");
        return;
    }
    memcpy(it->row.shard, row->id, sizeof it->row.shard);
    memcpy(it->row.salt, row->salt, sizeof it->row.salt);
    memcpy(it->row.host_id, node->hosts[row->host], sizeof it->row.host_id);
    it->row.host = layr_hosts_find(&a->run.s->hosts, it->row.host_id);
    if (it->row.host != NULL)
        return;
    listed = layr_find_listed(a->run.s, it->row.host_id);
    decide(it, listed != NULL && listed->error == LAYR_ERR_TIMEOUT ? LAYR_TIMED_OUT : LAYR_UNREACHABLE,
           listed != NULL && listed->error_text[0] != 0
               ? listed->error_text
               : "its host is not among those given, or does not answer");
}

static int add_unit(audit_t *a, bool page, uint64_t unit, const layr_entry_t *e, const layr_node_page_t *node,
                    const layr_shape_t *shape)
{
    int rc = layr_find_rows(a->run.s, e, node);

    if (rc == LAYR_OK && a->run.count + node->rows > LAYR_AUDIT_WINDOW)
        rc = flush(a);
    if (rc != LAYR_OK)
        return rc;
    a->run.stats->units++;
    for (unsigned i = 0; i < node->rows; i++)
        add_row(a, page, unit, i, &e->rows[i], node, shape);
    return LAYR_OK;
}

static int on_page(void *ctx, uint64_t number, const layr_entry_t *e, const layr_node_page_t *node)
{
    audit_t *a = ctx;
    layr_shape_t shape;
    int rc = layr_page_shape(&shape, a->f->placement.scheme, e->size);

    return rc == LAYR_OK ? add_unit(a, true, number, e, node, &shape) : rc;
}

static int on_segment(void *ctx, const layr_step_t *st)
{
    audit_t *a = ctx;
    layr_shape_t shape;
    int rc = layr_shape_of(&shape, a->f->placement.scheme, st->entry->size);

    if (rc == LAYR_OK)
        rc = add_unit(a, false, st->number, st->entry, st->node, &shape);
    a->done += st->entry->size;
    return rc;
}

int layr_audit(layr_session_t *s, layr_file_t *f, const layr_audit_opts_t *o,
               int (*fn)(void *ctx, const layr_audit_row_t *r), void *ctx, layr_audit_stats_t *out,
               layr_diag_t *d)
{
    audit_t a = {.run = {.s = s, .keys = &f->keys, .o = o, .stats = out, .began_us = layr_now_us()},
                 .f = f,
                 .fn = fn,
                 .ctx = ctx};
    int rc;

    memset(out, 0, sizeof *out);
    if (!(f->keys.rights & LAYR_CAN_VERIFY))
        return layr_diag_set(
            d, LAYR_ERR_CAP,
            "a read capability cannot audit: give the file's name, or its write or verify capability");
    rc = layr_tagger_new(&a.run.tagger, f->keys.A, LAYR_KERNEL_AUTO);
    if (rc == LAYR_OK && (a.run.item = calloc(LAYR_AUDIT_WINDOW, sizeof *a.run.item)) == NULL)
        rc = LAYR_ERR_NOMEM;
    if (rc == LAYR_OK)
        rc = layr_walk_all(s, &f->keys, &f->placement, &(layr_walk_all_t){on_page, on_segment, &a}, d);
    if (rc == LAYR_OK)
        rc = flush(&a);
    layr_tagger_free(a.run.tagger);
    free(a.run.item);
    if (rc < 0 && d->text[0] == 0)
        layr_diag_set(d, rc, "the audit stopped: %s", layr_strerror(rc));
    return rc;
}
