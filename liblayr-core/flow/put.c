/* put: source -> segments -> placed shards -> manifest -> record. */
#include <stdlib.h>
#include <string.h>

#include "base/fault.h"
#include "publish.h"
#include "reader.h"
#include "record.h"
#include "resume.h"
#include "version.h"

#define SETTLE_MS 5000         /* of one that is cut off: shards nearly there need not be sent again */
#define READ_AHEAD (64u << 20) /* bytes of plaintext read ahead, about */

typedef struct put {
    layr_session_t *s;
    const layr_put_opts_t *o;
    layr_source_t *src;
    layr_put_result_t *out;
    layr_diag_t *d;
    layr_scheme_t scheme;
    layr_file_keys_t keys;
    layr_put_entry_t entry; /* in the journal */
    bool journalled, resumed;
    bool sent; /* something is at a host */
    layr_regions_t regions;
    layr_holders_t holders; /* of its record */
    layr_store_t *store;
    layr_publish_t publish;
    layr_reader_thread_t *reader;
    layr_read_t *waiting,
        **waiting_tail; /* blocks read that the store has no room for yet (chained by job.next) */
    bool source_ended;
    unsigned min; /* shards of a segment that are enough */
    uint64_t size, segments;
    layr_content_t content;
    layr_placement_t placement;
    int error;
} put_t;

/* --- before anything is sent --- */

/* What fits its record needs no other hosts than the record's. */
static bool is_small(const put_t *p)
{
    return p->s->dht && p->src->size >= 0 && p->src->size <= LAYR_INLINE_MAX;
}

static int too_few_hosts(const put_t *p, size_t need, size_t usable)
{
    if (p->s->dht)
        return layr_diag_set(
            p->d, LAYR_ERR_HOSTS,
            "scheme %u/%u needs %zu distinct hosts, and %zu were found in the network: try again when "
            "more are up, give another seed with -s, or a smaller scheme with -k",
            p->scheme.k, p->scheme.n, need, usable);
    return layr_diag_set(p->d, LAYR_ERR_HOSTS,
                         "scheme %u/%u needs %zu distinct hosts, and %zu of the %zu given answered: give "
                         "more hosts, or a smaller scheme with -k",
                         p->scheme.k, p->scheme.n, need, usable, p->s->hosts.count);
}

static int choose_scheme(put_t *p)
{
    size_t usable, need;
    int rc = is_small(p) ? LAYR_OK : layr_regions_survey(&p->regions);
    if (rc != LAYR_OK)
        return rc;
    usable = layr_hosts_usable(&p->s->hosts);
    if (is_small(p))
        usable = LAYR_N_MAX;
    p->scheme = p->resumed ? p->entry.scheme : p->o->scheme;
    if (!p->scheme.k && p->o->base)
        p->scheme = p->o->base->scheme;
    if (!p->scheme.k && layr_scheme_for_hosts(&p->scheme, usable) != LAYR_OK)
        return layr_diag_set(
            p->d, LAYR_ERR_HOSTS,
            "%zu host%s %s, and without a scheme it takes 4 or more: give %s, or a scheme with -k "
            "(such as -k 1/%zu)",
            usable, usable == 1 ? "" : "s", p->s->dht ? "found in the network" : "answered",
            p->s->dht ? "another seed with -s" : "more hosts", usable ? usable : 1);
    need = p->min = layr_put_min(p->o, p->scheme);
    if (p->o->min_shards && (p->o->min_shards < p->scheme.k || p->o->min_shards > p->scheme.n))
        return layr_diag_set(p->d, LAYR_ERR_ARG, "the least number of shards must be from k to n: %u to %u",
                             p->scheme.k, p->scheme.n);
    return usable < need ? too_few_hosts(p, need, usable) : LAYR_OK;
}

/* What the journal is to know of it. */
static void fill_entry(put_t *p)
{
    layr_time_t keep_until = p->o->now + LAYR_RESUME_DAYS * 86400;
    p->entry.scheme = p->scheme;
    p->entry.started = p->o->now;
    p->entry.until = p->o->until;
    p->entry.keep = p->o->keep && p->o->name[0] && p->src->size >= 0 && !p->o->base;
    p->entry.size = p->src->size < 0 ? 0 : (uint64_t)p->src->size;
    p->entry.mtime = p->o->mtime;
    p->entry.keep_until = keep_until < p->o->until ? keep_until : p->o->until;
    if (!p->o->base) /* a version has the file's name, which is taken already */
        memcpy(p->entry.name, p->o->name, sizeof p->o->name);
}

static int take_up(put_t *p)
{
    int rc = layr_resume_take(p->s, p->o, &p->entry, p->d);
    p->resumed = p->journalled = p->out->resumed = p->entry.id != 0;
    if (!p->resumed)
        return rc;
    layr_file_keys_from_write(&p->keys, p->entry.W);
    return rc == LAYR_OK ? choose_scheme(p) : rc;
}

static int begin(put_t *p)
{
    layr_file_entry_t f;
    int rc;
    if (p->o->base && !p->s->journal)
        return layr_diag_set(p->d, LAYR_ERR_ARG, "a file is changed with a journal only");
    if (!p->o->base && p->o->name[0] && p->s->journal &&
        layr_journal_file_find(p->s->journal, &f, p->o->name) == LAYR_OK) {
        layr_wipe(&f, sizeof f);
        return layr_diag_set(
            p->d, LAYR_ERR_EXISTS,
            "you have a file named %s already: give another name with -n, or remove that one with layr-rm",
            p->o->name);
    }
    fill_entry(p);
    if (p->entry.keep && p->o->resume && p->s->journal && (rc = take_up(p)) != LAYR_ERR_NOTFOUND)
        return rc;
    if ((rc = choose_scheme(p)) != LAYR_OK)
        return rc;
    p->entry.scheme = p->scheme;
    layr_random(p->entry.W, sizeof p->entry.W);
    layr_random(p->entry.random, sizeof p->entry.random);
    if (p->o->base)
        memcpy(p->entry.W, p->o->base->keys.W, sizeof p->entry.W);
    layr_file_keys_from_write(&p->keys, p->entry.W);
    rc = p->s->journal ? layr_journal_put_begin(p->s->journal, &p->entry) : LAYR_OK;
    if (rc == LAYR_ERR_EXISTS)
        return layr_resume_name_taken(p->s, p->o->name, p->d);
    if (rc != LAYR_OK)
        return layr_journal_diag(p->s->journal, rc, p->d);
    p->journalled = p->s->journal != NULL;
    return LAYR_OK;
}

static int open_store(put_t *p)
{
    layr_store_opts_t o = {.keys = &p->keys,
                           .scheme = p->scheme,
                           .min_shards = p->min,
                           .put = p->entry.id,
                           .now = p->o->now,
                           .until = p->entry.until,
                           .max_price = p->o->max_price,
                           .keep = p->journalled && p->entry.keep,
                           .resume = p->resumed};
    int rc;
    memcpy(o.random, p->entry.random, 32);
    rc = layr_store_new(&p->store, p->s, &o, &p->regions);
    layr_wipe(&o, sizeof o);
    if (rc == LAYR_OK)
        layr_publish_init(&p->publish, p->store, p->scheme);
    if (rc == LAYR_OK && p->o->base)
        rc = layr_base_begin(p->o->base, p->scheme, &p->segments, &p->size);
    return rc;
}

/* --- from the source to the store --- */

static void plain_done(void *ctx, uint8_t *plain)
{
    (void)plain;
    layr_reader_give(ctx);
}

static void got_block(layr_job_t *j, void *owner)
{
    layr_read_t *b = (layr_read_t *)j;
    put_t *p = b->ctx;
    (void)owner;
    if (b->error != LAYR_OK && p->error == LAYR_OK)
        p->error = b->error;
    p->source_ended |= b->end || b->error != LAYR_OK;
    p->size += b->len;
    b->job.next = NULL;
    *p->waiting_tail = b;
    p->waiting_tail = (layr_read_t **)&b->job.next;
}

/* What fits the record rides in it. */
static bool keep_inline(put_t *p, const layr_read_t *b)
{
    if (p->segments || !b->end || b->len > LAYR_INLINE_MAX)
        return false;
    p->content.has_inline = 1;
    p->content.inline_len = b->len;
    memcpy(p->content.inline_bytes, b->p, b->len);
    return true;
}

/* The same as in the version before, and well kept there. */
static int keep_old(put_t *p, const layr_read_t *b, bool *kept)
{
    int rc = LAYR_OK;
    *kept = false;
    if (p->o->base)
        rc = layr_base_take(p->o->base, p->scheme, p->min, p->segments, b->sha256, b->len, kept);
    p->segments += *kept;
    return rc;
}

static int feed_block(put_t *p, layr_read_t *b)
{
    bool kept = b->len == 0 || keep_inline(p, b);
    int rc = kept ? LAYR_OK : keep_old(p, b, &kept);
    if (kept || rc != LAYR_OK)
        layr_reader_give(b);
    else
        rc = layr_store_add(p->store, false, p->segments++, b->p, b->len, b->hashed ? b->sha256 : NULL,
                            plain_done, b);
    if (b->len == 0 && p->segments == 0)
        p->content.has_inline = 1;
    return rc;
}

static int feed(put_t *p)
{
    int rc = LAYR_OK;
    while (p->waiting && layr_store_room(p->store) && rc == LAYR_OK) {
        layr_read_t *b = p->waiting;
        if (!(p->waiting = (layr_read_t *)b->job.next))
            p->waiting_tail = &p->waiting;
        rc = feed_block(p, b);
    }
    return rc;
}

/* The manifest has segments in their order: those of the version before as soon as it is their turn. */
static int append_kept(put_t *p)
{
    bool all = p->source_ended && !p->waiting;
    int rc = LAYR_OK;
    while (rc == LAYR_OK && p->o->base) {
        layr_stored_t u;
        layr_base_next_t next = layr_base_next(p->o->base, p->min, p->publish.segments, p->segments, all,
                                               layr_publish_fits_page(&p->publish), &u);
        if (next == LAYR_BASE_OTHER || next == LAYR_BASE_WAIT)
            break;
        rc = next == LAYR_BASE_PAGE ? layr_publish_page(&p->publish, &u) : layr_publish_add(&p->publish, &u);
    }
    return rc;
}

static int append_finished(void *ctx)
{
    put_t *p = ctx;
    layr_stored_t u;
    int rc = append_kept(p);
    if (rc != LAYR_OK)
        return rc;
    while ((rc = layr_store_take(p->store, &u, p->d)) == 1) {
        if (p->resumed)
            rc = layr_resume_mark(p->s, p->entry.id, &u,
                                  u.page ? p->scheme.n - p->scheme.k + 1u : p->scheme.n);
        rc = rc < 0 ? layr_journal_diag(p->s->journal, rc, p->d) : layr_publish_add(&p->publish, &u);
        layr_store_drop(p->store);
        if (rc != LAYR_OK || (rc = append_kept(p)) != LAYR_OK)
            return rc;
    }
    return rc;
}

static void tell_progress(put_t *p)
{
    layr_store_stats_t st;
    layr_event_t ev = {.kind = LAYR_EV_PROGRESS, .total = p->src->size < 0 ? 0 : (uint64_t)p->src->size};
    layr_store_stats(p->store, &st);
    /* of the blobs' bytes, k of n are the file's, and 65,520 of 65,792 in each chunk */
    ev.done =
        (uint64_t)((double)st.bytes * p->scheme.k / p->scheme.n * LAYR_CHUNK_PLAIN / (LAYR_CHUNK + 256));
    if (ev.done > p->size)
        ev.done = p->size;
    if (ev.total && ev.done > ev.total)
        ev.done = ev.total;
    layr_engine_event(layr_store_engine(p->store), &ev);
}

/* A block is a whole segment, or less where the source is known to be smaller. */
static int start_reader(put_t *p)
{
    size_t block = layr_full_segment(p->scheme);
    unsigned blocks = READ_AHEAD / block > 8   ? 8
                      : READ_AHEAD / block < 2 ? 2
                                               : (unsigned)(READ_AHEAD / block);
    if (p->src->size >= 0 && (uint64_t)p->src->size < block) {
        block = (size_t)p->src->size + 1; /* one more, to see the end with the same read */
        blocks = 2;
    }
    if (p->src->start)
        p->src->start(p->src->ctx, layr_full_segment(p->scheme));
    return layr_reader_new(&p->reader, layr_store_engine(p->store), p->src, block, blocks, p->o->base != NULL,
                           got_block, p, p->d);
}

static int store_all(put_t *p)
{
    int rc = start_reader(p);
    while (rc == LAYR_OK && !(p->source_ended && !p->waiting && layr_store_idle(p->store))) {
        layr_store_turn(p->store, 200);
        if (layr_engine_cancelled(layr_store_engine(p->store)))
            rc = LAYR_ERR_CANCELLED;
        else if (p->error != LAYR_OK)
            rc = p->error;
        else if ((rc = feed(p)) == LAYR_OK)
            rc = append_finished(p);
        tell_progress(p);
    }
    if (rc == LAYR_OK)
        rc = layr_reader_hash(p->reader, p->content.sha256);
    if (rc == LAYR_OK && p->src->finish)
        p->src->finish(p->src->ctx, &p->content);
    return rc;
}

/* --- manifest and record --- */

static int store_pages(put_t *p)
{
    if (!p->content.has_inline)
        return layr_publish_end(&p->publish, append_finished, p, &p->placement);
    p->placement.scheme = (layr_scheme_t){1, 1};
    layr_page_init(&p->placement.node, p->placement.scheme, 0);
    return LAYR_OK;
}

/* Whether it gets through or is cut off, the journal then knows where a record of it may lie. */
static int note_publish(put_t *p)
{
    const layr_host_t **h;
    layr_buf_t ids;
    size_t count;
    int rc = layr_holders_find(p->s, p->keys.record_id, &p->holders);
    if (rc != LAYR_OK || !p->s->journal)
        return rc;
    if (!(h = calloc(p->holders.count + 1, sizeof(const layr_host_t *))))
        return LAYR_ERR_NOMEM;
    count = layr_holders_hosts(&p->holders, h);
    layr_buf_init(&ids);
    for (size_t i = 0; i < count; i++)
        layr_buf_add(&ids, h[i]->id, 32);
    rc = ids.bad ? LAYR_ERR_NOMEM : layr_journal_put_publish(p->s->journal, p->entry.id, ids.p, count);
    layr_buf_free(&ids);
    free(h);
    return rc == LAYR_OK ? rc : layr_journal_diag(p->s->journal, rc, p->d);
}

static layr_version_t version_of(const put_t *p)
{
    return (layr_version_t){
        .s = p->s, .base = p->o->base, .put = p->entry.id, .now = p->o->now, .until = p->o->until};
}

static int publish_version(put_t *p, const layr_buf_t *root)
{
    layr_version_t v = version_of(p);
    layr_order_list_t rest = {0};
    int rc = layr_base_rest(p->o->base, p->s, &rest);
    if (rc == LAYR_OK)
        rc = layr_version_publish(&v, root, &rest, &p->out->record_hosts, p->d);
    layr_orders_free(&rest);
    return rc;
}

static int publish_new(put_t *p, const layr_buf_t *root)
{
    int rc = note_publish(p);
    LAYR_FAULT_POINT("put.publish");
    if (rc == LAYR_OK)
        rc = layr_record_publish(p->s, &p->keys, &p->holders, !p->resumed, root->p, root->len, p->o->now,
                                 p->entry.until, &p->out->record_hosts, p->d);
    LAYR_FAULT_POINT("put.published");
    return rc;
}

static int publish(put_t *p)
{
    layr_buf_t root;
    int rc;
    layr_buf_init(&root);
    memcpy(p->content.name, p->o->name, sizeof p->content.name);
    memcpy(p->content.type, p->o->type[0] ? p->o->type : "application/octet-stream",
           p->o->type[0] ? sizeof p->content.type : 25);
    p->content.size = p->size;
    p->content.mtime = p->o->mtime;
    p->content.created = p->o->now;
    rc = layr_version_root(&root, &p->keys, &p->placement, &p->content);
    if (rc == LAYR_OK)
        rc = p->o->base ? publish_version(p, &root) : publish_new(p, &root);
    layr_buf_free(&root);
    return rc;
}

static int keep_version(put_t *p, const layr_file_entry_t *f, const layr_shard_ref_t *orphans, size_t count)
{
    layr_version_t v = version_of(p);
    return layr_version_done(&v, p->o->base->catalogue ? NULL : f, orphans, count);
}

static int keep_file(put_t *p)
{
    layr_file_entry_t f = {.size = p->size,
                           .scheme = p->placement.scheme,
                           .created = p->o->now,
                           .until = p->entry.until,
                           .is_folder = p->content.is_folder};
    const layr_shard_ref_t *orphans;
    size_t count = layr_store_orphans(p->store, &orphans);
    int rc = LAYR_OK;
    if (p->resumed)
        rc = layr_journal_put_changed(p->s->journal, p->entry.id, &p->out->changed);
    memcpy(f.W, p->keys.W, 32);
    memcpy(f.record_id, p->keys.record_id, 32);
    memcpy(f.name, p->o->name, sizeof p->o->name);
    if (p->o->base)
        rc = keep_version(p, &f, orphans, count);
    else if (p->s->journal && rc == LAYR_OK)
        rc = layr_journal_put_done(p->s->journal, p->entry.id, &f, orphans, count);
    p->journalled = p->journalled && rc != LAYR_OK;
    layr_wipe(&f, sizeof f);
    return rc == LAYR_OK ? rc : layr_journal_diag(p->s->journal, rc, p->d);
}

static int result(put_t *p)
{
    layr_store_stats_t st;
    layr_put_result_t *out = p->out;
    layr_store_stats(p->store, &st);
    memcpy(out->record_id, p->keys.record_id, 32);
    memcpy(out->sha256, p->content.sha256, 32);
    out->scheme = p->scheme;
    out->size = p->size;
    out->segments = p->segments;
    out->pages = p->publish.pages;
    out->stored_bytes = st.bytes;
    out->shards = st.shards;
    out->moved = st.moved;
    out->hosts = st.hosts;
    if (p->o->base) {
        out->kept = p->o->base->kept;
        out->kept_pages = p->publish.kept_pages;
        out->kept_bytes = p->o->base->kept_bytes;
    }
    out->is_inline = p->content.has_inline;
    out->until = p->entry.until;
    out->found = st.found;
    out->found_bytes = st.found_bytes;
    return layr_cap_format(out->read_cap, &p->keys, 'r');
}

/* Of a source that can be read again, what was sent is worth keeping. */
static bool keep_for_later(put_t *p)
{
    if (!p->journalled || !p->entry.keep || !(p->sent || p->resumed))
        return false;
    layr_journal_put_leave(p->s->journal, p->entry.id);
    p->out->resumable = true;
    return true;
}

/* Else nothing half-written stays: what was sent is released, now or as soon as its hosts are up. */
static void give_up(put_t *p, int rc)
{
    bool kept = keep_for_later(p);
    if (rc == LAYR_ERR_CANCELLED && kept)
        layr_diag_set(p->d, rc, "stopped");
    else if (rc == LAYR_ERR_CANCELLED)
        layr_diag_set(p->d, rc, "stopped: nothing was stored");
    else
        layr_diag_set(p->d, rc, "the file could not be stored: %s", layr_strerror(rc));
    if (!kept && p->journalled)
        layr_version_drop(p->s, p->entry.id);
}

int layr_put(layr_session_t *s, const layr_put_opts_t *o, layr_source_t *src, layr_put_result_t *out,
             layr_diag_t *d)
{
    put_t *p = calloc(1, sizeof *p);
    int rc;
    if (!p)
        return layr_diag_set(d, LAYR_ERR_NOMEM, "out of memory");
    *p = (put_t){.s = s, .o = o, .src = src, .out = out, .d = d};
    p->waiting_tail = &p->waiting;
    layr_regions_init(&p->regions, s);
    memset(out, 0, sizeof *out);
    if ((rc = begin(p)) == LAYR_OK && (rc = open_store(p)) == LAYR_OK && (rc = store_all(p)) == LAYR_OK &&
        (rc = store_pages(p)) == LAYR_OK && (rc = publish(p)) == LAYR_OK && (rc = keep_file(p)) == LAYR_OK)
        rc = result(p);
    if (p->reader)
        layr_reader_stop(p->reader);
    if (p->store) {
        layr_store_stats_t st;
        if ((rc == LAYR_ERR_CANCELLED || rc == LAYR_ERR_HOSTS) && p->journalled && p->entry.keep)
            layr_store_settle(p->store, SETTLE_MS);
        layr_store_stats(p->store, &st);
        p->sent = st.shards > 0;
        layr_publish_free(&p->publish);
    }
    layr_store_free(p->store);
    layr_regions_free(&p->regions);
    layr_holders_free(&p->holders);
    layr_reader_free(p->reader);
    if (rc != LAYR_OK)
        give_up(p, rc);
    else if (p->resumed) /* of what earlier tries sent to no end */
        layr_version_tidy(p->s);
    layr_placement_free(&p->placement);
    layr_file_keys_wipe(&p->keys);
    layr_wipe(p, sizeof *p);
    free(p);
    return rc;
}
