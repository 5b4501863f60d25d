/*
 * The one error enum of the library.  Functions return 0 or a negative code;
 * an output through a pointer is set only on success.
 */
#ifndef LAYR_ERROR_H
#define LAYR_ERROR_H

#include <stddef.h>

/* The result must be looked at. */
#define LAYR_CHECKED __attribute__((warn_unused_result))
#define LAYR_PRINTF(f, a) __attribute__((format(printf, f, a)))

typedef enum layr_error {
    LAYR_OK = 0,
    LAYR_ERR_NOMEM = -1,       /* out of memory */
    LAYR_ERR_ARG = -2,         /* the caller's argument is outside its range */
    LAYR_ERR_FORMAT = -3,      /* bytes that are not what they should be */
    LAYR_ERR_LIMIT = -4,       /* well formed, but larger than a stated limit */
    LAYR_ERR_AUTH = -5,        /* a signature, a seal or a hash does not match */
    LAYR_ERR_EXPIRED = -6,     /* a statement past its exp */
    LAYR_ERR_FUTURE = -7,      /* a statement whose iat is more than the clock skew ahead */
    LAYR_ERR_VERSION = -8,     /* an alg, typ, version or field that is not ours */
    LAYR_ERR_IO = -9,          /* a file or device failed; errno says how */
    LAYR_ERR_NOSPACE = -10,    /* no room left: disk, capacity or quota */
    LAYR_ERR_EXISTS = -11,     /* there already, and not to be replaced */
    LAYR_ERR_NOTFOUND = -12,   /* not there */
    LAYR_ERR_DB = -13,         /* SQLite failed */
    LAYR_ERR_NET = -14,        /* no connection, or cut off in the middle */
    LAYR_ERR_TIMEOUT = -15,    /* no answer, or too slow an answer, in time */
    LAYR_ERR_REFUSED = -16,    /* the host answered with a refusal */
    LAYR_ERR_HOSTS = -17,      /* fewer hosts than needed */
    LAYR_ERR_DATA = -18,       /* fewer good shards than needed, or content that fails its hash */
    LAYR_ERR_CAP = -19,        /* a capability that is wrong or does not allow this */
    LAYR_ERR_RANGE = -20,      /* a byte range outside the file */
    LAYR_ERR_CANCELLED = -21,  /* stopped by the caller */
    LAYR_ERR_CONFLICT = -22,   /* another version is already there */
    LAYR_ERR_CRYPTO = -23,     /* a crypto library call failed */
    LAYR_ERR_REMOVED = -24,    /* the owner removed the file */
    LAYR_ERR_KEY = -25,        /* no owner key, or one that cannot be opened */
    LAYR_ERR_UNAVAILABLE = -26 /* the store is not there now (unmounted, another host's) */
} layr_error_t;

/* One short lower-case phrase for a code; never NULL. */
const char *layr_strerror(int code);

/*
 * A sentence for a person about a failure: what happened, to what, and what to
 * do next.  The library fills it, a program prints it.  Never holds a secret.
 */
#define LAYR_DIAG_MAX 1024
typedef struct layr_diag {
    int code;                 /* layr_error_t of the first failure, or 0 */
    char text[LAYR_DIAG_MAX]; /* NUL-terminated UTF-8, no newline at the end */
} layr_diag_t;

/*
 * Set code and text (cut at LAYR_DIAG_MAX); returns code. d may be NULL; errno stays.
 * What went wrong first, closest to the cause, stays: when d holds a code already, nothing
 * changes. Zero the structure before first use and to use it anew. Control characters and
 * broken UTF-8 in what a text quotes become question marks.
 */
int layr_diag_set(layr_diag_t *d, int code, const char *fmt, ...) LAYR_PRINTF(3, 4);

#endif
