/* tools/partial.c: unfinished downloads are found again, by nobody else at once, and never in place of what is not ours. */
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../tools/opt.h"
#include "../../tools/partial.h"
#include "layr/crypto.h"
#include "tap.h"

static const uint8_t record_id[32] = {1}, version[32] = {2}, newer[32] = {3};
static layr_partial_key_t key = {record_id, version, "", true};
static char left[256]; /* path of what was left last */

static int open_one(layr_partial_t *p, bool folder)
{
    int rc = layr_partial_open(p, "./target", folder, &key);

    if (rc == LAYR_OPT_GO_ON)
        snprintf(left, sizeof left, "%s", p->path);
    return rc;
}

static int entries(void)
{
    DIR *d = opendir(".");
    int n = 0;

    while (d != NULL && readdir(d) != NULL)
        n++;
    if (d != NULL)
        closedir(d);
    return n - 2;
}

static void test_files(void)
{
    layr_partial_t p, q;
    struct stat st;
    uint8_t got[8];
    int rc;

    is_int(open_one(&p, false), LAYR_OPT_GO_ON, "a file is begun");
    ok(!p.found && fstat(p.fd, &st) == 0 && (st.st_mode & 07777) == 0600, "and is nobody's but ours");
    is_int(layr_partial_write(p.fd, (const uint8_t *)"hello", 5, 3), 0, "written");
    is_int(open_one(&q, false), LAYR_EXIT_FAILED, "nobody else has it at the same time");
    layr_partial_close(&q);
    layr_partial_close(&p);
    ok(access(left, F_OK) == 0, "it is kept");

    (void)chmod(left, 0444);
    is_int(open_one(&p, false), LAYR_OPT_GO_ON, "and gone on with");
    ok(p.found && fstat(p.fd, &st) == 0 && (st.st_mode & 07777) == 0600, "whatever mode it had");
    is_int((long)layr_partial_read(p.fd, got, sizeof got, 3), 5, "what is there is read, and no more");
    layr_partial_close(&p);

    key.version = newer;
    is_int(open_one(&p, false), LAYR_OPT_GO_ON, "for another version");
    ok(p.found && entries() == 1, "it is gone on with under another name");
    layr_partial_close(&p);

    key.part = "in/it";
    is_int(open_one(&p, false), LAYR_OPT_GO_ON, "another part");
    ok(!p.found && entries() == 2, "is another file");
    p.keep = false;
    layr_partial_close(&p);
    key.part = "";
    is_int(entries(), 1, "which goes when it is not kept");

    key.resume = false;
    rc = open_one(&p, false);
    ok(rc == LAYR_OPT_GO_ON && !p.found && fstat(p.fd, &st) == 0 && st.st_size == 0,
       "without resume it is emptied");
    ok(rename(p.path, "target") == 0, "its name");
    layr_partial_named(&p);
    layr_partial_close(&p);
    ok(entries() == 1 && unlink("target") == 0, "then nothing else is left");
    key.resume = true;
}

static void test_folders(void)
{
    layr_partial_t p;
    char in[300];
    int fd;

    is_int(open_one(&p, false), LAYR_OPT_GO_ON, "a file");
    layr_partial_close(&p);
    is_int(open_one(&p, true), LAYR_OPT_GO_ON, "in whose place a folder is begun");
    ok(!p.found, "it is new");
    snprintf(in, sizeof in, "%s/in", left);
    fd = open(in, O_CREAT | O_WRONLY, 0600);
    ok(fd >= 0 && close(fd) == 0, "with a file in it");
    layr_partial_close(&p);
    (void)chmod(left, 0);
    is_int(open_one(&p, true), LAYR_OPT_GO_ON, "gone on with");
    ok(p.found && access(in, F_OK) == 0, "the file is there");
    layr_partial_close(&p);
    key.resume = false;
    is_int(open_one(&p, true), LAYR_OPT_GO_ON, "begun anew");
    ok(!p.found && access(in, F_OK) != 0, "it is not");
    layr_partial_close(&p);
    key.resume = true;
    is_int(entries(), 0, "and nothing is left");
}

static void refused(const char *what)
{
    layr_partial_t p;

    ok(open_one(&p, false) == LAYR_EXIT_FAILED, "%s in its place is not touched", what);
    layr_partial_close(&p);
    ok(unlink(left) == 0, "and stays");
}

static void test_foreign(void)
{
    layr_partial_t p;
    int fd = open("precious", O_CREAT | O_WRONLY, 0600);

    ok(fd >= 0 && close(fd) == 0, "a file");
    is_int(open_one(&p, false), LAYR_OPT_GO_ON, "where it is begun");
    p.keep = false;
    layr_partial_close(&p);
    ok(symlink("precious", left) == 0, "a link");
    refused("a link");
    ok(link("precious", left) == 0, "a second name");
    refused("another file's second name");
    ok(mkfifo(left, 0600) == 0, "a pipe");
    refused("a pipe");
    ok(unlink("precious") == 0, "the file is what it was");
}

/* Whoever holds it may be done with it between our look and our lock: nobody is ever given a file that has its name. */
static void test_race(void)
{
    layr_partial_t p;
    struct stat a, b;
    int bad = 0, status = 0;
    pid_t pid;

    fflush(stdout);
    pid = fork();
    for (int i = 0; i < 300; i++) {
        if (layr_partial_open(&p, "./target", false, &key) == LAYR_OPT_GO_ON) {
            bad += fstat(p.fd, &a) != 0 || stat(p.path, &b) != 0 || a.st_ino != b.st_ino;
            if (rename(p.path, pid == 0 ? "one" : "other") != 0)
                bad++;
            layr_partial_named(&p);
        }
        layr_partial_close(&p);
    }
    if (pid == 0)
        _exit(bad != 0);
    waitpid(pid, &status, 0);
    ok(bad == 0 && status == 0, "two at once never have the same");
}

int main(void)
{
    char folder[] = "/tmp/layr-partial.XXXXXX", command[96];
    int quiet = open("/dev/null", O_WRONLY);

    if (mkdtemp(folder) == NULL || chdir(folder) != 0 || layr_init() != LAYR_OK) {
        printf("Bail out! no folder\n");
        return 1;
    }
    layr_say_init("test", true);
    dup2(quiet, 2);
    test_files();
    test_folders();
    test_foreign();
    test_race();
    snprintf(command, sizeof command, "rm -rf %s", folder);
    ok(chdir("/") == 0 && system(command) == 0, "cleaned up");
    return done();
}
