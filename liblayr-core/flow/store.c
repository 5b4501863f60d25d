/* Bytes to placed shards: units, from their plaintext to their rows. */
#include "store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"

/*
 * Units under way at a time: one being read, one being coded, one being sent; and of small ones more, or a host's answer,
 * which comes when the shard is on its disk, is waited for by too few.
 */
#define UNITS_MIN 3
#define UNITS_MAX 8
#define UNITS_BYTES (48u << 20)
#define SETTLE_TURN_MS 50

/* --- the end of a row and of a unit --- */

void layr_unit_row_ended(layr_store_t *st, layr_unit_row_t *r, int error)
{
    layr_unit_t *u = r->unit;
    layr_unit_blob_drop(st, r);
    r->error = error;
    r->stored = error == LAYR_OK;
    r->failed = !r->stored;
    u->failed += r->failed;
    u->ended++;
    if (error != LAYR_OK && error != LAYR_ERR_HOSTS)
        u->error = error;
    else if (u->rows - u->failed < u->min && u->error == LAYR_OK)
        u->error = LAYR_ERR_HOSTS;
    layr_unit_start_making(st);
    layr_unit_start_copying(st);
}

/* --- public --- */

/* As many rows to a batch as leave every worker something to do, when all units are under way. */
static unsigned rows_together(layr_scheme_t s)
{
    unsigned each = UNITS_MIN * s.n / layr_cpus();
    return each < 2 ? 2 : each > LAYR_JOBS_GOOD ? LAYR_JOBS_GOOD : each;
}

int layr_store_new(layr_store_t **out, layr_session_t *s, const layr_store_opts_t *o, layr_regions_t *r)
{
    int rc;
    layr_store_t *st = calloc(1, sizeof *st);
    if (!st)
        return LAYR_ERR_NOMEM;
    st->o = *o;
    st->regions = r;
    st->tail = &st->head;
    st->together = rows_together(o->scheme);
    layr_rows_init(&st->to_make);
    layr_rows_init(&st->to_place);
    layr_rows_init(&st->to_copy);
    if ((rc = layr_engine_init(&st->e, s, st)) || (rc = layr_load_init(&st->load, &s->hosts)) ||
        (rc = layr_tagger_new(&st->tagger, o->keys->A, LAYR_KERNEL_AUTO)) ||
        (rc = layr_coder_new(&st->coder, o->scheme)) ||
        (rc =
             layr_coder_new(&st->page_coder, (layr_scheme_t){1, (uint8_t)(o->scheme.n - o->scheme.k + 1)}))) {
        layr_store_free(st);
        return rc;
    }
    *out = st;
    return LAYR_OK;
}

void layr_unit_free(layr_unit_t *u)
{
    layr_unit_plain_drop(u);
    for (unsigned i = 0; i < u->rows; i++)
        layr_unit_blob_drop(u->st, &u->row[i]);
    free(u->entry_rows);
    free(u->entry_hosts);
    free(u->entry_errors);
    free(u->ids);
    free(u);
}

void layr_store_free(layr_store_t *st)
{
    if (!st)
        return;
    st->closing = true;
    for (layr_unit_t *u = st->head; u; u = u->next)
        for (unsigned i = 0; i < u->rows; i++)
            if (u->row[i].call)
                layr_net_cancel(st->e.s->net, &u->row[i].call->req);
    layr_engine_close(&st->e);
    while (st->head) {
        layr_unit_t *u = st->head;
        st->head = u->next;
        layr_unit_free(u);
    }
    layr_spares_free(&st->spares);
    layr_coder_free(st->page_coder);
    layr_coder_free(st->coder);
    layr_tagger_free(st->tagger);
    layr_load_free(&st->load);
    free(st->orphans);
    free(st->near);
    layr_wipe(&st->o, sizeof st->o);
    free(st);
}

layr_engine_t *layr_store_engine(layr_store_t *st)
{
    return &st->e;
}

bool layr_store_room(const layr_store_t *st)
{
    size_t fit = UNITS_BYTES / layr_full_segment(st->o.scheme);
    return st->units < (fit < UNITS_MIN ? UNITS_MIN : fit > UNITS_MAX ? UNITS_MAX : fit);
}

int layr_unit_new(layr_unit_t **out, layr_store_t *st, bool page, uint64_t number, size_t size,
                  uint8_t *plain, void (*plain_done)(void *, uint8_t *), void *ctx)
{
    unsigned rows = page ? st->o.scheme.n - st->o.scheme.k + 1u : st->o.scheme.n;
    layr_unit_t *u = calloc(1, sizeof *u + rows * sizeof u->row[0]);
    int rc = LAYR_ERR_NOMEM;
    if (!u) {
        if (plain && plain_done)
            plain_done(ctx, plain);
        return rc;
    }
    *u = (layr_unit_t){
        .st = st, .page = page, .number = number, .plain = plain, .plain_done = plain_done, .plain_ctx = ctx};
    u->rows = rows;
    for (unsigned i = 0; i < rows; i++) {
        u->row[i].unit = u;
        u->row[i].index = (uint8_t)i;
    }
    /* NOLINTNEXTLINE(clang-analyzer-*): a scheme has 1 <= k <= n: rows is never 0 */
    u->entry_rows = calloc(rows, sizeof *u->entry_rows);
    u->entry_hosts = calloc(rows, sizeof *u->entry_hosts);
    u->entry_errors = calloc(rows, sizeof *u->entry_errors);
    if (u->entry_rows && u->entry_hosts && u->entry_errors)
        rc = page ? layr_page_shape(&u->shape, st->o.scheme, size)
                  : layr_shape_of(&u->shape, st->o.scheme, size);
    if (rc == LAYR_OK)
        *out = u;
    else
        layr_unit_free(u);
    return rc;
}

void layr_unit_join(layr_unit_t *u)
{
    layr_store_t *st = u->st;
    *st->tail = u;
    st->tail = &u->next;
    st->units++;
}

int layr_store_add(layr_store_t *st, bool page, uint64_t number, uint8_t *plain, size_t size,
                   const uint8_t *sha256, void (*plain_done)(void *, uint8_t *), void *ctx)
{
    unsigned lost = st->o.scheme.n - st->o.min_shards;
    layr_unit_t *u = NULL;
    int rc = layr_unit_new(&u, st, page, number, size, plain, plain_done, ctx);
    if (rc != LAYR_OK)
        return rc;
    u->min = page ? (u->rows > lost ? u->rows - lost : 1) : st->o.min_shards;
    layr_unit_join(u);
    if (sha256)
        layr_unit_hashed(u, sha256);
    else
        layr_engine_work(&st->e, &u->job, layr_unit_hash);
    return LAYR_OK;
}

/* Of a DHT's hosts there are too many to name. */
static void explain_close(const layr_store_t *st, const layr_unit_t *u, unsigned placed, layr_diag_t *d)
{
    const layr_kad_place_why_t *w = &st->why;
    layr_diag_set(d, LAYR_ERR_HOSTS,
                  "too few hosts take %s %llu: %u of its %u shards found one, and %u have to. Of %zu hosts "
                  "found, %u have "
                  "one of its shards, %u are out of reach, refuse or leave, %u ask more than --max-price, %u "
                  "have no room, "
                  "%u are in networks with their share: try a smaller scheme with -k, or another time",
                  u->page ? "manifest page" : "segment", (unsigned long long)u->number, placed, u->rows,
                  u->min, st->load.count, w->sibling, w->out, w->price, w->room, w->group);
}

static void explain(const layr_store_t *st, const layr_unit_t *u, layr_diag_t *d)
{
    char text[LAYR_DIAG_MAX];
    const char *sep = ":";
    size_t at = 0;
    unsigned placed = 0;
    int n;
    for (unsigned i = 0; i < u->rows; i++)
        placed += u->row[i].at != NULL && !u->row[i].failed;
    if (st->e.s->dht) {
        explain_close(st, u, placed, d);
        return;
    }
    n = snprintf(text, sizeof text,
                 "too few hosts take %s %llu: %u of its %u shards found one, and %u have to; give more "
                 "hosts, or others",
                 u->page ? "manifest page" : "segment", (unsigned long long)u->number, placed, u->rows,
                 u->min);
    for (size_t i = 0; i < st->load.count; i++) {
        const layr_load_host_t *h = &st->load.host[i];
        at += n > 0 ? (size_t)n : 0;
        if (at >= sizeof text - 1)
            break;
        if (n > 0 && i > 0)
            sep = ";";
        n = 0; /* a host without trouble has no words */
        if (h->why[0])
            n = snprintf(text + at, sizeof text - at, "%s %s", sep, h->why);
        else if (h->host->leaving)
            n = snprintf(text + at, sizeof text - at, "%s %s is leaving", sep, h->host->url);
        else if (!layr_unit_has_room(h, u->shape.blob))
            n = snprintf(text + at, sizeof text - at, "%s %s has no room left", sep, h->host->url);
        else if (h->host->price > st->o.max_price)
            n = snprintf(text + at, sizeof text - at, "%s %s asks a price of %llu", sep, h->host->url,
                         (unsigned long long)h->host->price);
    }
    layr_diag_set(d, LAYR_ERR_HOSTS, "%s", text);
}

static void fill_stored(layr_unit_t *u, layr_stored_t *out)
{
    *out = (layr_stored_t){
        .page = u->page, .number = u->number, .hosts = u->entry_hosts, .errors = u->entry_errors};
    out->entry = (layr_entry_t){
        .size = (uint32_t)u->shape.size, .segments = 1, .bytes = u->shape.size, .rows = u->entry_rows};
    memcpy(out->entry.hash, u->hash, 32);
    for (unsigned i = 0; i < u->rows; i++) {
        const layr_unit_row_t *r = &u->row[i];
        u->entry_hosts[i] = r->stored && r->at ? r->at->host->id : r->kept;
        u->entry_errors[i] = r->error;
        memcpy(u->entry_rows[i].id, r->id, 32);
        memcpy(u->entry_rows[i].salt, r->salt, 16);
    }
}

int layr_store_take(layr_store_t *st, layr_stored_t *out, layr_diag_t *d)
{
    layr_unit_t *u = st->head;
    if (!u)
        return 0;
    if (u->error == LAYR_ERR_HOSTS) {
        explain(st, u, d);
        return u->error;
    }
    if (u->error == LAYR_ERR_IO || u->error == LAYR_ERR_NOSPACE || u->error == LAYR_ERR_DB)
        return layr_journal_diag(st->e.s->journal, u->error, d); /* nothing else is written here */
    if (u->error != LAYR_OK)
        return layr_diag_set(d, u->error, "segment %llu could not be made: %s", (unsigned long long)u->number,
                             layr_strerror(u->error));
    if (u->ended < u->rows)
        return 0;
    fill_stored(u, out);
    return 1;
}

void layr_store_drop(layr_store_t *st)
{
    layr_unit_t *u = st->head;
    st->head = u->next;
    if (!st->head)
        st->tail = &st->head;
    st->units--;
    layr_unit_free(u);
}

bool layr_store_idle(const layr_store_t *st)
{
    return st->head == NULL;
}

static bool sending(const layr_store_t *st)
{
    for (const layr_unit_t *u = st->head; u; u = u->next)
        for (unsigned i = 0; i < u->rows; i++)
            if (u->row[i].call && !u->row[i].asked && !u->row[i].copying)
                return true;
    return false;
}

void layr_store_settle(layr_store_t *st, long ms)
{
    uint64_t end = layr_now_us() + (uint64_t)ms * 1000;
    st->closing = true;
    while (sending(st) && layr_now_us() < end)
        layr_engine_turn(&st->e, SETTLE_TURN_MS);
}

layr_load_host_t *layr_store_host(layr_store_t *st, const uint8_t id[32])
{
    if (layr_find_hosts(st->e.s, id, 1) != LAYR_OK)
        return NULL;
    layr_load_more(&st->load, &st->e.s->hosts);
    return layr_load_find(&st->load, id);
}

/* While hosts are looked for, answers of both kinds are waited for in turn. */
#define FINDING_MS 5

void layr_store_turn(layr_store_t *st, long ms)
{
    layr_unit_row_t *again = st->to_place.head;
    if (layr_regions_busy(st->regions)) {
        layr_regions_turn(st->regions, FINDING_MS);
        layr_load_more(&st->load, &st->e.s->hosts);
        ms = 0;
    }
    layr_engine_turn(&st->e, again && ms > 100 ? 100 : ms);
    layr_unit_move_late(st);
    again = st->to_place.head;
    layr_rows_init(&st->to_place);
    while (again) {
        layr_unit_row_t *r = again;
        again = r->next;
        layr_unit_place(st, r);
    }
}

void layr_store_stats(const layr_store_t *st, layr_store_stats_t *out)
{
    *out = st->stats;
    out->hosts = 0;
    for (size_t i = 0; i < st->load.count; i++)
        out->hosts += st->load.host[i].used != 0 || st->load.host[i].holds;
}

size_t layr_store_orphans(const layr_store_t *st, const layr_shard_ref_t **out)
{
    *out = st->orphans;
    return st->orphan_count;
}
