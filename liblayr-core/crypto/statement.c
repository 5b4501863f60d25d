/* The form that all signed statements share (docs/protocol.md 5.1). */
#include <stdlib.h>
#include <string.h>

#include "crypto/jws_internal.h"
#include "crypto/statement_internal.h"

static int open_header(layr_statement_t *st, const char *typ, const layr_jws_t *j)
{
    uint8_t *text = NULL;
    size_t len = 0;
    int rc = layr_jws_part(&text, &len, j->header, j->header_len, LAYR_JWS_HEADER_MAX);

    if (rc == 0)
        rc = layr_json_parse(&st->header, (const char *)text, len, LAYR_JSON_INTEGERS);
    free(text);
    if (rc != 0)
        return rc;
    layr_json_begin(&st->fields, st->header);
    layr_json_take_word(&st->fields, "alg", "EdDSA");
    layr_json_take_word(&st->fields, "typ", typ);
    layr_json_take_b64(&st->fields, "kid", st->signer, sizeof st->signer);
    return st->fields.rc;
}

/* Nothing of the payload is looked at before the signature holds; whole: the header has no further members.
 */
static int open_signed(layr_statement_t *st, const char *typ, size_t max, size_t payload_max, bool whole,
                       const char *jws, size_t len)
{
    layr_jws_t j;
    int rc;

    memset(st, 0, sizeof *st);
    if (len > max)
        return LAYR_ERR_LIMIT;
    if (jws == NULL || len == 0)
        return LAYR_ERR_FORMAT;
    rc = layr_jws_split(&j, jws, len);
    if (rc == 0)
        rc = open_header(st, typ, &j);
    if (rc == 0 && whole)
        rc = layr_json_end(&st->fields);
    if (rc == 0)
        rc = layr_jws_verify(&j, st->signer);
    if (rc == 0)
        rc = layr_jws_part(&st->payload, &st->payload_len, j.payload, j.payload_len, payload_max);
    return rc;
}

int layr_statement_open_bytes(layr_statement_t *st, const char *typ, size_t max, size_t payload_max,
                              const char *jws, size_t len)
{
    return open_signed(st, typ, max, payload_max, false, jws, len);
}

int layr_statement_open(layr_statement_t *st, const char *typ, size_t max, const char *jws, size_t len)
{
    int rc = open_signed(st, typ, max, max, true, jws, len);

    if (rc == 0)
        rc = layr_json_parse(&st->body, (const char *)st->payload, st->payload_len, LAYR_JSON_INTEGERS);
    if (rc != 0)
        return rc;
    layr_json_begin(&st->fields, st->body);
    layr_statement_take_times(st);
    return st->fields.rc;
}

void layr_statement_close(layr_statement_t *st)
{
    layr_json_free(st->body);
    layr_json_free(st->header);
    free(st->payload);
    memset(st, 0, sizeof *st);
}

void layr_statement_take_times(layr_statement_t *st)
{
    layr_json_take_version(&st->fields);
    layr_json_take_time(&st->fields, "iat", &st->iat);
    layr_json_take_time(&st->fields, "exp", &st->exp);
}

/* Times lie in 0 .. 2^53, so nothing here can overflow whatever the clock says. */
int layr_statement_end(const layr_statement_t *st, layr_time_t now)
{
    int rc = layr_json_end(&st->fields);

    if (rc != 0)
        return rc;
    if (st->exp <= st->iat)
        return LAYR_ERR_FORMAT;
    if (st->iat - LAYR_SKEW > now)
        return LAYR_ERR_FUTURE;
    return st->exp + LAYR_SKEW <= now ? LAYR_ERR_EXPIRED : 0;
}

/* The writer's 400 days began at its own clock, which may be ahead of this one. */
int layr_statement_reach(layr_time_t t, layr_time_t now)
{
    return t - LAYR_AHEAD_MAX - LAYR_SKEW > now ? LAYR_ERR_LIMIT : 0;
}

bool layr_statement_times_ok(layr_time_t iat, layr_time_t exp)
{
    return iat >= 0 && iat < exp && exp <= LAYR_JSON_INT_MAX;
}

bool layr_statement_rail_ok(const char rail[LAYR_RAIL_MAX + 1])
{
    size_t len = strspn(rail, "abcdefghijklmnopqrstuvwxyz0123456789-");

    return len >= 1 && len <= LAYR_RAIL_MAX && rail[len] == 0;
}

void layr_statement_header(layr_buf_t *b, const char *typ, const uint8_t seed[32])
{
    uint8_t pub[LAYR_PUBKEY_BYTES];

    layr_sign_public(pub, seed);
    layr_json_open(b, NULL, '{');
    layr_json_put_str(b, "alg", "EdDSA");
    layr_json_put_str(b, "typ", typ);
    layr_json_put_b64(b, "kid", pub, sizeof pub);
}

void layr_statement_body(layr_buf_t *b, layr_time_t iat, layr_time_t exp)
{
    layr_json_open(b, NULL, '{');
    layr_json_put_int(b, "v", 1);
    layr_json_put_int(b, "iat", iat);
    layr_json_put_int(b, "exp", exp);
}

int layr_statement_seal(char **out, const char *typ, size_t max, layr_buf_t *body, const uint8_t seed[32])
{
    layr_buf_t header;
    int rc = LAYR_ERR_NOMEM;

    layr_buf_init(&header);
    layr_statement_header(&header, typ, seed);
    layr_json_close(&header, '}');
    layr_json_close(body, '}');
    if (!header.bad && !body->bad)
        rc = layr_jws_sign(out, header.p, header.len, body->p, body->len, max, seed);
    layr_buf_free(&header);
    layr_buf_free(body);
    return rc;
}
