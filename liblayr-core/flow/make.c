/* Shards of a unit: hashed, coded, sealed and tagged on workers, as many at a time as there are buffers. */
#include <stdlib.h>

#include "unit.h"

/*
 * Blobs made and not yet stored, at most: enough to keep some hosts busy while others are slow, and less than
 * a third of what a client may use.
 */
#define BLOB_BUDGET (96u << 20)

/* --- queues and buffers --- */

void layr_rows_init(layr_row_queue_t *q)
{
    q->head = NULL;
    q->tail = &q->head;
}

void layr_rows_put(layr_row_queue_t *q, layr_unit_row_t *r)
{
    r->next = NULL;
    *q->tail = r;
    q->tail = &r->next;
}

static layr_unit_row_t *queue_take(layr_row_queue_t *q)
{
    layr_unit_row_t *r = q->head;
    if (r && !(q->head = r->next))
        q->tail = &q->head;
    return r;
}

void layr_unit_blob_drop(layr_store_t *st, layr_unit_row_t *r)
{
    layr_spares_give(&st->spares, r->blob, r->unit->shape.blob);
    r->blob = NULL;
}

void layr_unit_plain_drop(layr_unit_t *u)
{
    if (u->plain && u->plain_done)
        u->plain_done(u->plain_ctx, u->plain);
    u->plain = NULL;
}

/* --- making --- */

static void made(layr_job_t *j, void *owner)
{
    layr_store_t *st = owner;
    layr_unit_row_t *r = (layr_unit_row_t *)j;
    layr_unit_t *u = r->unit;
    if (++u->made == u->rows)
        layr_unit_plain_drop(u);
    if (r->error != LAYR_OK)
        layr_unit_row_ended(st, r, r->error);
    else
        layr_unit_place(st, r);
}

static void make(layr_job_t *j, void *scratch)
{
    layr_unit_row_t *r = (layr_unit_row_t *)j;
    layr_unit_t *u = r->unit;
    layr_store_t *st = u->st;
    layr_scratch_t *sc = scratch;
    uint8_t key[32];
    if (u->page)
        layr_page_key(key, st->o.keys->P, r->salt);
    else
        layr_shard_key(key, st->o.keys->R, r->salt);
    r->error = layr_make_shard(sc->maker, r->blob, r->id, u->page ? st->page_coder : st->coder, &u->shape,
                               u->plain, r->index, st->tagger, key, r->salt);
    layr_wipe(key, sizeof key);
    layr_engine_answer(&st->e, &r->job, made);
}

void layr_unit_start_making(layr_store_t *st)
{
    while (st->to_make.head && !st->closing) {
        layr_unit_row_t *r = st->to_make.head;
        size_t len = r->unit->shape.blob;
        if (st->spares.held && st->spares.held + len > BLOB_BUDGET)
            return;
        queue_take(&st->to_make);
        r->blob = layr_spares_take(&st->spares, len);
        if (!r->blob) {
            r->error = LAYR_ERR_NOMEM;
            r->unit->made++;
            layr_unit_row_ended(st, r, LAYR_ERR_NOMEM);
            return;
        }
        layr_engine_work(&st->e, &r->job, make);
    }
}

/* --- hashing: what the salts hang on --- */

static void hashed(layr_job_t *j, void *owner)
{
    layr_store_t *st = owner;
    layr_unit_t *u = (layr_unit_t *)j;
    if (u->hash_error != LAYR_OK) {
        u->error = u->hash_error;
        u->ended = u->rows;
        layr_unit_plain_drop(u);
        return;
    }
    for (unsigned i = 0; i < u->rows; i++)
        layr_rows_put(&st->to_make, &u->row[i]);
    layr_unit_start_making(st);
}

static int unit_salts(layr_unit_t *u)
{
    layr_store_t *st = u->st;
    uint8_t random[32], number[8];
    layr_span_t data[2] = {{u->page ? "page" : "segment", u->page ? 4 : 7}, {number, 8}};
    int rc = LAYR_OK;
    layr_store64(number, u->number);
    /* a unit's own random bytes: two units of the same content must not share a salt */
    layr_kdf(random, st->o.random, "unit", data, 2);
    for (unsigned i = 0; i < u->rows && rc == LAYR_OK; i++)
        rc = layr_salt(u->row[i].salt, random, u->hash, (uint8_t)i);
    layr_wipe(random, sizeof random);
    return rc;
}

void layr_unit_hash(layr_job_t *j, void *scratch)
{
    layr_unit_t *u = (layr_unit_t *)j;
    layr_scratch_t *sc = scratch;
    uint8_t sha[32];
    int rc = layr_hash_update(sc->hash, u->plain, u->shape.size);
    if (rc == LAYR_OK)
        rc = layr_hash_final(sc->hash, sha);
    if (rc == LAYR_OK) {
        layr_segment_hash(u->hash, u->page ? u->st->o.keys->P : u->st->o.keys->R, sha);
        rc = unit_salts(u);
    }
    u->hash_error = rc;
    layr_wipe(sha, sizeof sha);
    layr_engine_answer(&u->st->e, &u->job, hashed);
}
