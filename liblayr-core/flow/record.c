/* Records: gather, choose, write. */
#include "record.h"

#include <stdlib.h>
#include <string.h>

#include "fan.h"

#define GRACE_MS 1000 /* for the slow, once a majority has answered */
#define LIMIT_MS 10000
#define WRITE_TRIES 5 /* against other writers */

static int order(const void *a, const void *b)
{
    const layr_found_t *x = a, *y = b;
    if (x->rec.seq != y->rec.seq)
        return x->rec.seq < y->rec.seq ? 1 : -1;
    if (x->holders != y->holders)
        return x->holders < y->holders ? 1 : -1;
    return memcmp(y->rec.sha256, x->rec.sha256, 32);
}

/* Takes rec over. */
static int note(layr_records_t *out, layr_record_t *rec)
{
    layr_found_t *more;
    for (size_t i = 0; i < out->count; i++) {
        if (memcmp(out->r[i].rec.sha256, rec->sha256, 32) == 0) {
            out->r[i].holders++;
            layr_record_free(rec);
            return LAYR_OK;
        }
    }
    more = realloc(out->r, (out->count + 1) * sizeof *more);
    if (!more) {
        layr_record_free(rec);
        return LAYR_ERR_NOMEM;
    }
    out->r = more;
    more[out->count++] = (layr_found_t){.rec = *rec, .holders = 1};
    return LAYR_OK;
}

static int collect(layr_records_t *out, const layr_fan_call_t *c, const uint8_t record_id[32],
                   layr_time_t now)
{
    layr_record_t rec;
    int rc;
    if (c->rc != LAYR_OK) {
        out->answered += c->rc == LAYR_ERR_NOTFOUND;
        return LAYR_OK;
    }
    rc = layr_record_parse(&rec, (const char *)c->call.req.into, c->call.req.into_len, now);
    if (rc == LAYR_ERR_EXPIRED) { /* as good as none */
        out->answered++;
        return LAYR_OK;
    }
    if (rc == LAYR_ERR_NOMEM)
        return rc;
    if (rc != LAYR_OK || memcmp(rec.id, record_id, 32) != 0) {
        out->invalid++;
        if (rc == LAYR_OK)
            layr_record_free(&rec);
        return LAYR_OK;
    }
    out->answered++;
    return note(out, &rec);
}

static int ask_place(layr_session_t *s, const uint8_t record_id[32], unsigned i, layr_time_t now,
                     layr_records_t *out)
{
    size_t n = s->hosts.count, usable = layr_hosts_usable(&s->hosts);
    layr_fan_call_t *calls = calloc(n ? n : 1, sizeof *calls);
    uint8_t *answers = malloc((n ? n : 1) * LAYR_JWS_MAX), place[32];
    int rc = LAYR_ERR_NOMEM;
    if (!calls || !answers || (rc = layr_record_place(place, record_id, i)) != LAYR_OK)
        goto done;
    out->asked = out->answered = out->invalid = 0;
    for (size_t h = 0; h < n && rc == LAYR_OK; h++) {
        if (s->hosts.host[h].error != LAYR_OK)
            continue;
        rc = layr_call_get_record(&calls[h].call, &s->hosts.host[h], place, answers + h * LAYR_JWS_MAX,
                                  LAYR_JWS_MAX);
        out->asked++;
    }
    if (rc == LAYR_OK)
        rc = layr_fan_run(s, calls, n, usable / 2 + 1, GRACE_MS, LIMIT_MS);
    for (size_t h = 0; h < n && rc == LAYR_OK; h++)
        if (calls[h].call.host)
            rc = collect(out, &calls[h], record_id, now);
done:
    for (size_t h = 0; calls && h < n; h++)
        layr_call_free(&calls[h].call);
    free(calls);
    free(answers);
    return rc;
}

int layr_records_gather(layr_session_t *s, const uint8_t record_id[32], layr_time_t now, layr_records_t *out)
{
    int rc = LAYR_OK;
    *out = (layr_records_t){0};
    /* with hosts given by hand every one of them has all three places; the others are for what the first has
     * lost */
    for (unsigned i = 0; i < LAYR_RECORD_PLACES && rc == LAYR_OK && out->count == 0; i++)
        rc = ask_place(s, record_id, i, now, out);
    if (rc != LAYR_OK) {
        layr_records_free(out);
        return rc;
    }
    if (out->count)
        qsort(out->r, out->count, sizeof out->r[0], order);
    return LAYR_OK;
}

void layr_records_free(layr_records_t *r)
{
    for (size_t i = 0; i < r->count; i++)
        layr_record_free(&r->r[i].rec);
    free(r->r);
    *r = (layr_records_t){0};
}

/* Give the record to every usable host at every place: how many took it everywhere, how many hold another. */
static int give(layr_session_t *s, const uint8_t record_id[32], const char *jws, unsigned *took,
                unsigned *other)
{
    size_t n = s->hosts.count, total = n * LAYR_RECORD_PLACES;
    layr_fan_call_t *calls = calloc(total ? total : 1, sizeof *calls);
    uint8_t *answers = malloc((total ? total : 1) * LAYR_JWS_MAX), place[LAYR_RECORD_PLACES][32];
    int rc = calls && answers ? LAYR_OK : LAYR_ERR_NOMEM;
    *took = *other = 0;
    for (unsigned i = 0; i < LAYR_RECORD_PLACES && rc == LAYR_OK; i++)
        rc = layr_record_place(place[i], record_id, i);
    for (size_t c = 0; c < total && rc == LAYR_OK; c++) {
        layr_host_t *h = &s->hosts.host[c / LAYR_RECORD_PLACES];
        if (h->error == LAYR_OK)
            rc = layr_call_put_record(&calls[c].call, h, place[c % LAYR_RECORD_PLACES], jws, strlen(jws),
                                      answers + c * LAYR_JWS_MAX, LAYR_JWS_MAX);
    }
    if (rc == LAYR_OK)
        rc = layr_fan_run(s, calls, total, total, GRACE_MS, LIMIT_MS);
    for (size_t h = 0; h < n && rc == LAYR_OK; h++) {
        const layr_fan_call_t *c = &calls[h * LAYR_RECORD_PLACES];
        *took += c[0].rc == LAYR_OK && c[1].rc == LAYR_OK && c[2].rc == LAYR_OK;
        *other +=
            c[0].rc == LAYR_ERR_CONFLICT || c[1].rc == LAYR_ERR_CONFLICT || c[2].rc == LAYR_ERR_CONFLICT;
    }
    for (size_t c = 0; calls && c < total; c++)
        layr_call_free(&calls[c].call);
    free(calls);
    free(answers);
    return rc;
}

/* The next record's place in line: one more than the top sequence, naming all records of it. */
static void follow(layr_record_t *rec, const layr_records_t *now_there)
{
    rec->seq = now_there->count ? now_there->r[0].rec.seq + 1 : 1;
    rec->prev_count = 0;
    for (size_t i = 0; i < now_there->count && rec->prev_count < LAYR_PREV_MAX; i++)
        if (now_there->r[i].rec.seq + 1 == rec->seq)
            memcpy(rec->prev[rec->prev_count++], now_there->r[i].rec.sha256, 32);
}

/* Do most of those that answer hold this one? */
static int read_back(layr_session_t *s, const layr_record_t *rec, layr_time_t now, bool *ours)
{
    layr_records_t there;
    int rc = layr_records_gather(s, rec->id, now, &there);
    if (rc != LAYR_OK)
        return rc;
    *ours = false;
    for (size_t i = 0; i < there.count; i++)
        if (memcmp(there.r[i].rec.sha256, rec->sha256, 32) == 0)
            *ours = there.r[i].holders * 2 > there.answered;
    layr_records_free(&there);
    return LAYR_OK;
}

static int write_once(layr_session_t *s, layr_record_t *rec, const layr_file_keys_t *k, bool fresh,
                      layr_time_t now, unsigned *took, unsigned *other, bool *won)
{
    char *jws = NULL;
    int rc = layr_record_sign(&jws, rec, k->record_seed);
    if (rc == LAYR_OK)
        rc = layr_sha256_1(rec->sha256, jws, strlen(jws));
    if (rc == LAYR_OK)
        rc = give(s, k->record_id, jws, took, other);
    /* The key of a fresh file was drawn a moment ago: a host that says it holds another record of it lies. */
    *won = fresh || *other == 0;
    if (rc == LAYR_OK && !fresh && *took)
        rc = read_back(s, rec, now, won);
    free(jws);
    return rc;
}

/* What a cancelled one left undone the caller says. */
static int not_asked(int rc, layr_diag_t *d)
{
    return rc == LAYR_ERR_CANCELLED
               ? rc
               : layr_diag_set(d, rc, "the file's record could not be asked of the hosts: %s",
                               layr_strerror(rc));
}

static int too_few(unsigned holders, size_t usable, layr_diag_t *d)
{
    return layr_diag_set(
        d, LAYR_ERR_HOSTS,
        "only %u of %zu hosts took the file's record, and more than half are needed: try again when "
        "more of them are up",
        holders, usable);
}

int layr_record_publish(layr_session_t *s, const layr_file_keys_t *k, bool fresh, const uint8_t *root,
                        size_t len, layr_time_t now, layr_time_t exp, unsigned *holders, layr_diag_t *d)
{
    size_t usable = layr_hosts_usable(&s->hosts);
    unsigned other = 0;
    bool won = false;
    int rc = LAYR_OK;
    for (int i = 0; i < WRITE_TRIES && !won; i++) {
        layr_records_t there = {0};
        layr_record_t rec = {.iat = now, .exp = exp, .root = (uint8_t *)(uintptr_t)root, .root_len = len};
        memcpy(rec.id, k->record_id, 32);
        if (!fresh && (rc = layr_records_gather(s, k->record_id, now, &there)) != LAYR_OK)
            return not_asked(rc, d);
        follow(&rec, &there);
        layr_records_free(&there);
        rc = write_once(s, &rec, k, fresh, now, holders, &other, &won);
        if (rc != LAYR_OK)
            return layr_diag_set(d, rc, "the file's record could not be written: %s", layr_strerror(rc));
        if (won && *holders * 2 <= usable)
            return too_few(*holders, usable, d);
        if (won && s->journal)
            rc = layr_journal_seen_set(s->journal, k->record_id, rec.seq, rec.sha256);
        if (rc != LAYR_OK)
            return layr_journal_diag(s->journal, rc, d);
    }
    if (!won)
        return layr_diag_set(d, LAYR_ERR_CONFLICT,
                             "another writer changed the file at the same time, %d times in a row: try again",
                             WRITE_TRIES);
    return rc;
}

/* --- a version made from another --- */

unsigned layr_records_top(const layr_records_t *r, uint8_t (*sha256)[32])
{
    unsigned n = 0;
    for (size_t i = 0; i < r->count && n < LAYR_PREV_MAX; i++)
        if (r->r[i].rec.seq == r->r[0].rec.seq)
            memcpy(sha256[n++], r->r[i].rec.sha256, 32);
    return n;
}

/* Is each record of the top sequence one of those? */
static bool made_from(const layr_records_t *there, const uint8_t (*after)[32], unsigned count)
{
    if (!there->count)
        return count == 0;
    for (size_t i = 0; i < there->count && there->r[i].rec.seq == there->r[0].rec.seq; i++) {
        bool known = false;
        for (unsigned n = 0; n < count && !known; n++)
            known = memcmp(there->r[i].rec.sha256, after[n], 32) == 0;
        if (!known)
            return false;
    }
    return true;
}

static int changed(layr_diag_t *d)
{
    return layr_diag_set(d, LAYR_ERR_CONFLICT,
                         "another writer changed the file at the same time: its version stands; try again");
}

/* Hosts that have none, or an old one, are given one that those who saw a newer one take for newer still. */
static void go_on_from_seen(const layr_session_t *s, layr_record_t *rec)
{
    uint64_t seq;
    uint8_t sha[32];
    if (s->journal && layr_journal_seen_get(s->journal, rec->id, &seq, sha) == LAYR_OK && seq >= rec->seq)
        rec->seq = seq + 1;
}

int layr_record_replace(layr_session_t *s, const layr_file_keys_t *k, const uint8_t (*after)[32],
                        unsigned count, const uint8_t *root, size_t len, layr_time_t now, layr_time_t exp,
                        unsigned *holders, layr_diag_t *d)
{
    size_t usable = layr_hosts_usable(&s->hosts);
    layr_record_t rec = {.iat = now, .exp = exp, .root = (uint8_t *)(uintptr_t)root, .root_len = len};
    layr_records_t there = {0};
    unsigned other = 0;
    bool won = false, ours;
    int rc = layr_records_gather(s, k->record_id, now, &there);
    if (rc != LAYR_OK)
        return not_asked(rc, d);
    memcpy(rec.id, k->record_id, 32);
    ours = made_from(&there, after, count);
    follow(&rec, &there);
    go_on_from_seen(s, &rec);
    layr_records_free(&there);
    if (!ours)
        return changed(d);
    rc = write_once(s, &rec, k, false, now, holders, &other, &won);
    if (rc != LAYR_OK)
        return layr_diag_set(d, rc, "the file's record could not be written: %s", layr_strerror(rc));
    if (!won || (*holders * 2 <= usable && other))
        return changed(d);
    if (*holders * 2 <= usable)
        return too_few(*holders, usable, d);
    rc = s->journal ? layr_journal_seen_set(s->journal, k->record_id, rec.seq, rec.sha256) : LAYR_OK;
    return rc == LAYR_OK ? rc : layr_journal_diag(s->journal, rc, d);
}
