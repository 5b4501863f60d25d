/* Parsing after the scan, and taking members one by one. */
#include "crypto/json.h"

#include <string.h>

#include "layr/crypto.h"

/* Depth and members of an object are bounded by the scan, so recursion and the quadratic search are too. */
static bool has_duplicates(const cJSON *json)
{
    for (const cJSON *a = json->child; a != NULL; a = a->next) {
        if (cJSON_IsObject(json))
            for (const cJSON *b = a->next; b != NULL; b = b->next)
                if (strcmp(a->string, b->string) == 0)
                    return true;
        if (has_duplicates(a))
            return true;
    }
    return false;
}

int layr_json_parse(cJSON **out, const char *text, size_t len, layr_json_numbers_t numbers)
{
    cJSON *json;
    int rc = layr_json_scan(text, len, numbers);

    if (rc != 0)
        return rc;
    if (numbers == LAYR_JSON_INTEGERS && (text[0] != '{' || text[len - 1] != '}'))
        return LAYR_ERR_FORMAT;
    json = cJSON_ParseWithLengthOpts(text, len, NULL, 0);
    if (json == NULL)
        return LAYR_ERR_NOMEM; /* the scan has found nothing else that cJSON could refuse */
    if (!cJSON_IsObject(json) || has_duplicates(json)) {
        layr_json_free(json);
        return LAYR_ERR_FORMAT;
    }
    *out = json;
    return 0;
}

static void wipe_texts(cJSON *json)
{
    if (json->valuestring != NULL)
        layr_wipe(json->valuestring, strlen(json->valuestring));
    for (cJSON *c = json->child; c != NULL; c = c->next)
        wipe_texts(c);
}

void layr_json_free(cJSON *json)
{
    if (json == NULL)
        return;
    wipe_texts(json);
    cJSON_Delete(json);
}

void layr_json_begin(layr_json_fields_t *f, const cJSON *object)
{
    f->object = object;
    f->taken = 0;
    f->rc = cJSON_IsObject(object) ? 0 : LAYR_ERR_FORMAT;
}

static void fail(layr_json_fields_t *f, int rc)
{
    if (f->rc == 0)
        f->rc = rc;
}

bool layr_json_has(const layr_json_fields_t *f, const char *name)
{
    return f->rc == 0 && cJSON_GetObjectItemCaseSensitive(f->object, name) != NULL;
}

const cJSON *layr_json_take(layr_json_fields_t *f, const char *name)
{
    const cJSON *item;

    if (f->rc != 0)
        return NULL;
    item = cJSON_GetObjectItemCaseSensitive(f->object, name);
    if (item == NULL)
        fail(f, LAYR_ERR_FORMAT);
    else
        f->taken++;
    return item;
}

/* The text of a string member, or NULL with the failure noted. */
static const char *take_text(layr_json_fields_t *f, const char *name)
{
    const cJSON *item = layr_json_take(f, name);

    if (item != NULL && !cJSON_IsString(item))
        fail(f, LAYR_ERR_FORMAT);
    return f->rc == 0 ? item->valuestring : NULL;
}

void layr_json_take_version(layr_json_fields_t *f)
{
    const cJSON *item = layr_json_take(f, "v");

    if (item == NULL)
        return;
    if (!cJSON_IsNumber(item))
        fail(f, LAYR_ERR_FORMAT);
    else if (item->valuedouble != 1)
        fail(f, LAYR_ERR_VERSION);
}

void layr_json_take_word(layr_json_fields_t *f, const char *name, const char *want)
{
    const char *text = take_text(f, name);

    if (text != NULL && strcmp(text, want) != 0)
        fail(f, LAYR_ERR_VERSION);
}

void layr_json_take_time(layr_json_fields_t *f, const char *name, int64_t *out)
{
    const cJSON *item = layr_json_take(f, name);

    if (item == NULL)
        return;
    if (!cJSON_IsNumber(item) || item->valuedouble < 0 || item->valuedouble > (double)LAYR_JSON_INT_MAX)
        fail(f, LAYR_ERR_FORMAT);
    else
        *out = (int64_t)item->valuedouble; /* an integer: the scan saw to that */
}

void layr_json_take_hex(layr_json_fields_t *f, const char *name, uint8_t *out, size_t len)
{
    const char *text = take_text(f, name);

    if (text != NULL && layr_unhex(out, len, text, strlen(text)) != 0)
        fail(f, LAYR_ERR_FORMAT);
}

void layr_json_take_b64(layr_json_fields_t *f, const char *name, uint8_t *out, size_t len)
{
    const char *text = take_text(f, name);

    if (text != NULL && layr_unb64(out, len, text, strlen(text)) != 0)
        fail(f, LAYR_ERR_FORMAT);
}

void layr_json_take_b64_any(layr_json_fields_t *f, const char *name, uint8_t *out, size_t cap, size_t *len)
{
    const char *text = take_text(f, name);

    if (text == NULL)
        return;
    if (strlen(text) > LAYR_B64_LEN(cap) || layr_unb64_any(out, len, text, strlen(text)) != 0)
        fail(f, LAYR_ERR_FORMAT);
}

void layr_json_take_dec(layr_json_fields_t *f, const char *name, uint64_t *out)
{
    const char *text = take_text(f, name);

    if (text != NULL && layr_undec(out, text, strlen(text)) != 0)
        fail(f, LAYR_ERR_FORMAT);
}

void layr_json_take_bool(layr_json_fields_t *f, const char *name, bool *out)
{
    const cJSON *item = layr_json_take(f, name);

    if (item == NULL)
        return;
    if (!cJSON_IsBool(item))
        fail(f, LAYR_ERR_FORMAT);
    else
        *out = cJSON_IsTrue(item);
}

void layr_json_take_str(layr_json_fields_t *f, const char *name, char *out, size_t cap)
{
    const char *text = take_text(f, name);
    size_t len = text != NULL ? strlen(text) : 0;

    if (text == NULL)
        return;
    if (len >= cap)
        fail(f, LAYR_ERR_FORMAT);
    else
        memcpy(out, text, len + 1);
}

const cJSON *layr_json_take_array(layr_json_fields_t *f, const char *name, unsigned min, unsigned max,
                                  unsigned *count)
{
    const cJSON *item = layr_json_take(f, name);
    int size = item != NULL && cJSON_IsArray(item) ? cJSON_GetArraySize(item) : -1;

    *count = 0;
    if (item == NULL)
        return NULL;
    if (size < 0 || (unsigned)size < min || (unsigned)size > max) {
        fail(f, LAYR_ERR_FORMAT);
        return NULL;
    }
    *count = (unsigned)size;
    return item;
}

void layr_json_take_hexes(layr_json_fields_t *f, const char *name, uint8_t *out, size_t len, unsigned min,
                          unsigned max, unsigned *count)
{
    const cJSON *array = layr_json_take_array(f, name, min, max, count), *item;

    cJSON_ArrayForEach(item, array)
    {
        if (!cJSON_IsString(item) ||
            layr_unhex(out, len, item->valuestring, strlen(item->valuestring)) != 0) {
            fail(f, LAYR_ERR_FORMAT);
            return;
        }
        out += len;
    }
}

int layr_json_end(const layr_json_fields_t *f)
{
    if (f->rc != 0)
        return f->rc;
    /* No member is there twice and none is taken twice: equal numbers mean that all were taken. */
    return (unsigned)cJSON_GetArraySize(f->object) == f->taken ? 0 : LAYR_ERR_VERSION;
}

int layr_json_b64(const cJSON *item, uint8_t *out, size_t len)
{
    if (!cJSON_IsString(item))
        return LAYR_ERR_FORMAT;
    return layr_unb64(out, len, item->valuestring, strlen(item->valuestring));
}
