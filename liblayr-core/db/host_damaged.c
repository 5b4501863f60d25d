/* What lies in <store>/damaged: kept for a look, and no more than a hundredth of the capacity. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "db/host_internal.h"

#define SHARE 100
#define LEAST (256ull * 1024 * 1024)

typedef struct oldest {
    char name[256];
    struct timespec at;
    uint64_t sum;
} oldest_t;

static bool is_older(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec != b->tv_sec ? a->tv_sec < b->tv_sec : a->tv_nsec < b->tv_nsec;
}

/* When a file came here is its inode's last change. */
static bool look(DIR *dir, oldest_t *o)
{
    struct dirent *e;
    struct stat st;

    memset(o, 0, sizeof *o);
    rewinddir(dir);
    while ((e = readdir(dir)) != NULL) {
        if (fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st.st_mode))
            continue;
        o->sum += (uint64_t)st.st_size;
        if (o->name[0] == 0 || is_older(&st.st_ctim, &o->at)) {
            snprintf(o->name, sizeof o->name, "%s", e->d_name);
            o->at = st.st_ctim;
        }
    }
    return o->name[0] != 0;
}

void layr_host_damaged_trim(const char *path, uint64_t capacity)
{
    uint64_t most = capacity / SHARE > LEAST ? capacity / SHARE : LEAST;
    DIR *dir = opendir(path);
    oldest_t o;

    if (dir == NULL)
        return;
    while (look(dir, &o) && o.sum > most)
        if (unlinkat(dirfd(dir), o.name, 0) != 0)
            break;
    closedir(dir);
}
