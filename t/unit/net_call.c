/* The client of the API: what goes out for each call, and what each answer comes to mean. */
#include "layr/api.h"
#include "layr/bytes.h"
#include "layr/crypto.h"
#include "net_server.h"
#include "tap.h"

#define BLOB (4112u * 32)

static const char order[] = "aaaa.bbbb.cccc";
static uint8_t id[32], blob[BLOB], into[BLOB];
static char hex[65], shard_path[128], record_path[128];
static char last_head[16384]; /* of the newest request; read only when its answer is there */

static bool wants(const peer_t *p, const char *base)
{
    return strncmp(p->path, base, strlen(base)) == 0 && p->path[strlen(base)] == '/';
}

static bool problem(peer_t *p, int status, const char *type)
{
    char text[512];

    snprintf(text, sizeof text,
             "{\"type\":\"urn:layr:problem:%s\",\"title\":\"t\",\"status\":%d,\"detail\":\"Do this.\"}", type,
             status);
    return peer_answer(p, status, "Content-Type: application/problem+json\r\n", text, strlen(text));
}

static bool stored(peer_t *p, const char *shard)
{
    char text[256];

    snprintf(text, sizeof text, "{\"shard\":\"%s\",\"order\":\"00112233445566778899aabbccddeeff\",\"exp\":1}",
             shard);
    return peer_answer(p, 201, "Content-Type: application/json\r\n", text, strlen(text));
}

static bool answer_good(peer_t *p)
{
    char headers[256];
    unsigned long first, last;
    const char *range = strstr(p->head, "\nRange: bytes=");

    snprintf(headers, sizeof headers, "Content-Type: application/octet-stream\r\nETag: \"%s\"\r\n", hex);
    if (strstr(p->path, "/orders") != NULL)
        return peer_answer(p, 200, "Content-Type: application/json\r\n", "{\"done\":[],\"missing\":[]}", 24);
    if (strstr(p->path, "/records/") != NULL)
        return strcmp(p->method, "GET") == 0
                   ? peer_answer(p, 200, "Content-Type: application/jose\r\n", "x.y.z", 5)
                   : peer_answer(p, 201, "", "", 0);
    if (strcmp(p->method, "PUT") == 0)
        return stored(p, hex);
    if (range == NULL || sscanf(range, "\nRange: bytes=%lu-%lu", &first, &last) != 2)
        return peer_answer(p, 200, headers, blob, BLOB);
    snprintf(headers, sizeof headers, "Content-Range: bytes %lu-%lu/%u\r\n", first, last, BLOB);
    return peer_answer(p, 206, headers, blob + first, last - first + 1);
}

static bool serve(peer_t *p)
{
    static const char page[] = "<html>You must log in first.</html>";
    static char long_page[20000];
    int status;

    if (!peer_body(p, NULL))
        return false;
    memcpy(last_head, p->head, sizeof last_head);
    if (wants(p, "/good"))
        return answer_good(p);
    if (wants(p, "/portal"))
        return peer_answer(p, 200, "Content-Type: text/html\r\n", page, sizeof page - 1);
    if (wants(p, "/other-shard"))
        return stored(p, "00000000000000000000000000000000000000000000000000000000000000ff");
    if (wants(p, "/bare"))
        return peer_answer(p, 201, "Content-Type: application/json\r\n", "{}", 2);
    if (wants(p, "/short"))
        return peer_answer(p, 200, "", blob, 100);
    if (wants(p, "/other-range"))
        return peer_answer(p, 206, "Content-Range: bytes 0-99/131584\r\n", blob, 100);
    if (wants(p, "/range"))
        return peer_answer(p, 206, "Content-Range: bytes 100-199/131584\r\n", blob, 100);
    if (wants(p, "/conflict"))
        return peer_answer(p, 412, "Content-Type: application/jose\r\n", "own.record.here", 15);
    if (wants(p, "/long-page"))
        return peer_answer(p, 502, "Content-Type: text/html\r\n", long_page, sizeof long_page);
    if (wants(p, "/redirect"))
        return peer_answer(p, 307, "Location: /good\r\n", "", 0);
    if (wants(p, "/broken-problem"))
        return peer_answer(p, 403, "Content-Type: application/problem+json\r\n", "{\"type\":", 8);
    if (sscanf(p->path, "/status-%d/", &status) == 1)
        return problem(p, status, "some-kind");
    return false; /* hangs up */
}

static layr_net_t *net;
static server_t server;
static layr_host_t host;
static layr_call_t call;
static char text[1024];

static void host_is(const char *base)
{
    memset(&host, 0, sizeof host);
    snprintf(host.url, sizeof host.url, "http://127.0.0.1:%d%s", server.port, base);
}

/* Run what was filled; its result, and its words in text. */
static int finish(int rc)
{
    if (rc == 0) {
        (void)!layr_net_run(net, &call.req);
        rc = layr_call_result(&call);
        layr_call_text(&call, text, sizeof text);
    }
    layr_call_free(&call);
    return rc;
}

static int put_shard(const char *base)
{
    host_is(base);
    return finish(layr_call_put_shard(&call, &host, id, order, blob, BLOB));
}

static int get_shard(const char *base)
{
    host_is(base);
    memset(into, 0, sizeof into);
    return finish(layr_call_get_shard(&call, &host, id, into, BLOB));
}

static int get_range(const char *base, uint64_t first, uint64_t last)
{
    host_is(base);
    memset(into, 0, sizeof into);
    return finish(layr_call_get_range(&call, &host, id, into, first, last));
}

static int head_shard(const char *base)
{
    host_is(base);
    return finish(layr_call_head_shard(&call, &host, id));
}

static int put_record(const char *base, size_t cap)
{
    host_is(base);
    memset(into, 0, sizeof into);
    return finish(layr_call_put_record(&call, &host, id, "a.b.c", 5, into, cap));
}

static int get_record(const char *base)
{
    host_is(base);
    return finish(layr_call_get_record(&call, &host, id, into, sizeof into));
}

static int post_orders(const char *base)
{
    host_is(base);
    return finish(layr_call_orders(&call, &host, "a.b.c", 5));
}

static bool said(const char *line)
{
    return strstr(last_head, line) != NULL;
}

static void test_good(void)
{
    is_int(put_shard("/good"), LAYR_OK, "PUT of a shard");
    ok(said(shard_path) && said("PUT ") && said("\nAuthorization: Layr aaaa.bbbb.cccc\r") &&
           said("\nContent-Type: application/octet-stream\r") && said("\nContent-Length: 131584\r"),
       "as section 6.3 says");
    ok(atomic_load(&host.bytes_s) > 0 && atomic_load(&host.failures) == 0, "its speed is known");
    is_int(get_shard("/good"), LAYR_OK, "GET of a shard");
    ok(memcmp(into, blob, BLOB) == 0, "every byte");
    is_int(get_range("/good", 65520, 131039), LAYR_OK, "GET of a range");
    ok(memcmp(into, blob + 65520, 65520) == 0, "just those bytes");
    is_int(get_range("/good", 5, 5), LAYR_OK, "GET of one byte");
    is_int(head_shard("/good"), LAYR_OK, "HEAD of a shard");
    is_int(call.req.content_length, BLOB, "with its length");
    is_int(put_record("/good", 100), LAYR_OK, "PUT of a record");
    ok(said(record_path) && said("\nContent-Type: application/jose\r"), "as section 6.6 says");
    is_int(get_record("/good"), LAYR_OK, "GET of a record");
    ok(call.req.into_len == 5 && memcmp(into, "x.y.z", 5) == 0, "the record");
    is_int(post_orders("/good"), LAYR_OK, "POST of orders");
    ok(said("POST /good/v1/orders ") && said("\nContent-Type: application/jose\r"), "as section 6.5 says");
    ok(strcmp(call.answer, "{\"done\":[],\"missing\":[]}") == 0 && call.req.into_len == 24,
       "the answer is there");
}

static void test_senseless(void)
{
    is_int(put_shard("/portal"), LAYR_ERR_FORMAT, "a portal's page is no stored shard");
    ok(strstr(text, "200") != NULL && strstr(text, "text/html") != NULL, "%s", text);
    is_int(put_shard("/other-shard"), LAYR_ERR_FORMAT, "nor is another shard");
    is_int(put_shard("/bare"), LAYR_ERR_FORMAT, "nor an answer that names none");
    is_int(put_shard("/redirect"), LAYR_ERR_FORMAT, "nor a redirect");
    is_int(get_shard("/portal"), LAYR_ERR_FORMAT, "a page instead of a shard");
    is_int(get_shard("/short"), LAYR_ERR_FORMAT, "a shard too short");
    is_int(get_shard("/range"), LAYR_ERR_FORMAT, "a range of a shard");
    is_int(head_shard("/portal"), LAYR_ERR_FORMAT, "HEAD: a page");
    is_int(get_range("/short", 0, 99), LAYR_ERR_FORMAT, "a range answered with 200");
    is_int(get_range("/other-range", 100, 199), LAYR_ERR_FORMAT, "another range than asked for");
    is_int(get_range("/range", 100, 199), LAYR_OK, "the range asked for");
    is_int(get_range("/range", 100, 190), LAYR_ERR_LIMIT, "more than the range asked for");
    is_int(put_record("/portal", 100), LAYR_ERR_FORMAT, "a record to a portal");
    is_int(get_record("/portal"), LAYR_ERR_FORMAT, "a record from a portal");
    is_int(post_orders("/portal"), LAYR_ERR_FORMAT, "orders to a portal");
    is_int(atomic_load(&host.failures), 0, "an answer, though senseless, is no failure of the transport");
}

static void test_refusals(void)
{
    static const struct {
        int status, want;
    } all[] = {{400, LAYR_ERR_REFUSED},     {401, LAYR_ERR_REFUSED},     {402, LAYR_ERR_REFUSED},
               {403, LAYR_ERR_REFUSED},     {404, LAYR_ERR_NOTFOUND},    {409, LAYR_ERR_REFUSED},
               {412, LAYR_ERR_CONFLICT},    {416, LAYR_ERR_REFUSED},     {422, LAYR_ERR_REFUSED},
               {429, LAYR_ERR_REFUSED},     {500, LAYR_ERR_REFUSED},     {502, LAYR_ERR_UNAVAILABLE},
               {503, LAYR_ERR_UNAVAILABLE}, {504, LAYR_ERR_UNAVAILABLE}, {507, LAYR_ERR_NOSPACE}};
    int wrong = 0;

    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        char base[32];

        snprintf(base, sizeof base, "/status-%d", all[i].status);
        wrong += put_shard(base) != all[i].want;
        wrong += strcmp(call.problem.type, "some-kind") != 0 ||
                 strcmp(call.problem.detail, "Do this.") != 0 || call.problem.status != all[i].status;
        wrong += strstr(text, "some-kind") == NULL || strstr(text, "Do this.") == NULL;
        wrong += get_range(base, 0, 3) != all[i].want; /* the problem is longer than what was asked for */
        wrong += strcmp(call.problem.detail, "Do this.") != 0;
        wrong += get_record(base) != all[i].want || post_orders(base) != all[i].want;
        wrong += put_record(base, 1000) != all[i].want || strcmp(call.problem.detail, "Do this.") != 0;
    }
    is_int(wrong, 0, "every status has its error, and its problem is read");
    is_int(head_shard("/status-404"), LAYR_ERR_NOTFOUND, "HEAD of a shard that is not there");
    is_int(get_shard("/long-page"), LAYR_ERR_UNAVAILABLE, "a long error page");
    ok(call.problem.type[0] == 0 && call.problem.status == 502, "has only its status to tell");
    is_int(put_shard("/broken-problem"), LAYR_ERR_REFUSED, "a broken problem");
    is_int(put_record("/conflict", 100), LAYR_ERR_CONFLICT, "a record that lost");
    ok(call.req.into_len == 15 && memcmp(into, "own.record.here", 15) == 0, "the host's own is there");
    ok(put_record("/conflict", 3) == LAYR_ERR_CONFLICT && into[3] == 0, "or as much as there is room for");
}

static void test_failures(void)
{
    is_int(put_shard("/hangs-up"), LAYR_ERR_NET, "a host that hangs up");
    ok(strstr(text, host.url) == text && strlen(text) > strlen(host.url) + 10, "%s", text);
    is_int(atomic_load(&host.failures), 1, "is a failure");
    is_int(layr_call_result(&call), LAYR_ERR_NET, "asked for the result again");
    is_int(atomic_load(&host.failures), 1, "counts once");
    host_is("/good");
    ok(layr_call_put_shard(&call, &host, id, order, blob, BLOB) == 0, "filled");
    call.req.error = LAYR_ERR_REFUSED; /* as the transport says when a stream was reset without a status */
    is_int(layr_call_result(&call), LAYR_ERR_REFUSED, "cut short by the host");
    layr_call_text(&call, text, sizeof text);
    ok(strstr(text, "without saying why") != NULL && atomic_load(&host.failures) == 0, "is a refusal");
    layr_call_free(&call);
}

static void test_speed(void)
{
    host_is("/good");
    ok(layr_call_put_shard(&call, &host, id, order, blob, BLOB) == 0, "filled");
    call.req.status = 201;
    call.req.usec = 1000000;
    (void)!layr_call_result(&call);
    is_int((long long)atomic_load(&host.bytes_s), BLOB, "the first speed is taken as it is");
    call.scored = false;
    call.req.usec = 500000;
    (void)!layr_call_result(&call);
    is_int((long long)atomic_load(&host.bytes_s), BLOB - BLOB / 4 + BLOB / 2, "the next ones by a quarter");
    call.scored = false;
    call.req.body_len = 1000;
    call.req.usec = 1;
    (void)!layr_call_result(&call);
    is_int((long long)atomic_load(&host.bytes_s), BLOB - BLOB / 4 + BLOB / 2, "small ones do not count");
    layr_call_free(&call);
}

static void test_arguments(void)
{
    static char long_order[LAYR_ORDER_MAX + 2];

    memset(long_order, 'a', sizeof long_order - 1);
    host_is("/good");
    is_int(layr_call_put_shard(&call, &host, id, long_order, blob, BLOB), LAYR_ERR_ARG, "an order too long");
    layr_call_free(&call);
    is_int(layr_call_put_shard(&call, &host, id, order, blob, 0), LAYR_ERR_ARG, "an empty blob");
    is_int(layr_call_get_range(&call, &host, id, into, 5, 4), LAYR_ERR_ARG,
           "a range that ends before it starts");
    is_int(layr_call_orders(&call, &host, "", 0), LAYR_ERR_ARG, "no orders");
    is_int(layr_call_put_record(&call, &host, id, "", LAYR_JWS_MAX + 1, into, 1), LAYR_ERR_ARG,
           "a record too long");
    layr_call_free(NULL);
}

int main(void)
{
    layr_net_config_t config = {.stall_ms = 4000};

    if (layr_init() != LAYR_OK)
        return 2;
    layr_random(blob, sizeof blob);
    layr_random(id, sizeof id);
    layr_hex(hex, id, 32);
    snprintf(shard_path, sizeof shard_path, " /good/v1/shards/%s HTTP", hex);
    snprintf(record_path, sizeof record_path, "PUT /good/v1/records/%s HTTP", hex);
    server_start(&server, serve);
    is_int(layr_net_new(&net, &config), LAYR_OK, "a transport");
    test_good();
    test_senseless();
    test_refusals();
    test_failures();
    test_speed();
    test_arguments();
    layr_net_free(net);
    server_stop(&server);
    return done();
}
