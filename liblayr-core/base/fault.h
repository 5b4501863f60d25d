/*
 * Fault points, for tests: places where a build made with FAULTS=1 (-DLAYR_FAULTS) can be told to die or to fail.
 * Any other build has none of this, not even the points' names.
 *
 * LAYR_HASTE in the environment, a number from 1 to 1000: a host's periods in the DHT pass so many times as fast.
 *
 * LAYR_FAULT in the environment says which: POINT:NTH:ACTION, or @FILE with those words in it.  The file is looked at on
 * each pass, so a running process can be told; it counts from one anew when the file is a new one.  NTH is a number, or
 * a number and `+`: from then on.  ACTION is `kill` (SIGKILL for this process), `kill-host` (for all of its process
 * group when it is a worker of nginx), or the name of an errno: EIO, ENOSPC, EDQUOT, EROFS.  A fault of one pass removes
 * the file when it happens.
 */
#ifndef LAYR_BASE_FAULT_H
#define LAYR_BASE_FAULT_H

#ifdef LAYR_FAULTS

/* 0, or -1 and errno: take the step for failed. */
int layr_fault(const char *point);

#define LAYR_FAULT(point) (layr_fault(point) != 0)
/* Where there is nothing that could fail. */
#define LAYR_FAULT_POINT(point) ((void)layr_fault(point))

long layr_fault_haste(void);
#define LAYR_HASTE layr_fault_haste()

#else

#define LAYR_FAULT(point) 0
#define LAYR_FAULT_POINT(point) ((void)0)
#define LAYR_HASTE 1

#endif

#endif
