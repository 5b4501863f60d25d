/* What a put will come to, worked out before anything is sent. */
#ifndef LAYR_ESTIMATE_H
#define LAYR_ESTIMATE_H

#include <stdbool.h>

#include "layr/flow.h"

/* The chance that a host is lost for good within a year, for the predicted loss: a cautious guess, told with
 * the result. */
#define LAYR_HOST_LOSS_YEAR 0.05

typedef struct layr_estimate {
    bool is_inline;
    uint64_t segments, stored_bytes; /* without manifest pages */
    uint64_t cheapest, dearest;      /* prices of the hosts that may be used, per GiB and 30 days */
    size_t hosts;                    /* that may be used */
    uint64_t low, high;              /* price of the whole for the time, in 1e-7 of a currency unit */
} layr_estimate_t;

/* days: the time paid for. LAYR_ERR_ARG for a scheme that is none. */
int layr_estimate(layr_estimate_t *out, uint64_t size, layr_scheme_t s, const layr_hosts_t *hosts,
                  uint64_t max_price, uint64_t days) LAYR_CHECKED;
/* Of e->stored_bytes: hosts and price. */
void layr_estimate_price(layr_estimate_t *e, const layr_hosts_t *hosts, uint64_t max_price, uint64_t days);

#endif
