/* The list of hosts that the user named. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "net/probe.h"

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

static void ask_all(layr_probes_t *all, layr_probe_t **probes, size_t count)
{
    all->left = count;
    for (size_t i = 0; i < count; i++) {
        int rc = layr_probe_start(probes[i], all);

        if (rc == 0)
            continue;
        /* NOLINTNEXTLINE(clang-analyzer-*): parse_all made them all */
        probes[i]->host->error = rc;
        pthread_mutex_lock(&all->lock);
        all->left--;
        pthread_mutex_unlock(&all->lock);
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
    layr_probes_t all = {.net = net, .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    layr_hosts_t hosts = {0};
    layr_probe_t **probes =
        calloc(count + 1, sizeof *probes); /* NOLINT(bugprone-sizeof-expression): pointers */
    int rc = LAYR_ERR_NOMEM;

    hosts.host = calloc(count + 1, sizeof *hosts.host);
    hosts.count = count;
    if (probes == NULL || hosts.host == NULL) {
        layr_diag_set(d, rc, "out of memory for %zu hosts", count);
        goto done;
    }
    rc = parse_all(&hosts, probes, urls, count, d);
    if (rc != 0)
        goto done;
    ask_all(&all, probes, count);
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
