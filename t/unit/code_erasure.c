/* Erasure code: known parity, a slow encoder of the test's own, every loss pattern of every code up to n = 8.
 */
#include "known.h"
#include "layr/code.h"
#include "layr/crypto.h"
#include "tap.h"

/* Rows of a stripe: n, each len bytes, apart, so that a sanitizer sees every overrun. */
typedef struct rows {
    layr_scheme_t scheme;
    size_t len;
    uint8_t *row[LAYR_N_MAX];
} rows_t;

static void rows_init(rows_t *r, layr_scheme_t s, size_t len, uint8_t seed)
{
    uint8_t *data = known_pattern(s.k * len, seed);

    r->scheme = s;
    r->len = len;
    for (unsigned i = 0; i < s.n; i++) {
        r->row[i] = known_alloc(len);
        if (i < s.k)
            memcpy(r->row[i], data + i * len, len);
    }
    free(data);
}

static void rows_free(rows_t *r)
{
    for (unsigned i = 0; i < r->scheme.n; i++)
        free(r->row[i]);
}

static layr_coder_t *coder(layr_scheme_t s)
{
    layr_coder_t *c = NULL;

    known_need(layr_coder_new(&c, s) == 0 && c, "a coder");
    return c;
}

static void encode(const layr_coder_t *c, rows_t *r)
{
    known_need(layr_encode_rows(c, r->row + r->scheme.k, (const uint8_t *const *)r->row, r->len) == 0,
               "encode");
}

static uint8_t slow_mul(uint8_t a, uint8_t b)
{
    unsigned p = 0;

    for (unsigned i = 0; i < 8; i++)
        p ^= b >> i & 1 ? (unsigned)a << i : 0;
    for (unsigned i = 14; i >= 8; i--)
        p ^= p >> i & 1 ? 0x11du << (i - 8) : 0;
    return (uint8_t)p;
}

static uint8_t slow_inverse(uint8_t a)
{
    for (unsigned b = 1; b < 256; b++)
        if (slow_mul(a, (uint8_t)b) == 1)
            return (uint8_t)b;
    return 0;
}

/* Parity row i is the sum over j of data j / (i + j); of one row, a copy. */
static int parity_right(const rows_t *r)
{
    unsigned k = r->scheme.k;

    for (unsigned i = k; i < r->scheme.n; i++) {
        uint8_t factor[LAYR_N_MAX];
        for (unsigned j = 0; j < k; j++)
            factor[j] = k == 1 ? 1 : slow_inverse((uint8_t)(i ^ j));
        for (size_t at = 0; at < r->len; at++) {
            uint8_t sum = 0;
            for (unsigned j = 0; j < k; j++)
                sum ^= slow_mul(factor[j], r->row[j][at]);
            if (r->row[i][at] != sum)
                return 0;
        }
    }
    return 1;
}

static void known_parity(void)
{
    cJSON *all = known_open();
    const cJSON *v = known_get(all, "erasure");
    layr_scheme_t s = {3, 5};
    layr_coder_t *c = coder(s);
    rows_t r;

    rows_init(&r, s, 65520, 0);
    for (unsigned i = 0; i < 3; i++)
        known_pattern_to(r.row[i], 65520, (uint8_t)(10 + i));
    encode(c, &r);
    for (unsigned i = 0; i < 2; i++) {
        uint8_t want[32], got[32];
        known_hex(want, 32, cJSON_GetArrayItem(known_get(v, "parity_sha256"), (int)i));
        known_need(layr_sha256_1(got, r.row[3 + i], 65520) == 0, "SHA-256");
        is_mem(got, want, 32, "known parity");
        known_hex(want, 16, cJSON_GetArrayItem(known_get(v, "parity_first16"), (int)i));
        is_mem(r.row[3 + i], want, 16, "its first bytes");
    }
    rows_free(&r);
    layr_coder_free(c);
    cJSON_Delete(all);
}

static void against_slow(void)
{
    static const layr_scheme_t schemes[] = {{1, 3},   {2, 3},     {4, 8},     {7, 20},
                                            {20, 40}, {100, 255}, {254, 255}, {5, 5}};
    static const size_t lens[] = {16, 48, 496, 4080};
    int good = 1;

    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        layr_coder_t *c = coder(schemes[i]);
        for (size_t l = 0; l < (schemes[i].n > 40 ? 2 : 4); l++) {
            rows_t r;
            rows_init(&r, schemes[i], lens[l], (uint8_t)(70 + i));
            encode(c, &r);
            if (!parity_right(&r))
                good = ok(0, "%u/%u len %zu", schemes[i].k, schemes[i].n, lens[l]);
            rows_free(&r);
        }
        layr_coder_free(c);
    }
    ok(good, "parity is what the formula says");
}

/* One row, some rows, all rows: the same bytes, at the lengths where pieces end. */
static void row_by_row(void)
{
    static const size_t lens[] = {16, 16368, 16384, 16400, 32768, 65504, 65520};
    layr_scheme_t s = {4, 10};
    layr_coder_t *c = coder(s);
    int good = 1;

    for (size_t l = 0; l < sizeof(lens) / sizeof(lens[0]); l++) {
        rows_t r, some;
        const uint8_t *const *data;
        rows_init(&r, s, lens[l], 80);
        rows_init(&some, s, lens[l], 80);
        encode(c, &r);
        data = (const uint8_t *const *)some.row;
        for (unsigned first = 4; first < 10; first++)
            for (unsigned count = 0; first + count <= 10; count++) {
                for (unsigned i = first; i < first + count; i++)
                    memset(some.row[i], 0, lens[l]);
                good &= layr_encode_run(c, first, count, some.row + first, data, lens[l]) == 0;
                for (unsigned i = first; i < first + count; i++)
                    good &= memcmp(some.row[i], r.row[i], lens[l]) == 0;
            }
        good &=
            layr_encode_row(c, 9, some.row[4], data, lens[l]) == 0 && !memcmp(some.row[4], r.row[9], lens[l]);
        rows_free(&some);
        rows_free(&r);
    }
    ok(good, "runs of rows agree with all at once");
    layr_coder_free(c);
}

static void shuffle(uint8_t *a, size_t n)
{
    for (size_t i = n; i > 1; i--) {
        size_t j = known_random() % i;
        uint8_t t = a[i - 1];
        a[i - 1] = a[j];
        a[j] = t;
    }
}

/* order: all n rows, the first k of them the survivors. All others come back, in the order asked and
 * reversed. */
static int recovers(const layr_coder_t *c, const rows_t *r, const uint8_t *order)
{
    unsigned k = r->scheme.k, lost = r->scheme.n - k;
    const uint8_t *in[LAYR_N_MAX];
    uint8_t *out[LAYR_N_MAX], want[LAYR_N_MAX];
    layr_decoder_t *d = NULL;
    int good;

    for (unsigned i = 0; i < k; i++)
        in[i] = r->row[order[i]];
    for (unsigned i = 0; i < lost; i++)
        out[i] = known_alloc(r->len);
    good = layr_decoder_new(&d, c, order) == 0;
    for (unsigned reversed = 0; good && reversed < 2; reversed++) {
        for (unsigned i = 0; i < lost; i++) {
            want[i] = order[k + (reversed ? lost - 1 - i : i)];
            memset(out[i], 0, r->len);
        }
        good = layr_decode(d, out, want, lost, in, r->len) == 0;
        for (unsigned i = 0; good && i < lost; i++)
            good = memcmp(out[i], r->row[want[i]], r->len) == 0;
    }
    for (unsigned i = 0; i < lost; i++)
        free(out[i]);
    layr_decoder_free(d);
    return good;
}

/* Survivors from the bits of mask, in ascending order or shuffled; then the lost ones, ascending. */
static void order_of(uint8_t *order, unsigned mask, unsigned n, unsigned k, int mixed)
{
    unsigned s = 0, l = k;

    for (unsigned i = 0; i < n; i++)
        order[mask >> i & 1 ? s++ : l++] = (uint8_t)i;
    if (mixed)
        shuffle(order, k);
}

static void every_pattern(void)
{
    unsigned tried = 0, failed = 0;

    for (unsigned n = 1; n <= 8; n++)
        for (unsigned k = 1; k <= n; k++) {
            layr_scheme_t s = {(uint8_t)k, (uint8_t)n};
            layr_coder_t *c = coder(s);
            rows_t r;
            rows_init(&r, s, 208, (uint8_t)(90 + n));
            encode(c, &r);
            for (unsigned mask = 0; mask < 1u << n; mask++) {
                uint8_t order[8];
                if ((unsigned)__builtin_popcount(mask) != k)
                    continue;
                for (int mixed = 0; mixed < 2; mixed++, tried++) {
                    order_of(order, mask, n, k, mixed);
                    failed += !recovers(c, &r, order);
                }
            }
            rows_free(&r);
            layr_coder_free(c);
        }
    ok(failed == 0 && tried == 2 * 502, "every loss pattern of every code up to n = 8 (%u, %u failed)", tried,
       failed);
}

static void random_patterns(unsigned k, unsigned n, unsigned times, size_t len)
{
    layr_scheme_t s = {(uint8_t)k, (uint8_t)n};
    layr_coder_t *c = coder(s);
    uint8_t order[LAYR_N_MAX];
    int good = 1;
    rows_t r;

    rows_init(&r, s, len, 100);
    encode(c, &r);
    for (unsigned i = 0; i < n; i++)
        order[i] = (uint8_t)(n - 1 - i); /* first: the last k rows survive */
    for (unsigned i = 0; i < times; i++) {
        good &= recovers(c, &r, order);
        shuffle(order, n);
    }
    ok(good, "%u/%u: %u loss patterns, %zu bytes", k, n, times, len);
    rows_free(&r);
    layr_coder_free(c);
}

static void refusals(void)
{
    layr_scheme_t s = {3, 6};
    layr_coder_t *c = NULL, *mine = coder(s);
    layr_decoder_t *d = NULL;
    uint8_t order[6] = {5, 0, 3, 1, 2, 4}, *bad;
    uint8_t *rows[6];
    rows_t r;

    is_int(layr_coder_new(&c, (layr_scheme_t){0, 3}), LAYR_ERR_ARG, "k = 0");
    is_int(layr_coder_new(&c, (layr_scheme_t){4, 3}), LAYR_ERR_ARG, "k > n");
    ok(c == NULL && layr_coder_scheme(mine).k == 3 && layr_coder_scheme(mine).n == 6,
       "nothing set; the scheme is known");
    rows_init(&r, s, 64, 110);
    memcpy(rows, r.row, sizeof(rows));
    bad = r.row[5];
    is_int(layr_encode_row(mine, 2, bad, (const uint8_t *const *)rows, 64), LAYR_ERR_ARG,
           "a data row is not coded");
    is_int(layr_encode_row(mine, 6, bad, (const uint8_t *const *)rows, 64), LAYR_ERR_ARG, "row n");
    is_int(layr_encode_run(mine, 4, 3, rows + 3, (const uint8_t *const *)rows, 64), LAYR_ERR_ARG,
           "a run past n");
    is_int(layr_encode_run(mine, 4, UINT32_MAX, rows + 3, (const uint8_t *const *)rows, 64), LAYR_ERR_ARG,
           "a huge run");
    is_int(layr_encode_row(mine, 3, bad, (const uint8_t *const *)rows, 0), LAYR_ERR_ARG, "no bytes");
    is_int(layr_encode_row(mine, 3, bad, (const uint8_t *const *)rows, 24), LAYR_ERR_ARG,
           "not a multiple of 16");
    is_int(layr_encode_row(mine, 3, bad, (const uint8_t *const *)rows, 65536), LAYR_ERR_ARG,
           "more than a chunk");
    order[1] = 5;
    is_int(layr_decoder_new(&d, mine, order), LAYR_ERR_ARG, "a survivor twice");
    order[1] = 6;
    is_int(layr_decoder_new(&d, mine, order), LAYR_ERR_ARG, "a survivor that is none");
    order[1] = 0;
    ok(d == NULL, "nothing set");
    known_need(layr_decoder_new(&d, mine, order) == 0, "a decoder");
    layr_coder_free(mine);
    is_int(layr_decode(d, rows + 3, order, 1, (const uint8_t *const *)rows, 64), LAYR_ERR_ARG,
           "a survivor is not decoded");
    order[0] = 6;
    is_int(layr_decode(d, rows + 3, order, 1, (const uint8_t *const *)rows, 64), LAYR_ERR_ARG, "nor row n");
    is_int(layr_decode(d, rows + 3, order + 3, 1, (const uint8_t *const *)rows, 8), LAYR_ERR_ARG,
           "nor a wrong length");
    is_int(layr_decode(d, rows + 3, order + 3, 1, (const uint8_t *const *)rows, 64), 0,
           "a decoder outlives its coder");
    layr_decoder_free(d);
    layr_decoder_free(NULL);
    layr_coder_free(NULL);
    rows_free(&r);
}

int main(void)
{
    known_need(layr_init() == 0, "layr_init");
    known_parity();
    against_slow();
    row_by_row();
    every_pattern();
    random_patterns(10, 20, 200, 1008);
    random_patterns(20, 40, 200, 1008);
    random_patterns(100, 255, 12, 256);
    random_patterns(1, 255, 4, 256);
    random_patterns(254, 255, 4, 256);
    random_patterns(20, 40, 4, 65520);
    refusals();
    return done();
}
