/*
 * stages STAGE K/N SECONDS [FILE, or PIN URL...]: one step of put or get, alone, over segments of a file; prints a line of JSON whose
 * bytes are the file's.  Steps that only compute run on one thread, and their seconds are its CPU time.
 */
#include <fcntl.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "layr/bytes.h"
#include "layr/code.h"
#include "layr/crypto.h"
#include "layr/net.h"
#include "layr/thread.h"

#define FILE_MAX ((off_t)1 << 30)
#define WRITE_PIECE (256u << 10) /* as layr-get does */

static layr_shape_t shape;
static layr_coder_t *coder;
static layr_decoder_t *decoder;
static layr_tagger_t *tagger;
static layr_sealer_t *sealer;
static layr_blob_maker_t *maker;
static layr_hash_t *hash;
static uint8_t *plain, *coded, *blob[LAYR_N_MAX];
static const uint8_t key[32] = {1}, salt[16] = {2};
static char **where;       /* FILE, or URLs */
static uint8_t pin[1][32]; /* of the hosts' key */
static int where_count;
static int fd = -1;

static uint8_t *chunk_of(uint32_t t, unsigned row)
{
    if (row < shape.scheme.k)
        return plain + ((size_t)t * shape.scheme.k + row) * shape.chunk_plain;
    return coded + ((size_t)t * (shape.scheme.n - shape.scheme.k) + row - shape.scheme.k) * shape.chunk_plain;
}

/* --- steps that compute: one segment each time --- */

static int step_read(void)
{
    size_t at = 0;

    while (at < shape.size) {
        ssize_t n = read(fd, plain + at, shape.size - at);
        if (n < 0 || (n == 0 && lseek(fd, 0, SEEK_SET) != 0))
            return LAYR_ERR_IO;
        at += (size_t)n;
    }
    return LAYR_OK;
}

static int step_write(void)
{
    for (size_t at = 0; at < shape.size;) {
        size_t left = shape.size - at;
        ssize_t n = write(fd, plain + at, left < WRITE_PIECE ? left : WRITE_PIECE);
        if (n <= 0)
            return LAYR_ERR_IO;
        at += (size_t)n;
    }
    return lseek(fd, 0, SEEK_CUR) < FILE_MAX || (ftruncate(fd, 0) == 0 && lseek(fd, 0, SEEK_SET) == 0)
               ? LAYR_OK
               : LAYR_ERR_IO;
}

static int step_hash(void)
{
    return layr_hash_update(hash, plain, shape.size);
}

static int step_code(void)
{
    const uint8_t *data[LAYR_N_MAX];
    uint8_t *parity[LAYR_N_MAX];
    int rc = LAYR_OK;

    for (uint32_t t = 0; rc == LAYR_OK && t < shape.stripes; t++) {
        for (unsigned i = 0; i < shape.scheme.n; i++) {
            if (i < shape.scheme.k)
                data[i] = chunk_of(t, i);
            else
                parity[i - shape.scheme.k] = chunk_of(t, i);
        }
        rc = layr_encode_rows(coder, parity, data, shape.chunk_plain);
    }
    return rc;
}

static int step_decode(void)
{
    const uint8_t *in[LAYR_N_MAX];
    uint8_t *out[LAYR_N_MAX], want[LAYR_N_MAX];
    int rc = LAYR_OK;

    for (uint32_t t = 0; rc == LAYR_OK && t < shape.stripes; t++) {
        in[0] = chunk_of(t, shape.scheme.k); /* one lost, as the decoder was made for */
        for (unsigned i = 1; i < shape.scheme.k; i++)
            in[i] = chunk_of(t, i);
        out[0] = chunk_of(t, 0);
        want[0] = 0;
        rc = layr_decode(decoder, out, want, 1, in, shape.chunk_plain);
    }
    return rc;
}

static int step_seal(void)
{
    int rc = LAYR_OK;

    for (unsigned i = 0; rc == LAYR_OK && i < shape.scheme.n; i++)
        for (uint32_t t = 0; rc == LAYR_OK && t < shape.stripes; t++)
            rc = layr_seal_chunk(sealer, blob[i] + (size_t)t * shape.chunk, chunk_of(t, i), shape.chunk_plain,
                                 t, t + 1 == shape.stripes);
    return rc;
}

static int step_open(void)
{
    int rc = LAYR_OK;

    for (unsigned i = 0; rc == LAYR_OK && i < shape.scheme.k; i++)
        for (uint32_t t = 0; rc == LAYR_OK && t < shape.stripes; t++)
            rc = layr_blob_open_chunk(sealer, chunk_of(t, i), blob[i] + (size_t)t * shape.chunk, &shape, t);
    return rc;
}

static int step_tag(void)
{
    int rc = LAYR_OK;

    for (unsigned i = 0; rc == LAYR_OK && i < shape.scheme.n; i++)
        rc = layr_tag_blocks(tagger, blob[i] + shape.shard_stored, blob[i], 0, shape.blocks, salt);
    return rc;
}

static int name_blobs(unsigned count)
{
    uint8_t id[32];
    int rc = LAYR_OK;

    for (unsigned i = 0; rc == LAYR_OK && i < count; i++)
        rc = layr_sha256_1(id, blob[i], shape.blob);
    return rc;
}

static int step_name(void)
{
    return name_blobs(shape.scheme.n);
}

static int step_check(void)
{
    return name_blobs(shape.scheme.k);
}

static int step_make(void)
{
    uint8_t id[32];
    int rc = LAYR_OK;

    for (unsigned i = 0; rc == LAYR_OK && i < shape.scheme.n; i++)
        rc = layr_make_shard(maker, blob[i], id, coder, &shape, plain, i, tagger, key, salt);
    return rc;
}

/* --- steps on the network: blobs to or from all hosts at a time, two each --- */

typedef struct transfer {
    layr_req_t req;
    char url[256];
    size_t n;
} transfer_t;

static layr_net_t *net;
static uint64_t end_us;
static atomic_ullong moved;
static atomic_int wrong;
static sem_t over;

static void transferred(layr_req_t *r)
{
    bool good = r->error == LAYR_OK && r->status >= 200 && r->status < 300;

    atomic_fetch_add(&moved, good ? shape.blob : 0);
    if (!good && atomic_fetch_add(&wrong, 1) == 0)
        fprintf(stderr, "stages: %s: %d %s\n", r->url, r->status, r->error_text);
    if (!good || layr_now_us() >= end_us || layr_net_submit(net, r) != LAYR_OK)
        sem_post(&over);
}

static void prepare(transfer_t *t, size_t n, bool put)
{
    snprintf(t->url, sizeof t->url, "%s/blob%zu", where[n % (size_t)where_count], n);
    t->req = (layr_req_t){.method = put ? "PUT" : "GET",
                          .url = t->url,
                          .trust = LAYR_TRUST_PINS,
                          .pins = pin,
                          .pin_count = 1,
                          .done = transferred};
    if (put) {
        t->req.body = blob[n % shape.scheme.n];
        t->req.body_len = shape.blob;
    } else {
        t->req.into = malloc(shape.blob);
        t->req.into_cap = shape.blob;
    }
}

/* For so many microseconds; 0: each once. */
static int transfer(bool put, uint64_t usec)
{
    size_t count = 2 * (size_t)where_count;
    transfer_t *all = calloc(count, sizeof *all);
    int rc = all ? layr_net_new(&net, NULL) : LAYR_ERR_NOMEM;

    sem_init(&over, 0, 0);
    end_us = layr_now_us() + usec;
    for (size_t i = 0; rc == LAYR_OK && i < count; i++) {
        prepare(&all[i], i, put);
        rc = layr_net_submit(net, &all[i].req);
    }
    for (size_t i = 0; rc == LAYR_OK && i < count; i++)
        sem_wait(&over);
    layr_net_free(net);
    for (size_t i = 0; all && i < count; i++)
        free(all[i].req.into);
    free(all);
    return rc == LAYR_OK && wrong ? LAYR_ERR_NET : rc;
}

/* --- measuring --- */

static const struct stage {
    const char *name;
    int (*step)(void);
    int file; /* open flags of FILE, or -1 */
} stages[] = {{"read", step_read, O_RDONLY},
              {"hash", step_hash, -1},
              {"code", step_code, -1},
              {"decode", step_decode, -1},
              {"seal", step_seal, -1},
              {"open", step_open, -1},
              {"tag", step_tag, -1},
              {"name", step_name, -1},
              {"check", step_check, -1},
              {"make", step_make, -1},
              {"write", step_write, O_WRONLY | O_CREAT | O_TRUNC},
              {"send", NULL, -1},
              {"receive", NULL, -1}};

static double clock_of(clockid_t id)
{
    struct timespec t;

    clock_gettime(id, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int compute(const struct stage *s, double seconds)
{
    double began, now, wall = clock_of(CLOCK_MONOTONIC);
    unsigned long long bytes = 0;
    int rc = s->step(); /* warm */

    began = now = clock_of(CLOCK_THREAD_CPUTIME_ID);
    while (rc == LAYR_OK && (bytes == 0 || clock_of(CLOCK_MONOTONIC) - wall < seconds)) {
        rc = s->step();
        bytes += shape.size;
        now = clock_of(CLOCK_THREAD_CPUTIME_ID);
    }
    printf("{\"seconds\": %.6f, \"cpu\": %.6f, \"bytes\": %llu}\n", now - began, now - began, bytes);
    return rc;
}

/* bytes: those of the file that these blobs are for. */
static int over_network(const struct stage *s, double seconds)
{
    bool put = strcmp(s->name, "send") == 0;
    double began, cpu, file;
    int rc = put ? LAYR_OK : transfer(true, 0); /* so that there is something to receive */

    moved = 0;
    began = clock_of(CLOCK_MONOTONIC);
    cpu = clock_of(CLOCK_PROCESS_CPUTIME_ID);
    if (rc == LAYR_OK)
        rc = transfer(put, (uint64_t)(seconds * 1e6));
    file =
        (double)moved * (double)shape.size / ((double)shape.blob * (put ? shape.scheme.n : shape.scheme.k));
    printf("{\"seconds\": %.6f, \"cpu\": %.6f, \"bytes\": %.0f}\n", clock_of(CLOCK_MONOTONIC) - began,
           clock_of(CLOCK_PROCESS_CPUTIME_ID) - cpu, file);
    return rc;
}

static int make(layr_scheme_t s, const struct stage *stage)
{
    uint8_t survivors[LAYR_N_MAX];
    int rc;

    for (unsigned i = 0; i < s.k; i++)
        survivors[i] = (uint8_t)(i == 0 ? s.k : i);
    if ((rc = layr_init()) != LAYR_OK || (rc = layr_shape_of(&shape, s, layr_full_segment(s))) != LAYR_OK ||
        (rc = layr_coder_new(&coder, s)) != LAYR_OK ||
        (rc = layr_decoder_new(&decoder, coder, survivors)) != LAYR_OK ||
        (rc = layr_tagger_new(&tagger, key, LAYR_KERNEL_AUTO)) != LAYR_OK ||
        (rc = layr_sealer_new(&sealer)) != LAYR_OK || (rc = layr_sealer_key(sealer, key)) != LAYR_OK ||
        (rc = layr_blob_maker_new(&maker)) != LAYR_OK || (rc = layr_hash_new(&hash)) != LAYR_OK)
        return rc;
    plain = malloc(shape.size);
    coded = malloc((size_t)(s.n - s.k) * shape.shard_plain + 1);
    if (plain == NULL || coded == NULL)
        return LAYR_ERR_NOMEM;
    layr_random(plain, shape.size);
    for (unsigned i = 0; i < s.n; i++)
        if ((blob[i] = malloc(shape.blob)) == NULL)
            return LAYR_ERR_NOMEM;
    if (stage->file >= 0 && (fd = open(where[0], stage->file | O_CLOEXEC, 0600)) < 0)
        return LAYR_ERR_IO;
    rc = step_code();
    return rc == LAYR_OK ? step_seal() : rc;
}

static void drop(void)
{
    for (unsigned i = 0; i < shape.scheme.n; i++)
        free(blob[i]);
    free(coded);
    free(plain);
    layr_hash_free(hash);
    layr_blob_maker_free(maker);
    layr_sealer_free(sealer);
    layr_tagger_free(tagger);
    layr_decoder_free(decoder);
    layr_coder_free(coder);
    if (fd >= 0)
        close(fd);
}

int main(int argc, char **argv)
{
    const struct stage *s = NULL;
    layr_scheme_t scheme;
    int rc;

    for (size_t i = 0; argc > 3 && i < sizeof stages / sizeof stages[0]; i++)
        if (strcmp(argv[1], stages[i].name) == 0)
            s = &stages[i];
    where = argv + 4;
    where_count = argc - 4;
    if (s != NULL && !s->step && where_count > 1 &&
        layr_unhex(pin[0], 32, where[0], strlen(where[0])) == LAYR_OK) {
        where++;
        where_count--;
    } else if (s != NULL && !s->step) {
        s = NULL;
    }
    if (s == NULL || layr_scheme_parse(&scheme, argv[2]) != LAYR_OK || (s->file >= 0 && where_count < 1)) {
        fputs("usage: stages STAGE K/N SECONDS [FILE|PIN URL...]\n", stderr);
        return 2;
    }
    rc = make(scheme, s);
    if (rc == LAYR_OK)
        rc = (s->step ? compute : over_network)(s, strtod(argv[3], NULL));
    drop();
    if (rc != LAYR_OK)
        fprintf(stderr, "stages: %s: %s\n", s->name, layr_strerror(rc));
    return rc == LAYR_OK ? 0 : 1;
}
