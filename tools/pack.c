/*
 * A folder's stream as layr_put reads it. Files of up to a segment come first, one after the other; then the larger ones, each at
 * the beginning of a segment; then the tree. So a small change moves little, and segments are cut short only before and after
 * large files.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "opt.h"
#include "pack_internal.h"
#include "show.h"

static layr_tree_entry_t *at_hand(const layr_pack_t *p)
{
    return &p->tree.entry[p->order[p->next]];
}

int layr_pack_failed(const layr_pack_t *p, size_t i, layr_diag_t *d, const char *what)
{
    char shown[2 * PATH_MAX];

    layr_show_name(shown, sizeof shown, p->tree.entry[i].path);
    return layr_diag_set(d, LAYR_ERR_IO, "%s/%s %s: nothing was stored", p->path, shown, what);
}

/* --- one file --- */

static bool same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mode == b->st_mode && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
           a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* Also that it is the one that was looked at: no link or pipe that came in its place. */
int layr_pack_check_same(const layr_pack_t *p, size_t i, int fd, layr_diag_t *d)
{
    struct stat st;

    if (fstat(fd, &st) != 0)
        return layr_pack_failed(p, i, d, strerror(errno));
    return same(&st, &p->seen[i]) ? LAYR_OK
                                  : layr_pack_failed(p, i, d, "was changed while the folder was read");
}

int layr_pack_begin_file(const layr_pack_t *p, size_t i, int *fd, layr_diag_t *d)
{
    char why[200];
    int rc;

    *fd = openat(p->root, p->tree.entry[i].path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (*fd < 0) {
        snprintf(why, sizeof why, "cannot be read (%s)", strerror(errno));
        return layr_pack_failed(p, i, d, why);
    }
    rc = layr_pack_check_same(p, i, *fd, d);
    if (rc == LAYR_OK)
        posix_fadvise(*fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    return rc;
}

static int begin_file(layr_pack_t *p, layr_diag_t *d)
{
    layr_tree_entry_t *e = at_hand(p);
    int rc = layr_pack_begin_file(p, p->order[p->next], &p->fd, d);

    e->offset = p->at;
    p->left = e->size;
    return rc;
}

static int end_file(layr_pack_t *p, layr_diag_t *d)
{
    int rc = layr_pack_check_same(p, p->order[p->next], p->fd, d);

    if (rc == LAYR_OK)
        rc = layr_hash_final(p->hash, at_hand(p)->sha256);
    close(p->fd);
    p->fd = -1;
    p->next++;
    p->cut = false;
    return rc;
}

/* Some of the file at hand: never 0. */
static int64_t read_file(layr_pack_t *p, uint8_t *buf, size_t cap, layr_diag_t *d)
{
    ssize_t n = read(p->fd, buf, cap < p->left ? cap : (size_t)p->left);
    int rc;

    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return LAYR_ERR_TIMEOUT;
    if (n < 0)
        return layr_pack_failed(p, p->order[p->next], d, strerror(errno));
    if (n == 0)
        return layr_pack_failed(p, p->order[p->next], d, "became shorter while it was read");
    rc = layr_hash_update(p->hash, buf, (size_t)n);
    p->left -= (uint64_t)n;
    p->at += (uint64_t)n;
    if (rc == LAYR_OK && p->left == 0)
        rc = end_file(p, d);
    return rc == LAYR_OK ? n : rc;
}

/* --- the stream --- */

static int encode(layr_pack_t *p, layr_diag_t *d)
{
    int rc = layr_tree_encode(&p->tree, p->at, &p->encoded);

    if (rc == LAYR_ERR_LIMIT)
        layr_diag_set(d, rc, "%s has too many files: its tree would be more than %u MiB", p->path,
                      LAYR_TREE_MAX >> 20);
    return rc == LAYR_OK ? layr_sha256_1(p->sha256, p->encoded.p, p->encoded.len) : rc;
}

static int64_t read_tree(layr_pack_t *p, uint8_t *buf, size_t cap, layr_diag_t *d)
{
    size_t n;
    int rc = p->encoded.len > 0 ? LAYR_OK : encode(p, d);

    if (rc != LAYR_OK)
        return rc;
    n = p->encoded.len - p->given < cap ? p->encoded.len - p->given : cap;
    if (n > 0)
        memcpy(buf, p->encoded.p + p->given, n);
    p->given += n;
    return (int64_t)n;
}

/*
 * A large file does, and what follows one: a version with another tree then keeps all of it. So does the tree of an update
 * where it is more than what comes before it: the next version needs none of it.
 */
static bool begins_segment(const layr_pack_t *p)
{
    if (p->small < p->files && p->next >= p->small)
        return true;
    return p->begin > 0 && p->next == p->files && p->given == 0 &&
           p->at - p->begin < layr_tree_bytes(&p->tree);
}

static int64_t take(void *ctx, uint8_t *buf, size_t cap, layr_diag_t *d)
{
    layr_pack_t *p = ctx;
    int rc;

    if (p->fd < 0 && !p->cut && begins_segment(p)) {
        p->cut = true;
        return LAYR_SOURCE_CUT;
    }
    if (p->next == p->files)
        return read_tree(p, buf, cap, d);
    if (p->fd < 0) {
        rc = begin_file(p, d);
        if (rc != LAYR_OK)
            return rc;
    }
    return read_file(p, buf, cap, d);
}

bool layr_pack_gives(const layr_pack_t *p, size_t i)
{
    return p->tree.entry[i].size > 0 && (p->state == NULL || p->state[i] != LAYR_TREE_KEPT);
}

/* Both kinds in the order of the tree. */
static void start(void *ctx, size_t segment)
{
    layr_pack_t *p = ctx;
    size_t n = 0;

    for (int large = 0; large < 2; large++) {
        for (size_t i = 0; i < p->tree.count; i++) {
            const layr_tree_entry_t *e = &p->tree.entry[i];

            if (layr_pack_gives(p, i) && (e->size > segment) == large)
                p->order[n++] = (uint32_t)i;
        }
        if (!large)
            p->small = n;
    }
}

static void finish(void *ctx, layr_content_t *c)
{
    layr_pack_t *p = ctx;

    c->is_folder = true;
    c->tree_size = p->encoded.len;
    memcpy(c->sha256, p->sha256, sizeof c->sha256);
}

/* Sizes are known from here on, so the whole stream's is. */
static int prepare(layr_pack_t *p, layr_source_t *src)
{
    uint64_t size = layr_tree_bytes(&p->tree);
    int rc = layr_init(); /* whoever calls may not have come to it yet */

    if (rc == LAYR_OK)
        rc = layr_hash_new(&p->hash);

    p->order = malloc((p->tree.count + 1) * sizeof *p->order);
    if (rc == LAYR_OK && p->order == NULL)
        rc = LAYR_ERR_NOMEM;
    for (size_t i = 0; i < p->tree.count && rc == LAYR_OK; i++) {
        layr_tree_entry_t *e = &p->tree.entry[i];

        if (e->type == LAYR_TREE_FILE && e->size == 0)
            rc = layr_sha256_1(e->sha256, NULL, 0);
        p->files += e->size > 0;
        p->count.bytes += e->size;
    }
    if (rc != LAYR_OK)
        return layr_say_failed(rc, NULL);
    *src = (layr_source_t){
        .read = take, .ctx = p, .size = (int64_t)(size + p->count.bytes), .start = start, .finish = finish};
    return LAYR_OPT_GO_ON;
}

int layr_pack_open(layr_pack_t **out, int fd, const char *path, layr_source_t *src)
{
    layr_pack_t *p = calloc(1, sizeof *p);
    int rc;

    if (p == NULL)
        return layr_say_failed(LAYR_ERR_NOMEM, NULL);
    p->root = fd;
    p->path = path;
    p->fd = -1;
    layr_buf_init(&p->encoded);
    rc = layr_pack_scan(p);
    if (rc == LAYR_OPT_GO_ON)
        rc = prepare(p, src);
    if (rc == LAYR_OPT_GO_ON)
        *out = p;
    else
        layr_pack_free(p);
    return rc;
}

void layr_pack_free(layr_pack_t *p)
{
    if (p == NULL)
        return;
    if (p->fd >= 0)
        close(p->fd);
    layr_buf_free(&p->encoded);
    layr_hash_free(p->hash);
    layr_tree_free(&p->tree);
    free(p->seen);
    free(p->state);
    free(p->order);
    free(p);
}

const layr_pack_count_t *layr_pack_count(const layr_pack_t *p)
{
    return &p->count;
}
