/* Stall and least-speed detection for one transfer. */
#include "net/watch.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static void open_window(layr_watch_t *w, uint64_t now_ms, layr_watch_phase_t phase)
{
    w->phase = phase;
    w->slot_at = now_ms;
    w->slots = 1;
    w->slot[0] = w->moved;
}

void layr_watch_start(layr_watch_t *w, uint64_t now_ms, uint64_t stall_ms, uint64_t min_bytes_s)
{
    memset(w, 0, sizeof *w);
    w->stall_ms = stall_ms;
    w->min_bytes_s = min_bytes_s;
    w->moved_at = now_ms;
    open_window(w, now_ms, LAYR_WATCH_WAIT);
}

/* A full window has gone by in this phase: is what moved in it too little? Then the window moves on by a
 * slot. */
static layr_watch_verdict_t judge_slot(layr_watch_t *w, uint64_t now_ms)
{
    uint64_t length = w->stall_ms / LAYR_WATCH_SLOTS + 1;
    layr_watch_verdict_t verdict = LAYR_WATCH_FINE;

    if (now_ms - w->slot_at < length)
        return verdict;
    if (w->slots >= LAYR_WATCH_SLOTS) {
        uint64_t oldest = w->slot[w->slots % LAYR_WATCH_SLOTS];

        if ((w->moved - oldest) * 1000 < w->min_bytes_s * w->stall_ms)
            verdict = LAYR_WATCH_SLOW;
    }
    w->slot[w->slots % LAYR_WATCH_SLOTS] = w->moved;
    w->slots++;
    w->slot_at = now_ms;
    return verdict;
}

layr_watch_verdict_t layr_watch_look(layr_watch_t *w, uint64_t now_ms, layr_watch_phase_t phase,
                                     uint64_t moved, uint64_t unacked)
{
    /*
     * On a thin uplink the kernel takes a whole body at once and delivers it over many seconds: what the peer
     * acknowledges is progress too, though no byte leaves this process.
     */
    if (moved != w->moved || unacked < w->unacked || phase != w->phase)
        w->moved_at = now_ms;
    bool anew = phase != w->phase || moved < w->moved;
    w->moved = moved;
    w->unacked = unacked;
    if (anew)
        open_window(w, now_ms, phase);
    if (now_ms - w->moved_at >= w->stall_ms)
        return LAYR_WATCH_STALLED;
    if (w->min_bytes_s == 0 || phase == LAYR_WATCH_WAIT)
        return LAYR_WATCH_FINE;
    return judge_slot(w, now_ms);
}
