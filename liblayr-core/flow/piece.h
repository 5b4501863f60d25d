/* A piece under way in the fetch engine: private to fetch.c (asking) and open.c (checking, opening,
 * decoding). */
#ifndef LAYR_FLOW_PIECE_H
#define LAYR_FLOW_PIECE_H

#include "fetch.h"
#include "spare.h"

typedef enum layr_row_state {
    ROW_IDLE,     /* not asked yet, or to be asked again */
    ROW_FETCHING, /* its host was asked */
    ROW_OPENING,  /* a worker checks and opens it */
    ROW_GOOD,     /* its plaintext is there */
    ROW_BAD       /* for good: damaged, missing, or its host failed too often */
} layr_row_state_t;

typedef struct layr_fetch_row {
    layr_job_t job;
    layr_piece_t *piece;
    struct layr_fetch_row *partner; /* opened by the same job, after this one */
    uint8_t index;
    layr_row_state_t state;
    bool late;      /* another one was asked meanwhile */
    bool known_bad; /* an event for it was given */
    bool have;      /* good when decoding began: for the worker, as states of late rows still change */
    int error;
    unsigned tries;
    uint64_t since; /* asked at, microseconds */
    layr_row_t row;
    uint8_t host_id[32];
    layr_load_host_t *at; /* NULL: not among the hosts given */
    uint32_t t0, t1;      /* stripes asked: the piece's window, or for narrow reads a part of it */
    uint8_t *blob;        /* what came: sealed; after opening, of a parity row: its plaintext */
    size_t blob_len;
    layr_call_t *call;
    char why[320];
} layr_fetch_row_t;

struct layr_piece {
    layr_job_t job;
    layr_fetch_t *f;
    layr_piece_t *next; /* in the engine's list */
    bool page, narrow, done, dropped;
    const layr_sink_t
        *looked;      /* not NULL: a worker looks whether it has the bytes; nothing is asked meanwhile */
    uint64_t at;      /* where in the file it looks */
    bool found;       /* that had them */
    int look_error;   /* the worker's, until it answers: LAYR_ERR_NOTFOUND, LAYR_ERR_DATA: others */
    bool enough;      /* nothing more is asked; decoding begins when no row is being opened */
    bool decoding;    /* a worker has it */
    bool whole;       /* every stripe is asked: whole blobs, checked by id */
    int error;        /* the owner's alone, as it may drop the piece at any time */
    int decode_error; /* the worker's, until it answers */
    uint64_t number;
    uint32_t first, last;
    uint32_t t0, t1; /* stripes first and last fall into */
    layr_shape_t shape;
    uint8_t hash[32];
    uint8_t *plain; /* stripes t0 .. t1, k chunks each */
    size_t plain_len;
    unsigned rows, k;
    unsigned jobs; /* messages outstanding */
    size_t cost;
    layr_fetch_row_t row[];
};

struct layr_fetch {
    layr_engine_t e;
    const layr_file_keys_t *keys;
    layr_scheme_t scheme;
    layr_load_t load;
    layr_coder_t *coder, *page_coder;
    layr_piece_t *head;
    unsigned pieces;
    size_t memory, most;  /* of pieces under way, about: now, and what it may be */
    layr_spares_t spares; /* of plain and blob */
    uint64_t usual_us;    /* smoothed time of a fetch */
    layr_fetch_row_t *
        lone; /* came, and waits a moment for the next one: two are hashed in little more than the time of one */
    uint64_t lone_since; /* microseconds */
    bool closing;
    layr_get_stats_t stats;
};

/* fetch.c: look at what a piece needs next. */
void layr_piece_advance(layr_piece_t *p);
/* ask.c: ask a row of its host; what comes of it is opened on a worker, then the piece advances. */
int layr_row_ask(layr_fetch_row_t *r) LAYR_CHECKED;
void layr_row_bad(layr_fetch_row_t *r, int error, const char *why);
void layr_row_drop(layr_fetch_row_t *r); /* its blob is not needed any more */
void layr_row_again(layr_fetch_row_t *r);
/* ask.c: a row that waits for another to be opened with has waited long enough. */
void layr_lone_look(layr_fetch_t *f);
/* What was asked for a narrow read does not serve a wide one, unless it is the same stripes. */
bool layr_row_misfit(const layr_fetch_row_t *r);
/* ask.c: work of a worker: enough rows are good. */
void layr_piece_decode(layr_job_t *j, void *scratch);

/* open.c */
/* The plaintext place of chunk j of stripe t. */
uint8_t *layr_piece_chunk(const layr_piece_t *p, uint32_t t, unsigned j);
/* Rows of the data that a narrow read needs. */
bool layr_piece_needs(const layr_piece_t *p, unsigned index, uint32_t *t0, uint32_t *t1);
/* Work of a worker: check and open what came, and what came for the partner; each row's error: LAYR_OK or why not. */
void layr_open_rows(layr_fetch_row_t *r, const layr_file_keys_t *keys, layr_scratch_t *sc);
/* Work of a worker: missing data rows from any k good ones, then the segment's hash where the whole is there.
 */
int layr_decode_piece(layr_piece_t *p, const layr_coder_t *coder, const layr_file_keys_t *keys,
                      layr_scratch_t *sc) LAYR_CHECKED;
/* The same: is the whole plaintext what the manifest says? LAYR_ERR_DATA: no. */
int layr_piece_check(const layr_piece_t *p, const layr_file_keys_t *keys, layr_scratch_t *sc) LAYR_CHECKED;

#endif
