/*
 * The answer to a challenge, from the blobs.  A blob is B blocks and then B tags.  Blocks are read in windows of a
 * mebibyte, the next of which the disk fetches while this one is added up, and their tags in windows of 4,096: one jump
 * to the blob's end for 16 MiB.  A sample's blocks are asked of the disk 64 at a time, so that it may choose their order.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/fault.h"
#include "db/host_internal.h"
#include "db/host_pages.h"
#include "layr/hostaudit.h"

#define PIECE 64u                /* blocks added up at a time: they stay in a core's cache */
#define WINDOW LAYR_PAGES        /* blocks */
#define TAGS 4096u               /* tags read at a time */
#define SLICE (4u * 1024 * 1024) /* bytes */
#define SEEK (SLICE / 128)       /* what a block of a sample counts as: a jump of the disk's head */
#define OPEN (SLICE / 64)        /* what opening a blob counts as */

_Static_assert(TAGS *LAYR_TAG_BYTES <= LAYR_PAGES * LAYR_BLOCK, "a window of tags is one of pages");

struct layr_host_audit {
    const char *store;
    const layr_challenge_t *c;
    const layr_host_asked_t *asked;
    layr_answer_t *answer;
    uint64_t bytes;

    unsigned shard; /* the one being read, or the next */
    layr_pages_file_t file;
    uint64_t blocks; /* of its blob */
    bool all;        /* every block is asked for */
    layr_draw_t draw;
    layr_pages_t window[2], tag_window; /* this one and the next, by their numbers' last bit */
    uint64_t tags_at;                   /* the number of tag[0]'s block */

    uint64_t number[PIECE];
    uint8_t nu[PIECE][16];
    uint8_t block[PIECE * LAYR_BLOCK];
    uint8_t tag[TAGS * LAYR_TAG_BYTES];
    layr_pages_t sampled[2 * PIECE]; /* pages of a sample's blocks and tags */
};

int layr_host_audit_new(layr_host_audit_t **out, const char *store, const layr_challenge_t *c,
                        const layr_host_asked_t *asked)
{
    layr_host_audit_t *a = calloc(1, sizeof *a);
    int rc;

    if (a == NULL)
        return LAYR_ERR_NOMEM;
    a->store = store;
    a->c = c;
    a->asked = asked;
    a->file.fd = -1;
    rc = layr_answer_new(&a->answer, LAYR_KERNEL_AUTO);
    if (rc == 0)
        *out = a;
    else
        layr_host_audit_free(a);
    return rc;
}

void layr_host_audit_free(layr_host_audit_t *a)
{
    if (a == NULL)
        return;
    layr_pages_close(&a->file);
    layr_answer_free(a->answer);
    free(a);
}

uint64_t layr_host_audit_bytes(const layr_host_audit_t *a)
{
    return a->bytes;
}

void layr_host_audit_answer(const layr_host_audit_t *a, uint8_t out[LAYR_ANSWER_BYTES])
{
    layr_answer_end(a->answer, out);
}

static void want_window(layr_host_audit_t *a, uint64_t first)
{
    uint64_t left = first < a->blocks ? a->blocks - first : 0;

    if (left > 0)
        layr_pages_want(&a->file, &a->window[first / WINDOW % 2], first * LAYR_BLOCK,
                        (left < WINDOW ? left : WINDOW) * LAYR_BLOCK);
}

static void want_tags(layr_host_audit_t *a, uint64_t first)
{
    uint64_t left = a->blocks - first;

    a->tags_at = first;
    layr_pages_want(&a->file, &a->tag_window, a->blocks * LAYR_BLOCK + first * LAYR_TAG_BYTES,
                    (left < TAGS ? left : TAGS) * LAYR_TAG_BYTES);
}

static int read_tags(layr_host_audit_t *a)
{
    int rc = layr_pages_read(&a->file, a->tag, a->tag_window.len, a->tag_window.at);

    layr_pages_drop(&a->file, &a->tag_window);
    return rc;
}

static int open_shard(layr_host_audit_t *a)
{
    const uint8_t *id = a->c->shard[a->shard];
    uint64_t size = a->asked->size[a->shard];
    char path[LAYR_HOST_PATH_MAX];
    int rc = layr_host_blob_path(path, sizeof path, a->store, id);

    if (rc == 0)
        rc = layr_pages_open(&a->file, path, size);
    if (rc != 0)
        return rc;
    a->blocks = size / (LAYR_BLOCK + LAYR_TAG_BYTES);
    a->all = a->c->sample == 0 || a->c->sample >= a->blocks;
    rc = layr_draw_begin(&a->draw, a->c->seed, id, a->blocks, a->c->sample);
    if (rc != 0 || !a->all)
        return rc;
    want_window(a, 0);
    want_tags(a, 0);
    want_window(a, WINDOW);
    return read_tags(a);
}

/* Blocks number[0] to number[0] + n - 1, which is within one window. */
static int add_run(layr_host_audit_t *a, size_t n)
{
    uint64_t first = a->number[0];
    int rc = 0;

    if (first == a->tags_at + TAGS) {
        want_tags(a, first);
        rc = read_tags(a);
    }
    if (rc == 0)
        rc = layr_pages_read(&a->file, a->block, n * LAYR_BLOCK, first * LAYR_BLOCK);
    if (rc != 0)
        return rc;
    layr_answer_add(a->answer, a->block, a->tag + (first - a->tags_at) * LAYR_TAG_BYTES,
                    (const uint8_t(*)[16])a->nu, n);
    if ((first + n) % WINDOW == 0 || first + n == a->blocks) {
        layr_pages_drop(&a->file, &a->window[first / WINDOW % 2]);
        want_window(a, first / WINDOW * WINDOW + 2 * WINDOW);
    }
    return 0;
}

static uint64_t tag_offset(const layr_host_audit_t *a, uint64_t number)
{
    return a->blocks * LAYR_BLOCK + number * LAYR_TAG_BYTES;
}

static int read_sample(layr_host_audit_t *a, size_t n)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < n; i++) {
        rc = layr_pages_read(&a->file, a->block + i * LAYR_BLOCK, LAYR_BLOCK, a->number[i] * LAYR_BLOCK);
        if (rc == 0)
            rc = layr_pages_read(&a->file, a->tag + i * LAYR_TAG_BYTES, LAYR_TAG_BYTES,
                                 tag_offset(a, a->number[i]));
    }
    return rc;
}

/* Blocks anywhere; the same one may come twice. */
static int add_sample(layr_host_audit_t *a, size_t n)
{
    layr_pages_t *p = a->sampled;
    int rc;

    for (size_t i = 0; i < n; i++) {
        uint64_t page = tag_offset(a, a->number[i]) / LAYR_BLOCK * LAYR_BLOCK;

        layr_pages_want(&a->file, &p[2 * i], a->number[i] * LAYR_BLOCK, LAYR_BLOCK);
        layr_pages_want(&a->file, &p[2 * i + 1], page, 1);
    }
    rc = read_sample(a, n);
    for (size_t i = 0; i < 2 * n; i++)
        layr_pages_drop(&a->file, &p[i]);
    if (rc == 0)
        layr_answer_add(a->answer, a->block, a->tag, (const uint8_t(*)[16])a->nu, n);
    return rc;
}

/* The next blocks of the shard that is open; *cost of them, 0: there are none. */
static int piece(layr_host_audit_t *a, size_t *cost)
{
    size_t n = layr_draw_next(&a->draw, a->number, a->nu, PIECE);
    int rc;

    *cost = n * (a->all ? LAYR_BLOCK : SEEK);
    if (n == 0)
        return 0;
    rc = a->all ? add_run(a, n) : add_sample(a, n);
    if (rc == 0)
        a->bytes += n * (LAYR_BLOCK + LAYR_TAG_BYTES);
    return rc;
}

static int slice(layr_host_audit_t *a)
{
    size_t done = 0, cost;
    int rc = 0;

    while (rc == 0 && done < SLICE && a->shard < a->c->count) {
        if (a->file.fd < 0) {
            rc = open_shard(a);
            done += OPEN;
            continue;
        }
        rc = piece(a, &cost);
        done += cost;
        if (rc == 0 && cost == 0) {
            layr_pages_close(&a->file);
            a->shard++;
        }
    }
    return rc;
}

int layr_host_audit_slice(layr_host_audit_t *a, unsigned *at, layr_diag_t *d)
{
    char id[65];
    int rc;

    LAYR_FAULT_POINT("audit.slice");
    rc = slice(a);
    if (rc == 0)
        return a->shard < a->c->count;
    *at = a->shard;
    layr_hex(id, a->c->shard[a->shard], 32);
    if (rc == LAYR_ERR_IO)
        layr_diag_set(d, rc, "%s/shards: %s cannot be read: %s", a->store, id, strerror(errno));
    return rc;
}
