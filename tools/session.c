/* Building a session. */
#include "session.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "guard.h"
#include "home.h"
#include "opt_config.h"
#include "seeds.h"
#include "show.h"

/* About the owner's own machine, not the hosts or the file: always LAYR_EXIT_FAILED. */
static int failed_here(int code, const layr_diag_t *d)
{
    layr_say_failed(code, d);
    return LAYR_EXIT_FAILED;
}

static int open_key(layr_tool_t *t, const layr_opt_t *o)
{
    layr_diag_t d = {0};
    int rc = layr_home_master(o, &t->master, &d);

    if (rc != 0)
        return failed_here(rc, &d);
    t->seed = sodium_malloc(LAYR_KEY_BYTES);
    if (t->seed == NULL)
        return failed_here(LAYR_ERR_NOMEM, NULL);
    layr_owner_seed(t->seed, t->master);
    t->s.owner_seed = t->seed;
    return LAYR_OPT_GO_ON;
}

/* A reader can do without: it then does not notice a host that gives it an older record than the one it saw.
 */
static int open_journal(layr_tool_t *t, const layr_opt_t *o)
{
    layr_diag_t d = {0};
    char *path = layr_home_journal_path(o);
    int rc = path != NULL ? layr_home_folder(o->state_dir, &d) : LAYR_ERR_NOMEM;

    if (rc == 0)
        rc = layr_journal_open(&t->s.journal, path, t->master, &d);
    free(path);
    if (rc == 0)
        return LAYR_OPT_GO_ON;
    if (t->master != NULL)
        return failed_here(rc, &d);
    layr_say_note(
        "note: going on without a journal, so an outdated version of a file would not be noticed: %s",
        d.text[0] ? d.text : layr_strerror(rc));
    return LAYR_OPT_GO_ON;
}

/* What a host's URL is called in messages: without the id, which nobody reads. */
static void say_down(const layr_hosts_t *h, bool verbose)
{
    size_t down = h->count - layr_hosts_usable(h);

    if (down == 0)
        return;
    for (size_t i = 0; verbose && i < h->count; i++)
        if (h->host[i].error != 0)
            layr_say_note("%s: %s", h->host[i].url, layr_show_down(&h->host[i]));
    if (!verbose && down < h->count)
        layr_say_note("%zu of %zu hosts cannot be used now (-v says which and why)", down, h->count);
}

/* One sentence, so that -q has the reason too. */
static int all_down(const layr_hosts_t *h, bool verbose)
{
    const layr_host_t *one = &h->host[0];

    if (h->count == 1)
        layr_say_error("the only host given cannot be used now: %s: %s", one->url, layr_show_down(one));
    else
        layr_say_error("none of the %zu hosts given can be used now; the first, %s: %s%s", h->count, one->url,
                       layr_show_down(one), verbose ? "" : " (-v names all)");
    return LAYR_EXIT_HOSTS;
}

/* Looked at here, as it is about this machine and no host's fault. */
static int check_cacert(const char *path)
{
    if (path == NULL || access(path, R_OK) == 0)
        return LAYR_OPT_GO_ON;
    layr_say_error("--cacert: cannot read %s: %s", path, strerror(errno));
    return LAYR_EXIT_FAILED;
}

void layr_tool_disconnect(layr_tool_t *t)
{
    layr_seeds_leave(&t->s, t->opt);
    layr_net_free(t->s.net);
    layr_hosts_free(&t->s.hosts);
    t->s.net = NULL;
    t->connected = false;
}

static int add_host(void *ctx, const uint8_t id[32], const char *url)
{
    layr_opt_list_t *l = ctx;
    char text[LAYR_URL_MAX + 66], hex[65];

    layr_hex(hex, id, 32);
    snprintf(text, sizeof text, "%s#%s", url, hex);
    return layr_opt_list_add(l, text);
}

static int resolve_given(layr_tool_t *t, layr_diag_t *d)
{
    const layr_opt_t *o = t->opt;
    layr_opt_list_t l = {0};
    int rc = 0;

    for (unsigned i = 0; rc == 0 && i < o->hosts.count; i++)
        rc = layr_opt_list_add(&l, o->hosts.item[i]);
    if (rc == 0 && t->master != NULL)
        rc = layr_journal_host_each(t->s.journal, add_host, &l);
    if (rc == 0)
        rc = layr_hosts_resolve(&t->s.hosts, t->s.net, (const char *const *)l.item, l.count, d);
    layr_opt_list_free(&l);
    return rc;
}

static int resolve(layr_tool_t *t, layr_diag_t *d)
{
    layr_net_config_t config = {.ca_file = t->opt->cacert};
    int rc = layr_net_new(&t->s.net, &config);

    if (rc == 0)
        rc = t->opt->seeds.count > 0 ? layr_seeds_join(&t->s, t->opt, t->note, d) : resolve_given(t, d);
    t->connected = rc == 0;
    if (rc != 0)
        layr_tool_disconnect(t);
    return rc;
}

static int is_new(void *ctx, const uint8_t id[32], const char *url)
{
    const layr_tool_t *t = ctx;

    (void)url;
    return layr_tool_host(t, id) == NULL;
}

/* The list may have named hosts that are not in the session: then it begins anew. */
static bool more_hosts(layr_tool_t *t)
{
    if (t->s.dht != NULL || layr_journal_host_each(t->s.journal, is_new, t) != 1)
        return false;
    layr_tool_disconnect(t);
    return true;
}

/* A machine that knows nothing asks first whether the owner has a list, and where his hosts are. */
static int begin_blank(layr_tool_t *t)
{
    layr_file_keys_t k = {0};
    bool blank = false;
    layr_diag_t d = {0};

    if (t->master == NULL)
        return LAYR_OPT_GO_ON;
    layr_kdf0(k.W, t->master, "catalogue");
    layr_file_keys_from_write(&k, k.W);
    if (layr_journal_is_blank(t->s.journal, k.record_id, &blank) != 0)
        blank = false;
    layr_file_keys_wipe(&k);
    if (!blank)
        return LAYR_OPT_GO_ON;
    layr_tool_catalogue(t, true);
    if (!more_hosts(t))
        return LAYR_OPT_GO_ON;
    return resolve(t, &d) == 0 ? LAYR_OPT_GO_ON : layr_say_failed(d.code, &d);
}

int layr_tool_connect(layr_tool_t *t)
{
    const layr_opt_t *o = t->opt;
    layr_diag_t d = {0};
    int rc;

    if (!layr_opt_has_network(o)) {
        layr_say_error("no network: name a host of it with -s URL, or in a line `seed URL` in %s/layr.conf",
                       o->config_dir);
        return LAYR_EXIT_USAGE;
    }
    rc = check_cacert(o->cacert);
    if (rc != LAYR_OPT_GO_ON)
        return rc;
    rc = t->connected ? 0 : resolve(t, &d);
    if (rc != 0)
        return layr_say_failed(rc, &d);
    if (atomic_load(&layr_guard_cancel))
        return layr_say_failed(LAYR_ERR_CANCELLED, NULL);
    if (t->s.dht != NULL) {
        if (t->note[0] != 0)
            layr_say_note("note: %s", t->note);
        t->note[0] = 0;
        return begin_blank(t);
    }
    say_down(&t->s.hosts, o->verbose);
    return layr_hosts_usable(&t->s.hosts) > 0 ? begin_blank(t) : all_down(&t->s.hosts, o->verbose);
}

bool layr_tool_try_connect(layr_tool_t *t)
{
    layr_diag_t d = {0};

    if (!layr_opt_has_network(t->opt) || (t->opt->cacert != NULL && access(t->opt->cacert, R_OK) != 0))
        return false;
    return (t->connected || resolve(t, &d) == 0) && (t->s.dht != NULL || layr_hosts_usable(&t->s.hosts) > 0);
}

void layr_tool_catalogue(layr_tool_t *t, bool read)
{
    uint8_t W[LAYR_KEY_BYTES] = {0};
    layr_diag_t d = {0};
    int rc;

    if (t->master == NULL || t->s.journal == NULL)
        return;
    layr_kdf0(W, t->master, "catalogue");
    rc = layr_catalogue_sync(&t->s, W, read, &d);
    layr_wipe(W, sizeof W);
    if (rc != 0)
        layr_say_note("note: the catalogue could not be %s: %s; the next program tries again",
                      read ? "read" : "written", d.text);
}

int layr_tool_reap(layr_tool_t *t)
{
    int rc = layr_journal_put_reap(t->s.journal);

    if (rc > 0)
        layr_say_note("%d upload%s that had been cut off %s given up; what %s stored is being released", rc,
                      rc == 1 ? "" : "s", rc == 1 ? "was" : "were", rc == 1 ? "it" : "they");
    return rc < 0 ? rc : 0;
}

/* Best effort: nothing here keeps a put or a removal from going on. */
int layr_tool_tidy(layr_tool_t *t)
{
    int rc = layr_tool_reap(t);

    if (rc == 0)
        rc = layr_release_pending(&t->s, &t->pending);
    if (rc < 0 && rc != LAYR_ERR_CANCELLED)
        layr_say_note("note: old releases could not be tried again: %s",
                      rc == LAYR_ERR_DB || rc == LAYR_ERR_FORMAT ? layr_journal_error(t->s.journal)
                                                                 : layr_strerror(rc));
    return rc == LAYR_ERR_CANCELLED ? layr_say_failed(rc, NULL) : LAYR_OPT_GO_ON;
}

int layr_tool_start(layr_tool_t *t, const layr_opt_t *o, bool key)
{
    int rc = layr_init();

    memset(t, 0, sizeof *t);
    t->opt = o;
    t->s.cancel = &layr_guard_cancel;
    if (rc != 0)
        return failed_here(rc, NULL);
    rc = key ? open_key(t, o) : LAYR_OPT_GO_ON;
    return rc == LAYR_OPT_GO_ON ? open_journal(t, o) : rc;
}

void layr_tool_end(layr_tool_t *t)
{
    if (t->opt != NULL)
        layr_tool_disconnect(t);
    layr_journal_close(t->s.journal);
    sodium_free(t->seed);
    sodium_free(t->master);
    memset(t, 0, sizeof *t);
}

static int keys_of_name(layr_tool_t *t, const char *name, layr_file_keys_t *out)
{
    layr_file_entry_t f = {0};
    char shown[256];
    int rc = layr_journal_file_find(t->s.journal, &f, name);

    /* another machine may have put it, or this one may be new */
    if (rc == LAYR_ERR_NOTFOUND && layr_tool_try_connect(t)) {
        layr_tool_catalogue(t, true);
        more_hosts(t);
        rc = layr_journal_file_find(t->s.journal, &f, name);
    }
    if (rc == 0) {
        layr_file_keys_from_write(out, f.W);
        layr_wipe(&f, sizeof f);
        return LAYR_OPT_GO_ON;
    }
    if (rc != LAYR_ERR_NOTFOUND)
        return layr_tool_failed(t, rc, NULL);
    layr_show_name(shown, sizeof shown, name);
    layr_say_error(
        "you have no file named '%s': `layr-ls` lists what you have; a capability starts with layr:", shown);
    return LAYR_EXIT_FAILED;
}

int layr_tool_keys(layr_tool_t *t, char *operand, layr_file_keys_t *out)
{
    layr_diag_t d = {0};
    int rc;

    if (!layr_opt_is_cap(operand))
        return keys_of_name(t, operand, out);
    rc = layr_opt_cap(out, operand, &d);
    if (strncmp(operand, "layr:", 5) == 0)
        layr_guard_hide(operand);
    return rc == 0 ? LAYR_OPT_GO_ON : layr_say_failed(rc, &d);
}

const layr_host_t *layr_tool_host(const layr_tool_t *t, const uint8_t id[32])
{
    const layr_hosts_t *h = &t->s.hosts;

    for (size_t i = 0; i < h->count; i++)
        if (memcmp(h->host[i].id, id, 32) == 0)
            return &h->host[i];
    return NULL;
}

int layr_tool_failed(const layr_tool_t *t, int code, const layr_diag_t *d)
{
    const char *word = t->s.journal != NULL ? layr_journal_error(t->s.journal) : "";

    if (d != NULL && d->text[0] != 0)
        return layr_say_failed(code, d);
    if (*word &&
        (code == LAYR_ERR_DB || code == LAYR_ERR_IO || code == LAYR_ERR_NOSPACE || code == LAYR_ERR_FORMAT)) {
        layr_say_error("%s", word);
        return LAYR_EXIT_FAILED;
    }
    return layr_say_failed(code, NULL);
}

void layr_tool_say_pending(uint64_t count)
{
    if (count > 0)
        layr_say_note(
            "%llu shard%s that %s no longer needed %s still at hosts that did not answer: the next layr-put "
            "or layr-rm tells them again, and without that they go when their time is up",
            (unsigned long long)count, count == 1 ? "" : "s", count == 1 ? "is" : "are",
            count == 1 ? "is" : "are");
}
