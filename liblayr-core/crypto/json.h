/*
 * Strict JSON (RFC 8259) over cJSON, for everything that comes from the network.
 *
 * cJSON by itself takes much that a second implementation would read otherwise: duplicate members, control
 * characters, bytes that are not UTF-8, numbers such as 01, 1e3 or nan.  A scanner goes first and lets only
 * one reading through; then members are taken one by one, and one that nobody took is an error.
 */
#ifndef LAYR_CRYPTO_JSON_H
#define LAYR_CRYPTO_JSON_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "layr/bytes.h"
#include "layr/error.h"

#define LAYR_JSON_DEPTH 8    /* levels of objects and arrays */
#define LAYR_JSON_MEMBERS 64 /* of one object: comparing names is quadratic */
/* cJSON keeps numbers as doubles, in which every integer up to here has a value of its own. */
#define LAYR_JSON_INT_MAX ((1LL << 53) - 1)

/* Statements hold integers alone; what a host answers may have other numbers in members we pass over. */
typedef enum layr_json_numbers { LAYR_JSON_INTEGERS, LAYR_JSON_NUMBERS } layr_json_numbers_t;

/* Is text one JSON value within the limits, valid UTF-8, without \u0000 and lone surrogates? 0 or
 * LAYR_ERR_FORMAT. */
int layr_json_scan(const char *text, size_t len, layr_json_numbers_t numbers) LAYR_CHECKED;

/*
 * Scan and parse an object; no object in it has a member twice.  With LAYR_JSON_INTEGERS nothing stands
 * before or after it, not even white space.  LAYR_ERR_FORMAT, LAYR_ERR_NOMEM. The caller bounds len first,
 * and frees with layr_json_free, which wipes the texts: content halves are plaintext.
 */
int layr_json_parse(cJSON **out, const char *text, size_t len, layr_json_numbers_t numbers) LAYR_CHECKED;
void layr_json_free(cJSON *json);

/*
 * Taking the members of an object.  The first failure stays in rc and every take after it does nothing:
 * a parser takes all and looks at layr_json_end once.  Every take_* wants the member to be there; ask has
 * first for an optional one.  A member that is missing, of another type or out of range is LAYR_ERR_FORMAT.
 */
typedef struct layr_json_fields {
    const cJSON *object;
    unsigned taken;
    int rc;
} layr_json_fields_t;

void layr_json_begin(layr_json_fields_t *f, const cJSON *object);
bool layr_json_has(const layr_json_fields_t *f, const char *name);
const cJSON *layr_json_take(layr_json_fields_t *f, const char *name);
/* v: LAYR_ERR_VERSION when it is a number other than 1. Take it first: another version may have other
 * members. */
void layr_json_take_version(layr_json_fields_t *f);
/* The member must be this string, or else LAYR_ERR_VERSION: alg, typ, kind. */
void layr_json_take_word(layr_json_fields_t *f, const char *name, const char *want);
void layr_json_take_time(layr_json_fields_t *f, const char *name, int64_t *out);
void layr_json_take_hex(layr_json_fields_t *f, const char *name, uint8_t *out, size_t len);
void layr_json_take_b64(layr_json_fields_t *f, const char *name, uint8_t *out, size_t len);
/* At most cap bytes; *len says how many. */
void layr_json_take_b64_any(layr_json_fields_t *f, const char *name, uint8_t *out, size_t cap, size_t *len);
void layr_json_take_dec(layr_json_fields_t *f, const char *name, uint64_t *out);
void layr_json_take_bool(layr_json_fields_t *f, const char *name, bool *out);
/* A string of at most cap - 1 bytes. */
void layr_json_take_str(layr_json_fields_t *f, const char *name, char *out, size_t cap);
/* An array of min to max elements; NULL on failure. *count is its length, 0 on failure. */
const cJSON *layr_json_take_array(layr_json_fields_t *f, const char *name, unsigned min, unsigned max,
                                  unsigned *count);
/* An array of hex strings of len bytes each, one after the other into out, which holds max of them. */
void layr_json_take_hexes(layr_json_fields_t *f, const char *name, uint8_t *out, size_t len, unsigned min,
                          unsigned max, unsigned *count);
/* The first failure; LAYR_ERR_VERSION when the object has a member that was not taken. */
int layr_json_end(const layr_json_fields_t *f) LAYR_CHECKED;
/* A string element, decoded: 0 or LAYR_ERR_FORMAT. */
int layr_json_b64(const cJSON *item, uint8_t *out, size_t len) LAYR_CHECKED;

/* Writing compact JSON. name is NULL for elements of an array; commas come by themselves. Look at b->bad at
 * the end. */
void layr_json_open(layr_buf_t *b, const char *name, char bracket); /* '{' or '[' */
void layr_json_close(layr_buf_t *b, char bracket);                  /* '}' or ']' */
void layr_json_put_str(layr_buf_t *b, const char *name, const char *s);
void layr_json_put_int(layr_buf_t *b, const char *name, int64_t v); /* 0 or higher */
void layr_json_put_dec(layr_buf_t *b, const char *name, uint64_t v);
void layr_json_put_bool(layr_buf_t *b, const char *name, bool v);
void layr_json_put_hex(layr_buf_t *b, const char *name, const uint8_t *p, size_t len);
void layr_json_put_b64(layr_buf_t *b, const char *name, const uint8_t *p, size_t len);

#endif
