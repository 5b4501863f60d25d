/* tools/show.c, estimate.c: names from strangers, odds, prices. */
#include "../../tools/estimate.h"
#include "../../tools/show.h"
#include "layr/crypto.h"
#include "tap.h"

static void shows(const char *in, const char *want)
{
    char out[64];

    layr_show_name(out, sizeof out, in);
    if (!ok(strcmp(out, want) == 0, "shown as '%s'", want))
        printf("# got '%s'\n", out);
}

static void odds(double p, const char *want)
{
    char out[LAYR_ODDS_TEXT];

    layr_show_odds(out, p);
    if (!ok(strcmp(out, want) == 0, "%g is %s", p, want))
        printf("# got '%s'\n", out);
}

static void test_names(void)
{
    char small[5];

    shows("plain.txt", "plain.txt");
    shows("", "");
    shows("naïve €uro 😀", "naïve €uro 😀");
    shows("a\033[31mred\nline\x7f", "a?[31mred?line?");
    shows("c1 \xc2\x9b"
          "31m",
          "c1 ?31m");
    shows("gpj\xe2\x80\xaegpj.exe", "gpj?gpj.exe");
    shows("\xe2\x81\xa6x\xe2\x81\xa9\xe2\x80\x8f", "?x??");
    shows("bad \xff\xc3(\xe2\x82", "bad ?"
                                   "?(?"
                                   "?");
    layr_show_name(small, sizeof small, "ab€cd");
    ok(strcmp(small, "ab") == 0, "never cut inside a character");
}

static void test_json(void)
{
    cJSON *o = cJSON_CreateObject();
    char *text;

    is_int(layr_json_u64(o, "n", UINT64_MAX), 0, "a number past a double's");
    is_int(layr_json_text(o, "t", "a\xff\"\n€"), 0, "a text that is no UTF-8");
    is_int(layr_json_scheme(o, "s", (layr_scheme_t){4, 8}), 0, "a scheme");
    text = cJSON_PrintUnformatted(o);
    ok(text != NULL &&
           strcmp(text, "{\"n\":18446744073709551615,\"t\":\"a\xef\xbf\xbd\\\"\\n€\",\"s\":\"4/8\"}") == 0,
       "are written as they should");
    cJSON_free(text);
    cJSON_Delete(o);
}

static void test_estimate(void)
{
    layr_host_t host[4] = {
        {.price = 100}, {.price = 300}, {.price = 900}, {.price = 1, .error = LAYR_ERR_NET}};
    layr_hosts_t hosts = {host, 4, 4};
    layr_estimate_t e = {0};
    uint64_t full = layr_full_segment((layr_scheme_t){2, 3});

    is_int(layr_estimate(&e, 2 * full + 1, (layr_scheme_t){2, 3}, &hosts, 300, 60), 0,
           "two segments and a byte");
    /* 4 MiB of stored shard are 1,024 blocks of 4,112 bytes; one byte takes one */
    is_int((long long)e.segments, 3, "are three segments");
    is_int((long long)e.stored_bytes, 2 * 3 * 1024 * 4112 + 3 * 4112, "of so many bytes");
    is_int((long long)e.hosts, 2, "the dear host and the one that is down don't count");
    /* 25,276,464 bytes * price * 2 months / 2^30 */
    is_int((long long)e.low, 4, "price, floored once");
    is_int((long long)e.high, 14, "at the dearer one");
    is_int(layr_estimate(&e, 4096, (layr_scheme_t){2, 3}, &hosts, 300, 60), 0, "4,096 bytes");
    ok(e.is_inline && e.stored_bytes == 0 && e.low == 0, "cost nothing");
    is_int(layr_estimate(&e, 4097, (layr_scheme_t){2, 3}, &hosts, 0, 60), 0, "4,097 at no price");
    ok(!e.is_inline && e.segments == 1 && e.hosts == 0, "find no host");
    host[0].price = INT64_MAX;
    is_int(layr_estimate(&e, UINT64_MAX / 8, (layr_scheme_t){2, 3}, &hosts, INT64_MAX, 399), 0,
           "a sum that overflows");
    ok(e.high == UINT64_MAX, "is the largest there is");
    is_int(layr_estimate(&e, 9999, (layr_scheme_t){0, 0}, &hosts, 0, 1), LAYR_ERR_ARG, "no scheme");
}

int main(void)
{
    test_names();
    odds(0.05, "1 in 20");
    odds(1, "1 in 1");
    odds(1 / 2925000.0, "1 in 2,900,000");
    odds(1 / 123.0, "1 in 120");
    odds(1e-16, "below 1 in 10^15");
    odds(0, "below 1 in 10^15");
    test_json();
    test_estimate();
    return done();
}
