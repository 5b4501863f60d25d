/* Before the first byte: where the folder will be, and all folders and empty files in it. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "guard.h"
#include "opt.h"
#include "output.h"
#include "show.h"
#include "unpack_internal.h"

/* --- words --- */

const char *layr_unpack_inner(const layr_unpack_t *u, const layr_tree_entry_t *e)
{
    const char *in = e->path + u->base;

    return *in == '/' ? in + 1 : in;
}

int layr_unpack_say(const layr_unpack_t *u, const layr_tree_entry_t *e, layr_diag_t *d, int code,
                    const char *words)
{
    char shown[LAYR_TREE_PATH_MAX + 1];

    layr_show_name(shown, sizeof shown, layr_unpack_inner(u, e));
    return layr_diag_set(d, code, "%s/%s %s", u->path, shown, words);
}

int layr_unpack_failed(const layr_unpack_t *u, const layr_tree_entry_t *e, layr_diag_t *d)
{
    int full = errno == ENOSPC || errno == EDQUOT || errno == EFBIG;
    char why[256];

    snprintf(why, sizeof why, "cannot be written: %s", strerror(errno));
    return layr_unpack_say(u, e, d, full ? LAYR_ERR_NOSPACE : LAYR_ERR_IO, why);
}

/* --- folders --- */

/* Step by step from the root, never through a link: there is none yet, and none is ever followed. */
static int walk(int root, char *path)
{
    int dir = fcntl(root, F_DUPFD_CLOEXEC, 0);

    for (char *step = path, *end; dir >= 0 && *step != 0; step = end) {
        int in;
        char was;

        end = step + strcspn(step, "/");
        was = *end;
        *end = 0;
        in = openat(dir, step, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        close(dir);
        dir = in;
        *end = was;
        end += was != 0;
    }
    return dir;
}

int layr_unpack_file(const layr_unpack_t *u, const layr_tree_entry_t *e, int flags)
{
    const char *in = layr_unpack_inner(u, e), *slash = strrchr(in, '/');
    char *path = strndup(in, slash != NULL ? (size_t)(slash - in) : 0);
    int dir = path != NULL ? walk(u->root, path) : -1, fd = -1;

    if (dir >= 0) {
        fd = openat(dir, slash != NULL ? slash + 1 : in, flags | O_NOFOLLOW | O_CLOEXEC, 0600);
        close(dir);
    }
    free(path);
    return fd;
}

int layr_unpack_parent(layr_unpack_t *u, const layr_tree_entry_t *e, const char **leaf)
{
    const char *in = layr_unpack_inner(u, e), *slash = strrchr(in, '/');
    char *path = strndup(in, slash != NULL ? (size_t)(slash - in) : 0);

    *leaf = slash != NULL ? slash + 1 : in;
    if (path == NULL)
        return -1;
    if (u->dir >= 0 && strcmp(path, u->dir_path) == 0) {
        free(path);
        return u->dir;
    }
    if (u->dir >= 0)
        close(u->dir);
    free(u->dir_path);
    u->dir_path = path;
    u->dir = walk(u->root, path);
    return u->dir;
}

static int make_empty(layr_unpack_t *u, const layr_tree_entry_t *e, int dir, const char *leaf, layr_diag_t *d)
{
    int fd = openat(dir, leaf, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600), rc = LAYR_OK;

    if (fd < 0 || layr_unpack_settle(fd, e) != 0)
        rc = layr_unpack_failed(u, e, d);
    if (fd >= 0)
        close(fd);
    return rc == LAYR_OK ? layr_unpack_check(u, e, d) : rc;
}

/* What is there of an earlier try is a folder: all else was removed. */
static int make_folder(const layr_unpack_t *u, int dir, const char *leaf)
{
    return mkdirat(dir, leaf, 0700) == 0 || (u->partial.found && errno == EEXIST) ? 0 : -1;
}

/* In the tree's order, so that each finds its folder. */
static int make_all(layr_unpack_t *u, layr_diag_t *d)
{
    int rc = LAYR_OK;

    for (size_t i = u->first + 1; i < u->first + u->count && rc == LAYR_OK; i++) {
        const layr_tree_entry_t *e = &u->tree->entry[i];
        const char *leaf;
        int dir;

        if (e->type == LAYR_TREE_LINK || e->size > 0)
            continue;
        dir = layr_unpack_parent(u, e, &leaf);
        if (dir < 0 || (e->type == LAYR_TREE_FOLDER && make_folder(u, dir, leaf) != 0))
            rc = layr_unpack_failed(u, e, d);
        else if (e->type == LAYR_TREE_FILE)
            rc = make_empty(u, e, dir, leaf, d);
    }
    return rc;
}

/* --- the place --- */

static void cut_slashes(char *path)
{
    size_t len = strlen(path);

    while (len > 1 && path[len - 1] == '/')
        path[--len] = 0;
}

static int check_target(const layr_unpack_t *u)
{
    char shown[PATH_MAX];
    struct stat st;

    if (lstat(u->path, &st) != 0)
        return LAYR_OPT_GO_ON;
    layr_show_name(shown, sizeof shown, u->path);
    if (!S_ISDIR(st.st_mode))
        layr_say_error("%s is there already and no folder: -o PATH writes elsewhere", shown);
    else if (!u->force)
        layr_say_error("%s is there already: -f replaces it and all that is in it, -o PATH writes elsewhere",
                       shown);
    else
        return LAYR_OPT_GO_ON;
    return LAYR_EXIT_FAILED;
}

static int check_room(const layr_unpack_t *u)
{
    const char *folder = u->partial.folder;
    char need[LAYR_SIZE_TEXT], there[LAYR_SIZE_TEXT];
    struct statvfs v;

    if (statvfs(folder, &v) != 0 || (uint64_t)v.f_bavail * v.f_frsize >= u->need)
        return LAYR_OPT_GO_ON;
    layr_say_size(need, u->need);
    layr_say_size(there, (uint64_t)v.f_bavail * v.f_frsize);
    layr_say_error("no room for %s in %s: %s are needed, and %s are free", u->path, folder, need, there);
    return LAYR_EXIT_FAILED;
}

static int make_root(layr_unpack_t *u, const layr_partial_key_t *key)
{
    int rc = layr_partial_open(&u->partial, u->path, true, key);

    u->root = u->partial.fd;
    if (rc == LAYR_OPT_GO_ON && key->resume) {
        u->sink.look = layr_unpack_look;
        u->sink.pass = layr_unpack_pass;
        u->sink.keep = layr_unpack_keep;
    }
    return rc;
}

/* Folders and empty files; and what is to be got, when what an earlier try left is looked through. */
static int fill_root(layr_unpack_t *u, layr_diag_t *d)
{
    int rc = u->partial.found ? layr_unpack_prune(u, d) : LAYR_OK;

    if (rc == LAYR_OK)
        rc = make_all(u, d);
    if (rc == LAYR_OK && u->partial.found)
        rc = layr_unpack_verify(u, d);
    return rc;
}

static int list_files(layr_unpack_t *u)
{
    int rc = layr_tree_by_offset(u->tree, u->first, u->count, &u->order, &u->files);

    if (rc == LAYR_OK)
        rc = layr_hash_new(&u->hash);
    if (rc != LAYR_OK)
        return layr_say_failed(rc, NULL);
    for (size_t i = 0; i < u->files; i++) {
        const layr_tree_entry_t *e = &u->tree->entry[u->order[i]];

        u->bytes += e->size;
        u->need += e->flags & LAYR_TREE_SPARSE ? 0 : e->size; /* holes need no room */
    }
    return LAYR_OPT_GO_ON;
}

int layr_unpack_open(layr_unpack_t *u, const layr_tree_t *tree, size_t first, size_t count, const char *path,
                     const char *name, bool trusted, bool force, const layr_partial_key_t *key)
{
    layr_diag_t d = {0};
    int rc;

    *u = (layr_unpack_t){.tree = tree, .first = first, .count = count, .force = force};
    u->root = u->dir = u->fd = u->partial.fd = -1;
    u->base = strlen(tree->entry[first].path);
    u->sink = (layr_sink_t){.write = layr_unpack_bytes, .ctx = u};
    rc = layr_output_path(&u->path, path, name, trusted, "folder");
    if (rc == LAYR_OPT_GO_ON)
        cut_slashes(u->path);
    if (rc == LAYR_OPT_GO_ON)
        rc = check_target(u);
    if (rc == LAYR_OPT_GO_ON)
        rc = list_files(u);
    if (rc == LAYR_OPT_GO_ON)
        rc = make_root(u, key);
    if (rc != LAYR_OPT_GO_ON)
        return rc;
    rc = fill_root(u, &d);
    return rc == LAYR_OK ? check_room(u) : layr_say_failed(rc, &d);
}
