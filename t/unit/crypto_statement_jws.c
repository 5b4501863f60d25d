/* JWS in compact form: the known answer of RFC 8037 appendix A.4, and what is not one. */
#include "crypto_statement.h"

/* RFC 8037, A.1 (private key d, public key x), A.4 (signing) and A.5 (validation). */
static const char rfc_d[] = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A";
static const char rfc_x[] = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
static const char rfc_header[] = "{\"alg\":\"EdDSA\"}";
static const char rfc_payload[] = "Example of Ed25519 signing";
static const char rfc_jws[] =
    "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc."
    "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";

static void test_rfc8037(void)
{
    uint8_t d[32], x[32], pub[32], *text = NULL;
    size_t len = 0;
    layr_jws_t j;
    char *jws = NULL;

    ok(layr_unb64(d, 32, rfc_d, strlen(rfc_d)) == 0 && layr_unb64(x, 32, rfc_x, strlen(rfc_x)) == 0,
       "RFC 8037's keys");
    layr_sign_public(pub, d);
    is_mem(pub, x, 32, "A.1: x follows from d");
    is_int(layr_jws_sign(&jws, rfc_header, strlen(rfc_header), rfc_payload, strlen(rfc_payload), 4096, d), 0,
           "A.4: signs");
    ok(jws != NULL && strcmp(jws, rfc_jws) == 0, "A.4: the RFC's JWS");
    free(jws);

    is_int(layr_jws_split(&j, rfc_jws, strlen(rfc_jws)), 0, "A.5: splits");
    is_int(layr_jws_verify(&j, x), 0, "A.5: verifies");
    is_int(layr_jws_part(&text, &len, j.payload, j.payload_len, 4096), 0, "A.5: payload decodes");
    ok(len == strlen(rfc_payload) && memcmp(text, rfc_payload, len) == 0, "A.5: payload");
    free(text);
    pub[0] ^= 1;
    is_int(layr_jws_verify(&j, pub), LAYR_ERR_AUTH, "another key");
    memset(pub, 0, 32);
    is_int(layr_jws_verify(&j, pub), LAYR_ERR_AUTH, "a low-order key");
    j.signature[5] ^= 1;
    is_int(layr_jws_verify(&j, x), LAYR_ERR_AUTH, "another signature");
}

static void is_split(const char *jws, int want, const char *name)
{
    size_t len = strlen(jws);
    char *copy = exact(jws, len);
    layr_jws_t j;

    is_int(layr_jws_split(&j, copy, len), want, name);
    free(copy);
}

#define SIG "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"

static void test_form(void)
{
    is_split("e30.e30." SIG, 0, "three parts");
    is_split("e30.." SIG, 0, "an empty payload is a part");
    is_split("", LAYR_ERR_FORMAT, "nothing");
    is_split("e30", LAYR_ERR_FORMAT, "no dot");
    is_split("e30." SIG, LAYR_ERR_FORMAT, "one dot");
    is_split(".e30." SIG, LAYR_ERR_FORMAT, "no header");
    is_split("e30.e30.", LAYR_ERR_FORMAT, "no signature");
    is_split("e30.e30." SIG ".", LAYR_ERR_FORMAT, "a dot at the end");
    is_split("e30.e30." SIG ".e30", LAYR_ERR_FORMAT, "four parts");
    is_split("e30.e30." SIG "=", LAYR_ERR_FORMAT, "padding");
    is_split("e30.e30." SIG "\n", LAYR_ERR_FORMAT, "a newline at the end");
    is_split("e30.e30." SIG "AA", LAYR_ERR_FORMAT, "a longer signature");
    is_split("e30.e30.hgyY", LAYR_ERR_FORMAT, "a shorter signature");
}

static void test_limits(void)
{
    char *jws = NULL, *header = malloc(LAYR_JWS_HEADER_MAX + 1);
    uint8_t *text = NULL;
    size_t len = strlen(rfc_jws), out_len = 0;

    memset(header, ' ', LAYR_JWS_HEADER_MAX + 1);
    is_int(layr_jws_sign(&jws, header, LAYR_JWS_HEADER_MAX + 1, "", 0, 65536, seed), LAYR_ERR_LIMIT,
           "header over its limit");
    is_int(
        layr_jws_sign(&jws, rfc_header, strlen(rfc_header), rfc_payload, strlen(rfc_payload), len - 1, seed),
        LAYR_ERR_LIMIT, "a character over max");
    ok(jws == NULL, "no output on failure");
    is_int(layr_jws_sign(&jws, rfc_header, strlen(rfc_header), rfc_payload, strlen(rfc_payload), len, seed),
           0, "exactly max");
    ok(jws != NULL && strlen(jws) == len, "and as long as said");
    is_int(layr_jws_part(&text, &out_len, "AAAAAA", 6, 3), LAYR_ERR_LIMIT, "a part over its limit");
    is_int(layr_jws_part(&text, &out_len, "AAAB", 4, 3), 0, "a part at its limit");
    ok(out_len == 3 && text[2] == 1 && text[3] == 0, "and a NUL follows it");
    free(text);
    text = NULL;
    is_int(layr_jws_part(&text, &out_len, "", 0, 3), 0, "an empty part");
    ok(out_len == 0 && text != NULL, "is not NULL");
    free(text);
    text = NULL;
    is_int(layr_jws_part(&text, &out_len, "AAF", 3, 8), LAYR_ERR_FORMAT, "spare bits set");
    is_int(layr_jws_part(&text, &out_len, "AA==", 4, 8), LAYR_ERR_FORMAT, "padding");
    is_int(layr_jws_part(&text, &out_len, "AA+/", 4, 8), LAYR_ERR_FORMAT, "the alphabet of plain base64");
    ok(text == NULL, "no output on failure");
    free(jws);
    free(header);
}

int main(void)
{
    if (layr_init() != 0)
        return 2;
    test_rfc8037();
    test_form();
    test_limits();
    return done();
}
