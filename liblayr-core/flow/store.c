/* Bytes to placed shards. */
#include "store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * Blobs made and not yet stored, at most: enough to keep some hosts busy while others are slow, and less than
 * a third of what a client may use.
 */
#define BLOB_BUDGET (96u << 20)
/* Units under way at a time: one being read, one being coded, one being sent. */
#define UNITS 3
/* A transfer slower than this is given to another host. */
#define MIN_BYTES_S 16384

typedef struct row {
    layr_job_t job;
    layr_unit_t *unit;
    struct row *next; /* in the queue to be made, or to be placed */
    uint8_t index;
    bool stored, failed;
    int error;
    uint8_t salt[16], id[32];
    uint8_t *blob;
    layr_load_host_t *at;
    layr_call_t *call;
} row_t;

typedef struct queue {
    row_t *head, **tail;
} queue_t;

struct layr_unit {
    layr_job_t job;
    layr_store_t *st;
    layr_unit_t *next;
    bool page;
    int error;
    uint64_t number;
    layr_shape_t shape;
    uint8_t *plain;
    void (*plain_done)(void *ctx, uint8_t *plain);
    void *plain_ctx;
    uint8_t hash[32];
    unsigned rows, made, ended, failed, min;
    layr_row_t *entry_rows;
    const uint8_t **entry_hosts;
    row_t row[];
};

struct layr_store {
    layr_engine_t e;
    layr_store_opts_t o;
    layr_load_t load;
    layr_tagger_t *tagger;
    layr_coder_t *coder, *page_coder;
    layr_unit_t *head, **tail;
    unsigned units;
    queue_t to_make, to_place;
    size_t blob_bytes;
    uint8_t *spare[32]; /* blobs of full size, used again: fresh memory costs more than the coding */
    unsigned spares;
    size_t full_blob;
    bool closing;
    layr_store_stats_t stats;
    layr_shard_ref_t *orphans;
    size_t orphan_count, orphan_cap;
};

static void start_making(layr_store_t *st);
static void place(layr_store_t *st, row_t *r);

/* --- queues and buffers --- */

static void queue_init(queue_t *q)
{
    q->head = NULL;
    q->tail = &q->head;
}

static void queue_put(queue_t *q, row_t *r)
{
    r->next = NULL;
    *q->tail = r;
    q->tail = &r->next;
}

static row_t *queue_take(queue_t *q)
{
    row_t *r = q->head;
    if (r && !(q->head = r->next))
        q->tail = &q->head;
    return r;
}

static uint8_t *blob_new(layr_store_t *st, size_t len)
{
    uint8_t *p = len == st->full_blob && st->spares ? st->spare[--st->spares] : malloc(len);
    if (p)
        st->blob_bytes += len;
    return p;
}

static void blob_drop(layr_store_t *st, row_t *r)
{
    size_t len = r->unit->shape.blob;
    if (!r->blob)
        return;
    st->blob_bytes -= len;
    if (len == st->full_blob && st->spares < sizeof st->spare / sizeof st->spare[0])
        st->spare[st->spares++] = r->blob;
    else
        free(r->blob);
    r->blob = NULL;
}

static void plain_drop(layr_unit_t *u)
{
    if (u->plain && u->plain_done)
        u->plain_done(u->plain_ctx, u->plain);
    u->plain = NULL;
}

/* --- the end of a row and of a unit --- */

static void row_ended(layr_store_t *st, row_t *r, int error)
{
    layr_unit_t *u = r->unit;
    blob_drop(st, r);
    r->error = error;
    r->stored = error == LAYR_OK;
    r->failed = !r->stored;
    u->failed += r->failed;
    u->ended++;
    if (error != LAYR_OK && error != LAYR_ERR_HOSTS)
        u->error = error;
    else if (u->rows - u->failed < u->min && u->error == LAYR_OK)
        u->error = LAYR_ERR_HOSTS;
    start_making(st);
}

/* --- sending --- */

/* A shard that failed at a host may be there all the same: its order must be released in the end. */
static void note_orphan(layr_store_t *st, const row_t *r)
{
    if (st->orphan_count == st->orphan_cap) {
        size_t cap = st->orphan_cap ? st->orphan_cap * 2 : 16;
        layr_shard_ref_t *more = realloc(st->orphans, cap * sizeof *more);
        if (!more)
            return; /* it stays until it expires */
        st->orphans = more;
        st->orphan_cap = cap;
    }
    memcpy(st->orphans[st->orphan_count].shard, r->id, 32);
    memcpy(st->orphans[st->orphan_count++].host, r->at->host->id, 32);
}

void layr_order_id(uint8_t out[16], const uint8_t W[32], const uint8_t shard[32], const uint8_t host[32])
{
    uint8_t full[32];
    layr_span_t data[2] = {{shard, 32}, {host, 32}};
    layr_kdf(full, W, "order", data, 2);
    memcpy(out, full, 16);
}

static int sign_order(const layr_store_t *st, const row_t *r, layr_order_t *o, char **jws)
{
    *o = (layr_order_t){.size = r->unit->shape.blob,
                        .price = r->at->host->price,
                        .rail = "none",
                        .iat = st->o.now,
                        .exp = st->o.until};
    layr_order_id(o->order, st->o.keys->W, r->id, r->at->host->id);
    memcpy(o->host, r->at->host->id, 32);
    memcpy(o->shard, r->id, 32);
    memcpy(o->group, st->o.keys->group, 16);
    memcpy(o->audit, st->o.keys->challenge_public, 32);
    return layr_order_sign(jws, o, st->e.s->owner_seed);
}

static void sent(layr_job_t *j, void *owner)
{
    layr_store_t *st = owner;
    row_t *r = (row_t *)j;
    layr_unit_t *u = r->unit;
    char why[320];
    int rc = layr_call_result(r->call);
    layr_event_t ev = {
        .page = u->page, .unit = u->number, .index = r->index, .host = r->at->host, .bytes = u->shape.blob};

    layr_call_text(r->call, why, sizeof why);
    if (rc == LAYR_ERR_REFUSED &&
        (r->call->req.status == 429 || r->call->req.status == 422 || !r->call->req.status))
        rc = LAYR_ERR_NET; /* may pass: too many at a time, a body damaged on its way, a refusal that was cut
                              off */
    layr_load_ended(r->at, u->shape.blob, rc, why);
    if (rc != LAYR_OK && rc != LAYR_ERR_CANCELLED && !layr_error_passing(rc))
        r->at->out = true; /* a refusal holds for every shard of this put */
    layr_call_free(r->call);
    free(r->call);
    r->call = NULL;
    if (rc == LAYR_OK) {
        st->stats.bytes += u->shape.blob;
        st->stats.shards++;
        ev.kind = LAYR_EV_SHARD_STORED;
        layr_engine_event(&st->e, &ev);
        row_ended(st, r, LAYR_OK);
        return;
    }
    if (st->closing) {
        row_ended(st, r, LAYR_ERR_CANCELLED);
        return;
    }
    ev.kind = LAYR_EV_SHARD_MOVED;
    ev.error = rc;
    ev.text = why;
    st->stats.moved++;
    layr_engine_event(&st->e, &ev);
    note_orphan(st, r);
    r->at = NULL;
    place(st, r);
}

static void on_net_done(layr_req_t *req)
{
    row_t *r = req->ctx;
    layr_engine_answer(&r->unit->st->e, &r->job, sent);
}

static int send_row(layr_store_t *st, row_t *r)
{
    char *jws = NULL;
    layr_order_t o;
    int rc = sign_order(st, r, &o, &jws);
    if (rc != LAYR_OK)
        goto done;
    if (st->e.s->journal && (rc = layr_journal_put_shard(st->e.s->journal, st->o.put, r->id, r->at->host->id,
                                                         r->at->host->url, o.order, o.group)))
        goto done;
    if (!(r->call = calloc(1, sizeof *r->call))) {
        rc = LAYR_ERR_NOMEM;
        goto done;
    }
    rc = layr_call_put_shard(r->call, r->at->host, r->id, jws, r->blob, r->unit->shape.blob);
    if (rc != LAYR_OK)
        goto done;
    r->call->req.ctx = r;
    r->call->req.done = on_net_done;
    r->call->req.min_bytes_s = MIN_BYTES_S;
    layr_load_began(r->at, r->unit->shape.blob);
    rc = layr_engine_request(&st->e, &r->call->req);
    if (rc != LAYR_OK)
        layr_load_ended(r->at, r->unit->shape.blob, LAYR_ERR_CANCELLED, "");
done:
    if (rc != LAYR_OK && r->call) {
        layr_call_free(r->call);
        free(r->call);
        r->call = NULL;
    }
    free(jws);
    return rc;
}

/* --- placing --- */

static bool has_sibling(const layr_unit_t *u, const layr_load_host_t *h)
{
    for (unsigned i = 0; i < u->rows; i++)
        if (u->row[i].at == h)
            return true;
    return false;
}

static bool has_room(const layr_load_host_t *h, uint64_t bytes)
{
    return h->host->free >= h->used + h->pending + bytes;
}

/* Is a better than b for so many bytes? Clearly sooner; else the one with more room left as a share of its
 * capacity. */
static bool better(const layr_store_t *st, const layr_load_host_t *a, const layr_load_host_t *b,
                   uint64_t bytes)
{
    uint64_t ta = layr_load_expect(&st->load, a, bytes), tb = layr_load_expect(&st->load, b, bytes);
    double ra, rb;
    if (ta > 2 * tb || tb > 2 * ta)
        return ta < tb;
    ra = (double)(a->host->free - a->used - a->pending) / ((double)a->host->capacity + 1);
    rb = (double)(b->host->free - b->used - b->pending) / ((double)b->host->capacity + 1);
    return ra > rb;
}

static layr_load_host_t *choose(layr_store_t *st, const layr_unit_t *u, bool *wait)
{
    layr_load_host_t *best = NULL;
    uint64_t now = layr_now_us();
    *wait = false;
    for (size_t i = 0; i < st->load.count; i++) {
        /* begin elsewhere for every unit, so that equals share the work */
        layr_load_host_t *h = &st->load.host[(i + u->number) % st->load.count];
        if (h->out || has_sibling(u, h) || h->host->price > st->o.max_price || !has_room(h, u->shape.blob))
            continue;
        if (layr_load_resting(h, now))
            *wait = true;
        else if (!best || better(st, h, best, u->shape.blob))
            best = h;
    }
    return best;
}

static void place(layr_store_t *st, row_t *r)
{
    bool wait;
    int rc;
    if (st->closing) {
        row_ended(st, r, LAYR_ERR_CANCELLED);
        return;
    }
    r->at = choose(st, r->unit, &wait);
    if (r->at) {
        if ((rc = send_row(st, r)) != LAYR_OK)
            row_ended(st, r, rc);
    } else if (wait) {
        queue_put(&st->to_place, r);
    } else {
        row_ended(st, r, LAYR_ERR_HOSTS);
    }
}

/* --- making --- */

static void made(layr_job_t *j, void *owner)
{
    layr_store_t *st = owner;
    row_t *r = (row_t *)j;
    layr_unit_t *u = r->unit;
    if (++u->made == u->rows)
        plain_drop(u);
    if (r->error != LAYR_OK)
        row_ended(st, r, r->error);
    else
        place(st, r);
}

static void make(layr_job_t *j, void *scratch)
{
    row_t *r = (row_t *)j;
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

static void start_making(layr_store_t *st)
{
    while (st->to_make.head && !st->closing) {
        row_t *r = st->to_make.head;
        size_t len = r->unit->shape.blob;
        if (st->blob_bytes && st->blob_bytes + len > BLOB_BUDGET)
            return;
        queue_take(&st->to_make);
        r->blob = blob_new(st, len);
        if (!r->blob) {
            r->error = LAYR_ERR_NOMEM;
            r->unit->made++;
            row_ended(st, r, LAYR_ERR_NOMEM);
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
    if (u->error != LAYR_OK) {
        u->ended = u->rows;
        plain_drop(u);
        return;
    }
    for (unsigned i = 0; i < u->rows; i++)
        queue_put(&st->to_make, &u->row[i]);
    start_making(st);
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

static void hash_unit(layr_job_t *j, void *scratch)
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
    u->error = rc;
    layr_wipe(sha, sizeof sha);
    layr_engine_answer(&u->st->e, &u->job, hashed);
}

/* --- public --- */

int layr_store_new(layr_store_t **out, layr_session_t *s, const layr_store_opts_t *o)
{
    int rc;
    layr_shape_t full;
    layr_store_t *st = calloc(1, sizeof *st);
    if (!st)
        return LAYR_ERR_NOMEM;
    st->o = *o;
    st->tail = &st->head;
    queue_init(&st->to_make);
    queue_init(&st->to_place);
    if ((rc = layr_engine_init(&st->e, s, st)) || (rc = layr_load_init(&st->load, &s->hosts)) ||
        (rc = layr_tagger_new(&st->tagger, o->keys->A, LAYR_KERNEL_AUTO)) ||
        (rc = layr_coder_new(&st->coder, o->scheme)) ||
        (rc =
             layr_coder_new(&st->page_coder, (layr_scheme_t){1, (uint8_t)(o->scheme.n - o->scheme.k + 1)})) ||
        (rc = layr_shape_of(&full, o->scheme, layr_full_segment(o->scheme)))) {
        layr_store_free(st);
        return rc;
    }
    st->full_blob = full.blob;
    *out = st;
    return LAYR_OK;
}

static void unit_free(layr_unit_t *u)
{
    plain_drop(u);
    for (unsigned i = 0; i < u->rows; i++)
        blob_drop(u->st, &u->row[i]);
    free(u->entry_rows);
    free(u->entry_hosts);
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
        unit_free(u);
    }
    while (st->spares)
        free(st->spare[--st->spares]);
    layr_coder_free(st->page_coder);
    layr_coder_free(st->coder);
    layr_tagger_free(st->tagger);
    layr_load_free(&st->load);
    free(st->orphans);
    layr_wipe(&st->o, sizeof st->o);
    free(st);
}

layr_engine_t *layr_store_engine(layr_store_t *st)
{
    return &st->e;
}

bool layr_store_room(const layr_store_t *st)
{
    return st->units < UNITS;
}

int layr_store_add(layr_store_t *st, bool page, uint64_t number, uint8_t *plain, size_t size,
                   void (*plain_done)(void *, uint8_t *), void *ctx)
{
    unsigned rows = page ? st->o.scheme.n - st->o.scheme.k + 1u : st->o.scheme.n;
    unsigned lost = st->o.scheme.n - st->o.min_shards;
    layr_unit_t *u = calloc(1, sizeof *u + rows * sizeof u->row[0]);
    int rc = LAYR_ERR_NOMEM;
    if (!u)
        goto fail;
    *u = (layr_unit_t){
        .st = st, .page = page, .number = number, .plain = plain, .plain_done = plain_done, .plain_ctx = ctx};
    u->rows = rows;
    u->min = page ? (rows > lost ? rows - lost : 1) : st->o.min_shards;
    for (unsigned i = 0; i < rows; i++) {
        u->row[i].unit = u;
        u->row[i].index = (uint8_t)i;
    }
    u->entry_rows = calloc(rows, sizeof *u->entry_rows);
    u->entry_hosts = calloc(rows, sizeof *u->entry_hosts);
    if (!u->entry_rows || !u->entry_hosts)
        goto fail;
    rc = page ? layr_page_shape(&u->shape, st->o.scheme, size) : layr_shape_of(&u->shape, st->o.scheme, size);
    if (rc != LAYR_OK)
        goto fail;
    *st->tail = u;
    st->tail = &u->next;
    st->units++;
    layr_engine_work(&st->e, &u->job, hash_unit);
    return LAYR_OK;
fail:
    if (u)
        unit_free(u);
    else if (plain_done)
        plain_done(ctx, plain);
    return rc;
}

static void explain(const layr_store_t *st, const layr_unit_t *u, layr_diag_t *d)
{
    char text[LAYR_DIAG_MAX];
    size_t at = 0;
    unsigned placed = 0;
    int n;
    for (unsigned i = 0; i < u->rows; i++)
        placed += u->row[i].at != NULL && !u->row[i].failed;
    n = snprintf(
        text, sizeof text,
        "%s %llu: hosts for %u of its %u shards were found, %u are needed, and no other host is left to ask: "
        "give more hosts, or other ones",
        u->page ? "manifest page" : "segment", (unsigned long long)u->number, placed, u->rows, u->min);
    for (size_t i = 0; n > 0 && i < st->load.count; i++) {
        const layr_load_host_t *h = &st->load.host[i];
        at += (size_t)n;
        if (at >= sizeof text - 1)
            break;
        n = 0;
        if (h->why[0])
            n = snprintf(text + at, sizeof text - at, "; %s", h->why);
        else if (!has_room(h, u->shape.blob))
            n = snprintf(text + at, sizeof text - at, "; %s has no room left", h->host->url);
        else if (h->host->price > st->o.max_price)
            n = snprintf(text + at, sizeof text - at, "; %s asks a price of %llu", h->host->url,
                         (unsigned long long)h->host->price);
    }
    layr_diag_set(d, LAYR_ERR_HOSTS, "%s", text);
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
    if (u->error != LAYR_OK)
        return layr_diag_set(d, u->error, "segment %llu could not be made: %s", (unsigned long long)u->number,
                             layr_strerror(u->error));
    if (u->ended < u->rows)
        return 0;
    *out = (layr_stored_t){.page = u->page, .number = u->number, .hosts = u->entry_hosts};
    out->entry = (layr_entry_t){
        .size = (uint32_t)u->shape.size, .segments = 1, .bytes = u->shape.size, .rows = u->entry_rows};
    memcpy(out->entry.hash, u->hash, 32);
    for (unsigned i = 0; i < u->rows; i++) {
        u->entry_hosts[i] = u->row[i].stored ? u->row[i].at->host->id : NULL;
        memcpy(u->entry_rows[i].id, u->row[i].id, 32);
        memcpy(u->entry_rows[i].salt, u->row[i].salt, 16);
    }
    return 1;
}

void layr_store_drop(layr_store_t *st)
{
    layr_unit_t *u = st->head;
    st->head = u->next;
    if (!st->head)
        st->tail = &st->head;
    st->units--;
    unit_free(u);
}

bool layr_store_idle(const layr_store_t *st)
{
    return st->head == NULL;
}

void layr_store_turn(layr_store_t *st, long ms)
{
    row_t *again = st->to_place.head;
    layr_engine_turn(&st->e, again && ms > 100 ? 100 : ms);
    again = st->to_place.head;
    queue_init(&st->to_place);
    while (again) {
        row_t *r = again;
        again = r->next;
        place(st, r);
    }
}

void layr_store_stats(const layr_store_t *st, layr_store_stats_t *out)
{
    *out = st->stats;
    out->hosts = 0;
    for (size_t i = 0; i < st->load.count; i++)
        out->hosts += st->load.host[i].used != 0;
}

size_t layr_store_orphans(const layr_store_t *st, const layr_shard_ref_t **out)
{
    *out = st->orphans;
    return st->orphan_count;
}
