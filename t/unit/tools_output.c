/* tools/output.c: where a download may go, and that nothing half-written stays. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../tools/guard.h"
#include "../../tools/opt.h"
#include "../../tools/output.h"
#include "layr/crypto.h"
#include "tap.h"

static char folder[64];
static const uint8_t record_id[32] = {1}, version[32] = {2};
static const layr_partial_key_t key = {record_id, version, "", false};

/* Files in the folder, hidden ones too. */
static int files(void)
{
    DIR *d = opendir(".");
    int n = 0;

    while (d != NULL && readdir(d) != NULL)
        n++;
    if (d != NULL)
        closedir(d);
    return n - 2;
}

static int holds(const char *path, const char *want)
{
    char got[64] = "";
    int fd = open(path, O_RDONLY);
    ssize_t n = fd < 0 ? -1 : read(fd, got, sizeof got - 1);

    if (fd >= 0)
        close(fd);
    return n == (ssize_t)strlen(want) && memcmp(got, want, strlen(want)) == 0;
}

static void write_one(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");

    if (f == NULL || fputs(text, f) < 0 || fclose(f) != 0)
        ok(0, "write %s", path);
}

/* What is said on stderr meanwhile. */
static int words_fd = -1, stderr_fd = -1;

static void words_start(void)
{
    words_fd = memfd_create("words", 0);
    stderr_fd = dup(2);
    dup2(words_fd, 2);
}

static int words_hold(const char *want)
{
    char got[1024] = "";
    ssize_t n;

    dup2(stderr_fd, 2);
    close(stderr_fd);
    n = pread(words_fd, got, sizeof got - 1, 0);
    close(words_fd);
    if (n < 0 || strstr(got, want) == NULL)
        printf("# said: %s# want: %s\n", got, want);
    return n >= 0 && strstr(got, want) != NULL;
}

static int refused(const char *path, const char *name, bool trusted, int want, const char *words,
                   const char *what)
{
    layr_output_t o;
    int before = files(), rc;

    words_start();
    rc = layr_output_open(&o, path, name, trusted, false, 5, &key);
    layr_output_close(&o);
    return ok(words_hold(words) & (rc == want) & (files() == before), "%s: %d", what, rc);
}

static void test_names(void)
{
    refused(NULL, "", true, LAYR_EXIT_USAGE, "has no name", "no name");
    refused(NULL, "..", true, LAYR_EXIT_USAGE, "('..')", "..");
    refused(NULL, ".", true, LAYR_EXIT_USAGE, "('.')", ".");
    refused(NULL, "../x", true, LAYR_EXIT_USAGE, "('../x')", "a way out");
    refused(NULL, "/etc/x", true, LAYR_EXIT_USAGE, "('/etc/x')", "a path");
    refused(NULL, ".bashrc", false, LAYR_EXIT_USAGE, "hidden file ('.bashrc')", "a stranger's hidden file");
    refused(NULL, "a\033[2Jb", false, LAYR_EXIT_USAGE, "control characters",
            "a stranger's control characters");
    refused("no/such/folder", "x", true, LAYR_EXIT_FAILED, "there is no folder no/such",
            "a folder that is not there");
    refused("", "x", true, LAYR_EXIT_USAGE, "the path is empty", "an empty path");
    refused("/dev/null", "x", true, LAYR_EXIT_FAILED, "not a regular file", "a device");
    write_one("there", "old");
    refused(NULL, "there", true, LAYR_EXIT_FAILED, "there is there already: -f", "a file that is there");
    refused("there", "x", true, LAYR_EXIT_FAILED, "there is there already: -f", "named with -o");
    refused("there/x", "x", true, LAYR_EXIT_FAILED, "cannot write into folder there",
            "a file where a folder should be");
    ok(holds("there", "old"), "is as it was");
    unlink("there");
}

static int fill(layr_output_t *o, const char *text)
{
    layr_diag_t d = {0};

    return o->sink.write(o->sink.ctx, (const uint8_t *)text, strlen(text), &d);
}

static void test_write(void)
{
    layr_output_t o;
    layr_diag_t d = {0};
    struct stat st;

    umask(027);
    is_int(layr_output_open(&o, NULL, "new", false, false, 10, &key), LAYR_OPT_GO_ON, "a new file");
    ok(fill(&o, "hello") == 0 && fill(&o, "world") == 0, "written in two goes");
    ok(access("new", F_OK) != 0 && files() == 1, "is not there before its end");
    ok(stat(o.partial.path, &st) == 0 && (st.st_mode & 0777) == 0600, "and nobody's but ours");
    is_int(layr_output_finish(&o, 1000000000, &d), 0, "finished");
    layr_output_close(&o);
    ok(holds("new", "helloworld") && files() == 1, "it is there, whole, and nothing else");
    ok(stat("new", &st) == 0 && (st.st_mode & 0777) == 0640 && st.st_mtime == 1000000000,
       "with mode and time");

    is_int(layr_output_open(&o, NULL, "dropped", false, false, 10, &key), LAYR_OPT_GO_ON, "another");
    ok(fill(&o, "hello") == 0, "written");
    layr_output_close(&o);
    is_int(files(), 1, "and given up: nothing stays");

    is_int(layr_output_open(&o, "new", "x", false, true, 3, &key), LAYR_OPT_GO_ON, "-f");
    ok(fill(&o, "bye") == 0 && holds("new", "helloworld"), "leaves the old one until the end");
    is_int(layr_output_finish(&o, -1, &d), 0, "finished");
    layr_output_close(&o);
    ok(holds("new", "bye") && files() == 1, "then it is the new one");

    is_int(layr_output_open(&o, NULL, "race", false, false, 3, &key), LAYR_OPT_GO_ON, "a race");
    write_one("race", "theirs");
    ok(fill(&o, "own") == 0, "written");
    is_int(layr_output_finish(&o, -1, &d), LAYR_ERR_EXISTS, "is lost");
    layr_output_close(&o);
    ok(holds("race", "theirs") && files() == 2, "and the other's file stays");
    ok(mkdir("sub", 0700) == 0, "a folder");
    is_int(layr_output_open(&o, "sub", "in", false, false, 3, &key), LAYR_OPT_GO_ON, "-o folder");
    is_int(layr_output_finish(&o, -1, &d), 0, "finished");
    layr_output_close(&o);
    ok(access("sub/in", F_OK) == 0, "writes into it");
}

static void test_trouble(void)
{
    layr_output_t o;
    layr_diag_t d = {0};
    int out = dup(STDOUT_FILENO), p[2], full = open("/dev/full", O_WRONLY), rc;
    bool gone;

    fflush(stdout);
    if (pipe(p) != 0)
        ok(0, "pipe");
    close(p[0]);
    dup2(p[1], STDOUT_FILENO);
    rc = layr_output_open(&o, "-", "x", false, false, 3, &key);
    if (rc == LAYR_OPT_GO_ON)
        rc = o.sink.write(o.sink.ctx, (const uint8_t *)"x", 1, &d);
    gone = o.reader_gone;
    layr_output_close(&o);
    dup2(full, STDOUT_FILENO);
    int rc2 = layr_output_open(&o, "-", "x", false, false, 3, &key);
    if (rc2 == LAYR_OPT_GO_ON)
        rc2 = o.sink.write(o.sink.ctx, (const uint8_t *)"x", 1, &d);
    layr_output_close(&o);
    dup2(out, STDOUT_FILENO);
    close(p[1]);
    close(full);
    close(out);
    ok(rc == LAYR_ERR_CANCELLED && gone, "a reader that went away is no failure of ours");
    ok(rc2 == LAYR_ERR_NOSPACE && d.text[0], "a full device is: %s", d.text);
    atomic_store(&layr_guard_cancel, 1);
    is_int(layr_output_open(&o, NULL, "late", false, false, 3, &key), LAYR_OPT_GO_ON, "after Ctrl-C");
    is_int(fill(&o, "x"), LAYR_ERR_CANCELLED, "nothing more is written");
    layr_output_close(&o);
    atomic_store(&layr_guard_cancel, 0);
    ok(access("late", F_OK) != 0, "and nothing stays");
}

/* More than any file may have: asked for before the first byte comes. */
static void test_room(void)
{
    layr_output_t o;
    int before = files(), rc;

    words_start();
    rc = layr_output_open(&o, NULL, "huge", false, false, (uint64_t)INT64_MAX - 4096, &key);
    layr_output_close(&o);
    ok(words_hold("8.0 EiB are needed") & (rc == LAYR_EXIT_FAILED) & (files() == before),
       "no room is known at once");
}

int main(void)
{
    char command[96];

    snprintf(folder, sizeof folder, "/tmp/layr-output.XXXXXX");
    if (mkdtemp(folder) == NULL || chdir(folder) != 0) {
        printf("Bail out! no folder\n");
        return 1;
    }
    signal(SIGPIPE, SIG_IGN);
    if (layr_init() != LAYR_OK)
        printf("Bail out! no crypto\n");
    layr_say_init("test", true);
    test_names();
    test_write();
    test_trouble();
    test_room();
    snprintf(command, sizeof command, "rm -rf %s", folder);
    ok(chdir("/") == 0 && system(command) == 0, "cleaned up");
    return done();
}
