/* crypto/keyfile.c: permissions, links, pipes, sizes, what is there already, and that nothing is left behind.
 */
#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto_vectors.h"
#include "layr/crypto.h"

static char dir[64] = "/tmp/layr-keyfile-XXXXXX";

static const char *in_dir(const char *name)
{
    static char path[2][128];
    static int turn;

    turn = !turn;
    snprintf(path[turn], sizeof path[turn], "%s/%s", dir, name);
    return path[turn];
}

static int entries(void)
{
    DIR *d = opendir(dir);
    int n = 0;

    while (d != NULL && readdir(d) != NULL)
        n++;
    if (d != NULL)
        closedir(d);
    return n - 2;
}

static void put(const char *path, const char *text, size_t len, mode_t mode)
{
    FILE *f = fopen(path, "wb");

    if (f == NULL || fwrite(text, 1, len, f) != len || fclose(f) != 0 || chmod(path, mode) != 0) {
        printf("Bail out! cannot write %s\n", path);
        exit(1);
    }
}

static void test_plain(const uint8_t master[32])
{
    char path[128], want[80], hex[65], got[128] = "";
    uint8_t out[32] = {0};
    layr_diag_t d = {0};
    struct stat st;
    mode_t old = umask(0);
    FILE *f;

    snprintf(path, sizeof path, "%s", in_dir("plain"));
    is_int(layr_keyfile_write(path, master, NULL, &d), 0, "a plain key is written");
    umask(old);
    ok(stat(path, &st) == 0 && (st.st_mode & 07777) == 0600, "with mode 0600, whatever the umask");
    ok(st.st_nlink == 1 && entries() == 1, "and nothing beside it");
    layr_hex(hex, master, 32);
    snprintf(want, sizeof want, "layr-key-v1\n%s\n", hex);
    f = fopen(path, "rb");
    ok(f != NULL && fread(got, 1, sizeof got - 1, f) == strlen(want) && strcmp(got, want) == 0,
       "as the format says");
    if (f != NULL)
        fclose(f);
    ok(layr_keyfile_read(out, path, NULL, &d) == 0 && memcmp(out, master, 32) == 0, "and is read back");
    is_int(layr_keyfile_is_wrapped(path), 0, "it wants no passphrase");
    ok(layr_keyfile_read(out, path, "any", &d) == 0 && d.code == 0, "and minds none");
}

static void test_exists(const uint8_t master[32])
{
    uint8_t other[32] = {1}, out[32] = {0};
    layr_diag_t d = {0};
    int before = entries();

    is_int(layr_keyfile_write(in_dir("plain"), other, NULL, &d), LAYR_ERR_EXISTS,
           "a key is never written over");
    ok(strstr(d.text, "/plain") != NULL, "and the diagnosis names it: %s", d.text);
    ok(layr_keyfile_read(out, in_dir("plain"), NULL, NULL) == 0 && memcmp(out, master, 32) == 0,
       "the old one stays");
    ok(symlink("nowhere", in_dir("dangling")) == 0 &&
           layr_keyfile_write(in_dir("dangling"), other, NULL, NULL) == LAYR_ERR_EXISTS &&
           access(in_dir("nowhere"), F_OK) != 0,
       "nor through a symbolic link");
    unlink(in_dir("dangling"));
    is_int(layr_keyfile_write(in_dir("no/such"), other, NULL, NULL), LAYR_ERR_IO,
           "a missing folder is an error");
    is_int(layr_keyfile_write(in_dir("empty"), other, "", NULL), LAYR_ERR_ARG,
           "an empty passphrase is refused");
    is_int(entries(), before, "no failure leaves anything behind");
}

static void test_modes(void)
{
    uint8_t out[32];
    int refused = 0;

    for (int bit = 0; bit < 6; bit++) {
        chmod(in_dir("plain"), (mode_t)(0600 | 1 << bit));
        refused += layr_keyfile_read(out, in_dir("plain"), NULL, NULL) == LAYR_ERR_CAP &&
                   layr_keyfile_is_wrapped(in_dir("plain")) == LAYR_ERR_CAP;
    }
    is_int(refused, 6, "any right of group or others is refused");
    chmod(in_dir("plain"), 0400);
    is_int(layr_keyfile_read(out, in_dir("plain"), NULL, NULL), 0, "read-only for its owner is fine");
    chmod(in_dir("plain"), 0600);
}

static void test_not_files(void)
{
    uint8_t out[32];
    char big[5000];

    memset(big, 'x', sizeof big);
    is_int(layr_keyfile_read(out, in_dir("none"), NULL, NULL), LAYR_ERR_NOTFOUND, "no file");
    is_int(layr_keyfile_is_wrapped(in_dir("none")), LAYR_ERR_NOTFOUND, "no file");
    ok(symlink("plain", in_dir("link")) == 0 &&
           layr_keyfile_read(out, in_dir("link"), NULL, NULL) == LAYR_ERR_IO,
       "a symbolic link is not followed");
    ok(mkfifo(in_dir("pipe"), 0600) == 0 &&
           layr_keyfile_read(out, in_dir("pipe"), NULL, NULL) == LAYR_ERR_FORMAT,
       "a pipe is refused at once");
    is_int(layr_keyfile_read(out, dir, NULL, NULL), LAYR_ERR_FORMAT, "a folder is refused");
    put(in_dir("big"), big, 4097, 0600);
    is_int(layr_keyfile_read(out, in_dir("big"), NULL, NULL), LAYR_ERR_LIMIT, "over 4 KiB is refused unread");
    put(in_dir("big"), big, 4096, 0600);
    is_int(layr_keyfile_read(out, in_dir("big"), NULL, NULL), LAYR_ERR_FORMAT, "4 KiB of something else too");
    put(in_dir("big"), "", 0, 0600);
    is_int(layr_keyfile_read(out, in_dir("big"), NULL, NULL), LAYR_ERR_FORMAT, "an empty file too");
    unlink(in_dir("link"));
    unlink(in_dir("pipe"));
    unlink(in_dir("big"));
}

/* At the real cost, so few times. */
static void test_wrapped(const uint8_t master[32])
{
    char path[128];
    uint8_t out[32], before[32];
    layr_diag_t d = {0};

    memset(out, 0x5a, 32);
    memcpy(before, out, 32);
    snprintf(path, sizeof path, "%s", in_dir("wrapped"));
    is_int(layr_keyfile_write(path, master, "correct horse", &d), 0, "a wrapped key is written");
    is_int(layr_keyfile_is_wrapped(path), 1, "it wants a passphrase");
    is_int(layr_keyfile_read(out, path, NULL, &d), LAYR_ERR_KEY, "without one it is not read");
    d.code = 0;
    is_int(layr_keyfile_read(out, path, "wrong horse", &d), LAYR_ERR_KEY, "with a wrong one neither");
    is_mem(out, before, 32, "the output is left alone");
    ok(strstr(d.text, "horse") == NULL, "the diagnosis holds no secret: %s", d.text);
    ok(layr_keyfile_read(out, path, "correct horse", NULL) == 0 && memcmp(out, master, 32) == 0,
       "with its own it is");
    unlink(path);
}

static void test_cut(const uint8_t master[32])
{
    char text[80], hex[65];
    uint8_t out[32];
    int refused = 0;

    layr_hex(hex, master, 32);
    snprintf(text, sizeof text, "layr-key-v1\n%s\n", hex);
    for (size_t len = 0; len < strlen(text); len++) {
        put(in_dir("cut"), text, len, 0600);
        refused += layr_keyfile_read(out, in_dir("cut"), NULL, NULL) == LAYR_ERR_FORMAT;
    }
    is_int(refused, (long long)strlen(text), "a file cut at any byte is refused");
    unlink(in_dir("cut"));
}

static void test_here(const uint8_t master[32])
{
    char home[4096];
    uint8_t out[32] = {0};

    if (getcwd(home, sizeof home) == NULL || chdir(dir) != 0) {
        ok(0, "cannot change to %s", dir);
        return;
    }
    ok(layr_keyfile_write("here", master, NULL, NULL) == 0 &&
           layr_keyfile_read(out, "here", NULL, NULL) == 0 && memcmp(out, master, 32) == 0,
       "a bare name is in the current folder");
    unlink("here");
    ok(chdir(home) == 0, "and back");
}

int main(void)
{
    uint8_t master[32];

    if (layr_init() != 0 || mkdtemp(dir) == NULL)
        return 1;
    vectors_pattern(master, 32, 50);
    test_plain(master);
    test_exists(master);
    test_modes();
    test_not_files();
    test_cut(master);
    test_here(master);
    test_wrapped(master);
    unlink(in_dir("plain"));
    ok(rmdir(dir) == 0, "the folder is empty in the end");
    return done();
}
