/* Core files, signals, and arguments that others may see. */
#include "guard.h"

#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "say.h"

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

static void on_signal(int sig)
{
    const char *path;

    (void)sig;
    if (atomic_exchange(&layr_guard_cancel, 1) == 0)
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
