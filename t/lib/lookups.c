/*
 * lookups SEED COUNT: so many lookups for random ids, one after the other, by one client. A line for each: milliseconds, and how
 * many hosts were found.
 */
#include <stdio.h>
#include <stdlib.h>

#include "layr/dht.h"

static int look(layr_dht_t *d, layr_host_t *found)
{
    layr_dht_lookup_opts_t o = {0};
    layr_kad_lookup_stats_t s;
    layr_dht_lookup_t *l = NULL;
    int rc;

    layr_random(o.target, sizeof o.target);
    rc = layr_dht_lookup(d, &l, &o);
    if (rc == LAYR_OK)
        rc = layr_dht_lookup_wait(l, NULL);
    if (rc == LAYR_OK) {
        layr_kad_lookup_stats(layr_dht_lookup_kad(l), &s);
        printf("%.1f %u\n", (double)(s.ended_us - s.began_us) / 1000.0,
               layr_dht_lookup_closest(l, found, LAYR_KAD_K));
    }
    layr_dht_lookup_drop(l);
    return rc;
}

int main(int argc, char **argv)
{
    layr_dht_config_t c = {.by_seeds = true};
    const char *seed = argc == 3 ? argv[1] : "";
    layr_host_t *found = calloc(LAYR_KAD_K, sizeof *found);
    layr_net_t *net = NULL;
    layr_dht_t *d = NULL;
    int rc = argc == 3 && found != NULL ? layr_init() : LAYR_ERR_ARG;

    if (rc == LAYR_OK)
        rc = layr_net_new(&net, NULL);
    c.net = net;
    if (rc == LAYR_OK)
        rc = layr_dht_new(&d, &c);
    if (rc == LAYR_OK)
        rc = layr_dht_seeds(d, &seed, 1, NULL);
    for (int i = argc == 3 ? atoi(argv[2]) : 0; i > 0 && rc == LAYR_OK; i--)
        rc = look(d, found);
    if (rc != LAYR_OK)
        fprintf(stderr, "lookups: %s\n", layr_strerror(rc));
    layr_dht_free(d);
    layr_net_free(net);
    free(found);
    return rc == LAYR_OK ? 0 : 1;
}
