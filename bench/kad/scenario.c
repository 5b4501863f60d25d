/* One experiment: a network is built, something happens to it, lookups are made, and compared with the truth. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sim.h"

#define SPACING (SECOND / 10) /* between two lookups */

typedef struct measure {
    result_t *out;
    series_t hops, requests, ms;
    uint32_t *truth; /* nodes that answer, sorted by id */
    uint32_t truths;
    uint32_t found, found8, ended, place_ok, place_all, record_ok, record_all, places_min;
} measure_t;

/* A record that is looked for at all its places. */
typedef struct reading {
    measure_t *m;
    uint32_t node, record, want;
    unsigned left, good;
    bool broken;
} reading_t;

typedef enum call_kind { CALL_LOOKUP, CALL_READ, CALL_WRITE } call_kind_t;
typedef struct call {
    call_kind_t kind;
    measure_t *m;
} call_t;

/* --- lookups --- */

static void gather_truth(sim_t *s, measure_t *m)
{
    m->truth = sim_alloc(s->count + 1, sizeof *m->truth);
    m->truths = 0;
    for (uint32_t i = 0; i < s->count; i++)
        if (s->node[i].alive && !s->node[i].stalls)
            m->truth[m->truths++] = i;
    set_sort(s, m->truth, m->truths);
}

/* The closest that answer, but for `from` itself, at most two of one network. */
static unsigned truth_for(const sim_t *s, const measure_t *m, const look_t *l, uint32_t out[LAYR_KAD_K])
{
    uint32_t near[4 * LAYR_KAD_K];
    unsigned count = set_closest(s, m->truth, m->truths, l->target, near, 4 * LAYR_KAD_K), n = 0;

    for (unsigned i = 0; i < count && n < LAYR_KAD_K; i++) {
        unsigned alike = 0;
        for (unsigned j = 0; j < n; j++)
            alike += s->node[out[j]].group == s->node[near[i]].group;
        if (near[i] != l->node && alike < LAYR_KAD_GROUP_BUCKET)
            out[n++] = near[i];
    }
    return n;
}

static void compare(const sim_t *s, measure_t *m, const look_t *l)
{
    layr_kad_contact_t c[LAYR_KAD_K];
    uint32_t truth[LAYR_KAD_K];
    unsigned want = truth_for(s, m, l, truth), got = layr_kad_lookup_closest(l->l, c, LAYR_KAD_K), same = 0;

    while (same < got && same < want && memcmp(c[same].id, s->node[truth[same]].id, 32) == 0)
        same++;
    m->found += same == want && got == want;
    m->found8 += same >= LAYR_KAD_HOLDERS || same == want;
}

static void looked(sim_t *s, look_t *l, void *ctx)
{
    measure_t *m = ctx;
    layr_kad_lookup_stats_t st;

    if (l == NULL)
        return;
    layr_kad_lookup_stats(l->l, &st);
    m->ended++;
    series_add(&m->hops, st.hops);
    series_add(&m->requests, st.asked);
    series_add(&m->ms, (double)(st.ended_us - st.began_us) / 1e3);
    if (m->truth != NULL)
        compare(s, m, l);
}

static void begin(sim_t *s, uint32_t node, const uint8_t target[32], int32_t record, uint8_t place,
                  look_done_t done, void *ctx)
{
    look_t *l = look_begin(s, node, target, record, place, done, ctx);

    look_pump(s, l);
    look_release(l);
}

/* --- records --- */

static void reading_over(reading_t *r)
{
    measure_t *m = r->m;

    if (!r->broken) {
        m->record_all++;
        m->record_ok += r->good > 0;
        m->place_all += PLACES;
        m->place_ok += r->good;
        m->places_min = r->good < m->places_min ? r->good : m->places_min;
    }
    free(r);
}

static void place_read(sim_t *s, look_t *l, void *ctx)
{
    reading_t *r = ctx;
    layr_kad_version_t v;

    (void)s;
    r->broken |= l == NULL; /* its reader is gone */
    r->good += l != NULL && layr_kad_lookup_version(l->l, 0, &v) == LAYR_OK && v.seq >= r->want;
    if (--r->left == 0)
        reading_over(r);
}

static void read_record(sim_t *s, measure_t *m, uint32_t record)
{
    reading_t *r = sim_alloc(1, sizeof *r);

    *r = (reading_t){m, node_random(s), record, s->record[record].seq, PLACES, 0, false};
    for (uint8_t p = 0; p < PLACES; p++)
        begin(s, r->node, s->record[record].place[p], (int32_t)record, p, place_read, r);
}

/* --- what was planned happens --- */

void scenario_call(sim_t *s, uint32_t number, void *what)
{
    call_t *c = what;
    uint8_t target[32];

    if (c->kind == CALL_LOOKUP) {
        random_fill(&s->r, target, sizeof target);
        begin(s, node_random(s), target, -1, 0, looked, c->m);
    } else if (c->kind == CALL_READ) {
        read_record(s, c->m, number);
    } else {
        record_write(s, node_random(s), number);
    }
    free(c);
}

static void plan(sim_t *s, measure_t *m, uint64_t at, call_kind_t kind, uint32_t number)
{
    call_t *c = sim_alloc(1, sizeof *c);

    *c = (call_t){kind, m};
    queue_add(s, at, EV_CALL, number, c);
}

static void write_records(sim_t *s, measure_t *m)
{
    for (uint32_t i = 0; i < s->records; i++)
        plan(s, m, s->now + i * SPACING, CALL_WRITE, i);
    sim_run(s, s->now + s->records * SPACING + 60 * SECOND);
}

/* --- what happens to the network --- */

static void hurt(sim_t *s)
{
    for (uint32_t i = 0; i < s->count; i++) {
        node_t *n = &s->node[i];
        double u = random_unit(&s->r);
        if (n->alive && u < s->o.dead)
            node_leave(s, i);
        else if (u > 1 - s->o.stall)
            n->stalls = true;
    }
}

/* Ids that share bits with the first place of each record, far closer than any honest one; they join like all others. */
static void grind(sim_t *s)
{
    uint8_t random[32], id[32];

    for (uint32_t rec = 0; rec < s->records; rec++)
        for (unsigned g = 0; g < s->o.ground; g++) {
            uint32_t n;
            random_fill(&s->r, random, sizeof random);
            layr_kad_random_id(id, s->record[rec].place[0], 24 + g % 16, random);
            n = node_new(s, id, s->o.ground_near ? 1000000000u + rec : 1000000000u + s->count);
            s->node[n].hostile = true;
            queue_add(s, s->now + (uint64_t)(rec * s->o.ground + g) * SECOND / 50, EV_JOIN, n, NULL);
        }
    sim_run(s, UINT64_MAX);
}

/* Static: one after another. Under churn: through all the time, every record written anew in the middle of it. */
static void measure(sim_t *s, measure_t *m)
{
    uint64_t begins = s->now, lasts = (uint64_t)(s->o.hours * (double)HOUR);
    bool churn = s->o.churn != CHURN_NONE;
    uint64_t step = churn && s->o.lookups ? lasts / s->o.lookups : SPACING;

    for (uint32_t i = 0; i < s->o.lookups; i++) {
        plan(s, m, begins + i * step, CALL_LOOKUP, 0);
        if (s->records > 0)
            plan(s, m, begins + i * step + step / 2, CALL_READ, i % s->records);
    }
    for (uint32_t i = 0; churn && i < s->records; i++)
        plan(s, m, begins + lasts / 2 + i * SPACING, CALL_WRITE, i);
    for (uint32_t i = 0; churn && i < s->count; i++)
        if (s->node[i].alive)
            sim_plan_leave(s, i);
    sim_run(s, churn ? begins + lasts + 60 * SECOND : UINT64_MAX);
}

/* --- the row --- */

static double load_max(const sim_t *s)
{
    double sum = 0, most = 0;
    uint32_t count = 0;

    for (uint32_t i = 0; i < s->count; i++) {
        if (!s->node[i].alive)
            continue;
        count++;
        sum += s->node[i].load;
        most = s->node[i].load > most ? s->node[i].load : most;
    }
    return sum > 0 ? most * count / sum : 0;
}

/* What a host's table of that many entries would take: only the entries in use are ever touched. */
static double table_kib(const sim_t *s)
{
    double sum = 0;
    uint32_t count = 0;
    layr_kad_stats_t st;

    for (uint32_t i = 0; i < s->count; i++) {
        if (!s->node[i].alive)
            continue;
        layr_kad_table_stats(s->node[i].table, &st);
        sum += st.live + st.spare;
        count++;
    }
    return count ? sum / count : 0;
}

static void fill(const sim_t *s, measure_t *m, result_t *out)
{
    uint32_t ended = m->ended ? m->ended : 1;

    out->nodes = s->living;
    out->lookups = m->ended;
    out->hops = series_mean(&m->hops);
    out->hops_p99 = series_part(&m->hops, 0.99);
    out->requests = series_mean(&m->requests);
    out->ms = series_part(&m->ms, 0.5);
    out->ms_p99 = series_part(&m->ms, 0.99);
    out->found = m->truth != NULL ? (double)m->found / ended : -1;
    out->found8 = m->truth != NULL ? (double)m->found8 / ended : -1;
    out->records = m->record_all ? (double)m->record_ok / m->record_all : -1;
    out->place = m->place_all ? (double)m->place_ok / m->place_all : -1;
    out->places_min = m->record_all ? (double)m->places_min : -1;
    out->load_max = load_max(s);
    out->entries = table_kib(s);
    out->table_kib = (double)s->table_size / 1024;
}

void scenario_run(const options_t *o, const char *name, result_t *out)
{
    sim_t *s = sim_new(o);
    measure_t m = {.out = out, .places_min = PLACES};
    clock_t began = clock();

    memset(out, 0, sizeof *out);
    out->name = name;
    out->o = *o;
    sim_build(s);
    out->joins = (double)s->messages / o->nodes;
    out->build_s = (double)(clock() - began) / CLOCKS_PER_SEC;
    began = clock();
    record_make(s, o->records);
    if (o->ground > 0)
        grind(s);
    write_records(s, &m);
    hurt(s);
    if (o->churn == CHURN_NONE)
        gather_truth(s, &m);
    s->measuring = true;
    measure(s, &m);
    fill(s, &m, out);
    out->run_s = (double)(clock() - began) / CLOCKS_PER_SEC;
    free(m.truth);
    series_free(&m.hops);
    series_free(&m.requests);
    series_free(&m.ms);
    sim_free(s);
}
