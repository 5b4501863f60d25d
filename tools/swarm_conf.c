/* One host's folder: certificate and nginx.conf. */
#include <errno.h>
#include <fcntl.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "layr/crypto.h"
#include "swarm.h"

#define CERT_DAYS 3650

static int add_address(X509 *cert, const char *address)
{
    char text[32];
    X509V3_CTX ctx;
    X509_EXTENSION *ext;
    int good;

    snprintf(text, sizeof text, "IP:%s", address);
    X509V3_set_ctx(&ctx, cert, cert, NULL, NULL, 0);
    ext = X509V3_EXT_conf_nid(NULL, &ctx, NID_subject_alt_name, text);
    good = ext != NULL && X509_add_ext(cert, ext, -1);
    X509_EXTENSION_free(ext);
    return good;
}

/* Self-signed, for the host's address. NULL when libcrypto fails. */
static X509 *make_cert(EVP_PKEY *key, const char *address)
{
    X509 *cert = X509_new();
    X509_NAME *name = cert ? X509_get_subject_name(cert) : NULL;
    uint64_t serial;

    layr_random(&serial, sizeof serial);
    if (name != NULL && X509_set_version(cert, X509_VERSION_3) &&
        ASN1_INTEGER_set_uint64(X509_get_serialNumber(cert), serial >> 1) &&
        X509_gmtime_adj(X509_getm_notBefore(cert), -86400) &&
        X509_gmtime_adj(X509_getm_notAfter(cert), CERT_DAYS * 86400L) &&
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)address, -1, -1, 0) &&
        X509_set_issuer_name(cert, name) && X509_set_pubkey(cert, key) && add_address(cert, address) &&
        X509_sign(cert, key, EVP_sha256()))
        return cert;
    X509_free(cert);
    return NULL;
}

static FILE *create(const char *path, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    FILE *f = fd >= 0 ? fdopen(fd, "w") : NULL;

    if (f == NULL && fd >= 0)
        close(fd);
    return f;
}

static int write_tls(const char *key_path, const char *cert_path, const char *address, layr_diag_t *d)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = key ? make_cert(key, address) : NULL;
    FILE *kf = NULL, *cf = NULL;
    bool good = false;
    int rc = LAYR_ERR_CRYPTO;

    if (cert == NULL)
        goto done;
    kf = create(key_path, 0600);
    cf = create(cert_path, 0644);
    good = kf != NULL && cf != NULL && PEM_write_PrivateKey(kf, key, NULL, NULL, 0, NULL, NULL) &&
           PEM_write_X509(cf, cert);
    rc = LAYR_OK;
done:
    if (kf != NULL && fclose(kf) != 0)
        good = false;
    if (cf != NULL && fclose(cf) != 0)
        good = false;
    if (rc == LAYR_OK && !good)
        rc = layr_diag_set(d, LAYR_ERR_IO, "%s: %s", cert_path, strerror(errno));
    X509_free(cert);
    EVP_PKEY_free(key);
    return rc;
}

/* The certificate is the one thing a host's contact pins: it is kept over starts. */
static int ensure_tls(const layr_swarm_t *s, unsigned i, layr_diag_t *d)
{
    char *key = layr_swarm_path(s, i, "tls.key"), *cert = layr_swarm_path(s, i, "tls.crt");
    char address[16];
    int rc = LAYR_ERR_NOMEM;

    layr_swarm_address(address, i);
    if (key != NULL && cert != NULL)
        rc = access(cert, R_OK) == 0 && access(key, R_OK) == 0 ? LAYR_OK : write_tls(key, cert, address, d);
    free(cert);
    free(key);
    return rc;
}

/* A string in nginx's configuration. Its parser knows `\` and `"`, and `$` as a variable's start in some
 * directives. */
static void put_quoted(FILE *f, const char *text)
{
    fputc('"', f);
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            fputc('\\', f);
        fputc(*text, f);
    }
    fputc('"', f);
}

static void put_main(FILE *f, const layr_swarm_conf_t *c)
{
    fputs("# Written by layr-swarm; each `start` writes it anew.\n", f);
    /* Started by root the workers stay root: the swarm's folder is private to whom it belongs to. */
    if (geteuid() == 0)
        fputs("user root root;\n", f);
    if (strcmp(c->module, "builtin") != 0) {
        fputs("load_module ", f);
        put_quoted(f, c->module);
        fputs(";\n", f);
    }
#ifdef LAYR_FAULTS
    fputs("env LAYR_FAULT;\nenv LAYR_HASTE;\n", f);
#endif
    fprintf(f, "worker_processes %llu;\n", (unsigned long long)c->workers);
    fputs("pid nginx.pid;\n"
          "lock_file nginx.lock;\n"
          "error_log error.log notice;\n"
          "thread_pool default threads=8 max_queue=65536;\n"
          "events { worker_connections 2048; }\n",
          f);
}

/* Debian's nginx has its temp folders in /var/lib/nginx, where only root may write: all of them go under the
 * prefix. */
static void put_http(FILE *f, const layr_swarm_t *s, const layr_swarm_conf_t *c)
{
    static const char *const temp[] = {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"};

    fprintf(f, "http {\n    access_log %s;\n", c->access_log ? "access.log" : "off");
    for (size_t i = 0; i < sizeof temp / sizeof temp[0]; i++)
        fprintf(f, "    %s_temp_path temp_%s;\n", temp[i], temp[i]);
    fputs("    sendfile on;\n"
          "    tcp_nopush on;\n"
          "    keepalive_requests 1000000;\n",
          f);
    if (s->tls || s->h2c)
        fputs("    http2_chunk_size 16k;\n", f); /* a TLS record's size */
    if (s->tls)
        fputs("    ssl_certificate tls.crt;\n"
              "    ssl_certificate_key tls.key;\n"
              "    ssl_protocols TLSv1.2 TLSv1.3;\n"
              "    ssl_session_cache shared:tls:1m;\n",
              f);
}

/* `directive "DIR/I/name";` */
static bool put_path(FILE *f, const char *directive, const layr_swarm_t *s, unsigned i, const char *name)
{
    char *path = layr_swarm_path(s, i, name);

    if (path == NULL)
        return false;
    fprintf(f, "            %s ", directive);
    put_quoted(f, path);
    fputs(";\n", f);
    free(path);
    return true;
}

static bool put_server(FILE *f, const layr_swarm_t *s, unsigned i, const layr_swarm_conf_t *c)
{
    char address[16], url[LAYR_SWARM_URL_MAX];

    layr_swarm_address(address, i);
    layr_swarm_url(url, s, i);
    fprintf(f, "    server {\n        listen %s:%u%s;\n        location / {\n            layr_store on;\n",
            address, s->port,
            s->tls   ? " ssl http2"
            : s->h2c ? " http2"
                     : "");
    if (!put_path(f, "layr_path", s, i, "store") || !put_path(f, "layr_key", s, i, "node.key"))
        return false;
    fprintf(
        f,
        "            layr_advertise %s;\n            layr_capacity %s;\n            layr_owner_quota %s;\n",
        url, c->capacity, c->quota);
    if (c->dht)
        fputs("            layr_allow_private on;\n", f);
    if (c->seed != NULL)
        fprintf(f, "            layr_seed %s;\n", c->seed);
    if (c->max_rate != NULL)
        fprintf(f, "            limit_rate %s;\n", c->max_rate);
    for (size_t n = 0; n < c->directives->count; n++)
        fprintf(f, "            %s\n", c->directives->item[n]);
    fputs("        }\n    }\n}\n", f);
    return true;
}

static int write_conf(const layr_swarm_t *s, unsigned i, const layr_swarm_conf_t *c, layr_diag_t *d)
{
    char *path = layr_swarm_path(s, i, "nginx.conf");
    FILE *f = path ? create(path, 0600) : NULL;
    bool good = f != NULL;

    if (path == NULL)
        return LAYR_ERR_NOMEM;
    if (f != NULL) {
        put_main(f, c);
        put_http(f, s, c);
        good = put_server(f, s, i, c) && !ferror(f);
        if (fclose(f) != 0)
            good = false;
    }
    int rc = good ? LAYR_OK : layr_diag_set(d, LAYR_ERR_IO, "%s: %s", path, strerror(errno));
    free(path);
    return rc;
}

int layr_swarm_configure(const layr_swarm_t *s, unsigned i, const layr_swarm_conf_t *c, layr_diag_t *d)
{
    char *prefix = layr_swarm_path(s, i, NULL);
    int rc = LAYR_OK;

    if (prefix == NULL)
        return LAYR_ERR_NOMEM;
    if (mkdir(prefix, 0700) != 0 && errno != EEXIST)
        rc = layr_diag_set(d, LAYR_ERR_IO, "%s: %s", prefix, strerror(errno));
    if (rc == LAYR_OK && s->tls)
        rc = ensure_tls(s, i, d);
    if (rc == LAYR_OK)
        rc = write_conf(s, i, c, d);
    free(prefix);
    return rc;
}
