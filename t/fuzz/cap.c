/* Capabilities. All sizes are fixed, so one has one spelling; a write cap gives the other two. */
#include "fuzz.h"

static void same(const layr_file_keys_t *k, char kind, const char *text, size_t len)
{
    char again[LAYR_CAP_MAX];

    PROMISE(layr_cap_format(again, k, kind) == 0);
    PROMISE(strlen(again) == len && memcmp(again, text, len) == 0);
}

/* A lesser cap made of k says the same as k, and gives no more than its kind. */
static void lesser(const layr_file_keys_t *k, char kind, unsigned right)
{
    layr_file_keys_t less = {0};
    char text[LAYR_CAP_MAX], other[LAYR_CAP_MAX];

    PROMISE(layr_cap_format(text, k, kind) == 0);
    PROMISE(layr_cap_parse(&less, text, strlen(text)) == 0);
    PROMISE(less.rights == right);
    PROMISE(memcmp(less.record_id, k->record_id, 32) == 0 && memcmp(less.P, k->P, 32) == 0);
    PROMISE(all_zero(less.W, 32) && all_zero(less.record_seed, 32));
    PROMISE(layr_cap_format(other, &less, 'w') == LAYR_ERR_CAP);
    if (kind == 'v')
        PROMISE(all_zero(less.R, 32) && memcmp(less.group, k->group, 16) == 0);
    else
        PROMISE(all_zero(less.A, 32) && memcmp(less.R, k->R, 32) == 0);
    layr_file_keys_wipe(&less);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    layr_file_keys_t k;

    memset(&k, 0, sizeof k);
    if (layr_cap_parse(&k, (const char *)data, size) != 0) {
        PROMISE(all_zero(&k, sizeof k));
        return 0;
    }
    same(&k, (char)data[5], (const char *)data, size);
    if (k.rights & LAYR_CAN_WRITE) {
        lesser(&k, 'r', LAYR_CAN_READ);
        lesser(&k, 'v', LAYR_CAN_VERIFY);
    }
    layr_file_keys_wipe(&k);
    return 0;
}
