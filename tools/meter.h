/* The line of progress of a transfer: bytes, share, rate, time left. */
#ifndef LAYR_METER_H
#define LAYR_METER_H

#include <stdint.h>

typedef struct layr_meter {
    const char *verb;       /* "put", "get" */
    uint64_t started, last; /* microseconds */
    uint64_t last_done;
    double rate; /* bytes a second, smoothed; 0: not known yet */
    uint64_t done, total;
} layr_meter_t;

void layr_meter_start(layr_meter_t *m, const char *verb);
/* total 0: unknown. */
void layr_meter_show(layr_meter_t *m, uint64_t done, uint64_t total);
/* "in 1.2 s (20.0 MiB/s)" for so many bytes since start; no rate where it would be a matter of chance. */
#define LAYR_PACE_TEXT 64
void layr_meter_pace(const layr_meter_t *m, char out[LAYR_PACE_TEXT], uint64_t bytes);
/* Seconds since start, at least a thousandth. */
double layr_meter_seconds(const layr_meter_t *m);

#endif
