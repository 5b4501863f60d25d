/* Reading a passphrase without showing it or leaving a copy. */
#include "pass.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "guard.h"

#define PASS_MAX_BYTES 1024 /* with the newline */

const char *layr_pass_file;

static const char *file_name(void)
{
    const char *env = getenv("LAYR_PASSPHRASE_FILE");

    if (layr_pass_file != NULL)
        return layr_pass_file;
    return env != NULL && *env ? env : NULL;
}

bool layr_pass_given(void)
{
    return file_name() != NULL;
}

void layr_pass_free(char *pass)
{
    sodium_free(pass);
}

/* The first line, byte by byte: what follows it on a terminal or a pipe is not ours. */
static int read_line(int fd, char *out, const char *what, layr_diag_t *d)
{
    size_t len = 0;

    for (;;) {
        ssize_t n = read(fd, out + len, 1);

        if (atomic_load(&layr_guard_cancel))
            return layr_diag_set(d, LAYR_ERR_CANCELLED, "stopped");
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return layr_diag_set(d, LAYR_ERR_IO, "cannot read %s: %s", what, strerror(errno));
        if (n == 0 || out[len] == '\n')
            break;
        if (++len == PASS_MAX_BYTES - 1)
            return layr_diag_set(d, LAYR_ERR_LIMIT, "%s: a passphrase has at most %d bytes", what,
                                 PASS_MAX_BYTES - 2);
    }
    if (len > 0 && out[len - 1] == '\r')
        len--;
    out[len] = 0;
    if (len == 0)
        return layr_diag_set(d, LAYR_ERR_KEY, "%s: the passphrase is empty", what);
    return 0;
}

static int from_file(char *out, layr_diag_t *d)
{
    const char *name = file_name();
    struct stat st;
    int fd = open(name, O_RDONLY | O_CLOEXEC), rc;

    if (fd < 0)
        return layr_diag_set(d, LAYR_ERR_IO, "cannot open passphrase file %s: %s", name, strerror(errno));
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & (S_IRWXG | S_IRWXO)))
        layr_say_note("note: passphrase file %s is open to others (mode %03o): chmod 600 it", name,
                      (unsigned)(st.st_mode & 0777));
    rc = read_line(fd, out, name, d);
    close(fd);
    return rc;
}

static void tell(int tty, const char *text)
{
    if (write(tty, text, strlen(text)) < 0)
        errno = 0; /* then it is asked without a prompt */
}

/* Echo is off while it is typed; Ctrl-Z waits, or the shell would get a terminal without echo. */
static int ask(int tty, const char *prompt, char *out, layr_diag_t *d)
{
    struct termios was, now;
    sigset_t stop, mask;
    int rc;

    if (tcgetattr(tty, &was) != 0)
        return layr_diag_set(d, LAYR_ERR_IO, "cannot use the terminal: %s", strerror(errno));
    now = was;
    now.c_lflag &= ~(tcflag_t)(ECHO | ECHOE | ECHOK | ECHONL);
    sigemptyset(&stop);
    sigaddset(&stop, SIGTSTP);
    sigprocmask(SIG_BLOCK, &stop, &mask);
    tcsetattr(tty, TCSAFLUSH, &now);
    tell(tty, prompt);
    rc = read_line(tty, out, "the terminal", d);
    tell(tty, "\n");
    tcsetattr(tty, TCSAFLUSH, &was);
    sigprocmask(SIG_SETMASK, &mask, NULL);
    return rc;
}

static int from_terminal(char *out, bool twice, layr_diag_t *d)
{
    char *again = NULL;
    int tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY), rc;

    if (tty < 0)
        return layr_diag_set(
            d, LAYR_ERR_KEY,
            "the key has a passphrase and there is no terminal to ask for it: name a file that "
            "holds it with --passphrase-file");
    rc = ask(tty, twice ? "new passphrase: " : "passphrase: ", out, d);
    if (rc != 0 || !twice)
        goto done;
    again = sodium_malloc(PASS_MAX_BYTES);
    rc = again != NULL ? ask(tty, "once more: ", again, d) : LAYR_ERR_NOMEM;
    if (rc == 0 && strcmp(out, again) != 0)
        rc = layr_diag_set(d, LAYR_ERR_KEY, "the two passphrases differ: nothing was done");
done:
    sodium_free(again);
    close(tty);
    return rc;
}

int layr_pass_get(char **out, bool twice, layr_diag_t *d)
{
    char *pass = sodium_malloc(PASS_MAX_BYTES);
    int rc = LAYR_ERR_NOMEM;

    if (pass == NULL)
        return layr_diag_set(d, rc, "out of memory");
    rc = layr_pass_given() ? from_file(pass, d) : from_terminal(pass, twice, d);
    if (rc == 0)
        *out = pass;
    else
        sodium_free(pass);
    return rc;
}
