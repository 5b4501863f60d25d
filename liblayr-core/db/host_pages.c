/*
 * A read of everything once would leave its pages in the cache, where they push out those of shards that people fetch.
 * So each window is looked at before it is read (mincore), and what was not in the cache then is given back afterwards.
 * The kernel's own reading ahead is off, as it would bring in pages that nobody notes: windows ask for themselves.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fault.h"
#include "db/host_pages.h"

#define PAGE 4096u

int layr_pages_open(layr_pages_file_t *f, const char *path, uint64_t size)
{
    struct stat st;
    void *map;
    int rc = 0;

    f->map = NULL;
    f->size = size;
    f->fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (f->fd < 0)
        return errno == ENOENT || errno == ENOTDIR || errno == ELOOP ? LAYR_ERR_NOTFOUND : LAYR_ERR_IO;
    if (fstat(f->fd, &st) != 0)
        rc = LAYR_ERR_IO;
    else if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size != size)
        rc = LAYR_ERR_NOTFOUND;
    if (rc != 0) {
        layr_pages_close(f);
        return rc;
    }
    (void)posix_fadvise(f->fd, 0, 0, POSIX_FADV_RANDOM);
    map = mmap(NULL, size, PROT_READ, MAP_SHARED, f->fd, 0);
    f->map = map == MAP_FAILED ? NULL : map;
    return 0;
}

void layr_pages_close(layr_pages_file_t *f)
{
    int saved = errno;

    if (f->fd < 0)
        return;
    if (f->map != NULL)
        munmap(f->map, f->size);
    close(f->fd);
    f->fd = -1;
    f->map = NULL;
    errno = saved;
}

/* Call fn for each run of pages that were not in the cache. */
static void each_absent(const layr_pages_file_t *f, const layr_pages_t *p, int advice)
{
    size_t pages = (p->len + PAGE - 1) / PAGE, first = 0;

    while (first < pages) {
        size_t end = first + 1;

        if (p->here[first]) {
            first++;
            continue;
        }
        while (end < pages && !p->here[end])
            end++;
        (void)posix_fadvise(f->fd, (off_t)(p->at + first * PAGE), (off_t)((end - first) * PAGE), advice);
        first = end;
    }
}

void layr_pages_want(const layr_pages_file_t *f, layr_pages_t *p, uint64_t at, size_t len)
{
    p->at = at;
    p->len = len;
    /* Where it can't be told nothing is taken from anybody. */
    if (f->map == NULL || mincore(f->map + at, len, p->here) != 0)
        memset(p->here, 1, sizeof p->here);
    for (size_t i = 0; i < sizeof p->here; i++)
        p->here[i] &= 1;
    each_absent(f, p, POSIX_FADV_WILLNEED);
}

void layr_pages_drop(const layr_pages_file_t *f, const layr_pages_t *p)
{
    each_absent(f, p, POSIX_FADV_DONTNEED);
}

int layr_pages_read(const layr_pages_file_t *f, void *out, size_t len, uint64_t at)
{
    uint8_t *to = out;

    if (LAYR_FAULT("audit.read"))
        return LAYR_ERR_IO;
    while (len > 0) {
        ssize_t n = pread(f->fd, to, len, (off_t)at);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? LAYR_ERR_IO : LAYR_ERR_NOTFOUND;
        to += n;
        at += (uint64_t)n;
        len -= (size_t)n;
    }
    return 0;
}
