/* Looking at a folder: what is in it, before a byte is sent. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "guard.h"
#include "opt.h"
#include "pack_internal.h"
#include "show.h"

#define NAMED 20 /* special and unreadable files that are named one by one */

static int scan_folder(layr_pack_t *p, int fd, const char *path, size_t depth);

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* A folder's names in the order of bytes: walked so, the tree comes out in its own order. */
static int read_names(int fd, char ***out, size_t *count)
{
    DIR *dir = fdopendir(fd);
    char **name = NULL;
    size_t n = 0, cap = 0;
    struct dirent *e;

    if (dir == NULL) {
        close(fd);
        return LAYR_ERR_IO;
    }
    for (errno = 0; (e = readdir(dir)) != NULL; errno = 0) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        if (n == cap) {
            char **more = realloc(name, (cap = 2 * cap + 16) * sizeof *name);

            if (more == NULL)
                break;
            name = more;
        }
        if ((name[n] = strdup(e->d_name)) == NULL)
            break;
        n++;
    }
    *out = name;
    *count = n;
    if (e == NULL && errno == 0 && n > 0)
        qsort(name, n, sizeof *name, compare);
    n = e != NULL ? ENOMEM : (size_t)errno;
    closedir(dir);
    errno = (int)n;
    return errno == 0 ? LAYR_OK : LAYR_ERR_IO;
}

/* The path in the folder, and the words about it. */
static void say(layr_pack_t *p, bool failure, const char *path, const char *words)
{
    char shown[PATH_MAX + 256], both[2 * PATH_MAX];

    if (++p->said > NAMED)
        return;
    snprintf(both, sizeof both, "%.*s%s%s", PATH_MAX, p->path,
             *p->path && p->path[strlen(p->path) - 1] == '/' ? "" : "/", path);
    layr_show_name(shown, sizeof shown, both);
    if (failure)
        layr_say_error("cannot read %s: %s", shown, words);
    else
        layr_say_note("%s is %s: left out", shown, words);
}

static int unreadable(layr_pack_t *p, const char *path, int err)
{
    p->unreadable++;
    say(p, true, path, strerror(err));
    return LAYR_OPT_GO_ON;
}

static int left_out(layr_pack_t *p, const char *path, mode_t mode)
{
    p->count.left_out++;
    say(p, false, path, S_ISFIFO(mode) ? "a named pipe" : S_ISSOCK(mode) ? "a socket" : "a device");
    return LAYR_OPT_GO_ON;
}

static int add(layr_pack_t *p, const layr_tree_entry_t *e, const struct stat *st)
{
    int rc = layr_tree_add(&p->tree, e);

    if (rc == LAYR_ERR_LIMIT) {
        layr_say_error("%s has more than %u entries: store its parts one by one", p->path,
                       LAYR_TREE_ENTRIES_MAX);
        return LAYR_EXIT_FAILED;
    }
    if (rc == LAYR_OK && p->tree.count > p->seen_cap) {
        struct stat *more = realloc(p->seen, (p->seen_cap = 2 * p->seen_cap + 64) * sizeof *more);

        if (more == NULL)
            return layr_say_failed(LAYR_ERR_NOMEM, NULL);
        p->seen = more;
    }
    if (rc != LAYR_OK)
        return layr_say_failed(rc, NULL);
    p->seen[p->tree.count - 1] = *st;
    return LAYR_OPT_GO_ON;
}

static layr_tree_entry_t entry_of(const char *path, const struct stat *st)
{
    return (layr_tree_entry_t){.path = path,
                               .mode = (uint16_t)(st->st_mode & 07777),
                               .mtime = st->st_mtim.tv_sec,
                               .mtime_ns = (uint32_t)st->st_mtim.tv_nsec};
}

static int scan_link(layr_pack_t *p, int fd, const char *name, const char *path, const struct stat *st)
{
    layr_tree_entry_t e = entry_of(path, st);
    char target[LAYR_TREE_PATH_MAX + 2];
    ssize_t n = readlinkat(fd, name, target, sizeof target - 1);

    if (n <= 0 || n > LAYR_TREE_PATH_MAX)
        return unreadable(p, path, n < 0 ? errno : ENAMETOOLONG);
    target[n] = 0;
    e.type = LAYR_TREE_LINK;
    e.mode = 0;
    e.target = target;
    p->count.links++;
    return add(p, &e, st);
}

static int scan_file(layr_pack_t *p, int fd, const char *name, const char *path, const struct stat *st)
{
    layr_tree_entry_t e = entry_of(path, st);

    if (st->st_size > 0 && faccessat(fd, name, R_OK, AT_EACCESS) != 0)
        return unreadable(p, path, errno);
    e.type = LAYR_TREE_FILE;
    e.size = (uint64_t)st->st_size;
    if (st->st_blocks * 512 < st->st_size)
        e.flags = LAYR_TREE_SPARSE;
    p->count.files++;
    if (st->st_nlink > 1)
        p->count.hard++;
    return add(p, &e, st);
}

static int scan_entry(layr_pack_t *p, int fd, const char *name, const char *path, size_t depth)
{
    layr_tree_entry_t e;
    struct stat st;
    int sub, rc;

    if (atomic_load(&layr_guard_cancel))
        return layr_say_failed(LAYR_ERR_CANCELLED, NULL);
    if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return unreadable(p, path, errno);
    if (S_ISLNK(st.st_mode))
        return scan_link(p, fd, name, path, &st);
    if (S_ISREG(st.st_mode))
        return scan_file(p, fd, name, path, &st);
    if (!S_ISDIR(st.st_mode))
        return left_out(p, path, st.st_mode);
    sub = openat(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (sub < 0)
        return unreadable(p, path, errno);
    e = entry_of(path, &st);
    p->count.folders++;
    rc = add(p, &e, &st);
    if (rc == LAYR_OPT_GO_ON)
        rc = scan_folder(p, sub, path, depth);
    close(sub);
    return rc;
}

static int scan_names(layr_pack_t *p, int fd, const char *path, size_t depth, char **name, size_t count)
{
    int rc = LAYR_OPT_GO_ON;

    for (size_t i = 0; i < count && rc == LAYR_OPT_GO_ON; i++) {
        char *in = *path ? layr_opt_path(path, name[i]) : strdup(name[i]);

        if (in == NULL)
            rc = layr_say_failed(LAYR_ERR_NOMEM, NULL);
        else if (strlen(in) > LAYR_TREE_PATH_MAX || depth >= LAYR_TREE_DEPTH_MAX)
            rc = unreadable(p, in, ENAMETOOLONG);
        else
            rc = scan_entry(p, fd, name[i], in, depth + 1);
        free(in);
    }
    return rc;
}

/* depth: steps of its path. */
static int scan_folder(layr_pack_t *p, int fd, const char *path, size_t depth)
{
    int own = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC); /* closed by read_names */
    char **name = NULL;
    size_t count = 0;
    int rc =
        own < 0 || read_names(own, &name, &count) != LAYR_OK ? unreadable(p, path, errno) : LAYR_OPT_GO_ON;

    if (rc == LAYR_OPT_GO_ON)
        rc = scan_names(p, fd, path, depth, name, count);
    for (size_t i = 0; i < count; i++)
        free(name[i]);
    free(name);
    return rc;
}

int layr_pack_scan(layr_pack_t *p)
{
    struct stat st;
    layr_tree_entry_t e;
    int rc;

    if (fstat(p->root, &st) != 0) {
        layr_say_error("cannot read %s: %s", p->path, strerror(errno));
        return LAYR_EXIT_FAILED;
    }
    e = entry_of("", &st);
    rc = add(p, &e, &st);
    if (rc == LAYR_OPT_GO_ON)
        rc = scan_folder(p, p->root, "", 0);
    if (rc == LAYR_OPT_GO_ON && p->said > NAMED)
        layr_say_note("... and %u more", p->said - NAMED);
    if (rc == LAYR_OPT_GO_ON && p->unreadable > 0) {
        layr_say_error("%u of what is in %s cannot be read: nothing was stored", p->unreadable, p->path);
        return LAYR_EXIT_FAILED;
    }
    return rc;
}
