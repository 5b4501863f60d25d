/* Contacts: checked once, kept in the table, saved and loaded. */
#include "dht.h"

#include <string.h>
#include <time.h>

int layr_dht_contact(layr_dht_t *d, const char *text, size_t len, layr_time_t now, const layr_contact_t **out)
{
    layr_dht_checked_t *slot;
    layr_contact_t c;
    uint8_t hash[32];
    int rc = layr_sha256_1(hash, text, len);
    if (rc != LAYR_OK)
        return rc;
    slot = &d->checked[layr_load32(hash) % LAYR_DHT_CHECKED];
    if (memcmp(slot->hash, hash, 32) != 0) {
        d->stats.checked++;
        if ((rc = layr_contact_parse(&c, text, len, now)) != LAYR_OK) {
            d->stats.bad++;
            return rc;
        }
        memcpy(slot->hash, hash, 32);
        slot->contact = c;
    }
    if (slot->contact.exp <= now)
        return LAYR_ERR_EXPIRED;
    *out = &slot->contact;
    return LAYR_OK;
}

void layr_dht_kad_contact(layr_kad_contact_t *out, const layr_contact_t *c, const char *text, size_t len)
{
    *out = (layr_kad_contact_t){.seq = c->seq, .exp = c->exp, .text = text, .len = len};
    memcpy(out->id, c->host, 32);
}

/* A lookup waits for the smoothed time and four deviations. */
void layr_dht_be_patient(layr_kad_contact_t *c)
{
    if (c->rtt_us == 0)
        c->rtt_us = 1;
    if (c->var_us < LAYR_DHT_PATIENCE_US / 4)
        c->var_us = LAYR_DHT_PATIENCE_US / 4;
}

int layr_dht_save(layr_dht_t *d, layr_buf_t *out)
{
    int rc;
    layr_dht_lock(d);
    rc = layr_kad_table_save(d->c.table, out);
    layr_dht_unlock(d);
    return rc;
}

static bool accept_saved(void *ctx, const layr_kad_contact_t *c)
{
    layr_dht_t *d = ctx;
    const layr_contact_t *is;
    return layr_dht_contact(d, c->text, c->len, time(NULL), &is) == LAYR_OK &&
           memcmp(is->host, c->id, 32) == 0 && is->seq == c->seq && is->exp == c->exp && is->url[0];
}

int layr_dht_load(layr_dht_t *d, const uint8_t *in, size_t len, unsigned *taken)
{
    int rc;
    layr_dht_lock(d);
    rc = layr_kad_table_load(d->c.table, in, len, layr_dht_clock(d), accept_saved, d, taken);
    layr_dht_unlock(d);
    return rc;
}
