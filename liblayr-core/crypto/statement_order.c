/* layr-order: an owner's request that a host keep a shard (docs/protocol.md 5.4). */
#include <string.h>

#include "crypto/statement_internal.h"

#define TYP "layr-order"
#define BLOB_UNIT 4112 /* a block and its tag */

static bool order_ok(const layr_order_t *o)
{
    return o->size > 0 && o->size % BLOB_UNIT == 0 && layr_statement_rail_ok(o->rail);
}

static void take_lock(layr_json_fields_t *f, layr_order_t *o)
{
    layr_json_fields_t lock;
    int rc;

    if (!layr_json_has(f, "lock"))
        return;
    layr_json_begin(&lock, layr_json_take(f, "lock"));
    layr_json_take_b64(&lock, "salt", o->lock_salt, sizeof o->lock_salt);
    layr_json_take_hex(&lock, "hash", o->lock_hash, sizeof o->lock_hash);
    rc = layr_json_end(&lock);
    if (f->rc == 0)
        f->rc = rc;
    o->has_lock = true;
}

static int read_order(layr_order_t *o, layr_statement_t *st, layr_time_t now)
{
    layr_json_fields_t *f = &st->fields;
    int rc;

    memcpy(o->owner, st->signer, sizeof o->owner);
    o->iat = st->iat;
    o->exp = st->exp;
    layr_json_take_hex(f, "order", o->order, sizeof o->order);
    layr_json_take_hex(f, "host", o->host, sizeof o->host);
    layr_json_take_hex(f, "shard", o->shard, sizeof o->shard);
    layr_json_take_dec(f, "size", &o->size);
    layr_json_take_hex(f, "group", o->group, sizeof o->group);
    layr_json_take_b64(f, "audit", o->audit, sizeof o->audit);
    layr_json_take_dec(f, "price", &o->price);
    layr_json_take_str(f, "rail", o->rail, sizeof o->rail);
    take_lock(f, o);
    if (f->rc == 0 && !order_ok(o))
        return LAYR_ERR_FORMAT;
    rc = layr_statement_end(st, now);
    return rc == 0 ? layr_statement_reach(o->exp, now) : rc;
}

int layr_order_parse(layr_order_t *out, const char *jws, size_t len, layr_time_t now)
{
    layr_statement_t st;
    int rc;

    memset(out, 0, sizeof *out);
    rc = layr_statement_open(&st, TYP, LAYR_ORDER_MAX, jws, len);
    if (rc == 0)
        rc = read_order(out, &st, now);
    layr_statement_close(&st);
    if (rc != 0)
        memset(out, 0, sizeof *out);
    return rc;
}

static void write_order(layr_buf_t *b, const layr_order_t *o)
{
    layr_statement_body(b, o->iat, o->exp);
    layr_json_put_hex(b, "order", o->order, sizeof o->order);
    layr_json_put_hex(b, "host", o->host, sizeof o->host);
    layr_json_put_hex(b, "shard", o->shard, sizeof o->shard);
    layr_json_put_dec(b, "size", o->size);
    layr_json_put_hex(b, "group", o->group, sizeof o->group);
    layr_json_put_b64(b, "audit", o->audit, sizeof o->audit);
    layr_json_put_dec(b, "price", o->price);
    layr_json_put_str(b, "rail", o->rail);
    if (!o->has_lock)
        return;
    layr_json_open(b, "lock", '{');
    layr_json_put_b64(b, "salt", o->lock_salt, sizeof o->lock_salt);
    layr_json_put_hex(b, "hash", o->lock_hash, sizeof o->lock_hash);
    layr_json_close(b, '}');
}

int layr_order_sign(char **out, const layr_order_t *o, const uint8_t seed[32])
{
    layr_buf_t body;

    if (!order_ok(o) || !layr_statement_times_ok(o->iat, o->exp))
        return LAYR_ERR_ARG;
    layr_buf_init(&body);
    write_order(&body, o);
    return layr_statement_seal(out, TYP, LAYR_ORDER_MAX, &body, seed);
}
