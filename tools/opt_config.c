/* The folders, the configuration file, and capabilities read from files. */
#include "opt_config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_MAX_BYTES 4096

int layr_opt_list_add(layr_opt_list_t *l, const char *text)
{
    char **more = realloc(l->item, (l->count + 2) * sizeof *more);
    char *copy = strdup(text);

    if (more != NULL)
        l->item = more;
    if (more == NULL || copy == NULL) {
        free(copy);
        return LAYR_ERR_NOMEM;
    }
    l->item[l->count++] = copy;
    l->item[l->count] = NULL;
    return LAYR_OK;
}

void layr_opt_list_free(layr_opt_list_t *l)
{
    for (size_t i = 0; i < l->count; i++)
        free(l->item[i]);
    free(l->item);
    memset(l, 0, sizeof *l);
}

char *layr_opt_path(const char *dir, const char *name)
{
    size_t len = strlen(dir) + strlen(name) + 2;
    char *path = malloc(len);

    if (path != NULL)
        snprintf(path, len, "%s%s%s", dir, *dir && dir[strlen(dir) - 1] == '/' ? "" : "/", name);
    return path;
}

/* An XDG folder: the variable when it is an absolute path (the standard says to ignore others), else below
 * HOME. */
static int xdg(char **out, const char *variable, const char *below_home, layr_diag_t *d)
{
    const char *base = getenv(variable), *home = getenv("HOME");
    char *mid = NULL;

    if (base != NULL && base[0] == '/') {
        *out = layr_opt_path(base, "layr");
    } else {
        if (home == NULL || home[0] != '/')
            return layr_diag_set(d, LAYR_ERR_ARG,
                                 "HOME is not set: say with --home DIR where keys and state are");
        mid = layr_opt_path(home, below_home);
        *out = mid ? layr_opt_path(mid, "layr") : NULL;
    }
    free(mid);
    return *out != NULL ? LAYR_OK : LAYR_ERR_NOMEM;
}

static int find_folders(layr_opt_t *o, layr_diag_t *d)
{
    const char *one = o->home != NULL ? o->home : getenv("LAYR_HOME");
    int rc;

    if (one != NULL && *one) {
        o->config_dir = strdup(one);
        o->state_dir = strdup(one);
        return o->config_dir != NULL && o->state_dir != NULL ? LAYR_OK : LAYR_ERR_NOMEM;
    }
    rc = xdg(&o->config_dir, "XDG_CONFIG_HOME", ".config", d);
    return rc == LAYR_OK ? xdg(&o->state_dir, "XDG_STATE_HOME", ".local/state", d) : rc;
}

/* The line's two words; 0 when it is empty or a comment, -1 when it is not two words. A comment starts at the
 * line's start or after white space. */
static int split(char *line, char **key, char **value)
{
    char *save = NULL;

    line[strcspn(line, "\n")] = 0;
    *key = strtok_r(line, " \t\r", &save);
    if (*key == NULL || **key == '#')
        return 0;
    *value = strtok_r(NULL, " \t\r", &save);
    if (*value == NULL || **value == '#')
        return -1;
    char *rest = strtok_r(NULL, " \t\r", &save);
    return rest == NULL || *rest == '#' ? 1 : -1;
}

static const char *const keep_lines[LAYR_KEEP_LINES] = {"keep-renew", "keep-threshold", "keep-grace",
                                                        "keep-max-price"};

/* Where the line's value goes: the later of two lines counts. NULL: it is none of these. */
static char **value_of(layr_opt_t *o, const char *key)
{
    if (!strcmp(key, "cacert"))
        return &o->config_cacert;
    for (unsigned i = 0; i < LAYR_KEEP_LINES; i++)
        if (!strcmp(key, keep_lines[i]))
            return &o->keep[i];
    return NULL;
}

static int take_line(layr_opt_t *o, char *line, bool want_network, bool *known)
{
    char *key = NULL, *value = NULL, **into;
    int n = split(line, &key, &value);

    *known = n >= 0;
    if (n != 1)
        return LAYR_OK;
    if (!strcmp(key, "host"))
        return want_network ? layr_opt_list_add(&o->hosts, value) : LAYR_OK;
    if (!strcmp(key, "seed"))
        return want_network ? layr_opt_list_add(&o->seeds, value) : LAYR_OK;
    into = value_of(o, key);
    *known = into != NULL;
    if (into == NULL)
        return LAYR_OK;
    free(*into);
    *into = strdup(value);
    return *into != NULL ? LAYR_OK : LAYR_ERR_NOMEM;
}

static int read_config(layr_opt_t *o, FILE *f, const char *path, layr_diag_t *d)
{
    bool want_network = !layr_opt_has_network(o), known = true;
    char line[LINE_MAX_BYTES];
    int rc = LAYR_OK;

    for (unsigned number = 1; rc == LAYR_OK && fgets(line, sizeof line, f) != NULL; number++) {
        if (strlen(line) == sizeof line - 1)
            return layr_diag_set(d, LAYR_ERR_ARG, "%s: line %u is too long", path, number);
        rc = take_line(o, line, want_network, &known);
        if (rc == LAYR_OK && !known)
            rc = layr_diag_set(
                d, LAYR_ERR_ARG,
                "%s: line %u is none of 'seed URL', 'host URL', 'cacert FILE', and none of layr-keep's", path,
                number);
    }
    if (rc == LAYR_OK && o->hosts.count > 0 && o->seeds.count > 0)
        rc = layr_diag_set(
            d, LAYR_ERR_ARG,
            "%s has `seed` and `host` lines, and they do not go together: `host` names exactly the hosts "
            "to use, `seed` those that the others are found by",
            path);
    if (rc == LAYR_OK && ferror(f))
        rc = layr_diag_set(d, LAYR_ERR_IO, "%s: %s", path, strerror(errno));
    return rc;
}

int layr_opt_config(layr_opt_t *o, layr_diag_t *d)
{
    char *path = NULL;
    FILE *f = NULL;
    int rc = LAYR_OK;

    if (!(o->spec->shared & LAYR_OPT_HOME))
        return LAYR_OK;
    rc = find_folders(o, d);
    if (rc != LAYR_OK || !(o->spec->shared & (LAYR_OPT_HOSTS | LAYR_OPT_SEEDS)))
        return rc;
    path = layr_opt_path(o->config_dir, "layr.conf");
    if (path == NULL)
        return LAYR_ERR_NOMEM;
    f = fopen(path, "re");
    if (f != NULL)
        rc = read_config(o, f, path, d);
    else if (errno != ENOENT && errno != ENOTDIR)
        rc = layr_diag_set(d, LAYR_ERR_IO, "%s: %s", path, strerror(errno));
    if (o->cacert == NULL)
        o->cacert = o->config_cacert;
    if (f != NULL)
        fclose(f);
    free(path);
    return rc;
}

bool layr_opt_is_cap(const char *arg)
{
    return !strncmp(arg, "layr:", 5) || arg[0] == '@' || !strcmp(arg, "-");
}

/* The first line of a file or stdin, without the white space around it. Not buffered: a copy in stdio's
 * buffer would stay. */
static int read_line(char *line, size_t cap, const char *arg, layr_diag_t *d)
{
    const char *name = arg[0] == '@' ? arg + 1 : "standard input";
    FILE *f = arg[0] == '@' ? fopen(name, "re") : stdin;
    char *got = NULL;
    int rc = LAYR_OK;

    if (*name == 0)
        return layr_diag_set(d, LAYR_ERR_ARG, "@ needs the name of a file that holds the capability: @FILE");
    if (f == NULL)
        return layr_diag_set(d, LAYR_ERR_IO, "cannot read the capability from %s: %s", name, strerror(errno));
    setvbuf(f, NULL, _IONBF, 0);
    got = fgets(line, (int)cap, f);
    if (got == NULL)
        rc = layr_diag_set(d, LAYR_ERR_IO,
                           ferror(f) ? "cannot read the capability from %s"
                                     : "%s is empty: a capability was expected in it",
                           name);
    if (f != stdin)
        fclose(f);
    return rc;
}

int layr_opt_cap(layr_file_keys_t *out, const char *arg, layr_diag_t *d)
{
    char line[LAYR_CAP_MAX + 64];
    const char *text = arg;
    size_t len;
    int rc = LAYR_OK;

    memset(line, 0, sizeof line);
    if (arg[0] == '@' || !strcmp(arg, "-")) {
        rc = read_line(line, sizeof line, arg, d);
        text = line;
    }
    if (rc != LAYR_OK)
        goto done;
    text += strspn(text, " \t");
    len = strcspn(text, " \t\r\n");
    if (text[len + strspn(text + len, " \t\r\n")] != 0 || layr_cap_parse(out, text, len) != LAYR_OK)
        rc = layr_diag_set(
            d, LAYR_ERR_CAP,
            "this is not a capability: one starts with layr:r:, layr:w: or layr:v: and is given whole");
done:
    layr_wipe(line, sizeof line);
    return rc;
}
