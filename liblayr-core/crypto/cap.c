/*
 * Capabilities as strings: a prefix that says the kind, then 32-byte fields in
 * base64url, each of 43 characters, with a colon between.  All sizes are fixed,
 * so a cap has one spelling, and a cut or stretched one is refused.
 */
#include <sodium.h>
#include <string.h>

#include "crypto/keys.h"
#include "layr/bytes.h"
#include "layr/crypto.h"

#define PREFIX_LEN 7 /* "layr:w:" */
#define FIELD_LEN LAYR_B64_LEN(LAYR_KEY_BYTES)
#define FIELDS_MAX 3

_Static_assert(PREFIX_LEN + FIELDS_MAX * (FIELD_LEN + 1) <= LAYR_CAP_MAX, "a verify cap fits, with its NUL");

static size_t fields_of(char kind)
{
    switch (kind) {
    case 'w':
        return 1;
    case 'r':
        return 2;
    case 'v':
        return 3;
    }
    return 0;
}

static int parse_fields(uint8_t field[FIELDS_MAX][LAYR_KEY_BYTES], size_t n, const char *s, size_t len)
{
    if (len != n * (FIELD_LEN + 1) - 1)
        return LAYR_ERR_CAP;
    for (size_t i = 0; i < n; i++, s += FIELD_LEN + 1) {
        if (i + 1 < n && s[FIELD_LEN] != ':')
            return LAYR_ERR_CAP;
        if (layr_unb64(field[i], LAYR_KEY_BYTES, s, FIELD_LEN) != 0)
            return LAYR_ERR_CAP;
    }
    return 0;
}

static void fill_keys(layr_file_keys_t *k, char kind, uint8_t field[FIELDS_MAX][LAYR_KEY_BYTES])
{
    memset(k, 0, sizeof *k);
    if (kind == 'w') {
        layr_file_keys_from_write(k, field[0]);
        return;
    }
    memcpy(k->record_id, field[0], sizeof k->record_id);
    if (kind == 'r') {
        layr_file_keys_from_read(k, field[1]);
        return;
    }
    memcpy(k->P, field[1], sizeof k->P);
    layr_file_keys_from_audit(k, field[2]);
}

int layr_cap_parse(layr_file_keys_t *k, const char *s, size_t len)
{
    uint8_t field[FIELDS_MAX][LAYR_KEY_BYTES] = {{0}};
    size_t n;
    int rc = LAYR_ERR_CAP;

    if (len < PREFIX_LEN || memcmp(s, "layr:", 5) != 0 || s[6] != ':')
        goto done;
    n = fields_of(s[5]);
    if (n == 0)
        goto done;
    rc = parse_fields(field, n, s + PREFIX_LEN, len - PREFIX_LEN);
    if (rc == 0)
        fill_keys(k, s[5], field);
done:
    sodium_memzero(field, sizeof field);
    return rc;
}

int layr_cap_format(char out[LAYR_CAP_MAX], const layr_file_keys_t *k, char kind)
{
    const uint8_t *field[FIELDS_MAX] = {k->record_id};
    unsigned right;

    switch (kind) {
    case 'w':
        right = LAYR_CAN_WRITE;
        field[0] = k->W;
        break;
    case 'r':
        right = LAYR_CAN_READ;
        field[1] = k->R;
        break;
    case 'v':
        right = LAYR_CAN_VERIFY;
        field[1] = k->P;
        field[2] = k->A;
        break;
    default:
        return LAYR_ERR_ARG;
    }
    if (!(k->rights & right))
        return LAYR_ERR_CAP;
    memcpy(out, "layr:?:", PREFIX_LEN);
    out[5] = kind;
    out += PREFIX_LEN;
    for (size_t i = 0, n = fields_of(kind); i < n; i++, out += FIELD_LEN + 1) {
        layr_b64(out, field[i], LAYR_KEY_BYTES);
        out[FIELD_LEN] = i + 1 < n ? ':' : '\0';
    }
    return 0;
}
