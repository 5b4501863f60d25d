/* A file's record: asked of the hosts, chosen, and written (docs/protocol.md 4.4). */
#ifndef LAYR_FLOW_RECORD_H
#define LAYR_FLOW_RECORD_H

#include "layr/flow.h"

/* Distinct valid records of one file that the hosts gave, the one to take first. */
typedef struct layr_found {
    layr_record_t rec;
    unsigned holders; /* hosts */
} layr_found_t;

typedef struct layr_records {
    layr_found_t *r;
    size_t count;
    unsigned asked, answered; /* hosts; answered: gave a record, or said that they have none */
    unsigned invalid;         /* hosts that gave as a record what is none of this file */
} layr_records_t;

/* Ask all usable hosts. An empty result is LAYR_OK. */
int layr_records_gather(layr_session_t *s, const uint8_t record_id[32], layr_time_t now,
                        layr_records_t *out) LAYR_CHECKED;
void layr_records_free(layr_records_t *r);

/*
 * Write the next record with this root at every usable host. fresh: the file is new, nobody else can have
 * written. *holders: hosts that took it at all places. LAYR_ERR_HOSTS: fewer than a majority took it.
 */
int layr_record_publish(layr_session_t *s, const layr_file_keys_t *k, bool fresh, const uint8_t *root,
                        size_t len, layr_time_t now, layr_time_t exp, unsigned *holders,
                        layr_diag_t *d) LAYR_CHECKED;

#endif
