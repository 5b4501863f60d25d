/*
 * A folder's new version: what is kept holds what it should, whatever changed, and what is unused or small stays in bounds. A
 * stream is bytes here: the old one's segments that stay, then what is sent, then a tree.
 */
#include "known.h"
#include "layr/crypto.h"
#include "layr/manifest.h"
#include "layr/tree.h"
#include "tap.h"

#define FULL 20000u /* bytes of a full segment */
#define FILES 300
#define STREAM (4u << 20)

typedef struct file {
    bool there;
    unsigned name;
    uint32_t size;
    uint8_t bytes[2 * FULL + 500];
} file_t;

static file_t file[FILES];
static layr_tree_t tree, old;
static uint8_t state[FILES + 1], stream[STREAM], before[STREAM];
static layr_tree_segment_t segment[1000];
static size_t segments;
static uint64_t stream_len, sent, file_bytes;
static layr_tree_plan_t plan;
static unsigned names;

static uint32_t below(uint32_t n)
{
    static uint64_t x = 88172645463325252u;

    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return (uint32_t)(x >> 32) % n;
}

static void fill(file_t *f, uint32_t size)
{
    f->there = true;
    f->size = size;
    for (uint32_t i = 0; i < size; i++)
        f->bytes[i] = (uint8_t)below(256);
}

/* Sizes as they come: many small ones, some that are larger than a segment, some empty. */
static uint32_t some_size(void)
{
    return below(40) == 0 ? FULL + below(FULL) : below(20) == 0 ? 0 : 1 + below(3000);
}

static void new_file(file_t *f)
{
    f->name = names++;
    fill(f, some_size());
}

static int by_name(const void *a, const void *b)
{
    const file_t *x = *(file_t *const *)a, *y = *(file_t *const *)b;
    char p[16], q[16];

    snprintf(p, sizeof p, "%u", x->name);
    snprintf(q, sizeof q, "%u", y->name);
    return strcmp(p, q);
}

static file_t *sorted[FILES];
static size_t sorted_count;

/* As a program does who looks at a folder: names, sizes, and what its files hash to where the old version has that size. */
static void look(void)
{
    layr_tree_entry_t root = {.type = LAYR_TREE_FOLDER, .path = ""};

    memset(&tree, 0, sizeof tree);
    memset(state, 0, sizeof state);
    sorted_count = file_bytes = 0;
    for (size_t i = 0; i < FILES; i++)
        if (file[i].there)
            sorted[sorted_count++] = &file[i];
    qsort(sorted, sorted_count, sizeof *sorted, by_name);
    known_need(layr_tree_add(&tree, &root) == 0, "a tree");
    for (size_t i = 0; i < sorted_count; i++) {
        char name[16];
        layr_tree_entry_t e = {.type = LAYR_TREE_FILE, .path = name, .size = sorted[i]->size};

        snprintf(name, sizeof name, "%u", sorted[i]->name);
        known_need(layr_tree_add(&tree, &e) == 0, "an entry");
        file_bytes += sorted[i]->size;
    }
}

static bool hash(void)
{
    bool good = layr_tree_ask(&tree, &old, state) == 0;

    for (size_t i = 1; i < tree.count; i++) {
        if (state[i] == LAYR_TREE_ASKED || old.count == 0)
            good &= layr_sha256_1(tree.entry[i].sha256, sorted[i - 1]->bytes, sorted[i - 1]->size) == 0;
        if (state[i] == LAYR_TREE_ASKED)
            state[i] = LAYR_TREE_HASHED;
    }
    return good;
}

static void add_segment(uint64_t size)
{
    known_need(segments < sizeof segment / sizeof segment[0] && size > 0 && size <= FULL, "a segment");
    segment[segments++] = (layr_tree_segment_t){size, true};
}

static void cut(uint64_t *from)
{
    for (; stream_len - *from > FULL; *from += FULL)
        add_segment(FULL);
    if (stream_len > *from)
        add_segment(stream_len - *from);
    *from = stream_len;
}

static void keep(void)
{
    uint64_t at = 0;
    size_t k = 0, kept = 0;

    memcpy(before, stream, stream_len);
    stream_len = 0;
    for (size_t s = 0; s < segments; at += segment[s++].size) {
        if (k == plan.keep_count || plan.keep[k] != s)
            continue;
        k++;
        memcpy(stream + stream_len, before + at, segment[s].size);
        stream_len += segment[s].size;
        segment[kept++] = (layr_tree_segment_t){segment[s].size, true};
    }
    segments = kept;
}

/* Small files, then each large one at the beginning of a segment, then the tree. */
static void send(void)
{
    uint64_t from = stream_len;

    for (int large = 0; large < 2; large++)
        for (size_t i = 1; i < tree.count; i++) {
            layr_tree_entry_t *e = &tree.entry[i];

            if (e->size == 0 || state[i] == LAYR_TREE_KEPT || (e->size > FULL) != large)
                continue;
            if (large)
                cut(&from);
            e->offset = stream_len;
            memcpy(stream + stream_len, sorted[i - 1]->bytes, e->size);
            known_need(layr_sha256_1(e->sha256, sorted[i - 1]->bytes, e->size) == 0, "SHA-256");
            stream_len += e->size;
            sent += e->size;
            if (large)
                cut(&from);
        }
    for (size_t i = 1; i < tree.count; i++)
        if (tree.entry[i].size == 0)
            known_need(layr_sha256_1(tree.entry[i].sha256, NULL, 0) == 0, "SHA-256");
    memset(stream + stream_len, 0xee, layr_tree_bytes(&tree));
    stream_len += layr_tree_bytes(&tree);
    sent += layr_tree_bytes(&tree);
    cut(&from);
}

/* The next version; what is wrong with it, or NULL. */
static const char *update(void)
{
    const char *wrong = NULL;
    layr_buf_t b;
    uint64_t data;

    layr_buf_init(&b);
    look();
    sent = 0;
    if (!hash() || layr_tree_plan(&plan, &tree, state, &old, segment, segments, FULL) != 0)
        return "no plan";
    keep();
    if (stream_len != plan.bytes)
        wrong = "it does not begin where it says";
    send();
    data = stream_len - layr_tree_bytes(&tree);
    if (layr_tree_encode(&tree, data, &b) != 0)
        wrong = "its tree is not valid";
    if (plan.unused > stream_len / 4)
        wrong = "too much of it is unused";
    if (plan.bytes + sent != stream_len)
        wrong = "bytes don't add up";
    for (size_t i = 1; i < tree.count; i++)
        if (memcmp(stream + tree.entry[i].offset, sorted[i - 1]->bytes, tree.entry[i].size) != 0)
            wrong = "a file is another";
    layr_buf_free(&b);
    layr_tree_free(&old);
    old = tree;
    return wrong;
}

static void begin(void)
{
    layr_tree_plan_free(&plan);
    layr_tree_free(&old);
    segments = 0;
    stream_len = 0;
    memset(file, 0, sizeof file);
    for (size_t i = 0; i < FILES - 50; i++)
        new_file(&file[i]);
    ok(update() == NULL && plan.keep_count == 0, "a first version");
    layr_tree_plan_free(&plan);
}

static file_t *any(bool there)
{
    file_t *f;

    do
        f = &file[below(FILES)];
    while (f->there != there);
    return f;
}

static void change_some(void)
{
    for (unsigned n = 1 + below(4); n-- > 0;)
        switch (below(6)) {
        case 0:
            new_file(any(false));
            break;
        case 1:
            any(true)->there = false;
            break;
        case 2:
            any(true)->name = names++;
            break;
        case 3: { /* a copy */
            file_t *to = any(false), *from = any(true);

            *to = *from;
            to->name = names++;
            break;
        }
        case 4: { /* two change their names */
            file_t *x = any(true), *y = any(true);
            unsigned name = x->name;

            x->name = y->name;
            y->name = name;
            break;
        }
        default:
            fill(any(true), some_size());
        }
}

static bool room_for_more(void)
{
    size_t n = 0;

    for (size_t i = 0; i < FILES; i++)
        n += file[i].there;
    return n > 100 && n < FILES - 10;
}

/* Versions of all kinds, one after the other. */
static void many_versions(void)
{
    uint64_t all = 0;
    size_t most = 0;
    const char *wrong = NULL;
    int i;

    begin();
    for (i = 0; i < 500 && !wrong; i++) {
        change_some();
        if (!room_for_more())
            begin();
        wrong = update();
        all += sent - layr_tree_bytes(&old);
        most = segments > most ? segments : most;
        layr_tree_plan_free(&plan);
    }
    ok(!wrong, "500 versions: %s in the last of %d", wrong ? wrong : "nothing is wrong", i);
    ok(most < 3 * (file_bytes / FULL + 1) + 40, "segments stay few: %zu", most);
    printf("# %.1f %% of a version sent on average, %zu segments\n",
           100. * (double)all / 500 / (double)file_bytes, most);
}

/* A hundredth of the files, each version. */
static void one_percent(void)
{
    uint64_t most = 0, all = 0;

    begin();
    for (int i = 0; i < 12; i++) {
        for (int n = 0; n < 3; n++) {
            file_t *f;

            do
                f = any(true);
            while (f->size == 0 || f->size > FULL);
            fill(f, f->size);
        }
        if (update() != NULL)
            break;
        sent -= layr_tree_bytes(&old); /* names are longer than is usual of files of this size */
        all += sent;
        most = sent > most ? sent : most;
        layr_tree_plan_free(&plan);
    }
    ok(all / 12 < file_bytes / 20, "of 1 %% changed files %.1f %% is sent on average, %.1f %% at most",
       100. * (double)all / 12 / (double)file_bytes, 100. * (double)most / (double)file_bytes);
}

/* What each adds would be a segment each. */
static void a_little_more(void)
{
    size_t before_it;

    begin();
    before_it = segments;
    for (int i = 0; i < 45; i++) {
        file_t *f = any(false);

        f->name = names++;
        fill(f, 40 + below(10));
        if (update() != NULL)
            break;
        layr_tree_plan_free(&plan);
    }
    ok(segments < before_it + 13, "45 versions that each add a little: %zu segments, %zu before", segments,
       before_it);
}

static void no_change(void)
{
    begin();
    ok(update() == NULL && sent == layr_tree_bytes(&old), "where nothing changed only the tree is sent");
    layr_tree_plan_free(&plan);
    ok(update() == NULL && plan.unused <= 2 * layr_tree_bytes(&old), "its old one is what is unused");
    layr_tree_plan_free(&plan);
}

static void lost_segment(void)
{
    begin();
    segment[1].good = false;
    ok(update() == NULL && sent > layr_tree_bytes(&old) + FULL / 2,
       "what lies in a segment that is lost is sent");
    ok(plan.keep_count > 1 && plan.keep[0] == 0 && plan.keep[1] > 1, "and the segment is not kept");
    layr_tree_plan_free(&plan);
}

static void what_fits_a_record(void)
{
    begin();
    for (size_t i = 1; i < FILES; i++)
        file[i].there = false;
    fill(&file[0], 10);
    ok(update() == NULL, "a file of ten bytes is left");
    layr_tree_plan_free(&plan);
    ok(update() == NULL && plan.keep_count == 0, "nothing of the old version is kept for it");
    layr_tree_plan_free(&plan);
}

static void not_these_segments(void)
{
    begin();
    look();
    known_need(hash(), "hashes");
    is_int(layr_tree_plan(&plan, &tree, state, &old, segment, 3, FULL), LAYR_ERR_ARG,
           "segments that end before the files: refused");
    ok(plan.keep == NULL, "without a plan");
    segment[0].size = UINT64_MAX;
    is_int(layr_tree_plan(&plan, &tree, state, &old, segment, 3, FULL), LAYR_ERR_ARG,
           "sizes that overflow: refused");
    layr_tree_free(&tree);
}

int main(void)
{
    known_need(layr_init() == 0, "layr_init");
    no_change();
    lost_segment();
    what_fits_a_record();
    one_percent();
    a_little_more();
    many_versions();
    not_these_segments();
    layr_tree_free(&old);
    return done();
}
