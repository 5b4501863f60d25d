#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "answer.h"

void answer_init(answer_t *a)
{
    memset(a, 0, sizeof *a);
    a->length = -1;
}

void answer_free(answer_t *a)
{
    free(a->body);
    answer_init(a);
}

void answer_body(answer_t *a, const void *p, size_t len)
{
    if (len == 0)
        return;
    a->body = realloc(a->body, a->body_len + len);
    if (a->body == NULL)
        die("out of memory");
    memcpy(a->body + a->body_len, p, len);
    a->body_len += len;
}

static bool named(const char *name, size_t len, const char *want)
{
    return len == strlen(want) && strncasecmp(name, want, len) == 0;
}

void answer_field(answer_t *a, const char *name, size_t name_len, const char *value, size_t value_len)
{
    char number[24] = {0};

    if (named(name, name_len, "content-type") && value_len < sizeof a->type) {
        memcpy(a->type, value, value_len);
        a->type[value_len] = 0;
    } else if (named(name, name_len, "content-length") && value_len < sizeof number) {
        memcpy(number, value, value_len);
        a->length = strtoll(number, NULL, 10);
    } else if (named(name, name_len, "layr-contact")) {
        a->contact = value_len > 0;
    } else if (named(name, name_len, "connection")) {
        a->closes = named(value, value_len, "close");
    }
}

/* --- right or wrong */

static bool is_named(const req_t *r, int status)
{
    for (size_t i = 0; i < sizeof r->status / sizeof r->status[0]; i++)
        if (r->status[i] == status)
            return true;
    return false;
}

/* nginx's own page, for what does not reach the module. */
static const char *judge_page(gen_t *g, const req_t *r, const answer_t *a)
{
    if (a->status >= 500 && a->status != 501 && a->status != 505)
        return gen_say(g, "status %d with nginx's own page", a->status);
    if (r->want != WANT_ANY)
        return gen_say(g, "status %d with a body of the type '%s', not a problem document", a->status,
                       a->type);
    return NULL;
}

static const char *judge_problem(gen_t *g, const req_t *r, const answer_t *a)
{
    layr_problem_t p;

    if (!a->contact)
        return gen_say(g, "status %d without Layr-Contact", a->status);
    if (a->status == 500 || a->status == 503)
        return gen_say(g, "status %d: the host failed", a->status);
    if (r->head)
        return NULL;
    if (layr_problem_parse(&p, (const char *)a->body, a->body_len) != 0)
        return gen_say(g, "status %d with a malformed problem document", a->status);
    if (p.status != a->status || p.detail[0] == 0)
        return gen_say(g, "status %d with a problem document of status %d", a->status, p.status);
    return NULL;
}

/* A success, or what has no document: 304, and a record's 412. */
static const char *judge_success(gen_t *g, const req_t *r, const answer_t *a)
{
    const char *from = r->content.p;
    size_t len = r->content.len;

    if (!a->contact)
        return gen_say(g, "status %d without Layr-Contact", a->status);
    if (!r->check || r->head || a->status == 304 || r->want != WANT_STATUS)
        return NULL;
    if (a->status == 206) {
        from += r->first;
        len = r->last - r->first + 1;
    }
    if (a->body_len != len)
        return gen_say(g, "%zu bytes, not %zu", a->body_len, len);
    return len == 0 || memcmp(a->body, from, len) == 0 ? NULL : "other bytes";
}

static const char *judge_kind(gen_t *g, const req_t *r, const answer_t *a)
{
    if (a->status < 200 || a->status > 599)
        return gen_say(g, "status %d", a->status);
    if (a->status >= 300 && a->status < 400 && a->status != 304)
        return gen_say(g, "a redirect: %d", a->status);
    if (a->status < 400 || (a->status == 412 && strcmp(a->type, "application/jose") == 0))
        return judge_success(g, r, a);
    if (strcmp(a->type, "application/problem+json") == 0)
        return judge_problem(g, r, a);
    return judge_page(g, r, a);
}

const char *answer_judge(gen_t *g, const req_t *r, const answer_t *a)
{
    const char *wrong = judge_kind(g, r, a);

    if (wrong != NULL)
        return wrong;
    if (a->length >= 0 && !r->head && a->status != 304 && (size_t)a->length != a->body_len)
        return gen_say(g, "%lld bytes announced, %zu came", (long long)a->length, a->body_len);
    if (r->want == WANT_STATUS && !is_named(r, a->status))
        return gen_say(g, "status %d, not %d", a->status, r->status[0]);
    if (r->want == WANT_REFUSAL && a->status < 400)
        return gen_say(g, "status %d: it was accepted", a->status);
    return NULL;
}
