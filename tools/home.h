/* The folders of key, configuration and state, and the owner's key in them. */
#ifndef LAYR_HOME_H
#define LAYR_HOME_H

#include "layr/crypto.h"
#include "opt.h"

/*
 * Make a folder and what is missing above it, mode 0700. LAYR_ERR_IO; LAYR_ERR_CAP when it is there and
 * others may write into it, as they could then put their key or journal in the place of the owner's.
 */
int layr_home_folder(const char *dir, layr_diag_t *d) LAYR_CHECKED;

/* <config_dir>/key, <state_dir>/journal.db: malloc'd; NULL when out of memory. */
char *layr_home_key_path(const layr_opt_t *o) LAYR_CHECKED;
char *layr_home_journal_path(const layr_opt_t *o) LAYR_CHECKED;

/*
 * The master secret, in sodium_malloc'd memory: the passphrase is asked for when the key file wants one.
 * LAYR_ERR_NOTFOUND when there is no key yet; else as layr_keyfile_read and layr_pass_get.
 */
int layr_home_master(const layr_opt_t *o, uint8_t **out, layr_diag_t *d) LAYR_CHECKED;

#endif
