/* Looking after stored shards. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fault.h"
#include "db/host_internal.h"
#include "db/host_pages.h"
#include "layr/hostscrub.h"

#define PIECE (256u * 1024) /* read at a time */
#define TRIES 3             /* at a shard that the disk does not give */
#define SAVE_S 30           /* so often the place is noted */

struct layr_host_scrub {
    bool placed;      /* `last` is what the database had, or newer */
    uint8_t last[32]; /* the last shard that was looked at; the pass goes by ids */
    layr_time_t began, finished, saved;

    bool open; /* a blob is */
    uint8_t shard[32];
    uint64_t size, at;
    layr_pages_file_t file;
    struct stat st; /* of the blob that is judged */
    layr_hash_t *hash;
    unsigned failures; /* of reading this shard, in a row */
    uint8_t piece[PIECE];
};

int layr_host_scrub_new(layr_host_scrub_t **out)
{
    layr_host_scrub_t *s = calloc(1, sizeof *s);
    int rc = LAYR_ERR_NOMEM;

    if (s == NULL)
        return rc;
    s->file.fd = -1;
    rc = layr_hash_new(&s->hash);
    if (rc != 0) {
        free(s);
        return rc;
    }
    *out = s;
    return 0;
}

void layr_host_scrub_free(layr_host_scrub_t *s)
{
    if (s == NULL)
        return;
    layr_pages_close(&s->file);
    layr_hash_free(s->hash);
    free(s);
}

/* --- the place --- */

static int load(layr_hostdb_t *db, layr_host_scrub_t *s)
{
    sqlite3_stmt *q;
    int rc;

    pthread_mutex_lock(&db->read_mutex);
    q = layr_host_stmt(&db->read, Q_SCRUB);
    rc = layr_host_step(q);
    if (rc == 1) {
        rc = layr_host_column(q, 0, s->last, sizeof s->last) == 0 ? 0 : LAYR_ERR_DB;
        s->began = sqlite3_column_int64(q, 1);
        s->finished = sqlite3_column_int64(q, 2);
        sqlite3_reset(q);
    }
    pthread_mutex_unlock(&db->read_mutex);
    s->placed = rc == 0;
    return rc;
}

static int save_op(layr_hostdb_t *db, void *arg)
{
    const layr_host_scrub_t *s = arg;
    sqlite3_stmt *q = layr_host_stmt(&db->write, Q_SCRUB_SET);

    layr_host_bind(q, 1, s->last, sizeof s->last);
    if (q != NULL) {
        sqlite3_bind_int64(q, 2, s->began);
        sqlite3_bind_int64(q, 3, s->finished);
    }
    return layr_host_step(q) == 0 ? 0 : LAYR_ERR_DB;
}

static int save(layr_hostdb_t *db, layr_host_scrub_t *s, layr_time_t now, layr_diag_t *d)
{
    s->saved = now;
    return layr_host_commit(db, save_op, s, d);
}

/* 1: the shard after the last one; 0: there is none. */
static int find_next(layr_hostdb_t *db, layr_host_scrub_t *s)
{
    sqlite3_stmt *q;
    int rc;

    pthread_mutex_lock(&db->read_mutex);
    q = layr_host_stmt(&db->read, Q_SHARD_NEXT);
    layr_host_bind(q, 1, s->last, sizeof s->last);
    rc = layr_host_step(q);
    if (rc == 1) {
        if (layr_host_column(q, 0, s->shard, sizeof s->shard) != 0)
            rc = LAYR_ERR_DB;
        s->size = (uint64_t)sqlite3_column_int64(q, 1);
        sqlite3_reset(q);
    }
    pthread_mutex_unlock(&db->read_mutex);
    return rc;
}

/* --- one that is bad --- */

typedef struct removal {
    layr_host_scrub_t *s;
    char from[LAYR_HOST_PATH_MAX], to[LAYR_HOST_PATH_MAX], dir[LAYR_HOST_PATH_MAX];
    bool gone;   /* its file is */
    bool stands; /* it was stored anew meanwhile, or released */
} removal_t;

/* No PUT of this shard can be between its intent and its rename here: that is why this stands in a transaction. */
static int take_out_op(layr_hostdb_t *db, void *arg)
{
    removal_t *r = arg;
    layr_host_scrub_t *s = r->s;
    struct stat st;
    int intended = layr_host_any(&db->write, Q_SHARD_INTENDED, s->shard, 32);
    int booked = layr_host_any(&db->write, Q_SHARD, s->shard, 32);

    r->gone = r->stands = false;
    if (intended < 0 || booked < 0)
        return LAYR_ERR_DB;
    if (intended == 1 || booked == 0) {
        r->stands = true;
        return 0;
    }
    r->gone = lstat(r->from, &st) != 0;
    if (r->gone && errno != ENOENT && errno != ENOTDIR)
        return LAYR_ERR_IO;
    if (!r->gone && s->st.st_ino != 0 &&
        (st.st_ino != s->st.st_ino || st.st_size != s->st.st_size ||
         st.st_mtim.tv_sec != s->st.st_mtim.tv_sec || st.st_mtim.tv_nsec != s->st.st_mtim.tv_nsec)) {
        r->stands = true;
        return 0;
    }
    if (!r->gone && (LAYR_FAULT("host.damaged") || rename(r->from, r->to) != 0))
        return LAYR_ERR_IO;
    LAYR_FAULT_POINT("host.damaged");
    return layr_host_forget(db, s->shard);
}

static int take_out(layr_hostdb_t *db, layr_host_scrub_t *s, layr_host_scrubbed_t *out, layr_diag_t *d)
{
    removal_t r = {.s = s};
    char hex[65];
    int rc = layr_host_blob_path(r.from, sizeof r.from, db->path, s->shard);

    layr_hex(hex, s->shard, 32);
    if (rc != 0 || snprintf(r.dir, sizeof r.dir, "%s/damaged", db->path) >= (int)sizeof r.dir ||
        snprintf(r.to, sizeof r.to, "%s/damaged/%s", db->path, hex) >= (int)sizeof r.to)
        return LAYR_ERR_LIMIT;
    if (layr_hostdb_check(db) != 0) /* not a store without shards, but no store */
        return LAYR_ERR_UNAVAILABLE;
    if (mkdir(r.dir, 0700) != 0 && errno != EEXIST)
        return layr_diag_set(d, LAYR_ERR_IO, "cannot make the folder %s: %s", r.dir, strerror(errno));
    rc = layr_host_commit_alone(db, take_out_op, &r, d);
    if (rc == 0 && !r.stands && !r.gone) {
        rc = layr_host_blob_sync(db, s->shard);
        if (rc == 0)
            rc = layr_host_sync_dir(r.dir);
    }
    if (rc != 0)
        return layr_diag_set(d, rc, "cannot move the damaged shard %s to %s: %s", r.from, r.to,
                             strerror(errno));
    if (r.stands)
        return 0;
    out->missing = r.gone;
    out->damaged = !r.gone;
    memcpy(out->shard, s->shard, 32);
    if (r.gone)
        layr_diag_set(d, LAYR_ERR_NOTFOUND,
                      "the shard %s is not there any more: it was removed, or the file system lost it",
                      r.from);
    else {
        layr_diag_set(d, LAYR_ERR_DATA, "the shard %s is damaged and was moved to %s: look after the disk",
                      r.from, r.to);
        layr_host_damaged_trim(r.dir, db->c.capacity);
    }
    return 0;
}

/* --- a blob --- */

static void close_blob(layr_host_scrub_t *s)
{
    uint8_t forgotten[32];

    if (s->open)
        (void)!layr_hash_final(s->hash, forgotten); /* and begin anew */
    layr_pages_close(&s->file);
    s->open = false;
}

/* This shard is done with. */
static void pass_on(layr_host_scrub_t *s, layr_host_scrubbed_t *out)
{
    close_blob(s);
    memcpy(s->last, s->shard, 32);
    s->failures = 0;
    out->shards++;
}

static int is_bad(layr_hostdb_t *db, layr_host_scrub_t *s, layr_host_scrubbed_t *out, layr_diag_t *d)
{
    int rc = take_out(db, s, out, d);

    if (rc == 0)
        pass_on(s, out);
    else
        close_blob(s);
    return rc;
}

/* A disk that fails may do better at the next try. */
static int not_given(layr_hostdb_t *db, layr_host_scrub_t *s, layr_host_scrubbed_t *out, layr_diag_t *d)
{
    close_blob(s);
    if (++s->failures < TRIES)
        return layr_diag_set(d, LAYR_ERR_IO, "a shard cannot be read: %s: it is tried again",
                             strerror(errno));
    return is_bad(db, s, out, d);
}

static int open_blob(layr_hostdb_t *db, layr_host_scrub_t *s, layr_host_scrubbed_t *out, layr_diag_t *d)
{
    char path[LAYR_HOST_PATH_MAX];
    int rc = layr_host_blob_path(path, sizeof path, db->path, s->shard);

    if (rc != 0)
        return rc;
    memset(&s->st, 0, sizeof s->st);
    rc = layr_pages_open(&s->file, path, s->size);
    if (rc == LAYR_ERR_NOTFOUND) {
        (void)!lstat(path, &s->st);
        return is_bad(db, s, out, d);
    }
    if (rc != 0)
        return not_given(db, s, out, d);
    if (fstat(s->file.fd, &s->st) != 0)
        return not_given(db, s, out, d);
    s->open = true;
    s->at = 0;
    return 0;
}

static int judge(layr_hostdb_t *db, layr_host_scrub_t *s, layr_host_scrubbed_t *out, layr_diag_t *d)
{
    uint8_t is[32];
    int rc = layr_hash_final(s->hash, is);

    s->open = false; /* the hash has begun anew */
    if (rc != 0)
        return rc;
    if (memcmp(is, s->shard, 32) != 0)
        return is_bad(db, s, out, d);
    pass_on(s, out);
    return 0;
}

static int read_piece(layr_hostdb_t *db, layr_host_scrub_t *s, layr_host_scrubbed_t *out, layr_diag_t *d)
{
    size_t n = s->size - s->at < PIECE ? (size_t)(s->size - s->at) : PIECE;
    layr_pages_t window;
    int rc;

    layr_pages_want(&s->file, &window, s->at, n);
    rc = LAYR_FAULT("host.scrub") ? LAYR_ERR_IO : layr_pages_read(&s->file, s->piece, n, s->at);
    layr_pages_drop(&s->file, &window);
    if (rc == LAYR_ERR_NOTFOUND)
        return is_bad(db, s, out, d);
    if (rc != 0)
        return not_given(db, s, out, d);
    rc = layr_hash_update(s->hash, s->piece, n);
    if (rc != 0)
        return rc;
    s->at += n;
    out->bytes += n;
    return s->at == s->size ? judge(db, s, out, d) : 0;
}

/* --- a pass --- */

static int begin_pass(layr_hostdb_t *db, layr_host_scrub_t *s, layr_time_t now, layr_diag_t *d)
{
    memset(s->last, 0, sizeof s->last);
    s->began = now;
    return save(db, s, now, d);
}

/* All ones: the pass is over, and the next is not due. */
static int end_pass(layr_hostdb_t *db, layr_host_scrub_t *s, layr_time_t now, layr_host_scrubbed_t *out,
                    layr_diag_t *d)
{
    memset(s->last, 0xff, sizeof s->last);
    s->finished = now;
    out->done = true;
    return save(db, s, now, d);
}

static bool is_over(const layr_host_scrub_t *s)
{
    for (size_t i = 0; i < sizeof s->last; i++)
        if (s->last[i] != 0xff)
            return false;
    return true;
}

/* 1: go on; 0: not now. */
static int on_with_pass(layr_hostdb_t *db, layr_host_scrub_t *s, layr_time_t every, layr_time_t now,
                        layr_host_scrubbed_t *out, layr_diag_t *d)
{
    int rc = s->placed ? 0 : load(db, s);

    if (rc == 0 && s->began == 0)
        rc = begin_pass(db, s, now, d);
    if (rc == 0 && is_over(s)) {
        out->done = now >= s->began && now - s->began < every;
        if (out->done)
            return 0;
        rc = begin_pass(db, s, now, d);
    }
    return rc == 0 ? 1 : rc;
}

static int scrub(layr_hostdb_t *db, layr_host_scrub_t *s, uint64_t budget, layr_time_t now,
                 layr_host_scrubbed_t *out, layr_diag_t *d)
{
    int rc = 0;

    while (rc == 0 && out->bytes < budget && !out->damaged && !out->missing) {
        if (s->open) {
            rc = read_piece(db, s, out, d);
            continue;
        }
        rc = find_next(db, s);
        if (rc == 0)
            return end_pass(db, s, now, out, d);
        if (rc == 1)
            rc = open_blob(db, s, out, d);
    }
    if (rc == 0 && (now - s->saved >= SAVE_S || now < s->saved))
        rc = save(db, s, now, d);
    return rc;
}

int layr_hostdb_scrub(layr_hostdb_t *db, layr_host_scrub_t *s, uint64_t budget, layr_time_t every,
                      layr_time_t now, layr_host_scrubbed_t *out, layr_diag_t *d)
{
    int rc;

    memset(out, 0, sizeof *out);
    rc = on_with_pass(db, s, every, now, out, d);
    if (rc == 1)
        rc = scrub(db, s, budget, now, out, d);
    out->began = s->began;
    out->finished = s->finished;
    return rc;
}
