/*
 * Signed statements. True ones come from the library. A lie is a true one taken apart, changed, and signed again, so that it
 * gets past the signature; or with another signature.
 */
#include <stdlib.h>
#include <string.h>

#include "crypto/jws_internal.h"
#include "req.h"

static const char *const junk[] = {
    "null",
    "true",
    "-1",
    "1e999",
    "1.5",
    "\"\"",
    "[]",
    "{}",
    "\"\\u0000\"",
    "\"\\ud800\"",
    "\"\xf0\x9f\x92\xa9\"",
    "\"\xff\xfe\"",
    "99999999999999999999999999",
    "\"99999999999999999999999\"",
    "\"18446744073709551616\"",
    "\"00\"",
    "\"0x10\"",
    "[[[[[[[[[[[[]]]]]]]]]]]]",
    "{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":1}}}}}}}}}",
    "9007199254740993",
    "\"\\\"",
    "nul",
    "0123",
    "\"a\nb\"",
    "[null,null,null]",
    "\"----------------------------------------------------------------\"",
    "- 1",
    "",
    "\"",
    "/**/1"};

static span_t finish(gen_t *g, char *jws, int rc)
{
    if (rc != 0)
        die("cannot sign: %d", rc);
    jws = gen_keep(g, jws);
    return gen_span(jws);
}

span_t signed_order(gen_t *g, const signer_t *owner, const blob_t *shard, const uint8_t order[16])
{
    layr_order_t o = {
        .size = shard->size, .rail = "none", .iat = g->now, .exp = g->now + 600 + rng_below(&g->rng, 86400)};
    char *jws = NULL;
    int rc;

    memcpy(o.host, g->world->host, 32);
    memcpy(o.shard, shard->id, 32);
    memcpy(o.order, order, 16);
    memcpy(o.group, owner->group, 16);
    memcpy(o.audit, owner->public, 32);
    rc = layr_order_sign(&jws, &o, owner->seed);
    return finish(g, jws, rc);
}

span_t signed_orders(gen_t *g, const signer_t *owner, layr_action_t action, const uint8_t (*order)[16],
                     unsigned count)
{
    layr_orders_t *o = gen_take(g, sizeof *o);
    char *jws = NULL;
    int rc;

    o->action = action;
    o->iat = g->now;
    o->exp = g->now + 300;
    o->until = action == LAYR_RENEW ? g->now + 90000 + rng_below(&g->rng, 86400) : 0;
    o->count = count;
    memcpy(o->host, g->world->host, 32);
    memcpy(o->group, owner->group, 16);
    memcpy(o->order, order, 16 * (size_t)count);
    rc = layr_orders_sign(&jws, o, owner->seed);
    return finish(g, jws, rc);
}

span_t signed_challenge(gen_t *g, const signer_t *auditor, layr_challenge_t *c)
{
    char *jws = NULL;
    int rc;

    memcpy(c->host, g->world->host, 32);
    c->iat = g->now;
    c->exp = g->now + 300;
    rc = layr_challenge_sign(&jws, c, auditor->seed);
    return finish(g, jws, rc);
}

span_t signed_record(gen_t *g, const signer_t *file, uint64_t seq, const span_t *prev, size_t size)
{
    layr_record_t r = {
        .seq = seq, .iat = g->now, .exp = g->now + 60 + rng_below(&g->rng, 600), .root_len = size};
    char *jws = NULL;
    int rc;

    r.root = gen_take(g, size);
    rng_fill(&g->rng, r.root, size);
    if (prev != NULL && prev->len > 0) {
        r.prev_count = 1;
        if (layr_sha256_1(r.prev[0], prev->p, prev->len) != 0)
            die("SHA-256");
    }
    rc = layr_record_sign(&jws, &r, file->seed);
    return finish(g, jws, rc);
}

/* --- lies */

/* A JSON object's text, changed somewhere. */
static span_t change_text(gen_t *g, span_t text)
{
    char *p = gen_take(g, text.len + 64);
    size_t at = rng_below(&g->rng, (uint32_t)text.len + 1);

    memcpy(p, text.p, text.len);
    switch (rng_below(&g->rng, 4)) {
    case 0:
        p[at] = (char)rng_next(&g->rng);
        return (span_t){p, text.len};
    case 1: /* cut */
        return (span_t){p, at};
    case 2: /* something between */
        memmove(p + at + 1, p + at, text.len - at);
        p[at] = PICK_CHAR(&g->rng, "{}[]\",:\\0 \n\t-e\x80");
        return (span_t){p, text.len + 1};
    default: /* something after */
        p[text.len] = PICK_CHAR(&g->rng, "{}[]\",:\\0 \n\tx");
        return (span_t){p, text.len + 1};
    }
}

/* The object {"a":1,"b":{..}} from its member at `from` (a quote) to before the comma or brace that ends it. */
static size_t member_end(span_t text, size_t from)
{
    unsigned depth = 0;
    bool string = false;

    for (size_t i = from; i < text.len; i++) {
        char c = text.p[i];
        if (string && c == '\\')
            i++;
        else if (c == '"')
            string = !string;
        else if (!string && (c == '{' || c == '['))
            depth++;
        else if (!string && depth == 0 && (c == ',' || c == '}'))
            return i;
        else if (!string && (c == '}' || c == ']'))
            depth--;
    }
    return text.len;
}

/* A member of an object, at random: from its quote to its end. */
static bool choose_member(gen_t *g, span_t text, size_t *from, size_t *to)
{
    size_t start[64];
    unsigned n = 0;

    if (text.len < 2 || text.p[0] != '{' || text.p[1] != '"')
        return false;
    for (size_t at = 1; n < 64 && at < text.len && text.p[at] == '"'; at = member_end(text, at) + 1)
        start[n++] = at;
    *from = start[rng_below(&g->rng, n)];
    *to = member_end(text, *from);
    return true;
}

/* A member dropped, there twice, renamed, of another value, or one that nobody knows. */
static span_t change_member(gen_t *g, span_t text, bool *sure)
{
    size_t from, to, colon;
    const char *more = "", *value = PICK(&g->rng, junk);

    *sure = false;
    if (!choose_member(g, text, &from, &to))
        return change_text(g, text);
    *sure = strcmp(value, "[]") != 0; /* which `prev` may be */
    colon = (size_t)((const char *)memchr(text.p + from, ':', to - from) - text.p);
    switch (rng_below(&g->rng, 5)) {
    case 0:
        if (text.p[to] == ',')
            to++;
        else if (text.p[from - 1] == ',')
            from--;
        break;
    case 1:
        more = gen_say(g, "%.*s,%.*s", (int)(to - from), text.p + from, (int)(to - from), text.p + from);
        break;
    case 2:
        more = gen_say(g, "\"x%.*s", (int)(to - from - 1), text.p + from + 1);
        break;
    case 3:
        more = gen_say(g, "%.*s,\"%s\":%s", (int)(to - from), text.p + from,
                       rng_one_in(&g->rng, 2) ? "lock" : "zzz", value);
        break;
    default:
        more = gen_say(g, "%.*s:%s", (int)(colon - from), text.p + from, value);
    }
    return gen_span(gen_say(g, "%.*s%s%.*s", (int)from, text.p, more, (int)(text.len - to), text.p + to));
}

/* Members of true statements, each with a value that makes it false. */
static span_t change_value(gen_t *g, span_t text, bool *sure)
{
    static const char *const names[] = {"host", "exp", "iat",  "v",     "alg",
                                        "typ",  "kid", "size", "shard", "action"};
    const char *name = gen_say(g, "\"%s\":", PICK(&g->rng, names)),
               *at = memmem(text.p, text.len, name, strlen(name));
    const char *value;
    size_t from, to;

    if (at == NULL)
        return change_member(g, text, sure);
    from = (size_t)(at - text.p);
    to = member_end(text, from);
    switch (name[1]) {
    case 'e':
        value = gen_say(g, "%lld", (long long)g->now + (rng_one_in(&g->rng, 2) ? -3600 : 40000000));
        break;
    case 'i':
        value = gen_say(g, "%lld", (long long)g->now + 4000);
        break;
    case 'v':
        value = "2";
        break;
    case 'k':
        value = "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"";
        break;
    case 'h':
        value = "\"0000000000000000000000000000000000000000000000000000000000000000\"";
        break;
    default:
        value = rng_one_in(&g->rng, 2) ? "\"none\"" : "\"8225\"";
    }
    *sure = true;
    return gen_span(
        gen_say(g, "%.*s%s%s%.*s", (int)from, text.p, name, value, (int)(text.len - to), text.p + to));
}

static span_t change_object(gen_t *g, span_t text, bool *sure)
{
    *sure = false;
    switch (rng_below(&g->rng, 4)) {
    case 0:
        return change_text(g, text);
    case 1:
        return change_value(g, text, sure);
    default:
        return change_member(g, text, sure);
    }
}

static span_t break_form(gen_t *g, span_t jws, bool *sure);

/* A header or payload changed, and signed by who says so in the first place. */
static span_t sign_again(gen_t *g, span_t jws, const signer_t *signer, bool *sure)
{
    layr_jws_t parts;
    uint8_t *head = NULL, *load = NULL;
    size_t head_len, load_len;
    span_t header, payload;
    char *out = NULL;
    int rc;

    if (layr_jws_split(&parts, jws.p, jws.len) != 0 ||
        layr_jws_part(&head, &head_len, parts.header, parts.header_len, 65536) != 0)
        return break_form(g, jws, sure); /* it is a lie already */
    if (layr_jws_part(&load, &load_len, parts.payload, parts.payload_len, 65536) != 0) {
        free(head);
        return break_form(g, jws, sure);
    }
    header = gen_copy(g, head, head_len);
    payload = gen_copy(g, load, load_len);
    free(head);
    free(load);
    if (payload.len == 0 || payload.p[0] != '{' ||
        rng_one_in(&g->rng, 4)) /* a record's payload says nothing to a host */
        header = change_object(g, header, sure);
    else
        payload = change_object(g, payload, sure);
    rc = layr_jws_sign(&out, header.p, header.len, payload.p, payload.len, 200000, signer->seed);
    return finish(g, out, rc);
}

/* The compact form broken: dots, letters, lengths, the signature. */
static span_t break_form(gen_t *g, span_t jws, bool *sure)
{
    char *p = gen_take(g, jws.len + 70000);
    size_t at = jws.len > 0 ? rng_below(&g->rng, (uint32_t)jws.len) : 0;

    memcpy(p, jws.p, jws.len);
    *sure = true;
    if (jws.len < 100)
        return (span_t){p, jws.len};
    switch (rng_below(&g->rng, 7)) {
    case 0: /* a letter of the signature, which has 86 (the last has spare bits) */
        at = jws.len - 2 - rng_below(&g->rng, 84);
        p[at] = p[at] == 'A' ? 'B' : 'A';
        return (span_t){p, jws.len};
    case 1:
        p[at] = PICK_CHAR(&g->rng, "=+/.~! \t\x80%");
        *sure = p[at] != jws.p[at];
        return (span_t){p, jws.len};
    case 2:
        return (span_t){p, at};
    case 3:
        memset(p + jws.len, rng_one_in(&g->rng, 2) ? '=' : 'A', 4);
        return (span_t){p, jws.len + 1 + rng_below(&g->rng, 4)};
    case 4: { /* far too long */
        size_t more = 1 + rng_below(&g->rng, rng_one_in(&g->rng, 4) ? 66000 : 2000);
        memset(p + jws.len, 'A', more);
        return (span_t){p, jws.len + more};
    }
    case 5:
        memcpy(p, "eyJhbGciOiJub25lIn0", 19);
        return (span_t){p, jws.len};
    default:
        memset(p, '.', 1 + rng_below(&g->rng, 8));
        return (span_t){p, jws.len};
    }
}

span_t signed_lie(gen_t *g, span_t jws, const signer_t *signer, bool *sure)
{
    if (rng_one_in(&g->rng, 3))
        return break_form(g, jws, sure);
    return sign_again(g, jws, signer, sure);
}
