/* Who enters the table, who stays, who has to go. */
#include <string.h>

#include "kad/table.h"

static layr_kad_verdict_t counted(layr_kad_table_t *t, layr_kad_verdict_t v)
{
    t->verdict[v]++;
    return v;
}

/* RFC 6298 2.2 and 2.3. */
static void smooth(uint32_t *rtt, uint32_t *var, uint32_t us)
{
    uint32_t off = us > *rtt ? us - *rtt : *rtt - us;

    if (*rtt == 0) {
        *rtt = us > 0 ? us : 1;
        *var = us / 2;
        return;
    }
    *var = *var - *var / 4 + off / 4;
    *rtt = *rtt - *rtt / 8 + us / 8;
    if (*rtt == 0)
        *rtt = 1;
}

/* --- offered --- */

/* Of full lists, whose contact may be pushed out without a ping: it failed often enough, or expired. */
static unsigned outlived(const layr_kad_table_t *t, const layr_kad_list_t *l, layr_time_t now)
{
    unsigned i = l->head;

    while (i != LAYR_KAD_NONE && t->node[i].failures < LAYR_KAD_FAILS_SPARE && t->node[i].exp > now)
        i = t->node[i].next;
    return i;
}

static bool has_room(const layr_kad_table_t *t, unsigned bucket, layr_time_t now)
{
    const layr_kad_bucket_t *b = &t->bucket[bucket];

    return b->live.count < LAYR_KAD_K || b->spare.count < t->spares ||
           outlived(t, &b->live, now) != LAYR_KAD_NONE;
}

/* A full bucket whose spares are full, too: a ping of the newcomer is worth while only when theirs are old. */
static bool spare_is_old(const layr_kad_table_t *t, unsigned bucket, layr_time_t now)
{
    unsigned i = t->bucket[bucket].spare.head;

    return i != LAYR_KAD_NONE && t->node[i].seen < now - LAYR_KAD_FRESH;
}

layr_kad_verdict_t layr_kad_offer(layr_kad_table_t *t, const layr_kad_contact_t *c, layr_time_t now)
{
    unsigned bucket = layr_kad_bucket_of(t, c->id), i;

    if (bucket == LAYR_KAD_BUCKETS)
        return counted(t, LAYR_KAD_OWN);
    if (c->exp <= now)
        return counted(t, LAYR_KAD_EXPIRED);
    i = layr_kad_index(t, c->id);
    if (i != LAYR_KAD_NONE)
        return counted(t, c->seq > t->node[i].seq    ? LAYR_KAD_PING
                          : c->seq == t->node[i].seq ? LAYR_KAD_KNOWN
                                                     : LAYR_KAD_OLD);
    if (!has_room(t, bucket, now) && !spare_is_old(t, bucket, now))
        return counted(t, LAYR_KAD_FULL);
    if (c->group != 0 && !layr_kad_group_fits(t, bucket, c->group, LAYR_KAD_NONE))
        return counted(t, LAYR_KAD_GROUP);
    return counted(t, LAYR_KAD_PING);
}

/* --- confirmed --- */

static void heard(layr_kad_table_t *t, unsigned i, uint32_t rtt_us, layr_time_t now)
{
    layr_kad_node_t *n = &t->node[i];
    layr_kad_bucket_t *b = &t->bucket[layr_kad_bucket_of(t, n->id)];
    layr_kad_list_t *l = n->kind == LAYR_KAD_LIVE ? &b->live : &b->spare;

    n->mark = ++t->answers;
    n->seen = now;
    n->failures = 0;
    smooth(&n->rtt_us, &n->var_us, rtt_us);
    layr_kad_pull(t, l, i);
    layr_kad_push(t, l, i);
}

static void set_contact(const layr_kad_table_t *t, layr_kad_node_t *n, const layr_kad_contact_t *c)
{
    n->seq = c->seq;
    n->exp = c->exp;
    n->group = c->group;
    n->len = (uint16_t)c->len;
    memcpy(layr_kad_text(t, (unsigned)(n - t->node)), c->text, c->len);
}

/* An answer from where an older contact points says nothing about where the newer one does. */
static layr_kad_verdict_t confirm_known(layr_kad_table_t *t, unsigned i, const layr_kad_contact_t *c,
                                        uint32_t rtt_us, layr_time_t now)
{
    layr_kad_node_t *n = &t->node[i];
    layr_kad_verdict_t v = LAYR_KAD_KNOWN;

    if (c->seq < n->seq)
        return LAYR_KAD_OLD;
    if (c->seq > n->seq) {
        if (c->group != n->group && !layr_kad_group_fits(t, layr_kad_bucket_of(t, n->id), c->group, i))
            return LAYR_KAD_GROUP;
        set_contact(t, n, c);
        v = LAYR_KAD_UPDATED;
    }
    heard(t, i, rtt_us, now);
    return v;
}

/* The pool is used up: the oldest spare where there are most of them. */
static void free_spare(layr_kad_table_t *t)
{
    layr_kad_bucket_t *most = &t->bucket[0];

    for (unsigned b = 1; b < LAYR_KAD_BUCKETS; b++)
        if (t->bucket[b].spare.count > most->spare.count)
            most = &t->bucket[b];
    if (most->spare.count > 0)
        layr_kad_drop(t, most->spare.head);
}

static unsigned new_node(layr_kad_table_t *t, const layr_kad_contact_t *c, layr_time_t now)
{
    unsigned i = layr_kad_take(t);

    if (i == LAYR_KAD_NONE) {
        free_spare(t);
        i = layr_kad_take(t);
    }
    if (i == LAYR_KAD_NONE)
        return i;
    memset(&t->node[i], 0, sizeof t->node[i]);
    memcpy(t->node[i].id, c->id, 32);
    t->node[i].tried = now;
    set_contact(t, &t->node[i], c);
    return i;
}

static layr_kad_verdict_t enter(layr_kad_table_t *t, layr_kad_bucket_t *b, const layr_kad_contact_t *c,
                                layr_time_t now, unsigned *at)
{
    unsigned gone = b->live.count == LAYR_KAD_K ? outlived(t, &b->live, now) : LAYR_KAD_NONE;
    bool live;

    if (gone != LAYR_KAD_NONE) {
        t->evicted++;
        layr_kad_evict(t, gone);
    }
    live = b->live.count < LAYR_KAD_K;
    if (!live && t->spares == 0)
        return LAYR_KAD_FULL;
    if (!live && b->spare.count == t->spares)
        layr_kad_drop(t, b->spare.head);
    if ((*at = new_node(t, c, now)) == LAYR_KAD_NONE)
        return LAYR_KAD_FULL;
    t->node[*at].kind = live ? LAYR_KAD_LIVE : LAYR_KAD_SPARE;
    layr_kad_push(t, live ? &b->live : &b->spare, *at);
    *(live ? &t->live : &t->spare) += 1;
    return live ? LAYR_KAD_ENTERED : LAYR_KAD_WAITS;
}

static layr_kad_verdict_t confirm_new(layr_kad_table_t *t, unsigned bucket, const layr_kad_contact_t *c,
                                      uint32_t rtt_us, layr_time_t now)
{
    layr_kad_verdict_t v;
    unsigned i = LAYR_KAD_NONE;

    if (!layr_kad_group_fits(t, bucket, c->group, LAYR_KAD_NONE))
        return LAYR_KAD_GROUP;
    v = enter(t, &t->bucket[bucket], c, now, &i);
    if (i != LAYR_KAD_NONE)
        heard(t, i, rtt_us, now);
    return v;
}

/* The least recently seen contact of a full bucket, if it is to be pinged: not seen for long, not being pinged now. */
static bool oldest_of(layr_kad_table_t *t, unsigned bucket, layr_time_t now, uint8_t id[32])
{
    unsigned i = t->bucket[bucket].live.head;
    layr_kad_node_t *n;

    if (i == LAYR_KAD_NONE)
        return false;
    n = &t->node[i];
    if (n->seen >= now - LAYR_KAD_FRESH || n->tried >= now - 60)
        return false;
    n->tried = now;
    memcpy(id, n->id, 32);
    return true;
}

int layr_kad_confirm(layr_kad_table_t *t, const layr_kad_contact_t *c, uint32_t rtt_us, layr_time_t now,
                     bool *ping, uint8_t oldest[32])
{
    unsigned bucket = layr_kad_bucket_of(t, c->id), i;
    layr_kad_verdict_t v;
    uint8_t id[32] = {0};
    bool due;

    if (c->group == 0 || c->text == NULL || c->len < 1 || c->len > t->text_max)
        return LAYR_ERR_ARG;
    if (bucket == LAYR_KAD_BUCKETS)
        v = LAYR_KAD_OWN;
    else if (c->exp <= now)
        v = LAYR_KAD_EXPIRED;
    else if ((i = layr_kad_index(t, c->id)) != LAYR_KAD_NONE)
        v = confirm_known(t, i, c, rtt_us, now);
    else
        v = confirm_new(t, bucket, c, rtt_us, now);
    due = (v == LAYR_KAD_WAITS || v == LAYR_KAD_FULL) && oldest_of(t, bucket, now, id);
    if (ping != NULL)
        *ping = due;
    if (oldest != NULL && due)
        memcpy(oldest, id, 32);
    return (int)counted(t, v);
}

/* --- answers, failures, departures --- */

void layr_kad_answered(layr_kad_table_t *t, const uint8_t id[32], uint32_t rtt_us, layr_time_t now)
{
    unsigned i = layr_kad_index(t, id);

    if (i != LAYR_KAD_NONE)
        heard(t, i, rtt_us, now);
}

void layr_kad_failed(layr_kad_table_t *t, const uint8_t id[32], layr_time_t now)
{
    unsigned i = layr_kad_index(t, id), enough;
    layr_kad_node_t *n;

    if (i == LAYR_KAD_NONE)
        return;
    n = &t->node[i];
    n->tried = now;
    if (n->mark == t->answers)
        return;
    n->mark = t->answers;
    n->failures++;
    enough = t->bucket[layr_kad_bucket_of(t, id)].spare.count > 0 ? LAYR_KAD_FAILS_SPARE : LAYR_KAD_FAILS;
    if (n->kind == LAYR_KAD_SPARE) {
        t->evicted++;
        layr_kad_drop(t, i);
    } else if (n->failures >= enough) {
        t->evicted++;
        layr_kad_evict(t, i);
    }
}

void layr_kad_remove(layr_kad_table_t *t, const uint8_t id[32])
{
    unsigned i = layr_kad_index(t, id);

    if (i == LAYR_KAD_NONE)
        return;
    t->removed++;
    if (t->node[i].kind == LAYR_KAD_LIVE)
        layr_kad_evict(t, i);
    else
        layr_kad_drop(t, i);
}

unsigned layr_kad_expire(layr_kad_table_t *t, layr_time_t now)
{
    unsigned count = 0;

    /* Spares first: none that has expired is to move up. */
    for (unsigned kind = LAYR_KAD_SPARE; kind >= LAYR_KAD_LIVE; kind--)
        for (unsigned i = 0; i < t->fresh; i++) {
            if (t->node[i].kind != kind || t->node[i].exp > now)
                continue;
            if (kind == LAYR_KAD_LIVE)
                layr_kad_evict(t, i);
            else
                layr_kad_drop(t, i);
            count++;
        }
    t->expired += count;
    return count;
}
