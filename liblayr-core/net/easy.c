/* One request as libcurl sees it: options of the easy handle, and its callbacks. */
#include <string.h>
#include <strings.h>

#include "layr/bytes.h"
#include "layr/statement.h"
#include "net/flight.h"

#define PIN_CHARS                                                                                            \
    (sizeof "sha256//" - 1 + 44 +                                                                            \
     1) /* base64 of 32 bytes with its padding, and a semicolon                 \
                                      */

/*
 * AES-128-GCM first: it is the fastest, and what travels is sealed already.  The lists also leave no cipher
 * without a certificate: curl passes over the pin of a peer that shows none.
 */
static const char tls13_ciphers[] =
    "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
static const char tls12_ciphers[] = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
                                    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
                                    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";

static bool is_plain(const char *s)
{
    for (; *s != 0; s++)
        if ((unsigned char)*s < 0x20 || *s == 0x7f)
            return false;
    return true;
}

/* A line break in a header or URL would be a second header, or a second request. */
bool layr_easy_request_ok(const layr_req_t *r)
{
    if (r->method == NULL || r->url == NULL || !is_plain(r->method) || !is_plain(r->url))
        return false;
    if (strncmp(r->url, "http://", 7) != 0 && strncmp(r->url, "https://", 8) != 0)
        return false;
    for (const char *const *h = r->headers; h != NULL && *h != NULL; h++)
        if (!is_plain(*h))
            return false;
    return r->trust != LAYR_TRUST_PINS ||
           (r->pin_count > 0 && r->pin_count <= LAYR_PINS_MAX && r->pins != NULL);
}

static void clear_headers(layr_req_t *r)
{
    r->content_type[0] = 0;
    r->content_range[0] = 0;
    r->etag[0] = 0;
    r->layr_contact[0] = 0;
    r->retry_after = 0;
}

void layr_easy_clear_result(layr_req_t *r)
{
    r->error = LAYR_OK;
    r->error_text[0] = 0;
    r->status = 0;
    r->into_len = 0;
    r->error_len = 0;
    r->content_length = -1;
    clear_headers(r);
    r->peer_ip[0] = 0;
    r->usec = 0;
}

static size_t on_read(char *out, size_t size, size_t n, void *ctx)
{
    layr_flight_t *f = ctx;
    size_t room = size * n, left = f->req->body_len - f->body_off;

    if (room > left)
        room = left;
    if (room > 0)
        memcpy(out, f->req->body + f->body_off, room);
    f->body_off += room;
    if (room == left && layr_easy_is_bulk(f->req))
        layr_sockets_uncork(f);
    return room;
}

/* curl starts over when a connection it reused turns out to be closed. */
static int on_seek(void *ctx, curl_off_t offset, int origin)
{
    layr_flight_t *f = ctx;

    if (origin != SEEK_SET || offset < 0 || (uint64_t)offset > f->req->body_len)
        return CURL_SEEKFUNC_FAIL;
    f->body_off = (size_t)offset;
    return CURL_SEEKFUNC_OK;
}

/* An error's page: its beginning is kept, the rest is read and dropped, for the status to count. */
static size_t keep_error(layr_flight_t *f, const char *p, size_t len)
{
    layr_req_t *r = f->req;
    size_t keep = r->error_cap - r->error_len;

    f->error_seen += len;
    if (f->error_seen > LAYR_NET_ERROR_BODY_MAX) {
        f->fault = LAYR_ERR_LIMIT;
        return 0;
    }
    if (keep > len)
        keep = len;
    memcpy(r->error_into + r->error_len, p, keep);
    r->error_len += keep;
    return len;
}

static size_t on_write(char *p, size_t size, size_t n, void *ctx)
{
    layr_flight_t *f = ctx;
    layr_req_t *r = f->req;
    size_t len = size * n;
    long status = 0;

    curl_easy_getinfo(f->easy, CURLINFO_RESPONSE_CODE, &status);
    if (status >= 400 && r->error_into != NULL)
        return keep_error(f, p, len);
    if (len > r->into_cap - r->into_len) {
        f->fault = LAYR_ERR_LIMIT;
        return 0;
    }
    if (len > 0)
        memcpy(r->into + r->into_len, p, len);
    r->into_len += len;
    return len;
}

/* The value of this header when the line is one, without the white space around it. */
static const char *value_of(const char *line, size_t len, const char *name, size_t *value_len)
{
    size_t at = strlen(name);

    if (len <= at || line[at] != ':' || strncasecmp(line, name, at) != 0)
        return NULL;
    at++;
    while (at < len && (line[at] == ' ' || line[at] == '\t'))
        at++;
    while (len > at &&
           (line[len - 1] == '\r' || line[len - 1] == '\n' || line[len - 1] == ' ' || line[len - 1] == '\t'))
        len--;
    *value_len = len - at;
    return line + at;
}

/* What is too long or not printable is none of ours, and counts as absent. */
static void copy_value(char *out, size_t cap, const char *v, size_t len)
{
    out[0] = 0;
    if (len >= cap)
        return;
    for (size_t i = 0; i < len; i++)
        if (v[i] < 0x20 || v[i] > 0x7e)
            return;
    memcpy(out, v, len);
    out[len] = 0;
}

static long seconds_of(const char *v, size_t len)
{
    uint64_t s = 0;

    if (layr_undec(&s, v, len) != 0)
        return 0;
    return s > 86400 ? 86400 : (long)s;
}

static void take_header(layr_req_t *r, const char *line, size_t len)
{
    const struct {
        const char *name;
        char *out;
        size_t cap;
    } wanted[] = {
        {"content-type", r->content_type, sizeof r->content_type},
        {"content-range", r->content_range, sizeof r->content_range},
        {"etag", r->etag, sizeof r->etag},
        {"layr-contact", r->layr_contact, sizeof r->layr_contact},
    };
    size_t n = 0;
    const char *v;

    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        if ((v = value_of(line, len, wanted[i].name, &n)) != NULL)
            copy_value(wanted[i].out, wanted[i].cap, v, n);
    if ((v = value_of(line, len, "retry-after", &n)) != NULL)
        r->retry_after = seconds_of(v, n);
}

static size_t on_header(char *line, size_t size, size_t n, void *ctx)
{
    layr_flight_t *f = ctx;
    size_t len = size * n;

    f->header_bytes += len;
    if (len == 0 || f->header_bytes > LAYR_NET_HEADERS_MAX) {
        f->fault = LAYR_ERR_LIMIT;
        return 0;
    }
    if (len >= 5 && memcmp(line, "HTTP/", 5) == 0) {
        clear_headers(f->req); /* an interim answer's headers are not the answer's */
        f->head_open = true;
    } else if (line[0] == '\r' || line[0] == '\n') {
        f->head_open = false;
    } else {
        take_header(f->req, line, len);
    }
    return len;
}

static int on_progress(void *ctx, curl_off_t dltotal, curl_off_t dlnow, curl_off_t ultotal, curl_off_t ulnow)
{
    layr_flight_t *f = ctx;

    (void)dltotal;
    (void)ultotal;
    if ((size_t)ulnow == f->sent && (size_t)dlnow == f->received)
        return 0;
    f->sent = (size_t)ulnow;
    f->received = (size_t)dlnow;
    if (f->req->progress != NULL)
        f->req->progress(f->req, f->sent, f->received);
    return 0;
}

/* Set an option; `failed` remembers. Only memory can run out here: every option is known to the libcurl we
 * build with. */
#define SET(option, value) (failed |= curl_easy_setopt(easy, (option), (value)) != CURLE_OK)

static bool set_callbacks(layr_flight_t *f, CURL *easy)
{
    bool failed = false;

    SET(CURLOPT_PRIVATE, f);
    SET(CURLOPT_ERRORBUFFER, f->why);
    SET(CURLOPT_WRITEFUNCTION, on_write);
    SET(CURLOPT_WRITEDATA, f);
    SET(CURLOPT_HEADERFUNCTION, on_header);
    SET(CURLOPT_HEADERDATA, f);
    SET(CURLOPT_READFUNCTION, on_read);
    SET(CURLOPT_READDATA, f);
    SET(CURLOPT_SEEKFUNCTION, on_seek);
    SET(CURLOPT_SEEKDATA, f);
    SET(CURLOPT_XFERINFOFUNCTION, on_progress);
    SET(CURLOPT_XFERINFODATA, f);
    SET(CURLOPT_NOPROGRESS, 0L);
    return failed;
}

/*
 * libcurl 7.88 can't use an HTTP/2 connection made with prior knowledge a second time: the next request on it
 * ends with CURLE_HTTP2 before a byte is sent (mended in 8.0).  There every such request has a connection of
 * its own.
 */
static bool may_share_h2c(void)
{
    return curl_version_info(CURLVERSION_NOW)->version_num >= 0x080000;
}

static bool is_tls(const layr_req_t *r)
{
    return strncmp(r->url, "https://", 8) == 0;
}

/* Is this request's connection for itself alone? One that nothing was checked on must serve no other request.
 */
static bool is_alone(const layr_req_t *r)
{
    return is_tls(r) ? r->trust == LAYR_TRUST_NONE : r->h2c && !may_share_h2c();
}

/*
 * A large body to send has a connection of its own, with HTTP/1.1: no other waits behind it, an end in the middle takes
 * what the kernel still holds with it, and libcurl's frames of 16 KiB cost both sides a third more (docs/bench.md).
 * Answers are as cheap over HTTP/2.  A plain port that speaks HTTP/2 speaks nothing else.
 */
long layr_easy_http_version(const layr_req_t *r)
{
    if (is_tls(r))
        return r->body_len >= LAYR_NET_BULK_SENT ? CURL_HTTP_VERSION_1_1 : CURL_HTTP_VERSION_2TLS;
    return r->h2c ? CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE : CURL_HTTP_VERSION_1_1;
}

bool layr_easy_is_bulk(const layr_req_t *r)
{
    return r->body_len >= LAYR_NET_BULK_SENT && layr_easy_http_version(r) == CURL_HTTP_VERSION_1_1;
}

/* Where it may go, and how it gets there. */
static bool set_route(const layr_flight_t *f, CURL *easy, const layr_net_config_t *c)
{
    const layr_req_t *r = f->req;
    bool failed = false;
    long version = layr_easy_http_version(r);

    SET(CURLOPT_URL, r->url);
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_PROXY, ""); /* hosts are explicit; an environment variable must not move their traffic */
    SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    SET(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
    SET(CURLOPT_PATH_AS_IS, 1L);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_CONNECTTIMEOUT_MS, c->connect_ms);
    /* Without it, giving up on a name that does not resolve waits for the resolver: all other hosts with it.
     */
    SET(CURLOPT_QUICK_EXIT, 1L);
    SET(CURLOPT_HTTP_VERSION, version);
    SET(CURLOPT_PIPEWAIT, version != CURL_HTTP_VERSION_1_1 && !is_alone(r) ? 1L : 0L);
    SET(CURLOPT_FRESH_CONNECT, is_alone(r) ? 1L : 0L);
    SET(CURLOPT_FORBID_REUSE, is_alone(r) ? 1L : 0L);
    return failed;
}

static void pins_text(char *out, const uint8_t (*pins)[32], unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        char b64[LAYR_B64_LEN(32) + 1];

        layr_b64(b64, pins[i], 32);
        for (char *p = b64; *p != 0; p++)
            *p = *p == '-' ? '+' : *p == '_' ? '/' : *p;
        memcpy(out, i == 0 ? "sha256//" : ";sha256//", i == 0 ? 8 : 9);
        out += i == 0 ? 8 : 9;
        memcpy(out, b64, 43);
        out += 43;
        *out++ = '=';
    }
    *out = 0;
}

/*
 * Every connection proves the key anew (no session cache).  curl reuses a connection only under the same
 * verify settings and pins; one that nothing was checked on is, besides, for one request alone (is_alone).
 */
static bool set_trust(const layr_flight_t *f, CURL *easy, const layr_net_config_t *c)
{
    const layr_req_t *r = f->req;
    bool ca = r->trust == LAYR_TRUST_CA, failed = false;
    char pins[LAYR_PINS_MAX * PIN_CHARS + 1];

    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(CURLOPT_TLS13_CIPHERS, tls13_ciphers);
    SET(CURLOPT_SSL_CIPHER_LIST, tls12_ciphers);
    SET(CURLOPT_SSL_SESSIONID_CACHE, 0L);
    SET(CURLOPT_SSL_VERIFYPEER, ca ? 1L : 0L);
    SET(CURLOPT_SSL_VERIFYHOST, ca ? 2L : 0L);
    if (ca && c->ca_file != NULL)
        SET(CURLOPT_CAINFO, c->ca_file);
    if (!ca) /* or the system's bundle is read for every connection, to no use */
        SET(CURLOPT_CAINFO, NULL);
    if (!ca || c->ca_file != NULL)
        SET(CURLOPT_CAPATH, NULL);
    if (r->trust == LAYR_TRUST_PINS) {
        pins_text(pins, r->pins, r->pin_count);
        SET(CURLOPT_PINNEDPUBLICKEY, pins);
    }
    return failed;
}

static bool set_method(const layr_flight_t *f, CURL *easy)
{
    const layr_req_t *r = f->req;
    bool failed = false;

    SET(CURLOPT_BUFFERSIZE, r->into_cap >= LAYR_NET_BULK ? LAYR_NET_BUFFER_IN : 16384L);
    if (strcmp(r->method, "HEAD") == 0) {
        SET(CURLOPT_NOBODY, 1L);
        return failed;
    }
    if (strcmp(r->method, "GET") == 0) {
        SET(CURLOPT_HTTPGET, 1L);
        return failed;
    }
    SET(CURLOPT_UPLOAD, 1L);
    SET(CURLOPT_INFILESIZE_LARGE, (curl_off_t)r->body_len);
    SET(CURLOPT_UPLOAD_BUFFERSIZE, r->body_len >= LAYR_NET_BULK_SENT ? LAYR_NET_BUFFER : 65536L);
    SET(CURLOPT_CUSTOMREQUEST, r->method);
    return failed;
}

static bool add_header(layr_flight_t *f, const char *line)
{
    struct curl_slist *l = curl_slist_append(f->headers, line);

    if (l == NULL)
        return true;
    f->headers = l;
    return false;
}

static bool set_headers(layr_flight_t *f, CURL *easy, const layr_net_config_t *c)
{
    bool failed = add_header(f, "Expect:"); /* no second of waiting for a 100 that nginx sends anyhow */

    for (const char *const *h = f->req->headers; h != NULL && *h != NULL; h++)
        failed |= add_header(f, *h);
    SET(CURLOPT_HTTPHEADER, f->headers);
    SET(CURLOPT_USERAGENT, c->user_agent);
    SET(CURLOPT_HTTP_CONTENT_DECODING, 0L);
    return failed;
}

int layr_easy_setup(layr_flight_t *f, CURL *easy, const layr_net_config_t *c)
{
    bool failed = set_callbacks(f, easy);

    failed |= set_route(f, easy, c);
    failed |= set_trust(f, easy, c);
    failed |= set_method(f, easy);
    failed |= set_headers(f, easy, c);
    return failed ? LAYR_ERR_NOMEM : 0;
}
