/* Reading what is to be stored. */
#include "source.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "opt.h"
#include "show.h"

#define WAIT_MS 200 /* as layr_source_t asks */

/* A file that shrinks or grows while it is read would be stored as something that never was. */
static int check_length(layr_tool_source_t *s, int64_t n, layr_diag_t *d)
{
    if (s->size < 0)
        return 0;
    if (n == 0 && s->taken < s->size)
        return layr_diag_set(d, LAYR_ERR_IO, "%s became shorter while it was read: it is not stored",
                             s->path);
    if (s->taken + n > s->size)
        return layr_diag_set(d, LAYR_ERR_IO, "%s became longer while it was read: it is not stored", s->path);
    return 0;
}

/* At the end: a file written over in place, its length kept. */
static int check_unchanged(layr_tool_source_t *s, layr_diag_t *d)
{
    struct stat st;

    if (s->size < 0)
        return 0;
    if (fstat(s->fd, &st) != 0)
        return layr_diag_set(d, LAYR_ERR_IO, "%s: %s", s->path, strerror(errno));
    if (st.st_size != s->size || st.st_mtime != s->mtime)
        return layr_diag_set(d, LAYR_ERR_IO, "%s was changed while it was read: it is not stored", s->path);
    return 0;
}

static int64_t take(void *ctx, uint8_t *buf, size_t cap, layr_diag_t *d)
{
    layr_tool_source_t *s = ctx;
    ssize_t n;
    int rc;

    if (s->size < 0) {
        struct pollfd p = {.fd = s->fd, .events = POLLIN};

        if (poll(&p, 1, WAIT_MS) <= 0)
            return LAYR_ERR_TIMEOUT;
    }
    n = read(s->fd, buf, cap);
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return LAYR_ERR_TIMEOUT;
    if (n < 0)
        return layr_diag_set(d, LAYR_ERR_IO, "cannot read %s: %s", s->path, strerror(errno));
    rc = check_length(s, n, d);
    if (rc == 0 && n == 0)
        rc = check_unchanged(s, d);
    if (rc != 0)
        return rc;
    s->taken += n;
    return n;
}

static int look_at(layr_tool_source_t *s)
{
    struct stat st;

    if (fstat(s->fd, &st) != 0) {
        layr_say_error("%s: %s", s->path, strerror(errno));
        return LAYR_EXIT_FAILED;
    }
    if (S_ISDIR(st.st_mode)) {
        s->mtime = st.st_mtime;
        return layr_pack_open(&s->pack, s->fd, s->path, &s->src);
    }
    if (!S_ISREG(st.st_mode))
        return LAYR_OPT_GO_ON;
    s->size = st.st_size;
    s->mtime = st.st_mtime;
    posix_fadvise(s->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    return LAYR_OPT_GO_ON;
}

int layr_tool_source_open(layr_tool_source_t *s, const char *path)
{
    int rc;

    memset(s, 0, sizeof *s);
    s->size = s->mtime = -1;
    s->path = strcmp(path, "-") == 0 ? "standard input" : path;
    s->fd = strcmp(path, "-") == 0 ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (s->fd < 0) {
        if (errno == EINTR) /* a pipe nobody writes to, and Ctrl-C */
            return layr_say_failed(LAYR_ERR_CANCELLED, NULL);
        layr_say_error("cannot read %s: %s", path, strerror(errno));
        return LAYR_EXIT_FAILED;
    }
    rc = look_at(s);
    if (s->pack != NULL || rc != LAYR_OPT_GO_ON)
        return rc;
    if (s->fd == STDIN_FILENO && s->size >= 0) {
        off_t at = lseek(s->fd, 0, SEEK_CUR); /* `layr-put - < file`, after somebody read some of it */

        s->size = at >= 0 && at <= s->size ? s->size - at : -1;
    }
    s->src = (layr_source_t){.read = take, .ctx = s, .size = s->size};
    return rc;
}

void layr_tool_source_close(layr_tool_source_t *s)
{
    layr_pack_free(s->pack);
    s->pack = NULL;
    if (s->fd > STDIN_FILENO)
        close(s->fd);
    s->fd = -1;
}
