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

static bool has_host(const layr_buf_t *who, const uint8_t host[32])
{
    for (size_t i = 0; i < who->len; i += 32)
        if (memcmp(who->p + i, host, 32) == 0)
            return true;
    return false;
}

/* Takes rec over. */
static int note(layr_records_t *out, layr_record_t *rec, const uint8_t host[32])
{
    layr_found_t *f = NULL, *more;
    for (size_t i = 0; i < out->count && !f; i++)
        if (memcmp(out->r[i].rec.sha256, rec->sha256, 32) == 0)
            f = &out->r[i];
    if (f) {
        layr_record_free(rec);
    } else {
        if (!(more = realloc(out->r, (out->count + 1) * sizeof *more))) {
            layr_record_free(rec);
            return LAYR_ERR_NOMEM;
        }
        out->r = more;
        f = &more[out->count++];
        *f = (layr_found_t){.rec = *rec};
    }
    f->answers++;
    if (!has_host(&f->who, host)) {
        layr_buf_add(&f->who, host, 32);
        f->holders++;
    }
    return f->who.bad ? LAYR_ERR_NOMEM : LAYR_OK;
}

/* What a host gave as the record. LAYR_ERR_EXPIRED: as good as none; LAYR_ERR_FORMAT: none of this file. */
static int parse(layr_record_t *rec, const uint8_t record_id[32], const char *jws, size_t len,
                 layr_time_t now)
{
    int rc = layr_record_parse(rec, jws, len, now);
    if (rc == LAYR_OK && memcmp(rec->id, record_id, 32) != 0) {
        layr_record_free(rec);
        rc = LAYR_ERR_FORMAT;
    }
    return rc == LAYR_OK || rc == LAYR_ERR_NOMEM || rc == LAYR_ERR_EXPIRED ? rc : LAYR_ERR_FORMAT;
}

/* --- of hosts that are known --- */

static int collect(layr_records_t *out, const layr_fan_call_t *c, const uint8_t record_id[32],
                   layr_time_t now)
{
    layr_record_t rec;
    int rc;
    if (c->rc != LAYR_OK) {
        out->answered += c->rc == LAYR_ERR_NOTFOUND;
        return LAYR_OK;
    }
    rc = parse(&rec, record_id, (const char *)c->call.req.into, c->call.req.into_len, now);
    out->answered += rc == LAYR_OK || rc == LAYR_ERR_EXPIRED;
    out->invalid += rc == LAYR_ERR_FORMAT;
    if (rc == LAYR_OK)
        return note(out, &rec, c->call.host->id);
    return rc == LAYR_ERR_NOMEM ? rc : LAYR_OK;
}

/* Those of one place, or with LAYR_RECORD_PLACES all. */
static int ask(layr_session_t *s, const uint8_t record_id[32], const layr_holders_t *at, unsigned place,
               layr_time_t now, layr_records_t *out)
{
    size_t n = at->count, asked = 0;
    layr_fan_call_t *calls = calloc(n ? n : 1, sizeof *calls);
    uint8_t *answers = malloc((n ? n : 1) * LAYR_JWS_MAX), id[32];
    int rc = calls && answers ? LAYR_OK : LAYR_ERR_NOMEM;
    out->answered = out->invalid = 0;
    for (size_t i = 0; i < n && rc == LAYR_OK; i++) {
        if (place != LAYR_RECORD_PLACES && at->h[i].place != place)
            continue;
        rc = layr_record_place(id, record_id, at->h[i].place);
        if (rc == LAYR_OK)
            rc = layr_call_get_record(&calls[i].call, at->h[i].host, id, answers + i * LAYR_JWS_MAX,
                                      LAYR_JWS_MAX);
        asked++;
    }
    if (rc == LAYR_OK)
        rc = layr_fan_run(s, calls, n, asked / 2 + 1, GRACE_MS, LIMIT_MS);
    for (size_t i = 0; i < n && rc == LAYR_OK; i++)
        if (calls[i].call.host)
            rc = collect(out, &calls[i], record_id, now);
    for (size_t i = 0; calls && i < n; i++)
        layr_call_free(&calls[i].call);
    free(calls);
    free(answers);
    return rc;
}

/* Every one of them has all three places; the others are for what the first has lost. */
static int gather_given(layr_session_t *s, const uint8_t record_id[32], layr_time_t now, layr_records_t *out)
{
    layr_holders_t at = {0};
    int rc = layr_holders_find(s, record_id, &at);
    for (unsigned i = 0; i < LAYR_RECORD_PLACES && rc == LAYR_OK && out->count == 0; i++)
        rc = ask(s, record_id, &at, i, now, out);
    layr_holders_free(&at);
    return rc;
}

/* --- in the DHT --- */

typedef struct seek {
    layr_records_t *out;
    const uint8_t *record_id;
    layr_time_t now;
    int rc;
} seek_t;

static bool on_record(void *ctx, const layr_host_t *h, int error, const char *jws, size_t len,
                      layr_kad_version_t *v)
{
    seek_t *k = ctx;
    layr_record_t rec;
    int rc = error == LAYR_OK ? parse(&rec, k->record_id, jws, len, k->now) : error;
    if (error != LAYR_OK)
        return false;
    k->out->invalid += rc == LAYR_ERR_FORMAT;
    if (rc == LAYR_OK) {
        v->seq = rec.seq;
        memcpy(v->sha256, rec.sha256, 32);
        rc = note(k->out, &rec, h->id);
    }
    if (rc == LAYR_ERR_NOMEM)
        k->rc = rc;
    return rc == LAYR_OK;
}

/* All places at a time: who keeps the newest version to himself at one does not at the others. */
static int gather_found(layr_session_t *s, const uint8_t record_id[32], layr_time_t now, layr_records_t *out)
{
    seek_t seek = {out, record_id, now, LAYR_OK};
    layr_dht_lookup_opts_t each = {.value = true, .record = on_record, .ctx = &seek};
    int rc = layr_holders_look(s, record_id, &each, &out->holders);
    out->answered = (unsigned)out->holders.count;
    return rc == LAYR_OK ? seek.rc : rc;
}

int layr_records_gather(layr_session_t *s, const uint8_t record_id[32], layr_time_t now, layr_records_t *out)
{
    int rc;
    *out = (layr_records_t){0};
    rc = s->dht ? gather_found(s, record_id, now, out) : gather_given(s, record_id, now, out);
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
    for (size_t i = 0; i < r->count; i++) {
        layr_record_free(&r->r[i].rec);
        layr_buf_free(&r->r[i].who);
    }
    free(r->r);
    layr_holders_free(&r->holders);
    *r = (layr_records_t){0};
}

/* --- writing --- */

typedef struct given {
    size_t hosts;         /* that were given it */
    unsigned took, other; /* of them: took it everywhere; hold another one */
} given_t;

static void sum_up(given_t *g, const layr_holders_t *at, const layr_fan_call_t *calls)
{
    *g = (given_t){0};
    for (size_t i = 0; i < at->count; i++) {
        bool first = true, all = true, other = false;
        for (size_t j = 0; j < at->count; j++) {
            if (at->h[j].host != at->h[i].host)
                continue;
            first &= j >= i;
            all &= calls[j].rc == LAYR_OK;
            other |= calls[j].rc == LAYR_ERR_CONFLICT;
        }
        g->hosts += first;
        g->took += first && all;
        g->other += first && other;
    }
}

/* Give the record to each of them, for its place. */
static int give(layr_session_t *s, const uint8_t record_id[32], const layr_holders_t *at, const char *jws,
                given_t *g)
{
    size_t n = at->count;
    layr_fan_call_t *calls = calloc(n ? n : 1, sizeof *calls);
    uint8_t *answers = malloc((n ? n : 1) * LAYR_JWS_MAX), place[32];
    int rc = calls && answers ? LAYR_OK : LAYR_ERR_NOMEM;
    for (size_t i = 0; i < n && rc == LAYR_OK; i++) {
        rc = layr_record_place(place, record_id, at->h[i].place);
        if (rc == LAYR_OK)
            rc = layr_call_put_record(&calls[i].call, at->h[i].host, place, jws, strlen(jws),
                                      answers + i * LAYR_JWS_MAX, LAYR_JWS_MAX);
    }
    if (rc == LAYR_OK)
        rc = layr_fan_run(s, calls, n, n, GRACE_MS, LIMIT_MS);
    if (rc == LAYR_OK)
        sum_up(g, at, calls);
    for (size_t i = 0; calls && i < n; i++)
        layr_call_free(&calls[i].call);
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
static int read_back(layr_session_t *s, const layr_record_t *rec, const layr_holders_t *at, layr_time_t now,
                     bool *ours)
{
    layr_records_t there = {0};
    int rc = s->dht ? ask(s, rec->id, at, LAYR_RECORD_PLACES, now, &there)
                    : layr_records_gather(s, rec->id, now, &there);
    *ours = false;
    for (size_t i = 0; i < there.count && rc == LAYR_OK; i++)
        if (memcmp(there.r[i].rec.sha256, rec->sha256, 32) == 0)
            *ours = there.r[i].answers * 2 > there.answered;
    layr_records_free(&there);
    return rc;
}

static int write_once(layr_session_t *s, layr_record_t *rec, const layr_file_keys_t *k,
                      const layr_holders_t *at, bool fresh, layr_time_t now, given_t *g, bool *won)
{
    char *jws = NULL;
    int rc = layr_record_sign(&jws, rec, k->record_seed);
    if (rc == LAYR_OK)
        rc = layr_sha256_1(rec->sha256, jws, strlen(jws));
    if (rc == LAYR_OK)
        rc = give(s, k->record_id, at, jws, g);
    /* The key of a fresh file was drawn a moment ago: a host that says it holds another record of it lies. */
    *won = fresh || g->other == 0;
    if (rc == LAYR_OK && !fresh && g->took)
        rc = read_back(s, rec, at, now, won);
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

static int too_few(const given_t *g, layr_diag_t *d)
{
    return layr_diag_set(
        d, LAYR_ERR_HOSTS,
        "only %u of %zu hosts took the file's record, and more than half are needed: try again when "
        "more of them are up",
        g->took, g->hosts);
}

/* at: where the caller wants it, or NULL. */
static int publish_once(layr_session_t *s, const layr_file_keys_t *k, const layr_holders_t *at, bool fresh,
                        layr_record_t *rec, layr_time_t now, given_t *g, bool *won, layr_diag_t *d)
{
    layr_records_t there = {0};
    layr_holders_t found = {0};
    int rc = LAYR_OK;
    if (!fresh && (rc = layr_records_gather(s, k->record_id, now, &there)) != LAYR_OK)
        return not_asked(rc, d);
    follow(rec, &there);
    if (!at && there.holders.count)
        at = &there.holders;
    if (!at && (rc = layr_holders_find(s, k->record_id, &found)) == LAYR_OK)
        at = &found;
    if (rc == LAYR_OK)
        rc = write_once(s, rec, k, at, fresh, now, g, won);
    layr_holders_free(&found);
    layr_records_free(&there);
    return rc == LAYR_OK
               ? rc
               : layr_diag_set(d, rc, "the file's record could not be written: %s", layr_strerror(rc));
}

int layr_record_publish(layr_session_t *s, const layr_file_keys_t *k, const layr_holders_t *at, bool fresh,
                        const uint8_t *root, size_t len, layr_time_t now, layr_time_t exp, unsigned *took,
                        layr_diag_t *d)
{
    given_t g = {0};
    bool won = false;
    int rc = LAYR_OK;
    for (int i = 0; i < WRITE_TRIES && !won; i++) {
        layr_record_t rec = {.iat = now, .exp = exp, .root = (uint8_t *)(uintptr_t)root, .root_len = len};
        memcpy(rec.id, k->record_id, 32);
        rc = publish_once(s, k, at, fresh, &rec, now, &g, &won, d);
        *took = g.took;
        if (rc != LAYR_OK)
            return rc;
        if (won && g.took * 2 <= g.hosts)
            return too_few(&g, d);
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

/* --- the same once more --- */

bool layr_records_few(const layr_session_t *s, const layr_records_t *r)
{
    const layr_found_t *f = &r->r[0];
    return s->dht ? f->answers * 2 <= r->answered : f->holders < r->answered;
}

/* Signatures are deterministic: made again it is the same, unless another program wrote it. */
static int sign_again(char **jws, const layr_record_t *rec, const uint8_t seed[32], bool *same)
{
    uint8_t sha[32] = {0};
    int rc = layr_record_sign(jws, rec, seed);
    if (rc == LAYR_OK)
        rc = layr_sha256_1(sha, *jws, strlen(*jws));
    *same = memcmp(sha, rec->sha256, sizeof sha) == 0;
    return rc;
}

int layr_record_again(layr_session_t *s, const layr_file_keys_t *k, const layr_records_t *r, bool *same,
                      unsigned *took)
{
    layr_holders_t at = {0};
    given_t g = {0};
    char *jws = NULL;
    int rc = sign_again(&jws, &r->r[0].rec, k->record_seed, same);
    if (rc == LAYR_OK && *same && !s->dht)
        rc = layr_holders_find(s, k->record_id, &at);
    if (rc == LAYR_OK && *same)
        rc = give(s, k->record_id, s->dht ? &r->holders : &at, jws, &g);
    if (rc == LAYR_OK)
        *took = g.took;
    layr_holders_free(&at);
    free(jws);
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
                        unsigned *took, layr_diag_t *d)
{
    layr_record_t rec = {.iat = now, .exp = exp, .root = (uint8_t *)(uintptr_t)root, .root_len = len};
    layr_records_t there = {0};
    layr_holders_t at = {0};
    given_t g = {0};
    bool won = false, ours;
    int rc = layr_records_gather(s, k->record_id, now, &there);
    if (rc != LAYR_OK)
        return not_asked(rc, d);
    memcpy(rec.id, k->record_id, 32);
    ours = made_from(&there, after, count);
    follow(&rec, &there);
    go_on_from_seen(s, &rec);
    if (ours && !s->dht)
        rc = layr_holders_find(s, k->record_id, &at);
    if (ours && rc == LAYR_OK)
        rc = write_once(s, &rec, k, s->dht ? &there.holders : &at, false, now, &g, &won);
    layr_holders_free(&at);
    layr_records_free(&there);
    *took = g.took;
    if (!ours)
        return changed(d);
    if (rc != LAYR_OK)
        return layr_diag_set(d, rc, "the file's record could not be written: %s", layr_strerror(rc));
    if (!won || (g.took * 2 <= g.hosts && g.other))
        return changed(d);
    if (g.took * 2 <= g.hosts)
        return too_few(&g, d);
    rc = s->journal ? layr_journal_seen_set(s->journal, k->record_id, rec.seq, rec.sha256) : LAYR_OK;
    return rc == LAYR_OK ? rc : layr_journal_diag(s->journal, rc, d);
}
