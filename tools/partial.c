/* Unfinished downloads: found, locked, begun, left or removed. */
#include "partial.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "clear.h"
#include "guard.h"
#include "layr/bytes.h"
#include "layr/crypto.h"
#include "opt.h"
#include "output.h"

#define PREFIX ".layr-get-"
#define KEY_LEN (sizeof PREFIX - 1 + 16)
#define NAME_LEN (KEY_LEN + 1 + 8)
#define PIECE (256u << 10) /* as in output.c */
#define TRIES 8            /* somebody else may end with it just now */

/* --- names --- */

static int name_of(char out[NAME_LEN + 1], const char *target, const layr_partial_key_t *key)
{
    static const char label[] = "layr-get-partial";
    const char *slash = strrchr(target, '/'), *name = slash != NULL ? slash + 1 : target;
    layr_span_t of[] = {{label, sizeof label},
                        {key->record_id, 32},
                        {key->part, strlen(key->part) + 1},
                        {name, strlen(name)}};
    uint8_t sha[32];
    char hex[17], version[9];
    int rc = layr_sha256(sha, of, sizeof of / sizeof of[0]);

    layr_hex(hex, sha, 8);
    layr_hex(version, key->version, 4);
    snprintf(out, NAME_LEN + 1, "%s%s-%s", PREFIX, hex, version);
    return rc;
}

static bool is_name(const char *name)
{
    return strncmp(name, PREFIX, sizeof PREFIX - 1) == 0 && strlen(name) == NAME_LEN &&
           strspn(name + sizeof PREFIX - 1, "0123456789abcdef") == 16 && name[KEY_LEN] == '-' &&
           strspn(name + KEY_LEN + 1, "0123456789abcdef") == 8;
}

/* --- one that is there --- */

/* Others may write into the folder it is in: it must be our own, and no second name of another file of ours. */
static bool is_ours(const struct stat *st)
{
    return st->st_uid == geteuid() && (S_ISDIR(st->st_mode) || (S_ISREG(st->st_mode) && st->st_nlink == 1));
}

/* One that was about to get its name may have its mode already. */
static int open_ours(int dir, const char *name, const struct stat *st)
{
    bool folder = S_ISDIR(st->st_mode);
    int flags = (folder ? O_RDONLY | O_DIRECTORY : O_RDWR) | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
    int fd = openat(dir, name, flags);

    if (fd < 0 && errno == EACCES && fchmodat(dir, name, folder ? 0700 : 0600, 0) == 0)
        fd = openat(dir, name, flags);
    return fd;
}

/*
 * Locked, and still the one of that name: whoever held it before may have given it its last name, or removed it. -1: errno
 * is EWOULDBLOCK when somebody is at work on it, ENOENT when it is gone, EPERM when it is not ours.
 */
static int take(int dir, const char *name, struct stat *st)
{
    struct stat now;
    int fd, was;

    if (fstatat(dir, name, st, AT_SYMLINK_NOFOLLOW) != 0) {
        errno = ENOENT; /* or its folder is none: who begins it will see */
        return -1;
    }
    errno = EPERM;
    fd = is_ours(st) ? open_ours(dir, name, st) : -1;
    if (fd < 0)
        return -1;
    if (flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
        was = EWOULDBLOCK;
    else if (fstat(fd, st) != 0 || fstatat(dir, name, &now, AT_SYMLINK_NOFOLLOW) != 0 ||
             now.st_ino != st->st_ino || now.st_dev != st->st_dev)
        was = ENOENT;
    else if (!is_ours(st) || fchmod(fd, S_ISDIR(st->st_mode) ? 0700 : 0600) != 0)
        was = EPERM;
    else
        return fd;
    close(fd);
    errno = was;
    return -1;
}

/* --- those of other times --- */

static void remove_old(int dir, const char *name)
{
    time_t oldest = time(NULL) - LAYR_PARTIAL_DAYS * 86400;
    struct stat st;
    int fd;

    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0 || !is_ours(&st) || st.st_mtime >= oldest)
        return;
    fd = take(dir, name, &st);
    if (fd < 0)
        return;
    if (st.st_mtime < oldest)
        (void)layr_clear(dir, name);
    close(fd);
}

/* Removes what is too old, and gives the name that our own has where it was begun for another version. */
static void look_around(const char *folder, const char *own, char other[NAME_LEN + 1])
{
    DIR *d = opendir(folder);
    struct dirent *e;

    other[0] = 0;
    while (d != NULL && (e = readdir(d)) != NULL) {
        if (!is_name(e->d_name) || strcmp(e->d_name, own) == 0)
            continue;
        remove_old(dirfd(d), e->d_name);
        if (strncmp(e->d_name, own, KEY_LEN) == 0)
            memcpy(other, e->d_name, NAME_LEN + 1);
    }
    if (d != NULL)
        closedir(d);
}

/* --- ours --- */

static int empty(int fd, const struct stat *st)
{
    return S_ISDIR(st->st_mode) ? layr_clear_content(fd) : ftruncate(fd, 0);
}

static bool holds_something(const layr_partial_t *p, const struct stat *st)
{
    return !p->begun && (p->is_folder || st->st_size > 0);
}

/* GO_ON with fd -1: there is none, or it was no use. */
static int take_over(layr_partial_t *p, const char *path, bool resume)
{
    struct stat st;
    int fd = take(AT_FDCWD, path, &st);

    if (fd < 0 && errno == EWOULDBLOCK) {
        layr_say_error(
            "another layr-get is getting it to the same place just now (%s): wait for it, or say with -o "
            "PATH where else it should go",
            path);
        return LAYR_EXIT_FAILED;
    }
    if (fd < 0 && errno == ENOENT)
        return LAYR_OPT_GO_ON;
    if (fd < 0) {
        layr_say_error(
            "%s is in the way, and not this user's own (%s): remove it, or say with -o PATH where else "
            "it should go",
            path, strerror(errno));
        return LAYR_EXIT_FAILED;
    }
    if (S_ISDIR(st.st_mode) != p->is_folder) { /* it was a file, and is a folder now */
        (void)layr_clear(AT_FDCWD, path);
        close(fd);
        return LAYR_OPT_GO_ON;
    }
    p->found = resume && holds_something(p, &st);
    if (!resume && holds_something(p, &st))
        layr_say_note("what an earlier try had left (%s) is given up: --resume would go on with it", path);
    if (!resume && empty(fd, &st) != 0) {
        layr_say_error("%s, left by an earlier try, cannot be emptied: %s", path, strerror(errno));
        close(fd);
        return LAYR_EXIT_FAILED;
    }
    p->fd = fd;
    return LAYR_OPT_GO_ON;
}

static int begin(layr_partial_t *p)
{
    int made = p->is_folder ? mkdir(p->path, 0700)
                            : open(p->path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

    if (made < 0 && errno != EEXIST) {
        if (errno == ENOENT)
            layr_say_error("there is no folder %s", p->folder);
        else
            layr_say_error("cannot write into folder %s: %s", p->folder, strerror(errno));
        return LAYR_EXIT_FAILED;
    }
    if (made >= 0 && !p->is_folder)
        close(made);
    p->begun = made >= 0;
    return LAYR_OPT_GO_ON;
}

/* Of another version: what is the same in both need not be fetched. */
static int take_other(layr_partial_t *p, const char *name, bool resume)
{
    char *path = layr_opt_path(p->folder, name);
    struct stat st;
    int rc = LAYR_OPT_GO_ON, fd;

    if (path == NULL)
        return layr_say_failed(LAYR_ERR_NOMEM, NULL);
    fd = take(AT_FDCWD, path, &st); /* or somebody still gets the old version: that is nothing to us */
    if (fd >= 0) {
        if (renameat2(AT_FDCWD, path, AT_FDCWD, p->path, RENAME_NOREPLACE) == 0) {
            close(fd);
            rc = take_over(p, p->path, resume);
        } else {
            close(fd);
        }
    }
    if (p->found)
        layr_say_note("it has changed since it was begun: what is the same in both versions is kept");
    free(path);
    return rc;
}

static int find_or_begin(layr_partial_t *p, const char *own, bool resume)
{
    char other[NAME_LEN + 1];
    int rc;

    look_around(p->folder, own, other);
    for (int i = 0; i < TRIES; i++) {
        rc = take_over(p, p->path, resume);
        if (rc == LAYR_OPT_GO_ON && p->fd < 0 && i == 0 && other[0] != 0)
            rc = take_other(p, other, resume);
        if (rc != LAYR_OPT_GO_ON || p->fd >= 0)
            return rc;
        rc = begin(p);
        if (rc != LAYR_OPT_GO_ON)
            return rc;
    }
    layr_say_error("%s comes and goes: are there others who get it to the same place?", p->path);
    return LAYR_EXIT_FAILED;
}

int layr_partial_open(layr_partial_t *p, const char *target, bool is_folder, const layr_partial_key_t *key)
{
    char name[NAME_LEN + 1];
    int rc = name_of(name, target, key);

    *p = (layr_partial_t){.fd = -1, .is_folder = is_folder, .keep = key->resume};
    if (rc != LAYR_OK)
        return layr_say_failed(rc, NULL);
    p->folder = layr_output_folder(target);
    p->path = p->folder != NULL ? layr_opt_path(p->folder, name) : NULL;
    if (p->path == NULL)
        return layr_say_failed(LAYR_ERR_NOMEM, NULL);
    rc = find_or_begin(p, name, key->resume);
    if (rc == LAYR_OPT_GO_ON && !is_folder && !p->keep)
        layr_guard_temp(p->path);
    return rc;
}

size_t layr_partial_read(int fd, uint8_t *buf, size_t len, uint64_t at)
{
    size_t got = 0;

    while (got < len) {
        ssize_t n = pread(fd, buf + got, len - got, (off_t)(at + got));

        if (n == 0 || (n < 0 && errno != EINTR))
            break;
        got += n > 0 ? (size_t)n : 0;
    }
    return got;
}

int layr_partial_write(int fd, const uint8_t *buf, size_t len, uint64_t at)
{
    for (size_t put = 0; put < len;) {
        size_t most = len - put < PIECE ? len - put : PIECE;
        ssize_t n = pwrite(fd, buf + put, most, (off_t)(at + put));

        if (n < 0 && errno != EINTR)
            return -1;
        put += n > 0 ? (size_t)n : 0;
    }
    return 0;
}

void layr_partial_named(layr_partial_t *p)
{
    layr_guard_temp(NULL);
    p->named = true;
}

void layr_partial_close(layr_partial_t *p)
{
    if (p->fd >= 0 && !p->keep && !p->named && layr_clear(AT_FDCWD, p->path) != 0)
        layr_say_note("what was begun could not be removed wholly: the rest of it is %s", p->path);
    if (p->fd >= 0)
        close(p->fd); /* and with it goes the lock */
    layr_guard_temp(NULL);
    free(p->path);
    free(p->folder);
    *p = (layr_partial_t){.fd = -1};
}
