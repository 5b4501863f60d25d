/* A folder as a new version of one that is stored: what is the same is found by its content. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "guard.h"
#include "pack_internal.h"

#define PIECE (1u << 20)

static int hash_bytes(const layr_pack_t *p, size_t i, int fd, uint8_t *buf, layr_diag_t *d)
{
    uint64_t left = p->tree.entry[i].size;
    int rc = LAYR_OK;

    while (left > 0 && rc == LAYR_OK) {
        ssize_t n = read(fd, buf, left < PIECE ? (size_t)left : PIECE);

        if (atomic_load(&layr_guard_cancel))
            return layr_diag_set(d, LAYR_ERR_CANCELLED, "stopped: nothing was changed");
        if (n < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (n < 0)
            return layr_pack_failed(p, i, d, strerror(errno));
        if (n == 0)
            return layr_pack_failed(p, i, d, "became shorter while it was read");
        rc = layr_hash_update(p->hash, buf, (size_t)n);
        left -= (uint64_t)n;
    }
    return rc;
}

static int hash_file(layr_pack_t *p, size_t i, uint8_t *buf, layr_diag_t *d)
{
    int fd, rc = layr_pack_begin_file(p, i, &fd, d);

    if (rc == LAYR_OK)
        rc = hash_bytes(p, i, fd, buf, d);
    if (rc == LAYR_OK)
        rc = layr_pack_check_same(p, i, fd, d);
    if (rc == LAYR_OK)
        rc = layr_hash_final(p->hash, p->tree.entry[i].sha256);
    if (fd >= 0)
        close(fd);
    p->state[i] = LAYR_TREE_HASHED;
    return rc;
}

static int hash_asked(layr_pack_t *p, void (*progress)(void *ctx, uint64_t done, uint64_t total), void *ctx,
                      layr_diag_t *d)
{
    uint8_t *buf = malloc(PIECE);
    uint64_t total = 0, done = 0;
    int rc = buf != NULL ? LAYR_OK : LAYR_ERR_NOMEM;

    for (size_t i = 0; i < p->tree.count; i++)
        total += p->state[i] == LAYR_TREE_ASKED ? p->tree.entry[i].size : 0;
    for (size_t i = 0; i < p->tree.count && rc == LAYR_OK; i++) {
        if (p->state[i] != LAYR_TREE_ASKED)
            continue;
        rc = hash_file(p, i, buf, d);
        done += p->tree.entry[i].size;
        if (rc == LAYR_OK)
            progress(ctx, done, total);
    }
    free(buf);
    return rc;
}

/* What is given from now on. */
static void take_up(layr_pack_t *p, const layr_tree_plan_t *plan, layr_source_t *src)
{
    uint64_t size = layr_tree_bytes(&p->tree);

    p->files = 0;
    p->at = p->begin = plan->bytes;
    for (size_t i = 0; i < p->tree.count; i++) {
        bool gives = layr_pack_gives(p, i);

        p->files += gives;
        size += gives ? p->tree.entry[i].size : 0;
        p->count.same += gives ? 0 : p->tree.entry[i].size;
    }
    src->size = (int64_t)size;
}

int layr_pack_update(layr_pack_t *p, const layr_tree_t *old, const layr_tree_segment_t *segment, size_t count,
                     size_t full, void (*progress)(void *ctx, uint64_t done, uint64_t total), void *ctx,
                     layr_source_t *src, layr_tree_plan_t *plan, layr_diag_t *d)
{
    int rc;

    p->state = calloc(p->tree.count, sizeof *p->state);
    if (p->state == NULL)
        return LAYR_ERR_NOMEM;
    rc = layr_tree_ask(&p->tree, old, p->state);
    if (rc == LAYR_OK)
        rc = hash_asked(p, progress, ctx, d);
    if (rc == LAYR_OK)
        rc = layr_tree_plan(plan, &p->tree, p->state, old, segment, count, full);
    if (rc == LAYR_OK)
        take_up(p, plan, src);
    return rc;
}
