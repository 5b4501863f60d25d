/* The catalogue: read from the hosts into the journal, and written with what the journal knows beyond it. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base.h"
#include "load.h"

#define TRIES 12      /* against other machines */
#define COPIES_MAX 16 /* of one too large for its record: any of them will do */
#define LOCK_MS 30000 /* another program of this home takes seconds */
#define STEP_MS 50
#define LEAST_S 2592000 /* a month */
#define MOST_S 34473600 /* 399 days */

typedef enum anew {
    ANEW_NO,
    ANEW_YES, /* it is written whatever is in it */
    ANEW_LOST /* also when what the hosts had can't be read any more */
} anew_t;

typedef struct sync {
    layr_session_t *s;
    layr_file_keys_t keys;
    layr_records_t found;
    layr_file_t *best; /* the record to take first, opened; NULL: there is none */
    layr_catalogue_t c;
    layr_time_t now;
    int64_t mark;
    bool old; /* this machine has seen a newer one */
    bool changed;
    anew_t anew;
    layr_diag_t *d;
} sync_t;

static void nap(long ms)
{
    struct timespec t = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&t, NULL);
}

/* --- read --- */

static int take_bytes(void *ctx, const uint8_t *p, size_t len, layr_diag_t *d)
{
    layr_buf_t *b = ctx;
    layr_buf_add(b, p, len);
    return b->bad ? layr_diag_set(d, LAYR_ERR_NOMEM, "out of memory") : LAYR_OK;
}

static int open_record(sync_t *y, const layr_record_t *rec, layr_file_t **out)
{
    layr_file_t *f = calloc(1, sizeof *f);
    int rc;
    if (!f)
        return LAYR_ERR_NOMEM;
    f->keys = y->keys;
    f->seq = rec->seq;
    f->exp = rec->exp;
    memcpy(f->record_sha256, rec->sha256, 32);
    rc = layr_root_open(&f->placement, &f->content, &f->keys, rec->root, rec->root_len);
    if (rc == LAYR_OK && layr_file_size(f) > LAYR_CATALOGUE_MAX)
        rc = LAYR_ERR_LIMIT;
    if (rc == LAYR_OK)
        *out = f;
    else
        layr_file_free(f);
    return rc;
}

static int merge_file(sync_t *y, layr_file_t *f)
{
    layr_buf_t bytes;
    layr_sink_t sink = {.write = take_bytes, .ctx = &bytes};
    layr_get_stats_t stats;
    layr_catalogue_t c = {0};
    uint64_t size = layr_file_size(f);
    int rc;
    layr_buf_init(&bytes);
    rc = layr_get(y->s, f, 0, size ? size - 1 : 0, &sink, &stats, y->d);
    if (rc == LAYR_OK)
        rc = layr_catalogue_decode(&c, bytes.p, bytes.len);
    if (rc == LAYR_OK)
        rc = layr_catalogue_merge(&y->c, &c);
    layr_catalogue_free(&c);
    layr_buf_free(&bytes);
    return rc;
}

static bool is_old(const sync_t *y)
{
    uint64_t seq;
    uint8_t sha[32];
    return y->s->journal && y->found.count &&
           layr_journal_seen_get(y->s->journal, y->keys.record_id, &seq, sha) == LAYR_OK &&
           y->found.r[0].rec.seq < seq;
}

/* Its own end is that of the file that lives longest; what it says of files that are gone is to be heard a while yet. */
static bool ends_soon(const sync_t *y)
{
    return y->found.r[0].rec.exp < y->now + LEAST_S / 2;
}

/* All records of the top sequence: writers that did not know of each other. What is lost is lost, and what is known here is not. */
static int read_all(sync_t *y)
{
    int rc = layr_records_gather(y->s, y->keys.record_id, y->now, &y->found);
    if (rc == LAYR_OK && !y->found.count && !y->found.answered)
        rc = LAYR_ERR_NET;
    if (rc != LAYR_OK)
        return rc;
    y->old = is_old(y);
    /* a host that was down when it was written is told now: it may be the one that somebody asks */
    y->changed =
        y->anew != ANEW_NO || (y->found.count && (layr_records_few(y->s, &y->found) || ends_soon(y)));
    for (size_t i = 0; i < y->found.count && y->found.r[i].rec.seq == y->found.r[0].rec.seq; i++) {
        layr_file_t *f = NULL;
        if ((rc = open_record(y, &y->found.r[i].rec, &f)) != LAYR_OK)
            return rc;
        rc = merge_file(y, f);
        if (rc == LAYR_ERR_DATA && y->anew == ANEW_LOST) {
            y->d->code = 0;
            y->d->text[0] = 0;
            rc = LAYR_OK;
        }
        y->changed |= i > 0;
        if (i == 0)
            y->best = f;
        else
            layr_file_free(f);
        if (rc != LAYR_OK)
            return rc;
    }
    if (y->old) /* has files that were removed since: of it only what is gone is true */
        layr_catalogue_only_gone(&y->c);
    return layr_journal_catalogue_take(y->s->journal, y->keys.record_id, &y->c);
}

/* --- write --- */

typedef struct bytes {
    const uint8_t *p;
    size_t left;
} bytes_t;

static int64_t give_bytes(void *ctx, uint8_t *buf, size_t cap, layr_diag_t *d)
{
    bytes_t *b = ctx;
    size_t n = cap < b->left ? cap : b->left;
    (void)d;
    if (n)
        memcpy(buf, b->p, n);
    b->p += n;
    b->left -= n;
    return (int64_t)n;
}

/* As long as the file that lives longest. */
static layr_time_t until(const sync_t *y)
{
    layr_time_t t = y->now + LEAST_S;
    for (size_t i = 0; i < y->c.count; i++)
        if (y->c.entry[i].until > t)
            t = y->c.entry[i].until;
    return t < y->now + MOST_S ? t : y->now + MOST_S;
}

/* Whole copies, so that any one host gives it back to a machine that knows no other. */
static int write_bytes(sync_t *y, const layr_buf_t *b)
{
    size_t usable = layr_hosts_usable(&y->s->hosts);
    uint8_t n = (uint8_t)(usable > COPIES_MAX ? COPIES_MAX : usable ? usable : 1);
    layr_put_opts_t o = {
        .scheme = {1, n}, .min_shards = n / 2u + 1, .now = y->now, .until = until(y), .mtime = -1};
    bytes_t from = {b->p, b->len};
    layr_source_t src = {.read = give_bytes, .ctx = &from, .size = (int64_t)b->len};
    layr_put_result_t r;
    int rc = layr_base_catalogue(&o.base, y->s, &y->keys, &y->found, y->best, y->d);
    if (rc == LAYR_OK)
        rc = layr_put(y->s, &o, &src, &r, y->d);
    layr_wipe(&r, sizeof r);
    layr_base_free(o.base);
    return rc;
}

static int write_all(sync_t *y)
{
    layr_buf_t b;
    bool ignored;
    int rc = LAYR_OK;
    for (size_t i = 0; i < y->s->hosts.count && rc == LAYR_OK; i++) {
        const layr_host_t *h = &y->s->hosts.host[i];
        if (h->error == LAYR_OK && !y->s->dht) /* there any seed will do */
            rc = layr_catalogue_set_host(&y->c, h->id, h->url, &ignored);
    }
    layr_buf_init(&b);
    if (rc == LAYR_OK)
        rc = layr_catalogue_encode(&y->c, &b);
    if (rc == LAYR_OK)
        rc = write_bytes(y, &b);
    layr_buf_free(&b);
    return rc == LAYR_OK ? layr_journal_catalogue_done(y->s->journal, y->mark) : rc;
}

/* --- both --- */

/* pending: there is something to tell, which an old one at the hosts does not keep from being told. */
static int sync_once(layr_session_t *s, const uint8_t W[32], bool pending, anew_t anew, layr_diag_t *d)
{
    sync_t y = {.s = s, .now = time(NULL), .anew = anew, .d = d};
    int rc;
    layr_file_keys_from_write(&y.keys, W);
    rc = read_all(&y);
    if (rc == LAYR_OK)
        rc = layr_journal_catalogue_fill(s->journal, &y.c, y.now, y.keys.group, &y.mark, &y.changed);
    if (rc == LAYR_OK && y.changed && (!y.old || pending))
        rc = write_all(&y);
    else if (rc == LAYR_OK && y.best)
        rc = layr_journal_seen_set(s->journal, y.keys.record_id, y.best->seq, y.best->record_sha256);
    layr_file_free(y.best);
    layr_records_free(&y.found);
    layr_catalogue_free(&y.c);
    layr_file_keys_wipe(&y.keys);
    return rc;
}

/* The other program writes what is pending here too; then there is nothing left to do. */
static int lock(layr_session_t *s)
{
    int rc = layr_journal_catalogue_lock(s->journal);
    for (long waited = 0; rc == LAYR_ERR_IO && waited < LOCK_MS; waited += STEP_MS) {
        if (layr_session_cancelled(s))
            return LAYR_ERR_CANCELLED;
        nap(STEP_MS);
        rc = layr_journal_catalogue_lock(s->journal);
    }
    return rc;
}

static int sync_locked(layr_session_t *s, const uint8_t W[32], bool read, anew_t anew, layr_diag_t *d)
{
    int rc = LAYR_ERR_CONFLICT;
    for (int i = 0; i < TRIES && rc == LAYR_ERR_CONFLICT; i++) {
        layr_diag_t why = {0};
        uint64_t pending = 0;
        uint16_t spread;
        if (i) { /* so that machines which met don't meet again */
            layr_random(&spread, sizeof spread);
            nap(STEP_MS + spread % (200 * i));
        }
        if (layr_session_cancelled(s))
            return LAYR_ERR_CANCELLED;
        rc = layr_journal_catalogue_pending(s->journal, &pending);
        if (rc == LAYR_OK && (read || pending))
            rc = sync_once(s, W, pending > 0, anew, &why);
        if (rc != LAYR_OK)
            *d = why;
    }
    return rc;
}

/* What has failed time and again in this run would be waited for at every step of the catalogue. */
static void leave_out_failing(layr_hosts_t *hosts)
{
    for (size_t i = 0; i < hosts->count; i++)
        if (hosts->host[i].error == LAYR_OK && atomic_load(&hosts->host[i].failures) >= LAYR_LOAD_FAILS)
            hosts->host[i].error = LAYR_ERR_TIMEOUT;
}

static int sync_all(layr_session_t *s, const uint8_t W[32], bool read, anew_t anew, layr_diag_t *d)
{
    void (*event)(void *, const layr_event_t *) = s->event;
    layr_diag_t why = {0};
    uint64_t pending = 0;
    int rc = layr_journal_catalogue_pending(s->journal, &pending);
    if (rc != LAYR_OK || (!read && !pending))
        return rc == LAYR_OK ? rc : layr_journal_diag(s->journal, rc, d);
    s->event = NULL; /* nothing of it is the caller's file */
    leave_out_failing(&s->hosts);
    rc = lock(s);
    if (rc == LAYR_OK) {
        rc = sync_locked(s, W, read, anew, &why);
        layr_journal_catalogue_unlock(s->journal);
    }
    s->event = event;
    if (rc != LAYR_OK)
        layr_diag_set(d, rc, "%s", why.text[0] ? why.text : layr_strerror(rc));
    return rc;
}

int layr_catalogue_sync(layr_session_t *s, const uint8_t W[32], bool read, layr_diag_t *d)
{
    return sync_all(s, W, read, ANEW_NO, d);
}

int layr_catalogue_renew(layr_session_t *s, const uint8_t W[32], bool lost, layr_diag_t *d)
{
    return sync_all(s, W, true, lost ? ANEW_LOST : ANEW_YES, d);
}
