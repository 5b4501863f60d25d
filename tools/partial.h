/*
 * What a download is before it gets its name: a file or folder beside the target, whose name follows from what is got and
 * where it goes, so that another try finds it. What stands in it is nobody's word: it has to be checked.
 */
#ifndef LAYR_PARTIAL_H
#define LAYR_PARTIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whose it is, and whether the next try may go on with it. */
typedef struct layr_partial_key {
    const uint8_t *record_id, *version; /* 32 bytes each: the file, and the SHA-256 of its content */
    const char *part;                   /* of a folder the path that is wanted; "": all */
    bool resume; /* go on with an earlier one, and leave this one where it is not finished */
} layr_partial_key_t;

typedef struct layr_partial {
    char *folder, *path; /* the target's folder; in it, .layr-get-<16 hex digits>-<8 of the version> */
    int fd; /* of a file for reading and writing; locked, so that nobody else touches it. -1: none */
    bool is_folder;
    bool found; /* an earlier try left something in it */
    bool keep;  /* it stays when it is closed */
    bool named; /* it is no partial any more */
    bool begun; /* by us */
} layr_partial_t;

#define LAYR_PARTIAL_DAYS 7 /* older ones are removed by the next download beside them */

/*
 * Makes it, or goes on with one that is there: without `resume` it is emptied. mode 0700 or 0600.
 * LAYR_OPT_GO_ON, or an exit status after saying why. layr_partial_close either way.
 */
int layr_partial_open(layr_partial_t *p, const char *target, bool is_folder, const layr_partial_key_t *key);
/* As pread and pwrite, to the end: bytes that were there, 0 or -1 with errno. */
size_t layr_partial_read(int fd, uint8_t *buf, size_t len, uint64_t at);
int layr_partial_write(int fd, const uint8_t *buf, size_t len, uint64_t at);
/* It has its name now. */
void layr_partial_named(layr_partial_t *p);
/* Removes it, unless it was named or is to be kept. */
void layr_partial_close(layr_partial_t *p);

#endif
