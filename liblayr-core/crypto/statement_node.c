/* layr-node: a host's live answer to a nonce (docs/protocol.md 5.3 and 6.2). */
#include <string.h>

#include "crypto/statement_internal.h"

#define TYP "layr-node"
#define NODE_LIFE 60 /* seconds: it answers one request */
#define NONCE_MIN 16
#define ANSWER_MAX 65536

bool layr_nonce_ok(const char *nonce, size_t len)
{
    if (len < NONCE_MIN || len > LAYR_NONCE_MAX)
        return false;
    for (size_t i = 0; i < len; i++) {
        char c = nonce[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
              c == '_'))
            return false;
    }
    return true;
}

static bool node_ok(const layr_node_t *n)
{
    return layr_nonce_ok(n->nonce, strnlen(n->nonce, sizeof n->nonce)) &&
           layr_statement_times_ok(n->iat, n->exp) && n->exp == n->iat + NODE_LIFE;
}

static int read_node(layr_node_t *n, layr_statement_t *st, layr_time_t now)
{
    layr_json_fields_t *f = &st->fields;
    uint8_t id[LAYR_ID_BYTES];
    int rc;

    memcpy(n->signer, st->signer, sizeof n->signer);
    n->iat = st->iat;
    n->exp = st->exp;
    layr_json_take_hex(f, "host", n->host, sizeof n->host);
    layr_json_take_str(f, "nonce", n->nonce, sizeof n->nonce);
    layr_json_take_hex(f, "contact", n->contact, sizeof n->contact);
    if (f->rc == 0 && !node_ok(n))
        return LAYR_ERR_FORMAT;
    rc = layr_statement_end(st, now);
    if (rc == 0)
        rc = layr_host_id(id, n->signer);
    if (rc == 0 && memcmp(id, n->host, sizeof id) != 0)
        rc = LAYR_ERR_AUTH;
    return rc;
}

int layr_node_parse(layr_node_t *out, const char *jws, size_t len, layr_time_t now)
{
    layr_statement_t st;
    int rc;

    memset(out, 0, sizeof *out);
    rc = layr_statement_open(&st, TYP, LAYR_JWS_MAX, jws, len);
    if (rc == 0)
        rc = read_node(out, &st, now);
    layr_statement_close(&st);
    if (rc != 0)
        memset(out, 0, sizeof *out);
    return rc;
}

int layr_node_sign(char **out, const layr_node_t *n, const uint8_t seed[32])
{
    uint8_t pub[LAYR_PUBKEY_BYTES], host[LAYR_ID_BYTES];
    layr_buf_t body;
    int rc;

    if (!node_ok(n))
        return LAYR_ERR_ARG;
    layr_sign_public(pub, seed);
    rc = layr_host_id(host, pub);
    if (rc != 0)
        return rc;
    layr_buf_init(&body);
    layr_statement_body(&body, n->iat, n->exp);
    layr_json_put_hex(&body, "host", host, sizeof host);
    layr_json_put_str(&body, "nonce", n->nonce);
    layr_json_put_hex(&body, "contact", n->contact, sizeof n->contact);
    return layr_statement_seal(out, TYP, LAYR_JWS_MAX, &body, seed);
}

/* The proof that the one who signed the contact answers now: same key, our nonce, this very contact. */
static int check_live(const layr_contact_t *c, const char *contact, const cJSON *node, const char *nonce,
                      layr_time_t now)
{
    uint8_t hash[LAYR_ID_BYTES];
    layr_node_t n;
    int rc;

    if (node == NULL)
        return LAYR_ERR_AUTH;
    if (!cJSON_IsString(node))
        return LAYR_ERR_FORMAT;
    rc = layr_node_parse(&n, node->valuestring, strlen(node->valuestring), now);
    if (rc == 0)
        rc = layr_sha256_1(hash, contact, strlen(contact));
    if (rc != 0)
        return rc;
    if (memcmp(n.signer, c->signer, sizeof n.signer) != 0 || strcmp(n.nonce, nonce) != 0 ||
        memcmp(n.contact, hash, sizeof hash) != 0)
        return LAYR_ERR_AUTH;
    return 0;
}

int layr_node_answer_check(layr_contact_t *out, const char *json, size_t len, const char *nonce,
                           const uint8_t *want_host, layr_time_t now)
{
    const cJSON *contact;
    cJSON *answer = NULL;
    int rc;

    memset(out, 0, sizeof *out);
    if (len > ANSWER_MAX)
        return LAYR_ERR_LIMIT;
    rc = layr_json_parse(&answer, json, len, LAYR_JSON_NUMBERS);
    if (rc != 0)
        goto done;
    rc = LAYR_ERR_FORMAT;
    contact = cJSON_GetObjectItemCaseSensitive(answer, "contact");
    if (!cJSON_IsString(contact))
        goto done;
    rc = layr_contact_parse(out, contact->valuestring, strlen(contact->valuestring), now);
    if (rc == 0 && want_host != NULL && memcmp(out->host, want_host, LAYR_ID_BYTES) != 0)
        rc = LAYR_ERR_AUTH;
    if (rc == 0 && nonce != NULL)
        rc = check_live(out, contact->valuestring, cJSON_GetObjectItemCaseSensitive(answer, "node"), nonce,
                        now);
done:
    if (rc != 0)
        memset(out, 0, sizeof *out);
    layr_json_free(answer);
    return rc;
}

int layr_node_answer_contact(char out[LAYR_CONTACT_MAX + 1], const char *json, size_t len)
{
    const cJSON *contact;
    cJSON *answer = NULL;
    int rc;

    if (len > ANSWER_MAX)
        return LAYR_ERR_LIMIT;
    rc = layr_json_parse(&answer, json, len, LAYR_JSON_NUMBERS);
    if (rc != 0)
        return rc;
    contact = cJSON_GetObjectItemCaseSensitive(answer, "contact");
    if (!cJSON_IsString(contact))
        rc = LAYR_ERR_FORMAT;
    else if (strlen(contact->valuestring) > LAYR_CONTACT_MAX)
        rc = LAYR_ERR_LIMIT;
    else
        memcpy(out, contact->valuestring, strlen(contact->valuestring) + 1);
    layr_json_free(answer);
    return rc;
}
