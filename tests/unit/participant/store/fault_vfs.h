/* The system's VFS, but it counts syncs, and its disk can be full or its syncs fail. */
#ifndef VOW_TESTS_STORE_FAULT_VFS_H
#define VOW_TESTS_STORE_FAULT_VFS_H

#include <stdbool.h>

struct fault_vfs {
    unsigned syncs;
    long long size_max; /* writes beyond this offset answer SQLITE_FULL; 0 = no limit */
    bool sync_fails;    /* syncs answer SQLITE_IOERR_FSYNC */
};
extern struct fault_vfs fault_vfs;

/* Registers it; returns its name. */
const char *fault_vfs_register(void);

#endif
