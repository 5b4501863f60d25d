/* Blobs as files: shards/ab/cd/<id>. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fault.h"
#include "db/host_internal.h"

/* depth 0: shards; 1: shards/ab; 2: shards/ab/cd; 3: the file. */
static int path_of(char *out, size_t cap, const char *store, const uint8_t id[32], int depth)
{
    char hex[65];
    int n;

    layr_hex(hex, id, 32);
    if (depth == 0)
        n = snprintf(out, cap, "%s/shards", store);
    else if (depth == 1)
        n = snprintf(out, cap, "%s/shards/%.2s", store, hex);
    else if (depth == 2)
        n = snprintf(out, cap, "%s/shards/%.2s/%.2s", store, hex, hex + 2);
    else
        n = snprintf(out, cap, "%s/shards/%.2s/%.2s/%s", store, hex, hex + 2, hex);
    return n > 0 && (size_t)n < cap ? 0 : LAYR_ERR_LIMIT;
}

int layr_host_blob_path(char *out, size_t cap, const char *store, const uint8_t id[32])
{
    return path_of(out, cap, store, id, 3);
}

bool layr_host_blob_here(const layr_hostdb_t *db, const uint8_t id[32], uint64_t size)
{
    char path[LAYR_HOST_PATH_MAX];
    struct stat st;

    return path_of(path, sizeof path, db->path, id, 3) == 0 && lstat(path, &st) == 0 && S_ISREG(st.st_mode) &&
           (uint64_t)st.st_size == size;
}

static int sync_at(const layr_hostdb_t *db, const uint8_t id[32], int depth)
{
    char path[LAYR_HOST_PATH_MAX];
    int rc = path_of(path, sizeof path, db->path, id, depth);

    return rc == 0 ? layr_host_sync_dir(path) : rc;
}

static int make_at(const layr_hostdb_t *db, const uint8_t id[32], int depth)
{
    char path[LAYR_HOST_PATH_MAX];
    int rc = path_of(path, sizeof path, db->path, id, depth);

    if (rc != 0)
        return rc;
    return mkdir(path, 0700) == 0 || errno == EEXIST ? 0 : LAYR_ERR_IO;
}

/*
 * The folder must itself survive a power cut before a blob in it may be called durable.  That another thread
 * has made it is not enough, its sync may be under way: so each process syncs each folder's name once.
 */
static int folder(layr_hostdb_t *db, const uint8_t id[32])
{
    atomic_uchar *durable = &db->durable[id[0] << 8 | id[1]];
    int rc;

    if (atomic_load(durable))
        return 0;
    rc = LAYR_FAULT("host.mkdir") ? LAYR_ERR_IO : make_at(db, id, 1);
    if (rc == 0)
        rc = make_at(db, id, 2);
    if (rc == 0)
        rc = LAYR_FAULT("host.mkdir-sync") ? LAYR_ERR_IO : sync_at(db, id, 0);
    if (rc == 0)
        rc = sync_at(db, id, 1);
    if (rc == 0)
        atomic_store(durable, 1);
    return rc;
}

int layr_host_blob_place(layr_hostdb_t *db, const uint8_t id[32], int fd, const char *temp, layr_diag_t *d)
{
    char path[LAYR_HOST_PATH_MAX];
    int rc = path_of(path, sizeof path, db->path, id, 3);

    if (rc != 0)
        return layr_diag_set(d, rc, "%s: too long a path", db->path);
    if (LAYR_FAULT("host.fdatasync") || fdatasync(fd) != 0)
        rc = LAYR_ERR_IO;
    if (rc == 0)
        rc = folder(db, id);
    if (rc == 0 && (LAYR_FAULT("host.rename") || rename(temp, path) != 0))
        rc = LAYR_ERR_IO;
    if (rc == 0)
        rc = LAYR_FAULT("host.sync") ? LAYR_ERR_IO : sync_at(db, id, 2);
    if (rc != 0) {
        if (errno == ENOSPC || errno == EDQUOT)
            rc = LAYR_ERR_NOSPACE;
        layr_diag_set(d, rc, "cannot move %s to %s: %s", temp, path, strerror(errno));
    }
    return rc;
}

int layr_host_blob_unlink(const layr_hostdb_t *db, const uint8_t id[32])
{
    char path[LAYR_HOST_PATH_MAX];
    int rc = path_of(path, sizeof path, db->path, id, 3);

    if (rc != 0)
        return rc;
    if (LAYR_FAULT("host.unlink"))
        return LAYR_ERR_IO;
    return unlink(path) == 0 || errno == ENOENT ? 0 : LAYR_ERR_IO;
}

int layr_host_blob_sync(const layr_hostdb_t *db, const uint8_t id[32])
{
    int rc = LAYR_FAULT("host.unlink-sync") ? LAYR_ERR_IO : sync_at(db, id, 2);

    return rc == LAYR_ERR_IO && errno == ENOENT ? 0 : rc;
}
