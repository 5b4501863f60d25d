/* Units of a plan: fetched where something is to be made, given to the store, and noted as it gives them back. */
#include "patch_units.h"

#include <stdlib.h>
#include <string.h>

#include "base/fault.h"
#include "fetch.h"

#define UNDER_WAY 16            /* units at a time, at most */
#define FETCH_BYTES (24u << 20) /* of them being fetched, about: the blobs that are made take memory too */
#define TURN_MS 5               /* answers to what is fetched and to what is sent are waited for in turn */

/* A unit under way. */
typedef struct task {
    struct task *next;
    layr_plan_unit_t *u;
    layr_piece_t
        *piece; /* its plaintext, on the way or in use by the store; NULL: not needed, or not any more */
    bool given; /* to the store */
} task_t;

struct layr_mend {
    layr_session_t *s;
    layr_plan_t *plan;
    layr_store_t *store;
    layr_order_list_t *rest;
    layr_patch_result_t *result;
    layr_diag_t *d;
    layr_fetch_t *fetch;
    task_t *head, **tail; /* in order: the store has those at the front */
    unsigned tasks;
};

/* --- the plaintext --- */

/* The rows that can be asked for, and their hosts: as a node of the manifest has them. */
static int ask(layr_mend_t *m, const layr_plan_unit_t *pu, layr_row_t *rows, uint8_t (*hosts)[32],
               layr_piece_t **out)
{
    const layr_base_unit_t *u = pu->u;
    layr_entry_t e = u->entry;
    layr_node_page_t node = {.scheme = m->plan->b->scheme, .rows = u->rows, .hosts = hosts};
    for (unsigned i = 0; i < u->rows; i++) {
        rows[i] = u->entry.rows[i];
        rows[i].host = LAYR_NO_HOST;
        if (pu->how[i] == LAYR_RESTORE_MAKE || !u->hosts[i])
            continue;
        rows[i].host = (uint16_t)node.host_count;
        memcpy(hosts[node.host_count++], u->hosts[i], 32);
    }
    e.rows = rows;
    return layr_fetch_add(m->fetch, out, pu->page, pu->number, &e, &node, 0, e.size - 1);
}

static int fetch_unit(layr_mend_t *m, task_t *t)
{
    layr_row_t *rows = malloc(t->u->u->rows * sizeof *rows);
    uint8_t(*hosts)[32] = malloc(t->u->u->rows * sizeof *hosts);
    int rc = rows && hosts ? ask(m, t->u, rows, hosts, &t->piece) : LAYR_ERR_NOMEM;
    free(rows);
    free(hosts);
    return rc;
}

static void plain_done(void *ctx, uint8_t *plain)
{
    task_t *t = ctx;
    (void)plain;
    layr_fetch_drop(t->piece);
    t->piece = NULL;
}

/* --- from the fetch to the store --- */

static int start(layr_mend_t *m, layr_plan_unit_t *u)
{
    task_t *t = calloc(1, sizeof *t);
    if (!t)
        return LAYR_ERR_NOMEM;
    t->u = u;
    *m->tail = t;
    m->tail = &t->next;
    m->tasks++;
    return u->make ? fetch_unit(m, t) : LAYR_OK;
}

static void drop_first(layr_mend_t *m)
{
    task_t *t = m->head;
    m->head = t->next;
    if (!m->head)
        m->tail = &m->head;
    m->tasks--;
    if (t->piece)
        layr_fetch_drop(t->piece);
    free(t);
}

/* Rows that stay as they are, for want of a host or of the others. A host that has another row of the unit now has this one no more. */
static int leave_row(layr_mend_t *m, layr_plan_unit_t *u, unsigned i)
{
    layr_base_unit_t *b = u->u;
    bool taken = false;
    int rc = LAYR_OK;
    u->how[i] = LAYR_RESTORE_KEEP;
    u->missing++;
    m->result->missing++;
    for (unsigned j = 0; b->hosts[i] && j < b->rows; j++)
        taken |= j != i && b->hosts[j] && memcmp(b->hosts[j], b->hosts[i], 32) == 0;
    if (!taken)
        return rc;
    rc = layr_orders_note_shard(m->rest, m->s, &m->plan->b->keys, b->entry.rows[i].id, b->hosts[i]);
    layr_base_set_row(b, i, &b->entry.rows[i], NULL);
    return rc;
}

/* It can't be read: what the host that leaves did not give stays there. */
static int leave_unit(layr_mend_t *m, task_t *t)
{
    layr_plan_unit_t *u = t->u;
    int rc = LAYR_OK;
    layr_fetch_drop(t->piece);
    t->piece = NULL;
    for (unsigned i = 0; i < u->u->rows && rc == LAYR_OK; i++)
        if (u->how[i] != LAYR_RESTORE_KEEP)
            rc = leave_row(m, u, i);
    return rc == LAYR_OK ? 1 : rc;
}

/* 1: given; 0: its plaintext has not come yet. */
static int give(layr_mend_t *m, task_t *t)
{
    layr_plan_unit_t *u = t->u;
    layr_diag_t why = {0};
    const uint8_t *plain = NULL;
    int rc = t->piece ? layr_fetch_take(t->piece, &plain, &why) : 1;
    if (rc == LAYR_ERR_DATA && u->retry)
        rc = leave_unit(m, t);
    if (rc < 0)
        return layr_diag_set(m->d, rc, "%s", why.text[0] ? why.text : layr_strerror(rc));
    if (rc == 0)
        return rc;
    rc = layr_store_restore(m->store, u->page, u->number, &u->u->entry, u->u->hosts, u->how,
                            (uint8_t *)(uintptr_t)plain, plain ? plain_done : NULL, t);
    t->given = rc == LAYR_OK;
    return rc == LAYR_OK ? 1 : rc;
}

static int give_ready(layr_mend_t *m)
{
    for (task_t *t = m->head; t && layr_store_room(m->store); t = t->next) {
        int rc = t->given ? 1 : give(m, t);
        if (rc != 1)
            return rc;
    }
    return LAYR_OK;
}

/* --- and back --- */

static int replace_row(layr_mend_t *m, layr_plan_unit_t *u, unsigned i, const layr_stored_t *st)
{
    layr_base_unit_t *b = u->u;
    int rc = LAYR_OK;
    if (b->hosts[i])
        rc = layr_orders_note_shard(m->rest, m->s, &m->plan->b->keys, b->entry.rows[i].id, b->hosts[i]);
    layr_base_set_row(b, i, &st->entry.rows[i], st->hosts[i]);
    *(u->how[i] == LAYR_RESTORE_MAKE ? &m->result->restored : &m->result->copied) += 1;
    u->how[i] = LAYR_RESTORE_KEEP;
    u->changed = true;
    return rc;
}

static int note_unit(layr_mend_t *m, layr_plan_unit_t *u, const layr_stored_t *st)
{
    unsigned again = 0;
    int rc = LAYR_OK;
    for (unsigned i = 0; i < u->u->rows && rc == LAYR_OK; i++)
        if (u->how[i] != LAYR_RESTORE_KEEP && st->hosts[i])
            rc = replace_row(m, u, i, st);
    for (unsigned i = 0; i < u->u->rows && rc == LAYR_OK; i++) {
        if (u->how[i] == LAYR_RESTORE_COPY && st->errors[i] != LAYR_ERR_HOSTS) {
            u->how[i] = LAYR_RESTORE_MAKE;
            again++;
        } else if (u->how[i] != LAYR_RESTORE_KEEP) {
            rc = leave_row(m, u, i);
        }
    }
    u->retry = again > 0;
    u->make = again;
    u->copy = 0;
    LAYR_FAULT_POINT("patch.restored");
    return rc;
}

static void tell_progress(const layr_mend_t *m)
{
    layr_event_t ev = {.kind = LAYR_EV_PROGRESS, .total = m->plan->bytes, .text = "patch"};
    layr_store_stats_t st;
    layr_store_stats(m->store, &st);
    ev.done = st.bytes < ev.total ? st.bytes : ev.total;
    if (m->s->event)
        m->s->event(m->s->event_ctx, &ev);
}

static int take_finished(layr_mend_t *m)
{
    layr_stored_t st;
    int rc;
    while ((rc = layr_store_take(m->store, &st, m->d)) == 1) {
        rc = note_unit(m, m->head->u, &st);
        layr_store_drop(m->store);
        drop_first(m);
        tell_progress(m);
        if (rc != LAYR_OK)
            return rc;
    }
    return rc;
}

/* --- all of them --- */

/* retry: those with rows that could not be copied. */
static int run(layr_mend_t *m, layr_plan_unit_t *u, size_t count, bool retry)
{
    size_t next = 0;
    int rc = LAYR_OK;
    while (rc == LAYR_OK && (next < count || m->head)) {
        for (; next < count && rc == LAYR_OK && m->tasks < UNDER_WAY && layr_fetch_room(m->fetch); next++)
            if (u[next].make + u[next].copy > 0 && u[next].retry == retry)
                rc = start(m, &u[next]);
        if (rc == LAYR_OK)
            rc = give_ready(m);
        if (rc == LAYR_OK)
            rc = take_finished(m);
        if (rc == LAYR_OK && layr_session_cancelled(m->s))
            rc = LAYR_ERR_CANCELLED;
        if (rc == LAYR_OK && m->head) {
            layr_fetch_turn(m->fetch, TURN_MS);
            layr_store_turn(m->store, TURN_MS);
        }
    }
    return rc;
}

int layr_mend_units(layr_mend_t *m, layr_plan_unit_t *u, size_t count)
{
    int rc = run(m, u, count, false);
    return rc == LAYR_OK ? run(m, u, count, true) : rc;
}

int layr_mend_new(layr_mend_t **out, layr_session_t *s, layr_plan_t *plan, layr_store_t *store,
                  layr_order_list_t *rest, layr_patch_result_t *result, layr_diag_t *d)
{
    layr_mend_t *m = calloc(1, sizeof *m);
    int rc;
    if (!m)
        return LAYR_ERR_NOMEM;
    *m = (layr_mend_t){.s = s, .plan = plan, .store = store, .rest = rest, .result = result, .d = d};
    m->tail = &m->head;
    rc = layr_fetch_new(&m->fetch, s, &plan->b->keys, plan->b->scheme);
    if (rc != LAYR_OK) {
        free(m);
        return rc;
    }
    layr_fetch_limit(m->fetch, FETCH_BYTES);
    *out = m;
    return LAYR_OK;
}

void layr_mend_free(layr_mend_t *m)
{
    if (!m)
        return;
    while (m->head)
        drop_first(m);
    layr_fetch_free(m->fetch);
    free(m);
}
