/* The transport with a real nginx: TLS and its three kinds of trust, HTTP/2 by ALPN and by prior knowledge.
 */
#include "net_nginx.h"
#include "layr/crypto.h"
#include "layr/net.h"
#include "net_cert.h"
#include "tap.h"
#include <curl/curl.h>

#define MIB (1u << 20)
#define MANY 64

enum { TLS, H2C, PLAIN, OTHER_KEY, SHORT_LIVED, SHORT_LIVED_H2C, LAST, PORTS };

typedef struct world {
    nginx_t nginx;
    cert_t cert, other;
    char ca[256];
    int port[PORTS];
    uint8_t *data, *back;
} world_t;

static void write_config(world_t *w)
{
    static const char *const listens[PORTS] = {
        "ssl http2; ssl_certificate a.crt; ssl_certificate_key a.key",
        "http2",
        "backlog=511",
        "ssl http2; ssl_certificate b.crt; ssl_certificate_key b.key",
        "ssl http2; ssl_certificate a.crt; ssl_certificate_key a.key; keepalive_requests 7",
        "http2; keepalive_requests 7",
        "backlog=511"};
    char text[8192] = "", one[1024];

    for (int i = 0; i < PORTS; i++) {
        w->port[i] = free_port();
        snprintf(one, sizeof one,
                 "server { listen 127.0.0.1:%d %s; root www;\n"
                 "  location / { dav_methods PUT; client_max_body_size 0; }\n"
                 "  location /small/ { dav_methods PUT; client_max_body_size 1k; }\n"
                 "  location /closed/ { client_max_body_size 0; return 403; } }\n",
                 w->port[i], listens[i]);
        strncat(text, one, sizeof text - strlen(text) - 1);
    }
    nginx_configure(&w->nginx, text);
}

static bool world_begin(world_t *w)
{
    char cert[256], key[256];

    memset(w, 0, sizeof *w);
    nginx_folder(&w->nginx);
    cert_make(&w->cert);
    cert_make(&w->other);
    nginx_path(&w->nginx, w->ca, "a.crt");
    nginx_path(&w->nginx, key, "a.key");
    cert_write(&w->cert, w->ca, key);
    nginx_path(&w->nginx, cert, "b.crt");
    nginx_path(&w->nginx, key, "b.key");
    cert_write(&w->other, cert, key);
    write_config(w);
    w->data = malloc((size_t)MANY * MIB);
    w->back = malloc((size_t)MANY * MIB);
    layr_random(w->data, (size_t)MANY * MIB);
    return nginx_start(&w->nginx, w->port[PORTS - 1]);
}

static void world_end(world_t *w)
{
    nginx_remove(&w->nginx);
    cert_free(&w->cert);
    cert_free(&w->other);
    free(w->data);
    free(w->back);
}

typedef struct ask {
    layr_req_t r;
    char url[256];
    uint8_t small[4096];
} ask_t;

static bool is_tls(int which)
{
    return which == TLS || which == OTHER_KEY || which == SHORT_LIVED;
}

static void aim(ask_t *a, const world_t *w, int which, const char *method, const char *path)
{
    memset(&a->r, 0, sizeof a->r);
    snprintf(a->url, sizeof a->url, "http%s://127.0.0.1:%d%s", is_tls(which) ? "s" : "", w->port[which],
             path);
    a->r.method = method;
    a->r.url = a->url;
    a->r.h2c = which == H2C || which == SHORT_LIVED_H2C;
    a->r.into = a->small;
    a->r.into_cap = sizeof a->small;
    if (is_tls(which)) {
        a->r.trust = LAYR_TRUST_PINS;
        a->r.pins = &w->cert.pin;
        a->r.pin_count = 1;
    }
}

/* Many at a time, and wait. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int left;

static void on_done(layr_req_t *r)
{
    (void)r;
    pthread_mutex_lock(&lock);
    left--;
    pthread_cond_signal(&changed);
    pthread_mutex_unlock(&lock);
}

/* Good ones among them; the first that failed is told. */
static int run_all(layr_net_t *net, ask_t *a, int count, int status)
{
    int good = 0;

    left = count;
    for (int i = 0; i < count; i++) {
        a[i].r.done = on_done;
        if (layr_net_submit(net, &a[i].r) != LAYR_OK)
            on_done(&a[i].r);
    }
    pthread_mutex_lock(&lock);
    while (left > 0)
        pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
    for (int i = 0; i < count; i++) {
        if (a[i].r.error == LAYR_OK && a[i].r.status == status)
            good++;
        else if (good == i)
            printf("# %s: error %d, status %d: %s\n", a[i].url, a[i].r.error, a[i].r.status,
                   a[i].r.error_text);
    }
    return good;
}

/* nginx logs a request after it has answered it, but before it looks at the next. */
static int logged(const world_t *w, int which, const char *word, int *connections)
{
    layr_net_t *net = NULL;
    ask_t *a = calloc(1, sizeof *a);

    aim(a, w, LAST, "GET", "/");
    if (layr_net_new(&net, NULL) != LAYR_OK || layr_net_run(net, &a->r) != LAYR_OK)
        printf("# nginx does not answer: %s\n", a->r.error_text);
    layr_net_free(net);
    free(a);
    return nginx_logged(&w->nginx, w->port[which], word, connections);
}

static void check_connections(const world_t *w, int which)
{
    int connections = 0;

    if (which == TLS) { /* large bodies over HTTP/1.1, answers over HTTP/2 */
        is_int(logged(w, which, "HTTP/1.1 PUT", &connections), MANY, "... all PUT over HTTP/1.1");
        ok(connections <= 8, "... over %d connections", connections);
        is_int(logged(w, which, "HTTP/2.0 GET", &connections), MANY, "... all GET over HTTP/2");
        is_int(connections, 1, "... over one");
        return;
    }
    is_int(logged(w, which, which == PLAIN ? "HTTP/1.1" : "HTTP/2.0", &connections), 2 * MANY,
           "... all over this version");
    /* Before 8.0 libcurl can't share a connection of HTTP/2 in the clear. */
    if (which == H2C && curl_version_info(CURLVERSION_NOW)->version_num < 0x080000)
        ok(connections == 2 * MANY, "... each over its own connection");
    else
        ok(which == PLAIN ? connections <= 16 : connections == 2, "... over %d connections", connections);
}

static void test_transfers(world_t *w, layr_net_t *net, int which, const char *name)
{
    ask_t *a = calloc(MANY, sizeof *a);
    char path[64];
    uint64_t start = test_ms(), put, got;
    layr_net_t *fresh = NULL; /* which has no connection of HTTP/1.1 that it could use again */

    for (int i = 0; i < MANY; i++) {
        snprintf(path, sizeof path, "/%d-%d", which, i);
        aim(&a[i], w, which, "PUT", path);
        a[i].r.body = w->data + (size_t)i * MIB;
        a[i].r.body_len = MIB;
    }
    is_int(run_all(net, a, MANY, 201), MANY, name);
    put = test_ms() - start;
    memset(w->back, 0, (size_t)MANY * MIB);
    start = test_ms();
    for (int i = 0; i < MANY; i++) {
        snprintf(path, sizeof path, "/%d-%d", which, i);
        aim(&a[i], w, which, "GET", path);
        a[i].r.into = w->back + (size_t)i * MIB;
        a[i].r.into_cap = MIB;
    }
    is_int(layr_net_new(&fresh, NULL), LAYR_OK, "... another transport");
    is_int(run_all(fresh, a, MANY, 200), MANY, "... and GET");
    layr_net_free(fresh);
    got = test_ms() - start;
    ok(memcmp(w->data, w->back, (size_t)MANY * MIB) == 0, "... every byte");
    check_connections(w, which);
    printf("# %s: PUT %llu MiB/s, GET %llu MiB/s\n", name, MANY * 1000ull / (put + 1),
           MANY * 1000ull / (got + 1));
    free(a);
}

static int trusted(layr_net_t *net, ask_t *a, const world_t *w, int which, layr_trust_t trust,
                   const uint8_t (*pins)[32], unsigned count)
{
    aim(a, w, which, "GET", "/hello");
    a->r.trust = trust;
    a->r.pins = pins;
    a->r.pin_count = count;
    return layr_net_run(net, &a->r);
}

static void put_hello(world_t *w)
{
    char path[256];
    FILE *f;

    nginx_path(&w->nginx, path, "www/hello");
    f = fopen(path, "w");
    fputs("hello", f);
    fclose(f);
}

/* One transport throughout, so that connections of every trust lie open beside each other. */
static void test_trust(world_t *w, layr_net_t *net, bool has_ca)
{
    uint8_t wrong[32] = {1}, both[2][32];
    const uint8_t(*pins)[32] = (const uint8_t(*)[32])both;
    ask_t *a = calloc(1, sizeof *a);
    int before, ca = has_ca ? LAYR_OK : LAYR_ERR_AUTH;

    memcpy(both[0], wrong, 32);
    memcpy(both[1], w->cert.pin, 32);
    is_int(trusted(net, a, w, TLS, LAYR_TRUST_NONE, NULL, 0), LAYR_OK, "nothing checked");
    before = logged(w, TLS, "/hello", NULL);
    is_int(trusted(net, a, w, TLS, LAYR_TRUST_PINS, (const uint8_t(*)[32]) & wrong, 1), LAYR_ERR_AUTH,
           "a wrong pin");
    ok(a->r.status == 0 && a->r.error_text[0] != 0, "no status, a text");
    is_int(trusted(net, a, w, TLS, LAYR_TRUST_PINS, pins, 2), LAYR_OK, "the right pin as the second");
    is_int(trusted(net, a, w, TLS, LAYR_TRUST_PINS, pins + 1, 1), LAYR_OK, "the right pin alone");
    is_int(trusted(net, a, w, TLS, LAYR_TRUST_PINS, (const uint8_t(*)[32]) & wrong, 1), LAYR_ERR_AUTH,
           "a wrong pin, with good connections open");
    is_int(trusted(net, a, w, TLS, LAYR_TRUST_CA, NULL, 0), ca, has_ca ? "by CA" : "not by the system's CAs");
    is_int(trusted(net, a, w, TLS, LAYR_TRUST_PINS, (const uint8_t(*)[32]) & wrong, 1), LAYR_ERR_AUTH,
           "a wrong pin, with a connection by CA open");
    is_int(trusted(net, a, w, TLS, LAYR_TRUST_NONE, NULL, 0), LAYR_OK, "nothing checked again");
    is_int(trusted(net, a, w, TLS, LAYR_TRUST_CA, NULL, 0), ca, "by CA again");
    is_int(logged(w, TLS, "/hello", NULL) - before, has_ca ? 5 : 3,
           "no request went out over a connection that failed its check");
    is_int(trusted(net, a, w, OTHER_KEY, LAYR_TRUST_PINS, pins + 1, 1), LAYR_ERR_AUTH, "another host's key");
    is_int(trusted(net, a, w, OTHER_KEY, LAYR_TRUST_CA, NULL, 0), LAYR_ERR_AUTH,
           "another host's certificate");
    is_int(logged(w, OTHER_KEY, " ", NULL), 0, "no request reached it");
    free(a);
}

/* Trust must hold as well when requests of every kind start at once and could join each other's connections.
 */
static void test_mixed_trust(world_t *w, layr_net_t *net)
{
    static const uint8_t wrong[1][32] = {{1}};
    ask_t *a = calloc(30, sizeof *a);
    int misjudged = 0;

    for (int i = 0; i < 30; i++) {
        aim(&a[i], w, TLS, "GET", "/hello");
        if (i % 3 == 0)
            a[i].r.trust = LAYR_TRUST_NONE;
        else if (i % 3 == 1)
            a[i].r.pins = wrong;
    }
    run_all(net, a, 30, 200);
    for (int i = 0; i < 30; i++)
        misjudged += a[i].r.error != (i % 3 == 1 ? LAYR_ERR_AUTH : LAYR_OK);
    is_int(misjudged, 0, "all kinds of trust at the same time");
    free(a);
}

static void test_refusal(world_t *w, layr_net_t *net, int which, const char *name)
{
    static const char *const paths[] = {"/small/x", "/closed/x"};
    ask_t *a = calloc(1, sizeof *a);

    for (int i = 0; i < 2; i++) {
        int want = i == 0 ? 413 : 403;

        aim(a, w, which, "PUT", paths[i]);
        a->r.body = w->data;
        a->r.body_len = 16 * MIB;
        (void)!layr_net_run(net, &a->r);
        ok((a->r.error == LAYR_OK && a->r.status == want) ||
               (a->r.error == LAYR_ERR_REFUSED && a->r.status == 0),
           "%s: a refusal before the body is read (%s)", name, paths[i]);
        printf("# error %d, status %d %s\n", a->r.error, a->r.status, a->r.error_text);
    }
    free(a);
}

static void test_short_lived(world_t *w, layr_net_t *net, int which, const char *name)
{
    ask_t *a = calloc(MANY, sizeof *a);
    char path[64];
    int connections;

    for (int i = 0; i < MANY; i++) {
        snprintf(path, sizeof path, "/short-%d-%d", which, i);
        aim(&a[i], w, which, "PUT", path);
        a[i].r.body = w->data + (size_t)i * MIB;
        a[i].r.body_len = 200000;
    }
    is_int(run_all(net, a, MANY, 201), MANY, name);
    logged(w, which, " ", &connections);
    ok(connections >= MANY / 8, "... over %d connections", connections);
    free(a);
}

static void test_restart(world_t *w, layr_net_t *net)
{
    ask_t *a = calloc(1, sizeof *a);
    int good = 0;

    nginx_stop(&w->nginx);
    aim(a, w, TLS, "GET", "/hello");
    is_int(layr_net_run(net, &a->r), LAYR_ERR_NET, "nginx is gone");
    ok(nginx_start(&w->nginx, w->port[PORTS - 1]), "and back");
    for (int which = 0; which < 3; which++) {
        aim(a, w, which, "GET", "/hello");
        good += layr_net_run(net, &a->r) == LAYR_OK && a->r.status == 200;
    }
    is_int(good, 3, "connections from before are replaced unseen");
    free(a);
}

static void test_handshake(world_t *w)
{
    layr_net_config_t config = {.connect_ms = 3000};
    layr_net_t *net = NULL;
    ask_t *a = calloc(1, sizeof *a);
    int port, fd = listen_on("127.0.0.1", &port);
    uint64_t start = test_ms();

    is_int(layr_net_new(&net, &config), LAYR_OK, "a transport of less patience");
    aim(a, w, TLS, "GET", "/hello");
    snprintf(a->url, sizeof a->url, "https://127.0.0.1:%d/", port);
    is_int(layr_net_run(net, &a->r), LAYR_ERR_TIMEOUT, "a handshake that is never answered");
    ok(test_ms() - start < 9000, "within connect_ms or so");
    snprintf(a->url, sizeof a->url, "https://127.0.0.1:%d/", w->port[PLAIN]);
    is_int(layr_net_run(net, &a->r), LAYR_ERR_NET, "https where there is only http");
    snprintf(a->url, sizeof a->url, "http://127.0.0.1:%d/hello", w->port[H2C]);
    is_int(layr_net_run(net, &a->r), LAYR_ERR_FORMAT, "HTTP/1.1 to a port of HTTP/2");
    a->r.h2c = true;
    snprintf(a->url, sizeof a->url, "http://127.0.0.1:%d/hello", w->port[PLAIN]);
    ok(layr_net_run(net, &a->r) != LAYR_OK, "HTTP/2 to a port of HTTP/1.1");
    free(a);
    close(fd);
    layr_net_free(net);
}

int main(void)
{
    layr_net_config_t config = {.connect_ms = 20000}; /* memcheck takes seconds to read the system's CAs */
    layr_net_t *net = NULL, *with_ca = NULL;
    world_t w;

    if (layr_init() != LAYR_OK)
        return 2;
    if (!nginx_there()) {
        skip("no nginx on this machine");
        return done();
    }
    if (!ok(world_begin(&w), "nginx runs"))
        goto over;
    put_hello(&w);
    is_int(layr_net_new(&net, &config), LAYR_OK, "a transport");
    config.ca_file = w.ca;
    is_int(layr_net_new(&with_ca, &config), LAYR_OK, "a transport with a CA of its own");
    test_transfers(&w, net, TLS, "HTTP/2 over TLS: PUT");
    test_transfers(&w, net, H2C, "HTTP/2 in the clear: PUT");
    test_transfers(&w, net, PLAIN, "HTTP/1.1: PUT");
    test_trust(&w, net, false);
    test_trust(&w, with_ca, true);
    test_mixed_trust(&w, net);
    test_refusal(&w, net, TLS, "HTTP/2 over TLS");
    test_refusal(&w, net, H2C, "HTTP/2 in the clear");
    test_refusal(&w, net, PLAIN, "HTTP/1.1");
    test_short_lived(&w, net, SHORT_LIVED, "TLS connections that end after 7 requests");
    test_short_lived(&w, net, SHORT_LIVED_H2C, "HTTP/2 connections that end after 7 requests");
    test_restart(&w, net);
    test_handshake(&w);
    layr_net_free(with_ca);
    layr_net_free(net);
over:
    world_end(&w);
    return done();
}
