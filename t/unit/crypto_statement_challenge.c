/* Challenges: a round trip, and everything that must be refused, each with its error. */
#include "crypto_statement.h"

#define F LAYR_ERR_FORMAT
#define V LAYR_ERR_VERSION
#define L LAYR_ERR_LIMIT

static layr_challenge_t sample(void)
{
    layr_challenge_t c = {.sample = 460, .iat = NOW, .exp = NOW + 600, .count = 2};

    memset(c.host, 0x11, sizeof c.host);
    memset(c.group, 0x22, sizeof c.group);
    memset(c.seed, 0x33, sizeof c.seed);
    for (unsigned i = 0; i < LAYR_CHALLENGE_SHARDS; i++) {
        memset(c.shard[i], 0xa0, sizeof c.shard[i]);
        c.shard[i][0] = (uint8_t)i;
    }
    return c;
}

static void trip(unsigned count, const char *name)
{
    layr_challenge_t c = sample(), got;
    char *jws = NULL;

    c.count = count;
    is_int(layr_challenge_sign(&jws, &c, seed), 0, name);
    ok(jws != NULL && strlen(jws) <= LAYR_CHALLENGE_MAX, "of %zu characters", jws ? strlen(jws) : 0);
    is_int(layr_challenge_parse(&got, jws, strlen(jws), NOW), 0, "parses");
    layr_sign_public(c.audit, seed);
    for (unsigned i = count; i < LAYR_CHALLENGE_SHARDS; i++)
        memset(c.shard[i], 0, sizeof c.shard[i]);
    ok(memcmp(&c, &got, sizeof c) == 0, "and is the same");
    is_int(layr_challenge_parse(&got, jws, strlen(jws), NOW - 301), LAYR_ERR_FUTURE, "not before its time");
    is_int(layr_challenge_parse(&got, jws, strlen(jws), NOW + 900), LAYR_ERR_EXPIRED, "nor after it");
    jws[strlen(jws) - 3] ^= 1;
    ok(layr_challenge_parse(&got, jws, strlen(jws), NOW) != 0 && all_zero(&got, sizeof got),
       "nor with another signature");
    free(jws);
}

static void not_signed(void)
{
    layr_challenge_t c = sample();
    char *jws = NULL;

    c.count = 0;
    is_int(layr_challenge_sign(&jws, &c, seed), LAYR_ERR_ARG, "none");
    c.count = LAYR_CHALLENGE_SHARDS + 1;
    is_int(layr_challenge_sign(&jws, &c, seed), LAYR_ERR_ARG, "257");
    c = sample();
    c.exp = c.iat + 601;
    is_int(layr_challenge_sign(&jws, &c, seed), LAYR_ERR_ARG, "a life of 601 s");
    c = sample();
    memcpy(c.shard[1], c.shard[0], 32);
    is_int(layr_challenge_sign(&jws, &c, seed), LAYR_ERR_ARG, "one twice");
}

static void altered(const char *from, const char *to, int want)
{
    layr_challenge_t c = sample(), got;
    char *jws = NULL, *payload, *other, *forged, header[256];

    if (layr_challenge_sign(&jws, &c, seed) != 0)
        exit(2);
    payload = part_of(jws, 1);
    other = replace(payload, from, to);
    header_of(header, "layr-challenge", seed);
    forged = forge(header, other, seed);
    is_int(layr_challenge_parse(&got, forged, strlen(forged), NOW), want, to);
    ok(want == 0 || all_zero(&got, sizeof got), "nothing is left of it");
    free(forged);
    free(other);
    free(payload);
    free(jws);
}

int main(void)
{
#define SHARD(n) "\"" n "a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0\""
    static const struct {
        const char *from, *to;
        int want;
    } cases[] = {
        {"\"sample\":\"460\"", "\"sample\":\"0\"", 0},
        {"\"sample\":\"460\"", "\"sample\":460", F},
        {"\"sample\":\"460\"", "\"sample\":\"18446744073709551615\"", 0},
        {"\"sample\":\"460\"", "\"sample\":\"18446744073709551616\"", F},
        {"\"sample\":\"460\",", "", F},
        {"\"seed\":\"33", "\"seed\":\"", F},
        {"\"host\":\"11", "\"host\":\"1111", F},
        {"\"group\":", "\"Group\":", F},
        {"\"v\":1", "\"v\":2", V},
        {"\"v\":1", "\"v\":1,\"extra\":1", V},
        {"\"exp\":1800000600", "\"exp\":1800000601", L},
        {SHARD("01"), SHARD("00"), F},
        {SHARD("00") "," SHARD("01"), "", F},
        {SHARD("01"), "1", F},
        {SHARD("01"), SHARD("0A"), F},
    };

    trip(1, "a challenge of one shard");
    trip(LAYR_CHALLENGE_SHARDS, "of 256");
    not_signed();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        altered(cases[i].from, cases[i].to, cases[i].want);
    return done();
}
