/* Records: round trips, what is refused, places, and which record a holder keeps. */
#include "crypto_statement.h"

static layr_record_t sample(uint64_t seq, unsigned prev_count)
{
    layr_record_t r = {.seq = seq, .prev_count = prev_count, .iat = NOW, .exp = NOW + 86400};

    for (unsigned i = 0; i < LAYR_PREV_MAX && i < prev_count; i++)
        fill(r.prev[i], 32, (uint8_t)(i + 1));
    return r;
}

static int parse(const char *jws, size_t len, layr_time_t now)
{
    layr_record_t r;
    char *copy = exact(jws, len);
    int rc = layr_record_parse(&r, copy, len, now);

    if (rc != 0 && !all_zero(&r, sizeof r))
        ok(0, "a refused record leaves something behind");
    if (rc == 0)
        layr_record_free(&r);
    free(copy);
    return rc;
}

static void is_trip(layr_record_t *r, size_t root_len, const char *name)
{
    uint8_t pub[32], hash[32], *root = malloc(root_len + 1);
    layr_record_t got;
    char *jws = NULL;

    fill(root, root_len, 3);
    r->root = root;
    r->root_len = root_len;
    is_int(layr_record_sign(&jws, r, seed), 0, name);
    is_int(layr_record_parse(&got, jws, strlen(jws), NOW), 0, "parses");
    layr_sign_public(pub, seed);
    is_mem(got.id, pub, 32, "its id is the key");
    is_int(layr_sha256_1(hash, jws, strlen(jws)), 0, "hash");
    is_mem(got.sha256, hash, 32, "its SHA-256 is that of the compact form");
    ok(got.seq == r->seq && got.iat == r->iat && got.exp == r->exp && got.prev_count == r->prev_count &&
           memcmp(got.prev, r->prev, sizeof got.prev) == 0,
       "sequence, times and prev");
    ok(got.root_len == root_len && got.root != NULL && memcmp(got.root, root, root_len) == 0,
       "root of %zu bytes", root_len);
    layr_record_free(&got);
    layr_record_free(&got);
    r->root = NULL;
    free(jws);
    free(root);
}

static void test_round_trips(void)
{
    layr_record_t r = sample(1, 0);

    is_trip(&r, 100, "a first record");
    is_trip(&r, 0, "a removal");
    is_trip(&r, LAYR_ROOT_MAX, "the largest root");
    r = sample(5, 0);
    is_trip(&r, 1, "a later record by a writer that found none");
    r = sample(UINT64_MAX, 8);
    r.exp = NOW + LAYR_AHEAD_MAX;
    is_trip(&r, LAYR_ROOT_MAX, "everything at its largest");
}

static void test_sign_refuses(void)
{
    layr_record_t r = sample(0, 0);
    char *jws = NULL;

    is_int(layr_record_sign(&jws, &r, seed), LAYR_ERR_ARG, "sequence 0");
    r = sample(2, 9);
    is_int(layr_record_sign(&jws, &r, seed), LAYR_ERR_ARG, "9 in prev");
    r = sample(2, 2);
    memcpy(r.prev[1], r.prev[0], 32);
    is_int(layr_record_sign(&jws, &r, seed), LAYR_ERR_ARG, "one twice in prev");
    r = sample(1, 0);
    r.exp = r.iat;
    is_int(layr_record_sign(&jws, &r, seed), LAYR_ERR_ARG, "exp is iat");
    r = sample(1, 0);
    r.root_len = LAYR_ROOT_MAX + 1;
    is_int(layr_record_sign(&jws, &r, seed), LAYR_ERR_LIMIT, "a root of 32,769 bytes");
    ok(jws == NULL, "nothing was signed");
}

static void is_altered(const char *from, const char *to, int want)
{
    layr_record_t r = sample(2, 2);
    char *jws = NULL, *header, *altered, *forged;
    int rc;

    if (layr_record_sign(&jws, &r, seed) != 0)
        exit(2);
    header = part_of(jws, 0);
    altered = replace(header, from, to);
    forged = forge(altered, "", seed);
    rc = parse(forged, strlen(forged), NOW);
    if (!ok(rc == want, "%s -> %.60s: %s", from, to, layr_strerror(want)))
        printf("# got %d (%s)\n", rc, layr_strerror(rc));
    free(jws);
    free(header);
    free(altered);
    free(forged);
}

#define PREV0 "01080f161d242b323940474e555c636a71787f868d949ba2a9b0b7bec5ccd3da"
#define PREV1 "020910171e252c333a41484f565d646b727980878e959ca3aab1b8bfc6cdd4db"

static void test_alterations(void)
{
    is_altered("layr-record", "layr-record", 0);
    is_altered("layr-record", "layr-order", LAYR_ERR_VERSION);
    is_altered("EdDSA", "ES256", LAYR_ERR_VERSION);
    is_altered("\"v\":1", "\"v\":2", LAYR_ERR_VERSION);
    is_altered("\"v\":1,", "", LAYR_ERR_FORMAT);
    is_altered("\"v\":1", "\"v\":1,\"x\":1", LAYR_ERR_VERSION);
    is_altered("\"v\":1", "\"v\":1,\"v\":1", LAYR_ERR_FORMAT);
    is_altered("\"seq\":\"2\"", "\"seq\":2", LAYR_ERR_FORMAT);
    is_altered("\"seq\":\"2\"", "\"seq\":\"02\"", LAYR_ERR_FORMAT);
    is_altered("\"seq\":\"2\"", "\"seq\":\"0\"", LAYR_ERR_FORMAT);
    is_altered("\"seq\":\"2\"", "\"seq\":\"1\"", 0);
    is_altered("\"seq\":\"2\"", "\"seq\":\"18446744073709551615\"", 0);
    is_altered("\"seq\":\"2\"", "\"seq\":\"18446744073709551616\"", LAYR_ERR_FORMAT);
    is_altered("\"seq\":\"2\",", "", LAYR_ERR_FORMAT);
    is_altered("\"" PREV0 "\",\"" PREV1 "\"", "", 0);
    is_altered("\"" PREV0 "\",", "", 0);
    is_altered(PREV0, PREV1, LAYR_ERR_FORMAT);
    is_altered(PREV0, "01", LAYR_ERR_FORMAT);
    is_altered("01080f16", "01080F16", LAYR_ERR_FORMAT);
    is_altered("\"" PREV0 "\"", "null", LAYR_ERR_FORMAT);
    is_altered("\"prev\":[", "\"prev\":[[],", LAYR_ERR_FORMAT);
    is_altered("\"exp\":1800086400", "\"exp\":1834560300", 0);
    is_altered("\"exp\":1800086400", "\"exp\":1834560301", LAYR_ERR_LIMIT);
    is_altered("\"exp\":1800086400", "\"exp\":1800000000", LAYR_ERR_FORMAT);
    is_altered("\"iat\":1800000000", "\"iat\":1800000300", 0);
    is_altered("\"iat\":1800000000", "\"iat\":1800000301", LAYR_ERR_FUTURE);
    is_altered("}", "}}", LAYR_ERR_FORMAT);
}

static void test_root_limit(void)
{
    char *payload = malloc(LAYR_ROOT_MAX + 2), *jws = NULL, *header, *forged;
    layr_record_t r = sample(1, 0);

    if (layr_record_sign(&jws, &r, seed) != 0)
        exit(2);
    header = part_of(jws, 0);
    memset(payload, 'x', LAYR_ROOT_MAX + 1);
    payload[LAYR_ROOT_MAX + 1] = 0;
    forged = forge(header, payload, seed);
    is_int(parse(forged, strlen(forged), NOW), LAYR_ERR_LIMIT, "a root of 32,769 bytes is refused");
    free(forged);
    payload[LAYR_ROOT_MAX] = 0;
    forged = forge(header, payload, seed);
    is_int(parse(forged, strlen(forged), NOW), 0, "one of 32,768 is taken");
    free(forged);
    free(header);
    free(payload);
    free(jws);
}

static void test_times(void)
{
    layr_record_t r = sample(1, 0);
    char *jws = NULL;

    if (layr_record_sign(&jws, &r, seed) != 0)
        exit(2);
    is_int(parse(jws, strlen(jws), r.exp + 299), 0, "exp 299 s past");
    is_int(parse(jws, strlen(jws), r.exp + 300), LAYR_ERR_EXPIRED, "exp 300 s past");
    is_int(parse(jws, strlen(jws), r.iat - 301), LAYR_ERR_FUTURE, "iat 301 s ahead");
    free(jws);
}

static void test_damage(void)
{
    uint8_t root[40];
    layr_record_t r = sample(2, 1);
    char *jws = NULL;
    int accepted = 0;
    size_t len;

    fill(root, sizeof root, 1);
    r.root = root;
    r.root_len = sizeof root;
    if (layr_record_sign(&jws, &r, seed) != 0)
        exit(2);
    len = strlen(jws);
    for (size_t i = 0; i < len * 8; i++) {
        jws[i / 8] ^= (char)(1 << (i % 8));
        accepted += parse(jws, len, NOW) == 0;
        jws[i / 8] ^= (char)(1 << (i % 8));
    }
    is_int(accepted, 0, "no record with a flipped bit is taken");
    for (size_t cut = 0; cut < len; cut++)
        accepted += parse(jws, cut, NOW) == 0;
    is_int(accepted, 0, "nor one that was cut");
    is_int(parse(jws, len, NOW), 0, "the whole one is");
    free(jws);
}

static void test_places(void)
{
    layr_record_t r = {.seq = 1};
    uint8_t place[32], input[33];

    fill(r.id, 32, 5);
    for (unsigned i = 0; i < 3; i++) {
        memcpy(input, r.id, 32);
        input[32] = (uint8_t)i;
        is_int(layr_sha256_1(place, input, 33), 0, "SHA-256(record id, i)");
        is_int(layr_record_place_of(&r, place), (int)i, "is place i");
    }
    place[31] ^= 1;
    is_int(layr_record_place_of(&r, place), LAYR_ERR_NOTFOUND, "not a place of this record");
    is_int(layr_record_place_of(&r, r.id), LAYR_ERR_NOTFOUND, "nor is its id");
}

/* docs/protocol.md 4.4, (a) to (d). */
static void test_accept(void)
{
    layr_record_t own = {.seq = 5}, next = {.seq = 6, .prev_count = 2};

    fill(own.sha256, 32, 1);
    fill(next.sha256, 32, 2);
    fill(next.prev[0], 32, 3);
    memcpy(next.prev[1], own.sha256, 32);
    is_int(layr_record_accept(NULL, &next), LAYR_OK, "(a) none held");
    is_int(layr_record_accept(&own, &own), LAYR_ERR_EXISTS, "(b) the identical one");
    is_int(layr_record_accept(&own, &next), LAYR_OK, "(c) own is listed");
    next.prev_count = 1;
    is_int(layr_record_accept(&own, &next), LAYR_ERR_CONFLICT, "(d) the one before, not listed");
    next.seq = 7;
    is_int(layr_record_accept(&own, &next), LAYR_OK, "(c) own is further behind");
    next.seq = UINT64_MAX;
    is_int(layr_record_accept(&own, &next), LAYR_OK, "(c) much further");
    next.seq = 5;
    is_int(layr_record_accept(&own, &next), LAYR_ERR_CONFLICT, "(d) equal sequences");
    next.prev_count = 2;
    is_int(layr_record_accept(&own, &next), LAYR_ERR_CONFLICT, "(d) equal sequences, though listed");
    next.seq = 4;
    is_int(layr_record_accept(&own, &next), LAYR_ERR_CONFLICT, "(d) back, though listed");
    next.seq = 1;
    next.prev_count = 0;
    is_int(layr_record_accept(&own, &next), LAYR_ERR_CONFLICT, "(d) back to the first");
    own.seq = 1;
    is_int(layr_record_accept(&own, &next), LAYR_ERR_CONFLICT, "(d) two firsts");
}

int main(void)
{
    if (layr_init() != 0)
        return 2;
    test_round_trips();
    test_sign_refuses();
    test_alterations();
    test_root_limit();
    test_times();
    test_damage();
    test_places();
    test_accept();
    return done();
}
