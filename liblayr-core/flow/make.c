/* Shards of a unit: hashed, coded, sealed and tagged on workers, as many at a time as there are buffers. */
#include <stdlib.h>
#include <string.h>

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

layr_unit_row_t *layr_rows_take(layr_row_queue_t *q)
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
    layr_row_batch_t *b = (layr_row_batch_t *)j;
    b->unit->made += b->count;
    if (b->unit->made == b->unit->rows)
        layr_unit_plain_drop(b->unit);
    for (unsigned i = 0; i < b->count; i++) {
        if (b->error != LAYR_OK)
            layr_unit_row_ended(st, b->row[i], b->error);
        else
            layr_unit_place(st, b->row[i]);
    }
    free(b);
}

static void make(layr_job_t *j, void *scratch)
{
    layr_row_batch_t *b = (layr_row_batch_t *)j;
    layr_unit_t *u = b->unit;
    layr_store_t *st = u->st;
    layr_scratch_t *sc = scratch;
    layr_shard_job_t jobs[LAYR_JOBS_GOOD];
    uint8_t key[LAYR_JOBS_GOOD][32];
    for (unsigned i = 0; i < b->count; i++) {
        layr_unit_row_t *r = b->row[i];
        if (u->page)
            layr_page_key(key[i], st->o.keys->P, r->salt);
        else
            layr_shard_key(key[i], st->o.keys->R, r->salt);
        jobs[i] = (layr_shard_job_t){sc->maker[i], r->index, r->blob, r->id, key[i], r->salt};
    }
    b->error = layr_make_shards(jobs, b->count, u->page ? st->page_coder : st->coder, &u->shape, u->plain,
                                st->tagger);
    layr_wipe(key, sizeof key);
    layr_engine_answer(&st->e, &b->job, made);
}

/*
 * Rows of the unit that the next batch takes. A batch waits for all its buffers: where hosts are the slow
 * part, one at a time comes free, and rows made one by one cost twice the hashing.
 */
static unsigned next_batch(const layr_store_t *st, const layr_unit_t *u)
{
    unsigned left = u->rows - u->begun;
    return left < st->together ? left : st->together;
}

bool layr_unit_has_budget(const layr_store_t *st, size_t len)
{
    return !st->spares.held || st->spares.held + len <= BLOB_BUDGET;
}

static void not_made(layr_store_t *st, layr_unit_row_t *r)
{
    r->unit->begun++;
    r->unit->made++;
    layr_unit_row_ended(st, r, LAYR_ERR_NOMEM);
}

/* Takes the rows from the queue, with a buffer for each. */
static int gather(layr_store_t *st, layr_row_batch_t *b, unsigned count)
{
    while (b->count < count) {
        layr_unit_row_t *r = layr_rows_take(&st->to_make);
        r->blob = layr_spares_take(&st->spares, b->unit->shape.blob);
        if (!r->blob) {
            not_made(st, r);
            return LAYR_ERR_NOMEM;
        }
        b->unit->begun++;
        b->row[b->count++] = r;
    }
    return LAYR_OK;
}

void layr_unit_start_making(layr_store_t *st)
{
    while (st->to_make.head && !st->closing) {
        layr_unit_t *u = st->to_make.head->unit;
        unsigned count = next_batch(st, u);
        layr_row_batch_t *b;
        int rc;
        if (!layr_unit_has_budget(st, count * u->shape.blob))
            return;
        if (!(b = calloc(1, sizeof *b))) {
            not_made(st, layr_rows_take(&st->to_make));
            return;
        }
        b->unit = u;
        rc = gather(st, b, count);
        if (b->count)
            layr_engine_work(&st->e, &b->job, make);
        else
            free(b);
        if (rc != LAYR_OK)
            return;
    }
}

void layr_unit_make(layr_unit_t *u)
{
    if (u->made == u->rows)
        layr_unit_plain_drop(u);
    for (unsigned i = 0; i < u->rows; i++)
        if (!u->row[i].stored && !u->row[i].given)
            layr_rows_put(&u->st->to_make, &u->row[i]);
    layr_unit_start_making(u->st);
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
    if (st->o.resume)
        layr_unit_find(u);
    else
        layr_unit_make(u);
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
        if (!u->row[i].given)
            rc = layr_salt(u->row[i].salt, random, u->hash, (uint8_t)i);
    layr_wipe(random, sizeof random);
    return rc;
}

static int derive(layr_unit_t *u, const uint8_t sha256[32])
{
    layr_segment_hash(u->hash, u->page ? u->st->o.keys->P : u->st->o.keys->R, sha256);
    if (u->has_must && memcmp(u->hash, u->must, 32) != 0)
        return LAYR_ERR_DATA;
    return unit_salts(u);
}

void layr_unit_hashed(layr_unit_t *u, const uint8_t sha256[32])
{
    u->hash_error = derive(u, sha256);
    hashed(&u->job, u->st);
}

void layr_unit_hash(layr_job_t *j, void *scratch)
{
    layr_unit_t *u = (layr_unit_t *)j;
    layr_scratch_t *sc = scratch;
    uint8_t sha[32];
    int rc = layr_hash_update(sc->hash, u->plain, u->shape.size);
    if (rc == LAYR_OK)
        rc = layr_hash_final(sc->hash, sha);
    if (rc == LAYR_OK)
        rc = derive(u, sha);
    u->hash_error = rc;
    layr_wipe(sha, sizeof sha);
    layr_engine_answer(&u->st->e, &u->job, hashed);
}
