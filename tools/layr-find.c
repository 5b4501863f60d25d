/* layr-find: a lookup in the network of hosts, hop by hop. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "guard.h"
#include "opt.h"
#include "seeds.h"
#include "show.h"

static bool opt_record;

static const layr_opt_def_t options[] = {{'r', "record", NULL,
                                          "ID is a file's record: look at its three places", LAYR_OPT_FLAG,
                                          &opt_record, 0, 0},
                                         LAYR_OPT_END};

static const layr_opt_spec_t spec = {
    "[options] ID\n[options] CAP",
    "Look something up in the network of hosts, and show the way: whom was asked, by\n"
    "whom it was named, how near it is, and whether it has the record. ID is 64 hex\n"
    "digits: a host, a place, or with -r a record. Of a capability it is the record.",
    options,
    LAYR_OPT_HOME | LAYR_OPT_SEEDS | LAYR_OPT_JSON,
    1,
    1,
    NULL};

/* A record that a host gave for the place. */
typedef struct held {
    uint8_t host[32], sha256[32];
    uint64_t seq;
} held_t;

/* One lookup, as it is shown. */
typedef struct look {
    uint8_t target[32];
    int place; /* 0..2 of a record; -1: none */
    bool json;
    held_t held[LAYR_KAD_CANDIDATES];
    unsigned held_count;
    char why[LAYR_KAD_CANDIDATES][200];
} look_t;

typedef struct work {
    const layr_opt_t *opt;
    layr_session_t s;
    uint8_t id[32];
    bool is_record, found;
    cJSON *lookups; /* with --json */
} work_t;

/* --- while it is under way --- */

static const held_t *held_by(const look_t *k, const uint8_t host[32])
{
    for (unsigned i = 0; i < k->held_count; i++)
        if (memcmp(k->held[i].host, host, 32) == 0)
            return &k->held[i];
    return NULL;
}

static bool on_record(void *ctx, const layr_host_t *h, int error, const char *jws, size_t len,
                      layr_kad_version_t *v)
{
    look_t *k = ctx;
    layr_record_t rec;
    held_t *one = &k->held[k->held_count];

    if (error != LAYR_OK || k->held_count == LAYR_KAD_CANDIDATES ||
        layr_record_parse(&rec, jws, len, (layr_time_t)time(NULL)) != LAYR_OK)
        return false;
    if (layr_record_place_of(&rec, k->target) < 0) {
        layr_record_free(&rec);
        return false;
    }
    memcpy(one->host, h->id, 32);
    memcpy(one->sha256, rec.sha256, 32);
    memcpy(v->sha256, rec.sha256, 32);
    one->seq = v->seq = rec.seq;
    k->held_count++;
    layr_record_free(&rec);
    return true;
}

static const char *state_word(layr_kad_state_t s)
{
    switch (s) {
    case LAYR_KAD_ANSWERED:
        return "answered";
    case LAYR_KAD_FAILED:
        return "failed";
    case LAYR_KAD_SLOW:
        return "slow";
    case LAYR_KAD_ASKED:
        return "asked";
    default:
        return "heard";
    }
}

/* Who told of it: the beginning of his id. */
static void named_by(char out[12], const layr_dht_lookup_t *l, const layr_kad_hop_t *hop)
{
    layr_kad_hop_t from;

    snprintf(out, 12, "-");
    if (hop->from >= 0 && layr_kad_lookup_hop(layr_dht_lookup_kad(l), (unsigned)hop->from, &from) == LAYR_OK)
        layr_hex(out, from.contact.id, 5);
}

static void print_hop(const look_t *k, const layr_dht_lookup_t *l, const layr_kad_hop_t *hop,
                      const layr_host_t *h)
{
    const held_t *held = held_by(k, hop->contact.id);
    char id[17], from[12], more[64] = "";

    layr_hex(id, hop->contact.id, 8);
    named_by(from, l, hop);
    if (held != NULL)
        snprintf(more, sizeof more, "  record %" PRIu64, held->seq);
    printf("%3u  %s %4u  %-8s %8.1f  %-10s  %s%s\n", hop->depth, id,
           layr_kad_prefix(hop->contact.id, k->target), state_word(hop->state),
           hop->state == LAYR_KAD_ANSWERED ? hop->contact.rtt_us / 1000.0 : 0.0, from, h->url, more);
    fflush(stdout);
}

static void on_hop(void *ctx, layr_dht_lookup_t *l, unsigned number, const char *text)
{
    look_t *k = ctx;
    layr_kad_hop_t hop;
    layr_host_t h = {0};

    if (layr_kad_lookup_hop(layr_dht_lookup_kad(l), number, &hop) != LAYR_OK)
        return;
    if (text != NULL && number < LAYR_KAD_CANDIDATES)
        snprintf(k->why[number], sizeof k->why[number], "%s", text);
    if (k->json || (hop.state == LAYR_KAD_ASKED && text == NULL))
        return;
    if (layr_dht_lookup_host(l, number, &h) != LAYR_OK)
        h.url[0] = 0;
    print_hop(k, l, &hop, &h);
    if (text != NULL)
        layr_say_note("     %s", text);
}

/* --- when it is over --- */

static void print_end(const look_t *k, const layr_dht_lookup_t *l)
{
    layr_host_t h[LAYR_KAD_K];
    layr_kad_lookup_stats_t s;
    unsigned n = layr_dht_lookup_closest(l, h, LAYR_KAD_K);
    char id[65], room[LAYR_SIZE_TEXT];

    printf("\nclosest, of those that answered:\n");
    for (unsigned i = 0; i < n; i++) {
        const held_t *held = held_by(k, h[i].id);
        layr_hex(id, h[i].id, 32);
        layr_say_size(room, h[i].free);
        printf("%4u  %s  %s, %s free%s\n", layr_kad_prefix(h[i].id, k->target), id, h[i].url, room,
               held != NULL ? ", has the record" : "");
    }
    layr_kad_lookup_stats(layr_dht_lookup_kad(l), &s);
    printf("%u hops; %u hosts asked, %u answered, %u failed, %u passed over; %.1f ms\n", s.hops, s.asked,
           s.answered, s.failed, s.slow, (double)(s.ended_us - s.began_us) / 1000.0);
}

static int json_host(cJSON *list, const look_t *k, const layr_dht_lookup_t *l, unsigned number,
                     const layr_kad_hop_t *hop)
{
    const held_t *held = held_by(k, hop->contact.id);
    cJSON *o = cJSON_CreateObject();
    layr_host_t h = {0};
    layr_kad_hop_t from;
    int bad = !cJSON_AddItemToArray(list, o);

    bad |= layr_json_hex(o, "host", hop->contact.id, 32);
    if (layr_dht_lookup_host(l, number, &h) == LAYR_OK)
        bad |= layr_json_text(o, "url", h.url);
    bad |= layr_json_u64(o, "hop", hop->depth);
    bad |= layr_json_u64(o, "bits", layr_kad_prefix(hop->contact.id, k->target));
    bad |= layr_json_text(o, "state", state_word(hop->state));
    if (hop->state == LAYR_KAD_ANSWERED)
        bad |= layr_json_u64(o, "rtt_us", hop->contact.rtt_us);
    if (hop->from >= 0 && layr_kad_lookup_hop(layr_dht_lookup_kad(l), (unsigned)hop->from, &from) == LAYR_OK)
        bad |= layr_json_hex(o, "from", from.contact.id, 32);
    if (k->why[number][0] != 0)
        bad |= layr_json_text(o, "trouble", k->why[number]);
    if (held != NULL) {
        bad |= layr_json_u64(o, "record_seq", held->seq);
        bad |= layr_json_hex(o, "record_sha256", held->sha256, 32);
    }
    return bad;
}

static int json_closest(cJSON *o, const layr_dht_lookup_t *l)
{
    cJSON *list = cJSON_AddArrayToObject(o, "closest");
    layr_host_t h[LAYR_KAD_K];
    unsigned n = layr_dht_lookup_closest(l, h, LAYR_KAD_K);
    int bad = list == NULL;

    for (unsigned i = 0; i < n && !bad; i++) {
        cJSON *one = cJSON_CreateObject();
        bad |= !cJSON_AddItemToArray(list, one);
        bad |= layr_json_hex(one, "host", h[i].id, 32);
        bad |= layr_json_text(one, "url", h[i].url);
        bad |= layr_json_u64(one, "capacity", h[i].capacity);
        bad |= layr_json_u64(one, "free", h[i].free);
    }
    return bad;
}

static int json_lookup(cJSON *lookups, const look_t *k, const layr_dht_lookup_t *l)
{
    cJSON *o = cJSON_CreateObject(), *hosts;
    layr_kad_lookup_stats_t s;
    layr_kad_hop_t hop;
    int bad = !cJSON_AddItemToArray(lookups, o) || layr_json_hex(o, "target", k->target, 32);

    layr_kad_lookup_stats(layr_dht_lookup_kad(l), &s);
    if (k->place >= 0)
        bad |= layr_json_u64(o, "place", (uint64_t)k->place);
    bad |= layr_json_u64(o, "hops", s.hops) | layr_json_u64(o, "asked", s.asked);
    bad |= layr_json_u64(o, "answered", s.answered) | layr_json_u64(o, "failed", s.failed);
    bad |= layr_json_u64(o, "slow", s.slow) | layr_json_u64(o, "usec", s.ended_us - s.began_us);
    bad |= (hosts = cJSON_AddArrayToObject(o, "hosts")) == NULL;
    for (unsigned i = 0; !bad && layr_kad_lookup_hop(layr_dht_lookup_kad(l), i, &hop) == LAYR_OK; i++)
        bad |= json_host(hosts, k, l, i, &hop);
    return bad | json_closest(o, l);
}

/* --- one lookup --- */

static void print_begin(const look_t *k)
{
    char hex[65];

    layr_hex(hex, k->target, 32);
    if (k->place >= 0)
        printf("%splace %d: ", k->place > 0 ? "\n" : "", k->place);
    printf("%s\nhop  host             bits  state          ms  named by    URL\n", hex);
}

static int run_lookup(work_t *w, layr_dht_t *dht, look_t *k)
{
    layr_dht_lookup_opts_t o = {.value = true, .record = on_record, .hop = on_hop, .ctx = k};
    layr_dht_lookup_t *l = NULL;
    layr_host_t h;
    int rc, bad = 0;

    memcpy(o.target, k->target, 32);
    if (!k->json)
        print_begin(k);
    rc = layr_dht_lookup(dht, &l, &o);
    if (rc == LAYR_OK)
        rc = layr_dht_lookup_wait(l, w->s.cancel);
    if (rc == LAYR_OK && w->lookups != NULL)
        bad = json_lookup(w->lookups, k, l);
    else if (rc == LAYR_OK)
        print_end(k, l);
    if (rc == LAYR_OK)
        w->found |= k->held_count > 0 || (layr_dht_lookup_closest(l, &h, 1) == 1 && !w->is_record);
    layr_dht_lookup_drop(l);
    return bad ? LAYR_ERR_NOMEM : rc;
}

static int look(work_t *w, layr_dht_t *dht, int place)
{
    look_t *k = calloc(1, sizeof *k);
    int rc = LAYR_OK;

    if (k == NULL)
        return LAYR_ERR_NOMEM;
    k->place = place;
    k->json = w->lookups != NULL;
    if (place < 0)
        memcpy(k->target, w->id, 32);
    else
        rc = layr_record_place(k->target, w->id, (unsigned)place);
    if (rc == LAYR_OK)
        rc = run_lookup(w, dht, k);
    free(k);
    return rc;
}

static int look_at_all(work_t *w, layr_dht_t *dht)
{
    int rc = LAYR_OK;

    if (!w->is_record)
        return look(w, dht, -1);
    for (int i = 0; i < LAYR_RECORD_PLACES && rc == LAYR_OK; i++)
        rc = look(w, dht, i);
    return rc;
}

/* --- the network --- */

/* From the seeds alone, so that the whole way is seen; where none answers, from what is known from before. */
static int from_seeds(work_t *w, layr_dht_t **dht, layr_diag_t *d)
{
    layr_dht_config_t c = {.net = w->s.net, .by_seeds = true};
    const layr_opt_list_t *seeds = &w->opt->seeds;
    layr_host_t h;
    bool waiting = true, good = false;
    int rc = layr_dht_new(dht, &c);

    if (rc == LAYR_OK)
        rc = layr_dht_seeds(*dht, (const char *const *)seeds->item, seeds->count, d);
    while (rc == LAYR_OK && waiting && !good) {
        waiting = false;
        layr_dht_turn(*dht, 50);
        for (size_t i = 0; i < seeds->count; i++) {
            bool one = false;
            if (!layr_dht_seed(*dht, i, &h, &one))
                break;
            waiting |= one;
            good |= !one && h.error == LAYR_OK;
        }
        if (atomic_load(&layr_guard_cancel))
            rc = LAYR_ERR_CANCELLED;
    }
    return rc == LAYR_OK && !good ? LAYR_ERR_HOSTS : rc;
}

static int find(work_t *w, layr_diag_t *d)
{
    layr_net_config_t config = {.ca_file = w->opt->cacert};
    char note[LAYR_SEEDS_NOTE] = "";
    layr_dht_t *dht = NULL;
    int rc = layr_net_new(&w->s.net, &config);

    if (rc == LAYR_OK)
        rc = from_seeds(w, &dht, d);
    if (rc == LAYR_ERR_HOSTS) {
        rc = layr_seeds_join(&w->s, w->opt, note, d);
        if (rc == LAYR_OK && note[0] != 0)
            layr_say_note("note: %s", note);
    }
    if (rc == LAYR_OK)
        rc = look_at_all(w, w->s.dht != NULL ? w->s.dht : dht);
    layr_dht_free(dht);
    layr_seeds_leave(&w->s, w->opt);
    layr_net_free(w->s.net);
    layr_hosts_free(&w->s.hosts);
    return rc;
}

/* --- */

static int take_id(work_t *w)
{
    char *operand = w->opt->operand[0];
    layr_file_keys_t k = {0};
    layr_diag_t d = {0};
    int rc;

    w->is_record = opt_record;
    if (!layr_opt_is_cap(operand)) {
        if (layr_unhex(w->id, 32, operand, strlen(operand)) != LAYR_OK)
            return layr_opt_usage("'%s' is neither 64 lower-case hex digits nor a capability", operand);
        return LAYR_OPT_GO_ON;
    }
    rc = layr_opt_cap(&k, operand, &d);
    if (strncmp(operand, "layr:", 5) == 0)
        layr_guard_hide(operand);
    memcpy(w->id, k.record_id, 32);
    w->is_record = true;
    layr_file_keys_wipe(&k);
    return rc == LAYR_OK ? LAYR_OPT_GO_ON : layr_say_failed(rc, &d);
}

static int conclude(work_t *w, cJSON *o)
{
    int rc;

    if (o != NULL)
        rc = layr_json_print(o, cJSON_AddBoolToObject(o, "found", w->found) == NULL);
    else
        rc = layr_show_end();
    if (rc == LAYR_EXIT_OK && !w->found) {
        layr_say_error("no host that answered has this record");
        rc = LAYR_EXIT_FAILED;
    }
    return rc;
}

static int run(work_t *w)
{
    cJSON *o = NULL;
    layr_diag_t d = {0};
    int rc = take_id(w);

    if (rc != LAYR_OPT_GO_ON)
        return rc;
    if (w->opt->seeds.count == 0) {
        layr_say_error("no network: name a host of it with -s URL, or in a line `seed URL` in %s/layr.conf",
                       w->opt->config_dir);
        return LAYR_EXIT_USAGE;
    }
    if (w->opt->json && ((o = cJSON_CreateObject()) == NULL || layr_json_hex(o, "id", w->id, 32) != 0 ||
                         (w->lookups = cJSON_AddArrayToObject(o, "lookups")) == NULL)) {
        cJSON_Delete(o);
        return layr_say_failed(LAYR_ERR_NOMEM, NULL);
    }
    w->s.cancel = &layr_guard_cancel;
    rc = find(w, &d);
    if (rc == LAYR_OK)
        return conclude(w, o);
    cJSON_Delete(o);
    return layr_say_failed(rc, &d);
}

int main(int argc, char **argv)
{
    layr_opt_t o;
    work_t w = {.opt = &o};
    int rc;

    layr_guard_start();
    rc = layr_opt_parse(&o, &spec, argc, argv);
    if (rc == LAYR_OPT_GO_ON)
        rc = layr_init() == LAYR_OK ? run(&w) : layr_say_failed(LAYR_ERR_CRYPTO, NULL);
    layr_opt_free(&o);
    return rc;
}
