/* db/journal_catalogue.c: every change of a file is told once, and what other machines tell becomes rows. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "db_journal.h"

#define NOW 1000000

static const uint8_t master[32] = {4, 5, 6}, record[32] = {77}, own[16] = {9, 9};
static layr_journal_t *j;

/* A file whose ids follow from its tag as they have to. */
static layr_file_entry_t file_of(const char *name, uint8_t tag)
{
    layr_file_entry_t f = {
        .size = tag, .scheme = {1, 3}, .created = NOW - 5, .until = NOW + 500, .is_folder = tag % 2};
    layr_file_keys_t k;

    memset(f.W, tag, sizeof f.W);
    layr_file_keys_from_write(&k, f.W);
    memcpy(f.record_id, k.record_id, sizeof f.record_id);
    snprintf(f.name, sizeof f.name, "%s", name);
    layr_file_keys_wipe(&k);
    return f;
}

static layr_catalogue_entry_t entry_of(const char *name, uint8_t tag, bool gone)
{
    layr_file_entry_t f = file_of(name, tag);
    layr_catalogue_entry_t e = {.gone = gone, .changed = NOW, .until = f.until};

    memcpy(e.record_id, f.record_id, sizeof e.record_id);
    if (gone)
        return e;
    memcpy(e.W, f.W, sizeof e.W);
    memcpy(e.name, f.name, sizeof e.name);
    e.created = f.created;
    e.size = f.size;
    e.scheme = f.scheme;
    e.is_folder = f.is_folder;
    return e;
}

static void put(const char *name, uint8_t tag)
{
    layr_put_entry_t e = {.scheme = {1, 3}, .started = NOW, .until = NOW + 500};
    layr_file_entry_t f = file_of(name, tag);

    snprintf(e.name, sizeof e.name, "%s", name);
    memset(e.W, tag, sizeof e.W);
    ok(layr_journal_put_begin(j, &e) == 0 && layr_journal_put_done(j, e.id, &f, NULL, 0) == 0, "%s is put",
       name);
}

static unsigned pending(void)
{
    uint64_t n = 99;

    return layr_journal_catalogue_pending(j, &n) == 0 ? (unsigned)n : 99;
}

static void take(layr_catalogue_entry_t e, const char *what)
{
    layr_catalogue_t c = {0};
    bool changed;
    uint8_t host[32] = {3};

    ok(layr_catalogue_set(&c, &e, &changed) == 0 &&
           layr_catalogue_set_host(&c, host, "http://h", &changed) == 0 &&
           layr_journal_catalogue_take(j, record, &c) == 0,
       "%s", what);
    layr_catalogue_free(&c);
}

static int count_host(void *ctx, const uint8_t id[32], const char *url)
{
    *(unsigned *)ctx += id[0] == 3 && strcmp(url, "http://h") == 0;
    return 0;
}

static unsigned hosts(void)
{
    unsigned n = 0;

    return layr_journal_host_each(j, count_host, &n) == 0 ? n : 99;
}

static bool is_there(const char *name, uint8_t tag)
{
    layr_file_entry_t f = {0}, want = file_of(name, tag);
    bool good = layr_journal_file_find(j, &f, name) == 0 && memcmp(f.record_id, want.record_id, 32) == 0 &&
                memcmp(f.W, want.W, 32) == 0 && f.is_folder == want.is_folder;

    layr_wipe(&f, sizeof f);
    return good;
}

static void test_blank(void)
{
    uint8_t sha[32] = {0};
    bool blank = false;

    ok(layr_journal_is_blank(j, record, &blank) == 0 && blank, "a new journal is blank");
    take(entry_of("theirs", 1, false), "it is told of a file");
    ok(is_there("theirs", 1) && hosts() == 1 && pending() == 0, "has it, and the hosts, and nothing to tell");
    ok(layr_journal_is_blank(j, record, &blank) == 0 && !blank, "and is blank no more");
    take(entry_of("theirs", 1, true), "that it is gone");
    ok(!is_there("theirs", 1) && pending() == 0, "it goes without a word");
    ok(layr_journal_seen_set(j, record, 1, sha) == 0 && layr_journal_is_blank(j, record, &blank) == 0 &&
           !blank,
       "a catalogue that was seen makes no journal blank again");
}

static void test_tell(void)
{
    layr_catalogue_t c = {0};
    layr_file_entry_t f = file_of("mine", 2);
    const layr_catalogue_entry_t *e;
    bool changed = false;
    int64_t mark = 0;

    put("mine", 2);
    ok(pending() == 1, "that is to be told");
    ok(layr_journal_catalogue_fill(j, &c, NOW, own, &mark, &changed) == 0 && changed && c.count == 1,
       "is told");
    put("later", 3);
    ok(layr_journal_catalogue_done(j, mark) == 0 && pending() == 1, "what came meanwhile is still to be");
    changed = false;
    ok(layr_journal_catalogue_fill(j, &c, NOW, own, &mark, &changed) == 0 && changed && c.count == 2 &&
           layr_journal_catalogue_done(j, mark) == 0 && pending() == 0,
       "and is, then");
    changed = false;
    ok(layr_journal_catalogue_fill(j, &c, NOW, own, &mark, &changed) == 0 && !changed,
       "nothing is told twice");
    ok(layr_journal_file_remove(j, f.record_id) == 0 && pending() == 1, "a removal is to be told");
    take(entry_of("mine", 2, false), "a list that does not know");
    ok(!is_there("mine", 2) && pending() == 1, "does not bring it back");
    ok(layr_journal_catalogue_fill(j, &c, NOW, own, &mark, &changed) == 0 && changed, "it is told");
    e = layr_catalogue_find(&c, f.record_id);
    ok(e != NULL && e->gone && e->until == f.until && layr_journal_catalogue_done(j, mark) == 0, "as gone");
    layr_catalogue_free(&c);
    changed = false;
    ok(layr_journal_catalogue_fill(j, &c, NOW, own, &mark, &changed) == 0 && changed && c.count == 1,
       "a list that has forgotten a file is told again");
    layr_catalogue_free(&c);
    layr_wipe(&f, sizeof f);
}

static void test_names(void)
{
    layr_catalogue_entry_t e = entry_of("later", 9, false), wrong = entry_of("wrong", 10, false);
    layr_file_entry_t f = {0};
    char other[32] = "later~";

    layr_hex(other + 6, e.record_id, 4);
    take(e, "another file of the same name");
    ok(is_there("later", 3) && is_there(other, 9), "is %s", other);
    e.size = 1234;
    take(e, "and changes");
    ok(layr_journal_file_find(j, &f, other) == 0 && f.size == 1234 && pending() == 0, "under that name");
    wrong.W[0] ^= 1;
    take(wrong, "an entry whose secret is another's");
    ok(layr_journal_file_find(j, &f, "wrong") == LAYR_ERR_NOTFOUND, "is passed over");
    layr_wipe(&f, sizeof f);
}

int main(void)
{
    char folder[] = "/tmp/layr-catalogue.XXXXXX";

    j = journal_new(folder, master);
    test_blank();
    test_tell();
    test_names();
    ok(layr_journal_catalogue_lock(j) == 0, "the lock is taken");
    layr_journal_catalogue_unlock(j);
    journal_remove(j, folder);
    return done();
}
