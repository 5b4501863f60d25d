/* Core files, signals, and arguments that others may see. */
#include "guard.h"

#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "say.h"

#define SAME_WISH_MS 300

atomic_int layr_guard_cancel;
static _Atomic(const char *) temp_file;

/* The leak checker attaches to its own process, which a process that is not dumpable forbids. */
#if defined(__SANITIZE_ADDRESS__)
#define CHECKED_BUILD 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define CHECKED_BUILD 1
#endif
#endif

static int64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t); /* allowed in a handler */
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* The first asks for an end that tidies up, the second for one at once. `timeout` signals the process and
 * then its group: what follows so soon is the same wish. */
static void on_signal(int sig)
{
    static _Atomic int64_t first_ms;
    const char *path;

    (void)sig;
    if (atomic_exchange(&layr_guard_cancel, 1) == 0) {
        atomic_store(&first_ms, now_ms());
        return;
    }
    if (now_ms() - atomic_load(&first_ms) < SAME_WISH_MS)
        return;
    path = atomic_load(&temp_file);
    if (path != NULL)
        unlink(path);
    _exit(LAYR_EXIT_FAILED);
}

/* No SA_RESTART: a read from a terminal or a pipe must end too. */
static void handle(int sig)
{
    struct sigaction a, was;

    memset(&a, 0, sizeof a);
    a.sa_handler = on_signal;
    sigemptyset(&a.sa_mask);
    if (sigaction(sig, NULL, &was) == 0 && was.sa_handler == SIG_IGN)
        return; /* nohup, or a shell's background job: it stays ignored */
    sigaction(sig, &a, NULL);
}

void layr_guard_start(void)
{
    struct rlimit none = {0, 0};

    setrlimit(RLIMIT_CORE, &none);
#ifndef CHECKED_BUILD
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); /* a core pattern that is a pipe does not look at the limit */
#endif
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a file too large is an error of write, which says it and tidies up */
    handle(SIGINT);
    handle(SIGTERM);
    handle(SIGHUP);
}

void layr_guard_temp(const char *path)
{
    atomic_store(&temp_file, path);
}

void layr_guard_hide(char *arg)
{
    size_t keep = strncmp(arg, "layr:", 5) == 0 ? 5 : 0;

    memset(arg + keep, '*', strlen(arg + keep));
}
