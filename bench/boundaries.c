/*
 * boundaries LAYOUT K/N VERSION...: what share of each version, a file or a folder, an update from the one before it would send.
 * LAYOUT says how the bytes are cut into segments; a segment that the version before had, wherever, is not sent:
 *
 *     layr        as layr-put --update does: of a folder, what is the same stays where it is
 *     fixed       all in order, at fixed places (files larger than a segment on one of their own, as layr-put packs a folder anew)
 *     content     all in order, at places that the content has (FastCDC's: gear hash, least a quarter of a full segment, half
 *                 of one on average, one at most)
 *     content/M   the same with M bytes on average, half of that at least, four times as many at most
 *
 * Prints JSON: of all updates together bytes, sent, seconds and cpu, most (the largest share of one), of the last version
 * segments and unused.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "../tools/opt.h"
#include "../tools/pack_internal.h"
#include "../tools/source.h"
#include "layr/thread.h"

typedef struct segment {
    uint8_t id[32];
    uint64_t size;
} segment_t;

typedef struct version {
    layr_tool_source_t source;
    segment_t *segment;
    size_t count;
    uint64_t bytes, unused; /* of files; of segments */
} version_t;

typedef struct layout {
    bool layr, content;
    layr_scheme_t scheme;
    size_t least, mean, most; /* of a segment; fixed: all the same */
    uint64_t early, late;     /* masks of the hash before and after the mean */
} layout_t;

static uint64_t gear[256];

static int failed(const char *what, int rc, const layr_diag_t *d)
{
    fprintf(stderr, "boundaries: %s: %s\n", what, d != NULL && d->code != 0 ? d->text : layr_strerror(rc));
    return 1;
}

/* --- cutting --- */

static void make_gear(void)
{
    uint64_t x = 0x9e3779b97f4a7c15u;

    for (int i = 0; i < 256; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        gear[i] = x;
    }
}

/* So many of the highest bits, which the most bytes before them have changed. */
static uint64_t mask_of(unsigned bits)
{
    uint64_t mask = 0;

    while (bits-- > 0)
        mask = mask >> 1 | (uint64_t)1 << 63;
    return mask;
}

static void set_mean(layout_t *l, size_t mean)
{
    unsigned bits = 0;

    while ((size_t)2 << bits <= mean)
        bits++;
    l->content = true;
    l->mean = mean;
    l->least = mean / 2;
    l->most = 4 * mean < l->most ? 4 * mean : l->most;
    l->early = mask_of(bits + 1);
    l->late = mask_of(bits - 1);
}

/* Where a segment that begins with these bytes ends. */
static size_t cut_at(const layout_t *l, const uint8_t *p, size_t len)
{
    uint64_t hash = 0;
    size_t i = l->least > 64 ? l->least - 64 : 0;

    if (!l->content || len <= l->least)
        return len;
    for (; i < len; i++) {
        hash = (hash << 1) + gear[p[i]];
        if (i >= l->least && (hash & (i < l->mean ? l->early : l->late)) == 0)
            return i + 1;
    }
    return len;
}

static int add(version_t *v, const uint8_t *p, size_t len)
{
    segment_t *s;

    if ((v->count & (v->count - 1)) == 0) {
        s = realloc(v->segment, (2 * v->count + 1) * sizeof *s);
        if (s == NULL)
            return LAYR_ERR_NOMEM;
        v->segment = s;
    }
    s = &v->segment[v->count++];
    s->size = len;
    return layr_sha256_1(s->id, p, len);
}

static int read_stream(version_t *v, const layout_t *l, layr_diag_t *d)
{
    layr_source_t *src = &v->source.src;
    uint8_t *buf = malloc(l->most);
    size_t len = 0;
    int64_t n = 1;
    int rc = buf != NULL ? LAYR_OK : LAYR_ERR_NOMEM;

    if (src->start != NULL)
        src->start(src->ctx, layr_full_segment(l->scheme));
    while (rc == LAYR_OK && (n != 0 || len > 0)) {
        size_t at = 0;

        while (n != 0 && len < l->most) {
            n = src->read(src->ctx, buf + len, l->most - len, d);
            if (n == LAYR_SOURCE_CUT && !l->content && len > 0)
                break;
            if (n == LAYR_SOURCE_CUT || n == LAYR_ERR_TIMEOUT)
                continue;
            if (n < 0) {
                free(buf);
                return (int)n;
            }
            len += (size_t)n;
        }
        if (len > 0) {
            at = cut_at(l, buf, len);
            rc = add(v, buf, at);
        }
        memmove(buf, buf + at, len - at);
        len -= at;
    }
    free(buf);
    return rc;
}

/* --- versions --- */

static void no_progress(void *ctx, uint64_t done, uint64_t total)
{
    (void)ctx;
    (void)done;
    (void)total;
}

/* What stays of the version before begins the new one. */
static int keep(version_t *v, const version_t *old, const layout_t *l, layr_diag_t *d)
{
    layr_tree_segment_t *there = malloc((old->count + 1) * sizeof *there);
    layr_tree_plan_t plan = {0};
    int rc = there != NULL ? LAYR_OK : LAYR_ERR_NOMEM;

    v->segment = calloc(2 * old->count + 2, sizeof *v->segment);
    for (size_t i = 0; i < old->count && rc == LAYR_OK; i++)
        there[i] = (layr_tree_segment_t){old->segment[i].size, true};
    if (rc == LAYR_OK && v->segment == NULL)
        rc = LAYR_ERR_NOMEM;
    if (rc == LAYR_OK)
        rc = layr_pack_update(v->source.pack, &old->source.pack->tree, there, old->count,
                              layr_full_segment(l->scheme), no_progress, NULL, &v->source.src, &plan, d);
    for (size_t i = 0; i < plan.keep_count && rc == LAYR_OK; i++)
        v->segment[v->count++] = old->segment[plan.keep[i]];
    v->unused = plan.unused;
    layr_tree_plan_free(&plan);
    free(there);
    return rc;
}

static int read_version(version_t *v, const version_t *old, const layout_t *l, const char *path)
{
    layr_diag_t d = {0};
    int rc = 0;

    if (layr_tool_source_open(&v->source, path) != LAYR_OPT_GO_ON)
        return 1;
    v->bytes = v->source.pack != NULL ? layr_pack_count(v->source.pack)->bytes : (uint64_t)v->source.size;
    if (l->layr && old != NULL && old->source.pack != NULL && v->source.pack != NULL)
        rc = keep(v, old, l, &d);
    if (rc == LAYR_OK)
        rc = read_stream(v, l, &d);
    return rc == LAYR_OK ? 0 : failed(path, rc, &d);
}

static int by_id(const void *a, const void *b)
{
    return memcmp(a, b, 32);
}

static int sent_of(const version_t *v, const version_t *old, uint64_t *sent)
{
    segment_t *s = malloc((old->count + 1) * sizeof *s);

    if (s == NULL)
        return failed("versions", LAYR_ERR_NOMEM, NULL);
    memcpy(s, old->segment, old->count * sizeof *s);
    qsort(s, old->count, sizeof *s, by_id);
    *sent = 0;
    for (size_t i = 0; i < v->count; i++)
        if (bsearch(&v->segment[i], s, old->count, sizeof *s, by_id) == NULL)
            *sent += v->segment[i].size;
    free(s);
    return 0;
}

static void free_version(version_t *v)
{
    layr_tool_source_close(&v->source);
    free(v->segment);
    *v = (version_t){0};
}

static double cpu_seconds(void)
{
    struct rusage u;

    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static int measure(const layout_t *l, char **path, int count)
{
    version_t old = {0}, v = {0};
    uint64_t bytes = 0, all = 0, sent = 0, began = layr_now_us();
    double most = 0;
    int rc = 0;

    for (int i = 0; i < count && rc == 0; i++) {
        rc = read_version(&v, i > 0 ? &old : NULL, l, path[i]);
        if (rc == 0 && i > 0)
            rc = sent_of(&v, &old, &sent);
        if (i > 0 && rc == 0) {
            double share = (double)sent / (double)(v.bytes > 0 ? v.bytes : 1);

            bytes += v.bytes;
            all += sent;
            most = share > most ? share : most;
        }
        free_version(&old);
        old = v;
        if (old.source.pack == NULL) /* it points to itself */
            old.source.src.ctx = &old.source;
        v = (version_t){.source.fd = -1};
    }
    if (rc == 0)
        printf("{\"bytes\": %" PRIu64 ", \"sent\": %" PRIu64
               ", \"most\": %.6f, \"segments\": %zu, \"unused\": %" PRIu64
               ", \"seconds\": %.6f, \"cpu\": %.6f}\n",
               bytes, all, most, old.count, old.unused, (double)(layr_now_us() - began) / 1e6, cpu_seconds());
    free_version(&old);
    free_version(&v);
    return rc;
}

static bool take_layout(layout_t *l, const char *name, const char *scheme)
{
    unsigned k, n;
    uint64_t mean;

    if (layr_opt_scheme(&k, &n, scheme) != 0)
        return false;
    l->scheme = (layr_scheme_t){(uint8_t)k, (uint8_t)n};
    l->most = layr_full_segment(l->scheme);
    l->layr = strcmp(name, "layr") == 0;
    if (strcmp(name, "content") == 0)
        set_mean(l, l->most / 2);
    else if (strncmp(name, "content/", 8) == 0 && layr_opt_number(&mean, name + 8, 1024, l->most / 2) == 0)
        set_mean(l, (size_t)mean);
    else
        return l->layr || strcmp(name, "fixed") == 0;
    return true;
}

int main(int argc, char **argv)
{
    layout_t l = {0};

    layr_say_init(argv[0], true);
    if (argc < 5 || !take_layout(&l, argv[1], argv[2])) {
        fprintf(stderr, "usage: boundaries layr|fixed|content|content/M K/N VERSION VERSION...\n");
        return 2;
    }
    if (layr_init() != 0)
        return failed("layr_init", LAYR_ERR_CRYPTO, NULL);
    make_gear();
    return measure(&l, argv + 3, argc - 3);
}
