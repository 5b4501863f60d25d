/* Counting what an audit found. */
#include "verdicts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void layr_verdicts_init(layr_verdicts_t *v, layr_scheme_t s)
{
    memset(v, 0, sizeof *v);
    v->scheme = s;
}

void layr_verdicts_free(layr_verdicts_t *v)
{
    free(v->host);
    free(v->bad);
    memset(v, 0, sizeof *v);
}

static int grow(void **list, size_t *cap, size_t count, size_t size)
{
    size_t more = *cap > 0 ? *cap * 2 : 32;
    void *p;

    if (count < *cap)
        return LAYR_OK;
    p = realloc(*list, more * size);
    if (p == NULL)
        return LAYR_ERR_NOMEM;
    *list = p;
    *cap = more;
    return LAYR_OK;
}

static layr_host_verdicts_t *host_of(layr_verdicts_t *v, const layr_audit_row_t *r)
{
    layr_host_verdicts_t *h;

    for (size_t i = 0; i < v->host_count; i++)
        if (memcmp(v->host[i].id, r->host_id, 32) == 0)
            return &v->host[i];
    if (grow((void **)&v->host, &v->host_cap, v->host_count, sizeof *v->host) != LAYR_OK)
        return NULL;
    h = &v->host[v->host_count++];
    memset(h, 0, sizeof *h);
    memcpy(h->id, r->host_id, sizeof h->id);
    if (r->host != NULL)
        snprintf(h->url, sizeof h->url, "%s", r->host->url);
    return h;
}

static int spare(const struct layr_unit_verdicts *u)
{
    return (int)u->good - (int)u->needed;
}

static void end_unit(layr_verdicts_t *v)
{
    if (v->now.rows == 0)
        return;
    v->units++;
    v->whole += v->now.good == v->now.rows;
    v->lost += v->now.good + v->now.silent < v->now.needed;
    if (v->weakest.rows == 0 || spare(&v->now) < spare(&v->weakest))
        v->weakest = v->now;
    memset(&v->now, 0, sizeof v->now);
}

static int list_bad(layr_verdicts_t *v, const layr_audit_row_t *r)
{
    if (v->bad_count == LAYR_VERDICTS_BAD)
        return LAYR_OK;
    if (grow((void **)&v->bad, &v->bad_cap, v->bad_count, sizeof *v->bad) != LAYR_OK)
        return LAYR_ERR_NOMEM;
    v->bad[v->bad_count++] = *r;
    return LAYR_OK;
}

int layr_verdicts_row(void *ctx, const layr_audit_row_t *r)
{
    layr_verdicts_t *v = ctx;
    layr_host_verdicts_t *h;

    if (v->now.rows > 0 && (v->now.page != r->page || v->now.number != r->unit))
        end_unit(v);
    v->now.page = r->page;
    v->now.number = r->unit;
    v->now.needed = r->page ? 1 : v->scheme.k;
    v->now.rows++;
    v->now.good += r->verdict == LAYR_PASSED;
    v->now.silent += layr_verdict_is_silent(r->verdict);
    v->shards++;
    v->passed += r->verdict == LAYR_PASSED;
    if (r->verdict != LAYR_PASSED && list_bad(v, r) != LAYR_OK)
        return LAYR_ERR_NOMEM;
    if (r->verdict == LAYR_NEVER)
        return LAYR_OK;
    h = host_of(v, r);
    if (h == NULL)
        return LAYR_ERR_NOMEM;
    h->shards++;
    h->count[r->verdict]++;
    h->silent_since = r->silent_since;
    if (r->unproven_since != 0 && (h->unproven_since == 0 || r->unproven_since < h->unproven_since))
        h->unproven_since = r->unproven_since;
    if (r->verdict != LAYR_PASSED && h->text[0] == 0)
        memcpy(h->text, r->text, sizeof h->text);
    return LAYR_OK;
}

void layr_verdicts_end(layr_verdicts_t *v)
{
    end_unit(v);
}
