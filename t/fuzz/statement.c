/*
 * The payloads of signed statements.  The first line names the kind; the rest is the payload (of a record: a
 * line of header members, then the root), under a good header and signature.  What is accepted is signed anew
 * from the structure, and read to the same structure.
 */
#include "layr/statement.h"
#include "crypto/jws_internal.h"
#include "fuzz.h"
#include "layr/bytes.h"

static void add_text(layr_buf_t *b, const char *text)
{
    layr_buf_add(b, text, strlen(text));
}

static char *sign_over(const char *typ, fuzz_in_t members, fuzz_in_t payload)
{
    uint8_t pub[32];
    char kid[64], *jws = NULL;
    layr_buf_t header;
    int rc;

    layr_sign_public(pub, fuzz_seed);
    layr_b64(kid, pub, sizeof pub);
    layr_buf_init(&header);
    add_text(&header, "{\"alg\":\"EdDSA\",\"typ\":\"");
    add_text(&header, typ);
    add_text(&header, "\",\"kid\":\"");
    add_text(&header, kid);
    add_text(&header, members.left > 0 ? "\"," : "\"");
    layr_buf_add(&header, members.p, members.left);
    add_text(&header, "}");
    PROMISE(!header.bad);
    rc = layr_jws_sign(&jws, header.p, header.len, payload.p, payload.left, 1 << 20, fuzz_seed);
    layr_buf_free(&header);
    PROMISE(rc == 0 || rc == LAYR_ERR_LIMIT);
    return jws;
}

/* What the fields of an accepted statement are, whatever the bytes were (docs/protocol.md 5.1 to 5.7). */
static void times_sound(layr_time_t iat, layr_time_t exp)
{
    PROMISE(0 <= iat && iat < exp && iat <= FUZZ_NOW + LAYR_SKEW && exp + LAYR_SKEW > FUZZ_NOW);
}

static void signer_is_host(const uint8_t signer[32], const uint8_t host[32])
{
    uint8_t id[32];

    PROMISE(layr_host_id(id, signer) == 0 && memcmp(id, host, 32) == 0);
}

static void contact_sound(const layr_contact_t *c)
{
    times_sound(c->iat, c->exp);
    signer_is_host(c->signer, c->host);
    PROMISE(c->url[0] == 0 || layr_url_ok(c->url, strlen(c->url)));
    PROMISE(c->rail_count <= LAYR_RAILS_MAX && c->pin_count <= LAYR_PINS_MAX);
}

static void node_sound(const layr_node_t *n)
{
    times_sound(n->iat, n->exp);
    signer_is_host(n->signer, n->host);
    PROMISE(n->exp == n->iat + 60 && layr_nonce_ok(n->nonce, strlen(n->nonce)));
}

static void order_sound(const layr_order_t *o)
{
    times_sound(o->iat, o->exp);
    PROMISE(o->exp <= FUZZ_NOW + LAYR_AHEAD_MAX + LAYR_SKEW);
    PROMISE(o->size > 0 && o->size % 4112 == 0 && o->rail[0] != 0);
    PROMISE(o->has_lock || (all_zero(o->lock_salt, 32) && all_zero(o->lock_hash, 32)));
}

static void orders_sound(const layr_orders_t *o)
{
    times_sound(o->iat, o->exp);
    PROMISE(o->exp - o->iat <= 600 && o->until <= FUZZ_NOW + LAYR_AHEAD_MAX + LAYR_SKEW);
    PROMISE(o->action == LAYR_RENEW || (o->action == LAYR_RELEASE && o->until == 0));
    PROMISE(o->count >= 1 && o->count <= LAYR_ORDERS_MAX);
    for (unsigned i = 1; i < o->count; i++)
        PROMISE(memcmp(o->order[i], o->order[i - 1], 16) != 0);
}

static void challenge_sound(const layr_challenge_t *c)
{
    times_sound(c->iat, c->exp);
    PROMISE(c->exp - c->iat <= 600 && c->count >= 1 && c->count <= LAYR_CHALLENGE_SHARDS);
    for (unsigned i = 1; i < c->count; i++)
        PROMISE(memcmp(c->shard[i], c->shard[i - 1], 32) != 0);
}

/*
 * The same for every kind: parse, sign, parse.  A parser fills its structure over zeros, so equal ones are
 * equal bytes.  The form we write has no white space, so what was short enough to be read is short enough to
 * be written.
 */
#define TRIP(type)                                                                                           \
    static void trip_##type(const char *jws)                                                                 \
    {                                                                                                        \
        layr_##type##_t a, b;                                                                                \
        char *again = NULL;                                                                                  \
                                                                                                             \
        memset(&a, 0xff, sizeof a);                                                                          \
        if (layr_##type##_parse(&a, jws, strlen(jws), FUZZ_NOW) != 0) {                                      \
            PROMISE(all_zero(&a, sizeof a));                                                                 \
            return;                                                                                          \
        }                                                                                                    \
        type##_sound(&a);                                                                                    \
        PROMISE(layr_##type##_sign(&again, &a, fuzz_seed) == 0);                                             \
        PROMISE(layr_##type##_parse(&b, again, strlen(again), FUZZ_NOW) == 0);                               \
        PROMISE(memcmp(&a, &b, sizeof a) == 0);                                                              \
        free(again);                                                                                         \
    }
TRIP(contact)
TRIP(node)
TRIP(order)
TRIP(orders)
TRIP(challenge)

static void trip_record(const char *jws)
{
    layr_record_t a, b;
    char *again = NULL;

    memset(&a, 0xff, sizeof a);
    if (layr_record_parse(&a, jws, strlen(jws), FUZZ_NOW) != 0) {
        PROMISE(all_zero(&a, sizeof a));
        return;
    }
    times_sound(a.iat, a.exp);
    PROMISE(a.seq > 0 && a.exp <= FUZZ_NOW + LAYR_AHEAD_MAX + LAYR_SKEW && a.root_len <= LAYR_ROOT_MAX);
    PROMISE(layr_record_accept(NULL, &a) == 0 && layr_record_accept(&a, &a) == LAYR_ERR_EXISTS);
    PROMISE(layr_record_sign(&again, &a, fuzz_seed) == 0);
    PROMISE(layr_record_parse(&b, again, strlen(again), FUZZ_NOW) == 0);
    PROMISE(a.seq == b.seq && a.iat == b.iat && a.exp == b.exp && a.prev_count == b.prev_count);
    PROMISE(memcmp(a.prev, b.prev, sizeof a.prev) == 0 && memcmp(a.id, b.id, 32) == 0);
    PROMISE(a.root_len == b.root_len && memcmp(a.root, b.root, a.root_len) == 0);
    free(again);
    layr_record_free(&a);
    layr_record_free(&b);
}

static const struct {
    const char *typ;
    void (*trip)(const char *jws);
} kinds[] = {{"layr-contact", trip_contact},     {"layr-node", trip_node},
             {"layr-order", trip_order},         {"layr-orders", trip_orders},
             {"layr-challenge", trip_challenge}, {"layr-record", trip_record}};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_in_t in = {data, size}, typ = fuzz_line(&in), members = {data, 0};

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        char *jws;

        if (typ.left != strlen(kinds[i].typ) || memcmp(typ.p, kinds[i].typ, typ.left) != 0)
            continue;
        if (kinds[i].trip == trip_record)
            members = fuzz_line(&in);
        jws = sign_over(kinds[i].typ, members, in);
        if (jws != NULL)
            kinds[i].trip(jws);
        free(jws);
    }
    return 0;
}
