/* A file's orders, by host. */
#include "orders.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fan.h"
#include "find.h"
#include "store.h"

#define ROUND_MS 8000   /* for one round of statements */
#define STATEMENT_S 600 /* a statement lives so long */

/* --- lists --- */

static layr_release_t *grow(layr_order_list_t *l)
{
    if (l->count == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 16;
        layr_release_t *more = realloc(l->r, cap * sizeof *more);
        if (!more)
            return NULL;
        l->r = more;
        l->cap = cap;
    }
    return &l->r[l->count++];
}

int layr_orders_note(layr_order_list_t *l, const uint8_t host[32], const char *url, const uint8_t group[16],
                     const uint8_t order[16])
{
    layr_release_t *r = NULL;
    for (size_t i = l->count; i-- > 0 && !r;)
        if (memcmp(l->r[i].host, host, 32) == 0 && l->r[i].count < LAYR_ORDERS_MAX)
            r = &l->r[i];
    if (!r) {
        if (!(r = grow(l)))
            return LAYR_ERR_NOMEM;
        memset(r, 0, sizeof *r);
        memcpy(r->host, host, 32);
        memcpy(r->group, group, 16);
        snprintf(r->url, sizeof r->url, "%s", url);
    }
    memcpy(r->order[r->count++], order, 16);
    return LAYR_OK;
}

int layr_orders_note_shard(layr_order_list_t *l, const layr_session_t *s, const layr_file_keys_t *keys,
                           const uint8_t shard[32], const uint8_t host[32])
{
    const layr_host_t *h = layr_hosts_find(&s->hosts, host);
    uint8_t order[16];
    layr_order_id(order, keys->W, shard, host);
    return layr_orders_note(l, host, h ? h->url : "", keys->group, order);
}

int layr_orders_note_rows(layr_order_list_t *l, const layr_session_t *s, const layr_file_keys_t *keys,
                          const layr_entry_t *e, const layr_node_page_t *node)
{
    int rc = LAYR_OK;
    for (unsigned i = 0; i < node->rows && rc == LAYR_OK; i++)
        if (e->rows[i].host != LAYR_NO_HOST)
            rc = layr_orders_note_shard(l, s, keys, e->rows[i].id, node->hosts[e->rows[i].host]);
    return rc;
}

void layr_orders_free(layr_order_list_t *l)
{
    free(l->r);
    *l = (layr_order_list_t){0};
}

/* --- from a manifest --- */

typedef struct gather {
    layr_order_list_t *l;
    const layr_session_t *s;
    const layr_file_keys_t *keys;
} gather_t;

static int on_page(void *ctx, uint64_t number, const layr_entry_t *e, const layr_node_page_t *node)
{
    const gather_t *g = ctx;
    (void)number;
    return layr_orders_note_rows(g->l, g->s, g->keys, e, node);
}

static int on_segment(void *ctx, const layr_step_t *st)
{
    return on_page(ctx, st->number, st->entry, st->node);
}

int layr_orders_gather(layr_order_list_t *l, layr_session_t *s, const layr_file_keys_t *keys,
                       const layr_placement_t *p, layr_diag_t *d)
{
    gather_t g = {l, s, keys};
    return layr_walk_all(s, keys, p, &(layr_walk_all_t){on_page, on_segment, &g}, d);
}

/* --- at their hosts --- */

static int find_all(layr_session_t *s, const layr_order_list_t *l)
{
    layr_buf_t ids;
    int rc = LAYR_OK;
    if (!s->dht)
        return rc;
    layr_buf_init(&ids);
    for (size_t i = 0; i < l->count; i++)
        layr_buf_add(&ids, l->r[i].host, 32);
    rc = ids.bad ? LAYR_ERR_NOMEM : layr_find_hosts(s, ids.p, ids.len / 32);
    layr_buf_free(&ids);
    return rc;
}

static int prepare(layr_session_t *s, layr_fan_call_t *c, const layr_release_t *r, layr_time_t until,
                   char **jws)
{
    layr_host_t *h = layr_hosts_find(&s->hosts, r->host);
    layr_orders_t *o;
    layr_time_t now = time(NULL);
    int rc;
    if (!h)
        return LAYR_OK; /* not here now: its call stays empty */
    if (!(o = calloc(1, sizeof *o)))
        return LAYR_ERR_NOMEM;
    *o = (layr_orders_t){.action = until ? LAYR_RENEW : LAYR_RELEASE,
                         .iat = now,
                         .exp = now + STATEMENT_S,
                         .until = until,
                         .count = r->count};
    memcpy(o->host, r->host, 32);
    memcpy(o->group, r->group, 16);
    memcpy(o->order, r->order, r->count * sizeof r->order[0]);
    rc = layr_orders_sign(jws, o, s->owner_seed);
    if (rc == LAYR_OK)
        rc = layr_call_orders(&c->call, h, *jws, strlen(*jws));
    free(o);
    return rc;
}

/* until 0: release. `ended` sees each call that was answered. */
static int each_statement(layr_session_t *s, const layr_order_list_t *l, layr_time_t until,
                          int (*ended)(void *ctx, size_t i, const layr_fan_call_t *c), void *ctx)
{
    layr_fan_call_t *calls = calloc(l->count ? l->count : 1, sizeof *calls);
    char **jws = calloc(l->count ? l->count : 1, sizeof *jws);
    int rc = calls && jws ? find_all(s, l) : LAYR_ERR_NOMEM;
    for (size_t i = 0; i < l->count && rc == LAYR_OK; i++)
        rc = prepare(s, &calls[i], &l->r[i], until, &jws[i]);
    if (rc == LAYR_OK)
        rc = layr_fan_run(s, calls, l->count, l->count, 0, ROUND_MS);
    for (size_t i = 0; i < l->count && calls; i++) {
        int told = calls[i].done ? ended(ctx, i, &calls[i]) : LAYR_OK;
        if (rc == LAYR_OK)
            rc = told;
        layr_call_free(&calls[i].call);
        if (jws)
            free(jws[i]);
    }
    free(calls);
    free(jws);
    return rc;
}

/* A host that knows none of the orders has nothing to let go of. */
static int released(void *ctx, size_t i, const layr_fan_call_t *c)
{
    bool *done = ctx;
    done[i] = c->rc == LAYR_OK ||
              (c->rc == LAYR_ERR_NOTFOUND && strcmp(c->call.problem.type, "no-such-order") == 0);
    return LAYR_OK;
}

int layr_orders_release(layr_session_t *s, const layr_order_list_t *l, bool *done)
{
    return each_statement(s, l, 0, released, done);
}

/* --- renewing --- */

static int by_bytes(const void *a, const void *b)
{
    return memcmp(a, b, 16);
}

void layr_orders_sort(layr_buf_t *ids)
{
    if (ids->len)
        qsort(ids->p, ids->len / 16, 16, by_bytes);
}

bool layr_orders_has(const layr_buf_t *ids, const uint8_t order[16])
{
    return ids->len && bsearch(order, ids->p, ids->len / 16, 16, by_bytes) != NULL;
}

static int renewed(void *ctx, size_t i, const layr_fan_call_t *c)
{
    layr_buf_t *kept = ctx;
    layr_orders_answer_t *a;
    int rc;
    (void)i;
    if (c->rc != LAYR_OK)
        return LAYR_OK;
    if (!(a = calloc(1, sizeof *a)))
        return LAYR_ERR_NOMEM;
    rc = layr_orders_answer_parse(a, (const char *)c->call.req.into, c->call.req.into_len);
    for (unsigned n = 0; rc == LAYR_OK && n < a->done_count; n++)
        layr_buf_add(kept, a->done[n], 16);
    free(a);
    return rc == LAYR_ERR_NOMEM ? rc : LAYR_OK; /* an answer that makes no sense keeps nothing */
}

int layr_orders_renew(layr_session_t *s, const layr_order_list_t *l, layr_time_t until, layr_buf_t *kept)
{
    int rc = each_statement(s, l, until, renewed, kept);
    if (rc == LAYR_OK && kept->bad)
        rc = LAYR_ERR_NOMEM;
    layr_orders_sort(kept);
    return rc;
}
