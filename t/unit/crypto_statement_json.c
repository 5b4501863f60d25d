/* The strict JSON that statements are made of. */
#include "crypto/json.h"

#include "crypto_statement.h"

static int scan(const char *text, size_t len, layr_json_numbers_t numbers)
{
    char *copy = exact(text, len);
    int rc = layr_json_scan(copy, len, numbers);

    free(copy);
    return rc;
}

/* The case is its own name; what is not plain ASCII would break the report's lines. */
static void is_scan(const char *text, int want)
{
    char name[96];
    size_t i;

    for (i = 0; text[i] != 0 && i < sizeof name - 1; i++)
        name[i] = text[i] > ' ' && text[i] <= '~' && text[i] != '#' ? text[i] : '.';
    name[i] = 0;
    is_int(scan(text, strlen(text), LAYR_JSON_INTEGERS), want, name);
}

static void good(const char *text)
{
    is_scan(text, 0);
}

static void bad(const char *text)
{
    is_scan(text, LAYR_ERR_FORMAT);
}

static void test_numbers(void)
{
    static const char *const general[] = {
        "1.5", "1e3", "1E+3", "-0", "-0.0e-1", "0.25", "123456789012345678901"};
    static const char *const never[] = {"01",
                                        "-01",
                                        "+1",
                                        ".5",
                                        "1.",
                                        "1e",
                                        "1e+",
                                        "-",
                                        "--1",
                                        "0x10",
                                        "nan",
                                        "NaN",
                                        "Infinity",
                                        "-Infinity",
                                        "1_000",
                                        "1 2",
                                        "00",
                                        "1.e1",
                                        "12345678901234567890123456789012345678901"};

    good("0");
    good("-1");
    good("9007199254740991");
    good("-9007199254740991");
    bad("9007199254740992");
    bad("-9007199254740992");
    bad("99999999999999999999999999999999");
    for (size_t i = 0; i < sizeof general / sizeof *general; i++) {
        bad(general[i]);
        is_int(scan(general[i], strlen(general[i]), LAYR_JSON_NUMBERS), 0, "but a number elsewhere");
    }
    for (size_t i = 0; i < sizeof never / sizeof *never; i++) {
        bad(never[i]);
        is_int(scan(never[i], strlen(never[i]), LAYR_JSON_NUMBERS), LAYR_ERR_FORMAT, "nor elsewhere");
    }
}

static void test_strings(void)
{
    good("\"\"");
    good("\"a\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\u00e9\\uD83D\\uDE00\"");
    good("\"\xc3\xa9\xf0\x9f\x98\x80\x7f\"");
    bad("\"");
    bad("\"\\\"");
    bad("\"\\");
    bad("\"\\u\"");
    bad("\"\\u004\"");
    bad("\"\\u004g\"");
    bad("\"\\u0000\"");
    bad("\"\\a\"");
    bad("\"\\ud83d\"");
    bad("\"\\ud83dx\"");
    bad("\"\\ud83d\\n\"");
    bad("\"\\ud83d\\u0041\"");
    bad("\"\\ude00\"");
    bad("\"\x01\"");
    bad("\"\n\"");
    bad("\"\xff\"");
    bad("\"\xc3\"");
    bad("\"\xc0\x80\"");
    bad("\"\xed\xa0\x80\"");
    bad("'a'");
    is_int(scan("\"a\0b\"", 5, LAYR_JSON_INTEGERS), LAYR_ERR_FORMAT, "NUL in a string");
    is_int(scan("1\0", 2, LAYR_JSON_INTEGERS), LAYR_ERR_FORMAT, "NUL behind a value");
}

static void test_structure(void)
{
    good("{}");
    good(" [ ] ");
    good("\t{ \"a\" : [ 1 , true , false , null , { } ] , \"b\" : \"\" }\r\n");
    good("[[[[[[[[]]]]]]]]");
    bad("[[[[[[[[[]]]]]]]]]");
    good("[[[[[[[[1]]]]]]]]");
    bad("{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{}}}}}}}}}");
    bad("");
    bad(" ");
    bad("\xef\xbb\xbf{}");
    bad("{} {}");
    bad("{}x");
    bad("{");
    bad("}");
    bad("[1,]");
    bad("[,1]");
    bad("[1 2]");
    bad("{\"a\"}");
    bad("{\"a\":}");
    bad("{\"a\":1,}");
    bad("{,}");
    bad("{a:1}");
    bad("{1:1}");
    bad("{\"a\" 1}");
    bad("[1}");
    bad("{\"a\":1]");
    bad("True");
    bad("tru");
    bad("nul");
    bad("truefalse");
    bad("/**/1");
    bad("1//");
    bad("\v1");
}

static void test_many(void)
{
    char *text = malloc(1 << 20);
    size_t len = 0;

    memset(text, '[', 1 << 20);
    is_int(layr_json_scan(text, 1 << 20, LAYR_JSON_INTEGERS), LAYR_ERR_FORMAT,
           "a million brackets don't exhaust the stack");
    for (int i = 0; i < LAYR_JSON_MEMBERS; i++)
        len += (size_t)sprintf(text + len, "%c\"m%d\":%d", i ? ',' : '{', i, i);
    strcpy(text + len, "}");
    is_int(layr_json_scan(text, len + 1, LAYR_JSON_INTEGERS), 0, "as many members as allowed");
    strcpy(text + len, ",\"x\":1}");
    is_int(layr_json_scan(text, strlen(text), LAYR_JSON_INTEGERS), LAYR_ERR_FORMAT, "one more");
    free(text);
}

static void is_parse(const char *text, int want)
{
    cJSON *json = NULL;
    char *copy = exact(text, strlen(text));

    is_int(layr_json_parse(&json, copy, strlen(text), LAYR_JSON_INTEGERS), want, text);
    ok((json != NULL) == (want == 0), "an output exactly on success");
    layr_json_free(json);
    free(copy);
}

static void test_parse(void)
{
    is_parse("{\"a\":1,\"b\":2,\"A\":3}", 0);
    is_parse("{ \"a\" : [ 1 ] }", 0);
    is_parse(" {}", LAYR_ERR_FORMAT);
    is_parse("{} ", LAYR_ERR_FORMAT);
    is_parse("{}.", LAYR_ERR_FORMAT);
    is_parse("[]", LAYR_ERR_FORMAT);
    is_parse("1", LAYR_ERR_FORMAT);
    is_parse("{\"a\":1,\"b\":2,\"a\":1}", LAYR_ERR_FORMAT);
    is_parse("{\"a\":1,\"\\u0061\":1}", LAYR_ERR_FORMAT);
    is_parse("{\"x\":{\"a\":1,\"a\":1}}", LAYR_ERR_FORMAT);
    is_parse("{\"x\":[[{\"a\":1,\"a\":1}]]}", LAYR_ERR_FORMAT);
    is_parse("{\"x\":[{\"a\":1},{\"a\":1}]}", 0);
    is_parse("{\"\":1,\"\":2}", LAYR_ERR_FORMAT);
}

/* The exact text that comes out, and that it is read back. */
static void test_write(void)
{
    static const char want[] = "{\"s\":\"a\\\"b\\\\c\\u0001\\u000a\\u001f/"
                               "\xc3\xa9\",\"i\":9007199254740991,\"d\":\"18446744073709551615\","
                               "\"t\":true,\"f\":false,\"h\":\"00ff\",\"b\":\"AP8\",\"e\":\"\",\"x\":[\"{\","
                               "\"[\",[],{}],\"o\":{\"z\":0}}";
    static const uint8_t bytes[2] = {0, 255};
    char text[32] = "";
    cJSON *json = NULL;
    layr_json_fields_t f;
    layr_buf_t b;

    layr_buf_init(&b);
    layr_json_open(&b, NULL, '{');
    layr_json_put_str(&b, "s", "a\"b\\c\x01\n\x1f/\xc3\xa9");
    layr_json_put_int(&b, "i", LAYR_JSON_INT_MAX);
    layr_json_put_dec(&b, "d", UINT64_MAX);
    layr_json_put_bool(&b, "t", true);
    layr_json_put_bool(&b, "f", false);
    layr_json_put_hex(&b, "h", bytes, 2);
    layr_json_put_b64(&b, "b", bytes, 2);
    layr_json_put_b64(&b, "e", bytes, 0);
    layr_json_open(&b, "x", '[');
    layr_json_put_str(&b, NULL, "{");
    layr_json_put_str(&b, NULL, "[");
    layr_json_open(&b, NULL, '[');
    layr_json_close(&b, ']');
    layr_json_open(&b, NULL, '{');
    layr_json_close(&b, '}');
    layr_json_close(&b, ']');
    layr_json_open(&b, "o", '{');
    layr_json_put_int(&b, "z", 0);
    layr_json_close(&b, '}');
    layr_json_close(&b, '}');
    ok(!b.bad && b.len == strlen(want) && memcmp(b.p, want, b.len) == 0, "written as expected");
    is_int(layr_json_parse(&json, (char *)b.p, b.len, LAYR_JSON_INTEGERS), 0, "and read back");
    layr_json_begin(&f, json);
    layr_json_take_str(&f, "s", text, sizeof text);
    ok(f.rc == 0 && strcmp(text, "a\"b\\c\x01\n\x1f/\xc3\xa9") == 0, "text survives");
    layr_json_free(json);
    layr_buf_free(&b);
}

static void test_long_encodings(void)
{
    uint8_t in[200], out[200];
    cJSON *json;
    layr_buf_t b;

    fill(in, sizeof in, 3);
    for (size_t len = 0; len <= sizeof in; len += len < 100 ? 1 : 50) {
        layr_json_fields_t f;
        layr_buf_init(&b);
        layr_json_open(&b, NULL, '{');
        layr_json_put_hex(&b, "h", in, len);
        layr_json_put_b64(&b, "b", in, len);
        layr_json_close(&b, '}');
        json = NULL;
        if (layr_json_parse(&json, (char *)b.p, b.len, LAYR_JSON_INTEGERS) != 0)
            ok(0, "parse at %zu", len);
        layr_json_begin(&f, json);
        memset(out, 0, sizeof out);
        layr_json_take_hex(&f, "h", out, len);
        int same = memcmp(in, out, len) == 0;
        memset(out, 0, sizeof out);
        layr_json_take_b64(&f, "b", out, len);
        same = same && memcmp(in, out, len) == 0 && layr_json_end(&f) == 0;
        if (!same || len % 50 == 0)
            ok(same, "hex and base64url of %zu bytes", len);
        layr_json_free(json);
        layr_buf_free(&b);
    }
}

/* Every take on every other type, and that a failure stays. */
static void test_take(void)
{
    static const char text[] = "{\"v\":1,\"n\":5,\"neg\":-1,\"s\":\"5\",\"h\":\"0a\",\"H\":\"0A\",\"b\":true,"
                               "\"z\":null,\"a\":[\"0a\"],\"o\":{}}";
    cJSON *json = NULL;
    layr_json_fields_t f;
    int64_t t = 7;
    uint64_t d = 7;
    uint8_t raw[8];
    bool flag;
    char s[3];
    unsigned count;

    if (layr_json_parse(&json, text, strlen(text), LAYR_JSON_INTEGERS) != 0)
        exit(2);
#define TAKE(call, want)                                                                                     \
    layr_json_begin(&f, json);                                                                               \
    call;                                                                                                    \
    is_int(f.rc, want, #call)
    TAKE(layr_json_take_version(&f), 0);
    TAKE(layr_json_take_time(&f, "n", &t), 0);
    TAKE(layr_json_take_time(&f, "s", &t), LAYR_ERR_FORMAT);
    TAKE(layr_json_take_time(&f, "neg", &t), LAYR_ERR_FORMAT);
    TAKE(layr_json_take_time(&f, "b", &t), LAYR_ERR_FORMAT);
    TAKE(layr_json_take_time(&f, "missing", &t), LAYR_ERR_FORMAT);
    TAKE(layr_json_take_time(&f, "N", &t), LAYR_ERR_FORMAT);
    TAKE(layr_json_take_dec(&f, "s", &d), 0);
    TAKE(layr_json_take_dec(&f, "n", &d), LAYR_ERR_FORMAT);
    TAKE(layr_json_take_dec(&f, "h", &d), LAYR_ERR_FORMAT);
    TAKE(layr_json_take_hex(&f, "h", raw, 1), 0);
    TAKE(layr_json_take_hex(&f, "H", raw, 1), LAYR_ERR_FORMAT);
    TAKE(layr_json_take_hex(&f, "h", raw, 2), LAYR_ERR_FORMAT);
    TAKE(layr_json_take_hex(&f, "n", raw, 1), LAYR_ERR_FORMAT);
    TAKE(layr_json_take_b64(&f, "z", raw, 1), LAYR_ERR_FORMAT);
    TAKE(layr_json_take_bool(&f, "b", &flag), 0);
    TAKE(layr_json_take_bool(&f, "n", &flag), LAYR_ERR_FORMAT);
    TAKE(layr_json_take_bool(&f, "z", &flag), LAYR_ERR_FORMAT);
    TAKE(layr_json_take_str(&f, "h", s, 3), 0);
    TAKE(layr_json_take_str(&f, "h", s, 2), LAYR_ERR_FORMAT);
    TAKE(layr_json_take_str(&f, "a", s, 3), LAYR_ERR_FORMAT);
    TAKE(layr_json_take_word(&f, "s", "5"), 0);
    TAKE(layr_json_take_word(&f, "s", "6"), LAYR_ERR_VERSION);
    TAKE(layr_json_take_word(&f, "n", "5"), LAYR_ERR_FORMAT);
    TAKE(layr_json_take_array(&f, "a", 1, 1, &count), 0);
    TAKE(layr_json_take_array(&f, "a", 2, 3, &count), LAYR_ERR_FORMAT);
    TAKE(layr_json_take_array(&f, "a", 0, 0, &count), LAYR_ERR_FORMAT);
    TAKE(layr_json_take_array(&f, "o", 0, 1, &count), LAYR_ERR_FORMAT);
    TAKE(layr_json_take_hexes(&f, "a", raw, 1, 0, 8, &count), 0);
    TAKE(layr_json_take_hexes(&f, "a", raw, 2, 0, 4, &count), LAYR_ERR_FORMAT);

    layr_json_begin(&f, json);
    layr_json_take_dec(&f, "n", &d);
    layr_json_take_word(&f, "s", "6");
    is_int(layr_json_end(&f), LAYR_ERR_FORMAT, "the first failure stays");
    layr_json_begin(&f, json);
    layr_json_take_version(&f);
    is_int(layr_json_end(&f), LAYR_ERR_VERSION, "members left over");
    layr_json_begin(&f, cJSON_GetObjectItemCaseSensitive(json, "a"));
    is_int(layr_json_end(&f), LAYR_ERR_FORMAT, "an array has no members");
    layr_json_begin(&f, cJSON_GetObjectItemCaseSensitive(json, "o"));
    is_int(layr_json_end(&f), 0, "an empty object is done at once");
    layr_json_free(json);
    layr_json_free(NULL);
}

/* What the scan lets through, cJSON must take too: the two never disagree, in either direction of strictness.
 */
static void test_sweep(void)
{
    static const char text[] =
        "{\"v\":1,\"a\":[\"x\\u00e9\\ud83d\\ude00\",-12,true,{\"b\":null}],\"c\":\"\\\\\\\"\",\"d\":1.5e-7}";
    static const char letters[] = "{}[]\",:\\u0d8e-.+ntf \x01\xff\xc3\xa9";
    char copy[sizeof text];
    uint32_t state = 7;
    int passed = 0, disagreed = 0;

    for (int round = 0; round < 50000; round++) {
        memcpy(copy, text, sizeof text);
        state = state * 1664525u + 1013904223u;
        for (uint32_t n = (state >> 8) % 3 + 1; n > 0; n--) {
            state = state * 1664525u + 1013904223u;
            copy[(state >> 8) % (sizeof text - 1)] = letters[(state >> 20) % (sizeof letters - 1)];
        }
        cJSON *json = NULL;
        int scanned = scan(copy, sizeof text - 1, LAYR_JSON_NUMBERS);
        int rc = layr_json_parse(&json, copy, sizeof text - 1, LAYR_JSON_NUMBERS);
        passed += scanned == 0;
        disagreed += rc == LAYR_ERR_NOMEM || (rc == 0 && scanned != 0);
        layr_json_free(json);
    }
    ok(passed > 1000 && passed < 49000, "of 50,000 damaged texts %d are still JSON", passed);
    is_int(disagreed, 0, "and cJSON reads each of those");
}

int main(void)
{
    if (layr_init() != 0)
        return 2;
    test_numbers();
    test_strings();
    test_structure();
    test_many();
    test_parse();
    test_write();
    test_long_encodings();
    test_take();
    test_sweep();
    return done();
}
