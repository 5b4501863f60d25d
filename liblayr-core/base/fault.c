/* Fault points; empty but in a build for tests. */
#include "base/fault.h"

#ifdef LAYR_FAULTS

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SPEC_MAX 128

typedef struct spec {
    char point[64], action[32];
    unsigned long nth;
    bool from; /* from the nth on */
} spec_t;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static unsigned long passes;
static struct stat counted; /* the file that passes were counted for */

static bool read_spec(const char *path, char text[SPEC_MAX])
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    ssize_t n = -1;

    if (fd < 0)
        return false;
    if (fstat(fd, &st) == 0)
        n = read(fd, text, SPEC_MAX - 1);
    close(fd);
    if (n <= 0)
        return false;
    text[n] = 0;
    if (st.st_ino != counted.st_ino || st.st_mtim.tv_sec != counted.st_mtim.tv_sec ||
        st.st_mtim.tv_nsec != counted.st_mtim.tv_nsec)
        passes = 0;
    counted = st;
    return true;
}

static void die_of(const char *what)
{
    fprintf(stderr, "LAYR_FAULT: %s\n", what);
    abort();
}

static void parse(spec_t *out, const char *text)
{
    char nth[16];
    char *end;

    if (sscanf(text, "%63[^:]:%15[^:]:%31[A-Za-z-]", out->point, nth, out->action) != 3)
        die_of(text);
    out->nth = strtoul(nth, &end, 10);
    out->from = *end == '+';
}

static int number_of(const char *name)
{
    static const struct {
        const char *name;
        int value;
    } known[] = {{"EIO", EIO}, {"ENOSPC", ENOSPC}, {"EDQUOT", EDQUOT}, {"EROFS", EROFS}};

    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(known[i].name, name) == 0)
            return known[i].value;
    die_of(name);
    return 0;
}

static int happen(const char *action)
{
    if (strcmp(action, "kill-host") == 0 && getpgrp() == getppid())
        kill(0, SIGKILL);
    if (strncmp(action, "kill", 4) == 0)
        kill(getpid(), SIGKILL);
    errno = number_of(action);
    return -1;
}

/* Under the mutex: the others stand still while the process dies. */
static int pass(const char *point, const char *how)
{
    char text[SPEC_MAX];
    spec_t spec = {0};

    if (*how == '@' && !read_spec(how + 1, text))
        return 0;
    parse(&spec, *how == '@' ? text : how);
    if (strcmp(spec.point, point) != 0)
        return 0;
    passes++;
    if (passes != spec.nth && !(spec.from && passes > spec.nth))
        return 0;
    if (*how == '@' && !spec.from)
        unlink(how + 1);
    return happen(spec.action);
}

int layr_fault(const char *point)
{
    const char *how = getenv("LAYR_FAULT");
    int saved = errno, rc;

    if (how == NULL || *how == 0)
        return 0;
    pthread_mutex_lock(&mutex);
    rc = pass(point, how);
    pthread_mutex_unlock(&mutex);
    if (rc == 0)
        errno = saved;
    return rc;
}

long layr_fault_haste(void)
{
    const char *text = getenv("LAYR_HASTE");
    long n = text != NULL ? strtol(text, NULL, 10) : 1;

    return n >= 1 && n <= 1000 ? n : 1;
}

#endif
