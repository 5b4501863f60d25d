/* What tests of the journal share: one in a folder of its own. */
#ifndef LAYR_TEST_DB_JOURNAL_H
#define LAYR_TEST_DB_JOURNAL_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "layr/journal.h"
#include "tap.h"

/* folder: a template for mkdtemp. Ends the test when there is none. */
static layr_journal_t *journal_new(char *folder, const uint8_t master[32])
{
    layr_journal_t *j = NULL;
    layr_diag_t d = {0};
    char path[256];

    if (layr_init() != 0 || mkdtemp(folder) == NULL) {
        printf("Bail out! no crypto or no folder\n");
        exit(1);
    }
    snprintf(path, sizeof path, "%s/j", folder);
    if (layr_journal_open(&j, path, master, &d) != 0) {
        printf("Bail out! %s\n", d.text);
        exit(1);
    }
    return j;
}

static void journal_remove(layr_journal_t *j, const char *folder)
{
    static const char *const suffix[] = {"", "-wal", "-shm", "-lock"};
    char path[256];

    layr_journal_close(j);
    for (unsigned i = 0; i < sizeof suffix / sizeof *suffix; i++) {
        snprintf(path, sizeof path, "%s/j%s", folder, suffix[i]);
        unlink(path);
    }
    ok(rmdir(folder) == 0, "cleaned up");
}

#endif
