
/*
 * The contact.  What is in it of TLS and HTTP/2 is read off the server blocks
 * whose locations share the store; URL and price are the operator's words, the
 * Host header of a request is never trusted.
 */


#include "ngx_http_layr_contact.h"
#include "ngx_http_layr_zone.h"

#if (NGX_HTTP_SSL)
#include <openssl/x509.h>
#endif


#define NGX_HTTP_LAYR_CONTACT_FRESH  60       /* seconds: free space moves */
#define NGX_HTTP_LAYR_CONTACT_LIFE   86400


typedef struct {
    ngx_uint_t  tls;
    ngx_uint_t  plain;
    ngx_uint_t  h2c;          /* of the plain ones */
    ngx_uint_t  port;         /* 0: any */
} ngx_http_layr_listens_t;


static void ngx_http_layr_contact_listens(ngx_conf_t *cf,
    ngx_http_core_srv_conf_t *cscf, ngx_http_layr_listens_t *ls);
static ngx_uint_t ngx_http_layr_contact_speaks_h2c(
    ngx_http_core_srv_conf_t *cscf, ngx_http_conf_addr_t *addr);
static ngx_uint_t ngx_http_layr_contact_port(ngx_str_t *url);
#if (NGX_HTTP_SSL)
static ngx_int_t ngx_http_layr_contact_pins(ngx_conf_t *cf,
    ngx_http_layr_store_t *st, ngx_http_core_srv_conf_t *cscf);
static ngx_int_t ngx_http_layr_contact_pin(ngx_conf_t *cf,
    ngx_http_layr_store_t *st, X509 *cert);
#endif
static ngx_int_t ngx_http_layr_contact_sign(ngx_http_layr_store_t *st);


ngx_int_t
ngx_http_layr_contact_init(ngx_conf_t *cf, ngx_http_layr_store_t *st)
{
    ngx_uint_t                  i;
    ngx_http_layr_listens_t     ls, one;
    ngx_http_core_srv_conf_t  **servers;

    ngx_memzero(&ls, sizeof(ngx_http_layr_listens_t));

    servers = st->servers.elts;

    for (i = 0; i < st->servers.nelts; i++) {

        ngx_memzero(&one, sizeof(ngx_http_layr_listens_t));

        one.port = ngx_http_layr_contact_port(&st->advertise);

        ngx_http_layr_contact_listens(cf, servers[i], &one);

        if (one.port && one.plain == 0) {

            /* the port is mapped somewhere on the way: look at all */

            one.port = 0;
            one.tls = 0;
            ngx_http_layr_contact_listens(cf, servers[i], &one);
        }

#if (NGX_HTTP_SSL)
        if (one.tls && ngx_http_layr_contact_pins(cf, st, servers[i])
                       != NGX_OK)
        {
            return NGX_ERROR;
        }
#endif

        ls.plain += one.plain;
        ls.h2c += one.h2c;
    }

    /* 1.22 can't speak HTTP/1.1 where it speaks h2c: one of them for all */

    st->h2c = ls.plain != 0 && ls.h2c == ls.plain;

    if (st->advertise.len > 8
        && ngx_strncmp(st->advertise.data, "https://", 8) == 0)
    {
        st->h2c = 0;

    } else if (st->advertise.len) {
        st->npins = 0;
    }

    return NGX_OK;
}


/* every address that the server block listens on */

static void
ngx_http_layr_contact_listens(ngx_conf_t *cf, ngx_http_core_srv_conf_t *cscf,
    ngx_http_layr_listens_t *ls)
{
    ngx_uint_t                   p, a, s;
    ngx_http_conf_port_t        *port;
    ngx_http_conf_addr_t        *addr;
    ngx_http_core_srv_conf_t   **server;
    ngx_http_core_main_conf_t   *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    if (cmcf->ports == NULL) {
        return;
    }

    port = cmcf->ports->elts;

    for (p = 0; p < cmcf->ports->nelts; p++) {
        addr = port[p].addrs.elts;

        for (a = 0; a < port[p].addrs.nelts; a++) {
            server = addr[a].servers.elts;

            for (s = 0; s < addr[a].servers.nelts; s++) {

                if (server[s] != cscf) {
                    continue;
                }

                if (addr[a].opt.ssl) {
                    ls->tls++;

                } else if (ls->port == 0 || ls->port == ntohs(port[p].port)) {
                    ls->plain++;
                    ls->h2c += ngx_http_layr_contact_speaks_h2c(cscf, &addr[a]);
                }
            }
        }
    }
}


static ngx_uint_t
ngx_http_layr_contact_speaks_h2c(ngx_http_core_srv_conf_t *cscf,
    ngx_http_conf_addr_t *addr)
{
#if (NGX_HTTP_V2)

#if (nginx_version >= 1025001)
    ngx_http_v2_srv_conf_t  *h2scf;

    h2scf = cscf->ctx->srv_conf[ngx_http_v2_module.ctx_index];

    return addr->opt.http2 || h2scf->enable == 1;
#else
    return addr->opt.http2;
#endif

#else
    return 0;
#endif
}


/* of an http URL; 0 for another one, or none */

static ngx_uint_t
ngx_http_layr_contact_port(ngx_str_t *url)
{
    u_char     *p, *last;
    ngx_int_t   n;

    if (url->len <= 7 || ngx_strncmp(url->data, "http://", 7) != 0) {
        return 0;
    }

    p = url->data + 7;
    last = ngx_strlchr(p, url->data + url->len, '/');

    if (last == NULL) {
        last = url->data + url->len;
    }

    if (p < last && *p == '[') {
        p = ngx_strlchr(p, last, ']');
        if (p == NULL) {
            return 0;
        }
    }

    p = ngx_strlchr(p, last, ':');
    if (p == NULL) {
        return 80;
    }

    n = ngx_atoi(p + 1, last - p - 1);

    return n > 0 ? n : 0;
}


#if (NGX_HTTP_SSL)

static ngx_int_t
ngx_http_layr_contact_pins(ngx_conf_t *cf, ngx_http_layr_store_t *st,
    ngx_http_core_srv_conf_t *cscf)
{
    int                   more;
    X509                 *cert;
    SSL_CTX              *ctx;
    ngx_http_ssl_srv_conf_t  *sscf;

    sscf = cscf->ctx->srv_conf[ngx_http_ssl_module.ctx_index];
    ctx = sscf->ssl.ctx;

    if (ctx == NULL) {
        return NGX_OK;
    }

    /* one for each type of key */

    for (more = SSL_CTX_set_current_cert(ctx, SSL_CERT_SET_FIRST);
         more == 1;
         more = SSL_CTX_set_current_cert(ctx, SSL_CERT_SET_NEXT))
    {
        cert = SSL_CTX_get0_certificate(ctx);

        if (cert && ngx_http_layr_contact_pin(cf, st, cert) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    (void) SSL_CTX_set_current_cert(ctx, SSL_CERT_SET_FIRST);

    return NGX_OK;
}


static ngx_int_t
ngx_http_layr_contact_pin(ngx_conf_t *cf, ngx_http_layr_store_t *st,
    X509 *cert)
{
    int         len, rc;
    u_char     *der, pin[32];
    ngx_uint_t  i;

    der = NULL;
    len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);

    if (len <= 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "a certificate's public key cannot be read");
        return NGX_ERROR;
    }

    rc = layr_sha256_1(pin, der, len);
    OPENSSL_free(der);

    if (rc != 0) {
        return NGX_ERROR;
    }

    for (i = 0; i < st->npins; i++) {
        if (ngx_memcmp(st->pins[i], pin, 32) == 0) {
            return NGX_OK;
        }
    }

    if (st->npins == LAYR_PINS_MAX) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the servers of the store \"%V\" have more than "
                           "%d certificates", &st->path, LAYR_PINS_MAX);
        return NGX_ERROR;
    }

    ngx_memcpy(st->pins[st->npins++], pin, 32);

    return NGX_OK;
}

#endif


ngx_str_t *
ngx_http_layr_contact(ngx_http_layr_store_t *st)
{
    if (st->contact.len == 0
        || ngx_time() - st->contact_time >= NGX_HTTP_LAYR_CONTACT_FRESH
        || ngx_time() < st->contact_time)
    {
        if (ngx_http_layr_contact_sign(st) != NGX_OK && st->contact.len == 0) {
            return NULL;
        }
    }

    return &st->contact;
}


static ngx_int_t
ngx_http_layr_contact_sign(ngx_http_layr_store_t *st)
{
    char                *jws;
    uint64_t             reserved, room, seq;
    ngx_uint_t           i;
    struct timeval       tv;
    layr_contact_t       c;
    layr_host_totals_t   totals;

    ngx_memzero(&c, sizeof(layr_contact_t));
    ngx_gettimeofday(&tv);
    ngx_http_layr_zone_read(st, &totals, &reserved, &room);

    /* microseconds: higher after a restart, too, and nothing to keep */

    seq = (uint64_t) tv.tv_sec * 1000000 + tv.tv_usec;

    if (seq <= st->contact_seq) {
        seq = st->contact_seq + 1;
    }

    ngx_memcpy(c.host, st->host, 32);
    ngx_memcpy(c.url, st->advertise.data, st->advertise.len);
    c.h2c = st->h2c;
    c.seq = seq;
    c.capacity = st->capacity;
    c.free = room;
    c.leaving = st->drain;
    c.price = st->price;
    c.iat = tv.tv_sec;
    c.exp = tv.tv_sec + NGX_HTTP_LAYR_CONTACT_LIFE;
    c.pin_count = st->npins;

    for (i = 0; i < st->npins; i++) {
        ngx_memcpy(c.pins[i], st->pins[i], 32);
    }

    if (layr_contact_sign(&jws, &c, st->seed) != 0) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "layr: the contact cannot be signed");
        return NGX_ERROR;
    }

    ngx_http_layr_contact_free(st);

    st->contact.data = (u_char *) jws;
    st->contact.len = ngx_strlen(jws);
    st->contact_time = tv.tv_sec;
    st->contact_seq = seq;

    return NGX_OK;
}


void
ngx_http_layr_contact_free(ngx_http_layr_store_t *st)
{
    free(st->contact.data);
    ngx_str_null(&st->contact);
}
