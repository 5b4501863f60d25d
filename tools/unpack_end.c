/* After the last byte: links, then modes and times from the inside out, then the name. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

/* With -f the old folder takes the temporary name, and is removed under it. */
static int give_name(const layr_unpack_t *u, bool *replaced)
{
    *replaced = false;
    if (renameat2(AT_FDCWD, u->temp, AT_FDCWD, u->path, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno == EINVAL || errno == ENOSYS) { /* rename itself replaces no folder but an empty one */
        struct stat st;

        if (lstat(u->path, &st) != 0 && errno == ENOENT)
            return rename(u->temp, u->path);
        errno = EEXIST;
    }
    if (errno != EEXIST || !u->force)
        return -1;
    *replaced = true;
    return renameat2(AT_FDCWD, u->temp, AT_FDCWD, u->path, RENAME_EXCHANGE);
}

int layr_unpack_finish(layr_unpack_t *u, layr_diag_t *d)
{
    bool replaced;
    int rc;

    if (u->next != u->files)
        return layr_diag_set(d, LAYR_ERR_DATA, "the stream ended before the last file");
    rc = end_all(u, d);
    if (rc != LAYR_OK)
        return rc;
    if (give_name(u, &replaced) != 0) {
        if (errno == EEXIST)
            return layr_diag_set(d, LAYR_ERR_EXISTS, "%s came into being meanwhile, and was left as it is",
                                 u->path);
        return layr_diag_set(d, LAYR_ERR_IO, "cannot give %s its name: %s", u->path, strerror(errno));
    }
    u->made = false;
    if (layr_output_sync_folder(u->folder) != 0)
        return layr_diag_set(d, LAYR_ERR_IO, "%s was written, but its folder could not be synced: %s",
                             u->path, strerror(errno));
    if (replaced && layr_clear(AT_FDCWD, u->temp) != 0)
        layr_say_note("the folder that was replaced could not be removed wholly: the rest of it is %s",
                      u->temp);
    return LAYR_OK;
}

void layr_unpack_close(layr_unpack_t *u)
{
    int fd[] = {u->fd, u->dir, u->root};

    if (u->tree == NULL)
        return; /* was never opened */
    for (size_t i = 0; i < sizeof fd / sizeof fd[0]; i++)
        if (fd[i] >= 0)
            close(fd[i]);
    if (u->made && layr_clear(AT_FDCWD, u->temp) != 0)
        layr_say_note("what was begun could not be removed wholly: the rest of it is %s", u->temp);
    layr_hash_free(u->hash);
    free(u->order);
    free(u->dir_path);
    free(u->path);
    free(u->temp);
    free(u->folder);
    *u = (layr_unpack_t){.root = -1, .dir = -1, .fd = -1};
}
