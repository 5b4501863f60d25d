/* db/journal_score.c: sums over audits, since when a host is silent, and about which shards, with a key and without one. */
#include "db_journal.h"

static const uint8_t master[32] = {1, 2, 3}, A[32] = {0xa}, B[32] = {0xb};

static layr_score_t add(layr_journal_t *j, const uint8_t host[32], uint64_t passed, uint64_t lost,
                        uint64_t silent, layr_time_t now)
{
    layr_score_t found = {.passed = passed, .lost = lost, .silent = silent}, out = {0};

    memcpy(found.host, host, 32);
    is_int(layr_journal_score_add(j, &found, now, &out), 0, "an audit's result");
    return out;
}

static int count(void *ctx, const layr_score_t *s)
{
    *(unsigned *)ctx += s->host[0];
    return 0;
}

static int stop(void *ctx, const layr_score_t *s)
{
    (void)ctx;
    return s->host[0];
}

static void scores(layr_journal_t *j)
{
    layr_score_t s, found = {.passed = 0, .url = "https://a.example"};
    unsigned sum = 0;

    is_int(layr_journal_score_get(j, A, &s), 0, "of a host that nobody knows");
    ok(s.passed == 0 && s.silent_since == 0 && memcmp(s.host, A, 32) == 0, "nothing is known");
    is_int(layr_journal_score_each(j, count, &sum), 0, "and there is no other");
    is_int(sum, 0, "none");

    s = add(j, A, 5, 0, 0, 100);
    ok(s.passed == 5 && s.last_good == 100 && s.silent_since == 0, "five passed");
    s = add(j, A, 0, 0, 5, 200);
    is_int((long long)s.silent_since, 200, "it is silent");
    s = add(j, A, 0, 0, 5, 300);
    is_int((long long)s.silent_since, 200, "since the first time");
    is_int((long long)s.silent, 10, "and all of it is counted");
    s = add(j, A, 0, 1, 4, 400);
    ok(s.silent_since == 0 && s.last_bad == 400 && s.lost == 1, "who says that one is lost answers");
    s = add(j, A, 0, 0, 1, 500);
    s = add(j, A, 0, 0, 1, 450);
    is_int((long long)s.silent_since, 450, "a clock that was set back makes nobody silent from the future");
    s = add(j, A, 1, 0, 4, 600);
    ok(s.silent_since == 0 && s.last_good == 600, "who answers for one is not silent");
    s = add(j, A, 0, 0, 0, 700);
    ok(s.silent_since == 0 && s.last_good == 600, "nothing found changes nothing");
    memcpy(found.host, A, sizeof found.host);
    ok(s.url[0] == 0 && layr_journal_score_add(j, &found, 750, &s) == 0 && strcmp(s.url, found.url) == 0,
       "it was found there");
    (void)add(j, A, 0, 0, 0, 760);
    (void)add(j, B, 0, 0, 1, 800);
    is_int(layr_journal_score_get(j, A, &s), 0, "read back");
    ok(s.passed == 6 && s.lost == 1 && s.silent == 20, "the sums are there");
    ok(strcmp(s.url, "https://a.example") == 0, "and where it was found");
    is_int(layr_journal_score_each(j, count, &sum), 0, "both");
    is_int(sum, 0xa + 0xb, "both");
    is_int(layr_journal_score_each(j, stop, NULL), 0xa, "a value ends it");
}

/* Two hosts, the same shard, as of one that was copied; and a second shard. */
static void unproven(layr_journal_t *j)
{
    layr_unproven_t u[3] = {
        {.host = {1}, .shard = {7}}, {.host = {2}, .shard = {7}}, {.host = {1}, .shard = {8}}};

    u[2].answered = true;
    is_int(layr_journal_unproven(j, u, 3, 1000), 0, "two shards without an answer");
    ok(u[0].since == 1000 && u[1].since == 1000 && u[2].since == 0, "are noted, the other is not");
    u[1].answered = u[2].answered = true;
    is_int(layr_journal_unproven(j, u, 3, 2000), 0, "one is answered for");
    ok(u[0].since == 1000 && u[1].since == 0, "the other has been waiting since the first time");
    u[1].answered = u[2].answered = false;
    is_int(layr_journal_unproven(j, u, 3, 3000), 0, "and all are silent");
    ok(u[0].since == 1000 && u[1].since == 3000 && u[2].since == 3000, "each for its own time");
    is_int(layr_journal_unproven(j, u, 1, 500), 0, "the clock is set back");
    is_int((long long)u[0].since, 500, "nobody is silent from the future");
    is_int(layr_journal_unproven(j, u, 1, 500 + 401 * (layr_time_t)86400), 0, "after 401 days");
    is_int((long long)u[0].since, 500 + 401 * 86400, "it begins anew");
    u[0].answered = true;
    is_int(layr_journal_unproven(j, u, 1, 500 + 402 * (layr_time_t)86400), 0, "and is answered for");
    is_int((long long)u[0].since, 0, "at last");
    is_int(layr_journal_unproven(j, u, 0, 1), 0, "none at all is none");
}

int main(void)
{
    char folder[] = "/tmp/layr-score-XXXXXX", other[] = "/tmp/layr-score-XXXXXX", path[256];
    layr_journal_t *j = journal_new(folder, master);
    layr_score_t s;

    scores(j);
    unproven(j);
    layr_journal_close(j);
    snprintf(path, sizeof path, "%s/j", folder);
    is_int(layr_journal_open(&j, path, master, NULL), 0, "opened again");
    is_int(layr_journal_score_get(j, B, &s), 0, "a score");
    is_int((long long)s.silent_since, 800, "is still there");
    journal_remove(j, folder);
    j = journal_new(other, NULL);
    scores(j);
    unproven(j);
    journal_remove(j, other);
    return done();
}
