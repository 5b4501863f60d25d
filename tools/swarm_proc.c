/*
 * The processes of the hosts. Each nginx is started with its prefix as the working folder, and master,
 * workers and helpers keep it: a process belongs to host I when its working folder is DIR/I and it is an
 * nginx. Pid files are not believed: after a kill -9 they name processes that are long gone, or somebody else
 * by now.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "layr/bytes.h"
#include "swarm.h"

#define LAUNCH_AT_ONCE 4
#define TERM_MS 10000 /* then SIGKILL */
#define KILL_MS 10000 /* then give up */
#define STEP_MS 20
#define COMM_MAX 15 /* the kernel cuts names there */

typedef struct place {
    dev_t dev;
    ino_t ino;
} place_t;

static void sleep_ms(long ms)
{
    struct timespec t = {ms / 1000, ms % 1000 * 1000000};

    nanosleep(&t, NULL);
}

/* dev and inode of each host's folder; zero where there is none. */
static int find_places(place_t *out, const layr_swarm_t *s)
{
    struct stat st;

    for (unsigned i = 0; i < s->count; i++) {
        char *prefix = layr_swarm_path(s, i, NULL);
        if (prefix == NULL)
            return LAYR_ERR_NOMEM;
        if (stat(prefix, &st) == 0)
            out[i] = (place_t){st.st_dev, st.st_ino};
        free(prefix);
    }
    return LAYR_OK;
}

/* Is this process an nginx, by its name? */
static bool is_nginx(const char *pid, const layr_swarm_t *s)
{
    const char *slash = strrchr(s->nginx, '/'), *base = slash ? slash + 1 : s->nginx;
    char path[64], comm[COMM_MAX + 2] = {0};
    FILE *f;
    bool good;

    snprintf(path, sizeof path, "/proc/%.20s/comm", pid);
    f = fopen(path, "re");
    good = f != NULL && fgets(comm, sizeof comm, f) != NULL;
    if (f != NULL)
        fclose(f);
    comm[strcspn(comm, "\n")] = 0;
    return good && strncmp(comm, base, COMM_MAX) == 0;
}

/* nginx gives its processes titles. */
static bool is_master(const char *pid)
{
    static const char title[] = "nginx: master process";
    char path[64], cmdline[sizeof title] = {0};
    FILE *f;
    size_t n;

    snprintf(path, sizeof path, "/proc/%.20s/cmdline", pid);
    f = fopen(path, "re");
    n = f ? fread(cmdline, 1, sizeof cmdline - 1, f) : 0;
    if (f != NULL)
        fclose(f);
    return n == sizeof cmdline - 1 && strcmp(cmdline, title) == 0;
}

static void note_process(layr_swarm_pids_t *out, const layr_swarm_t *s, const place_t *place,
                         const char *name)
{
    char path[64];
    struct stat st;
    uint64_t pid;

    if (layr_undec(&pid, name, strlen(name)) != LAYR_OK)
        return;
    snprintf(path, sizeof path, "/proc/%.20s/cwd", name);
    if (stat(path, &st) != 0)
        return;
    for (unsigned i = 0; i < s->count; i++) {
        if (place[i].ino != st.st_ino || place[i].dev != st.st_dev || place[i].ino == 0 || !is_nginx(name, s))
            continue;
        if (is_master(name))
            out[i].master = (pid_t)pid;
        if (out[i].count < LAYR_SWARM_PIDS_MAX)
            out[i].pid[out[i].count++] = (pid_t)pid;
        return;
    }
}

int layr_swarm_scan(layr_swarm_pids_t *out, const layr_swarm_t *s, layr_diag_t *d)
{
    place_t *place = calloc(s->count, sizeof *place);
    DIR *proc = opendir("/proc");
    const struct dirent *e;
    int rc = LAYR_ERR_NOMEM;

    memset(out, 0, s->count * sizeof *out);
    if (place == NULL)
        goto done;
    if (proc == NULL) {
        rc = layr_diag_set(d, LAYR_ERR_IO, "/proc: %s", strerror(errno));
        goto done;
    }
    rc = find_places(place, s);
    while (rc == LAYR_OK && (e = readdir(proc)) != NULL)
        note_process(out, s, place, e->d_name);
done:
    if (proc != NULL)
        closedir(proc);
    free(place);
    return rc;
}

/* The child's side: everything nginx says before it has its log goes to start.log. */
__attribute__((noreturn)) static void become_nginx(const layr_swarm_t *s, const char *prefix)
{
    int null = open("/dev/null", O_RDONLY), log;

    if (chdir(prefix) != 0)
        _exit(127);
    log = open("start.log", O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0600);
    if (null < 0 || log < 0 || dup2(null, 0) < 0 || dup2(log, 1) < 0 || dup2(log, 2) < 0)
        _exit(127);
    /* nginx lives on: what the caller had open (a pipe that somebody reads to its end) is none of its
     * business. */
    close_range(3, ~0U, 0);
    execlp(s->nginx, s->nginx, "-p", prefix, "-c", "nginx.conf", "-e", "error.log", (char *)NULL);
    dprintf(2, "%s: %s\n", s->nginx, strerror(errno));
    _exit(127);
}

static int start_one(pid_t *out, const layr_swarm_t *s, unsigned i, layr_diag_t *d)
{
    char *prefix = layr_swarm_path(s, i, NULL);

    if (prefix == NULL)
        return LAYR_ERR_NOMEM;
    *out = fork();
    if (*out == 0)
        become_nginx(s, prefix);
    free(prefix);
    return *out > 0 ? LAYR_OK : layr_diag_set(d, LAYR_ERR_IO, "fork: %s", strerror(errno));
}

static int wait_one(const layr_swarm_t *s, pid_t pid, unsigned i, layr_diag_t *d)
{
    char tail[700];
    int status = 0;

    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return layr_diag_set(d, LAYR_ERR_IO, "waitpid: %s", strerror(errno));
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return LAYR_OK;
    layr_swarm_log_tail(tail, sizeof tail, s, i);
    return layr_diag_set(d, LAYR_ERR_REFUSED, "host %u: nginx did not start: %s", i, tail);
}

int layr_swarm_launch(const layr_swarm_t *s, const unsigned *which, size_t count, layr_diag_t *d)
{
    pid_t pid[LAUNCH_AT_ONCE];
    size_t started = 0, waited = 0;
    int rc = LAYR_OK;

    while (waited < started || (rc == LAYR_OK && started < count)) {
        if (rc == LAYR_OK && started < count && started - waited < LAUNCH_AT_ONCE) {
            rc = start_one(&pid[started % LAUNCH_AT_ONCE], s, which[started], d);
            started += rc == LAYR_OK;
            continue;
        }
        int one = wait_one(s, pid[waited % LAUNCH_AT_ONCE], which[waited], d);
        rc = rc == LAYR_OK ? one : rc;
        waited++;
    }
    return rc;
}

/* A soft end is asked of the master; without one (somebody killed it) of whoever is left. */
static void signal_host(const layr_swarm_pids_t *p, bool hard)
{
    if (!hard && p->master > 0) {
        kill(p->master, SIGTERM);
        return;
    }
    if (hard && p->master > 0)
        kill(p->master, SIGKILL); /* first: it would start new workers */
    for (size_t n = 0; n < p->count; n++)
        kill(p->pid[n], hard ? SIGKILL : SIGTERM);
}

int layr_swarm_end(const layr_swarm_t *s, const unsigned *which, size_t count, bool hard, size_t *ended,
                   layr_diag_t *d)
{
    layr_swarm_pids_t *pids = calloc(s->count, sizeof *pids);
    long left = hard ? KILL_MS : TERM_MS + KILL_MS;
    size_t running = 1;
    int rc = pids ? LAYR_OK : LAYR_ERR_NOMEM;

    for (bool first = true; rc == LAYR_OK && running > 0 && left > 0; left -= STEP_MS, first = false) {
        bool kill_now = hard || left <= KILL_MS;
        rc = layr_swarm_scan(pids, s, d);
        running = 0;
        for (size_t n = 0; n < count; n++) {
            running += pids[which[n]].count > 0;
            /* TERM is asked for once: nginx takes a second one for nothing new. KILL until nobody is left. */
            if (first || kill_now)
                signal_host(&pids[which[n]], kill_now);
        }
        if (first && ended != NULL)
            *ended = running;
        if (running > 0)
            sleep_ms(STEP_MS);
    }
    if (rc == LAYR_OK && running > 0)
        rc = layr_diag_set(d, LAYR_ERR_TIMEOUT, "%zu hosts did not end", running);
    free(pids);
    return rc;
}

/* The end of one file, without its last newline. */
static size_t tail_of(char *out, size_t cap, const char *path)
{
    FILE *f = fopen(path, "re");
    size_t n = 0;

    if (f == NULL)
        return 0;
    if (fseek(f, 0, SEEK_END) == 0 && ftell(f) > (long)cap - 1)
        fseek(f, 1 - (long)cap, SEEK_END);
    else
        rewind(f);
    n = fread(out, 1, cap - 1, f);
    fclose(f);
    while (n > 0 && out[n - 1] == '\n')
        n--;
    out[n] = 0;
    return n;
}

void layr_swarm_log_tail(char *out, size_t cap, const layr_swarm_t *s, unsigned i)
{
    char *start = layr_swarm_path(s, i, "start.log"), *error = layr_swarm_path(s, i, "error.log");

    if (start == NULL || tail_of(out, cap, start) == 0)
        if (error == NULL || tail_of(out, cap, error) == 0)
            snprintf(out, cap, "it left no word in its error.log");
    free(error);
    free(start);
}
