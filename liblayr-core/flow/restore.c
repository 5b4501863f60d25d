/*
 * A unit of which some rows stand: those stay where they are and keep their hosts from getting another; the others are made from
 * the plaintext, or fetched from a host that still has them and sent on as they are.
 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"

#define MIN_BYTES_S 16384 /* a host that gives its shards slower than this is not waited for */

/* --- rows that are copied --- */

/* It says nothing against the hosts that it was to go to, nor against the unit's other rows. */
static void not_copied(layr_store_t *st, layr_unit_row_t *r, int error)
{
    r->copying = false;
    layr_unit_row_ended(st, r, st->closing ? LAYR_ERR_CANCELLED : LAYR_ERR_HOSTS);
    r->error = error;
}

static void checked(layr_job_t *j, void *owner)
{
    layr_unit_row_t *r = (layr_unit_row_t *)((uint8_t *)j - offsetof(layr_unit_row_t, check));
    r->copying = false;
    if (r->check_error == LAYR_OK)
        layr_unit_place(owner, r);
    else
        not_copied(owner, r, r->check_error);
}

/* Work of a worker: is it the shard, whole? */
static void check(layr_job_t *j, void *scratch)
{
    layr_unit_row_t *r = (layr_unit_row_t *)((uint8_t *)j - offsetof(layr_unit_row_t, check));
    layr_scratch_t *sc = scratch;
    uint8_t id[32];
    int rc = layr_hash_update(sc->hash, r->blob, r->unit->shape.blob);
    if (rc == LAYR_OK)
        rc = layr_hash_final(sc->hash, id);
    if (rc == LAYR_OK && memcmp(id, r->id, 32) != 0)
        rc = LAYR_ERR_AUTH;
    r->check_error = rc;
    layr_engine_answer(&r->unit->st->e, j, checked);
}

static void came(layr_job_t *j, void *owner)
{
    layr_unit_row_t *r = (layr_unit_row_t *)j;
    layr_store_t *st = owner;
    int rc = layr_call_result(r->call);
    layr_call_drop(&r->call);
    if (rc == LAYR_OK)
        layr_engine_work(&st->e, &r->check, check);
    else
        not_copied(st, r, rc);
}

static void on_net_done(layr_req_t *req)
{
    layr_unit_row_t *r = req->ctx;
    layr_engine_answer(&r->unit->st->e, &r->job, came);
}

static int fetch(layr_store_t *st, layr_unit_row_t *r, layr_load_host_t *from)
{
    size_t len = r->unit->shape.blob;
    int rc = LAYR_ERR_NOMEM;
    r->blob = layr_spares_take(&st->spares, len);
    r->call = calloc(1, sizeof *r->call);
    if (r->blob && r->call)
        rc = layr_call_get_shard(r->call, from->host, r->id, r->blob, len);
    if (rc != LAYR_OK)
        goto done;
    r->call->req.ctx = r;
    r->call->req.done = on_net_done;
    r->call->req.min_bytes_s = MIN_BYTES_S;
    rc = layr_engine_request(&st->e, &r->call->req);
done:
    if (rc != LAYR_OK)
        layr_call_drop(&r->call);
    return rc;
}

void layr_unit_start_copying(layr_store_t *st)
{
    while (st->to_copy.head && !st->closing && layr_unit_has_budget(st, st->to_copy.head->unit->shape.blob)) {
        layr_unit_row_t *r = layr_rows_take(&st->to_copy);
        layr_load_host_t *from = layr_load_find(&st->load, r->unit->ids[r->index]);
        int rc = from ? LAYR_OK : LAYR_ERR_NET;
        r->copying = true;
        if (rc == LAYR_OK)
            rc = fetch(st, r, from);
        if (rc != LAYR_OK)
            not_copied(st, r, rc);
    }
}

/* --- the unit --- */

/* Copies of what the caller gave: he may go on with it. */
static void take_rows(layr_unit_t *u, const layr_entry_t *e, const uint8_t *const *hosts,
                      const layr_restore_t *how)
{
    for (unsigned i = 0; i < u->rows; i++) {
        layr_unit_row_t *r = &u->row[i];
        if (how[i] == LAYR_RESTORE_MAKE)
            continue;
        r->given = true;
        memcpy(r->id, e->rows[i].id, 32);
        memcpy(r->salt, e->rows[i].salt, 16);
        u->begun++;
        u->made++;
        if (hosts[i]) {
            memcpy(u->ids[i], hosts[i], 32);
            u->entry_hosts[i] = u->ids[i];
        }
        if (how[i] == LAYR_RESTORE_KEEP || !hosts[i]) {
            r->kept = u->entry_hosts[i];
            r->stored = true;
            u->ended++;
        }
    }
}

int layr_store_restore(layr_store_t *st, bool page, uint64_t number, const layr_entry_t *e,
                       const uint8_t *const *hosts, const layr_restore_t *how, uint8_t *plain,
                       void (*plain_done)(void *, uint8_t *), void *ctx)
{
    layr_unit_t *u = NULL;
    int rc = layr_unit_new(&u, st, page, number, e->size, plain, plain_done, ctx);
    if (rc != LAYR_OK)
        return rc;
    if (!(u->ids = calloc(u->rows, sizeof *u->ids))) {
        layr_unit_free(u);
        return LAYR_ERR_NOMEM;
    }
    memcpy(u->hash, e->hash, 32);
    memcpy(u->must, e->hash, 32);
    u->has_must = true;
    layr_load_more(&st->load, &st->e.s->hosts);
    take_rows(u, e, hosts, how);
    layr_unit_join(u);
    for (unsigned i = 0; i < u->rows; i++)
        if (u->row[i].given && !u->row[i].stored)
            layr_rows_put(&st->to_copy, &u->row[i]);
    if (u->made < u->rows)
        layr_engine_work(&st->e, &u->job, layr_unit_hash);
    else
        layr_unit_plain_drop(u);
    layr_unit_start_copying(st);
    return LAYR_OK;
}
