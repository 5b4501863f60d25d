/*
 * put-tree: stores what comes from standard input as a folder's stream whose last BYTES are its tree, whatever they are: as
 * somebody does whose layr-put is not ours.
 *
 *     put-tree -H URL... [-k K/N] [--segment N] BYTES < STREAM
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "guard.h"
#include "layr/bytes.h"
#include "opt.h"
#include "session.h"

static uint64_t opt_segment;
static const char *opt_scheme;

static const layr_opt_def_t options[] = {
    {0, "segment", "N", "in segments of N bytes", LAYR_OPT_NUMBER, &opt_segment, 1, UINT32_MAX},
    {'k', "scheme", "K/N", "its scheme", LAYR_OPT_TEXT, &opt_scheme, 0, 0},
    LAYR_OPT_END};

static const layr_opt_spec_t spec = {
    "[options] BYTES", "Store any bytes as a folder.", options, LAYR_OPT_HOME | LAYR_OPT_HOSTS, 1, 1, NULL};

typedef struct stream {
    layr_buf_t b;
    size_t given;
    uint64_t tree;
    bool cut; /* a segment begins here */
} stream_t;

static int64_t take(void *ctx, uint8_t *buf, size_t cap, layr_diag_t *d)
{
    stream_t *s = ctx;
    size_t n = s->b.len - s->given < cap ? s->b.len - s->given : cap;

    (void)d;
    if (opt_segment && n > 0 && s->given % opt_segment == 0 && !s->cut) {
        s->cut = true;
        return LAYR_SOURCE_CUT;
    }
    s->cut = false;
    if (opt_segment && n > opt_segment - s->given % opt_segment)
        n = opt_segment - s->given % opt_segment;
    if (n > 0)
        memcpy(buf, s->b.p + s->given, n);
    s->given += n;
    return (int64_t)n;
}

static void finish(void *ctx, layr_content_t *c)
{
    stream_t *s = ctx;

    c->is_folder = true;
    c->tree_size = s->tree;
    if (layr_sha256_1(c->sha256, s->b.p + s->b.len - s->tree, (size_t)s->tree) != 0)
        abort();
}

static int slurp(stream_t *s)
{
    uint8_t part[65536];
    ssize_t n;

    while ((n = read(STDIN_FILENO, part, sizeof part)) > 0)
        layr_buf_add(&s->b, part, (size_t)n);
    return n == 0 && !s->b.bad && s->tree <= s->b.len ? 0 : -1;
}

static int store(layr_tool_t *tool, stream_t *s)
{
    layr_source_t src = {.read = take, .ctx = s, .size = (int64_t)s->b.len, .finish = finish};
    layr_put_opts_t put = {.now = (layr_time_t)time(NULL), .name = "folder", .mtime = 5};
    layr_put_result_t r;
    layr_diag_t d = {0};
    unsigned k = 0, n = 0;
    int rc;

    put.until = put.now + 86400;
    if (opt_scheme != NULL && layr_opt_scheme(&k, &n, opt_scheme) != 0)
        return layr_opt_usage("-k: K/N");
    put.scheme = (layr_scheme_t){(uint8_t)k, (uint8_t)n};
    snprintf(put.name + 6, 32, "%ld-%d", (long)put.now, (int)getpid());
    rc = layr_put(&tool->s, &put, &src, &r, &d);
    if (rc != 0)
        return layr_tool_failed(tool, rc, &d);
    puts(r.read_cap);
    return LAYR_EXIT_OK;
}

int main(int argc, char **argv)
{
    layr_opt_t o;
    layr_tool_t tool = {0};
    stream_t s = {0};
    int rc;

    layr_guard_start();
    rc = layr_opt_parse(&o, &spec, argc, argv);
    if (rc == LAYR_OPT_GO_ON)
        rc = layr_tool_start(&tool, &o, true);
    if (rc == LAYR_OPT_GO_ON)
        rc = layr_tool_connect(&tool);
    if (rc == LAYR_OPT_GO_ON && layr_opt_number(&s.tree, o.operand[0], 1, UINT64_MAX) != 0)
        rc = layr_opt_usage("BYTES: a number");
    if (rc == LAYR_OPT_GO_ON && slurp(&s) != 0)
        rc = layr_opt_usage("standard input is shorter than its tree");
    if (rc == LAYR_OPT_GO_ON)
        rc = store(&tool, &s);
    layr_tool_end(&tool);
    layr_buf_free(&s.b);
    layr_opt_free(&o);
    return rc;
}
