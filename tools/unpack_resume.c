/*
 * Going on with a folder that an earlier try began. Nothing in it is trusted: what the tree does not have is removed, links
 * all, so that there are none while files are written; files count when their hash is right, parts of large ones when their
 * segment's is.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clear.h"
#include "guard.h"
#include "say.h"
#include "unpack_internal.h"

#define PIECE (1u << 20)

/* --- what does not belong there --- */

typedef struct pruning {
    const layr_unpack_t *u;
    char path[LAYR_TREE_PATH_MAX + 1]; /* in the tree, of what is looked at */
} pruning_t;

static const layr_tree_entry_t *find(const pruning_t *p)
{
    size_t first, count;

    return layr_tree_find(p->u->tree, p->path, &first, &count) == LAYR_OK ? &p->u->tree->entry[first] : NULL;
}

/* One that can be gone on with; empty files are made anew. */
static bool fits(const layr_tree_entry_t *e, const struct stat *st)
{
    if (e->type == LAYR_TREE_FOLDER)
        return S_ISDIR(st->st_mode);
    return e->type == LAYR_TREE_FILE && e->size > 0 && S_ISREG(st->st_mode) && st->st_nlink == 1 &&
           st->st_uid == geteuid();
}

static int prune_folder(pruning_t *p, int fd, size_t len);

/* Modes may be the last ones already. */
/* NOLINTNEXTLINE(misc-no-recursion): no deeper than a tree */
static int prune_one(pruning_t *p, int dir, const char *name, size_t len)
{
    const layr_tree_entry_t *e = find(p);
    struct stat st;
    int fd;

    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return -1;
    if (e == NULL || !fits(e, &st))
        return layr_clear(dir, name);
    if (fchmodat(dir, name, S_ISDIR(st.st_mode) ? 0700 : 0600, 0) != 0)
        return -1;
    if (!S_ISDIR(st.st_mode))
        return 0;
    fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return fd < 0 ? -1 : prune_folder(p, fd, len);
}

/* A path longer than any in a tree is none of it. */
/* NOLINTNEXTLINE(misc-no-recursion): no deeper than a tree */
static int prune_entry(pruning_t *p, int dir, const char *name, size_t len)
{
    size_t step = strlen(name), slash = len > 0;

    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return 0;
    if (len + slash + step > LAYR_TREE_PATH_MAX)
        return layr_clear(dir, name);
    if (slash)
        p->path[len] = '/';
    memcpy(p->path + len + slash, name, step + 1);
    return prune_one(p, dir, name, len + slash + step);
}

/* fd is closed. len: of its path. */
/* NOLINTNEXTLINE(misc-no-recursion): no deeper than a tree */
static int prune_folder(pruning_t *p, int fd, size_t len)
{
    DIR *in = fdopendir(fd);
    struct dirent *e;
    int rc = 0, why = 0;

    if (in == NULL) {
        close(fd);
        return -1;
    }
    for (errno = 0; rc == 0 && (e = readdir(in)) != NULL; errno = rc == 0 ? 0 : errno)
        rc = prune_entry(p, dirfd(in), e->d_name, len);
    why = errno;
    closedir(in);
    errno = why;
    return why != 0 ? -1 : rc;
}

int layr_unpack_prune(const layr_unpack_t *u, layr_diag_t *d)
{
    pruning_t *p = calloc(1, sizeof *p);
    int fd = openat(u->root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc;

    if (p == NULL || fd < 0) {
        free(p);
        if (fd >= 0)
            close(fd);
        return layr_diag_set(d, LAYR_ERR_IO, "cannot read %s: %s", u->partial.path, strerror(errno));
    }
    p->u = u;
    snprintf(p->path, sizeof p->path, "%s", u->tree->entry[u->first].path);
    rc = prune_folder(p, fd, strlen(p->path));
    if (rc != 0)
        rc = layr_diag_set(d, LAYR_ERR_IO, "%s in %s, left by an earlier try, cannot be used: %s", p->path,
                           u->partial.path, strerror(errno));
    free(p);
    return rc;
}

/* --- whole files --- */

static int hash_file(const layr_unpack_t *u, int fd, uint64_t size, uint8_t *buf, uint8_t sha[32])
{
    int rc = LAYR_OK;

    for (uint64_t at = 0; at < size && rc == LAYR_OK; at += PIECE) {
        size_t len = size - at < PIECE ? (size_t)(size - at) : PIECE;

        if (atomic_load(&layr_guard_cancel))
            rc = LAYR_ERR_CANCELLED;
        else if (layr_partial_read(fd, buf, len, at) != len)
            rc = LAYR_ERR_IO;
        else
            rc = layr_hash_update(u->hash, buf, len);
    }
    return rc == LAYR_OK ? layr_hash_final(u->hash, sha) : rc;
}

/* LAYR_ERR_NOTFOUND: it is not there, or not right; what room it has is not needed again. */
static int verify_file(layr_unpack_t *u, const layr_tree_entry_t *e, uint8_t *buf)
{
    uint8_t sha[32];
    struct stat st;
    int fd = layr_unpack_file(u, e, O_RDONLY), rc = LAYR_ERR_NOTFOUND;

    if (fd < 0)
        return rc;
    if (fstat(fd, &st) != 0)
        st = (struct stat){0};
    if ((uint64_t)st.st_size == e->size) {
        rc = hash_file(u, fd, e->size, buf, sha);
        if (rc == LAYR_OK && (memcmp(sha, e->sha256, sizeof sha) != 0 || layr_unpack_settle(fd, e) != 0))
            rc = LAYR_ERR_NOTFOUND;
    }
    if (!(e->flags & LAYR_TREE_SPARSE)) {
        uint64_t has = rc == LAYR_OK ? e->size : (uint64_t)st.st_blocks * 512;

        u->need -= has < e->size ? has : e->size;
    }
    close(fd);
    return rc;
}

int layr_unpack_verify(layr_unpack_t *u, layr_diag_t *d)
{
    uint8_t *buf = malloc(PIECE);
    char done[LAYR_SIZE_TEXT];
    size_t left = 0;
    int rc = buf != NULL ? LAYR_OK : LAYR_ERR_NOMEM;

    for (size_t i = 0; i < u->files && rc == LAYR_OK; i++) {
        const layr_tree_entry_t *e = &u->tree->entry[u->order[i]];

        rc = verify_file(u, e, buf);
        if (rc == LAYR_OK) {
            u->found += e->size;
        } else if (rc == LAYR_ERR_NOTFOUND || rc == LAYR_ERR_IO) {
            layr_hash_free(u->hash);
            u->hash = NULL;
            u->order[left++] = u->order[i];
            rc = layr_hash_new(&u->hash);
        }
        layr_say_size(done, u->found);
        layr_say_progress(false, "looking through what is there: %s", done);
    }
    u->files = left;
    free(buf);
    if (rc == LAYR_ERR_CANCELLED)
        return layr_diag_set(d, rc, "stopped");
    return rc == LAYR_OK
               ? rc
               : layr_diag_set(d, rc, "what is there cannot be looked through: %s", layr_strerror(rc));
}

/* --- segments --- */

/* The first file that ends after `at`. */
static size_t file_at(const layr_unpack_t *u, uint64_t at)
{
    size_t from = 0, to = u->files;

    while (from < to) {
        size_t mid = from + (to - from) / 2;
        const layr_tree_entry_t *e = &u->tree->entry[u->order[mid]];

        if (e->offset + e->size > at)
            to = mid;
        else
            from = mid + 1;
    }
    return from;
}

/* Of a file with holes what was never written reads as zeros; of another it was not written. */
static bool read_part(const layr_unpack_t *u, const layr_tree_entry_t *e, uint64_t from, uint8_t *buf,
                      size_t len)
{
    int fd = layr_unpack_file(u, e, O_RDONLY);
    struct stat st;
    bool there = false;
    size_t got;

    if (fd < 0)
        return false;
    if (e->flags & LAYR_TREE_SPARSE)
        there = fstat(fd, &st) == 0 && from < (uint64_t)st.st_size;
    else
        there = lseek(fd, (off_t)from, SEEK_HOLE) >= (off_t)(from + len);
    got = there ? layr_partial_read(fd, buf, len, from) : 0;
    if (there && (e->flags & LAYR_TREE_SPARSE))
        memset(buf + got, 0, len - got);
    else
        there = got == len;
    close(fd);
    return there;
}

int layr_unpack_look(void *ctx, uint64_t at, uint8_t *buf, size_t len)
{
    const layr_unpack_t *u = ctx;

    if (!u->partial.found)
        return 0;
    for (size_t i = file_at(u, at), n; len > 0; i++, buf += n, at += n, len -= n) {
        const layr_tree_entry_t *e;

        if (i == u->files)
            return 0;
        e = &u->tree->entry[u->order[i]];
        if (e->offset > at) /* bytes of a file that is done, or is not wanted */
            return 0;
        n = e->offset + e->size - at < len ? (size_t)(e->offset + e->size - at) : len;
        if (!read_part(u, e, at - e->offset, buf, n))
            return 0;
    }
    return 1;
}

int layr_unpack_pass(void *ctx, const uint8_t *buf, size_t len, layr_diag_t *d)
{
    layr_unpack_t *u = ctx;
    int rc;

    u->there = true;
    rc = layr_unpack_bytes(ctx, buf, len, d);
    u->there = false;
    return rc;
}

static int keep_part(layr_unpack_t *u, const layr_tree_entry_t *e, uint64_t from, const uint8_t *buf,
                     size_t len, layr_diag_t *d)
{
    int fd = layr_unpack_file(u, e, O_WRONLY | O_CREAT), rc = LAYR_OK;

    if (fd < 0 || layr_partial_write(fd, buf, len, from) != 0)
        rc = layr_unpack_failed(u, e, d);
    else
        u->wrote += len;
    if (fd >= 0)
        close(fd);
    return rc;
}

int layr_unpack_keep(void *ctx, uint64_t at, const uint8_t *buf, size_t len, layr_diag_t *d)
{
    layr_unpack_t *u = ctx;
    uint64_t end = at + len;
    int rc = LAYR_OK;

    for (size_t i = file_at(u, at); i < u->files && rc == LAYR_OK; i++) {
        const layr_tree_entry_t *e = &u->tree->entry[u->order[i]];
        uint64_t from = e->offset > at ? e->offset : at,
                 to = e->offset + e->size < end ? e->offset + e->size : end;

        if (from >= to)
            break;
        rc = keep_part(u, e, from - e->offset, buf + (from - at), (size_t)(to - from), d);
    }
    return rc;
}
