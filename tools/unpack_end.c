/* After the last byte: links, then modes and times from the inside out, then the name. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clear.h"
#include "output.h"
#include "say.h"
#include "unpack_internal.h"

static int make_link(layr_unpack_t *u, const layr_tree_entry_t *e)
{
    struct timespec t[2] = {{.tv_nsec = UTIME_OMIT}, {(time_t)e->mtime, (long)e->mtime_ns}};
    const char *leaf;
    int dir = layr_unpack_parent(u, e, &leaf);

    return dir < 0 || symlinkat(e->target, dir, leaf) != 0 ||
                   utimensat(dir, leaf, t, AT_SYMLINK_NOFOLLOW) != 0
               ? -1
               : 0;
}

static int settle_folder(layr_unpack_t *u, const layr_tree_entry_t *e)
{
    const char *leaf;
    int dir = layr_unpack_parent(u, e, &leaf);
    int fd = dir < 0 ? -1 : openat(dir, leaf, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int rc = fd < 0 ? -1 : layr_unpack_settle(fd, e);

    if (fd >= 0)
        close(fd);
    return rc;
}

static int end_all(layr_unpack_t *u, layr_diag_t *d)
{
    const layr_tree_entry_t *e = u->tree->entry + u->first;

    for (size_t i = 1; i < u->count; i++)
        if (e[i].type == LAYR_TREE_LINK && make_link(u, &e[i]) != 0)
            return layr_unpack_failed(u, &e[i], d);
    for (size_t i = u->count; --i > 0;) /* what is in a folder before the folder, which may be closed then */
        if (e[i].type == LAYR_TREE_FOLDER && settle_folder(u, &e[i]) != 0)
            return layr_unpack_failed(u, &e[i], d);
    return syncfs(u->root) == 0 && layr_unpack_settle(u->root, e) == 0 && fsync(u->root) == 0
               ? LAYR_OK
               : layr_unpack_failed(u, e, d);
}

/*
 * With -f the old folder takes the temporary name, and is removed under it: locked, so that nobody takes it for what an
 * earlier try left. *old: its descriptor, -1 when none was replaced or it cannot be read.
 */
static int give_name(const layr_unpack_t *u, bool *replaced, int *old)
{
    const char *temp = u->partial.path;

    *replaced = false;
    *old = -1;
    if (renameat2(AT_FDCWD, temp, AT_FDCWD, u->path, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno == EINVAL || errno == ENOSYS) { /* rename itself replaces no folder but an empty one */
        struct stat st;

        if (lstat(u->path, &st) != 0 && errno == ENOENT)
            return rename(temp, u->path);
        errno = EEXIST;
    }
    if (errno != EEXIST || !u->force)
        return -1;
    *replaced = true;
    *old = open(u->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (*old >= 0)
        (void)flock(*old, LOCK_EX | LOCK_NB);
    return renameat2(AT_FDCWD, temp, AT_FDCWD, u->path, RENAME_EXCHANGE);
}

static int name_it(layr_unpack_t *u, layr_diag_t *d)
{
    bool replaced;
    int old, rc = LAYR_OK;

    if (give_name(u, &replaced, &old) != 0) {
        rc = errno == EEXIST
                 ? layr_diag_set(d, LAYR_ERR_EXISTS, "%s came into being meanwhile, and was left as it is",
                                 u->path)
                 : layr_diag_set(d, LAYR_ERR_IO, "cannot give %s its name: %s", u->path, strerror(errno));
        goto done;
    }
    layr_partial_named(&u->partial);
    if (layr_output_sync_folder(u->partial.folder) != 0)
        rc = layr_diag_set(d, LAYR_ERR_IO, "%s was written, but its folder could not be synced: %s", u->path,
                           strerror(errno));
    else if (replaced && layr_clear(AT_FDCWD, u->partial.path) != 0)
        layr_say_note("the folder that was replaced could not be removed wholly: the rest of it is %s",
                      u->partial.path);
done:
    if (old >= 0)
        close(old);
    return rc;
}

int layr_unpack_finish(layr_unpack_t *u, layr_diag_t *d)
{
    int rc;

    if (u->next != u->files)
        return layr_diag_set(d, LAYR_ERR_DATA, "the stream ended before the last file");
    rc = end_all(u, d);
    return rc == LAYR_OK ? name_it(u, d) : rc;
}

void layr_unpack_close(layr_unpack_t *u)
{
    int fd[] = {u->fd, u->dir};

    if (u->tree == NULL)
        return; /* was never opened */
    for (size_t i = 0; i < sizeof fd / sizeof fd[0]; i++)
        if (fd[i] >= 0)
            close(fd[i]);
    if (u->partial.fd >= 0) {
        u->partial.keep &= u->partial.found || u->wrote > 0;
        layr_partial_close(&u->partial);
    }
    layr_hash_free(u->hash);
    free(u->order);
    free(u->dir_path);
    free(u->path);
    *u = (layr_unpack_t){.root = -1, .dir = -1, .fd = -1, .partial.fd = -1};
}
