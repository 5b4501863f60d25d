/* The placement half's plaintext. It has one spelling, so what is read is written to the same bytes. */
#include "fuzz.h"
#include "layr/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    layr_placement_t p;
    layr_buf_t again;

    memset(&p, 0xff, sizeof p);
    if (layr_placement_decode(&p, data, size) != 0) {
        PROMISE(all_zero(&p, sizeof p));
        return 0;
    }
    layr_buf_init(&again);
    PROMISE(layr_placement_encode(&p, &again) == 0);
    PROMISE(again.len == size && memcmp(again.p, data, size) == 0);
    layr_buf_free(&again);
    layr_placement_free(&p);
    return 0;
}
