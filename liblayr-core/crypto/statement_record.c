/* layr-record: the root of a file under its record key (docs/protocol.md 4.4 and 5.6). */
#include <stdlib.h>
#include <string.h>

#include "crypto/jws_internal.h"
#include "crypto/statement_internal.h"

#define TYP "layr-record"

/* Each record it takes into account is named once; a writer that has found none names none. */
static bool prev_ok(const layr_record_t *r)
{
    if (r->seq == 0 || r->prev_count > LAYR_PREV_MAX)
        return false;
    for (unsigned i = 1; i < r->prev_count; i++)
        for (unsigned j = 0; j < i; j++)
            if (memcmp(r->prev[i], r->prev[j], sizeof r->prev[i]) == 0)
                return false;
    return true;
}

static int read_record(layr_record_t *r, layr_statement_t *st, layr_time_t now)
{
    layr_json_fields_t *f = &st->fields;
    int rc;

    layr_statement_take_times(st);
    memcpy(r->id, st->signer, sizeof r->id);
    r->iat = st->iat;
    r->exp = st->exp;
    layr_json_take_dec(f, "seq", &r->seq);
    layr_json_take_hexes(f, "prev", r->prev[0], sizeof r->prev[0], 0, LAYR_PREV_MAX, &r->prev_count);
    if (f->rc == 0 && !prev_ok(r))
        return LAYR_ERR_FORMAT;
    rc = layr_statement_end(st, now);
    return rc == 0 ? layr_statement_reach(r->exp, now) : rc;
}

int layr_record_parse(layr_record_t *out, const char *jws, size_t len, layr_time_t now)
{
    layr_statement_t st;
    int rc;

    memset(out, 0, sizeof *out);
    rc = layr_statement_open_bytes(&st, TYP, LAYR_JWS_MAX, LAYR_ROOT_MAX, jws, len);
    if (rc == 0)
        rc = read_record(out, &st, now);
    if (rc == 0)
        rc = layr_sha256_1(out->sha256, jws, len);
    if (rc == 0) {
        out->root = st.payload;
        out->root_len = st.payload_len;
        st.payload = NULL;
    } else
        memset(out, 0, sizeof *out);
    layr_statement_close(&st);
    return rc;
}

static void write_header(layr_buf_t *b, const layr_record_t *r, const uint8_t seed[32])
{
    layr_statement_header(b, TYP, seed);
    layr_json_put_int(b, "v", 1);
    layr_json_put_int(b, "iat", r->iat);
    layr_json_put_int(b, "exp", r->exp);
    layr_json_put_dec(b, "seq", r->seq);
    layr_json_open(b, "prev", '[');
    for (unsigned i = 0; i < r->prev_count; i++)
        layr_json_put_hex(b, NULL, r->prev[i], sizeof r->prev[i]);
    layr_json_close(b, ']');
    layr_json_close(b, '}');
}

int layr_record_sign(char **out, const layr_record_t *r, const uint8_t seed[32])
{
    layr_buf_t header;
    int rc = LAYR_ERR_NOMEM;

    if (r->root_len > LAYR_ROOT_MAX)
        return LAYR_ERR_LIMIT;
    if (!prev_ok(r) || !layr_statement_times_ok(r->iat, r->exp))
        return LAYR_ERR_ARG;
    layr_buf_init(&header);
    write_header(&header, r, seed);
    if (!header.bad)
        rc = layr_jws_sign(out, header.p, header.len, r->root, r->root_len, LAYR_JWS_MAX, seed);
    layr_buf_free(&header);
    return rc;
}

void layr_record_free(layr_record_t *r)
{
    if (r == NULL)
        return;
    free(r->root);
    memset(r, 0, sizeof *r);
}

int layr_record_place_of(const layr_record_t *r, const uint8_t place[32])
{
    uint8_t own[LAYR_ID_BYTES];

    for (unsigned i = 0; i < LAYR_RECORD_PLACES; i++) {
        int rc = layr_record_place(own, r->id, i);
        if (rc != 0)
            return rc;
        if (memcmp(own, place, sizeof own) == 0)
            return (int)i;
    }
    return LAYR_ERR_NOTFOUND;
}

static bool lists(const layr_record_t *r, const uint8_t sha256[32])
{
    for (unsigned i = 0; i < r->prev_count; i++)
        if (memcmp(r->prev[i], sha256, LAYR_ID_BYTES) == 0)
            return true;
    return false;
}

/*
 * Rules (a) to (d) of 4.4.  A record one behind may be a rival that the writer never saw, so it gives way
 * only when it is named; one further behind has been overtaken by a majority.  An equal or higher one never
 * gives way.
 */
int layr_record_accept(const layr_record_t *own, const layr_record_t *next)
{
    if (own == NULL)
        return LAYR_OK;
    if (memcmp(own->sha256, next->sha256, sizeof own->sha256) == 0)
        return LAYR_ERR_EXISTS;
    if (own->seq >= next->seq)
        return LAYR_ERR_CONFLICT;
    return own->seq < next->seq - 1 || lists(next, own->sha256) ? LAYR_OK : LAYR_ERR_CONFLICT;
}
