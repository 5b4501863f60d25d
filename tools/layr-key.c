/* layr-key: make, recover and show the owner's key. */
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "guard.h"
#include "home.h"
#include "layr/bytes.h"
#include "opt.h"
#include "pass.h"
#include "show.h"

static bool opt_passphrase;

static const layr_opt_def_t options[] = {{0, "passphrase", NULL,
                                          "wrap a new or recovered key with a passphrase", LAYR_OPT_FLAG,
                                          &opt_passphrase, 0, 0},
                                         LAYR_PASS_OPTION,
                                         LAYR_OPT_END};

static const layr_opt_spec_t spec = {
    "new [--passphrase]\nrecover [--passphrase] < WORDS\nid",
    "The owner's key: `new` makes one and prints the 24 words that bring it back,\n"
    "once; `recover` makes it again from the words, read from standard input;\n"
    "`id` prints the public key.",
    options,
    LAYR_OPT_HOME | LAYR_OPT_JSON,
    1,
    25, /* so that words given as arguments can be told where they belong */
    NULL};

/* Where the key will be; refused before anything is asked or shown when one is there. */
static int new_path(const layr_opt_t *o, char **out)
{
    layr_diag_t d = {0};
    char *path = layr_home_key_path(o);
    int rc = path != NULL ? layr_home_folder(o->config_dir, &d) : LAYR_ERR_NOMEM;

    if (rc != 0)
        layr_say_failed(rc, &d);
    else if (access(path, F_OK) == 0 || errno != ENOENT)
        layr_say_error(
            "there is a key already, %s, and it was left as it is: all files put with it need it (another "
            "one can live in another folder: --home DIR)",
            path);
    else {
        *out = path;
        return LAYR_OPT_GO_ON;
    }
    free(path);
    return LAYR_EXIT_FAILED;
}

static int print_id(const layr_opt_t *o, const uint8_t *master, const char *path, const char *words)
{
    uint8_t seed[32] = {0}, public[32] = {0};
    char hex[65];
    cJSON *j = NULL;
    int rc = LAYR_EXIT_OK, bad = 0;

    layr_owner_seed(seed, master);
    layr_sign_public(public, seed);
    layr_hex(hex, public, sizeof public);
    if (o->json) {
        j = cJSON_CreateObject();
        bad |= layr_json_text(j, "id", hex);
        if (path != NULL)
            bad |= layr_json_text(j, "file", path);
        if (words != NULL)
            bad |= layr_json_text(j, "words", words);
        rc = layr_json_print(j, bad);
    } else {
        puts(words != NULL ? words : hex);
        rc = layr_show_end();
    }
    layr_wipe(seed, sizeof seed);
    return rc;
}

/* Write the key file, wrapped when that was asked for. */
static int write_key(const char *path, const uint8_t *master)
{
    layr_diag_t d = {0};
    char *pass = NULL;
    int rc = 0;

    if (opt_passphrase || layr_pass_file != NULL)
        rc = layr_pass_get(&pass, true, &d);
    if (rc == 0)
        rc = layr_keyfile_write(path, master, pass, &d);
    layr_pass_free(pass);
    if (rc == 0)
        return LAYR_OPT_GO_ON;
    layr_say_failed(rc, &d);
    return LAYR_EXIT_FAILED;
}

/* A key whose words could not be written goes again: it would be a trap. */
static int command_new(const layr_opt_t *o)
{
    char *path = NULL, *words = sodium_malloc(LAYR_PHRASE_MAX);
    uint8_t *master = sodium_malloc(LAYR_KEY_BYTES);
    int rc = new_path(o, &path);

    if (rc != LAYR_OPT_GO_ON)
        goto done;
    if (words == NULL || master == NULL) {
        rc = layr_say_failed(LAYR_ERR_NOMEM, NULL);
        goto done;
    }
    layr_random(master, LAYR_KEY_BYTES);
    layr_phrase_from_key(words, master);
    rc = write_key(path, master);
    if (rc != LAYR_OPT_GO_ON)
        goto done;
    rc = print_id(o, master, path, words);
    if (rc != LAYR_EXIT_OK) {
        unlink(path); /* made a moment ago, and nothing was put with it yet */
        layr_say_error("the words could not be written, so no key was made");
        goto done;
    }
    layr_say_note("The key is in %s.", path);
    layr_say_note(
        "Write the 24 words down on paper and keep them where nobody else finds them: they alone bring "
        "your files back when this file is lost, and whoever has them has your files. They are not "
        "shown again.");
done:
    sodium_free(words);
    sodium_free(master);
    free(path);
    return rc;
}

/* All of stdin, at most cap bytes. The length, or -1 when it can't be read (said). */
static ssize_t read_words(char *out, size_t cap)
{
    size_t len = 0;

    while (len < cap) {
        ssize_t n = read(STDIN_FILENO, out + len, cap - len);

        if (atomic_load(&layr_guard_cancel))
            return -1;
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            layr_say_error("cannot read standard input: %s", strerror(errno));
            return -1;
        }
        if (n == 0 || (isatty(STDIN_FILENO) && out[len + (size_t)n - 1] == '\n')) {
            len += (size_t)n;
            break;
        }
        len += (size_t)n;
    }
    return (ssize_t)len;
}

static int take_words(uint8_t *master, const char *words, size_t len)
{
    unsigned bad = 0;

    switch (layr_phrase_to_key(master, words, len, &bad)) {
    case LAYR_OK:
        return LAYR_OPT_GO_ON;
    case LAYR_ERR_NOTFOUND:
        layr_say_error("word %u of the 24 is not a word of the list: check how it is spelt", bad);
        break;
    case LAYR_ERR_AUTH:
        layr_say_error("the 24 words do not belong together: one is wrong, or two have changed places");
        break;
    default:
        layr_say_error("24 words are needed, with spaces or line ends between them");
    }
    return LAYR_EXIT_FAILED;
}

static int command_recover(const layr_opt_t *o)
{
    enum { CAP = 4096 }; /* 24 words, however generously spaced */
    char *path = NULL, *words = sodium_malloc(CAP);
    uint8_t *master = sodium_malloc(LAYR_KEY_BYTES);
    ssize_t len;
    int rc = new_path(o, &path);

    if (rc != LAYR_OPT_GO_ON)
        goto done;
    if (words == NULL || master == NULL) {
        rc = layr_say_failed(LAYR_ERR_NOMEM, NULL);
        goto done;
    }
    if (isatty(STDIN_FILENO))
        layr_say_note("Type the 24 words in one line:");
    len = read_words(words, CAP);
    rc = len < 0 ? LAYR_EXIT_FAILED : take_words(master, words, (size_t)len);
    if (rc == LAYR_OPT_GO_ON)
        rc = write_key(path, master);
    if (rc == LAYR_OPT_GO_ON)
        rc = print_id(o, master, path, NULL);
    if (rc == LAYR_EXIT_OK)
        layr_say_note("The key is in %s.", path);
done:
    sodium_free(words);
    sodium_free(master);
    free(path);
    return rc;
}

static int command_id(const layr_opt_t *o)
{
    layr_diag_t d = {0};
    uint8_t *master = NULL;
    int rc = layr_home_master(o, &master, &d);

    if (rc == 0)
        rc = print_id(o, master, NULL, NULL);
    else {
        layr_say_failed(rc, &d);
        rc = LAYR_EXIT_FAILED;
    }
    sodium_free(master);
    return rc;
}

static int run(const layr_opt_t *o)
{
    const char *command = o->operand[0];
    bool recover = strcmp(command, "recover") == 0;

    if (layr_init() != 0)
        return layr_say_failed(LAYR_ERR_CRYPTO, NULL);
    if (o->count > 1) {
        for (unsigned i = 1; i < o->count; i++)
            layr_guard_hide(o->operand[i]);
        return layr_opt_usage(
            recover ? "recover takes the words from standard input: what is given as an argument "
                      "can be seen by everybody on this machine and stays in the shell's history"
                    : "%s takes no arguments",
            command);
    }
    if (recover)
        return command_recover(o);
    if (strcmp(command, "new") == 0)
        return command_new(o);
    if (strcmp(command, "id") == 0) {
        if (opt_passphrase)
            return layr_opt_usage("--passphrase goes with new and recover");
        return command_id(o);
    }
    return layr_opt_usage("unknown command '%s': new, recover or id", command);
}

int main(int argc, char **argv)
{
    layr_opt_t o;
    int rc;

    layr_guard_start();
    rc = layr_opt_parse(&o, &spec, argc, argv);
    if (rc == LAYR_OPT_GO_ON)
        rc = run(&o);
    layr_opt_free(&o);
    return rc;
}
