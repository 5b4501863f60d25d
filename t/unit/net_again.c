/* The transport with a server that sends a request away over HTTP/2, for libcurl to begin it anew elsewhere. */
#include <openssl/ssl.h>

#include "layr/crypto.h"
#include "layr/net.h"
#include "net_cert.h"
#include "net_server.h"
#include "tap.h"

#define BODY 200000 /* more than libcurl reads at once, less than goes over HTTP/1.1 */

enum { DATA = 0, HEADERS = 1, SETTINGS = 4, GOAWAY = 7, WINDOW_UPDATE = 8 };
enum { ACK = 1, END_STREAM = 1, END_HEADERS = 4 };

typedef struct world {
    cert_t cert;
    SSL_CTX *tls;
    char url[64];
    int fd;
    atomic_int connections;
    uint8_t body[BODY], arrived[BODY];
    size_t len; /* arrived */
    bool keep_one;
    atomic_bool kept;
} world_t;

typedef struct frame {
    uint32_t len, stream;
    uint8_t type, flags, payload[1 << 14];
} frame_t;

static bool take(SSL *s, void *out, size_t len)
{
    uint8_t *p = out;

    while (len > 0) {
        size_t n;

        if (SSL_read_ex(s, p, len, &n) != 1)
            return false;
        p += n;
        len -= n;
    }
    return true;
}

static bool next_frame(SSL *s, frame_t *f)
{
    uint8_t h[9];

    if (!take(s, h, sizeof h))
        return false;
    f->len = (uint32_t)(h[0] << 16 | h[1] << 8 | h[2]);
    f->type = h[3];
    f->flags = h[4];
    memcpy(&f->stream, h + 5, 4);
    f->stream = ntohl(f->stream);
    return f->len <= sizeof f->payload && take(s, f->payload, f->len);
}

static bool send_frame(SSL *s, uint8_t type, uint8_t flags, uint32_t stream, const void *payload, size_t len)
{
    uint8_t h[64] = {0, (uint8_t)(len >> 8), (uint8_t)len, type, flags};
    size_t n;

    stream = htonl(stream);
    memcpy(h + 5, &stream, 4);
    if (len > 0)
        memcpy(h + 9, payload, len);
    return SSL_write_ex(s, h, 9 + len, &n) == 1;
}

/* Without a body: HPACK has the name of :status, then its value. */
static bool answer(SSL *s, uint32_t stream, const char status[3])
{
    uint8_t head[5] = {0x08, 3};

    memcpy(head + 2, status, 3);
    return send_frame(s, HEADERS, END_STREAM | END_HEADERS, stream, head, sizeof head);
}

/*
 * What is later than this stream was not looked at, and may be sent again. By then libcurl has read the body's
 * beginning, and there was no window to send it.
 */
static bool send_away(SSL *s, uint32_t after)
{
    uint32_t payload[2] = {htonl(after)};

    test_sleep(200);
    return send_frame(s, GOAWAY, 0, 0, payload, sizeof payload);
}

static bool open_window(SSL *s, uint32_t stream)
{
    uint32_t more = htonl(BODY);

    return send_frame(s, WINDOW_UPDATE, 0, 0, &more, sizeof more) &&
           send_frame(s, WINDOW_UPDATE, 0, stream, &more, sizeof more);
}

/* The first request of a connection stays open until it has sent another away, when the test wants that. */
static bool on_head(world_t *w, SSL *s, const frame_t *f)
{
    bool first = atomic_load(&w->connections) % 2 == 1;

    if (f->flags & END_STREAM)
        return w->keep_one ? atomic_store(&w->kept, true), true : answer(s, f->stream, "204");
    if (!first)
        return open_window(s, f->stream);
    return send_away(s, 1) && (!w->keep_one || answer(s, 1, "204"));
}

static bool on_data(world_t *w, SSL *s, const frame_t *f)
{
    size_t len = f->len < BODY - w->len ? f->len : BODY - w->len;

    memcpy(w->arrived + w->len, f->payload, len);
    w->len += len;
    return !(f->flags & END_STREAM) || answer(s, f->stream, "201");
}

static void speak(world_t *w, SSL *s)
{
    static const uint8_t no_window[6] = {0, 4 /* SETTINGS_INITIAL_WINDOW_SIZE */};
    uint8_t preface[24];
    frame_t *f = malloc(sizeof *f);
    bool fine = SSL_accept(s) == 1 && send_frame(s, SETTINGS, 0, 0, no_window, sizeof no_window) &&
                take(s, preface, sizeof preface);

    while (fine && next_frame(s, f)) {
        if (f->type == SETTINGS && !(f->flags & ACK))
            fine = send_frame(s, SETTINGS, ACK, 0, NULL, 0);
        else if (f->type == HEADERS)
            fine = on_head(w, s, f);
        else if (f->type == DATA)
            fine = on_data(w, s, f);
    }
    free(f);
}

/* One connection after the other, until there is no more to accept. */
static void *serve(void *arg)
{
    world_t *w = arg;
    int fd;

    while ((fd = accept(w->fd, NULL, NULL)) >= 0) {
        SSL *s = SSL_new(w->tls);

        atomic_fetch_add(&w->connections, 1);
        SSL_set_fd(s, fd);
        speak(w, s);
        SSL_free(s);
        close(fd);
    }
    return NULL;
}

static int choose_h2(SSL *s, const unsigned char **out, unsigned char *len, const unsigned char *in,
                     unsigned in_len, void *ctx)
{
    static const unsigned char h2[] = "\2h2";

    (void)s;
    (void)ctx;
    return SSL_select_next_proto((unsigned char **)out, len, h2, 3, in, in_len) == OPENSSL_NPN_NEGOTIATED
               ? SSL_TLSEXT_ERR_OK
               : SSL_TLSEXT_ERR_ALERT_FATAL;
}

static world_t *world_new(void)
{
    world_t *w = calloc(1, sizeof *w);
    int port;

    layr_random(w->body, BODY);
    cert_make(&w->cert);
    w->tls = SSL_CTX_new(TLS_server_method());
    SSL_CTX_use_certificate(w->tls, w->cert.x509);
    SSL_CTX_use_PrivateKey(w->tls, w->cert.key);
    SSL_CTX_set_alpn_select_cb(w->tls, choose_h2, NULL);
    w->fd = listen_on("127.0.0.1", &port);
    snprintf(w->url, sizeof w->url, "https://127.0.0.1:%d/", port);
    return w;
}

static void world_free(world_t *w)
{
    close(w->fd);
    SSL_CTX_free(w->tls);
    cert_free(&w->cert);
    free(w);
}

static void aim(layr_req_t *r, const world_t *w, const char *method)
{
    memset(r, 0, sizeof *r);
    r->method = method;
    r->url = w->url;
    r->trust = LAYR_TRUST_PINS;
    r->pins = &w->cert.pin;
    r->pin_count = 1;
}

static void test_sent_away(world_t *w, bool keep_one)
{
    layr_net_t *net = NULL;
    layr_req_t get, put;
    int before = atomic_load(&w->connections);

    printf("# %s\n", keep_one ? "another request is under way" : "the connection has no other request");
    w->keep_one = keep_one;
    w->len = 0;
    aim(&get, w, "GET");
    aim(&put, w, "PUT");
    put.body = w->body;
    put.body_len = BODY;
    is_int(layr_net_new(&net, NULL), LAYR_OK, "a transport");
    if (!keep_one) {
        is_int(layr_net_run(net, &get), LAYR_OK, "a first request");
    } else {
        is_int(layr_net_submit(net, &get), LAYR_OK, "a first request");
        while (!atomic_load(&w->kept))
            test_sleep(5);
    }
    is_int(layr_net_run(net, &put), LAYR_OK, "a second one, which its connection sends away");
    layr_net_free(net);
    is_int(get.status, 204, "the first is answered");
    is_int(put.status, 201, "the second, too");
    is_int(atomic_load(&w->connections) - before, 2, "... over another connection");
    is_int((long long)w->len, BODY, "... which got all of the body");
    ok(memcmp(w->arrived, w->body, BODY) == 0, "... from its first byte on");
}

int main(void)
{
    world_t *w;
    pthread_t server;

    if (layr_init() != LAYR_OK)
        return 2;
    signal(SIGPIPE, SIG_IGN);
    w = world_new();
    pthread_create(&server, NULL, serve, w);
    test_sent_away(w, true);
    test_sent_away(w, false);
    shutdown(w->fd, SHUT_RDWR);
    pthread_join(server, NULL);
    world_free(w);
    return done();
}
