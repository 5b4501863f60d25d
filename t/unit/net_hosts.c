/* Finding out who is behind a URL: honest hosts, impostors, and what else may answer there. */
#include "layr/api.h"
#include "layr/bytes.h"
#include "layr/crypto.h"
#include "net/probe.h"
#include "net_cert.h"
#include "net_nginx.h"
#include "tap.h"

typedef struct world {
    server_t server;
    nginx_t nginx;
    cert_t cert;
    char ca[256];
    int tls, h2c;
    uint8_t seed[32], other_seed[32], id[32], other_id[32];
    char hex[65], other_hex[65];
} world_t;

static world_t w;

static bool is_base(const peer_t *p, const char *base)
{
    return strncmp(p->path, base, strlen(base)) == 0 && p->path[strlen(base)] == '/';
}

/* What /BASE/v1/node says of its host, by base. */
static void contact_of(const peer_t *p, layr_contact_t *c, const uint8_t id[32])
{
    memcpy(c->host, id, 32);
    c->iat = (layr_time_t)time(NULL) - (is_base(p, "/expired") ? 100000 : 0);
    c->exp = c->iat + 3600;
    c->seq = 1;
    c->capacity = 1000000;
    c->free = 900000;
    c->price = 7;
    c->leaving = is_base(p, "/leaving");
    c->pin_count = is_base(p, "/no-pins") ? 0 : 1;
    memcpy(c->pins[0], w.cert.pin, 32);
    if (is_base(p, "/false-pins"))
        c->pins[0][0] ^= 1;
}

static bool answer_node(peer_t *p)
{
    bool other = is_base(p, "/other");
    const uint8_t *seed = other ? w.other_seed : w.seed;
    layr_contact_t contact = {0};
    layr_node_t node = {0};
    char *contact_jws = NULL, *node_jws = NULL, text[8192];
    const char *nonce = strstr(p->path, "nonce=");
    int good;

    contact_of(p, &contact, other ? w.other_id : w.id);
    memcpy(node.host, contact.host, 32);
    node.iat = contact.iat;
    node.exp = node.iat + 60;
    snprintf(node.nonce, sizeof node.nonce, "%s", nonce != NULL ? nonce + 6 : "");
    if (is_base(p, "/old-nonce"))
        memset(node.nonce, 'A', strlen(node.nonce));
    good = layr_contact_sign(&contact_jws, &contact, seed) == 0 &&
           layr_sha256_1(node.contact, contact_jws, strlen(contact_jws)) == 0 &&
           layr_node_sign(&node_jws, &node, is_base(p, "/mixed-keys") ? w.other_seed : seed) == 0;
    snprintf(text, sizeof text, "{\"contact\":\"%s\",\"node\":\"%s\"}", good ? contact_jws : "",
             good ? node_jws : "");
    free(contact_jws);
    free(node_jws);
    if (is_base(p, "/altered"))
        text[40] ^= 1;
    return peer_answer(p, 200, "Content-Type: application/json\r\n", text, strlen(text));
}

static bool serve(peer_t *p)
{
    static char page[20000];

    if (is_base(p, "/html"))
        return peer_answer(p, 200, "Content-Type: text/html\r\n", "<html>Welcome!</html>", 21);
    if (is_base(p, "/huge"))
        return peer_answer(p, 200, "Content-Type: application/json\r\n", page, sizeof page);
    if (is_base(p, "/absent"))
        return peer_answer(p, 503, "", "", 0);
    if (is_base(p, "/redirect"))
        return peer_answer(p, 302, "Location: /good/v1/node\r\n", "", 0);
    if (is_base(p, "/cut"))
        return peer_say(p, "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{\"contact\"") && false;
    if (strstr(p->path, "/v1/node?nonce=") != NULL)
        return answer_node(p);
    return peer_answer(p, 404, "", "", 0);
}

static bool world_begin(void)
{
    char path[256], text[2048];

    layr_random(w.seed, 32);
    layr_random(w.other_seed, 32);
    layr_sign_public(w.id, w.seed);
    layr_sign_public(w.other_id, w.other_seed);
    if (layr_host_id(w.id, w.id) != 0 || layr_host_id(w.other_id, w.other_id) != 0)
        return false;
    layr_hex(w.hex, w.id, 32);
    layr_hex(w.other_hex, w.other_id, 32);
    server_start(&w.server, serve);
    cert_make(&w.cert);
    nginx_folder(&w.nginx);
    nginx_path(&w.nginx, w.ca, "a.crt");
    nginx_path(&w.nginx, path, "a.key");
    cert_write(&w.cert, w.ca, path);
    w.tls = free_port();
    w.h2c = free_port();
    snprintf(text, sizeof text,
             "server { listen 127.0.0.1:%d ssl http2; ssl_certificate a.crt; ssl_certificate_key a.key;\n"
             "  location / { proxy_pass http://127.0.0.1:%d; } }\n"
             "server { listen 127.0.0.1:%d http2; location / { proxy_pass http://127.0.0.1:%d; } }\n",
             w.tls, w.server.port, w.h2c, w.server.port);
    nginx_configure(&w.nginx, text);
    return nginx_start(&w.nginx, w.h2c);
}

/* Resolve one URL: "BASE" after the port, and perhaps "#id". */
static layr_host_t resolve(layr_net_t *net, const char *scheme, int port, const char *rest)
{
    char url[512];
    const char *urls[1] = {url};
    layr_hosts_t hosts = {0};
    layr_host_t h;

    memset(&h, 0, sizeof h);
    snprintf(url, sizeof url, "%s://127.0.0.1:%d%s", scheme, port, rest);
    h.error = layr_hosts_resolve(&hosts, net, urls, 1, NULL);
    if (h.error == 0) {
        h = hosts.host[0];
        layr_hosts_free(&hosts);
    }
    if (h.error != 0)
        printf("# %s: %s\n", url, h.error_text);
    return h;
}

static const char *with_id(const char *base, const char *hex)
{
    static char text[256];

    snprintf(text, sizeof text, "%s#%s", base, hex);
    return text;
}

static void test_plain(layr_net_t *net)
{
    layr_host_t h = resolve(net, "http", w.server.port, "/good");

    ok(h.error == 0 && memcmp(h.id, w.id, 32) == 0 && !h.h2c && h.trust == LAYR_TRUST_CA,
       "a host without an id given");
    ok(h.capacity == 1000000 && h.free == 900000 && h.price == 7 && !h.leaving && h.group != 0,
       "what its contact says");
    h = resolve(net, "http", w.server.port, with_id("/good", w.hex));
    ok(h.error == 0 && h.trust == LAYR_TRUST_CA && h.pin_count == 0, "with its id; no pins over plain http");
    h = resolve(net, "http", w.server.port, "/good/");
    ok(h.error == 0 && strcmp(h.url + strlen(h.url) - 5, "/good") == 0, "a slash at the end goes");
    h = resolve(net, "http", w.server.port, "/leaving");
    ok(h.error == 0 && h.leaving, "a leaving host");
    h = resolve(net, "http", w.h2c, with_id("/good", w.hex));
    ok(h.error == 0 && h.h2c, "a port of HTTP/2 alone is found out");
}

static void test_impostors(layr_net_t *net)
{
    static const struct {
        const char *base;
        int error;
    } no_id[] = {{"/old-nonce", LAYR_ERR_AUTH},     {"/mixed-keys", LAYR_ERR_AUTH}, {"/altered", 0},
                 {"/expired", LAYR_ERR_EXPIRED},    {"/html", LAYR_ERR_FORMAT},     {"/huge", LAYR_ERR_LIMIT},
                 {"/absent", LAYR_ERR_UNAVAILABLE}, {"/redirect", LAYR_ERR_FORMAT}, {"/cut", LAYR_ERR_NET}};
    layr_host_t h;

    for (size_t i = 0; i < sizeof no_id / sizeof *no_id; i++) {
        h = resolve(net, "http", w.server.port, no_id[i].base);
        if (no_id[i].error != 0)
            is_int(h.error, no_id[i].error, no_id[i].base);
        else
            ok(h.error != 0, "%s", no_id[i].base);
        ok(h.error_text[0] != 0, "... with a text");
    }
    h = resolve(net, "http", w.server.port, with_id("/good", w.other_hex));
    is_int(h.error, LAYR_ERR_AUTH, "another id than asked for");
    h = resolve(net, "http", w.server.port, with_id("/other", w.hex));
    is_int(h.error, LAYR_ERR_AUTH, "another host's honest answer");
}

/* A call after the resolution, under the trust it gave. */
static int call_error(layr_net_t *net, layr_host_t *h)
{
    static uint8_t into[100];
    layr_call_t *c = calloc(1, sizeof *c);
    int rc = layr_call_get_record(c, h, w.id, into, sizeof into);

    if (rc == 0) {
        (void)!layr_net_run(net, &c->req);
        rc = layr_call_result(c);
    }
    layr_call_free(c);
    free(c);
    return rc;
}

static void test_tls(layr_net_t *net, layr_net_t *with_ca)
{
    layr_host_t h = resolve(net, "https", w.tls, with_id("/good", w.hex));

    ok(h.error == 0 && h.trust == LAYR_TRUST_PINS && h.pin_count == 1 &&
           memcmp(h.pins[0], w.cert.pin, 32) == 0,
       "an id: its contact's pins are trusted");
    is_int(call_error(net, &h), LAYR_ERR_NOTFOUND, "and calls go over them");
    h = resolve(net, "https", w.tls, with_id("/false-pins", w.hex));
    is_int(h.error, 0, "a contact whose pins are not its connection's");
    is_int(call_error(net, &h), LAYR_ERR_AUTH, "is good for no call");
    is_int(atomic_load(&h.failures), 1, "which counts as a failure");
    h = resolve(net, "https", w.tls, with_id("/no-pins", w.hex));
    ok(h.error == 0 && h.trust == LAYR_TRUST_CA, "no pins: by CA");
    is_int(call_error(net, &h), LAYR_ERR_AUTH, "and so, here, no call");
    h = resolve(net, "https", w.tls, with_id("/other", w.hex));
    is_int(h.error, LAYR_ERR_AUTH, "another host behind TLS");
    h = resolve(net, "https", w.tls, "/good");
    is_int(h.error, LAYR_ERR_AUTH, "no id, and a certificate of its own");
    h = resolve(with_ca, "https", w.tls, "/good");
    ok(h.error == 0 && h.trust == LAYR_TRUST_CA && memcmp(h.id, w.id, 32) == 0, "no id, by --cacert");
    is_int(call_error(with_ca, &h), LAYR_ERR_NOTFOUND, "and calls");
}

static void test_list(layr_net_t *net)
{
    char text[7][256];
    const char *urls[7];
    layr_hosts_t hosts = {0};
    layr_diag_t d = {0};

    snprintf(text[0], 256, "http://127.0.0.1:1");
    snprintf(text[1], 256, "http://127.0.0.1:%d/good", w.server.port);
    snprintf(text[2], 256, "http://127.0.0.1:%d/other", w.server.port);
    snprintf(text[3], 256, "http://127.0.0.1:%d/good#%s", w.server.port, w.hex);
    snprintf(text[4], 256, "https://127.0.0.1:%d/good#%s", w.tls, w.hex);
    snprintf(text[5], 256, "http://127.0.0.1:%d/html", w.server.port);
    snprintf(text[6], 256, "http://127.0.0.1:1/");
    for (int i = 0; i < 7; i++)
        urls[i] = text[i];
    is_int(layr_hosts_resolve(&hosts, net, urls, 7, &d), 0, "a list");
    is_int((long long)hosts.count, 4, "the same host twice is kept once");
    ok(strcmp(hosts.host[0].url, text[0]) == 0 && hosts.host[0].error == LAYR_ERR_NET &&
           strcmp(hosts.host[1].url, text[1]) == 0 && memcmp(hosts.host[2].id, w.other_id, 32) == 0 &&
           hosts.host[3].error == LAYR_ERR_FORMAT,
       "in the order given, those that failed too");
    is_int((long long)layr_hosts_usable(&hosts), 2, "two are usable");
    ok(layr_hosts_find(&hosts, w.id) == &hosts.host[1] && layr_hosts_find(&hosts, w.seed) == NULL,
       "found by id");
    layr_hosts_free(&hosts);
    is_int(layr_hosts_resolve(&hosts, net, urls, 0, &d), 0, "an empty list");
    layr_hosts_free(&hosts);
}

static void test_malformed(layr_net_t *net)
{
    static const char *const bad[] = {
        "",
        "127.0.0.1",
        "ftp://127.0.0.1",
        "http://u@127.0.0.1",
        "http://127.0.0.1/?q",
        "http://127.0.0.1#abc",
        "http://127.0.0.1#ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef0123456789",
        "http://127.0.0.1/a b"};
    layr_hosts_t hosts = {0};
    int refused = 0, named = 0, before = atomic_load(&w.server.requests);

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char good[64];
        const char *urls[2] = {good, bad[i]};
        layr_diag_t d = {0};

        snprintf(good, sizeof good, "http://127.0.0.1:%d/good", w.server.port);
        refused += layr_hosts_resolve(&hosts, net, urls, 2, &d) == LAYR_ERR_ARG;
        named += strstr(d.text, bad[i]) != NULL;
    }
    is_int(refused, sizeof bad / sizeof *bad, "malformed URLs");
    is_int(named, sizeof bad / sizeof *bad, "are named");
    is_int(atomic_load(&w.server.requests), before, "before anything is sent");
}

static void test_groups(void)
{
    ok(layr_probe_group("127.0.0.1") != 0 && layr_probe_group("127.0.0.1") == layr_probe_group("127.0.0.200"),
       "a /24");
    ok(layr_probe_group("127.0.0.1") != layr_probe_group("127.0.1.1"), "another /24");
    ok(layr_probe_group("2001:db8:1:2::1") == layr_probe_group("2001:db8:1:ffff::2"), "a /48");
    ok(layr_probe_group("2001:db8:1::1") != layr_probe_group("2001:db8:2::1"), "another /48");
    is_int(layr_probe_group("::ffff:10.1.2.3"), layr_probe_group("10.1.2.9"), "IPv4 within IPv6");
    is_int(layr_probe_group("nonsense"), 0, "no address");
}

int main(void)
{
    layr_net_config_t config = {.stall_ms = 4000};
    layr_net_t *net = NULL, *with_ca = NULL;

    if (layr_init() != LAYR_OK)
        return 2;
    if (!nginx_there()) {
        skip("no nginx on this machine");
        return done();
    }
    ok(world_begin(), "a server, and nginx before it");
    is_int(layr_net_new(&net, &config), LAYR_OK, "a transport");
    config.ca_file = w.ca;
    is_int(layr_net_new(&with_ca, &config), LAYR_OK, "one with a CA of its own");
    test_plain(net);
    test_impostors(net);
    test_tls(net, with_ca);
    test_list(net);
    test_malformed(net);
    test_groups();
    layr_net_free(with_ca);
    layr_net_free(net);
    nginx_remove(&w.nginx);
    server_stop(&w.server);
    cert_free(&w.cert);
    return done();
}
