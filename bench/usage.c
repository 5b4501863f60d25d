/*
 * usage FILE COMMAND...: run a command and write what it took to FILE: "wall user+system peak-bytes status", in seconds.  It and what it
 * started and waited for; the peak is that of the largest of these.  (A program that perl starts counts perl's own memory: a
 * process keeps its peak over exec.  This one is small.)
 */
#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

extern char **environ;

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double seconds(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

int main(int argc, char **argv)
{
    struct rusage u;
    double began = now();
    int status = 0, code;
    pid_t pid;
    FILE *f;

    if (argc < 3 || (errno = posix_spawnp(&pid, argv[2], NULL, NULL, argv + 2, environ)) != 0) {
        perror(argc < 3 ? "usage: usage FILE COMMAND..." : argv[2]);
        return 127;
    }
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return 127;
    began = now() - began;
    getrusage(RUSAGE_CHILDREN, &u);
    code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    f = fopen(argv[1], "w");
    if (f == NULL)
        return 127;
    fprintf(f, "%.6f %.6f %ld %d\n", began, seconds(u.ru_utime) + seconds(u.ru_stime), u.ru_maxrss * 1024,
            code);
    return fclose(f) == 0 ? code : 127;
}
