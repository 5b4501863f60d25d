/*
 * fuzz-http: requests by the thousand, right and wrong, over raw connections to a host, each answer waited for and judged.
 * Everything follows from the seed and the number of a case, but for the clock and the host's id in statements.
 */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "run.h"

#define REQUESTS_MAX 16
#define JOBS_MAX 64

static const char usage[] = "usage: fuzz-http --host ID --ports H1,H2C,TLS [--address A] [--seed N] [--from "
                            "N] [--count N] [--jobs N] [--proto P] [-v]\n"
                            "One case is a connection with 1 to 16 requests. --seed and --from with --count "
                            "1 replay one; P: h1, h2c, tls-h1, tls-h2.\n";

typedef struct options {
    uint64_t seed, from, count;
    unsigned jobs;
    int proto;
    bool verbose;
} options_t;

static void make_requests(run_t *c)
{
    gen_t *g = &c->gen;

    c->serial = rng_one_in(&g->rng, 12);
    if (c->serial) {
        c->count = life_make(g, c->req, REQUESTS_MAX);
        return;
    }
    c->count = 1 + rng_below(&g->rng, 4);
    for (unsigned i = 0; i < c->count; i++) {
        call_make(g, &c->req[i]);
        if (rng_below(&g->rng, 100) < 65)
            req_mutate(g, &c->req[i]);
    }
}

static void say_case(const run_t *c)
{
    static const char *const wants[] = {"a status", "a refusal", "an answer", "anything"};

    printf("case %llu, %s, %u requests%s\n", (unsigned long long)c->gen.number, proto_names[c->proto],
           c->count, c->serial ? ", one by one" : "");
    for (unsigned i = 0; i < c->count; i++) {
        const req_t *r = &c->req[i];
        printf("  %u: %.*s %.90s, %zu bytes%s%s%s: wants %s\n", i, (int)r->method.len, r->method.p, r->path.p,
               r->body.len, r->length ? r->said.p ? ", length said " : ", length" : "",
               r->said.p ? r->said.p : "", r->closes ? ", closes" : "", wants[r->want]);
        for (unsigned n = 0; n < r->fields && n < 8; n++)
            printf("    %s: %.60s\n", r->field[n].name.p, r->field[n].value.p);
    }
}

static bool run_case(const options_t *o, const world_t *w, const host_t *h, uint64_t number, tally_t *tally)
{
    run_t c = {.host = h, .tally = tally, .verbose = o->verbose};
    const char *wrong;

    gen_init(&c.gen, w, number);
    c.req = gen_take(&c.gen, REQUESTS_MAX * sizeof *c.req);
    c.proto =
        (proto_t)rng_below(&c.gen.rng, PROTOS); /* drawn in any case, so that what follows is the same */
    if (o->proto >= 0)
        c.proto = (proto_t)o->proto;
    make_requests(&c);
    if (o->verbose)
        say_case(&c);
    wrong = c.proto == PROTO_H1 || c.proto == PROTO_TLS_H1 ? h1_run(&c) : h2_run(&c);
    tally->cases++;
    tally->requests += c.count;
    if (wrong != NULL) {
        tally->failed++;
        printf("FAILED --seed %llu --from %llu --proto %s: %s\n", (unsigned long long)o->seed,
               (unsigned long long)number, proto_names[c.proto], wrong);
        fflush(stdout);
    }
    gen_free(&c.gen);
    return wrong == NULL;
}

static void job(const options_t *o, const world_t *w, const host_t *h, unsigned n, tally_t *tally)
{
    for (uint64_t i = o->from + n; i < o->from + o->count && tally->failed < 20; i += o->jobs)
        run_case(o, w, h, i, tally);
}

static bool report(const options_t *o, const tally_t *t)
{
    tally_t all = {0};

    for (unsigned n = 0; n < o->jobs; n++) {
        all.cases += t[n].cases;
        all.requests += t[n].requests;
        all.answers += t[n].answers;
        all.good += t[n].good;
        all.failed += t[n].failed;
        for (size_t s = 0; s < 600; s++)
            all.status[s] += t[n].status[s];
    }
    printf(
        "%llu requests on %llu connections, %llu judged answers, %llu of them successes; %llu cases failed\n",
        (unsigned long long)all.requests, (unsigned long long)all.cases, (unsigned long long)all.answers,
        (unsigned long long)all.good, (unsigned long long)all.failed);
    for (int s = 0; s < 600; s++)
        if (all.status[s] > 0)
            printf(" %d: %llu", s, (unsigned long long)all.status[s]);
    printf("\n");
    return all.failed == 0 && all.cases == o->count;
}

static bool run_jobs(const options_t *o, const world_t *w, const host_t *h)
{
    tally_t *t = mmap(NULL, o->jobs * sizeof *t, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    bool good = true;
    int status;

    if (t == MAP_FAILED)
        die("mmap");
    fflush(stdout);
    for (unsigned n = 0; n < o->jobs; n++) {
        pid_t pid = o->jobs > 1 ? fork() : 0;
        if (pid < 0)
            die("fork");
        if (pid == 0) {
            job(o, w, h, n, &t[n]);
            if (o->jobs > 1)
                _exit(fflush(stdout) != 0);
        }
    }
    while (o->jobs > 1 && wait(&status) > 0)
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
            printf("a job of this program ended by itself: %d\n", status);
            good = false;
        }
    good = report(o, t) && good;
    munmap(t, o->jobs * sizeof *t);
    return good;
}

static uint64_t number(const char *text)
{
    char *end;
    unsigned long long v = strtoull(text, &end, 10);

    if (*text == 0 || *end != 0)
        die("'%s' is not a number", text);
    return v;
}

static int protocol(const char *name)
{
    for (int i = 0; i < PROTOS; i++)
        if (strcmp(name, proto_names[i]) == 0)
            return i;
    die("there is no protocol '%s'", name);
}

int main(int argc, char **argv)
{
    static const struct option names[] = {
        {"host", 1, NULL, 'h'}, {"ports", 1, NULL, 'p'}, {"address", 1, NULL, 'a'},
        {"seed", 1, NULL, 's'}, {"from", 1, NULL, 'f'},  {"count", 1, NULL, 'c'},
        {"jobs", 1, NULL, 'j'}, {"proto", 1, NULL, 'P'}, {NULL, 0, NULL, 0}};
    options_t o = {.count = 1000, .jobs = 8, .proto = -1};
    const char *id = NULL, *ports = NULL, *address = "127.0.0.1";
    static world_t world;
    uint8_t host_id[32];
    host_t host;
    int c;
    bool good;

    if (layr_init() != 0)
        die("layr_init");
    signal(SIGPIPE, SIG_IGN);
    layr_random(&o.seed, 4);
    while ((c = getopt_long(argc, argv, "v", names, NULL)) != -1) {
        switch (c) {
        case 'h':
            id = optarg;
            break;
        case 'p':
            ports = optarg;
            break;
        case 'a':
            address = optarg;
            break;
        case 's':
            o.seed = number(optarg);
            break;
        case 'f':
            o.from = number(optarg);
            break;
        case 'c':
            o.count = number(optarg);
            break;
        case 'j':
            o.jobs = (unsigned)number(optarg);
            break;
        case 'P':
            o.proto = protocol(optarg);
            break;
        case 'v':
            o.verbose = true;
            break;
        default:
            fputs(usage, stderr);
            return 2;
        }
    }
    if (id == NULL || ports == NULL || layr_unhex(host_id, 32, id, strlen(id)) != 0 || o.jobs < 1 ||
        o.jobs > JOBS_MAX) {
        fputs(usage, stderr);
        return 2;
    }
    printf("--seed %llu --from %llu --count %llu\n", (unsigned long long)o.seed, (unsigned long long)o.from,
           (unsigned long long)o.count);
    host_init(&host, address, ports);
    world_init(&world, o.seed, host_id);
    good = run_jobs(&o, &world, &host);
    world_free(&world);
    host_free(&host);
    return good ? 0 : 1;
}
