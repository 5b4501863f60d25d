/* Certificates for tests. Header only. */
#ifndef LAYR_NET_CERT_H
#define LAYR_NET_CERT_H

#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>
#include <stdint.h>
#include <stdio.h>

/* A key and a certificate of its own for 127.0.0.1. */
typedef struct cert {
    EVP_PKEY *key;
    X509 *x509;
    uint8_t pin[32]; /* SHA-256 of the SubjectPublicKeyInfo */
} cert_t;

__attribute__((unused)) static void cert_make(cert_t *c)
{
    X509_NAME *name;
    X509_EXTENSION *san;
    unsigned char *spki = NULL;
    int len;

    c->key = EVP_EC_gen("P-256");
    c->x509 = X509_new();
    X509_set_version(c->x509, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(c->x509), 1);
    X509_gmtime_adj(X509_getm_notBefore(c->x509), -3600);
    X509_gmtime_adj(X509_getm_notAfter(c->x509), 86400);
    X509_set_pubkey(c->x509, c->key);
    name = X509_get_subject_name(c->x509);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"layr test", -1, -1, 0);
    X509_set_issuer_name(c->x509, name);
    san = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "IP:127.0.0.1");
    X509_add_ext(c->x509, san, -1);
    X509_EXTENSION_free(san);
    X509_sign(c->x509, c->key, EVP_sha256());
    len = i2d_PUBKEY(c->key, &spki);
    SHA256(spki, (size_t)len, c->pin);
    OPENSSL_free(spki);
}

__attribute__((unused)) static void cert_write(const cert_t *c, const char *cert_path, const char *key_path)
{
    FILE *f = fopen(cert_path, "w");

    PEM_write_X509(f, c->x509);
    fclose(f);
    if (key_path == NULL)
        return;
    f = fopen(key_path, "w");
    PEM_write_PrivateKey(f, c->key, NULL, NULL, 0, NULL, NULL);
    fclose(f);
}

__attribute__((unused)) static void cert_free(cert_t *c)
{
    X509_free(c->x509);
    EVP_PKEY_free(c->key);
}

#endif
