/* The store's folder: whose it is, how it begins, and what lies about in tmp/. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "db/host_internal.h"

#define SENTINEL_LEN 65 /* 64 hex digits and a newline */

static int join(char out[LAYR_HOST_PATH_MAX], const char *path, const char *name)
{
    int n = snprintf(out, LAYR_HOST_PATH_MAX, "%s/%s", path, name);

    return n > 0 && n < LAYR_HOST_PATH_MAX ? 0 : LAYR_ERR_LIMIT;
}

int layr_host_sync_dir(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc, saved;

    if (fd < 0)
        return LAYR_ERR_IO;
    rc = fsync(fd);
    saved = errno;
    close(fd);
    errno = saved;
    return rc == 0 ? 0 : LAYR_ERR_IO;
}

/* LAYR_ERR_NOTFOUND: no sentinel. LAYR_ERR_CONFLICT: another host's, or no host id at all. */
int layr_host_sentinel(const char *path, const uint8_t host[32], struct stat *st)
{
    char file[LAYR_HOST_PATH_MAX], got[SENTINEL_LEN + 1], want[SENTINEL_LEN];
    ssize_t n = -1;
    int fd;

    if (join(file, path, "host.id") != 0)
        return LAYR_ERR_LIMIT;
    fd = open(file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT || errno == ENOTDIR ? LAYR_ERR_NOTFOUND : LAYR_ERR_IO;
    if (fstat(fd, st) == 0)
        n = read(fd, got, sizeof got);
    close(fd);
    if (n < 0)
        return LAYR_ERR_IO;
    layr_hex(want, host, 32);
    if (n != SENTINEL_LEN || got[64] != '\n' || memcmp(got, want, 64) != 0)
        return LAYR_ERR_CONFLICT;
    return 0;
}

static bool is_empty_dir(int at, const char *name)
{
    int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    struct dirent *e;
    bool empty = dir != NULL;

    if (dir == NULL) {
        if (fd >= 0)
            close(fd);
        return false;
    }
    while (empty && (e = readdir(dir)) != NULL)
        empty = strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0;
    closedir(dir);
    return empty;
}

/* What a fresh file system has, and what a creation leaves that was cut off before its sentinel. */
static bool is_nothing(int at, const char *name)
{
    struct stat st;

    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || strcmp(name, "lost+found") == 0 ||
        strcmp(name, "host.id.new") == 0)
        return true;
    if (strcmp(name, "shards") == 0 || strcmp(name, "tmp") == 0)
        return is_empty_dir(at, name);
    return strcmp(name, "layr.db") == 0 && fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
           S_ISREG(st.st_mode) && st.st_size == 0;
}

/* 1, 0, LAYR_ERR_IO. */
static int is_empty(const char *path)
{
    DIR *dir = opendir(path);
    struct dirent *e;
    int empty = 1;

    if (dir == NULL)
        return errno == ENOENT ? 1 : LAYR_ERR_IO;
    while (empty && (e = readdir(dir)) != NULL)
        empty = is_nothing(dirfd(dir), e->d_name);
    closedir(dir);
    return empty;
}

int layr_host_store_probe(const char *path, const uint8_t host[32])
{
    struct stat st;
    int rc = layr_host_sentinel(path, host, &st);

    if (rc != LAYR_ERR_NOTFOUND)
        return rc;
    rc = is_empty(path);
    if (rc < 0)
        return rc;
    return rc ? LAYR_ERR_NOTFOUND : LAYR_ERR_UNAVAILABLE;
}

static int make_dir(const char *path, uid_t owner, gid_t group, layr_diag_t *d)
{
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return layr_diag_set(d, LAYR_ERR_IO, "cannot make the folder %s: %s", path, strerror(errno));
    if (chmod(path, 0700) != 0 || (owner != (uid_t)-1 && chown(path, owner, group) != 0))
        return layr_diag_set(d, LAYR_ERR_IO, "cannot set owner and mode of %s: %s", path, strerror(errno));
    return 0;
}

static int make_file(const char *path, const char *text, size_t len, uid_t owner, gid_t group, layr_diag_t *d)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600), rc = 0;

    if (fd < 0)
        return layr_diag_set(d, LAYR_ERR_IO, "cannot make %s: %s", path, strerror(errno));
    if (write(fd, text, len) != (ssize_t)len || (owner != (uid_t)-1 && fchown(fd, owner, group) != 0) ||
        fsync(fd) != 0)
        rc = layr_diag_set(d, LAYR_ERR_IO, "cannot write %s: %s", path, strerror(errno));
    close(fd);
    return rc;
}

static int make_sentinel(const char *path, const uint8_t host[32], uid_t owner, gid_t group, layr_diag_t *d)
{
    char temp[LAYR_HOST_PATH_MAX], file[LAYR_HOST_PATH_MAX], text[SENTINEL_LEN + 1];
    int rc = join(temp, path, "host.id.new");

    if (rc == 0)
        rc = join(file, path, "host.id");
    if (rc != 0)
        return layr_diag_set(d, rc, "%s: too long a path", path);
    layr_hex(text, host, 32);
    text[64] = '\n';
    rc = make_file(temp, text, SENTINEL_LEN, owner, group, d);
    if (rc != 0)
        return rc;
    if (rename(temp, file) != 0 || layr_host_sync_dir(path) != 0)
        return layr_diag_set(d, LAYR_ERR_IO, "cannot write %s: %s", file, strerror(errno));
    return 0;
}

/* The sentinel comes last: a store with one is whole. */
int layr_host_store_create(const char *path, const uint8_t host[32], uid_t owner, gid_t group, layr_diag_t *d)
{
    static const char *const folders[] = {"shards", "tmp"};
    char name[LAYR_HOST_PATH_MAX];
    int rc = make_dir(path, owner, group, d);

    for (size_t i = 0; rc == 0 && i < sizeof folders / sizeof *folders; i++) {
        rc = join(name, path, folders[i]);
        if (rc == 0)
            rc = make_dir(name, owner, group, d);
    }
    if (rc == 0)
        rc = join(name, path, "layr.db");
    if (rc == 0)
        rc = make_file(name, "", 0, owner, group, d);
    if (rc == LAYR_ERR_LIMIT)
        layr_diag_set(d, rc, "%s: too long a path", path);
    if (rc == 0)
        rc = make_sentinel(path, host, owner, group, d);
    return rc;
}

/* A failure to remove one is left for the next time: it costs room, nothing else. */
void layr_host_tmp_clean(const char *path, layr_time_t before)
{
    char name[LAYR_HOST_PATH_MAX];
    struct dirent *e;
    struct stat st;
    DIR *dir;

    if (join(name, path, "tmp") != 0 || (dir = opendir(name)) == NULL)
        return;
    while ((e = readdir(dir)) != NULL)
        if (fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
            st.st_mtime < before)
            (void)!unlinkat(dirfd(dir), e->d_name, 0);
    closedir(dir);
}
