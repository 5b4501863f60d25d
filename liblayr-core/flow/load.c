/* Choice of hosts by what they are doing and how they did. */
#include "load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "layr/thread.h"

#define LATE_REST_US 3000000u
#define SPEED_UNKNOWN (32u << 20) /* bytes a second, until somebody was measured */

int layr_load_init(layr_load_t *l, const layr_hosts_t *hosts)
{
    *l = (layr_load_t){0};
    l->host = calloc(hosts->cap ? hosts->cap : 1, sizeof *l->host);
    if (!l->host)
        return LAYR_ERR_NOMEM;
    layr_load_more(l, hosts);
    return LAYR_OK;
}

void layr_load_more(layr_load_t *l, const layr_hosts_t *hosts)
{
    for (; l->seen < hosts->count; l->seen++)
        if (hosts->host[l->seen].error == LAYR_OK)
            l->host[l->count++].host = &hosts->host[l->seen];
}

void layr_load_judge(layr_load_t *l, layr_journal_t *journal, layr_time_t now)
{
    layr_score_t s;
    for (; l->judged < l->count; l->judged++) {
        layr_load_host_t *h = &l->host[l->judged];
        if (journal && layr_journal_score_get(journal, h->host->id, &s) == LAYR_OK)
            h->doubted = s.silent_since != 0 || (s.last_bad != 0 && s.last_bad + LAYR_DOUBT_S > now);
    }
}

void layr_load_free(layr_load_t *l)
{
    free(l->host);
    *l = (layr_load_t){0};
}

layr_load_host_t *layr_load_find(layr_load_t *l, const uint8_t id[32])
{
    for (size_t i = 0; i < l->count; i++)
        if (memcmp(l->host[i].host->id, id, 32) == 0)
            return &l->host[i];
    return NULL;
}

static uint64_t mean_speed(const layr_load_t *l)
{
    uint64_t sum = 0, known = 0;
    for (size_t i = 0; i < l->count; i++) {
        uint64_t s = atomic_load(&l->host[i].host->bytes_s);
        sum += s;
        known += s != 0;
    }
    return known ? sum / known + 1 : SPEED_UNKNOWN;
}

uint64_t layr_load_expect(const layr_load_t *l, const layr_load_host_t *h, uint64_t bytes)
{
    uint64_t speed = atomic_load(&h->host->bytes_s);
    if (!speed)
        speed = mean_speed(l);
    return (h->pending + bytes) * 1000000u / speed;
}

void layr_load_began(layr_load_host_t *h, uint64_t bytes)
{
    h->pending += bytes;
}

bool layr_error_passing(int error)
{
    return error == LAYR_ERR_NET || error == LAYR_ERR_TIMEOUT || error == LAYR_ERR_UNAVAILABLE;
}

void layr_load_ended(layr_load_host_t *h, uint64_t bytes, int error, const char *why)
{
    h->pending -= bytes < h->pending ? bytes : h->pending;
    if (error == LAYR_OK) {
        h->used += bytes;
        h->fails = 0;
        return;
    }
    if (error == LAYR_ERR_CANCELLED)
        return;
    snprintf(h->why, sizeof h->why, "%s", why);
    if (h->fails > 0 && layr_load_resting(h, layr_now_us()))
        return; /* many requests at a time end with one outage, and it is counted once */
    h->cool_until = layr_now_us() + ((uint64_t)LAYR_LOAD_COOL_US << (h->fails < 6 ? h->fails : 6));
    h->fails++;
    if (h->fails >= LAYR_LOAD_FAILS)
        h->out = true;
}

void layr_load_smooth(uint64_t *usual_us, uint64_t us)
{
    *usual_us = *usual_us ? *usual_us - *usual_us / 8 + us / 8 : us;
}

void layr_load_slow(layr_load_host_t *h, uint64_t bytes, uint64_t us)
{
    unsigned long long most = bytes * 1000000u / (us + 1) + 1, old = atomic_load(&h->host->bytes_s);
    while ((old == 0 || old > most) && !atomic_compare_exchange_weak(&h->host->bytes_s, &old, most))
        ;
}

void layr_load_late(layr_load_host_t *h, uint64_t now)
{
    if (h->cool_until < now + LATE_REST_US)
        h->cool_until = now + LATE_REST_US;
}

bool layr_load_resting(const layr_load_host_t *h, uint64_t now)
{
    return now < h->cool_until;
}
