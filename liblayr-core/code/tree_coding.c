/* A tree as bytes and back (docs/protocol.md 4.5). It comes from whoever holds a write capability: nothing in it is trusted. */
#include <stdlib.h>
#include <string.h>

#include "code/tree.h"

#define HEAD 5                                /* version, count */
#define ENTRY (1 + 1 + 2 + 8 + 4 + 2)         /* without the path and what follows it */
#define FILE_TAIL (8 + 8 + 32)                /* offset, size, SHA-256 */
#define TEXT_SCRATCH (LAYR_TREE_PATH_MAX + 1) /* of one text with its NUL */

uint64_t layr_tree_bytes(const layr_tree_t *t)
{
    uint64_t sum = HEAD;

    for (size_t i = 0; i < t->count; i++) {
        const layr_tree_entry_t *e = &t->entry[i];

        sum += ENTRY + strlen(e->path);
        if (e->type == LAYR_TREE_FILE)
            sum += FILE_TAIL;
        if (e->type == LAYR_TREE_LINK && e->target != NULL)
            sum += 2 + strlen(e->target);
    }
    return sum;
}

static void put_text(layr_buf_t *b, const char *s)
{
    size_t len = strlen(s);

    layr_buf_add16(b, (uint16_t)len);
    layr_buf_add(b, s, len);
}

static void put_entry(layr_buf_t *b, const layr_tree_entry_t *e)
{
    layr_buf_add8(b, (uint8_t)e->type);
    layr_buf_add8(b, e->flags);
    layr_buf_add16(b, e->mode);
    layr_buf_add64(b, (uint64_t)e->mtime);
    layr_buf_add32(b, e->mtime_ns);
    put_text(b, e->path);
    if (e->type == LAYR_TREE_FILE) {
        layr_buf_add64(b, e->offset);
        layr_buf_add64(b, e->size);
        layr_buf_add(b, e->sha256, sizeof e->sha256);
    } else if (e->type == LAYR_TREE_LINK)
        put_text(b, e->target);
}

int layr_tree_encode(const layr_tree_t *t, uint64_t data, layr_buf_t *out)
{
    int rc = layr_tree_check(t, data);

    if (rc != LAYR_OK)
        return rc == LAYR_ERR_FORMAT ? LAYR_ERR_ARG : rc;
    if (layr_tree_bytes(t) > LAYR_TREE_MAX)
        return LAYR_ERR_LIMIT;
    layr_buf_add8(out, LAYR_TREE_VERSION);
    layr_buf_add32(out, (uint32_t)t->count);
    for (size_t i = 0; i < t->count; i++)
        put_entry(out, &t->entry[i]);
    return out->bad ? LAYR_ERR_NOMEM : LAYR_OK;
}

/* A text of at most LAYR_TREE_PATH_MAX bytes, none of them NUL, as a string. */
static int take_text(layr_reader_t *r, char out[TEXT_SCRATCH])
{
    size_t len = layr_read16(r);
    const uint8_t *p = layr_read_bytes(r, len);

    out[0] = 0;
    if (r->bad)
        return LAYR_ERR_FORMAT;
    if (len > LAYR_TREE_PATH_MAX)
        return LAYR_ERR_LIMIT;
    if (len > 0 && memchr(p, 0, len) != NULL)
        return LAYR_ERR_FORMAT;
    if (len > 0)
        memcpy(out, p, len);
    out[len] = 0;
    return LAYR_OK;
}

static int take_tail(layr_reader_t *r, layr_tree_entry_t *e, char target[TEXT_SCRATCH])
{
    const uint8_t *sha;

    if (e->type == LAYR_TREE_LINK) {
        e->target = target;
        return take_text(r, target);
    }
    if (e->type == LAYR_TREE_FILE) {
        e->offset = layr_read64(r);
        e->size = layr_read64(r);
        sha = layr_read_bytes(r, sizeof e->sha256);
        if (sha != NULL)
            memcpy(e->sha256, sha, sizeof e->sha256);
    }
    return r->bad ? LAYR_ERR_FORMAT : LAYR_OK;
}

static int take_entry(layr_reader_t *r, layr_tree_t *t)
{
    char path[TEXT_SCRATCH], target[TEXT_SCRATCH];
    layr_tree_entry_t e = {.path = path};
    uint8_t type = layr_read8(r);
    int rc;

    if (type > LAYR_TREE_LINK)
        return LAYR_ERR_FORMAT;
    e.type = (layr_tree_type_t)type;
    e.flags = layr_read8(r);
    e.mode = layr_read16(r);
    e.mtime = (int64_t)layr_read64(r);
    e.mtime_ns = layr_read32(r);
    rc = take_text(r, path);
    if (rc == LAYR_OK)
        rc = take_tail(r, &e, target);
    return rc == LAYR_OK ? layr_tree_add(t, &e) : rc;
}

static int take_entries(layr_reader_t *r, layr_tree_t *t)
{
    uint32_t count;
    int rc = LAYR_OK;

    if (layr_read8(r) != LAYR_TREE_VERSION)
        return r->bad ? LAYR_ERR_FORMAT : LAYR_ERR_VERSION;
    count = layr_read32(r);
    if (count > LAYR_TREE_ENTRIES_MAX)
        return LAYR_ERR_LIMIT;
    for (uint32_t i = 0; i < count && rc == LAYR_OK; i++)
        rc = take_entry(r, t);
    if (rc == LAYR_OK && (r->bad || layr_reader_left(r) != 0))
        rc = LAYR_ERR_FORMAT;
    return rc;
}

int layr_tree_decode(layr_tree_t *out, const uint8_t *in, size_t len, uint64_t data)
{
    layr_reader_t r;
    int rc;

    memset(out, 0, sizeof *out);
    if (len > LAYR_TREE_MAX)
        return LAYR_ERR_LIMIT;
    layr_reader_init(&r, in, len);
    rc = take_entries(&r, out);
    if (rc == LAYR_OK)
        rc = layr_tree_check(out, data);
    if (rc != LAYR_OK)
        layr_tree_free(out);
    return rc;
}
