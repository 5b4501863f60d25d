/* Any k shards back to bytes: whom to ask, and whom next. */
#include "fetch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "find.h"
#include "piece.h"

#define MEMORY (112u << 20)    /* of pieces under way, about; one piece is always let in */
#define PIECES 8               /* at a time at most */
#define PIECES_LEAST 2         /* a limit leaves: while one ends another begins */
#define LATE_FIRST_US 1500000u /* a first answer may take so long before another host is asked */
#define LATE_MIN_US 400000u
#define LATE_TIMES 4 /* later ones: so many times the usual */
#define REASONS_NAMED 4
#define REASON_MAX 200 /* bytes; so that the sentence ends before LAYR_DIAG_MAX does */

/* The next row to ask: the soonest, a data row before a parity row of about the same; resting hosts last. */
static layr_fetch_row_t *best_row(layr_piece_t *p)
{
    layr_fetch_row_t *best = NULL;
    uint64_t best_cost = 0, now = layr_now_us();
    for (unsigned i = 0; i < p->rows; i++) {
        layr_fetch_row_t *r = &p->row[i];
        uint64_t cost;
        if (r->state != ROW_IDLE)
            continue;
        cost = layr_load_expect(&p->f->load, r->at, p->shape.blob);
        if (i >= p->k)
            cost += cost;
        if (layr_load_resting(r->at, now) || r->at->out)
            cost += 60000000u;
        cost += (uint64_t)r->tries * 10000000u;
        if (!best || cost < best_cost) {
            best = r;
            best_cost = cost;
        }
    }
    return best;
}

static unsigned count(const layr_piece_t *p, layr_row_state_t s, bool late)
{
    unsigned n = 0;
    for (unsigned i = 0; i < p->rows; i++)
        n += p->row[i].state == s && p->row[i].late == late;
    return n;
}

/*
 * Data goes to its place before its tag is checked: what a late row brings must not come over the chunks that
 * are decoded in its stead, so rows that are being opened end first.
 */
static void start_decoding(layr_piece_t *p)
{
    if (p->decoding || count(p, ROW_OPENING, false) + count(p, ROW_OPENING, true))
        return;
    for (unsigned i = 0; i < p->rows; i++)
        p->row[i].have = p->row[i].state == ROW_GOOD;
    p->decoding = true;
    p->jobs++;
    layr_engine_work(&p->f->e, &p->job, layr_piece_decode);
}

static void finish(layr_piece_t *p, int error)
{
    p->enough = true;
    p->error = error;
    for (unsigned i = 0; i < p->rows; i++)
        if (p->row[i].call)
            layr_net_cancel(p->f->e.s->net, &p->row[i].call->req);
    if (error == LAYR_OK)
        start_decoding(p);
    else
        p->done = true;
}

/* A narrow read needs just the rows its chunks lie on; when one of them fails, the piece is read the wide
 * way. */
static void advance_narrow(layr_piece_t *p)
{
    unsigned need = 0, good = 0;
    uint32_t t0, t1;
    for (unsigned i = 0; i < p->k; i++) {
        layr_fetch_row_t *r = &p->row[i];
        if (!layr_piece_needs(p, i, &t0, &t1))
            continue;
        need++;
        good += r->state == ROW_GOOD;
        if (r->state == ROW_IDLE && r->tries == 0 && !layr_load_resting(r->at, layr_now_us()) &&
            layr_row_ask(r) == LAYR_OK)
            continue;
        if (r->state == ROW_IDLE || r->state == ROW_BAD || r->late)
            p->narrow = false;
    }
    if (p->narrow) {
        if (good == need)
            finish(p, LAYR_OK);
        return;
    }
    for (unsigned i = 0; i < p->rows; i++) { /* what came narrow does not fit the wide window */
        layr_fetch_row_t *r = &p->row[i];
        if (r->call)
            layr_net_cancel(p->f->e.s->net, &r->call->req);
        if (r->state == ROW_GOOD && layr_row_misfit(r)) {
            layr_row_again(r);
            r->tries = 0;
        }
    }
}

/*
 * A host that failed time and again is not waited for: its rests grow, and every segment of a long file would
 * wait them out.
 */
static void give_up(layr_fetch_row_t *r)
{
    char why[sizeof r->why];
    memcpy(why, r->why, sizeof why);
    layr_row_bad(r, r->error, why);
}

/*
 * May another row be asked in the place of a late one? While it costs no more memory than the pieces under
 * way were let in for; the oldest, which the file waits for, always.
 */
static bool may_double(const layr_piece_t *p)
{
    if (p->f->spares.held + p->shape.blob <= p->f->memory)
        return true;
    for (const layr_piece_t *older = p->next; older; older = older->next)
        if (!older->done)
            return false;
    return true;
}

static void advance_wide(layr_piece_t *p)
{
    for (;;) {
        unsigned good = count(p, ROW_GOOD, false) + count(p, ROW_GOOD, true);
        unsigned coming =
            count(p, ROW_FETCHING, false) + count(p, ROW_OPENING, false) + count(p, ROW_OPENING, true);
        layr_fetch_row_t *r;
        int rc;
        if (good >= p->k) {
            finish(p, LAYR_OK);
            return;
        }
        if (good + coming >= p->k)
            return;
        if (count(p, ROW_FETCHING, true) && !may_double(p))
            return; /* the tick comes back */
        r = best_row(p);
        if (!r) {
            if (good + coming + count(p, ROW_FETCHING, true) < p->k)
                finish(p, LAYR_ERR_DATA);
            return;
        }
        if (r->tries && layr_load_resting(r->at, layr_now_us())) {
            if (!r->at->out)
                return; /* only hosts that just failed are left: the tick comes back */
            give_up(r);
            continue;
        }
        if ((rc = layr_row_ask(r)) != LAYR_OK) {
            finish(p, rc);
            return;
        }
    }
}

void layr_piece_advance(layr_piece_t *p)
{
    if (p->done || p->looked || p->f->closing)
        return;
    if (p->enough) {
        start_decoding(p);
        return;
    }
    if (p->narrow)
        advance_narrow(p);
    /* rows that were asked narrow must have ended before they are asked again */
    if (!p->narrow && !p->done && !p->enough)
        advance_wide(p);
}

/* --- the end of a piece --- */

static void piece_free(layr_piece_t *p)
{
    for (unsigned i = 0; i < p->rows; i++)
        layr_spares_give(&p->f->spares, p->row[i].blob, p->row[i].blob_len);
    layr_spares_give(&p->f->spares, p->plain, p->plain_len);
    free(p);
}

/* Pieces that the caller has dropped go when their last message has come: until then they take room. */
static void sweep(layr_fetch_t *f)
{
    for (layr_piece_t **at = &f->head; *at;) {
        layr_piece_t *p = *at;
        if (p->dropped && p->jobs == 0) {
            *at = p->next;
            f->pieces--;
            f->memory -= p->cost;
            piece_free(p);
        } else {
            at = &p->next;
        }
    }
}

/* --- time --- */

static void note_late(layr_fetch_t *f, layr_piece_t *p, uint64_t now, uint64_t limit)
{
    for (unsigned i = 0; i < p->rows; i++) {
        layr_fetch_row_t *r = &p->row[i];
        if (r->state == ROW_FETCHING && !r->late && now - r->since > limit) {
            r->late = true;
            layr_load_late(r->at, now);
            f->stats.shards_late++;
        }
    }
}

static void tick(layr_fetch_t *f)
{
    uint64_t now = layr_now_us();
    uint64_t limit = f->usual_us ? f->usual_us * LATE_TIMES : LATE_FIRST_US;
    if (limit < LATE_MIN_US)
        limit = LATE_MIN_US;
    for (layr_piece_t *p = f->head; p; p = p->next) {
        if (p->done || p->enough)
            continue;
        note_late(f, p, now, limit);
        layr_piece_advance(p);
    }
}

void layr_fetch_turn(layr_fetch_t *f, long ms)
{
    long most = f->lone ? 20 : 100;
    layr_engine_turn(&f->e, ms < 0 || ms > most ? most : ms);
    layr_lone_look(f);
    tick(f);
    sweep(f);
}

/* --- pieces --- */

static void rows_init(layr_fetch_t *f, layr_piece_t *p, const layr_entry_t *e, const layr_node_page_t *node)
{
    for (unsigned i = 0; i < p->rows; i++) {
        layr_fetch_row_t *r = &p->row[i];
        r->piece = p;
        r->index = (uint8_t)i;
        r->row = e->rows[i];
        if (r->row.host == LAYR_NO_HOST) {
            r->state = ROW_BAD;
            r->known_bad = true; /* never stored: no news */
            r->error = LAYR_ERR_NOTFOUND;
            snprintf(r->why, sizeof r->why, "was never stored");
            continue;
        }
        memcpy(r->host_id, node->hosts[r->row.host], 32);
        r->at = layr_load_find(&f->load, r->host_id);
        if (!r->at) {
            const layr_host_t *down = layr_find_listed(f->e.s, r->host_id);
            char why[sizeof r->why];
            if (down)
                snprintf(why, sizeof why, "%s: %.100s", down->url, down->error_text);
            else
                snprintf(why, sizeof why, "its host is not among those given, or does not answer");
            layr_row_bad(r, LAYR_ERR_NET, why);
        }
    }
}

static int piece_new(layr_fetch_t *f, layr_piece_t **out, bool page, uint64_t number, const layr_entry_t *e,
                     const layr_node_page_t *node, uint32_t first, uint32_t last)
{
    layr_scheme_t s = f->scheme;
    unsigned rows = page ? s.n - s.k + 1u : s.n;
    layr_piece_t *p = calloc(1, sizeof *p + rows * sizeof p->row[0]);
    size_t stripe;
    int rc;
    if (!p)
        return LAYR_ERR_NOMEM;
    if ((rc = layr_find_rows(f->e.s, e, node)) != LAYR_OK) {
        free(p);
        return rc;
    }
    layr_load_more(&f->load, &f->e.s->hosts);
    *p = (layr_piece_t){.f = f,
                        .page = page,
                        .number = number,
                        .first = first,
                        .last = last,
                        .rows = rows,
                        .k = page ? 1 : s.k};
    rc = page ? layr_page_shape(&p->shape, s, e->size) : layr_shape_of(&p->shape, s, e->size);
    if (rc != LAYR_OK)
        goto fail;
    memcpy(p->hash, e->hash, 32);
    stripe = (size_t)p->k * p->shape.chunk_plain;
    p->t0 = (uint32_t)(first / stripe);
    p->t1 = (uint32_t)(last / stripe);
    p->whole = first == 0 && last == e->size - 1;
    p->narrow = !p->whole;
    p->plain_len = (p->t1 - p->t0 + 1) * stripe;
    p->plain = layr_spares_take(&f->spares, p->plain_len);
    rc = LAYR_ERR_NOMEM;
    if (!p->plain)
        goto fail;
    p->cost = (size_t)(p->t1 - p->t0 + 1) * (stripe + (size_t)p->k * p->shape.chunk);
    rows_init(f, p, e, node);
    for (unsigned i = 0; i < p->k; i++) /* a narrow read of a row that can't be had is wide from the start */
        if (p->row[i].state == ROW_BAD)
            p->narrow = false;
    p->next = f->head;
    f->head = p;
    f->pieces++;
    f->memory += p->cost;
    *out = p;
    return LAYR_OK;
fail:
    piece_free(p);
    return rc;
}

int layr_fetch_add(layr_fetch_t *f, layr_piece_t **out, bool page, uint64_t number, const layr_entry_t *e,
                   const layr_node_page_t *node, uint32_t first, uint32_t last)
{
    int rc = piece_new(f, out, page, number, e, node, first, last);
    if (rc == LAYR_OK)
        layr_piece_advance(*out);
    return rc;
}

/* --- what is there already --- */

static void looked(layr_job_t *j, void *owner)
{
    layr_piece_t *p = (layr_piece_t *)j;
    layr_fetch_t *f = owner;
    p->jobs--;
    p->looked = NULL;
    if (p->done)
        return;
    if (p->look_error == LAYR_OK) {
        p->found = p->done = true;
        f->stats.found_bytes += p->shape.size;
        return;
    }
    if (p->look_error == LAYR_ERR_DATA)
        f->stats.stale_bytes += p->shape.size;
    layr_piece_advance(p);
}

static void look(layr_job_t *j, void *scratch)
{
    layr_piece_t *p = (layr_piece_t *)j;
    p->look_error = p->looked->look(p->looked->ctx, p->at, p->plain, p->shape.size) == 1
                        ? layr_piece_check(p, p->f->keys, scratch)
                        : LAYR_ERR_NOTFOUND;
    layr_engine_answer(&p->f->e, j, looked);
}

int layr_fetch_add_there(layr_fetch_t *f, layr_piece_t **out, uint64_t number, const layr_entry_t *e,
                         const layr_node_page_t *node, const layr_sink_t *sink, uint64_t at)
{
    int rc = piece_new(f, out, false, number, e, node, 0, e->size - 1);
    if (rc != LAYR_OK)
        return rc;
    (*out)->looked = sink;
    (*out)->at = at;
    (*out)->jobs++;
    layr_engine_work(&f->e, &(*out)->job, look);
    return LAYR_OK;
}

bool layr_fetch_found(const layr_piece_t *p)
{
    return p->found;
}

static void explain(const layr_piece_t *p, layr_diag_t *d)
{
    char text[LAYR_DIAG_MAX];
    unsigned bad = count(p, ROW_BAD, false) + count(p, ROW_BAD, true), named = 0, more = 0;
    int at = snprintf(text, sizeof text, "%s %llu needs %u good shards of %u, and %u can be had",
                      p->page ? "manifest page" : "segment", (unsigned long long)p->number, p->k, p->rows,
                      p->rows - bad);
    for (unsigned i = 0; i < p->rows; i++) {
        if (p->row[i].state != ROW_BAD || !p->row[i].why[0])
            continue;
        if (named < REASONS_NAMED) {
            at += snprintf(text + at, sizeof text - (size_t)at, "; shard %u: %.*s", i, REASON_MAX,
                           p->row[i].why);
            named++;
        } else
            more++;
    }
    if (more > 0)
        snprintf(text + at, sizeof text - (size_t)at, "; and %u more (-v names all)", more);
    layr_diag_set(d, LAYR_ERR_DATA, "%s", text);
}

int layr_fetch_take(layr_piece_t *p, const uint8_t **plain, layr_diag_t *d)
{
    size_t stripe = (size_t)p->k * p->shape.chunk_plain;
    if (!p->done)
        return 0;
    if (p->error == LAYR_OK) {
        *plain = p->plain + (p->first - p->t0 * stripe);
        return 1;
    }
    if (p->error == LAYR_ERR_DATA && count(p, ROW_GOOD, false) + count(p, ROW_GOOD, true) < p->k)
        explain(p, d);
    else if (p->error == LAYR_ERR_DATA)
        layr_diag_set(
            d, LAYR_ERR_DATA,
            "%s %llu does not match its hash in the manifest though its shards do: it was stored wrongly",
            p->page ? "manifest page" : "segment", (unsigned long long)p->number);
    else
        layr_diag_set(d, p->error, "segment %llu: %s", (unsigned long long)p->number,
                      layr_strerror(p->error));
    return p->error;
}

void layr_fetch_drop(layr_piece_t *p)
{
    layr_fetch_t *f = p->f;
    if (!p->done)
        finish(p, LAYR_ERR_CANCELLED);
    p->dropped = true;
    sweep(f);
}

/* --- engine --- */

int layr_fetch_new(layr_fetch_t **out, layr_session_t *s, const layr_file_keys_t *keys, layr_scheme_t scheme)
{
    int rc;
    layr_fetch_t *f = calloc(1, sizeof *f);
    if (!f)
        return LAYR_ERR_NOMEM;
    f->keys = keys;
    f->scheme = scheme;
    f->most = MEMORY;
    if ((rc = layr_engine_init(&f->e, s, f)) || (rc = layr_load_init(&f->load, &s->hosts)) ||
        (rc = layr_coder_new(&f->coder, scheme)) ||
        (rc = layr_coder_new(&f->page_coder, (layr_scheme_t){1, (uint8_t)(scheme.n - scheme.k + 1)}))) {
        layr_fetch_free(f);
        return rc;
    }
    *out = f;
    return LAYR_OK;
}

void layr_fetch_free(layr_fetch_t *f)
{
    if (!f)
        return;
    f->closing = true;
    for (layr_piece_t *p = f->head; p; p = p->next) {
        if (!p->done)
            finish(p, LAYR_ERR_CANCELLED);
        p->dropped = true;
    }
    if (f->lone)
        f->lone->piece->jobs--;
    layr_engine_close(&f->e);
    sweep(f);
    layr_coder_free(f->page_coder);
    layr_coder_free(f->coder);
    layr_load_free(&f->load);
    layr_spares_free(&f->spares);
    free(f);
}

layr_engine_t *layr_fetch_engine(layr_fetch_t *f)
{
    return &f->e;
}

bool layr_fetch_room(const layr_fetch_t *f)
{
    if (f->pieces < PIECES_LEAST && f->memory < MEMORY)
        return true;
    return f->pieces == 0 || (f->pieces < PIECES && f->memory < f->most);
}

void layr_fetch_limit(layr_fetch_t *f, uint64_t bytes)
{
    f->most = bytes < MEMORY / 2 ? 2 * (size_t)bytes : MEMORY; /* plaintext and blobs */
}

const layr_get_stats_t *layr_fetch_stats(const layr_fetch_t *f)
{
    return &f->stats;
}
