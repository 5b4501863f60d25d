/* The catalogue's bytes, and how two of them become one. */
#include "catalogue_internal.h"

#include <stdlib.h>
#include <string.h>

#define VERSION 1
#define VERSION_RELEASES 2 /* with orders to be released, one at least, behind the entries */
#define KIND_FILE 1
#define KIND_GONE 2
#define KIND_FOLDER 3
#define HOST_BYTES (32 + 1)          /* at least */
#define ENTRY_BYTES (1 + 32 + 8 + 8) /* at least */

/* --- memory --- */

/*
 * Room for one more at place `at`.  By hand, not by realloc: what is left behind would hold write secrets.
 */
int layr_catalogue_gap(void **list, size_t *count, size_t *cap, size_t size, size_t at)
{
    uint8_t *p = *list;
    if (*count == *cap) {
        size_t more = *cap ? *cap * 2 : 16;
        p = calloc(more, size);
        if (!p)
            return LAYR_ERR_NOMEM;
        if (*count)
            memcpy(p, *list, *count * size);
        if (*list)
            layr_wipe(*list, *count * size);
        free(*list);
        *list = p;
        *cap = more;
    }
    memmove(p + (at + 1) * size, p + at * size, (*count - at) * size);
    memset(p + at * size, 0, size);
    ++*count;
    return LAYR_OK;
}

void layr_catalogue_free(layr_catalogue_t *c)
{
    if (c->entry)
        layr_wipe(c->entry, c->cap * sizeof *c->entry);
    free(c->entry);
    free(c->host);
    free(c->release);
    *c = (layr_catalogue_t){0};
}

size_t layr_catalogue_place(const void *list, size_t count, size_t size, const uint8_t *id, size_t id_len,
                            bool *there)
{
    const uint8_t *p = list;
    size_t lo = 0, hi = count;
    *there = false;
    while (lo < hi && !*there) {
        size_t mid = lo + (hi - lo) / 2;
        int order = memcmp(p + mid * size, id, id_len);
        if (order == 0) {
            *there = true;
            lo = mid;
        } else if (order < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

/* --- bytes --- */

static size_t place(const void *list, size_t count, size_t size, const uint8_t id[32], bool *there)
{
    return layr_catalogue_place(list, count, size, id, 32, there);
}

static bool name_ok(const char *name, size_t len)
{
    return len <= LAYR_NAME_MAX && memchr(name, '/', len) == NULL && memchr(name, 0, len) == NULL &&
           !(len == 1 && name[0] == '.') && !(len == 2 && name[0] == '.' && name[1] == '.');
}

static bool entry_ok(const layr_catalogue_entry_t *e)
{
    if (!layr_catalogue_time_ok(e->changed) || !layr_catalogue_time_ok(e->until))
        return false;
    return e->gone ||
           (layr_catalogue_time_ok(e->created) && e->size <= INT64_MAX && layr_scheme_ok(e->scheme) &&
            memchr(e->name, 0, sizeof e->name) != NULL && name_ok(e->name, strlen(e->name)));
}

static void read_entry(layr_reader_t *r, layr_catalogue_entry_t *e)
{
    uint8_t kind = layr_read8(r), len;
    const uint8_t *id = layr_read_bytes(r, 32), *p;
    e->gone = kind == KIND_GONE;
    e->is_folder = kind == KIND_FOLDER;
    e->changed = (layr_time_t)layr_read64(r);
    e->until = (layr_time_t)layr_read64(r);
    if (id)
        memcpy(e->record_id, id, 32);
    r->bad |= kind != KIND_FILE && kind != KIND_GONE && kind != KIND_FOLDER;
    if (r->bad || e->gone)
        return;
    if ((p = layr_read_bytes(r, 32)))
        memcpy(e->W, p, 32);
    e->created = (layr_time_t)layr_read64(r);
    e->size = layr_read64(r);
    e->scheme.k = layr_read8(r);
    e->scheme.n = layr_read8(r);
    len = layr_read8(r);
    p = layr_read_bytes(r, len);
    r->bad |= p == NULL || !name_ok((const char *)p, len);
    if (!r->bad)
        memcpy(e->name, p, len);
}

static void read_host(layr_reader_t *r, layr_catalogue_host_t *h)
{
    const uint8_t *id = layr_read_bytes(r, 32), *p;
    uint8_t len = layr_read8(r);
    p = layr_read_bytes(r, len);
    r->bad |= id == NULL || p == NULL || len > LAYR_URL_MAX || !layr_url_ok((const char *)p, len);
    if (r->bad)
        return;
    memcpy(h->id, id, 32);
    memcpy(h->url, p, len);
}

static int read_all(layr_catalogue_t *c, layr_reader_t *r)
{
    uint32_t n = layr_read32(r);
    if (r->bad || n > LAYR_CATALOGUE_HOSTS || n > layr_reader_left(r) / HOST_BYTES)
        return LAYR_ERR_FORMAT;
    for (; c->host_count < n && !r->bad;) {
        size_t at = c->host_count;
        if (layr_catalogue_gap((void **)&c->host, &c->host_count, &c->host_cap, sizeof *c->host, at) !=
            LAYR_OK)
            return LAYR_ERR_NOMEM;
        read_host(r, &c->host[at]);
        r->bad |= at && memcmp(c->host[at - 1].id, c->host[at].id, 32) >= 0;
    }
    n = layr_read32(r);
    if (r->bad || n > layr_reader_left(r) / ENTRY_BYTES)
        return LAYR_ERR_FORMAT;
    for (; c->count < n && !r->bad;) {
        size_t at = c->count;
        if (layr_catalogue_gap((void **)&c->entry, &c->count, &c->cap, sizeof *c->entry, at) != LAYR_OK)
            return LAYR_ERR_NOMEM;
        read_entry(r, &c->entry[at]);
        r->bad |= !r->bad && !entry_ok(&c->entry[at]);
        r->bad |= at && memcmp(c->entry[at - 1].record_id, c->entry[at].record_id, 32) >= 0;
    }
    return r->bad ? LAYR_ERR_FORMAT : LAYR_OK;
}

int layr_catalogue_decode(layr_catalogue_t *out, const uint8_t *in, size_t len)
{
    layr_reader_t r;
    uint8_t version;
    int rc;
    *out = (layr_catalogue_t){0};
    if (len > LAYR_CATALOGUE_MAX)
        return LAYR_ERR_LIMIT;
    layr_reader_init(&r, in, len);
    version = layr_read8(&r);
    if (version != VERSION && version != VERSION_RELEASES)
        return len ? LAYR_ERR_VERSION : LAYR_ERR_FORMAT;
    rc = read_all(out, &r);
    if (rc == LAYR_OK && version == VERSION_RELEASES)
        rc = layr_catalogue_read_releases(out, &r);
    if (rc == LAYR_OK && layr_reader_left(&r))
        rc = LAYR_ERR_FORMAT;
    if (rc != LAYR_OK)
        layr_catalogue_free(out);
    return rc;
}

static void write_entry(const layr_catalogue_entry_t *e, layr_buf_t *out)
{
    layr_buf_add8(out, e->gone ? KIND_GONE : e->is_folder ? KIND_FOLDER : KIND_FILE);
    layr_buf_add(out, e->record_id, 32);
    layr_buf_add64(out, (uint64_t)e->changed);
    layr_buf_add64(out, (uint64_t)e->until);
    if (e->gone)
        return;
    layr_buf_add(out, e->W, 32);
    layr_buf_add64(out, (uint64_t)e->created);
    layr_buf_add64(out, e->size);
    layr_buf_add8(out, e->scheme.k);
    layr_buf_add8(out, e->scheme.n);
    layr_buf_add8(out, (uint8_t)strlen(e->name));
    layr_buf_add(out, e->name, strlen(e->name));
}

int layr_catalogue_encode(const layr_catalogue_t *c, layr_buf_t *out)
{
    size_t start = out->len;
    int rc;
    if (c->host_count > LAYR_CATALOGUE_HOSTS || c->count > LAYR_CATALOGUE_MAX / ENTRY_BYTES)
        return LAYR_ERR_LIMIT;
    layr_buf_add8(out, c->release_count ? VERSION_RELEASES : VERSION);
    layr_buf_add32(out, (uint32_t)c->host_count);
    for (size_t i = 0; i < c->host_count; i++) {
        layr_buf_add(out, c->host[i].id, 32);
        layr_buf_add8(out, (uint8_t)strlen(c->host[i].url));
        layr_buf_add(out, c->host[i].url, strlen(c->host[i].url));
    }
    layr_buf_add32(out, (uint32_t)c->count);
    for (size_t i = 0; i < c->count; i++) {
        if (!entry_ok(&c->entry[i]))
            return LAYR_ERR_ARG;
        write_entry(&c->entry[i], out);
    }
    if (c->release_count && (rc = layr_catalogue_write_releases(c, out)) != LAYR_OK)
        return rc;
    if (out->bad)
        return LAYR_ERR_NOMEM;
    return out->len - start > LAYR_CATALOGUE_MAX ? LAYR_ERR_LIMIT : LAYR_OK;
}

/* --- entries --- */

const layr_catalogue_entry_t *layr_catalogue_find(const layr_catalogue_t *c, const uint8_t record_id[32])
{
    bool there;
    size_t at = place(c->entry, c->count, sizeof *c->entry, record_id, &there);
    return there ? &c->entry[at] : NULL;
}

/* Of two entries of one file; the bytes as they are written. */
static int order(const layr_catalogue_entry_t *a, const layr_catalogue_entry_t *b)
{
    layr_buf_t x, y;
    int rc;
    if (a->gone != b->gone)
        return a->gone ? 1 : -1;
    if (a->changed != b->changed)
        return a->changed < b->changed ? -1 : 1;
    layr_buf_init(&x);
    layr_buf_init(&y);
    write_entry(a, &x);
    write_entry(b, &y);
    rc = x.bad || y.bad ? 0 : memcmp(x.p, y.p, x.len < y.len ? x.len : y.len);
    if (rc == 0)
        rc = (x.len > y.len) - (x.len < y.len);
    layr_buf_free(&x);
    layr_buf_free(&y);
    return rc;
}

int layr_catalogue_set(layr_catalogue_t *c, const layr_catalogue_entry_t *e, bool *changed)
{
    bool there;
    size_t at = place(c->entry, c->count, sizeof *c->entry, e->record_id, &there);
    if (!entry_ok(e))
        return LAYR_ERR_ARG;
    if (there && order(&c->entry[at], e) == 0)
        return LAYR_OK;
    if (!there && layr_catalogue_gap((void **)&c->entry, &c->count, &c->cap, sizeof *c->entry, at) != LAYR_OK)
        return LAYR_ERR_NOMEM;
    c->entry[at] = *e;
    *changed = true;
    return LAYR_OK;
}

int layr_catalogue_set_host(layr_catalogue_t *c, const uint8_t id[32], const char *url, bool *changed)
{
    bool there;
    size_t at = place(c->host, c->host_count, sizeof *c->host, id, &there);
    size_t len = strlen(url);
    if (len > LAYR_URL_MAX || !layr_url_ok(url, len))
        return LAYR_ERR_ARG;
    if (there && strcmp(c->host[at].url, url) == 0)
        return LAYR_OK;
    if (!there && c->host_count == LAYR_CATALOGUE_HOSTS)
        return LAYR_OK; /* as many as anybody can use */
    if (!there &&
        layr_catalogue_gap((void **)&c->host, &c->host_count, &c->host_cap, sizeof *c->host, at) != LAYR_OK)
        return LAYR_ERR_NOMEM;
    memcpy(c->host[at].id, id, 32);
    memcpy(c->host[at].url, url, len + 1);
    *changed = true;
    return LAYR_OK;
}

const char *layr_catalogue_url(const layr_catalogue_t *c, const uint8_t id[32])
{
    bool there;
    size_t at = place(c->host, c->host_count, sizeof *c->host, id, &there);
    return there ? c->host[at].url : "";
}

int layr_catalogue_merge(layr_catalogue_t *c, const layr_catalogue_t *other)
{
    bool changed, there;
    int rc = LAYR_OK;
    for (size_t i = 0; i < other->count && rc == LAYR_OK; i++) {
        const layr_catalogue_entry_t *own = layr_catalogue_find(c, other->entry[i].record_id);
        if (!own || order(own, &other->entry[i]) < 0)
            rc = layr_catalogue_set(c, &other->entry[i], &changed);
    }
    for (size_t i = 0; i < other->host_count && rc == LAYR_OK; i++) {
        place(c->host, c->host_count, sizeof *c->host, other->host[i].id, &there);
        if (!there)
            rc = layr_catalogue_set_host(c, other->host[i].id, other->host[i].url, &changed);
    }
    return rc == LAYR_OK ? layr_catalogue_merge_releases(c, other) : rc;
}

/* What is kept moves to the front; what stays behind it is wiped. */
static void keep(layr_catalogue_t *c, layr_time_t since, bool gone_only)
{
    size_t to = 0;
    for (size_t i = 0; i < c->count; i++)
        if (c->entry[i].until >= since && (c->entry[i].gone || !gone_only))
            c->entry[to++] = c->entry[i];
    if (to < c->count)
        layr_wipe(&c->entry[to], (c->count - to) * sizeof *c->entry);
    c->count = to;
}

void layr_catalogue_expire(layr_catalogue_t *c, layr_time_t before)
{
    size_t to = 0;
    keep(c, before, false);
    for (size_t i = 0; i < c->release_count; i++)
        if (c->release[i].until >= before)
            c->release[to++] = c->release[i];
    c->release_count = to;
}

void layr_catalogue_only_gone(layr_catalogue_t *c)
{
    keep(c, 0, true);
    c->release_count = 0;
}
