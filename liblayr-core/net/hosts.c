/* The list of hosts that the user named. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "net/probe.h"

typedef struct probes {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    size_t left; /* under the lock */
} probes_t;

/* Parse every URL before anything is sent: a slip of the pen is told at once. */
static int parse_all(layr_hosts_t *hosts, layr_probe_t **probes, const char *const *urls, size_t count,
                     layr_diag_t *d)
{
    for (size_t i = 0; i < count; i++) {
        probes[i] = calloc(1, sizeof **probes);
        if (probes[i] == NULL)
            return layr_diag_set(d, LAYR_ERR_NOMEM, "out of memory for %zu hosts", count);
        probes[i]->host = &hosts->host[i];
        if (layr_probe_parse_url(probes[i], urls[i]) != 0)
            return layr_diag_set(
                d, LAYR_ERR_ARG,
                "'%s' is not a host: give http:// or https://, host, port and path, and after a "
                "# its id of 64 lower-case hex digits",
                urls[i]);
    }
    return 0;
}

static void one_ended(layr_probe_t *p)
{
    probes_t *all = p->ctx;

    pthread_mutex_lock(&all->lock);
    all->left--;
    pthread_cond_signal(&all->changed);
    pthread_mutex_unlock(&all->lock);
}

static void ask_all(probes_t *all, layr_net_t *net, layr_probe_t **probes, size_t count)
{
    all->left = count;
    for (size_t i = 0; i < count; i++) {
        layr_probe_t *p = probes[i];
        int rc;

        /* NOLINTNEXTLINE(clang-analyzer-*): parse_all made them all */
        p->net = net;
        p->done = one_ended;
        p->ctx = all;
        rc = layr_probe_start(p);
        if (rc == 0)
            continue;
        p->host->error = rc;
        one_ended(p);
    }
    pthread_mutex_lock(&all->lock);
    while (all->left > 0)
        pthread_cond_wait(&all->changed, &all->lock);
    pthread_mutex_unlock(&all->lock);
}

/* The same URL, or the same usable host under two URLs: the first stays. */
static bool is_same(const layr_host_t *a, const layr_host_t *b)
{
    if (strcmp(a->url, b->url) == 0)
        return true;
    return a->error == LAYR_OK && b->error == LAYR_OK && memcmp(a->id, b->id, sizeof a->id) == 0;
}

/*
 * Of a host named twice the usable entry stays, else the first: `URL URL#id` with a certificate of its own is
 * one good host.
 */
static void drop_repeats(layr_hosts_t *h)
{
    size_t kept = 0;

    for (size_t i = 0; i < h->count; i++) {
        size_t at = 0;

        while (at < kept && !is_same(&h->host[at], &h->host[i]))
            at++;
        if (at == kept)
            kept++;
        else if (h->host[at].error == LAYR_OK || h->host[i].error != LAYR_OK)
            continue;
        if (at != i)
            memcpy(&h->host[at], &h->host[i], sizeof h->host[i]);
    }
    h->count = kept;
}

int layr_hosts_resolve(layr_hosts_t *out, layr_net_t *net, const char *const *urls, size_t count,
                       layr_diag_t *d)
{
    probes_t all = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    layr_hosts_t hosts = {0};
    layr_probe_t **probes =
        calloc(count + 1, sizeof *probes); /* NOLINT(bugprone-sizeof-expression): pointers */
    int rc = LAYR_ERR_NOMEM;

    hosts.host = calloc(count + 1, sizeof *hosts.host);
    hosts.count = hosts.cap = count;
    if (probes == NULL || hosts.host == NULL) {
        layr_diag_set(d, rc, "out of memory for %zu hosts", count);
        goto done;
    }
    rc = parse_all(&hosts, probes, urls, count, d);
    if (rc != 0)
        goto done;
    ask_all(&all, net, probes, count);
    drop_repeats(&hosts);
    *out = hosts;
    memset(&hosts, 0, sizeof hosts);
done:
    for (size_t i = 0; probes != NULL && i < count; i++)
        free(probes[i]);
    free(probes);
    layr_hosts_free(&hosts);
    pthread_cond_destroy(&all.changed);
    pthread_mutex_destroy(&all.lock);
    return rc;
}

int layr_hosts_open(layr_hosts_t *out)
{
    layr_host_t *host = calloc(LAYR_HOSTS_MAX, sizeof *host);

    if (host == NULL)
        return LAYR_ERR_NOMEM;
    *out = (layr_hosts_t){.host = host, .cap = LAYR_HOSTS_MAX};
    return 0;
}

layr_host_t *layr_hosts_add(layr_hosts_t *list, const layr_host_t *h)
{
    if (list->count == list->cap)
        return NULL;
    memcpy(&list->host[list->count], h, sizeof *h);
    return &list->host[list->count++];
}

int layr_host_of_contact(layr_host_t *out, const layr_contact_t *c, layr_reach_t reach)
{
    bool tls = strncmp(c->url, "https://", 8) == 0;

    if (c->url[0] == 0)
        return LAYR_ERR_NOTFOUND;
    memset(out, 0, sizeof *out);
    memcpy(out->id, c->host, sizeof out->id);
    memcpy(out->url, c->url, sizeof out->url);
    out->h2c = c->h2c && !tls;
    out->reach = reach;
    out->trust = tls && c->pin_count > 0 ? LAYR_TRUST_PINS : LAYR_TRUST_CA;
    out->pin_count = tls ? c->pin_count : 0;
    memcpy(out->pins, c->pins, sizeof out->pins);
    out->capacity = c->capacity;
    out->free = c->free;
    out->price = c->price;
    out->leaving = c->leaving;
    return 0;
}

void layr_hosts_free(layr_hosts_t *h)
{
    free(h->host);
    memset(h, 0, sizeof *h);
}

layr_host_t *layr_hosts_find(const layr_hosts_t *h, const uint8_t id[32])
{
    for (size_t i = 0; i < h->count; i++)
        if (h->host[i].error == LAYR_OK && memcmp(h->host[i].id, id, 32) == 0)
            return &h->host[i];
    return NULL;
}

size_t layr_hosts_usable(const layr_hosts_t *h)
{
    size_t n = 0;

    for (size_t i = 0; i < h->count; i++)
        n += h->host[i].error == LAYR_OK;
    return n;
}
