/* Pool, mailbox and the owner's loop. */
#include "engine.h"

#include <stdlib.h>
#include <string.h>

static void scratch_free(void *p)
{
    layr_scratch_t *s = p;
    if (!s)
        return;
    for (unsigned i = 0; i < LAYR_JOBS_GOOD; i++)
        layr_blob_maker_free(s->maker[i]);
    layr_sealer_free(s->sealer);
    layr_hash_free(s->hash);
    layr_hash_free(s->name[0]);
    layr_hash_free(s->name[1]);
    free(s);
}

static int scratch_new(void **out, void *arg)
{
    int rc;
    layr_scratch_t *s = calloc(1, sizeof *s);
    (void)arg;
    if (!s)
        return LAYR_ERR_NOMEM;
    rc = layr_sealer_new(&s->sealer);
    if (rc == LAYR_OK)
        rc = layr_hash_new(&s->hash);
    for (unsigned i = 0; rc == LAYR_OK && i < 2; i++)
        rc = layr_hash_new(&s->name[i]);
    for (unsigned i = 0; rc == LAYR_OK && i < LAYR_JOBS_GOOD; i++)
        rc = layr_blob_maker_new(&s->maker[i]);
    if (rc == LAYR_OK)
        *out = s;
    else
        scratch_free(s);
    return rc;
}

int layr_engine_init(layr_engine_t *e, layr_session_t *s, void *owner)
{
    int rc;
    memset(e, 0, sizeof *e);
    e->s = s;
    e->owner = owner;
    rc = layr_mailbox_new(&e->box);
    if (rc == LAYR_OK)
        rc = layr_pool_new(&e->pool, 0, scratch_new, scratch_free, NULL);
    if (rc != LAYR_OK) {
        layr_mailbox_free(e->box);
        memset(e, 0, sizeof *e);
    }
    return rc;
}

void layr_engine_close(layr_engine_t *e)
{
    if (!e->box)
        return;
    while (atomic_load(&e->outstanding))
        layr_engine_turn(e, -1);
    layr_pool_free(e->pool);
    layr_mailbox_free(e->box);
    memset(e, 0, sizeof *e);
}

void layr_engine_work(layr_engine_t *e, layr_job_t *j, void (*run)(layr_job_t *, void *))
{
    j->run = run;
    atomic_fetch_add(&e->outstanding, 1);
    layr_pool_add(e->pool, j);
}

int layr_engine_request(layr_engine_t *e, layr_req_t *r)
{
    int rc;
    atomic_fetch_add(&e->outstanding, 1);
    rc = layr_net_submit(e->s->net, r);
    if (rc != LAYR_OK)
        atomic_fetch_sub(&e->outstanding, 1);
    return rc;
}

void layr_engine_answer(layr_engine_t *e, layr_job_t *j, void (*run)(layr_job_t *, void *))
{
    j->run = run;
    layr_mailbox_post(e->box, j);
}

void layr_engine_tell(layr_engine_t *e, layr_job_t *j, void (*run)(layr_job_t *, void *))
{
    atomic_fetch_add(&e->outstanding, 1);
    layr_engine_answer(e, j, run);
}

void layr_engine_turn(layr_engine_t *e, long ms)
{
    layr_job_t *j = layr_mailbox_take(e->box, ms);
    while (j) {
        atomic_fetch_sub(&e->outstanding, 1);
        j->run(j, e->owner);
        j = layr_mailbox_take(e->box, 0);
    }
}

bool layr_session_cancelled(const layr_session_t *s)
{
    return s->cancel && atomic_load(s->cancel);
}

bool layr_engine_cancelled(const layr_engine_t *e)
{
    return layr_session_cancelled(e->s);
}

void layr_engine_event(const layr_engine_t *e, const layr_event_t *ev)
{
    if (e->s->event)
        e->s->event(e->s->event_ctx, ev);
}
