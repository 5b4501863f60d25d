/* The writers' side: a structure of any bytes. Nothing is signed that a reader would refuse. */
#include "fuzz.h"
#include "layr/statement.h"

/* The clock that the times ask for: a signer does not know the reader's. */
static layr_time_t clock_of(layr_time_t iat)
{
    return iat >= 0 ? iat : 0;
}

static layr_time_t take_time(fuzz_in_t *in)
{
    layr_time_t t = 0;

    fuzz_bytes(in, &t, 5);
    return fuzz_8(in) & 1 ? -t : t;
}

static void take_text(fuzz_in_t *in, char *out, size_t cap)
{
    fuzz_in_t line = fuzz_line(in);

    memset(out, 0, cap);
    memcpy(out, line.p, line.left < cap - 1 ? line.left : cap - 1);
}

static void contact(fuzz_in_t *in)
{
    layr_contact_t c = {0}, got;
    char *jws = NULL;

    c.iat = take_time(in);
    c.exp = c.iat + take_time(in);
    c.h2c = fuzz_8(in) & 1;
    c.leaving = fuzz_8(in) & 1;
    c.rail_count = fuzz_8(in) % 6;
    c.pin_count = fuzz_8(in) % 6;
    fuzz_bytes(in, &c.seq, 32); /* seq, capacity, free, price */
    take_text(in, c.url, sizeof c.url);
    for (unsigned i = 0; i < LAYR_RAILS_MAX; i++)
        take_text(in, c.rails[i], sizeof c.rails[i]);
    fuzz_bytes(in, c.pins, sizeof c.pins);
    if (layr_contact_sign(&jws, &c, fuzz_seed) != 0)
        return;
    PROMISE(strlen(jws) <= LAYR_CONTACT_MAX);
    PROMISE(layr_contact_parse(&got, jws, strlen(jws), clock_of(c.iat)) == 0);
    PROMISE(strcmp(got.url, c.url) == 0 && got.seq == c.seq && got.price == c.price && got.exp == c.exp);
    free(jws);
}

static void order(fuzz_in_t *in)
{
    layr_order_t o = {0}, got;
    char *jws = NULL;
    int rc;

    o.iat = take_time(in);
    o.exp = o.iat + take_time(in);
    o.size = fuzz_8(in) & 1 ? fuzz_32(in) : fuzz_32(in) * 4112ull;
    fuzz_bytes(in, &o.price, sizeof o.price);
    o.has_lock = fuzz_8(in) & 1;
    take_text(in, o.rail, sizeof o.rail);
    fuzz_bytes(in, o.order, sizeof o.order);
    fuzz_bytes(in, o.audit, sizeof o.audit);
    fuzz_bytes(in, o.lock_salt, sizeof o.lock_salt);
    if (layr_order_sign(&jws, &o, fuzz_seed) != 0)
        return;
    rc = layr_order_parse(&got, jws, strlen(jws), clock_of(o.iat));
    PROMISE(rc == 0 || (rc == LAYR_ERR_LIMIT && o.exp - o.iat > LAYR_AHEAD_MAX));
    PROMISE(rc != 0 || (strcmp(got.rail, o.rail) == 0 && got.size == o.size && got.has_lock == o.has_lock));
    free(jws);
}

static void orders(fuzz_in_t *in)
{
    layr_orders_t *o = calloc(1, sizeof *o), *got = calloc(1, sizeof *got);
    char *jws = NULL;
    int rc;

    PROMISE(o != NULL && got != NULL);
    o->iat = take_time(in);
    o->exp = o->iat + fuzz_8(in) * 3;
    o->until = take_time(in);
    o->action = (layr_action_t)(fuzz_8(in) & 3);
    o->count = fuzz_32(in) % 300;
    for (unsigned i = 0; i < LAYR_ORDERS_MAX; i++)
        memcpy(o->order[i], &i, sizeof i);
    fuzz_bytes(in, o->order, 64);
    if (layr_orders_sign(&jws, o, fuzz_seed) == 0) {
        rc = layr_orders_parse(got, jws, strlen(jws), clock_of(o->iat));
        PROMISE(rc == 0 || (rc == LAYR_ERR_LIMIT && o->until > o->iat + LAYR_AHEAD_MAX));
        PROMISE(rc != 0 || (got->count == o->count && memcmp(got->order, o->order, 16ul * o->count) == 0));
    }
    free(jws);
    free(o);
    free(got);
}

static void challenge(fuzz_in_t *in)
{
    layr_challenge_t *c = calloc(1, sizeof *c), *got = calloc(1, sizeof *got);
    char *jws = NULL;

    PROMISE(c != NULL && got != NULL);
    c->iat = take_time(in);
    c->exp = c->iat + fuzz_8(in) * 3;
    c->count = fuzz_32(in) % 300;
    fuzz_bytes(in, &c->sample, sizeof c->sample);
    for (unsigned i = 0; i < LAYR_CHALLENGE_SHARDS; i++)
        memcpy(c->shard[i], &i, sizeof i);
    fuzz_bytes(in, c->shard, 64);
    if (layr_challenge_sign(&jws, c, fuzz_seed) == 0) {
        PROMISE(layr_challenge_parse(got, jws, strlen(jws), clock_of(c->iat)) == 0);
        PROMISE(got->count == c->count && got->sample == c->sample);
        PROMISE(memcmp(got->shard, c->shard, sizeof c->shard[0] * c->count) == 0);
    }
    free(jws);
    free(c);
    free(got);
}

static void record(fuzz_in_t *in)
{
    layr_record_t r = {0}, got;
    char *jws = NULL;
    int rc;

    r.iat = take_time(in);
    r.exp = r.iat + take_time(in);
    r.prev_count = fuzz_8(in) % 10;
    fuzz_bytes(in, &r.seq, sizeof r.seq);
    fuzz_bytes(in, r.prev, sizeof r.prev);
    r.root = (uint8_t *)copy_of(in->p, in->left, 0);
    r.root_len = in->left;
    if (layr_record_sign(&jws, &r, fuzz_seed) == 0) {
        rc = layr_record_parse(&got, jws, strlen(jws), clock_of(r.iat));
        PROMISE(rc == 0 || (rc == LAYR_ERR_LIMIT && r.exp - r.iat > LAYR_AHEAD_MAX));
        PROMISE(rc != 0 || (got.root_len == r.root_len && memcmp(got.root, r.root, r.root_len) == 0));
        layr_record_free(&got);
    }
    free(jws);
    free(r.root);
}

static void node(fuzz_in_t *in)
{
    layr_node_t n = {0}, got;
    char *jws = NULL;

    n.iat = take_time(in);
    n.exp = n.iat + fuzz_8(in);
    take_text(in, n.nonce, sizeof n.nonce);
    if (layr_node_sign(&jws, &n, fuzz_seed) != 0)
        return;
    PROMISE(layr_node_parse(&got, jws, strlen(jws), clock_of(n.iat)) == 0 && strcmp(got.nonce, n.nonce) == 0);
    free(jws);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const kinds[])(fuzz_in_t *) = {contact, order, orders, record, node, challenge};
    fuzz_in_t in = {data, size};

    kinds[fuzz_8(&in) % 6](&in);
    return 0;
}
