/*
 * The life of a shard, or of a record, that no other case knows: so it is certain what each request brings. To be sent one
 * after another, each after the answer to the one before.
 */
#include <string.h>

#include "req.h"

/* An array that is filled as far as it goes. */
typedef struct steps {
    req_t *r;
    unsigned count, max;
} steps_t;

static req_t *step(steps_t *s, const char *method, const char *path, int status)
{
    req_t *r = &s->r[s->count];

    if (s->count + 1 < s->max)
        s->count++;
    req_init(r, method, path);
    req_status(r, status);
    return r;
}

static void put(gen_t *g, steps_t *s, const blob_t *b, const signer_t *owner, unsigned n, int status)
{
    uint8_t order[16];
    req_t *r = step(s, "PUT", gen_say(g, "/v1/shards/%s", b->hex), status);

    world_own_order(g, order, n);
    req_statement(g, r, signed_order(g, owner, b, order), owner);
    req_body(r, (span_t){(const char *)b->p, b->size});
}

static void get(gen_t *g, steps_t *s, const blob_t *b, int status)
{
    req_t *r = step(s, "GET", gen_say(g, "/v1/shards/%s", b->hex), status);

    r->check = true;
    r->content = (span_t){(const char *)b->p, b->size};
    if (status == 206) {
        r->first = rng_below(&g->rng, (uint32_t)b->size);
        r->last = r->first + rng_below(&g->rng, (uint32_t)(b->size - r->first));
        req_field(r, "Range", gen_span(gen_say(g, "bytes=%zu-%zu", r->first, r->last)));
    }
}

static void orders(gen_t *g, steps_t *s, layr_action_t action, const signer_t *owner, unsigned n, int status)
{
    uint8_t order[1][16];
    req_t *r = step(s, "POST", "/v1/orders", status);

    world_own_order(g, order[0], n);
    req_statement(g, r, signed_orders(g, owner, action, (const uint8_t(*)[16])order, 1), owner);
}

static void shard_life(gen_t *g, steps_t *s)
{
    const signer_t *alice = world_signer(g), *bob = world_signer(g);
    blob_t b =
        world_shard(g, rng_one_in(&g->rng, 24) ? 1 + rng_below(&g->rng, 256) : 1 + rng_below(&g->rng, 16));

    get(g, s, &b, 404);
    put(g, s, &b, alice, 0, 201);
    get(g, s, &b, 200);
    put(g, s, &b, alice, 0, 200);
    get(g, s, &b, 206);
    put(g, s, &b, bob, 1, 200);
    orders(g, s, LAYR_RENEW, bob, 1, 200);
    orders(g, s, LAYR_RELEASE, bob, 0, 403);
    orders(g, s, LAYR_RELEASE, alice, 0, 200);
    get(g, s, &b, 200);
    orders(g, s, LAYR_RELEASE, bob, 1, 200);
    get(g, s, &b, 404);
    put(g, s, &b, alice, 0, 409);
}

static req_t *record(gen_t *g, steps_t *s, const char *path, span_t jws, const signer_t *file, int status)
{
    req_t *r = step(s, "PUT", path, status);

    req_statement(g, r, jws, file);
    return r;
}

static void record_is(steps_t *s, const char *path, span_t jws)
{
    req_t *r = step(s, "GET", path, 200);

    r->check = true;
    r->content = jws;
}

static void record_life(gen_t *g, steps_t *s)
{
    const signer_t *file = world_signer(g);
    uint8_t place[32];
    char hex[65];
    const char *path;
    span_t one, two, other;
    req_t *r;

    if (layr_record_place(place, file->public, rng_below(&g->rng, 3)) != 0)
        die("layr_record_place");
    layr_hex(hex, place, 32);
    path = gen_say(g, "/v1/records/%s", hex);
    one = signed_record(g, file, 1, NULL, rng_below(&g->rng, 1000));
    two = signed_record(g, file, 2, &one, rng_below(&g->rng, 1000));
    other = signed_record(g, file, 2, &one, 1 + rng_below(&g->rng, 1000));

    step(s, "GET", path, 404);
    record(g, s, path, one, file, 201);
    record_is(s, path, one);
    record(g, s, path, one, file, 200);
    record(g, s, path, two, file, 200);
    r = record(g, s, path, other, file, 412);
    r->check = true;
    r->content = two;
    record_is(s, path, two);
}

unsigned life_make(gen_t *g, req_t *r, unsigned max)
{
    steps_t s = {r, 0, max};

    if (rng_one_in(&g->rng, 3))
        record_life(g, &s);
    else
        shard_life(g, &s);
    return s.count;
}
