/* Have a file kept for longer: its orders at their hosts, its record, the journal; in this order. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/fault.h"
#include "layr/keep.h"
#include "orders.h"
#include "record.h"
#include "store.h"

/* A segment, or a page of the manifest: how many of its orders must be kept, and where they begin in the list. */
typedef struct unit {
    bool page;
    uint64_t number;
    unsigned needed;
    size_t first;
} unit_t;

typedef struct renew {
    layr_session_t *s;
    const layr_file_keys_t *keys;
    layr_records_t found;
    layr_file_t *f;
    layr_order_list_t orders;
    layr_buf_t ids;   /* of 16 bytes each, unit after unit */
    layr_buf_t units; /* unit_t each */
    layr_buf_t kept;
    layr_renew_result_t *out;
    layr_diag_t *d;
} renew_t;

/* --- what it has --- */

static int add_unit(renew_t *r, unit_t u, const layr_entry_t *e, const layr_node_page_t *node)
{
    u.first = r->ids.len / 16;
    layr_buf_add(&r->units, &u, sizeof u);
    for (unsigned i = 0; i < node->rows; i++) {
        uint8_t id[16];
        if (e->rows[i].host == LAYR_NO_HOST)
            continue;
        layr_order_id(id, r->keys->W, e->rows[i].id, node->hosts[e->rows[i].host]);
        layr_buf_add(&r->ids, id, sizeof id);
    }
    return r->units.bad || r->ids.bad ? LAYR_ERR_NOMEM
                                      : layr_orders_note_rows(&r->orders, r->s, r->keys, e, node);
}

static int on_page(void *ctx, uint64_t number, const layr_entry_t *e, const layr_node_page_t *node)
{
    return add_unit(ctx, (unit_t){.page = true, .number = number, .needed = 1}, e, node);
}

static int on_segment(void *ctx, const layr_step_t *st)
{
    renew_t *r = ctx;
    return add_unit(r, (unit_t){.number = st->number, .needed = r->f->placement.scheme.k}, st->entry,
                    st->node);
}

/* The version that a reader would take; what it replaces is all of the top sequence. */
static int open_newest(renew_t *r, layr_time_t now)
{
    int rc = layr_file_open(r->s, r->keys, &r->f, r->d);
    if (rc == LAYR_OK)
        rc = layr_records_gather(r->s, r->keys->record_id, now, &r->found);
    if (rc == LAYR_OK && (!r->found.count || memcmp(r->found.r[0].rec.sha256, r->f->record_sha256, 32) != 0))
        rc = LAYR_ERR_CONFLICT;
    return rc;
}

static int gather(renew_t *r)
{
    return layr_walk_all(r->s, r->keys, &r->f->placement, &(layr_walk_all_t){on_page, on_segment, r}, r->d);
}

/* --- its orders --- */

static unsigned kept_of(const renew_t *r, const unit_t *u, size_t end)
{
    unsigned kept = 0;
    for (size_t i = u->first; i < end; i++)
        kept += layr_orders_has(&r->kept, r->ids.p + 16 * i);
    return kept;
}

/* A record that outlives the shards would promise what nobody keeps. */
static int check_units(renew_t *r)
{
    size_t count = r->units.len / sizeof(unit_t);
    r->out->orders = r->ids.len / 16;
    for (size_t i = 0; i < count; i++) {
        unit_t u, next = {.first = r->ids.len / 16};
        unsigned kept;
        memcpy(&u, r->units.p + i * sizeof u, sizeof u);
        if (i + 1 < count)
            memcpy(&next, r->units.p + (i + 1) * sizeof next, sizeof next);
        kept = kept_of(r, &u, next.first);
        r->out->kept += kept;
        if (kept < u.needed)
            layr_diag_set(
                r->d, LAYR_ERR_HOSTS,
                "only %u of the %zu hosts that have %s %llu agreed to keep it for longer, and %u are needed: "
                "it is tried again when more of them are up",
                kept, next.first - u.first, u.page ? "page" : "segment", (unsigned long long)u.number,
                u.needed);
    }
    return r->d->code == LAYR_ERR_HOSTS ? LAYR_ERR_HOSTS : LAYR_OK;
}

static int renew_orders(renew_t *r, layr_time_t until)
{
    int rc = layr_orders_renew(r->s, &r->orders, until, &r->kept);
    LAYR_FAULT_POINT("renew.orders");
    return rc == LAYR_OK ? check_units(r) : rc;
}

/* --- its record --- */

static int write_record(renew_t *r, layr_time_t now, layr_time_t until)
{
    const layr_record_t *rec = &r->found.r[0].rec;
    uint8_t after[LAYR_PREV_MAX][32];
    unsigned count = layr_records_top(&r->found, after);
    layr_time_t exp = until > rec->exp ? until : rec->exp;
    return layr_record_replace(r->s, r->keys, (const uint8_t(*)[32])after, count, rec->root, rec->root_len,
                               now, exp, &r->out->record_hosts, r->d);
}

/* Written anew when its end is to be another, or there are two of its sequence; else those who lack it get it. */
static int renew_record(renew_t *r, layr_time_t now, layr_time_t until)
{
    bool alone = r->found.count == 1 || r->found.r[1].rec.seq < r->found.r[0].rec.seq;
    bool few = layr_records_few(r->s, &r->found), same = true;
    int rc = LAYR_OK;
    if (r->found.r[0].rec.exp >= until && alone && few)
        rc = layr_record_again(r->s, r->keys, &r->found, &same, &r->out->record_hosts);
    if (rc == LAYR_OK && (r->found.r[0].rec.exp < until || !alone || !same))
        rc = write_record(r, now, until);
    LAYR_FAULT_POINT("renew.record");
    return rc;
}

static int renew(renew_t *r, layr_time_t until)
{
    layr_time_t now = time(NULL);
    int rc = open_newest(r, now);
    if (rc == LAYR_OK && until && r->f->placement.segments)
        rc = gather(r);
    if (rc == LAYR_OK && until)
        rc = renew_orders(r, until);
    if (rc == LAYR_OK)
        rc = renew_record(r, now, until);
    if (rc == LAYR_OK && until && r->s->journal) {
        rc = layr_journal_file_until(r->s->journal, r->keys->record_id, until);
        if (rc == LAYR_ERR_NOTFOUND) /* a file of a capability alone */
            rc = LAYR_OK;
        if (rc != LAYR_OK)
            layr_journal_diag(r->s->journal, rc, r->d);
    }
    return rc;
}

int layr_renew(layr_session_t *s, const layr_file_keys_t *k, layr_time_t until, layr_renew_result_t *out,
               layr_diag_t *d)
{
    layr_diag_t why = {0};
    renew_t r = {.s = s, .keys = k, .out = out, .d = &why};
    int rc;
    memset(out, 0, sizeof *out);
    if (!(k->rights & LAYR_CAN_WRITE) || !s->owner_seed)
        return layr_diag_set(d, LAYR_ERR_CAP,
                             "a file is renewed with its write capability and its owner's key");
    layr_buf_init(&r.ids);
    layr_buf_init(&r.units);
    layr_buf_init(&r.kept);
    rc = renew(&r, until);
    if (rc != LAYR_OK)
        layr_diag_set(d, rc, "%s", why.text[0] ? why.text : layr_strerror(rc));
    layr_buf_free(&r.ids);
    layr_buf_free(&r.units);
    layr_buf_free(&r.kept);
    layr_orders_free(&r.orders);
    layr_records_free(&r.found);
    layr_file_free(r.f);
    return rc;
}
