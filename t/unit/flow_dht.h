/* A small DHT for tests: one server, every host of it at an address of its own, in a /24 of its own. */
#ifndef LAYR_T_DHT_H
#define LAYR_T_DHT_H

#include "layr/bytes.h"
#include "layr/crypto.h"
#include "layr/dht.h"
#include "net_server.h"
#include "tap.h"

#define HOSTS_MAX 64

/* What a host does instead of answering well. */
typedef enum mischief {
    HONEST,
    SILENT,     /* never answers */
    REDIRECTS,  /* to another host */
    ENDLESS,    /* a body without end */
    CROWD,      /* 10,000 contacts */
    FORGER,     /* contacts whose signature does not hold */
    GARBAGE,    /* what is no JSON */
    LEADS_AWAY, /* a contact at an address where it must not be asked */
    DOWN        /* closes at once */
} mischief_t;

typedef struct dht_host {
    uint8_t seed[32], id[32];
    char hex[65], url[64], *contact;
    int port;
    _Atomic mischief_t is;
    atomic_int asked, pinged;
    const char *_Atomic record; /* what it holds, whatever the place */
} dht_host_t;

typedef struct dht_world {
    server_t server;
    dht_host_t host[HOSTS_MAX];
    unsigned count;
    uint64_t seq;
    char away[64]; /* URL that LEADS_AWAY names */
    char *away_contact;
    atomic_int late_ms; /* every answer takes so long */
} dht_world_t;

static dht_world_t dw;

__attribute__((unused)) static char *sign_contact(const dht_host_t *h, const char *url, uint64_t seq,
                                                  layr_time_t iat, layr_time_t exp)
{
    layr_contact_t c = {.seq = seq, .capacity = 1000000, .free = 900000, .iat = iat, .exp = exp};
    char *out = NULL;

    snprintf(c.url, sizeof c.url, "%s", url);
    if (layr_contact_sign(&out, &c, h->seed) != LAYR_OK)
        exit(2);
    return out;
}

static int dht_by_distance(const uint8_t target[32], const void *a, const void *b)
{
    const dht_host_t *x = &dw.host[*(const unsigned *)a], *y = &dw.host[*(const unsigned *)b];

    return layr_kad_closer(target, x->id, y->id);
}

/* All hosts, the closest to target first. */
static void dht_sort(const uint8_t target[32], unsigned *order)
{
    for (unsigned i = 0; i < dw.count; i++)
        order[i] = i;
    for (unsigned i = 1; i < dw.count; i++)
        for (unsigned j = i; j > 0 && dht_by_distance(target, &order[j - 1], &order[j]) > 0; j--) {
            unsigned t = order[j];
            order[j] = order[j - 1];
            order[j - 1] = t;
        }
}

static bool say_contacts(peer_t *p, const dht_host_t *h, const uint8_t target[32])
{
    static const char json[] = "Content-Type: application/json\r\n";
    unsigned order[HOSTS_MAX], n = 0, wanted = h->is == CROWD ? 10000 : 20;
    layr_buf_t b;
    bool good;

    dht_sort(target, order);
    layr_buf_init(&b);
    layr_buf_add(&b, "{\"contacts\":[", 13);
    if (h->is == LEADS_AWAY) {
        layr_buf_add(&b, "\"", 1);
        layr_buf_add(&b, dw.away_contact, strlen(dw.away_contact));
        layr_buf_add(&b, "\"", 1);
        n++;
    }
    for (unsigned i = 0; n < wanted && (i < dw.count || h->is == CROWD); i++) {
        const dht_host_t *o = &dw.host[order[i % dw.count]];

        if (o == h && h->is != CROWD)
            continue;
        layr_buf_add(&b, ",\"", n == 0 ? 0 : 1);
        layr_buf_add(&b, "\"", 1);
        n++;
        layr_buf_add(&b, o->contact, strlen(o->contact));
        if (h->is == FORGER)
            b.p[b.len - 20] = b.p[b.len - 20] == 'A' ? 'B' : 'A';
        layr_buf_add(&b, "\"", 1);
    }
    layr_buf_add(&b, "]}", 2);
    good = peer_answer(p, 200, json, b.p, b.len);
    layr_buf_free(&b);
    return good;
}

static bool say_node(peer_t *p, const dht_host_t *h)
{
    const char *nonce = strstr(p->path, "nonce=");
    layr_node_t node = {.iat = time(NULL)};
    char *jws = NULL, text[4096];
    bool good;

    node.exp = node.iat + 60;
    snprintf(node.nonce, sizeof node.nonce, "%s", nonce ? nonce + 6 : "");
    if (layr_sha256_1(node.contact, h->contact, strlen(h->contact)) != LAYR_OK ||
        layr_node_sign(&jws, &node, h->seed) != LAYR_OK)
        return false;
    snprintf(text, sizeof text, "{\"contact\":\"%s\",\"node\":\"%s\"}", h->contact, jws);
    free(jws);
    good = peer_answer(p, 200, "Content-Type: application/json\r\n", text, strlen(text));
    return good;
}

static bool dht_mischief(peer_t *p, const dht_host_t *h)
{
    mischief_t is = h->is;
    char text[768];

    switch (is) {
    case SILENT:
        peer_hang(p);
        return false;
    case REDIRECTS:
        snprintf(text, sizeof text, "Location: %s%s\r\n", dw.host[0].url, p->path);
        return peer_answer(p, 302, text, "", 0);
    case ENDLESS:
        if (!peer_say(p, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{\"contacts\":[\""))
            return false;
        while (peer_say(
            p, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"))
            ;
        return false;
    case GARBAGE:
        return peer_answer(p, 200, "Content-Type: application/json\r\n", "{\"contacts\":[{}]}", 17);
    default:
        return false;
    }
}

/* Whose address was it sent to? 127.77.I.1. */
static dht_host_t *host_of(const peer_t *p)
{
    struct sockaddr_in a;
    socklen_t len = sizeof a;
    unsigned i;

    if (getsockname(p->fd, (struct sockaddr *)&a, &len) != 0)
        return NULL;
    i = ntohl(a.sin_addr.s_addr) >> 8 & 0xff;
    return i < dw.count && dw.host[i].port == ntohs(a.sin_port) ? &dw.host[i] : NULL;
}

static bool dht_serve(peer_t *p)
{
    dht_host_t *h = host_of(p);
    uint8_t target[32];
    const char *at;

    if (h == NULL || h->is == DOWN)
        return false;
    if (atomic_load(&dw.late_ms))
        test_sleep(atomic_load(&dw.late_ms));
    if (h->is == SILENT || h->is == REDIRECTS || h->is == ENDLESS || h->is == GARBAGE) {
        atomic_fetch_add(&h->asked, 1);
        return dht_mischief(p, h);
    }
    if ((at = strstr(p->path, "/v1/node?")) != NULL) {
        atomic_fetch_add(&h->pinged, 1);
        return say_node(p, h);
    }
    if ((at = strstr(p->path, "/v1/records/")) != NULL) {
        const char *record = h->record;
        if (record == NULL)
            return peer_answer(p, 404, "", "", 0);
        return peer_answer(p, 200, "Content-Type: application/jose\r\n", record, strlen(record));
    }
    if ((at = strstr(p->path, "/v1/closest/")) == NULL ||
        layr_unhex(target, 32, at + 12, strlen(at + 12)) != LAYR_OK)
        return peer_answer(p, 404, "", "", 0);
    atomic_fetch_add(&h->asked, 1);
    return say_contacts(p, h, target);
}

static void dht_name(unsigned i, int port)
{
    dht_host_t *h = &dw.host[i];

    h->port = port;
    snprintf(h->url, sizeof h->url, "http://127.77.%u.1:%d", i, port);
    free(h->contact);
    h->contact = sign_contact(h, h->url, dw.seq, time(NULL), time(NULL) + 3600);
}

static void dht_begin(unsigned count)
{
    dw.count = count;
    dw.seq = 1;
    dw.server.handler = dht_serve;
    dw.server.fd = listen_on("0.0.0.0", &dw.server.port);
    for (unsigned i = 0; i < count; i++) {
        dht_host_t *h = &dw.host[i];
        layr_random(h->seed, 32);
        layr_sign_public(h->id, h->seed);
        if (layr_host_id(h->id, h->id) != LAYR_OK)
            exit(2);
        layr_hex(h->hex, h->id, 32);
        dht_name(i, dw.server.port);
    }
    pthread_create(&dw.server.thread, NULL, server_thread, &dw.server);
}

static void dht_end(void)
{
    server_stop(&dw.server);
    for (unsigned i = 0; i < dw.count; i++)
        free(dw.host[i].contact);
    free(dw.away_contact);
}

#endif
