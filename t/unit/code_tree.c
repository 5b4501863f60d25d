/* A folder's tree: what is written comes back, and whatever could lead a reader astray is refused. */
#include "layr/tree.h"
#include "tap.h"

#define DATA 1000 /* bytes of the stream before the tree */

static layr_tree_t tree;

static layr_tree_entry_t *add(layr_tree_type_t type, const char *path)
{
    layr_tree_entry_t e = {.type = type, .path = path, .mode = 0644, .mtime = 1700000000, .mtime_ns = 5};

    if (type == LAYR_TREE_LINK) {
        e.mode = 0;
        e.target = "../somewhere";
    }
    if (layr_tree_add(&tree, &e) != 0)
        exit(2);
    return &tree.entry[tree.count - 1];
}

static layr_tree_entry_t *file(const char *path, uint64_t offset, uint64_t size)
{
    layr_tree_entry_t *e = add(LAYR_TREE_FILE, path);

    e->offset = offset;
    e->size = size;
    memset(e->sha256, 7, sizeof e->sha256);
    return e;
}

static void begin(void)
{
    layr_tree_free(&tree);
    add(LAYR_TREE_FOLDER, "");
}

/* A good one, with what is odd but allowed. */
static void good(void)
{
    begin();
    tree.entry[0].mtime = -1;
    add(LAYR_TREE_FOLDER, "a");
    add(LAYR_TREE_FOLDER, "a/b");
    add(LAYR_TREE_LINK, "a/b/out");
    file("a/\xff\n x", 500, 500);
    file("a-b", 0, 100)->flags = LAYR_TREE_SPARSE;
    add(LAYR_TREE_FOLDER, "a.d")->mode = 07777;
    file("b", 0, 0);
    file("c", 100, 1);
}

static int encode(layr_buf_t *b)
{
    layr_buf_init(b);
    return layr_tree_encode(&tree, DATA, b);
}

/* Encode without the checks, as a hostile writer does: by patching names of the same length into a good one. */
static void refused(const char *from, const char *to, size_t len, int code, const char *name)
{
    layr_tree_t back;
    layr_buf_t b;
    int n = 0;

    good();
    if (encode(&b) != 0)
        exit(2);
    for (size_t i = 0; i + len <= b.len; i++)
        if (memcmp(b.p + i, from, len) == 0) {
            memcpy(b.p + i, to, len);
            n++;
            break;
        }
    ok(n == 1 && layr_tree_decode(&back, b.p, b.len, DATA) == code && back.entry == NULL, "%s", name);
    layr_buf_free(&b);
}

static void round_trip(void)
{
    layr_tree_t back;
    layr_buf_t b, again;

    good();
    is_int(encode(&b), 0, "a tree is written");
    is_int((long long)b.len, (long long)layr_tree_bytes(&tree), "its length was known");
    is_int(layr_tree_decode(&back, b.p, b.len, DATA), 0, "and read");
    is_int((long long)back.count, (long long)tree.count, "all entries");
    ok(strcmp(back.entry[4].path, "a/\xff\n x") == 0 && back.entry[4].offset == 500 &&
           back.entry[4].size == 500 && back.entry[0].mtime == -1 && back.entry[4].mtime_ns == 5 &&
           strcmp(back.entry[3].target, "../somewhere") == 0,
       "as they were");
    layr_buf_init(&again);
    ok(layr_tree_encode(&back, DATA, &again) == 0 && again.len == b.len && memcmp(again.p, b.p, b.len) == 0,
       "one spelling");
    layr_tree_free(&back);
    for (size_t len = 0; len < b.len; len++)
        if (layr_tree_decode(&back, b.p, len, DATA) != LAYR_ERR_FORMAT) {
            ok(0, "cut off at %zu it is refused", len);
            break;
        }
    ok(1, "cut off at every byte it is refused");
    layr_buf_add8(&b, 0);
    is_int(layr_tree_decode(&back, b.p, b.len, DATA), LAYR_ERR_FORMAT, "a byte behind it");
    is_int(layr_tree_decode(&back, again.p, again.len, DATA - 1), LAYR_ERR_FORMAT,
           "a file past the stream's end");
    again.p[0] = 2;
    is_int(layr_tree_decode(&back, again.p, again.len, DATA), LAYR_ERR_VERSION, "another version");
    again.p[0] = 1;
    again.p[3] = 0x21;
    is_int(layr_tree_decode(&back, again.p, again.len, DATA), LAYR_ERR_LIMIT, "too many entries");
    layr_buf_free(&b);
    layr_buf_free(&again);
}

static void hostile_bytes(void)
{
    refused("\3\0a/b", "\3\0../", 5, LAYR_ERR_FORMAT, "a step ..");
    refused("\3\0a.d", "\3\0/ab", 5, LAYR_ERR_FORMAT, "an absolute path");
    refused("\3\0a.d", "\3\0ab/", 5, LAYR_ERR_FORMAT, "an ending /");
    refused("\3\0a.d", "\3\0a\0d", 5, LAYR_ERR_FORMAT, "a NUL");
    refused("\3\0a.d", "\3\0./d", 5, LAYR_ERR_FORMAT, "a step .");
    refused("\3\0a.d", "\3\0a-b", 5, LAYR_ERR_FORMAT, "a path twice");
    refused("\3\0a.d", "\3\0a-a", 5, LAYR_ERR_FORMAT, "paths that do not ascend");
    refused("\3\0a-b", "\3\0b/c", 5, LAYR_ERR_FORMAT, "a path before its folder");
}

/* What can be made with the structure, encode refuses as decode does. */
static void is_refused(int code, const char *name)
{
    layr_buf_t b;

    is_int(encode(&b), code, name);
    ok(b.len == 0, "%s: nothing is written", name);
    layr_buf_free(&b);
}

static void hostile_entries(void)
{
    begin();
    file("a", 0, 10);
    file("a/b", 10, 10);
    is_refused(LAYR_ERR_ARG, "a file where a folder is needed");
    begin();
    add(LAYR_TREE_LINK, "a");
    file("a/b", 10, 10);
    is_refused(LAYR_ERR_ARG, "a way through a link");
    begin();
    file("a/b", 10, 10);
    is_refused(LAYR_ERR_ARG, "a folder that is not there");
    begin();
    add(LAYR_TREE_FOLDER, "a");
    add(LAYR_TREE_FOLDER, "a/b");
    add(LAYR_TREE_FOLDER, "b");
    file("b/b/c", 1, 1);
    is_refused(LAYR_ERR_ARG, "a folder of another one");
    begin();
    file("a", 0, 10);
    file("b", 9, 10);
    is_refused(LAYR_ERR_ARG, "files that share a byte");
    begin();
    file("a", 0, DATA + 1);
    is_refused(LAYR_ERR_ARG, "a file larger than the stream");
    begin();
    file("a", UINT64_MAX, 2);
    is_refused(LAYR_ERR_ARG, "an offset that overflows");
    begin();
    file("a", 5, 0);
    is_refused(LAYR_ERR_ARG, "an empty file with an offset");
    begin();
    file("a", 0, 5)->mode = 010000;
    is_refused(LAYR_ERR_ARG, "a mode of more bits");
    begin();
    file("a", 0, 5)->mtime_ns = 1000000000;
    is_refused(LAYR_ERR_ARG, "a second of nanoseconds");
    begin();
    file("a", 0, 5)->mtime = INT64_MIN;
    is_refused(LAYR_ERR_ARG, "a time out of range");
    begin();
    file("a", 0, 5)->flags = 2;
    is_refused(LAYR_ERR_ARG, "an unknown flag");
    begin();
    add(LAYR_TREE_LINK, "a")->target = "";
    is_refused(LAYR_ERR_ARG, "a link to nothing");
    begin();
    add(LAYR_TREE_FOLDER, "a")->size = 1;
    is_refused(LAYR_ERR_ARG, "a folder with bytes");
    begin();
    tree.entry[0].type = LAYR_TREE_FILE;
    is_refused(LAYR_ERR_ARG, "the folder itself a file");
    layr_tree_free(&tree);
    is_refused(LAYR_ERR_ARG, "nothing at all");
}

static void limits(void)
{
    static char path[LAYR_TREE_PATH_MAX + 2];
    layr_buf_t b;

    begin();
    memset(path, 'x', LAYR_TREE_STEP_MAX);
    file(path, 0, 1);
    is_int(encode(&b), 0, "a step of 255 bytes");
    layr_buf_free(&b);
    begin();
    path[LAYR_TREE_STEP_MAX] = 'x';
    file(path, 0, 1);
    is_refused(LAYR_ERR_LIMIT, "a step of 256");
    begin();
    memset(path, 0, sizeof path);
    for (size_t i = 0; i < LAYR_TREE_DEPTH_MAX; i++) {
        path[2 * i] = 'd';
        add(LAYR_TREE_FOLDER, path);
        path[2 * i + 1] = '/';
    }
    is_int(encode(&b), 0, "256 steps");
    layr_buf_free(&b);
    path[(size_t)2 * LAYR_TREE_DEPTH_MAX] = 'd';
    add(LAYR_TREE_FOLDER, path);
    is_refused(LAYR_ERR_LIMIT, "257 steps");
    begin();
    memset(path, 'y', sizeof path - 1);
    add(LAYR_TREE_LINK, "l")->target = path;
    is_refused(LAYR_ERR_LIMIT, "a link of 4,096 bytes");
}

static void finding(void)
{
    size_t first, count;
    uint32_t *order;

    good();
    ok(layr_tree_find(&tree, "a", &first, &count) == 0 && first == 1 && count == 4,
       "a folder and what is in it");
    ok(layr_tree_find(&tree, "./a//", &first, &count) == 0 && first == 1 && count == 4,
       "however it is written");
    ok(layr_tree_find(&tree, "", &first, &count) == 0 && first == 0 && count == 9, "all");
    ok(layr_tree_find(&tree, ".", &first, &count) == 0 && count == 9, "all, as .");
    ok(layr_tree_find(&tree, "a/b/out", &first, &count) == 0 && first == 3 && count == 1, "a link");
    ok(layr_tree_find(&tree, "a/bb", &first, &count) == LAYR_ERR_NOTFOUND, "what is not there");
    ok(layr_tree_by_offset(&tree, 0, tree.count, &order, &count) == 0 && count == 3 && order[0] == 5 &&
           order[1] == 8 && order[2] == 4,
       "files by their place");
    free(order);
    ok(layr_tree_path_order("a", "a/b") < 0 && layr_tree_path_order("a/b", "a-b") < 0 &&
           layr_tree_path_order("a/\xff", "a\x01") < 0 && layr_tree_path_order("a", "a") == 0,
       "the order of paths");
}

int main(void)
{
    round_trip();
    hostile_bytes();
    hostile_entries();
    limits();
    finding();
    layr_tree_free(&tree);
    return done();
}
