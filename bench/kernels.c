/*
 * kernels NAME SECONDS: one inner loop on one thread, over chunks in cache; prints a line of JSON. `kernels list` prints the names of
 * those that this machine has: one a line.
 */
#include <isa-l/erasure_code.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "layr/code.h"

#define K_MAX 20
#define ROWS_MAX 40
#define BLOCKS (LAYR_CHUNK / LAYR_BLOCK)

typedef struct work {
    const char *name;
    unsigned k, n; /* of the erasure codes */
    layr_kernel_t kernel;
    /* One pass: bytes of data gone through, 0 when it failed. */
    size_t (*run)(struct work *w);
} work_t;

static uint8_t *chunk[ROWS_MAX]; /* each LAYR_CHUNK bytes */
static uint8_t tags[BLOCKS * LAYR_TAG_BYTES];
static const uint8_t key[32] = {1}, salt[16] = {2};
static layr_tagger_t *tagger;
static layr_answer_t *answer;
static uint8_t nu[BLOCKS][LAYR_TAG_BYTES];
static layr_sealer_t *sealer;
static layr_coder_t *coder;
static layr_decoder_t *decoder;
static EVP_CIPHER_CTX *gcm;
static EVP_MD_CTX *md;
static EVP_MD *sha256;
static uint8_t tables[32 * K_MAX * ROWS_MAX];

static size_t run_memcpy(work_t *w)
{
    (void)w;
    memcpy(chunk[1], chunk[0], LAYR_CHUNK);
    __asm__ volatile("" ::: "memory");
    return LAYR_CHUNK;
}

static size_t run_tag(work_t *w)
{
    (void)w;
    return layr_tag_blocks(tagger, tags, chunk[0], 0, BLOCKS, salt) == LAYR_OK ? LAYR_CHUNK : 0;
}

static size_t run_answer(work_t *w)
{
    (void)w;
    layr_answer_add(answer, chunk[0], tags, (const uint8_t(*)[LAYR_TAG_BYTES])nu, BLOCKS);
    return LAYR_CHUNK;
}

/* The owner's side of a full shard. A wrong answer takes as long as a right one. */
static size_t run_check(work_t *w)
{
    static const layr_asked_t shard = {{3}, {2}, LAYR_SHARD_MAX / LAYR_BLOCK};
    static const uint8_t seed[32] = {4};
    (void)w;
    return layr_answer_check(tagger, seed, 0, &shard, 1, chunk[0]) == LAYR_ERR_AUTH ? LAYR_SHARD_MAX : 0;
}

static size_t run_sha256(work_t *w)
{
    uint8_t out[32];
    (void)w;
    return layr_sha256_1(out, chunk[0], LAYR_CHUNK) == LAYR_OK ? LAYR_CHUNK : 0;
}

static size_t run_evp_sha256(work_t *w)
{
    uint8_t out[32];
    (void)w;
    return EVP_DigestInit_ex2(md, sha256, NULL) && EVP_DigestUpdate(md, chunk[0], LAYR_CHUNK) &&
                   EVP_DigestFinal_ex(md, out, NULL)
               ? LAYR_CHUNK
               : 0;
}

static size_t run_seal(work_t *w)
{
    (void)w;
    return layr_seal_chunk(sealer, chunk[1], chunk[0], LAYR_CHUNK_PLAIN, 7, 0) == LAYR_OK ? LAYR_CHUNK_PLAIN
                                                                                          : 0;
}

static size_t run_open(work_t *w)
{
    (void)w;
    return layr_open_chunk(sealer, chunk[2], chunk[1], LAYR_CHUNK, 7, 0) == LAYR_OK ? LAYR_CHUNK_PLAIN : 0;
}

static size_t run_evp_gcm(work_t *w)
{
    static const uint8_t nonce[12] = {7};
    int n;
    (void)w;
    return EVP_EncryptInit_ex(gcm, NULL, NULL, NULL, nonce) &&
                   EVP_EncryptUpdate(gcm, chunk[1], &n, chunk[0], LAYR_CHUNK_PLAIN) &&
                   EVP_EncryptFinal_ex(gcm, chunk[1] + n, &n) &&
                   EVP_CIPHER_CTX_ctrl(gcm, EVP_CTRL_GCM_GET_TAG, 16, chunk[1] + LAYR_CHUNK_PLAIN)
               ? LAYR_CHUNK_PLAIN
               : 0;
}

static size_t run_encode(work_t *w)
{
    return layr_encode_rows(coder, chunk + w->k, (const uint8_t *const *)chunk, LAYR_CHUNK_PLAIN) == LAYR_OK
               ? (size_t)w->k * LAYR_CHUNK_PLAIN
               : 0;
}

/* n - k of the data rows are lost (all of them where there are no more), and got back from the parity. */
static size_t run_decode(work_t *w)
{
    const uint8_t *in[K_MAX];
    uint8_t want[K_MAX];
    unsigned lost = w->n - w->k < w->k ? w->n - w->k : w->k;

    for (unsigned i = 0; i < w->k; i++) {
        in[i] = chunk[i < lost ? w->k + i : i];
        want[i] = (uint8_t)i;
    }
    return layr_decode(decoder, chunk, want, lost, in, LAYR_CHUNK_PLAIN) == LAYR_OK
               ? (size_t)w->k * LAYR_CHUNK_PLAIN
               : 0;
}

static size_t run_isal(work_t *w)
{
    ec_encode_data(LAYR_CHUNK_PLAIN, (int)w->k, (int)(w->n - w->k), tables, chunk, chunk + w->k);
    return (size_t)w->k * LAYR_CHUNK_PLAIN;
}

static work_t works[] = {{"tags portable", 0, 0, LAYR_KERNEL_PORTABLE, run_tag},
                         {"tags pclmul", 0, 0, LAYR_KERNEL_PCLMUL, run_tag},
                         {"tags vpclmul", 0, 0, LAYR_KERNEL_VPCLMUL, run_tag},
                         {"answer portable", 0, 0, LAYR_KERNEL_PORTABLE, run_answer},
                         {"answer pclmul", 0, 0, LAYR_KERNEL_PCLMUL, run_answer},
                         {"answer vpclmul", 0, 0, LAYR_KERNEL_VPCLMUL, run_answer},
                         {"answer check", 0, 0, LAYR_KERNEL_AUTO, run_check},
                         {"SHA-256", 0, 0, LAYR_KERNEL_AUTO, run_sha256},
                         {"seal", 0, 0, LAYR_KERNEL_AUTO, run_seal},
                         {"open", 0, 0, LAYR_KERNEL_AUTO, run_open},
                         {"encode 4/8", 4, 8, LAYR_KERNEL_AUTO, run_encode},
                         {"encode 10/20", 10, 20, LAYR_KERNEL_AUTO, run_encode},
                         {"encode 20/40", 20, 40, LAYR_KERNEL_AUTO, run_encode},
                         {"decode 4/8", 4, 8, LAYR_KERNEL_AUTO, run_decode},
                         {"decode 20/40", 20, 40, LAYR_KERNEL_AUTO, run_decode},
                         {"memcpy", 0, 0, LAYR_KERNEL_AUTO, run_memcpy},
                         {"EVP SHA-256", 0, 0, LAYR_KERNEL_AUTO, run_evp_sha256},
                         {"EVP AES-256-GCM", 0, 0, LAYR_KERNEL_AUTO, run_evp_gcm},
                         {"ec_encode_data 4/8", 4, 8, LAYR_KERNEL_AUTO, run_isal},
                         {"ec_encode_data 10/20", 10, 20, LAYR_KERNEL_AUTO, run_isal},
                         {"ec_encode_data 20/40", 20, 40, LAYR_KERNEL_AUTO, run_isal}};

#define COUNT (sizeof works / sizeof works[0])

/* --- what they need --- */

static int make_codes(const work_t *w)
{
    layr_scheme_t s = {(uint8_t)w->k, (uint8_t)w->n};
    uint8_t matrix[K_MAX * ROWS_MAX], survivors[K_MAX];
    int rc;

    gf_gen_cauchy1_matrix(matrix, (int)w->n, (int)w->k);
    ec_init_tables((int)w->k, (int)(w->n - w->k), matrix + w->k * w->k, tables);
    for (unsigned i = 0; i < w->k; i++)
        survivors[i] = (uint8_t)(i < w->n - w->k ? w->k + i : i);
    rc = layr_coder_new(&coder, s);
    return rc == LAYR_OK ? layr_decoder_new(&decoder, coder, survivors) : rc;
}

static int make(const work_t *w)
{
    int rc = layr_init();

    for (size_t i = 0; i < ROWS_MAX; i++) {
        if (posix_memalign((void **)&chunk[i], 64, LAYR_CHUNK) != 0)
            return LAYR_ERR_NOMEM;
        layr_random(chunk[i], LAYR_CHUNK);
    }
    sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    md = EVP_MD_CTX_new();
    gcm = EVP_CIPHER_CTX_new();
    if (sha256 == NULL || md == NULL || gcm == NULL ||
        EVP_EncryptInit_ex(gcm, EVP_aes_256_gcm(), NULL, key, NULL) != 1)
        return LAYR_ERR_NOMEM;
    if (rc == LAYR_OK)
        rc = layr_tagger_new(&tagger, key, w->kernel);
    if (rc == LAYR_OK)
        rc = layr_answer_new(&answer, w->kernel);
    layr_random(nu, sizeof nu);
    if (rc == LAYR_OK)
        rc = layr_sealer_new(&sealer);
    if (rc == LAYR_OK)
        rc = layr_sealer_key(sealer, key);
    if (rc == LAYR_OK && w->k)
        rc = make_codes(w);
    return rc;
}

static void drop(void)
{
    layr_decoder_free(decoder);
    layr_coder_free(coder);
    layr_sealer_free(sealer);
    layr_tagger_free(tagger);
    layr_answer_free(answer);
    EVP_CIPHER_CTX_free(gcm);
    EVP_MD_CTX_free(md);
    EVP_MD_free(sha256);
    for (size_t i = 0; i < ROWS_MAX; i++)
        free(chunk[i]);
}

/* Of this thread: who else uses the processor does not count. */
static double cpu_seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int measure(work_t *w, double seconds)
{
    double began, now;
    unsigned long long bytes = 0;
    size_t n = run_seal(w); /* so that there is something to open */

    began = now = cpu_seconds();
    while (n > 0 && now < began + seconds) {
        for (unsigned i = 0; n > 0 && i < 8; i++) {
            n = w->run(w);
            bytes += n;
        }
        now = cpu_seconds();
    }
    printf("{\"seconds\": %.6f, \"cpu\": %.6f, \"bytes\": %llu}\n", now - began, now - began, bytes);
    return n > 0 ? 0 : 1;
}

static void list(void)
{
    for (size_t i = 0; i < COUNT; i++)
        if (layr_kernel_usable(works[i].kernel))
            puts(works[i].name);
}

int main(int argc, char **argv)
{
    int rc = 1;

    if (argc == 2 && strcmp(argv[1], "list") == 0) {
        list();
        return 0;
    }
    for (size_t i = 0; argc == 3 && i < COUNT; i++) {
        if (strcmp(works[i].name, argv[1]) != 0)
            continue;
        if (make(&works[i]) == LAYR_OK)
            rc = measure(&works[i], strtod(argv[2], NULL));
        drop();
        return rc;
    }
    fputs("usage: kernels list | kernels NAME SECONDS\n", stderr);
    return 2;
}
