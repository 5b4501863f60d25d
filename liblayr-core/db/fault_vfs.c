/* SQLite's default VFS with two of its files' methods replaced; empty but in a build for tests. */
#include "db/fault_vfs.h"

#ifdef LAYR_FAULTS

#include <errno.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdlib.h>

#include "base/fault.h"

#define TABLES 8 /* SQLite has one for each way of locking */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static sqlite3_vfs vfs, *real;
static struct {
    const sqlite3_io_methods *real;
    sqlite3_io_methods ours;
} table[TABLES];

static const sqlite3_io_methods *real_of(sqlite3_file *f)
{
    for (int i = 0; i < TABLES; i++)
        if (f->pMethods == &table[i].ours)
            return table[i].real;
    abort();
}

static int on_write(sqlite3_file *f, const void *p, int len, sqlite3_int64 at)
{
    if (LAYR_FAULT("sqlite.write"))
        return errno == ENOSPC ? SQLITE_FULL : SQLITE_IOERR_WRITE;
    return real_of(f)->xWrite(f, p, len, at);
}

static int on_sync(sqlite3_file *f, int flags)
{
    if (LAYR_FAULT("sqlite.sync"))
        return SQLITE_IOERR_FSYNC;
    return real_of(f)->xSync(f, flags);
}

static void replace(sqlite3_file *f)
{
    int i = 0;

    pthread_mutex_lock(&mutex);
    while (i < TABLES && table[i].real != NULL && table[i].real != f->pMethods)
        i++;
    if (i == TABLES)
        abort();
    if (table[i].real == NULL) {
        table[i].ours = *f->pMethods;
        table[i].ours.xWrite = on_write;
        table[i].ours.xSync = on_sync;
        table[i].real = f->pMethods;
    }
    f->pMethods = &table[i].ours;
    pthread_mutex_unlock(&mutex);
}

static int on_open(sqlite3_vfs *v, const char *name, sqlite3_file *f, int flags, int *got)
{
    int rc = real->xOpen(real, name, f, flags, got);

    (void)v;
    if (rc == SQLITE_OK && f->pMethods != NULL)
        replace(f);
    return rc;
}

static void make(void)
{
    real = sqlite3_vfs_find(NULL);
    vfs = *real;
    vfs.pNext = NULL;
    vfs.zName = "layr-fault";
    vfs.xOpen = on_open;
    if (sqlite3_vfs_register(&vfs, 0) != SQLITE_OK)
        abort();
}

const char *layr_fault_vfs(void)
{
    pthread_once(&once, make);
    return vfs.zName;
}

#endif
