/* The system's VFS, but it counts syncs, and its disk can be full or fail. */
#ifndef VOW_TESTS_STORE_FAULT_VFS_H
#define VOW_TESTS_STORE_FAULT_VFS_H

#include <stdbool.h>

struct fault_vfs {
    unsigned syncs;
    long long size_max; /* writes beyond this offset answer SQLITE_FULL; 0 = no limit */
    bool is_full;       /* files stay as long as they are: writes beyond answer SQLITE_FULL, and no room is given */
    int write_errno;    /* writes answer SQLITE_IOERR_WRITE, and the system's error is this; 0 = they do not */
    bool read_fails;    /* reads answer SQLITE_IOERR_READ */
    bool no_syncs;      /* syncs do nothing: for tests that only close and open */
    bool sync_fails;    /* syncs answer SQLITE_IOERR_FSYNC */
    bool checkpoint_sync_fails; /* those of the database, not of the WAL */
    bool is_read_only;          /* writes answer SQLITE_READONLY */
    bool no_shm;                /* no memory is shared, so there is no WAL */
};
extern struct fault_vfs fault_vfs;

/* Registers it; returns its name. */
const char *fault_vfs_register(void);

#endif
