/*
 * SQLite's way to the disk with fault points in it, in a build with LAYR_FAULTS: sqlite.write and sqlite.sync, whose
 * failures are SQLite's to handle as it does real ones.
 */
#ifndef LAYR_DB_FAULT_VFS_H
#define LAYR_DB_FAULT_VFS_H

#ifdef LAYR_FAULTS
/* For sqlite3_open_v2. */
const char *layr_fault_vfs(void);
#define LAYR_VFS layr_fault_vfs()
#else
#define LAYR_VFS NULL
#endif

#endif
