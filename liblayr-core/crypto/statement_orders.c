/* layr-orders: renew or release orders of one group (docs/protocol.md 5.5), and the host's answer to it
 * (6.5). */
#include <string.h>

#include "crypto/statement_internal.h"

#define TYP "layr-orders"
#define ORDERS_LIFE 600 /* seconds: it is acted on at once, so a captured one is soon worth nothing */
#define ANSWER_MAX 65536

static bool has_repeats(const layr_orders_t *o)
{
    for (unsigned i = 1; i < o->count; i++)
        for (unsigned j = 0; j < i; j++)
            if (memcmp(o->order[i], o->order[j], sizeof o->order[i]) == 0)
                return true;
    return false;
}

static void take_action(layr_json_fields_t *f, layr_orders_t *o)
{
    char action[8] = "";

    layr_json_take_str(f, "action", action, sizeof action);
    if (f->rc != 0)
        return;
    if (strcmp(action, "renew") == 0) {
        o->action = LAYR_RENEW;
        layr_json_take_time(f, "until", &o->until);
    } else if (strcmp(action, "release") == 0)
        o->action = LAYR_RELEASE; /* an `until` with it is a member too many */
    else
        f->rc = LAYR_ERR_FORMAT;
}

static int read_orders(layr_orders_t *o, layr_statement_t *st, layr_time_t now)
{
    layr_json_fields_t *f = &st->fields;
    int rc;

    memcpy(o->owner, st->signer, sizeof o->owner);
    o->iat = st->iat;
    o->exp = st->exp;
    layr_json_take_hex(f, "host", o->host, sizeof o->host);
    layr_json_take_hex(f, "group", o->group, sizeof o->group);
    take_action(f, o);
    layr_json_take_hexes(f, "orders", o->order[0], sizeof o->order[0], 1, LAYR_ORDERS_MAX, &o->count);
    if (f->rc == 0 && has_repeats(o))
        return LAYR_ERR_FORMAT;
    rc = layr_statement_end(st, now);
    if (rc == 0 && o->exp - o->iat > ORDERS_LIFE)
        rc = LAYR_ERR_LIMIT;
    return rc == 0 ? layr_statement_reach(o->until, now) : rc;
}

int layr_orders_parse(layr_orders_t *out, const char *jws, size_t len, layr_time_t now)
{
    layr_statement_t st;
    int rc;

    memset(out, 0, sizeof *out);
    rc = layr_statement_open(&st, TYP, LAYR_JWS_MAX, jws, len);
    if (rc == 0)
        rc = read_orders(out, &st, now);
    layr_statement_close(&st);
    if (rc != 0)
        memset(out, 0, sizeof *out);
    return rc;
}

static bool orders_ok(const layr_orders_t *o)
{
    if (!layr_statement_times_ok(o->iat, o->exp) || o->exp - o->iat > ORDERS_LIFE)
        return false;
    if (o->action != LAYR_RENEW && o->action != LAYR_RELEASE)
        return false;
    if (o->action == LAYR_RENEW ? o->until < 0 || o->until > LAYR_JSON_INT_MAX : o->until != 0)
        return false;
    return o->count >= 1 && o->count <= LAYR_ORDERS_MAX && !has_repeats(o);
}

int layr_orders_sign(char **out, const layr_orders_t *o, const uint8_t seed[32])
{
    layr_buf_t body;

    if (!orders_ok(o))
        return LAYR_ERR_ARG;
    layr_buf_init(&body);
    layr_statement_body(&body, o->iat, o->exp);
    layr_json_put_hex(&body, "host", o->host, sizeof o->host);
    layr_json_put_hex(&body, "group", o->group, sizeof o->group);
    layr_json_put_str(&body, "action", o->action == LAYR_RENEW ? "renew" : "release");
    if (o->action == LAYR_RENEW)
        layr_json_put_int(&body, "until", o->until);
    layr_json_open(&body, "orders", '[');
    for (unsigned i = 0; i < o->count; i++)
        layr_json_put_hex(&body, NULL, o->order[i], sizeof o->order[i]);
    layr_json_close(&body, ']');
    return layr_statement_seal(out, TYP, LAYR_JWS_MAX, &body, seed);
}

/* Not signed and not ours alone: members that we don't know are passed over. */
int layr_orders_answer_parse(layr_orders_answer_t *out, const char *json, size_t len)
{
    layr_json_fields_t f;
    cJSON *answer = NULL;
    int rc;

    memset(out, 0, sizeof *out);
    if (len > ANSWER_MAX)
        return LAYR_ERR_LIMIT;
    rc = layr_json_parse(&answer, json, len, LAYR_JSON_NUMBERS);
    if (rc != 0)
        return rc;
    layr_json_begin(&f, answer);
    layr_json_take_hexes(&f, "done", out->done[0], sizeof out->done[0], 0, LAYR_ORDERS_MAX, &out->done_count);
    layr_json_take_hexes(&f, "missing", out->missing[0], sizeof out->missing[0], 0, LAYR_ORDERS_MAX,
                         &out->missing_count);
    rc = f.rc;
    if (rc != 0)
        memset(out, 0, sizeof *out);
    layr_json_free(answer);
    return rc;
}
