/* A file's record: asked of the hosts, chosen, and written (docs/protocol.md 4.4). */
#ifndef LAYR_FLOW_RECORD_H
#define LAYR_FLOW_RECORD_H

#include "find.h"

/* Distinct valid records of one file that the hosts gave, the one to take first. */
typedef struct layr_found {
    layr_record_t rec;
    unsigned holders; /* hosts */
    unsigned answers; /* with it: a host's for each place that it was asked for */
    layr_buf_t who;   /* the hosts' ids */
} layr_found_t;

typedef struct layr_records {
    layr_found_t *r;
    size_t count;
    unsigned answered;      /* hosts that gave a record or said that they have none, for each place */
    unsigned invalid;       /* hosts that gave as a record what is none of this file */
    layr_holders_t holders; /* of a DHT: where the record is to be */
} layr_records_t;

/* Ask the holders of all places; without a DHT all usable hosts. An empty result is LAYR_OK. */
int layr_records_gather(layr_session_t *s, const uint8_t record_id[32], layr_time_t now,
                        layr_records_t *out) LAYR_CHECKED;
void layr_records_free(layr_records_t *r);

/*
 * Write the next record with this root at these hosts (NULL: at its holders). fresh: the file is new, nobody else can have
 * written. *took: hosts that took it at all places they were given it for. LAYR_ERR_HOSTS: fewer than a majority did.
 */
int layr_record_publish(layr_session_t *s, const layr_file_keys_t *k, const layr_holders_t *at, bool fresh,
                        const uint8_t *root, size_t len, layr_time_t now, layr_time_t exp, unsigned *took,
                        layr_diag_t *d) LAYR_CHECKED;

/*
 * The same for a version that is made from the `count` records of these SHA-256, those of the top sequence (0: from none).
 * LAYR_ERR_CONFLICT: the hosts have another one, or another writer was faster: nothing of this one counts.
 */
int layr_record_replace(layr_session_t *s, const layr_file_keys_t *k, const uint8_t (*after)[32],
                        unsigned count, const uint8_t *root, size_t len, layr_time_t now, layr_time_t exp,
                        unsigned *took, layr_diag_t *d) LAYR_CHECKED;
/*
 * Do few of those who should have the first of them? In a DHT its holders come and go and give it to each other, and half of
 * them will do.  again: give it to all of them, byte for byte; *took: hosts that have it then.  *same false, and nobody is
 * given anything: it was written by something that puts its members in another order, so that it can't be made again.
 */
bool layr_records_few(const layr_session_t *s, const layr_records_t *r);
int layr_record_again(layr_session_t *s, const layr_file_keys_t *k, const layr_records_t *r, bool *same,
                      unsigned *took) LAYR_CHECKED;
/* Those of the top sequence, up to LAYR_PREV_MAX: their number. */
unsigned layr_records_top(const layr_records_t *r, uint8_t (*sha256)[32]);

#endif
