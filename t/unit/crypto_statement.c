/* Contact, node, order and orders: round trips, and everything that must be refused, each with its error. */
#include "crypto_statement.h"

/* --- parsers behind one type, so that one table of cases serves all kinds --- */

typedef int (*parse_fn)(const char *jws, size_t len, layr_time_t now);

static int parse_contact(const char *jws, size_t len, layr_time_t now)
{
    layr_contact_t c;
    int rc = layr_contact_parse(&c, jws, len, now);

    if (rc != 0 && !all_zero(&c, sizeof c))
        ok(0, "a refused contact leaves something behind");
    return rc;
}

static int parse_node(const char *jws, size_t len, layr_time_t now)
{
    layr_node_t n;
    int rc = layr_node_parse(&n, jws, len, now);

    if (rc != 0 && !all_zero(&n, sizeof n))
        ok(0, "a refused node leaves something behind");
    return rc;
}

static int parse_order(const char *jws, size_t len, layr_time_t now)
{
    layr_order_t o;
    int rc = layr_order_parse(&o, jws, len, now);

    if (rc != 0 && !all_zero(&o, sizeof o))
        ok(0, "a refused order leaves something behind");
    return rc;
}

static int parse_orders(const char *jws, size_t len, layr_time_t now)
{
    layr_orders_t o;
    int rc = layr_orders_parse(&o, jws, len, now);

    if (rc != 0 && !all_zero(&o, sizeof o))
        ok(0, "refused orders leave something behind");
    return rc;
}

static int parse_copy(parse_fn parse, const char *jws, size_t len)
{
    char *copy = exact(jws, len);
    int rc = parse(copy, len, NOW);

    free(copy);
    return rc;
}

/* --- one valid statement of each kind --- */

static layr_contact_t sample_contact(void)
{
    layr_contact_t c = {.url = "https://host.example:8443/layr",
                        .seq = 7,
                        .capacity = 10ULL << 30,
                        .free = 5,
                        .price = 12345,
                        .rail_count = 2,
                        .rails = {"ledger", "stellar-1"},
                        .pin_count = 1,
                        .iat = NOW - 10,
                        .exp = NOW + 86400};
    fill(c.pins[0], 32, 1);
    return c;
}

static layr_node_t sample_node(void)
{
    layr_node_t n = {.nonce = "abcdefghijklmnop-_", .iat = NOW, .exp = NOW + 60};
    fill(n.contact, 32, 9);
    return n;
}

static layr_order_t sample_order(void)
{
    layr_order_t o = {.size = 4112 * 3, .price = 100, .rail = "none", .iat = NOW, .exp = NOW + 90 * 86400};
    fill(o.order, 16, 1);
    fill(o.host, 32, 2);
    fill(o.shard, 32, 3);
    fill(o.group, 16, 4);
    fill(o.audit, 32, 5);
    return o;
}

static layr_orders_t sample_orders(void)
{
    layr_orders_t o = {.action = LAYR_RENEW, .iat = NOW, .exp = NOW + 600, .until = NOW + 86400, .count = 3};
    fill(o.host, 32, 1);
    fill(o.group, 16, 2);
    for (unsigned i = 0; i < LAYR_ORDERS_MAX; i++) {
        memset(o.order[i], 0xa0, 16);
        o.order[i][0] = (uint8_t)i;
    }
    return o;
}

static char *sign_order(void)
{
    layr_order_t o = sample_order();
    char *jws = NULL;

    if (layr_order_sign(&jws, &o, seed) != 0)
        exit(2);
    return jws;
}

/* --- round trips, and the exact text --- */

static void is_text(const char *jws, int part, const char *want, const char *name)
{
    char *text = part_of(jws, part);

    if (!ok(strcmp(text, want) == 0, "%s", name))
        printf("#  got %s\n# want %s\n", text, want);
    free(text);
}

static void test_contact(void)
{
    layr_contact_t c = sample_contact(), got;
    uint8_t pub[32], id[32];
    char header[256], *jws = NULL;

    layr_sign_public(pub, seed);
    is_int(layr_host_id(id, pub), 0, "host id");
    is_int(layr_contact_sign(&jws, &c, seed), 0, "contact signs");
    header_of(header, "layr-contact", seed);
    is_text(jws, 0, header, "contact header");
    is_int(layr_contact_parse(&got, jws, strlen(jws), NOW), 0, "contact parses");
    memcpy(c.signer, pub, 32);
    memcpy(c.host, id, 32);
    ok(memcmp(&c, &got, sizeof c) == 0, "and is the same");
    free(jws);

    memset(c.url, 0, sizeof c.url);
    c.rail_count = c.pin_count = 0;
    memset(c.rails, 0, sizeof c.rails);
    memset(c.pins, 0, sizeof c.pins);
    c.h2c = c.leaving = true;
    c.seq = c.capacity = c.free = c.price = UINT64_MAX;
    is_int(layr_contact_sign(&jws, &c, seed), 0, "a contact without url, rails, pins signs");
    is_int(layr_contact_parse(&got, jws, strlen(jws), NOW), 0, "and parses");
    ok(memcmp(&c, &got, sizeof c) == 0, "and is the same");
    free(jws);
}

static void test_contact_sign_refuses(void)
{
    layr_contact_t c = sample_contact();
    char *jws = NULL;

    strcpy(c.url, "https://host.example/");
    is_int(layr_contact_sign(&jws, &c, seed), LAYR_ERR_ARG, "contact: a slash at the url's end");
    c = sample_contact();
    memset(c.url, 'a', sizeof c.url);
    is_int(layr_contact_sign(&jws, &c, seed), LAYR_ERR_ARG, "contact: a url without its end");
    c = sample_contact();
    c.rail_count = LAYR_RAILS_MAX + 1;
    is_int(layr_contact_sign(&jws, &c, seed), LAYR_ERR_ARG, "contact: too many rails");
    c = sample_contact();
    c.rails[1][0] = 0;
    is_int(layr_contact_sign(&jws, &c, seed), LAYR_ERR_ARG, "contact: an empty rail");
    c = sample_contact();
    memset(c.rails[0], 'a', sizeof c.rails[0]);
    is_int(layr_contact_sign(&jws, &c, seed), LAYR_ERR_ARG, "contact: a rail without its end");
    c = sample_contact();
    c.pin_count = LAYR_PINS_MAX + 1;
    is_int(layr_contact_sign(&jws, &c, seed), LAYR_ERR_ARG, "contact: too many pins");
    c = sample_contact();
    c.exp = c.iat;
    is_int(layr_contact_sign(&jws, &c, seed), LAYR_ERR_ARG, "contact: exp is iat");
    c = sample_contact();
    c.iat = -1;
    is_int(layr_contact_sign(&jws, &c, seed), LAYR_ERR_ARG, "contact: iat below 0");
    c = sample_contact();
    c.exp = 1LL << 53;
    is_int(layr_contact_sign(&jws, &c, seed), LAYR_ERR_ARG, "contact: exp of 2^53");
    c = sample_contact();
    memset(c.url, 'a', LAYR_URL_MAX);
    memcpy(c.url, "http://", 7);
    c.rail_count = c.pin_count = 4;
    for (int i = 0; i < 4; i++)
        memcpy(c.rails[i], "0123456789abcdef", 17);
    c.seq = c.capacity = c.free = c.price = UINT64_MAX;
    is_int(layr_contact_sign(&jws, &c, seed), LAYR_ERR_LIMIT,
           "contact: all fields at their longest don't fit");
    ok(jws == NULL, "nothing was signed");
}

static void test_node(void)
{
    layr_node_t n = sample_node(), got;
    char header[256], *jws = NULL;

    is_int(layr_node_sign(&jws, &n, seed), 0, "node signs");
    header_of(header, "layr-node", seed);
    is_text(jws, 0, header, "node header");
    is_int(layr_node_parse(&got, jws, strlen(jws), NOW), 0, "node parses");
    layr_sign_public(n.signer, seed);
    is_int(layr_host_id(n.host, n.signer), 0, "host id");
    ok(memcmp(&n, &got, sizeof n) == 0, "and is the same");
    free(jws);
    jws = NULL;
    n.exp++;
    is_int(layr_node_sign(&jws, &n, seed), LAYR_ERR_ARG, "node: a life of 61 s");
    n.exp--;
    strcpy(n.nonce, "short");
    is_int(layr_node_sign(&jws, &n, seed), LAYR_ERR_ARG, "node: a short nonce");
    memset(n.nonce, 'a', sizeof n.nonce);
    is_int(layr_node_sign(&jws, &n, seed), LAYR_ERR_ARG, "node: a nonce without its end");
}

static void test_order(void)
{
    layr_order_t o = sample_order(), got;
    char header[256], *jws = NULL;

    is_int(layr_order_sign(&jws, &o, seed), 0, "order signs");
    header_of(header, "layr-order", seed);
    is_text(jws, 0, header, "order header");
    is_text(
        jws, 1,
        "{\"v\":1,\"iat\":1800000000,\"exp\":1807776000,\"order\":\"01080f161d242b323940474e555c636a\","
        "\"host\":\"020910171e252c333a41484f565d646b727980878e959ca3aab1b8bfc6cdd4db\","
        "\"shard\":\"030a11181f262d343b424950575e656c737a81888f969da4abb2b9c0c7ced5dc\",\"size\":\"12336\","
        "\"group\":\"040b121920272e353c434a51585f666d\",\"audit\":\"BQwTGiEoLzY9REtSWWBnbnV8g4qRmJ-"
        "mrbS7wsnQ194\","
        "\"price\":\"100\",\"rail\":\"none\"}",
        "order payload");
    is_int(layr_order_parse(&got, jws, strlen(jws), NOW), 0, "order parses");
    layr_sign_public(o.owner, seed);
    ok(memcmp(&o, &got, sizeof o) == 0, "and is the same");
    free(jws);

    o.has_lock = true;
    fill(o.lock_salt, 32, 6);
    fill(o.lock_hash, 32, 7);
    strcpy(o.rail, "0123456789abcdef");
    o.price = UINT64_MAX;
    o.size = UINT64_MAX / 4112 * 4112;
    is_int(layr_order_sign(&jws, &o, seed), 0, "an order with a lock signs");
    is_int(layr_order_parse(&got, jws, strlen(jws), NOW), 0, "and parses");
    ok(memcmp(&o, &got, sizeof o) == 0, "and is the same");
    ok(strlen(jws) <= LAYR_ORDER_MAX, "the longest order fits its limit");
    free(jws);
    jws = NULL;

    o.size = 4111;
    is_int(layr_order_sign(&jws, &o, seed), LAYR_ERR_ARG, "order: no size of a blob");
    o.size = 0;
    is_int(layr_order_sign(&jws, &o, seed), LAYR_ERR_ARG, "order: size 0");
    o = sample_order();
    o.rail[0] = 0;
    is_int(layr_order_sign(&jws, &o, seed), LAYR_ERR_ARG, "order: no rail");
    o = sample_order();
    o.exp = o.iat;
    is_int(layr_order_sign(&jws, &o, seed), LAYR_ERR_ARG, "order: exp is iat");
}

static void is_orders_trip(const layr_orders_t *o, const char *name)
{
    layr_orders_t got, want = *o;
    char *jws = NULL;

    is_int(layr_orders_sign(&jws, o, seed), 0, name);
    is_int(layr_orders_parse(&got, jws, strlen(jws), NOW), 0, "parses");
    layr_sign_public(want.owner, seed);
    memset(want.order[o->count], 0, (LAYR_ORDERS_MAX - o->count) * sizeof want.order[0]);
    ok(memcmp(&want, &got, sizeof want) == 0, "and is the same");
    free(jws);
}

static void test_orders(void)
{
    layr_orders_t o = sample_orders();
    char *jws = NULL;

    is_orders_trip(&o, "renewal of 3");
    o.count = LAYR_ORDERS_MAX - 1;
    is_orders_trip(&o, "renewal of 255");
    is_int(layr_orders_sign(&jws, &(layr_orders_t){0}, seed), LAYR_ERR_ARG, "orders: nothing set");
    o.count = LAYR_ORDERS_MAX;
    is_int(layr_orders_sign(&jws, &o, seed), 0, "renewal of 256");
    is_int(parse_orders(jws, strlen(jws), NOW), 0, "parses");
    free(jws);
    jws = NULL;
    o.count++;
    is_int(layr_orders_sign(&jws, &o, seed), LAYR_ERR_ARG, "orders: 257");
    o.count = 0;
    is_int(layr_orders_sign(&jws, &o, seed), LAYR_ERR_ARG, "orders: none");
    o.count = 1;
    o.action = LAYR_RELEASE;
    is_int(layr_orders_sign(&jws, &o, seed), LAYR_ERR_ARG, "orders: release with until");
    o.until = 0;
    is_orders_trip(&o, "release of 1");
    o.exp = o.iat + 601;
    is_int(layr_orders_sign(&jws, &o, seed), LAYR_ERR_ARG, "orders: a life of 601 s");
    o = sample_orders();
    memcpy(o.order[2], o.order[0], 16);
    is_int(layr_orders_sign(&jws, &o, seed), LAYR_ERR_ARG, "orders: one twice");
}

/* --- altered payloads and headers, signed as they are --- */

typedef struct alter {
    const char *from, *to;
    int want;
} alter_t;

static void is_altered(parse_fn parse, const char *jws, int part, const alter_t *a)
{
    char *header = part_of(jws, 0), *payload = part_of(jws, 1);
    char *altered = replace(part ? payload : header, a->from, a->to);
    char *forged = forge(part ? header : altered, part ? altered : payload, seed);
    int rc = parse_copy(parse, forged, strlen(forged));

    if (!ok(rc == a->want, "%s -> %.60s: %s", a->from, a->to, layr_strerror(a->want)))
        printf("# got %d (%s)\n", rc, layr_strerror(rc));
    free(header);
    free(payload);
    free(altered);
    free(forged);
}

static void alter_all(parse_fn parse, char *jws, int part, const alter_t *a, size_t count)
{
    for (size_t i = 0; i < count; i++)
        is_altered(parse, jws, part, &a[i]);
    free(jws);
}

#define F LAYR_ERR_FORMAT
#define V LAYR_ERR_VERSION
#define COUNT(a) (sizeof(a) / sizeof *(a))

static void test_header_alterations(void)
{
    static const alter_t cases[] = {
        {"EdDSA", "none", V},
        {"EdDSA", "HS256", V},
        {"EdDSA", "eddsa", V},
        {"\"EdDSA\"", "1", F},
        {"\"EdDSA\"", "null", F},
        {"\"alg\":\"EdDSA\",", "", F},
        {"\"alg\"", "\"Alg\"", F},
        {"layr-order", "layr-orders", V},
        {"layr-order", "layr-contact", V},
        {"layr-order", "JWT", V},
        {"\"typ\":\"layr-order\",", "", F},
        {"\"kid\"", "\"jku\":\"x\",\"kid\"", V},
        {"\"kid\"", "\"crit\":[\"b64\"],\"kid\"", V},
        {"\"kid\"", "\"b64\":false,\"kid\"", V},
        {"\"kid\"", "\"v\":1,\"kid\"", V},
        {"\"kid\"", "\"alg\":\"EdDSA\",\"kid\"", F},
        {"\"kid\":\"", "\"kid\":\"A", F},
        {"}", "}x", F},
        {"}", "} ", F},
        {"}", " }", 0},
        {"{", " {", F},
        {"}", ",}", F},
        {"{", "[", F},
        {"{", "\xef\xbb\xbf{", F},
        {"EdDSA", "EdDSA\\u0000", F},
        {"EdDSA", "\\u0045dDSA", 0}, /* the same JSON string */
    };
    alter_all(parse_order, sign_order(), 0, cases, COUNT(cases));
}

static void test_order_alterations(void)
{
    static const alter_t cases[] = {
        {"{", "{ ", 0},
        {"{", " {", F},
        {"\"none\"}", "\"none\"} ", F},
        {"\"none\"}", "\"none\" }", 0},
        {"\"v\":1", "\"v\":2", V},
        {"\"v\":1", "\"v\":0", V},
        {"\"v\":1", "\"v\":-1", V},
        {"\"v\":1", "\"v\":\"1\"", F},
        {"\"v\":1", "\"v\":1.0", F},
        {"\"v\":1", "\"v\":1e0", F},
        {"\"v\":1", "\"v\":true", F},
        {"\"v\":1", "\"v\":01", F},
        {"\"v\":1,", "", F},
        {"\"v\":1", "\"v\":2,\"new\":{}", V},
        {"\"v\":1", "\"v\":1,\"v\":1", F},
        {"\"v\":1", "\"v\":1,\"\\u0076\":1", F},
        {"\"v\":1", "\"v\":1,\"V\":1", V},
        {"\"v\":1", "\"v\":1,\"x\":null", V},
        {"\"v\":1", "\"v\":1,\"x\":[[[[[[[1]]]]]]]", V},
        {"\"v\":1", "\"v\":1,\"x\":[[[[[[[[1]]]]]]]]", F},
        {"\"iat\":1800000000", "\"iat\":\"1800000000\"", F},
        {"\"iat\":1800000000", "\"iat\":18e8", F},
        {"\"iat\":1800000000", "\"iat\":1800000000.0", F},
        {"\"iat\":1800000000", "\"iat\":01800000000", F},
        {"\"iat\":1800000000", "\"iat\":-1", F},
        {"\"iat\":1800000000", "\"iat\":null", F},
        {"\"iat\":1800000000", "\"iat\":[1800000000]", F},
        {"\"iat\":1800000000", "\"iat\":0", 0},
        {"\"exp\":1807776000", "\"exp\":1800000000", F},
        {"\"exp\":1807776000", "\"exp\":9007199254740991", LAYR_ERR_LIMIT},
        {"\"exp\":1807776000", "\"exp\":9007199254740992", F},
        {"\"exp\":1807776000", "\"exp\":18077760001807776000180777600018077760001807776000", F},
        {"\"exp\":1807776000,", "", F},
        {"\"order\":\"01", "\"order\":\"", F},
        {"\"order\":\"01", "\"order\":\"0101", F},
        {"\"order\":\"01", "\"order\":\"0G", F},
        {"1d242b", "1D242B", F},
        {"\"host\":\"02", "\"host\":\"", F},
        {"\"host\":\"02", "\"host\":\"\\u00302", 0},
        {"\"host\":", "\"hosts\":", F},
        {"\"shard\":\"03", "\"shard\":\"3", F},
        {"\"size\":\"12336\"", "\"size\":12336", F},
        {"\"size\":\"12336\"", "\"size\":\"012336\"", F},
        {"\"size\":\"12336\"", "\"size\":\"+12336\"", F},
        {"\"size\":\"12336\"", "\"size\":\"-4112\"", F},
        {"\"size\":\"12336\"", "\"size\":\" 12336\"", F},
        {"\"size\":\"12336\"", "\"size\":\"12336 \"", F},
        {"\"size\":\"12336\"", "\"size\":\"12335\"", F},
        {"\"size\":\"12336\"", "\"size\":\"0\"", F},
        {"\"size\":\"12336\"", "\"size\":\"\"", F},
        {"\"size\":\"12336\"", "\"size\":\"18446744073709551616\"", F},
        {"\"size\":\"12336\"", "\"size\":\"99999999999999999999\"", F},
        {"\"size\":\"12336\"", "\"size\":\"123360000000000000000\"", F},
        {"\"group\":\"04", "\"group\":\"", F},
        {"\"audit\":\"BQ", "\"audit\":\"", F},
        {"Q194\"", "Q195\"", F}, /* a spare bit */
        {"Q194\"", "Q194=\"", F},
        {"mJ-m", "mJ+m", F},
        {"\"price\":\"100\"", "\"price\":100", F},
        {"\"price\":\"100\"", "\"price\":\"1.5\"", F},
        {"\"price\":\"100\"", "\"price\":\"18446744073709551615\"", 0},
        {"\"none\"", "\"\"", F},
        {"\"none\"", "\"None\"", F},
        {"\"none\"", "\"a_b\"", F},
        {"\"none\"", "\"0123456789abcdefg\"", F},
        {"\"none\"", "\"0123456789-bcdef\"", 0},
        {"\"none\"", "\"no\\u0000e\"", F},
        {"\"none\"", "\"no\\ud800\"", F},
        {"\"none\"", "\"\xff\"", F},
        {"\"none\"}", "\"none\"", F},
        {"\"none\"}", "\"none\"}}", F},
        {"\"none\"}", "\"none\"} {}", F},
        {"\"none\"}", "\"none\",}", F},
        {"\"none\"}", "\"none\",\"lock\":null}", F},
        {"\"none\"}", "\"none\",\"lock\":{}}", F},
        {"\"none\"}", "\"none\",\"lock\":\"x\"}", F},
        {"\"none\"}", "\"none\",\"lock\":{\"salt\":\"BQwTGiEoLzY9REtSWWBnbnV8g4qRmJ-mrbS7wsnQ194\"}}", F},
        {"\"none\"}",
         "\"none\",\"lock\":{\"salt\":\"BQwTGiEoLzY9REtSWWBnbnV8g4qRmJ-mrbS7wsnQ194\","
         "\"hash\":\"030a11181f262d343b424950575e656c737a81888f969da4abb2b9c0c7ced5dc\"}}",
         0},
        {"\"none\"}",
         "\"none\",\"lock\":{\"salt\":\"BQwTGiEoLzY9REtSWWBnbnV8g4qRmJ-mrbS7wsnQ194\","
         "\"hash\":\"030a11181f262d343b424950575e656c737a81888f969da4abb2b9c0c7ced5dc\",\"x\":1}}",
         V},
    };
    alter_all(parse_order, sign_order(), 1, cases, COUNT(cases));
}

static void test_contact_alterations(void)
{
    static const alter_t cases[] = {
        {"\"host\":\"", "\"host\":\"0", F},
        {"https://host.example:8443/layr", "", F},
        {"https://host.example:8443/layr", "ftp://host.example", F},
        {"https://host.example:8443/layr", "https://host.example/a?b", F},
        {"\"url\":\"https://host.example:8443/layr\",", "", 0},
        {"\"url\":\"https://host.example:8443/layr\"", "\"url\":null", F},
        {"\"h2c\":false", "\"h2c\":0", F},
        {"\"h2c\":false", "\"h2c\":\"false\"", F},
        {"\"h2c\":false,", "", F},
        {"\"leaving\":false", "\"leaving\":null", F},
        {"\"seq\":\"7\"", "\"seq\":7", F},
        {"\"seq\":\"7\"", "\"seq\":\"07\"", F},
        {"\"free\":\"5\"", "\"free\":\"5\",\"used\":\"1\"", V},
        {"[\"ledger\",\"stellar-1\"]", "[]", 0},
        {"[\"ledger\",\"stellar-1\"]", "[\"a\",\"b\",\"c\",\"d\"]", 0},
        {"[\"ledger\",\"stellar-1\"]", "[\"a\",\"b\",\"c\",\"d\",\"e\"]", F},
        {"[\"ledger\",\"stellar-1\"]", "[\"\"]", F},
        {"[\"ledger\",\"stellar-1\"]", "[1]", F},
        {"[\"ledger\",\"stellar-1\"]", "[[\"a\"]]", F},
        {"[\"ledger\",\"stellar-1\"]", "[\"0123456789abcdefg\"]", F},
        {"[\"ledger\",\"stellar-1\"]", "\"ledger\"", F},
        {"[\"ledger\",\"stellar-1\"]", "{\"a\":\"b\"}", F},
        {"\"pins\":[\"", "\"pins\":[\"\",\"", F},
        {"\"pins\":[\"", "\"pins\":[1,\"", F},
        {"\"pins\":[\"", "\"pins\":[\"A", F},
        {"\"pins\":", "\"keys\":", F},
    };
    layr_contact_t c = sample_contact();
    char *jws = NULL, *payload, *forged, header[256];

    if (layr_contact_sign(&jws, &c, seed) != 0)
        exit(2);
    payload = part_of(jws, 1);
    header_of(header, "layr-contact", other_seed);
    forged = forge(header, payload, other_seed);
    is_int(parse_copy(parse_contact, forged, strlen(forged)), LAYR_ERR_AUTH,
           "a contact in another host's name");
    free(forged);
    free(payload);
    alter_all(parse_contact, jws, 1, cases, COUNT(cases));
}

static void test_node_alterations(void)
{
    static const alter_t cases[] = {
        {"\"exp\":1800000060", "\"exp\":1800000061", F},
        {"\"exp\":1800000060", "\"exp\":1800000059", F},
        {"\"nonce\":\"abcdefghijklmnop-_\"", "\"nonce\":\"abcdefghijklmno\"", F},
        {"\"nonce\":\"abcdefghijklmnop-_\"", "\"nonce\":\"abcdefghijklmno.\"", F},
        {"\"nonce\":\"abcdefghijklmnop-_\"", "\"nonce\":\"abcdefghijklmno=\"", F},
        {"\"nonce\":\"abcdefghijklmnop-_\"", "\"nonce\":1234567890123456", F},
        {"\"nonce\":\"abcdefghijklmnop-_\"",
         "\"nonce\":\"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\"", 0},
        {"\"nonce\":\"abcdefghijklmnop-_\"",
         "\"nonce\":\"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0\"", F},
        {"\"contact\":\"", "\"contact\":\"0", F},
        {"\"contact\"", "\"Contact\"", F},
    };
    layr_node_t n = sample_node();
    char *jws = NULL;

    if (layr_node_sign(&jws, &n, seed) != 0)
        exit(2);
    alter_all(parse_node, jws, 1, cases, COUNT(cases));
}

static void test_orders_alterations(void)
{
    static const alter_t cases[] = {
        {"\"renew\"", "\"release\"", V}, /* `until` is not a member of a release */
        {"\"renew\",\"until\":1800086400", "\"release\"", 0},
        {"\"renew\",\"until\":1800086400", "\"renew\"", F},
        {"\"renew\"", "\"Renew\"", F},
        {"\"renew\"", "\"renewal-of-orders\"", F},
        {"\"renew\"", "1", F},
        {"\"until\":1800086400", "\"until\":\"1800086400\"", F},
        {"\"until\":1800086400", "\"until\":1834560300", 0},
        {"\"until\":1800086400", "\"until\":1834560301", LAYR_ERR_LIMIT},
        {"\"until\":1800086400", "\"until\":0", 0}, /* shortens nothing, so it does nothing */
        {"\"exp\":1800000600", "\"exp\":1800000601", LAYR_ERR_LIMIT},
        {"\"exp\":1800000600", "\"exp\":1800000001", 0},
        {"\"00a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0\",", "", 0},
        {"\"00a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0\"", "\"01a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0\"", F},
        {"\"00a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0\"", "\"00A0a0a0a0a0a0a0a0a0a0a0a0a0a0a0\"", F},
        {"\"00a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0\"", "0", F},
        {"[\"00a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0\",\"01a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0\","
         "\"02a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0\"]",
         "[]", F},
    };
    layr_orders_t o = sample_orders();
    char *jws = NULL, *payload, *more, *forged, header[256];

    o.count = LAYR_ORDERS_MAX;
    if (layr_orders_sign(&jws, &o, seed) != 0)
        exit(2);
    payload = part_of(jws, 1);
    more = replace(payload, "\"orders\":[", "\"orders\":[\"ffffffffffffffffffffffffffffffff\",");
    header_of(header, "layr-orders", seed);
    forged = forge(header, more, seed);
    is_int(parse_copy(parse_orders, forged, strlen(forged)), F, "257 orders");
    free(forged);
    free(more);
    free(payload);
    free(jws);
    o.count = 3;
    if (layr_orders_sign(&jws, &o, seed) != 0)
        exit(2);
    alter_all(parse_orders, jws, 1, cases, COUNT(cases));
}

/* --- times --- */

static void test_times(void)
{
    layr_order_t o = sample_order();
    char *jws = NULL;
    layr_time_t iat = o.iat, exp = o.exp;

#define AT(now, want, name) is_int(parse_order(jws, strlen(jws), now), want, name)
    jws = sign_order();
    AT(iat, 0, "now");
    AT(iat - 300, 0, "iat 300 s ahead");
    AT(iat - 301, LAYR_ERR_FUTURE, "iat 301 s ahead");
    AT(exp + 299, 0, "exp 299 s past");
    AT(exp + 300, LAYR_ERR_EXPIRED, "exp 300 s past");
    AT(INT64_MIN, LAYR_ERR_FUTURE, "a clock at its lowest");
    AT(0, LAYR_ERR_FUTURE, "a clock at 0");
    AT(INT64_MAX, LAYR_ERR_EXPIRED, "a clock at its highest");
    free(jws);
    o.exp = NOW + LAYR_AHEAD_MAX;
    is_int(layr_order_sign(&jws, &o, seed), 0, "an order of 400 days");
    AT(NOW, 0, "400 days ahead");
    AT(NOW - 300, 0, "400 days and the skew");
    AT(NOW - 301, LAYR_ERR_FUTURE, "a second more, and it is from the future");
    free(jws);
    o.iat = NOW - 1000;
    is_int(layr_order_sign(&jws, &o, seed), 0, "one that was made before");
    AT(NOW - 300, 0, "400 days and the skew");
    AT(NOW - 301, LAYR_ERR_LIMIT, "a second more");
    free(jws);
    o.iat = 0;
    o.exp = (1LL << 53) - 1;
    is_int(layr_order_sign(&jws, &o, seed), 0, "the widest times");
    AT(0, LAYR_ERR_LIMIT, "are too far ahead");
    AT(o.exp - LAYR_AHEAD_MAX, 0, "until they aren't");
    AT(o.exp + 300, LAYR_ERR_EXPIRED, "and expire");
    free(jws);
#undef AT
}

static void test_contact_times(void)
{
    layr_contact_t c = sample_contact();
    char *jws = NULL;

    c.exp = NOW + LAYR_AHEAD_MAX + 1;
    is_int(layr_contact_sign(&jws, &c, seed), 0, "a contact beyond 400 days");
    is_int(parse_contact(jws, strlen(jws), NOW), 0, "has no such limit");
    is_int(parse_contact(jws, strlen(jws), c.exp + 300), LAYR_ERR_EXPIRED, "but expires");
    is_int(parse_contact(jws, strlen(jws), c.iat - 301), LAYR_ERR_FUTURE, "and may not come from the future");
    free(jws);
}

/* --- bytes that are wrong --- */

static void test_flips_and_cuts(void)
{
    char *jws = sign_order(), *copy;
    size_t len = strlen(jws);
    layr_jws_t j;
    int accepted = 0, wrong = 0;

    if (layr_jws_split(&j, jws, len) != 0)
        exit(2);
    size_t payload_at = (size_t)(j.payload - jws), payload_end = payload_at + j.payload_len;
    for (size_t i = 0; i < len * 8; i++) {
        copy = exact(jws, len);
        copy[i / 8] ^= (char)(1 << (i % 8));
        int rc = parse_order(copy, len, NOW);
        accepted += rc == 0;
        bool in_payload = i / 8 >= payload_at && i / 8 < payload_end && copy[i / 8] != '.';
        /* A changed payload is never read: the signature fails first. */
        wrong += in_payload ? rc != LAYR_ERR_AUTH : rc != LAYR_ERR_AUTH && rc != F && rc != V;
        free(copy);
    }
    is_int(accepted, 0, "no order with a flipped bit is taken");
    is_int(wrong, 0, "and each is refused for its form or its signature");

    accepted = wrong = 0;
    for (size_t cut = 0; cut < len; cut++) {
        int rc = parse_copy(parse_order, jws, cut);
        accepted += rc == 0;
        wrong += rc != F;
    }
    is_int(accepted, 0, "no order that was cut is taken");
    is_int(wrong, 0, "and each is malformed");
    free(jws);
}

static void test_ends(void)
{
    static const char *const tails[] = {".", "=", "A", "AA", "\n", " ", "\r\n", ".e30"};
    char *jws = sign_order();

    for (size_t i = 0; i < COUNT(tails); i++) {
        char *longer = malloc(strlen(jws) + 8);
        sprintf(longer, "%s%s", jws, tails[i]);
        is_int(parse_copy(parse_order, longer, strlen(longer)), F, "something after the order");
        sprintf(longer, "%s%s", tails[i], jws);
        ok(parse_copy(parse_order, longer, strlen(longer)) != 0, "something before the order");
        free(longer);
    }
    is_int(parse_order(jws, strlen(jws) + 1, NOW), F, "its NUL");
    is_int(parse_order(NULL, 0, NOW), F, "nothing at all");
    free(jws);
}

static void test_limits(void)
{
    char *big = malloc(LAYR_JWS_MAX + 2), header[256], *padded, *jws;
    int rc;

    memset(big, 'A', LAYR_JWS_MAX + 1);
    is_int(parse_contact(big, LAYR_CONTACT_MAX + 1, NOW), LAYR_ERR_LIMIT, "a contact of 1,025 characters");
    is_int(parse_contact(big, LAYR_CONTACT_MAX, NOW), F, "1,024 are looked at");
    is_int(parse_order(big, LAYR_ORDER_MAX + 1, NOW), LAYR_ERR_LIMIT, "an order of 2,049");
    is_int(parse_node(big, LAYR_JWS_MAX + 1, NOW), LAYR_ERR_LIMIT, "a node of 65,537");
    is_int(parse_orders(big, LAYR_JWS_MAX + 1, NOW), LAYR_ERR_LIMIT, "orders of 65,537");

    header_of(header, "layr-orders", seed);
    padded = malloc(LAYR_JWS_HEADER_MAX + 8);
    memset(padded, ' ', LAYR_JWS_HEADER_MAX);
    memcpy(padded, header, strlen(header) - 1);
    padded[LAYR_JWS_HEADER_MAX - 1] = '}';
    padded[LAYR_JWS_HEADER_MAX] = 0;
    jws = forge(padded, "{\"v\":2}", seed); /* refused for its version: so all before it was taken */
    is_int(parse_orders(jws, strlen(jws), NOW), V, "a header of 4,096 bytes is read");
    /* One byte more than signing allows: the header's base64url is put together by hand. */
    layr_b64(big, (uint8_t *)strcat(padded, " "), LAYR_JWS_HEADER_MAX + 1);
    strcat(big, strchr(jws, '.'));
    rc = parse_orders(big, strlen(big), NOW);
    is_int(rc, LAYR_ERR_LIMIT, "a header of 4,097 is not");
    free(jws);
    free(padded);
    free(big);
}

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

/* Payloads damaged before they are signed, so that the damage reaches the parser behind the signature. */
static void sweep(parse_fn parse, char *jws, uint32_t state, const char *name)
{
    static const char letters[] = "{}[]\",:\\u0d8e-.+ntf\x7f\x01\xff\xc3\xa9";
    char *header = part_of(jws, 0), *payload = part_of(jws, 1), *copy = malloc(strlen(payload) + 1);
    size_t len = strlen(payload);
    int odd = 0;

    for (int round = 0; round < 500; round++) {
        strcpy(copy, payload);
        for (uint32_t n = next_random(&state) % 3 + 1; n > 0; n--)
            copy[next_random(&state) % len] = letters[next_random(&state) % (sizeof letters - 1)];
        char *forged = forge(header, copy, seed);
        int rc = parse_copy(parse, forged, strlen(forged));
        odd += rc != 0 && rc != F && rc != V && rc != LAYR_ERR_AUTH && rc != LAYR_ERR_LIMIT &&
               rc != LAYR_ERR_EXPIRED && rc != LAYR_ERR_FUTURE;
        free(forged);
    }
    is_int(odd, 0, name);
    free(copy);
    free(payload);
    free(header);
    free(jws);
}

static void test_sweep(void)
{
    layr_contact_t c = sample_contact();
    layr_node_t n = sample_node();
    layr_orders_t o = sample_orders();
    char *contact = NULL, *node = NULL, *orders = NULL;

    if (layr_contact_sign(&contact, &c, seed) != 0 || layr_node_sign(&node, &n, seed) != 0 ||
        layr_orders_sign(&orders, &o, seed) != 0)
        exit(2);
    sweep(parse_contact, contact, 1, "500 damaged contacts");
    sweep(parse_node, node, 2, "500 damaged nodes");
    sweep(parse_order, sign_order(), 3, "500 damaged orders");
    sweep(parse_orders, orders, 4, "500 damaged renewals");
}

/* A signature by another key, with and without that key in the header. */
static void test_signers(void)
{
    char *jws = sign_order(), *header = part_of(jws, 0), *payload = part_of(jws, 1), *forged, foreign[256];
    layr_order_t o;
    uint8_t pub[32];

    forged = forge(header, payload, other_seed);
    is_int(parse_order(forged, strlen(forged), NOW), LAYR_ERR_AUTH, "signed by a key that kid doesn't name");
    free(forged);
    header_of(foreign, "layr-order", other_seed);
    forged = forge(foreign, payload, other_seed);
    layr_sign_public(pub, other_seed);
    is_int(layr_order_parse(&o, forged, strlen(forged), NOW), 0, "signed by another owner");
    is_mem(o.owner, pub, 32, "who is named");
    free(forged);
    forged = forge(foreign, payload, seed);
    is_int(parse_order(forged, strlen(forged), NOW), LAYR_ERR_AUTH, "kid exchanged");
    free(forged);
    forged = forge(
        "{\"alg\":\"EdDSA\",\"typ\":\"layr-order\",\"kid\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}",
        payload, seed);
    is_int(parse_order(forged, strlen(forged), NOW), LAYR_ERR_AUTH, "a low-order key");
    free(forged);
    free(header);
    free(payload);
    free(jws);
}

/* --- URLs and nonces --- */

static void is_url(const char *url, int want)
{
    size_t len = strlen(url);
    char *copy = exact(url, len);

    ok(layr_url_ok(copy, len) == (bool)want, "%s %.70s", want ? "may be" : "may not be", url);
    free(copy);
}

static void test_urls(void)
{
    static const char *const good[] = {"http://a",
                                       "https://a",
                                       "https://A.example",
                                       "http://127.0.0.1:8080",
                                       "http://[::1]",
                                       "http://[2001:db8::1]:80/x",
                                       "https://a/b/c",
                                       "https://a:65535",
                                       "https://a:1/b",
                                       "https://a_b-c.d",
                                       "https://a/~b/c;d=e,f@g:h!$&'()*+",
                                       "https://a/.b/..c/..."};
    static const char *const bad[] = {"",
                                      "a",
                                      "http:",
                                      "http:/a",
                                      "http://",
                                      "HTTP://a",
                                      "ftp://a",
                                      "//a",
                                      "https://a/",
                                      "https://a//b",
                                      "https://a/b/",
                                      "https:///b",
                                      "https://a:",
                                      "https://a:0",
                                      "https://a:65536",
                                      "https://a:000080",
                                      "https://a:-1",
                                      "https://a:8o",
                                      "https://u@a",
                                      "https://u:p@a",
                                      "https://a?b",
                                      "https://a/b?c",
                                      "https://a#b",
                                      "https://a/b#c",
                                      "https://a b",
                                      "https://a/b c",
                                      "https://a/\x7f",
                                      "https://a/\xc3\xa9",
                                      "https://a/%2e%2e",
                                      "https://a/b\\c",
                                      "https://a/\"",
                                      "https://a/<b>",
                                      "https://a/.",
                                      "https://a/..",
                                      "https://a/../b",
                                      "https://a/./b",
                                      "http://[]",
                                      "http://[::1",
                                      "http://::1",
                                      "http://[::1]x",
                                      "http://[g]",
                                      "http://a]",
                                      "http://a\n",
                                      "http://a\r\nX: y",
                                      "https://:80",
                                      " http://a"};
    char longest[LAYR_URL_MAX + 2];

    for (size_t i = 0; i < COUNT(good); i++)
        is_url(good[i], 1);
    for (size_t i = 0; i < COUNT(bad); i++) {
        char *copy = exact(bad[i], strlen(bad[i]));
        ok(!layr_url_ok(copy, strlen(bad[i])), "no url of a contact: case %zu", i);
        free(copy);
    }
    memset(longest, 'a', sizeof longest);
    memcpy(longest, "https://", 8);
    ok(layr_url_ok(longest, LAYR_URL_MAX), "200 bytes");
    ok(!layr_url_ok(longest, LAYR_URL_MAX + 1), "201 bytes");
    ok(!layr_url_ok("http://a\0b", 10), "a NUL inside");
    ok(!layr_url_ok("http://[\0]", 10), "a NUL in the brackets");
}

static void test_nonces(void)
{
    char text[LAYR_NONCE_MAX + 2];

    memset(text, 'a', sizeof text);
    ok(!layr_nonce_ok(text, 15), "a nonce of 15");
    ok(layr_nonce_ok(text, 16), "of 16");
    ok(layr_nonce_ok(text, 64), "of 64");
    ok(!layr_nonce_ok(text, 65), "of 65");
    ok(!layr_nonce_ok("aaaaaaaaaaaaaaa\0", 16), "with a NUL");
    ok(!layr_nonce_ok("aaaaaaaaaaaaaaa/", 16), "with a slash");
    ok(layr_nonce_ok("-_AZaz09-_AZaz09", 16), "of the whole alphabet");
}

int main(void)
{
    if (layr_init() != 0)
        return 2;
    test_contact();
    test_contact_sign_refuses();
    test_node();
    test_order();
    test_orders();
    test_header_alterations();
    test_order_alterations();
    test_contact_alterations();
    test_node_alterations();
    test_orders_alterations();
    test_times();
    test_contact_times();
    test_flips_and_cuts();
    test_ends();
    test_limits();
    test_signers();
    test_sweep();
    test_urls();
    test_nonces();
    return done();
}
