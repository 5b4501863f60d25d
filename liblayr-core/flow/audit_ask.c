/*
 * Challenges to the hosts of a window's rows: a lane for each host, one request on it at a time.  An answer over many
 * shards that is wrong is taken apart by halves until the bad ones are named.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit.h"
#include "engine.h"

#define WAIT_MAX_S 120 /* for a host that asks for patience, in all */
#define RETRY_US 1000000

/* Rows of a lane that are asked for together: a piece of lane->at. */
typedef struct slice {
    size_t first, count;
} slice_t;

typedef enum phase { PHASE_ASK, PHASE_CHUNK, PHASE_TAGS, PHASE_DONE } phase_t;

typedef struct lane {
    layr_job_t job;
    layr_audit_run_t *a;
    layr_mailbox_t *box;
    layr_host_t *host;
    size_t *at; /* rows of this host */
    size_t count;
    slice_t *stack; /* still to be asked for */
    size_t height;

    phase_t phase;
    slice_t now;
    bool under_way;
    bool again;       /* the last request failed once */
    uint64_t wake_us; /* not before */
    long waited_s;
    uint64_t bytes; /* that the host reads for this request */
    layr_call_t call;
    uint8_t seed[32];
    char *jws;
    uint8_t *into;
    /* a chunk that is fetched for a sample */
    layr_audit_item_t *sampled;
    uint64_t chunk; /* its number */
    uint8_t *chunk_bytes;
} lane_t;

static layr_audit_item_t *item(const lane_t *l, size_t i)
{
    return &l->a->item[l->at[i]];
}

static void decide(layr_audit_item_t *it, layr_verdict_t v, const char *text)
{
    it->decided = true;
    it->row.verdict = v;
    snprintf(it->row.text, sizeof it->row.text, "%.*s", (int)sizeof it->row.text - 1, text);
}

static void decide_slice(const lane_t *l, slice_t s, layr_verdict_t v, const char *text)
{
    for (size_t i = s.first; i < s.first + s.count; i++)
        decide(item(l, i), v, text);
}

static uint64_t bytes_of(const lane_t *l, size_t i)
{
    uint64_t sample = l->a->o->sample, blocks = item(l, i)->blocks;

    return (sample > 0 && sample < blocks ? sample : blocks) * (LAYR_BLOCK + LAYR_TAG_BYTES);
}

static void push(lane_t *l, size_t first, size_t count)
{
    if (count > 0)
        l->stack[l->height++] = (slice_t){first, count};
}

/* The next slice, no larger than a challenge may be; the rest stays. */
static void pop(lane_t *l)
{
    slice_t s = l->stack[--l->height];
    size_t n = 1;

    for (l->bytes = bytes_of(l, s.first); n < s.count && n < LAYR_CHALLENGE_SHARDS; n++) {
        uint64_t more = bytes_of(l, s.first + n);
        if (l->bytes + more > LAYR_CHALLENGE_BYTES)
            break;
        l->bytes += more;
    }
    push(l, s.first + n, s.count - n);
    l->now = (slice_t){s.first, n};
}

/* --- requests --- */

static void on_net_done(layr_req_t *r)
{
    lane_t *l = r->ctx;

    layr_mailbox_post(l->box, &l->job);
}

static int submit(lane_t *l, int rc)
{
    l->call.req.ctx = l;
    l->call.req.done = on_net_done;
    if (rc == LAYR_OK)
        rc = layr_net_submit(l->a->s->net, &l->call.req);
    l->under_way = rc == LAYR_OK;
    return rc;
}

static int send_challenge(lane_t *l)
{
    layr_challenge_t *c = calloc(1, sizeof *c);
    int rc = LAYR_ERR_NOMEM;

    if (c == NULL)
        return rc;
    layr_random(l->seed, sizeof l->seed);
    memcpy(c->host, l->host->id, sizeof c->host);
    memcpy(c->group, l->a->keys->group, sizeof c->group);
    memcpy(c->seed, l->seed, sizeof c->seed);
    c->sample = l->a->o->sample;
    c->iat = layr_audit_now(l->a);
    c->exp = c->iat + 600;
    for (size_t i = 0; i < l->now.count; i++)
        memcpy(c->shard[c->count++], item(l, l->now.first + i)->row.shard, 32);
    free(l->jws);
    l->jws = NULL;
    rc = layr_challenge_sign(&l->jws, c, l->a->keys->challenge_seed);
    free(c);
    if (rc == LAYR_OK)
        rc = layr_call_audit(&l->call, l->host, l->jws, strlen(l->jws), l->bytes, l->into, LAYR_AUDIT_INTO);
    return submit(l, rc);
}

/* A shard that passed, and a chunk of it. */
static int send_chunk(lane_t *l)
{
    layr_audit_item_t *it = l->sampled;
    uint64_t from = l->chunk * it->chunk;

    return submit(
        l, layr_call_get_range(&l->call, l->host, it->row.shard, l->chunk_bytes, from, from + it->chunk - 1));
}

static int send_tags(lane_t *l)
{
    layr_audit_item_t *it = l->sampled;
    uint64_t each = it->chunk / LAYR_BLOCK;
    uint64_t from = it->blocks * LAYR_BLOCK + l->chunk * each * LAYR_TAG_BYTES;

    return submit(l, layr_call_get_range(&l->call, l->host, it->row.shard, l->into, from,
                                         from + each * LAYR_TAG_BYTES - 1));
}

static uint64_t below(uint64_t n)
{
    uint64_t r;

    layr_random(&r, sizeof r);
    return (uint64_t)((unsigned __int128)r * n >> 64);
}

/* One of those that passed, each as likely; NULL: none did. */
static layr_audit_item_t *any_passed(const lane_t *l)
{
    layr_audit_item_t *it = NULL;
    uint64_t seen = 0;

    for (size_t i = 0; i < l->count; i++)
        if (item(l, i)->decided && item(l, i)->row.verdict == LAYR_PASSED && below(++seen) == 0)
            it = item(l, i);
    return it;
}

static int begin_chunk(lane_t *l)
{
    l->sampled = l->a->o->download ? any_passed(l) : NULL;
    l->phase = l->sampled != NULL ? PHASE_CHUNK : PHASE_DONE;
    if (l->sampled == NULL)
        return LAYR_OK;
    l->chunk = below(l->sampled->blocks * LAYR_BLOCK / l->sampled->chunk);
    l->chunk_bytes = malloc(l->sampled->chunk);
    return l->chunk_bytes != NULL ? LAYR_OK : LAYR_ERR_NOMEM;
}

/* Send what the lane is at. */
static int send_next(lane_t *l)
{
    layr_call_free(&l->call);
    switch (l->phase) {
    case PHASE_ASK:
        return send_challenge(l);
    case PHASE_CHUNK:
        return send_chunk(l);
    case PHASE_TAGS:
        return send_tags(l);
    case PHASE_DONE:
        break;
    }
    return LAYR_OK;
}

/* On to what is next: another challenge, the chunk, or the end. */
static int go_on(lane_t *l)
{
    int rc;

    l->again = false;
    if (l->phase == PHASE_ASK && l->height > 0) {
        pop(l);
        return send_next(l);
    }
    if (l->phase == PHASE_ASK)
        rc = begin_chunk(l);
    else {
        l->phase = l->phase == PHASE_CHUNK ? PHASE_TAGS : PHASE_DONE;
        rc = LAYR_OK;
    }
    return rc == LAYR_OK ? send_next(l) : rc;
}

/* --- answers --- */

static layr_verdict_t verdict_of(int rc)
{
    switch (rc) {
    case LAYR_ERR_TIMEOUT:
        return LAYR_TIMED_OUT;
    case LAYR_ERR_NET:
    case LAYR_ERR_AUTH:
    case LAYR_ERR_LIMIT:
    case LAYR_ERR_ARG:
    case LAYR_ERR_UNAVAILABLE:
    case LAYR_ERR_CANCELLED:
        return LAYR_UNREACHABLE;
    default:
        return LAYR_REFUSED;
    }
}

/* The host does not answer, or will not: neither for what it was asked now nor for the rest. */
static int give_up(lane_t *l, int code)
{
    char text[256];

    layr_call_text(&l->call, text, sizeof text);
    decide_slice(l, l->now, verdict_of(code), text);
    while (l->height > 0)
        decide_slice(l, l->stack[--l->height], verdict_of(code), text);
    l->phase = PHASE_DONE;
    return LAYR_OK;
}

static bool is_busy(const lane_t *l, int code)
{
    return code == LAYR_ERR_REFUSED && l->call.req.status == 429;
}

/* Asked again: later when the host says when, and once after a failure on the way. */
static bool try_again(lane_t *l, int code)
{
    long wait = l->call.req.retry_after > 0 ? l->call.req.retry_after : 1;

    if (is_busy(l, code)) {
        if (wait > WAIT_MAX_S - l->waited_s)
            return false;
        l->waited_s += wait;
        l->wake_us = layr_now_us() + (uint64_t)wait * 1000000;
        return true;
    }
    if (l->again || (code != LAYR_ERR_NET && code != LAYR_ERR_UNAVAILABLE))
        return false;
    l->again = true;
    l->wake_us = layr_now_us() + RETRY_US;
    return true;
}

static int check_answer(const lane_t *l)
{
    layr_asked_t *asked = calloc(l->now.count, sizeof *asked);
    int rc;

    if (asked == NULL)
        return LAYR_ERR_NOMEM;
    for (size_t i = 0; i < l->now.count; i++) {
        const layr_audit_item_t *it = item(l, l->now.first + i);
        memcpy(asked[i].shard, it->row.shard, 32);
        memcpy(asked[i].salt, it->row.salt, 16);
        asked[i].blocks = it->blocks;
    }
    rc = layr_answer_check(l->a->tagger, l->seed, l->a->o->sample, asked, l->now.count, l->into);
    free(asked);
    return rc;
}

static int on_answer(lane_t *l)
{
    size_t half = l->now.count / 2;
    int rc = check_answer(l);

    l->a->stats->challenges++;
    if (rc == LAYR_OK)
        decide_slice(l, l->now, LAYR_PASSED, "");
    else if (rc != LAYR_ERR_AUTH)
        return rc;
    else if (l->now.count == 1)
        decide_slice(l, l->now, LAYR_CORRUPT, "its host's answer does not prove that it has the shard");
    else {
        push(l, l->now.first + half, l->now.count - half);
        push(l, l->now.first, half);
    }
    return go_on(l);
}

/* Those that the host says it has not are decided; the others of the slice are asked for again. */
static int on_missing(lane_t *l)
{
    uint8_t(*missing)[32] = calloc(LAYR_CHALLENGE_SHARDS, sizeof *missing);
    unsigned count = 0, named = 0;
    char text[256];

    if (missing == NULL)
        return LAYR_ERR_NOMEM;
    snprintf(text, sizeof text, "%s says that it has not got the shard", l->host->url);
    if (layr_missing_parse(missing, &count, (const char *)l->into, l->call.req.error_len) == LAYR_OK)
        for (size_t i = 0; i < l->now.count; i++)
            for (unsigned m = 0; m < count; m++)
                if (memcmp(item(l, l->now.first + i)->row.shard, missing[m], 32) == 0) {
                    size_t swap = l->at[l->now.first + i];
                    decide(item(l, l->now.first + i), LAYR_MISSING, text);
                    l->at[l->now.first + i] = l->at[l->now.first + named]; /* the decided ones to the front */
                    l->at[l->now.first + named++] = swap;
                    break;
                }
    free(missing);
    if (named == 0)
        return give_up(l, LAYR_ERR_REFUSED);
    push(l, l->now.first + named, l->now.count - named);
    return go_on(l);
}

static int on_challenged(lane_t *l, int code)
{
    if (code == LAYR_OK)
        return on_answer(l);
    if (code == LAYR_ERR_NOTFOUND)
        return on_missing(l);
    if (code == LAYR_ERR_REFUSED && l->call.req.status == 413 && l->now.count > 1) {
        push(l, l->now.first + l->now.count / 2, l->now.count - l->now.count / 2);
        push(l, l->now.first, l->now.count / 2);
        return go_on(l);
    }
    return try_again(l, code) ? LAYR_OK : give_up(l, code);
}

/* Who proves that he has the shards and does not give them has them for nobody. */
static int refuses(lane_t *l, int code)
{
    char why[256], text[512];

    layr_call_text(&l->call, why, sizeof why);
    snprintf(text, sizeof text, "answers audits, but gives no data: %s", why);
    if (code == LAYR_ERR_NOTFOUND || code == LAYR_ERR_FORMAT)
        code = LAYR_ERR_REFUSED;
    for (size_t i = 0; i < l->count; i++)
        if (item(l, i)->row.verdict == LAYR_PASSED)
            decide(item(l, i), verdict_of(code), text);
    l->phase = PHASE_DONE;
    return LAYR_OK;
}

static int on_chunk(lane_t *l, int code)
{
    if (code == LAYR_OK)
        return go_on(l);
    return try_again(l, code) ? LAYR_OK : refuses(l, code);
}

static int on_tags(lane_t *l, int code)
{
    layr_audit_item_t *it = l->sampled;
    uint64_t each = it->chunk / LAYR_BLOCK;
    int rc;

    if (code != LAYR_OK)
        return on_chunk(l, code);
    rc = layr_tag_check(l->a->tagger, l->into, l->chunk_bytes, l->chunk * each, each, it->row.salt);
    if (rc == LAYR_ERR_AUTH)
        decide(it, LAYR_CORRUPT, "its host proves the shard, but gives other bytes");
    else if (rc != LAYR_OK)
        return rc;
    else
        l->a->stats->chunks++;
    return go_on(l);
}

static int on_done(lane_t *l)
{
    int code = layr_call_result(&l->call);
    layr_audit_stats_t *st = l->a->stats;

    l->under_way = false;
    if (l->phase == PHASE_ASK) {
        st->sent += l->call.req.body_len;
        st->received += l->call.req.into_len + l->call.req.error_len;
        return on_challenged(l, code);
    }
    st->fetched += l->call.req.into_len;
    return l->phase == PHASE_CHUNK ? on_chunk(l, code) : on_tags(l, code);
}

/* --- lanes --- */

static void lane_free(lane_t *l)
{
    layr_call_free(&l->call);
    free(l->jws);
    free(l->into);
    free(l->chunk_bytes);
    free(l->stack);
    l->jws = NULL;
    l->into = l->chunk_bytes = NULL;
    l->stack = NULL;
}

static int lane_start(lane_t *l, layr_mailbox_t *box)
{
    l->box = box;
    l->into = malloc(LAYR_AUDIT_INTO);
    l->stack = calloc(l->count + 1, sizeof *l->stack);
    if (l->into == NULL || l->stack == NULL)
        return LAYR_ERR_NOMEM;
    push(l, 0, l->count);
    return go_on(l);
}

typedef struct lanes {
    layr_audit_run_t *a;
    layr_mailbox_t *box;
    size_t *at; /* undecided rows by host */
    lane_t *lane;
    size_t count, started, at_work;
} lanes_t;

static int by_host(const void *x, const void *y, void *ctx)
{
    const layr_audit_item_t *it = ctx;

    return memcmp(it[*(const size_t *)x].row.host_id, it[*(const size_t *)y].row.host_id, 32);
}

static int make_lanes(lanes_t *ls, layr_audit_run_t *a)
{
    size_t n = 0;

    ls->a = a;
    ls->at = calloc(a->count + 1, sizeof *ls->at);
    ls->lane = calloc(a->count + 1, sizeof *ls->lane);
    if (ls->at == NULL || ls->lane == NULL)
        return LAYR_ERR_NOMEM;
    for (size_t i = 0; i < a->count; i++)
        if (!a->item[i].decided)
            ls->at[n++] = i;
    qsort_r(ls->at, n, sizeof *ls->at, by_host, a->item);
    for (size_t i = 0; i < n; i++) {
        lane_t *l = &ls->lane[ls->count];
        if (i == 0 || by_host(&ls->at[i - 1], &ls->at[i], a->item) != 0) {
            l = &ls->lane[ls->count++];
            l->a = a;
            l->host = layr_hosts_find(&a->s->hosts, a->item[ls->at[i]].row.host_id);
            l->at = &ls->at[i];
        } else
            l--;
        l->count++;
    }
    return layr_mailbox_new(&ls->box);
}

static int start_some(lanes_t *ls)
{
    int rc = LAYR_OK;

    while (rc == LAYR_OK && ls->started < ls->count && ls->at_work < LAYR_AUDIT_LANES) {
        ls->at_work++;
        rc = lane_start(&ls->lane[ls->started++], ls->box);
    }
    return rc;
}

/* Those that waited long enough are asked again; those that are done make room. */
static int turn_all(lanes_t *ls)
{
    uint64_t now = layr_now_us();
    int rc = LAYR_OK;

    for (size_t i = 0; i < ls->started && rc == LAYR_OK; i++) {
        lane_t *l = &ls->lane[i];
        if (l->wake_us != 0 && now >= l->wake_us) {
            l->wake_us = 0;
            rc = send_next(l);
        }
        if (l->stack != NULL && l->phase == PHASE_DONE && !l->under_way) {
            lane_free(l);
            ls->at_work--;
        }
    }
    return rc;
}

/* Nothing of a lane may go while a request of it is under way. */
static void end_all(lanes_t *ls)
{
    size_t left = 0;

    for (size_t i = 0; i < ls->started; i++)
        if (ls->lane[i].under_way) {
            layr_net_cancel(ls->a->s->net, &ls->lane[i].call.req);
            left++;
        }
    for (; left > 0; left--)
        (void)layr_mailbox_take(ls->box, -1);
    for (size_t i = 0; i < ls->started; i++)
        lane_free(&ls->lane[i]);
    layr_mailbox_free(ls->box);
    free(ls->lane);
    free(ls->at);
}

int layr_audit_ask(layr_audit_run_t *a)
{
    lanes_t ls = {0};
    lane_t *l;
    int rc = make_lanes(&ls, a);

    if (rc != LAYR_OK) {
        free(ls.lane);
        free(ls.at);
        return rc;
    }
    rc = start_some(&ls);
    while (rc == LAYR_OK && ls.at_work > 0) {
        if (layr_session_cancelled(a->s))
            rc = LAYR_ERR_CANCELLED;
        else if ((l = (lane_t *)layr_mailbox_take(ls.box, 50)) != NULL)
            rc = on_done(l);
        if (rc == LAYR_OK)
            rc = turn_all(&ls);
        if (rc == LAYR_OK)
            rc = start_some(&ls);
    }
    end_all(&ls);
    return rc;
}
