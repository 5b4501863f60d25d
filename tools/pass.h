/*
 * The passphrase of a wrapped key file. It comes from a file or from the terminal, never from an argument or
 * the environment, which other processes can see.
 */
#ifndef LAYR_PASS_H
#define LAYR_PASS_H

#include <stdbool.h>

#include "layr/error.h"
#include "opt.h"

/* For a program's table of options. */
#define LAYR_PASS_OPTION                                                                                     \
    {                                                                                                        \
        0, "passphrase-file", "FILE", "the key's passphrase is the first line of FILE", LAYR_OPT_TEXT,       \
            &layr_pass_file, 0, 0                                                                            \
    }
extern const char *layr_pass_file;

/* A file was named by option or by LAYR_PASSPHRASE_FILE. */
bool layr_pass_given(void);

/*
 * Into *out, to be given to layr_pass_free. twice: it is a new one, and is asked for again. LAYR_ERR_KEY when
 * there is nobody to ask, or the two differ; LAYR_ERR_CANCELLED after Ctrl-C; LAYR_ERR_IO; d says it.
 */
int layr_pass_get(char **out, bool twice, layr_diag_t *d) LAYR_CHECKED;
void layr_pass_free(char *pass); /* wipes; NULL is harmless */

#endif
