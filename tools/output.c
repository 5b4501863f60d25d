/* The output file. */
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "guard.h"
#include "opt.h"
#include "show.h"

#define WAIT_MS 200
/*
 * To a file as much at a time: larger writes make the kernel look for large runs of free memory, which on a virtual machine may
 * have been given back to its host and are slow to come again (measured: 2.3 s of CPU time a GiB instead of 0.3).
 */
#define PIECE (256u << 10)
#define DIRTY                                                                                                \
    (8u << 20) /* after so many bytes the disk begins: the sync at the end has little left to wait for */

/* --- writing --- */

static int no_room(const layr_output_t *o, layr_diag_t *d)
{
    char need[LAYR_SIZE_TEXT], there[LAYR_SIZE_TEXT] = "less";
    struct statvfs v;

    layr_say_size(need, o->expect);
    if (errno == EFBIG)
        return layr_diag_set(
            d, LAYR_ERR_NOSPACE,
            "%s would be too large for its file system, or for the limit set with ulimit -f: "
            "%s are needed",
            o->path, need);
    if (statvfs(o->partial.folder, &v) == 0)
        layr_say_size(there, (uint64_t)v.f_bavail * v.f_frsize);
    return layr_diag_set(d, LAYR_ERR_NOSPACE, "no room for %s in %s: %s are needed, and %s are free", o->path,
                         o->partial.folder, need, there);
}

static int write_failed(layr_output_t *o, layr_diag_t *d)
{
    const char *name = o->to_stdout ? "standard output" : o->path;

    if (errno == EPIPE) {
        o->reader_gone = true;
        return LAYR_ERR_CANCELLED;
    }
    if (!o->to_stdout && (errno == ENOSPC || errno == EDQUOT || errno == EFBIG))
        return no_room(o, d);
    return layr_diag_set(d, errno == ENOSPC ? LAYR_ERR_NOSPACE : LAYR_ERR_IO, "cannot write to %s: %s", name,
                         strerror(errno));
}

static void begin_to_sync(layr_output_t *o, size_t n)
{
    o->written += n;
    if (o->to_stdout || o->written - o->begun < DIRTY)
        return;
    (void)sync_file_range(o->fd, (off_t)o->begun, (off_t)(o->written - o->begun), SYNC_FILE_RANGE_WRITE);
    o->begun = o->written;
}

/*
 * A pipe that is said to be writable takes PIPE_BUF bytes without waiting, and no more is given to it at a
 * time: so a signal never finds us waiting in write.
 */
static ssize_t write_some(layr_output_t *o, const uint8_t *buf, size_t len)
{
    struct pollfd p = {.fd = o->fd, .events = POLLOUT};
    size_t most = o->small_writes ? PIPE_BUF : PIECE;

    if (o->small_writes && poll(&p, 1, WAIT_MS) <= 0) {
        errno = EAGAIN;
        return -1;
    }
    if (len > most)
        len = most;
    return o->to_stdout ? write(o->fd, buf, len) : pwrite(o->fd, buf, len, (off_t)o->written);
}

/* What has come stays, where it is to be gone on with: it is written also after Ctrl-C. */
static int put_bytes(void *ctx, const uint8_t *buf, size_t len, layr_diag_t *d)
{
    layr_output_t *o = ctx;
    int rc = o->hash != NULL ? layr_hash_update(o->hash, buf, len) : LAYR_OK;

    if (rc != LAYR_OK)
        return rc;
    while (len > 0) {
        ssize_t n;

        if (!o->partial.keep && atomic_load(&layr_guard_cancel))
            return LAYR_ERR_CANCELLED;
        n = write_some(o, buf, len);
        if (n < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (n < 0)
            return write_failed(o, d);
        begin_to_sync(o, (size_t)n);
        buf += n;
        len -= (size_t)n;
    }
    return 0;
}

/* --- what an earlier try left, and what this one leaves --- */

/* A segment in which something was not written is none; a read moves no place that anybody goes by. */
static int look(void *ctx, uint64_t at, uint8_t *buf, size_t len)
{
    const layr_output_t *o = ctx;
    off_t from = (off_t)(at - o->base);

    return o->partial.found && lseek(o->fd, from, SEEK_HOLE) >= from + (off_t)len &&
           layr_partial_read(o->fd, buf, len, (uint64_t)from) == len;
}

static int pass(void *ctx, const uint8_t *buf, size_t len, layr_diag_t *d)
{
    layr_output_t *o = ctx;

    (void)d;
    o->written += len;
    return o->hash != NULL ? layr_hash_update(o->hash, buf, len) : LAYR_OK;
}

static int keep(void *ctx, uint64_t at, const uint8_t *buf, size_t len, layr_diag_t *d)
{
    layr_output_t *o = ctx;

    if (layr_partial_write(o->fd, buf, len, at - o->base) != 0)
        return write_failed(o, d);
    o->kept += len;
    return LAYR_OK;
}

/* --- names --- */

/* A stranger's name must not become .bashrc, or a line that a terminal obeys. */
static const char *name_trouble(const char *name, bool trusted)
{
    char shown[LAYR_NAME_MAX + 1];

    if (*name == 0)
        return "has no name";
    if (strchr(name, '/') != NULL || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return "has a name that is none for a file";
    if (trusted)
        return NULL;
    if (*name == '.')
        return "has the name of a hidden file";
    layr_show_name(shown, sizeof shown, name);
    return strcmp(shown, name) != 0 ? "has a name with control characters or bytes that are no UTF-8" : NULL;
}

static int own_name(char **out, const char *folder, const char *name, bool trusted, const char *what)
{
    const char *trouble = name_trouble(name, trusted);
    char shown[LAYR_NAME_MAX + 1];

    layr_show_name(shown, sizeof shown, name);
    if (trouble != NULL) {
        layr_say_error("the %s %s%s%s%s: say with -o PATH where it should go", what, trouble,
                       *name ? " ('" : "", shown, *name ? "')" : "");
        return LAYR_EXIT_USAGE;
    }
    *out = folder != NULL ? layr_opt_path(folder, name) : strdup(name);
    return *out != NULL ? LAYR_OPT_GO_ON : layr_say_failed(LAYR_ERR_NOMEM, NULL);
}

int layr_output_path(char **out, const char *path, const char *name, bool trusted, const char *what)
{
    struct stat st;

    if (path == NULL || (stat(path, &st) == 0 && S_ISDIR(st.st_mode)))
        return own_name(out, path, name, trusted, what);
    if (*path == 0)
        return layr_opt_usage("-o: the path is empty");
    *out = strdup(path);
    return *out != NULL ? LAYR_OPT_GO_ON : layr_say_failed(LAYR_ERR_NOMEM, NULL);
}

/* Known before the first byte is asked for; looked at again when the name is given. */
static int check_target(const layr_output_t *o)
{
    char shown[PATH_MAX];
    struct stat st;

    if (lstat(o->path, &st) != 0)
        return LAYR_OPT_GO_ON;
    layr_show_name(shown, sizeof shown, o->path);
    if (S_ISDIR(st.st_mode))
        layr_say_error("%s is a folder: say with -o PATH where the file should go", shown);
    else if (!S_ISREG(st.st_mode) && !S_ISLNK(st.st_mode))
        layr_say_error("%s is not a regular file: write to standard output with -o -", shown);
    else if (!o->force)
        layr_say_error("%s is there already: -f overwrites it, -o PATH writes elsewhere", shown);
    else
        return LAYR_OPT_GO_ON;
    return LAYR_EXIT_FAILED;
}

/* --- the temporary file, in the target's folder so that a rename is all that is left to do --- */

char *layr_output_folder(const char *path)
{
    const char *slash = strrchr(path, '/');

    if (slash == NULL)
        return strdup(".");
    return strndup(path, slash == path ? 1 : (size_t)(slash - path));
}

/* Asked for at once: better no download than one that ends for want of room. */
static int reserve(layr_output_t *o)
{
    layr_diag_t d = {0};

    if (o->expect == 0 || fallocate(o->fd, FALLOC_FL_KEEP_SIZE, 0, (off_t)o->expect) == 0)
        return LAYR_OPT_GO_ON;
    if (errno == ENOSPC || errno == EDQUOT || errno == EFBIG)
        return layr_say_failed(no_room(o, &d), &d);
    return LAYR_OPT_GO_ON; /* a file system that can't say beforehand */
}

static int open_temp(layr_output_t *o, const layr_partial_key_t *key)
{
    int rc = layr_partial_open(&o->partial, o->path, false, key);

    if (rc != LAYR_OPT_GO_ON)
        return rc;
    o->fd = o->partial.fd;
    if (key->resume) {
        o->sink.look = look;
        o->sink.pass = pass;
        o->sink.keep = keep;
    }
    return reserve(o);
}

int layr_output_open(layr_output_t *o, const char *path, const char *name, bool trusted, bool force,
                     uint64_t expect, const layr_partial_key_t *key)
{
    struct stat st;
    int rc;

    memset(o, 0, sizeof *o);
    o->fd = o->partial.fd = -1;
    o->force = force;
    o->expect = expect;
    o->sink = (layr_sink_t){.write = put_bytes, .ctx = o};
    if (path != NULL && strcmp(path, "-") == 0) {
        o->to_stdout = true;
        o->fd = STDOUT_FILENO;
        o->small_writes = fstat(o->fd, &st) == 0 && !S_ISREG(st.st_mode);
        return LAYR_OPT_GO_ON;
    }
    rc = layr_output_path(&o->path, path, name, trusted, "file");
    if (rc == LAYR_OPT_GO_ON)
        rc = check_target(o);
    return rc == LAYR_OPT_GO_ON ? open_temp(o, key) : rc;
}

/* --- the end --- */

/* Never over a file that came there meanwhile, unless -f. link for file systems that know no
 * RENAME_NOREPLACE. */
static int give_name(const layr_output_t *o)
{
    const char *temp = o->partial.path;

    if (o->force)
        return rename(temp, o->path);
    if (renameat2(AT_FDCWD, temp, AT_FDCWD, o->path, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return -1;
    if (link(temp, o->path) != 0)
        return -1;
    unlink(temp);
    return 0;
}

int layr_output_sync_folder(const char *folder)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = -1;

    if (fd >= 0) {
        rc = fsync(fd);
        close(fd);
    }
    return rc;
}

static int settle(layr_output_t *o, layr_time_t mtime)
{
    struct timespec t[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = (time_t)mtime}};
    mode_t mask = umask(0);

    umask(mask);
    if (o->as != NULL)
        t[1] = (struct timespec){(time_t)o->as->mtime, (long)o->as->mtime_ns};
    if (ftruncate(o->fd, (off_t)o->written) != 0) /* an earlier version may have been longer */
        return -1;
    if (fchmod(o->fd, o->as != NULL ? o->as->mode & 0777 : 0666 & ~mask) != 0)
        return -1;
    if ((mtime >= 0 || o->as != NULL) && futimens(o->fd, t) != 0)
        return -1;
    return fsync(o->fd);
}

int layr_output_finish(layr_output_t *o, layr_time_t mtime, layr_diag_t *d)
{
    if (o->to_stdout)
        return 0;
    if (settle(o, mtime) != 0)
        return errno == ENOSPC || errno == EDQUOT
                   ? no_room(o, d)
                   : layr_diag_set(d, LAYR_ERR_IO, "cannot write %s: %s", o->path, strerror(errno));
    if (give_name(o) != 0) {
        if (errno == EEXIST)
            return layr_diag_set(d, LAYR_ERR_EXISTS, "%s came into being meanwhile, and was left as it is",
                                 o->path);
        return layr_diag_set(d, LAYR_ERR_IO, "cannot give %s its name: %s", o->path, strerror(errno));
    }
    layr_partial_named(&o->partial);
    if (layr_output_sync_folder(o->partial.folder) != 0)
        return layr_diag_set(d, LAYR_ERR_IO, "%s was written, but its folder could not be synced: %s",
                             o->path, strerror(errno));
    return 0;
}

void layr_output_close(layr_output_t *o)
{
    struct stat st;

    if (!o->to_stdout && o->fd >= 0 && fstat(o->fd, &st) == 0 && st.st_size == 0)
        o->partial.keep = false;
    if (!o->to_stdout)
        layr_partial_close(&o->partial);
    free(o->path);
    memset(o, 0, sizeof *o);
    o->fd = -1;
}
