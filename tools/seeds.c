/* Joining the DHT, and the contacts that are kept. */
#include "seeds.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "show.h"

#define CONTACTS_MAX (8u << 20)
#define FIRST_WANT 3 /* hosts that must answer before we say that we are in */

/* --- the file of contacts --- */

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The same seeds in another order are the same network. */
static int network_of(uint8_t out[32], const layr_opt_list_t *seeds)
{
    char **sorted = calloc(seeds->count + 1, sizeof(char *));
    layr_buf_t b;
    int rc;

    if (sorted == NULL)
        return LAYR_ERR_NOMEM;
    memcpy(sorted, seeds->item, seeds->count * sizeof(char *));
    qsort(sorted, seeds->count, sizeof(char *), by_text);
    layr_buf_init(&b);
    for (size_t i = 0; i < seeds->count; i++)
        layr_buf_add(&b, sorted[i], strlen(sorted[i]) + 1);
    rc = b.bad ? LAYR_ERR_NOMEM : layr_sha256_1(out, b.p, b.len);
    layr_buf_free(&b);
    free(sorted);
    return rc;
}

static int read_file(layr_buf_t *b, const char *path)
{
    uint8_t part[65536];
    ssize_t n;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return LAYR_ERR_IO;
    while ((n = read(fd, part, sizeof part)) > 0 && b->len < CONTACTS_MAX)
        layr_buf_add(b, part, (size_t)n);
    close(fd);
    return n == 0 && !b->bad ? LAYR_OK : LAYR_ERR_IO;
}

/* Whatever is wrong with it: then there are only the seeds. */
static void load(layr_dht_t *dht, const layr_opt_t *o)
{
    char *path = layr_opt_path(o->state_dir, "contacts");
    uint8_t network[32];
    unsigned taken = 0;
    layr_buf_t b;

    layr_buf_init(&b);
    if (path != NULL && network_of(network, &o->seeds) == LAYR_OK && read_file(&b, path) == LAYR_OK &&
        b.len > 32 && memcmp(b.p, network, 32) == 0 &&
        layr_dht_load(dht, b.p + 32, b.len - 32, &taken) != LAYR_OK)
        taken = 0;
    layr_buf_free(&b);
    free(path);
}

static bool write_file(const char *path, const layr_buf_t *b)
{
    size_t done = 0;
    ssize_t n = 1;
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd < 0)
        return false;
    while (done < b->len && (n = write(fd, b->p + done, b->len - done)) > 0)
        done += (size_t)n;
    return close(fd) == 0 && done == b->len;
}

/* A cache: what can't be written is learned again. */
static void save(layr_dht_t *dht, const layr_opt_t *o)
{
    char name[32], *path = layr_opt_path(o->state_dir, "contacts"), *temp;
    uint8_t network[32];
    layr_buf_t b;

    snprintf(name, sizeof name, "contacts.%ld", (long)getpid());
    temp = layr_opt_path(o->state_dir, name);
    layr_buf_init(&b);
    if (path == NULL || temp == NULL || network_of(network, &o->seeds) != LAYR_OK)
        goto done;
    layr_buf_add(&b, network, 32);
    if (layr_dht_save(dht, &b) != LAYR_OK || b.bad || b.len <= 32 + 12)
        goto done; /* none: better those of last time */
    if (!write_file(temp, &b) || rename(temp, path) != 0)
        unlink(temp);
done:
    layr_buf_free(&b);
    free(path);
    free(temp);
}

/* --- joining --- */

/* Who of the seeds does not answer; how many do, or still may. */
static size_t look_at_seeds(const layr_dht_t *dht, const layr_opt_t *o, layr_host_t *down)
{
    layr_host_t h;
    size_t good = 0;
    bool waiting;

    for (size_t i = 0; i < o->seeds.count && layr_dht_seed(dht, i, &h, &waiting); i++) {
        if (h.error == LAYR_OK || waiting)
            good++;
        else if (down->error == LAYR_OK)
            *down = h;
    }
    return good;
}

static int nobody(const layr_opt_t *o, const layr_host_t *down, layr_diag_t *d)
{
    if (down->error == LAYR_OK)
        return layr_diag_set(d, LAYR_ERR_HOSTS,
                             "the seed answers, and no host that it knows does: give another with "
                             "-s URL");
    return layr_diag_set(
        d, LAYR_ERR_HOSTS,
        "%s%s does not answer: %s. Give another seed with -s URL, or a line `seed URL` in %s/layr.conf",
        o->seeds.count == 1 ? "the seed " : "none of the seeds answers; the first, ", down->url,
        layr_show_down(down), o->config_dir);
}

/* A lookup of anything: whoever answers is in the network. */
static int first_lookup(layr_session_t *s)
{
    layr_dht_lookup_opts_t o = {.want = FIRST_WANT};
    layr_dht_lookup_t *l = NULL;
    int rc;

    layr_random(o.target, sizeof o.target);
    rc = layr_dht_lookup(s->dht, &l, &o);
    if (rc == LAYR_OK)
        rc = layr_dht_lookup_wait(l, s->cancel);
    layr_dht_lookup_drop(l);
    return rc;
}

int layr_seeds_join(layr_session_t *s, const layr_opt_t *o, char note[LAYR_SEEDS_NOTE], layr_diag_t *d)
{
    layr_dht_config_t c = {.net = s->net, .by_seeds = true};
    layr_host_t down = {0};
    size_t good;
    int rc = layr_hosts_open(&s->hosts);

    note[0] = 0;
    if (rc == LAYR_OK)
        rc = layr_dht_new(&s->dht, &c);
    if (rc != LAYR_OK)
        return rc;
    load(s->dht, o);
    rc = layr_dht_seeds(s->dht, (const char *const *)o->seeds.item, o->seeds.count, d);
    if (rc == LAYR_OK)
        rc = first_lookup(s);
    good = look_at_seeds(s->dht, o, &down);
    if (rc == LAYR_ERR_HOSTS)
        return nobody(o, &down, d);
    if (rc == LAYR_OK && good == 0)
        snprintf(note, LAYR_SEEDS_NOTE, "%s does not answer (%.200s): going on with hosts known from before",
                 down.url, layr_show_down(&down));
    return rc;
}

void layr_seeds_leave(layr_session_t *s, const layr_opt_t *o)
{
    if (s->dht == NULL)
        return;
    save(s->dht, o);
    layr_dht_free(s->dht);
    s->dht = NULL;
}
