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
/* Seconds since start, at least a thousandth. */
double layr_meter_seconds(const layr_meter_t *m);

#endif
