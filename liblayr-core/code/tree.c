/* A tree in memory: entries, their texts, and finding things in it. */
#include "layr/tree.h"

#include <stdlib.h>
#include <string.h>

#define TEXT_BLOCK (64u << 10)

/* Texts stay where they are while the tree grows. */
struct layr_tree_text {
    struct layr_tree_text *next;
    size_t used, cap;
    char p[];
};

void layr_tree_free(layr_tree_t *t)
{
    while (t->text != NULL) {
        struct layr_tree_text *x = t->text;

        t->text = x->next;
        free(x);
    }
    free(t->entry);
    memset(t, 0, sizeof *t);
}

static char *keep_text(layr_tree_t *t, const char *s)
{
    size_t len = strlen(s) + 1;
    struct layr_tree_text *x = t->text;

    if (x == NULL || x->cap - x->used < len) {
        size_t cap = len > TEXT_BLOCK ? len : TEXT_BLOCK;

        x = malloc(sizeof *x + cap);
        if (x == NULL)
            return NULL;
        *x = (struct layr_tree_text){.next = t->text, .cap = cap};
        t->text = x;
    }
    memcpy(x->p + x->used, s, len);
    x->used += len;
    return x->p + x->used - len;
}

static int grow(layr_tree_t *t)
{
    size_t cap = t->cap > 0 ? 2 * t->cap : 64;
    layr_tree_entry_t *e;

    if (t->count < t->cap)
        return LAYR_OK;
    e = realloc(t->entry, cap * sizeof *e);
    if (e == NULL)
        return LAYR_ERR_NOMEM;
    t->entry = e;
    t->cap = cap;
    return LAYR_OK;
}

int layr_tree_add(layr_tree_t *t, const layr_tree_entry_t *e)
{
    layr_tree_entry_t copy = *e;

    if (t->count >= LAYR_TREE_ENTRIES_MAX)
        return LAYR_ERR_LIMIT;
    copy.path = keep_text(t, e->path);
    copy.target = e->target != NULL ? keep_text(t, e->target) : NULL;
    if (copy.path == NULL || (e->target != NULL && copy.target == NULL) || grow(t) != LAYR_OK)
        return LAYR_ERR_NOMEM;
    t->entry[t->count++] = copy;
    return LAYR_OK;
}

/* A path's end is below '/', and that below all else. */
static int rank(char c)
{
    return c == 0 ? 0 : c == '/' ? 1 : (unsigned char)c + 2;
}

int layr_tree_path_order(const char *a, const char *b)
{
    while (*a != 0 && *a == *b) {
        a++;
        b++;
    }
    return rank(*a) - rank(*b);
}

/* --- finding --- */

static bool lies_in(const char *path, const char *folder, size_t len)
{
    return len == 0 || (strncmp(path, folder, len) == 0 && (path[len] == 0 || path[len] == '/'));
}

static int find_exact(const layr_tree_t *t, const char *path, size_t *at)
{
    size_t low = 0, high = t->count;

    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int order = layr_tree_path_order(path, t->entry[mid].path);

        if (order == 0) {
            *at = mid;
            return LAYR_OK;
        }
        if (order < 0)
            high = mid;
        else
            low = mid + 1;
    }
    return LAYR_ERR_NOTFOUND;
}

int layr_tree_find(const layr_tree_t *t, const char *path, size_t *first, size_t *count)
{
    char clean[LAYR_TREE_PATH_MAX + 1];
    size_t len, at, end;

    while (path[0] == '.' && path[1] == '/')
        path += 1 + strspn(path + 1, "/");
    len = strcmp(path, ".") == 0 ? 0 : strlen(path);
    while (len > 0 && path[len - 1] == '/')
        len--;
    if (len > LAYR_TREE_PATH_MAX)
        return LAYR_ERR_NOTFOUND;
    memcpy(clean, path, len);
    clean[len] = 0;
    if (find_exact(t, clean, &at) != LAYR_OK)
        return LAYR_ERR_NOTFOUND;
    for (end = at + 1; end < t->count && lies_in(t->entry[end].path, clean, len);)
        end++;
    *first = at;
    *count = end - at;
    return LAYR_OK;
}

/* --- by place --- */

typedef struct place {
    uint64_t offset;
    uint32_t index;
} place_t;

static int by_place(const void *a, const void *b)
{
    const place_t *x = a, *y = b;

    return x->offset < y->offset ? -1 : x->offset > y->offset;
}

int layr_tree_by_offset(const layr_tree_t *t, size_t first, size_t count, uint32_t **out, size_t *n)
{
    place_t *p = malloc((count + 1) * sizeof *p);
    uint32_t *index = malloc((count + 1) * sizeof *index);
    size_t files = 0;

    if (p == NULL || index == NULL) {
        free(p);
        free(index);
        return LAYR_ERR_NOMEM;
    }
    for (size_t i = first; i < first + count; i++)
        if (t->entry[i].type == LAYR_TREE_FILE && t->entry[i].size > 0)
            p[files++] = (place_t){t->entry[i].offset, (uint32_t)i};
    if (files > 1)
        qsort(p, files, sizeof *p, by_place);
    for (size_t i = 0; i < files; i++)
        index[i] = p[i].index;
    free(p);
    *out = index;
    *n = files;
    return LAYR_OK;
}
