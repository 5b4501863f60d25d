/* layr-challenge: prove that these shards are there (docs/protocol.md 5.7). */
#include <string.h>

#include "crypto/statement_internal.h"

#define TYP "layr-challenge"
#define CHALLENGE_LIFE 600 /* seconds: it is answered at once */

static bool has_repeats(const layr_challenge_t *c)
{
    for (unsigned i = 1; i < c->count; i++)
        for (unsigned j = 0; j < i; j++)
            if (memcmp(c->shard[i], c->shard[j], sizeof c->shard[i]) == 0)
                return true;
    return false;
}

static int read_challenge(layr_challenge_t *c, layr_statement_t *st, layr_time_t now)
{
    layr_json_fields_t *f = &st->fields;
    int rc;

    memcpy(c->audit, st->signer, sizeof c->audit);
    c->iat = st->iat;
    c->exp = st->exp;
    layr_json_take_hex(f, "host", c->host, sizeof c->host);
    layr_json_take_hex(f, "group", c->group, sizeof c->group);
    layr_json_take_hex(f, "seed", c->seed, sizeof c->seed);
    layr_json_take_dec(f, "sample", &c->sample);
    layr_json_take_hexes(f, "shards", c->shard[0], sizeof c->shard[0], 1, LAYR_CHALLENGE_SHARDS, &c->count);
    if (f->rc == 0 && has_repeats(c))
        return LAYR_ERR_FORMAT;
    rc = layr_statement_end(st, now);
    return rc == 0 && c->exp - c->iat > CHALLENGE_LIFE ? LAYR_ERR_LIMIT : rc;
}

int layr_challenge_parse(layr_challenge_t *out, const char *jws, size_t len, layr_time_t now)
{
    layr_statement_t st;
    int rc;

    memset(out, 0, sizeof *out);
    rc = layr_statement_open(&st, TYP, LAYR_CHALLENGE_MAX, jws, len);
    if (rc == 0)
        rc = read_challenge(out, &st, now);
    layr_statement_close(&st);
    if (rc != 0)
        memset(out, 0, sizeof *out);
    return rc;
}

int layr_challenge_sign(char **out, const layr_challenge_t *c, const uint8_t seed[32])
{
    layr_buf_t body;

    if (!layr_statement_times_ok(c->iat, c->exp) || c->exp - c->iat > CHALLENGE_LIFE || c->count < 1 ||
        c->count > LAYR_CHALLENGE_SHARDS || has_repeats(c))
        return LAYR_ERR_ARG;
    layr_buf_init(&body);
    layr_statement_body(&body, c->iat, c->exp);
    layr_json_put_hex(&body, "host", c->host, sizeof c->host);
    layr_json_put_hex(&body, "group", c->group, sizeof c->group);
    layr_json_put_hex(&body, "seed", c->seed, sizeof c->seed);
    layr_json_put_dec(&body, "sample", c->sample);
    layr_json_open(&body, "shards", '[');
    for (unsigned i = 0; i < c->count; i++)
        layr_json_put_hex(&body, NULL, c->shard[i], sizeof c->shard[i]);
    layr_json_close(&body, ']');
    return layr_statement_seal(out, TYP, LAYR_CHALLENGE_MAX, &body, seed);
}
