/* A folder's tree, of a stream of 1,000,000 bytes. It has one spelling, and nothing in it leads out of the folder. */
#include "layr/tree.h"
#include "fuzz.h"

#define DATA 1000000

static void harmless_path(const char *path)
{
    PROMISE(path[0] != '/' && strlen(path) <= LAYR_TREE_PATH_MAX);
    for (const char *s = path; *s != 0;) {
        size_t n = strcspn(s, "/");

        PROMISE(n > 0 && n <= LAYR_TREE_STEP_MAX);
        PROMISE(!(n == 1 && s[0] == '.') && !(n == 2 && s[0] == '.' && s[1] == '.'));
        s += n;
        PROMISE(*s == 0 || s[1] != 0);
        s += *s != 0;
    }
}

/* Its parent is there, a folder. */
static void has_parent(const layr_tree_t *t, const char *path)
{
    const char *slash = strrchr(path, '/');
    char *parent = copy_of(path, slash != NULL ? (size_t)(slash - path) : 0, 1);
    size_t first, count;

    PROMISE(layr_tree_find(t, parent, &first, &count) == 0 && t->entry[first].type == LAYR_TREE_FOLDER);
    free(parent);
}

static void harmless(const layr_tree_t *t)
{
    uint32_t *order;
    uint64_t end = 0;
    size_t first, count, n;

    for (size_t i = 1; i < t->count; i++) {
        harmless_path(t->entry[i].path);
        PROMISE(layr_tree_find(t, t->entry[i].path, &first, &count) == 0 && first == i);
        has_parent(t, t->entry[i].path);
    }
    PROMISE(layr_tree_by_offset(t, 0, t->count, &order, &n) == 0);
    for (size_t i = 0; i < n; i++) {
        PROMISE(t->entry[order[i]].offset >= end);
        end = t->entry[order[i]].offset + t->entry[order[i]].size;
    }
    PROMISE(end <= DATA);
    free(order);
}

/* As the old version of what it is itself, but for every third file: whatever it says, the new one's places are good. */
static void plan(const layr_tree_t *old, layr_tree_t *t)
{
    layr_tree_segment_t segment[10];
    layr_tree_plan_t p;
    layr_buf_t b;
    uint8_t *state = calloc(t->count, 1);
    uint64_t at;

    PROMISE(state != NULL && layr_tree_ask(t, old, state) == 0);
    for (unsigned i = 0; i < 10; i++)
        segment[i] = (layr_tree_segment_t){DATA / 10, i != t->count % 11};
    for (size_t i = 0; i < t->count; i++)
        state[i] = i % 3 == 0 || state[i] == LAYR_TREE_NEW ? LAYR_TREE_NEW : LAYR_TREE_HASHED;
    PROMISE(layr_tree_plan(&p, t, state, old, segment, 10, DATA / 10) == 0);
    PROMISE(p.keep_count <= 10 && p.bytes == p.keep_count * (DATA / 10) && p.unused <= p.bytes);
    at = p.bytes;
    for (size_t i = 0; i < t->count; i++) {
        layr_tree_entry_t *e = &t->entry[i];

        if (e->type != LAYR_TREE_FILE || e->size == 0 || state[i] == LAYR_TREE_KEPT)
            continue;
        e->offset = at;
        at += e->size;
    }
    layr_buf_init(&b);
    PROMISE(layr_tree_encode(t, at, &b) == 0);
    layr_buf_free(&b);
    layr_tree_plan_free(&p);
    free(state);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    layr_tree_t t, same;
    layr_buf_t again;

    memset(&t, 0xff, sizeof t);
    if (layr_tree_decode(&t, data, size, DATA) != 0) {
        PROMISE(all_zero(&t, sizeof t));
        return 0;
    }
    harmless(&t);
    layr_buf_init(&again);
    PROMISE(layr_tree_encode(&t, DATA, &again) == 0);
    PROMISE(again.len == size && memcmp(again.p, data, size) == 0 && layr_tree_bytes(&t) == size);
    PROMISE(layr_tree_decode(&same, data, size, DATA) == 0);
    plan(&t, &same);
    layr_tree_free(&same);
    layr_buf_free(&again);
    layr_tree_free(&t);
    return 0;
}
