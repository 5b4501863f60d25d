/* Whether a tree is one (docs/protocol.md 4.5): whoever unpacks it relies on every line here. */
#include "code/tree.h"

#include <stdlib.h>
#include <string.h>

/* Where the entry at hand lies: ends[i] is the length of its i-th folder's path. */
typedef struct way {
    const char *path; /* of the folder that was entered last */
    size_t ends[LAYR_TREE_DEPTH_MAX + 1];
    size_t depth;
} way_t;

static bool step_ok(const char *s, size_t len)
{
    return len > 0 && len <= LAYR_TREE_STEP_MAX && !(len == 1 && s[0] == '.') &&
           !(len == 2 && s[0] == '.' && s[1] == '.');
}

/* No empty step: so none begins, ends or doubles the '/'. */
static int check_path(const char *path)
{
    size_t steps = 0, len = strnlen(path, LAYR_TREE_PATH_MAX + 1);

    if (len > LAYR_TREE_PATH_MAX)
        return LAYR_ERR_LIMIT;
    for (const char *s = path;; s++) {
        size_t n = strcspn(s, "/");

        if (!step_ok(s, n))
            return n > LAYR_TREE_STEP_MAX ? LAYR_ERR_LIMIT : LAYR_ERR_FORMAT;
        if (++steps > LAYR_TREE_DEPTH_MAX)
            return LAYR_ERR_LIMIT;
        s += n;
        if (*s == 0)
            return LAYR_OK;
    }
}

static bool is_zero(const uint8_t p[32])
{
    static const uint8_t zero[32];

    return memcmp(p, zero, 32) == 0;
}

/* What does not belong to a type is zero: an entry has one spelling. */
static int check_type(const layr_tree_entry_t *e)
{
    size_t len;

    if (e->type != LAYR_TREE_FILE && (e->flags != 0 || e->offset != 0 || e->size != 0 || !is_zero(e->sha256)))
        return LAYR_ERR_FORMAT;
    if ((e->type == LAYR_TREE_LINK) != (e->target != NULL))
        return LAYR_ERR_FORMAT;
    if (e->type == LAYR_TREE_FOLDER)
        return LAYR_OK;
    if (e->type == LAYR_TREE_FILE)
        return (e->flags & ~LAYR_TREE_SPARSE) == 0 && (e->size > 0 || e->offset == 0) ? LAYR_OK
                                                                                      : LAYR_ERR_FORMAT;
    if (e->type != LAYR_TREE_LINK || e->mode != 0)
        return LAYR_ERR_FORMAT;
    len = strnlen(e->target, LAYR_TREE_PATH_MAX + 1);
    return len == 0 ? LAYR_ERR_FORMAT : len > LAYR_TREE_PATH_MAX ? LAYR_ERR_LIMIT : LAYR_OK;
}

static int check_entry(const layr_tree_entry_t *e, uint64_t data)
{
    if (e->mode > 07777 || e->mtime_ns > 999999999u || e->mtime > LAYR_TREE_MTIME_MAX ||
        e->mtime < -LAYR_TREE_MTIME_MAX)
        return LAYR_ERR_FORMAT;
    if (e->size > data || e->offset > data - e->size)
        return LAYR_ERR_FORMAT;
    return check_type(e);
}

/* Its parent is a folder of this tree: it stands before it, with nothing between that lies elsewhere. */
static int check_parent(way_t *st, const layr_tree_entry_t *e)
{
    const char *slash = strrchr(e->path, '/');
    size_t parent = slash != NULL ? (size_t)(slash - e->path) : 0;

    while (st->depth > 0 && st->ends[st->depth] > parent)
        st->depth--;
    if (st->ends[st->depth] != parent || memcmp(st->path, e->path, parent) != 0)
        return LAYR_ERR_FORMAT;
    if (e->type == LAYR_TREE_FOLDER) {
        st->ends[++st->depth] = strlen(e->path);
        st->path = e->path;
    }
    return LAYR_OK;
}

/* All bytes belong to one file at most: what a reader writes is no more than the stream has. */
static int check_overlap(const layr_tree_t *t)
{
    uint32_t *order;
    size_t n;
    uint64_t end = 0;
    int rc = layr_tree_by_offset(t, 0, t->count, &order, &n);

    if (rc != LAYR_OK)
        return rc;
    for (size_t i = 0; i < n && rc == LAYR_OK; i++) {
        const layr_tree_entry_t *e = &t->entry[order[i]];

        if (e->offset < end)
            rc = LAYR_ERR_FORMAT;
        end = e->offset + e->size;
    }
    free(order);
    return rc;
}

int layr_tree_check(const layr_tree_t *t, uint64_t data)
{
    way_t st = {.path = ""};
    int rc = LAYR_OK;

    if (t->count == 0 || t->entry[0].path[0] != 0 || t->entry[0].type != LAYR_TREE_FOLDER)
        return LAYR_ERR_FORMAT;
    for (size_t i = 0; i < t->count && rc == LAYR_OK; i++) {
        const layr_tree_entry_t *e = &t->entry[i];

        rc = check_entry(e, data);
        if (rc != LAYR_OK || i == 0)
            continue;
        rc = check_path(e->path);
        if (rc == LAYR_OK && layr_tree_path_order(t->entry[i - 1].path, e->path) >= 0)
            rc = LAYR_ERR_FORMAT;
        if (rc == LAYR_OK)
            rc = check_parent(&st, e);
    }
    return rc == LAYR_OK ? check_overlap(t) : rc;
}
