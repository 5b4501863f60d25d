/*
 * What programs say: results go to stdout by the program itself; everything here goes to stderr, for people.
 * A line about a failure starts with the program's name, as `program: text`.
 */
#ifndef LAYR_SAY_H
#define LAYR_SAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "layr/error.h"

/* Exit status of every program. */
typedef enum layr_exit {
    LAYR_EXIT_OK = 0,
    LAYR_EXIT_FAILED = 1,
    LAYR_EXIT_USAGE = 2,  /* wrong options or arguments */
    LAYR_EXIT_HOSTS = 3,  /* not enough hosts */
    LAYR_EXIT_DATA = 4,   /* data cannot be recovered, or failed verification */
    LAYR_EXIT_REFUSED = 5 /* wrong or insufficient capability, order refused */
} layr_exit_t;

/* The exit status that goes with a layr_error_t. */
layr_exit_t layr_say_exit(int code);

/* Name in front of failures (the last part of argv[0]), and whether notes and progress are wanted at all. */
void layr_say_init(const char *argv0, bool quiet);
const char *layr_say_program(void);

/*
 * From here on a line may stand among others for months: each has its time, or under systemd, whose journal knows that, its
 * level (sd-daemon(3)).
 */
void layr_say_log(void);

/* A failure: always printed. */
void layr_say_error(const char *fmt, ...) LAYR_PRINTF(1, 2);
/* A word for people; not with -q. */
void layr_say_note(const char *fmt, ...) LAYR_PRINTF(1, 2);
/* Print the diag's sentence, or the code's phrase where it has none, and give the exit status. */
int layr_say_failed(int code, const layr_diag_t *d);

/*
 * One line that is written over itself: on a terminal only and not with -q; at most ten a second, but always
 * one that is `last`, which ends the line. An error or a note in between first ends the line.
 */
void layr_say_progress(bool last, const char *fmt, ...) LAYR_PRINTF(2, 3);

/* "999 B", "16.0 MiB": binary units, one digit after the point from KiB on. */
#define LAYR_SIZE_TEXT 16
void layr_say_size(char out[LAYR_SIZE_TEXT], uint64_t bytes);

#endif
