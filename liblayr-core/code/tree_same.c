/* Which files of a folder's new version are in the old one: by size and SHA-256, whatever their names. */
#include <stdlib.h>
#include <string.h>

#include "code/tree.h"

static bool has_bytes(const layr_tree_entry_t *e)
{
    return e->type == LAYR_TREE_FILE && e->size > 0;
}

/* --- what is worth hashing --- */

static int by_number(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

int layr_tree_ask(const layr_tree_t *t, const layr_tree_t *old, uint8_t *state)
{
    uint64_t *size = malloc((old->count + 1) * sizeof *size);
    size_t n = 0;

    if (size == NULL)
        return LAYR_ERR_NOMEM;
    for (size_t i = 0; i < old->count; i++)
        if (has_bytes(&old->entry[i]))
            size[n++] = old->entry[i].size;
    if (n > 1)
        qsort(size, n, sizeof *size, by_number);
    for (size_t i = 0; i < t->count; i++)
        if (has_bytes(&t->entry[i]) && state[i] == LAYR_TREE_NEW &&
            bsearch(&t->entry[i].size, size, n, sizeof *size, by_number) != NULL)
            state[i] = LAYR_TREE_ASKED;
    free(size);
    return LAYR_OK;
}

/* --- the same content --- */

static int content_order(const layr_tree_entry_t *a, const layr_tree_entry_t *b)
{
    return a->size != b->size ? (a->size < b->size ? -1 : 1) : memcmp(a->sha256, b->sha256, 32);
}

static bool is_wanted(const layr_tree_t *t, const uint8_t *state, size_t i)
{
    return has_bytes(&t->entry[i]) && state[i] == LAYR_TREE_HASHED;
}

/* Under the same name first, so that of many files of one content each stays where it is. */
static void match_paths(const layr_tree_t *t, const layr_tree_t *old, uint8_t *state, uint32_t *taken)
{
    size_t j = 0;

    for (size_t i = 0; i < t->count; i++) {
        int order = -1;

        while (j < old->count && (order = layr_tree_path_order(old->entry[j].path, t->entry[i].path)) < 0)
            j++;
        if (j == old->count || order != 0 || !is_wanted(t, state, i) || !has_bytes(&old->entry[j]) ||
            content_order(&t->entry[i], &old->entry[j]) != 0)
            continue;
        taken[j] = (uint32_t)i + 1;
        state[i] = LAYR_TREE_KEPT;
    }
}

typedef struct content {
    const layr_tree_entry_t *e;
    uint32_t index;
    uint32_t used; /* of the first of equals: so many of them, at least, are taken */
} content_t;

static int by_content(const void *a, const void *b)
{
    return content_order(((const content_t *)a)->e, ((const content_t *)b)->e);
}

static size_t first_like(const content_t *c, size_t n, const layr_tree_entry_t *e)
{
    size_t low = 0, high = n;

    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (content_order(c[mid].e, e) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

/* One of this content that nobody has taken, or n. */
static size_t free_like(content_t *c, size_t n, const layr_tree_entry_t *e, const uint32_t *taken)
{
    size_t first = first_like(c, n, e), at;

    if (first == n || content_order(c[first].e, e) != 0)
        return n;
    for (at = first + c[first].used; at < n && content_order(c[at].e, e) == 0; at++)
        if (taken[c[at].index] == 0)
            break;
    c[first].used = (uint32_t)(at - first);
    return at < n && content_order(c[at].e, e) == 0 ? at : n;
}

/* Then one that was renamed or moved, or whose content another name has now. */
static int match_contents(const layr_tree_t *t, const layr_tree_t *old, uint8_t *state, uint32_t *taken)
{
    content_t *c = malloc((old->count + 1) * sizeof *c);
    size_t n = 0;

    if (c == NULL)
        return LAYR_ERR_NOMEM;
    for (size_t i = 0; i < old->count; i++)
        if (has_bytes(&old->entry[i]))
            c[n++] = (content_t){.e = &old->entry[i], .index = (uint32_t)i};
    if (n > 1)
        qsort(c, n, sizeof *c, by_content);
    for (size_t i = 0; i < t->count; i++) {
        size_t at = is_wanted(t, state, i) ? free_like(c, n, &t->entry[i], taken) : n;

        if (at == n)
            continue;
        taken[c[at].index] = (uint32_t)i + 1;
        state[i] = LAYR_TREE_KEPT;
    }
    free(c);
    return LAYR_OK;
}

int layr_tree_same(const layr_tree_t *t, const layr_tree_t *old, uint8_t *state, uint32_t *taken)
{
    match_paths(t, old, state, taken);
    return match_contents(t, old, state, taken);
}
