/* Queues by origin: a slow host holds up only what is meant for it. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "net/flight.h"

void layr_origins_init(layr_origins_t *o, long max_per_host)
{
    memset(o, 0, sizeof *o);
    TAILQ_INIT(&o->ready);
    o->max_per_host = max_per_host;
}

/* Length of scheme, host and port. */
static size_t key_length(const char *url)
{
    const char *host = strstr(url, "://");

    host = host == NULL ? url : host + 3;
    return (size_t)(host - url) + strcspn(host, "/?#");
}

static unsigned bucket_of(const char *url, size_t len)
{
    uint32_t h =
        2166136261u; /* FNV-1a; the URLs are the user's and contacts', and a long chain costs only time */

    for (size_t i = 0; i < len; i++)
        h = (h ^ (uint8_t)tolower((unsigned char)url[i])) * 16777619u;
    return h % LAYR_ORIGIN_BUCKETS;
}

static layr_origin_t *origin_new(const char *url, size_t len)
{
    layr_origin_t *g = calloc(1, sizeof *g + len + 1);

    if (g == NULL)
        return NULL;
    TAILQ_INIT(&g->waiting);
    for (size_t i = 0; i < len; i++)
        g->key[i] = (char)tolower((unsigned char)url[i]);
    return g;
}

static layr_origin_t *origin_of(layr_origins_t *o, const char *url)
{
    size_t len = key_length(url);
    layr_origin_t **head = &o->bucket[bucket_of(url, len)], *g;

    for (g = *head; g != NULL; g = g->next)
        if (strncasecmp(g->key, url, len) == 0 && g->key[len] == 0)
            return g;
    g = origin_new(url, len);
    if (g == NULL)
        return NULL;
    g->next = *head;
    *head = g;
    return g;
}

/* An origin is in the ready list exactly while something waits there and may start. */
void layr_origins_settle(layr_origins_t *o, layr_origin_t *g)
{
    bool ready = !TAILQ_EMPTY(&g->waiting) && g->active < o->max_per_host;

    if (ready && !g->is_ready)
        TAILQ_INSERT_TAIL(&o->ready, g, ready);
    if (!ready && g->is_ready)
        TAILQ_REMOVE(&o->ready, g, ready);
    g->is_ready = ready;
}

int layr_origin_add(layr_origins_t *o, layr_flight_t *f)
{
    layr_origin_t *g = origin_of(o, f->req->url);
    layr_flight_t *at;

    if (g == NULL)
        return LAYR_ERR_NOMEM;
    f->origin = g;
    /* From the end: most have the same priority, and those keep their order. */
    TAILQ_FOREACH_REVERSE(at, &g->waiting, layr_flight_list, wait)
    {
        if (at->req->priority >= f->req->priority)
            break;
    }
    if (at == NULL)
        TAILQ_INSERT_HEAD(&g->waiting, f, wait);
    else
        TAILQ_INSERT_AFTER(&g->waiting, at, f, wait);
    layr_origins_settle(o, g);
    return 0;
}

layr_flight_t *layr_origin_next(layr_origins_t *o)
{
    layr_origin_t *g = TAILQ_FIRST(&o->ready);
    layr_flight_t *f;

    if (g == NULL)
        return NULL;
    f = TAILQ_FIRST(&g->waiting);
    TAILQ_REMOVE(&g->waiting, f, wait);
    f->on_air = true;
    g->active++;
    /* To the end of the line. */
    TAILQ_REMOVE(&o->ready, g, ready);
    g->is_ready = false;
    layr_origins_settle(o, g);
    return f;
}

static void origin_drop(layr_origins_t *o, layr_origin_t *g)
{
    layr_origin_t **p = &o->bucket[bucket_of(g->key, strlen(g->key))];

    while (*p != g)
        p = &(*p)->next;
    *p = g->next;
    free(g);
}

void layr_origin_remove(layr_origins_t *o, layr_flight_t *f)
{
    layr_origin_t *g = f->origin;

    if (g == NULL)
        return;
    f->origin = NULL;
    if (!f->on_air)
        TAILQ_REMOVE(&g->waiting, f, wait);
    else
        g->active--;
    layr_origins_settle(o, g);
    if (g->active == 0 && TAILQ_EMPTY(&g->waiting))
        origin_drop(o, g);
}
