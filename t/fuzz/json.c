/* The strict JSON scanner, against cJSON: what passes the one has exactly one reading in the other. */
#include "crypto/json.h"
#include "fuzz.h"

/* An escaped NUL would end a C string before its end. */
static int has_nul(const char *text, size_t len)
{
    for (size_t i = 0; i + 1 < len; i++)
        if (text[i] == '\\') {
            if (len - i >= 6 && memcmp(text + i, "\\u0000", 6) == 0)
                return 1;
            i++;
        }
    return 0;
}

static void parsed(const char *text, size_t len, layr_json_numbers_t numbers)
{
    cJSON *json = NULL;
    char *print;
    int rc = layr_json_parse(&json, text, len, numbers);

    if (rc != 0) {
        PROMISE(json == NULL &&
                rc == LAYR_ERR_FORMAT); /* not NOMEM: cJSON reads all that the scan lets through */
        return;
    }
    PROMISE(layr_json_scan(text, len, numbers) == 0 && cJSON_IsObject(json));
    PROMISE(!has_nul(text, len));
    print = cJSON_PrintUnformatted(json);
    PROMISE(print != NULL);
    /* cJSON writes large integers as 1e+15; some numbers that are none (1e999) it writes as null. */
    if (numbers == LAYR_JSON_INTEGERS) {
        cJSON *twice = NULL;

        PROMISE(layr_json_parse(&twice, print, strlen(print), LAYR_JSON_NUMBERS) == 0);
        PROMISE(cJSON_Compare(json, twice, 1));
        layr_json_free(twice);
    }
    cJSON_free(print);
    layr_json_free(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;

    if (layr_json_scan(text, size, LAYR_JSON_INTEGERS) == 0)
        PROMISE(layr_json_scan(text, size, LAYR_JSON_NUMBERS) == 0 && layr_utf8_ok(text, size));
    parsed(text, size, LAYR_JSON_INTEGERS);
    parsed(text, size, LAYR_JSON_NUMBERS);
    return 0;
}
