/* What a host answers to v1/closest (docs/protocol.md 6.8): contacts, each signed for itself. */
#include <string.h>

#include "crypto/json.h"
#include "layr/statement.h"

static int take_contacts(layr_closest_t *out, const cJSON *array)
{
    const cJSON *item;

    cJSON_ArrayForEach(item, array)
    {
        size_t len = cJSON_IsString(item) ? strlen(item->valuestring) : 0;

        if (len == 0 || len > LAYR_CONTACT_MAX)
            return LAYR_ERR_FORMAT;
        out->contact[out->count] = item->valuestring;
        out->len[out->count++] = len;
    }
    return 0;
}

/* Not signed and not ours alone: members that we don't know are passed over. */
int layr_closest_parse(layr_closest_t *out, const char *json, size_t len)
{
    const cJSON *array;
    cJSON *answer = NULL;
    int rc;

    memset(out, 0, sizeof *out);
    if (len > LAYR_CLOSEST_MAX)
        return LAYR_ERR_LIMIT;
    rc = layr_json_parse(&answer, json, len, LAYR_JSON_NUMBERS);
    if (rc != 0)
        return rc;
    array = cJSON_GetObjectItemCaseSensitive(answer, "contacts");
    if (!cJSON_IsArray(array))
        rc = LAYR_ERR_FORMAT;
    else if (cJSON_GetArraySize(array) > LAYR_CLOSEST_COUNT)
        rc = LAYR_ERR_LIMIT;
    else
        rc = take_contacts(out, array);
    out->json = answer;
    if (rc != 0)
        layr_closest_free(out);
    return rc;
}

void layr_closest_free(layr_closest_t *c)
{
    layr_json_free(c->json);
    memset(c, 0, sizeof *c);
}
