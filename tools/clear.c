/* rm -r, through descriptors. */
#include "clear.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int clear_in(DIR *dir)
{
    struct dirent *e;
    int rc = 0;

    for (errno = 0; (e = readdir(dir)) != NULL; errno = 0)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 &&
            layr_clear(dirfd(dir), e->d_name) != 0)
            rc = -1;
    return errno != 0 ? -1 : rc;
}

int layr_clear_content(int folder)
{
    int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc;
    DIR *in = fd >= 0 ? fdopendir(fd) : NULL;

    if (in == NULL) {
        if (fd >= 0)
            close(fd);
        return -1;
    }
    rc = clear_in(in);
    closedir(in);
    return rc;
}

/* NOLINTNEXTLINE(misc-no-recursion): as deep as the folder is */
int layr_clear(int dir, const char *name)
{
    int fd, rc;

    if (unlinkat(dir, name, 0) == 0)
        return 0;
    if (errno != EISDIR && errno != EPERM)
        return -1;
    fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 && errno == EACCES && fchmodat(dir, name, 0700, 0) == 0)
        fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return -1;
    (void)fchmod(fd, 0700); /* or what is in it can't be removed; a failure shows there */
    rc = layr_clear_content(fd);
    close(fd);
    return unlinkat(dir, name, AT_REMOVEDIR) == 0 ? 0 : rc != 0 ? rc : -1;
}
