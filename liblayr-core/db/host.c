/* Opening and closing a host's store. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db/host_internal.h"

/* The first handle since the host started finds only what dead processes left. */
static int first_op(layr_hostdb_t *db, void *arg)
{
    bool *all = arg;

    *all = db->c.first != NULL && db->c.first(db->c.ctx);
    if (*all)
        layr_host_tmp_clean(db->path, INT64_MAX);
    return layr_host_intents_resolve(db, *all);
}

static int totals_op(layr_hostdb_t *db, void *arg)
{
    layr_host_totals_t *out = arg;

    *out = db->totals;
    return 0;
}

static int start(layr_hostdb_t *db, layr_diag_t *d)
{
    layr_host_totals_t totals = {0};
    bool all = false, more = true;
    int rc = layr_host_commit(db, first_op, &all, d);

    while (rc == 0 && more)
        rc = layr_host_sweep(db, &more, d);
    if (rc == 0)
        rc = layr_host_commit(db, totals_op, &totals, d);
    if (rc == 0) {
        db->seen = totals;
        if (db->c.totals != NULL)
            db->c.totals(db->c.ctx, &totals);
    }
    return rc;
}

static int open_files(layr_hostdb_t *db, layr_diag_t *d)
{
    char file[LAYR_HOST_PATH_MAX];
    int rc = layr_host_sentinel(db->path, db->c.host, &db->sentinel);

    if (rc == LAYR_ERR_NOTFOUND || rc == LAYR_ERR_CONFLICT)
        return layr_diag_set(d, LAYR_ERR_UNAVAILABLE, "%s/host.id %s", db->path,
                             rc == LAYR_ERR_NOTFOUND ? "is not there: is the store mounted?"
                                                     : "names another host");
    if (rc != 0)
        return layr_diag_set(d, rc, "%s/host.id cannot be read", db->path);
    if (snprintf(file, sizeof file, "%s/layr.db", db->path) >= (int)sizeof file)
        return layr_diag_set(d, LAYR_ERR_LIMIT, "%s: too long a path", db->path);
    rc = layr_host_conn_open(&db->write, file, db->c.host, d);
    if (rc == 0)
        rc = layr_host_conn_open(&db->read, file, db->c.host, d);
    return rc;
}

int layr_hostdb_open(layr_hostdb_t **out, const layr_hostdb_config_t *c, layr_diag_t *d)
{
    layr_hostdb_t *db;
    int rc;

    if (strlen(c->path) >= LAYR_HOST_PATH_MAX - 100)
        return layr_diag_set(d, LAYR_ERR_LIMIT, "%s: too long a path", c->path);
    db = calloc(1, sizeof *db);
    if (db == NULL)
        return LAYR_ERR_NOMEM;
    db->c = *c;
    memcpy(db->path, c->path, strlen(c->path) + 1);
    db->c.path = db->path;
    db->last = &db->first;
    pthread_mutex_init(&db->mutex, NULL);
    pthread_mutex_init(&db->read_mutex, NULL);
    pthread_mutex_init(&db->intent_mutex, NULL);
    pthread_cond_init(&db->settled, NULL);
    rc = open_files(db, d);
    if (rc == 0)
        rc = start(db, d);
    if (rc == 0)
        *out = db;
    else
        layr_hostdb_close(db);
    return rc;
}

void layr_hostdb_close(layr_hostdb_t *db)
{
    if (db == NULL)
        return;
    layr_host_conn_close(&db->read);
    layr_host_conn_close(&db->write);
    pthread_cond_destroy(&db->settled);
    pthread_mutex_destroy(&db->intent_mutex);
    pthread_mutex_destroy(&db->read_mutex);
    pthread_mutex_destroy(&db->mutex);
    free(db);
}

int layr_hostdb_check(const layr_hostdb_t *db)
{
    struct stat st;

    if (layr_host_sentinel(db->path, db->c.host, &st) != 0 || st.st_dev != db->sentinel.st_dev ||
        st.st_ino != db->sentinel.st_ino)
        return LAYR_ERR_UNAVAILABLE;
    return 0;
}
