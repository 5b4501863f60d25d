/* The transport against a server that misbehaves in every way we could think of. */
#include "layr/net.h"

#include "layr/crypto.h"
#include "net_server.h"
#include "tap.h"
#include <openssl/sha.h>

#define BLOB (1u << 20)
#define STALL_MS 600

static uint8_t blob[BLOB], got[BLOB + 4096];

static bool endless_headers(peer_t *p, const char *line)
{
    peer_say(p, "HTTP/1.1 200 OK\r\n");
    while (!atomic_load(&p->server->stop) && peer_say(p, line))
        ;
    return false;
}

/* One byte every 100 ms, for ever. */
static bool drip(peer_t *p, const char *head)
{
    peer_say(p, head);
    while (!atomic_load(&p->server->stop) && peer_write(p, "x", 1))
        test_sleep(100);
    return false;
}

static bool refuse_early(peer_t *p)
{
    peer_answer(p, 507, "Content-Type: application/problem+json\r\nRetry-After: 7\r\nConnection: close\r\n",
                "{\"a\":1}", 7);
    peer_freeze(p, 100);
    shutdown(p->fd, SHUT_WR);
    peer_hang(p);
    return false;
}

static bool is_path(const peer_t *p, const char *path)
{
    return strcmp(p->path, path) == 0;
}

static bool misbehave(peer_t *p)
{
    static char page[100000];

    if (is_path(p, "/stall"))
        peer_hang(p);
    else if (is_path(p, "/stall-body") && peer_say(p, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc"))
        peer_hang(p);
    else if (is_path(p, "/no-read"))
        peer_freeze(p, 20000);
    else if (is_path(p, "/silent-after-body") && peer_body(p, NULL))
        peer_hang(p);
    else if (is_path(p, "/cut"))
        peer_say(p, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc");
    else if (is_path(p, "/cut-chunked"))
        peer_say(p, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\nabc");
    else if (is_path(p, "/cut-head"))
        peer_say(p, "HTTP/1.1 200 OK\r\nContent-Le");
    else if (is_path(p, "/drip"))
        return drip(p, "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
    else if (is_path(p, "/drip-head"))
        return drip(p, "HTTP/1.1 200 OK\r\nX-A: ");
    else if (is_path(p, "/long-header"))
        return endless_headers(p, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
    else if (is_path(p, "/headers"))
        return endless_headers(p, "X-A: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n");
    else if (is_path(p, "/interim"))
        return endless_headers(p, "\r\nHTTP/1.1 103 Early Hints\r\n");
    else if (is_path(p, "/refuse"))
        return refuse_early(p);
    else if (is_path(p, "/error-page"))
        return peer_answer(p, 502, "Content-Type: text/html\r\n", page, 50000);
    else if (is_path(p, "/error-endless"))
        return peer_answer(p, 502, "", page, sizeof page);
    else if (is_path(p, "/garbage"))
        peer_say(p, "\x01\x12\x04 this is not HTTP at all\r\n\r\n");
    else
        return peer_answer(p, 500, "", "", 0);
    return false;
}

static bool serve(peer_t *p)
{
    static uint8_t zeros[BLOB + 1];
    char text[256];

    if (is_path(p, "/good"))
        return peer_answer(
            p, 200,
            "Content-Type: application/json\r\nLayr-Contact: aa.bb.cc\r\nETag: \"e\"\r\nRetry-After: 3\r\n"
            "Content-Range: bytes 0-3/9\r\n",
            "fine", 4);
    if (is_path(p, "/blob"))
        return peer_answer(p, 200, "", blob, BLOB);
    if (is_path(p, "/too-much"))
        return peer_answer(p, 200, "", zeros, BLOB + 1);
    if (is_path(p, "/echo")) {
        uint8_t *body = malloc(p->body_len + 1), hash[32];

        if (!peer_body(p, body)) {
            free(body);
            return false;
        }
        SHA256(body, p->body_len, hash);
        free(body);
        return peer_answer(p, 201, "", hash, 32);
    }
    if (is_path(p,
                "/head")) /* what the client said; a body left unread would be taken for the next request */
        return peer_body(p, NULL) && peer_answer(p, 200, "", p->head, strlen(p->head));
    if (is_path(p, "/redirect"))
        return peer_answer(p, 302, "Location: /good\r\n", "", 0);
    if (is_path(p, "/interim-then-good"))
        return peer_say(p, "HTTP/1.1 103 X\r\nETag: early\r\n\r\n") && peer_answer(p, 200, "", "ok", 2);
    if (is_path(p, "/odd-headers"))
        return peer_answer(
            p, 200,
            "ETag:  \x01\x02 \r\nRetry-After: -5\r\nContent-Type: "
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n",
            "", 0);
    if (is_path(p, "/once")) { /* closes although it kept the connection open */
        peer_answer(p, 200, "", "ok", 2);
        return false;
    }
    if (sscanf(p->path, "/wait/%255s", text) == 1) {
        peer_freeze(p, atol(text));
        return peer_answer(p, 200, "", "ok", 2);
    }
    return misbehave(p);
}

/* Fill and run one request. */
typedef struct ask {
    layr_req_t r;
    char url[256];
} ask_t;

static void aim(ask_t *a, const server_t *s, const char *method, const char *path)
{
    memset(a, 0, sizeof *a);
    snprintf(a->url, sizeof a->url, "http://127.0.0.1:%d%s", s->port, path);
    a->r.method = method;
    a->r.url = a->url;
    a->r.into = got;
    a->r.into_cap = BLOB;
}

static int get(layr_net_t *net, ask_t *a, const server_t *s, const char *path)
{
    aim(a, s, "GET", path);
    return layr_net_run(net, &a->r);
}

static int put(layr_net_t *net, ask_t *a, const server_t *s, const char *path, size_t len)
{
    aim(a, s, "PUT", path);
    a->r.body = blob;
    a->r.body_len = len;
    return layr_net_run(net, &a->r);
}

static void test_good(layr_net_t *net, server_t *s)
{
    ask_t a;
    uint8_t hash[32];

    is_int(get(net, &a, s, "/good"), LAYR_OK, "GET");
    ok(a.r.status == 200 && a.r.into_len == 4 && memcmp(got, "fine", 4) == 0 && a.r.content_length == 4,
       "status, body, length");
    ok(strcmp(a.r.content_type, "application/json") == 0 && strcmp(a.r.layr_contact, "aa.bb.cc") == 0 &&
           strcmp(a.r.etag, "\"e\"") == 0 && a.r.retry_after == 3 &&
           strcmp(a.r.content_range, "bytes 0-3/9") == 0,
       "headers");
    ok(strcmp(a.r.peer_ip, "127.0.0.1") == 0 && a.r.usec > 0, "the address and the time");
    is_int(get(net, &a, s, "/blob"), LAYR_OK, "GET of a MiB");
    ok(a.r.into_len == BLOB && memcmp(got, blob, BLOB) == 0, "all of it, into a buffer of just its size");
    is_int(put(net, &a, s, "/echo", BLOB), LAYR_OK, "PUT of a MiB");
    SHA256(blob, BLOB, hash);
    ok(a.r.status == 201 && a.r.into_len == 32 && memcmp(got, hash, 32) == 0, "arrived whole");
    is_int(put(net, &a, s, "/echo", 0), LAYR_OK, "PUT of nothing");
    aim(&a, s, "HEAD", "/blob");
    is_int(layr_net_run(net, &a.r), LAYR_OK, "HEAD");
    ok(a.r.status == 200 && a.r.into_len == 0 && a.r.content_length == BLOB, "length and no body");
    is_int(get(net, &a, s, "/interim-then-good"), LAYR_OK, "an interim answer first");
    ok(a.r.status == 200 && a.r.etag[0] == 0, "its headers do not count");
    is_int(get(net, &a, s, "/odd-headers"), LAYR_OK, "odd headers");
    ok(a.r.etag[0] == 0 && a.r.retry_after == 0 && a.r.content_type[0] == 0, "count as absent");
}

static void test_request_head(layr_net_t *net, server_t *s)
{
    static const char *const headers[] = {"Authorization: Layr abc", NULL};
    static const char *const split[] = {"A: b\r\nC: d", NULL};
    ask_t a;

    aim(&a, s, "POST", "/head");
    a.r.headers = headers;
    a.r.body = blob;
    a.r.body_len = 5;
    is_int(layr_net_run(net, &a.r), LAYR_OK, "POST");
    got[a.r.into_len] = 0;
    ok(strstr((char *)got, "POST /head HTTP/1.1") != NULL &&
           strstr((char *)got, "\nAuthorization: Layr abc\r") != NULL,
       "method and header go out");
    ok(strcasestr((char *)got, "\nExpect:") == NULL && strcasestr((char *)got, "Transfer-Encoding") == NULL &&
           strcasestr((char *)got, "\nContent-Length: 5\r") != NULL &&
           strcasestr((char *)got, "urlencoded") == NULL,
       "no Expect, no chunks, an announced length, no made-up type");
    ok(strstr((char *)got, "\nUser-Agent: layr/" LAYR_VERSION "\r") != NULL, "it says who it is");
    a.r.headers = split;
    is_int(layr_net_run(net, &a.r), LAYR_ERR_ARG, "a line break in a header");
    aim(&a, s, "GET", "/good");
    a.r.url = "ftp://127.0.0.1/";
    is_int(layr_net_run(net, &a.r), LAYR_ERR_ARG, "another scheme");
    a.r.url = "http://127.0.0.1/a\r\nb";
    is_int(layr_net_run(net, &a.r), LAYR_ERR_ARG, "a line break in a URL");
    a.r.url = "http://u:p@127.0.0.1/";
    is_int(layr_net_run(net, &a.r), LAYR_ERR_ARG, "a user in a URL");
    aim(&a, s, "GET", "/good");
    a.r.trust = LAYR_TRUST_PINS;
    is_int(layr_net_run(net, &a.r), LAYR_ERR_ARG, "pins without a pin");
}

static void test_bodies(layr_net_t *net, server_t *s)
{
    ask_t a;
    uint8_t page[100];

    is_int(get(net, &a, s, "/too-much"), LAYR_ERR_LIMIT, "a byte more than there is room for");
    ok(a.r.into_len <= BLOB && a.r.status == 200 && a.r.error_text[0] != 0, "no byte past the end, a text");
    aim(&a, s, "GET", "/good");
    a.r.into = NULL;
    a.r.into_cap = 0;
    is_int(layr_net_run(net, &a.r), LAYR_ERR_LIMIT, "a body where none is wanted");
    aim(&a, s, "GET", "/error-page");
    a.r.into_cap = 10;
    a.r.error_into = page;
    a.r.error_cap = sizeof page;
    is_int(layr_net_run(net, &a.r), LAYR_OK, "a long error page");
    ok(a.r.status == 502 && a.r.into_len == 0 && a.r.error_len == sizeof page,
       "its status counts, it is cut");
    aim(&a, s, "GET", "/error-endless");
    a.r.error_into = page;
    a.r.error_cap = sizeof page;
    is_int(layr_net_run(net, &a.r), LAYR_ERR_LIMIT, "an error page without end");
    is_int(get(net, &a, s, "/redirect"), LAYR_OK, "a redirect is an answer");
    is_int(a.r.status, 302, "and is not followed");
}

static void test_cuts(layr_net_t *net, server_t *s)
{
    static const char *const paths[] = {"/cut", "/cut-chunked", "/cut-head"};
    ask_t a;

    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        is_int(get(net, &a, s, paths[i]), LAYR_ERR_NET, paths[i]);
    is_int(get(net, &a, s, "/garbage"), LAYR_ERR_FORMAT, "/garbage");
    is_int(get(net, &a, s, "/headers"), LAYR_ERR_LIMIT, "headers without end");
    is_int(get(net, &a, s, "/interim"), LAYR_ERR_LIMIT, "interim answers without end");
    is_int(get(net, &a, s, "/long-header"), LAYR_ERR_LIMIT, "one header line without end");
    aim(&a, s, "GET", "/");
    a.r.url = "http://127.0.0.1:1/";
    is_int(layr_net_run(net, &a.r), LAYR_ERR_NET, "nobody listens");
    ok(a.r.status == 0 && a.r.error_text[0] != 0, "no status, a text");
    a.r.url = "http://no-such-host.invalid/";
    is_int(layr_net_run(net, &a.r), LAYR_ERR_NET, "no such name");
}

static void is_timeout(layr_net_t *net, ask_t *a, const char *what)
{
    uint64_t start = test_ms(), took;

    is_int(layr_net_run(net, &a->r), LAYR_ERR_TIMEOUT, what);
    took = test_ms() - start;
    ok(took >= 200 && took < 8000, "... after %llu ms", (unsigned long long)took);
}

static void test_slow(layr_net_t *net, server_t *s)
{
    static const char *const paths[] = {"/stall", "/stall-body", "/drip-head"};
    ask_t a;

    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        aim(&a, s, "GET", paths[i]);
        is_timeout(net, &a, paths[i]);
    }
    aim(&a, s, "GET", "/drip");
    a.r.min_bytes_s = 1024;
    is_timeout(net, &a, "a byte now and then, under a least speed");
    aim(&a, s, "GET", "/drip");
    a.r.total_ms = 700;
    is_timeout(net, &a, "a byte now and then, under a limit for the whole");
    aim(&a, s, "PUT", "/silent-after-body");
    a.r.body = blob;
    a.r.body_len = BLOB;
    is_timeout(net, &a, "no answer to an upload");
}

static void test_not_read(layr_net_t *net, server_t *s)
{
    size_t len = 64u << 20;
    uint8_t *big = calloc(1, len);
    ask_t a;

    aim(&a, s, "PUT", "/no-read");
    a.r.body = big;
    a.r.body_len = len;
    is_timeout(net, &a, "an upload that nobody reads");
    free(big);
}

static void test_refusals(layr_net_t *net, server_t *s)
{
    ask_t a;
    uint8_t page[100];

    aim(&a, s, "PUT", "/refuse");
    a.r.body = blob;
    a.r.body_len = BLOB;
    a.r.error_into = page;
    a.r.error_cap = sizeof page;
    is_int(layr_net_run(net, &a.r), LAYR_OK, "a refusal before the body is read is an answer");
    ok(a.r.status == 507 && a.r.error_len == 7 && a.r.retry_after == 7, "with status, body and Retry-After");
}

static void test_closed_connection(layr_net_t *net, server_t *s)
{
    ask_t a;
    int good = 0;

    for (int i = 0; i < 10; i++) {
        good += get(net, &a, s, "/once") == LAYR_OK;
        test_sleep(5);
        good += put(net, &a, s, "/echo", BLOB) == LAYR_OK;
    }
    is_int(good, 20, "a connection that the host closed meanwhile is replaced unseen");
}

/* Many at a time. */
#define MANY 200

typedef struct many {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int left, ok, cancelled, other, order[MANY], ended;
    atomic_int progress;
} many_t;

static void on_done(layr_req_t *r)
{
    many_t *m = r->ctx;

    pthread_mutex_lock(&m->lock);
    m->left--;
    m->ok += r->error == LAYR_OK && r->status < 300;
    m->cancelled += r->error == LAYR_ERR_CANCELLED;
    m->other += r->error != LAYR_OK && r->error != LAYR_ERR_CANCELLED;
    if (m->ended < MANY)
        m->order[m->ended++] = r->priority;
    pthread_cond_signal(&m->changed);
    pthread_mutex_unlock(&m->lock);
}

static void on_progress(layr_req_t *r, size_t sent, size_t received)
{
    many_t *m = r->ctx;

    (void)sent;
    (void)received;
    atomic_fetch_add(&m->progress, 1);
}

static void many_begin(many_t *m)
{
    memset(m, 0, sizeof *m);
    pthread_mutex_init(&m->lock, NULL);
    pthread_cond_init(&m->changed, NULL);
}

static void many_add(many_t *m, layr_net_t *net, ask_t *a, const server_t *s, const char *path, int priority)
{
    aim(a, s, "GET", path);
    a->r.into_cap = 100;
    a->r.into = malloc(100);
    a->r.ctx = m;
    a->r.done = on_done;
    a->r.progress = on_progress;
    a->r.priority = priority;
    pthread_mutex_lock(&m->lock);
    m->left++;
    pthread_mutex_unlock(&m->lock);
    if (layr_net_submit(net, &a->r) != LAYR_OK)
        on_done(&a->r);
}

static void many_end(many_t *m, ask_t *a, int count)
{
    pthread_mutex_lock(&m->lock);
    while (m->left > 0)
        pthread_cond_wait(&m->changed, &m->lock);
    pthread_mutex_unlock(&m->lock);
    for (int i = 0; i < count; i++)
        free(a[i].r.into);
    pthread_mutex_destroy(&m->lock);
    pthread_cond_destroy(&m->changed);
}

static void test_many(layr_net_t *net, server_t *s)
{
    ask_t *a = calloc(MANY, sizeof *a);
    many_t m;
    int before = atomic_load(&s->connections);

    many_begin(&m);
    for (int i = 0; i < MANY; i++)
        many_add(&m, net, &a[i], s, "/wait/10", 0);
    many_end(&m, a, MANY);
    is_int(m.ok, MANY, "many at a time");
    ok(atomic_load(&m.progress) >= MANY, "each told of its progress");
    ok(atomic_load(&s->connections) - before <= 8, "over at most max_per_host connections (%d)",
       atomic_load(&s->connections) - before);

    many_begin(&m);
    for (int i = 0; i < 8; i++)
        many_add(&m, net, &a[i], s, "/wait/200", 100);
    for (int i = 8; i < 24; i++)
        many_add(&m, net, &a[i], s, "/wait/100", i < 16 ? 1 : 2);
    many_end(&m, a, 24);
    int misplaced = 0;
    for (int i = 8; i < 24; i++)
        misplaced += m.order[i] != (i < 16 ? 2 : 1);
    is_int(misplaced, 0, "what waits goes by priority");
    free(a);
}

static void test_cancel(layr_net_t *net, server_t *s)
{
    ask_t *a = calloc(MANY, sizeof *a);
    many_t m;
    uint64_t start = test_ms();

    many_begin(&m);
    for (int i = 0; i < MANY; i++)
        many_add(&m, net, &a[i], s, "/wait/400", 0);
    test_sleep(100);
    for (int i = 0; i < MANY; i++)
        layr_net_cancel(net, &a[i].r); /* some are on the air, some wait */
    many_end(&m, a, MANY);
    is_int(m.cancelled, MANY, "all cancelled");
    ok(test_ms() - start < 3000, "at once");
    layr_net_cancel(net, &a[0].r);
    ok(1, "a request that is over can be cancelled");
    is_int(get(net, &a[0], s, "/good"), LAYR_OK, "and the next one goes on");

    many_begin(&m);
    for (int i = 0; i < MANY; i++) {
        many_add(&m, net, &a[i], s, "/wait/1", 0);
        if (i % 3 == 0)
            layr_net_cancel(net, &a[i].r); /* at any moment of its life */
    }
    many_end(&m, a, MANY);
    is_int(m.ok + m.cancelled, MANY, "cancelled while submitting: each ends once");
    ok(m.ok >= MANY - MANY / 3 - 1, "the others end well");
    free(a);
}

static void test_free_under_way(server_t *s)
{
    ask_t *a = calloc(MANY, sizeof *a);
    layr_net_t *net = NULL;
    many_t m;

    is_int(layr_net_new(&net, NULL), LAYR_OK, "another transport, with defaults");
    many_begin(&m);
    for (int i = 0; i < MANY; i++)
        many_add(&m, net, &a[i], s, i % 2 ? "/wait/5000" : "/stall", 0);
    test_sleep(50);
    layr_net_free(net);
    is_int(m.cancelled, MANY, "freed with requests under way: all told so");
    many_end(&m, a, MANY);
    free(a);
    layr_net_free(NULL);
}

/* A chain: each done submits the next, from the net thread. */
typedef struct chain {
    layr_net_t *net;
    ask_t a;
    int left, run_error;
    many_t m;
} chain_t;

static void on_link(layr_req_t *r)
{
    chain_t *c = r->ctx;

    c->run_error = layr_net_run(c->net, r);
    if (r->error == LAYR_OK && --c->left > 0 && layr_net_submit(c->net, r) == LAYR_OK)
        return;
    pthread_mutex_lock(&c->m.lock);
    c->m.left--;
    pthread_cond_signal(&c->m.changed);
    pthread_mutex_unlock(&c->m.lock);
}

static void test_chain(layr_net_t *net, server_t *s)
{
    chain_t c = {.net = net, .left = 20};

    many_begin(&c.m);
    c.m.left = 1;
    aim(&c.a, s, "GET", "/good");
    c.a.r.ctx = &c;
    c.a.r.done = on_link;
    is_int(layr_net_submit(net, &c.a.r), LAYR_OK, "submit");
    many_end(&c.m, NULL, 0);
    is_int(c.left, 0, "done may submit");
    is_int(c.run_error, LAYR_ERR_ARG, "and may not wait");
}

static void test_unreachable(void)
{
    layr_net_config_t config = {.connect_ms = 700, .max_per_host = 2};
    ask_t *a = calloc(MANY, sizeof *a);
    layr_net_t *net = NULL;
    server_t nobody = {0};
    uint64_t start = test_ms();
    int fd, first, fill[8];
    many_t m;

    /* A listener that nobody accepts from, its backlog filled: connecting hangs, like to a host that is off.
     */
    fd = listen_on("127.0.0.1", &nobody.port);
    listen(fd, 0);
    for (first = 0; first < 8; first++) {
        struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)nobody.port)};

        inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
        fill[first] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        if (connect(fill[first], (struct sockaddr *)&to, sizeof to) != 0)
            continue;
    }
    is_int(layr_net_new(&net, &config), LAYR_OK, "a transport of short patience");
    many_begin(&m);
    for (int i = 0; i < MANY; i++)
        many_add(&m, net, &a[i], &nobody, "/", 0);
    many_end(&m, a, MANY);
    is_int(m.other, MANY, "requests to a host that is off fail");
    ok(test_ms() - start < 6000, "all with the first, not round by round (%llu ms)",
       (unsigned long long)(test_ms() - start));
    layr_net_free(net);
    while (first > 0)
        close(fill[--first]);
    close(fd);
    free(a);
}

int main(void)
{
    layr_net_config_t config = {.stall_ms = STALL_MS};
    layr_net_t *net = NULL, *patient = NULL; /* what is not about time is not to fail on a slow machine */
    server_t server = {0};

    if (layr_init() != LAYR_OK)
        return 2;
    layr_random(blob, sizeof blob);
    server_start(&server, serve);
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
    is_int(layr_net_new(&net, &config), LAYR_OK, "a transport");
    is_int(layr_net_new(&patient, NULL), LAYR_OK, "a transport of more patience");
    test_good(net, &server);
    test_request_head(net, &server);
    test_bodies(net, &server);
    test_cuts(net, &server);
    test_slow(net, &server);
    test_not_read(net, &server);
    test_refusals(net, &server);
    test_closed_connection(net, &server);
    test_many(patient, &server);
    test_cancel(net, &server);
    test_chain(net, &server);
    test_free_under_way(&server);
    test_unreachable();
    layr_net_free(patient);
    layr_net_free(net);
    server_stop(&server);
    return done();
}
