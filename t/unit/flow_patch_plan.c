/* What becomes of each row of a file, and numbers in a sentence. */
#include "flow/patch_plan.h"
#include "tap.h"

#define K 4
#define N 8
#define COPIES (N - K + 1)

/* Two segments and the page that names them, at hosts of which nobody asks. */
typedef struct file {
    layr_base_t b;
    layr_base_unit_t segment[2], page[1];
} file_t;

static void make(file_t *f)
{
    *f = (file_t){.b.scheme = {K, N}};
    for (int i = 0; i < 2; i++)
        f->segment[i] =
            (layr_base_unit_t){.entry = {.size = 100000}, .rows = N, .page = 1, .number = (uint64_t)i};
    f->page[0] = (layr_base_unit_t){.entry = {.size = 5000, .segments = 2}, .rows = COPIES};
    f->b.segment = (layr_base_units_t){f->segment, 2, 2};
    f->b.page = (layr_base_units_t){f->page, 1, 1};
}

/* A letter for each row: good, leaving, lost, waits. */
static void rows(layr_plan_t *p, bool page, uint64_t unit, const char *fates)
{
    static const char letters[] = "glxw";
    int bad = 0;
    for (unsigned i = 0; fates[i]; i++)
        bad |= layr_plan_row(p, page, unit, i, (layr_fate_t)(strchr(letters, fates[i]) - letters));
    is_int(bad, 0, fates);
}

static void hows(const layr_plan_unit_t *u, const char *want)
{
    char got[LAYR_N_MAX + 1] = "";
    for (unsigned i = 0; i < u->u->rows; i++)
        got[i] = u->how[i] == LAYR_RESTORE_MAKE ? 'm' : u->how[i] == LAYR_RESTORE_COPY ? 'c' : '-';
    if (!ok(strcmp(got, want) == 0, "%s", want))
        printf("# got %s\n", got);
}

static void plan(file_t *f, layr_plan_t *p, unsigned threshold, const char *a, const char *b,
                 const char *page)
{
    make(f);
    is_int(layr_plan_new(p, &f->b), 0, "a plan");
    rows(p, false, 0, a);
    rows(p, false, 1, b);
    rows(p, true, 0, page);
    is_int(layr_plan_decide(p, threshold), 0, "is decided");
}

static void test_whole(void)
{
    file_t f;
    layr_plan_t p;
    plan(&f, &p, 0, "gggggggg", "ggggggwg", "ggggg");
    ok(!layr_plan_any(&p), "nothing is to be done where a host is only silent");
    is_int((long long)p.whole, 2, "two units are whole");
    is_int((long long)p.waiting, 1, "a row waits");
    layr_plan_free(&p);
}

static void test_lost(void)
{
    file_t f;
    layr_plan_t p;
    plan(&f, &p, 0, "gxgglggx", "gggggggg", "ggxgg");
    ok(layr_plan_any(&p), "something is to be done");
    hows(&p.unit[0], "-m--c--m");
    hows(&p.unit[1], "--------");
    hows(&p.unit[2], "--m--");
    is_int((long long)p.make, 3, "three rows to be made");
    is_int((long long)p.copy, 1, "one to be copied");
    is_int((long long)p.lost.count, 0, "no unit is lost");
    ok(!layr_plan_page_changed(&p, &p.unit[2]), "the page names what it named");
    p.unit[1].changed = true;
    ok(layr_plan_page_changed(&p, &p.unit[2]), "until a segment of it has changed");
    layr_plan_free(&p);
}

static void test_threshold(void)
{
    file_t f;
    layr_plan_t p;
    plan(&f, &p, 6, "xxgggggg", "xxxgglgg", "xxggg");
    hows(&p.unit[0], "--------");
    hows(&p.unit[1], "mmm--c--");
    hows(&p.unit[2], "-----");
    is_int((long long)p.left_alone, 4, "four are left alone");
    layr_plan_free(&p);
    plan(&f, &p, 8, "xggggggg", "gggggggg", "xgggg");
    hows(&p.unit[0], "m-------");
    hows(&p.unit[2], "m----");
    layr_plan_free(&p);
    plan(&f, &p, 6, "xxgggggg", "gggggggg", "xxxgg");
    hows(&p.unit[2], "mmm--");
    layr_plan_free(&p);
}

static void test_too_few(void)
{
    file_t f;
    layr_plan_t p;
    plan(&f, &p, 0, "xxxxxggg", "xxxxlggg", "xxxxx");
    is_int((long long)p.lost.count, 1, "a segment has fewer than k good rows");
    is_int((long long)p.lost.n[0], 0, "the first");
    is_int((long long)p.lost_pages.count, 1, "and a page none");
    layr_plan_free(&p);
    plan(&f, &p, 0, "wwwwwggg", "gggggggg", "wwwwl");
    is_int((long long)p.lost.count, 1, "what waits can't be read now");
    is_int((long long)p.lost_pages.count, 0, "what leaves can");
    layr_plan_free(&p);
}

static void test_strangers(void)
{
    file_t f;
    layr_plan_t p;
    make(&f);
    is_int(layr_plan_new(&p, &f.b), 0, "a plan");
    is_int(layr_plan_row(&p, false, 2, 0, LAYR_FATE_GOOD), LAYR_ERR_ARG, "no such segment");
    is_int(layr_plan_row(&p, true, 1, 0, LAYR_FATE_GOOD), LAYR_ERR_ARG, "no such page");
    is_int(layr_plan_row(&p, false, 0, N, LAYR_FATE_GOOD), LAYR_ERR_ARG, "no such row");
    is_int(layr_plan_row(&p, true, 0, COPIES, LAYR_FATE_GOOD), LAYR_ERR_ARG, "no such copy");
    layr_plan_free(&p);
}

static void numbers(const char *want, size_t cap, const uint64_t *n, size_t count)
{
    layr_numbers_t l = {0};
    char text[256];
    for (size_t i = 0; i < count; i++)
        layr_numbers_add(&l, n[i]);
    layr_numbers_text(&l, text, cap);
    if (!ok(strcmp(text, want) == 0, "%s", want))
        printf("# got %s\n", text);
}

static void test_numbers(void)
{
    const uint64_t some[] = {0, 2, 3, 4, 9}, one[] = {7}, all[] = {0, 1, 2};
    layr_numbers_t l = {0};
    char text[1024];
    numbers("number 7", 256, one, 1);
    numbers("numbers 0 to 2", 256, all, 3);
    numbers("numbers 0, 2 to 4, 9", 256, some, 5);
    numbers("numbers 0 and more", 136, some, 5);
    for (uint64_t i = 0; i < 200; i++)
        layr_numbers_add(&l, 2 * i);
    layr_numbers_text(&l, text, sizeof text);
    ok(strlen(text) < sizeof text && strstr(text, ", 126 and more") != NULL, "so many, and more");
}

int main(void)
{
    test_whole();
    test_lost();
    test_threshold();
    test_too_few();
    test_strangers();
    test_numbers();
    return done();
}
