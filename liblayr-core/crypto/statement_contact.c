/* layr-contact: who and where a host is (docs/protocol.md 5.2). */
#include <stdlib.h>
#include <string.h>

#include "crypto/jws_internal.h"
#include "crypto/statement_internal.h"

#define TYP "layr-contact"

static void take_url(layr_json_fields_t *f, layr_contact_t *c)
{
    if (!layr_json_has(f, "url"))
        return;
    layr_json_take_str(f, "url", c->url, sizeof c->url);
    if (f->rc == 0 && !layr_url_ok(c->url, strlen(c->url)))
        f->rc = LAYR_ERR_FORMAT;
}

static void take_rails(layr_json_fields_t *f, layr_contact_t *c)
{
    const cJSON *array = layr_json_take_array(f, "rails", 0, LAYR_RAILS_MAX, &c->rail_count), *item;
    char *rail = c->rails[0];

    cJSON_ArrayForEach(item, array)
    {
        if (!cJSON_IsString(item) || strlen(item->valuestring) > LAYR_RAIL_MAX ||
            !layr_statement_rail_ok(item->valuestring)) {
            f->rc = LAYR_ERR_FORMAT;
            return;
        }
        memcpy(rail, item->valuestring, strlen(item->valuestring) + 1);
        rail += sizeof c->rails[0];
    }
}

static void take_pins(layr_json_fields_t *f, layr_contact_t *c)
{
    const cJSON *array = layr_json_take_array(f, "pins", 0, LAYR_PINS_MAX, &c->pin_count), *item;
    uint8_t *pin = c->pins[0];

    cJSON_ArrayForEach(item, array)
    {
        if (layr_json_b64(item, pin, sizeof c->pins[0]) != 0) {
            f->rc = LAYR_ERR_FORMAT;
            return;
        }
        pin += sizeof c->pins[0];
    }
}

static int check_host(const layr_contact_t *c)
{
    uint8_t id[LAYR_ID_BYTES];
    int rc = layr_host_id(id, c->signer);

    if (rc == 0 && memcmp(id, c->host, sizeof id) != 0)
        rc = LAYR_ERR_AUTH;
    return rc;
}

static int read_contact(layr_contact_t *c, layr_statement_t *st, layr_time_t now)
{
    layr_json_fields_t *f = &st->fields;
    int rc;

    memcpy(c->signer, st->signer, sizeof c->signer);
    c->iat = st->iat;
    c->exp = st->exp;
    layr_json_take_hex(f, "host", c->host, sizeof c->host);
    take_url(f, c);
    layr_json_take_bool(f, "h2c", &c->h2c);
    layr_json_take_dec(f, "seq", &c->seq);
    layr_json_take_dec(f, "capacity", &c->capacity);
    layr_json_take_dec(f, "free", &c->free);
    layr_json_take_dec(f, "price", &c->price);
    take_rails(f, c);
    layr_json_take_bool(f, "leaving", &c->leaving);
    take_pins(f, c);
    rc = layr_statement_end(st, now);
    return rc == 0 ? check_host(c) : rc;
}

int layr_contact_parse(layr_contact_t *out, const char *jws, size_t len, layr_time_t now)
{
    layr_statement_t st;
    int rc;

    memset(out, 0, sizeof *out);
    rc = layr_statement_open(&st, TYP, LAYR_CONTACT_MAX, jws, len);
    if (rc == 0)
        rc = read_contact(out, &st, now);
    layr_statement_close(&st);
    if (rc != 0)
        memset(out, 0, sizeof *out);
    return rc;
}

int layr_contact_peek(uint8_t host[32], uint64_t *seq, const char *jws, size_t len)
{
    layr_json_fields_t f;
    uint8_t *payload = NULL, id[LAYR_ID_BYTES] = {0};
    uint64_t number = 0;
    cJSON *body = NULL;
    layr_jws_t j;
    size_t n = 0;
    int rc = len > LAYR_CONTACT_MAX ? LAYR_ERR_LIMIT : layr_jws_split(&j, jws, len);

    if (rc == 0)
        rc = layr_jws_part(&payload, &n, j.payload, j.payload_len, LAYR_CONTACT_MAX);
    if (rc == 0)
        rc = layr_json_parse(&body, (const char *)payload, n, LAYR_JSON_INTEGERS);
    if (rc == 0) {
        layr_json_begin(&f, body);
        layr_json_take_hex(&f, "host", id, sizeof id);
        layr_json_take_dec(&f, "seq", &number);
        rc = f.rc;
    }
    if (rc == 0) {
        memcpy(host, id, sizeof id);
        *seq = number;
    }
    layr_json_free(body);
    free(payload);
    return rc;
}

/* Nothing is signed that a reader would refuse. */
static bool contact_ok(const layr_contact_t *c)
{
    size_t url_len = strnlen(c->url, sizeof c->url);

    if (c->rail_count > LAYR_RAILS_MAX || c->pin_count > LAYR_PINS_MAX)
        return false;
    for (unsigned i = 0; i < c->rail_count; i++)
        if (!layr_statement_rail_ok(c->rails[i]))
            return false;
    if (url_len != 0 && !layr_url_ok(c->url, url_len))
        return false;
    return layr_statement_times_ok(c->iat, c->exp);
}

static void write_contact(layr_buf_t *b, const layr_contact_t *c, const uint8_t host[32])
{
    layr_statement_body(b, c->iat, c->exp);
    layr_json_put_hex(b, "host", host, LAYR_ID_BYTES);
    if (c->url[0] != 0)
        layr_json_put_str(b, "url", c->url);
    layr_json_put_bool(b, "h2c", c->h2c);
    layr_json_put_dec(b, "seq", c->seq);
    layr_json_put_dec(b, "capacity", c->capacity);
    layr_json_put_dec(b, "free", c->free);
    layr_json_put_dec(b, "price", c->price);
    layr_json_open(b, "rails", '[');
    for (unsigned i = 0; i < c->rail_count; i++)
        layr_json_put_str(b, NULL, c->rails[i]);
    layr_json_close(b, ']');
    layr_json_put_bool(b, "leaving", c->leaving);
    layr_json_open(b, "pins", '[');
    for (unsigned i = 0; i < c->pin_count; i++)
        layr_json_put_b64(b, NULL, c->pins[i], sizeof c->pins[i]);
    layr_json_close(b, ']');
}

int layr_contact_sign(char **out, const layr_contact_t *c, const uint8_t seed[32])
{
    uint8_t pub[LAYR_PUBKEY_BYTES], host[LAYR_ID_BYTES];
    layr_buf_t body;
    int rc;

    if (!contact_ok(c))
        return LAYR_ERR_ARG;
    layr_sign_public(pub, seed);
    rc = layr_host_id(host, pub);
    if (rc != 0)
        return rc;
    layr_buf_init(&body);
    write_contact(&body, c, host);
    return layr_statement_seal(out, TYP, LAYR_CONTACT_MAX, &body, seed);
}
