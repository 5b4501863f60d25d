/* Recovery phrases, as people type them. */
#include "fuzz.h"

static void raw(const char *text, size_t len)
{
    uint8_t key[32] = {0}, again[32];
    char phrase[LAYR_PHRASE_MAX];
    unsigned bad = 0;
    int rc = layr_phrase_to_key(key, text, len, &bad);

    PROMISE((rc == LAYR_ERR_NOTFOUND) == (bad >= 1 && bad <= 24));
    if (rc != 0) {
        PROMISE(all_zero(key, sizeof key));
        return;
    }
    layr_phrase_from_key(phrase, key);
    PROMISE(layr_phrase_to_key(again, phrase, strlen(phrase), NULL) == 0 && memcmp(again, key, 32) == 0);
}

/* The words of a key, with case and white space as the input has it, and if it says so one letter changed. */
static void typed(fuzz_in_t in)
{
    uint8_t key[32], got[32] = {0};
    char phrase[LAYR_PHRASE_MAX], text[2 * LAYR_PHRASE_MAX];
    size_t n = 0, letter = fuzz_8(&in);
    int rc, changed = 0;

    fuzz_bytes(&in, key, sizeof key);
    layr_phrase_from_key(phrase, key);
    for (size_t i = 0; phrase[i] != 0; i++) {
        uint8_t how = fuzz_8(&in);
        char c = phrase[i];

        if (c == ' ') {
            text[n++] = " \t\r\n"[how & 3];
            if (how & 4)
                text[n++] = "\v\f \t"[how >> 3 & 3];
        } else if (i == letter) {
            text[n++] = (char)how;
            changed = (how | 0x20) != c;
        } else
            text[n++] = how & 1 ? (char)(c - 0x20) : c;
    }
    rc = layr_phrase_to_key(got, text, n, NULL);
    PROMISE(rc == 0 || changed);
    PROMISE(rc != 0 || changed || memcmp(got, key, 32) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_in_t in = {data, size};

    raw((const char *)data, size);
    typed(in);
    return 0;
}
