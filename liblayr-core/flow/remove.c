/* Let go of a file: release its orders, say so in its record, forget it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/fault.h"
#include "fan.h"
#include "record.h"
#include "store.h"
#include "walk.h"

#define RELEASE_MS 8000 /* for one round of releases */
#define STATEMENT_S 600 /* a release statement lives so long */

/* --- releases, by host --- */

typedef struct releases {
    layr_release_t *r;
    size_t count, cap;
} releases_t;

static int note(releases_t *l, const uint8_t host[32], const char *url, const uint8_t group[16],
                const uint8_t order[16])
{
    layr_release_t *r = NULL;
    for (size_t i = l->count; i-- > 0 && !r;)
        if (memcmp(l->r[i].host, host, 32) == 0 && l->r[i].count < LAYR_ORDERS_MAX)
            r = &l->r[i];
    if (!r) {
        if (l->count == l->cap) {
            size_t cap = l->cap ? l->cap * 2 : 16;
            layr_release_t *more = realloc(l->r, cap * sizeof *more);
            if (!more)
                return LAYR_ERR_NOMEM;
            l->r = more;
            l->cap = cap;
        }
        r = &l->r[l->count++];
        memset(r, 0, sizeof *r);
        memcpy(r->host, host, 32);
        memcpy(r->group, group, 16);
        snprintf(r->url, sizeof r->url, "%s", url);
    }
    memcpy(r->order[r->count++], order, 16);
    return LAYR_OK;
}

static int prepare(layr_session_t *s, layr_fan_call_t *c, const layr_release_t *r, char **jws)
{
    layr_host_t *h = layr_hosts_find(&s->hosts, r->host);
    layr_orders_t *o;
    layr_time_t now = time(NULL);
    int rc;
    if (!h)
        return LAYR_OK; /* not here now: its call stays empty */
    if (!(o = calloc(1, sizeof *o)))
        return LAYR_ERR_NOMEM;
    *o = (layr_orders_t){.action = LAYR_RELEASE, .iat = now, .exp = now + STATEMENT_S, .count = r->count};
    memcpy(o->host, r->host, 32);
    memcpy(o->group, r->group, 16);
    memcpy(o->order, r->order, r->count * sizeof r->order[0]);
    rc = layr_orders_sign(jws, o, s->owner_seed);
    if (rc == LAYR_OK)
        rc = layr_call_orders(&c->call, h, *jws, strlen(*jws));
    free(o);
    return rc;
}

/* A host that knows none of the orders has nothing to let go of. */
static bool let_go(const layr_fan_call_t *c)
{
    return c->rc == LAYR_OK ||
           (c->rc == LAYR_ERR_NOTFOUND && strcmp(c->call.problem.type, "no-such-order") == 0);
}

/* One statement each, all at a time: done[i] says which were let go. */
static int release_round(layr_session_t *s, const releases_t *l, bool *done)
{
    layr_fan_call_t *calls = calloc(l->count ? l->count : 1, sizeof *calls);
    char **jws = calloc(l->count ? l->count : 1, sizeof *jws);
    int rc = calls && jws ? LAYR_OK : LAYR_ERR_NOMEM;
    for (size_t i = 0; i < l->count && rc == LAYR_OK; i++)
        rc = prepare(s, &calls[i], &l->r[i], &jws[i]);
    if (rc == LAYR_OK)
        rc = layr_fan_run(s, calls, l->count, l->count, 0, RELEASE_MS);
    for (size_t i = 0; i < l->count; i++) {
        done[i] = calls && calls[i].done && let_go(&calls[i]);
        if (calls)
            layr_call_free(&calls[i].call);
        if (jws)
            free(jws[i]);
    }
    free(calls);
    free(jws);
    return rc;
}

/* --- what is pending in the journal --- */

static int collect(void *ctx, const layr_release_t *r)
{
    releases_t *l = ctx;
    layr_release_t *more = realloc(l->r, (l->count + 1) * sizeof *more);
    if (!more)
        return LAYR_ERR_NOMEM;
    l->r = more;
    more[l->count++] = *r;
    return LAYR_ERR_NET; /* stays, until its host has answered */
}

typedef struct outcome {
    const releases_t *l;
    const bool *done;
} outcome_t;

static bool same(const layr_release_t *a, const layr_release_t *b)
{
    return memcmp(a->host, b->host, sizeof a->host) == 0 &&
           memcmp(a->group, b->group, sizeof a->group) == 0 && strcmp(a->url, b->url) == 0 &&
           a->count == b->count && memcmp(a->order, b->order, a->count * sizeof a->order[0]) == 0;
}

static int strike(void *ctx, const layr_release_t *r)
{
    const outcome_t *o = ctx;
    for (size_t i = 0; i < o->l->count; i++)
        if (o->done[i] && same(&o->l->r[i], r))
            return LAYR_OK;
    return LAYR_ERR_NET;
}

/* May each of the hosts that a put published at be told now? */
static bool all_here(const layr_session_t *s, const layr_gone_t *g)
{
    for (size_t i = 0; i < g->host_count; i++)
        if (!layr_hosts_find(&s->hosts, g->hosts.p + 32 * i))
            return false;
    return true;
}

/*
 * Say of a record that its file is gone.  Of a removal it is to stay until the file's end, so that no older record
 * comes back; a majority that took it will do.  Of a put that did not get that far nobody has the capability: the
 * word need not outlive the moment, but every host is told, so that nothing of it stays anywhere.
 */
static int unpublish(void *ctx, const layr_gone_t *g)
{
    layr_session_t *s = ctx;
    layr_file_keys_t k = {0};
    layr_time_t now = time(NULL);
    unsigned took = 0;
    int rc;
    if (g->until != 0 && g->until <= now)
        return LAYR_OK;
    layr_file_keys_from_write(&k, g->W);
    rc =
        layr_record_publish(s, &k, false, NULL, 0, now, g->until ? g->until : now + STATEMENT_S, &took, NULL);
    layr_file_keys_wipe(&k);
    if (rc == LAYR_OK && g->until == 0 && (took != layr_hosts_usable(&s->hosts) || !all_here(s, g)))
        rc = LAYR_ERR_NET;
    return rc == LAYR_ERR_HOSTS ? LAYR_ERR_NET : rc;
}

int layr_release_pending(layr_session_t *s, uint64_t *left)
{
    releases_t l = {0};
    bool *done = NULL;
    int rc;
    *left = 0;
    if (!s->journal || !s->owner_seed)
        return LAYR_OK;
    rc = layr_journal_gone_each(s->journal, unpublish, s); /* first: a manifest must not outlive its shards */
    if (rc == LAYR_OK)
        rc = layr_journal_release_each(s->journal, collect, &l);
    if (rc == LAYR_OK && l.count) {
        done = calloc(l.count, sizeof *done);
        rc = done ? release_round(s, &l, done) : LAYR_ERR_NOMEM;
        if (rc == LAYR_OK) {
            outcome_t o = {&l, done};
            rc = layr_journal_release_each(s->journal, strike, &o);
        }
    }
    if (rc == LAYR_OK)
        rc = layr_journal_release_count(s->journal, left);
    free(done);
    free(l.r);
    return rc;
}

/* --- a file's orders --- */

typedef struct gather {
    layr_session_t *s;
    const layr_file_keys_t *keys;
    releases_t l;
} gather_t;

static int gather_rows(gather_t *g, const layr_entry_t *e, const layr_node_page_t *node)
{
    int rc = LAYR_OK;
    for (unsigned i = 0; i < node->rows && rc == LAYR_OK; i++) {
        const uint8_t *host;
        const layr_host_t *h;
        uint8_t order[16];
        if (e->rows[i].host == LAYR_NO_HOST)
            continue;
        host = node->hosts[e->rows[i].host];
        h = layr_hosts_find(&g->s->hosts, host);
        layr_order_id(order, g->keys->W, e->rows[i].id, host);
        rc = note(&g->l, host, h ? h->url : "", g->keys->group, order);
    }
    return rc;
}

static int on_page(void *ctx, uint64_t number, const layr_entry_t *e, const layr_node_page_t *node)
{
    (void)number;
    return gather_rows(ctx, e, node);
}

static int gather_orders(gather_t *g, layr_file_t *f, layr_diag_t *d)
{
    layr_fetch_t *fetch = NULL;
    layr_walk_t walk;
    layr_step_t st;
    int rc = layr_fetch_new(&fetch, g->s, g->keys, f->placement.scheme);
    if (rc != LAYR_OK)
        return rc;
    layr_walk_init(&walk, fetch, &f->placement);
    walk.on_page = on_page;
    walk.ctx = g;
    while ((rc = layr_walk_next(&walk, 0, &st, d)) == 1)
        if ((rc = gather_rows(g, st.entry, st.node)) != LAYR_OK)
            break;
    layr_walk_free(&walk);
    layr_fetch_free(fetch);
    return rc;
}

/* What of this file's is still pending. */
typedef struct tally {
    const uint8_t *group;
    uint64_t pending;
} tally_t;

static int count_pending(void *ctx, const layr_release_t *r)
{
    tally_t *t = ctx;
    if (memcmp(r->group, t->group, sizeof r->group) == 0)
        t->pending += r->count;
    return LAYR_ERR_NET; /* stays */
}

/* The orders are in the journal as pending releases. */
static int release_journalled(gather_t *g, uint64_t total, layr_remove_result_t *out)
{
    tally_t t = {.group = g->keys->group};
    uint64_t left;
    int rc = layr_release_pending(g->s, &left);
    if (rc == LAYR_OK)
        rc = layr_journal_release_each(g->s->journal, count_pending, &t);
    out->pending = t.pending;
    out->released = total > t.pending ? total - t.pending : 0;
    return rc;
}

/* Nothing keeps what can't be told now. */
static int release_now(gather_t *g, layr_remove_result_t *out)
{
    bool *done = calloc(g->l.count ? g->l.count : 1, sizeof *done);
    int rc = done ? release_round(g->s, &g->l, done) : LAYR_ERR_NOMEM;
    for (size_t i = 0; i < g->l.count && rc == LAYR_OK; i++)
        *(done[i] ? &out->released : &out->pending) += g->l.r[i].count;
    free(done);
    return rc;
}

/*
 * The journal hears of it before the hosts do, and of its end after: cut off anywhere in between, the next put or
 * removal goes on with it.  The hosts hear the word before the releases: a reader must not find a manifest of shards
 * that are gone.
 */
static int remove_known(gather_t *g, const layr_file_t *f, layr_remove_result_t *out, layr_diag_t *d)
{
    layr_journal_t *j = g->s->journal;
    layr_removal_t m = {.now = time(NULL), .until = f->exp, .releases = g->l.r, .count = g->l.count};
    uint64_t total = 0;
    int64_t put = 0;
    int rc = LAYR_OK, ended;
    for (size_t i = 0; i < g->l.count; i++)
        total += g->l.r[i].count;
    memcpy(m.W, g->keys->W, 32);
    memcpy(m.record_id, g->keys->record_id, 32);
    if (j)
        rc = layr_journal_remove_begin(j, &m, &put);
    layr_wipe(&m, sizeof m);
    if (rc != LAYR_OK)
        return layr_journal_diag(j, rc, d);
    out->begun = true;
    rc = layr_record_publish(g->s, g->keys, false, NULL, 0, time(NULL), f->exp, &out->record_hosts, d);
    LAYR_FAULT_POINT("rm.published");
    if (!j)
        return rc == LAYR_OK ? release_now(g, out) : rc;
    ended = layr_journal_remove_end(j, put,
                                    rc == LAYR_OK); /* it may have been said to some: there is no way back */
    if (rc != LAYR_OK || ended != LAYR_OK)
        return rc != LAYR_OK ? rc : layr_journal_diag(j, ended, d);
    rc = release_journalled(g, total, out);
    return rc == LAYR_OK ? rc : layr_journal_diag(j, rc, d);
}

int layr_remove(layr_session_t *s, const layr_file_keys_t *k, layr_remove_result_t *out, layr_diag_t *d)
{
    gather_t g = {.s = s, .keys = k};
    layr_file_t *f = NULL;
    int rc;
    memset(out, 0, sizeof *out);
    if (!(k->rights & LAYR_CAN_WRITE))
        return layr_diag_set(
            d, LAYR_ERR_CAP,
            "only the write capability (layr:w:...) removes a file: a read or verify capability does not");
    if (!s->owner_seed)
        return layr_diag_set(d, LAYR_ERR_KEY,
                             "the orders of a file are released with its owner's key, and there is none: run "
                             "layr-key recover");
    rc = layr_file_open(s, k, &f, d);
    if (rc == LAYR_ERR_REMOVED) { /* by another machine */
        out->already = true;
        rc = s->journal ? layr_journal_file_remove(s->journal, k->record_id) : LAYR_OK;
    } else if (rc == LAYR_OK && (rc = gather_orders(&g, f, d)) == LAYR_OK) {
        rc = remove_known(&g, f, out, d);
    }
    free(g.l.r);
    layr_file_free(f);
    if (rc == LAYR_ERR_CANCELLED)
        layr_diag_set(d, rc,
                      out->begun ? "stopped: the next layr-put or layr-rm goes on with it"
                                 : "stopped: nothing was removed");
    else if (rc != LAYR_OK)
        layr_diag_set(d, rc, "the file could not be removed: %s", layr_strerror(rc));
    return rc;
}
