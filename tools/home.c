/* Folders and key. */
#include "home.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pass.h"

/* Each missing part of the path, from the top. */
static int make_parts(char *path)
{
    for (char *p = path + 1; *p != 0; p++) {
        if (*p != '/')
            continue;
        *p = 0;
        if (mkdir(path, S_IRWXU) != 0 && errno != EEXIST)
            return LAYR_ERR_IO; /* the part that failed is what is left of path */
        *p = '/';
    }
    return mkdir(path, S_IRWXU) != 0 && errno != EEXIST ? LAYR_ERR_IO : 0;
}

int layr_home_folder(const char *dir, layr_diag_t *d)
{
    struct stat st;
    char *path = strdup(dir);
    int rc;

    if (path == NULL || *path == 0) {
        free(path);
        return layr_diag_set(d, LAYR_ERR_ARG, "the home folder has no name");
    }
    rc = make_parts(path);
    if (rc == 0 && stat(dir, &st) != 0)
        rc = LAYR_ERR_IO;
    if (rc != 0)
        layr_diag_set(d, rc, "cannot make folder %s: %s", path, strerror(errno));
    else if (!S_ISDIR(st.st_mode))
        rc = layr_diag_set(d, LAYR_ERR_IO, "%s is not a folder", dir);
    else if (st.st_mode & (S_IWGRP | S_IWOTH))
        rc = layr_diag_set(d, LAYR_ERR_CAP, "others may write into folder %s (mode %03o): chmod 700 it", dir,
                           (unsigned)(st.st_mode & 07777));
    free(path);
    return rc;
}

char *layr_home_key_path(const layr_opt_t *o)
{
    return layr_opt_path(o->config_dir, "key");
}

char *layr_home_journal_path(const layr_opt_t *o)
{
    return layr_opt_path(o->state_dir, "journal.db");
}

static int read_key(uint8_t *master, const char *path, layr_diag_t *d)
{
    char *pass = NULL;
    int rc = layr_keyfile_is_wrapped(path);

    if (rc == 1)
        rc = layr_pass_get(&pass, false, d);
    else
        rc = 0; /* what is wrong with the file, layr_keyfile_read says in a sentence */
    if (rc == 0)
        rc = layr_keyfile_read(master, path, pass, d);
    layr_pass_free(pass);
    return rc;
}

int layr_home_master(const layr_opt_t *o, uint8_t **out, layr_diag_t *d)
{
    char *path = layr_home_key_path(o);
    uint8_t *master = sodium_malloc(LAYR_KEY_BYTES);
    int rc = LAYR_ERR_NOMEM;

    if (path == NULL || master == NULL)
        goto done;
    if (access(path, F_OK) != 0 && errno == ENOENT) {
        rc = layr_diag_set(
            d, LAYR_ERR_NOTFOUND,
            "there is no key yet (%s): run `layr-key new`, or `layr-key recover` with the 24 words "
            "of an old one",
            path);
        goto done;
    }
    rc = read_key(master, path, d);
    if (rc == 0) {
        *out = master;
        master = NULL;
    }
done:
    sodium_free(master);
    free(path);
    return rc;
}
