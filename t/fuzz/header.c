/* The headers of answers, line by line as libcurl hands them over. The parser is static: its source is
 * included. */
#include "net/easy.c"

#include "fuzz.h"

static void sound(const char *value, size_t cap)
{
    size_t len = strnlen(value, cap);

    PROMISE(len < cap);
    for (size_t i = 0; i < len; i++)
        PROMISE(value[i] >= 0x20 && value[i] < 0x7f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static layr_req_t r;
    static layr_flight_t f;
    fuzz_in_t in = {data, size};

    memset(&r, 0, sizeof r);
    memset(&f, 0, sizeof f);
    f.req = &r;
    while (in.left > 0) {
        fuzz_in_t line = fuzz_line(&in);
        size_t len = line.left + (in.p > line.p + line.left);
        char *exact = copy_of(line.p, len, 0);
        size_t took = on_header(exact, 1, len, &f);

        free(exact);
        PROMISE(took == len || (took == 0 && f.fault != 0));
        if (took != len)
            break;
        sound(r.content_type, sizeof r.content_type);
        sound(r.content_range, sizeof r.content_range);
        sound(r.etag, sizeof r.etag);
        sound(r.layr_contact, sizeof r.layr_contact);
        PROMISE(r.retry_after >= 0 && r.retry_after <= 86400);
    }
    return 0;
}
