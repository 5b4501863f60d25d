/* What a host's answer to a call means: for the caller, for the host's scores, and in words. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "crypto/json.h"
#include "layr/api.h"
#include "layr/bytes.h"
#include "net/call.h"

#define SCORED_BYTES 65536 /* smaller transfers measure the delay, not the speed */
#define PROBLEM_MAX 4096

/* A media type, with or without parameters. */
static bool is_type(const layr_req_t *r, const char *want)
{
    size_t len = strlen(want);

    return strncasecmp(r->content_type, want, len) == 0 && strchr(" ;", r->content_type[len]) != NULL;
}

/* A page for people is from something in between, whatever its status. */
static bool is_page(const layr_req_t *r)
{
    return strncasecmp(r->content_type, "text/", 5) == 0;
}

/* The host names the shard it stored: a proxy's or a portal's 200 must not pass for a stored shard. */
static int check_stored(const layr_call_t *c)
{
    layr_json_fields_t f;
    cJSON *json = NULL;
    uint8_t shard[32] = {0};
    int rc = LAYR_ERR_FORMAT;

    if (!is_type(&c->req, "application/json"))
        return LAYR_ERR_FORMAT;
    rc = layr_json_parse(&json, c->answer, c->req.into_len, LAYR_JSON_NUMBERS);
    if (rc != 0)
        return rc;
    layr_json_begin(&f, json);
    layr_json_take_hex(&f, "shard", shard, sizeof shard);
    rc = f.rc != 0 || memcmp(shard, c->id, sizeof shard) != 0 ? LAYR_ERR_FORMAT : 0;
    layr_json_free(json);
    return rc;
}

static int check_range(const layr_call_t *c)
{
    /* "Range: bytes=A-B" asks, "bytes A-B/size" answers. */
    const char *want = c->range + strlen("Range: bytes=");
    size_t len = strlen(want);
    const char *got = c->req.content_range;

    if (c->req.status != 206 || c->req.into_len != c->expect)
        return LAYR_ERR_FORMAT;
    if (strncasecmp(got, "bytes ", 6) != 0 || strncmp(got + 6, want, len) != 0 || got[6 + len] != '/')
        return LAYR_ERR_FORMAT;
    return 0;
}

static int check_etag(const layr_call_t *c)
{
    char want[67] = "\"";

    layr_hex(want + 1, c->id, 32);
    want[65] = '"';
    want[66] = 0;
    return c->req.status == 200 && strcmp(c->req.etag, want) == 0 ? 0 : LAYR_ERR_FORMAT;
}

static int judge_success(const layr_call_t *c)
{
    const layr_req_t *r = &c->req;
    bool created = r->status == 200 || r->status == 201;

    switch ((layr_call_kind_t)c->kind) {
    case LAYR_CALL_PUT_SHARD:
        return created ? check_stored(c) : LAYR_ERR_FORMAT;
    case LAYR_CALL_GET_SHARD:
        return r->status == 200 && r->into_len == c->expect ? 0 : LAYR_ERR_FORMAT;
    case LAYR_CALL_GET_RANGE:
        return check_range(c);
    case LAYR_CALL_HEAD_SHARD:
        return check_etag(c);
    case LAYR_CALL_ORDERS:
    case LAYR_CALL_CLOSEST:
        return r->status == 200 && is_type(r, "application/json") ? 0 : LAYR_ERR_FORMAT;
    case LAYR_CALL_PUT_RECORD:
        return created && !is_page(r) ? 0 : LAYR_ERR_FORMAT;
    case LAYR_CALL_AUDIT:
        return r->status == 200 && r->into_len == c->expect && is_type(r, "application/octet-stream")
                   ? 0
                   : LAYR_ERR_FORMAT;
    case LAYR_CALL_GET_RECORD:
        return r->status == 200 && is_type(r, "application/jose") ? 0 : LAYR_ERR_FORMAT;
    case LAYR_CALL_NONE:
        break;
    }
    return LAYR_ERR_ARG;
}

static int judge(const layr_call_t *c)
{
    if (c->req.error != LAYR_OK)
        return c->req.error;
    if (c->req.status < 400) /* a redirect is none of the answers a host gives: judge_success refuses it */
        return judge_success(c);
    switch (c->req.status) {
    case 404:
        return LAYR_ERR_NOTFOUND;
    case 412:
        return LAYR_ERR_CONFLICT;
    case 507:
        return LAYR_ERR_NOSPACE;
    case 502:
    case 503:
    case 504:
        return LAYR_ERR_UNAVAILABLE;
    default:
        return LAYR_ERR_REFUSED;
    }
}

static void read_problem(layr_call_t *c)
{
    const layr_req_t *r = &c->req;

    memset(&c->problem, 0, sizeof c->problem);
    if (r->error != LAYR_OK || r->status < 400)
        return;
    /* An answer that is not a problem document has only its status to tell. */
    if (is_type(r, "application/problem+json") && r->error_len <= PROBLEM_MAX &&
        layr_problem_parse(&c->problem, (const char *)r->error_into, r->error_len) != 0)
        memset(&c->problem, 0, sizeof c->problem);
    c->problem.status = r->status;
}

int layr_missing_parse(uint8_t (*out)[32], unsigned *count, const char *json, size_t len)
{
    layr_json_fields_t f;
    cJSON *problem = NULL;
    int rc;

    *count = 0;
    if (len > LAYR_AUDIT_INTO)
        return LAYR_ERR_LIMIT;
    rc = layr_json_parse(&problem, json, len, LAYR_JSON_NUMBERS);
    if (rc != 0)
        return rc;
    layr_json_begin(&f, problem);
    layr_json_take_hexes(&f, "missing", out[0], sizeof out[0], 1, LAYR_CHALLENGE_SHARDS, count);
    rc = f.rc;
    if (rc != 0)
        *count = 0;
    layr_json_free(problem);
    return rc;
}

/* Three parts of what was known and one of what is new: a hiccup does not undo a good host's name. */
static void score_speed(layr_host_t *h, uint64_t bytes, uint64_t usec)
{
    unsigned long long now = bytes * 1000000 / usec, old = atomic_load(&h->bytes_s), next;

    do
        next = old == 0 ? now : old - old / 4 + now / 4;
    while (!atomic_compare_exchange_weak(&h->bytes_s, &old, next));
}

static bool is_transport_failure(int error)
{
    return error == LAYR_ERR_NET || error == LAYR_ERR_TIMEOUT || error == LAYR_ERR_AUTH ||
           error == LAYR_ERR_LIMIT || error == LAYR_ERR_FORMAT;
}

static void score(layr_call_t *c)
{
    const layr_req_t *r = &c->req;
    uint64_t bytes = r->body_len > r->into_len ? r->body_len : r->into_len;

    if (c->scored || c->host == NULL)
        return;
    c->scored = true;
    if (is_transport_failure(r->error))
        atomic_fetch_add(&c->host->failures, 1);
    else if (r->error == LAYR_OK && r->status < 300 && bytes >= SCORED_BYTES && r->usec > 0)
        score_speed(c->host, bytes, r->usec);
}

int layr_call_result(layr_call_t *c)
{
    read_problem(c);
    score(c);
    if (c->kind == LAYR_CALL_PUT_RECORD && c->req.error == LAYR_OK && c->req.status == 412)
        c->req.into_len = c->req.error_len;
    return judge(c);
}

static const char *transport_words(int error)
{
    switch (error) {
    case LAYR_ERR_NET:
        return "can't be reached";
    case LAYR_ERR_TIMEOUT:
        return "did not answer in time";
    case LAYR_ERR_AUTH:
        return "does not prove that it is the host it should be";
    case LAYR_ERR_LIMIT:
        return "sent more than was asked for";
    case LAYR_ERR_FORMAT:
        return "does not speak HTTP";
    case LAYR_ERR_ARG:
        return "must not be asked";
    case LAYR_ERR_REFUSED:
        return "cut the request short without saying why";
    default:
        return layr_strerror(error);
    }
}

void layr_call_text(const layr_call_t *c, char *out, size_t cap)
{
    const layr_req_t *r = &c->req;
    const char *url = c->host != NULL ? c->host->url : "the host";
    const char *type = r->content_type[0] != 0 ? r->content_type : "no content type";

    if (r->error != LAYR_OK)
        snprintf(out, cap, "%s %s: %s", url, transport_words(r->error), r->error_text);
    else if (c->problem.type[0] != 0 || c->problem.detail[0] != 0)
        snprintf(out, cap, "%s answered %d %s: %s", url, r->status, c->problem.type, c->problem.detail);
    else if (judge(c) == LAYR_ERR_FORMAT)
        snprintf(out, cap, "%s answered what no Layr host answers (status %d, %s, %zu bytes)", url, r->status,
                 type, r->into_len);
    else
        snprintf(out, cap, "%s answered %d", url, r->status);
}
