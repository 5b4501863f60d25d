/*
 * A host's side of an audit (docs/protocol.md 6.11): which of a challenge's shards it keeps, and the answer from their
 * blobs.  Blobs are read once each, front to back, in slices; what was not in the page cache before is dropped from it
 * afterwards, so that an audit pushes nothing out.  Calls block on the disk.
 */
#ifndef LAYR_HOSTAUDIT_H
#define LAYR_HOSTAUDIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "layr/error.h"
#include "layr/hostdb.h"
#include "layr/proof.h"
#include "layr/statement.h"

/* What a challenge asks for, by this host's books and files. */
typedef struct layr_host_asked {
    uint64_t group_bytes;                 /* of all orders of this (audit key, group) */
    uint64_t size[LAYR_CHALLENGE_SHARDS]; /* of the blob; 0: missing */
    unsigned missing; /* how many: no order of the group names them, or there is no file of that size */
    uint64_t bytes;   /* to be read for the others: whole blobs, or 4,112 for each block of a sample */
} layr_host_asked_t;

/* LAYR_ERR_CAP: the group is known here, but with other audit keys only. */
int layr_hostdb_asked(layr_hostdb_t *db, const layr_challenge_t *c, layr_host_asked_t *out,
                      layr_diag_t *d) LAYR_CHECKED;

/* An answer in the making.  Some 400 KiB, whatever the challenge. One thread at a time; the thread may change between slices. */
typedef struct layr_host_audit layr_host_audit_t;
/* store: its folder. c and asked must outlive it; none of the shards may be missing. */
int layr_host_audit_new(layr_host_audit_t **out, const char *store, const layr_challenge_t *c,
                        const layr_host_asked_t *asked) LAYR_CHECKED;
/*
 * A slice: some 4 MiB of blobs, or 128 blocks of a sample.  1: there is more to do; LAYR_OK: all is read;
 * LAYR_ERR_NOTFOUND: the blob of shard *at is gone or not of its size any more; LAYR_ERR_IO: the disk does not give
 * shard *at.
 */
int layr_host_audit_slice(layr_host_audit_t *a, unsigned *at, layr_diag_t *d) LAYR_CHECKED;
/* Bytes read so far. */
uint64_t layr_host_audit_bytes(const layr_host_audit_t *a);
/* After LAYR_OK. */
void layr_host_audit_answer(const layr_host_audit_t *a, uint8_t out[LAYR_ANSWER_BYTES]);
void layr_host_audit_free(layr_host_audit_t *a);

#endif
