/*
 * Who is behind a URL?  One GET of v1/node with a fresh nonce; over plain http a second one when the host
 * does not speak HTTP/1.1.
 */
#include "net/probe.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "layr/bytes.h"
#include "layr/crypto.h"
#include "layr/kad.h"
#include "layr/statement.h"

int layr_probe_parse_url(layr_probe_t *p, const char *text)
{
    const char *mark = strchr(text, '#');
    size_t len = mark != NULL ? (size_t)(mark - text) : strlen(text);

    while (len > 0 && text[len - 1] == '/')
        len--;
    if (len > LAYR_URL_MAX || !layr_url_ok(text, len))
        return LAYR_ERR_ARG;
    if (mark != NULL && layr_unhex(p->want_id, sizeof p->want_id, mark + 1, strlen(mark + 1)) != 0)
        return LAYR_ERR_ARG;
    p->wants_id = mark != NULL;
    memcpy(p->host->id, p->want_id, sizeof p->want_id);
    memcpy(p->host->url, text, len);
    p->host->url[len] = 0;
    return 0;
}

uint64_t layr_probe_group(const char *ip)
{
    uint8_t in[16];

    if (inet_pton(AF_INET, ip, in) == 1)
        return layr_kad_group(in, 4);
    return inet_pton(AF_INET6, ip, in) == 1 ? layr_kad_group(in, 16) : 0;
}

static void failed(layr_host_t *h, int error, const char *why)
{
    h->error = error;
    snprintf(h->error_text, sizeof h->error_text, "%s", why);
}

/* The contact is proven: from here on its pins are whom to trust, or, as it was asked for without an id, the
 * CA. */
static void take_contact(layr_probe_t *p, const layr_contact_t *c)
{
    layr_host_t *h = p->host;
    bool tls = strncmp(h->url, "https://", 8) == 0;

    memcpy(h->id, c->host, sizeof h->id);
    h->capacity = c->capacity;
    h->free = c->free;
    h->price = c->price;
    h->leaving = c->leaving;
    h->h2c = p->req.h2c;
    h->group = layr_probe_group(p->req.peer_ip);
    h->trust = LAYR_TRUST_CA;
    if (tls && p->wants_id && c->pin_count > 0) {
        h->trust = LAYR_TRUST_PINS;
        h->pin_count = c->pin_count;
        memcpy(h->pins, c->pins, sizeof h->pins);
    }
    h->error = LAYR_OK;
}

static const char *answer_words(int rc)
{
    switch (rc) {
    case LAYR_ERR_AUTH:
        return "another host answers there: its signature, id or nonce does not match";
    case LAYR_ERR_EXPIRED:
    case LAYR_ERR_FUTURE:
        return "its answer is dated wrongly: compare the clocks of this machine and the host";
    case LAYR_ERR_VERSION:
        return "it speaks another version of Layr";
    default:
        return "its answer is not a Layr host's";
    }
}

static void judge(layr_probe_t *p)
{
    layr_host_t *h = p->host;
    layr_contact_t contact = {0};
    char text[64];
    int rc;

    if (p->req.error != LAYR_OK) {
        failed(h, p->req.error, p->req.error_text);
        if (p->req.error == LAYR_ERR_AUTH)
            snprintf(h->error_text, sizeof h->error_text, "%.150s (give its id after a #, or its CA)",
                     p->req.error_text);
        return;
    }
    if (p->req.status != 200) {
        snprintf(text, sizeof text, "v1/node was answered with status %d", p->req.status);
        failed(h, p->req.status == 503 ? LAYR_ERR_UNAVAILABLE : LAYR_ERR_FORMAT, text);
        return;
    }
    rc = layr_node_answer_check(&contact, (const char *)p->answer, p->req.into_len, p->nonce,
                                p->wants_id ? p->want_id : NULL, (layr_time_t)time(NULL));
    if (rc != 0)
        failed(h, rc, answer_words(rc));
    else
        take_contact(p, &contact);
}

/* A port that speaks HTTP/2 alone answers HTTP/1.1 with frames, or hangs up. */
static bool may_be_h2c(const layr_probe_t *p)
{
    return !p->req.h2c && p->req.status == 0 && strncmp(p->req.url, "http://", 7) == 0 &&
           p->req.peer_ip[0] != 0 && (p->req.error == LAYR_ERR_FORMAT || p->req.error == LAYR_ERR_NET);
}

static int ask(layr_probe_t *p, bool h2c);

static void on_answer(layr_req_t *r)
{
    layr_probe_t *p = r->ctx;
    int error = r->error;
    char text[sizeof r->error_text];

    if (!may_be_h2c(p)) {
        judge(p);
        p->done(p);
        return;
    }
    memcpy(text, r->error_text, sizeof text);
    if (ask(p, true) != 0) {
        failed(p->host, error, text);
        p->done(p);
    }
}

static int ask(layr_probe_t *p, bool h2c)
{
    uint8_t nonce[32];
    bool tls = strncmp(p->host->url, "https://", 8) == 0;

    layr_random(nonce, sizeof nonce);
    layr_b64(p->nonce, nonce, sizeof nonce);
    snprintf(p->url, sizeof p->url, "%s/v1/node?nonce=%s", p->host->url, p->nonce);
    memset(&p->req, 0, sizeof p->req);
    p->req.method = "GET";
    p->req.url = p->url;
    p->req.h2c = h2c;
    p->req.trust = tls && p->wants_id ? LAYR_TRUST_NONE : LAYR_TRUST_CA;
    p->req.headers = p->headers;
    p->req.reach = p->host->reach;
    p->req.group = p->group;
    p->req.total_ms = LAYR_PROBE_MS;
    p->req.min_bytes_s = LAYR_CALL_MIN_BYTES_S;
    p->req.into = p->answer;
    p->req.into_cap = sizeof p->answer;
    p->req.ctx = p;
    p->req.done = on_answer;
    return layr_net_submit(p->net, &p->req);
}

int layr_probe_start(layr_probe_t *p)
{
    return ask(p, p->host->h2c);
}
