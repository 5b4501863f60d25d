/* The text of the owner's key file. It has one spelling. */
#include "crypto/keytext.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    layr_keytext_t t;
    char again[LAYR_KEYTEXT_MAX];

    memset(&t, 0, sizeof t);
    if (layr_keytext_parse(&t, (const char *)data, size) != 0) {
        PROMISE(all_zero(&t, sizeof t));
        return 0;
    }
    PROMISE(layr_keytext_print(again, &t) == size && memcmp(again, data, size) == 0);
    if (t.wrapped)
        PROMISE(t.opslimit >= 1 && t.opslimit <= LAYR_KEYTEXT_OPS_MAX && t.memlimit <= LAYR_KEYTEXT_MEM_MAX);
    return 0;
}
