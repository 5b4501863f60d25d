/* One shard: asked of its host, opened, found good or bad. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "piece.h"

#define TRIES 3 /* of one shard at a host whose failure may pass */
#define MIN_BYTES_S 16384
#define LONE_MAX_US 20000u

/* --- what was found out about a row --- */

static void say_bad(layr_fetch_row_t *r)
{
    layr_fetch_t *f = r->piece->f;
    layr_event_t ev = {.kind = LAYR_EV_SHARD_BAD,
                       .page = r->piece->page,
                       .unit = r->piece->number,
                       .index = r->index,
                       .host = r->at ? r->at->host : NULL,
                       .host_id = r->host_id,
                       .error = r->error,
                       .text = r->why};
    if (r->known_bad)
        return;
    r->known_bad = true;
    f->stats.shards_bad++;
    layr_engine_event(&f->e, &ev);
}

/* What was asked for a narrow read does not serve a wide one, unless it is the same stripes. */
bool layr_row_misfit(const layr_fetch_row_t *r)
{
    const layr_piece_t *p = r->piece;
    return !p->narrow && (r->t0 != p->t0 || r->t1 != p->t1);
}

void layr_row_drop(layr_fetch_row_t *r)
{
    layr_spares_give(&r->piece->f->spares, r->blob, r->blob_len);
    r->blob = NULL;
}

void layr_row_again(layr_fetch_row_t *r)
{
    r->state = ROW_IDLE;
    r->late = false;
    layr_row_drop(r);
}

void layr_row_bad(layr_fetch_row_t *r, int error, const char *why)
{
    r->state = ROW_BAD;
    r->error = error;
    snprintf(r->why, sizeof r->why, "%s", why);
    layr_row_drop(r);
    say_bad(r);
}

/* --- opening and decoding, on workers --- */

static void opened(layr_job_t *j, void *owner)
{
    layr_fetch_row_t *r = (layr_fetch_row_t *)j;
    layr_fetch_t *f = owner;
    layr_event_t ev = {.kind = LAYR_EV_SHARD_FETCHED,
                       .page = r->piece->page,
                       .unit = r->piece->number,
                       .index = r->index,
                       .bytes = r->blob_len};
    r->piece->jobs--;
    if (r->error == LAYR_OK && layr_row_misfit(r)) {
        layr_row_again(r);
        r->tries = 0;
    } else if (r->error == LAYR_OK) {
        r->state = ROW_GOOD;
        f->stats.shards_fetched++;
        ev.host = r->at->host;
        if (r->index < r->piece->k) /* its bytes are in place */
            layr_row_drop(r);
        layr_engine_event(&f->e, &ev);
    } else {
        char why[320];
        snprintf(why, sizeof why, "%s: %s", r->at->host->url,
                 r->error == LAYR_ERR_AUTH ? "gave a damaged shard" : layr_strerror(r->error));
        layr_row_bad(r, r->error, why);
    }
    layr_piece_advance(r->piece);
}

static void open_rows(layr_job_t *j, void *scratch)
{
    layr_fetch_row_t *r = (layr_fetch_row_t *)j, *partner = r->partner;
    layr_fetch_t *f = r->piece->f;
    layr_open_rows(r, f->keys, scratch);
    if (partner)
        layr_engine_tell(&f->e, &partner->job, opened);
    layr_engine_answer(&f->e, j, opened);
}

static void start_opening(layr_fetch_t *f, layr_fetch_row_t *r, layr_fetch_row_t *partner)
{
    r->partner = partner;
    layr_engine_work(&f->e, &r->job, open_rows);
}

static bool more_to_come(const layr_fetch_t *f)
{
    for (const layr_piece_t *p = f->head; p; p = p->next)
        for (unsigned i = 0; i < p->rows; i++)
            if (p->row[i].state == ROW_FETCHING && !p->row[i].late)
                return true;
    return false;
}

void layr_lone_look(layr_fetch_t *f)
{
    layr_fetch_row_t *r = f->lone;
    if (!r || (layr_now_us() - f->lone_since < LONE_MAX_US && more_to_come(f)))
        return;
    f->lone = NULL;
    start_opening(f, r, NULL);
}

static void to_open(layr_fetch_t *f, layr_fetch_row_t *r)
{
    layr_fetch_row_t *lone = f->lone;
    r->state = ROW_OPENING;
    r->partner = NULL;
    r->piece->jobs++;
    if (!r->piece->whole || (lone && lone->blob_len != r->blob_len)) {
        start_opening(f, r, NULL);
    } else if (lone) {
        f->lone = NULL;
        start_opening(f, lone, r);
    } else {
        f->lone = r;
        f->lone_since = layr_now_us();
        layr_lone_look(f);
    }
}

static void decoded(layr_job_t *j, void *owner)
{
    layr_piece_t *p = (layr_piece_t *)j;
    layr_fetch_t *f = owner;
    layr_event_t ev = {.kind = LAYR_EV_SEGMENT, .page = p->page, .unit = p->number, .bytes = p->shape.size};
    p->jobs--;
    p->done = true;
    if (!p->dropped)
        p->error = p->decode_error;
    for (unsigned i = 0; i < p->rows; i++) {
        layr_fetch_row_t *r = &p->row[i];
        ev.recovered += i < p->k && r->state != ROW_GOOD && !p->narrow;
        if (r->state == ROW_GOOD)
            layr_row_drop(r);
    }
    if (p->error == LAYR_OK) {
        f->stats.segments += !p->page;
        f->stats.segments_recovered += ev.recovered != 0;
        layr_engine_event(&f->e, &ev);
    }
}

void layr_piece_decode(layr_job_t *j, void *scratch)
{
    layr_piece_t *p = (layr_piece_t *)j;
    p->decode_error =
        p->narrow ? LAYR_OK
                  : layr_decode_piece(p, p->page ? p->f->page_coder : p->f->coder, p->f->keys, scratch);
    layr_engine_answer(&p->f->e, j, decoded);
}

/* --- fetching --- */

static void fetch_failed(layr_fetch_row_t *r, int rc, const char *why)
{
    /* a host that is away may be back, and another row of this unit may be gone for good */
    if (layr_error_passing(rc) && r->tries < TRIES && !r->at->out) {
        layr_row_again(r);
        r->error = rc;
        snprintf(r->why, sizeof r->why, "%s", why);
        say_bad(r);
    } else {
        layr_row_bad(r, rc, why);
    }
}

static void fetched(layr_job_t *j, void *owner)
{
    layr_fetch_row_t *r = (layr_fetch_row_t *)j;
    layr_fetch_t *f = owner;
    char why[320];
    int rc = layr_call_result(r->call);
    layr_call_text(r->call, why, sizeof why);
    f->stats.wire_bytes += r->call->req.into_len;
    /* a shard that is gone or of another size says nothing about the host's speed */
    layr_load_ended(r->at, r->blob_len, rc == LAYR_OK || layr_error_passing(rc) ? rc : LAYR_ERR_CANCELLED,
                    why);
    if (rc == LAYR_OK)
        layr_load_smooth(&f->usual_us, layr_now_us() - r->since);
    layr_call_drop(&r->call);
    r->piece->jobs--;
    if (rc != LAYR_OK) {
        if (rc == LAYR_ERR_CANCELLED) {
            layr_row_again(r);
            r->tries--;
        } else {
            fetch_failed(r, rc, why);
        }
    } else if (r->piece->done || r->piece->enough || layr_row_misfit(r)) {
        layr_row_again(r); /* too late to be of use */
        r->tries--;
    } else {
        to_open(f, r);
    }
    layr_piece_advance(r->piece);
}

static void on_net_done(layr_req_t *req)
{
    layr_fetch_row_t *r = req->ctx;
    layr_engine_answer(&r->piece->f->e, &r->job, fetched);
}

int layr_row_ask(layr_fetch_row_t *r)
{
    layr_piece_t *p = r->piece;
    int rc = LAYR_ERR_NOMEM;
    size_t chunk = p->shape.chunk;
    r->t0 = p->t0;
    r->t1 = p->t1;
    if (p->narrow && !layr_piece_needs(p, r->index, &r->t0, &r->t1))
        return LAYR_ERR_ARG;
    r->blob_len = p->whole ? p->shape.blob : (size_t)(r->t1 - r->t0 + 1) * chunk;
    r->blob = layr_spares_take(&p->f->spares, r->blob_len);
    r->call = calloc(1, sizeof *r->call);
    if (!r->blob || !r->call)
        goto fail;
    rc = p->whole ? layr_call_get_shard(r->call, r->at->host, r->row.id, r->blob, r->blob_len)
                  : layr_call_get_range(r->call, r->at->host, r->row.id, r->blob, (uint64_t)r->t0 * chunk,
                                        (uint64_t)(r->t1 + 1) * chunk - 1);
    if (rc != LAYR_OK)
        goto fail;
    r->call->req.ctx = r;
    r->call->req.done = on_net_done;
    r->call->req.min_bytes_s = MIN_BYTES_S;
    r->call->req.priority = p->page ? 1 : 0;
    r->since = layr_now_us();
    rc = layr_engine_request(&p->f->e, &r->call->req);
    if (rc != LAYR_OK)
        goto fail;
    layr_load_began(r->at, r->blob_len);
    r->tries++;
    r->late = false;
    r->state = ROW_FETCHING;
    p->jobs++;
    return LAYR_OK;
fail:
    layr_call_drop(&r->call);
    layr_row_drop(r);
    return rc;
}
