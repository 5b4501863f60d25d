/* A host's answer to v1/closest, and the contacts in it, as a lookup looks at them before it checks a signature. */
#include "fuzz.h"
#include "layr/statement.h"

static void look(const char *contact, size_t len)
{
    layr_contact_t c;
    uint8_t host[32] = {0};
    uint64_t seq = 0;
    int rc = layr_contact_peek(host, &seq, contact, len);

    PROMISE(rc <= 0);
    PROMISE(rc == 0 || (all_zero(host, sizeof host) && seq == 0));
    if (layr_contact_parse(&c, contact, len, FUZZ_NOW) == 0)
        PROMISE(rc == 0 && memcmp(host, c.host, 32) == 0 && seq == c.seq);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *json = copy_of(data, size, 0);
    layr_closest_t in;

    look(json, size);
    memset(&in, 0xff, sizeof in);
    if (layr_closest_parse(&in, json, size) != 0) {
        PROMISE(all_zero(&in, sizeof in));
    } else {
        PROMISE(in.count <= LAYR_CLOSEST_COUNT);
        for (unsigned i = 0; i < in.count; i++) {
            PROMISE(in.len[i] > 0 && in.len[i] <= LAYR_CONTACT_MAX && strlen(in.contact[i]) == in.len[i]);
            look(in.contact[i], in.len[i]);
        }
        layr_closest_free(&in);
    }
    free(json);
    return 0;
}
