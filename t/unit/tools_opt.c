/* Shared options: the table, numbers, folders, the configuration file, capabilities as operands, sizes, exit
 * statuses. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../tools/opt.h"
#include "tap.h"

static uint64_t number;
static const char *text;
static bool flag;
static layr_opt_list_t list;
static char dir[] = "/tmp/layr-opt-XXXXXX";

static const layr_opt_def_t options[] = {{'n', "number", "N", "a number", LAYR_OPT_NUMBER, &number, 3, 9},
                                         {0, "text", "T", "a text", LAYR_OPT_TEXT, &text, 0, 0},
                                         {'f', "flag", NULL, "a flag", LAYR_OPT_FLAG, &flag, 0, 0},
                                         {'l', "list", "L", "a list", LAYR_OPT_LIST, &list, 0, 0},
                                         LAYR_OPT_END};
static const layr_opt_spec_t spec = {"[options] A [B]",
                                     "A test.",
                                     options,
                                     LAYR_OPT_VERBOSE | LAYR_OPT_JSON | LAYR_OPT_HOME | LAYR_OPT_HOSTS,
                                     1,
                                     2,
                                     NULL};

/* Parse a command line of words with a space between; what programs say goes nowhere. */
static int parse(layr_opt_t *o, const char *line)
{
    static char copy[512], *argv[32]; /* operands point into both */
    char *save = NULL;
    int argc = 0, rc, err = dup(2), out = dup(1);

    memset(argv, 0, sizeof argv);
    snprintf(copy, sizeof copy, "prog %s", line);
    for (char *w = strtok_r(copy, " ", &save); w != NULL && argc < 31; w = strtok_r(NULL, " ", &save))
        argv[argc++] = w;
    number = 0;
    text = NULL;
    flag = false;
    optind = 0; /* getopt's own state anew */
    fflush(stdout);
    if (freopen("/dev/null", "w", stderr) == NULL || dup2(fileno(stderr), 1) < 0)
        exit(99);
    rc = layr_opt_parse(o, &spec, argc, argv);
    fflush(stdout);
    fflush(stderr);
    dup2(err, 2);
    dup2(out, 1);
    close(err);
    close(out);
    return rc;
}

static void refused(const char *line, int want)
{
    layr_opt_t o;

    is_int(parse(&o, line), want, line);
    layr_opt_free(&o);
}

static void command_line(void)
{
    layr_opt_t o;

    is_int(parse(&o, "-n 5 a --text=x -fv b -l 1 --list 2 --json"), LAYR_OPT_GO_ON,
           "options before, between and after operands");
    ok(number == 5 && flag && text != NULL && strcmp(text, "x") == 0, "values arrive");
    ok(o.verbose && o.json && !o.quiet, "shared flags arrive");
    ok(o.count == 2 && strcmp(o.operand[0], "a") == 0 && strcmp(o.operand[1], "b") == 0, "operands in order");
    ok(list.count == 2 && strcmp(list.item[1], "2") == 0 && list.item[2] == NULL,
       "a list grows and ends with NULL");
    layr_opt_free(&o);
    ok(list.count == 0 && list.item == NULL, "the program's lists are freed");

    is_int(parse(&o, "-- -f"), LAYR_OPT_GO_ON, "-- ends options");
    ok(!flag && o.count == 1 && strcmp(o.operand[0], "-f") == 0, "what follows is an operand");
    layr_opt_free(&o);
    is_int(parse(&o, "-"), LAYR_OPT_GO_ON, "- is an operand");
    layr_opt_free(&o);

    refused("", LAYR_EXIT_USAGE);
    refused("a b c", LAYR_EXIT_USAGE);
    refused("a --nope", LAYR_EXIT_USAGE);
    refused("a -x", LAYR_EXIT_USAGE);
    refused("a -n", LAYR_EXIT_USAGE);
    refused("a --text", LAYR_EXIT_USAGE);
    refused("a --flag=1", LAYR_EXIT_USAGE);
    refused("a -n 2", LAYR_EXIT_USAGE);
    refused("a -n 10", LAYR_EXIT_USAGE);
    refused("a -n 5x", LAYR_EXIT_USAGE);
    refused("a -n -5", LAYR_EXIT_USAGE);
    refused("--help", LAYR_EXIT_OK);
    refused("--version", LAYR_EXIT_OK);
}

static void numbers(void)
{
    uint64_t v = 7;
    unsigned k = 0, n = 0;

    ok(layr_opt_number(&v, "18446744073709551615", 0, UINT64_MAX) == LAYR_OK && v == UINT64_MAX,
       "the largest number");
    is_int(layr_opt_number(&v, "18446744073709551616", 0, UINT64_MAX), LAYR_ERR_ARG, "one more");
    ok(v == UINT64_MAX, "a refused number leaves the variable alone");
    is_int(layr_opt_number(&v, "", 0, 9), LAYR_ERR_ARG, "empty");
    ok(layr_opt_scheme(&k, &n, "4/9") == LAYR_OK && k == 4 && n == 9, "4/9");
    ok(layr_opt_scheme(&k, &n, "255/255") == LAYR_OK, "255/255");
    static const char *const bad[] = {"",    "4",     "/",     "4/",   "/9",   "0/9",
                                      "9/4", "1/256", "4/9/2", "4 /9", "-4/9", "4/9 "};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        is_int(layr_opt_scheme(&k, &n, bad[i]), LAYR_ERR_ARG, bad[i]);
}

static void write_file(const char *name, const char *content)
{
    char path[128];

    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "w");
    if (f == NULL || fputs(content, f) < 0 || fclose(f) != 0)
        exit(99);
}

static void folders(void)
{
    layr_opt_t o;

    unsetenv("LAYR_HOME");
    setenv("HOME", "/h", 1);
    unsetenv("XDG_CONFIG_HOME");
    setenv("XDG_STATE_HOME", "/s/", 1);
    is_int(parse(&o, "a"), LAYR_OPT_GO_ON, "folders");
    ok(strcmp(o.config_dir, "/h/.config/layr") == 0, "configuration below HOME");
    ok(strcmp(o.state_dir, "/s/layr") == 0, "state where XDG_STATE_HOME says");
    layr_opt_free(&o);
    setenv("XDG_CONFIG_HOME", "relative", 1);
    is_int(parse(&o, "a"), LAYR_OPT_GO_ON, "a relative XDG folder");
    ok(strcmp(o.config_dir, "/h/.config/layr") == 0, "is passed over");
    layr_opt_free(&o);
    setenv("LAYR_HOME", "/l", 1);
    is_int(parse(&o, "a"), LAYR_OPT_GO_ON, "LAYR_HOME");
    ok(strcmp(o.config_dir, "/l") == 0 && strcmp(o.state_dir, "/l") == 0, "is both");
    layr_opt_free(&o);
    is_int(parse(&o, "a --home /x"), LAYR_OPT_GO_ON, "--home");
    ok(strcmp(o.config_dir, "/x") == 0 && strcmp(o.state_dir, "/x") == 0, "comes first");
    layr_opt_free(&o);
    unsetenv("LAYR_HOME");
    unsetenv("HOME");
    unsetenv("XDG_CONFIG_HOME");
    refused("a", LAYR_EXIT_USAGE);
    setenv("LAYR_HOME", dir, 1);
}

static void config_file(void)
{
    layr_opt_t o;
    char longer[6000];

    write_file("layr.conf",
               "# ours\n\nhost https://a.example#00 # the first\n  host\thttp://b.example\ncacert /ca.pem\n");
    is_int(parse(&o, "a"), LAYR_OPT_GO_ON, "configuration file");
    ok(o.hosts.count == 2 && strcmp(o.hosts.item[0], "https://a.example#00") == 0 &&
           strcmp(o.hosts.item[1], "http://b.example") == 0,
       "its hosts");
    ok(o.cacert != NULL && strcmp(o.cacert, "/ca.pem") == 0, "its cacert");
    layr_opt_free(&o);
    is_int(parse(&o, "a -H https://c --cacert /d"), LAYR_OPT_GO_ON, "with options");
    ok(o.hosts.count == 1 && strcmp(o.hosts.item[0], "https://c") == 0, "-H: these hosts and no others");
    ok(strcmp(o.cacert, "/d") == 0, "--cacert comes first");
    layr_opt_free(&o);

    write_file("layr.conf", "seed https://a.example\n seed http://b.example#00\n");
    is_int(parse(&o, "a"), LAYR_OPT_GO_ON, "seeds in it");
    ok(o.seeds.count == 2 && strcmp(o.seeds.item[1], "http://b.example#00") == 0 && o.hosts.count == 0,
       "are taken");
    layr_opt_free(&o);
    is_int(parse(&o, "a -s https://c"), LAYR_OPT_GO_ON, "with -s");
    ok(o.seeds.count == 1 && strcmp(o.seeds.item[0], "https://c") == 0, "-s: this seed and no others");
    layr_opt_free(&o);
    is_int(parse(&o, "a -H https://c"), LAYR_OPT_GO_ON, "with -H");
    ok(o.seeds.count == 0 && o.hosts.count == 1, "-H: exactly this host, and no seed");
    layr_opt_free(&o);
    refused("a -H https://c -s https://d", LAYR_EXIT_USAGE);

    write_file("layr.conf", "keep-renew yes\nkeep-threshold 6\n keep-renew no # later\n");
    is_int(parse(&o, "a"), LAYR_OPT_GO_ON, "layr-keep's lines");
    ok(strcmp(o.keep[LAYR_KEEP_RENEW], "no") == 0 && strcmp(o.keep[LAYR_KEEP_THRESHOLD], "6") == 0 &&
           o.keep[LAYR_KEEP_GRACE] == NULL,
       "are handed on, the later of two");
    layr_opt_free(&o);

    static const char *const bad[] = {
        "keep-dance a\n", "keep-grace\n",      "host\n",
        "seed\n",         "seeds https://a\n", "seed https://a\nhost https://b\n",
        "host a b\n",     "host #x\n",         "cacert\n"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        write_file("layr.conf", bad[i]);
        refused("a", LAYR_EXIT_USAGE);
    }
    memset(longer, 'x', sizeof longer);
    longer[sizeof longer - 1] = 0;
    write_file("layr.conf", longer);
    refused("a", LAYR_EXIT_USAGE);
    write_file("layr.conf", "");
}

static void caps(void)
{
    layr_file_keys_t k, got;
    layr_diag_t d;
    uint8_t W[32] = {7};
    char cap[LAYR_CAP_MAX], content[LAYR_CAP_MAX + 16], arg[64];

    layr_file_keys_from_write(&k, W);
    is_int(layr_cap_format(cap, &k, 'r'), LAYR_OK, "a read cap");
    memset(&d, 0, sizeof d);
    ok(layr_opt_cap(&got, cap, &d) == LAYR_OK && memcmp(got.R, k.R, 32) == 0, "as an argument");
    snprintf(content, sizeof content, "  %s \r\nmore\n", cap);
    write_file("cap", content);
    snprintf(arg, sizeof arg, "@%s/cap", dir);
    ok(layr_opt_cap(&got, arg, &d) == LAYR_OK && memcmp(got.R, k.R, 32) == 0, "in a file");
    snprintf(content, sizeof content, "%s x\n", cap);
    write_file("cap", content);
    is_int(layr_opt_cap(&got, arg, &d), LAYR_ERR_CAP, "with more on its line");
    ok(strstr(d.text, "capability") != NULL && strstr(d.text, cap) == NULL, "the message does not repeat it");
    write_file("cap", "");
    memset(&d, 0, sizeof d);
    is_int(layr_opt_cap(&got, arg, &d), LAYR_ERR_IO, "an empty file");
    is_int(layr_opt_cap(&got, "@/nowhere", &d), LAYR_ERR_IO, "no file");
    is_int(layr_opt_cap(&got, "layr:r:x", &d), LAYR_ERR_CAP, "not a cap");
    ok(layr_opt_is_cap(cap) && layr_opt_is_cap("-") && layr_opt_is_cap("@f") &&
           !layr_opt_is_cap("holiday.mov"),
       "cap or name");
}

static void sizes(void)
{
    static const struct {
        uint64_t bytes;
        const char *want;
    } known[] = {{0, "0 B"},           {1023, "1023 B"},       {1024, "1.0 KiB"},
                 {1048575, "1.0 MiB"}, {16777216, "16.0 MiB"}, {UINT64_MAX, "16.0 EiB"}};
    char out[LAYR_SIZE_TEXT];

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        layr_say_size(out, known[i].bytes);
        ok(strcmp(out, known[i].want) == 0, "%s", known[i].want);
    }
}

static void exits(void)
{
    is_int(layr_say_exit(LAYR_OK), LAYR_EXIT_OK, "done");
    is_int(layr_say_exit(LAYR_ERR_NET), LAYR_EXIT_FAILED, "failed");
    is_int(layr_say_exit(LAYR_ERR_ARG), LAYR_EXIT_USAGE, "usage");
    is_int(layr_say_exit(LAYR_ERR_HOSTS), LAYR_EXIT_HOSTS, "hosts");
    is_int(layr_say_exit(LAYR_ERR_DATA), LAYR_EXIT_DATA, "data");
    is_int(layr_say_exit(LAYR_ERR_AUTH), LAYR_EXIT_DATA, "failed verification");
    is_int(layr_say_exit(LAYR_ERR_CAP), LAYR_EXIT_REFUSED, "capability");
    is_int(layr_say_exit(LAYR_ERR_REFUSED), LAYR_EXIT_REFUSED, "refused");
}

int main(void)
{
    char path[128];

    if (layr_init() != LAYR_OK || mkdtemp(dir) == NULL)
        return 99;
    setenv("LAYR_HOME", dir, 1);
    command_line();
    numbers();
    folders();
    config_file();
    caps();
    sizes();
    exits();
    static const char *const made[] = {"layr.conf", "cap"};
    for (size_t i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, made[i]);
        unlink(path);
    }
    rmdir(dir);
    return done();
}
