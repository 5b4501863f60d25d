/* Words for people, on stderr. */
#include "say.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PROGRESS_GAP_MS 100

static const char *program = "layr";
static bool hushed, line_open, logging, leveled;
static int64_t last_progress;

layr_exit_t layr_say_exit(int code)
{
    switch (code) {
    case LAYR_OK:
        return LAYR_EXIT_OK;
    case LAYR_ERR_ARG:
    case LAYR_ERR_RANGE:
        return LAYR_EXIT_USAGE;
    case LAYR_ERR_HOSTS:
        return LAYR_EXIT_HOSTS;
    case LAYR_ERR_DATA:
    case LAYR_ERR_AUTH:
    case LAYR_ERR_FORMAT:
    case LAYR_ERR_VERSION:
        return LAYR_EXIT_DATA;
    case LAYR_ERR_CAP:
    case LAYR_ERR_REFUSED:
        return LAYR_EXIT_REFUSED;
    default:
        return LAYR_EXIT_FAILED;
    }
}

void layr_say_init(const char *argv0, bool quiet)
{
    const char *slash = strrchr(argv0, '/');

    program = slash ? slash + 1 : argv0;
    hushed = quiet;
}

const char *layr_say_program(void)
{
    return program;
}

/* What is half written on the terminal must not run into what follows. */
static void end_line(void)
{
    if (line_open)
        fputc('\n', stderr);
    line_open = false;
}

/* systemd names the stream that it reads, "device:inode", so that a program whose stderr was sent elsewhere can tell. */
static bool systemd_reads(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    char ours[48];
    struct stat st;

    if (stream == NULL || fstat(STDERR_FILENO, &st) != 0)
        return false;
    snprintf(ours, sizeof ours, "%llu:%llu", (unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
    return strcmp(stream, ours) == 0;
}

void layr_say_log(void)
{
    logging = true;
    leveled = systemd_reads();
}

static void begin_line(int level)
{
    char text[32] = "";
    time_t now = time(NULL);
    struct tm tm;

    if (leveled)
        fprintf(stderr, "<%d>", level);
    else if (logging && localtime_r(&now, &tm) != NULL && strftime(text, sizeof text, "%F %T ", &tm) > 0)
        fputs(text, stderr);
}

void layr_say_error(const char *fmt, ...)
{
    va_list ap;

    fflush(stdout);
    end_line();
    begin_line(3);
    fprintf(stderr, "%s: ", program);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
}

void layr_say_note(const char *fmt, ...)
{
    va_list ap;

    if (hushed)
        return;
    fflush(stdout);
    end_line();
    begin_line(6);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
}

int layr_say_failed(int code, const layr_diag_t *d)
{
    if (code == LAYR_OK)
        return LAYR_EXIT_OK;
    layr_say_error("%s", d != NULL && d->text[0] ? d->text : layr_strerror(code));
    return layr_say_exit(code);
}

static int64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void layr_say_progress(bool last, const char *fmt, ...)
{
    int64_t now = now_ms();
    va_list ap;

    if (hushed || !isatty(STDERR_FILENO))
        return;
    if (!last && line_open && now - last_progress < PROGRESS_GAP_MS)
        return;
    last_progress = now;
    fputc('\r', stderr);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputs("\033[K", stderr); /* the line before may have been longer */
    line_open = true;
    if (last)
        end_line();
    fflush(stderr);
}

void layr_say_size(char out[LAYR_SIZE_TEXT], uint64_t bytes)
{
    static const char *const unit[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double v = (double)bytes / 1024;
    size_t u = 0;

    if (bytes < 1024) {
        snprintf(out, LAYR_SIZE_TEXT, "%u B", (unsigned)bytes);
        return;
    }
    /* 1023.95 would be shown as 1024.0 */
    while (v >= 1023.95 && u + 1 < sizeof unit / sizeof unit[0]) {
        v /= 1024;
        u++;
    }
    snprintf(out, LAYR_SIZE_TEXT, "%.1f %s", v, unit[u]);
}
