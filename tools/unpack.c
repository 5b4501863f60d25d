/* The bytes of a folder's files become files; folders, links, modes and times are unpack_end.c's and unpack_begin.c's. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "guard.h"
#include "layr/code.h"
#include "unpack_internal.h"

#define PIECE (256u << 10) /* as in output.c */
#define DIRTY (8u << 20)
#define GAP_MAX (4u << 20) /* bytes that are read for nothing between two files */
#define GAP_SHARE 8        /* and as one part in so many of those wanted */
#define HOLE 4096u         /* zeros of this length and place become a hole */

static const layr_tree_entry_t *at_hand(const layr_unpack_t *u)
{
    return &u->tree->entry[u->order[u->next]];
}

/* --- runs --- */

/*
 * What lies between two files is read, too, and dropped, where that is a chunk at most, or all such gaps of the run are little of
 * what is wanted of it: a run is waited for to its end before the next begins.  Not where an earlier try left files: they are
 * what lies between.
 */
static bool is_near(const layr_unpack_t *u, uint64_t gap, uint64_t gaps, uint64_t wanted)
{
    if (gap <= LAYR_CHUNK_PLAIN)
        return true;
    return !u->partial.found && gap <= GAP_MAX && gap + gaps <= wanted / GAP_SHARE;
}

bool layr_unpack_run(layr_unpack_t *u, uint64_t *from, uint64_t *to)
{
    const layr_tree_entry_t *e;
    uint64_t wanted, gaps = 0, gap;

    if (u->run == u->files)
        return false;
    e = &u->tree->entry[u->order[u->run]];
    u->at = *from = e->offset;
    *to = e->offset + e->size - 1;
    wanted = e->size;
    while (++u->run < u->files) {
        e = &u->tree->entry[u->order[u->run]];
        gap = e->offset - *to - 1;
        if (!is_near(u, gap, gaps, wanted))
            break;
        gaps += gap;
        wanted += e->size;
        *to = e->offset + e->size - 1;
    }
    return true;
}

/* --- one file --- */

static int begin_file(layr_unpack_t *u, layr_diag_t *d)
{
    const char *leaf;
    int dir = layr_unpack_parent(u, at_hand(u), &leaf);

    int flags = O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC | (u->partial.found ? 0 : O_EXCL);
    struct stat st = {0};

    u->fd = dir < 0 ? -1 : openat(dir, leaf, flags, 0600);
    u->done = u->begun = 0;
    if (u->fd < 0 || fstat(u->fd, &st) != 0)
        return layr_unpack_failed(u, at_hand(u), d);
    u->old = (uint64_t)st.st_size;
    return LAYR_OK;
}

int layr_unpack_settle(int fd, const layr_tree_entry_t *e)
{
    struct timespec t[2] = {{.tv_nsec = UTIME_OMIT}, {(time_t)e->mtime, (long)e->mtime_ns}};

    return fchmod(fd, e->mode & 0777) != 0 || futimens(fd, t) != 0 ? -1 : 0;
}

int layr_unpack_check(const layr_unpack_t *u, const layr_tree_entry_t *e, layr_diag_t *d)
{
    uint8_t sha[32];
    int rc = layr_hash_final(u->hash, sha);

    if (rc != LAYR_OK || memcmp(sha, e->sha256, sizeof sha) == 0)
        return rc;
    return layr_unpack_say(u, e, d, LAYR_ERR_DATA, "does not match its SHA-256: it was stored wrongly");
}

static int end_file(layr_unpack_t *u, layr_diag_t *d)
{
    const layr_tree_entry_t *e = at_hand(u);
    int rc = layr_unpack_check(u, e, d);

    if (rc == LAYR_OK && ((e->flags & LAYR_TREE_SPARSE) || u->old > e->size) &&
        ftruncate(u->fd, (off_t)e->size) != 0)
        rc = layr_unpack_failed(u, e, d);
    if (rc == LAYR_OK && layr_unpack_settle(u->fd, e) != 0)
        rc = layr_unpack_failed(u, e, d);
    if (close(u->fd) != 0 && rc == LAYR_OK)
        rc = layr_unpack_failed(u, e, d);
    u->fd = -1;
    u->next++;
    return rc;
}

static bool all_zero(const uint8_t *p, size_t len)
{
    return p[0] == 0 && memcmp(p, p + 1, len - 1) == 0;
}

/* Where an earlier try wrote something, zeros are written over it. */
static bool hole(const layr_unpack_t *u, const uint8_t *p, size_t len)
{
    return (at_hand(u)->flags & LAYR_TREE_SPARSE) && u->done >= u->old && all_zero(p, len);
}

/* How much of it in one go: of a file that had holes a block, which may be one. */
static size_t piece(const layr_unpack_t *u, size_t len)
{
    size_t most = at_hand(u)->flags & LAYR_TREE_SPARSE ? HOLE - u->done % HOLE : PIECE;

    return len < most ? len : most;
}

static void begin_to_sync(layr_unpack_t *u)
{
    if (u->done - u->begun < DIRTY)
        return;
    (void)sync_file_range(u->fd, (off_t)u->begun, (off_t)(u->done - u->begun), SYNC_FILE_RANGE_WRITE);
    u->begun = u->done;
}

static int write_file(layr_unpack_t *u, const uint8_t *buf, size_t len, layr_diag_t *d)
{
    int rc = layr_hash_update(u->hash, buf, len);

    while (len > 0 && rc == LAYR_OK) {
        size_t most = piece(u, len);
        ssize_t n = u->there || hole(u, buf, most) ? (ssize_t)most : pwrite(u->fd, buf, most, (off_t)u->done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return layr_unpack_failed(u, at_hand(u), d);
        buf += n;
        len -= (size_t)n;
        u->done += (uint64_t)n;
        u->wrote += (uint64_t)n;
        begin_to_sync(u);
    }
    return rc;
}

/* --- the stream --- */

/* As much of the bytes as belongs to one file, or to none; sets its length. */
static int put_some(layr_unpack_t *u, const uint8_t *buf, size_t len, size_t *n, layr_diag_t *d)
{
    const layr_tree_entry_t *e = at_hand(u);
    uint64_t left;
    int rc = LAYR_OK;

    if (u->at < e->offset) {
        *n = e->offset - u->at < len ? (size_t)(e->offset - u->at) : len;
        return LAYR_OK;
    }
    if (u->fd < 0)
        rc = begin_file(u, d);
    left = e->size - u->done;
    *n = left < len ? (size_t)left : len;
    if (rc == LAYR_OK)
        rc = write_file(u, buf, *n, d);
    return rc == LAYR_OK && u->done == e->size ? end_file(u, d) : rc;
}

int layr_unpack_bytes(void *ctx, const uint8_t *buf, size_t len, layr_diag_t *d)
{
    layr_unpack_t *u = ctx;
    int rc = LAYR_OK;

    while (len > 0 && u->next < u->files && rc == LAYR_OK) {
        size_t n = 0;

        if (!u->partial.keep && atomic_load(&layr_guard_cancel))
            return LAYR_ERR_CANCELLED;
        rc = put_some(u, buf, len, &n, d);
        buf += n;
        len -= n;
        u->at += n;
    }
    return rc;
}
