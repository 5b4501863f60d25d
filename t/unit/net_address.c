/* Whose addresses are: what a request may connect to that a stranger named. */
#include "layr/api.h"
#include "net/flight.h"
#include "net_server.h"
#include "tap.h"

static void test_kinds(void)
{
    static const struct {
        const char *ip;
        layr_reach_t reach;
    } known[] = {
        {"8.8.8.8", LAYR_REACH_PUBLIC},
        {"172.32.0.1", LAYR_REACH_PUBLIC},
        {"100.128.0.1", LAYR_REACH_PUBLIC},
        {"223.255.255.1", LAYR_REACH_PUBLIC},
        {"10.0.0.1", LAYR_REACH_PRIVATE},
        {"172.16.0.1", LAYR_REACH_PRIVATE},
        {"172.31.255.255", LAYR_REACH_PRIVATE},
        {"192.168.0.1", LAYR_REACH_PRIVATE},
        {"100.64.0.1", LAYR_REACH_PRIVATE},
        {"127.0.0.1", LAYR_REACH_LOCAL},
        {"127.255.1.1", LAYR_REACH_LOCAL},
        {"169.254.169.254", LAYR_REACH_LOCAL},
        {"0.0.0.0", LAYR_REACH_ANY},
        {"0.1.2.3", LAYR_REACH_ANY},
        {"224.0.0.1", LAYR_REACH_ANY},
        {"255.255.255.255", LAYR_REACH_ANY},
        {"240.0.0.1", LAYR_REACH_ANY},
        {"192.0.2.1", LAYR_REACH_ANY},
        {"2a00:1450::1", LAYR_REACH_PUBLIC},
        {"2001:4860:4860::8888", LAYR_REACH_PUBLIC},
        {"::1", LAYR_REACH_LOCAL},
        {"fe80::1", LAYR_REACH_LOCAL},
        {"febf::1", LAYR_REACH_LOCAL},
        {"fd00::1", LAYR_REACH_PRIVATE},
        {"fec0::1", LAYR_REACH_PRIVATE},
        {"::", LAYR_REACH_ANY},
        {"ff02::1", LAYR_REACH_ANY},
        {"2001:db8::1", LAYR_REACH_ANY},
        {"2001::1", LAYR_REACH_ANY},
        {"::ffff:127.0.0.1", LAYR_REACH_LOCAL},
        {"::ffff:10.0.0.1", LAYR_REACH_PRIVATE},
        {"::ffff:8.8.8.8", LAYR_REACH_PUBLIC},
        {"2002:7f00:1::1", LAYR_REACH_LOCAL},
        {"2002:808:808::1", LAYR_REACH_PUBLIC},
        {"64:ff9b::10.0.0.1", LAYR_REACH_PRIVATE},
        {"::127.0.0.1", LAYR_REACH_ANY},
        {"nonsense", LAYR_REACH_ANY},
        {"", LAYR_REACH_ANY},
    };

    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        is_int(layr_reach_of(known[i].ip), known[i].reach, known[i].ip);
    ok(layr_reach_covers(LAYR_REACH_PUBLIC, "8.8.8.8") && !layr_reach_covers(LAYR_REACH_PUBLIC, "10.0.0.1") &&
           !layr_reach_covers(LAYR_REACH_PUBLIC, "127.0.0.1"),
       "public: nothing else");
    ok(layr_reach_covers(LAYR_REACH_PRIVATE, "10.0.0.1") &&
           !layr_reach_covers(LAYR_REACH_PRIVATE, "127.0.0.1"),
       "private: no loopback");
    ok(layr_reach_covers(LAYR_REACH_LOCAL, "127.0.0.1") && !layr_reach_covers(LAYR_REACH_LOCAL, "0.0.0.0") &&
           !layr_reach_covers(LAYR_REACH_LOCAL, "224.0.0.1"),
       "local: but nobody's never");
    ok(layr_reach_covers(LAYR_REACH_ANY, "0.0.0.0"), "any: the user's own word");
}

static bool serve(peer_t *p)
{
    return peer_answer(p, 200, "", "hello", 5);
}

static int get(layr_net_t *net, const char *url, layr_reach_t reach, layr_req_t *r)
{
    static uint8_t into[64];

    *r = (layr_req_t){.method = "GET", .url = url, .reach = reach, .into = into, .into_cap = sizeof into};
    return layr_net_run(net, r);
}

static void test_connect(void)
{
    server_t s = {0};
    layr_net_t *net = NULL;
    layr_req_t r;
    char url[64], name[64];

    server_start(&s, serve);
    snprintf(url, sizeof url, "http://127.0.0.1:%d/", s.port);
    snprintf(name, sizeof name, "http://localhost:%d/", s.port);
    if (!ok(layr_net_new(&net, NULL) == LAYR_OK, "a transport"))
        return;
    is_int(get(net, url, LAYR_REACH_PUBLIC, &r), LAYR_ERR_ARG, "loopback is out of reach");
    printf("# %s\n", r.error_text);
    is_int(get(net, url, LAYR_REACH_PRIVATE, &r), LAYR_ERR_ARG, "of a private network's, too");
    is_int(get(net, name, LAYR_REACH_PUBLIC, &r), LAYR_ERR_ARG, "also under a name that leads there");
    is_int(atomic_load(&s.connections), 0, "not a packet was sent");
    is_int(get(net, url, LAYR_REACH_LOCAL, &r), LAYR_OK, "local reaches it");
    is_int(get(net, url, LAYR_REACH_ANY, &r), LAYR_OK, "and so does the user's own word");
    is_int(get(net, url, LAYR_REACH_PUBLIC, &r), LAYR_ERR_ARG, "nor over a connection that another made");
    is_int(atomic_load(&s.requests), 2, "which carried nothing of it");
    layr_net_free(net);
    server_stop(&s);
}

int main(void)
{
    if (layr_init() != LAYR_OK)
        return 1;
    test_kinds();
    test_connect();
    return done();
}
