/*
 * Systematic Reed-Solomon over GF(2^8) with ISA-L's Cauchy matrix: row i of the n by k generator is the unit
 * row i for i < k and 1 / (i + j) below, so every k rows are independent (the Vandermonde one's are not, for
 * large n).
 */
#include <isa-l.h>
#include <stdlib.h>
#include <string.h>

#include "layr/code.h"

/* ISA-L expands each coefficient to 32 bytes of shuffle tables. They are made anew in memory, never stored.
 */
#define TABLE_BYTES 32
/*
 * Bytes of every row worked on before the next: sources are read once for some six results, so for many
 * results k pieces have to stay in the second-level cache.
 */
#define PIECE 16384
#define NOT_MISSING 0xff /* more than the n - k <= 254 slots */

struct layr_coder {
    layr_scheme_t scheme;
    uint8_t *matrix; /* n * k */
    uint8_t *tables; /* of its parity rows */
};

struct layr_decoder {
    layr_scheme_t scheme;
    uint8_t slot[LAYR_N_MAX]; /* row -> its place among the missing rows, or NOT_MISSING */
    uint8_t *tables;          /* of the missing rows, ascending, in terms of the survivors */
};

static int len_ok(size_t len)
{
    return len > 0 && len <= LAYR_CHUNK_PLAIN && len % 16 == 0;
}

/* results[rows] = tables * sources[k]. With k == 1 they are mirrors: copies, whatever the matrix says. */
static void apply(const uint8_t *tables, size_t k, size_t rows, uint8_t *const *results,
                  const uint8_t *const *sources, size_t len)
{
    unsigned char *in[LAYR_N_MAX], *out[LAYR_N_MAX];

    if (k == 1) {
        for (size_t r = 0; r < rows; r++)
            memcpy(results[r], sources[0], len);
        return;
    }
    for (size_t at = 0, piece; at < len; at += piece) {
        piece = len - at < PIECE ? len - at : PIECE;
        for (size_t j = 0; j < k; j++)
            in[j] = (unsigned char *)sources[j] + at; /* ISA-L only reads them */
        for (size_t r = 0; r < rows; r++)
            out[r] = results[r] + at;
        ec_encode_data((int)piece, (int)k, (int)rows, (unsigned char *)tables, in, out);
    }
}

int layr_coder_new(layr_coder_t **out, layr_scheme_t s)
{
    size_t k = s.k, parity = (size_t)s.n - s.k;
    layr_coder_t *c = NULL;
    int rc = LAYR_ERR_NOMEM;

    if (!layr_scheme_ok(s))
        return LAYR_ERR_ARG;
    c = calloc(1, sizeof(*c));
    if (!c)
        goto done;
    c->scheme = s;
    c->matrix = malloc(s.n * k);
    c->tables = malloc(parity * k * TABLE_BYTES + 1); /* k == n has none */
    if (!c->matrix || !c->tables)
        goto done;
    gf_gen_cauchy1_matrix(c->matrix, s.n, (int)k);
    if (parity > 0)
        ec_init_tables((int)k, (int)parity, c->matrix + k * k, c->tables);
    *out = c;
    c = NULL;
    rc = 0;
done:
    layr_coder_free(c);
    return rc;
}

void layr_coder_free(layr_coder_t *c)
{
    if (!c)
        return;
    free(c->tables);
    free(c->matrix);
    free(c);
}

layr_scheme_t layr_coder_scheme(const layr_coder_t *c)
{
    return c->scheme;
}

int layr_encode_run(const layr_coder_t *c, unsigned first, unsigned count, uint8_t *const *out,
                    const uint8_t *const *data, size_t len)
{
    size_t k = c->scheme.k;

    if (first < k || first > c->scheme.n || count > c->scheme.n - first || !len_ok(len))
        return LAYR_ERR_ARG;
    if (count > 0)
        apply(c->tables + (first - k) * k * TABLE_BYTES, k, count, out, data, len);
    return 0;
}

int layr_encode_row(const layr_coder_t *c, unsigned row, uint8_t *out, const uint8_t *const *data, size_t len)
{
    return layr_encode_run(c, row, 1, &out, data, len);
}

int layr_encode_rows(const layr_coder_t *c, uint8_t *const *parity, const uint8_t *const *data, size_t len)
{
    return layr_encode_run(c, c->scheme.k, c->scheme.n - c->scheme.k, parity, data, len);
}

/* Fill slot[] from the survivors; LAYR_ERR_ARG when they are not k distinct rows. */
static int name_missing(layr_decoder_t *d, const uint8_t *survivors)
{
    uint8_t slots = 0;

    memset(d->slot, 0, sizeof(d->slot));
    for (size_t i = 0; i < d->scheme.k; i++) {
        if (survivors[i] >= d->scheme.n || d->slot[survivors[i]] == NOT_MISSING)
            return LAYR_ERR_ARG;
        d->slot[survivors[i]] = NOT_MISSING;
    }
    for (size_t row = 0; row < d->scheme.n; row++)
        if (d->slot[row] != NOT_MISSING)
            d->slot[row] = slots++;
    return 0;
}

/*
 * all: n * k bytes, every row in terms of the survivors. The survivors' rows of the generator, inverted, give
 * the data rows; the parity rows are the code of those, as of any data.
 */
static int express_rows(uint8_t *all, const layr_coder_t *c, const uint8_t *survivors)
{
    size_t k = c->scheme.k, parity = (size_t)c->scheme.n - k;
    unsigned char *data[LAYR_N_MAX], *coded[LAYR_N_MAX];
    uint8_t *chosen = malloc(k * k);
    int rc = LAYR_ERR_NOMEM;

    if (!chosen)
        goto done;
    for (size_t i = 0; i < k; i++)
        memcpy(chosen + i * k, c->matrix + survivors[i] * k, k);
    rc = LAYR_ERR_DATA;
    if (gf_invert_matrix(chosen, all, (int)k) != 0) /* destroys chosen */
        goto done;
    for (size_t i = 0; i < k; i++)
        data[i] = all + i * k;
    for (size_t i = 0; i < parity; i++)
        coded[i] = all + (k + i) * k;
    if (parity > 0)
        ec_encode_data((int)k, (int)k, (int)parity, c->tables, data, coded);
    rc = 0;
done:
    free(chosen);
    return rc;
}

int layr_decoder_new(layr_decoder_t **out, const layr_coder_t *c, const uint8_t *survivors)
{
    size_t k = c->scheme.k, n = c->scheme.n;
    layr_decoder_t *d = calloc(1, sizeof(*d));
    uint8_t *all = malloc(n * k);
    int rc = LAYR_ERR_NOMEM;

    if (!d || !all)
        goto done;
    d->scheme = c->scheme;
    d->tables = malloc((n - k) * k * TABLE_BYTES + 1);
    if (!d->tables)
        goto done;
    rc = name_missing(d, survivors);
    if (rc == 0)
        rc = express_rows(all, c, survivors);
    if (rc != 0)
        goto done;
    for (size_t row = 0; row < n; row++)
        if (d->slot[row] != NOT_MISSING)
            ec_init_tables((int)k, 1, all + row * k, d->tables + d->slot[row] * k * TABLE_BYTES);
    *out = d;
    d = NULL;
done:
    free(all);
    layr_decoder_free(d);
    return rc;
}

void layr_decoder_free(layr_decoder_t *d)
{
    if (!d)
        return;
    free(d->tables);
    free(d);
}

/* How many of want[0..m) stand in neighbouring slots, one after the other: they are decoded in one call. */
static size_t run_of(const layr_decoder_t *d, const uint8_t *want, size_t m)
{
    size_t run = 1;

    while (run < m && d->slot[want[run]] == d->slot[want[0]] + run)
        run++;
    return run;
}

int layr_decode(const layr_decoder_t *d, uint8_t *const *out, const uint8_t *want, size_t m,
                const uint8_t *const *in, size_t len)
{
    size_t k = d->scheme.k;

    if (!len_ok(len))
        return LAYR_ERR_ARG;
    for (size_t i = 0; i < m; i++)
        if (want[i] >= d->scheme.n || d->slot[want[i]] == NOT_MISSING)
            return LAYR_ERR_ARG;
    for (size_t i = 0, run; i < m; i += run) {
        run = run_of(d, want + i, m - i);
        apply(d->tables + d->slot[want[i]] * k * TABLE_BYTES, k, run, out + i, in, len);
    }
    return 0;
}
