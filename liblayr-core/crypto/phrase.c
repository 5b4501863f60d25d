/*
 * Recovery phrases: BIP-39 with the English list.  The entropy is the secret
 * itself, and its words are no less: finding a word for an index, or the index
 * of a word, walks the whole list and takes no branch on either.  (The lengths of
 * the words show in where the next one is written; that much is left.)
 */
#include <sodium.h>
#include <string.h>

#include "layr/bytes.h"
#include "layr/crypto.h"

#define WORDS 2048
#define WORD_BITS 11
#define WORD_MAX 8 /* letters; the list's longest words have that many */
#define KEY_WORDS 24
#define ENTROPY_MAX 32

static const char words[WORDS][WORD_MAX + 1] = {
#include "bip39_words.h"
};

/* Letters as one number: equal words are equal numbers. */
static uint64_t word_number(unsigned index)
{
    return layr_load64((const uint8_t *)words[index]);
}

/* All ones when a equals b, else zero. */
static uint64_t equal_mask(uint64_t a, uint64_t b)
{
    uint64_t x = a ^ b;

    return ((x | (0 - x)) >> 63) - 1;
}

static uint64_t word_at(unsigned index)
{
    uint64_t found = 0;

    for (unsigned i = 0; i < WORDS; i++)
        found |= word_number(i) & equal_mask(i, index);
    return found;
}

/* Index of the word, or WORDS when it is not in the list. */
static unsigned index_of(uint64_t number)
{
    uint64_t found = 0;

    for (unsigned i = 0; i < WORDS; i++)
        found |= (i + 1) & equal_mask(word_number(i), number);
    return found != 0 ? (unsigned)found - 1 : WORDS;
}

/* The checksum is the first len / 4 bits of the entropy's SHA-256: at most one byte. */
static uint8_t checksum(const uint8_t *entropy, size_t len)
{
    uint8_t hash[crypto_hash_sha256_BYTES], first;

    /* libsodium's cannot fail, so neither can showing the owner a phrase. */
    crypto_hash_sha256(hash, entropy, len);
    first = (uint8_t)(hash[0] & 0xff << (8 - len / 4));
    sodium_memzero(hash, sizeof hash);
    return first;
}

/* Bits 11 * i to 11 * i + 10, the highest bit of a byte first. bits has a byte to spare. */
static unsigned bits_at(const uint8_t *bits, size_t i)
{
    size_t at = i * WORD_BITS;
    uint32_t v = (uint32_t)bits[at / 8] << 16 | (uint32_t)bits[at / 8 + 1] << 8 | bits[at / 8 + 2];

    return v >> (24 - WORD_BITS - at % 8) & (WORDS - 1);
}

static void put_bits(uint8_t *bits, size_t i, unsigned value)
{
    size_t at = i * WORD_BITS;
    uint32_t v = (uint32_t)value << (24 - WORD_BITS - at % 8);

    bits[at / 8] |= (uint8_t)(v >> 16);
    bits[at / 8 + 1] |= (uint8_t)(v >> 8);
    bits[at / 8 + 2] |= (uint8_t)v;
}

/* Words of len checked bytes of entropy; returns the length without the NUL. */
static size_t write_words(char out[LAYR_PHRASE_MAX], const uint8_t *entropy, size_t len)
{
    uint8_t bits[ENTROPY_MAX + 3] = {0}, letters[WORD_MAX];
    size_t n = len * 8 * 33 / 32 / WORD_BITS, at = 0;

    memcpy(bits, entropy, len);
    bits[len] = checksum(entropy, len);
    for (size_t i = 0; i < n; i++) {
        layr_store64(letters, word_at(bits_at(bits, i)));
        for (size_t j = 0; j < WORD_MAX && letters[j] != 0; j++)
            out[at++] = (char)letters[j];
        out[at++] = ' ';
    }
    out[--at] = 0;
    sodium_memzero(bits, sizeof bits);
    sodium_memzero(letters, sizeof letters);
    return at;
}

int layr_bip39_encode(char *out, size_t cap, const uint8_t *entropy, size_t len)
{
    char text[LAYR_PHRASE_MAX];
    size_t text_len;
    int rc = 0;

    if (len < 16 || len > ENTROPY_MAX || len % 4 != 0)
        return LAYR_ERR_ARG;
    text_len = write_words(text, entropy, len);
    if (text_len >= cap)
        rc = LAYR_ERR_LIMIT;
    else
        memcpy(out, text, text_len + 1);
    sodium_memzero(text, sizeof text);
    return rc;
}

void layr_phrase_from_key(char out[LAYR_PHRASE_MAX], const uint8_t master[32])
{
    write_words(out, master, LAYR_KEY_BYTES);
}

static int is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* The next word as a number; its length goes to *len, 0 at the end. Nothing in the list is longer than 8. */
static uint64_t next_word(layr_reader_t *r, size_t *len)
{
    uint64_t number = 0;

    *len = 0;
    while (r->p < r->end && is_space((char)*r->p))
        r->p++;
    for (; r->p < r->end && !is_space((char)*r->p); r->p++, ++*len) {
        uint8_t c = *r->p;

        if (c >= 'A' && c <= 'Z')
            c = (uint8_t)(c + ('a' - 'A'));
        else if (c == 0)
            c = 0xff; /* or it would pass for the padding of a shorter word */
        if (*len < WORD_MAX)
            number |= (uint64_t)c << (8 * *len);
    }
    return number;
}

static size_t count_words(const char *phrase, size_t len)
{
    layr_reader_t r;
    size_t n = 0, word_len;

    for (layr_reader_init(&r, phrase, len); next_word(&r, &word_len), word_len != 0;)
        n++;
    return n;
}

static int read_words(uint8_t *bits, const char *phrase, size_t len, unsigned *bad_word)
{
    layr_reader_t r;

    layr_reader_init(&r, phrase, len);
    for (unsigned i = 0; i < KEY_WORDS; i++) {
        size_t word_len;
        uint64_t number = next_word(&r, &word_len);
        unsigned index = word_len <= WORD_MAX ? index_of(number) : WORDS;

        if (index == WORDS) {
            if (bad_word != NULL)
                *bad_word = i + 1;
            return LAYR_ERR_NOTFOUND;
        }
        put_bits(bits, i, index);
    }
    return 0;
}

int layr_phrase_to_key(uint8_t master[32], const char *phrase, size_t len, unsigned *bad_word)
{
    uint8_t bits[LAYR_KEY_BYTES + 3] = {0};
    int rc;

    if (count_words(phrase, len) != KEY_WORDS)
        return LAYR_ERR_FORMAT;
    rc = read_words(bits, phrase, len, bad_word);
    if (rc == 0 && bits[LAYR_KEY_BYTES] != checksum(bits, LAYR_KEY_BYTES))
        rc = LAYR_ERR_AUTH;
    if (rc == 0)
        memcpy(master, bits, LAYR_KEY_BYTES);
    sodium_memzero(bits, sizeof bits);
    return rc;
}
