/* Text encodings: hex, base64url, decimal, UTF-8. A value has one spelling. */
#include "fuzz.h"
#include "layr/bytes.h"

static void hex(const char *text, size_t len)
{
    uint8_t *bytes = malloc(len / 2 + 1);
    char *again = malloc(len + 2);

    PROMISE(bytes != NULL && again != NULL);
    memset(bytes, 0, len / 2 + 1);
    if (layr_unhex(bytes, len / 2, text, len) == 0) {
        layr_hex(again, bytes, len / 2);
        PROMISE(strlen(again) == len && memcmp(again, text, len) == 0);
    } else
        PROMISE(all_zero(bytes, len / 2 + 1));
    PROMISE(layr_unhex(bytes, len / 2 + 1, text, len) != 0);
    free(again);
    free(bytes);
}

static void base64(const char *text, size_t len)
{
    size_t room = len * 3 / 4, n = 0;
    uint8_t *bytes = malloc(room + 1), *same = malloc(room + 1);
    char *again = malloc(len + 4);

    PROMISE(bytes != NULL && same != NULL && again != NULL);
    memset(bytes, 0, room + 1);
    if (layr_unb64_any(bytes, &n, text, len) == 0) {
        PROMISE(n <= room && LAYR_B64_LEN(n) == len);
        layr_b64(again, bytes, n);
        PROMISE(strlen(again) == len && memcmp(again, text, len) == 0);
        PROMISE(layr_unb64(same, n, text, len) == 0 && memcmp(same, bytes, n) == 0);
    } else
        PROMISE(all_zero(bytes, room + 1) && layr_unb64(same, room, text, len) != 0);
    PROMISE(layr_unb64(same, room + 1, text, len) != 0);
    free(again);
    free(same);
    free(bytes);
}

static void decimal(const char *text, size_t len)
{
    char again[LAYR_DEC_MAX];
    uint64_t v = 77;

    if (layr_undec(&v, text, len) == 0) {
        layr_dec(again, v);
        PROMISE(strlen(again) == len && memcmp(again, text, len) == 0);
    } else
        PROMISE(v == 77);
}

/* What is UTF-8 stays so at every place where a character begins, and at no other. */
static void utf8(const char *text, size_t len)
{
    if (!layr_utf8_ok(text, len))
        return;
    for (size_t i = 0; i <= len; i++) {
        int starts = i == len || ((uint8_t)text[i] & 0xc0) != 0x80;

        PROMISE(layr_utf8_ok(text, i) == starts);
        PROMISE(layr_utf8_ok(text + i, len - i) == starts);
        if (i > 256)
            return; /* quadratic */
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = copy_of(data, size, 0);

    hex(text, size);
    base64(text, size);
    decimal(text, size);
    utf8(text, size);
    free(text);
    return 0;
}
