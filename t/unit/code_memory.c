/* Out of memory at every allocation of the constructors and the tree's parser of code/: an error, nothing set, nothing leaked. */
#include "known.h"
#include "layr/code.h"
#include "layr/crypto.h"
#include "layr/tree.h"
#include "tap.h"

#if defined(__SANITIZE_ADDRESS__)
#define OWN_MALLOC 0
#elif defined(__has_feature)
#define OWN_MALLOC !__has_feature(address_sanitizer)
#else
#define OWN_MALLOC 1
#endif

#if OWN_MALLOC && defined(__GLIBC__)

extern void *__libc_malloc(size_t len);
extern void *__libc_calloc(size_t n, size_t len);
extern void *__libc_realloc(void *p, size_t len);
extern void __libc_free(void *p);

static long until_failure = -1; /* allocations that still succeed; -1: all */
static long held;               /* allocated and not freed */

static int fails(void)
{
    if (until_failure < 0)
        return 0;
    return until_failure == 0 || until_failure-- == 0;
}

static void *count(void *p)
{
    held += p != NULL;
    return p;
}

void *malloc(size_t len)
{
    return fails() ? NULL : count(__libc_malloc(len));
}

void *calloc(size_t n, size_t len)
{
    return fails() ? NULL : count(__libc_calloc(n, len));
}

void *realloc(void *p, size_t len)
{
    void *q = fails() ? NULL : __libc_realloc(p, len);
    held += p == NULL && q != NULL;
    return q;
}

void free(void *p)
{
    held -= p != NULL;
    __libc_free(p);
}

static layr_coder_t *coder;

static int new_coder(void **out)
{
    return layr_coder_new((layr_coder_t **)out, (layr_scheme_t){4, 8});
}

static void free_coder(void *p)
{
    layr_coder_free(p);
}

static int new_decoder(void **out)
{
    static const uint8_t survivors[] = {7, 1, 5, 2};
    return layr_decoder_new((layr_decoder_t **)out, coder, survivors);
}

static void free_decoder(void *p)
{
    layr_decoder_free(p);
}

static int new_maker(void **out)
{
    return layr_blob_maker_new((layr_blob_maker_t **)out);
}

static void free_maker(void *p)
{
    layr_blob_maker_free(p);
}

static layr_tree_t tree;
static layr_buf_t tree_bytes;

/* Enough entries and text for both to grow. */
static void make_tree_bytes(void)
{
    layr_tree_entry_t e = {.path = ""};
    char path[256];
    int rc = layr_tree_add(&tree, &e);

    memset(path, 'x', sizeof path);
    for (unsigned i = 0; i < 400 && rc == 0; i++) {
        snprintf(path, 5, "%04u", i);
        path[4] = 'x';
        path[255] = 0;
        e = (layr_tree_entry_t){.type = LAYR_TREE_FILE, .path = path, .offset = i, .size = 1};
        rc = layr_tree_add(&tree, &e);
    }
    layr_buf_init(&tree_bytes);
    known_need(rc == 0 && layr_tree_encode(&tree, 1000, &tree_bytes) == 0, "a tree");
    layr_tree_free(&tree);
}

static int new_tree(void **out)
{
    int rc = layr_tree_decode(&tree, tree_bytes.p, tree_bytes.len, 1000);

    if (rc == 0)
        *out = &tree;
    return rc;
}

static void free_tree(void *p)
{
    layr_tree_free(p);
}

/* As a new version of itself. */
static layr_tree_plan_t plan;
static uint8_t *plan_state;

static int new_plan(void **out)
{
    layr_tree_segment_t segment[1] = {{1000, true}};
    int rc;

    for (size_t i = 0; i < tree.count; i++)
        plan_state[i] = LAYR_TREE_NEW;
    rc = layr_tree_ask(&tree, &tree, plan_state);
    for (size_t i = 0; i < tree.count; i++)
        plan_state[i] = LAYR_TREE_HASHED;
    if (rc == 0)
        rc = layr_tree_plan(&plan, &tree, plan_state, &tree, segment, 1, 1000);
    if (rc == 0)
        *out = &plan;
    return rc;
}

static void free_plan(void *p)
{
    layr_tree_plan_free(p);
}

/* Let allocation 0, 1, 2, ... fail until the constructor succeeds. */
static void starve(const char *name, int (*make)(void **), void (*unmake)(void *))
{
    int rc = -1, good = 1;
    long tries = 0;
    void *p = NULL;

    known_need(make(&p) == 0, name); /* once before: libraries keep what they set up first */
    unmake(p);
    for (; rc != 0 && tries < 100; tries++) {
        long before = held;
        p = NULL;
        until_failure = tries;
        rc = make(&p);
        until_failure = -1;
        if (rc == 0)
            unmake(p);
        else
            good &= (rc == LAYR_ERR_NOMEM || rc == LAYR_ERR_CRYPTO) && p == NULL;
        good &= held == before;
    }
    ok(good && rc == 0 && tries > 1, "%s: %ld allocations, each failing in turn", name, tries - 1);
}

int main(void)
{
    known_need(layr_init() == 0, "layr_init");
    known_need(layr_coder_new(&coder, (layr_scheme_t){4, 8}) == 0, "a coder");
    starve("coder", new_coder, free_coder);
    starve("decoder", new_decoder, free_decoder);
    starve("blob maker", new_maker, free_maker);
    layr_coder_free(coder);
    make_tree_bytes();
    starve("tree", new_tree, free_tree);
    known_need(layr_tree_decode(&tree, tree_bytes.p, tree_bytes.len, 1000) == 0, "a tree");
    plan_state = known_alloc(tree.count);
    starve("plan of a new version", new_plan, free_plan);
    free(plan_state);
    layr_tree_free(&tree);
    layr_buf_free(&tree_bytes);
    return done();
}

#else

int main(void)
{
    skip("needs an allocator of its own: not under a sanitizer, glibc only");
    return done();
}

#endif
