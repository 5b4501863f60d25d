
/*
 * What may be asked of a host's disk by audits.
 *
 * Orders are cheap, and a challenge has a gibibyte read for an answer of
 * 4,112 bytes.  So a group is owed reads as it stores, and no more than a
 * few audits run at a time.  What a group has spent is kept as the time when
 * all of it will have been given back.
 *
 * There is room for so many groups.  One more takes the place of that which
 * is soonest through, and what that has spent: who has many groups wins
 * nothing by having some of them forgotten.
 */


#include "ngx_http_layr_audits.h"
#include "ngx_http_layr_zone.h"


#define NGX_HTTP_LAYR_AUDIT_DAY   86400000     /* ms */
#define NGX_HTTP_LAYR_AUDIT_WAIT  5


static ngx_int_t ngx_http_layr_audit_place(
    ngx_http_layr_audits_shared_t *shared, ngx_http_layr_audit_share_t *s);
static ngx_http_layr_audit_group_t *ngx_http_layr_audit_group(
    ngx_http_layr_audits_shared_t *shared, u_char *key);
static ngx_int_t ngx_http_layr_audit_spend(ngx_http_layr_audit_group_t *g,
    ngx_http_layr_audit_share_t *s, uint64_t now);


ngx_int_t
ngx_http_layr_audit_enter(ngx_http_layr_store_t *st,
    ngx_http_layr_audit_share_t *s, time_t now)
{
    ngx_int_t                       rc, n;
    ngx_http_layr_audits_shared_t  *shared;

    shared = &st->zone->audits;

    ngx_http_layr_zone_lock(st);

    n = ngx_http_layr_audit_place(shared, s);

    if (n == NGX_BUSY) {
        s->busy = 1;
        s->wait = NGX_HTTP_LAYR_AUDIT_WAIT;
        rc = NGX_DECLINED;

    } else {
        rc = ngx_http_layr_audit_spend(ngx_http_layr_audit_group(shared,
                                                                 s->key),
                                       s, (uint64_t) now * 1000);
    }

    if (rc == NGX_OK) {
        ngx_memcpy(shared->running[n].key, s->key, 16);
        shared->running[n].process = ngx_process_slot + 1;
        s->entered = n + 1;
    }

    ngx_http_layr_zone_unlock(st);

    return rc;
}


static ngx_int_t
ngx_http_layr_audit_place(ngx_http_layr_audits_shared_t *shared,
    ngx_http_layr_audit_share_t *s)
{
    ngx_int_t   place;
    ngx_uint_t  i, same;

    same = 0;
    place = NGX_BUSY;

    for (i = 0; i < NGX_HTTP_LAYR_AUDITS; i++) {

        if (shared->running[i].process == 0) {
            place = i;

        } else if (ngx_memcmp(shared->running[i].key, s->key, 16) == 0) {
            same++;
        }
    }

    return same < NGX_HTTP_LAYR_AUDITS_OF_GROUP ? place : NGX_BUSY;
}


static ngx_http_layr_audit_group_t *
ngx_http_layr_audit_group(ngx_http_layr_audits_shared_t *shared, u_char *key)
{
    ngx_uint_t                    i;
    ngx_http_layr_audit_group_t  *g, *least;

    least = &shared->groups[0];

    for (i = 0; i < NGX_HTTP_LAYR_AUDIT_GROUPS; i++) {
        g = &shared->groups[i];

        if (g->until && ngx_memcmp(g->key, key, 16) == 0) {
            return g;
        }

        if (g->until < least->until) {
            least = g;
        }
    }

    return least;
}


static ngx_int_t
ngx_http_layr_audit_spend(ngx_http_layr_audit_group_t *g,
    ngx_http_layr_audit_share_t *s, uint64_t now)
{
    uint64_t  day, until, most;

    /* bytes are a gibibyte at most: no product outgrows 64 bits */

    day = ngx_min(s->group_bytes, (uint64_t) 1 << 60)
          * NGX_HTTP_LAYR_AUDIT_TIMES + NGX_HTTP_LAYR_AUDIT_BYTES;

    s->cost = s->bytes * NGX_HTTP_LAYR_AUDIT_DAY / day;

    until = ngx_max(g->until, now) + s->cost;
    most = now + (uint64_t) NGX_HTTP_LAYR_AUDIT_DAYS * NGX_HTTP_LAYR_AUDIT_DAY;

    if (until > most) {
        s->wait = (until - most) / 1000 + 1;
        return NGX_DECLINED;
    }

    ngx_memcpy(g->key, s->key, 16);
    g->until = until;

    return NGX_OK;
}


void
ngx_http_layr_audit_leave(ngx_http_layr_store_t *st,
    ngx_http_layr_audit_share_t *s, uint64_t bytes)
{
    uint64_t                        back;
    ngx_http_layr_audit_group_t    *g;
    ngx_http_layr_audits_shared_t  *shared;

    if (s->entered == 0) {
        return;
    }

    shared = &st->zone->audits;

    ngx_http_layr_zone_lock(st);

    shared->running[s->entered - 1].process = 0;

    /* what was not read was not spent */

    g = ngx_http_layr_audit_group(shared, s->key);

    if (bytes < s->bytes && ngx_memcmp(g->key, s->key, 16) == 0) {
        back = s->cost - s->cost * bytes / s->bytes;
        g->until -= ngx_min(g->until, back);
    }

    ngx_http_layr_zone_unlock(st);

    s->entered = 0;

    (void) ngx_atomic_fetch_add(&shared->bytes, bytes);
}


void
ngx_http_layr_audit_forget(ngx_http_layr_store_t *st)
{
    ngx_uint_t                      i;
    ngx_http_layr_audit_running_t  *running;

    running = st->zone->audits.running;

    for (i = 0; i < NGX_HTTP_LAYR_AUDITS; i++) {
        if (running[i].process == ngx_process_slot + 1) {
            running[i].process = 0;
        }
    }
}


ngx_uint_t
ngx_http_layr_audits_running(ngx_http_layr_store_t *st)
{
    ngx_uint_t  i, n;

    n = 0;

    ngx_http_layr_zone_lock(st);

    for (i = 0; i < NGX_HTTP_LAYR_AUDITS; i++) {
        n += st->zone->audits.running[i].process != 0;
    }

    ngx_http_layr_zone_unlock(st);

    return n;
}
