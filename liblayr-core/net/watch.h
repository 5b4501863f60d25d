/*
 * Is a transfer standing still or too slow?  A pure judge: the caller brings the clock and the figures.
 * libcurl's own low-speed options count in whole seconds, average on their own terms and run while a host
 * merely thinks.
 */
#ifndef LAYR_NET_WATCH_H
#define LAYR_NET_WATCH_H

#include <stdint.h>

#define LAYR_WATCH_SLOTS 8 /* the window of stall_ms moves on in eighths */

typedef enum layr_watch_phase {
    LAYR_WATCH_WAIT,   /* connecting, or waiting for an answer: only a standstill counts */
    LAYR_WATCH_SEND,   /* the body goes out */
    LAYR_WATCH_RECEIVE /* the answer comes in */
} layr_watch_phase_t;

typedef enum layr_watch_verdict {
    LAYR_WATCH_FINE,
    LAYR_WATCH_STALLED, /* nothing moved for stall_ms */
    LAYR_WATCH_SLOW     /* less than min_bytes_s over the last stall_ms */
} layr_watch_verdict_t;

typedef struct layr_watch {
    uint64_t stall_ms, min_bytes_s;
    uint64_t moved_at; /* when anything moved last */
    uint64_t moved;    /* bytes, both ways, at the last look */
    uint64_t unacked;  /* bytes the kernel still held for the peer at the last look */
    layr_watch_phase_t phase;
    uint64_t slot_at;                /* when the newest slot began */
    unsigned slots;                  /* filled since the phase began */
    uint64_t slot[LAYR_WATCH_SLOTS]; /* `moved` at the start of each of the last slots, oldest overwritten */
} layr_watch_t;

void layr_watch_start(layr_watch_t *w, uint64_t now_ms, uint64_t stall_ms, uint64_t min_bytes_s);
/* `moved` falls only when a request starts over on a new connection; unacked: 0 when unknown. */
layr_watch_verdict_t layr_watch_look(layr_watch_t *w, uint64_t now_ms, layr_watch_phase_t phase,
                                     uint64_t moved, uint64_t unacked);

#endif
