/* Well-formed requests of every call, about the shards and records that all cases share. */
#include <string.h>

#include "req.h"

static void shard_put(gen_t *g, req_t *r)
{
    unsigned owner = rng_below(&g->rng, OWNERS), shard = rng_below(&g->rng, POOL);
    const blob_t *blob = &g->world->pool[shard];
    uint8_t order[16];

    req_init(r, "PUT", gen_say(g, "/v1/shards/%s", blob->hex));
    world_pool_order(g, order, owner, shard, 0);
    req_statement(g, r, signed_order(g, &g->world->owner[owner], blob, order), &g->world->owner[owner]);
    req_body(r, (span_t){(const char *)blob->p, blob->size});
    req_status(r, 201);
    req_status(r, 200);
    req_status(r, 409); /* another case has released it */
    req_status(r, 507); /* the owner's quota */
}

static void shard_get(gen_t *g, req_t *r)
{
    const blob_t *blob = &g->world->pool[rng_below(&g->rng, POOL)];

    req_init(r, rng_one_in(&g->rng, 4) ? "HEAD" : "GET", gen_say(g, "/v1/shards/%s", blob->hex));
    req_status(r, 200);
    req_status(r, 404);
    r->check = true;
    r->content = (span_t){(const char *)blob->p, blob->size};
}

/* One range, of each of its three forms, that the shard has. */
static void shard_range(gen_t *g, req_t *r)
{
    size_t size, a, b;

    shard_get(g, r);
    size = r->content.len;
    a = rng_below(&g->rng, (uint32_t)size);
    b = a + rng_below(&g->rng, (uint32_t)(size - a));
    switch (rng_below(&g->rng, 3)) {
    case 0:
        req_field(r, "Range", gen_span(gen_say(g, "bytes=%zu-%zu", a, b)));
        break;
    case 1:
        req_field(r, "Range", gen_span(gen_say(g, "bytes=%zu-", a)));
        b = size - 1;
        break;
    default:
        req_field(r, "Range", gen_span(gen_say(g, "bytes=-%zu", size - a)));
        b = size - 1;
    }
    r->first = a;
    r->last = b;
    r->status[0] = 206;
}

static void orders_post(gen_t *g, req_t *r)
{
    unsigned owner = rng_below(&g->rng, OWNERS);
    unsigned count = rng_one_in(&g->rng, 8) ? 1 + rng_below(&g->rng, 256) : 1 + rng_below(&g->rng, 24);
    layr_action_t action = rng_one_in(&g->rng, 3) ? LAYR_RENEW : LAYR_RELEASE;
    unsigned first = rng_below(&g->rng, POOL), back = rng_below(&g->rng, 3);
    uint8_t(*order)[16] = gen_take(g, 16 * (size_t)count);

    for (unsigned i = 0; i < count; i++)
        world_pool_order(g, order[i], owner, (first + i) % POOL + (first + i) / POOL * POOL, back);
    req_init(r, "POST", "/v1/orders");
    req_statement(g, r, signed_orders(g, &g->world->owner[owner], action, (const uint8_t(*)[16])order, count),
                  &g->world->owner[owner]);
    req_status(r, 200);
    req_status(r, 404);
}

static span_t place_of(gen_t *g, const signer_t *file)
{
    uint8_t place[32];
    char hex[65];

    if (layr_record_place(place, file->public, rng_below(&g->rng, 3)) != 0)
        die("layr_record_place");
    layr_hex(hex, place, 32);
    return gen_span(gen_say(g, "/v1/records/%s", hex));
}

static void record_put(gen_t *g, req_t *r)
{
    const signer_t *file = &g->world->file[rng_below(&g->rng, FILES)];
    size_t size = rng_one_in(&g->rng, 8) ? rng_below(&g->rng, 32769) : rng_below(&g->rng, 2000);

    req_init(r, "PUT", place_of(g, file).p);
    req_statement(g, r, signed_record(g, file, 1 + g->number + rng_below(&g->rng, 5), NULL, size), file);
    req_status(r, 201);
    req_status(r, 200);
    req_status(r, 412);
}

static void record_get(gen_t *g, req_t *r)
{
    req_init(r, rng_one_in(&g->rng, 4) ? "HEAD" : "GET",
             place_of(g, &g->world->file[rng_below(&g->rng, FILES)]).p);
    req_status(r, 200);
    req_status(r, 404);
}

static void node_get(gen_t *g, req_t *r)
{
    char nonce[65] = {0};
    unsigned len = 16 + rng_below(&g->rng, 49);

    for (unsigned i = 0; i < len; i++)
        nonce[i] = PICK_CHAR(&g->rng, "ABCXYZabcxyz0189-_");
    req_init(r, "GET", rng_one_in(&g->rng, 4) ? "/v1/node" : gen_say(g, "/v1/node?nonce=%s", nonce));
    req_status(r, 200);
}

/* Whoever asks may show a contact; what it is worth is not looked at here. */
static void closest_get(gen_t *g, req_t *r)
{
    uint8_t id[32];
    char hex[65], *contact = gen_take(g, 1201);
    unsigned len = rng_below(&g->rng, 1200);

    for (unsigned i = 0; i < sizeof id; i++)
        id[i] = (uint8_t)rng_below(&g->rng, 256);
    layr_hex(hex, id, sizeof id);
    req_init(r, rng_one_in(&g->rng, 4) ? "HEAD" : "GET", gen_say(g, "/v1/closest/%s", hex));
    for (unsigned i = 0; i < len; i++)
        contact[i] = PICK_CHAR(&g->rng, "ABCXYZabcxyz0189-_..");
    contact[len] = 0;
    if (len > 0 && rng_one_in(&g->rng, 2))
        req_field(r, "layr-contact", gen_span(contact));
    req_status(r, 200);
}

/* Of shards that may be there, most of the time. */
static void audit_post(gen_t *g, req_t *r)
{
    const signer_t *owner = &g->world->owner[rng_below(&g->rng, OWNERS)];
    layr_challenge_t *c = gen_take(g, sizeof *c);
    unsigned count = rng_one_in(&g->rng, 8) ? 1 + rng_below(&g->rng, POOL) : 1 + rng_below(&g->rng, 3);
    unsigned first = rng_below(&g->rng, POOL);

    memcpy(c->group, owner->group, 16);
    rng_fill(&g->rng, c->seed, 32);
    c->sample = rng_one_in(&g->rng, 2) ? 0 : 1 + rng_below(&g->rng, 64);
    c->count = count;
    for (unsigned i = 0; i < count; i++)
        memcpy(c->shard[i], g->world->pool[(first + i) % POOL].id, 32);
    if (rng_one_in(&g->rng, 8))
        rng_fill(&g->rng, c->shard[0], 32);
    req_init(r, "POST", "/v1/audits");
    req_statement(g, r, signed_challenge(g, owner, c), owner);
    req_status(r, 200);
    req_status(r, 404); /* some, or all, are not there */
    req_status(r, 429);
}

static void page_get(gen_t *g, req_t *r)
{
    req_init(r, rng_one_in(&g->rng, 4) ? "HEAD" : "GET",
             rng_one_in(&g->rng, 2) ? "/v1/status" : "/v1/metrics");
    req_status(r, 200);
}

static void no_call(gen_t *g, req_t *r)
{
    static const char *const paths[] = {"/",           "/v1",         "/v1/",         "/v2/node",
                                        "/v1/nodes",   "/v1/shards",  "/v1/order",    "/v1/status/",
                                        "/index.html", "/v1/closest", "/favicon.ico", "/v1/audit"};

    req_init(r, "GET", PICK(&g->rng, paths));
    req_status(r, 404);
}

void call_make(gen_t *g, req_t *r)
{
    static void (*const calls[])(gen_t *, req_t *) = {
        shard_put,  shard_put,  shard_put, shard_get,   shard_range, orders_post, record_put,
        record_put, record_get, node_get,  closest_get, page_get,    no_call};

    if (g->number % 16 == 7) /* not among them, so that the cases that found something are what they were */
        audit_post(g, r);
    else
        PICK(&g->rng, calls)(g, r);
}
