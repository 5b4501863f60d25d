#include <string.h>
#include <strings.h>

#include "req.h"

#define HEADER_SAFE 6000 /* a header of so many bytes is no matter to nginx */

void req_init(req_t *r, const char *method, const char *path)
{
    memset(r, 0, sizeof *r);
    r->method = gen_span(method);
    r->path = gen_span(path);
    r->head = strcmp(method, "HEAD") == 0;
}

void req_want(req_t *r, want_t want)
{
    if (want > r->want)
        r->want = want;
}

void req_status(req_t *r, int status)
{
    for (size_t i = 0; i < sizeof r->status / sizeof r->status[0]; i++) {
        if (r->status[i] == 0 || r->status[i] == status) {
            r->status[i] = status;
            return;
        }
    }
    die("too many statuses");
}

/* Most that HTTP knows may be there once: nginx refuses a second one itself. */
static bool is_there(const req_t *r, const char *name)
{
    for (unsigned i = 0; i < r->fields; i++)
        if (r->field[i].name.len == strlen(name) && strncasecmp(r->field[i].name.p, name, strlen(name)) == 0)
            return true;
    return false;
}

void req_field(req_t *r, const char *name, span_t value)
{
    if (strncmp(name, "x-", 2) != 0 && is_there(r, name)) {
        req_want(r, WANT_ANY);
        r->closes = true;
    }
    if (r->fields < FIELDS_MAX)
        r->field[r->fields++] = (field_t){gen_span(name), value};
}

void req_body(req_t *r, span_t body)
{
    r->body = body;
    r->length = true;
}

void req_statement(gen_t *g, req_t *r, span_t jws, const signer_t *signer)
{
    span_t value;

    r->jws = jws;
    r->signer = signer;
    if (r->path.len < 11 || memcmp(r->path.p, "/v1/shards/", 11) != 0) {
        req_body(r, jws);
        return;
    }
    value = (span_t){gen_take(g, jws.len + 5), jws.len + 5};
    memcpy((char *)value.p, "Layr ", 5);
    memcpy((char *)value.p + 5, jws.p, jws.len);
    for (unsigned i = 0; i < r->fields; i++)
        if (r->field[i].name.len == 13 && memcmp(r->field[i].name.p, "Authorization", 13) == 0)
            r->field[i--] = r->field[--r->fields];
    req_field(r, "Authorization", value);
    if (jws.len > HEADER_SAFE) {
        req_want(r, WANT_ANY);
        r->closes = true;
    }
}
