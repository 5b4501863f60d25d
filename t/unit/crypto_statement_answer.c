/* What hosts answer: problem documents, the result of POST v1/orders, and v1/node. */
#include "crypto_statement.h"

static int problem(layr_problem_t *p, const char *json)
{
    char *copy = exact(json, strlen(json));
    int rc = layr_problem_parse(p, copy, strlen(json));

    free(copy);
    return rc;
}

static void is_detail(const char *in_json, const char *want, const char *name)
{
    char json[2048];
    layr_problem_t p;

    snprintf(json, sizeof json, "{\"detail\":\"%s\"}", in_json);
    is_int(problem(&p, json), 0, name);
    if (!ok(strcmp(p.detail, want) == 0, "%s: the text", name))
        printf("# got %s\n", p.detail);
}

static void test_problem(void)
{
    layr_problem_t p;

    is_int(problem(&p, "{\"type\":\"urn:layr:problem:order-expired\",\"title\":\"T\",\"status\":403,"
                       "\"detail\":\"Make a new order.\"}"),
           0, "a problem of ours");
    ok(strcmp(p.type, "order-expired") == 0 && p.status == 403 && strcmp(p.detail, "Make a new order.") == 0,
       "its fields");
    is_int(problem(&p, "{\"title\":\"Teapot\",\"status\":418.5,\"x\":{\"y\":[1.5e3,null]},\"retry\":-0}"), 0,
           "another's");
    ok(p.type[0] == 0 && p.status == 418 && strcmp(p.detail, "Teapot") == 0, "its title stands in");
    is_int(problem(&p, "{}"), 0, "an empty one");
    ok(all_zero(&p, sizeof p), "says nothing");
    is_int(problem(&p, "{\"type\":1,\"detail\":[],\"status\":\"403\",\"title\":null}"), 0, "other types");
    ok(all_zero(&p, sizeof p), "say nothing");
    is_int(problem(&p, "{\"type\":\"about:blank\",\"status\":1e300}"), 0, "not our type, no status");
    ok(all_zero(&p, sizeof p), "say nothing");
    is_int(problem(&p, "{\"type\":\"urn:layr:problem:a b\",\"status\":99}"), 0, "a type that is no word");
    ok(p.type[0] == 0 && p.status == 0, "is passed over");
    is_int(problem(&p, "{\"type\":\"urn:layr:problem:"
                       "0123456789012345678901234567890123456789012345678901234567890123\"}"),
           0, "a type of 64 characters");
    ok(p.type[0] == 0, "is passed over");
    is_int(problem(&p, "{\"type\":\"urn:layr:problem:"
                       "012345678901234567890123456789012345678901234567890123456789012\"}"),
           0, "a type of 63 characters");
    is_int((int)strlen(p.type), 63, "fits");
    is_int(problem(&p, "[]"), LAYR_ERR_FORMAT, "not an object");
    is_int(problem(&p, ""), LAYR_ERR_FORMAT, "nothing");
    is_int(problem(&p, "<html>"), LAYR_ERR_FORMAT, "a page");
    is_int(problem(&p, "{\"detail\":\"a\",\"detail\":\"b\"}"), LAYR_ERR_FORMAT, "two details");
    is_int(problem(&p, "{\"x\":[[[[[[[[[[]]]]]]]]]]}"), LAYR_ERR_FORMAT, "too deep");
    is_int(problem(&p, "{\"detail\":\"\xff\"}"), LAYR_ERR_FORMAT, "not UTF-8");
}

static void test_problem_text(void)
{
    char json[1024], want[600];

    is_detail("a\\u001b[31mred\\u0007\\n\\r\\t\\u007f", "a?[31mred?????", "escape sequences and controls");
    is_detail("a\\u009b31m\\u0085b\xc2\x9b", "a?31m?b?", "C1 controls, escaped and as they are");
    is_detail("\\u202egpj.exe\\u2066\\u200f\\u2028\\u061c", "?gpj.exe????",
              "marks that turn the line around");
    is_detail("caf\\u00e9 \xe2\x82\xac \\ud83d\\ude00 \xc2\xa0",
              "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80 \xc2\xa0", "letters stay");

    memset(json, 'a', sizeof json);
    memset(want, 'a', sizeof want);
    strcpy(json + 511, "");
    want[511] = 0;
    is_detail(json, want, "511 bytes");
    strcpy(json + 511, "b");
    is_detail(json, want, "512 are cut");
    for (int cut = 1; cut <= 3; cut++) { /* a character of four bytes that starts 1, 2 or 3 before the end */
        memset(json, 'a', 600);
        strcpy(json + 511 - cut, "\xf0\x9f\x98\x80zz");
        want[511 - cut] = 0;
        is_detail(json, want, "cut before a character");
    }
}

static void test_problem_limits(void)
{
    char *json = malloc(4098);
    layr_problem_t p;

    memset(json, ' ', 4098);
    json[0] = '{';
    json[4095] = '}';
    is_int(layr_problem_parse(&p, json, 4096), 0, "4,096 bytes");
    is_int(layr_problem_parse(&p, json, 4097), LAYR_ERR_LIMIT, "4,097");
    free(json);
}

static void is_answer(const char *json, int want, const char *name)
{
    layr_orders_answer_t *a = malloc(sizeof *a);
    char *copy = exact(json, strlen(json));

    is_int(layr_orders_answer_parse(a, copy, strlen(json)), want, name);
    if (want != 0)
        ok(all_zero(a, sizeof *a), "and leaves nothing behind");
    free(copy);
    free(a);
}

#define ID "000102030405060708090a0b0c0d0e0f"

static void test_orders_answer(void)
{
    layr_orders_answer_t a;
    char *json = malloc(65540);
    size_t len;
    static const char text[] =
        "{\"done\":[\"" ID "\",\"ff0102030405060708090a0b0c0d0e0f\"],\"missing\":[\"" ID "\"],\"until\":1.5}";

    is_int(layr_orders_answer_parse(&a, text, strlen(text)), 0, "an answer");
    ok(a.done_count == 2 && a.missing_count == 1 && a.done[1][0] == 0xff && a.done[0][15] == 15 &&
           a.missing[0][1] == 1,
       "its ids");
    is_answer("{\"done\":[],\"missing\":[]}", 0, "none of either");
    is_answer("{\"done\":[]}", LAYR_ERR_FORMAT, "no missing");
    is_answer("{\"missing\":[]}", LAYR_ERR_FORMAT, "no done");
    is_answer("{\"done\":\"" ID "\",\"missing\":[]}", LAYR_ERR_FORMAT, "not an array");
    is_answer("{\"done\":[\"" ID "00\"],\"missing\":[]}", LAYR_ERR_FORMAT, "an id too long");
    is_answer("{\"done\":[1],\"missing\":[]}", LAYR_ERR_FORMAT, "not a string");
    is_answer("[]", LAYR_ERR_FORMAT, "not an object");
    is_answer("", LAYR_ERR_FORMAT, "nothing");
    for (int count = 256; count <= 257; count++) {
        len = (size_t)sprintf(json, "{\"missing\":[],\"done\":[");
        for (int i = 0; i < count; i++)
            len += (size_t)sprintf(json + len, "%s\"" ID "\"", i ? "," : "");
        strcpy(json + len, "]}");
        is_answer(json, count == 256 ? 0 : LAYR_ERR_FORMAT, count == 256 ? "256 ids" : "257 ids");
    }
    memset(json, ' ', 65537);
    is_int(layr_orders_answer_parse(&a, json, 65537), LAYR_ERR_LIMIT, "65,537 bytes");
    free(json);
}

/* A host's answer to v1/node, its parts changed one at a time. */
typedef struct live {
    char *contact, *node;
    uint8_t host[32];
} live_t;

#define NONCE "0123456789abcdef"

static void live_make(live_t *l, const uint8_t contact_seed[32], const uint8_t node_seed[32],
                      const char *nonce)
{
    layr_contact_t c = {.url = "https://a.example", .iat = NOW, .exp = NOW + 100};
    layr_node_t n = {.iat = NOW, .exp = NOW + 60};
    uint8_t pub[32];

    strcpy(n.nonce, nonce);
    layr_sign_public(pub, contact_seed);
    if (layr_host_id(l->host, pub) != 0 || layr_contact_sign(&l->contact, &c, contact_seed) != 0 ||
        layr_sha256_1(n.contact, l->contact, strlen(l->contact)) != 0 ||
        layr_node_sign(&l->node, &n, node_seed) != 0)
        exit(2);
}

static void live_free(live_t *l)
{
    free(l->contact);
    free(l->node);
}

static int check(const char *contact, const char *node, const char *nonce, const uint8_t *want,
                 layr_time_t now)
{
    char *json = malloc(8192);
    layr_contact_t c;
    int rc;

    if (node != NULL)
        snprintf(json, 8192, "{\"contact\":\"%s\",\"node\":\"%s\",\"more\":0.5}", contact, node);
    else
        snprintf(json, 8192, "{\"contact\":\"%s\"}", contact);
    rc = layr_node_answer_check(&c, json, strlen(json), nonce, want, now);
    if (rc == 0 ? strcmp(c.url, "https://a.example") != 0 : !all_zero(&c, sizeof c))
        ok(0, "a contact exactly on success");
    free(json);
    return rc;
}

static void test_node_answer(void)
{
    live_t own, other, mixed, later;
    layr_contact_t c;

    live_make(&own, seed, seed, NONCE);
    live_make(&other, other_seed, other_seed, NONCE);
    live_make(&mixed, seed, other_seed, NONCE);
    live_make(&later, seed, seed, "fedcba9876543210");
    is_int(check(own.contact, own.node, NONCE, own.host, NOW), 0, "host, nonce and contact match");
    is_int(check(own.contact, own.node, NONCE, NULL, NOW), 0, "any host");
    is_int(check(own.contact, NULL, NULL, own.host, NOW), 0, "no nonce was sent");
    is_int(check(own.contact, NULL, NONCE, own.host, NOW), LAYR_ERR_AUTH, "a nonce was sent, no node came");
    is_int(check(own.contact, own.node, NONCE, other.host, NOW), LAYR_ERR_AUTH, "another host was expected");
    is_int(check(own.contact, later.node, NONCE, own.host, NOW), LAYR_ERR_AUTH, "an answer to another nonce");
    is_int(check(own.contact, other.node, NONCE, own.host, NOW), LAYR_ERR_AUTH, "another host's answer");
    is_int(check(mixed.contact, mixed.node, NONCE, own.host, NOW), LAYR_ERR_AUTH,
           "this contact, but signed by another");
    own.contact[strlen(own.contact) - 3] ^= 1;
    is_int(check(own.contact, own.node, NONCE, own.host, NOW), LAYR_ERR_AUTH, "a damaged contact");
    own.contact[strlen(own.contact) - 3] ^= 1;
    is_int(check(own.contact, "x", NONCE, own.host, NOW), LAYR_ERR_FORMAT, "a node that is none");
    is_int(check(own.contact, own.contact, NONCE, own.host, NOW), LAYR_ERR_VERSION, "a contact in its place");
    is_int(check(own.contact, own.node, NONCE, own.host, NOW + 400), LAYR_ERR_EXPIRED, "too late");
    is_int(layr_node_answer_check(&c, "{}", 2, NULL, NULL, NOW), LAYR_ERR_FORMAT, "no contact");
    is_int(layr_node_answer_check(&c, "{\"contact\":1}", 13, NULL, NULL, NOW), LAYR_ERR_FORMAT,
           "a contact that is none");
    is_int(layr_node_answer_check(&c, "", 0, NULL, NULL, NOW), LAYR_ERR_FORMAT, "nothing");
    is_int(layr_node_answer_check(&c, "", 65537, NULL, NULL, NOW), LAYR_ERR_LIMIT,
           "too long to be looked at");
    live_free(&own);
    live_free(&other);
    live_free(&mixed);
    live_free(&later);
}

int main(void)
{
    if (layr_init() != 0)
        return 2;
    test_problem();
    test_problem_text();
    test_problem_limits();
    test_orders_answer();
    test_node_answer();
    return done();
}
