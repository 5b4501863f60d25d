/* The files that are watched over, and when they are due. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "keep.h"
#include "show.h"

typedef struct list {
    layr_keeper_t *k;
    size_t cap;
} list_t;

static int take_file(void *ctx, const layr_file_entry_t *f)
{
    list_t *l = ctx;
    layr_keeper_t *k = l->k;

    if (k->count == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 64;
        layr_kept_t *more = calloc(cap, sizeof *more);

        if (more == NULL)
            return LAYR_ERR_NOMEM;
        if (k->count > 0)
            memcpy(more, k->file, k->count * sizeof *more);
        if (k->file != NULL)
            layr_wipe(k->file, k->count * sizeof *k->file);
        free(k->file);
        k->file = more;
        l->cap = cap;
    }
    k->file[k->count++] = (layr_kept_t){.f = *f};
    return 0;
}

static void show_name(layr_kept_t *f)
{
    char id[9];

    layr_hex(id, f->f.record_id, 4);
    if (f->f.name[0] != 0)
        layr_show_name(f->shown, sizeof f->shown, f->f.name);
    else
        snprintf(f->shown, sizeof f->shown, "the file without a name %s", id);
}

static int take_watch(layr_keeper_t *k, layr_kept_t *f, layr_time_t now)
{
    uint64_t random;
    int rc = layr_journal_watch_get(k->tool.s.journal, &f->w, f->f.record_id);

    show_name(f);
    if (rc != 0 && rc != LAYR_ERR_NOTFOUND)
        return rc;
    layr_random(&random, sizeof random);
    layr_watch_mend(&f->w, &k->policy, now);
    if (layr_watch_follow(&f->w, &f->f, &k->policy, now, random))
        return layr_journal_watch_set(k->tool.s.journal, &f->w);
    return 0;
}

bool layr_keep_ended(const layr_kept_t *f, layr_time_t now)
{
    return f->f.until <= now;
}

static int by_due(const void *a, const void *b, void *policy)
{
    layr_time_t x = layr_watch_next(&((const layr_kept_t *)a)->w, policy);
    layr_time_t y = layr_watch_next(&((const layr_kept_t *)b)->w, policy);

    return x < y ? -1 : x > y;
}

int layr_keep_load(layr_keeper_t *k, layr_time_t now)
{
    list_t l = {.k = k};
    int rc;

    layr_keep_unload(k);
    rc = layr_journal_file_list(k->tool.s.journal, take_file, &l);
    for (size_t i = 0; rc == 0 && i < k->count; i++)
        rc = take_watch(k, &k->file[i], now);
    if (rc == 0 && k->count > 1)
        qsort_r(k->file, k->count, sizeof *k->file, by_due, &k->policy);
    return rc;
}

void layr_keep_unload(layr_keeper_t *k)
{
    if (k->file != NULL)
        layr_wipe(k->file, k->count * sizeof *k->file);
    free(k->file);
    k->file = NULL;
    k->count = 0;
}

layr_time_t layr_keep_next(const layr_keeper_t *k, layr_time_t now)
{
    layr_time_t next = INT64_MAX;

    for (size_t i = 0; i < k->count; i++) {
        layr_time_t t = layr_watch_next(&k->file[i].w, &k->policy);

        if (!layr_keep_ended(&k->file[i], now) && t < next)
            next = t;
    }
    return next > k->not_before ? next : k->not_before;
}
