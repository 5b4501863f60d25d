/* db/journal_watch.c: what is known of a file's keeping comes back as it was, survives the file's versions, and goes with it. */
#include <string.h>

#include "db_journal.h"

static const uint8_t master[32] = {1, 2, 3};
static layr_journal_t *j;

static layr_file_entry_t add_file(uint8_t tag, layr_time_t until)
{
    layr_put_entry_t e = {.scheme = {4, 8}, .started = 1000, .until = until};
    layr_file_entry_t f = {.size = 77, .scheme = {4, 8}, .created = 1000, .until = until};
    layr_file_keys_t k;

    memset(e.W, tag, sizeof e.W);
    snprintf(e.name, sizeof e.name, "file%u", tag);
    snprintf(f.name, sizeof f.name, "file%u", tag);
    layr_file_keys_from_write(&k, e.W);
    memcpy(f.W, e.W, sizeof f.W);
    memcpy(f.record_id, k.record_id, sizeof f.record_id);
    if (layr_journal_put_begin(j, &e) != 0 || layr_journal_put_done(j, e.id, &f, NULL, 0) != 0)
        printf("Bail out! no file\n");
    return f;
}

static layr_watch_t some(const uint8_t id[32])
{
    layr_watch_t w = {.created = 1000,
                      .until = 5000,
                      .term = 4000,
                      .next_sample = 1100,
                      .next_audit = 1200,
                      .next_renew = 3000,
                      .not_before = 1150,
                      .failures = 3,
                      .last_sample = 1001,
                      .last_audit = 1002,
                      .last_renew = 1003,
                      .last_patch = 1004,
                      .good = 7,
                      .rows = 8,
                      .needed = 4,
                      .lost = 2,
                      .wrong = "a host is away"};

    memcpy(w.record_id, id, 32);
    return w;
}

static void rows(const layr_file_entry_t *f)
{
    layr_watch_t w = some(f->record_id), got;

    memset(&got, 0, sizeof got);
    is_int(layr_journal_watch_get(j, &got, f->record_id), LAYR_ERR_NOTFOUND, "there is none before");
    is_int(layr_journal_watch_set(j, &w), 0, "set");
    is_int(layr_journal_watch_get(j, &got, f->record_id), 0, "get");
    ok(memcmp(&w, &got, sizeof w) == 0, "all of it is what it was");
    w.good = 8;
    w.wrong[0] = 0;
    is_int(layr_journal_watch_set(j, &w), 0, "set again");
    is_int(layr_journal_watch_get(j, &got, f->record_id), 0, "get");
    ok(got.good == 8 && got.wrong[0] == 0, "is the later one");
    memset(w.wrong, 'x', sizeof w.wrong);
    is_int(layr_journal_watch_set(j, &w), LAYR_ERR_ARG, "text without an end");
}

static void pruned(const layr_file_entry_t *f, const layr_file_entry_t *other)
{
    static const uint8_t catalogue[32] = {9};
    layr_watch_t w = some(other->record_id), c = some(catalogue), got;

    ok(layr_journal_watch_set(j, &w) == 0 && layr_journal_watch_set(j, &c) == 0, "three rows");
    is_int(layr_journal_file_remove(j, other->record_id), 0, "one file goes");
    is_int(layr_journal_watch_prune(j, catalogue), 0, "prune");
    is_int(layr_journal_watch_get(j, &got, other->record_id), LAYR_ERR_NOTFOUND, "its row has gone");
    is_int(layr_journal_watch_get(j, &got, f->record_id), 0, "the other file's has not");
    is_int(layr_journal_watch_get(j, &got, catalogue), 0, "nor has the catalogue's");
}

static void kept_until(const layr_file_entry_t *f)
{
    static const uint8_t nobody[32] = {8};
    layr_file_entry_t got = {0};
    uint64_t after = 0;

    is_int(layr_journal_catalogue_done(j, INT64_MAX), 0, "all are told");
    is_int(layr_journal_file_until(j, f->record_id, 9000), 0, "longer");
    is_int(layr_journal_file_by_id(j, &got, f->record_id), 0, "the file");
    is_int(got.until, 9000, "is kept longer");
    ok(layr_journal_catalogue_pending(j, &after) == 0 && after == 1, "and the catalogue is to be told");
    is_int(layr_journal_file_until(j, f->record_id, 8000), 0, "shorter");
    ok(layr_journal_file_by_id(j, &got, f->record_id) == 0 && got.until == 9000, "changes nothing");
    is_int(layr_journal_file_until(j, nobody, 9000), LAYR_ERR_NOTFOUND, "no such file");
}

static void locked(const char *folder)
{
    layr_journal_t *k = NULL;
    layr_diag_t d = {0};
    char path[256];

    snprintf(path, sizeof path, "%s/j", folder);
    if (layr_journal_open(&k, path, master, &d) != 0) {
        ok(0, "opened twice: %s", d.text);
        return;
    }
    is_int(layr_journal_watch_busy(k), 0, "nobody keeps");
    is_int(layr_journal_watch_lock(j), 0, "one does");
    is_int(layr_journal_watch_busy(k), 1, "which the other sees");
    is_int(layr_journal_watch_lock(k), LAYR_ERR_IO, "and may not");
    is_int(layr_journal_catalogue_lock(k), 0, "the catalogue's lock is another");
    layr_journal_catalogue_unlock(k);
    layr_journal_watch_unlock(j);
    is_int(layr_journal_watch_lock(k), 0, "then it may");
    layr_journal_close(k);
    is_int(layr_journal_watch_busy(j), 0, "closed is unlocked");
}

int main(void)
{
    char folder[] = "/tmp/layr-watch-XXXXXX";
    layr_file_entry_t f, other;

    j = journal_new(folder, master);
    f = add_file(5, 5000);
    other = add_file(6, 6000);
    rows(&f);
    pruned(&f, &other);
    kept_until(&f);
    locked(folder);
    journal_remove(j, folder);
    return done();
}
