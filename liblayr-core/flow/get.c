/* get: manifest -> any k shards of each segment -> plaintext -> sink. The mirror of put. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "numbers.h"
#include "walk.h"
#include "writer.h"

#define UNDER_WAY 20 /* of what can be gone on with later, the share that may be under way and so be lost */

/* A segment, or the part of one that is wanted, on its way to the sink. */
typedef struct part {
    layr_write_t write;
    struct get *g;
    struct part *next;
    layr_piece_t *piece;
    bool writing, written;
    uint64_t number;
    size_t len;
} part_t;

typedef struct get {
    layr_session_t *s;
    layr_file_t *f;
    layr_fetch_t *fetch;
    layr_walk_t walk;
    layr_writer_t *writer;
    const layr_sink_t *sink;
    layr_diag_t *d;
    uint64_t first, last, done;
    part_t *head, **tail; /* in the order of the file */
    bool walked;          /* no more segments */
    layr_numbers_t lost;  /* segments that can't be had */
    layr_diag_t why;      /* of the first of them */
    int error;
} get_t;

static void written(layr_job_t *j, void *owner)
{
    part_t *t = (part_t *)j;
    get_t *g = t->g;
    layr_event_t ev = {.kind = LAYR_EV_PROGRESS, .total = g->last - g->first + 1};
    (void)owner;
    t->written = true;
    if (t->write.error != LAYR_OK) {
        if (g->error == LAYR_OK)
            g->error = t->write.error;
        return;
    }
    if (t->write.apart)
        return;
    g->done += t->len;
    ev.done = g->done;
    layr_engine_event(layr_fetch_engine(g->fetch), &ev);
}

/* --- ask ahead --- */

static int add_part(get_t *g, const layr_step_t *st)
{
    uint64_t end = st->start + st->entry->size - 1;
    uint32_t first = g->first > st->start ? (uint32_t)(g->first - st->start) : 0;
    uint32_t last = g->last < end ? (uint32_t)(g->last - st->start) : st->entry->size - 1;
    part_t *t = calloc(1, sizeof *t);
    int rc;
    if (!t)
        return LAYR_ERR_NOMEM;
    t->g = g;
    t->number = st->number;
    t->len = last - first + 1;
    t->write.at = st->start + first;
    rc = g->sink->look && t->len == st->entry->size
             ? layr_fetch_add_there(g->fetch, &t->piece, st->number, st->entry, st->node, g->sink, st->start)
             : layr_fetch_add(g->fetch, &t->piece, false, st->number, st->entry, st->node, first, last);
    if (rc != LAYR_OK) {
        free(t);
        return rc;
    }
    *g->tail = t;
    g->tail = &t->next;
    return LAYR_OK;
}

static int ask_ahead(get_t *g)
{
    while (!g->walked && layr_fetch_room(g->fetch)) {
        layr_step_t st;
        int rc = 0;
        if (g->walk.byte <= g->last) /* else the next page would be fetched for nothing */
            rc = layr_walk_next(&g->walk, g->first, &st, g->d);
        if (rc == 1)
            rc = add_part(g, &st);
        else if (rc == 0)
            g->walked = true;
        if (rc != LAYR_OK)
            return rc;
    }
    return LAYR_OK;
}

/* --- hand over --- */

static void note_lost(get_t *g, uint64_t number, const layr_diag_t *why)
{
    if (g->lost.count == 0)
        g->why = *why;
    layr_numbers_add(&g->lost, number);
}

static void drop_first(get_t *g)
{
    part_t *t = g->head;
    g->head = t->next;
    if (!g->head)
        g->tail = &g->head;
    layr_fetch_drop(t->piece);
    free(t);
}

static void give(get_t *g, part_t *t, const uint8_t *plain, bool apart)
{
    bool found = layr_fetch_found(t->piece);
    t->writing = true;
    if (apart && (found || !g->sink->keep)) {
        t->written = true;
        return;
    }
    t->write.p = plain;
    t->write.len = t->len;
    t->write.found = found;
    t->write.apart = apart;
    t->write.written = written;
    layr_writer_add(g->writer, &t->write);
}

/*
 * Parts that are done go to the sink in order.  After a segment that can't be had nothing more is written, or it is kept
 * for a later try, but the rest is still read, so that all such segments can be named.
 */
static int hand_over(get_t *g)
{
    while (g->head && g->head->written)
        drop_first(g);
    for (part_t *t = g->head; t; t = t->next) {
        const uint8_t *plain;
        layr_diag_t why = {0};
        int rc;
        if (t->writing)
            continue;
        rc = layr_fetch_take(t->piece, &plain, &why);
        if (rc == 0)
            return LAYR_OK;
        if (rc == 1) {
            give(g, t, plain, g->lost.count > 0);
            continue;
        }
        t->writing = t->written = true;
        if (rc != LAYR_ERR_DATA)
            return layr_diag_set(g->d, rc, "%s", why.text);
        note_lost(g, t->number, &why);
    }
    return LAYR_OK;
}

/* It failed: parts that came before their turn. */
static void keep_rest(get_t *g)
{
    for (part_t *t = g->head; t; t = t->next) {
        const uint8_t *plain;
        layr_diag_t why = {0};
        if (!t->writing && layr_fetch_take(t->piece, &plain, &why) == 1)
            give(g, t, plain, true);
    }
}

static bool all_written(const get_t *g)
{
    for (const part_t *t = g->head; t; t = t->next)
        if (!t->written)
            return false;
    return true;
}

/* --- the end --- */

static int lost(get_t *g)
{
    char text[LAYR_DIAG_MAX - 400]; /* the reason is to fit */
    layr_numbers_text(&g->lost, text, sizeof text);
    return layr_diag_set(g->d, LAYR_ERR_DATA, "%llu of %llu segments cannot be recovered (%s): %s",
                         (unsigned long long)g->lost.count, (unsigned long long)g->f->placement.segments,
                         text, g->why.text);
}

static int check_whole(get_t *g)
{
    uint8_t sha[32];
    int rc = layr_writer_hash(g->writer, sha);
    if (rc != LAYR_OK || g->f->content.is_folder || g->first != 0 || g->last != g->f->placement.size - 1)
        return rc;
    if (memcmp(sha, g->f->content.sha256, 32) != 0)
        return layr_diag_set(g->d, LAYR_ERR_DATA,
                             "the content does not match its SHA-256 in the manifest though every segment "
                             "does: it was stored wrongly");
    return LAYR_OK;
}

static int run(get_t *g)
{
    int rc = LAYR_OK;
    while (rc == LAYR_OK) {
        if ((rc = ask_ahead(g)) != LAYR_OK || (rc = hand_over(g)) != LAYR_OK)
            break;
        if (g->error != LAYR_OK)
            rc = g->error;
        else if (layr_engine_cancelled(layr_fetch_engine(g->fetch)))
            rc = LAYR_ERR_CANCELLED;
        else if (g->walked && !g->head)
            break;
        else
            layr_fetch_turn(g->fetch, 100);
    }
    if (rc != LAYR_OK && g->error == LAYR_OK)
        keep_rest(g);
    /* writes under way use the pieces' bytes */
    while (!all_written(g) && g->head) {
        bool writing = false;
        for (part_t *t = g->head; t; t = t->next)
            writing |= t->writing && !t->written;
        if (!writing)
            break;
        layr_fetch_turn(g->fetch, 100);
    }
    if (rc == LAYR_OK && g->lost.count)
        rc = lost(g);
    if (rc == LAYR_OK)
        rc = check_whole(g);
    return rc;
}

/* A folder's files have hashes of their own, in its tree: the tree's is the content's. */
static int get_inline(layr_file_t *f, uint64_t first, uint64_t last, layr_sink_t *sink, layr_get_stats_t *out,
                      layr_diag_t *d)
{
    uint8_t sha[32];
    int rc = layr_sha256_1(sha, f->content.inline_bytes, f->content.inline_len);
    if (rc != LAYR_OK)
        return rc;
    if (!f->content.is_folder && memcmp(sha, f->content.sha256, 32) != 0)
        return layr_diag_set(d, LAYR_ERR_DATA,
                             "the content does not match its SHA-256 in the manifest: it was stored wrongly");
    out->bytes = f->content.inline_len ? last - first + 1 : 0;
    return out->bytes ? sink->write(sink->ctx, f->content.inline_bytes + first, (size_t)out->bytes, d)
                      : LAYR_OK;
}

int layr_get(layr_session_t *s, layr_file_t *f, uint64_t first, uint64_t last, layr_sink_t *sink,
             layr_get_stats_t *out, layr_diag_t *d)
{
    get_t g = {.s = s, .f = f, .sink = sink, .d = d, .first = first, .last = last};
    uint64_t size = layr_file_size(f);
    int rc;
    memset(out, 0, sizeof *out);
    if (!(f->keys.rights & LAYR_CAN_READ))
        return layr_diag_set(d, LAYR_ERR_CAP,
                             "a verify capability does not read: use the read capability (layr:r:...)");
    if (size ? first > last || last >= size : first || last)
        return layr_diag_set(d, LAYR_ERR_RANGE, "the range is outside the file, which has %llu bytes",
                             (unsigned long long)size);
    if (f->content.has_inline)
        return get_inline(f, first, last, sink, out, d);
    g.tail = &g.head;
    if ((rc = layr_fetch_new(&g.fetch, s, &f->keys, f->placement.scheme)) != LAYR_OK ||
        (rc = layr_writer_new(&g.writer, layr_fetch_engine(g.fetch), sink, d)) != LAYR_OK)
        goto done;
    layr_walk_init(&g.walk, g.fetch, &f->placement);
    if (sink->look)
        layr_fetch_limit(g.fetch, (last - first + 1) / UNDER_WAY);
    rc = run(&g);
    *out = *layr_fetch_stats(g.fetch);
    out->bytes = g.done;
    while (g.head)
        drop_first(&g);
    layr_walk_free(&g.walk);
done:
    layr_writer_free(g.writer);
    layr_fetch_free(g.fetch);
    if (rc == LAYR_ERR_CANCELLED)
        layr_diag_set(d, rc, "stopped");
    else if (rc != LAYR_OK)
        layr_diag_set(d, rc, "the file could not be read: %s", layr_strerror(rc));
    return rc;
}
