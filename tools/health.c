/* Counting good shards. */
#include "health.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void layr_health_init(layr_health_t *h, layr_scheme_t s)
{
    memset(h, 0, sizeof *h);
    h->scheme = s;
}

void layr_health_free(layr_health_t *h)
{
    free(h->unit);
    free(h->host);
    memset(h, 0, sizeof *h);
}

/* Room for one more; what is there stays. */
static int grow(void **list, size_t *cap, size_t count, size_t size)
{
    size_t more = *cap > 0 ? *cap * 2 : 32;
    void *p;

    if (count < *cap)
        return 0;
    p = realloc(*list, more * size);
    if (p == NULL)
        return LAYR_ERR_NOMEM;
    *list = p;
    *cap = more;
    return 0;
}

/* Rows come unit by unit. */
static layr_unit_health_t *unit_of(layr_health_t *h, const layr_row_health_t *r)
{
    layr_unit_health_t *u = h->unit_count > 0 ? &h->unit[h->unit_count - 1] : NULL;

    if (u != NULL && u->page == r->page && u->number == r->unit && u->rows <= r->index)
        return u;
    for (size_t i = 0; i < h->unit_count; i++) /* the rows of a page may be told after those of a segment */
        /* NOLINTNEXTLINE(clang-analyzer-*): unit_count > 0: the list is there */
        if (h->unit[i].page == r->page && h->unit[i].number == r->unit && h->unit[i].rows <= r->index)
            return &h->unit[i];
    if (grow((void **)&h->unit, &h->unit_cap, h->unit_count, sizeof *h->unit) != 0)
        return NULL;
    u = &h->unit[h->unit_count++];
    /* NOLINTNEXTLINE(clang-analyzer-*): grow has made the list */
    memset(u, 0, sizeof *u);
    memset(u->state, LAYR_ROW_NONE, sizeof u->state);
    u->page = r->page;
    u->number = r->unit;
    u->needed = r->page ? 1 : h->scheme.k;
    return u;
}

static layr_host_health_t *host_of(layr_health_t *h, const layr_row_health_t *r)
{
    layr_host_health_t *o;

    for (size_t i = 0; i < h->host_count; i++)
        if (memcmp(h->host[i].id, r->host_id, 32) == 0)
            return &h->host[i];
    if (h->host_count == UINT16_MAX ||
        grow((void **)&h->host, &h->host_cap, h->host_count, sizeof *h->host) != 0)
        return NULL;
    o = &h->host[h->host_count++];
    memset(o, 0, sizeof *o);
    memcpy(o->id, r->host_id, 32);
    if (r->host != NULL)
        snprintf(o->url, sizeof o->url, "%s", r->host->url);
    return o;
}

static uint8_t state_of(const layr_row_health_t *r)
{
    static const uint8_t nobody[32];

    if (memcmp(r->host_id, nobody, 32) == 0)
        return LAYR_ROW_NONE;
    if (r->error == LAYR_OK)
        return LAYR_ROW_GOOD;
    /* only an answer about the shard itself says that it is lost */
    if (r->host != NULL && (r->error == LAYR_ERR_NOTFOUND || r->error == LAYR_ERR_FORMAT ||
                            r->error == LAYR_ERR_DATA || r->error == LAYR_ERR_LIMIT))
        return LAYR_ROW_GONE;
    return LAYR_ROW_UNKNOWN;
}

int layr_health_row(void *ctx, const layr_row_health_t *r)
{
    layr_health_t *h = ctx;
    layr_unit_health_t *u;
    layr_host_health_t *o;
    uint8_t state = state_of(r);

    if (r->index >= LAYR_N_MAX)
        return LAYR_ERR_ARG;
    u = unit_of(h, r);
    if (u == NULL)
        return LAYR_ERR_NOMEM;
    u->rows = r->index + 1;
    u->state[r->index] = state;
    if (state == LAYR_ROW_NONE)
        return 0;
    o = host_of(h, r);
    if (o == NULL)
        return LAYR_ERR_NOMEM;
    u->host[r->index] = (uint16_t)(o - h->host);
    u->good += state == LAYR_ROW_GOOD;
    u->unknown += state == LAYR_ROW_UNKNOWN;
    o->rows++;
    o->good += state == LAYR_ROW_GOOD;
    o->bytes += state == LAYR_ROW_GOOD ? r->bytes : 0;
    if (state != LAYR_ROW_GOOD && o->text[0] == 0)
        snprintf(o->text, sizeof o->text, "%.*s", (int)sizeof o->text - 1, r->text);
    return 0;
}

void layr_health_sum(layr_health_t *h)
{
    int least = INT32_MAX;

    for (size_t i = 0; i < h->unit_count; i++) {
        const layr_unit_health_t *u = &h->unit[i];
        int spare = (int)u->good - (int)u->needed;

        h->segments += !u->page;
        h->whole += u->good == u->rows;
        if (spare < least) {
            least = spare;
            h->weakest = i;
        }
    }
}

int layr_health_spare(const layr_health_t *h)
{
    const layr_unit_health_t *u = &h->unit[h->weakest];

    return (int)u->good - (int)u->needed;
}
