/* Let go of a file: release its orders, say so in its record, forget it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/fault.h"
#include "orders.h"
#include "record.h"

#define GONE_S 600 /* a word that nobody waits for lives so long */

/* --- what is pending in the journal --- */

static int collect(void *ctx, const layr_release_t *r)
{
    layr_order_list_t *l = ctx;
    layr_release_t *more = realloc(l->r, (l->count + 1) * sizeof *more);
    if (!more)
        return LAYR_ERR_NOMEM;
    l->r = more;
    more[l->count++] = *r;
    return LAYR_ERR_NET; /* stays, until its host has answered */
}

typedef struct outcome {
    const layr_order_list_t *l;
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

/* Who is told: those where the record belongs now, and those that it was given to. */
static int told(layr_session_t *s, const layr_gone_t *g, const uint8_t record_id[32], layr_holders_t *at)
{
    int rc = layr_holders_find(s, record_id, at);
    if (rc == LAYR_OK)
        rc = layr_find_hosts(s, g->hosts.p, g->host_count);
    for (size_t i = 0; s->dht && i < g->host_count && rc == LAYR_OK; i++) {
        layr_host_t *h = layr_hosts_find(&s->hosts, g->hosts.p + 32 * i);
        for (unsigned p = 0; h && p < LAYR_RECORD_PLACES && rc == LAYR_OK; p++)
            rc = layr_holders_add(at, h, p);
    }
    return rc;
}

/*
 * Say of a record that its file is gone.  Of a removal it is to stay until the file's end, so that no older record
 * comes back; a majority that took it will do.  Of a put that did not get that far nobody has the capability: the
 * word need not outlive the moment, but every host is told, so that nothing of it stays anywhere.  (In a DHT one that does
 * not answer may never come back: with it what it has is nobody's, until it expires.)
 */
static int unpublish(void *ctx, const layr_gone_t *g)
{
    layr_session_t *s = ctx;
    layr_file_keys_t k = {0};
    layr_holders_t at = {0};
    layr_time_t now = time(NULL);
    unsigned took = 0;
    int rc;
    if (g->until != 0 && g->until <= now)
        return LAYR_OK;
    layr_file_keys_from_write(&k, g->W);
    if ((rc = told(s, g, k.record_id, &at)) == LAYR_OK)
        rc = layr_record_publish(s, &k, &at, false, NULL, 0, now, g->until ? g->until : now + GONE_S, &took,
                                 NULL);
    if (rc == LAYR_OK && g->until == 0 && !s->dht &&
        (took != layr_holders_hosts(&at, NULL) || !all_here(s, g)))
        rc = LAYR_ERR_NET;
    layr_holders_free(&at);
    layr_file_keys_wipe(&k);
    return rc == LAYR_ERR_HOSTS ? LAYR_ERR_NET : rc;
}

/* What the newest version names of it stays, whoever wrote that; of a file that was removed nothing does. */
static int look_again(void *ctx, layr_due_t *due)
{
    layr_session_t *s = ctx;
    layr_order_list_t l = {0};
    layr_file_keys_t k = {0};
    layr_file_t *f = NULL;
    int rc;
    layr_file_keys_from_write(&k, due->W);
    rc = layr_file_open(s, &k, &f, NULL);
    if (rc == LAYR_OK)
        rc = layr_orders_gather(&l, s, &k, &f->placement, NULL);
    else if (rc == LAYR_ERR_REMOVED)
        rc = LAYR_OK;
    for (size_t i = 0; i < l.count; i++)
        layr_buf_add(&due->named, l.r[i].order, l.r[i].count * sizeof l.r[i].order[0]);
    layr_orders_free(&l);
    layr_file_free(f);
    layr_file_keys_wipe(&k);
    return rc == LAYR_OK && due->named.bad ? LAYR_ERR_NOMEM : rc;
}

int layr_release_pending(layr_session_t *s, uint64_t *left)
{
    layr_order_list_t l = {0};
    bool *done = NULL;
    int rc;
    *left = 0;
    if (!s->journal || !s->owner_seed)
        return LAYR_OK;
    rc = layr_journal_gone_each(s->journal, unpublish, s); /* first: a manifest must not outlive its shards */
    if (rc == LAYR_OK)
        rc = layr_journal_later_each(s->journal, time(NULL), look_again, s);
    if (rc == LAYR_OK)
        rc = layr_journal_release_each(s->journal, collect, &l);
    if (rc == LAYR_OK && l.count) {
        done = calloc(l.count, sizeof *done);
        rc = done ? layr_orders_release(s, &l, done) : LAYR_ERR_NOMEM;
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

/* --- a file's removal --- */

typedef struct gather {
    layr_session_t *s;
    const layr_file_keys_t *keys;
    layr_order_list_t l;
} gather_t;

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
    int rc = done ? layr_orders_release(g->s, &g->l, done) : LAYR_ERR_NOMEM;
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
    rc = layr_record_publish(g->s, g->keys, NULL, false, NULL, 0, time(NULL), f->exp, &out->record_hosts, d);
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
    } else if (rc == LAYR_OK && (rc = layr_orders_gather(&g.l, s, k, &f->placement, d)) == LAYR_OK) {
        rc = remove_known(&g, f, out, d);
    }
    layr_orders_free(&g.l);
    layr_file_free(f);
    if (rc == LAYR_ERR_CANCELLED)
        layr_diag_set(d, rc,
                      out->begun ? "stopped: the next layr-put or layr-rm goes on with it"
                                 : "stopped: nothing was removed");
    else if (rc != LAYR_OK)
        layr_diag_set(d, rc, "the file could not be removed: %s", layr_strerror(rc));
    return rc;
}
