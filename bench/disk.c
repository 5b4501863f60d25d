/*
 * disk DIR -n COUNT -b BYTES -c THREADS: files written, synced and renamed into a folder that is synced, as a host stores shards;
 * nothing else: what the disk lets through.  Prints what load prints, and removes the files.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "layr/thread.h"

#define MAX_THREADS 64

static const char *dir;
static size_t count = 64, size = 4112 * 1024;
static unsigned threads = 4;
static uint8_t *body;
static atomic_size_t next;
static atomic_bool failed;

static bool write_all(int fd)
{
    for (size_t at = 0; at < size;) {
        size_t len = size - at < 131072 ? size - at : 131072; /* as nginx fills its buffer */
        ssize_t n = write(fd, body + at, len);
        if (n <= 0)
            return false;
        at += (size_t)n;
    }
    return fdatasync(fd) == 0;
}

static void path_of(char *out, size_t cap, const char *what, size_t i)
{
    snprintf(out, cap, "%s/%s%zu", dir, what, i);
}

static bool store(size_t i)
{
    char temp[512], folder[512], path[600];
    int fd, folder_fd;
    bool good;

    path_of(temp, sizeof temp, "t", i);
    path_of(folder, sizeof folder, "d", i);
    snprintf(path, sizeof path, "%s/blob", folder);
    fd = open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    good = fd >= 0 && write_all(fd);
    close(fd);
    folder_fd = good && rename(temp, path) == 0 ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    good = folder_fd >= 0 && fsync(folder_fd) == 0;
    close(folder_fd);
    return good;
}

static void *run(void *arg)
{
    (void)arg;
    for (size_t i; !failed && (i = atomic_fetch_add(&next, 1)) < count;)
        if (!store(i))
            failed = true;
    return NULL;
}

/* Folders are there beforehand. */
static void prepare(void)
{
    char folder[512];

    for (size_t i = 0; i < count; i++) {
        path_of(folder, sizeof folder, "d", i);
        mkdir(folder, 0700);
    }
    sync();
}

static void tidy(void)
{
    char path[600], folder[512];

    for (size_t i = 0; i < count; i++) {
        path_of(folder, sizeof folder, "d", i);
        snprintf(path, sizeof path, "%s/blob", folder);
        unlink(path);
        rmdir(folder);
    }
}

static bool options(int argc, char **argv)
{
    int c;

    while ((c = getopt(argc, argv, "n:b:c:")) != -1) {
        switch (c) {
        case 'n':
            count = strtoul(optarg, NULL, 10);
            break;
        case 'b':
            size = strtoul(optarg, NULL, 10);
            break;
        case 'c':
            threads = (unsigned)strtoul(optarg, NULL, 10);
            break;
        default:
            return false;
        }
    }
    dir = argv[optind];
    return optind + 1 == argc && threads > 0 && threads <= MAX_THREADS;
}

int main(int argc, char **argv)
{
    pthread_t thread[MAX_THREADS];
    uint64_t began;

    if (!options(argc, argv) || (body = malloc(size)) == NULL) {
        fputs("usage: disk DIR [-n COUNT] [-b BYTES] [-c THREADS]\n", stderr);
        return 2;
    }
    memset(body, 0x5a, size);
    prepare();
    began = layr_now_us();
    for (unsigned i = 0; i < threads; i++)
        if (pthread_create(&thread[i], NULL, run, NULL) != 0)
            abort();
    for (unsigned i = 0; i < threads; i++)
        pthread_join(thread[i], NULL);
    double seconds = (double)(layr_now_us() - began) / 1e6;
    tidy();
    free(body);
    if (failed) {
        perror(dir);
        return 1;
    }
    printf("{\"seconds\": %.6f, \"bytes\": %zu, \"cpu\": 0, \"median_ms\": 0}\n", seconds, count * size);
    return 0;
}
