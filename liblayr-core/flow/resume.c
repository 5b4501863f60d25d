/*
 * A put that goes on with an earlier try: before the shards of a unit are made, the hosts that the journal names
 * for their salts are asked whether they have them.  All of a unit are asked first: a shard that has to be sent
 * must not take the host of one that is there.
 */
#include "resume.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"

#define GUESSES 8    /* hosts of earlier tries that are asked for one shard */
#define ASK_MS 20000 /* a host without an answer has nothing */

/* --- is it there? --- */

static void look(layr_unit_row_t *r);

static void end_asking(layr_unit_t *u)
{
    if (--u->asking == 0 && u->error == LAYR_OK && !u->st->closing)
        layr_unit_make(u);
}

static void found(layr_unit_row_t *r)
{
    layr_unit_t *u = r->unit;
    layr_store_t *st = u->st;
    layr_event_t ev = {.kind = LAYR_EV_SHARD_STORED,
                       .page = u->page,
                       .unit = u->number,
                       .index = r->index,
                       .host = r->at->host,
                       .bytes = u->shape.blob,
                       .text = "there from an earlier try"};

    r->at->holds = true;
    st->stats.bytes += u->shape.blob;
    st->stats.shards++;
    st->stats.found_bytes += u->shape.blob;
    st->stats.found++;
    layr_engine_event(&st->e, &ev);
    u->begun++;
    u->made++;
    layr_unit_row_ended(st, r, LAYR_OK);
}

static void asked(layr_job_t *j, void *owner)
{
    layr_store_t *st = owner;
    layr_unit_row_t *r = (layr_unit_row_t *)j;
    layr_unit_t *u = r->unit;
    char why[320];
    int rc = layr_call_result(r->call);

    layr_call_text(r->call, why, sizeof why);
    /* that it has it not says nothing about the host */
    layr_load_ended(r->at, 0, rc == LAYR_OK || layr_error_passing(rc) ? rc : LAYR_ERR_CANCELLED, why);
    layr_call_drop(&r->call);
    r->asked = false;
    if (rc == LAYR_OK) {
        found(r);
    } else {
        r->at = NULL;
        if (!st->closing)
            look(r);
    }
    end_asking(u);
}

static void on_net_done(layr_req_t *req)
{
    layr_unit_row_t *r = req->ctx;
    layr_engine_answer(&r->unit->st->e, &r->job, asked);
}

static int ask(layr_unit_row_t *r, layr_load_host_t *h, const uint8_t shard[32])
{
    layr_store_t *st = r->unit->st;
    int rc = LAYR_ERR_NOMEM;

    if (!(r->call = calloc(1, sizeof *r->call)))
        return rc;
    rc = layr_call_head_shard(r->call, h->host, shard);
    r->call->expect = r->unit->shape.blob;
    r->call->req.total_ms = ASK_MS;
    r->call->req.ctx = r;
    r->call->req.done = on_net_done;
    if (rc == LAYR_OK)
        rc = layr_engine_request(&st->e, &r->call->req);
    if (rc != LAYR_OK) {
        layr_call_drop(&r->call);
        return rc;
    }
    r->at = h;
    r->asked = true;
    memcpy(r->id, shard, 32);
    layr_load_began(h, 0);
    r->unit->asking++;
    return LAYR_OK;
}

/* The next host that may have it. */
static void look(layr_unit_row_t *r)
{
    layr_unit_t *u = r->unit;
    layr_shard_ref_t guess[GUESSES];
    int count = layr_journal_put_where(u->st->e.s->journal, u->st->o.put, r->salt, guess, GUESSES);

    if (count < 0)
        u->error = count;
    while (count > 0 && r->guesses < (unsigned)count) {
        const layr_shard_ref_t *g = &guess[r->guesses++];
        layr_load_host_t *h = layr_store_host(u->st, g->host);
        int rc;

        if (!h || h->out || layr_unit_has_sibling(u, h))
            continue;
        if ((rc = ask(r, h, g->shard)) != LAYR_OK)
            u->error = rc;
        return;
    }
}

void layr_unit_find(layr_unit_t *u)
{
    u->asking = 1;
    for (unsigned i = 0; i < u->rows && u->error == LAYR_OK; i++)
        look(&u->row[i]);
    end_asking(u);
}

/* --- the put in the journal --- */

static int busy_or_kept(void *ctx, const layr_unfinished_t *u)
{
    *(bool *)ctx = u->running;
    return 1;
}

int layr_resume_name_taken(layr_session_t *s, const char *name, layr_diag_t *d)
{
    bool running = true;

    if (layr_journal_put_list(s->journal, name, busy_or_kept, &running) == 1 && !running)
        return layr_diag_set(
            d, LAYR_ERR_EXISTS,
            "a put of %s was cut off: go on with it (layr-put --resume), give it up (layr-rm), or "
            "give another name with -n",
            name);
    return layr_diag_set(
        d, LAYR_ERR_EXISTS,
        "a file named %s is being stored by another layr-put just now: give another name with -n", name);
}

static void note(const layr_session_t *s, const char *text)
{
    layr_event_t ev = {.kind = LAYR_EV_NOTE, .text = text};

    if (s->event)
        s->event(s->event_ctx, &ev);
}

int layr_resume_take(layr_session_t *s, const layr_put_opts_t *o, layr_put_entry_t *e, layr_diag_t *d)
{
    uint64_t size = e->size;
    layr_time_t mtime = e->mtime;
    int rc = layr_journal_put_resume(s->journal, e);

    if (rc == LAYR_ERR_EXISTS)
        return layr_resume_name_taken(s, e->name, d);
    if (rc == LAYR_ERR_NOTFOUND) {
        note(s, "there is nothing to go on with: it is put from the beginning");
        return rc;
    }
    if (rc != LAYR_OK)
        return layr_journal_diag(s->journal, rc, d);
    if (e->size != size || e->mtime != mtime)
        note(s,
             "the file has changed since it was begun: what is still the same is not sent again, the rest is "
             "sealed anew");
    if (o->scheme.k && (o->scheme.k != e->scheme.k || o->scheme.n != e->scheme.n))
        return layr_diag_set(
            d, LAYR_ERR_ARG,
            "it was begun with scheme %u/%u, and goes on with that one: leave -k away, or give it "
            "up with layr-rm",
            e->scheme.k, e->scheme.n);
    return LAYR_OK;
}

int layr_resume_mark(layr_session_t *s, int64_t put, const layr_stored_t *u, unsigned rows)
{
    layr_put_row_t row[LAYR_N_MAX];

    for (unsigned i = 0; i < rows; i++) {
        memcpy(row[i].salt, u->entry.rows[i].salt, 16);
        memcpy(row[i].shard, u->entry.rows[i].id, 32);
        row[i].host = u->hosts[i];
    }
    return layr_journal_put_unit(s->journal, put, row, rows);
}
