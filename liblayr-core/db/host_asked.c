/* What a challenge asks for, by the books and the files. */
#include <string.h>

#include "db/host_internal.h"
#include "layr/hostaudit.h"

static int group_bytes(layr_host_conn_t *c, const layr_challenge_t *ch, uint64_t *bytes)
{
    sqlite3_stmt *s = layr_host_stmt(c, Q_GROUP);
    int rc;

    layr_host_bind(s, 1, ch->audit, sizeof ch->audit);
    layr_host_bind(s, 2, ch->group, sizeof ch->group);
    rc = layr_host_step(s);
    if (rc == 1) {
        *bytes = (uint64_t)sqlite3_column_int64(s, 0);
        sqlite3_reset(s);
    }
    return rc;
}

/* The size that the group's order for it has; 0: there is none. */
static int ordered(layr_host_conn_t *c, const layr_challenge_t *ch, const uint8_t shard[32], uint64_t *size)
{
    sqlite3_stmt *s = layr_host_stmt(c, Q_GROUP_SHARD);
    int rc;

    layr_host_bind(s, 1, ch->group, sizeof ch->group);
    layr_host_bind(s, 2, ch->audit, sizeof ch->audit);
    layr_host_bind(s, 3, shard, 32);
    rc = layr_host_step(s);
    if (rc == 1) {
        *size = (uint64_t)sqlite3_column_int64(s, 0);
        sqlite3_reset(s);
    }
    return rc < 0 ? rc : 0;
}

static int read_books(layr_host_conn_t *c, const layr_challenge_t *ch, layr_host_asked_t *out)
{
    int rc = group_bytes(c, ch, &out->group_bytes);

    if (rc == 0) {
        rc = layr_host_any(c, Q_GROUP_ANY, ch->group, sizeof ch->group);
        return rc == 1 ? LAYR_ERR_CAP : rc;
    }
    for (unsigned i = 0; rc >= 0 && i < ch->count; i++)
        rc = ordered(c, ch, ch->shard[i], &out->size[i]);
    return rc < 0 ? rc : 0;
}

static void look_at_files(layr_hostdb_t *db, const layr_challenge_t *c, layr_host_asked_t *out)
{
    for (unsigned i = 0; i < c->count; i++) {
        uint64_t blocks = out->size[i] / (LAYR_BLOCK + LAYR_TAG_BYTES);

        if (blocks == 0 || !layr_host_blob_here(db, c->shard[i], out->size[i])) {
            out->size[i] = 0;
            out->missing++;
            continue;
        }
        if (c->sample != 0 && c->sample < blocks)
            blocks = c->sample;
        out->bytes += blocks * (LAYR_BLOCK + LAYR_TAG_BYTES);
    }
}

int layr_hostdb_asked(layr_hostdb_t *db, const layr_challenge_t *c, layr_host_asked_t *out, layr_diag_t *d)
{
    int rc;

    memset(out, 0, sizeof *out);
    if (c->count == 0 || c->count > LAYR_CHALLENGE_SHARDS)
        return LAYR_ERR_ARG;
    pthread_mutex_lock(&db->read_mutex);
    rc = read_books(&db->read, c, out);
    if (rc == LAYR_ERR_DB)
        rc = layr_host_error(&db->read);
    pthread_mutex_unlock(&db->read_mutex);
    if (rc == LAYR_ERR_DB || rc == LAYR_ERR_IO)
        layr_diag_set(d, rc, "%s/layr.db cannot be read", db->path);
    if (rc == 0)
        look_at_files(db, c, out);
    return rc;
}
