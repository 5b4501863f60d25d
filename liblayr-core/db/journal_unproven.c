/* Shards that were asked for in audits and neither proven nor denied, and since when. */
#include <string.h>

#include "db/journal_db.h"

/* Made by whoever comes first, like the scores. Orders end after 400 days at most, and what a host has is then nobody's. */
#define UNPROVEN_MAX_S (400 * (int64_t)86400)

static int make_table(layr_journal_t *j)
{
    return layr_jdb_run(j,
                        "CREATE TABLE IF NOT EXISTS unproven (host BLOB NOT NULL, shard BLOB NOT NULL,"
                        " since INTEGER NOT NULL, PRIMARY KEY (host, shard)) WITHOUT ROWID",
                        "");
}

/* 1: there are some; else 0 or an error. */
static int has_any(layr_journal_t *j)
{
    int64_t one = 0;

    return layr_jdb_number(j, &one, "SELECT 1 FROM unproven LIMIT 1", "");
}

/* Since it was first seen so, and not from a future that a clock set back has left behind. */
static int note(layr_journal_t *j, layr_unproven_t *u, layr_time_t now)
{
    int64_t since = 0;
    int rc = layr_jdb_number(j, &since, "SELECT since FROM unproven WHERE host = ? AND shard = ?", "kk",
                             u->host, u->shard);

    u->since = rc == 1 && since <= now ? since : now;
    if (rc < 0 || (rc == 1 && since == u->since))
        return rc < 0 ? rc : 0;
    return layr_jdb_run(j, "INSERT OR REPLACE INTO unproven (host, shard, since) VALUES (?, ?, ?)", "kki",
                        u->host, u->shard, (int64_t)u->since);
}

static int take_all(layr_journal_t *j, layr_unproven_t *u, size_t count, layr_time_t now)
{
    int rc = make_table(j), any;

    if (rc == 0)
        rc = layr_jdb_run(j, "DELETE FROM unproven WHERE since < ?", "i", (int64_t)now - UNPROVEN_MAX_S);
    any = rc == 0 ? has_any(j) : rc;
    rc = any < 0 ? any : 0;
    for (size_t i = 0; i < count && rc == 0; i++) {
        u[i].since = 0;
        if (!u[i].answered)
            rc = note(j, &u[i], now);
        else if (any)
            rc = layr_jdb_run(j, "DELETE FROM unproven WHERE host = ? AND shard = ?", "kk", u[i].host,
                              u[i].shard);
    }
    return rc;
}

int layr_journal_unproven(layr_journal_t *j, layr_unproven_t *u, size_t count, layr_time_t now)
{
    int rc = layr_jdb_begin(j, LAYR_JDB_LAZY);

    return rc == 0 ? layr_jdb_end(j, take_all(j, u, count, now)) : rc;
}
