/*
 * The owner's key file on disk.  Losing it or replacing it by mistake loses
 * every file its owner has, and a copy of it gives them all away: hence a new
 * one never takes the place of an old one, and one that others may read is
 * refused rather than used.
 */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/keytext.h"
#include "layr/crypto.h"

#define FILE_MAX 4096 /* refused unread: nothing that large is a key file */

static int io_error(layr_diag_t *d, const char *what, const char *path)
{
    return layr_diag_set(d, LAYR_ERR_IO, "cannot %s %s: %s", what, path, strerror(errno));
}

/* O_NONBLOCK: opening a pipe that was put there must not hang. */
static int open_for_read(int *out, const char *path, layr_diag_t *d)
{
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);

    if (fd >= 0) {
        *out = fd;
        return 0;
    }
    if (errno == ENOENT)
        return layr_diag_set(d, LAYR_ERR_NOTFOUND, "there is no key file %s", path);
    if (errno == ELOOP)
        return layr_diag_set(d, LAYR_ERR_IO, "key file %s is a symbolic link: name the file itself", path);
    return io_error(d, "open key file", path);
}

/* Looked up on the open file: the name may lead elsewhere by now. */
static int check_file(int fd, const char *path, layr_diag_t *d)
{
    struct stat st;

    if (fstat(fd, &st) != 0)
        return io_error(d, "look at key file", path);
    if (!S_ISREG(st.st_mode))
        return layr_diag_set(d, LAYR_ERR_FORMAT, "%s is not a regular file, so it is no key file", path);
    if (st.st_mode & (S_IRWXG | S_IRWXO))
        return layr_diag_set(d, LAYR_ERR_CAP, "key file %s is open to others (mode %03o): chmod 600 it", path,
                             (unsigned)(st.st_mode & 0777));
    if (st.st_size > FILE_MAX)
        return layr_diag_set(d, LAYR_ERR_LIMIT, "%s is too large to be a key file", path);
    return 0;
}

/* Up to cap bytes; a file that grew meanwhile is cut, and then fails to parse. */
static int read_all(int fd, char *out, size_t cap, size_t *len)
{
    size_t at = 0;

    while (at < cap) {
        ssize_t n = read(fd, out + at, cap - at);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return LAYR_ERR_IO;
        if (n == 0)
            break;
        at += (size_t)n;
    }
    *len = at;
    return 0;
}

static int load(layr_keytext_t *t, const char *path, layr_diag_t *d)
{
    char text[FILE_MAX] = {0};
    size_t len = 0;
    int fd = -1, rc;

    rc = open_for_read(&fd, path, d);
    if (rc != 0)
        goto done;
    rc = check_file(fd, path, d);
    if (rc != 0)
        goto done;
    rc = read_all(fd, text, sizeof text, &len);
    if (rc != 0) {
        rc = io_error(d, "read key file", path);
        goto done;
    }
    rc = layr_keytext_parse(t, text, len);
    if (rc == LAYR_ERR_LIMIT)
        layr_diag_set(d, rc, "key file %s asks for more than a passphrase may cost (10 passes, 1 GiB)", path);
    else if (rc != 0)
        layr_diag_set(d, rc, "%s is not a key file, or is damaged: recover the key from its 24 words", path);
done:
    if (fd >= 0)
        close(fd);
    sodium_memzero(text, sizeof text);
    return rc;
}

int layr_keyfile_read(uint8_t master[32], const char *path, const char *passphrase, layr_diag_t *d)
{
    layr_keytext_t t = {0};
    int rc = load(&t, path, d);

    if (rc != 0)
        goto done;
    if (!t.wrapped) {
        memcpy(master, t.master, LAYR_KEY_BYTES);
        goto done;
    }
    if (passphrase == NULL) {
        rc = layr_diag_set(d, LAYR_ERR_KEY, "key file %s needs its passphrase", path);
        goto done;
    }
    rc = layr_keytext_unwrap(master, &t, passphrase);
    if (rc == LAYR_ERR_KEY)
        layr_diag_set(d, rc, "wrong passphrase for key file %s, or the file is damaged", path);
    else if (rc != 0)
        layr_diag_set(d, rc, "not enough memory to check the passphrase of %s", path);
done:
    sodium_memzero(&t, sizeof t);
    return rc;
}

int layr_keyfile_is_wrapped(const char *path)
{
    layr_keytext_t t = {0};
    int rc = load(&t, path, NULL);

    if (rc == 0)
        rc = t.wrapped;
    sodium_memzero(&t, sizeof t);
    return rc;
}

static int write_all(int fd, const char *p, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, p, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return LAYR_ERR_IO;
        p += n;
        len -= (size_t)n;
    }
    return 0;
}

/* A name is durable when its folder is. */
static int sync_parent(const char *path)
{
    char *dir = strdup(path), *slash;
    int fd = -1, rc = LAYR_ERR_NOMEM;

    if (dir == NULL)
        goto done;
    slash = strrchr(dir, '/');
    if (slash != NULL)
        slash[slash == dir ? 1 : 0] = 0;
    rc = LAYR_ERR_IO;
    fd = open(slash != NULL ? dir : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0 && fsync(fd) == 0)
        rc = 0;
done:
    if (fd >= 0)
        close(fd);
    free(dir);
    return rc;
}

/* Everything on disk under the temporary name; umask can't widen mkostemp's 0600, only narrow it. */
static int fill_temp(int fd, const char *text, size_t len)
{
    if (fchmod(fd, S_IRUSR | S_IWUSR) != 0 || write_all(fd, text, len) != 0 || fsync(fd) != 0)
        return LAYR_ERR_IO;
    return 0;
}

/* link, unlike rename, fails when the name is taken, and no other process can come in between. */
static int give_name(const char *temp, const char *path, layr_diag_t *d)
{
    if (link(temp, path) != 0) {
        if (errno == EEXIST)
            return layr_diag_set(d, LAYR_ERR_EXISTS, "%s is there already and was left as it is", path);
        return io_error(d, "create key file", path);
    }
    if (sync_parent(path) != 0) {
        io_error(d, "make durable the folder of", path);
        unlink(path); /* ours, and not safe: rather none than one that a power cut takes away */
        return LAYR_ERR_IO;
    }
    return 0;
}

static int store(const char *path, const char *text, size_t len, layr_diag_t *d)
{
    static const char suffix[] = ".XXXXXX";
    size_t path_len = strlen(path);
    char *temp = malloc(path_len + sizeof suffix);
    int fd = -1, rc;

    if (temp == NULL)
        return layr_diag_set(d, LAYR_ERR_NOMEM, "out of memory");
    memcpy(temp, path, path_len);
    memcpy(temp + path_len, suffix, sizeof suffix);
    fd = mkostemp(temp, O_CLOEXEC);
    if (fd < 0) {
        rc = io_error(d, "create key file", path);
        goto done;
    }
    rc = fill_temp(fd, text, len);
    if (rc != 0)
        io_error(d, "write key file", path);
    else
        rc = give_name(temp, path, d);
done:
    if (fd >= 0) {
        close(fd);
        unlink(temp);
    }
    free(temp);
    return rc;
}

static int fill_text(layr_keytext_t *t, const uint8_t master[32], const char *passphrase, layr_diag_t *d)
{
    if (passphrase == NULL) {
        memcpy(t->master, master, LAYR_KEY_BYTES);
        return 0;
    }
    if (*passphrase == 0)
        return layr_diag_set(d, LAYR_ERR_ARG,
                             "an empty passphrase protects nothing: give one, or none at all");
    t->opslimit = crypto_pwhash_OPSLIMIT_MODERATE;
    t->memlimit = crypto_pwhash_MEMLIMIT_MODERATE;
    if (layr_keytext_wrap(t, master, passphrase) != 0)
        return layr_diag_set(d, LAYR_ERR_NOMEM, "not enough memory to wrap the key: 256 MiB are needed");
    return 0;
}

int layr_keyfile_write(const char *path, const uint8_t master[32], const char *passphrase, layr_diag_t *d)
{
    layr_keytext_t t = {0};
    char text[LAYR_KEYTEXT_MAX] = {0};
    int rc = fill_text(&t, master, passphrase, d);

    if (rc == 0)
        rc = store(path, text, layr_keytext_print(text, &t), d);
    sodium_memzero(&t, sizeof t);
    sodium_memzero(text, sizeof text);
    return rc;
}
